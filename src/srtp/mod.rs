//! Owns SRTP and SRTCP in place: RFC 3711 AES_CM_128_HMAC_SHA1_80 and RFC 7714 AEAD_AES_128_GCM.
//!
//! One [`Sender`] and one [`Receiver`] belong to one transport. Neither allocates for a packet, and both work in the caller's buffer.
//!
//! # What the caller of a [`Sender`] must hold
//!
//! Both profiles make a key stream out of (SSRC, 48-bit index). Two packets with different content under the same pair reveal each
//! other's content; with GCM they also reveal the key that authenticates, so that anybody can forge. Therefore:
//!
//! - One master key has one `Sender` in the whole process; a [`MasterKey`] moves into it and cannot be cloned.
//! - The same (SSRC, `roc`, sequence number) is never protected twice with different bytes: header and extensions count, as they
//!   are authenticated. What is sent again goes out as RTX, under another SSRC with a number of its own.
//! - `roc` counts the wraps of the sequence number that is *sent*, for the whole life of the SSRC on this transport. A rewriter
//!   that starts again after a change of source continues the count.
//!
//! A build with debug assertions remembers the last packets of each sender and panics when one breaks the rule.

mod cipher;
mod kdf;
mod receiver;
mod replay;
mod sender;
#[cfg(test)]
mod tests;

pub use receiver::{Receiver, Unprotected};
pub use sender::Sender;

/// Most bytes that protecting an RTP packet appends.
pub const RTP_OVERHEAD_MAX: usize = 16;

/// Most bytes that protecting a compound RTCP packet appends: the tag, and the word with the index.
pub const RTCP_OVERHEAD_MAX: usize = 20;

/// How packets are protected (RFC 5764 section 4.1.2, RFC 7714 section 14.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Profile {
    /// AES-128 in GCM with a tag of 16 bytes.
    AeadAes128Gcm,
    /// AES-128 in counter mode, and HMAC-SHA1 cut to 10 bytes.
    Aes128CmHmacSha1_80,
}

impl Profile {
    /// Bytes of a master key.
    pub const KEY_LEN: usize = 16;

    /// Bytes of a master salt.
    pub const fn salt_len(self) -> usize {
        match self {
            Self::AeadAes128Gcm => 12,
            Self::Aes128CmHmacSha1_80 => 14,
        }
    }

    /// Bytes that protecting an RTP packet appends.
    pub const fn rtp_overhead(self) -> usize {
        match self {
            Self::AeadAes128Gcm => 16,
            Self::Aes128CmHmacSha1_80 => 10,
        }
    }

    /// Bytes that protecting a compound RTCP packet appends.
    pub const fn rtcp_overhead(self) -> usize {
        self.rtp_overhead() + cipher::RTCP_WORD_LEN
    }

    /// Its number in the DTLS extension `use_srtp`.
    pub const fn id(self) -> u16 {
        match self {
            Self::AeadAes128Gcm => 7,
            Self::Aes128CmHmacSha1_80 => 1,
        }
    }
}

/// The secret from which one direction's session keys are derived. It moves into its one owner, and is not printed.
pub struct MasterKey {
    key: [u8; Profile::KEY_LEN],
    /// Of the shorter salt, the rest is zero.
    salt: [u8; 14],
}

impl MasterKey {
    /// A master key with the salt of `profile`; none when either has another length.
    pub fn new(profile: Profile, key: &[u8], salt: &[u8]) -> Option<Self> {
        let mut padded = [0; 14];
        padded.get_mut(..profile.salt_len())?.copy_from_slice(Some(salt).filter(|salt| salt.len() == profile.salt_len())?);
        Some(Self { key: key.try_into().ok()?, salt: padded })
    }
}

/// Why a packet was not taken. All are for counters; none of them is worth an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum SrtpError {
    /// Not a whole RTP or RTCP header, or no room for a tag.
    #[error("packet is malformed")]
    Malformed,
    /// The tag does not fit.
    #[error("packet is not authentic")]
    Unauthentic,
    /// The index was seen before, or lies before the replay window.
    #[error("packet was seen before or is too old")]
    Replayed,
    /// One source more than [`crate::limits::SRTP_SOURCES_MAX`].
    #[error("too many sources")]
    TooManySources,
    /// The index has reached its end; only a new handshake helps.
    #[error("key is used up")]
    Exhausted,
}
