//! Owns the text of a description as numbered lines: a session part and the media sections, each with its attributes in order.

use std::io::Cursor;

use rtc_sdp::description::common::Attribute as Parsed;
use rtc_sdp::description::session::SessionDescription;

use super::error::{OfferError, quoted};
use crate::limits::{SDP_BYTES_MAX, SDP_SECTIONS_MAX};

/// One `a=` line.
pub(super) struct Attribute {
    /// Its line, from 1.
    pub line: usize,
    /// What stands before the first colon.
    pub key: String,
    /// What stands behind it; empty for a flag.
    pub value: String,
}

/// One `m=` line, and what belongs to it.
pub(super) struct Media {
    /// Its line, from 1.
    pub line: usize,
    /// `audio`, `video`, …
    pub media: String,
    /// 0 when it is stopped or `bundle-only`.
    pub port: u16,
    /// Such as `UDP/TLS/RTP/SAVPF`.
    pub protocol: String,
    /// Payload types, or the word of another protocol.
    pub formats: Vec<String>,
    pub attributes: Vec<Attribute>,
}

/// The whole description.
pub(super) struct Text {
    pub session: Vec<Attribute>,
    pub sections: Vec<Media>,
}

impl Text {
    pub(super) fn parse(text: &str) -> Result<Self, OfferError> {
        if text.len() > SDP_BYTES_MAX {
            return Err(OfferError::missing(format!("is longer than {SDP_BYTES_MAX} bytes")));
        }
        let mut marks = LineNumbers::read(text)?;
        let mut reader = Cursor::new(text.as_bytes());
        let description = SessionDescription::unmarshal(&mut reader).map_err(|_| {
            // The reader stands behind the line that it did not take.
            let read = text.as_bytes().get(..(reader.position() as usize).saturating_sub(1)).unwrap_or_default();
            let line = 1 + read.iter().filter(|byte| **byte == b'\n').count();
            OfferError::at(line, "is not what a session description has in this place")
        })?;
        let session = marks.number(description.attributes)?;
        let mut sections = Vec::with_capacity(description.media_descriptions.len());
        for section in description.media_descriptions {
            let line = marks.next('m')?;
            let name = section.media_name;
            sections.push(Media {
                line,
                media: name.media,
                port: u16::try_from(name.port.value).map_err(|_| OfferError::at(line, "has a port that is none"))?,
                protocol: name.protos.join("/"),
                formats: name.formats,
                attributes: marks.number(section.attributes)?,
            });
        }
        Ok(Self { session, sections })
    }
}

/// Where the lines stand that become attributes and sections, in order.
struct LineNumbers(std::vec::IntoIter<(char, usize)>);

impl LineNumbers {
    fn read(text: &str) -> Result<Self, OfferError> {
        let mut marks = Vec::new();
        let mut sections = 0;
        for (index, text) in text.split('\n').enumerate() {
            let (text, line) = (text.strip_suffix('\r').unwrap_or(text), index + 1);
            if text.is_empty() {
                continue;
            }
            let mut chars = text.chars();
            let kind = chars.next().filter(char::is_ascii_lowercase);
            let Some(kind) = kind.filter(|_| chars.next() == Some('=') && !text.contains('\r')) else {
                return Err(OfferError::at(line, format!("is not of the form x=…: {}", quoted(text))));
            };
            sections += usize::from(kind == 'm');
            if sections > SDP_SECTIONS_MAX {
                return Err(OfferError::at(line, format!("is one section more than {SDP_SECTIONS_MAX}")));
            }
            if matches!(kind, 'a' | 'm') {
                marks.push((kind, line));
            }
        }
        Ok(Self(marks.into_iter()))
    }

    fn next(&mut self, kind: char) -> Result<usize, OfferError> {
        match self.0.next() {
            Some((found, line)) if found == kind => Ok(line),
            Some((_, line)) => Err(OfferError::at(line, "is out of place")),
            None => Err(OfferError::missing("ends too early")),
        }
    }

    fn number(&mut self, attributes: Vec<Parsed>) -> Result<Vec<Attribute>, OfferError> {
        let number = |Parsed { key, value }| Ok(Attribute { line: self.next('a')?, key, value: value.unwrap_or_default() });
        attributes.into_iter().map(number).collect()
    }
}
