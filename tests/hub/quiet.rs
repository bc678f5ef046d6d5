//! Owns what holds when everything that was said has arrived: all know the same, and nothing is missing at the end.

use std::collections::BTreeMap;

use visavis::hub::Stats;
use visavis::id::ParticipantId;
use visavis::limits::ACK_EVERY;
use visavis::protocol::Member;

use crate::client::Client;
use crate::note::Kind;
use crate::world::World;

impl World {
    fn connected(&self) -> impl Iterator<Item = &Client> {
        self.clients.iter().filter(|client| client.connection.is_some())
    }

    pub fn check_quiet(&self) {
        assert!(self.connected().all(|client| client.is_greeted), "everyone who is connected was welcomed by now");
        self.check_rosters();
        for speaker in self.connected() {
            assert!((speaker.unsure.len() as u64) < ACK_EVERY, "the server acknowledges now and then");
            for listener in self.connected().filter(|listener| listener.room == speaker.room) {
                if listener.own_id() != speaker.own_id() {
                    check_strands(speaker, listener);
                }
            }
            self.check_media(speaker);
        }
    }

    /// Everyone who is connected knows the same room, and is known as it knows itself.
    fn check_rosters(&self) {
        let mut rooms: BTreeMap<&str, BTreeMap<ParticipantId, &Member>> = BTreeMap::new();
        for client in self.connected() {
            let known = rooms.entry(&client.room).or_default();
            for member in client.roster.values().chain(&client.own) {
                let before = known.insert(member.id, member);
                assert!(before.is_none_or(|before| before == member), "two members disagree: {before:?}, {member:?}");
            }
        }
        for client in self.connected() {
            let known = &rooms[client.room.as_str()];
            assert_eq!(client.roster.len() + 1, known.len(), "someone is missing in the roster of {:?}", client.own);
        }
    }

    /// What a shard said last is what its member knows.
    fn check_media(&self, client: &Client) {
        let member = client.own_id().and_then(|own| self.media.members.get(&own));
        assert_eq!(member.is_some(), client.can_use_the_sfu(), "a shard holds those that can use it");
        assert!(client.media.pending.is_empty(), "an offer got no answer: {:?}", client.media.pending);
        if let Some(member) = member {
            let heard = (client.media.slots, client.media.sends, client.media.states);
            assert_eq!(heard, (member.slots, member.sends, member.states), "the last of each kind");
        }
        if client.media.speakers > 0 {
            assert_eq!(client.media.speakers, self.media.speakers[&client.room], "the last speakers");
        }
        for (participant, score) in &client.media.quality {
            let last = self.media.members.get(participant).and_then(|member| member.quality);
            assert!(last.is_none_or(|last| last == *score), "the last quality of {participant}");
        }
    }

    /// All have gone: nothing is held.
    pub fn check_empty(&self) {
        let stats = self.hub.stats();
        let counters = stats.counters.clone();
        assert_eq!(counters.joined, counters.left + counters.expired, "who came has gone");
        assert_eq!(stats, Stats { counters, ..Stats::default() }, "after all have left nothing is held");
        assert_eq!(self.hub.longest_queue(), (0, 0));
        assert_eq!(self.hub.poll_timeout(), None);
        assert!(self.media.members.is_empty(), "nobody is left at a shard");
    }
}

/// Everything that one said in its present epoch has reached another that was there.
fn check_strands(speaker: &Client, listener: &Client) {
    let (Some(from), Some(own)) = (speaker.own_id(), &listener.own) else { return };
    for ((kind, to), said) in &speaker.said {
        let strand = match to {
            _ if matches!(kind, Kind::Once | Kind::Offer) => continue,
            Some(to) if *to == (own.id, own.epoch) => (from, *kind, Some(own.id)),
            Some(_) => continue,
            None => (from, *kind, None),
        };
        let last = listener.heard.get(&strand).map(|(_, last)| *last);
        let was_there = to.is_some() || listener.fresh.contains(&from);
        assert!(last == Some(*said) || last.is_none() && !was_there, "{strand:?}: {said} said, {last:?} heard");
    }
}
