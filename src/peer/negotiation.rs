//! Owns the rules of perfect negotiation for one peer connection (W3C WebRTC section 10.7), and the candidates that have
//! come before their description.
//!
//! **Invariant:** no I/O, and no knowledge of the library. Whoever uses it makes and applies descriptions one at a time.

use crate::protocol::Candidate;

/// Candidates that wait for a description. Further ones are dropped: no gatherer has as many.
const CANDIDATES_MAX: usize = 256;

/// What to do with an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnOffer {
    /// Apply and answer it.
    Accept,
    /// Take the own offer back, then apply and answer it.
    RollBackAndAccept,
    /// Wait for the answer to the own offer.
    Ignore,
}

/// Which end begins the DTLS handshake (RFC 8842): settled by the first answer for the life of the peer connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DtlsRole {
    /// This end.
    Active,
    /// The other end.
    Passive,
}

const SETUP_ACTIVE: &str = "a=setup:active";
const SETUP_PASSIVE: &str = "a=setup:passive";

/// The negotiation of one peer connection.
#[derive(Debug)]
pub struct Negotiation {
    polite: bool,
    offering: bool,
    dtls_role: Option<DtlsRole>,
    remote_ufrags: Option<Vec<String>>,
    waiting: Vec<Candidate>,
}

impl Negotiation {
    /// Nothing has been said. Of two ends one is polite: it gives way when both offer at the same time.
    pub fn new(polite: bool) -> Self {
        Self { polite, offering: false, dtls_role: None, remote_ufrags: None, waiting: Vec::new() }
    }

    /// An offer has been made, and is not answered yet.
    pub fn is_offering(&self) -> bool {
        self.offering
    }

    /// This end has applied an offer of its own.
    pub fn handle_own_offer(&mut self) {
        self.offering = true;
    }

    /// The other end offers.
    pub fn handle_offer(&mut self) -> OnOffer {
        match (self.offering, self.polite) {
            (false, _) => OnOffer::Accept,
            (true, true) => {
                self.offering = false;
                OnOffer::RollBackAndAccept
            }
            (true, false) => OnOffer::Ignore,
        }
    }

    /// The other end answers; whether that is of use.
    pub fn handle_answer(&mut self, sdp: &str) -> bool {
        let awaited = std::mem::take(&mut self.offering);
        if awaited && self.dtls_role.is_none() {
            self.dtls_role = Some(if has_line(sdp, SETUP_ACTIVE) { DtlsRole::Passive } else { DtlsRole::Active });
        }
        awaited
    }

    /// The own answer as it is to be sent. The library makes every answer one that begins the handshake; after the first
    /// answer, another role than the settled one would mean a new handshake, which a browser refuses.
    pub fn answer_to_send(&mut self, sdp: &str) -> String {
        let made = if has_line(sdp, SETUP_ACTIVE) { DtlsRole::Active } else { DtlsRole::Passive };
        match *self.dtls_role.get_or_insert(made) {
            DtlsRole::Active => sdp.replace(SETUP_PASSIVE, SETUP_ACTIVE),
            DtlsRole::Passive => sdp.replace(SETUP_ACTIVE, SETUP_PASSIVE),
        }
    }

    /// A description of the other end has been applied: gives the candidates that waited for it.
    pub fn handle_applied(&mut self, sdp: &str) -> Vec<Candidate> {
        let ufrags = sdp.lines().filter_map(|line| line.trim_end().strip_prefix("a=ice-ufrag:")).map(str::to_owned);
        self.remote_ufrags = Some(ufrags.collect());
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.retain(|candidate| self.is_current(candidate));
        waiting
    }

    /// A candidate of the other end: given back when it can be added now. One of another generation, or of an offer that
    /// was ignored, is dropped.
    pub fn handle_candidate(&mut self, candidate: Candidate) -> Option<Candidate> {
        if self.remote_ufrags.is_some() {
            return self.is_current(&candidate).then_some(candidate);
        }
        if self.waiting.len() < CANDIDATES_MAX {
            self.waiting.push(candidate);
        }
        None
    }

    fn is_current(&self, candidate: &Candidate) -> bool {
        let known = |ufrag: &String| self.remote_ufrags.as_ref().is_some_and(|ufrags| ufrags.contains(ufrag));
        candidate.username_fragment.as_ref().is_none_or(known)
    }
}

fn has_line(sdp: &str, line: &str) -> bool {
    sdp.lines().any(|other| other.trim_end() == line)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDP: &str = "v=0\r\nm=audio 9 X 1\r\na=ice-ufrag:abcd\r\na=ice-pwd:x\r\n";

    fn candidate(ufrag: Option<&str>) -> Candidate {
        Candidate {
            candidate: "candidate:1 1 udp 1 127.0.0.1 9 typ host".into(),
            sdp_mid: None,
            sdp_m_line_index: Some(0),
            username_fragment: ufrag.map(str::to_owned),
        }
    }

    #[test]
    fn of_two_offers_at_the_same_time_the_polite_one_is_taken_back() {
        let (mut polite, mut impolite) = (Negotiation::new(true), Negotiation::new(false));
        polite.handle_own_offer();
        impolite.handle_own_offer();
        assert_eq!(impolite.handle_offer(), OnOffer::Ignore);
        assert_eq!(polite.handle_offer(), OnOffer::RollBackAndAccept);
        assert!(impolite.handle_answer(SDP));
        assert!(!polite.is_offering() && !impolite.is_offering());
    }

    #[test]
    fn an_offer_out_of_the_blue_is_accepted_and_an_answer_out_of_the_blue_is_not() {
        let mut negotiation = Negotiation::new(false);
        assert_eq!(negotiation.handle_offer(), OnOffer::Accept);
        assert!(!negotiation.handle_answer(SDP));
        negotiation.handle_own_offer();
        assert!(negotiation.handle_answer(SDP));
        assert!(!negotiation.handle_answer(SDP));
    }

    #[test]
    fn the_first_answer_settles_who_begins_the_handshake() {
        let (active, passive) = ("m=x\r\na=setup:active\r\n", "m=x\r\na=setup:passive\r\n");
        let mut called = Negotiation::new(true);
        assert_eq!(called.answer_to_send(active), active);
        assert_eq!(called.answer_to_send(active), active);
        let mut caller = Negotiation::new(true);
        caller.handle_own_offer();
        assert!(caller.handle_answer(active));
        assert_eq!(caller.answer_to_send(active), passive);
        let mut caller = Negotiation::new(true);
        caller.handle_own_offer();
        assert!(caller.handle_answer(passive));
        assert_eq!(caller.answer_to_send(active), active);
    }

    #[test]
    fn candidates_wait_for_the_description_and_must_belong_to_it() {
        let mut negotiation = Negotiation::new(true);
        for ufrag in [Some("abcd"), Some("old"), None] {
            assert_eq!(negotiation.handle_candidate(candidate(ufrag)), None);
        }
        let added = negotiation.handle_applied(SDP);
        assert_eq!(added, [candidate(Some("abcd")), candidate(None)]);
        assert_eq!(negotiation.handle_candidate(candidate(Some("old"))), None);
        assert!(negotiation.handle_candidate(candidate(Some("abcd"))).is_some());
    }

    #[test]
    fn waiting_candidates_are_bounded() {
        let mut negotiation = Negotiation::new(true);
        for _ in 0..CANDIDATES_MAX + 1 {
            negotiation.handle_candidate(candidate(None));
        }
        assert_eq!(negotiation.handle_applied(SDP).len(), CANDIDATES_MAX);
    }
}
