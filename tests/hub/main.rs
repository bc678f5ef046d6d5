//! The hub under virtual time: stories with a few members, and whole days of meetings from a seed.

mod sfu;
mod simulation;
mod world;
