//! Owns the STUN messages that reach us: a check proved or refused, its answer, and the plain service for whoever asks.

use std::net::SocketAddr;

use rtc_crypto::RTCCrypto;
use rtc_stun::attributes::{
    ATTR_ERROR_CODE, ATTR_ICE_CONTROLLED, ATTR_MESSAGE_INTEGRITY, ATTR_USE_CANDIDATE, ATTR_USERNAME, AttrType, RawAttribute,
};
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{BINDING_ERROR, BINDING_REQUEST, BINDING_SUCCESS, Message, MessageType, Setter};
use rtc_stun::xoraddr::XorMappedAddress;

use super::{Credentials, Refusal};

/// A check that was proved: its sender knows our password.
pub(super) struct Check {
    message: Message,
    /// Whether it nominates the way it came.
    pub is_nomination: bool,
    /// Whether its sender holds that we control (RFC 8445 section 7.3.1.1). A lite agent never does.
    pub is_role_conflict: bool,
}

impl Check {
    /// Proves a check for `ours:theirs` (RFC 8445 section 7.3, RFC 8489 section 9.1.3).
    pub fn prove(datagram: &[u8], ours: &Credentials, theirs: &str, crypto: &dyn RTCCrypto) -> Result<Self, Refusal> {
        let mut message = Message::new();
        message.unmarshal_binary(datagram).map_err(|_| Refusal::Malformed)?;
        let is_whole = datagram.len() == message.length as usize + 20;
        if message.typ != BINDING_REQUEST || !is_whole || FINGERPRINT.check(&message).is_err() {
            return Err(Refusal::Malformed);
        }
        let username = proved(&message, ATTR_USERNAME).ok_or(Refusal::Unproved)?;
        let is_ours = username.value.split(|byte| *byte == b':').eq([ours.ufrag.as_bytes(), theirs.as_bytes()]);
        if !is_ours || MessageIntegrity::check(&mut message, ours.pwd.as_bytes(), crypto).is_err() {
            return Err(Refusal::Unproved);
        }
        let is_nomination = proved(&message, ATTR_USE_CANDIDATE).is_some();
        let is_role_conflict = proved(&message, ATTR_ICE_CONTROLLED).is_some();
        Ok(Self { message, is_nomination, is_role_conflict })
    }

    /// The answer: from where it came, or the error for a role conflict.
    pub fn answer(&self, from: SocketAddr, ours: &Credentials, crypto: &dyn RTCCrypto) -> Option<Vec<u8>> {
        let integrity = MessageIntegrity::new_short_term_integrity_with_provider(ours.pwd.clone(), crypto);
        let mapped = XorMappedAddress { ip: from.ip().to_canonical(), port: from.port() };
        let (class, body): (_, &dyn Setter) =
            if self.is_role_conflict { (BINDING_ERROR, &RoleConflict) } else { (BINDING_SUCCESS, &mapped) };
        encode(&self.message, class, &[body, &integrity, &FINGERPRINT])
    }
}

/// An attribute that MESSAGE-INTEGRITY covers: what follows it may be anybody's.
fn proved(message: &Message, kind: AttrType) -> Option<&RawAttribute> {
    let covered = message.attributes.0.iter().take_while(|attribute| attribute.typ != ATTR_MESSAGE_INTEGRITY);
    covered.into_iter().find(|attribute| attribute.typ == kind)
}

/// 487, Role Conflict.
struct RoleConflict;

impl Setter for RoleConflict {
    fn add_to(&self, message: &mut Message) -> rtc_shared::error::Result<()> {
        message.add(ATTR_ERROR_CODE, b"\0\0\x04\x57Role Conflict");
        Ok(())
    }
}

fn encode(request: &Message, class: MessageType, parts: &[&dyn Setter]) -> Option<Vec<u8>> {
    let mut answer = Message::new();
    answer.typ = class;
    answer.transaction_id = request.transaction_id;
    answer.write_header();
    parts.iter().try_for_each(|part| part.add_to(&mut answer)).ok()?;
    Some(answer.raw)
}

/// The plain STUN service (RFC 8489 section 6.3.1, without any mechanism): tells who asks from where the request came. None for
/// what is not a Binding request, claims credentials, or demands what we do not know. An answer has 12 bytes more than the shortest
/// request (24 over IPv6), so that nobody's forged source address makes us shout.
pub fn answer_binding(datagram: &[u8], from: SocketAddr) -> Option<Vec<u8>> {
    // Longer ones are no plain requests: not worth the parsing.
    const LEN_MAX: usize = 256;
    let mut request = Message::new();
    request.unmarshal_binary(Some(datagram).filter(|datagram| datagram.len() <= LEN_MAX)?).ok()?;
    let is_plain = request.attributes.0.iter().all(|attribute| attribute.typ.optional());
    if request.typ != BINDING_REQUEST || datagram.len() != request.length as usize + 20 || !is_plain {
        return None;
    }
    encode(&request, BINDING_SUCCESS, &[&XorMappedAddress { ip: from.ip().to_canonical(), port: from.port() }])
}
