//! Owns how many bits per second have come or gone of late.

use std::time::{Duration, Instant};

/// Length of one bucket, and how many are looked at: a second in all, so that a keyframe does not count as a rate.
const BUCKET: Duration = Duration::from_millis(100);
const BUCKETS: usize = 10;

/// Bytes of the last second, by tenths.
#[derive(Debug, Clone)]
pub(super) struct Rate {
    buckets: [u32; BUCKETS],
    /// The bucket in use, and when it began.
    current: usize,
    began: Option<Instant>,
    /// Buckets that have been in use since the first packet, at most all.
    filled: usize,
}

impl Default for Rate {
    fn default() -> Self {
        Self { buckets: [0; BUCKETS], current: 0, began: None, filled: 0 }
    }
}

impl Rate {
    /// Counts bytes of a packet.
    pub(super) fn note(&mut self, now: Instant, bytes: usize) {
        self.advance(now);
        let bucket = &mut self.buckets[self.current];
        *bucket = bucket.saturating_add(bytes as u32);
    }

    /// Bits per second, over the last second or since the first packet.
    pub(super) fn bps(&mut self, now: Instant) -> u64 {
        self.advance(now);
        let bytes: u64 = self.buckets.iter().map(|bytes| u64::from(*bytes)).sum();
        let since = self.began.map_or(Duration::ZERO, |began| now.saturating_duration_since(began));
        let span = BUCKET * self.filled.saturating_sub(1) as u32 + since;
        if self.filled == 0 { 0 } else { bytes * 8 * 1000 / (span.as_millis() as u64).max(BUCKET.as_millis() as u64) }
    }

    /// Whether there has been time enough to tell: at first, a keyframe is all there is.
    pub(super) fn is_settled(&self) -> bool {
        self.filled == BUCKETS
    }

    fn advance(&mut self, now: Instant) {
        let mut began = *self.began.get_or_insert(now);
        self.filled = self.filled.max(1);
        if now.saturating_duration_since(began) >= BUCKET * BUCKETS as u32 {
            // Nothing of what was counted is of late.
            self.buckets = [0; BUCKETS];
            self.filled = 1;
            self.began = Some(now);
            return;
        }
        while now.saturating_duration_since(began) >= BUCKET {
            began += BUCKET;
            self.current = (self.current + 1) % BUCKETS;
            self.buckets[self.current] = 0;
            self.filled = (self.filled + 1).min(BUCKETS);
        }
        self.began = Some(began);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(rate: &mut Rate, start: Instant, millis: std::ops::Range<u64>, bytes: usize) {
        for at in millis.step_by(10) {
            rate.note(start + Duration::from_millis(at), bytes);
        }
    }

    #[test]
    fn a_steady_stream_has_its_rate_soon_and_keeps_it() {
        let (mut rate, start) = (Rate::default(), Instant::now());
        for (from, to) in [(0, 400), (400, 1000), (1000, 5000)] {
            feed(&mut rate, start, from..to, 1250);
            let bps = rate.bps(start + Duration::from_millis(to));
            assert!((900_000..1_100_000).contains(&bps), "{bps} after {to} ms");
        }
    }

    #[test]
    fn what_stops_is_forgotten_after_a_second() {
        let (mut rate, start) = (Rate::default(), Instant::now());
        feed(&mut rate, start, 0..2000, 1250);
        let half = rate.bps(start + Duration::from_millis(2500));
        assert!((400_000..650_000).contains(&half), "{half}");
        assert_eq!(rate.bps(start + Duration::from_millis(3100)), 0);
        assert_eq!(Rate::default().bps(start), 0);
    }
}
