//! Owns what a browser does with one receiving section: order, gaps, what it asks for again, and whether the pictures can be decoded.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};

use visavis::rtp::{Extender, Header, Reception};

/// A gap is given up after this, as by a jitter buffer.
const GIVEN_UP_AFTER: Duration = Duration::from_millis(900);
/// A gap before a keyframe is given up after this.
const KEYFRAME_AFTER: Duration = Duration::from_millis(200);
const FIRST_ASK: Duration = Duration::from_millis(10);
const NEXT_ASK: Duration = Duration::from_millis(60);
const PLI_INTERVAL: Duration = Duration::from_millis(300);

struct Missing {
    since: Instant,
    asked: Option<Instant>,
}

struct Waiting {
    timestamp: u32,
    marker: bool,
    payload: Vec<u8>,
}

/// The picture that is being put together.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Picture {
    timestamp: u32,
    stream: u32,
    ordinal: u32,
    place: u32,
    lines: Option<u16>,
}

/// One receiving section.
pub struct Receiver {
    pub mid: String,
    pub ssrc: u32,
    pub rtx_ssrc: Option<u32>,
    pub is_video: bool,
    extender: Extender,
    pub reception: Reception,
    next: Option<u64>,
    newest: u64,
    missing: BTreeMap<u64, Missing>,
    waiting: BTreeMap<u64, Waiting>,
    last_timestamp: Option<u32>,
    last_picture: Option<u16>,
    open: Option<Picture>,
    /// The stream that is decoded, the number of its keyframe, and the places after it that are decoded.
    decoded: Option<(u32, u32, VecDeque<u32>)>,
    is_broken: bool,
    asked_keyframe: Option<Instant>,
    /// What must never be.
    pub faults: Vec<String>,
    /// Whole pictures, or packets of sound, by their source's stream.
    pub heard: HashMap<u32, usize>,
    /// The stream, lines and moment of the last one.
    pub last: Option<(u32, u16, Instant)>,
    /// The longest time between two, since it was last set to zero.
    pub longest_pause: Duration,
    pub keyframes: usize,
    pub undecodable: usize,
    pub given_up: u64,
    pub filled: usize,
    pub packets: usize,
    pub padding: usize,
    pub plis: usize,
}

impl Receiver {
    pub fn new(now: Instant, mid: String, ssrc: u32, rtx_ssrc: Option<u32>) -> Self {
        Self {
            is_video: rtx_ssrc.is_some(),
            mid,
            ssrc,
            rtx_ssrc,
            extender: Extender::new(16),
            reception: Reception::new(if rtx_ssrc.is_some() { 90_000 } else { 48_000 }),
            next: None,
            newest: 0,
            missing: BTreeMap::new(),
            waiting: BTreeMap::new(),
            last_timestamp: None,
            last_picture: None,
            open: None,
            decoded: None,
            is_broken: true,
            asked_keyframe: Some(now),
            faults: Vec::new(),
            heard: HashMap::new(),
            last: None,
            longest_pause: Duration::ZERO,
            keyframes: 0,
            undecodable: 0,
            given_up: 0,
            filled: 0,
            packets: 0,
            padding: 0,
            plis: 0,
        }
    }

    /// The highest number that came.
    pub fn newest(&self) -> Option<u16> {
        self.next.map(|_| self.newest as u16)
    }

    /// A packet of its stream.
    pub fn handle_packet(&mut self, now: Instant, header: &Header, payload: &[u8]) {
        self.reception.handle_packet(now, header.sequence, header.timestamp);
        let sequence = self.extender.extend(header.sequence.into());
        self.packets += 1;
        self.take(now, sequence, header, payload);
    }

    /// One of the stream of retransmissions.
    pub fn handle_again(&mut self, now: Instant, header: &Header, payload: &[u8]) {
        let Some((number, payload)) = payload.split_first_chunk::<2>() else { return };
        let sequence = self.extender.nearest(u16::from_be_bytes(*number).into());
        if self.missing.contains_key(&sequence) {
            self.filled += 1;
        }
        self.take(now, sequence, header, payload);
    }

    fn take(&mut self, now: Instant, sequence: u64, header: &Header, payload: &[u8]) {
        let next = *self.next.get_or_insert_with(|| {
            self.newest = sequence - 1;
            sequence
        });
        for lost in self.newest + 1..sequence {
            self.missing.insert(lost, Missing { since: now, asked: None });
        }
        self.newest = self.newest.max(sequence);
        self.missing.remove(&sequence);
        if sequence >= next {
            let waiting = Waiting { timestamp: header.timestamp, marker: header.marker, payload: payload.to_vec() };
            self.waiting.entry(sequence).or_insert(waiting);
        }
        self.advance(now);
    }

    fn advance(&mut self, now: Instant) {
        let Some(mut next) = self.next else { return };
        while let Some(packet) = self.waiting.remove(&next) {
            next += 1;
            match (packet.payload.is_empty(), self.is_video) {
                (true, _) => self.padding += 1,
                (false, true) => self.handle_picture(now, &packet),
                (false, false) => self.handle_sound(now, &packet),
            }
        }
        self.next = Some(next);
    }

    /// What is missing for too long is given up; then what to ask for again, and whether for a keyframe.
    pub fn poll(&mut self, now: Instant) -> (Vec<u16>, bool) {
        let oldest = self.missing.iter().next().map(|(sequence, missing)| (*sequence, missing.since));
        if let Some((_, since)) = oldest
            && (now - since > GIVEN_UP_AFTER || self.is_video && now - since > KEYFRAME_AFTER && self.keyframe().is_some())
        {
            let first = self.waiting.keys().next().copied().unwrap_or(self.newest + 1);
            let next = self.keyframe().unwrap_or(first);
            self.waiting = self.waiting.split_off(&next);
            if self.keyframe().is_none() {
                self.given_up += self.missing.range(..next).count() as u64;
            }
            self.missing = self.missing.split_off(&next);
            self.next = Some(next);
            (self.is_broken, self.open, self.last_picture) = (true, None, None);
            self.advance(now);
        }
        let mut asks = Vec::new();
        for (sequence, missing) in &mut self.missing {
            let due = missing.asked.map_or(missing.since + FIRST_ASK, |asked| asked + NEXT_ASK);
            if due <= now {
                missing.asked = Some(now);
                asks.push(*sequence as u16);
            }
        }
        let wants = self.is_video && self.is_broken && self.packets > 0;
        let asks_keyframe = wants && self.asked_keyframe.is_none_or(|asked| now - asked > PLI_INTERVAL);
        if asks_keyframe {
            self.asked_keyframe = Some(now);
            self.plis += 1;
        }
        (asks, asks_keyframe)
    }

    /// Where a keyframe begins beyond the gap: what was before it is of no use to a decoder.
    fn keyframe(&self) -> Option<u64> {
        let begins = |payload: &[u8]| payload.len() > 16 && payload[0] & 0x10 != 0 && payload[6] & 1 == 0;
        self.waiting.iter().find(|(_, waiting)| self.is_video && begins(&waiting.payload)).map(|(sequence, _)| *sequence)
    }

    fn fault(&mut self, text: String) {
        self.faults.push(format!("{} at packet {}: {text}", self.mid, self.packets));
    }

    fn check_timestamp(&mut self, timestamp: u32, may_be_same: bool) {
        if let Some(last) = self.last_timestamp {
            let ahead = timestamp.wrapping_sub(last) as i32;
            if ahead < 0 || ahead == 0 && !may_be_same {
                self.fault(format!("timestamp goes from {last} to {timestamp}"));
            }
        }
        self.last_timestamp = Some(timestamp);
    }

    fn handle_sound(&mut self, now: Instant, packet: &Waiting) {
        self.check_timestamp(packet.timestamp, false);
        let Some(stream) = packet.payload.get(1..5) else { return self.fault("no sound of ours".into()) };
        self.note(now, u32::from_be_bytes(stream.try_into().expect("four")), 0);
    }

    fn note(&mut self, now: Instant, stream: u32, lines: u16) {
        if let Some((_, _, before)) = self.last {
            self.longest_pause = self.longest_pause.max(now - before);
        }
        self.last = Some((stream, lines, now));
        *self.heard.entry(stream).or_default() += 1;
    }

    fn handle_picture(&mut self, now: Instant, packet: &Waiting) {
        let payload = &packet.payload;
        let (is_start, is_keyframe) = (payload[0] & 0x10 != 0, payload.get(6).is_some_and(|first| first & 1 == 0));
        let tag = if is_keyframe && is_start { 16 } else { 7 };
        let Some(tags) = payload.get(tag..tag + 12) else { return self.fault("no picture of ours".into()) };
        let word = |at: usize| u32::from_be_bytes(tags[at..at + 4].try_into().expect("four"));
        let picture = Picture {
            timestamp: packet.timestamp,
            stream: word(0),
            ordinal: word(4),
            place: word(8),
            lines: (is_keyframe && is_start).then(|| u16::from_le_bytes([payload[14], payload[15]]) & 0x3fff),
        };
        if is_start {
            // A sender that ends within a picture leaves it unfinished; a keyframe of another one is a new beginning.
            if self.open.is_some_and(|open| picture.lines.is_none() || open.stream == picture.stream) {
                self.fault(format!("a picture of {} begins within another", picture.stream));
            }
            self.check_timestamp(packet.timestamp, false);
            let number = u16::from_be_bytes([payload[2], payload[3]]) & 0x7fff;
            if self.last_picture.is_some_and(|last| number != (last + 1) & 0x7fff) {
                self.fault(format!("picture id goes from {:?} to {number}", self.last_picture));
            }
            self.last_picture = Some(number);
            self.open = Some(picture);
        } else {
            match self.open {
                Some(open) if Picture { lines: open.lines, ..picture } == open => {}
                Some(_) => self.fault(format!("packets of two pictures in one, the second of {}", picture.stream)),
                // The beginning was given up.
                None if self.is_broken => return,
                None => self.fault("a picture without a beginning".into()),
            }
        }
        if packet.marker
            && let Some(open) = self.open.take()
        {
            self.decode(now, open);
        }
    }

    fn decode(&mut self, now: Instant, picture: Picture) {
        let Picture { stream, ordinal, place, .. } = picture;
        if let Some(lines) = picture.lines {
            self.decoded = Some((stream, ordinal, VecDeque::from([0])));
            self.is_broken = false;
            self.keyframes += 1;
            return self.note(now, stream, lines);
        }
        if self.is_broken {
            self.undecodable += 1;
            return;
        }
        let Some((of, keyframe, places)) = &mut self.decoded else { return self.fault("begins without a keyframe".into()) };
        if (*of, *keyframe) != (stream, ordinal - place) {
            let text = format!("{stream} goes on at {place} where {of} was decoded");
            return self.fault(text);
        }
        let needed = place.saturating_sub(match place % 4 {
            0 => 4,
            2 => 2,
            _ => 1,
        });
        if !places.contains(&needed) {
            let text = format!("picture {place} of {stream} needs {needed}, there are {places:?}");
            return self.fault(text);
        }
        places.push_back(place);
        if places.len() > 8 {
            places.pop_front();
        }
        let lines = self.last.map_or(0, |(_, lines, _)| lines);
        self.note(now, stream, lines);
    }
}
