//! The corpora of the fuzz targets, as plain regression: every file goes through the entry that the fuzzer calls.

#[path = "../fuzz/src/lib.rs"]
mod targets;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{fs, panic};

use targets::TARGETS;
use visavis::srtp::{MasterKey, Profile, RTP_OVERHEAD_MAX, Sender};

fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target)
}

#[test]
fn every_corpus_passes() {
    // Some of what is called catches panics of a library. The fuzzer counts those as well.
    static PANICS: AtomicU32 = AtomicU32::new(0);
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        report(info);
    }));
    for (name, run) in TARGETS {
        let mut count = 0;
        for entry in fs::read_dir(corpus(name)).unwrap_or_else(|error| panic!("corpus of {name}: {error}")) {
            let path = entry.expect("a readable folder").path();
            println!("{}", path.display());
            run(&fs::read(&path).expect("a readable file"));
            count += 1;
        }
        assert!(count > 0, "{name} has a corpus");
    }
    assert_eq!(PANICS.load(Ordering::Relaxed), 0);
}

#[test]
fn every_folder_of_the_corpus_has_its_target() {
    for entry in fs::read_dir(corpus("")).expect("a readable folder") {
        let name = entry.expect("a readable folder").file_name();
        assert!(TARGETS.iter().any(|(target, _)| name == *target), "{}", name.display());
    }
}

#[test]
fn the_corpus_of_srtp_holds_packets_that_open() {
    let opened = fs::read_dir(corpus("srtp")).expect("a corpus").filter(|entry| {
        let data = fs::read(entry.as_ref().expect("a readable folder").path()).expect("a readable file");
        let is_gcm_rtp = data.first().is_some_and(|choice| choice & 3 == 0);
        is_gcm_rtp && targets::srtp::receiver(Profile::AeadAes128Gcm).unprotect_rtp(&mut data[1..].to_vec()).is_ok()
    });
    assert!(opened.count() > 0);
    // And by what they were made.
    let key = MasterKey::new(Profile::AeadAes128Gcm, &[0x5a; 16], &[0xa5; 12]).expect("lengths fit");
    let mut packet = [[0x80, 96, 0, 1, 0, 0, 0, 7, 0, 0, 0, 9, 1, 2, 3, 4].as_slice(), &[0; RTP_OVERHEAD_MAX]].concat();
    let len = Sender::new(Profile::AeadAes128Gcm, key).protect_rtp(&mut packet, 12, 16, 0).expect("room");
    packet.truncate(len);
    targets::srtp::run(&[&[0], packet.as_slice()].concat());
}
