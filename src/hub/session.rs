//! Owns one participant's standing with the hub: who it is, its connection if it has one, and what it has yet to hear.

use std::time::Instant;

use super::outbox::Outbox;
use super::sfu::Forwarded;
use crate::id::{ConnectionId, ParticipantId, RoomName};
use crate::protocol::Member;

#[derive(Debug)]
pub(super) struct Session {
    pub(super) room: RoomName,
    /// How the others see it.
    pub(super) member: Member,
    pub(super) token: String,
    /// None while it is away.
    pub(super) connection: Option<ConnectionId>,
    pub(super) outbox: Outbox,
    /// The number of the last client frame received.
    pub(super) received: u64,
    /// The last number that the client was told of.
    pub(super) acknowledged: u64,
    /// The latest of its connections that resumed, and the last server frame that the client said it had handled.
    pub(super) attempt: u32,
    pub(super) handled: u64,
    /// Refused frames of the present connection.
    pub(super) bad_frames: u32,
    /// When the grace of a session that is away ends.
    pub(super) expires: Option<Instant>,
    /// When its TURN credentials are renewed.
    pub(super) renews: Option<Instant>,
    /// Its standing with the SFU, if it can use it.
    pub(super) forwarded: Option<Forwarded>,
    /// Devices before this one that a shard has not let go of; until then what it says is about them. More than one when a call
    /// is handed over twice while the shard is late.
    pub(super) departing: u32,
}

impl Session {
    pub(super) fn new(room: RoomName, member: Member, token: String, connection: ConnectionId) -> Self {
        Self {
            room,
            member,
            token,
            connection: Some(connection),
            outbox: Outbox::new(),
            received: 0,
            acknowledged: 0,
            attempt: 0,
            handled: 0,
            bad_frames: 0,
            expires: None,
            renews: None,
            forwarded: None,
            departing: 0,
        }
    }

    pub(super) fn id(&self) -> ParticipantId {
        self.member.id
    }

    /// Takes note of a client frame's number; false for a repetition.
    pub(super) fn receive(&mut self, seq: Option<u64>) -> bool {
        match seq {
            Some(seq) if seq <= self.received => false,
            Some(seq) => {
                self.received = seq;
                true
            }
            None => true,
        }
    }
}
