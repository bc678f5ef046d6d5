//! Owns the threads that forward media: each has sockets, a clock and a mailbox around one value of [`crate::sfu`].

pub mod port;
pub mod udp;
