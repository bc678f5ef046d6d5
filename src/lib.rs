//! visavis.
pub mod cli;
pub mod config;
pub mod http;
pub mod hub;
pub mod hub_task;
pub mod id;
pub mod limits;
pub mod metrics;
pub mod protocol;
pub mod redact;
pub mod server;
pub mod turn;
