//! Owns a packet's way out: what waits for each member is decided, written and protected, one member after another.

use std::time::Instant;

use super::Sfu;
use super::connection::Pending;
use super::outbound::Outbound;
use super::slot::{Outcome, Way};
use crate::limits::DATAGRAM_BYTES_MAX;

/// Packets that may have overtaken the first one of a keyframe.
const OVERTAKING_MAX: u64 = 128;

impl Sfu {
    /// Writes what is to be sent into `out`, after a batch of inputs. True: `out` is full; send it, clear it and call again.
    pub fn flush(&mut self, now: Instant, out: &mut Outbound) -> bool {
        self.now = self.now.max(now);
        while let Some((tuple, datagram)) = self.control.front() {
            if !out.push(*tuple, datagram) {
                return true;
            }
            self.control.pop_front();
        }
        while let Some(&key) = self.dirty.last() {
            if self.flush_member(key, out) {
                return true;
            }
            self.dirty.pop();
        }
        false
    }

    fn flush_member(&mut self, key: usize, out: &mut Outbound) -> bool {
        let now = self.now;
        let Some(connection) = self.members.get_mut(key).and_then(|member| member.connection.as_mut()) else { return false };
        let tuple = connection.transport.selected();
        let (Some(tuple), Some(sender)) = (tuple, connection.transport.sender_mut()) else {
            connection.pending.clear();
            connection.is_dirty = false;
            return false;
        };
        let mut way = Way {
            tuple,
            sender,
            ids: &connection.extensions,
            history: &mut connection.history,
            repeats: &mut connection.repeats,
            out,
        };
        let (mut has_switched, mut is_full) = (false, false);
        while let Some(pending) = connection.pending.get(connection.flushed).copied() {
            if way.out.reserve(tuple, DATAGRAM_BYTES_MAX).is_none() {
                is_full = true;
                break;
            }
            connection.flushed += 1;
            let outcome = match pending {
                Pending::Fresh { slot, layer, publication, sequence } => {
                    let slot_number = slot;
                    let Some(slot) = connection.slots.get_mut(usize::from(slot)) else { continue };
                    // What the slot carried a moment ago is not for it any more.
                    let Some(source) = self.publications.get(publication as usize) else { continue };
                    if slot.carries != Some(publication as usize) {
                        continue;
                    }
                    let before = slot.current();
                    let outcome = slot.forward(now, source, layer, sequence, &mut way);
                    if let Outcome::Sent(len) = outcome {
                        way.repeats.note_media(now, len);
                    }
                    if slot.current() != before {
                        has_switched = true;
                        self.counters.layer_switches += 1;
                        // What overtook the first packet of the keyframe could not be forwarded when it came.
                        let cache = source.layers.get(usize::from(layer)).map(|layer| &layer.cache);
                        let newest = cache.and_then(|cache| cache.newest()).unwrap_or(sequence);
                        for overtaking in sequence + 1..=newest.min(sequence + OVERTAKING_MAX) {
                            if cache.is_some_and(|cache| cache.get(overtaking).is_some()) {
                                connection.pending.push(Pending::Fresh {
                                    slot: slot_number,
                                    layer,
                                    publication,
                                    sequence: overtaking,
                                });
                            }
                        }
                    }
                    outcome
                }
                Pending::Again { slot, sequence } => {
                    let Some(slot) = connection.slots.get_mut(usize::from(slot)) else { continue };
                    let Some(source) = slot.carries.and_then(|key| self.publications.get(key)) else { continue };
                    let outcome = slot.send_again(now, source, sequence, &mut way);
                    if let Outcome::Sent(_) = outcome {
                        self.counters.retransmitted += 1;
                    }
                    outcome
                }
            };
            match outcome {
                Outcome::Sent(len) => {
                    self.counters.packets_out += 1;
                    self.counters.bytes_out += len as u64;
                }
                Outcome::Dropped(_) | Outcome::Lost => {}
            }
        }
        while !is_full
            && let Some(pace) = &mut connection.pace
            && pace.due(now) > 0
        {
            if way.out.reserve(tuple, DATAGRAM_BYTES_MAX).is_none() {
                is_full = true;
                break;
            }
            let cluster = pace.probe().cluster;
            let mut pictures = connection.slots.iter_mut().filter(|slot| slot.is_video);
            let sent = pictures.find_map(|slot| match slot.send_padding(now, cluster, &mut way) {
                Outcome::Sent(len) => Some(len),
                Outcome::Dropped(_) | Outcome::Lost => None,
            });
            let Some(len) = sent else {
                connection.pace = None;
                break;
            };
            pace.note(len);
            self.counters.packets_out += 1;
            self.counters.bytes_out += len as u64;
        }
        connection.pace.take_if(|pace| pace.is_done());
        if !is_full {
            connection.pending.clear();
            connection.flushed = 0;
            connection.is_dirty = false;
        }
        if has_switched {
            for slot in 0..connection.slots.len() {
                self.note_layers(key, slot);
            }
        }
        is_full
    }
}
