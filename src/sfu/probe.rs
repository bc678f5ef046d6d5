//! Owns the pace of a probe: how much padding is due.

use std::time::{Duration, Instant};

use super::estimate::Probe;

/// The most that is due at once, however late it is asked: what comes in one burst says nothing of a rate.
const LATE: Duration = Duration::from_millis(25);

/// A probe being sent.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    probe: Probe,
    asked: Instant,
    due: f64,
    sent: u64,
}

impl Pace {
    /// A probe that begins now.
    pub fn new(now: Instant, probe: Probe) -> Self {
        Self { probe, asked: now, due: 0.0, sent: 0 }
    }

    /// The probe.
    pub fn probe(&self) -> Probe {
        self.probe
    }

    /// How many bytes are to be sent now, in packets of any size; to be asked at each flush, and each 5 to 20 ms. 0 between, and once
    /// it is [done](Self::is_done).
    pub fn due(&mut self, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(self.asked).min(LATE);
        self.asked = now;
        self.due += elapsed.as_secs_f64() * self.probe.rate_bps as f64 / 8.0;
        // The first packet begins it.
        let due = (self.due as u64 + 1).min(self.probe.bytes);
        due.saturating_sub(self.sent)
    }

    /// A packet of it was sent.
    pub fn note(&mut self, bytes: usize) {
        self.sent = self.sent.saturating_add(bytes as u64);
    }

    /// Whether all of it was sent.
    pub fn is_done(&self) -> bool {
        self.sent >= self.probe.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sfu::twcc::ClusterId;

    #[test]
    fn a_probe_leaves_at_its_rate_whatever_the_ticks() {
        for tick_ms in [1, 5, 20] {
            let start = Instant::now();
            let mut pace = Pace::new(start, Probe { cluster: ClusterId(0), rate_bps: 4_000_000, bytes: 100_000 });
            let mut ms = 0;
            loop {
                while pace.due(start + Duration::from_millis(ms)) > 0 {
                    pace.note(1_100);
                }
                if pace.is_done() {
                    break;
                }
                ms += tick_ms;
            }
            assert!((190..=220).contains(&ms), "200 ms, not {ms}");
        }
    }

    #[test]
    fn a_late_tick_is_no_burst() {
        let start = Instant::now();
        let mut pace = Pace::new(start, Probe { cluster: ClusterId(0), rate_bps: 8_000_000, bytes: 1_000_000 });
        assert_eq!(pace.due(start), 1, "the first packet leaves at once");
        assert!(pace.due(start + Duration::from_secs(9)) <= 25_001);
    }
}
