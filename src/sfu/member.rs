//! Owns one member: who it is, what it shows, and its peer connection if it has one; how members come and go.

use super::connection::Connection;
use super::room::Room;
use super::{Command, DropReason, Event, Sfu};
use crate::id::{ParticipantId, RoomName};
use crate::protocol::Shown;

pub(super) struct Member {
    pub(super) participant: ParticipantId,
    pub(super) room: usize,
    /// See [`Command::Join`].
    pub(super) direct: bool,
    /// What it shows, in order of importance.
    pub(super) view: Vec<Shown>,
    pub(super) connection: Option<Box<Connection>>,
}

impl Member {
    /// Whether what this one sends passes through here to that one: not where the two can reach each other.
    pub(super) fn reaches(&self, other: &Self) -> bool {
        self.participant != other.participant && self.room == other.room && !(self.direct && other.direct)
    }
}

impl Sfu {
    pub(super) fn handle_join(&mut self, name: RoomName, participant: ParticipantId, direct: bool) {
        if self.members_by_id.contains_key(&participant) {
            // The hub lets a member leave before it joins again; one that stands here twice must not.
            self.handle_command(self.now, Command::Leave { participant });
        }
        let room = match self.rooms_by_name.get(&name) {
            Some(room) => *room,
            None => {
                let room = self.rooms.insert(Room::new(name.clone(), self.now));
                self.rooms_by_name.insert(name, room);
                room
            }
        };
        let member = self.members.insert(Member { participant, room, direct, view: Vec::new(), connection: None });
        self.members_by_id.insert(participant, member);
        self.rooms[room].members.push(member);
    }

    pub(super) fn handle_leave(&mut self, participant: ParticipantId) {
        let Some(key) = self.members_by_id.remove(&participant) else { return };
        self.disconnect(key);
        let member = self.members.remove(key);
        let room = &mut self.rooms[member.room];
        room.members.retain(|other| *other != key);
        if room.members.is_empty() {
            let room = self.rooms.remove(member.room);
            self.rooms_by_name.remove(&room.name);
        }
        self.events.push_back(Event::Left { participant });
    }

    /// Ends a member's peer connection: nobody gets anything of it any more, nor it of anybody.
    pub(super) fn disconnect(&mut self, key: usize) {
        let Some(mut connection) = self.members.get_mut(key).and_then(|member| member.connection.take()) else { return };
        connection.transport.close(self.now);
        while let Some(transmit) = connection.transport.poll_transmit() {
            self.control.push_back(transmit);
        }
        for slot in 0..connection.slots.len() {
            if let Some(publication) = connection.slots[slot].carries {
                self.forget_subscriber(publication, key, slot);
            }
        }
        self.tuples.retain(|_, member| *member != key);
        self.dirty.retain(|member| *member != key);
        let room = self.members[key].room;
        for publication in connection.publications {
            self.unpublish(publication);
        }
        self.assign_room(room);
    }

    /// A message for a member's data channel. One that cannot be sent is gone, as on a channel without retransmission.
    pub(super) fn handle_data(&mut self, participant: ParticipantId, binary: bool, unreliable: bool, payload: &[u8]) {
        let Some(&key) = self.members_by_id.get(&participant) else { return };
        let now = self.now;
        let Some(connection) = &mut self.members[key].connection else { return };
        if connection.transport.send_data(now, unreliable, binary, payload).is_err() {
            self.counters.drops.count(DropReason::Queue);
        }
        self.drain_transport(key);
    }
}
