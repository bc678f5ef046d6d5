//! The hub under virtual time: stories with a few members, and whole days of meetings from a seed.

mod client;
mod media;
mod note;
mod quiet;
mod sfu;
mod simulation;
mod speech;
mod wire;
mod world;
