//! Owns rates over short windows: bytes by the time they were sent or had arrived.

/// The width of one bucket, in microseconds.
const BUCKET_US: i64 = 50_000;

/// Buckets that are kept.
const BUCKETS: i64 = 16;

/// Bytes of the last 0.8 s. Adding is a store, and what is older than the window is ignored.
#[derive(Debug, Clone)]
pub(super) struct Rate {
    bytes: [u32; BUCKETS as usize],
    /// The numbers of the first bucket ever, and of the newest.
    first: i64,
    newest: Option<i64>,
}

impl Rate {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        Self { bytes: [0; BUCKETS as usize], first: 0, newest: None }
    }

    /// So many bytes at this time, in microseconds of any clock.
    pub(super) fn note(&mut self, at_us: i64, bytes: u16) {
        let bucket = at_us.div_euclid(BUCKET_US);
        let newest = match self.newest {
            // A clock that leaps tells nothing of what was before.
            Some(newest) if bucket.abs_diff(newest) < BUCKETS as u64 => newest,
            _ => {
                self.bytes = [0; BUCKETS as usize];
                (self.first, self.newest) = (bucket, Some(bucket));
                bucket
            }
        };
        for skipped in newest + 1..=bucket {
            self.bytes[skipped.rem_euclid(BUCKETS) as usize] = 0;
        }
        self.newest = Some(newest.max(bucket));
        let place = &mut self.bytes[bucket.rem_euclid(BUCKETS) as usize];
        *place = place.saturating_add(bytes.into());
    }

    /// Bits per second over the newest `count` buckets of 50 ms (at most 15), the one that is not whole left out; none before there
    /// are three.
    pub(super) fn over(&self, count: i64) -> Option<f64> {
        let newest = self.newest?;
        let known = newest - self.first;
        if known < 3 {
            return None;
        }
        let count = count.min(BUCKETS - 1).min(known);
        let bytes: u64 = (newest - count..newest).map(|bucket| u64::from(self.bytes[bucket.rem_euclid(BUCKETS) as usize])).sum();
        Some(bytes as f64 * 8.0 / (count * BUCKET_US) as f64 * 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_stream_has_its_rate_and_a_pause_starts_anew() {
        let mut rate = Rate::new();
        assert_eq!(rate.over(10), None);
        (0..200).for_each(|at| rate.note(at * 10_000, 1250));
        assert_eq!((rate.over(6), rate.over(99)), (Some(1e6), Some(1e6)));
        rate.note(2_300_000, 0);
        assert!((rate.over(12).expect("known") - 0.5e6).abs() < 0.1e6, "half of the window was silent");
        rate.note(90_000_000, 1250);
        assert_eq!(rate.over(6), None);
        rate.note(-5_000_000, 1250);
        assert_eq!(rate.over(6), None);
    }
}
