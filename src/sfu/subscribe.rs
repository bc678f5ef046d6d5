//! Owns who gets what: which publication stands in which slot of which member.

use super::assign::assign;
use super::publication::Subscriber;
use super::{Event, Sfu};
use crate::id::ParticipantId;
use crate::protocol::Shown;

impl Sfu {
    pub(super) fn handle_view(&mut self, participant: ParticipantId, videos: Vec<Shown>) {
        let Some(&key) = self.members_by_id.get(&participant) else { return };
        self.members[key].view = videos;
        if let Some(connection) = &mut self.members[key].connection {
            connection.next_allocation = self.now;
        }
        self.assign_member(key);
    }

    /// Everyone in a room, after a publication came or went, or other voices are the loudest.
    pub(super) fn assign_room(&mut self, room: usize) {
        let Some(room) = self.rooms.get(room) else { return };
        for member in room.members.clone() {
            self.assign_member(member);
        }
    }

    /// The slots of one member.
    pub(super) fn assign_member(&mut self, key: usize) {
        for is_video in [false, true] {
            let Some(connection) = self.members.get(key).and_then(|member| member.connection.as_ref()) else { return };
            let places: Vec<usize> = connection
                .slots
                .iter()
                .enumerate()
                .filter(|(_, slot)| slot.is_video == is_video && slot.is_open)
                .map(|(at, _)| at)
                .collect();
            let mut held: Vec<Option<usize>> = places.iter().map(|at| connection.slots[*at].carries).collect();
            let wanted = if is_video { self.wanted_pictures(key) } else { self.wanted_sounds(key, places.len()) };
            let before = held.clone();
            if !assign(&mut held, &wanted) {
                continue;
            }
            for ((slot, before), now) in places.iter().zip(before).zip(held) {
                if before != now {
                    self.carry(key, *slot, now);
                }
            }
        }
    }

    /// What a member shows and may get, in order of importance.
    fn wanted_pictures(&self, key: usize) -> Vec<usize> {
        let member = &self.members[key];
        let find = |shown: &Shown| {
            let other = self.members.get(*self.members_by_id.get(&shown.participant)?)?;
            let connection = other.connection.as_ref().filter(|_| other.reaches(member))?;
            connection.publications.iter().copied().find(|publication| self.publications[*publication].source == shown.source)
        };
        let mut wanted = Vec::new();
        for publication in member.view.iter().filter_map(find) {
            if !wanted.contains(&publication) {
                wanted.push(publication);
            }
        }
        wanted
    }

    /// The sounds that a member hears: all, where there are slots for all; else the loudest of the room, then whoever has a slot.
    fn wanted_sounds(&self, key: usize, slots: usize) -> Vec<usize> {
        let member = &self.members[key];
        let room = &self.rooms[member.room];
        let others = room.members.iter().filter_map(|other| self.members.get(*other)).filter(|other| other.reaches(member));
        let sounds =
            others.filter_map(|other| other.connection.as_ref()).flat_map(|connection| connection.publications.iter().copied());
        let sounds: Vec<usize> = sounds.filter(|publication| !self.publications[*publication].source.is_video()).collect();
        if sounds.len() <= slots {
            return sounds;
        }
        let loudest = room.speakers.loudest().iter().copied();
        let mut wanted: Vec<usize> = loudest.filter(|loud| sounds.contains(loud)).take(slots).collect();
        let held = member.connection.iter().flat_map(|connection| connection.slots.iter()).filter_map(|slot| slot.carries);
        wanted.extend(held.filter(|held| sounds.contains(held) && !room.speakers.loudest().contains(held)));
        for sound in sounds {
            // More have no place: in a large room the rest is not looked at.
            if wanted.len() >= slots {
                break;
            }
            if !wanted.contains(&sound) {
                wanted.push(sound);
            }
        }
        wanted
    }

    /// Puts a publication into a slot, or empties it.
    pub(super) fn carry(&mut self, key: usize, slot: usize, publication: Option<usize>) {
        let before = self.members[key].connection.as_ref().and_then(|connection| connection.slots[slot].carries);
        if let Some(before) = before {
            self.forget_subscriber(before, key, slot);
        }
        let source = publication.and_then(|key| Some((key, self.publications.get(key)?)));
        let Some(connection) = &mut self.members[key].connection else { return };
        connection.slots[slot].carry(source);
        connection.shares.retain(|share| share.key != slot);
        connection.slots_changed = true;
        connection.next_allocation = self.now;
        let Some((publication, source)) = source else { return };
        let layers = connection.slots[slot].layers(source.shape());
        self.publications[publication].subscribers.push(Subscriber { member: key, slot, layers, wants: u8::MAX });
    }

    pub(super) fn forget_subscriber(&mut self, publication: usize, member: usize, slot: usize) {
        if let Some(publication) = self.publications.get_mut(publication) {
            publication.subscribers.retain(|subscriber| (subscriber.member, subscriber.slot) != (member, slot));
        }
    }

    /// A sending section is gone, with everything that it sent.
    pub(super) fn unpublish(&mut self, key: usize) {
        let publication = self.publications.remove(key);
        for Subscriber { member, slot, .. } in publication.subscribers {
            let Some(connection) = self.members.get_mut(member).and_then(|member| member.connection.as_mut()) else { continue };
            connection.slots[slot].carry(None);
            // Its key may soon be another's. What waits of others stays.
            connection.pending.drain(..connection.flushed);
            connection.flushed = 0;
            connection.pending.retain(|pending| !pending.is_of(key));
            connection.slots_changed = true;
        }
        let room = self.members.get(publication.member).map(|member| member.room);
        if let (Some(voice), Some(room)) = (publication.voice, room.and_then(|room| self.rooms.get_mut(room))) {
            room.speakers.leave(voice);
        }
    }

    /// A slot forwards, or waits for, other layers: its publication is to know.
    pub(super) fn note_layers(&mut self, member: usize, slot: usize) {
        let Some(connection) = self.members.get(member).and_then(|member| member.connection.as_ref()) else { return };
        let Some(publication) = connection.slots[slot].carries.and_then(|key| self.publications.get_mut(key)) else { return };
        let layers = connection.slots[slot].layers(publication.shape());
        let own = publication.subscribers.iter_mut().find(|own| (own.member, own.slot) == (member, slot));
        if let Some(own) = own {
            own.layers = layers;
        }
    }

    /// Tells members what their slots carry and what is wanted of what they send, where that has changed.
    pub(super) fn tell_changes(&mut self) {
        for (_, member) in &mut self.members {
            let Some(connection) = member.connection.as_mut() else { continue };
            let (participant, revision) = (member.participant, connection.revision);
            if std::mem::take(&mut connection.slots_changed) {
                let carried = connection.slots.iter().filter_map(|slot| Some(slot.state(self.publications.get(slot.carries?)?)));
                self.events.push_back(Event::Slots { participant, revision, slots: carried.collect() });
            }
            if std::mem::take(&mut connection.sends_changed) {
                let own = connection.publications.iter().filter_map(|key| self.publications.get(*key));
                let sections = own.map(super::tick::section_state).collect();
                self.events.push_back(Event::Sends { participant, revision, sections });
            }
        }
    }
}
