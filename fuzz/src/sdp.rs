//! Owns the target for offers: text that is read, answered when it can be, and whose answer is a description again.

use visavis::sdp::{Answering, Candidate, Kind, Offer, Outgoing, Protocol, Reply, answer};

const FINGERPRINT: &str =
    "sha-256 01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF";

/// Reads an offer; an error has a line of the text, an offer an answer with as many sections.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let offer = match Offer::parse(text) {
        Ok(offer) => offer,
        Err(error) => {
            assert!(error.line.is_none_or(|line| (1..=text.split('\n').count()).contains(&line)), "{error}");
            return;
        }
    };
    let candidates = [Candidate { protocol: Protocol::Udp, address: ([192, 0, 2, 7], 8443).into() }];
    let replies: Vec<Reply> = offer
        .sections
        .iter()
        .map(|section| match section.kind {
            Kind::Data => Reply::Data,
            _ if section.direction.sends() => Reply::Receive,
            _ if section.direction.receives() => Reply::Send(Outgoing { ssrc: 1, rtx: Some(2), cname: "c", stream: "s" }),
            _ => Reply::Idle,
        })
        .collect();
    let answering = Answering {
        session_id: 1,
        session_version: 1,
        ufrag: "00000001AbCdEfGh",
        pwd: "abcdefghijklmnopqrstuvwx",
        fingerprint: FINGERPRINT,
        candidates: &candidates,
        max_message_size: 65_536,
        replies: &replies,
    };
    let text = answer(&offer, &answering);
    assert_eq!(text.matches("\r\nm=").count(), offer.sections.len());
    assert!(text.lines().all(|line| line.as_bytes().get(1) == Some(&b'=')), "no line of the offer can break one of the answer");
}
