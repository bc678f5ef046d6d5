//! Owns the relation between a stream's timestamps and its sender's clock, which sender reports tell (RFC 3550 section 6.4.1).

/// One pair out of a sender report: at this moment of the sender's clock, the stream's timestamp was this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderClock {
    /// NTP time, 32.32.
    pub ntp: u64,
    /// In units of the stream's clock.
    pub timestamp: u32,
}

impl SenderClock {
    /// The moment of the sender's clock at which the stream has this timestamp.
    pub fn ntp_at(&self, timestamp: u32, clock_rate_hz: u32) -> u64 {
        let ticks = i64::from(timestamp.wrapping_sub(self.timestamp) as i32);
        self.ntp.wrapping_add_signed((ticks << 32) / i64::from(clock_rate_hz.max(1)))
    }

    /// The timestamp that the stream has at this moment of the sender's clock.
    pub fn timestamp_at(&self, ntp: u64, clock_rate_hz: u32) -> u32 {
        let elapsed = i128::from(ntp.wrapping_sub(self.ntp) as i64);
        self.timestamp.wrapping_add((elapsed * i128::from(clock_rate_hz)).div_euclid(1 << 32) as u32)
    }

    /// What a timestamp of this stream would be in another stream of the same sender and the same rate.
    pub fn translate(&self, timestamp: u32, other: &Self, clock_rate_hz: u32) -> u32 {
        // Half a tick more, so that what is a whole tick stays one.
        let half_tick = (1_u64 << 31) / u64::from(clock_rate_hz.max(1));
        other.timestamp_at(self.ntp_at(timestamp, clock_rate_hz).wrapping_add(half_tick), clock_rate_hz)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_second_is_a_second() {
        let clock = SenderClock { ntp: 10 << 32, timestamp: 1_000 };
        assert_eq!(clock.ntp_at(91_000, 90_000), 11 << 32);
        assert_eq!(clock.timestamp_at(11 << 32, 90_000), 91_000);
        assert_eq!(clock.timestamp_at(9 << 32, 90_000), 1_000_u32.wrapping_sub(90_000));
    }

    #[test]
    fn two_streams_of_one_sender_agree() {
        let low = SenderClock { ntp: 100 << 32, timestamp: u32::MAX };
        let high = SenderClock { ntp: 103 << 32, timestamp: 5 };
        assert_eq!(high.translate(5 + 90, &low, 90_000), 3 * 90_000 + 89);
    }

    proptest! {
        #[test]
        fn there_and_back_is_the_same(ntp: u64, other_ntp_off in -(1i64 << 40)..1 << 40, a: u32, b: u32, ticks in -1_000_000i32..1_000_000,
                                      rate in prop_oneof![Just(90_000u32), Just(48_000)]) {
            let here = SenderClock { ntp, timestamp: a };
            let there = SenderClock { ntp: ntp.wrapping_add_signed(other_ntp_off), timestamp: b };
            let timestamp = a.wrapping_add_signed(ticks);
            let back = there.translate(here.translate(timestamp, &there, rate), &here, rate);
            prop_assert!((back.wrapping_sub(timestamp) as i32).abs() <= 1, "{} {}", back, timestamp);
        }
    }
}
