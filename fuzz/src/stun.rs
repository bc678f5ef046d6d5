//! Owns the target for STUN: a check for a transport, a question to the plain service, a datagram to be routed.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use visavis::sfu::{Credentials, Identity, Protocol, Remote, ShardId, Transport, Tuple, Ufrag, answer_binding, shard_of};

/// Our credentials in the corpus.
pub fn credentials() -> Credentials {
    let ufrag = Ufrag::new(ShardId(1), 2, [0, 1, 2, 3, 4, 5, 6, 7]);
    Credentials { ufrag: ufrag.to_string(), pwd: "password-of-24-characters".to_owned() }
}

/// The other end's ufrag in the corpus.
pub const THEIRS: &str = "cli+";

/// A way to a transport.
pub const TUPLE: Tuple = Tuple {
    protocol: Protocol::Udp,
    local: IpAddr::V4(Ipv4Addr::LOCALHOST),
    remote: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 4242),
};

/// A transport with those credentials.
pub fn transport(now: Instant) -> Transport {
    static IDENTITY: OnceLock<Arc<Identity>> = OnceLock::new();
    let identity = IDENTITY.get_or_init(|| Arc::new(Identity::generate().expect("randomness"))).clone();
    let fingerprints = vec![identity.fingerprint().clone()];
    let remote = Remote { ufrag: THEIRS.to_owned(), fingerprints, sctp_port: Some(5000) };
    Transport::new(identity, credentials(), remote, now)
}

/// No panic; an answer only to what was proved, or asked plainly.
pub fn run(data: &[u8]) {
    let now = Instant::now();
    let mut transport = transport(now);
    let is_proved = transport.handle_stun(now, data, TUPLE).is_ok();
    assert_eq!(is_proved, transport.is_valid(TUPLE));
    if is_proved {
        assert!(shard_of(data) == Some(ShardId(1)) && transport.poll_transmit().is_some());
    }
    if let Some(answer) = answer_binding(data, TUPLE.remote) {
        assert!(!is_proved && answer.len() <= data.len() + 12);
    }
}
