//! Owns the packets of late of one layer: what is forwarded out of it, and what is sent again.

use std::time::{Duration, Instant};

use super::codec::Facts;
use super::extension::Carried;
use crate::limits::{RTP_CACHE_AUDIO_BYTES_MAX, RTP_CACHE_PACKETS_MAX, RTP_CACHE_VIDEO_BYTES_MAX};

/// How much is kept, and how it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct History {
    /// For how long a packet should be kept.
    pub duration: Duration,
    /// Most bytes of payloads.
    bytes_max: usize,
    /// What there is room for at first. It doubles whenever a packet would have to go before its time.
    bytes_first: usize,
    packets_first: usize,
}

impl History {
    /// A layer of video.
    pub const VIDEO: Self = Self {
        duration: Duration::from_millis(1500),
        bytes_max: RTP_CACHE_VIDEO_BYTES_MAX,
        bytes_first: 64 * 1024,
        packets_first: 64,
    };
    /// A stream of audio.
    pub const AUDIO: Self = Self {
        duration: Duration::from_millis(400),
        bytes_max: RTP_CACHE_AUDIO_BYTES_MAX,
        bytes_first: 4 * 1024,
        packets_first: 32,
    };
}

/// What is known of a packet, besides its payload.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Meta {
    /// Its sequence number, extended to 64 bits.
    pub sequence: u64,
    /// When it arrived.
    pub arrival: Instant,
    /// As it came.
    pub timestamp: u32,
    /// As it came.
    pub marker: bool,
    /// As it came.
    pub payload_type: u8,
    /// What its payload says.
    pub facts: Facts,
    /// What travels with it.
    pub carried: Carried,
}

/// One packet of the cache.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Packet<'a> {
    /// What is known of it.
    pub meta: &'a Meta,
    /// Without padding; empty for a packet that was nothing else.
    pub payload: &'a [u8],
    /// Its dependency descriptor, as it came; empty without one.
    pub dependency: &'a [u8],
}

#[derive(Debug, Clone)]
struct Entry {
    meta: Meta,
    /// Where its bytes begin, counted from the first byte ever written.
    start: u64,
    payload_len: u16,
    dependency_len: u8,
}

impl Entry {
    fn len(&self) -> usize {
        usize::from(self.payload_len) + usize::from(self.dependency_len)
    }
}

/// The packets of late of one layer, by extended sequence number. Looking one up takes the same time wherever it is, and nothing
/// is allocated once there is room for [`History::duration`].
#[derive(Debug)]
pub struct Cache {
    history: History,
    /// By sequence number modulo their count, which is a power of two.
    entries: Vec<Option<Entry>>,
    /// The bytes, at their place modulo the length, which is a power of two. No packet lies across the end.
    bytes: Vec<u8>,
    /// Where the next bytes go, counted from the first byte ever written.
    end: u64,
    /// When writing was last at the beginning of the bytes.
    round_began: Option<Instant>,
    newest: Option<u64>,
}

impl Cache {
    /// An empty cache, which takes no memory before its first packet.
    pub fn new(history: History) -> Self {
        Self { history, entries: Vec::new(), bytes: Vec::new(), end: 0, round_began: None, newest: None }
    }

    /// The highest sequence number in it.
    pub fn newest(&self) -> Option<u64> {
        self.newest
    }

    /// Bytes that it holds of the process's memory.
    pub fn memory_bytes(&self) -> usize {
        self.bytes.capacity() + self.entries.capacity() * size_of::<Option<Entry>>()
    }

    /// Gives all its memory back: the layer is no longer sent.
    pub fn clear(&mut self) {
        *self = Self::new(self.history);
    }

    /// Keeps a packet, in whatever order it comes. False when it is there already, is older than everything that there is room
    /// for, or is larger than any packet can be: then nothing has changed.
    pub fn push(&mut self, meta: Meta, payload: &[u8], dependency: &[u8]) -> bool {
        let (Ok(payload_len), Ok(dependency_len)) = (u16::try_from(payload.len()), u8::try_from(dependency.len())) else {
            return false;
        };
        if self.entries.is_empty() {
            self.entries.resize(self.history.packets_first, None);
            self.bytes.resize(self.history.bytes_first, 0);
        }
        let entry = Entry { meta, start: 0, payload_len, dependency_len };
        if entry.len() > self.history.bytes_max || !self.make_place(&meta) {
            return false;
        }
        let start = self.make_room(entry.len(), meta.arrival);
        let at = self.offset(start);
        let room = &mut self.bytes[at..at + entry.len()];
        let (payload_room, dependency_room) = room.split_at_mut(payload.len());
        payload_room.copy_from_slice(payload);
        dependency_room.copy_from_slice(dependency);
        self.end = start + entry.len() as u64;
        let place = self.place(meta.sequence);
        self.entries[place] = Some(Entry { start, ..entry });
        self.newest = self.newest.max(Some(meta.sequence));
        true
    }

    /// The packet with this extended sequence number, if it is still there.
    pub fn get(&self, sequence: u64) -> Option<Packet<'_>> {
        let entry = self.entries.get(self.place(sequence))?.as_ref()?;
        let is_there = entry.meta.sequence == sequence && self.end - entry.start <= self.bytes.len() as u64;
        let bytes = is_there.then(|| self.bytes_of(entry))?;
        let (payload, dependency) = bytes.split_at(usize::from(entry.payload_len));
        Some(Packet { meta: &entry.meta, payload, dependency })
    }

    /// Whether the place of this packet is free, or taken by an older one; more places while that older one is still of use.
    fn make_place(&mut self, meta: &Meta) -> bool {
        while let Some(held) = &self.entries[self.place(meta.sequence)] {
            if held.meta.sequence >= meta.sequence {
                return false;
            }
            let is_of_use = meta.arrival.saturating_duration_since(held.meta.arrival) < self.history.duration;
            if !is_of_use || self.entries.len() >= RTP_CACHE_PACKETS_MAX {
                return true;
            }
            self.double_entries();
        }
        true
    }

    fn double_entries(&mut self) {
        let mut more = Vec::new();
        more.resize(self.entries.len() * 2, None);
        let mask = more.len() as u64 - 1;
        for entry in self.entries.drain(..).flatten() {
            let place = (entry.meta.sequence & mask) as usize;
            more[place] = Some(entry);
        }
        self.entries = more;
    }

    /// Where `len` bytes can go without lying across the end. At the end of a round that took less than the history there is
    /// room for twice as much, up to the bound.
    fn make_room(&mut self, len: usize, now: Instant) -> u64 {
        while len > self.bytes.len() {
            self.double_bytes();
        }
        let to_end = self.bytes.len() - self.offset(self.end);
        if len <= to_end && self.end > 0 && to_end < self.bytes.len() {
            return self.end;
        }
        let is_short = self.round_began.is_some_and(|began| now.saturating_duration_since(began) < self.history.duration);
        self.round_began = Some(now);
        if is_short && self.bytes.len() * 2 <= self.history.bytes_max {
            self.double_bytes();
            return self.end;
        }
        if len <= to_end { self.end } else { self.end + to_end as u64 }
    }

    fn double_bytes(&mut self) {
        let mut more = vec![0; self.bytes.len() * 2];
        let mut end = 0;
        let len = self.bytes.len() as u64;
        let newest = self.newest.unwrap_or(0);
        let span = (self.entries.len() as u64).min(newest + 1);
        for sequence in newest + 1 - span..=newest {
            let place = self.place(sequence);
            let Some(entry) = self.entries[place].as_mut() else { continue };
            if self.end - entry.start > len {
                self.entries[place] = None;
                continue;
            }
            let from = (entry.start & (len - 1)) as usize;
            more[end..end + entry.len()].copy_from_slice(&self.bytes[from..from + entry.len()]);
            entry.start = end as u64;
            end += entry.len();
        }
        self.bytes = more;
        self.end = end as u64;
    }

    fn place(&self, sequence: u64) -> usize {
        (sequence & (self.entries.len() as u64).wrapping_sub(1)) as usize
    }

    fn offset(&self, position: u64) -> usize {
        (position & (self.bytes.len() as u64 - 1)) as usize
    }

    fn bytes_of(&self, entry: &Entry) -> &[u8] {
        let at = self.offset(entry.start);
        &self.bytes[at..at + entry.len()]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn meta(sequence: u64, arrival: Instant) -> Meta {
        let facts = Facts::ALONE;
        Meta {
            sequence,
            arrival,
            timestamp: sequence as u32,
            marker: false,
            payload_type: 96,
            facts,
            carried: Carried::default(),
        }
    }

    fn payload(sequence: u64, len: usize) -> Vec<u8> {
        (0..len).map(|at| (sequence as usize * 31 + at) as u8).collect()
    }

    #[test]
    fn a_packet_is_found_again_with_its_descriptor() {
        let mut cache = Cache::new(History::VIDEO);
        let now = Instant::now();
        assert_eq!((cache.get(0), cache.newest(), cache.memory_bytes()), (None, None, 0));
        assert!(cache.push(meta(70_000, now), b"payload", b"dd"));
        let packet = cache.get(70_000).expect("kept");
        assert_eq!((packet.payload, packet.dependency, packet.meta.timestamp), (&b"payload"[..], &b"dd"[..], 70_000));
        assert_eq!((cache.get(69_999), cache.get(70_001), cache.get(4_464)), (None, None, None));
    }

    #[test]
    fn order_does_not_matter_and_twice_is_once() {
        let mut cache = Cache::new(History::VIDEO);
        let now = Instant::now();
        for sequence in [10, 12, 11] {
            assert!(cache.push(meta(sequence, now), &payload(sequence, 50), b""));
        }
        assert!(!cache.push(meta(11, now), b"other", b""));
        assert_eq!(cache.get(11).expect("kept").payload, payload(11, 50));
        assert_eq!(cache.newest(), Some(12));
    }

    #[test]
    fn it_grows_until_it_holds_its_history() {
        // 1000 packets of 1100 bytes a second: 1.65 MB in 1.5 s.
        let mut cache = Cache::new(History::VIDEO);
        let start = Instant::now();
        for sequence in 0..10_000_u64 {
            let now = start + Duration::from_millis(sequence);
            assert!(cache.push(meta(sequence, now), &payload(sequence, 1100), b""));
            if sequence > 6_000 {
                assert!(cache.get(sequence - 1_499).is_some(), "{sequence}");
            }
        }
        assert_eq!(cache.bytes.len(), 2 * 1024 * 1024);
        assert!(cache.memory_bytes() <= RTP_CACHE_VIDEO_BYTES_MAX + RTP_CACHE_PACKETS_MAX * size_of::<Option<Entry>>());
    }

    #[test]
    fn a_flood_stays_within_the_bound_and_loses_the_oldest() {
        let mut cache = Cache::new(History::AUDIO);
        let now = Instant::now();
        for sequence in 0..100_000_u64 {
            assert!(cache.push(meta(sequence, now), &payload(sequence, 100), b""));
        }
        assert_eq!((cache.bytes.len(), cache.entries.len()), (RTP_CACHE_AUDIO_BYTES_MAX, RTP_CACHE_PACKETS_MAX));
        assert_eq!(cache.get(99_999).expect("kept").payload, payload(99_999, 100));
        assert_eq!(cache.get(97_000), None);
        assert!(!cache.push(meta(90_000, now), b"late", b""), "its place is taken by a newer one");
    }

    #[test]
    fn little_traffic_takes_little_memory() {
        let mut cache = Cache::new(History::AUDIO);
        let start = Instant::now();
        for sequence in 0..5_000_u64 {
            cache.push(meta(sequence, start + Duration::from_millis(20 * sequence)), &payload(sequence, 80), b"");
        }
        assert_eq!((cache.bytes.len(), cache.entries.len()), (4 * 1024, 32));
        assert!(cache.get(4_980).is_some());
    }

    #[test]
    fn what_no_packet_can_be_is_refused() {
        let mut cache = Cache::new(History::VIDEO);
        let now = Instant::now();
        assert!(!cache.push(meta(1, now), &[0; 70_000], b""));
        assert!(!cache.push(meta(1, now), b"", &[0; 256]));
        assert!(cache.push(meta(1, now), &[1; 65_000], &[2; 255]), "as large as a frame over TCP");
        assert_eq!(cache.get(1).expect("kept").dependency, [2; 255]);
    }

    #[test]
    fn a_cleared_cache_takes_no_memory() {
        let mut cache = Cache::new(History::VIDEO);
        cache.push(meta(1, Instant::now()), b"payload", b"");
        cache.clear();
        assert_eq!((cache.memory_bytes(), cache.get(1)), (0, None));
    }

    proptest! {
        #[test]
        fn what_is_found_is_what_was_pushed(steps in proptest::collection::vec((0u64..400, 0usize..1500, 0u64..40), 1..400)) {
            let mut cache = Cache::new(History::AUDIO);
            let mut now = Instant::now();
            let mut base = 1 << 16;
            let mut lens = std::collections::HashMap::new();
            for (step, len, millis) in steps {
                now += Duration::from_millis(millis);
                base += step / 8;
                let sequence = base + step % 8;
                if cache.push(meta(sequence, now), &payload(sequence, len), &payload(sequence, len % 50)) {
                    prop_assert!(cache.get(sequence).is_some());
                    lens.insert(sequence, len);
                }
                for back in 0..64 {
                    if let Some(packet) = cache.get(base - back) {
                        let len = lens[&(base - back)];
                        prop_assert_eq!(packet.payload, payload(base - back, len));
                        prop_assert_eq!(packet.dependency, payload(base - back, len % 50));
                    }
                }
            }
        }
    }
}
