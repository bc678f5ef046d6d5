//! Owns running numbers: extending them to 64 bits, and what a receiver's report says of a stream (RFC 3550 A.1, A.3, A.8).

use std::time::Instant;

/// How far a stream may leap ahead before it counts as begun anew (RFC 3550 A.1).
pub const DROPOUT_MAX: u16 = 3000;
/// How far back a packet may be before it counts as a sign that the stream has begun anew.
pub const MISORDER_MAX: u16 = 1500;

/// Extends a number of a few bits that runs on and wraps: by the nearest value to the highest one so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extender {
    bits: u32,
    newest: Option<u64>,
}

impl Extender {
    /// For numbers of this many bits, 1 to 32.
    pub const fn new(bits: u32) -> Self {
        Self { bits, newest: None }
    }

    /// The highest so far.
    pub fn newest(&self) -> Option<u64> {
        self.newest
    }

    /// The extended number; the first one is its low bits in the second round, so that earlier ones have a value too.
    pub fn extend(&mut self, number: u32) -> u64 {
        let extended = self.nearest(number);
        self.newest = self.newest.max(Some(extended));
        extended
    }

    /// The same, without taking note of it.
    pub fn nearest(&self, number: u32) -> u64 {
        let round = 1_u64 << self.bits;
        let low = u64::from(number) & (round - 1);
        let Some(newest) = self.newest else { return round + low };
        let ahead = low.wrapping_sub(newest) & (round - 1);
        // Half a round ahead is as far back; RFC 1982 leaves it open.
        if ahead < round / 2 { newest + ahead } else { (newest + ahead).saturating_sub(round) }
    }

    /// Goes on in the next round, with this number: the stream has begun anew.
    fn restart(&mut self, number: u32) -> u64 {
        let round = 1_u64 << self.bits;
        let extended = self.newest.map_or(round, |newest| (newest / round + 1) * round) + (u64::from(number) & (round - 1));
        self.newest = Some(extended);
        extended
    }
}

/// What a packet is, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// A packet of the stream, with its extended sequence number: the next one, one after a gap, or one that is late or there
    /// already.
    Next(u64),
    /// The stream has begun anew; the extended number is higher than any before.
    Restarted(u64),
    /// Far from the others. The first such packet is left out; when its successor follows, the stream has begun anew.
    Stray,
}

/// One report block about a stream (RFC 3550 section 6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// Lost since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Lost since the beginning, of 24 bits; negative when some came twice.
    pub cumulative_lost: i32,
    /// The highest sequence number, with how often it wrapped.
    pub highest_sequence: u32,
    /// Of the time between arrivals, in units of the timestamp.
    pub jitter: u32,
}

/// What is counted of one stream that comes in. There is no probation: whoever can protect a packet is the sender.
#[derive(Debug, Clone)]
pub struct Reception {
    clock_rate_hz: u32,
    sequences: Extender,
    /// The first number of the stream.
    first: u64,
    received: u64,
    expected_before: u64,
    received_before: u64,
    /// In sixteenths.
    jitter: u64,
    last: Option<(Instant, u32)>,
    /// What the successor of a stray packet would be numbered.
    after_stray: Option<u16>,
}

impl Reception {
    /// Of a stream whose timestamps run at this rate.
    pub fn new(clock_rate_hz: u32) -> Self {
        Self {
            clock_rate_hz,
            sequences: Extender::new(16),
            first: 0,
            received: 0,
            expected_before: 0,
            received_before: 0,
            jitter: 0,
            last: None,
            after_stray: None,
        }
    }

    /// The highest extended sequence number so far.
    pub fn newest(&self) -> Option<u64> {
        self.sequences.newest()
    }

    /// How often a packet of the present stream has come, duplicates included.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// How uneven the time between arrivals is, in units of the timestamp.
    pub fn jitter(&self) -> u32 {
        u32::try_from(self.jitter >> 4).unwrap_or(u32::MAX)
    }

    /// Takes note of a packet that came on the stream itself.
    pub fn handle_packet(&mut self, now: Instant, sequence: u16, timestamp: u32) -> Arrival {
        let Some(newest) = self.sequences.newest() else {
            return Arrival::Next(self.begin(now, sequence, timestamp));
        };
        let ahead = sequence.wrapping_sub(newest as u16);
        if !(DROPOUT_MAX..=u16::MAX - MISORDER_MAX).contains(&ahead) {
            self.after_stray = None;
            self.received += 1;
            let extended = self.sequences.extend(sequence.into());
            if extended > newest {
                self.measure_jitter(now, timestamp);
            }
            return Arrival::Next(extended);
        }
        if self.after_stray == Some(sequence) {
            return Arrival::Restarted(self.begin(now, sequence, timestamp));
        }
        self.after_stray = Some(sequence.wrapping_add(1));
        Arrival::Stray
    }

    /// The extended number of a packet that came as a retransmission; none when it is not one of those that can be missing. It
    /// does not count: the report speaks of the stream itself, and jitter of its pace.
    pub fn handle_restored(&self, sequence: u16) -> Option<u64> {
        let newest = self.sequences.newest()?;
        let extended = self.sequences.nearest(sequence.into());
        (extended <= newest && newest - extended <= u64::from(DROPOUT_MAX)).then_some(extended)
    }

    /// The report since the last one; none before the first packet.
    pub fn report(&mut self) -> Option<Report> {
        let newest = self.sequences.newest()?;
        let expected = newest.saturating_sub(self.first) + 1;
        let expected_since = expected.saturating_sub(self.expected_before);
        let received_since = self.received.saturating_sub(self.received_before);
        (self.expected_before, self.received_before) = (expected, self.received);
        let lost_since = expected_since.saturating_sub(received_since);
        let fraction_lost = (lost_since << 8).checked_div(expected_since).unwrap_or(0).min(255);
        let lost = i64::try_from(expected).unwrap_or(i64::MAX).saturating_sub_unsigned(self.received);
        Some(Report {
            fraction_lost: fraction_lost as u8,
            cumulative_lost: lost.clamp(-0x80_0000, 0x7f_ffff) as i32,
            highest_sequence: newest.wrapping_sub(1 << 16) as u32,
            jitter: self.jitter(),
        })
    }

    fn begin(&mut self, now: Instant, sequence: u16, timestamp: u32) -> u64 {
        self.first = self.sequences.restart(sequence.into());
        self.received = 1;
        (self.expected_before, self.received_before) = (0, 0);
        self.jitter = 0;
        self.last = Some((now, timestamp));
        self.after_stray = None;
        self.first
    }

    /// RFC 3550 A.8, once for each timestamp: the packets of one picture leave one after another, and that is not jitter.
    fn measure_jitter(&mut self, now: Instant, timestamp: u32) {
        let Some((before, timestamp_before)) = self.last.filter(|(_, last)| *last != timestamp) else { return };
        self.last = Some((now, timestamp));
        let arrived_ticks = now.saturating_duration_since(before).as_micros() as i64 * i64::from(self.clock_rate_hz) / 1_000_000;
        let sent_ticks = i64::from(timestamp.wrapping_sub(timestamp_before) as i32);
        let deviation = (arrived_ticks - sent_ticks).unsigned_abs();
        // A leap of the timestamp by more than five seconds is another timeline, not a late packet.
        if deviation < u64::from(self.clock_rate_hz) * 5 {
            self.jitter = (self.jitter + deviation).saturating_sub((self.jitter + 8) >> 4);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn after(start: Instant, millis: u64) -> Instant {
        start + Duration::from_millis(millis)
    }

    #[test]
    fn numbers_go_on_when_they_wrap_in_either_direction() {
        let mut sequences = Extender::new(16);
        let extended = [65_534, 65_535, 0, 2, 65_533, 1].map(|number| sequences.extend(number) - (1 << 16));
        assert_eq!(extended, [65_534, 65_535, 65_536, 65_538, 65_533, 65_537]);
        assert_eq!(sequences.newest(), Some((1 << 16) + 65_538));
        let mut timestamps = Extender::new(32);
        assert_eq!(timestamps.extend(u32::MAX), (2 << 32) - 1);
        assert_eq!(timestamps.extend(5), (2 << 32) + 5);
    }

    #[test]
    fn a_leap_begins_the_stream_anew_only_when_it_is_confirmed() {
        let now = Instant::now();
        let mut reception = Reception::new(90_000);
        assert_eq!(reception.handle_packet(now, 100, 0), Arrival::Next(65_636));
        assert_eq!(reception.handle_packet(now, 30_000, 0), Arrival::Stray);
        assert_eq!(reception.handle_packet(now, 101, 0), Arrival::Next(65_637), "one stray packet harms nobody");
        assert_eq!(reception.handle_packet(now, 30_001, 0), Arrival::Stray);
        assert_eq!(reception.handle_packet(now, 30_002, 0), Arrival::Restarted(2 * 65_536 + 30_002));
        assert_eq!(reception.handle_packet(now, 30_003, 0), Arrival::Next(2 * 65_536 + 30_003));
    }

    #[test]
    fn going_back_far_begins_anew_too_and_still_goes_up() {
        let now = Instant::now();
        let mut reception = Reception::new(90_000);
        reception.handle_packet(now, 40_000, 0);
        assert_eq!(reception.handle_packet(now, 38_501, 0), Arrival::Next(65_536 + 38_501));
        assert_eq!(reception.handle_packet(now, 38_400, 0), Arrival::Stray);
        assert_eq!(reception.handle_packet(now, 38_401, 0), Arrival::Restarted(2 * 65_536 + 38_401));
        assert_eq!(reception.report().expect("begun").cumulative_lost, 0);
    }

    #[test]
    fn the_report_counts_what_is_lost() {
        let now = Instant::now();
        let mut reception = Reception::new(90_000);
        assert_eq!(reception.report(), None);
        for sequence in (65_500..65_536).chain(0..64).filter(|sequence| sequence % 4 != 3) {
            reception.handle_packet(now, sequence as u16, 0);
        }
        let report = reception.report().expect("begun");
        assert_eq!((report.cumulative_lost, report.highest_sequence), (24, 65_536 + 62));
        assert_eq!(report.fraction_lost, (24 * 256 / 99) as u8);
        for sequence in 63..163 {
            reception.handle_packet(now, sequence, 0);
        }
        assert_eq!(reception.report().expect("begun").fraction_lost, 0);
        for _ in 0..30 {
            reception.handle_packet(now, 162, 0);
        }
        assert_eq!(reception.report().expect("begun").cumulative_lost, 24 - 30, "duplicates count against losses");
    }

    #[test]
    fn what_is_restored_does_not_count() {
        let now = Instant::now();
        let mut reception = Reception::new(90_000);
        assert_eq!(reception.handle_restored(5), None);
        reception.handle_packet(now, 10, 0);
        reception.handle_packet(now, 12, 0);
        assert_eq!(reception.handle_restored(11), Some(65_536 + 11));
        assert_eq!((reception.handle_restored(13), reception.handle_restored(40_000)), (None, None), "not sent yet");
        assert_eq!(reception.report().expect("begun").cumulative_lost, 1);
    }

    #[test]
    fn an_even_pace_has_no_jitter_and_an_uneven_one_has() {
        let start = Instant::now();
        let mut even = Reception::new(48_000);
        let mut uneven = Reception::new(48_000);
        for packet in 0..200_u16 {
            let timestamp = u32::from(packet) * 960;
            even.handle_packet(after(start, 20 * u64::from(packet)), packet, timestamp);
            uneven.handle_packet(after(start, 20 * u64::from(packet) + u64::from(packet % 2) * 10), packet, timestamp);
        }
        assert_eq!(even.jitter(), 0);
        assert!((470..=480).contains(&uneven.jitter()), "10 ms are 480 ticks: {}", uneven.jitter());
    }

    #[test]
    fn the_packets_of_one_picture_are_no_jitter() {
        let start = Instant::now();
        let mut reception = Reception::new(90_000);
        for packet in 0..300_u16 {
            let picture = u64::from(packet / 3);
            let at = start + Duration::from_micros(picture * 33_333 + u64::from(packet % 3) * 5_000);
            reception.handle_packet(at, packet, (picture * 3_000) as u32);
        }
        assert!(reception.jitter() < 10, "{}", reception.jitter());
    }

    proptest! {
        #[test]
        fn extending_undoes_wrapping(start in 1u64 << 40..1 << 50, steps in proptest::collection::vec(-30_000i64..30_000, 1..100)) {
            let mut extender = Extender { bits: 16, newest: Some(start) };
            for step in steps {
                let number = extender.newest().unwrap().saturating_add_signed(step);
                prop_assert_eq!(extender.extend(number as u16 as u32), number);
            }
        }

        #[test]
        fn any_order_of_packets_gives_a_report(packets in proptest::collection::vec((any::<u16>(), any::<u32>(), 0u64..100), 1..100)) {
            let mut now = Instant::now();
            let mut reception = Reception::new(90_000);
            for (sequence, timestamp, millis) in packets {
                now += Duration::from_millis(millis);
                let before = reception.newest();
                match reception.handle_packet(now, sequence, timestamp) {
                    Arrival::Next(extended) => prop_assert_eq!(extended as u16, sequence),
                    Arrival::Restarted(extended) => prop_assert!(Some(extended) > before && extended as u16 == sequence),
                    Arrival::Stray => prop_assert_eq!(reception.newest(), before),
                }
                prop_assert!(reception.report().is_some());
            }
        }
    }
}
