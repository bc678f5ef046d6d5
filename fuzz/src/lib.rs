//! Owns the entry of each fuzz target: bytes as they may come from the network, and what must hold of them.
//!
//! A target is a module here, a file in `fuzz_targets/`, a `[[bin]]` in `Cargo.toml`, a folder in `corpus/` and a line in
//! [`TARGETS`]. `tests/fuzz.rs` of the main package includes this file and runs each corpus through it.

pub mod srtp;

/// What a target calls.
pub type Entry = fn(&[u8]);

/// Name and entry of each target.
pub const TARGETS: &[(&str, Entry)] = &[("srtp", srtp::run)];
