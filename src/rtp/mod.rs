//! Owns RTP as the SFU and the load generator need it: reading a packet, rewriting it, what codecs say about themselves, the packets of late.
//!
//! For a packet that came: [`Header::parse`], then (decrypted) [`Extensions::read`], [`Header::payload`], [`Codec::facts`],
//! [`Dependencies::read`] where it has a descriptor, [`Cache::push`]. For one that goes: [`Rewriter::next`], [`Rewritten::write`].

mod bits;
mod cache;
mod codec;
mod dependency;
mod extension;
mod packet;
mod rewrite;
pub mod rtcp;
mod sequence;

pub use cache::{Cache, History, Meta, Packet};
pub use codec::{Codec, Facts, FrameNumber, PayloadError, Picture, Resolution, Target, Targets, newest_block};
pub use dependency::{DECODE_TARGETS_MAX, Dependencies, DependencyError, Descriptor, Indication, Indications, Structure};
pub use extension::{AudioLevel, CaptureTime, Carried, Extension, ExtensionIds, Extensions};
pub use packet::{FIXED_BYTES, Fields, Header, RtpError, header_len_max, write_header};
pub use rewrite::{Behind, Envelope, Patch, Rewriter, Rewritten, Sent, Start, Written};
pub use sequence::{Arrival, Extender, Reception, Report};
