//! Owns the judgement whether a queue grows: from how much later each group of packets arrives than the one before it.

/// Packets sent within this are one group: a picture leaves in one go, and its spread says nothing of a queue.
const GROUP_US: i64 = 5_000;

/// The longest that packets which catch up with each other on the way stay one group.
const BURST_US: i64 = 100_000;

/// Groups that the line is drawn through.
const SAMPLES: usize = 20;

/// How much of the delay before stays in the smoothed one.
const SMOOTHING: f64 = 0.9;

/// What makes a slope comparable with the threshold: this, times the groups seen, up to [`GROUPS_MAX`].
const GAIN: f64 = 4.0;
const GROUPS_MAX: u32 = 60;

/// The threshold at first, and its bounds, in milliseconds.
const THRESHOLD_MS: f64 = 12.5;
const THRESHOLD_MIN_MS: f64 = 6.0;
const THRESHOLD_MAX_MS: f64 = 600.0;

/// How fast the threshold follows upwards and downwards, per millisecond. It follows, so that a flow that fills queues on purpose
/// beside ours does not take everything.
const FOLLOW_UP: f64 = 0.0087;
const FOLLOW_DOWN: f64 = 0.039;

/// What lies farther beyond the threshold is no jitter to be learned from.
const OUTLIER_MS: f64 = 15.0;

/// How long the line must have been too steep.
const OVER_MS: f64 = 10.0;

/// What the delay does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Usage {
    /// It stays.
    Normal,
    /// It grows: more is sent than gets through.
    Over,
    /// It shrinks: a queue drains.
    Under,
}

#[derive(Debug, Clone, Copy)]
struct Group {
    first_sent: i64,
    sent: i64,
    first_received: i64,
    received: i64,
}

/// The line and its judge.
#[derive(Debug, Clone)]
pub(super) struct Trend {
    group: Option<Group>,
    before: Option<Group>,
    groups: u32,
    delay_ms: f64,
    smoothed_ms: f64,
    first_received: i64,
    /// Arrival and smoothed delay, in milliseconds; a ring once it is full.
    samples: [(f64, f64); SAMPLES],
    len: usize,
    next: usize,
    threshold_ms: f64,
    judged: Option<i64>,
    over_ms: Option<f64>,
    over_count: u32,
    slope_before: f64,
    usage: Usage,
}

impl Trend {
    /// Nothing has arrived.
    pub(super) fn new() -> Self {
        Self {
            group: None,
            before: None,
            groups: 0,
            delay_ms: 0.0,
            smoothed_ms: 0.0,
            first_received: 0,
            samples: [(0.0, 0.0); SAMPLES],
            len: 0,
            next: 0,
            threshold_ms: THRESHOLD_MS,
            judged: None,
            over_ms: None,
            over_count: 0,
            slope_before: 0.0,
            usage: Usage::Normal,
        }
    }

    /// Begins anew where arrivals have lost their connection with what came before; the threshold stays learned.
    pub(super) fn restart(&mut self) {
        *self = Self { threshold_ms: self.threshold_ms, ..Self::new() };
    }

    /// What was judged last.
    pub(super) fn usage(&self) -> Usage {
        self.usage
    }

    /// A packet has arrived; both times in microseconds, each of its own clock. Packets come in the order of sending.
    pub(super) fn note(&mut self, sent: i64, received: i64) {
        let Some(group) = self.group.as_mut() else {
            self.group = Some(Group { first_sent: sent, sent, first_received: received, received });
            return;
        };
        if sent < group.first_sent {
            return;
        }
        let (since_sent, since_received) = (sent - group.sent, received - group.received);
        let catches_up = since_received < since_sent && since_received <= GROUP_US && received - group.first_received < BURST_US;
        if sent - group.first_sent <= GROUP_US || catches_up {
            group.sent = group.sent.max(sent);
            group.received = group.received.max(received);
            return;
        }
        let whole = *group;
        *group = Group { first_sent: sent, sent, first_received: received, received };
        if let Some(before) = self.before.replace(whole) {
            let (sent_ms, received_ms) = (to_ms(whole.sent - before.sent), to_ms(whole.received - before.received));
            // A whole group overtaken by the next is jitter beyond what a line can be drawn through.
            if received_ms >= 0.0 {
                self.draw(received_ms - sent_ms, sent_ms, whole.received);
            }
        }
    }

    fn draw(&mut self, later_ms: f64, sent_ms: f64, received: i64) {
        if self.groups == 0 {
            self.first_received = received;
        }
        self.groups = (self.groups + 1).min(GROUPS_MAX);
        self.delay_ms += later_ms;
        self.smoothed_ms = SMOOTHING * self.smoothed_ms + (1.0 - SMOOTHING) * self.delay_ms;
        self.samples[self.next] = (to_ms(received - self.first_received), self.smoothed_ms);
        self.next = (self.next + 1) % SAMPLES;
        self.len = (self.len + 1).min(SAMPLES);
        if self.len == SAMPLES {
            let slope = slope(&self.samples);
            self.judge(slope, sent_ms, received);
        }
    }

    fn judge(&mut self, slope: f64, sent_ms: f64, received: i64) {
        let steepness = slope * f64::from(self.groups) * GAIN;
        if steepness > self.threshold_ms {
            let over_ms = self.over_ms.map_or(sent_ms / 2.0, |over| over + sent_ms);
            self.over_ms = Some(over_ms);
            self.over_count += 1;
            if over_ms > OVER_MS && self.over_count > 1 && slope >= self.slope_before {
                (self.over_ms, self.over_count) = (Some(0.0), 0);
                self.usage = Usage::Over;
            }
        } else {
            (self.over_ms, self.over_count) = (None, 0);
            self.usage = if steepness < -self.threshold_ms { Usage::Under } else { Usage::Normal };
        }
        self.slope_before = slope;
        let elapsed_ms = self.judged.replace(received).map_or(0.0, |before| to_ms(received - before).clamp(0.0, 100.0));
        if steepness.abs() <= self.threshold_ms + OUTLIER_MS {
            let follow = if steepness.abs() < self.threshold_ms { FOLLOW_DOWN } else { FOLLOW_UP };
            let moved = self.threshold_ms + follow * (steepness.abs() - self.threshold_ms) * elapsed_ms;
            self.threshold_ms = moved.clamp(THRESHOLD_MIN_MS, THRESHOLD_MAX_MS);
        }
    }
}

fn to_ms(us: i64) -> f64 {
    us as f64 / 1000.0
}

/// Of the line with the least squares; flat when all arrived at once.
fn slope(samples: &[(f64, f64)]) -> f64 {
    let count = samples.len() as f64;
    let (sum_x, sum_y) = samples.iter().fold((0.0, 0.0), |(x, y), sample| (x + sample.0, y + sample.1));
    let (mean_x, mean_y) = (sum_x / count, sum_y / count);
    let (above, below) = samples
        .iter()
        .fold((0.0, 0.0), |(above, below), (x, y)| (above + (x - mean_x) * (y - mean_y), below + (x - mean_x) * (x - mean_x)));
    if below > 0.0 { above / below } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The last judgement of packets each 20 ms that arrive with this delay, in microseconds.
    fn judged(delays: impl Iterator<Item = i64>) -> Usage {
        let mut trend = Trend::new();
        for (number, delay) in delays.enumerate() {
            let sent = number as i64 * 20_000;
            trend.note(sent, sent + 1_000_000 + delay);
        }
        trend.usage()
    }

    #[test]
    fn a_delay_that_stays_grows_or_shrinks_is_told_apart() {
        assert_eq!(judged((0..100).map(|_| 30_000)), Usage::Normal);
        assert_eq!(judged((0..100).map(|at| at * 3_000)), Usage::Over);
        assert_eq!(judged((0..100).map(|at| 300_000 - at * 3_000)), Usage::Under);
    }

    #[test]
    fn the_spread_within_a_picture_is_no_delay() {
        let mut trend = Trend::new();
        for picture in 0..100 {
            for packet in 0..8 {
                let sent = picture * 33_000 + packet * 50;
                trend.note(sent, picture * 33_000 + packet * 3_000);
            }
        }
        assert_eq!(trend.usage(), Usage::Normal);
    }

    #[test]
    fn jitter_is_not_growth() {
        let mut random = 7u64;
        let mut trend = Trend::new();
        for number in 0..3000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let sent = number * 20_000;
            trend.note(sent, sent + (random >> 33) as i64 % 12_000);
            assert_ne!(trend.usage(), Usage::Over, "{number}");
        }
    }
}
