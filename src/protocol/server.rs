//! Owns the frames from the server to a client, and how they are written.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::client::{Head, read};
use super::error::{DecodeError, ErrorCode};
use super::member::{Member, Position, Presence};
use super::sfu::{QualityReason, SectionState, SfuGrant, SfuState, SlotState};
use super::signal::Signal;
use crate::id::{DisplayName, ParticipantId, RoomName, Topic};

/// A text frame from the server: what it says and its number.
#[derive(Debug, Serialize)]
pub struct ServerFrame {
    /// Counted from 1 within a session, without gaps. `welcome`, `resumed`, `ack`, `pong`, `bye` and the errors before
    /// the welcome have none: they speak of one connection, not of the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// What it says.
    #[serde(flatten)]
    pub message: ServerMessage,
}

/// The types that [`ServerMessage`] knows.
const SERVER_TYPES: [&str; 21] = [
    "welcome",
    "resumed",
    "joined",
    "left",
    "changed",
    "presence",
    "location",
    "signal",
    "chat",
    "bus",
    "ice_servers",
    "sfu_answer",
    "sfu_slots",
    "sfu_sends",
    "sfu_speakers",
    "sfu_quality",
    "sfu_state",
    "error",
    "ack",
    "pong",
    "bye",
];

/// What the server says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage {
    /// The hello was taken: here is everything. Whatever the client knew before is void.
    Welcome(Box<Welcome>),
    /// The session goes on where it was; the missed frames follow.
    Resumed {
        /// The number of the last client frame received; the client repeats the later ones.
        received: u64,
        /// For the next time.
        resume: ResumeGrant,
    },
    /// A member came.
    Joined {
        /// The roster's version with it.
        version: u64,
        /// Who.
        member: Member,
    },
    /// A member went.
    Left {
        /// The roster's version without it.
        version: u64,
        /// Who.
        participant: ParticipantId,
        /// Why.
        reason: LeftReason,
    },
    /// A member has another name, other capabilities, or another device (a higher epoch).
    Changed {
        /// The roster's version with the change.
        version: u64,
        /// The member as it is now.
        member: Member,
    },
    /// A member takes part differently. Replaced by a later one when the reader is slow.
    Presence {
        /// Who.
        from: ParticipantId,
        /// How it takes part now.
        presence: Presence,
    },
    /// A member is elsewhere, or no longer says where. Replaced by a later one when the reader is slow.
    Location {
        /// Who.
        from: ParticipantId,
        /// Where, or null.
        position: Option<Position>,
    },
    /// A member tells this one something about their link.
    Signal {
        /// Who.
        from: ParticipantId,
        /// See [`super::SignalTo::revision`].
        revision: u32,
        /// What.
        signal: Signal,
    },
    /// Somebody wrote. The writer gets it too: then it has been delivered.
    Chat {
        /// What was written.
        message: ChatMessage,
    },
    /// A JSON message by topic.
    Bus {
        /// Who sent it.
        from: ParticipantId,
        /// What it is about.
        topic: Topic,
        /// It went to this participant only.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        direct: bool,
        /// As the sender wrote it.
        #[serde(deserialize_with = "raw_from_buffer")]
        data: Box<RawValue>,
    },
    /// New ICE servers, before the credentials of the old ones expire.
    IceServers(IceServers),
    /// Answers an offer to the SFU.
    SfuAnswer {
        /// Of the offer.
        revision: u32,
        /// The answer (RFC 8829).
        sdp: String,
    },
    /// What the client's receive slots carry. Replaced by a later one when the reader is slow.
    SfuSlots {
        /// Of the peer connection.
        revision: u32,
        /// All that carry anything.
        slots: Vec<SlotState>,
    },
    /// What anybody wants of the client's sending sections. Replaced by a later one when the reader is slow.
    SfuSends {
        /// Of the peer connection.
        revision: u32,
        /// All of them.
        sections: Vec<SectionState>,
    },
    /// Who speaks. Replaced by a later one when the reader is slow.
    SfuSpeakers {
        /// Who has the floor.
        dominant: Option<ParticipantId>,
        /// Everyone whose voice is heard.
        speaking: Vec<ParticipantId>,
    },
    /// How well a member's media gets through. Replaced by a later one of the same member when the reader is slow.
    SfuQuality {
        /// Whose.
        participant: ParticipantId,
        /// 0 (nothing gets through) to 100.
        score: u8,
        /// What costs points, the worst first.
        reasons: Vec<QualityReason>,
    },
    /// The client's peer connection with the SFU has connected, or is lost.
    SfuState {
        /// Of the peer connection.
        revision: u32,
        /// What it is now.
        state: SfuState,
    },
    /// Something the client sent was refused.
    Error {
        /// The `id` of the refused frame.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// What was wrong, for programs.
        code: ErrorCode,
        /// What was wrong, for people.
        message: String,
    },
    /// All numbered client frames up to this number have been received.
    Ack {
        /// The number.
        received: u64,
    },
    /// Answers a ping.
    Pong,
    /// The connection is about to be closed.
    Bye(Bye),
}

/// Everything a client needs to know when it enters a room.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Welcome {
    /// The room.
    pub room: RoomName,
    /// This participant, as the others see it.
    #[serde(rename = "self")]
    pub own: Member,
    /// All members but this one.
    pub roster: Roster,
    /// The last messages to all, oldest first.
    pub chat: Vec<ChatMessage>,
    /// For peer connections.
    pub ice: IceServers,
    /// How media may flow in this room.
    pub policy: RoomPolicy,
    /// How to use the SFU; absent when the server has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sfu: Option<SfuGrant>,
    /// What the client must keep to.
    pub limits: Limits,
    /// For coming back.
    pub resume: ResumeGrant,
    /// The number of the last client frame received: 0, or where a session that was taken over stood.
    pub received: u64,
    /// The server's clock, in milliseconds since 1970 (UTC).
    pub now_ms: u64,
}

/// The other members at one version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Roster {
    /// Grows by one with each joined, left or changed.
    pub version: u64,
    /// In the order of joining.
    pub members: Vec<Member>,
}

/// For coming back after the connection was lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumeGrant {
    /// Whoever has it speaks for this participant: keep it secret.
    pub token: String,
    /// How long after the loss of the connection it is good for, in milliseconds.
    pub grace_ms: u64,
}

/// Which paths media may take between two members.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// Direct where it works.
    #[default]
    Auto,
    /// Only through TURN, so that members do not learn each other's address.
    RelayOnly,
}

/// How media may flow in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomPolicy {
    /// Which paths.
    pub media: Policy,
    /// How many members the room may have.
    pub members_max: u32,
}

/// What a client must keep to; more is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Longest text frame in bytes.
    pub text_frame_bytes: u32,
    /// Longest chat text in bytes of UTF-8.
    pub chat_bytes: u32,
    /// Longest bus message, JSON or binary, in bytes.
    pub bus_bytes: u32,
    /// Frames per second over a while; a client above is read more slowly, nothing is lost.
    pub frames_per_second: u32,
}

/// One chat message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatMessage {
    /// Counts the room's messages from 1.
    pub number: u64,
    /// Who wrote it; may have left since.
    pub from: ParticipantId,
    /// The writer's name at the time.
    pub name: DisplayName,
    /// The one reader, for a private message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<ParticipantId>,
    /// When it reached the server, in milliseconds since 1970 (UTC).
    pub at_ms: u64,
    /// The text; no markup.
    pub text: String,
}

/// Servers for ICE, and how long their credentials hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IceServers {
    /// For `RTCConfiguration.iceServers`, as they are.
    pub ice_servers: Vec<IceServer>,
    /// How long the credentials hold, in milliseconds from now; new ones come in time. Absent: for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_ms: Option<u64>,
}

/// One ICE server, shaped as the browser's `RTCIceServer`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IceServer {
    /// STUN or TURN URIs (RFC 7064, RFC 7065).
    pub urls: Vec<String>,
    /// For TURN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// For TURN: a password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

impl std::fmt::Debug for IceServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IceServer").field("urls", &self.urls).finish_non_exhaustive()
    }
}

/// Why a member is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftReason {
    /// It said so.
    Left,
    /// Its connection was lost and did not come back in time.
    Lost,
}

/// The connection is about to be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bye {
    /// Why.
    pub reason: ByeReason,
    /// When to come back, in milliseconds from now; different for every client, so that not all come at once.
    pub retry_after_ms: u64,
}

/// Why the server closes a connection that did nothing wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ByeReason {
    /// The server stops, most likely to be started again.
    Shutdown,
}

impl ServerFrame {
    /// Reads a text frame from the server, for clients in Rust.
    ///
    /// # Errors
    /// `bad_json`, `bad_message`, and `unknown_type`, which a client ignores.
    pub fn decode(text: &str) -> Result<Self, DecodeError> {
        let head: Head<'_> =
            serde_json::from_str(text).map_err(|error| DecodeError::new(ErrorCode::BadJson, error.to_string()))?;
        if !SERVER_TYPES.contains(&&*head.kind) {
            let message = format!("unknown type {:?}", head.kind);
            return Err(DecodeError { seq: head.seq, ..DecodeError::new(ErrorCode::UnknownType, message) });
        }
        let message = read(text).map_err(|error| DecodeError { seq: head.seq, ..error })?;
        Ok(Self { seq: head.seq, message })
    }
}

/// An internally tagged enum is read through a buffer, which a raw value cannot be taken from; clients can afford the copy.
fn raw_from_buffer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Box<RawValue>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    serde_json::value::to_raw_value(&value).map_err(serde::de::Error::custom)
}
