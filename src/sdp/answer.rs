//! Owns the text of an answer: what was decided, in the offer's order, with the offer's numbers.

use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};

use rtc_sdp::description::common::{Address, Attribute, ConnectionInformation};
use rtc_sdp::description::media::{MediaDescription, MediaName, RangedPort};
use rtc_sdp::description::session::{Origin, SessionDescription, TimeDescription, Timing};

use super::codec::Codec;
use super::offer::Offer;
use super::section::{Direction, Format, Kind, Section};
use crate::rtp::Extension;

/// What an answer says besides what the offer asks.
#[derive(Debug, Clone, Copy)]
pub struct Answering<'a> {
    /// The same for all answers of one connection; at most 2^62.
    pub session_id: u64,
    /// One more with each answer of a connection.
    pub session_version: u64,
    /// Ours, of this ICE generation.
    pub ufrag: &'a str,
    /// Ours, of this ICE generation.
    pub pwd: &'a str,
    /// Of our certificate, as in `a=fingerprint`.
    pub fingerprint: &'a str,
    /// Where we listen, the best first.
    pub candidates: &'a [Candidate],
    /// The longest message that a data channel may bring us, in bytes.
    pub max_message_size: usize,
    /// One for each section of the offer, in its order; a section without one is rejected.
    pub replies: &'a [Reply<'a>],
}

/// What becomes of a section. One that is not [`Section::is_usable`], or does not fit its reply, is rejected whatever is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply<'a> {
    /// Port 0.
    Reject,
    /// It stays, and nobody sends.
    Idle,
    /// We take what it sends.
    Receive,
    /// We send from these sources.
    Send(Outgoing<'a>),
    /// It is for data channels, and we take part.
    Data,
}

/// The sources of one section that we send in, fixed for its life: who is forwarded there may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outgoing<'a> {
    /// Of the packets.
    pub ssrc: u32,
    /// Of their retransmissions, which are used only where the browser has a payload type for them.
    pub rtx: Option<u32>,
    /// `cname` (RFC 3550 section 6.5.1): the same for all of one connection.
    pub cname: &'a str,
    /// The id of the stream; sections of one id are played in step.
    pub stream: &'a str,
}

/// An address of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Over what.
    pub protocol: Protocol,
    /// Where.
    pub address: SocketAddr,
}

/// What a candidate is reached over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// RFC 8445.
    Udp,
    /// RFC 6544: we wait for the connection.
    TcpPassive,
}

/// The answer to an offer.
pub fn answer(offer: &Offer, answering: &Answering) -> String {
    let decided: Vec<Reply> =
        offer.sections.iter().enumerate().map(|(index, section)| decide(section, answering, index)).collect();
    let accepted =
        || offer.sections.iter().zip(&decided).filter(|(_, reply)| **reply != Reply::Reject).map(|(section, _)| section);
    let mids: String = accepted().fold(String::new(), |mids, section| mids + " " + &section.mid);
    let mut attributes = vec![flag("ice-lite")];
    if !mids.is_empty() {
        attributes.push(value("group", format!("BUNDLE{mids}")));
    }
    if offer.allows_mixed {
        attributes.push(flag("extmap-allow-mixed"));
    }
    attributes.push(value("msid-semantic", "WMS *".to_owned()));
    // The first section of a bundle speaks for its transport (RFC 8843 section 7.2).
    let first = accepted().map(|section| section.line).next();
    let sections = offer.sections.iter().zip(&decided).map(|(section, reply)| {
        let candidates = if first == Some(section.line) { answering.candidates } else { &[] };
        SectionAnswer { section, reply: *reply, answering, offer }.describe(candidates)
    });
    let description = SessionDescription {
        origin: Origin {
            username: "-".to_owned(),
            session_id: answering.session_id,
            session_version: answering.session_version,
            network_type: "IN".to_owned(),
            address_type: "IP4".to_owned(),
            unicast_address: "127.0.0.1".to_owned(),
        },
        session_name: "-".to_owned(),
        time_descriptions: vec![TimeDescription { timing: Timing { start_time: 0, stop_time: 0 }, repeat_times: Vec::new() }],
        attributes,
        media_descriptions: sections.collect(),
        ..SessionDescription::default()
    };
    description.to_string()
}

fn decide<'a>(section: &Section, answering: &Answering<'a>, index: usize) -> Reply<'a> {
    let reply = answering.replies.get(index).copied().unwrap_or(Reply::Reject);
    let fits = match reply {
        Reply::Reject => true,
        Reply::Idle => section.kind != Kind::Data,
        Reply::Receive => section.direction.sends() && section.kind != Kind::Data,
        Reply::Send(_) => section.direction.receives() && section.kind != Kind::Data,
        Reply::Data => section.kind == Kind::Data,
    };
    if fits && section.is_usable() { reply } else { Reply::Reject }
}

/// One section while it is answered.
struct SectionAnswer<'a> {
    section: &'a Section,
    reply: Reply<'a>,
    answering: &'a Answering<'a>,
    offer: &'a Offer,
}

impl SectionAnswer<'_> {
    fn describe(&self, candidates: &[Candidate]) -> MediaDescription {
        let Self { section, reply, .. } = self;
        let (port, formats) = match reply {
            Reply::Reject => (0, vec![section.first_format.clone()]),
            Reply::Data => (9, vec![section.first_format.clone()]),
            _ => (9, section.formats.iter().flat_map(payload_types).map(|number| number.to_string()).collect()),
        };
        let mut attributes = vec![value("mid", section.mid.clone())];
        match reply {
            Reply::Reject => attributes.push(flag(Direction::Inactive.word())),
            Reply::Data => {
                self.push_transport(&mut attributes, candidates);
                let port = section.data.map_or(5000, |data| data.sctp_port);
                attributes.push(value("sctp-port", port.to_string()));
                attributes.push(value("max-message-size", self.answering.max_message_size.to_string()));
            }
            Reply::Idle | Reply::Receive | Reply::Send(_) => {
                self.push_transport(&mut attributes, candidates);
                self.push_media(&mut attributes);
            }
        }
        MediaDescription {
            media_name: MediaName {
                media: section.kind.word().to_owned(),
                port: RangedPort { value: port, range: None },
                protos: section.protocol.split('/').map(str::to_owned).collect(),
                formats,
            },
            connection_information: Some(nowhere()),
            attributes,
            ..MediaDescription::default()
        }
    }

    fn push_transport(&self, attributes: &mut Vec<Attribute>, candidates: &[Candidate]) {
        let Answering { ufrag, pwd, fingerprint, .. } = self.answering;
        attributes.push(value("ice-ufrag", (*ufrag).to_owned()));
        attributes.push(value("ice-pwd", (*pwd).to_owned()));
        attributes.push(value("fingerprint", (*fingerprint).to_owned()));
        attributes.push(value("setup", "passive".to_owned()));
        for (index, candidate) in candidates.iter().enumerate() {
            attributes.push(value("candidate", candidate.line(index)));
        }
        if !candidates.is_empty() {
            attributes.push(flag("end-of-candidates"));
        }
    }

    fn push_media(&self, attributes: &mut Vec<Attribute>) {
        let Self { section, reply, offer, .. } = self;
        attributes.push(flag("rtcp-mux"));
        if section.has_reduced_size {
            attributes.push(flag("rtcp-rsize"));
        }
        if section.allows_mixed && !offer.allows_mixed {
            attributes.push(flag("extmap-allow-mixed"));
        }
        let direction = match reply {
            Reply::Receive => Direction::RecvOnly,
            Reply::Send(_) => Direction::SendOnly,
            Reply::Idle | Reply::Reject | Reply::Data => Direction::Inactive,
        };
        attributes.push(flag(direction.word()));
        self.push_extensions(attributes);
        for format in &section.formats {
            self.push_format(attributes, format);
        }
        match reply {
            Reply::Receive => self.push_layers(attributes),
            Reply::Send(outgoing) => self.push_sources(attributes, outgoing),
            Reply::Idle | Reply::Reject | Reply::Data => {}
        }
    }

    fn push_extensions(&self, attributes: &mut Vec<Attribute>) {
        for extension in Extension::ALL {
            let Some(id) = self.section.extensions.id(extension) else { continue };
            let direction = self.section.extension_directions.iter().find(|(known, _)| *known == extension);
            let direction = direction.map_or(String::new(), |(_, direction)| format!("/{}", direction.reversed().word()));
            attributes.push(value("extmap", format!("{id}{direction} {}", extension.uri())));
        }
    }

    fn push_format(&self, attributes: &mut Vec<Attribute>, format: &Format) {
        let Format { payload_type, codec, rtx, feedback, .. } = format;
        attributes.push(value("rtpmap", format!("{payload_type} {}", codec.rtpmap())));
        let numbers = self.section.extensions.id(Extension::TransportSequence);
        let transport_cc = feedback.transport_cc && numbers.is_some();
        // Two estimates of one way would disagree.
        let remb = feedback.remb && !transport_cc;
        let words = [
            ("nack", feedback.nack),
            ("nack pli", feedback.pli),
            ("ccm fir", feedback.fir),
            ("transport-cc", transport_cc),
            ("goog-remb", remb),
        ];
        for (word, _) in words.into_iter().filter(|(_, is_understood)| *is_understood) {
            attributes.push(value("rtcp-fb", format!("{payload_type} {word}")));
        }
        let fmtp = self.fmtp_of(format);
        if !fmtp.is_empty() {
            attributes.push(value("fmtp", format!("{payload_type} {fmtp}")));
        }
        if let Some(rtx) = rtx {
            attributes.push(value("rtpmap", format!("{rtx} rtx/90000")));
            attributes.push(value("fmtp", format!("{rtx} apt={payload_type}")));
        }
    }

    /// The parameters of the offer are ours, but for one: `stereo` is what its writer would rather receive (RFC 7587 section 6.1),
    /// and Firefox writes it always. To repeat it to one who sends would ask for two channels of every microphone; one who has two
    /// says `sprop-stereo`.
    fn fmtp_of(&self, format: &Format) -> String {
        let has_two_channels = format.fmtp.contains("sprop-stereo=1");
        if !matches!(format.codec, Codec::Opus { .. }) || self.reply != Reply::Receive || has_two_channels {
            return format.fmtp.clone();
        }
        let kept = format.fmtp.split(';').filter(|pair| pair.trim() != "stereo=1");
        kept.collect::<Vec<_>>().join(";")
    }

    fn push_layers(&self, attributes: &mut Vec<Attribute>) {
        let layers = &self.section.layers;
        for layer in layers {
            attributes.push(value("rid", format!("{} recv", layer.rid)));
        }
        if !layers.is_empty() {
            let streams = layers.iter().map(|layer| format!("{}{}", if layer.is_paused { "~" } else { "" }, layer.rid));
            attributes.push(value("simulcast", format!("recv {}", streams.collect::<Vec<_>>().join(";"))));
        }
    }

    fn push_sources(&self, attributes: &mut Vec<Attribute>, outgoing: &Outgoing) {
        let Outgoing { ssrc, rtx, cname, stream } = *outgoing;
        let track = &self.section.mid;
        let rtx = rtx.filter(|_| self.section.formats.iter().any(|format| format.rtx.is_some()));
        attributes.push(value("msid", format!("{stream} {track}")));
        if let Some(rtx) = rtx {
            attributes.push(value("ssrc-group", format!("FID {ssrc} {rtx}")));
        }
        for ssrc in [Some(ssrc), rtx].into_iter().flatten() {
            attributes.push(value("ssrc", format!("{ssrc} cname:{cname}")));
            attributes.push(value("ssrc", format!("{ssrc} msid:{stream} {track}")));
        }
    }
}

impl Candidate {
    /// The value of its `a=candidate`, as the `index`-th of our candidates (RFC 8839 section 5.1, RFC 6544 section 4.5).
    fn line(&self, index: usize) -> String {
        let preference = u32::try_from(index).unwrap_or(u32::MAX).min(0xfff);
        let (protocol, type_preference, local_preference) = match self.protocol {
            Protocol::Udp => ("udp", 126, 0xffff - preference),
            // Below every UDP; 4 is the preference of passive candidates (RFC 6544 section 4.2).
            Protocol::TcpPassive => ("tcp", 90, (4 << 13) + 0x1fff - preference),
        };
        let priority = (type_preference << 24) + (local_preference << 8) + 255_u32;
        let mut line = format!("{} 1 {protocol} {priority} {} {} typ host", index + 1, self.ip(), self.address.port());
        if self.protocol == Protocol::TcpPassive {
            let _ = write!(line, " tcptype passive");
        }
        line
    }

    fn ip(&self) -> IpAddr {
        self.address.ip().to_canonical()
    }
}

/// A codec's own payload type, and that of its retransmissions.
fn payload_types(format: &Format) -> impl Iterator<Item = u8> {
    [Some(format.payload_type), format.rtx].into_iter().flatten()
}

/// Addresses are said by candidates.
fn nowhere() -> ConnectionInformation {
    ConnectionInformation {
        network_type: "IN".to_owned(),
        address_type: "IP4".to_owned(),
        address: Some(Address { address: "0.0.0.0".to_owned(), ttl: None, range: None }),
    }
}

fn flag(key: &str) -> Attribute {
    Attribute::new(key.to_owned(), None)
}

fn value(key: &str, value: String) -> Attribute {
    Attribute::new(key.to_owned(), Some(value))
}
