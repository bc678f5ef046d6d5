//! Owns the words with which a client and the server talk about media through the SFU.

use serde::{Deserialize, Serialize};

use crate::id::ParticipantId;

/// What a client needs to know to use the SFU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SfuGrant {
    /// Most receive slots of a peer connection.
    pub slots_max: u32,
    /// Where it takes media, UDP and TCP; also a STUN server.
    pub port: u16,
}

/// What a member sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Its voice.
    Microphone,
    /// Its face.
    Camera,
    /// Its screen.
    Screen,
    /// The sound of what it shares.
    ScreenSound,
}

impl Source {
    /// Whether it is a picture rather than a sound.
    pub fn is_video(self) -> bool {
        matches!(self, Self::Camera | Self::Screen)
    }
}

/// What one sending section of an offer carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendSection {
    /// The section (RFC 5888).
    pub mid: String,
    /// What it carries.
    pub source: Source,
}

/// A picture that a client shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// Whose.
    pub participant: ParticipantId,
    /// Camera or screen.
    pub source: Source,
    /// Width on the screen, in device pixels.
    pub width: u16,
    /// Height on the screen, in device pixels.
    pub height: u16,
    /// The viewer asked for it to stay large.
    #[serde(default)]
    pub pinned: bool,
}

/// What a receive slot carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotState {
    /// The receiving section.
    pub mid: String,
    /// Whose.
    pub participant: ParticipantId,
    /// What.
    pub source: Source,
    /// How it fares.
    pub state: SlotStanding,
}

/// How a receive slot fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlotStanding {
    /// It is forwarded.
    Live,
    /// It is held back for want of bandwidth.
    Paused,
    /// The receiver cannot decode what the sender sends.
    Unsupported,
}

/// What anybody wants of one sending section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SectionState {
    /// The sending section.
    pub mid: String,
    /// Nobody wants anything of it.
    pub paused: bool,
    /// The simulcast streams (RFC 8851 rids) that somebody wants; empty for a section without simulcast.
    pub active: Vec<String>,
}

/// How a member's transport to the SFU stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SfuState {
    /// ICE and DTLS are done.
    Connected,
    /// It could not be made, or nothing has come over it for too long (RFC 7675).
    Failed,
    /// The other end has closed it.
    Closed,
}

/// What costs points of a quality score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QualityReason {
    /// Packets are lost.
    Loss,
    /// They take long, or come unevenly.
    Delay,
    /// The link carries less than is wanted.
    Bandwidth,
    /// A smaller picture than wanted is sent.
    Layer,
}
