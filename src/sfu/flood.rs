//! Owns how many datagrams one member may send: a bucket of tokens, so that a flood costs the others nothing but the look at it.

use std::time::Instant;

/// Tokens, one for each datagram: a second's worth at most.
///
/// **Invariant:** in any span of time, at most a second's worth more is let through than belongs to that span.
#[derive(Debug, Clone)]
pub(super) struct Allowance {
    per_second: u64,
    filled: Instant,
    /// In nanoseconds of a datagram's share: `per_second * 1e9` is a second's worth.
    tokens: u64,
}

const TOKEN: u64 = 1_000_000_000;

impl Allowance {
    /// A full bucket.
    pub(super) fn new(now: Instant, per_second: u32) -> Self {
        let per_second = u64::from(per_second);
        Self { per_second, filled: now, tokens: per_second * TOKEN }
    }

    /// Whether one more may come; if so, it counts.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.filled).as_nanos().min(u128::from(TOKEN)) as u64;
        self.filled = self.filled.max(now);
        self.tokens = (self.tokens + passed * self.per_second).min(self.per_second * TOKEN);
        let Some(left) = self.tokens.checked_sub(TOKEN) else { return false };
        self.tokens = left;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_flood_gets_a_second_at_once_and_then_its_share() {
        let start = Instant::now();
        let mut allowance = Allowance::new(start, 100);
        let mut count = |millis| (0..1000).filter(|_| allowance.take(start + Duration::from_millis(millis))).count();
        assert_eq!([0, 0, 500, 505, 515, 100_000].map(&mut count), [100, 0, 50, 0, 1, 100]);
    }

    #[test]
    fn who_keeps_to_its_rate_is_never_refused() {
        let start = Instant::now();
        let mut allowance = Allowance::new(start, 4000);
        assert!((0..100_000).all(|step| allowance.take(start + Duration::from_micros(250 * step))));
    }
}
