//! Owns one media section of an offer: its codecs, header extensions, encodings and sources.

use super::codec::{Codec, parameter};
use super::error::{OfferError, quoted};
use super::simulcast::{Layer, read_layers};
use super::text::{Attribute, Media};
use crate::limits::{SDP_CANDIDATES_MAX, SDP_EXTENSIONS_MAX, SDP_FORMATS_MAX, SDP_SSRCS_MAX, SDP_TOKEN_BYTES_MAX};
use crate::rtp::{Extension, ExtensionIds};

/// One media section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Its name: 1 to 16 characters.
    pub mid: String,
    /// The line of its `m=`, from 1.
    pub line: usize,
    /// What it is for.
    pub kind: Kind,
    /// As the browser sees it.
    pub direction: Direction,
    /// The browser has given it up for good: it is answered with port 0, and the rest of it means nothing.
    pub is_stopped: bool,
    /// The codecs that the SFU forwards, in the browser's order.
    pub formats: Vec<Format>,
    /// The numbers of the header extensions that we know.
    pub extensions: ExtensionIds,
    /// The encodings that it sends, lowest first by habit; empty when it sends one that has no name.
    pub layers: Vec<Layer>,
    /// The sources that it announces to send from; empty when they are to be told by RID and MID.
    pub sources: Vec<SendSource>,
    /// Of data: where and how much.
    pub data: Option<DataPort>,
    /// Such as `UDP/TLS/RTP/SAVPF`; the answer repeats it.
    pub(super) protocol: String,
    /// Its format when there is nothing to accept; the answer repeats it.
    pub(super) first_format: String,
    /// Which directions of a header extension it offers, where not both.
    pub(super) extension_directions: Vec<(Extension, Direction)>,
    /// `a=rtcp-rsize`.
    pub(super) has_reduced_size: bool,
    /// `a=extmap-allow-mixed`.
    pub(super) allows_mixed: bool,
}

/// What a section is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Sound.
    Audio,
    /// Pictures.
    Video,
    /// Data channels (RFC 8841).
    Data,
}

/// Who sends, as the writer of a description sees it (RFC 3264).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Both.
    SendRecv,
    /// The writer.
    SendOnly,
    /// The reader.
    RecvOnly,
    /// Nobody, for now.
    Inactive,
}

/// One codec of a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    /// 0 to 127, without those that look like RTCP (RFC 5761 section 4).
    pub payload_type: u8,
    /// What it is.
    pub codec: Codec,
    /// The payload type of its retransmissions (RFC 4588), when offered.
    pub rtx: Option<u8>,
    /// What the browser understands about it.
    pub feedback: Feedback,
    /// Its parameters as they stand in the offer; the answer repeats them.
    pub(super) fmtp: String,
}

/// The RTCP feedback of a codec (RFC 4585, RFC 5104).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Feedback {
    /// `nack`.
    pub nack: bool,
    /// `nack pli`.
    pub pli: bool,
    /// `ccm fir`.
    pub fir: bool,
    /// `transport-cc`.
    pub transport_cc: bool,
    /// `goog-remb`.
    pub remb: bool,
}

/// A source that a section announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendSource {
    /// Of the packets themselves.
    pub ssrc: u32,
    /// Of their retransmissions (`ssrc-group:FID`).
    pub rtx: Option<u32>,
}

/// The data channels of an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataPort {
    /// `a=sctp-port`.
    pub sctp_port: u16,
    /// `a=max-message-size`, in bytes: 64 KiB when it is not said, `u64::MAX` when it is unbounded (RFC 8841 section 6).
    pub max_message_size: u64,
}

impl Kind {
    /// As it stands in `m=`.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Data => "application",
        }
    }
}

impl Direction {
    /// Whether the writer sends.
    pub fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// Whether the writer receives.
    pub fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    pub(super) fn read(word: &str) -> Option<Self> {
        match word {
            "sendrecv" => Some(Self::SendRecv),
            "sendonly" => Some(Self::SendOnly),
            "recvonly" => Some(Self::RecvOnly),
            "inactive" => Some(Self::Inactive),
            _ => None,
        }
    }

    /// As the reader sees it.
    pub(super) fn reversed(self) -> Self {
        match self {
            Self::SendOnly => Self::RecvOnly,
            Self::RecvOnly => Self::SendOnly,
            same => same,
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }
}

impl Section {
    /// The codec with this payload type.
    pub fn format(&self, payload_type: u8) -> Option<&Format> {
        self.formats.iter().find(|format| format.payload_type == payload_type)
    }

    /// The codec whose retransmissions have this payload type.
    pub fn format_of_rtx(&self, payload_type: u8) -> Option<&Format> {
        self.formats.iter().find(|format| format.rtx == Some(payload_type))
    }

    /// The codec under which this section takes what is sent as `sent`: an equal one, or else one that contains it; none when the
    /// browser would not decode it.
    pub fn format_for(&self, sent: Codec) -> Option<&Format> {
        let equal = self.formats.iter().find(|format| format.codec == sent);
        equal.or_else(|| self.formats.iter().find(|format| sent.matches(format.codec)))
    }

    /// Whether the other end can be reached for it at all: it is neither stopped nor without a codec of ours.
    pub fn is_usable(&self) -> bool {
        !self.is_stopped && (self.kind == Kind::Data || !self.formats.is_empty())
    }

    /// Reads one section. `direction` is the session's, for sections that do not say.
    pub(super) fn read(media: &Media, direction: Direction) -> Result<Self, OfferError> {
        let kind = match media.media.as_str() {
            "audio" => Kind::Audio,
            "video" => Kind::Video,
            "application" => Kind::Data,
            other => {
                return Err(OfferError::at(media.line, format!("is a section of {}, which nobody here takes", quoted(other))));
            }
        };
        let attributes = &media.attributes;
        let has = |key: &str| attributes.iter().any(|attribute| attribute.key == key);
        let direction = attributes.iter().find_map(|attribute| Direction::read(&attribute.key)).unwrap_or(direction);
        let mut section = Self {
            mid: read_mid(media)?,
            line: media.line,
            kind,
            direction,
            // A section that is bundled and new may also have port 0 (RFC 8843 section 6).
            is_stopped: media.port == 0 && !has("bundle-only"),
            formats: Vec::new(),
            extensions: ExtensionIds::default(),
            layers: Vec::new(),
            sources: Vec::new(),
            data: None,
            protocol: media.protocol.clone(),
            first_format: media.formats.first().cloned().unwrap_or_else(|| "0".to_owned()),
            extension_directions: Vec::new(),
            has_reduced_size: has("rtcp-rsize"),
            allows_mixed: has("extmap-allow-mixed"),
        };
        if section.is_stopped {
            return Ok(section);
        }
        bound(attributes, "candidate", SDP_CANDIDATES_MAX, "candidate")?;
        section.check_protocol(media)?;
        if kind == Kind::Data {
            section.data = Some(read_data_port(media)?);
            return Ok(section);
        }
        if !has("rtcp-mux") {
            return Err(OfferError::at(media.line, "is a section without a=rtcp-mux: RTP and RTCP must share one port"));
        }
        section.formats = read_formats(media)?;
        section.read_extensions(attributes)?;
        if direction.sends() {
            section.layers = read_layers(attributes)?;
            section.sources = read_sources(attributes)?;
        }
        Ok(section)
    }

    fn check_protocol(&self, media: &Media) -> Result<(), OfferError> {
        let known = match self.kind {
            Kind::Data => ["UDP/DTLS/SCTP", "TCP/DTLS/SCTP"],
            Kind::Audio | Kind::Video => ["UDP/TLS/RTP/SAVPF", "TCP/TLS/RTP/SAVPF"],
        };
        if known.contains(&self.protocol.as_str()) {
            return Ok(());
        }
        Err(OfferError::at(media.line, format!("is a section over {}, not over {}", quoted(&self.protocol), known[0])))
    }

    fn read_extensions(&mut self, attributes: &[Attribute]) -> Result<(), OfferError> {
        bound(attributes, "extmap", SDP_EXTENSIONS_MAX, "header extension")?;
        for attribute in attributes.iter().filter(|attribute| attribute.key == "extmap") {
            let mut words = attribute.value.split_whitespace();
            let (Some(number), Some(uri)) = (words.next(), words.next()) else {
                return Err(OfferError::at(attribute.line, "is not of the form a=extmap:number name"));
            };
            let (number, direction) = number.split_once('/').unwrap_or((number, "sendrecv"));
            let id = number.parse::<u16>().ok().filter(|id| (1..=255).contains(id) || (4096..=4351).contains(id));
            let (Some(id), Some(direction)) = (id, Direction::read(direction)) else {
                return Err(OfferError::at(attribute.line, format!("has no number from 1 to 255: {}", quoted(&attribute.value))));
            };
            let Some(extension) = Extension::from_uri(uri) else { continue };
            // Numbers from 4096 up are for an answer to choose from (RFC 8285 section 7); no browser offers them.
            let Ok(id) = u8::try_from(id) else { continue };
            if direction == Direction::Inactive || self.extensions.id(extension).is_some() {
                continue;
            }
            if self.extensions.extension(id).is_some() {
                return Err(OfferError::at(attribute.line, format!("gives the number {id} to a second header extension")));
            }
            self.extensions.set(extension, id);
            if direction != Direction::SendRecv {
                self.extension_directions.push((extension, direction));
            }
        }
        Ok(())
    }
}

fn read_mid(media: &Media) -> Result<String, OfferError> {
    let Some(mid) = media.attributes.iter().find(|attribute| attribute.key == "mid") else {
        return Err(OfferError::at(media.line, "is a section without a=mid"));
    };
    if mid.value.is_empty() || mid.value.len() > SDP_TOKEN_BYTES_MAX || !mid.value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(OfferError::at(mid.line, format!("has a mid that is not 1 to {SDP_TOKEN_BYTES_MAX} visible characters")));
    }
    Ok(mid.value.clone())
}

fn read_data_port(media: &Media) -> Result<DataPort, OfferError> {
    let find = |key: &str| media.attributes.iter().find(|attribute| attribute.key == key);
    let Some(port) = find("sctp-port") else {
        return Err(OfferError::at(media.line, "is a section of data channels without a=sctp-port"));
    };
    let Some(sctp_port) = port.value.parse().ok().filter(|port| *port > 0) else {
        return Err(OfferError::at(port.line, format!("has no port from 1 to 65535: {}", quoted(&port.value))));
    };
    let max_message_size = match find("max-message-size") {
        None => 64 * 1024,
        Some(size) => match size.value.parse() {
            Ok(0) => u64::MAX,
            Ok(bytes) => bytes,
            Err(_) => return Err(OfferError::at(size.line, format!("has no number of bytes: {}", quoted(&size.value)))),
        },
    };
    Ok(DataPort { sctp_port, max_message_size })
}

/// The codecs of a section. Attributes of payload types that `m=` does not name are passed over: Firefox writes such.
fn read_formats(media: &Media) -> Result<Vec<Format>, OfferError> {
    let payload_types = read_payload_types(media)?;
    let of = |key: &'static str| media.attributes.iter().filter(move |attribute| attribute.key == key);
    // By payload type: what `a=rtpmap` and `a=fmtp` say.
    let mut maps: [Option<&str>; 128] = [None; 128];
    let mut parameters: [Option<&str>; 128] = [None; 128];
    for (key, table) in [("rtpmap", &mut maps), ("fmtp", &mut parameters)] {
        for attribute in of(key) {
            let (number, value) = attribute.value.split_once(' ').unwrap_or((&attribute.value, ""));
            let Some(place) = number.parse::<usize>().ok().and_then(|number| table.get_mut(number)) else {
                return Err(OfferError::at(attribute.line, format!("has no payload type from 0 to 127: {}", quoted(number))));
            };
            if place.replace(value.trim()).is_some() && key == "rtpmap" {
                return Err(OfferError::at(attribute.line, format!("says for the second time what payload type {number} is")));
            }
        }
    }
    let mut formats: Vec<Format> = Vec::new();
    for &payload_type in &payload_types {
        let index = usize::from(payload_type);
        let (map, fmtp) = (maps.get(index).copied().flatten(), parameters.get(index).copied().flatten().unwrap_or(""));
        let codec = map.and_then(|map| Codec::read(map, fmtp)).filter(|codec| codec.is_audio() == (media.media == "audio"));
        // With RTP and RTCP on one port these are taken for RTCP (RFC 5761 section 4).
        if let Some(codec) = codec.filter(|_| !(64..96).contains(&payload_type)) {
            let feedback = Feedback::default();
            formats.push(Format { payload_type, codec, rtx: None, feedback, fmtp: fmtp.to_owned() });
        }
    }
    for &payload_type in &payload_types {
        let index = usize::from(payload_type);
        let is_rtx = maps.get(index).copied().flatten().is_some_and(|map| map.eq_ignore_ascii_case("rtx/90000"));
        let fmtp = parameters.get(index).copied().flatten().unwrap_or("");
        let of = parameter(fmtp, "apt").and_then(|apt| apt.parse::<u8>().ok()).filter(|_| is_rtx);
        if let Some(format) = formats.iter_mut().find(|format| Some(format.payload_type) == of) {
            format.rtx.get_or_insert(payload_type);
        }
    }
    let opus: Vec<u8> =
        formats.iter().filter(|format| matches!(format.codec, Codec::Opus { .. })).map(|format| format.payload_type).collect();
    formats.retain(|format| !matches!(format.codec, Codec::Red { primary } if !opus.contains(&primary)));
    for attribute in of("rtcp-fb") {
        let (number, word) = attribute.value.split_once(' ').unwrap_or((&attribute.value, ""));
        for format in formats.iter_mut().filter(|format| number == "*" || number.parse() == Ok(format.payload_type)) {
            format.feedback.note(word.trim());
        }
    }
    Ok(formats)
}

fn read_payload_types(media: &Media) -> Result<Vec<u8>, OfferError> {
    if media.formats.len() > SDP_FORMATS_MAX {
        return Err(OfferError::at(media.line, format!("has more than {SDP_FORMATS_MAX} payload types")));
    }
    let mut payload_types = Vec::with_capacity(media.formats.len());
    for format in &media.formats {
        let Some(payload_type) = format.parse::<u8>().ok().filter(|number| *number < 128) else {
            return Err(OfferError::at(media.line, format!("has no payload type from 0 to 127: {}", quoted(format))));
        };
        if payload_types.contains(&payload_type) {
            return Err(OfferError::at(media.line, format!("names payload type {payload_type} twice")));
        }
        payload_types.push(payload_type);
    }
    Ok(payload_types)
}

impl Feedback {
    fn note(&mut self, word: &str) {
        match word {
            "nack" => self.nack = true,
            "nack pli" => self.pli = true,
            "ccm fir" => self.fir = true,
            "transport-cc" => self.transport_cc = true,
            "goog-remb" => self.remb = true,
            _ => {}
        }
    }
}

/// The sources of a section, without those of retransmissions, which belong to one.
fn read_sources(attributes: &[Attribute]) -> Result<Vec<SendSource>, OfferError> {
    let number = |attribute: &Attribute, word: &str| {
        word.parse::<u32>().map_err(|_| OfferError::at(attribute.line, format!("has no ssrc: {}", quoted(word))))
    };
    let mut ssrcs: Vec<u32> = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.key == "ssrc") {
        let ssrc = number(attribute, attribute.value.split(' ').next().unwrap_or(""))?;
        if ssrcs.contains(&ssrc) {
            continue;
        }
        if ssrcs.len() == SDP_SSRCS_MAX {
            return Err(OfferError::at(attribute.line, format!("is one ssrc more than {SDP_SSRCS_MAX}")));
        }
        ssrcs.push(ssrc);
    }
    let mut pairs: Vec<(u32, u32)> = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.key == "ssrc-group") {
        let mut words = attribute.value.split_whitespace();
        if words.next() != Some("FID") {
            continue;
        }
        let (Some(first), Some(second), None) = (words.next(), words.next(), words.next()) else {
            return Err(OfferError::at(attribute.line, "is not of the form a=ssrc-group:FID ssrc ssrc"));
        };
        if pairs.len() == SDP_SSRCS_MAX {
            return Err(OfferError::at(attribute.line, format!("is one group of ssrcs more than {SDP_SSRCS_MAX}")));
        }
        pairs.push((number(attribute, first)?, number(attribute, second)?));
    }
    let rtx_of = |ssrc: u32| pairs.iter().find(|(first, _)| *first == ssrc).map(|(_, second)| *second);
    let is_rtx = |ssrc: u32| pairs.iter().any(|(_, second)| *second == ssrc);
    Ok(ssrcs.into_iter().filter(|ssrc| !is_rtx(*ssrc)).map(|ssrc| SendSource { ssrc, rtx: rtx_of(ssrc) }).collect())
}

/// Refuses more than `max` lines of one key.
pub(super) fn bound(attributes: &[Attribute], key: &str, max: usize, what: &str) -> Result<(), OfferError> {
    match attributes.iter().filter(|attribute| attribute.key == key).nth(max) {
        Some(attribute) => Err(OfferError::at(attribute.line, format!("is one {what} more than {max}"))),
        None => Ok(()),
    }
}
