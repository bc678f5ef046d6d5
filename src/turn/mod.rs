//! Owns TURN credentials: what a participant shows to the TURN server, which shares a secret with us.
//!
//! The scheme is that of draft-uberti-behave-turn-rest-00, an expired draft that coturn and others implement as
//! `use-auth-secret`: the username carries its own expiry, the password proves that we wrote it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

use crate::id::ParticipantId;

/// Makes a username (`<expiry>:<participant>`) and its password (base64 of HMAC-SHA1, RFC 2104) that hold until
/// `expires_unix_s`, in seconds since 1970 (UTC). What runs at that time goes on; nothing new can be allocated.
pub fn mint(secret: &str, participant: ParticipantId, expires_unix_s: u64) -> (String, String) {
    let username = format!("{expires_unix_s}:{participant}");
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(username.as_bytes());
    let password = STANDARD.encode(mac.finalize().into_bytes());
    (username, password)
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
    fn credentials_are_those_that_openssl_computes() {
        for (secret, number, expires_unix_s, username, password) in VECTORS {
            let participant = ParticipantId::new(number).expect("not zero");
            let minted = mint(secret, participant, expires_unix_s);
            assert_eq!(minted, (username.to_owned(), password.to_owned()));
        }
    }
}
