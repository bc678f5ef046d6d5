//! Owns what two members tell each other to connect: descriptions and candidates (RFC 9429, RFC 8838).

use serde::{Deserialize, Serialize};

use super::error::DecodeError;
use crate::limits::{CANDIDATE_BYTES_MAX, ICE_NAME_BYTES_MAX, SDP_BYTES_MAX};

/// The type of a session description (RFC 9429 section 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SdpType {
    /// Proposes a session.
    Offer,
    /// Accepts it.
    Answer,
    /// Accepts it for the time being.
    Pranswer,
    /// Takes the last offer back.
    Rollback,
}

/// A session description, shaped as the browser's `RTCSessionDescriptionInit`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// Offer, answer, provisional answer or rollback.
    #[serde(rename = "type")]
    pub sdp_type: SdpType,
    /// The SDP (RFC 8866); empty for a rollback.
    #[serde(default)]
    pub sdp: String,
}

/// A candidate, shaped as the browser's `RTCIceCandidateInit`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// The candidate attribute (RFC 8839 section 5.1), with or without `candidate:`.
    pub candidate: String,
    /// The media section's `mid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sdp_mid: Option<String>,
    /// The media section's index.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "sdpMLineIndex")]
    pub sdp_m_line_index: Option<u16>,
    /// The ICE user name fragment of the generation that the candidate belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username_fragment: Option<String>,
}

/// What one end of a link tells the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", try_from = "Flat")]
pub enum Signal {
    /// A session description.
    Description {
        /// The description.
        description: Description,
    },
    /// One candidate, as soon as it is known (trickle ICE, RFC 8838).
    Candidate {
        /// The candidate.
        candidate: Candidate,
    },
    /// No more candidates of this generation will come (RFC 8838 section 13).
    EndOfCandidates {
        /// The generation's user name fragment.
        #[serde(default, skip_serializing_if = "Option::is_none", rename = "usernameFragment")]
        username_fragment: Option<String>,
    },
}

/// Every kind of signal in one, as it is read: what serde reads by its tag, it copies field by field first.
#[derive(Deserialize)]
struct Flat {
    kind: Kind,
    #[serde(default)]
    description: Option<Description>,
    #[serde(default)]
    candidate: Option<Candidate>,
    #[serde(default, rename = "usernameFragment")]
    username_fragment: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Description,
    Candidate,
    EndOfCandidates,
}

impl TryFrom<Flat> for Signal {
    type Error = &'static str;

    fn try_from(flat: Flat) -> Result<Self, &'static str> {
        let Flat { kind, description, candidate, username_fragment } = flat;
        match kind {
            Kind::Description => {
                description.map(|description| Self::Description { description }).ok_or("missing field `description`")
            }
            Kind::Candidate => candidate.map(|candidate| Self::Candidate { candidate }).ok_or("missing field `candidate`"),
            Kind::EndOfCandidates => Ok(Self::EndOfCandidates { username_fragment }),
        }
    }
}

impl Signal {
    /// Holds the signal to the bounds of the protocol.
    pub(super) fn check(&self) -> Result<(), DecodeError> {
        let bounded = |what, text: &str, bytes_max| {
            if text.len() <= bytes_max { Ok(()) } else { Err(DecodeError::too_large(what, bytes_max)) }
        };
        let name = |what, text: &Option<String>| bounded(what, text.as_deref().unwrap_or(""), ICE_NAME_BYTES_MAX);
        match self {
            Self::Description { description } => bounded("session description", &description.sdp, SDP_BYTES_MAX),
            Self::Candidate { candidate } => {
                bounded("candidate", &candidate.candidate, CANDIDATE_BYTES_MAX)?;
                name("sdpMid", &candidate.sdp_mid)?;
                name("usernameFragment", &candidate.username_fragment)
            }
            Self::EndOfCandidates { username_fragment } => name("usernameFragment", username_fragment),
        }
    }
}
