//! Owns transport-wide congestion control at both ends: which packets of a publisher arrived when, and what became of ours.

use std::time::{Duration, Instant};

use crate::rtp::rtcp::{TransportFeedback, write_transport_feedback};

/// Arrivals that are remembered, for 100 ms of up to 10,000 packets per second. A jump beyond forgets what lies before it.
const ARRIVALS: u64 = 1024;

/// Packets sent that wait for feedback: 1 s at 2,000 packets per second. The oldest go first, as if never answered.
const SENT: u64 = 2048;

/// A feedback goes at the latest after this, and at the earliest after half of it.
const INTERVAL: Duration = Duration::from_millis(100);

/// Arrivals that make a feedback due after half the interval.
const MANY: u32 = 20;

/// Arrivals that make it due at once, so that it fits one datagram.
const TOO_MANY: u32 = 400;

/// How late a packet may be, after its feedback has gone, for the feedback to be corrected.
const CORRECTED: Duration = Duration::from_millis(500);

/// Packets from far behind, one after another, that mean that the sender has begun to count anew.
const RESTART: u8 = 16;

/// One tick of the feedback's clock, in microseconds.
const TICK_US: i64 = 250;

/// Ticks after which the reference time wraps: 24 bits of 64 ms.
const WRAP_TICKS: i64 = 1 << 32;

/// Makes 64 bits of a 16-bit number that is near `near`.
fn unwrap_near(near: u64, sequence: u16) -> u64 {
    let distance = sequence.wrapping_sub(near as u16) as i16;
    near.wrapping_add_signed(distance.into())
}

/// The receiving end, towards a publisher. 16 KiB; noting an arrival is a store.
#[derive(Debug)]
pub struct Receiver {
    epoch: Instant,
    /// Sequence number and arrival in ticks, by the number modulo [`ARRIVALS`].
    arrivals: Box<[(u64, i64)]>,
    /// The first that no feedback is about yet, and the first that has never been seen.
    reported: u64,
    end: u64,
    pending: u32,
    pending_since: Instant,
    sent_at: Instant,
    number: u8,
    behind: u8,
    is_started: bool,
}

impl Receiver {
    /// Nothing has arrived.
    pub fn new(now: Instant) -> Self {
        Self {
            epoch: now,
            arrivals: vec![(u64::MAX, 0); ARRIVALS as usize].into(),
            reported: 0,
            end: 0,
            pending: 0,
            pending_since: now,
            sent_at: now,
            number: 0,
            behind: 0,
            is_started: false,
        }
    }

    /// A packet with this transport-wide sequence number has arrived. A repeated one counts as first seen.
    pub fn note(&mut self, now: Instant, sequence: u16) {
        if !self.is_started {
            self.restart(sequence);
        }
        let full = unwrap_near(self.end, sequence);
        if full + ARRIVALS <= self.end {
            self.behind += 1;
            if self.behind >= RESTART {
                self.restart(sequence);
                self.note(now, sequence);
            }
            return;
        }
        self.behind = 0;
        let ticks = now.saturating_duration_since(self.epoch).as_micros() as i64 / TICK_US;
        let place = &mut self.arrivals[(full % ARRIVALS) as usize];
        if place.0 == full {
            return;
        }
        *place = (full, ticks);
        self.end = self.end.max(full + 1);
        if full < self.reported {
            // It was reported lost. Say otherwise while the sender may still care.
            if now.saturating_duration_since(self.sent_at) > CORRECTED {
                return;
            }
            self.reported = full;
        }
        self.reported = self.reported.max(self.end.saturating_sub(ARRIVALS));
        if self.pending == 0 {
            self.pending_since = now;
        }
        self.pending += 1;
    }

    /// When the next feedback is due; none while there is nothing to say.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.pending {
            0 => None,
            1..MANY => Some(self.pending_since + INTERVAL),
            MANY..TOO_MANY => Some((self.sent_at + INTERVAL / 2).max(self.pending_since)),
            _ => Some(self.pending_since),
        }
    }

    /// Writes a feedback if one is due; its length. To be called until there is none.
    pub fn write(&mut self, now: Instant, sender: u32, media: u32, out: &mut [u8]) -> Option<usize> {
        if self.poll_timeout().is_none_or(|due| due > now) {
            return None;
        }
        // What precedes the first arrival was reported lost, or never sent.
        let is_known = |full: u64| self.arrivals[(full % ARRIVALS) as usize].0 == full;
        let base = self.reported;
        let arrival = |at: u16| {
            let full = base + u64::from(at);
            is_known(full).then(|| self.arrivals[(full % ARRIVALS) as usize].1)
        };
        let count = (self.end - base) as u16;
        let Some((len, covered)) = write_transport_feedback(out, sender, media, self.number, base as u16, count, arrival) else {
            // Nothing of what was pending is left, or the room is too small for anything: do not try for ever.
            (self.pending, self.reported) = (0, self.end);
            return None;
        };
        self.number = self.number.wrapping_add(1);
        self.reported = base + u64::from(covered);
        if self.reported == self.end {
            self.pending = 0;
            self.sent_at = now;
        }
        Some(len)
    }

    fn restart(&mut self, sequence: u16) {
        // Far from zero, so that what comes late stays above it.
        let start = (self.end | 0xffff) + 1 + ARRIVALS.next_multiple_of(0x1_0000) + u64::from(sequence);
        (self.reported, self.end) = (start, start);
        self.pending = 0;
        self.behind = 0;
        self.is_started = true;
    }
}

/// A probe cluster: packets sent at one rate to learn whether the link carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClusterId(pub u32);

/// What became of one packet of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// When it was sent.
    pub sent: Instant,
    /// When it arrived, in the receiver's own time since its first feedback; none when it is reported lost.
    pub received_us: Option<i64>,
    /// Its bytes, as sent.
    pub size: u16,
    /// The probe that it was part of.
    pub cluster: Option<ClusterId>,
}

#[derive(Debug, Clone, Copy)]
struct Sent {
    sequence: u64,
    at: Instant,
    size: u16,
    cluster: Option<ClusterId>,
    fate: Fate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Unknown,
    Lost,
    Received,
}

/// The sending end, towards a subscriber: 80 KiB.
#[derive(Debug, Default)]
pub struct History {
    sent: Vec<Sent>,
    next: u64,
    /// One past the highest that a feedback was about.
    answered: u64,
    in_flight: u64,
    /// The receiver's time at the last feedback, to undo the wrap of the next one, and at the first.
    reference: Option<(i64, i64)>,
}

impl History {
    /// The transport-wide sequence number that the next packet carries.
    pub fn next_sequence(&self) -> u16 {
        self.next as u16
    }

    /// A packet of `size` bytes was sent with [`Self::next_sequence`].
    pub fn note(&mut self, now: Instant, size: u16, cluster: Option<ClusterId>) {
        let sent = Sent { sequence: self.next, at: now, size, cluster, fate: Fate::Unknown };
        let at = (self.next % SENT) as usize;
        match self.sent.get_mut(at) {
            Some(place) => {
                if place.sequence >= self.answered {
                    self.in_flight -= u64::from(place.size);
                    self.answered = place.sequence + 1;
                }
                *place = sent;
            }
            None => self.sent.push(sent),
        }
        self.in_flight += u64::from(size);
        self.next += 1;
    }

    /// Bytes sent that no feedback has spoken of, or of later ones.
    pub fn in_flight(&self) -> u64 {
        self.in_flight
    }

    /// Adds to `outcomes` what a feedback newly says, in the order of sending. A packet is reported lost at most once and received
    /// at most once; what was never sent is ignored.
    pub fn handle_feedback(&mut self, feedback: &TransportFeedback<'_>, outcomes: &mut Vec<Outcome>) {
        if self.next == 0 {
            return;
        }
        let ticks = i64::from(feedback.reference) * 256;
        let (last, first) = self.reference.unwrap_or((ticks, ticks));
        let difference = (ticks - last).rem_euclid(WRAP_TICKS);
        let reference = last + if difference >= WRAP_TICKS / 2 { difference - WRAP_TICKS } else { difference };
        let base = unwrap_near(self.next - 1, feedback.base);
        let mut is_ours = false;
        for (at, (_, arrival)) in feedback.statuses().enumerate() {
            let full = base.wrapping_add(at as u64);
            if full >= self.next {
                continue;
            }
            let Some(sent) = self.sent.get_mut((full % SENT) as usize).filter(|sent| sent.sequence == full) else { continue };
            is_ours = true;
            let fate = if arrival.is_some() { Fate::Received } else { Fate::Lost };
            if sent.fate == Fate::Received || sent.fate == fate {
                continue;
            }
            sent.fate = fate;
            let received_us = arrival.map(|arrival| (reference - first + arrival) * TICK_US);
            outcomes.push(Outcome { sent: sent.at, received_us, size: sent.size, cluster: sent.cluster });
            while self.answered <= full {
                let answered = &self.sent[(self.answered % SENT) as usize];
                if answered.sequence == self.answered {
                    self.in_flight -= u64::from(answered.size);
                }
                self.answered += 1;
            }
        }
        if is_ours {
            self.reference = Some((reference, first));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rtp::rtcp::{Rtcp, walk};

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn feedbacks(receiver: &mut Receiver, now: Instant) -> Vec<Vec<u8>> {
        let mut out = [0; 1200];
        let mut all = Vec::new();
        while let Some(len) = receiver.write(now, 1, 2, &mut out) {
            all.push(out[..len].to_vec());
        }
        all
    }

    fn tell(history: &mut History, feedback: &[u8]) -> Vec<Outcome> {
        let Some(Ok(Rtcp::Transport(feedback))) = walk(feedback).next() else { panic!("a feedback") };
        let mut outcomes = Vec::new();
        history.handle_feedback(&feedback, &mut outcomes);
        outcomes
    }

    #[test]
    fn what_is_sent_is_matched_over_the_wrap_with_losses_and_copies() {
        let start = Instant::now();
        let (mut receiver, mut history) = (Receiver::new(start), History::default());
        let mut outcomes = Vec::new();
        for number in 0..140_000u64 {
            let now = start + Duration::from_millis(number * 2);
            let sequence = history.next_sequence();
            history.note(now, 1000, None);
            if number % 10 != 3 {
                receiver.note(now + ms(30), sequence);
                receiver.note(now + ms(31), sequence);
            }
            for feedback in feedbacks(&mut receiver, now + ms(31)) {
                outcomes.extend(tell(&mut history, &feedback));
                assert!(tell(&mut history, &feedback).is_empty(), "told twice");
            }
        }
        assert!(outcomes.len() > 139_900 && history.in_flight() <= 100 * 1000, "{} {}", outcomes.len(), history.in_flight());
        let first = outcomes[0];
        for (at, outcome) in outcomes.iter().enumerate() {
            assert_eq!(outcome.received_us.is_none(), at % 10 == 3);
            let Some(received) = outcome.received_us else { continue };
            let sent = outcome.sent.duration_since(first.sent).as_micros() as i64;
            let distance = received - first.received_us.expect("the first arrived") - sent;
            assert!(distance.abs() <= TICK_US, "{at}: {distance}");
        }
    }

    #[test]
    fn feedback_is_due_after_100_ms_or_sooner_when_there_is_much_to_say() {
        let start = Instant::now();
        let mut receiver = Receiver::new(start);
        assert_eq!(receiver.poll_timeout(), None);
        receiver.note(start + ms(1000), 7);
        assert_eq!(receiver.poll_timeout(), Some(start + ms(1100)));
        assert!(feedbacks(&mut receiver, start + ms(1099)).is_empty());
        assert_eq!(feedbacks(&mut receiver, start + ms(1100)).len(), 1);
        (8..8 + MANY as u16).for_each(|sequence| receiver.note(start + ms(1110), sequence));
        assert_eq!(receiver.poll_timeout(), Some(start + ms(1150)));
    }

    #[test]
    fn a_packet_that_was_reported_lost_and_comes_late_is_corrected() {
        let start = Instant::now();
        let (mut receiver, mut history) = (Receiver::new(start), History::default());
        (0..4).for_each(|_| history.note(start, 100, None));
        [0, 1, 3].iter().for_each(|sequence| receiver.note(start + ms(1), *sequence));
        let told = tell(&mut history, &feedbacks(&mut receiver, start + ms(101))[0]);
        assert_eq!(told.iter().filter(|outcome| outcome.received_us.is_none()).count(), 1);
        receiver.note(start + ms(150), 2);
        let told = tell(&mut history, &feedbacks(&mut receiver, start + ms(250))[0]);
        assert!(matches!(told[..], [Outcome { received_us: Some(_), .. }]), "{told:?}");
    }

    #[test]
    fn a_sender_that_counts_anew_is_followed() {
        let start = Instant::now();
        let mut receiver = Receiver::new(start);
        (0..2000u16).for_each(|sequence| receiver.note(start, 30_000 + sequence));
        feedbacks(&mut receiver, start + ms(200));
        (0..100u16).for_each(|sequence| receiver.note(start + ms(300), sequence + 5));
        let written = feedbacks(&mut receiver, start + ms(500));
        let Some(Ok(Rtcp::Transport(feedback))) = walk(&written[0]).next() else { panic!("a feedback") };
        assert_eq!(feedback.base, 5 + u16::from(RESTART) - 1);
    }

    #[test]
    fn a_ring_that_is_full_forgets_the_oldest() {
        let start = Instant::now();
        let mut history = History::default();
        (0..SENT * 2).for_each(|_| history.note(start, 10, None));
        assert_eq!(history.in_flight(), SENT * 10);
        assert_eq!(history.sent.len(), SENT as usize);
    }

    proptest! {
        #[test]
        fn any_order_of_arrival_yields_bounded_feedback(
            arrivals in proptest::collection::vec((any::<u16>(), 0u64..40), 0..600),
        ) {
            let start = Instant::now();
            let (mut receiver, mut history) = (Receiver::new(start), History::default());
            (0..70_000).for_each(|_| history.note(start, 10, None));
            let mut now = start;
            for (sequence, wait) in arrivals {
                now += ms(wait);
                receiver.note(now, sequence);
                let written = feedbacks(&mut receiver, now);
                prop_assert!(written.len() <= 8, "{}", written.len());
                for feedback in written {
                    tell(&mut history, &feedback);
                }
            }
        }
    }
}
