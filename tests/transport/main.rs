//! A participant's transport against real clients' protocols, under virtual time.

mod client;
mod data;
mod handshake;
mod ice;
mod memory;
mod world;
