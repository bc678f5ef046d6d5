//! visavis.
pub mod config;
pub mod id;
pub mod limits;
pub mod protocol;
pub mod redact;
pub mod turn;
