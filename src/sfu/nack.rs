//! Owns what is missing of a stream that a publisher sends, and when it is asked for (RFC 4585 section 6.2.1).

use std::time::{Duration, Instant};

use crate::limits::NACK_MISSING_MAX;

/// How many newer packets prove that one is missing and not just late.
const NEWER: u64 = 2;
/// How long a packet may be late where no newer ones come.
const LATE: Duration = Duration::from_millis(20);
/// Shortest and longest time between two requests for the same packet.
const INTERVAL_MIN: Duration = LATE;
const INTERVAL_MAX: Duration = Duration::from_millis(400);
/// Round-trip time until one has been measured.
const RTT_FIRST: Duration = Duration::from_millis(70);
/// How often a packet is asked for.
const TRIES_MAX: u8 = 8;

/// Too much is missing to ask for it: all of it is given up. Of video, a keyframe is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many packets are missing")]
pub struct Overflow;

#[derive(Debug, Clone, Copy)]
struct Missing {
    sequence: u64,
    noticed: Instant,
    asked: Option<Instant>,
    tries: u8,
}

/// The packets of one stream that have not come.
#[derive(Debug)]
pub struct NackGenerator {
    /// Ascending; at most [`NACK_MISSING_MAX`].
    missing: Vec<Missing>,
    newest: Option<u64>,
    age_max: Duration,
    rtt: Duration,
    given_up: u64,
    /// How many of them have been told.
    told: u64,
}

impl NackGenerator {
    /// Of a stream of video: a packet is of use for a second.
    pub fn video() -> Self {
        Self::new(Duration::from_secs(1))
    }

    /// Of a stream of audio: the receiver's buffer does not wait longer than 0.4 s.
    pub fn audio() -> Self {
        Self::new(Duration::from_millis(400))
    }

    fn new(age_max: Duration) -> Self {
        Self { missing: Vec::new(), newest: None, age_max, rtt: RTT_FIRST, given_up: 0, told: 0 }
    }

    /// The time to the publisher and back, as it was measured last.
    pub fn set_rtt(&mut self, rtt: Duration) {
        self.rtt = (self.rtt + rtt * 3) / 4;
    }

    /// How many packets were given up so far.
    pub fn given_up(&self) -> u64 {
        self.given_up
    }

    /// How many packets were given up since the last call.
    pub fn poll_given_up(&mut self) -> u64 {
        let told = std::mem::replace(&mut self.told, self.given_up);
        self.given_up - told
    }

    /// How many packets are missing at present.
    pub fn missing(&self) -> usize {
        self.missing.len()
    }

    /// A packet came: in order, after a gap, late, twice, or as a retransmission.
    pub fn handle_packet(&mut self, now: Instant, sequence: u64) -> Result<(), Overflow> {
        let Some(newest) = self.newest else {
            self.newest = Some(sequence);
            return Ok(());
        };
        if sequence <= newest {
            if let Ok(at) = self.missing.binary_search_by_key(&sequence, |missing| missing.sequence) {
                self.missing.remove(at);
            }
            return Ok(());
        }
        self.newest = Some(sequence);
        let gap = sequence - newest - 1;
        if self.missing.len() as u64 + gap > NACK_MISSING_MAX as u64 {
            self.given_up += self.missing.len() as u64 + gap;
            self.missing.clear();
            return Err(Overflow);
        }
        let lost = newest + 1..sequence;
        self.missing.extend(lost.map(|sequence| Missing { sequence, noticed: now, asked: None, tries: 0 }));
        Ok(())
    }

    /// A keyframe began with this packet: what is missing before it is of no use any more.
    pub fn handle_keyframe(&mut self, sequence: u64) {
        let useless = self.missing.partition_point(|missing| missing.sequence < sequence);
        self.missing.drain(..useless);
    }

    /// Begins anew: the stream has leapt, or it is no longer wanted.
    pub fn reset(&mut self) {
        self.missing.clear();
        self.newest = None;
    }

    /// Puts the low 16 bits of what is to be asked for now into `sequences`, ascending; what was asked for too often or is too old
    /// is given up.
    pub fn poll(&mut self, now: Instant, sequences: &mut Vec<u16>) {
        let before = self.missing.len();
        let (age_max, rtt, newest) = (self.age_max, self.rtt, self.newest);
        self.missing.retain_mut(|missing| {
            if now < missing.due(newest, rtt) {
                return now < missing.noticed + age_max;
            }
            if missing.tries >= TRIES_MAX || now >= missing.noticed + age_max {
                return false;
            }
            missing.asked = Some(now);
            missing.tries += 1;
            sequences.push(missing.sequence as u16);
            true
        });
        self.given_up += (before - self.missing.len()) as u64;
    }

    /// When [`Self::poll`] has something to do; none when nothing is missing.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let due = |missing: &Missing| missing.due(self.newest, self.rtt).min(missing.noticed + self.age_max);
        self.missing.iter().map(due).min()
    }
}

impl Missing {
    fn due(&self, newest: Option<u64>, rtt: Duration) -> Instant {
        match self.asked {
            None if newest >= Some(self.sequence + NEWER) => self.noticed,
            None => self.noticed + LATE,
            Some(asked) => {
                let wait = rtt.mul_f32(1.25_f32.powi(i32::from(self.tries) - 1));
                asked + wait.clamp(INTERVAL_MIN, INTERVAL_MAX)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn millis(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    fn asked(nacks: &mut NackGenerator, now: Instant) -> Vec<u16> {
        let mut sequences = Vec::new();
        nacks.poll(now, &mut sequences);
        sequences
    }

    fn after(sequences: &[u64]) -> (NackGenerator, Instant) {
        let (mut nacks, now) = (NackGenerator::video(), Instant::now());
        sequences.iter().for_each(|sequence| nacks.handle_packet(now, *sequence).expect("few"));
        (nacks, now)
    }

    #[test]
    fn two_newer_packets_prove_a_loss() {
        let (mut nacks, now) = after(&[65_534, 65_537, 65_538]);
        assert_eq!(asked(&mut nacks, now), [65_535, 0]);
        assert!(asked(&mut nacks, now).is_empty(), "once");
    }

    #[test]
    fn one_newer_packet_is_given_twenty_milliseconds() {
        let (mut nacks, now) = after(&[10, 12]);
        assert_eq!(nacks.poll_timeout(), Some(now + millis(20)));
        assert!(asked(&mut nacks, now + millis(19)).is_empty());
        assert_eq!(asked(&mut nacks, now + millis(20)), [11]);
    }

    #[test]
    fn what_comes_after_all_is_not_asked_for() {
        let (mut nacks, now) = after(&[10, 13, 11, 12, 12, 9]);
        assert_eq!((asked(&mut nacks, now + millis(50)), nacks.poll_timeout(), nacks.given_up()), (vec![], None, 0));
    }

    #[test]
    fn it_is_asked_for_again_at_growing_intervals_and_given_up_after_a_second() {
        let (mut nacks, start) = after(&[10, 13]);
        nacks.handle_packet(start, 11).expect("few");
        let mut times = Vec::new();
        while let Some(due) = nacks.poll_timeout() {
            if !asked(&mut nacks, due).is_empty() {
                times.push((due - start).as_millis());
            }
        }
        assert_eq!(times, [20, 90, 177, 286, 423, 594, 808]);
        assert_eq!((nacks.given_up(), nacks.missing()), (1, 0));
        assert_eq!((nacks.poll_given_up(), nacks.poll_given_up()), (1, 0), "told once");
    }

    #[test]
    fn a_near_publisher_is_asked_eight_times_at_most() {
        let (mut nacks, start) = after(&[10, 13]);
        (0..20).for_each(|_| nacks.set_rtt(millis(1)));
        let mut count = 0;
        while let Some(due) = nacks.poll_timeout() {
            count += asked(&mut nacks, due).len();
            assert!(due < start + millis(400));
        }
        assert_eq!(count, 16, "two packets");
    }

    #[test]
    fn a_keyframe_makes_what_was_before_it_useless() {
        let (mut nacks, now) = after(&[10, 13, 16]);
        nacks.handle_keyframe(13);
        assert_eq!((asked(&mut nacks, now + millis(20)), nacks.given_up()), (vec![14, 15], 0));
    }

    #[test]
    fn too_much_is_given_up_at_once() {
        let (mut nacks, now) = after(&[10]);
        assert_eq!(nacks.handle_packet(now, 11 + NACK_MISSING_MAX as u64), Ok(()));
        assert_eq!(nacks.handle_packet(now, 13 + NACK_MISSING_MAX as u64), Err(Overflow));
        assert_eq!((nacks.missing(), nacks.given_up()), (0, NACK_MISSING_MAX as u64 + 1));
        assert_eq!(nacks.handle_packet(now, u64::MAX - 1), Err(Overflow));
    }

    proptest! {
        #[test]
        fn what_is_asked_for_is_missing(steps in proptest::collection::vec((0u64..30, 0u64..60), 1..200)) {
            let (mut nacks, mut now) = (NackGenerator::audio(), Instant::now());
            let mut came = std::collections::HashSet::new();
            let mut newest = 1 << 16;
            for (step, wait) in steps {
                now += millis(wait);
                let sequence = newest + step - step.min(10);
                newest = newest.max(sequence);
                came.insert(sequence as u16);
                if nacks.handle_packet(now, sequence).is_err() { continue }
                let sequences = asked(&mut nacks, now);
                prop_assert!(sequences.iter().all(|sequence| !came.contains(sequence)));
                prop_assert!(nacks.missing() <= NACK_MISSING_MAX);
                prop_assert!(nacks.poll_timeout().is_none_or(|due| due > now), "everything due has been asked for");
            }
        }
    }
}
