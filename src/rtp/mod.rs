//! Owns RTP as the SFU and the load generator need it: reading a packet, rewriting it, what codecs say about themselves, the packets of late.
//!
//! For a packet that came: [`Header::parse`], then (decrypted) [`Extensions::read`], [`Header::payload`], [`Codec::facts`],
//! [`Cache::push`]. For one that goes: [`write_header`] and the payload out of the cache.

mod cache;
mod clock;
mod codec;
mod extension;
mod packet;
mod rewrite;
mod sequence;

pub use cache::{Cache, History, Meta, Packet};
pub use clock::SenderClock;
pub use codec::{Codec, Facts, FrameNumber, PayloadError, Picture, Resolution, Target, Targets};
pub use extension::{AudioLevel, CaptureTime, Carried, Extension, ExtensionIds, Extensions};
pub use packet::{FIXED_BYTES, Fields, Header, RtpError, header_len_max, write_header};
pub use rewrite::{Behind, Patch, Rewriter, Rewritten, Sent, Start};
pub use sequence::{Arrival, Extender, Reception, Report};
