//! Owns TURN credentials: what a participant shows to the TURN server, which shares a secret with us.
//!
//! The scheme is that of draft-uberti-behave-turn-rest-00, an expired draft that coturn and others implement as
//! `use-auth-secret`: the username carries its own expiry, the password proves that we wrote it.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

use crate::config::Ice;
use crate::id::ParticipantId;
use crate::protocol::{IceServer, IceServers};

/// Makes a username (`<expiry>:<participant>`) and its password (base64 of HMAC-SHA1, RFC 2104) that hold until
/// `expires_unix_s`, in seconds since 1970 (UTC). What runs at that time goes on; nothing new can be allocated.
pub fn mint(secret: &str, participant: ParticipantId, expires_unix_s: u64) -> (String, String) {
    let username = format!("{expires_unix_s}:{participant}");
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(username.as_bytes());
    let password = STANDARD.encode(mac.finalize().into_bytes());
    (username, password)
}

/// The servers and credentials that a participant is told of at `now_unix_s`, in seconds since 1970 (UTC).
pub fn ice_servers(ice: &Ice, participant: ParticipantId, now_unix_s: u64) -> IceServers {
    let mut ice_servers = Vec::new();
    if !ice.stun_urls.is_empty() {
        ice_servers.push(IceServer { urls: ice.stun_urls.clone(), username: None, credential: None });
    }
    let secret = ice.turn_secret.as_ref().filter(|_| !ice.turn_urls.is_empty());
    let Some(secret) = secret else { return IceServers { ice_servers, expires_in_ms: None } };
    let (username, credential) = mint(secret.expose(), participant, now_unix_s + ice.credential_ttl.as_secs());
    let turn = IceServer { urls: ice.turn_urls.clone(), username: Some(username), credential: Some(credential) };
    ice_servers.push(turn);
    IceServers { ice_servers, expires_in_ms: Some(ice.credential_ttl.as_millis() as u64) }
}

/// How long after minting a credential is renewed: early enough for one missed try.
pub fn renew_after(ice: &Ice) -> Duration {
    ice.credential_ttl * 3 / 4
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with `printf %s USERNAME | openssl dgst -sha1 -hmac SECRET -binary | base64`.
    const VECTORS: [(&str, u64, u64, &str, &str); 2] = [
        ("a-secret-that-coturn-shares", 0xff, 1_800_000_000, "1800000000:00000000000000ff", "+mdd0g5LtMq4wh35vJBuyauG4zw="),
        ("秘密的秘密的秘密", u64::MAX, 0, "0:ffffffffffffffff", "Zf7tZiGhE9iNi8qCu7/7QODZiR8="),
    ];

    #[test]
    fn without_a_secret_no_turn_server_is_announced() {
        let ice = Ice { turn_urls: vec!["turn:t.example".into()], ..Ice::default() };
        let told = ice_servers(&ice, ParticipantId::new(1).expect("not zero"), 0);
        assert_eq!(told, IceServers { ice_servers: vec![], expires_in_ms: None });
    }

    #[test]
    fn credentials_are_those_that_openssl_computes() {
        for (secret, number, expires_unix_s, username, password) in VECTORS {
            let participant = ParticipantId::new(number).expect("not zero");
            let minted = mint(secret, participant, expires_unix_s);
            assert_eq!(minted, (username.to_owned(), password.to_owned()));
        }
    }
}
