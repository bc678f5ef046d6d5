//! Owns the counting of one received track: packets, losses and whole frames, from RTP packets as they arrive.
//!
//! **Invariant:** no clock and no I/O; the arithmetic is RFC 3550 appendix A and RFC 7741.

use std::collections::BTreeSet;

use super::report::Kind;

/// Sequence numbers further ahead than this, or further behind, mean that the sender started anew (RFC 3550 appendix A.1).
const MISORDER_MAX: i64 = 3000;

/// Frames that are put together at the same time; when one more begins, the oldest is given up.
const FRAMES_OPEN_MAX: usize = 8;

/// What of an RTP packet is counted.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    /// The sender's stream.
    pub ssrc: u32,
    /// RFC 3550 section 5.1.
    pub sequence_number: u16,
    /// Likewise.
    pub timestamp: u32,
    /// The last packet of a frame.
    pub marker: bool,
    /// Without padding; empty for packets that only probe the path.
    pub payload: &'a [u8],
}

/// Counts one track. A track whose sender starts a new stream (another SSRC) goes on counting.
#[derive(Debug)]
pub struct TrackCounter {
    kind: Kind,
    packets: u64,
    bytes: u64,
    frames: u64,
    keyframes: u64,
    lost_before: u64,
    stream: Option<(u32, Sequence)>,
    open: Vec<OpenFrame>,
}

impl TrackCounter {
    /// A track of which nothing has come yet.
    pub fn new(kind: Kind) -> Self {
        Self { kind, packets: 0, bytes: 0, frames: 0, keyframes: 0, lost_before: 0, stream: None, open: Vec::new() }
    }

    /// Counts a packet. Repeated packets count as packets, but neither as frames nor against losses.
    pub fn handle_packet(&mut self, packet: Packet<'_>) {
        self.packets += 1;
        self.bytes += packet.payload.len() as u64;
        let Some(number) = self.extend(packet.ssrc, packet.sequence_number) else { return };
        match self.kind {
            Kind::Audio => self.frames += u64::from(!packet.payload.is_empty()),
            Kind::Video => self.collect(number, packet),
        }
    }

    /// The next packet begins a new stream, whatever its number: what is missing before it is no loss.
    pub fn start_stream(&mut self) {
        self.lost_before = self.lost();
        self.stream = None;
        self.open.clear();
    }

    /// RTP packets received.
    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// Bytes of their payload.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Packets that never came, or have not come yet.
    pub fn lost(&self) -> u64 {
        self.lost_before + self.stream.as_ref().map_or(0, |(_, sequence)| sequence.lost())
    }

    /// Whole frames.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Whole frames that can be decoded on their own; none for audio, where all can.
    pub fn keyframes(&self) -> u64 {
        self.keyframes
    }

    /// Something has come that can be decoded.
    pub fn is_decodable(&self) -> bool {
        match self.kind {
            Kind::Audio => self.frames > 0,
            Kind::Video => self.keyframes > 0,
        }
    }

    /// The packet's extended sequence number; none for a repetition.
    fn extend(&mut self, ssrc: u32, sequence_number: u16) -> Option<u64> {
        if let Some((own, sequence)) = &mut self.stream
            && *own == ssrc
            && let Some(received) = sequence.receive(sequence_number)
        {
            return received.fresh();
        }
        self.start_stream();
        let sequence = Sequence::new(sequence_number);
        let number = sequence.highest;
        self.stream = Some((ssrc, sequence));
        Some(number)
    }

    /// Adds a packet of video to its frame, and counts the frame when it is whole.
    fn collect(&mut self, number: u64, packet: Packet<'_>) {
        let Some(start) = FrameStart::of(packet.payload) else { return };
        let at = self.open.iter().position(|frame| frame.timestamp == packet.timestamp).unwrap_or_else(|| {
            if self.open.len() == FRAMES_OPEN_MAX {
                self.open.remove(0);
            }
            self.open.push(OpenFrame::new(packet.timestamp));
            self.open.len() - 1
        });
        let frame = &mut self.open[at];
        frame.add(number, start, packet.marker);
        if frame.is_whole() {
            self.frames += 1;
            self.keyframes += u64::from(frame.keyframe);
            self.open.remove(at);
        }
    }
}

/// What a sequence number turned out to be.
enum Received {
    Fresh(u64),
    Repeated,
}

impl Received {
    fn fresh(self) -> Option<u64> {
        match self {
            Self::Fresh(number) => Some(number),
            Self::Repeated => None,
        }
    }
}

/// The sequence numbers of one stream, extended over wrap-around.
#[derive(Debug)]
struct Sequence {
    first: u64,
    highest: u64,
    received: u64,
    /// Those of the last [`MISORDER_MAX`] numbers that are still missing: what tells a late packet from a repeated one.
    missing: BTreeSet<u64>,
}

impl Sequence {
    /// Starts one cycle up, so that packets from before the first one still have a number.
    fn new(first: u16) -> Self {
        let first = (1 << 16) + u64::from(first);
        Self { first, highest: first, received: 1, missing: BTreeSet::new() }
    }

    /// None when the number is too far away to belong to this stream.
    fn receive(&mut self, sequence_number: u16) -> Option<Received> {
        let step = i64::from(sequence_number.wrapping_sub(self.highest as u16) as i16); // truncation is the wire's own arithmetic
        if step.abs() > MISORDER_MAX {
            return None;
        }
        let number = self.highest.saturating_add_signed(step);
        let fresh = if number > self.highest {
            self.missing.extend(self.highest + 1..number);
            self.highest = number;
            let forgotten = number.saturating_sub(MISORDER_MAX as u64);
            self.missing = self.missing.split_off(&forgotten);
            true
        } else if number < self.first {
            self.missing.extend(number + 1..self.first);
            self.first = number;
            true
        } else {
            self.missing.remove(&number)
        };
        self.received += u64::from(fresh);
        Some(if fresh { Received::Fresh(number) } else { Received::Repeated })
    }

    fn lost(&self) -> u64 {
        (self.highest - self.first + 1).saturating_sub(self.received)
    }
}

/// What the start of a packet's payload says about its frame (RFC 7741 section 4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FrameStart {
    /// The packet is the first of its frame.
    first: bool,
    /// That frame is a keyframe; known from the first packet only.
    keyframe: bool,
}

impl FrameStart {
    /// None for a payload that is no VP8.
    fn of(payload: &[u8]) -> Option<Self> {
        let required = *payload.first()?;
        let mut header_bytes = 1;
        if required & 0x80 != 0 {
            let extended = *payload.get(1)?;
            header_bytes = 2;
            if extended & 0x80 != 0 {
                header_bytes += if payload.get(2)? & 0x80 != 0 { 2 } else { 1 };
            }
            header_bytes += usize::from(extended & 0x40 != 0) + usize::from(extended & 0x30 != 0);
        }
        let first = required & 0x10 != 0 && required & 0x07 == 0;
        let keyframe = payload.get(header_bytes)? & 1 == 0;
        Some(Self { first, keyframe: first && keyframe })
    }
}

/// A frame of which some packets are there.
#[derive(Debug)]
struct OpenFrame {
    timestamp: u32,
    first: Option<u64>,
    last: Option<u64>,
    packets: u64,
    keyframe: bool,
}

impl OpenFrame {
    fn new(timestamp: u32) -> Self {
        Self { timestamp, first: None, last: None, packets: 0, keyframe: false }
    }

    fn add(&mut self, number: u64, start: FrameStart, marker: bool) {
        self.packets += 1;
        if start.first {
            self.first = Some(number);
            self.keyframe = start.keyframe;
        }
        if marker {
            self.last = Some(number);
        }
    }

    fn is_whole(&self) -> bool {
        self.first.zip(self.last).is_some_and(|(first, last)| last.checked_sub(first) == Some(self.packets - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYFRAME: &[u8] = &[0x10, 0x50, 1, 2];
    const DELTA: &[u8] = &[0x10, 0x51, 1, 2];
    const MIDDLE: &[u8] = &[0x00, 0x33, 1, 2];

    fn video(counter: &mut TrackCounter, sequence_number: u16, timestamp: u32, marker: bool, payload: &[u8]) {
        counter.handle_packet(Packet { ssrc: 7, sequence_number, timestamp, marker, payload });
    }

    fn audio(counter: &mut TrackCounter, ssrc: u32, numbers: impl IntoIterator<Item = u16>) {
        for sequence_number in numbers {
            counter.handle_packet(Packet { ssrc, sequence_number, timestamp: 0, marker: false, payload: b"opus" });
        }
    }

    #[test]
    fn losses_are_the_gaps_of_the_extended_sequence() {
        let mut counter = TrackCounter::new(Kind::Audio);
        audio(&mut counter, 1, (65_530..=65_535).chain(0..10));
        assert_eq!((counter.packets(), counter.lost(), counter.frames()), (16, 0, 16));
        audio(&mut counter, 1, [12, 13]);
        assert_eq!(counter.lost(), 2);
        audio(&mut counter, 1, [11]);
        assert_eq!(counter.lost(), 1);
    }

    #[test]
    fn a_repeated_packet_does_not_make_up_for_a_lost_one() {
        let mut counter = TrackCounter::new(Kind::Audio);
        audio(&mut counter, 1, [1, 2, 2, 2, 5]);
        assert_eq!((counter.packets(), counter.frames(), counter.lost()), (5, 3, 2));
    }

    #[test]
    fn a_packet_from_before_the_first_one_is_no_loss() {
        let mut counter = TrackCounter::new(Kind::Audio);
        audio(&mut counter, 1, [1, 0, 65_535, 2]);
        assert_eq!((counter.frames(), counter.lost()), (4, 0));
    }

    #[test]
    fn a_new_stream_of_the_same_track_is_no_loss() {
        let mut counter = TrackCounter::new(Kind::Audio);
        audio(&mut counter, 1, [10, 12]);
        audio(&mut counter, 2, [5000, 5001]);
        assert_eq!((counter.frames(), counter.lost()), (4, 1));
        audio(&mut counter, 2, [20_000, 20_001]);
        assert_eq!((counter.frames(), counter.lost()), (6, 1));
    }

    #[test]
    fn what_a_slot_carried_for_others_in_between_is_no_loss() {
        let mut counter = TrackCounter::new(Kind::Audio);
        audio(&mut counter, 1, [10, 11, 13]);
        counter.start_stream();
        audio(&mut counter, 1, [200, 201]);
        assert_eq!((counter.packets(), counter.lost()), (5, 1));
    }

    #[test]
    fn a_frame_counts_once_all_of_it_is_there_in_any_order() {
        let mut counter = TrackCounter::new(Kind::Video);
        video(&mut counter, 3, 100, true, MIDDLE);
        video(&mut counter, 1, 100, false, KEYFRAME);
        assert_eq!(counter.frames(), 0);
        assert!(!counter.is_decodable());
        video(&mut counter, 2, 100, false, MIDDLE);
        assert_eq!((counter.frames(), counter.keyframes()), (1, 1));
        video(&mut counter, 4, 200, true, DELTA);
        assert_eq!((counter.frames(), counter.keyframes()), (2, 1));
    }

    #[test]
    fn a_frame_with_a_hole_does_not_count() {
        let mut counter = TrackCounter::new(Kind::Video);
        video(&mut counter, 1, 100, false, KEYFRAME);
        video(&mut counter, 3, 100, true, MIDDLE);
        video(&mut counter, 4, 200, true, DELTA);
        assert_eq!((counter.frames(), counter.keyframes(), counter.lost()), (1, 0, 1));
    }

    #[test]
    fn padding_and_what_is_no_vp8_is_no_frame() {
        let mut counter = TrackCounter::new(Kind::Video);
        video(&mut counter, 1, 100, true, &[]);
        video(&mut counter, 2, 100, true, &[0x10]);
        video(&mut counter, 3, 100, true, &[0x90, 0x80]);
        assert_eq!((counter.packets(), counter.frames(), counter.lost()), (3, 0, 0));
    }

    #[test]
    fn the_payload_descriptor_may_have_any_of_its_extensions() {
        let keyframe = Some(FrameStart { first: true, keyframe: true });
        assert_eq!(FrameStart::of(&[0x10, 0x50]), keyframe);
        assert_eq!(FrameStart::of(&[0x90, 0x80, 0x05, 0x50]), keyframe);
        assert_eq!(FrameStart::of(&[0x90, 0x80, 0x85, 0x05, 0x50]), keyframe);
        assert_eq!(FrameStart::of(&[0x90, 0xf0, 0x85, 0x05, 1, 0x20, 0x50]), keyframe);
        assert_eq!(FrameStart::of(&[0x90, 0x20, 0x20, 0x50]), keyframe);
        assert_eq!(FrameStart::of(&[0x11, 0x50]), Some(FrameStart { first: false, keyframe: false }));
    }

    #[test]
    fn frames_that_never_end_are_given_up() {
        let mut counter = TrackCounter::new(Kind::Video);
        for number in 0..100u16 {
            video(&mut counter, number * 2, u32::from(number), false, KEYFRAME);
        }
        assert_eq!(counter.open.len(), FRAMES_OPEN_MAX);
        assert_eq!(counter.frames(), 0);
    }
}
