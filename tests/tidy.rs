//! The shape of the source: the order of modules, the purity of the core, who names which library, and first lines.

use std::fs;
use std::path::{Path, PathBuf};

/// From the top down: a module imports only what stands above it.
const ORDER: [&str; 19] = [
    "limits", "id", "redact", "protocol", "config", "turn", "rtp", "sdp", "srtp", "sfu", "hub", "shard", "metrics", "hub_task",
    "http", "server", "peer", "cli", "main",
];

/// The modules without I/O, clock, task, lock or randomness of their own.
const CORE: [&str; 11] = ["limits", "id", "redact", "protocol", "config", "turn", "sdp", "rtp", "srtp", "sfu", "hub"];

/// What the core must not name outside its tests.
const IMPURE: [&str; 15] = [
    "tokio",
    "hyper",
    "warp",
    "parking_lot",
    "std::fs",
    "std::env",
    "std::thread",
    "std::process",
    "std::sync::Mutex",
    "std::sync::RwLock",
    "TcpStream",
    "UdpSocket",
    "Instant::now",
    "SystemTime",
    "rand::random",
];

/// Libraries that only one module names, besides those that the order keeps apart.
const ONLY: [(&str, &str); 7] = [
    ("warp::", "http"),
    ("webrtc::", "peer"),
    ("clap::", "cli"),
    ("prometheus_client::", "metrics"),
    ("rtc_dtls::", "sfu"),
    ("rtc_stun::", "sfu"),
    ("rtc_sctp::", "sfu"),
];

/// `peer` is an outside client: the wire and nothing behind it.
const PEER_MAY_USE: [&str; 5] = ["limits", "id", "redact", "protocol", "peer"];

struct Source {
    path: PathBuf,
    module: String,
    text: String,
    /// Without its tests and comments.
    code: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    collect(&root, &root, &mut found);
    assert!(found.len() > 20, "the source is there");
    found
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            collect(root, &path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with("tests.rs") {
            let text = fs::read_to_string(&path).expect("UTF-8");
            let relative = path.strip_prefix(root).expect("below the root");
            let first = relative.components().next().expect("a name").as_os_str().to_string_lossy();
            let module = first.trim_end_matches(".rs").to_owned();
            let untested = text.split("#[cfg(test)]\nmod tests").next().unwrap_or("");
            let code = untested.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
            found.push(Source { path, module, text, code });
        }
    }
}

fn rank(module: &str) -> usize {
    ORDER.iter().position(|known| *known == module).unwrap_or_else(|| panic!("{module} has no place in the order of modules"))
}

/// The modules of this crate that a source names: in `crate::a::b` and in `use crate::{a, b::c}`.
fn named(code: &str) -> Vec<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut names = Vec::new();
    for (at, prefix) in code.match_indices("crate::") {
        let rest = &code[at + prefix.len()..];
        match rest.strip_prefix('{') {
            None => names.push(word(rest)),
            Some(list) => {
                let mut depth = 0;
                for part in list.split_inclusive([',', '{', '}']) {
                    if depth == 0 {
                        names.push(word(part.trim_start()));
                    }
                    match part.chars().last() {
                        Some('{') => depth += 1,
                        Some('}') if depth == 0 => break,
                        Some('}') => depth -= 1,
                        _ => {}
                    }
                }
            }
        }
    }
    names.retain(|name| !name.is_empty() && name.chars().all(|c| !c.is_uppercase()));
    names
}

#[test]
fn a_module_imports_only_what_stands_above_it() {
    for source in sources().iter().filter(|source| source.module != "lib") {
        let own = rank(&source.module);
        for name in named(&source.code) {
            assert!(rank(&name) <= own, "{} names {name}, which stands below {}", source.path.display(), source.module);
        }
    }
}

#[test]
fn the_core_touches_nothing_of_the_world() {
    for source in sources().iter().filter(|source| CORE.contains(&source.module.as_str())) {
        for word in IMPURE {
            assert!(!source.code.contains(word), "{} names {word}", source.path.display());
        }
        let is_async = source.code.contains("async fn") || source.code.contains(".await");
        assert!(!is_async, "{} is async", source.path.display());
    }
}

#[test]
fn each_library_at_the_edge_has_one_module_that_names_it() {
    for source in sources() {
        for (library, owner) in ONLY {
            let is_named = source.code.match_indices(library).any(|(at, _)| {
                !source.code[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_' || before == ':')
            });
            assert!(source.module == owner || !is_named, "{} names {library}", source.path.display());
        }
    }
}

#[test]
fn the_headless_peer_knows_only_the_wire() {
    for source in sources().iter().filter(|source| source.module == "peer") {
        for name in named(&source.code) {
            assert!(PEER_MAY_USE.contains(&name.as_str()), "{} names {name}", source.path.display());
        }
    }
}

#[test]
fn every_file_says_in_its_first_line_what_it_owns() {
    for source in sources() {
        let first = source.text.lines().next().unwrap_or("");
        let is_map = source.module == "lib" || source.path.ends_with("protocol/mod.rs");
        assert!(is_map || first.starts_with("//! Owns "), "{}: {first}", source.path.display());
    }
}

#[test]
fn nothing_is_left_unfinished() {
    let marks = [
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("FIX", "ME"),
        concat!("allow(", "dead_code)"),
        concat!("#[", "ignore"),
    ];
    for source in sources() {
        for mark in marks {
            assert!(!source.text.contains(mark), "{} has {mark}", source.path.display());
        }
    }
}

#[test]
fn the_rules_see_what_they_forbid() {
    let code = "use crate::{limits, hub::{Hub, Input}, turn};\nfn f() { crate::http::serve(); }";
    assert_eq!(named(code), ["limits", "hub", "turn", "http"]);
}
