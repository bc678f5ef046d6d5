//! Owns the offer of a member's browser: what it sends, its pool of receiving sections, and the numbers that it has given to things.

use std::fmt::Write;

use visavis::protocol::{SendSection, Source};
use visavis::rtp::{Extension, ExtensionIds};

/// Payload types of every member here.
pub const OPUS: u8 = 111;
pub const VP8: u8 = 96;
pub const RTX: u8 = 97;

/// What one peer connection is to have.
#[derive(Debug, Clone)]
pub struct Wants {
    pub microphone: bool,
    pub camera: bool,
    pub sounds: usize,
    pub pictures: usize,
    /// The video codec by its name in SDP.
    pub video: &'static str,
    /// Added to each header extension's number: no two browsers have the same.
    pub shift: u8,
}

impl Default for Wants {
    fn default() -> Self {
        Self { microphone: true, camera: true, sounds: 3, pictures: 4, video: "VP8", shift: 0 }
    }
}

/// The numbers of the header extensions.
pub fn ids(shift: u8) -> ExtensionIds {
    let mut ids = ExtensionIds::default();
    for (at, extension) in KNOWN.into_iter().enumerate() {
        ids.set(extension, at as u8 + 1 + shift);
    }
    ids
}

const KNOWN: [Extension; 6] = [
    Extension::Mid,
    Extension::Rid,
    Extension::RepairedRid,
    Extension::TransportSequence,
    Extension::AudioLevel,
    Extension::AbsSendTime,
];

/// What the sending sections carry.
pub fn sends(wants: &Wants) -> Vec<SendSection> {
    let of = |mid: &str, source| SendSection { mid: mid.to_owned(), source };
    let microphone = wants.microphone.then(|| of("0", Source::Microphone));
    microphone.into_iter().chain(wants.camera.then(|| of("1", Source::Camera))).collect()
}

/// The offer: section 0 the microphone, 1 the camera, then the sounds, then the pictures.
pub fn offer(wants: &Wants, ufrag: &str, pwd: &str, fingerprint: &str) -> String {
    let mut sections = Vec::new();
    let direction = |sends: bool| if sends { "sendonly" } else { "inactive" };
    sections.push(("audio", direction(wants.microphone)));
    sections.push(("video", direction(wants.camera)));
    sections.extend((0..wants.sounds).map(|_| ("audio", "recvonly")));
    sections.extend((0..wants.pictures).map(|_| ("video", "recvonly")));
    let mut sdp = String::from("v=0\r\no=- 7 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE");
    (0..sections.len()).for_each(|mid| write!(sdp, " {mid}").expect("text"));
    sdp.push_str("\r\na=extmap-allow-mixed\r\n");
    for (mid, (kind, direction)) in sections.into_iter().enumerate() {
        let formats = if kind == "audio" { "111" } else { "96 97" };
        write!(
            sdp,
            "m={kind} 9 UDP/TLS/RTP/SAVPF {formats}\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\n\
             a=fingerprint:sha-256 {fingerprint}\r\na=setup:actpass\r\na=mid:{mid}\r\na={direction}\r\na=rtcp-mux\r\na=rtcp-rsize\r\n"
        )
        .expect("text");
        for (at, extension) in KNOWN.into_iter().enumerate() {
            write!(sdp, "a=extmap:{} {}\r\n", at as u8 + 1 + wants.shift, extension.uri()).expect("text");
        }
        if kind == "audio" {
            sdp.push_str("a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n");
        } else {
            write!(
                sdp,
                "a=rtpmap:96 {}/90000\r\na=rtcp-fb:96 transport-cc\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\n\
                 a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n",
                wants.video
            )
            .expect("text");
        }
        if mid == 1 && direction == "sendonly" {
            sdp.push_str("a=rid:q send\r\na=rid:h send\r\na=rid:f send\r\na=simulcast:send q;h;f\r\n");
        }
    }
    sdp
}

/// What an answer says.
#[derive(Debug, Clone, Default)]
pub struct Answered {
    pub ufrag: String,
    pub pwd: String,
    /// Each receiving section: mid, the stream, and the one of its retransmissions.
    pub slots: Vec<(String, u32, Option<u32>)>,
}

/// Reads an answer as far as a member here needs it.
pub fn read_answer(sdp: &str) -> Answered {
    let mut answered = Answered::default();
    let (mut mid, mut group) = (String::new(), None);
    for line in sdp.lines() {
        if let Some(ufrag) = line.strip_prefix("a=ice-ufrag:") {
            ufrag.clone_into(&mut answered.ufrag);
        } else if let Some(pwd) = line.strip_prefix("a=ice-pwd:") {
            pwd.clone_into(&mut answered.pwd);
        } else if line.starts_with("m=") {
            group = None;
        } else if let Some(name) = line.strip_prefix("a=mid:") {
            name.clone_into(&mut mid);
        } else if let Some(pair) = line.strip_prefix("a=ssrc-group:FID ") {
            let mut numbers = pair.split(' ').map(|number| number.parse().expect("an SSRC"));
            group = Some((numbers.next().expect("two"), numbers.next().expect("two")));
            let (ssrc, rtx) = group.expect("two");
            answered.slots.push((mid.clone(), ssrc, Some(rtx)));
        } else if let Some(rest) = line.strip_prefix("a=ssrc:") {
            let ssrc = rest.split(' ').next().and_then(|number| number.parse().ok()).expect("an SSRC");
            if group.is_none() && !answered.slots.iter().any(|slot| slot.1 == ssrc) {
                answered.slots.push((mid.clone(), ssrc, None));
            }
        }
    }
    answered
}
