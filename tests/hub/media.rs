//! Owns the shards of the simulation: what one does with a member, as far as the hub can see it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use visavis::hub::Input;
use visavis::id::{ParticipantId, Topic};
use visavis::protocol::{
    Bus, BusFrame, ClientFrame, ClientMessage, QualityReason, SectionState, ServerFrame, ServerMessage, SfuState, SlotStanding,
    SlotState, Source,
};
use visavis::sfu::{Command, Event, ShardId};

use crate::note::{Kind, Note};
use crate::world::{Happens, World};

/// From a shard to the hub, mostly and when the thread is late.
const DELAYS: [Duration; 2] = [Duration::from_millis(20), Duration::from_secs(4)];

/// A member of a shard.
#[derive(Debug)]
pub struct Forwarding {
    room: String,
    shard: ShardId,
    /// The epoch of the device that has offered; 0 before.
    epoch: u32,
    data: bool,
    /// How much was said of each.
    pub slots: u32,
    pub sends: u32,
    pub states: u32,
    once: u32,
    pub quality: Option<u8>,
}

/// All shards.
#[derive(Debug, Default)]
pub struct Media {
    pub members: BTreeMap<ParticipantId, Forwarding>,
    /// How often each room was told of its speakers.
    pub speakers: BTreeMap<String, u64>,
    /// When the last news reaches the hub.
    told: Option<Instant>,
    pub over_data_channels: u64,
    pub views: u64,
}

impl World {
    pub fn obey(&mut self, shard: ShardId, command: Command) {
        match command {
            Command::Join { room, participant, .. } => {
                let room = room.to_string();
                let mut neighbours = self.media.members.values().filter(|other| other.room == room);
                assert!(neighbours.all(|other| other.shard == shard), "a room lives on one shard");
                let member =
                    Forwarding { room, shard, epoch: 0, data: false, slots: 0, sends: 0, states: 0, once: 0, quality: None };
                assert!(self.media.members.insert(participant, member).is_none(), "joined twice");
            }
            Command::Leave { participant } => {
                let member = self.media.members.remove(&participant).expect("who leaves has joined");
                assert_eq!(member.shard, shard);
                self.news(Event::Left { participant });
            }
            Command::Offer { participant, revision, sdp, .. } => {
                let member = self.media.members.get_mut(&participant).expect("who offers has joined");
                let note = Note::read(&sdp);
                assert_eq!((member.shard, &member.room), (shard, &note.room), "an offer at another room's shard");
                assert!(member.epoch == 0 || member.epoch == note.epoch, "two devices in one transport");
                member.epoch = note.epoch;
                if self.random(5) == 0 {
                    let line = (self.random(2) == 0).then_some(3);
                    return self.news(Event::Refused { participant, revision, line, message: sdp });
                }
                self.news(Event::Answer { participant, revision, sdp });
                self.open_data(participant, true);
            }
            Command::Data { participant, binary, payload, unreliable } => {
                let member = self.media.members.get(&participant).filter(|member| member.data);
                let member = member.expect("its data channel is open");
                let note = if binary {
                    let frame = BusFrame::decode(&payload).expect("the hub writes the wire format");
                    assert_eq!((frame.seq, frame.latest), (None, unreliable));
                    Note::read(&String::from_utf8_lossy(&frame.payload))
                } else {
                    let text = std::str::from_utf8(&payload).expect("text is UTF-8");
                    let frame = ServerFrame::decode(text).expect("the hub writes the wire format");
                    let ServerMessage::Bus { data, .. } = frame.message else { panic!("only the bus goes over data channels") };
                    Note::read(&serde_json::from_str::<String>(data.get()).expect("a JSON string"))
                };
                assert_eq!((&note.room, note.kind), (&member.room, Kind::Once), "what is kept does not go this way");
                self.media.over_data_channels += 1;
            }
            Command::View { participant, .. } => {
                assert!(self.media.members.contains_key(&participant), "who looks has joined");
                self.media.views += 1;
            }
            Command::Close { participant } => {
                assert!(self.media.members.contains_key(&participant), "who closes has joined");
                self.open_data(participant, false);
            }
        }
    }

    /// In order, as all that one thread tells another.
    fn news(&mut self, event: Event) {
        let delay = DELAYS[usize::from(self.random(40) == 0)];
        let at = self.media.told.map_or(self.now + delay, |told| told.max(self.now + delay));
        self.media.told = Some(at);
        self.schedule(at, Happens::AtHub(Input::Sfu(event)));
    }

    /// The hub learns of it later: what it sends meanwhile is lost in a real one as well.
    fn open_data(&mut self, participant: ParticipantId, open: bool) {
        if let Some(member) = self.media.members.get_mut(&participant) {
            member.data |= open;
            self.news(Event::DataOpen { participant, open });
        }
    }

    /// One of the members that have offered gets news.
    pub fn stir(&mut self) {
        let offered: Vec<_> = self.media.members.iter().filter(|(_, member)| member.epoch > 0).map(|(id, _)| *id).collect();
        if offered.is_empty() {
            return;
        }
        let participant = offered[self.random(offered.len() as u32) as usize];
        for _ in 0..1 + self.random(4) {
            let kind = self.random(8);
            if let Some(event) = self.media.event(participant, kind) {
                self.news(event);
            }
        }
    }
}

impl Media {
    fn event(&mut self, participant: ParticipantId, kind: u32) -> Option<Event> {
        let member = self.members.get_mut(&participant)?;
        let device = member.epoch.to_string();
        Some(match kind {
            0 | 1 => {
                member.slots += 1;
                let slot = SlotState { mid: device, participant, source: Source::Camera, state: SlotStanding::Live };
                Event::Slots { participant, revision: member.slots, slots: vec![slot] }
            }
            2 => {
                member.sends += 1;
                let sections = vec![SectionState { mid: device, paused: false, active: Vec::new() }];
                Event::Sends { participant, revision: member.sends, sections }
            }
            3 => {
                member.states += 1;
                Event::State { participant, revision: member.states, state: SfuState::Connected }
            }
            4 => {
                let number = self.speakers.entry(member.room.clone()).or_default();
                *number += 1;
                let room = member.room.parse().expect("a room's name");
                Event::Speakers { room, dominant: ParticipantId::new(*number), speaking: vec![participant] }
            }
            5 => {
                let score = member.quality.map_or(0, |score| (score + 1) % 101);
                member.quality = Some(score);
                Event::Quality { participant, score, reasons: vec![QualityReason::Loss] }
            }
            _ if !member.data => return None,
            _ => {
                member.once += 1;
                let (room, epoch) = (member.room.clone(), member.epoch);
                let note = Note { room, kind: Kind::Once, epoch, to_epoch: 0, number: member.once }.write();
                let topic: Topic = "unkept".parse().expect("a topic");
                let binary = kind == 6;
                let payload = if binary {
                    let latest = member.once.is_multiple_of(2);
                    BusFrame { seq: None, peer: None, direct: false, latest, topic, payload: note.into() }.encode()
                } else {
                    let data = serde_json::value::to_raw_value(&note).expect("a JSON string");
                    Bytes::from(ClientFrame::new(ClientMessage::Bus(Bus { topic, to: None, latest: false, data })).encode())
                };
                Event::Data { participant, binary, payload }
            }
        })
    }
}
