//! Owns how fast one connection is read: a token bucket that delays and never drops.

use std::time::Duration;

use tokio::time::Instant;

/// Seconds of the sustained rate that may come at once.
const BURST_SECONDS: u32 = 5;

/// A token bucket. A connection that takes more than there is, is not read again until the debt is paid.
#[derive(Debug)]
pub(super) struct Bucket {
    interval: Duration,
    burst: Duration,
    /// When the bucket is (or was) full. Later than `burst` from now: overdrawn.
    full_at: Instant,
    paused_until: Option<Instant>,
}

impl Bucket {
    pub(super) fn new(per_second: u32, now: Instant) -> Self {
        let interval = Duration::from_secs(1) / per_second.max(1);
        Self { interval, burst: interval * per_second.max(1) * BURST_SECONDS, full_at: now, paused_until: None }
    }

    /// Takes one token.
    pub(super) fn take(&mut self, now: Instant) {
        self.full_at = self.full_at.max(now) + self.interval;
        if self.full_at > now + self.burst {
            self.paused_until = Some(self.full_at - self.burst);
        }
    }

    /// Until when the connection is not to be read.
    pub(super) fn paused_until(&self) -> Option<Instant> {
        self.paused_until
    }

    /// Ends a pause whose time has come.
    pub(super) fn resume(&mut self, now: Instant) {
        self.paused_until = self.paused_until.filter(|until| *until > now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10, start);
        for _ in 0..50 {
            bucket.take(start);
            assert_eq!(bucket.paused_until(), None);
        }
        bucket.take(start);
        assert_eq!(bucket.paused_until(), Some(start + Duration::from_millis(100)));
        bucket.resume(start + Duration::from_millis(100));
        assert_eq!(bucket.paused_until(), None);
        bucket.take(start + Duration::from_millis(200));
        assert_eq!(bucket.paused_until(), None, "one token has come back");
    }
}
