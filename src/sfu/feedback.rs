//! Owns RTCP that comes in: what publishers say of what they send, and subscribers of what they get.

use std::time::Duration;

use super::connection::Pending;
use super::ingress::srtp_reason;
use super::reports::Moment;
use super::tuple::Tuple;
use super::{DropReason, Sfu};
use crate::limits::NACKED_MAX;
use crate::rtp::rtcp::{Nack, Reports, Rtcp, SenderInfo, walk};

impl Sfu {
    pub(super) fn handle_rtcp_datagram(&mut self, tuple: Tuple, datagram: &mut [u8]) -> Result<(), DropReason> {
        let &key = self.tuples.get(&tuple).ok_or(DropReason::Unchecked)?;
        let connection = self.members[key].connection.as_mut().ok_or(DropReason::Unchecked)?;
        if !connection.packets.take(self.now) {
            return Err(DropReason::Flood);
        }
        let receiver = connection.transport.receiver_mut().ok_or(DropReason::Unchecked)?;
        let len = receiver.unprotect_rtcp(datagram).map_err(srtp_reason)?;
        for packet in walk(&datagram[..len]) {
            match packet.map_err(|_| DropReason::Malformed)? {
                Rtcp::SenderReport(info, reports) => {
                    self.handle_sender_report(key, &info);
                    self.handle_reports(key, reports);
                }
                Rtcp::ReceiverReport(_, reports) => self.handle_reports(key, reports),
                Rtcp::Nack(nack) => self.handle_nack(key, &nack),
                Rtcp::Pli(ssrc) => self.handle_keyframe_request(key, ssrc),
                Rtcp::Fir(fir) => fir.entries().for_each(|(ssrc, _)| self.handle_keyframe_request(key, ssrc)),
                Rtcp::Transport(feedback) => {
                    let outcomes = &mut self.scratch.outcomes;
                    outcomes.clear();
                    if let Some(connection) = &mut self.members[key].connection {
                        connection.history.handle_feedback(&feedback, outcomes);
                        connection.estimate.handle_outcomes(self.now, outcomes);
                        connection.next_allocation = self.now;
                    }
                }
                Rtcp::Remb(bps) => {
                    if let Some(connection) = &mut self.members[key].connection {
                        connection.estimate.handle_remb(self.now, bps);
                    }
                }
                Rtcp::Bye(_) | Rtcp::Other(_) => {}
            }
        }
        Ok(())
    }

    fn handle_sender_report(&mut self, key: usize, info: &SenderInfo) {
        let (now, unix) = (self.now, self.unix());
        let Some(connection) = &mut self.members[key].connection else { return };
        let Some(route) = connection.routes.get(&info.ssrc).filter(|route| !route.is_rtx) else { return };
        let Some(publication) = self.publications.get_mut(route.publication) else { return };
        let layer = &mut publication.layers[route.layer];
        layer.moment = Some(Moment::of(info, &mut connection.wallclock, unix));
        layer.sender_report = Some(((info.ntp >> 16) as u32, now));
    }

    fn handle_reports(&mut self, key: usize, reports: Reports<'_>) {
        let now = self.now;
        let Some(connection) = &mut self.members[key].connection else { return };
        for report in reports {
            let Some(slot) = connection.slots.iter_mut().find(|slot| slot.ssrc == report.ssrc) else { continue };
            let heard = slot.reports.handle_report(now, &report);
            self.counters.lost_out += (f64::from(heard.loss) * f64::from(heard.expected)).round() as u64;
            connection.estimate.handle_loss(now, heard.loss, heard.expected);
            connection.reported = (connection.reported.0.max(heard.loss), connection.reported.1.max(heard.jitter));
            if let Some(round_trip) = heard.round_trip {
                connection.round_trip.note(round_trip);
            }
        }
        let round_trip = connection.round_trip.value();
        if let Some(round_trip) = round_trip {
            for publication in &connection.publications {
                let Some(publication) = self.publications.get_mut(*publication) else { continue };
                for layer in &mut publication.layers {
                    layer.keyframes.set_rtt(round_trip);
                    layer.nacks.set_rtt(round_trip.max(Duration::from_millis(1)));
                }
            }
        }
    }

    fn handle_nack(&mut self, key: usize, nack: &Nack<'_>) {
        let Some(connection) = &mut self.members[key].connection else { return };
        let Some(slot) = connection.slots.iter().position(|slot| slot.ssrc == nack.media) else { return };
        for sequence in nack.sequences() {
            self.counters.nacks_in += 1;
            if connection.pending.len() >= NACKED_MAX {
                break;
            }
            connection.pending.push(Pending::Again { slot: slot as u16, sequence });
        }
        if !connection.pending.is_empty() && !std::mem::replace(&mut connection.is_dirty, true) {
            self.dirty.push(key);
        }
    }

    fn handle_keyframe_request(&mut self, key: usize, ssrc: u32) {
        let now = self.now;
        let Some(connection) = &mut self.members[key].connection else { return };
        let Some(slot) = connection.slots.iter_mut().find(|slot| slot.ssrc == ssrc) else { return };
        let (Some(layer), Some(publication)) = (slot.current().or(slot.layer()), slot.carries) else { return };
        self.counters.plis_in += 1;
        if slot.budget.take(now)
            && let Some(publication) = self.publications.get_mut(publication)
        {
            let layer = if publication.layers.len() == 1 { 0 } else { layer };
            publication.ask_keyframe(now, layer);
        }
    }
}
