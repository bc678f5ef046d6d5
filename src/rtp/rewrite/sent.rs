//! Owns what a slot remembers of each packet that it sent: enough to send the same bytes again.

use std::time::{Duration, Instant};

use super::Patch;
use crate::limits::{RTP_SENT_MAX, RTP_SENT_MIN};

/// For how long a packet should be found again.
const REMEMBERED: Duration = Duration::from_millis(1500);

/// One packet that was sent, in 16 bytes.
#[derive(Debug, Clone, Copy)]
struct Record {
    sequence_low: u32,
    timestamp: u32,
    picture_id: u16,
    frame_number: u16,
    sequence_high: u8,
    tl0: u8,
    layer: u8,
    /// [`IS_SENT`], [`IS_MARKED`], [`IS_PADDING`], and the five bits of a key index.
    flags: u8,
}

const _: () = assert!(size_of::<Record>() == 16);

const KEY_INDEX: u8 = 0x1f;
const IS_SENT: u8 = 0x80;
const IS_MARKED: u8 = 0x40;
const IS_PADDING: u8 = 0x20;

const HOLE: Record =
    Record { sequence_low: 0, timestamp: 0, picture_id: 0, frame_number: 0, sequence_high: 0, tl0: 0, layer: 0, flags: 0 };

/// A packet as it goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rewritten {
    /// Its sequence number in the slot.
    pub sequence: u16,
    /// Its timestamp in the slot.
    pub timestamp: u32,
    /// Its marker.
    pub marker: bool,
    /// Whether it carries nothing but padding, because what it carried is not for this receiver.
    pub is_padding: bool,
    /// The running numbers inside it.
    pub patch: Patch,
}

/// A packet that went out, and where it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// The layer whose cache holds it.
    pub layer: u8,
    /// Its extended sequence number there.
    pub source_sequence: u64,
    /// As it went out.
    pub rewritten: Rewritten,
}

/// The packets of late of one slot, by outgoing sequence number.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// By outgoing number modulo their count, a power of two.
    records: Vec<Record>,
    /// The highest outgoing number; meaningless while there are no records.
    newest: u64,
    /// The outgoing number with which the present round began, and when.
    round: Option<(u64, Instant)>,
}

impl Log {
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether this outgoing number has been used; none when that is not known any more.
    pub fn is_sent(&self, outgoing: u64) -> Option<bool> {
        if self.records.is_empty() || outgoing > self.newest {
            return Some(false);
        }
        Some(self.record(outgoing)?.flags & IS_SENT != 0)
    }

    /// Takes note of a packet; those between it and the newest one are holes until they come.
    pub fn push(&mut self, now: Instant, outgoing: u64, sent: &Sent) {
        if self.records.is_empty() {
            self.records.resize(RTP_SENT_MIN, HOLE);
            self.newest = outgoing.wrapping_sub(1);
            self.round = Some((outgoing, now));
        }
        if outgoing > self.newest {
            self.grow(now, outgoing);
            let holes = (outgoing - self.newest - 1).min(self.records.len() as u64);
            for hole in outgoing - holes..outgoing {
                let at = self.place(hole);
                self.records[at] = HOLE;
            }
            self.newest = outgoing;
        }
        let Rewritten { timestamp, marker, is_padding, patch, .. } = sent.rewritten;
        let at = self.place(outgoing);
        self.records[at] = Record {
            sequence_low: sent.source_sequence as u32,
            timestamp,
            picture_id: patch.picture_id,
            frame_number: patch.frame_number,
            sequence_high: (sent.source_sequence >> 32) as u8,
            tl0: patch.tl0,
            layer: sent.layer,
            flags: IS_SENT
                | if marker { IS_MARKED } else { 0 }
                | if is_padding { IS_PADDING } else { 0 }
                | patch.key_index & KEY_INDEX,
        };
    }

    /// The packet that went out under this number, if it is remembered.
    pub fn find(&self, sequence: u16) -> Option<Sent> {
        let back = (self.newest as u16).wrapping_sub(sequence);
        let record = self.record(self.newest.checked_sub(back.into())?).filter(|record| record.flags & IS_SENT != 0)?;
        let patch = Patch {
            picture_id: record.picture_id,
            tl0: record.tl0,
            key_index: record.flags & KEY_INDEX,
            frame_number: record.frame_number,
        };
        Some(Sent {
            layer: record.layer,
            source_sequence: u64::from(record.sequence_high) << 32 | u64::from(record.sequence_low),
            rewritten: Rewritten {
                sequence,
                timestamp: record.timestamp,
                marker: record.flags & IS_MARKED != 0,
                is_padding: record.flags & IS_PADDING != 0,
                patch,
            },
        })
    }

    /// Doubles at the end of a round that was too short. What is in it moves along.
    fn grow(&mut self, now: Instant, outgoing: u64) {
        let len = self.records.len() as u64;
        let Some((_, began)) = self.round.filter(|(first, _)| outgoing.saturating_sub(*first) >= len) else { return };
        let is_short = now.saturating_duration_since(began) < REMEMBERED;
        self.round = Some((outgoing, now));
        if !is_short || self.records.len() >= RTP_SENT_MAX {
            return;
        }
        let mut more = vec![HOLE; self.records.len() * 2];
        for number in (self.newest + 1).saturating_sub(len)..=self.newest {
            more[(number & (2 * len - 1)) as usize] = self.records[self.place(number)];
        }
        self.records = more;
    }

    fn record(&self, outgoing: u64) -> Option<&Record> {
        let is_known = outgoing <= self.newest && self.newest - outgoing < self.records.len() as u64;
        is_known.then(|| &self.records[self.place(outgoing)])
    }

    fn place(&self, outgoing: u64) -> usize {
        (outgoing & (self.records.len() as u64 - 1)) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(outgoing: u64) -> Sent {
        let patch = Patch { picture_id: 0x7abc, tl0: 200, key_index: 31, frame_number: 0xffff };
        Sent {
            layer: 2,
            source_sequence: (1 << 39) + outgoing,
            rewritten: Rewritten { sequence: outgoing as u16, timestamp: 5, marker: outgoing & 1 == 0, is_padding: false, patch },
        }
    }

    #[test]
    fn a_packet_is_found_as_it_went_out() {
        let mut log = Log::default();
        let now = Instant::now();
        assert_eq!(log.find(0), None);
        for outgoing in [65_535, 65_536, 65_538] {
            log.push(now, outgoing, &sent(outgoing));
        }
        assert_eq!(log.find(0), Some(sent(65_536)));
        assert_eq!(log.find(65_535), Some(sent(65_535)));
        assert_eq!((log.find(1), log.find(3), log.find(65_534)), (None, None, None));
        let is_sent = [65_537, 65_538, 65_539, 1].map(|outgoing| log.is_sent(outgoing));
        assert_eq!(is_sent, [Some(false), Some(true), Some(false), None]);
    }

    #[test]
    fn it_grows_until_it_holds_a_second_and_a_half() {
        let mut log = Log::default();
        let start = Instant::now();
        for outgoing in 65_536..75_536_u64 {
            log.push(start + Duration::from_millis(outgoing - 65_536), outgoing, &sent(outgoing));
            if outgoing > 69_000 {
                assert_eq!(log.find((outgoing - 1400) as u16), Some(sent(outgoing - 1400)));
            }
        }
        assert!(log.records.len() <= RTP_SENT_MAX);
    }

    #[test]
    fn a_slow_stream_stays_small() {
        let mut log = Log::default();
        let start = Instant::now();
        for outgoing in 65_536..70_000_u64 {
            log.push(start + Duration::from_millis(20 * (outgoing - 65_536)), outgoing, &sent(outgoing));
        }
        assert_eq!(log.records.len(), RTP_SENT_MIN);
    }
}
