//! The wire format against its golden files: what is read, written again, and refused, in Rust as in TypeScript.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde_json::Value;
use visavis::protocol::{BusFrame, ClientFrame, ServerFrame};

fn golden(folder: &str, ending: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/protocol").join(folder);
    let entries = std::fs::read_dir(&folder).expect("the golden folder is there");
    let paths = entries.map(|entry| entry.expect("a readable folder").path());
    let files: Vec<_> = paths.filter(|path| path.extension().is_some_and(|found| found == ending)).collect();
    assert!(!files.is_empty(), "{} has golden files", folder.display());
    files.into_iter().map(|path| (path.clone(), std::fs::read(path).expect("a readable file"))).collect()
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("golden files are JSON")
}

#[test]
fn client_frames_are_read_and_written_as_the_golden_files_say() {
    for (path, bytes) in golden("client", "json") {
        let text = std::str::from_utf8(&bytes).expect("UTF-8");
        let frame = ClientFrame::decode(text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(json(frame.encode().as_bytes()), json(&bytes), "{}", path.display());
    }
}

#[test]
fn server_frames_are_read_and_written_as_the_golden_files_say() {
    for (path, bytes) in golden("server", "json") {
        let text = std::str::from_utf8(&bytes).expect("UTF-8");
        let frame = ServerFrame::decode(text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let written = serde_json::to_value(&frame).expect("every field has a JSON form");
        assert_eq!(written, json(&bytes), "{}", path.display());
    }
}

#[test]
fn refused_frames_are_refused_with_the_golden_code_and_keep_their_number_and_id() {
    for (path, bytes) in golden("refused", "json") {
        let golden = json(&bytes);
        let frame = golden["frame"].as_str().expect("a frame");
        let error = ClientFrame::decode(frame).err().unwrap_or_else(|| panic!("{}: was taken", path.display()));
        assert_eq!(error.code.as_str(), golden["code"], "{}: {error}", path.display());
        assert!(error.message.len() < 300, "{}: {error}", path.display());
        if path.ends_with("unknown-type.json") {
            assert_eq!((error.seq, error.id.as_deref()), (Some(9), Some("r1")));
        }
    }
}

#[test]
fn binary_frames_are_read_and_written_as_the_golden_files_say() {
    for (path, bytes) in golden("binary", "bin") {
        let bytes = Bytes::from(bytes);
        let golden = json(&std::fs::read(path.with_extension("json")).expect("its description"));
        match (BusFrame::decode(&bytes), golden["error"].as_str()) {
            (Err(error), Some(code)) => assert_eq!(error.code.as_str(), code, "{}", path.display()),
            (Ok(frame), None) => {
                assert_eq!(frame.encode(), bytes, "{}", path.display());
                assert_eq!(frame.seq, golden["seq"].as_u64(), "{}", path.display());
                assert_eq!(frame.peer.map(|peer| peer.to_string()).as_deref(), golden["peer"].as_str());
                assert_eq!((frame.direct, frame.latest), (golden["direct"] == true, golden["latest"] == true));
                assert_eq!(frame.topic.as_str(), golden["topic"]);
                let hex: String = frame.payload.iter().map(|byte| format!("{byte:02x}")).collect();
                assert_eq!(hex, golden["payload_hex"]);
            }
            (read, expected) => panic!("{}: {read:?}, expected error {expected:?}", path.display()),
        }
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_a_decoder_panic(bytes: Vec<u8>, text: String) {
        let _ = BusFrame::decode_from_client(&Bytes::from(bytes.clone()));
        let _ = ClientFrame::decode(&String::from_utf8_lossy(&bytes));
        let _ = ClientFrame::decode(&text);
        let _ = ServerFrame::decode(&text);
    }

    #[test]
    fn a_damaged_binary_frame_is_read_or_refused_but_never_panics(at in 0usize..40, value: u8, length in 0usize..60) {
        let good = BusFrame {
            seq: Some(7), peer: None, direct: false, latest: true,
            topic: "topic".parse().expect("a topic"), payload: Bytes::from_static(&[1; 30]),
        };
        let mut bytes = good.encode().to_vec();
        bytes[at] = value;
        bytes.truncate(length);
        let _ = BusFrame::decode(&Bytes::from(bytes));
    }
}

#[test]
fn a_signal_is_read_the_same_wherever_in_the_frame_its_type_stands() {
    let fields = r#""seq":7,"id":"x","to":"0000000000000b02","revision":2,"signal":"#;
    let candidate = r#"{"kind":"candidate","candidate":{"candidate":"candidate:1 1 udp 1 192.0.2.1 9 typ host","sdpMid":"0"}}"#;
    let long = format!(r#"{{"kind":"candidate","candidate":{{"candidate":"{}"}}}}"#, "c".repeat(1025));
    for signal in [candidate, r#"{"kind":"end_of_candidates"}"#, r#"{"kind":"description"}"#, r#"{"kind":"smoke"}"#, "7", &long] {
        let [early, late] =
            [format!(r#"{{"type":"signal",{fields}{signal}}}"#), format!(r#"{{{fields}{signal},"type":"signal"}}"#)];
        // Where in the frame the fault was found is another place, of course.
        let read = |text: &str| match ClientFrame::decode(text) {
            Ok(frame) => frame.encode(),
            Err(error) => format!("{:?} {:?} {:?}", error.code, error.seq, error.id),
        };
        assert_eq!(read(&early), read(&late), "{signal}");
    }
    let long_id = format!(r#"{{"type":"signal","id":"{}","to":"0000000000000b02","signal":{candidate}}}"#, "i".repeat(65));
    assert!(ClientFrame::decode(&long_id).is_err(), "an id longer than allowed");
}
