//! Owns how long a shard lets datagrams gather before it takes them: not at all when there is little to do, up to half a
//! millisecond under load.
//!
//! A wake-up costs 15 to 20 µs whatever it brings, and packets of one destination that are sent together cost a third of packets
//! that are sent alone. A pause that brings a handful more pays for itself; below that it would only be delay.

use std::time::{Duration, Instant};

/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_micros(500);

/// A pause aims at this many datagrams.
const BATCH_AIM: f64 = 16.0;

/// Below this many within the longest pause there is none.
const BATCH_MIN: f64 = 3.0;

/// How much of the estimate is new, per wake-up.
const WEIGHT: f64 = 1.0 / 16.0;

/// The rate at which datagrams come of late.
#[derive(Debug, Default)]
pub(super) struct Tick {
    before: Option<Instant>,
    /// Datagrams of a wake-up, and seconds from one to the next: moving averages.
    batch: f64,
    interval_s: f64,
}

impl Tick {
    /// A wake-up at `now` brought this many datagrams.
    pub(super) fn note(&mut self, now: Instant, datagrams: usize) {
        if let Some(before) = self.before {
            let interval_s = now.saturating_duration_since(before).as_secs_f64().min(0.1);
            self.interval_s += (interval_s - self.interval_s) * WEIGHT;
            self.batch += (datagrams as f64 - self.batch) * WEIGHT;
        }
        self.before = Some(now);
    }

    /// How long to wait at a wake-up before taking what has come. After a silence: not at all.
    pub(super) fn pause(&self, now: Instant) -> Duration {
        let is_busy = self.before.is_some_and(|before| now.saturating_duration_since(before) < 4 * PAUSE_MAX);
        if !is_busy || self.interval_s <= 0.0 {
            return Duration::ZERO;
        }
        let per_second = self.batch / self.interval_s;
        if per_second * PAUSE_MAX.as_secs_f64() < BATCH_MIN {
            return Duration::ZERO;
        }
        // What has gathered while we worked counts: where batches are large by themselves, nothing is added.
        let since = self.before.map_or(0.0, |before| now.saturating_duration_since(before).as_secs_f64());
        let wanted_s = (BATCH_AIM / per_second - since).max(0.0);
        Duration::from_secs_f64(wanted_s).min(PAUSE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pause after a second of wake-ups that are this far apart, each with this many datagrams.
    fn pause_after(interval: Duration, datagrams: usize) -> Duration {
        let (mut tick, start) = (Tick::default(), Instant::now());
        let mut now = start;
        while now < start + Duration::from_secs(1) {
            tick.note(now, datagrams);
            now += interval;
        }
        tick.pause(now)
    }

    #[test]
    fn a_quiet_shard_adds_no_delay() {
        for interval_ms in [1, 5, 20, 100] {
            assert_eq!(pause_after(Duration::from_millis(interval_ms), 1), Duration::ZERO, "{interval_ms} ms");
        }
        assert_eq!(Tick::default().pause(Instant::now()), Duration::ZERO);
    }

    #[test]
    fn a_busy_one_lets_them_gather_within_bounds() {
        for (interval_us, datagrams) in [(20, 1), (50, 1), (100, 1), (500, 4)] {
            let pause = pause_after(Duration::from_micros(interval_us), datagrams);
            assert!(pause <= PAUSE_MAX && (pause > Duration::ZERO || datagrams > 1), "{interval_us} µs: {pause:?}");
        }
        assert_eq!(pause_after(Duration::from_micros(500), 64), Duration::ZERO, "large batches come by themselves");
    }

    #[test]
    fn the_first_datagram_after_a_burst_does_not_wait() {
        let (mut tick, start) = (Tick::default(), Instant::now());
        for step in 0..2000 {
            tick.note(start + step * Duration::from_micros(50), 1);
        }
        let end = start + 2000 * Duration::from_micros(50);
        assert!(tick.pause(end) > Duration::ZERO);
        assert_eq!(tick.pause(end + Duration::from_millis(20)), Duration::ZERO);
    }
}
