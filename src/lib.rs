//! visavis.
pub mod id;
pub mod limits;
pub mod protocol;
pub mod redact;
