//! Owns what is sent: a body that all its receivers share, and the number that each gives it.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use crate::id::{ParticipantId, Topic};
use crate::protocol::{BusFrame, ServerMessage};

/// Which older frame a newer one makes worthless to a slow reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Supersedes {
    Presence(ParticipantId),
    Location(ParticipantId),
    Bus { from: ParticipantId, topic: Topic, direct: bool, binary: bool },
    IceServers,
    SfuSlots,
    SfuSends,
    SfuSpeakers,
    SfuQuality(ParticipantId),
}

/// A frame without its number: written once, shared by all that receive it.
#[derive(Debug)]
pub struct Body {
    content: Content,
    pub(super) supersedes: Option<Supersedes>,
}

#[derive(Debug)]
enum Content {
    /// A JSON object without its opening brace.
    Text(Box<str>),
    /// A binary frame with number 0.
    Binary(Bytes),
}

/// What goes into one WebSocket frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// A text frame.
    Text(String),
    /// A binary frame.
    Binary(Bytes),
}

/// Where the number stands in a binary frame, see [`BusFrame`].
const BINARY_SEQ: std::ops::Range<usize> = 4..12;

/// Room for most messages, so that writing one does not grow the buffer step by step.
const TYPICAL_BYTES: usize = 512;

impl Body {
    pub(super) fn text(message: ServerMessage) -> Arc<Self> {
        Self::superseding(message, None)
    }

    pub(super) fn superseding(message: ServerMessage, supersedes: Option<Supersedes>) -> Arc<Self> {
        let mut json = Vec::with_capacity(TYPICAL_BYTES);
        serde_json::to_writer(&mut json, &message).expect("every server message has a JSON form");
        let json = std::str::from_utf8(&json).expect("JSON is UTF-8");
        let rest = json.strip_prefix('{').expect("every server message is an object");
        Arc::new(Self { content: Content::Text(rest.into()), supersedes })
    }

    pub(super) fn binary(frame: &BusFrame, supersedes: Option<Supersedes>) -> Arc<Self> {
        let frame = BusFrame { seq: None, ..frame.clone() };
        Arc::new(Self { content: Content::Binary(frame.encode()), supersedes })
    }

    /// Bytes on the wire, without the number.
    pub fn len(&self) -> usize {
        match &self.content {
            Content::Text(json) => json.len(),
            Content::Binary(frame) => frame.len(),
        }
    }

    /// Never: a body has at least a type.
    pub fn is_empty(&self) -> bool {
        false
    }
}

/// A frame for one connection.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Its number, none for frames that speak of the connection.
    pub seq: Option<u64>,
    /// What it says.
    pub body: Arc<Body>,
}

impl Outgoing {
    /// Writes the frame. One copy per receiver, because the number stands inside.
    pub fn encode(&self) -> Payload {
        match (&self.body.content, self.seq) {
            (Content::Text(json), None) => Payload::Text(format!("{{{json}")),
            (Content::Text(json), Some(seq)) => {
                use std::fmt::Write;
                // Exactly as long as it gets: what is longer would be copied again on its way into the socket.
                let digits = seq.checked_ilog10().unwrap_or(0) as usize + 1;
                let mut text = String::with_capacity(json.len() + digits + r#"{"seq":,"#.len());
                write!(text, "{{\"seq\":{seq},{json}").expect("a String takes everything");
                Payload::Text(text)
            }
            (Content::Binary(frame), seq) => {
                let mut copy = BytesMut::from(&frame[..]);
                copy[BINARY_SEQ].copy_from_slice(&seq.unwrap_or(0).to_be_bytes());
                Payload::Binary(copy.freeze())
            }
        }
    }

    /// Bytes that count against the connection's window.
    pub fn len(&self) -> usize {
        self.body.len()
    }

    /// Never, see [`Body::is_empty`].
    pub fn is_empty(&self) -> bool {
        false
    }
}
