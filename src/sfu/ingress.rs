//! Owns a datagram's way in: whose it is, what it is, and where it goes.

use std::time::Instant;

use bytes::Bytes;

use super::connection::{Pending, Route};
use super::demux::{Kind, classify};
use super::publication::{Refused, Taken};
use super::transport::Refusal;
use super::transport::{TransportEvent, answer_binding};
use super::tuple::Tuple;
use super::ufrag::ufrag_of;
use super::{DropReason, Event, Sfu, twcc};
use crate::limits::{EARLY_DATAGRAM_BYTES_MAX, EARLY_DATAGRAMS_MAX, ROUTES_MAX};
use crate::protocol::SfuState;
use crate::rtp::{Extensions, Header};
use crate::srtp::SrtpError;

impl Sfu {
    /// Takes a datagram: the payload of UDP, or one frame of TCP. It is opened in place.
    pub fn handle_datagram(&mut self, now: Instant, tuple: Tuple, datagram: &mut [u8]) {
        self.now = self.now.max(now);
        let outcome = match classify(datagram) {
            Some(Kind::Rtp) => self.handle_rtp(tuple, datagram),
            Some(Kind::Rtcp) => self.handle_rtcp_datagram(tuple, datagram),
            Some(Kind::Stun) => self.handle_stun(tuple, datagram),
            Some(Kind::Dtls) => self.handle_dtls(tuple, datagram),
            None => Err(DropReason::Unknown),
        };
        if let Err(why) = outcome {
            self.counters.drops.count(why);
        }
    }

    /// A TCP connection is gone.
    pub fn handle_closed(&mut self, now: Instant, tuple: Tuple) {
        self.now = self.now.max(now);
        if let Some(&key) = self.tuples.get(&tuple) {
            if let Some(connection) = &mut self.members[key].connection {
                connection.transport.handle_closed(tuple);
            }
            self.drain_transport(key);
        }
    }

    fn handle_stun(&mut self, tuple: Tuple, datagram: &[u8]) -> Result<(), DropReason> {
        let Some(ufrag) = ufrag_of(datagram) else {
            let answer = answer_binding(datagram, tuple.remote).ok_or(DropReason::BadCheck)?;
            self.control.push_back((tuple, answer.into()));
            return Ok(());
        };
        let key = ufrag.index() as usize;
        let connection = self.members.get_mut(key).and_then(|member| member.connection.as_mut());
        let connection = connection.filter(|connection| connection.is_named(&ufrag)).ok_or(DropReason::BadCheck)?;
        if !connection.checks.take(self.now) {
            return Err(DropReason::Flood);
        }
        let outcome = connection.transport.handle_stun(self.now, datagram, tuple);
        if connection.transport.is_valid(tuple) {
            self.tuples.insert(tuple, key);
            self.take_early(key, tuple);
        }
        self.drain_transport(key);
        outcome.map_err(reason_of)
    }

    fn handle_dtls(&mut self, tuple: Tuple, datagram: &[u8]) -> Result<(), DropReason> {
        let Some(&key) = self.tuples.get(&tuple) else {
            if datagram.len() > EARLY_DATAGRAM_BYTES_MAX {
                return Err(DropReason::Unchecked);
            }
            if self.early.len() >= EARLY_DATAGRAMS_MAX {
                self.early.pop_front();
            }
            self.early.push_back((tuple, Bytes::copy_from_slice(datagram)));
            return Ok(());
        };
        let connection = self.members[key].connection.as_mut().ok_or(DropReason::Unchecked)?;
        if !connection.packets.take(self.now) {
            return Err(DropReason::Flood);
        }
        let outcome = connection.transport.handle_dtls(self.now, datagram, tuple);
        self.drain_transport(key);
        outcome.map_err(reason_of)
    }

    /// What came over a way before the check that proved it.
    fn take_early(&mut self, key: usize, tuple: Tuple) {
        if self.early.iter().all(|(early, _)| *early != tuple) {
            return;
        }
        let (own, others) = std::mem::take(&mut self.early).into_iter().partition(|(early, _)| *early == tuple);
        self.early = others;
        let Some(connection) = &mut self.members[key].connection else { return };
        for (_, datagram) in own {
            // A refused one the client will send again.
            let _ = connection.transport.handle_dtls(self.now, &datagram, tuple);
        }
    }

    /// Takes over what a transport has to send, and what happened on it.
    pub(super) fn drain_transport(&mut self, key: usize) {
        let Some(member) = self.members.get_mut(key) else { return };
        let (participant, room) = (member.participant, member.room);
        let Some(connection) = &mut member.connection else { return };
        while let Some(transmit) = connection.transport.poll_transmit() {
            self.control.push_back(transmit);
        }
        let revision = connection.revision;
        let (mut is_over, mut is_connected) = (false, false);
        while let Some(event) = connection.transport.poll_event() {
            let state = match event {
                TransportEvent::Connected { .. } => {
                    connection.is_connected = true;
                    is_connected = true;
                    connection.next_allocation = self.now;
                    SfuState::Connected
                }
                TransportEvent::Selected(tuple) => {
                    self.tuples.insert(tuple, key);
                    continue;
                }
                TransportEvent::Dropped(tuple) => {
                    self.tuples.remove(&tuple);
                    continue;
                }
                TransportEvent::DataOpen(open) => {
                    self.events.push_back(Event::DataOpen { participant, open });
                    continue;
                }
                TransportEvent::Data { binary, payload } => {
                    self.events.push_back(Event::Data { participant, binary, payload });
                    continue;
                }
                // A restart may bring it back: the connection stays until the client replaces it or goes.
                TransportEvent::Failed(_) => SfuState::Failed,
                TransportEvent::Closed => {
                    is_over = true;
                    SfuState::Closed
                }
            };
            self.events.push_back(Event::State { participant, revision, state });
        }
        if is_over {
            self.disconnect(key);
        } else if is_connected {
            self.assign_room(room);
        }
    }

    fn handle_rtp(&mut self, tuple: Tuple, packet: &mut [u8]) -> Result<(), DropReason> {
        let &key = self.tuples.get(&tuple).ok_or(DropReason::Unchecked)?;
        let now = self.now;
        let member = &mut self.members[key];
        let connection = member.connection.as_mut().ok_or(DropReason::Unchecked)?;
        if !connection.packets.take(now) {
            return Err(DropReason::Flood);
        }
        let receiver = connection.transport.receiver_mut().ok_or(DropReason::Unchecked)?;
        let opened = receiver.unprotect_rtp(packet).map_err(srtp_reason)?;
        let size = packet.len();
        let packet = &packet[..opened.len];
        let header = Header::parse(packet).map_err(|_| DropReason::Malformed)?;
        let payload = &packet[header.payload(packet).map_err(|_| DropReason::Malformed)?];
        let extensions = Extensions::read(packet, &header, &connection.extensions);
        if let Some(sequence) = extensions.transport_sequence {
            connection.arrivals.get_or_insert_with(|| Box::new(twcc::Receiver::new(now))).note(now, sequence);
        }
        self.counters.packets_in += 1;
        self.counters.bytes_in += size as u64;
        let route = match connection.routes.get(&header.ssrc) {
            Some(route) => *route,
            None => self.find_route(key, &header, &extensions).ok_or(DropReason::UnknownSource)?,
        };
        let (header, payload, restored) = match route.is_rtx {
            false => (header, payload, None),
            true => {
                // RFC 4588 section 4: the original number stands before the payload. Without one it is only padding.
                let Some((number, rest)) = payload.split_first_chunk::<2>() else { return Ok(()) };
                let number = u16::from_be_bytes(*number);
                (self.restored_header(route, header, number)?, rest, Some(number))
            }
        };
        let publication = self.publications.get_mut(route.publication).ok_or(DropReason::UnknownSource)?;
        let before = publication.codec();
        let taken = publication.handle_packet(now, route.layer, &header, &extensions, payload, restored);
        let Taken { sequence, lost_track } = match taken {
            Ok(taken) => taken,
            Err(Refused::Duplicate) => return Err(DropReason::Replayed),
            Err(Refused::Stray | Refused::Payload | Refused::PayloadType) => return Err(DropReason::Malformed),
        };
        self.media_at = Some(now);
        if lost_track {
            publication.ask_keyframe(now, route.layer as u8);
        }
        if let Some(voice) = publication.voice {
            let level = extensions.carried.audio_level.map(|level| level.level);
            let room = self.members[key].room;
            self.rooms[room].speakers.note(now, voice, level, payload.len());
        }
        let publication = &self.publications[route.publication];
        for subscriber in publication.subscribers.iter().filter(|subscriber| subscriber.layers >> route.layer & 1 != 0) {
            let Some(connection) = self.members[subscriber.member].connection.as_mut() else { continue };
            connection.pending.push(Pending::Fresh {
                slot: subscriber.slot as u16,
                layer: route.layer as u8,
                publication: route.publication as u32,
                sequence,
            });
            if !std::mem::replace(&mut connection.is_dirty, true) {
                self.dirty.push(subscriber.member);
            }
        }
        if before != publication.codec() {
            self.handle_other_codec(route.publication);
        }
        Ok(())
    }

    /// The head of the packet that a retransmission restores.
    fn restored_header(&self, route: Route, header: Header, number: u16) -> Result<Header, DropReason> {
        let publication = self.publications.get(route.publication).ok_or(DropReason::UnknownSource)?;
        let payload_type = publication.restored_payload_type(header.payload_type).ok_or(DropReason::Malformed)?;
        Ok(Header { payload_type, sequence: number, ..header })
    }

    /// Where the packets of an SSRC go that was not seen before: by the section and encoding that it names, or by its payload type.
    fn find_route(&mut self, key: usize, header: &Header, extensions: &Extensions<'_>) -> Option<Route> {
        let connection = self.members[key].connection.as_mut()?;
        if connection.routes.len() >= ROUTES_MAX {
            return None;
        }
        let own = connection.publications.iter().filter_map(|key| Some((*key, self.publications.get(*key)?)));
        let (publication, is_rtx) = own
            .filter(|(_, publication)| extensions.mid.is_empty() || publication.mid.as_bytes() == extensions.mid)
            .find_map(|(key, publication)| Some((key, publication.takes(header.payload_type)?)))?;
        let layers = &mut self.publications[publication].layers;
        let rid = if is_rtx && !extensions.repaired_rid.is_empty() { extensions.repaired_rid } else { extensions.rid };
        let layer = match layers.len() {
            1 => 0,
            _ => layers.iter().position(|layer| layer.rid.as_bytes() == rid)?,
        };
        if extensions.mid.is_empty() && layers[layer].ssrc.is_some() && !is_rtx {
            // Without a name it may be any section of its kind: not one that has a stream already.
            return None;
        }
        let route = Route { publication, layer, is_rtx };
        if !is_rtx {
            layers[layer].ssrc = Some(header.ssrc);
        }
        connection.routes.insert(header.ssrc, route);
        Some(route)
    }

    /// A publication has changed its codec: its slots look again whether they can carry it.
    fn handle_other_codec(&mut self, key: usize) {
        let publication = &self.publications[key];
        for subscriber in &publication.subscribers {
            let Some(connection) = self.members[subscriber.member].connection.as_mut() else { continue };
            connection.slots[subscriber.slot].check_codec(publication);
            connection.slots_changed = true;
            connection.next_allocation = self.now;
        }
    }
}

/// Why a transport refused a datagram, for the operator.
fn reason_of(refusal: Refusal) -> DropReason {
    match refusal {
        Refusal::Malformed | Refusal::Unproved | Refusal::RoleConflict => DropReason::BadCheck,
        Refusal::UnknownTuple | Refusal::Closed => DropReason::Unchecked,
        Refusal::TooMuch | Refusal::Dtls => DropReason::BadDtls,
    }
}

pub(super) fn srtp_reason(error: SrtpError) -> DropReason {
    match error {
        SrtpError::Unauthentic => DropReason::Forged,
        SrtpError::Replayed => DropReason::Replayed,
        SrtpError::TooManySources => DropReason::UnknownSource,
        SrtpError::Malformed | SrtpError::Exhausted => DropReason::Malformed,
    }
}
