//! Owns the binary frame: a bus message whose payload is bytes.

use bytes::{BufMut, Bytes, BytesMut};

use super::error::{DecodeError, ErrorCode};
use crate::id::{ParticipantId, Topic};
use crate::limits::BUS_BYTES_MAX;

/// Bytes before the topic.
pub const BINARY_HEADER_BYTES: usize = 20;
/// To one participant (client) or to this one only (server).
pub const FLAG_DIRECT: u8 = 1;
/// Only the last value matters; see [`super::Bus::latest`].
pub const FLAG_LATEST: u8 = 2;

const VERSION: u8 = 1;
const KIND_BUS: u8 = 1;

/// A bus message with a binary payload. The layout is the same in both directions, integers big-endian:
///
/// | offset | bytes | field |
/// |---|---|---|
/// | 0 | 1 | version, 1 |
/// | 1 | 1 | kind, 1 = bus |
/// | 2 | 1 | flags: 1 = to one, 2 = only the latest matters; others 0 |
/// | 3 | 1 | length of the topic, 1 to 64 |
/// | 4 | 8 | number of the frame; from a client 0 = not numbered |
/// | 12 | 8 | participant: to whom (client; 0 = all), from whom (server) |
/// | 20 | … | topic, then the payload up to the end, at most 65,536 bytes |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusFrame {
    /// The frame's number, see [`super::ClientFrame::seq`].
    pub seq: Option<u64>,
    /// From a client: the receiver, none = all. From the server: the sender.
    pub peer: Option<ParticipantId>,
    /// From the server: it went to this participant only. From a client: same as `peer.is_some()`.
    pub direct: bool,
    /// See [`super::Bus::latest`].
    pub latest: bool,
    /// What it is about.
    pub topic: Topic,
    /// The bytes.
    pub payload: Bytes,
}

impl BusFrame {
    /// Reads a binary frame from either side. The payload is a slice of `frame`, not a copy.
    ///
    /// # Errors
    /// `bad_frame`, `bad_topic`, `too_large`.
    pub fn decode(frame: &Bytes) -> Result<Self, DecodeError> {
        let bad = |message: &str| DecodeError::new(ErrorCode::BadFrame, message);
        let header: &[u8; BINARY_HEADER_BYTES] =
            frame.first_chunk().ok_or_else(|| bad("A binary frame has at least 20 bytes of header."))?;
        let [version, kind, flags, topic_bytes, numbers @ ..] = header;
        if *version != VERSION || *kind != KIND_BUS {
            return Err(bad("This server knows binary frames of version 1, kind 1."));
        }
        let (seq, peer) = numbers.split_at(8);
        let number = |bytes: &[u8]| bytes.iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
        let seq = Some(number(seq)).filter(|seq| *seq != 0);
        let numbered = |error: DecodeError| DecodeError { seq, ..error };
        if *flags & !(FLAG_DIRECT | FLAG_LATEST) != 0 {
            return Err(numbered(bad("Flags other than 1 and 2 must be zero.")));
        }
        let peer = ParticipantId::new(number(peer));
        let direct = *flags & FLAG_DIRECT != 0;
        if direct && peer.is_none() {
            return Err(numbered(bad("A frame to one participant needs the participant's id.")));
        }
        let start = BINARY_HEADER_BYTES + usize::from(*topic_bytes);
        let topic = frame.get(BINARY_HEADER_BYTES..start).ok_or_else(|| numbered(bad("The topic is cut off.")))?;
        let topic = std::str::from_utf8(topic).unwrap_or("").parse::<Topic>();
        let topic = topic.map_err(|error| numbered(DecodeError::new(ErrorCode::BadTopic, error.to_string())))?;
        let payload = frame.slice(start..);
        if payload.len() > BUS_BYTES_MAX {
            return Err(numbered(DecodeError::too_large("bus message", BUS_BYTES_MAX)));
        }
        Ok(Self { seq, peer, direct, latest: *flags & FLAG_LATEST != 0, topic, payload })
    }

    /// Reads a binary frame that a client sent: a frame to one participant is flagged as such.
    ///
    /// # Errors
    /// As [`BusFrame::decode`].
    pub fn decode_from_client(frame: &Bytes) -> Result<Self, DecodeError> {
        let frame = Self::decode(frame)?;
        if frame.direct != frame.peer.is_some() {
            let message = "A frame to one participant has flag 1; a frame to all has participant 0.";
            return Err(DecodeError { seq: frame.seq, ..DecodeError::new(ErrorCode::BadFrame, message) });
        }
        Ok(frame)
    }

    /// Writes the frame.
    pub fn encode(&self) -> Bytes {
        let topic = self.topic.as_str().as_bytes();
        let mut frame = BytesMut::with_capacity(BINARY_HEADER_BYTES + topic.len() + self.payload.len());
        frame.put_u8(VERSION);
        frame.put_u8(KIND_BUS);
        frame.put_u8(if self.direct { FLAG_DIRECT } else { 0 } | if self.latest { FLAG_LATEST } else { 0 });
        frame.put_u8(topic.len() as u8); // at most 64 by construction of Topic
        frame.put_u64(self.seq.unwrap_or(0));
        frame.put_u64(self.peer.map_or(0, ParticipantId::number));
        frame.put_slice(topic);
        frame.put_slice(&self.payload);
        frame.freeze()
    }
}
