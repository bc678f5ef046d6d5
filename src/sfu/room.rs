//! Owns one room of a shard: its members, and who speaks among them.

use std::time::Instant;

use super::speaker::Speakers;
use crate::id::{ParticipantId, RoomName};

pub(super) struct Room {
    pub(super) name: RoomName,
    /// Keys of the members, in the order of joining.
    pub(super) members: Vec<usize>,
    /// The voices, by the key of their publication.
    pub(super) speakers: Speakers<usize>,
    /// What was last told of them.
    pub(super) told: (Option<ParticipantId>, Vec<ParticipantId>),
}

impl Room {
    pub(super) fn new(name: RoomName, now: Instant) -> Self {
        Self { name, members: Vec::new(), speakers: Speakers::new(now), told: (None, Vec::new()) }
    }
}
