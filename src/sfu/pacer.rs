//! Owns how fast a subscriber is sent to, and what share of it may be retransmission.

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

/// Media leaves at up to this many times the estimate. Below that it is not held back: waiting here costs what waiting in the link does.
const PACE: u64 = 2;

/// What may leave at once: this long at that pace, and at least a few packets.
const BURST_MS: u64 = 40;
const BURST_BYTES_MIN: u64 = 8_000;

/// A bucket of tokens, one for each byte, for all that a transport sends except audio, which never waits.
///
/// **Invariant:** it holds sizes only. The packets wait in the layers' rings; what waits longer than those hold is gone.
#[derive(Debug, Clone)]
pub struct Pacer {
    bps: u64,
    filled: Instant,
    /// In bits and nanoseconds of them, bytes times 8e9. Below zero after a packet that was greater than what was there.
    tokens: i128,
}

impl Pacer {
    /// Full, for an estimate of so many bits per second.
    pub fn new(now: Instant, bps: u64) -> Self {
        let mut pacer = Self { bps, filled: now, tokens: 0 };
        pacer.tokens = pacer.most();
        pacer
    }

    /// The estimate has changed.
    pub fn set_estimate(&mut self, now: Instant, bps: u64) {
        self.fill(now);
        self.bps = bps;
        self.tokens = self.tokens.min(self.most());
    }

    /// Whether a packet of so many bytes may leave now; if so, it counts as sent. A bucket that is not empty lets any one packet go.
    pub fn may_send(&mut self, now: Instant, bytes: usize) -> bool {
        self.fill(now);
        if self.tokens <= 0 {
            return false;
        }
        self.tokens -= cost(bytes as u64);
        true
    }

    /// When the next packet may leave, at the latest in a second.
    pub fn ready(&self) -> Instant {
        let nanos = (1 - self.tokens).max(0) / i128::from(self.bps.saturating_mul(PACE).max(1));
        self.filled + Duration::from_nanos(nanos.clamp(0, 1_000_000_000) as u64 + 1)
    }

    fn most(&self) -> i128 {
        cost((self.bps.saturating_mul(PACE * BURST_MS) / 8_000).max(BURST_BYTES_MIN))
    }

    fn fill(&mut self, now: Instant) {
        let nanos = now.saturating_duration_since(self.filled).as_nanos().min(1_000_000_000) as i128;
        self.filled = self.filled.max(now);
        let filled = nanos * i128::from(self.bps.saturating_mul(PACE));
        self.tokens = (self.tokens + filled).min(self.most());
    }
}

/// What so many bytes take out of a bucket that fills by bits per second and nanosecond.
fn cost(bytes: u64) -> i128 {
    i128::from(bytes) * 8_000_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_great_picture_leaves_at_twice_the_estimate() {
        let start = Instant::now();
        let mut pacer = Pacer::new(start, 500_000);
        let (mut sent, mut ms) = (0, 0);
        while sent < 133_000 {
            let now = start + Duration::from_millis(ms);
            while sent < 133_000 && pacer.may_send(now, 1_000) {
                sent += 1_000;
            }
            assert!(pacer.ready() > now || sent >= 133_000);
            ms += 1;
        }
        assert!((950..1_050).contains(&ms), "1 s for 125,000 bytes after the first 8,000: {ms}");
    }

    #[test]
    fn a_pause_saves_up_one_burst_and_no_more() {
        let start = Instant::now();
        let mut pacer = Pacer::new(start, 1_000_000);
        pacer.set_estimate(start + Duration::from_secs(60), 1_000_000);
        let now = start + Duration::from_secs(120);
        assert_eq!((0..100).filter(|_| pacer.may_send(now, 1_000)).count(), 10);
        assert!(pacer.ready() <= now + Duration::from_micros(1) && !pacer.may_send(now, 1));
        pacer.set_estimate(now, 100_000);
        assert!(!pacer.may_send(start, 1), "time does not run backwards");
    }

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
