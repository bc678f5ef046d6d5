//! Owns the words of a transport: what it is made of, what it tells, and what goes wrong.

use bytes::Bytes;

use super::super::identity::Fingerprint;
use super::super::tuple::Tuple;
use crate::srtp::Profile;

/// One end's ICE credentials: ours, made new for each transport and each restart.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// `a=ice-ufrag`.
    pub ufrag: String,
    /// `a=ice-pwd`.
    pub pwd: String,
}

/// What the offer says of the other end. Its ICE password is not here: only a check of ours would need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// `a=ice-ufrag`.
    pub ufrag: String,
    /// `a=fingerprint`, those that we know; its certificate must have one of them.
    pub fingerprints: Vec<Fingerprint>,
    /// `a=sctp-port`, when the offer has data channels.
    pub sctp_port: Option<u16>,
}

/// Why a datagram was dropped; for counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// Not a whole message of its kind.
    Malformed,
    /// A check without our credentials.
    Unproved,
    /// A check of one that holds that we control; it was told.
    RoleConflict,
    /// DTLS from a way that no check has proved.
    UnknownTuple,
    /// Over a bound: see [`crate::limits`].
    TooMuch,
    /// DTLS that the association did not take.
    Dtls,
    /// The transport has failed or is closed.
    Closed,
}

impl Refusal {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Malformed, Self::Unproved, Self::RoleConflict, Self::UnknownTuple, Self::TooMuch, Self::Dtls, Self::Closed];
}

/// Why a transport has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Failure {
    /// No handshake within [`crate::limits::HANDSHAKE_TIMEOUT`].
    Timeout,
    /// Consent has lapsed on every way. An ICE restart brings the transport back.
    Consent,
    /// The handshake was broken off.
    Handshake,
    /// The certificate is not the offer's.
    Fingerprint,
    /// No SRTP profile of ours was offered.
    Profile,
}

/// Why a message was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum DataError {
    /// The channel is not open.
    #[error("data channel is not open")]
    NotOpen,
    /// More than [`crate::limits::DATA_SEND_BYTES_MAX`] wait.
    #[error("data channel is full")]
    Full,
    /// Longer than [`crate::limits::TEXT_FRAME_BYTES_MAX`].
    #[error("message is too large")]
    TooLarge,
}

/// An ICE restart that cannot be: the offer has other fingerprints, so that it is another association, and wants another transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("the offer has another certificate")]
pub struct OtherIdentity;

/// What happened on a transport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransportEvent {
    /// The handshake is done: sender and receiver are there.
    Connected {
        /// How packets are protected.
        profile: Profile,
    },
    /// Everything goes this way now.
    Selected(Tuple),
    /// This way is no longer valid.
    Dropped(Tuple),
    /// Whether the reliable data channel is open.
    DataOpen(bool),
    /// A message on a data channel.
    Data {
        /// Whether it is binary, not text. Text may be no UTF-8.
        binary: bool,
        /// At most [`crate::limits::TEXT_FRAME_BYTES_MAX`].
        payload: Bytes,
    },
    /// Media cannot flow any more.
    Failed(Failure),
    /// The other end has closed.
    Closed,
}
