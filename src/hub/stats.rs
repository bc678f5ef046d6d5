//! Owns the hub's figures: what it holds now, and what has happened since it started.

use std::collections::BTreeMap;

use super::Hub;
use crate::protocol::ErrorCode;

/// What has happened since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    /// New members.
    pub joined: u64,
    /// Members that left by their own word.
    pub left: u64,
    /// Connections lost; their sessions may come back.
    pub lost: u64,
    /// Sessions that did not come back in time.
    pub expired: u64,
    /// Sessions that came back and missed nothing.
    pub resumed: u64,
    /// Sessions that another device took over, or that could not be resumed exactly.
    pub handed_over: u64,
    /// Signals relayed.
    pub signals: u64,
    /// Bus messages relayed, JSON and binary.
    pub bus: u64,
    /// Chat messages.
    pub chat: u64,
    /// TURN credentials renewed.
    pub credentials_renewed: u64,
    /// Frames refused, by code.
    pub refused: BTreeMap<ErrorCode, u64>,
}

impl Counters {
    pub(super) fn count_refused(&mut self, code: ErrorCode) {
        *self.refused.entry(code).or_default() += 1;
    }
}

/// One moment of the hub.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Rooms with members.
    pub rooms: usize,
    /// Sessions, those that are away included.
    pub sessions: usize,
    /// Connections that have said hello.
    pub connections: usize,
    /// Timers that are set.
    pub timers: usize,
    /// Resume tokens that are good.
    pub tokens: usize,
    /// Members that can use the SFU.
    pub forwarded: usize,
    /// Since the start.
    pub counters: Counters,
}

impl Hub {
    /// The figures of this moment, in time that does not depend on how much the hub holds.
    pub fn stats(&self) -> Stats {
        Stats {
            rooms: self.rooms.len(),
            sessions: self.sessions.len(),
            connections: self.connections.len(),
            timers: self.timers.len(),
            tokens: self.tokens.len(),
            forwarded: self.placement.members() as usize,
            counters: self.counters.clone(),
        }
    }

    /// The most frames and the most bytes that any session is kept, in time that grows with the sessions: for tests and diagnosis.
    /// At most [`crate::limits::OUTBOX_FRAMES_MAX`] and [`crate::limits::OUTBOX_BYTES_MAX`].
    pub fn longest_queue(&self) -> (usize, usize) {
        let queues = self.sessions.values().map(|session| session.outbox.held());
        queues.fold((0, 0), |longest, queue| (longest.0.max(queue.0), longest.1.max(queue.1)))
    }
}
