//! Owns the entry of each fuzz target: bytes as they may come from the network, and what must hold of them.
//!
//! A target is a module here, a file in `fuzz_targets/`, a `[[bin]]` in `Cargo.toml`, a folder in `corpus/` and a line in
//! [`TARGETS`]. `tests/fuzz.rs` of the main package includes this file and runs each corpus through it.

pub mod codecs;
pub mod dependency;
pub mod dtls;
pub mod extensions;
pub mod rtcp;
pub mod rtp;
pub mod sctp;
pub mod sdp;
pub mod srtp;
pub mod stun;

/// The inputs in a file for a target that takes many: each after its length, in two bytes.
pub fn inputs(mut data: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (len, rest) = data.split_first_chunk::<2>()?;
        let len = usize::from(u16::from_be_bytes(*len)).min(rest.len());
        let (input, after) = rest.split_at(len);
        data = after;
        Some(input)
    })
}

/// What a target calls.
pub type Entry = fn(&[u8]);

/// Name and entry of each target.
pub const TARGETS: &[(&str, Entry)] = &[
    ("codecs", codecs::run),
    ("dependency", dependency::run),
    ("dtls", dtls::run),
    ("extensions", extensions::run),
    ("rtcp", rtcp::run),
    ("rtp", rtp::run),
    ("sctp", sctp::run),
    ("sdp", sdp::run),
    ("srtp", srtp::run),
    ("stun", stun::run),
];
