//! Owns when a subscriber's link is probed for more, and what a probe has shown.

use std::time::{Duration, Instant};

use crate::sfu::twcc::{ClusterId, Outcome};

/// How long the link is left alone after a drop, and the first wait between probes.
const WAIT_MIN: Duration = Duration::from_secs(2);

/// The longest wait: a link that has widened shall be found, and the picture be back, within 15 s.
const WAIT_MAX: Duration = Duration::from_secs(8);

/// What a probe that found nothing does to the wait.
const BACK_OFF: f64 = 1.5;

/// A drop so soon after a probe says that the probe was wrong.
const REFUTED: Duration = Duration::from_secs(5);

/// How long a probe's outcomes may take.
const ANSWERED: Duration = Duration::from_millis(1200);

/// A probe lasts this long, and has at least this many bytes: five packets.
const LENGTH: Duration = Duration::from_millis(40);
const BYTES_MIN: u64 = 6_000;

/// The first probe, over what is assumed; each later one, over what is known.
const FIRST: f64 = 3.0;
const LATER: f64 = 2.0;

/// Over what is wanted. What is wanted must fit with room to spare before it is taken.
const WANTED: f64 = 1.25;
const PROBED: f64 = 1.5;

/// The share of its rate that a probe must show for the next to follow at once.
const GOES_ON: f64 = 0.7;

/// The share of a probe that must arrive.
const ARRIVED: f64 = 0.8;

/// Below this share of its rate it was the link that set the pace; what is used then is a little less than that.
const PACED: f64 = 0.9;
const USED: f64 = 0.95;

/// The shortest time that a rate is measured over.
const SPAN_MIN_US: i64 = 10_000;

/// Padding to be sent at a rate, see [`crate::sfu::probe::Pace`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// What its packets are noted with in [`crate::sfu::twcc::History::note`].
    pub cluster: ClusterId,
    /// Bits per second.
    pub rate_bps: u64,
    /// How much in all.
    pub bytes: u64,
}

/// What is known of a probe that was sent. All packets between its first and its last count: what else is sent meanwhile takes
/// its share of the link.
#[derive(Debug, Clone, Copy)]
struct Running {
    probe: Probe,
    until: Instant,
    packets: u32,
    arrived: u32,
    /// Bytes of the probe itself whose fate is known.
    known: u64,
    /// Bytes that were sent, and those that arrived, up to the last of its packets.
    bytes: u64,
    bytes_arrived: u64,
    /// Those after it, which count when another follows.
    beyond: u64,
    beyond_arrived: u64,
    first_sent: i64,
    last_sent: i64,
    /// Bytes that left in the last instant; they took no time yet.
    last_burst: u64,
    first_received: Option<(i64, u64)>,
    last_received: i64,
}

/// The schedule.
#[derive(Debug, Clone)]
pub(super) struct Probing {
    next: u32,
    running: Option<Running>,
    wanted: u64,
    due: Instant,
    wait: Duration,
    is_first: bool,
    dropped: Option<Instant>,
    /// When a probe last found its rate.
    found: Option<Instant>,
}

impl Probing {
    /// Nothing is wanted.
    pub(super) fn new(now: Instant) -> Self {
        Self { next: 0, running: None, wanted: 0, due: now, wait: WAIT_MIN, is_first: true, dropped: None, found: None }
    }

    /// What could be used, in bits per second, while `bps` is known.
    pub(super) fn set_wanted(&mut self, now: Instant, wanted: u64, bps: f64) {
        let was_deficient = self.is_deficient(bps);
        self.wanted = wanted;
        if !was_deficient && self.is_deficient(bps) && self.running.is_none() {
            self.wait = WAIT_MIN;
            self.due = self.dropped.map_or(now, |dropped| (dropped + WAIT_MIN).max(now));
        }
    }

    /// The estimate was lowered: by no probe, for while one runs nothing is judged.
    pub(super) fn handle_drop(&mut self, now: Instant) {
        self.dropped = Some(now);
        // What a probe has found and did not hold, others' packets took part in: it is not sought again as soon.
        let is_refuted = self.found.take().is_some_and(|found| now.saturating_duration_since(found) < REFUTED);
        self.wait = if is_refuted { self.wait.mul_f64(BACK_OFF).min(WAIT_MAX) } else { WAIT_MIN };
        self.due = now + self.wait;
    }

    /// Whether less is known than what is wanted needs.
    pub(super) fn is_deficient(&self, bps: f64) -> bool {
        bps < self.wanted as f64 * WANTED
    }

    /// The next probe, if it is time for one.
    pub(super) fn poll(&mut self, now: Instant, bps: f64) -> Option<Probe> {
        if self.running.is_some_and(|running| running.until <= now) {
            self.conclude(now);
        }
        if self.running.is_some() || !self.is_deficient(bps) || self.due > now {
            return None;
        }
        let over = if self.is_first { FIRST } else { LATER };
        self.is_first = false;
        let rate = (bps * over).min(self.wanted as f64 * PROBED).min(crate::limits::ESTIMATE_BPS_MAX as f64);
        let bytes = ((rate / 8.0 * LENGTH.as_secs_f64()) as u64).max(BYTES_MIN);
        let probe = Probe { cluster: ClusterId(self.next), rate_bps: rate as u64, bytes };
        self.next = self.next.wrapping_add(1);
        let takes = Duration::from_secs_f64(bytes as f64 * 8.0 / rate);
        self.running = Some(Running {
            probe,
            until: now + takes + ANSWERED,
            packets: 0,
            arrived: 0,
            known: 0,
            bytes: 0,
            bytes_arrived: 0,
            beyond: 0,
            beyond_arrived: 0,
            first_sent: 0,
            last_sent: 0,
            last_burst: 0,
            first_received: None,
            last_received: 0,
        });
        Some(probe)
    }

    /// When [`Self::poll`] has something to do; none while nothing is missing.
    pub(super) fn poll_timeout(&self, bps: f64) -> Option<Instant> {
        match self.running {
            Some(running) => Some(running.until),
            None => self.is_deficient(bps).then_some(self.due),
        }
    }

    /// The fate of a packet sent at this time, in microseconds. The rate that the link has shown, when that was the last of a probe.
    pub(super) fn handle_outcome(&mut self, now: Instant, sent: i64, outcome: &Outcome) -> Option<f64> {
        let running = self.running.as_mut()?;
        let size = u64::from(outcome.size);
        if outcome.cluster != Some(running.probe.cluster) {
            if running.packets > 0 {
                running.beyond += size;
                running.beyond_arrived += if outcome.received_us.is_some() { size } else { 0 };
            }
            return None;
        }
        if running.packets == 0 {
            running.first_sent = sent;
        }
        running.packets += 1;
        running.known += size;
        running.bytes += running.beyond + size;
        running.bytes_arrived += running.beyond_arrived;
        running.last_burst = if running.last_sent == sent { running.last_burst + running.beyond + size } else { size };
        (running.beyond, running.beyond_arrived) = (0, 0);
        running.last_sent = sent;
        if let Some(received) = outcome.received_us {
            running.arrived += 1;
            running.bytes_arrived += size;
            running.last_received = received.max(running.last_received);
            if running.first_received.is_none() {
                // What precedes the first arrival was not between it and the last.
                running.first_received = Some((received, running.bytes_arrived));
                running.last_received = received;
            }
        }
        if running.known < running.probe.bytes { None } else { self.conclude(now) }
    }

    /// Judges the running probe, and plans the next. What the link has shown; none when it is not to be relied upon.
    fn conclude(&mut self, now: Instant) -> Option<f64> {
        let running = self.running.take()?;
        let shown = running.shown();
        if shown.is_some_and(|shown| shown >= running.probe.rate_bps as f64 * GOES_ON) {
            self.found = Some(now);
            self.due = now;
        } else {
            self.due = now + self.wait;
            self.wait = self.wait.mul_f64(BACK_OFF).min(WAIT_MAX);
        }
        shown
    }
}

impl Running {
    fn shown(&self) -> Option<f64> {
        let (first_received, before) = self.first_received?;
        let (sent_us, received_us) = (self.last_sent - self.first_sent, self.last_received - first_received);
        let is_whole = self.known * 10 >= self.probe.bytes * 8 && f64::from(self.arrived) >= f64::from(self.packets) * ARRIVED;
        if !is_whole || self.packets < 4 || sent_us < SPAN_MIN_US || received_us < SPAN_MIN_US {
            return None;
        }
        let sent = self.bytes.saturating_sub(self.last_burst) as f64 * 8e6 / sent_us as f64;
        let received = self.bytes_arrived.saturating_sub(before) as f64 * 8e6 / received_us as f64;
        Some(if received < sent * PACED { received * USED } else { sent.min(received) })
    }
}
