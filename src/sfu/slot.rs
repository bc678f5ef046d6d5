//! Owns one receive slot: what it carries, and the packets that it makes of its publication's.

use std::time::{Duration, Instant};

use super::keyframe::RequestBudget;
use super::layer::{Decision, Selector, Shape, Why};
use super::outbound::Outbound;
use super::pacer::RetransmissionBudget;
use super::publication::Publication;
use super::reports::Outgoing;
use super::tuple::Tuple;
use super::twcc::{ClusterId, History};
use crate::protocol::{SlotStanding, SlotState};
use crate::rtp::{
    Envelope, Extender, Extension, ExtensionIds, Packet, Patch, Rewriter, Rewritten, Start, Target, Written, header_len_max,
};
use crate::sdp;
use crate::srtp::{RTP_OVERHEAD_MAX, Sender};

/// Bytes by which a packet may be lengthened to be as long as those before it, so that one call sends them: libwebrtc cuts frames
/// into pieces that differ by a byte.
const LEVEL_BYTES_MAX: usize = 3;

/// A packet that was sent again is not sent a third time within this; a receiver asks each round trip.
const AGAIN_AFTER: Duration = Duration::from_millis(40);
const AGAIN_REMEMBERED: usize = 64;

/// All temporal layers.
const WHOLE: u8 = Target::TEMPORAL_MAX;

/// What a slot sends with: the parts of its connection that all slots share.
pub(super) struct Way<'a> {
    pub(super) tuple: Tuple,
    pub(super) sender: &'a mut Sender,
    pub(super) ids: &'a ExtensionIds,
    pub(super) history: &'a mut History,
    pub(super) repeats: &'a mut RetransmissionBudget,
    pub(super) out: &'a mut Outbound,
}

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It went out, with so many bytes.
    Sent(usize),
    /// It was left out, on purpose.
    Dropped(Why),
    /// It is gone, was there before, or could not be written.
    Lost,
}

/// One receiving section of a member's peer connection.
pub(super) struct Slot {
    pub(super) mid: String,
    pub(super) is_video: bool,
    pub(super) ssrc: u32,
    /// Of retransmissions, where the member knows them.
    pub(super) rtx_ssrc: u32,
    formats: Vec<sdp::Format>,
    /// The last offer had it; else it is left empty.
    pub(super) is_open: bool,
    /// The publication that it carries.
    pub(super) carries: Option<usize>,
    /// The member cannot decode its codec.
    is_unsupported: bool,
    /// There is no bandwidth for it.
    is_paused: bool,
    selector: Selector,
    rewriter: Rewriter,
    /// What is sent, extended: the upper bits count the rounds for SRTP.
    sequences: Extender,
    rtx_sequence: u64,
    pub(super) reports: Outgoing,
    pub(super) budget: RequestBudget,
    again: Vec<(u16, Instant)>,
}

impl Slot {
    pub(super) fn new(section: &sdp::Section, ssrc: u32, rtx_ssrc: u32, start: Start) -> Self {
        let is_video = section.kind == sdp::Kind::Video;
        let clock_rate_hz = if is_video { 90_000 } else { 48_000 };
        Self {
            mid: section.mid.clone(),
            is_video,
            ssrc,
            rtx_ssrc,
            formats: section.formats.clone(),
            is_open: true,
            carries: None,
            is_unsupported: false,
            is_paused: false,
            selector: Selector::new(Shape::Simulcast),
            rewriter: Rewriter::new(clock_rate_hz, start),
            sequences: Extender::new(16),
            rtx_sequence: 0,
            reports: Outgoing::new(ssrc, clock_rate_hz),
            budget: RequestBudget::default(),
            again: Vec::new(),
        }
    }

    /// Carries another publication from here on, or none.
    pub(super) fn carry(&mut self, publication: Option<(usize, &Publication)>) {
        self.rewriter.leave_sender();
        self.again.clear();
        self.carries = publication.map(|(key, _)| key);
        self.selector.set_target(None);
        self.selector.reset(publication.map_or(Shape::Simulcast, |(_, publication)| publication.shape()));
        self.is_paused = false;
        self.is_unsupported = publication.is_some_and(|(_, publication)| self.format_for(publication).is_none());
        if publication.is_some() && !self.is_video {
            self.selector.set_target(Some(Target { spatial: 0, temporal: WHOLE }));
        }
    }

    /// The codec of its publication is another one.
    pub(super) fn check_codec(&mut self, publication: &Publication) {
        self.is_unsupported = self.format_for(publication).is_none();
    }

    fn format_for(&self, publication: &Publication) -> Option<&sdp::Format> {
        let sent = publication.codec()?;
        self.formats.iter().find(|format| sent.matches(format.codec))
    }

    /// Which layer is wanted from now on; none to pause. True when the member is to be told of a pause or its end.
    pub(super) fn set_layer(&mut self, layer: Option<u8>) -> bool {
        let was_paused = std::mem::replace(&mut self.is_paused, layer.is_none());
        let wanted = layer.filter(|_| !self.is_unsupported);
        self.selector.set_target(wanted.map(|spatial| Target { spatial, temporal: WHOLE }));
        was_paused != self.is_paused
    }

    /// The layer wanted.
    pub(super) fn layer(&self) -> Option<u8> {
        self.selector.target().map(|target| target.spatial)
    }

    /// The layer forwarded.
    pub(super) fn current(&self) -> Option<u8> {
        self.selector.current().map(|current| current.spatial)
    }

    /// Bit by layer of its publication: what it forwards, and what it waits for on the way to what is wanted.
    pub(super) fn layers(&self, shape: Shape) -> u8 {
        let Some(target) = self.layer() else { return 0 };
        match (shape, self.current()) {
            (Shape::Scalable, _) => 1,
            // All in between: any of them is nearer.
            (Shape::Simulcast, current) => {
                let (low, high) = (current.unwrap_or(0).min(target), current.unwrap_or(target).max(target));
                (low..=high).fold(0, |layers, layer| layers | 1 << layer.min(7))
            }
        }
    }

    /// The layer of which it needs a keyframe, if it needs one.
    pub(super) fn needs_keyframe(&self) -> Option<u8> {
        self.selector.needs_keyframe().filter(|_| self.is_video && self.carries.is_some())
    }

    /// What the member is told of it, while it carries something.
    pub(super) fn state(&self, publication: &Publication) -> SlotState {
        let state = match (self.is_unsupported, self.is_paused) {
            (true, _) => SlotStanding::Unsupported,
            (false, true) => SlotStanding::Paused,
            (false, false) => SlotStanding::Live,
        };
        SlotState { mid: self.mid.clone(), participant: publication.participant, source: publication.source, state }
    }

    /// What the rewriting adds to timestamps of the layer forwarded.
    pub(super) fn timestamp_offset(&self) -> Option<u32> {
        self.rewriter.timestamp(0)
    }

    /// Forwards a packet of its publication, if it is one for this slot. There must be room for a datagram in `way.out`.
    pub(super) fn forward(
        &mut self,
        now: Instant,
        publication: &Publication,
        layer: u8,
        sequence: u64,
        way: &mut Way<'_>,
    ) -> Outcome {
        let Some(source) = publication.layers.get(usize::from(layer)) else { return Outcome::Lost };
        let Some(packet) = source.cache.get(sequence) else { return Outcome::Lost };
        let Some(payload_type) = self.payload_type(publication, packet.meta.payload_type) else {
            return Outcome::Lost;
        };
        let (begins, marker) = match self.selector.select(layer, packet.meta) {
            Decision::Forward { begins, marker } => (begins, marker),
            Decision::Drop(why) => {
                if let Some(rewritten) = self.rewriter.leave_out(now, layer, packet.meta) {
                    self.send(now, &rewritten, None, payload_type, way);
                }
                return Outcome::Dropped(why);
            }
        };
        if begins {
            let aligned = self.align(publication, layer, packet.meta.timestamp);
            if self.rewriter.begin(now, layer, packet.meta, aligned).is_err() {
                self.selector.undo();
                return Outcome::Dropped(Why::NoKeyframe);
            }
        }
        match self.rewriter.next(now, layer, packet.meta, marker) {
            Some(rewritten) => self.send(now, &rewritten, Some(&packet), payload_type, way),
            None => Outcome::Lost,
        }
    }

    /// A timestamp of one layer in the clock of the layer forwarded so far, where both have had a sender report.
    fn align(&self, publication: &Publication, layer: u8, timestamp: u32) -> Option<u32> {
        let former = publication.layers.get(usize::from(self.rewriter.layer()?))?.moment?;
        let moment = publication.layers.get(usize::from(layer))?.moment?;
        Some(moment.align(&former, timestamp, if self.is_video { 90_000 } else { 48_000 }))
    }

    fn payload_type(&self, publication: &Publication, sent: u8) -> Option<u8> {
        let sent = publication.formats.iter().find(|format| format.payload_type == sent)?;
        self.formats.iter().find(|format| sent.codec.matches(format.codec)).map(|format| format.payload_type)
    }

    fn send(
        &mut self,
        now: Instant,
        rewritten: &Rewritten,
        packet: Option<&Packet<'_>>,
        payload_type: u8,
        way: &mut Way<'_>,
    ) -> Outcome {
        let index = self.sequences.extend(rewritten.sequence.into());
        // The first round is that before the first packet: nothing of it is ever sent.
        let Some(roc) = (index >> 16).checked_sub(1) else { return Outcome::Lost };
        let envelope = self.envelope(payload_type, self.ssrc, way);
        let sent = way.send(now, roc as u32, packet.map_or(0, room_of), None, |buffer| match packet {
            Some(packet) => rewritten.write(buffer, packet, &envelope),
            None => rewritten.write_padding(buffer, &envelope),
        });
        if let (Outcome::Sent(_), Some(packet)) = (sent, packet) {
            self.reports.note(now, rewritten.timestamp, packet.payload.len());
        }
        sent
    }

    /// Sends a packet again that the member misses, over the stream for that. There must be room as for [`Self::forward`].
    pub(super) fn send_again(&mut self, now: Instant, publication: &Publication, sequence: u16, way: &mut Way<'_>) -> Outcome {
        let Some(sent) = self.rewriter.find(sequence) else { return Outcome::Lost };
        let source = publication.layers.get(usize::from(sent.layer)).and_then(|layer| layer.cache.get(sent.source_sequence));
        let Some(packet) = source.filter(|_| !sent.rewritten.is_padding) else { return Outcome::Lost };
        let Some(payload_type) = self.rtx_payload_type(publication, packet.meta.payload_type) else { return Outcome::Lost };
        self.again.retain(|(_, at)| now.saturating_duration_since(*at) < AGAIN_AFTER);
        if self.again.iter().any(|(number, _)| *number == sequence) || self.again.len() >= AGAIN_REMEMBERED {
            return Outcome::Lost;
        }
        if !way.repeats.take(now, room_of(&packet)) {
            return Outcome::Lost;
        }
        self.again.push((sequence, now));
        let envelope = self.envelope(payload_type, self.rtx_ssrc, way);
        let index = self.rtx_sequence;
        self.rtx_sequence += 1;
        way.send(now, (index >> 16) as u32, room_of(&packet) + 2, None, |buffer| {
            sent.rewritten.write_rtx(buffer, &packet, &envelope, index as u16)
        })
    }

    /// Sends a packet of nothing but padding over the stream of retransmissions, as part of a probe: whatever the slot carries, or
    /// nothing, for a link that is believed to carry none is probed too. There must be room as for [`Self::forward`].
    pub(super) fn send_padding(&mut self, now: Instant, cluster: ClusterId, way: &mut Way<'_>) -> Outcome {
        let Some(payload_type) = self.formats.iter().find_map(|format| format.rtx) else { return Outcome::Lost };
        let envelope = Envelope { padding: u8::MAX, ..self.envelope(payload_type, self.rtx_ssrc, way) };
        let index = self.rtx_sequence;
        self.rtx_sequence += 1;
        let padding =
            Rewritten { sequence: index as u16, timestamp: 0, marker: false, is_padding: true, patch: Patch::default() };
        way.send(now, (index >> 16) as u32, usize::from(u8::MAX), Some(cluster), |buffer| {
            padding.write_padding(buffer, &envelope)
        })
    }

    fn rtx_payload_type(&self, publication: &Publication, sent: u8) -> Option<u8> {
        let sent = publication.formats.iter().find(|format| format.payload_type == sent)?;
        self.formats.iter().find(|format| sent.codec.matches(format.codec))?.rtx
    }

    fn envelope<'a>(&self, payload_type: u8, ssrc: u32, way: &Way<'a>) -> Envelope<'a> {
        let is_numbered = way.ids.id(Extension::TransportSequence).is_some();
        Envelope {
            payload_type,
            ssrc,
            ids: way.ids,
            mid: &[],
            transport_sequence: is_numbered.then(|| way.history.next_sequence()),
            abs_send_time: None,
            padding: 0,
        }
    }
}

impl Way<'_> {
    /// Writes, protects and commits one packet.
    fn send(
        &mut self,
        now: Instant,
        roc: u32,
        room: usize,
        cluster: Option<ClusterId>,
        write: impl FnOnce(&mut [u8]) -> Option<Written>,
    ) -> Outcome {
        let overhead = self.sender.profile().rtp_overhead();
        let segment = self.out.segment(self.tuple);
        let room = header_len_max(0) + room + LEVEL_BYTES_MAX + 256 + RTP_OVERHEAD_MAX;
        let Some(buffer) = self.out.reserve(self.tuple, room) else { return Outcome::Lost };
        let Some(written) = write(buffer) else { return Outcome::Lost };
        let len = segment.map_or(written.len, |segment| level(buffer, written.len, segment.saturating_sub(overhead)));
        let Ok(len) = self.sender.protect_rtp(buffer, written.header_len, len, roc) else { return Outcome::Lost };
        self.out.commit(len);
        if self.ids.id(Extension::TransportSequence).is_some() {
            self.history.note(now, len as u16, cluster);
        }
        Outcome::Sent(len)
    }
}

/// Bytes that a packet may need beside its head.
fn room_of(packet: &Packet<'_>) -> usize {
    packet.payload.len() + packet.dependency.len()
}

/// Lengthens an RTP packet by padding, when that makes it as long as those before it; its length.
fn level(buffer: &mut [u8], len: usize, wanted: usize) -> usize {
    let missing = wanted.saturating_sub(len);
    if !(1..=LEVEL_BYTES_MAX).contains(&missing) || buffer[0] & 0x20 != 0 {
        return len;
    }
    buffer[0] |= 0x20;
    buffer[len..wanted].fill(0);
    buffer[wanted - 1] = missing as u8;
    wanted
}

#[cfg(test)]
mod tests {
    use super::level;

    #[test]
    fn a_packet_that_is_a_little_short_is_padded_and_no_other() {
        let mut buffer = [0x80; 20];
        assert_eq!(level(&mut buffer, 10, 12), 12);
        assert_eq!((buffer[0], &buffer[10..12]), (0xa0, &[0, 2][..]));
        for (len, wanted) in [(10, 10), (10, 14), (10, 9), (10, 0)] {
            let mut buffer = [0x80; 20];
            assert_eq!((level(&mut buffer, len, wanted), buffer[0]), (len, 0x80), "{len} to {wanted}");
        }
        let mut buffer = [0xa0; 20];
        assert_eq!(level(&mut buffer, 10, 11), 10, "padded already");
    }
}
