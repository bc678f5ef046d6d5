//! Owns the figures of one shard as it publishes them: once a second, as a whole.

use std::time::Duration;

use super::tcp::TcpCounters;
use super::udp::UdpCounters;
use crate::sfu::Stats;

/// What a shard has counted besides its sockets. None ever goes down.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WorkerCounters {
    /// How long it has worked, pauses and waiting not included.
    pub busy: Duration,
    /// How long it has run.
    pub running: Duration,
    /// Times it woke up.
    pub wakeups: u64,
    /// Datagrams that came to its socket and were passed to another shard.
    pub hops_out: u64,
    /// Datagrams that another shard passed to it.
    pub hops_in: u64,
    /// Datagrams and connections for another shard that were dropped because its mailbox was full.
    pub hops_dropped: u64,
    /// Commands of the hub.
    pub commands: u64,
    /// Events for the hub.
    pub events: u64,
    /// Times the hub's mailbox was full, so that an event waited.
    pub events_held: u64,
}

/// All of a shard's figures, of one moment.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Its thread.
    pub worker: WorkerCounters,
    /// Share of the time since the report before that it worked: 0 to 1.
    pub load: f64,
    /// Its UDP socket.
    pub udp: UdpCounters,
    /// Whether it sends runs as runs (GSO).
    pub segments: bool,
    /// Its TCP connections.
    pub tcp: TcpCounters,
    /// TCP connections that are open.
    pub tcp_open: usize,
    /// Addresses whose datagrams it passes on.
    pub learned: usize,
    /// Commands that wait for it.
    pub commands_waiting: usize,
    /// The media itself.
    pub media: Stats,
}
