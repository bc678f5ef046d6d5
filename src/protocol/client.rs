//! Owns the frames from a client to the server, and how they are read.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::error::{DecodeError, ErrorCode};
use super::member::{Position, Presence};
use super::sfu::{SendSection, Shown};
use super::signal::Signal;
use crate::id::{ParticipantId, Topic};
use crate::limits;

/// A text frame from a client: what it says, its number, and the id under which errors come back.
#[derive(Debug, Serialize)]
pub struct ClientFrame {
    /// The frame's number, counted by the client from 1; a number not above the last one received is a repetition and is
    /// ignored. Without one, the frame is not acknowledged and a resume may lose it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// Chosen by the client, repeated in the error that answers this frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What it says.
    #[serde(flatten)]
    pub message: ClientMessage,
}

/// What a client says. The first message of a connection is a hello; no second one follows.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientMessage {
    /// Joins a room, or returns to it.
    Hello(Hello),
    /// Tells one member something about the link to it.
    Signal(SignalTo),
    /// Writes to all, or to one.
    Chat(Chat),
    /// Changes how the sender takes part; what is absent stays.
    Presence(PresenceChange),
    /// Changes the sender's name.
    Rename(Rename),
    /// Shares the sender's position; null stops that.
    Location(Location),
    /// A JSON message by topic, to all or to one.
    Bus(Bus),
    /// Offers a peer connection to the SFU, or offers it again.
    SfuOffer(SfuOffer),
    /// Says which pictures the client shows; the last one counts.
    SfuView(SfuView),
    /// The client has closed its peer connection to the SFU.
    SfuClose,
    /// All server frames up to this number have been handled.
    Ack {
        /// The number.
        received: u64,
    },
    /// Asks for a pong: browsers cannot see WebSocket pings.
    Ping,
    /// Leaves for good: the others are told at once, and the session cannot be resumed.
    Leave,
}

/// Joins a room, or returns to it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// The room's name. Checked by the hub, so that the refusal is its own error.
    pub room: String,
    /// The display name. Checked likewise.
    pub name: String,
    /// Returns to a session of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<Resume>,
    /// What this client can do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<String>,
    /// How it takes part from the start.
    #[serde(default)]
    pub presence: Presence,
}

/// The session to return to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// The token of the last welcome.
    pub token: String,
    /// Where the client stands. Absent on a device that takes the session over.
    #[serde(default, skip_serializing_if = "Option::is_none", flatten)]
    pub at: Option<ResumeAt>,
}

/// Where a client that comes back stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumeAt {
    /// The `self.epoch` of its last welcome: the frames are numbered anew with each.
    pub epoch: u32,
    /// The number of the last server frame handled.
    pub seq: u64,
    /// Counts the client's connections since that welcome: a hello that was overtaken by a later one changes nothing.
    #[serde(default)]
    pub attempt: u32,
}

/// Tells one member something about the link to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignalTo {
    /// The member.
    pub to: ParticipantId,
    /// Counts the peer connections of this pair from 0: lower ones are stale, a higher one means a new start.
    #[serde(default)]
    pub revision: u32,
    /// What it is told.
    pub signal: Signal,
}

/// Writes to all, or to one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chat {
    /// The one reader; absent: everyone, and it enters the room's history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<ParticipantId>,
    /// The text; not empty, no markup.
    pub text: String,
}

/// Changes how the sender takes part; what is absent stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresenceChange {
    /// See [`Presence::hand`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hand: Option<bool>,
    /// See [`Presence::muted`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub muted: Option<bool>,
    /// See [`Presence::camera_off`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub camera_off: Option<bool>,
    /// See [`Presence::sharing`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sharing: Option<bool>,
    /// See [`Presence::away`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub away: Option<bool>,
}

impl PresenceChange {
    /// The presence after this change.
    pub fn applied_to(self, before: Presence) -> Presence {
        Presence {
            hand: self.hand.unwrap_or(before.hand),
            muted: self.muted.unwrap_or(before.muted),
            camera_off: self.camera_off.unwrap_or(before.camera_off),
            sharing: self.sharing.unwrap_or(before.sharing),
            away: self.away.unwrap_or(before.away),
        }
    }
}

/// Changes the sender's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rename {
    /// The new display name. Checked by the hub.
    pub name: String,
}

/// Shares the sender's position; null stops that.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Location {
    /// Where the sender is.
    pub position: Option<Position>,
}

/// A JSON message by topic, to all or to one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Bus {
    /// What it is about.
    pub topic: Topic,
    /// The one reader; absent: everyone else in the room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<ParticipantId>,
    /// Only the last value matters: for a slow reader this message replaces the one before from the same sender and topic.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub latest: bool,
    /// Any JSON value; relayed as it was written.
    pub data: Box<RawValue>,
}

/// What every text frame starts with; read first, so that an unknown type is told from a broken message.
#[derive(Deserialize)]
pub(super) struct Head<'a> {
    #[serde(rename = "type", borrow)]
    pub kind: std::borrow::Cow<'a, str>,
    #[serde(default)]
    pub seq: Option<u64>,
    #[serde(default, borrow)]
    pub id: Option<std::borrow::Cow<'a, str>>,
}

/// The one type of frame that comes in floods, when a room forms: read in one pass instead of two.
#[derive(Deserialize)]
struct SignalFrame {
    #[serde(rename = "type")]
    _kind: OnlySignal,
    #[serde(default)]
    seq: Option<u64>,
    #[serde(default)]
    id: Option<String>,
    to: ParticipantId,
    #[serde(default)]
    revision: u32,
    signal: Signal,
}

#[derive(Deserialize)]
enum OnlySignal {
    #[serde(rename = "signal")]
    Signal,
}

/// How far into a frame its type is looked for; further in, it is found the longer way.
const TYPE_WITHIN_BYTES: usize = 64;
const SIGNAL_TYPE: &[u8] = br#""type":"signal""#;

pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T, DecodeError> {
    serde_json::from_str(text).map_err(|error| DecodeError::new(ErrorCode::BadMessage, sentence(&error)))
}

fn sentence(error: &serde_json::Error) -> String {
    let mut text = error.to_string();
    // serde quotes the offending value; a hostile one must not come back at full length.
    if text.len() > 200 {
        let end = (0..=200).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Offers a peer connection to the SFU (RFC 8829).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SfuOffer {
    /// Names the peer connection: another number is another one, and ends the one before.
    pub revision: u32,
    /// The offer.
    pub sdp: String,
    /// What its sending sections carry; the others receive.
    pub sends: Vec<SendSection>,
}

/// Which pictures a client shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SfuView {
    /// The most important first.
    pub videos: Vec<Shown>,
}

impl ClientFrame {
    /// A frame without number and id.
    pub fn new(message: ClientMessage) -> Self {
        Self { seq: None, id: None, message }
    }

    /// Reads a text frame of at most [`limits::TEXT_FRAME_BYTES_MAX`] bytes.
    ///
    /// # Errors
    /// `bad_json`, `unknown_type`, `bad_message`, `too_large`, with the frame's `seq` and `id` where they can be read.
    pub fn decode(text: &str) -> Result<Self, DecodeError> {
        if text.len() > limits::TEXT_FRAME_BYTES_MAX {
            return Err(DecodeError::too_large("frame", limits::TEXT_FRAME_BYTES_MAX));
        }
        if let Some(frame) = Self::decode_signal(text) {
            return Ok(frame);
        }
        let head: Head<'_> =
            serde_json::from_str(text).map_err(|error| DecodeError::new(ErrorCode::BadJson, sentence(&error)))?;
        let (seq, id) = (head.seq, head.id.map(std::borrow::Cow::into_owned));
        if id.as_ref().is_some_and(|id| id.len() > limits::REQUEST_ID_BYTES_MAX) {
            let message = format!("The id is longer than {} bytes.", limits::REQUEST_ID_BYTES_MAX);
            return Err(DecodeError { seq, ..DecodeError::new(ErrorCode::BadMessage, message) });
        }
        match ClientMessage::decode(&head.kind, text) {
            Ok(message) => Ok(Self { seq, id, message }),
            Err(error) => Err(DecodeError { seq, id, ..error }),
        }
    }

    /// A signal that is as it should be. None says nothing: the longer way finds out what else it is, or what is wrong with it.
    fn decode_signal(text: &str) -> Option<Self> {
        let start = text.as_bytes().get(..TYPE_WITHIN_BYTES)?;
        if !start.windows(SIGNAL_TYPE.len()).any(|found| found == SIGNAL_TYPE) {
            return None;
        }
        let frame: SignalFrame = serde_json::from_str(text).ok()?;
        let SignalFrame { _kind: OnlySignal::Signal, seq, id, to, revision, signal } = frame;
        if id.as_ref().is_some_and(|id| id.len() > limits::REQUEST_ID_BYTES_MAX) || signal.check().is_err() {
            return None;
        }
        Some(Self { seq, id, message: ClientMessage::Signal(SignalTo { to, revision, signal }) })
    }

    /// Writes the text frame.
    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("every field has a JSON form")
    }
}

impl ClientMessage {
    fn decode(kind: &str, text: &str) -> Result<Self, DecodeError> {
        #[derive(Deserialize)]
        struct Ack {
            received: u64,
        }
        match kind {
            "hello" => Hello::decode(text).map(Self::Hello),
            "signal" => {
                let signal: SignalTo = read(text)?;
                signal.signal.check()?;
                Ok(Self::Signal(signal))
            }
            "chat" => Chat::decode(text).map(Self::Chat),
            "presence" => read(text).map(Self::Presence),
            "rename" => read(text).map(Self::Rename),
            "location" => Location::decode(text).map(Self::Location),
            "bus" => Bus::decode(text).map(Self::Bus),
            "sfu_offer" => SfuOffer::decode(text).map(Self::SfuOffer),
            "sfu_view" => SfuView::decode(text).map(Self::SfuView),
            "sfu_close" => Ok(Self::SfuClose),
            "ack" => read::<Ack>(text).map(|ack| Self::Ack { received: ack.received }),
            "ping" => Ok(Self::Ping),
            "leave" => Ok(Self::Leave),
            _ => Err(DecodeError::new(ErrorCode::UnknownType, "This server knows no message of that type.")),
        }
    }
}

impl Hello {
    fn decode(text: &str) -> Result<Self, DecodeError> {
        let hello: Self = read(text)?;
        let long = |capability: &String| capability.len() > limits::CAPABILITY_BYTES_MAX;
        if hello.capabilities.len() > limits::CAPABILITIES_MAX || hello.capabilities.iter().any(long) {
            let (count, bytes) = (limits::CAPABILITIES_MAX, limits::CAPABILITY_BYTES_MAX);
            let message = format!("At most {count} capabilities of at most {bytes} bytes each.");
            return Err(DecodeError::new(ErrorCode::BadMessage, message));
        }
        Ok(hello)
    }
}

impl Chat {
    fn decode(text: &str) -> Result<Self, DecodeError> {
        let chat: Self = read(text)?;
        if chat.text.trim().is_empty() {
            return Err(DecodeError::new(ErrorCode::BadMessage, "A chat message needs a text."));
        }
        if chat.text.len() > limits::CHAT_BYTES_MAX {
            return Err(DecodeError::too_large("chat text", limits::CHAT_BYTES_MAX));
        }
        Ok(chat)
    }
}

impl Location {
    fn decode(text: &str) -> Result<Self, DecodeError> {
        #[derive(Deserialize)]
        struct Strict {
            // Without a default: an absent position must not stop the sharing.
            #[serde(deserialize_with = "Option::deserialize")]
            position: Option<Position>,
        }
        let location = Self { position: read::<Strict>(text)?.position };
        if location.position.is_some_and(|position| !position.is_valid()) {
            let message = "Latitude is -90 to 90, longitude -180 to 180, accuracy 0 or more, heading 0 to 360.";
            return Err(DecodeError::new(ErrorCode::BadMessage, message));
        }
        Ok(location)
    }
}

impl Bus {
    fn decode(text: &str) -> Result<Self, DecodeError> {
        #[derive(Deserialize)]
        struct Loose<'a> {
            topic: String,
            #[serde(default)]
            to: Option<ParticipantId>,
            #[serde(default)]
            latest: bool,
            #[serde(borrow)]
            data: &'a RawValue,
        }
        let bus: Loose<'_> =
            serde_json::from_str(text).map_err(|error| DecodeError::new(ErrorCode::BadMessage, sentence(&error)))?;
        let topic = bus.topic.parse().map_err(|error| DecodeError::new(ErrorCode::BadTopic, format!("{error}")))?;
        if bus.data.get().len() > limits::BUS_BYTES_MAX {
            return Err(DecodeError::too_large("bus message", limits::BUS_BYTES_MAX));
        }
        if depth(bus.data.get()) > limits::BUS_DEPTH_MAX {
            let message = format!("The bus message is nested deeper than {}.", limits::BUS_DEPTH_MAX);
            return Err(DecodeError::new(ErrorCode::BadMessage, message));
        }
        Ok(Self { topic, to: bus.to, latest: bus.latest, data: bus.data.to_owned() })
    }
}

impl SfuOffer {
    fn decode(text: &str) -> Result<Self, DecodeError> {
        let offer: Self = read(text)?;
        if offer.sdp.len() > limits::SDP_BYTES_MAX {
            return Err(DecodeError::too_large("session description", limits::SDP_BYTES_MAX));
        }
        let is_long = |section: &SendSection| section.mid.is_empty() || section.mid.len() > limits::MID_BYTES_MAX;
        if offer.sends.len() > limits::SENDS_MAX || offer.sends.iter().any(is_long) {
            let (count, bytes) = (limits::SENDS_MAX, limits::MID_BYTES_MAX);
            let message = format!("At most {count} sending sections, each with a mid of 1 to {bytes} bytes.");
            return Err(DecodeError::new(ErrorCode::BadMessage, message));
        }
        Ok(offer)
    }
}

impl SfuView {
    fn decode(text: &str) -> Result<Self, DecodeError> {
        let view: Self = read(text)?;
        if view.videos.len() > limits::VIEW_MAX {
            let message = format!("A client shows at most {} pictures.", limits::VIEW_MAX);
            return Err(DecodeError::new(ErrorCode::BadMessage, message));
        }
        if view.videos.iter().any(|shown| !shown.source.is_video()) {
            return Err(DecodeError::new(ErrorCode::BadMessage, "A picture is of a camera or a screen."));
        }
        Ok(view)
    }
}

/// How deep arrays and objects are nested in a well-formed JSON text.
fn depth(json: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0usize, 0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}
