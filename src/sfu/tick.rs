//! Owns what time brings: timers of transports, feedback to publishers, reports, and what each subscriber can be given.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::allocation::{LayerRate, Wish, allocate};
use super::keyframe::Ask;
use super::probe::Pace;
use super::publication::Publication;
use super::quality::{Announcement, QUALITY_INTERVAL, QualitySample};
use super::transport::Transport;
use super::tuple::Tuple;
use super::twcc::Outcome;
use super::{Event, Sfu};
use crate::limits::RTCP_BYTES_MAX;
use crate::protocol::SectionState;
use crate::rtp::rtcp::{Report, Writer};

/// How often time is looked at while media flows, and while only transports are kept alive.
const TICK_BUSY: Duration = Duration::from_millis(10);
const TICK_IDLE: Duration = Duration::from_millis(100);

/// After this without media the slower tick does.
const BUSY_FOR: Duration = Duration::from_secs(2);

/// How often reports go out (RFC 3550 section 6.2 allows less for few members; lip sync and round trips want them soon).
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// How often a subscriber's bandwidth is shared out, besides when its slots change.
const ALLOCATION_INTERVAL: Duration = Duration::from_millis(200);

/// Bits per second kept for each voice.
const VOICE_BPS: u64 = 60_000;

/// What RTCP may have before it is protected, and what a sender report with its name needs of it.
const RTCP_ROOM: usize = RTCP_BYTES_MAX - crate::srtp::RTCP_OVERHEAD_MAX;
const REPORT_ROOM: usize = 100;

/// Buffers that are used again and again.
#[derive(Default)]
pub(super) struct Scratch {
    pub(super) outcomes: Vec<Outcome>,
    sequences: Vec<u16>,
    reports: Vec<Report>,
    rates: Vec<LayerRate>,
    /// Which layer each of the rates is of.
    rated: Vec<u8>,
}

impl Sfu {
    /// Lets time pass to `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = self.now.max(now);
        if self.next_tick.is_some_and(|due| due <= self.now) {
            self.next_tick = None;
            self.tick();
        }
        self.plan_tick();
    }

    pub(super) fn plan_tick(&mut self) {
        if self.next_tick.is_some() {
            return;
        }
        let is_busy = self.media_at.is_some_and(|at| self.now.saturating_duration_since(at) < BUSY_FOR);
        let has_connection = self.members.iter().any(|(_, member)| member.connection.is_some());
        self.next_tick = has_connection.then(|| self.now + if is_busy { TICK_BUSY } else { TICK_IDLE });
    }

    fn tick(&mut self) {
        let keys: Vec<usize> =
            self.members.iter().filter(|(_, member)| member.connection.is_some()).map(|(key, _)| key).collect();
        for key in &keys {
            if let Some(connection) = self.members[*key].connection.as_mut()
                && connection.transport.poll_timeout().is_some_and(|due| due <= self.now)
            {
                connection.transport.handle_timeout(self.now);
            }
            self.drain_transport(*key);
        }
        self.hear_rooms();
        // Before the first packet of another sender is asked for: the page covers a picture until it knows whose it is.
        self.tell_changes();
        for key in &keys {
            self.allocate_member(*key);
        }
        for key in &keys {
            self.probe_member(*key);
            self.judge_member(*key);
        }
        for key in &keys {
            self.ask_keyframes(*key);
            self.choose_asked(*key);
        }
        for key in &keys {
            self.report_member(*key);
        }
        self.tell_changes();
    }

    /// Who speaks, room by room.
    fn hear_rooms(&mut self) {
        let now = self.now;
        let due: Vec<usize> = self
            .rooms
            .iter()
            .filter(|(_, room)| room.speakers.poll_timeout().is_some_and(|due| due <= now))
            .map(|(key, _)| key)
            .collect();
        for key in due {
            let room = &mut self.rooms[key];
            let changed = room.speakers.handle_timeout(now);
            if changed.speakers {
                let participant = |key: &usize| self.publications.get(*key).map(|publication| publication.participant);
                let dominant = room.speakers.dominant().and_then(|key| participant(&key));
                let mut speaking: Vec<_> = room.speakers.speaking().iter().filter_map(participant).collect();
                speaking.sort_unstable();
                speaking.dedup();
                if room.told != (dominant, speaking.clone()) {
                    room.told = (dominant, speaking.clone());
                    self.events.push_back(Event::Speakers { room: room.name.clone(), dominant, speaking });
                }
            }
            if changed.loudest {
                self.assign_room(key);
            }
        }
    }

    /// Shares out what a member's link can carry.
    fn allocate_member(&mut self, key: usize) {
        let now = self.now;
        let member = &mut self.members[key];
        let dominant = self.rooms[member.room].told.0;
        let Some(connection) = member.connection.as_mut().filter(|connection| connection.is_connected) else { return };
        if connection.next_allocation > now {
            return;
        }
        connection.next_allocation = now + ALLOCATION_INTERVAL;
        let (rates, rated) = (&mut self.scratch.rates, &mut self.scratch.rated);
        rates.clear();
        rated.clear();
        // Slots in the order of what the member shows, each with where its layers stand among the rates.
        let mut shown = Vec::with_capacity(connection.slots.len());
        for wanted in &member.view {
            let at = connection.slots.iter().position(|slot| {
                let publication = slot.carries.and_then(|key| self.publications.get(key));
                slot.is_video
                    && publication.is_some_and(|publication| {
                        (publication.participant, publication.source) == (wanted.participant, wanted.source)
                    })
            });
            let Some(slot) = at else { continue };
            let publication = connection.slots[slot].carries.expect("found by what it carries");
            let first = rates.len();
            for (layer, lines, bitrate) in self.publications[publication].layer_rates(now) {
                rates.push(LayerRate { lines, bitrate });
                rated.push(layer);
            }
            shown.push((slot, *wanted, first..rates.len()));
        }
        let wishes: Vec<Wish<'_, usize>> = shown
            .iter()
            .map(|(slot, wanted, layers)| Wish {
                key: *slot,
                is_first: wanted.pinned || Some(wanted.participant) == dominant,
                lines: wanted.height.min(wanted.width),
                layers: &rates[layers.clone()],
            })
            .collect();
        let voices = connection.slots.iter().filter(|slot| !slot.is_video && slot.carries.is_some()).count() as u64;
        let reserve = voices * VOICE_BPS;
        let wanted = wishes.iter().filter_map(|wish| Some(wish.layers[wish.wanted()?].bitrate));
        connection.wanted_bps = reserve + wanted.sum::<u64>();
        connection.estimate.set_wanted(now, connection.wanted_bps);
        allocate(now, connection.estimate.bps(), reserve, &wishes, &mut connection.shares);
        let mut changed = false;
        for share in &connection.shares {
            let Some((_, wanted, layers)) = shown.iter().find(|(slot, ..)| *slot == share.key) else { continue };
            let slot = &mut connection.slots[share.key];
            let layer = share.layer.and_then(|layer| rated.get(layers.start + usize::from(layer))).copied();
            if slot.layer() != layer {
                connection.slots_changed |= slot.set_layer(layer);
                changed = true;
            }
            // Held back by what comes, not by this member's link: then more is welcome.
            let Some(layer) = layer else { continue };
            let Some(publication) = slot.carries.and_then(|key| self.publications.get_mut(key)) else { continue };
            let more = if share.is_deficient { 0 } else { publication.layers_for(layer, wanted.height.min(wanted.width)) };
            let own = publication.subscribers.iter_mut().find(|own| (own.member, own.slot) == (key, share.key));
            if let Some(own) = own {
                own.wants = more;
            }
        }
        if changed {
            for slot in 0..self.members[key].connection.as_ref().map_or(0, |connection| connection.slots.len()) {
                self.note_layers(key, slot);
            }
        }
    }

    /// Learns whether a member's link carries more than is known.
    fn probe_member(&mut self, key: usize) {
        let Some(connection) = self.members[key].connection.as_mut().filter(|connection| connection.is_connected) else { return };
        if connection.pace.is_none() {
            connection.pace = connection.estimate.poll_probe(self.now).map(|probe| Pace::new(self.now, probe));
        }
        if connection.pace.is_some() && !std::mem::replace(&mut connection.is_dirty, true) {
            self.dirty.push(key);
        }
    }

    /// How well a member's media gets through, now and then.
    fn judge_member(&mut self, key: usize) {
        let now = self.now;
        let member = &mut self.members[key];
        let Some(connection) = member.connection.as_mut().filter(|connection| connection.is_connected) else { return };
        if connection.next_quality > now {
            return;
        }
        connection.next_quality = now + QUALITY_INTERVAL;
        let (loss, jitter) = std::mem::take(&mut connection.reported);
        let deficient = connection.shares.iter().filter(|share| share.is_deficient).count();
        let sample = QualitySample {
            loss,
            round_trip: connection.round_trip.value().unwrap_or_default(),
            jitter,
            estimate_bps: connection.estimate.bps(),
            wanted_bps: connection.wanted_bps,
            layers_missing: deficient as f32 / connection.shares.len().max(1) as f32,
        };
        if let Some(Announcement { score, reasons }) = connection.quality.handle_sample(now, &sample) {
            self.events.push_back(Event::Quality { participant: member.participant, score, reasons });
        }
    }

    /// Slots that wait for a keyframe.
    fn ask_keyframes(&mut self, key: usize) {
        let Some(connection) = &self.members[key].connection else { return };
        for slot in &connection.slots {
            if let (Some(layer), Some(publication)) = (slot.needs_keyframe(), slot.carries)
                && let Some(publication) = self.publications.get_mut(publication)
            {
                // What does not come yet, or never, is begun without.
                let first = publication.live_below(self.now, layer).filter(|_| slot.current().is_none());
                let layer = first.filter(|_| !publication.is_live(self.now, layer)).unwrap_or(layer);
                publication.ask_keyframe(self.now, layer);
            }
        }
    }

    /// What is wanted of what a member sends.
    fn choose_asked(&mut self, key: usize) {
        let Some(connection) = &mut self.members[key].connection else { return };
        for publication in &connection.publications {
            if let Some(publication) = self.publications.get_mut(*publication) {
                connection.sends_changed |= publication.poll_asked(self.now).is_some();
            }
        }
    }

    /// RTCP to a member: what its own streams lack, how they arrive, and reports of what it gets.
    fn report_member(&mut self, key: usize) {
        let (now, unix) = (self.now, self.unix());
        let Some(connection) = self.members[key].connection.as_mut().filter(|connection| connection.is_connected) else { return };
        let Some(tuple) = connection.transport.selected() else { return };
        let own = connection.ssrc;
        let mut packet = [0; RTCP_BYTES_MAX];
        let mut out = RtcpOut { tuple, control: &mut self.control };
        let transport = &mut connection.transport;
        let mut writer = Writer::new(&mut packet[..RTCP_ROOM]);
        if connection.next_report <= now {
            connection.next_report = now + REPORT_INTERVAL;
            let reports = &mut self.scratch.reports;
            reports.clear();
            for publication in &connection.publications {
                let Some(publication) = self.publications.get_mut(*publication) else { continue };
                reports.extend(publication.layers.iter_mut().filter_map(|layer| report(now, layer)));
            }
            writer.receiver_report(own, reports);
            writer.description(own, &connection.cname);
            for slot in &mut connection.slots {
                let Some(publication) = slot.carries.and_then(|key| self.publications.get(key)) else { continue };
                let layer = slot.current().map_or(0, usize::from).min(publication.layers.len() - 1);
                let moment = publication.layers[layer].moment;
                let source = moment.and_then(|moment| Some((moment, slot.timestamp_offset()?)));
                if let Some(info) = slot.reports.sender_info(now, unix, source) {
                    if writer.len() > RTCP_ROOM - REPORT_ROOM {
                        let len = writer.len();
                        out.send(transport, &mut packet, len);
                        writer = Writer::new(&mut packet[..RTCP_ROOM]);
                    }
                    writer.sender_report(&info, &[]);
                    writer.description(info.ssrc, &connection.cname);
                }
            }
        }
        for publication in &connection.publications {
            let Some(publication) = self.publications.get_mut(*publication) else { continue };
            for layer in &mut publication.layers {
                let Some(ssrc) = layer.ssrc else { continue };
                let sequences = &mut self.scratch.sequences;
                sequences.clear();
                layer.nacks.poll(now, sequences);
                self.counters.lost_in += layer.nacks.poll_given_up();
                if writer.len() > RTCP_ROOM / 2 {
                    let len = writer.len();
                    out.send(transport, &mut packet, len);
                    writer = Writer::new(&mut packet[..RTCP_ROOM]);
                }
                if !sequences.is_empty() {
                    self.counters.nacks_out += sequences.len() as u64;
                    writer.nack(own, ssrc, sequences);
                }
                match layer.keyframes.poll(now) {
                    Some(Ask::Pli) => {
                        self.counters.plis_out += 1;
                        writer.pli(own, ssrc);
                    }
                    Some(Ask::Fir(number)) => {
                        self.counters.plis_out += 1;
                        writer.fir(own, ssrc, number);
                    }
                    None => {}
                }
            }
        }
        if writer.len() > RTCP_ROOM / 2 {
            let len = writer.len();
            out.send(transport, &mut packet, len);
            writer = Writer::new(&mut packet[..RTCP_ROOM]);
        }
        // libwebrtc takes feedback about the transport only where it names a stream of its own.
        let streams = connection.publications.iter().filter_map(|key| self.publications.get(*key));
        let named = streams.flat_map(|publication| &publication.layers).find_map(|layer| layer.ssrc);
        if let (Some(arrivals), Some(named)) = (&mut connection.arrivals, named) {
            while let Some(len) = arrivals.write(now, own, named, writer.room()) {
                writer.advance(len);
            }
        }
        let len = writer.len();
        out.send(transport, &mut packet, len);
    }
}

/// Where RTCP to one member goes.
struct RtcpOut<'a> {
    tuple: Tuple,
    control: &'a mut VecDeque<(Tuple, Bytes)>,
}

impl RtcpOut<'_> {
    /// Sends the first `len` bytes, a compound of their own.
    fn send(&mut self, transport: &mut Transport, packet: &mut [u8], len: usize) {
        if len > 0
            && let Some(sender) = transport.sender_mut()
            && let Ok(len) = sender.protect_rtcp(packet, len)
        {
            self.control.push_back((self.tuple, Bytes::copy_from_slice(&packet[..len])));
        }
    }
}

/// The report block of one layer, with what its last sender report was.
fn report(now: Instant, layer: &mut super::publication::Layer) -> Option<Report> {
    let ssrc = layer.ssrc?;
    let report = layer.reception.report()?;
    let (last, delay) = layer.sender_report.map_or((0, 0), |(middle, at)| {
        let delay = now.saturating_duration_since(at).as_micros() * 65_536 / 1_000_000;
        (middle, u32::try_from(delay).unwrap_or(u32::MAX))
    });
    Some(Report {
        ssrc,
        fraction_lost: report.fraction_lost,
        lost: report.cumulative_lost,
        highest: report.highest_sequence,
        jitter: report.jitter,
        last_sender_report: last,
        delay,
    })
}

/// What is wanted of a sending section, for who sends it.
pub(super) fn section_state(publication: &Publication) -> SectionState {
    let asked = publication.asked();
    let named = publication.layers.iter().enumerate().filter(|(_, layer)| !layer.rid.is_empty());
    let active = named.filter(|(at, _)| asked >> at & 1 != 0).map(|(_, layer)| layer.rid.clone()).collect();
    SectionState { mid: publication.mid.clone(), paused: asked == 0, active }
}
