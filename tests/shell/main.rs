//! The server over real sockets: what a client sees of joining, losing its connection, bad input, load and the stop.

mod bad_input;
mod client;
mod flood;
mod joining;
mod sfu_line;
mod sfu_server;
