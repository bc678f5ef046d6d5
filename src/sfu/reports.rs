//! Owns what reports say: what a subscriber received of ours, and when a slot's timestamps were captured.

use std::time::{Duration, Instant};

use crate::rtp::rtcp::{Report, SenderInfo};

/// Seconds between 1900, where NTP begins, and 1970.
const NTP_UNIX_SECONDS: u64 = 2_208_988_800;

/// Sender reports of ours whose answers tell a round trip.
const REMEMBERED: usize = 4;

/// A longer round trip is an invention.
const ROUND_TRIP_MAX: Duration = Duration::from_secs(30);

/// A source's clock that differs from what we took it for by more has been set anew.
const CLOCK_STEP: Duration = Duration::from_secs(1);

/// NTP time in 32.32 bits of a time since 1970.
pub fn ntp(unix: Duration) -> u64 {
    (unix.as_secs().wrapping_add(NTP_UNIX_SECONDS) << 32).wrapping_add(fraction(unix))
}

fn fraction(duration: Duration) -> u64 {
    (u64::from(duration.subsec_nanos()) << 32) / 1_000_000_000
}

/// 32.32 bits of a duration.
fn fixed(duration: Duration) -> u64 {
    (duration.as_secs() << 32).wrapping_add(fraction(duration))
}

/// The middle 32 bits, by which receiver reports name a sender report.
fn middle(ntp: u64) -> u32 {
    (ntp >> 16) as u32
}

/// How a participant's NTP clock relates to ours. One for all its sources, so that what was captured together stays together;
/// that the value itself includes the way of one report matters to nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wallclock {
    offset: Option<i64>,
}

impl Wallclock {
    /// A sender report of any of its sources arrived; `unix` is our time since 1970. The source's NTP time in our clock.
    pub fn translate(&mut self, unix: Duration, theirs: u64) -> u64 {
        let difference = ntp(unix).wrapping_sub(theirs) as i64;
        let step = fixed(CLOCK_STEP);
        let offset = self.offset.filter(|known| known.abs_diff(difference) <= step).unwrap_or(difference);
        self.offset = Some(offset);
        theirs.wrapping_add_signed(offset)
    }
}

/// One moment in our NTP clock and in a stream's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// NTP time, 32.32 bits, in our clock.
    pub ntp: u64,
    /// The stream's timestamp.
    pub rtp: u32,
}

impl Moment {
    /// The moment that a source's sender report speaks of.
    pub fn of(info: &SenderInfo, wallclock: &mut Wallclock, unix: Duration) -> Self {
        Self { ntp: wallclock.translate(unix, info.ntp), rtp: info.rtp }
    }

    /// The timestamp that another stream with its own `reference` has at this moment's time plus what `timestamp` is after it: how
    /// layers of one source, which count from different beginnings, are aligned.
    pub fn align(&self, reference: &Moment, timestamp: u32, clock_rate: u32) -> u32 {
        let between = self.ntp.wrapping_sub(reference.ntp) as i64;
        let ticks = (i128::from(between) * i128::from(clock_rate) + (1 << 31)) >> 32;
        reference.rtp.wrapping_add(ticks as u32).wrapping_add(timestamp.wrapping_sub(self.rtp))
    }
}

/// What a subscriber's receiver says of one of our streams.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Heard {
    /// The round trip, if it answers one of our sender reports.
    pub round_trip: Option<Duration>,
    /// The share of packets lost since its last report, 0 to 1.
    pub loss: f32,
    /// Packets that the share is of.
    pub expected: u32,
    /// Interarrival jitter.
    pub jitter: Duration,
}

/// The reports about one outgoing stream: a slot's.
#[derive(Debug, Clone)]
pub struct Outgoing {
    ssrc: u32,
    clock_rate: u32,
    packets: u32,
    bytes: u32,
    last: Option<(u32, Instant)>,
    written: [Option<(u32, Instant)>; REMEMBERED],
    turn: usize,
    heard_highest: Option<u32>,
}

impl Outgoing {
    /// A stream of which nothing was sent; `clock_rate` in Hz.
    pub fn new(ssrc: u32, clock_rate: u32) -> Self {
        let written = [None; REMEMBERED];
        Self { ssrc, clock_rate, packets: 0, bytes: 0, last: None, written, turn: 0, heard_highest: None }
    }

    /// A packet was sent: its (rewritten) timestamp and bytes of payload.
    pub fn note(&mut self, now: Instant, timestamp: u32, payload_bytes: usize) {
        self.packets = self.packets.wrapping_add(1);
        self.bytes = self.bytes.wrapping_add(payload_bytes as u32);
        self.last = Some((timestamp, now));
    }

    /// What a sender report says now; none while nothing was sent. `source` is the last moment known of the source, and what the
    /// rewriting adds to its timestamps. Without one, the last packet counts as captured when it was sent.
    pub fn sender_info(&mut self, now: Instant, unix: Duration, source: Option<(Moment, u32)>) -> Option<SenderInfo> {
        let (timestamp, sent) = self.last?;
        let ntp = ntp(unix);
        let rtp = match source {
            Some((moment, offset)) => {
                let since = ntp.wrapping_sub(moment.ntp) as i64;
                let ticks = (i128::from(since) * i128::from(self.clock_rate)) >> 32;
                moment.rtp.wrapping_add(offset).wrapping_add(ticks as u32)
            }
            None => {
                let ticks = now.saturating_duration_since(sent).as_micros() * u128::from(self.clock_rate) / 1_000_000;
                timestamp.wrapping_add(ticks as u32)
            }
        };
        self.written[self.turn % REMEMBERED] = Some((middle(ntp), now));
        self.turn = (self.turn + 1) % REMEMBERED;
        Some(SenderInfo { ssrc: self.ssrc, ntp, rtp, packets: self.packets, bytes: self.bytes })
    }

    /// A report block about the stream has arrived.
    pub fn handle_report(&mut self, now: Instant, report: &Report) -> Heard {
        let asked = self.written.iter().flatten().find(|(middle, _)| *middle == report.last_sender_report);
        let delay = Duration::from_nanos((u64::from(report.delay) * 1_000_000_000) >> 16);
        let round_trip = asked.and_then(|(_, at)| now.saturating_duration_since(*at).checked_sub(delay));
        let expected = self.heard_highest.replace(report.highest).map_or(0, |before| report.highest.wrapping_sub(before));
        Heard {
            round_trip: round_trip.filter(|round_trip| *round_trip <= ROUND_TRIP_MAX),
            loss: f32::from(report.fraction_lost) / 256.0,
            // A receiver that goes backwards has begun anew, or lies.
            expected: if expected > u32::MAX / 2 { 0 } else { expected },
            jitter: Duration::from_secs_f64(f64::from(report.jitter) / f64::from(self.clock_rate.max(1))),
        }
    }
}

/// Smooths round trips (RFC 6298's weight of an eighth); none before the first.
#[derive(Debug, Clone, Copy, Default)]
pub struct RoundTrip(Option<Duration>);

impl RoundTrip {
    /// One more measurement.
    pub fn note(&mut self, measured: Duration) {
        self.0 = Some(self.0.map_or(measured, |smoothed| (smoothed * 7 + measured) / 8));
    }

    /// The smoothed value.
    pub fn value(&self) -> Option<Duration> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const UNIX: Duration = Duration::from_secs(1_800_000_000);

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_round_trip_is_measured_from_the_report_that_is_answered() {
        let start = Instant::now();
        let mut outgoing = Outgoing::new(1, 48_000);
        outgoing.note(start, 0, 100);
        let info = outgoing.sender_info(start, UNIX, None).expect("sent");
        outgoing.sender_info(start + ms(300), UNIX + ms(300), None);
        // It came after 40 ms and was answered 460 ms later.
        let delay = 460 * 65_536 / 1000;
        let report = Report { ssrc: 1, last_sender_report: middle(info.ntp), delay, ..Default::default() };
        let heard = outgoing.handle_report(start + ms(560), &report);
        let round_trip = heard.round_trip.expect("answered").as_secs_f64();
        assert!((round_trip - 0.1).abs() < 0.001, "{round_trip}");
        let invented = Report { last_sender_report: 12_345, ..report };
        assert_eq!(outgoing.handle_report(start, &invented).round_trip, None);
        let earlier = Report { delay: u32::MAX, ..report };
        assert_eq!(outgoing.handle_report(start + ms(560), &earlier).round_trip, None, "answered before it was asked");
    }

    #[test]
    fn voice_and_picture_captured_together_are_reported_together() {
        let start = Instant::now();
        // The participant's clock is 1000 s behind; its reports arrive 20 and 130 ms after they were made.
        let theirs = |at: Duration| ntp(UNIX + at - Duration::from_secs(1000));
        let mut wallclock = Wallclock::default();
        let voice = SenderInfo { ssrc: 1, ntp: theirs(ms(0)), rtp: 5_000, ..Default::default() };
        let picture = SenderInfo { ssrc: 2, ntp: theirs(ms(500)), rtp: 900_000, ..Default::default() };
        let voice = Moment::of(&voice, &mut wallclock, UNIX + ms(20));
        let picture = Moment::of(&picture, &mut wallclock, UNIX + ms(630));
        let (mut first, mut second) = (Outgoing::new(7, 48_000), Outgoing::new(8, 90_000));
        first.note(start, 1, 1);
        second.note(start, 1, 1);
        let first = first.sender_info(start, UNIX + ms(1000), Some((voice, 77))).expect("sent");
        let second = second.sender_info(start, UNIX + ms(2000), Some((picture, 99))).expect("sent");
        // Undo both: when, in the participant's clock, was what is now sent captured?
        let captured = |info: SenderInfo, rtp: u32, offset: u32, rate: f64, at: f64| {
            at + f64::from(info.rtp.wrapping_sub(offset).wrapping_sub(rtp) as i32) / rate
                - (info.ntp - ntp(UNIX)) as f64 / 2f64.powi(32)
        };
        let voice_shift = captured(first, 5_000, 77, 48_000.0, 0.0);
        let picture_shift = captured(second, 900_000, 99, 90_000.0, 0.5);
        assert!((voice_shift - picture_shift).abs() < 0.000_1, "{voice_shift} {picture_shift}");
    }

    #[test]
    fn a_clock_that_is_set_anew_is_followed() {
        let mut wallclock = Wallclock::default();
        assert_eq!(wallclock.translate(UNIX, ntp(UNIX - ms(500))), ntp(UNIX));
        let jittered = wallclock.translate(UNIX + ms(1000), ntp(UNIX + ms(400)));
        assert_eq!(jittered.abs_diff(ntp(UNIX + ms(900))) >> 16, 0, "another way of the report changes nothing");
        assert_eq!(wallclock.translate(UNIX, ntp(UNIX + ms(90_000))), ntp(UNIX), "a minute and a half is another clock");
    }

    #[test]
    fn layers_are_aligned_by_their_reports() {
        let low = Moment { ntp: ntp(UNIX), rtp: 1_000 };
        let high = Moment { ntp: ntp(UNIX + ms(500)), rtp: 4_000_000_000 };
        let aligned = high.align(&low, 4_000_000_000 + 900, 90_000);
        assert_eq!(aligned, 1_000 + 45_000 + 900);
    }

    proptest! {
        #[test]
        fn no_report_panics(packets in proptest::collection::vec((any::<u32>(), 0u64..5000), 0..50), numbers: [u32; 5]) {
            let start = Instant::now();
            let mut outgoing = Outgoing::new(1, numbers[0]);
            let mut now = start;
            for (timestamp, wait) in packets {
                now += ms(wait);
                outgoing.note(now, timestamp, 1);
                let moment = Moment { ntp: u64::from(numbers[1]) << 32, rtp: numbers[2] };
                outgoing.sender_info(now, UNIX, Some((moment, numbers[3])));
                let report = Report { highest: numbers[4], jitter: numbers[1], delay: numbers[2], ..Default::default() };
                outgoing.handle_report(now, &report);
            }
        }
    }
}
