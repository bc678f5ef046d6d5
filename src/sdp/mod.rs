//! Owns what a browser's offer to the SFU asks, and the SFU's answer.
//!
//! [`Offer::parse`] reads an offer into what the SFU needs to know of it and no more; what it does not know it passes over, as
//! browsers say much that concerns only them. What cannot be answered is an [`OfferError`] that names the line. [`answer`] writes
//! the answer (RFC 3264, RFC 8829): ice-lite, one bundle, DTLS passive, and per section what was decided for it.
//!
//! **Invariant:** a description has one transport. Sections outside of the bundle are refused, so nothing here asks which
//! transport a section belongs to.

mod answer;
mod codec;
mod error;
mod offer;
mod section;
mod simulcast;
mod text;

#[cfg(test)]
mod tests;

pub use answer::{Answering, Candidate, Outgoing, Protocol, Reply, answer};
pub use codec::{Codec, H264Profile};
pub use error::OfferError;
pub use offer::{IceCredentials, Offer};
pub use section::{DataPort, Direction, Feedback, Format, Kind, Section, SendSource};
pub use simulcast::Layer;
