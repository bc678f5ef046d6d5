//! Owns who stands in which receive slot of the peer connection with the SFU, and whom its packets are counted for.
//!
//! Packets and `sfu_slots` come by different ways. What comes in an empty slot waits for the news of whose it is; what comes
//! before the news that a slot changed hands is counted for the one before: nothing in a packet tells them apart.
//!
//! **Invariant:** no I/O; whoever uses it says what comes and when.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rtc::rtp;

use super::receive::Facts;
use super::report::{Kind, Source};
use crate::id::ParticipantId;
use crate::protocol::{self, SlotState};

/// Packets that wait in one empty slot; of more the oldest are dropped. A keyframe and the news of it are a few milliseconds apart.
const EARLY_MAX: usize = 64;

/// Packets of an empty slot that are older than this belong to somebody who is gone.
const EARLY_FOR: Duration = Duration::from_millis(500);

/// Slots that are remembered; the protocol allows fewer, a server that names more is not followed.
const SLOTS_MAX: usize = 128;

/// The receive slots of one peer connection by the name of their section.
#[derive(Debug, Default)]
pub struct Slots {
    slots: BTreeMap<String, Slot>,
    /// How often a slot was given to somebody.
    assignments: u64,
}

/// A slot's new holder: what the server says, and what is known of the member.
pub type Assigned = (SlotState, Arc<Mutex<Facts>>);

#[derive(Debug, Default)]
struct Slot {
    codec: String,
    holder: Option<Holder>,
    early: VecDeque<(Instant, rtp::Packet)>,
}

#[derive(Debug)]
struct Holder {
    participant: ParticipantId,
    source: protocol::Source,
    facts: Arc<Mutex<Facts>>,
    place: usize,
}

impl Slots {
    /// The server says who stands where; slots that are not named are empty.
    pub fn assign(&mut self, now: Instant, assigned: Vec<Assigned>) {
        for (mid, slot) in &mut self.slots {
            if !assigned.iter().any(|(state, _)| state.mid == *mid) {
                slot.holder = None;
            }
        }
        for (state, facts) in assigned {
            if self.slots.len() < SLOTS_MAX || self.slots.contains_key(&state.mid) {
                let slot = self.slots.entry(state.mid.clone()).or_default();
                self.assignments += u64::from(slot.assign(now, &state, facts));
            }
        }
    }

    /// A slot's track has opened, with this codec.
    pub fn open(&mut self, mid: &str, codec: String) {
        if self.slots.len() < SLOTS_MAX || self.slots.contains_key(mid) {
            let slot = self.slots.entry(mid.to_owned()).or_default();
            slot.codec = codec;
            slot.name_codec();
        }
    }

    /// A packet has come in a slot.
    pub fn handle_packet(&mut self, now: Instant, mid: &str, packet: rtp::Packet) {
        let Some(slot) = self.slots.get_mut(mid) else { return };
        match &slot.holder {
            Some(holder) => holder.facts.lock().handle_packet(holder.place, &packet),
            None => {
                if slot.early.len() == EARLY_MAX {
                    slot.early.pop_front();
                }
                slot.early.push_back((now, packet));
            }
        }
    }

    /// Somebody stands in the slot of whom nothing has come that can be decoded.
    pub fn is_waiting(&self, mid: &str) -> bool {
        let holder = self.slots.get(mid).and_then(|slot| slot.holder.as_ref());
        holder.is_some_and(|holder| holder.facts.lock().is_waiting(holder.place))
    }

    /// How many slots carry somebody.
    pub fn held(&self) -> usize {
        self.slots.values().filter(|slot| slot.holder.is_some()).count()
    }

    /// How often a slot was given to somebody.
    pub fn assignments(&self) -> u64 {
        self.assignments
    }
}

impl Slot {
    /// Whether the slot has changed hands.
    fn assign(&mut self, now: Instant, state: &SlotState, facts: Arc<Mutex<Facts>>) -> bool {
        let (participant, source) = (state.participant, state.source);
        // Somebody who came anew is another one, though the server calls both the same.
        let is_same =
            |holder: &Holder| (holder.participant, holder.source) == (participant, source) && Arc::ptr_eq(&holder.facts, &facts);
        if self.holder.as_ref().is_some_and(is_same) {
            return false;
        }
        let kind = if source.is_video() { Kind::Video } else { Kind::Audio };
        let Some(place) = facts.lock().assign(kind, source_of(source)) else { return false };
        for (at, packet) in self.early.drain(..) {
            if now.saturating_duration_since(at) < EARLY_FOR {
                facts.lock().handle_packet(place, &packet);
            }
        }
        self.holder = Some(Holder { participant, source, facts, place });
        self.name_codec();
        true
    }

    fn name_codec(&self) {
        if let Some(holder) = &self.holder
            && !self.codec.is_empty()
        {
            holder.facts.lock().set_codec(holder.place, self.codec.clone());
        }
    }
}

fn source_of(source: protocol::Source) -> Source {
    match source {
        protocol::Source::Microphone => Source::Microphone,
        protocol::Source::Camera => Source::Camera,
        protocol::Source::Screen => Source::Screen,
        protocol::Source::ScreenSound => Source::ScreenAudio,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::SlotStanding;

    fn facts() -> Arc<Mutex<Facts>> {
        Arc::new(Mutex::new(Facts::new()))
    }

    fn state(mid: &str, number: u64) -> SlotState {
        let participant = ParticipantId::new(number).expect("not zero");
        SlotState { mid: mid.into(), participant, source: protocol::Source::Microphone, state: SlotStanding::Live }
    }

    fn packet(sequence_number: u16) -> rtp::Packet {
        let header = rtp::Header { ssrc: 7, sequence_number, ..Default::default() };
        rtp::Packet { header, payload: bytes::Bytes::from_static(b"sound") }
    }

    fn counts(facts: &Mutex<Facts>) -> Vec<(u64, u64)> {
        facts.lock().tracks().iter().map(|track| (track.packets, track.lost)).collect()
    }

    #[test]
    fn a_slot_that_changes_hands_is_counted_for_each_without_loss() {
        let (mut slots, ann, bo, now) = (Slots::default(), facts(), facts(), Instant::now());
        slots.open("4", "opus".into());
        slots.assign(now, vec![(state("4", 1), Arc::clone(&ann))]);
        [1, 2, 4].into_iter().for_each(|number| slots.handle_packet(now, "4", packet(number)));
        slots.assign(now, vec![(state("4", 2), Arc::clone(&bo))]);
        [5, 6].into_iter().for_each(|number| slots.handle_packet(now, "4", packet(number)));
        slots.assign(now, vec![(state("4", 1), Arc::clone(&ann))]);
        [7, 8, 9].into_iter().for_each(|number| slots.handle_packet(now, "4", packet(number)));
        assert_eq!(counts(&ann), [(6, 1)]);
        assert_eq!(counts(&bo), [(2, 0)]);
        assert_eq!((slots.assignments(), slots.held()), (3, 1));
        assert_eq!(bo.lock().tracks()[0].codec, "opus");
    }

    #[test]
    fn what_comes_before_the_news_of_whose_it_is_waits_for_a_moment() {
        let (mut slots, ann, now) = (Slots::default(), facts(), Instant::now());
        slots.open("4", "opus".into());
        slots.handle_packet(now, "4", packet(1));
        slots.handle_packet(now + EARLY_FOR, "4", packet(9));
        slots.handle_packet(now + EARLY_FOR, "4", packet(10));
        slots.assign(now + EARLY_FOR, vec![(state("4", 1), Arc::clone(&ann))]);
        assert_eq!(counts(&ann), [(2, 0)]);
        assert!(!slots.is_waiting("4"));
    }

    #[test]
    fn what_nobody_claims_is_bounded() {
        let (mut slots, ann, now) = (Slots::default(), facts(), Instant::now());
        slots.open("4", "opus".into());
        (0..1000).for_each(|number| slots.handle_packet(now, "4", packet(number)));
        slots.handle_packet(now, "no such section", packet(1));
        slots.assign(now, vec![(state("4", 1), Arc::clone(&ann))]);
        assert_eq!(counts(&ann), [(EARLY_MAX as u64, 0)]);
    }

    #[test]
    fn the_same_holder_said_again_changes_nothing() {
        let (mut slots, ann, now) = (Slots::default(), facts(), Instant::now());
        slots.open("4", "opus".into());
        slots.assign(now, vec![(state("4", 1), Arc::clone(&ann))]);
        slots.handle_packet(now, "4", packet(1));
        slots.assign(now, vec![(state("4", 1), Arc::clone(&ann))]);
        slots.handle_packet(now, "4", packet(3));
        assert_eq!(counts(&ann), [(2, 1)]);
        slots.assign(now, vec![]);
        assert_eq!(slots.held(), 0);
    }
}
