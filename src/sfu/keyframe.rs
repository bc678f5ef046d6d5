//! Owns the requests for keyframes: those of many receivers become few to the publisher, until one comes (RFC 4585, RFC 5104).

use std::time::{Duration, Instant};

/// Shortest time between two requests to a publisher for one encoding.
const INTERVAL_MIN: Duration = Duration::from_millis(300);
/// Longest time, while none comes.
const INTERVAL_MAX: Duration = Duration::from_secs(1);
/// After this time without a keyframe the request takes its other form as well.
const FIR_AFTER: Duration = Duration::from_secs(2);

/// Requests of one subscription that count, within [`BUDGET_WINDOW`].
const BUDGET: usize = 3;
const BUDGET_WINDOW: Duration = Duration::from_secs(10);

/// How to ask a publisher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// By Picture Loss Indication (RFC 4585 section 6.3.1).
    Pli,
    /// By Full Intra Request with this number (RFC 5104 section 4.3.1): the publisher does not hear the other.
    Fir(u8),
}

/// The requests for one encoding of a publication. The first goes out at once; those that come while it is open, or too soon
/// after it, are one.
#[derive(Debug)]
pub struct KeyframeRequests {
    /// Since when a keyframe is wanted and has not come.
    open_since: Option<Instant>,
    asked: Option<Instant>,
    tries: u32,
    rtt: Duration,
    can_fir: bool,
    fir_number: u8,
    requests: u64,
    keyframes: u64,
}

impl KeyframeRequests {
    /// For an encoding whose publisher understands FIR or not, as negotiated.
    pub fn new(can_fir: bool) -> Self {
        Self { open_since: None, asked: None, tries: 0, rtt: Duration::ZERO, can_fir, fir_number: 0, requests: 0, keyframes: 0 }
    }

    /// The time to the publisher and back: before twice of it, a request cannot have been answered.
    pub fn set_rtt(&mut self, rtt: Duration) {
        self.rtt = rtt;
    }

    /// Requests that went out so far.
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// Keyframes that came so far.
    pub fn keyframes(&self) -> u64 {
        self.keyframes
    }

    /// Somebody needs a keyframe that begins after now.
    pub fn handle_request(&mut self, now: Instant) {
        self.open_since.get_or_insert(now);
    }

    /// The first packet of a keyframe came.
    pub fn handle_keyframe(&mut self) {
        self.keyframes += 1;
        self.cancel();
    }

    /// Nobody needs one any more.
    pub fn cancel(&mut self) {
        self.open_since = None;
        self.tries = 0;
    }

    /// What to send to the publisher now, if anything.
    pub fn poll(&mut self, now: Instant) -> Option<Ask> {
        self.poll_timeout().filter(|due| *due <= now)?;
        let waited = now.saturating_duration_since(self.open_since?);
        self.asked = Some(now);
        self.requests += 1;
        self.tries += 1;
        // One after the other, for there is no way to tell which of them is heard.
        if self.can_fir && waited >= FIR_AFTER && self.tries.is_multiple_of(2) {
            self.fir_number = self.fir_number.wrapping_add(1);
            return Some(Ask::Fir(self.fir_number));
        }
        Some(Ask::Pli)
    }

    /// When [`Self::poll`] has something to send; none when nothing is wanted.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let open_since = self.open_since?;
        let Some(asked) = self.asked else { return Some(open_since) };
        let shortest = (self.rtt * 2).clamp(INTERVAL_MIN, INTERVAL_MAX);
        let interval = shortest.saturating_mul(1 << self.tries.saturating_sub(1).min(4)).min(INTERVAL_MAX);
        Some(open_since.max(asked + interval))
    }
}

/// How many of a subscription's own requests count: three in ten seconds. More are ignored and counted by the caller.
#[derive(Debug, Default)]
pub struct RequestBudget {
    /// A ring of those that counted.
    taken: [Option<Instant>; BUDGET],
    oldest: usize,
}

impl RequestBudget {
    /// Whether one more request counts now.
    pub fn take(&mut self, now: Instant) -> bool {
        let oldest = &mut self.taken[self.oldest];
        let is_free = oldest.is_none_or(|taken| now.saturating_duration_since(taken) >= BUDGET_WINDOW);
        if is_free {
            *oldest = Some(now);
            self.oldest = (self.oldest + 1) % BUDGET;
        }
        is_free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    #[test]
    fn the_first_request_goes_out_at_once_and_many_are_one() {
        let (mut requests, now) = (KeyframeRequests::new(true), Instant::now());
        assert_eq!((requests.poll(now), requests.poll_timeout()), (None, None));
        (0..50).for_each(|_| requests.handle_request(now));
        assert_eq!((requests.poll(now), requests.poll(now + millis(299))), (Some(Ask::Pli), None));
        requests.handle_keyframe();
        assert_eq!((requests.poll(now + millis(900)), requests.keyframes()), (None, 1));
    }

    #[test]
    fn a_new_request_after_a_keyframe_waits_for_its_turn() {
        let (mut requests, now) = (KeyframeRequests::new(true), Instant::now());
        requests.handle_request(now);
        requests.poll(now);
        requests.handle_keyframe();
        requests.handle_request(now + millis(50));
        assert_eq!(requests.poll_timeout(), Some(now + millis(300)));
        assert_eq!(requests.poll(now + millis(300)), Some(Ask::Pli));
    }

    #[test]
    fn it_is_repeated_until_a_keyframe_comes_and_takes_its_other_form() {
        let (mut requests, start) = (KeyframeRequests::new(true), Instant::now());
        requests.handle_request(start);
        let asks: Vec<(u128, Ask)> = (0..8)
            .map(|_| {
                let due = requests.poll_timeout().expect("open");
                ((due - start).as_millis(), requests.poll(due).expect("due"))
            })
            .collect();
        let times: Vec<u128> = asks.iter().map(|(at, _)| *at).collect();
        assert_eq!(times, [0, 300, 900, 1900, 2900, 3900, 4900, 5900]);
        let forms: Vec<Ask> = asks.into_iter().map(|(_, ask)| ask).collect();
        assert_eq!(forms[..5], [Ask::Pli; 5]);
        assert_eq!(forms[5..], [Ask::Fir(1), Ask::Pli, Ask::Fir(2)]);
    }

    #[test]
    fn who_does_not_understand_the_other_form_is_not_asked_by_it() {
        let (mut requests, start) = (KeyframeRequests::new(false), Instant::now());
        requests.handle_request(start);
        for _ in 0..10 {
            let due = requests.poll_timeout().expect("open");
            assert_eq!(requests.poll(due), Some(Ask::Pli));
        }
    }

    #[test]
    fn a_far_publisher_is_given_time() {
        let (mut requests, now) = (KeyframeRequests::new(true), Instant::now());
        requests.set_rtt(millis(400));
        requests.handle_request(now);
        requests.poll(now);
        assert_eq!(requests.poll_timeout(), Some(now + millis(800)));
        requests.cancel();
        assert_eq!(requests.poll_timeout(), None);
    }

    #[test]
    fn a_subscription_has_three_requests_in_ten_seconds() {
        let (mut budget, start) = (RequestBudget::default(), Instant::now());
        let taken = [0, 1_000, 2_000, 3_000, 9_999, 10_000, 10_500, 11_000].map(|at| budget.take(start + millis(at)));
        assert_eq!(taken, [true, true, true, false, false, true, false, true]);
    }
}
