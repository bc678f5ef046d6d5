//! Owns the words in which something is refused: error codes, close codes, and why a frame could not be read.

use serde::{Deserialize, Serialize};

/// What was wrong, stable for programs. The sentence beside it on the wire is for people and may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The text frame is not a JSON object with a `type`.
    BadJson,
    /// The `type` is none that this version knows.
    UnknownType,
    /// A field of the message is missing or has the wrong shape.
    BadMessage,
    /// The binary frame has no valid header.
    BadFrame,
    /// A part of the message is longer than the protocol allows.
    TooLarge,
    /// The message does not fit the state of the connection: a second hello, or anything else before the first.
    WrongState,
    /// The room name is refused.
    BadRoom,
    /// The display name is refused.
    BadName,
    /// The topic is refused.
    BadTopic,
    /// The room has as many members as it may have.
    RoomFull,
    /// The server has as many rooms or members as it may have.
    ServerFull,
    /// Nobody with this id is in the room.
    NoSuchParticipant,
    /// The resume token belongs to another room.
    ResumeMismatch,
    /// A later connection of the same client has resumed already.
    ResumeStale,
    /// The server is about to stop; come back later.
    ShuttingDown,
    /// The offer to the SFU cannot be answered; the sentence names its line.
    BadOffer,
    /// More messages over the data channel than the limits allow.
    TooFast,
    /// The server has no SFU, or the member said no capability `sfu`.
    NoSfu,
}

impl ErrorCode {
    /// The code as it stands on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadJson => "bad_json",
            Self::UnknownType => "unknown_type",
            Self::BadMessage => "bad_message",
            Self::BadFrame => "bad_frame",
            Self::TooLarge => "too_large",
            Self::WrongState => "wrong_state",
            Self::BadRoom => "bad_room",
            Self::BadName => "bad_name",
            Self::BadTopic => "bad_topic",
            Self::RoomFull => "room_full",
            Self::ServerFull => "server_full",
            Self::NoSuchParticipant => "no_such_participant",
            Self::ResumeMismatch => "resume_mismatch",
            Self::ResumeStale => "resume_stale",
            Self::ShuttingDown => "shutting_down",
            Self::BadOffer => "bad_offer",
            Self::TooFast => "too_fast",
            Self::NoSfu => "no_sfu",
        }
    }
}

/// Why a WebSocket is closed (RFC 6455 section 7.4; the 4000s are ours).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CloseCode {
    /// 1000: the client left.
    Normal,
    /// 1001: the server stops; `bye` said when to come back.
    GoingAway,
    /// 1009: a frame longer than the protocol allows.
    TooLarge,
    /// 4000: too many bad frames, or one that leaves no way to go on.
    Protocol,
    /// 4001: another connection took this session over. Do not come back.
    Replaced,
    /// 4002: the reader stayed too slow. Come back and resume.
    SlowReader,
    /// 4003: no hello in time.
    HelloTimeout,
    /// 4004: the hello was refused; the error before says why. Do not come back unchanged.
    Refused,
    /// 4005: nothing was heard for too long. Come back and resume.
    Dead,
}

impl CloseCode {
    /// The number on the wire.
    pub fn number(self) -> u16 {
        match self {
            Self::Normal => 1000,
            Self::GoingAway => 1001,
            Self::TooLarge => 1009,
            Self::Protocol => 4000,
            Self::Replaced => 4001,
            Self::SlowReader => 4002,
            Self::HelloTimeout => 4003,
            Self::Refused => 4004,
            Self::Dead => 4005,
        }
    }

    /// The word in the close frame's reason, also used as a label in the metrics.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Normal => "left",
            Self::GoingAway => "going_away",
            Self::TooLarge => "too_large",
            Self::Protocol => "protocol",
            Self::Replaced => "replaced",
            Self::SlowReader => "slow_reader",
            Self::HelloTimeout => "hello_timeout",
            Self::Refused => "refused",
            Self::Dead => "dead",
        }
    }
}

/// Why a frame could not be read: what the sender is told, with the `seq` and `id` as far as they could be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", code.as_str())]
pub struct DecodeError {
    /// What was wrong.
    pub code: ErrorCode,
    /// A sentence for the person who wrote the client.
    pub message: String,
    /// The frame's number, so that a resume does not repeat it.
    pub seq: Option<u64>,
    /// The request it answers.
    pub id: Option<String>,
}

impl DecodeError {
    pub(super) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), seq: None, id: None }
    }

    pub(super) fn too_large(what: &str, bytes_max: usize) -> Self {
        Self::new(ErrorCode::TooLarge, format!("The {what} is longer than {bytes_max} bytes."))
    }
}
