//! Owns how well a participant's media gets through: one score, what costs it points, and when a change of it matters.

use std::time::{Duration, Instant};

use crate::protocol::QualityReason;

/// How often a sample is to be taken.
pub const QUALITY_INTERVAL: Duration = Duration::from_secs(2);

/// How much of a sample counts at once: what gets worse is felt at once, what gets better must last.
const WEIGHT_WORSE: f32 = 0.8;
const WEIGHT_BETTER: f32 = 0.4;

/// Points for each percent that is lost. What comes again costs less than what does not, but is not known apart here.
const POINTS_LOSS: f32 = 3.0;

/// A delay up to this, in milliseconds from mouth to ear, disturbs nobody; from there on people interrupt each other (ITU-T G.107).
const DELAY_KNEE_MS: f32 = 160.0;

/// Points for a picture of which every layer is missing, and for each time that the link carries e times less than is wanted.
const POINTS_LAYER: f32 = 35.0;
const POINTS_BANDWIDTH: f32 = 20.0;
const POINTS_BANDWIDTH_MAX: f32 = 60.0;

/// What costs fewer points is no reason.
const REASON: f32 = 5.0;

/// What is announced: a change by so many points, or into another class by so many.
const CHANGE: u8 = 10;
const CHANGE_OF_CLASS: u8 = 3;

/// Excellent, good, poor: at least so many points. Below: lost.
const CLASSES: [u8; 3] = [80, 40, 20];

/// The shortest time between announcements, unless it has become worse by [`SUDDEN`].
const PAUSE: Duration = Duration::from_secs(5);
const SUDDEN: u8 = 20;

/// What was seen of a participant's media over one [`QUALITY_INTERVAL`], in both directions.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct QualitySample {
    /// The share of packets lost, 0 to 1, in the direction where it is worse.
    pub loss: f32,
    /// The round trip between the participant and us.
    pub round_trip: Duration,
    /// Interarrival jitter, in the direction where it is worse.
    pub jitter: Duration,
    /// What the link towards it carries, and what would be sent if it carried everything, in bits per second.
    pub estimate_bps: u64,
    /// See `estimate_bps`; 0 when it shows nothing.
    pub wanted_bps: u64,
    /// The share of layers that are missing from the pictures that it shows: 0 when each has the size that it is shown with, 1 when
    /// all are paused.
    pub layers_missing: f32,
}

impl QualitySample {
    /// Points lost for loss, delay, bandwidth and layers.
    fn costs(&self) -> [(QualityReason, f32); 4] {
        let delay_ms = (self.round_trip / 2 + self.jitter * 2).as_secs_f32() * 1000.0;
        let delay = if delay_ms <= DELAY_KNEE_MS { delay_ms / 40.0 } else { (delay_ms - DELAY_KNEE_MS * 0.75) / 10.0 };
        let times = self.wanted_bps as f32 / (self.estimate_bps as f32).max(1.0);
        [
            (QualityReason::Loss, self.loss.clamp(0.0, 1.0) * 100.0 * POINTS_LOSS),
            (QualityReason::Delay, delay),
            (QualityReason::Bandwidth, (times.max(1.0).ln() * POINTS_BANDWIDTH).min(POINTS_BANDWIDTH_MAX)),
            (QualityReason::Layer, self.layers_missing.clamp(0.0, 1.0) * POINTS_LAYER),
        ]
    }
}

/// What is told of a participant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// 0 (nothing gets through) to 100.
    pub score: u8,
    /// What costs points, the worst first.
    pub reasons: Vec<QualityReason>,
}

/// One participant's score, smoothed, and what was last told of it.
#[derive(Debug, Clone, Default)]
pub struct Quality {
    costs: Option<[f32; 4]>,
    told: Option<(Announcement, Instant)>,
}

impl Quality {
    /// One more interval has passed. What is to be announced, if it matters.
    pub fn handle_sample(&mut self, now: Instant, sample: &QualitySample) -> Option<Announcement> {
        let fresh = sample.costs();
        let before = self.costs.unwrap_or(fresh.map(|(_, cost)| cost));
        let mut smoothed = before;
        for (smoothed, (_, cost)) in smoothed.iter_mut().zip(fresh) {
            let weight = if cost > *smoothed { WEIGHT_WORSE } else { WEIGHT_BETTER };
            *smoothed += weight * (cost - *smoothed);
        }
        self.costs = Some(smoothed);
        let [loss, delay, bandwidth, layer] = smoothed;
        // A missing layer is mostly what the missing bandwidth has cost: it is not paid for twice.
        let score = (100.0 - loss - delay - bandwidth.max(layer)).clamp(0.0, 100.0).round() as u8;
        let mut reasons: Vec<_> = fresh.iter().zip(smoothed).map(|((reason, _), cost)| (*reason, cost)).collect();
        reasons.retain(|(_, cost)| *cost >= REASON);
        reasons.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        let next = Announcement { score, reasons: reasons.into_iter().map(|(reason, _)| reason).collect() };
        if !self.matters(now, &next) {
            return None;
        }
        self.told = Some((next.clone(), now));
        Some(next)
    }

    fn matters(&self, now: Instant, next: &Announcement) -> bool {
        let Some((told, at)) = &self.told else { return true };
        if told.score.saturating_sub(next.score) >= SUDDEN {
            return true;
        }
        let by = told.score.abs_diff(next.score);
        let has_changed = by >= CHANGE || (by >= CHANGE_OF_CLASS && class(told.score) != class(next.score));
        has_changed && now.saturating_duration_since(*at) >= PAUSE
    }
}

fn class(score: u8) -> usize {
    CLASSES.iter().take_while(|least| score < **least).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: QualitySample = QualitySample {
        loss: 0.0,
        round_trip: Duration::from_millis(40),
        jitter: Duration::from_millis(3),
        estimate_bps: 3_000_000,
        wanted_bps: 1_800_000,
        layers_missing: 0.0,
    };

    /// All that is announced while each sample of a row holds for so many intervals.
    fn told(row: &[(QualitySample, u32)]) -> Vec<(u32, u8, Vec<QualityReason>)> {
        let start = Instant::now();
        let mut quality = Quality::default();
        let samples = row.iter().flat_map(|(sample, times)| (0..*times).map(|_| *sample));
        let heard = samples.zip(0u32..).map(|(sample, at)| (at, quality.handle_sample(start + QUALITY_INTERVAL * at, &sample)));
        heard.filter_map(|(at, told)| told.map(|told| (at, told.score, told.reasons))).collect()
    }

    #[test]
    fn a_good_connection_is_told_once() {
        assert_eq!(told(&[(GOOD, 100)]), [(0, 99, vec![])]);
    }

    #[test]
    fn each_reason_is_named_by_what_it_costs() {
        let reasons = |sample| told(&[(sample, 1)]).remove(0);
        assert_eq!(reasons(QualitySample { loss: 0.1, ..GOOD }), (0, 69, vec![QualityReason::Loss]));
        let slow = QualitySample { round_trip: Duration::from_millis(700), ..GOOD };
        assert_eq!(reasons(slow), (0, 76, vec![QualityReason::Delay]));
        let narrow = QualitySample { estimate_bps: 340_000, layers_missing: 0.66, ..GOOD };
        assert_eq!(reasons(narrow), (0, 66, vec![QualityReason::Bandwidth, QualityReason::Layer]));
        let worst = QualitySample { loss: 0.9, estimate_bps: 0, layers_missing: 1.0, ..GOOD };
        assert_eq!(reasons(worst).1, 0);
    }

    #[test]
    fn worse_is_told_at_once_and_better_when_it_lasts() {
        let lossy = QualitySample { loss: 0.15, ..GOOD };
        let heard = told(&[(GOOD, 10), (lossy, 10), (GOOD, 10)]);
        assert_eq!((heard[1].0, heard[1].1), (10, 63), "{heard:?}");
        let back = heard.iter().find(|(at, score, _)| *at >= 20 && *score >= 80).expect("well again");
        assert!((21..=23).contains(&back.0), "{heard:?}");
        assert!(heard.len() <= 6, "{heard:?}");
    }

    #[test]
    fn what_goes_up_and_down_a_little_is_not_told() {
        let a_little = QualitySample { loss: 0.02, ..GOOD };
        let mut row = Vec::new();
        (0..50).for_each(|_| row.extend([(GOOD, 1), (a_little, 1)]));
        assert!(told(&row).len() <= 1, "{:?}", told(&row));
    }
}
