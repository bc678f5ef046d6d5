//! Owns the estimate of what one subscriber's link carries: from the delay, the losses and the rate of what was sent, and from probes.
//!
//! The ways of Google's congestion control (draft-ietf-rmcat-gcc-02 and what browsers have made of it since). That of rtc-interceptor
//! 0.21 was looked at: only its whole is public, which cannot be told what a probe has shown, grows while nothing is sent, and
//! allocates as packets come. Here nothing allocates, and the whole is one value of about 1 KiB.

mod loss;
mod probing;
mod rate;
mod trend;

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use self::loss::Loss;
pub use self::probing::Probe;
use self::probing::Probing;
use self::rate::Rate;
use self::trend::{Trend, Usage};
use super::twcc::Outcome;
use crate::limits::{ESTIMATE_BPS_MAX, ESTIMATE_BPS_MIN};

/// What is assumed of a link at first, in bits per second.
const START_BPS: f64 = 2_500_000.0;

/// What of the rate that arrives is used when a queue grows.
const BACK_OFF: f64 = 0.85;

/// Growth per second, far from where the link was full.
const GROWTH: f64 = 1.08;

/// The estimate grows up to this much over what arrives: no more is known.
const EVIDENCE: f64 = 1.5;
const EVIDENCE_BPS: f64 = 10_000.0;

/// Buckets of 50 ms over which rates are taken: for a drop, and for growth.
const SOON: i64 = 6;
const CALM: i64 = 15;

/// And when far less arrives than is sent: the link is full, what arrives is even, and the last moments tell how narrow it has become.
const AT_ONCE: i64 = 3;

/// How many times what arrives must have been sent, behind a queue, for that.
const STARVED: f64 = 1.4;

/// Shares of packets lost that mean nothing, or that too much is sent.
const LOSS_HARMLESS: f64 = 0.02;
const LOSS_TOO_MUCH: f64 = 0.10;
const LOSS_SEVERE: f64 = 0.15;

/// A queue beyond what our own bursts explain, in microseconds: less is jitter; and one that makes any losses its own.
const QUEUE_US: i64 = 30_000;
const QUEUE_FULL_US: i64 = 100_000;

/// The longest queue that our bursts explain: a keyframe's.
const OWN_SECONDS: f64 = 0.2;

/// How often a full queue that does not grow lowers the estimate: the way may have become longer, which looks the same.
const FULL_AGAIN: Duration = Duration::from_secs(3);

/// The shortest delay of this long is what the link has without a queue.
const BASE_US: i64 = 5_000_000;

/// What a probe has filled drains in this time: until then nothing is judged.
const DEAF_US: i64 = 200_000;

/// A link that brings nothing for so long, and then what was sent meanwhile, stood still: as radios do. That says nothing of how wide
/// it is; unless it happens again soon.
const STILL_US: i64 = 120_000;
const STILL_AGAIN_US: i64 = 2_000_000;

/// Feedback within this means that there is some.
const FEEDBACK: Duration = Duration::from_secs(3);

/// How long a receiver report's losses count before they lower the estimate again.
const REPORT: Duration = Duration::from_secs(1);

/// The rate at which the link was full of late: mean and variance.
#[derive(Debug, Clone, Copy)]
struct Full {
    mean: f64,
    variance: f64,
}

/// The shortest delay of late, in two halves.
#[derive(Debug, Clone, Copy)]
struct Base {
    since: i64,
    halves: [i64; 2],
}

/// What one subscriber's link carries. One call for each feedback; nothing happens between.
#[derive(Debug, Clone)]
pub struct Estimate {
    epoch: Instant,
    bps: f64,
    /// Before the last drop.
    bps_before: f64,
    trend: Trend,
    loss: Loss,
    /// By the time of sending, and of arrival.
    sent: Rate,
    acked: Rate,
    base: Option<Base>,
    /// What our bursts leave waiting in a link that is as wide as the estimate: when, and bits.
    own: (i64, f64),
    full: Option<Full>,
    probing: Probing,
    deaf_until: i64,
    /// The last packet that arrived, sent and received; and when, in the time of sending, the link last stood still.
    last: Option<(i64, i64)>,
    still: Option<i64>,
    feedback: Option<Instant>,
    updated: Instant,
    /// From sending to feedback.
    response: Duration,
    dropped: Option<Instant>,
    dropped_full: Option<Instant>,
    /// What the receiver says it can take (REMB), and when its losses last counted.
    remb_bps: Option<f64>,
    reported: Option<Instant>,
}

/// What one feedback has shown.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    newest_sent: i64,
    /// The shortest queue that any packet met, beyond what our bursts explain.
    queue_us: Option<i64>,
    long: Option<f64>,
    short: Option<f64>,
    is_judged: bool,
}

impl Estimate {
    /// Nothing is known: 2.5 Mbit/s.
    pub fn new(now: Instant) -> Self {
        Self {
            epoch: now,
            bps: START_BPS,
            bps_before: START_BPS,
            trend: Trend::new(),
            loss: Loss::default(),
            sent: Rate::new(),
            acked: Rate::new(),
            base: None,
            own: (0, 0.0),
            full: None,
            probing: Probing::new(now),
            deaf_until: 0,
            last: None,
            still: None,
            feedback: None,
            updated: now,
            response: Duration::from_millis(200),
            dropped: None,
            dropped_full: None,
            remb_bps: None,
            reported: None,
        }
    }

    /// Bits per second, of whole packets as the transport notes them; from [`ESTIMATE_BPS_MIN`] to [`ESTIMATE_BPS_MAX`].
    pub fn bps(&self) -> u64 {
        let bps = match self.remb_bps {
            Some(remb) if self.feedback.is_none() => self.bps.min(remb),
            _ => self.bps,
        };
        (bps as u64).clamp(ESTIMATE_BPS_MIN, ESTIMATE_BPS_MAX)
    }

    /// What would be sent if the link carried everything, in bits per second. While it does not, the link is probed.
    pub fn set_wanted(&mut self, now: Instant, bps: u64) {
        self.probing.set_wanted(now, bps, self.bps);
    }

    /// A probe to be sent now, from the next flush on; the core calls it at [`Self::poll_timeout`] and after each feedback.
    pub fn poll_probe(&mut self, now: Instant) -> Option<Probe> {
        if !self.has_feedback(now) {
            return None;
        }
        self.probing.poll(now, self.bps)
    }

    /// When [`Self::poll_probe`] may have something; none while all that is wanted fits, or nobody gives feedback.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let last = self.feedback? + FEEDBACK;
        self.probing.poll_timeout(self.bps).filter(|due| *due <= last)
    }

    /// What a transport-wide feedback has told, in the order of sending.
    pub fn handle_outcomes(&mut self, now: Instant, outcomes: &[Outcome]) {
        let Some(newest) = outcomes.last() else { return };
        self.feedback = Some(now);
        let response = now.saturating_duration_since(newest.sent).min(Duration::from_secs(1));
        self.response = (self.response * 7 + response) / 8;
        let mut seen = Seen::default();
        for outcome in outcomes {
            self.handle_outcome(now, outcome, &mut seen);
        }
        if seen.is_judged {
            self.control(now, seen);
        }
        self.updated = now;
    }

    /// What the receiver says it can take (REMB), in bits per second. Counts on transports without transport-wide feedback.
    pub fn handle_remb(&mut self, now: Instant, bps: u64) {
        let bps = bps as f64;
        if self.feedback.is_none() {
            // The receiver measures what we send and allows half as much again: it is followed upwards, unless there are losses.
            let has_losses = self.reported.is_some_and(|at| now.saturating_duration_since(at) < REPORT * 3);
            if bps > self.bps && !has_losses {
                self.set(bps);
            }
            self.remb_bps = Some(bps);
        }
    }

    /// What a receiver report says: the share lost, 0 to 1, of so many packets. Counts on transports without transport-wide feedback.
    pub fn handle_loss(&mut self, now: Instant, fraction: f32, expected: u32) {
        let is_early = self.reported.is_some_and(|at| now.saturating_duration_since(at) < REPORT);
        if self.feedback.is_some() || expected < 10 || is_early {
            return;
        }
        let fraction = f64::from(fraction).clamp(0.0, 1.0);
        if fraction > LOSS_TOO_MUCH {
            self.reported = Some(now);
            let from = self.remb_bps.map_or(self.bps, |remb| self.bps.min(remb));
            self.set(from * (1.0 - fraction / 2.0));
        } else if fraction < LOSS_HARMLESS && self.remb_bps.is_none_or(|remb| self.bps < remb) {
            let seconds = now.saturating_duration_since(self.updated).as_secs_f64().min(1.0);
            self.set(self.bps * GROWTH.powf(seconds));
        }
        self.updated = now;
    }

    fn has_feedback(&self, now: Instant) -> bool {
        self.feedback.is_some_and(|at| now.saturating_duration_since(at) <= FEEDBACK)
    }

    fn set(&mut self, bps: f64) {
        self.bps = bps.clamp(ESTIMATE_BPS_MIN as f64, ESTIMATE_BPS_MAX as f64);
    }

    fn handle_outcome(&mut self, now: Instant, outcome: &Outcome, seen: &mut Seen) {
        let sent = self.micros(outcome.sent);
        self.sent.note(sent, outcome.size);
        let passed_us = (sent - self.own.0).max(0) as f64;
        // What was sent before a drop was sent by the estimate of before.
        let is_before = self.dropped.is_some_and(|at| outcome.sent <= at);
        let bps = if is_before { self.bps_before } else { self.bps };
        let own = (self.own.1 - passed_us * bps / 1e6).max(0.0) + f64::from(outcome.size) * 8.0;
        self.own = (sent.max(self.own.0), own.min(bps * OWN_SECONDS));
        if let Some(received) = outcome.received_us {
            self.acked.note(received, outcome.size);
        }
        if let Some(shown) = self.probing.handle_outcome(now, sent, outcome)
            && shown > self.bps
        {
            self.set(shown);
            self.full = None;
        }
        if outcome.cluster.is_some() {
            self.turn_deaf(sent + DEAF_US);
        }
        if outcome.received_us.is_some_and(|received| self.stood_still(sent, received)) {
            self.still = Some(sent);
            self.turn_deaf(self.micros(now));
        }
        if sent < self.deaf_until {
            return;
        }
        seen.is_judged = true;
        seen.newest_sent = sent;
        if !is_before {
            let shares = self.loss.note(sent, outcome.received_us.is_none());
            seen.long = shares.long.or(seen.long);
            seen.short = shares.short.or(seen.short);
        }
        let Some(received) = outcome.received_us else { return };
        let queue = self.queue(sent, received) - (self.own.1 / bps * 1e6) as i64;
        seen.queue_us = Some(seen.queue_us.map_or(queue, |least| least.min(queue)));
        self.trend.note(sent, received);
    }

    fn micros(&self, at: Instant) -> i64 {
        at.saturating_duration_since(self.epoch).as_micros() as i64
    }

    fn turn_deaf(&mut self, until: i64) {
        self.deaf_until = self.deaf_until.max(until);
        self.trend.restart();
    }

    fn stood_still(&mut self, sent: i64, received: i64) -> bool {
        let Some((sent_before, received_before)) = self.last.replace((sent, received)) else { return false };
        let is_gap = received - received_before > STILL_US && sent - sent_before < STILL_US / 2;
        is_gap && self.still.is_none_or(|at| sent - at > STILL_AGAIN_US)
    }

    /// How much longer this packet took than the quickest of late, in microseconds.
    fn queue(&mut self, sent: i64, received: i64) -> i64 {
        let delay = received - sent;
        let base = self.base.get_or_insert(Base { since: sent, halves: [delay; 2] });
        if sent - base.since > BASE_US {
            *base = Base { since: sent, halves: [delay, base.halves[0]] };
        }
        base.halves[0] = base.halves[0].min(delay);
        delay - base.halves[0].min(base.halves[1])
    }

    fn control(&mut self, now: Instant, seen: Seen) {
        let (Some(acked), Some(sent)) = (self.acked.over(SOON), self.sent.over(SOON)) else { return };
        let queue_us = seen.queue_us.unwrap_or(i64::MAX);
        let is_lossy = seen.short.is_some_and(|share| share > LOSS_SEVERE);
        let is_severe = (is_lossy || sent > acked * STARVED) && queue_us > QUEUE_US;
        let is_full = seen.short.is_some_and(|share| share > LOSS_HARMLESS)
            && queue_us > QUEUE_FULL_US
            // Else it drains.
            && sent > acked
            && self.dropped_full.is_none_or(|at| now.saturating_duration_since(at) >= FULL_AGAIN);
        let is_growing = self.trend.usage() == Usage::Over && queue_us > QUEUE_US;
        if is_severe || is_full || is_growing {
            if is_full {
                self.dropped_full = Some(now);
            }
            // At most half of it is believed to be gone at once: a link that only stood still for a moment looks the same.
            let at_once = self.acked.over(AT_ONCE).filter(|_| is_severe).map_or(acked, |rate| rate.clamp(acked / 2.0, acked));
            self.lower(now, seen, at_once, sent, is_severe);
        } else if let Some(share) = seen.long.filter(|share| *share > LOSS_TOO_MUCH) {
            // Lost without a queue: by the radio, or by a policer. From what was really sent, or it would take effect too late.
            let to = self.bps.min(sent * EVIDENCE) * (1.0 - share / 2.0);
            self.drop_to(now, to);
        } else if self.trend.usage() == Usage::Normal {
            self.raise(now);
        }
    }

    /// A queue grows, or is full.
    fn lower(&mut self, now: Instant, seen: Seen, acked: f64, sent: f64, is_severe: bool) {
        let is_fresh = self.dropped.is_none_or(|at| seen.newest_sent > self.micros(at));
        let is_overrun = sent > acked * 1.1;
        // What was sent before the last drop cannot complain of the rate after it, unless far less gets through than that.
        let is_far_less = is_overrun && acked * BACK_OFF < self.bps * 0.6;
        if !(is_fresh || is_far_less) {
            return;
        }
        self.note_full(acked);
        let is_first = self.dropped.is_none_or(|at| now.saturating_duration_since(at) > Duration::from_secs(1));
        let to = if is_first && acked < self.bps / 2.0 && !is_severe && sent < acked * 1.25 {
            // Little was sent, and nearly all of it came: a first sign lowers to what may well be right, the next one to what is sure.
            (self.bps * BACK_OFF).min(acked * EVIDENCE)
        } else {
            acked * BACK_OFF
        };
        self.drop_to(now, to);
    }

    fn drop_to(&mut self, now: Instant, bps: f64) {
        if bps < self.bps {
            self.bps_before = self.bps;
            self.set(bps);
            self.dropped = Some(now);
            self.loss.restart();
            self.probing.handle_drop(now);
        }
    }

    fn note_full(&mut self, acked: f64) {
        let near = self.full.filter(|full| (acked - full.mean).abs() <= 3.0 * full.deviation());
        self.full = Some(match near {
            None => Full { mean: acked, variance: acked * acked / 400.0 },
            Some(full) => {
                let error = acked - full.mean;
                Full { mean: full.mean + 0.05 * error, variance: 0.95 * full.variance + 0.05 * error * error }
            }
        });
    }

    /// Nothing speaks against more; but it needs evidence: what is not used is not known.
    fn raise(&mut self, now: Instant) {
        let Some(acked) = self.acked.over(CALM) else { return };
        let most = acked * EVIDENCE + EVIDENCE_BPS;
        let is_settling = self.dropped.is_some_and(|at| now.saturating_duration_since(at) < self.response);
        if self.bps >= most || is_settling {
            return;
        }
        if self.full.is_some_and(|full| acked > full.mean + 3.0 * full.deviation()) {
            self.full = None;
        }
        let seconds = now.saturating_duration_since(self.updated).as_secs_f64().min(1.0);
        let is_near = self.full.is_some_and(|full| (self.bps - full.mean).abs() <= 3.0 * full.deviation());
        let more = if is_near {
            // One packet in each response.
            9_600.0 / (self.response + Duration::from_millis(100)).as_secs_f64() * seconds
        } else {
            self.bps * (GROWTH.powf(seconds) - 1.0)
        };
        self.set((self.bps + more).min(most));
    }
}

impl Full {
    fn deviation(&self) -> f64 {
        self.variance.sqrt().max(self.mean * 0.02)
    }
}
