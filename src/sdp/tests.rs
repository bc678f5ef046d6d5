//! Owns the rules of offers and answers: offers of real browsers with their answers, broken offers with their errors, random ones.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::limits::{SDP_BYTES_MAX, SDP_CANDIDATES_MAX, SDP_EXTENSIONS_MAX, SDP_SECTIONS_MAX, SDP_SSRCS_MAX};
use crate::rtp::Extension;

const FINGERPRINT: &str =
    "sha-256 01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/sdp")
}

/// Name and text of each recorded offer.
fn offers() -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = fs::read_dir(folder())
        .expect("a readable folder")
        .filter_map(|entry| {
            let path = entry.expect("a readable folder").path();
            let name = path.file_name()?.to_str()?.strip_suffix(".offer.sdp")?.to_owned();
            Some((name, fs::read_to_string(path).expect("UTF-8")))
        })
        .collect();
    found.sort();
    assert!(found.len() > 10, "the offers are there");
    found
}

fn recorded(name: &str) -> Offer {
    let text = fs::read_to_string(folder().join(format!("{name}.offer.sdp"))).expect("a recorded offer");
    Offer::parse(&text).expect("an offer")
}

/// The answer that takes all that is offered.
fn answer_to(offer: &Offer) -> String {
    let replies: Vec<Reply> = offer
        .sections
        .iter()
        .enumerate()
        .map(|(index, section)| match section.direction {
            _ if section.kind == Kind::Data => Reply::Data,
            direction if direction.sends() => Reply::Receive,
            Direction::Inactive => Reply::Idle,
            _ => {
                let ssrc = 1000 + 2 * index as u32;
                Reply::Send(Outgoing { ssrc, rtx: Some(ssrc + 1), cname: "visavis", stream: "slot" })
            }
        })
        .collect();
    let at = |protocol, address: &str| Candidate { protocol, address: address.parse().expect("an address") };
    let candidates = [
        at(Protocol::Udp, "192.0.2.7:8443"),
        at(Protocol::Udp, "[2001:db8::7]:8443"),
        at(Protocol::TcpPassive, "192.0.2.7:8443"),
    ];
    answer(
        offer,
        &Answering {
            session_id: 42,
            session_version: 1,
            ufrag: "00000001AbCdEfGh",
            pwd: "abcdefghijklmnopqrstuvwx",
            fingerprint: FINGERPRINT,
            candidates: &candidates,
            max_message_size: 131_072,
            replies: &replies,
        },
    )
}

/// `VISAVIS_GOLDEN=write` writes the answers anew; what changed is then to be read, and given to the browsers.
#[test]
fn each_recorded_offer_has_its_answer() {
    for (name, text) in offers() {
        let offer = Offer::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let answer = answer_to(&offer);
        let path = folder().join(format!("{name}.answer.sdp"));
        if std::env::var("VISAVIS_GOLDEN").as_deref() == Ok("write") {
            fs::write(&path, &answer).expect("a writable folder");
        }
        assert_eq!(answer, fs::read_to_string(&path).expect("an answer"), "{name}");
    }
}

#[test]
fn sections_know_what_they_are_for() {
    for (name, text) in offers() {
        let offer = Offer::parse(&text).expect("an offer");
        let sends: Vec<&Section> = offer.sections.iter().filter(|section| section.direction == Direction::SendOnly).collect();
        assert_eq!(sends[0].kind, Kind::Audio, "{name}");
        assert_eq!(sends[1].kind, Kind::Video, "{name}");
        assert!(offer.sections.iter().all(|section| section.is_usable()), "{name}");
        assert!(offer.data().is_some_and(|section| section.data.is_some_and(|data| data.sctp_port == 5000)), "{name}");
        assert_eq!(offer.section(&sends[1].mid).map(|section| section.line), Some(sends[1].line), "{name}");
        for section in offer.sections.iter().filter(|section| section.kind == Kind::Video) {
            assert!(section.formats.iter().all(|format| format.rtx.is_some() && format.feedback.pli), "{name}");
            assert!(section.extensions.id(Extension::TransportSequence).is_some(), "{name}");
        }
        for section in offer.sections.iter().filter(|section| section.direction == Direction::RecvOnly) {
            assert_eq!(section.sources, [], "{name}: who only receives sends no media, whatever it announces");
        }
    }
}

#[test]
fn simulcast_of_each_browser_is_three_layers_without_announced_sources_in_chromium() {
    for name in ["chromium-simulcast", "firefox-simulcast", "safari-by-hand"] {
        let offer = recorded(name);
        let camera = offer.section("1").expect("the camera");
        let rids: Vec<&str> = camera.layers.iter().map(|layer| layer.rid.as_str()).collect();
        assert_eq!(rids, ["q", "h", "f"], "{name}");
        assert!(name.starts_with("firefox") || camera.sources.is_empty(), "{name}");
        assert!(offer.extensions.id(Extension::Rid).is_some() && offer.extensions.id(Extension::Mid).is_some(), "{name}");
        let answer = answer_to(&offer);
        assert!(answer.contains("a=rid:h recv\r\n") && answer.contains("a=simulcast:recv q;h;f\r\n"), "{name}");
    }
}

#[test]
fn one_stream_names_its_sources_and_their_retransmissions() {
    for name in ["chromium-one-stream", "firefox-one-stream"] {
        let offer = recorded(name);
        let camera = offer.section("1").expect("the camera");
        assert!(matches!(camera.sources[..], [SendSource { rtx: Some(_), .. }]), "{name}: {:?}", camera.sources);
        assert!(matches!(offer.section("0").expect("the microphone").sources[..], [SendSource { rtx: None, .. }]), "{name}");
    }
}

#[test]
fn codecs_of_one_browser_are_found_in_another() {
    let (chromium, firefox, safari) = (recorded("chromium-unchosen"), recorded("firefox-unchosen"), recorded("safari-by-hand"));
    let slot = |offer: &Offer, kind| {
        let is_slot = |section: &&Section| section.kind == kind && section.direction == Direction::RecvOnly;
        offer.sections.iter().find(is_slot).expect("a slot").clone()
    };
    let offers = [&chromium, &firefox, &safari];
    for (sender, receiver) in offers.iter().flat_map(|sender| offers.map(|receiver| (*sender, receiver))) {
        let received = slot(receiver, Kind::Video);
        for name in ["VP8/90000", "VP9/90000"] {
            let camera = sender.section("1").expect("the camera");
            let sent = camera.formats.iter().find(|format| format.codec.rtpmap() == name).expect("a common codec");
            let taken = received.format_for(sent.codec).expect("taken");
            assert_eq!(taken.codec.rtpmap(), name);
            assert_eq!(received.format(taken.payload_type), Some(taken));
            assert_eq!(received.format_of_rtx(taken.rtx.expect("retransmissions")), Some(taken));
        }
        let opus = sender.section("0").expect("the microphone").formats[0].codec;
        assert!(slot(receiver, Kind::Audio).format_for(opus).is_some());
    }
    let h264 = |offer: &Offer| {
        offer.section("1").expect("the camera").formats.iter().find_map(|format| match format.codec {
            Codec::H264 { profile: H264Profile::ConstrainedBaseline, is_non_interleaved: true, .. } => Some(format.codec),
            _ => None,
        })
    };
    let from_safari = h264(&safari).expect("whatever the order of the parameters");
    let taken = slot(&chromium, Kind::Video).format_for(from_safari).expect("taken").codec;
    assert_eq!(taken, from_safari, "the equal profile, though a larger one stands before it");
    assert!(slot(&firefox, Kind::Video).formats.iter().all(|format| format.payload_type != 123), "feedback makes no codec");
}

#[test]
fn an_answer_keeps_to_the_offer() {
    for (name, text) in offers() {
        let offer = Offer::parse(&text).expect("an offer");
        let answer = answer_to(&offer);
        let has = |line: &str| answer.lines().filter(|found| *found == line).count();
        assert_eq!(has("a=ice-lite"), 1, "{name}");
        assert_eq!(has("a=setup:passive"), offer.sections.len(), "{name}");
        assert_eq!(has("a=end-of-candidates"), 1, "{name}");
        assert_eq!(answer.matches("typ host tcptype passive").count(), 1, "{name}");
        let kinds =
            |text: &str| text.lines().filter(|line| line.starts_with("m=")).map(|line| line[..7].to_owned()).collect::<Vec<_>>();
        assert_eq!(kinds(&answer), kinds(&text), "{name}");
        assert!(!answer.contains("goog-remb") && answer.contains("transport-cc"), "{name}");
        assert!(!answer.contains("G722") && !answer.contains("ulpfec") && !answer.contains("toffset"), "{name}");
        assert!(name.starts_with("firefox") || answer.contains("a=extmap-allow-mixed"), "{name}");
        let microphone = answer.split("m=").nth(1).expect("a section");
        assert!(microphone.contains("useinbandfec=1") && !microphone.contains("stereo=1"), "{name}");
        let last = Offer::parse(&answer.replace("setup:passive", "setup:actpass")).expect("well formed");
        assert_eq!(last.sections.len(), offer.sections.len(), "{name}");
    }
}

#[test]
fn without_transport_cc_the_estimate_is_the_browsers() {
    let text = fs::read_to_string(folder().join("chromium-one-stream.offer.sdp")).expect("a recorded offer");
    for gone in ["draft-holmer-rmcat-transport-wide-cc", " transport-cc"] {
        let less: String = text.split_inclusive('\n').filter(|line| !line.contains(gone)).collect();
        let answer = answer_to(&Offer::parse(&less).expect("an offer"));
        assert!(answer.contains("goog-remb") && !answer.contains(" transport-cc"), "{gone}");
    }
}

#[test]
fn what_is_not_accepted_has_port_0_and_is_not_in_the_bundle() {
    let offer = recorded("chromium-one-stream");
    let candidates = [Candidate { protocol: Protocol::Udp, address: "192.0.2.7:1".parse().expect("an address") }];
    // The second does not fit what it is decided for, the rest is not decided.
    let replies = [Reply::Reject, Reply::Data, Reply::Receive, Reply::Idle];
    let answering = Answering {
        session_id: 1,
        session_version: 2,
        ufrag: "abcd",
        pwd: "abcdefghijklmnopqrstuvwx",
        fingerprint: FINGERPRINT,
        candidates: &candidates,
        max_message_size: 1,
        replies: &replies,
    };
    let text = answer(&offer, &answering);
    assert!(text.contains("a=group:BUNDLE 2 3\r\n"), "{text}");
    let sections: Vec<&str> = text.split("m=").skip(1).collect();
    let ports: Vec<&str> = sections.iter().filter_map(|section| section.split(' ').nth(1)).collect();
    assert_eq!(ports, ["0", "0", "9", "9", "0", "0", "0", "0", "0"]);
    assert!(sections[2].contains("a=candidate:1 1 udp 2130706431 192.0.2.7 1 typ host\r\n"), "{}", sections[2]);
    assert!(sections[3].contains("a=inactive") && !sections[3].contains("candidate"));
    assert!(sections[0].contains("a=inactive") && !sections[0].contains("ice-ufrag"));
}

/// A small offer, by lines, that the tests below break.
fn small() -> Vec<String> {
    let text = format!(
        "v=0|o=- 1 2 IN IP4 127.0.0.1|s=-|t=0 0|a=group:BUNDLE 0 1 d|a=ice-ufrag:abcd|a=ice-pwd:abcdefghijklmnopqrstuv|\
         a=fingerprint:{FINGERPRINT}|a=setup:actpass|\
         m=audio 9 UDP/TLS/RTP/SAVPF 111|a=mid:0|a=rtcp-mux|a=rtpmap:111 opus/48000/2|a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid|\
         m=video 9 UDP/TLS/RTP/SAVPF 96 97|a=mid:1|a=sendonly|a=rtcp-mux|a=rtpmap:96 VP8/90000|a=rtpmap:97 rtx/90000|a=fmtp:97 apt=96|\
         a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid|a=ssrc:7 cname:x|\
         m=application 9 UDP/DTLS/SCTP webrtc-datachannel|a=mid:d|a=sctp-port:5000"
    );
    text.split('|').map(str::to_owned).collect()
}

fn joined(lines: &[String]) -> String {
    lines.join("\r\n") + "\r\n"
}

/// The error when one line stands instead of another.
fn error_with(line: &str, instead: &str) -> OfferError {
    let mut lines = small();
    let place = lines.iter_mut().find(|found| *found == line).expect("a line of the offer");
    *place = instead.to_owned();
    Offer::parse(&joined(&lines)).expect_err("an error")
}

/// The error when some lines are gone.
fn error_without(prefix: &str) -> OfferError {
    let lines: Vec<String> = small().into_iter().filter(|line| !line.starts_with(prefix)).collect();
    Offer::parse(&joined(&lines)).expect_err("an error")
}

#[test]
fn the_small_offer_is_one() {
    let offer = Offer::parse(&joined(&small())).expect("an offer");
    assert_eq!(offer.ice.ufrag, "abcd");
    assert_eq!(offer.fingerprints, [FINGERPRINT]);
    assert_eq!(offer.sections[0].direction, Direction::SendRecv, "unless it says otherwise");
    assert_eq!(offer.sections[2].data, Some(DataPort { sctp_port: 5000, max_message_size: 65536 }));
    assert!(!format!("{offer:?}").contains(&offer.ice.pwd), "passwords are not printed");
    assert!(Offer::parse(&small().join("\n")).is_ok(), "bare line feeds, and none at the end");
}

#[test]
fn an_error_names_the_line_and_says_what_is_wrong() {
    let cases = [
        ("v=0", "v=x", 1, "session description"),
        ("t=0 0", "nonsense", 4, "not of the form x=…"),
        ("t=0 0", "a=b\rm=c", 4, "not of the form x=…"),
        ("a=group:BUNDLE 0 1 d", "a=group:BUNDLE 0 d", 5, "leaves the section “1” out"),
        ("a=ice-ufrag:abcd", "a=ice-ufrag:abc", 6, "ice-ufrag"),
        ("a=ice-pwd:abcdefghijklmnopqrstuv", "a=ice-pwd:short", 7, "ice-pwd"),
        ("a=setup:actpass", "a=setup:passive", 9, "passive end"),
        ("m=audio 9 UDP/TLS/RTP/SAVPF 111", "m=audio 9 RTP/AVP 111", 10, "“RTP/AVP”"),
        ("m=audio 9 UDP/TLS/RTP/SAVPF 111", "m=audio 9 UDP/TLS/RTP/SAVPF 111 128", 10, "“128”"),
        ("m=audio 9 UDP/TLS/RTP/SAVPF 111", "m=audio 9 UDP/TLS/RTP/SAVPF 111 111", 10, "111 twice"),
        ("m=audio 9 UDP/TLS/RTP/SAVPF 111", "m=text 9 UDP/TLS/RTP/SAVPF 111", 10, "“text”"),
        ("m=audio 9 UDP/TLS/RTP/SAVPF 111", "m=smell 9 UDP/TLS/RTP/SAVPF 111", 10, "session description"),
        ("a=mid:0", "a=mid:1", 15, "“1” of a section before"),
        ("a=mid:0", "a=mid:01234567890123456", 11, "1 to 16"),
        ("a=mid:0", "a=x", 10, "without a=mid"),
        ("a=rtpmap:111 opus/48000/2", "a=rtpmap:200 opus/48000/2", 13, "“200”"),
        ("a=rtpmap:97 rtx/90000", "a=rtpmap:96 VP9/90000", 20, "second time"),
        ("a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid", "a=extmap:0 urn:ietf:params:rtp-hdrext:sdes:mid", 14, "1 to 255"),
        (
            "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
            "a=extmap:5 urn:ietf:params:rtp-hdrext:sdes:mid",
            15,
            "another number",
        ),
        ("a=ssrc:7 cname:x", "a=ssrc:x cname:x", 23, "“x”"),
        ("a=ssrc:7 cname:x", "a=ssrc-group:FID 1", 23, "ssrc-group"),
        ("a=ssrc:7 cname:x", "a=rid:q", 23, "rid"),
        ("a=sctp-port:5000", "a=sctp-port:0", 26, "1 to 65535"),
        ("a=sctp-port:5000", "a=x", 24, "sctp-port"),
    ];
    for (line, instead, number, words) in cases {
        let error = error_with(line, instead);
        assert_eq!(error.line, Some(number), "{instead}: {error}");
        assert!(error.to_string().contains(words), "{instead}: {error}");
    }
    let other = error_with("a=rtcp-mux", "a=rtcp-mux\r\na=ice-ufrag:other");
    assert_eq!((other.line, other.message.contains("line 6")), (Some(13), true), "{other}");
}

#[test]
fn what_is_missing_is_named() {
    for (prefix, line, words) in [
        ("a=group", None, "BUNDLE"),
        ("a=ice-ufrag", None, "ice-ufrag"),
        ("a=ice-pwd", None, "ice-pwd"),
        ("a=fingerprint", None, "fingerprint"),
        ("a=setup", Some(9), "a=setup"),
        ("a=rtcp-mux", Some(10), "rtcp-mux"),
        ("m=", None, "without"),
    ] {
        let error = error_without(prefix);
        assert!(prefix == "m=" || error.line == line, "{prefix}: {error}");
        assert!(prefix == "m=" || error.to_string().contains(words), "{prefix}: {error}");
    }
    assert!(Offer::parse("").is_err());
    assert_eq!(
        Offer::parse("v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n").expect_err("an error").message,
        "has no media section"
    );
}

#[test]
fn bounds_hold_at_the_line_that_is_too_much() {
    let with = |key: &str, count: usize, line: &dyn Fn(usize) -> String| {
        let mut lines = small();
        let place = lines.iter().position(|found| found.starts_with(key)).expect("a line of the offer");
        lines.splice(place..place, (0..count).map(line));
        Offer::parse(&joined(&lines)).map_err(|error| error.line)
    };
    let candidate = |index: usize| format!("a=candidate:{index} 2 UDP 1 abc.local {index} typ host");
    assert!(with("a=ssrc", SDP_CANDIDATES_MAX, &candidate).is_ok());
    assert_eq!(with("a=ssrc", SDP_CANDIDATES_MAX + 1, &candidate).err(), Some(Some(23 + SDP_CANDIDATES_MAX)));
    let ssrc = |index: usize| format!("a=ssrc:{} cname:x", 100 + index);
    assert!(with("a=ssrc", SDP_SSRCS_MAX - 1, &ssrc).is_ok());
    assert_eq!(with("a=ssrc", SDP_SSRCS_MAX, &ssrc).err(), Some(Some(23 + SDP_SSRCS_MAX)));
    let extmap = |index: usize| format!("a=extmap:{} urn:x:{index}", 20 + index);
    assert!(with("a=ssrc", SDP_EXTENSIONS_MAX - 1, &extmap).is_ok());
    assert!(with("a=ssrc", SDP_EXTENSIONS_MAX, &extmap).is_err());
    let stopped = |index: usize| format!("m=audio 0 UDP/TLS/RTP/SAVPF 0\r\na=mid:s{index}\r\na=inactive");
    let offer = with("m=application", SDP_SECTIONS_MAX - 3, &stopped).expect("an offer");
    assert!(offer.sections[2].is_stopped && !offer.sections[2].is_usable());
    assert!(with("m=application", SDP_SECTIONS_MAX - 2, &stopped).is_err());
    assert!(Offer::parse(&(joined(&small()) + &"a=x\r\n".repeat(SDP_BYTES_MAX / 5))).is_err());
}

#[test]
fn one_source_in_two_sections_is_refused() {
    let error = error_with("a=rtpmap:111 opus/48000/2", "a=rtpmap:111 opus/48000/2\r\na=ssrc:7 cname:y");
    assert_eq!(error.line, Some(16), "{error}");
}

#[test]
fn feedback_for_every_codec_is_for_every_codec() {
    let mut lines = small();
    lines.insert(22, "a=rtcp-fb:* nack pli".to_owned());
    lines.insert(22, "a=rtcp-fb:55 nack".to_owned());
    let offer = Offer::parse(&joined(&lines)).expect("an offer");
    assert_eq!(offer.sections[1].formats[0].feedback, Feedback { pli: true, ..Feedback::default() });
}

#[test]
fn red_without_its_opus_is_no_codec() {
    let mut lines = small();
    lines[9] = "m=audio 9 UDP/TLS/RTP/SAVPF 63 111 70".to_owned();
    lines.insert(13, "a=rtpmap:63 red/48000/2\r\na=fmtp:63 110/110\r\na=rtpmap:70 opus/48000/2".to_owned());
    let formats = &Offer::parse(&joined(&lines)).expect("an offer").sections[0].formats;
    assert_eq!(formats.iter().map(|format| format.payload_type).collect::<Vec<_>>(), [111], "and 70 looks like RTCP");
}

/// Recorded offers with lines swapped, cut, doubled, and words replaced.
fn broken() -> impl Strategy<Value = String> {
    let texts: Vec<String> = offers().into_iter().map(|(_, text)| text).chain([joined(&small())]).collect();
    let change = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..7_u8, "[ -~]{0,8}");
    (prop::sample::select(texts), prop::collection::vec(change, 1..12)).prop_map(|(text, changes)| {
        let mut lines: Vec<String> = text.split("\r\n").map(str::to_owned).collect();
        for (at, other, what, word) in changes {
            let (at, other) = (at.index(lines.len()), other.index(lines.len()));
            match what {
                0 => lines.swap(at, other),
                1 if lines.len() > 1 => drop(lines.remove(at)),
                2 => lines.insert(other, lines[at].clone()),
                3 => lines[at] = format!("a={word}"),
                4 => {
                    let half = lines[at].len() / 2;
                    lines[at].truncate(half);
                }
                5 => lines[at] = lines[at].replacen(' ', &word, 1),
                _ => lines[at] += &word,
            }
        }
        lines.join("\r\n")
    })
}

proptest! {
    #[test]
    fn a_broken_offer_is_refused_or_answered_but_never_a_panic(text in broken()) {
        let begun = Instant::now();
        match Offer::parse(&text) {
            Ok(offer) => {
                let answer = answer_to(&offer);
                prop_assert_eq!(answer.matches("\r\nm=").count(), offer.sections.len());
            }
            Err(error) => prop_assert!(error.line.is_none_or(|line| (1..=text.split('\n').count()).contains(&line)), "{}", error),
        }
        prop_assert!(begun.elapsed() < Duration::from_secs(2));
    }

    #[test]
    fn random_text_is_refused(text in "\\PC*") {
        prop_assert!(Offer::parse(&text).is_err());
    }
}
