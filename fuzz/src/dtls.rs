//! Owns the target for DTLS: datagrams from a way that is proved, with time passing between them.

use std::time::{Duration, Instant};

use visavis::sfu::Transport;

use super::inputs;
use super::stun::{TUPLE, transport};

/// A check for [`transport`], taken from the corpus of `stun`.
const CHECK: &[u8] = include_bytes!("../corpus/stun/nominating");

fn drain(transport: &mut Transport) {
    while transport.poll_transmit().is_some() {}
    while transport.poll_event().is_some() {}
}

/// No panic, and no keys without a handshake.
pub fn run(data: &[u8]) {
    let mut now = Instant::now();
    let mut transport = transport(now);
    transport.handle_stun(now, CHECK, TUPLE).expect("it is for this transport");
    for datagram in inputs(data) {
        let _ = transport.handle_dtls(now, datagram, TUPLE);
        drain(&mut transport);
        now += Duration::from_millis(150);
        transport.handle_timeout(now);
        drain(&mut transport);
    }
    assert!(transport.receiver_mut().is_none());
}
