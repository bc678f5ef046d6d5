//! Owns the threads that forward media: each has sockets, a clock and a mailbox around one value of [`crate::sfu`].
//!
//! | file | owns |
//! |---|---|
//! | `port` | opening the media port |
//! | `announce` | the addresses that browsers are told |
//! | `udp` | batches of datagrams, in and out |
//! | `tcp`, `frames` | connections where UDP is blocked, and their framing |
//! | `worker`, `tick` | one thread's round, and how long it lets datagrams gather |
//! | `parcel`, `learned` | datagrams that came to the wrong shard: one hop |
//! | `handle`, `report` | starting and stopping the threads, their mailboxes and figures |
//!
//! A room lives on one shard. The kernel spreads datagrams over the shards' sockets by the sender's address, so that most of a
//! client's may come to another shard than the one with its transport; a check names that one (see [`crate::sfu::Ufrag`]), and once
//! it has been answered with success, everything else from its address is passed on as well.

pub mod announce;
mod frames;
mod handle;
mod learned;
mod parcel;
pub mod port;
mod report;
mod tcp;
mod tick;
pub mod udp;
mod worker;

pub use handle::{Mailboxes, Reports, Shards};
pub use report::{Report, WorkerCounters};
pub use tcp::TcpCounters;
pub use udp::UdpCounters;
pub use worker::Media;

#[cfg(test)]
mod tests;
