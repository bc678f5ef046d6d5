//! Owns how much retransmission a subscriber's NACKs can cause: a share of what it was sent anyway.

use std::time::{Duration, Instant};

/// Bytes of retransmission for each hundred of media, over [`WINDOW`].
const PERCENT: u64 = 15;

/// What may always be repeated in a window: else the first losses of a quiet stream would stay.
const ALWAYS_BYTES: u64 = 6_000;

/// The time that the share is of; the present window counts whole, the one before it in part.
const WINDOW: Duration = Duration::from_secs(1);

/// The bytes of media and of retransmission of late. Also the bound of what forged NACKs can amplify.
#[derive(Debug, Clone)]
pub struct RetransmissionBudget {
    began: Instant,
    media: [u64; 2],
    repeated: [u64; 2],
}

impl RetransmissionBudget {
    /// Nothing has been sent.
    pub fn new(now: Instant) -> Self {
        Self { began: now, media: [0; 2], repeated: [0; 2] }
    }

    /// A packet of media of so many bytes was sent.
    pub fn note_media(&mut self, now: Instant, bytes: usize) {
        self.turn(now);
        self.media[0] = self.media[0].saturating_add(bytes as u64);
    }

    /// Whether a packet of so many bytes may be repeated now; if so, it counts as repeated.
    pub fn take(&mut self, now: Instant, bytes: usize) -> bool {
        self.turn(now);
        let allowed = (self.media[0] + self.media[1]).saturating_mul(PERCENT) / 100 + ALWAYS_BYTES;
        let would_be = self.repeated[0] + self.repeated[1] + bytes as u64;
        if would_be > allowed {
            return false;
        }
        self.repeated[0] += bytes as u64;
        true
    }

    fn turn(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.began);
        if passed >= WINDOW * 2 {
            *self = Self::new(now);
        } else if passed >= WINDOW {
            self.began += WINDOW;
            self.media = [0, self.media[0]];
            self.repeated = [0, self.repeated[0]];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_of_nacks_gets_fifteen_percent_and_a_little() {
        let start = Instant::now();
        let mut budget = RetransmissionBudget::new(start);
        let (mut media, mut repeated) = (0u64, 0u64);
        for ms in 0..60_000u64 {
            let now = start + Duration::from_millis(ms);
            if ms % 4 == 0 {
                budget.note_media(now, 1200);
                media += 1200;
            }
            for _ in 0..5 {
                repeated += if budget.take(now, 1200) { 1200 } else { 0 };
            }
        }
        let share = repeated as f64 / media as f64;
        assert!((0.12..0.18).contains(&share), "{share}");
    }

    #[test]
    fn a_quiet_stream_can_be_repaired_but_not_without_end() {
        let start = Instant::now();
        let mut budget = RetransmissionBudget::new(start);
        assert_eq!((0..100).filter(|_| budget.take(start, 1000)).count(), 6);
        assert!(budget.take(start + WINDOW * 2, 1000), "later again");
    }
}
