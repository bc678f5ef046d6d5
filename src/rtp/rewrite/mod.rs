//! Owns the numbers of one receive slot: sequence number, timestamp and picture numbers that run on, whatever is forwarded into it.

mod offsets;
mod sent;
#[cfg(test)]
mod tests;
mod write;

use std::time::{Duration, Instant};

use self::offsets::Offsets;
use self::sent::Log;
pub use self::sent::{Rewritten, Sent};
pub use self::write::{Envelope, Written};
use super::cache::Meta;
use super::codec::Picture;
use super::sequence::{DROPOUT_MAX, Extender};

/// How far a new source may be behind what was sent, by sender reports, and still go on at once: one tick later.
const BEHIND_MAX: Duration = Duration::from_millis(75);
/// For how long a source that is further behind is refused; then the clock on the wall decides.
const PATIENCE: Duration = Duration::from_secs(1);
/// How far timestamps may run ahead of the clock on the wall before they are not believed.
const AHEAD_MAX: Duration = Duration::from_secs(10);

/// A new source lies too far behind what the slot has sent: stay where we are, and ask for another keyframe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too far behind what has been sent")]
pub struct Behind;

/// The running numbers inside a payload and its dependency descriptor, as they go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Patch {
    /// See [`Picture::id`].
    pub picture_id: u16,
    /// See [`Picture::tl0`].
    pub tl0: u8,
    /// See [`Picture::key_index`].
    pub key_index: u8,
    /// The frame number of the dependency descriptor.
    pub frame_number: u16,
}

impl Patch {
    /// Writes the numbers over those that the descriptor at the beginning of `payload` has in these places.
    pub fn apply(&self, picture: &Picture, payload: &mut [u8]) {
        let id_at = usize::from(picture.id_at);
        if let (true, Some(place)) = (picture.is_wide, payload.get_mut(id_at..id_at + 2)) {
            place.copy_from_slice(&(self.picture_id | 0x8000).to_be_bytes());
        } else if let (1.., Some(place)) = (id_at, payload.get_mut(id_at)) {
            *place = self.picture_id as u8 & 0x7f;
        }
        if let (1.., Some(place)) = (picture.tl0_at, payload.get_mut(usize::from(picture.tl0_at))) {
            *place = self.tl0;
        }
        if let (1.., Some(place)) = (picture.key_index_at, payload.get_mut(usize::from(picture.key_index_at))) {
            *place = *place & 0xe0 | self.key_index & 0x1f;
        }
    }
}

/// Where a slot begins to count. Any values do; random ones are better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Start {
    /// The first sequence number.
    pub sequence: u16,
    /// The first timestamp.
    pub timestamp: u32,
}

/// What is forwarded at present, since the last switch.
#[derive(Debug)]
struct Source {
    layer: u8,
    /// The first packet since the switch: what is before it is too late.
    first: u64,
    newest: u64,
    sequences: Offsets,
    timestamp_offset: u32,
    /// The source's picture ids extended, and what they become. This and the following are known from the first packet on that
    /// has such a number.
    pictures: Option<(Extender, Offsets)>,
    tl0_offset: Option<u8>,
    key_index_offset: Option<u8>,
    frame_offset: Option<u16>,
}

/// The highest running numbers that went out.
#[derive(Debug, Clone, Copy)]
struct Highest {
    sequence: u64,
    timestamp: u32,
    sent_at: Option<Instant>,
    marker: bool,
    picture: u64,
    tl0: u8,
    key_index: u8,
    frame: u16,
}

/// The numbers of one receive slot.
///
/// A packet that is left out in order leaves no gap; one that is missing leaves a gap until it comes. All that is remembered of
/// a sender is given back by [`Rewriter::leave_sender`]; an idle slot takes no memory beyond itself.
#[derive(Debug)]
pub struct Rewriter {
    clock_rate_hz: u32,
    highest: Highest,
    source: Option<Box<Source>>,
    log: Log,
    refused_since: Option<Instant>,
}

impl Rewriter {
    /// For a slot whose timestamps run at this rate.
    pub fn new(clock_rate_hz: u32, start: Start) -> Self {
        let highest = Highest {
            // One round more, so that what came before the first packet has a number too.
            sequence: (1 << 16 | u64::from(start.sequence)) - 1,
            timestamp: start.timestamp.wrapping_sub(1),
            sent_at: None,
            marker: true,
            picture: 1 << 15,
            tl0: 0,
            key_index: 0,
            frame: 0,
        };
        Self { clock_rate_hz, highest, source: None, log: Log::default(), refused_since: None }
    }

    /// The slot is used for another sender from here on, or for none: what was sent before is not sent again, and timestamps go
    /// on by the clock on the wall.
    pub fn leave_sender(&mut self) {
        self.source = None;
        self.log.clear();
        self.refused_since = None;
    }

    /// The layer that is forwarded at present.
    pub fn layer(&self) -> Option<u8> {
        self.source.as_ref().map(|source| source.layer)
    }

    /// What a timestamp of the layer forwarded at present is in the slot: for sender reports. None before the first packet.
    pub fn timestamp(&self, timestamp: u32) -> Option<u32> {
        self.source.as_ref().map(|source| timestamp.wrapping_add(source.timestamp_offset))
    }

    /// From this packet on, forwards this layer: after a switch, after a pause, or of another sender. `aligned` is the packet's
    /// timestamp in the clock of the layer forwarded so far, where sender reports tell it;
    /// otherwise the clock on the wall decides.
    pub fn begin(&mut self, now: Instant, layer: u8, meta: &Meta, aligned: Option<u32>) -> Result<(), Behind> {
        let aligned = match &self.source {
            Some(source) if source.layer == layer => Some(meta.timestamp),
            Some(_) => aligned,
            None => None,
        };
        let timestamp = self.align(now, aligned)?;
        self.place(layer, meta, timestamp);
        Ok(())
    }

    /// From this packet on, which gets this timestamp, a source of its own.
    fn place(&mut self, layer: u8, meta: &Meta, timestamp: u32) {
        self.refused_since = None;
        let source = Source {
            layer,
            first: meta.sequence,
            newest: meta.sequence.saturating_sub(1),
            sequences: Offsets::new(meta.sequence, self.highest.sequence + 1),
            timestamp_offset: timestamp.wrapping_sub(meta.timestamp),
            pictures: None,
            tl0_offset: None,
            key_index_offset: None,
            frame_offset: None,
        };
        match &mut self.source {
            Some(place) => **place = source,
            None => self.source = Some(Box::new(source)),
        }
    }

    /// The numbers of a packet that is forwarded, with the marker that it is to have; none when it is of another layer, from
    /// before the last switch, too late, or was forwarded or left out before.
    pub fn next(&mut self, now: Instant, layer: u8, meta: &Meta, marker: bool) -> Option<Rewritten> {
        self.check_continuity(now, layer, meta);
        let source = self.source.as_mut().filter(|source| source.layer == layer && meta.sequence >= source.first)?;
        let outgoing = if meta.sequence > source.newest {
            source.newest = meta.sequence;
            source.sequences.next(meta.sequence)
        } else {
            source.sequences.find(meta.sequence).filter(|outgoing| self.log.is_sent(*outgoing) == Some(false))?
        };
        let timestamp = meta.timestamp.wrapping_add(source.timestamp_offset);
        let patch = patch(source, meta, &mut self.highest);
        if outgoing > self.highest.sequence {
            self.highest = Highest { sequence: outgoing, timestamp, sent_at: Some(now), marker, ..self.highest };
        }
        let rewritten = Rewritten { sequence: outgoing as u16, timestamp, marker, is_padding: false, patch };
        Some(self.send(now, layer, meta.sequence, outgoing, rewritten))
    }

    /// A packet of the layer forwarded at present is left out: it is of a temporal or spatial layer that the receiver does not
    /// get, or nothing but padding. If it comes late, there is a gap that the receiver would ask for: then the numbers of a
    /// packet of padding that fills it.
    pub fn leave_out(&mut self, now: Instant, layer: u8, meta: &Meta) -> Option<Rewritten> {
        self.check_continuity(now, layer, meta);
        let source = self.source.as_mut().filter(|source| source.layer == layer && meta.sequence >= source.first)?;
        if meta.sequence > source.newest {
            source.newest = meta.sequence;
            source.sequences.leave_out(meta.sequence);
            leave_out_picture(source, meta);
            return None;
        }
        let outgoing = source.sequences.find(meta.sequence).filter(|outgoing| self.log.is_sent(*outgoing) == Some(false))?;
        self.highest.sequence = self.highest.sequence.max(outgoing);
        let timestamp = meta.timestamp.wrapping_add(source.timestamp_offset);
        Some(self.send(now, layer, meta.sequence, outgoing, padding(outgoing, timestamp)))
    }

    /// The numbers of a packet of padding of our own; none before the first packet and within a frame, which it would break.
    pub fn pad(&mut self, now: Instant) -> Option<Rewritten> {
        let source = self.source.as_mut().filter(|_| self.highest.marker && self.highest.sent_at.is_some())?;
        let outgoing = source.sequences.next(source.newest + 1);
        source.sequences.put_in(source.newest + 1);
        self.highest.sequence = outgoing;
        let (layer, timestamp) = (source.layer, self.highest.timestamp);
        Some(self.send(now, layer, 0, outgoing, padding(outgoing, timestamp)))
    }

    /// The packet that went out under this number: where it is, and how it was written. None when it never went out or is not
    /// remembered.
    pub fn find(&self, sequence: u16) -> Option<Sent> {
        self.log.find(sequence)
    }

    fn send(&mut self, now: Instant, layer: u8, source_sequence: u64, outgoing: u64, rewritten: Rewritten) -> Rewritten {
        self.log.push(now, outgoing, &Sent { layer, source_sequence, rewritten });
        rewritten
    }

    /// Begins anew where the source does: after a leap that no gap explains, and when its timestamps go back or run away.
    fn check_continuity(&mut self, now: Instant, layer: u8, meta: &Meta) {
        let Some(source) = self.source.as_ref().filter(|source| source.layer == layer && meta.sequence > source.newest) else {
            return;
        };
        let is_leap = meta.sequence - source.newest > u64::from(DROPOUT_MAX);
        let timestamp = meta.timestamp.wrapping_add(source.timestamp_offset);
        let is_first = meta.sequence == source.first;
        let is_unbelievable = !is_first && !self.is_believable(now, timestamp, 0);
        if is_leap || is_unbelievable {
            let timestamp = self.by_wall(now);
            self.place(layer, meta, timestamp);
        }
    }

    /// Whether an outgoing timestamp is at least `ahead_min` ticks after the last one, and not too far in the future.
    fn is_believable(&self, now: Instant, timestamp: u32, ahead_min: i32) -> bool {
        let ahead = timestamp.wrapping_sub(self.highest.timestamp) as i32;
        let beyond_wall = i64::from(ahead) - i64::from(self.elapsed_ticks(now));
        ahead >= ahead_min && beyond_wall <= i64::from(self.ticks(AHEAD_MAX))
    }

    /// The timestamp at which a new source goes on: later than any before.
    fn align(&mut self, now: Instant, in_former_clock: Option<u32>) -> Result<u32, Behind> {
        let after_last = self.highest.timestamp.wrapping_add(1);
        let by_wall = self.by_wall(now);
        let Some(timestamp) = in_former_clock.and_then(|timestamp| self.timestamp(timestamp)) else { return Ok(by_wall) };
        if self.is_believable(now, timestamp, 1) {
            return Ok(timestamp);
        }
        let behind = self.highest.timestamp.wrapping_sub(timestamp) as i32;
        if (0..=self.ticks(BEHIND_MAX) as i32).contains(&behind) {
            return Ok(after_last);
        }
        let refused_since = *self.refused_since.get_or_insert(now);
        if behind > 0 && now.saturating_duration_since(refused_since) < PATIENCE { Err(Behind) } else { Ok(by_wall) }
    }

    fn by_wall(&self, now: Instant) -> u32 {
        self.highest.timestamp.wrapping_add(self.elapsed_ticks(now).max(1))
    }

    fn elapsed_ticks(&self, now: Instant) -> u32 {
        self.highest.sent_at.map_or(0, |sent_at| self.ticks(now.saturating_duration_since(sent_at)))
    }

    /// In units of the clock; at most a quarter of a round, which is hours, so that it is never taken for the past.
    fn ticks(&self, duration: Duration) -> u32 {
        // Not by `as_micros`: a division of 128 bits costs more than all the rest.
        let micros = duration.as_secs().min(1 << 20) * 1_000_000 + u64::from(duration.subsec_micros());
        let ticks = micros * u64::from(self.clock_rate_hz) / 1_000_000;
        ticks.min(1 << 30) as u32
    }
}

fn padding(outgoing: u64, timestamp: u32) -> Rewritten {
    Rewritten { sequence: outgoing as u16, timestamp, marker: false, is_padding: true, patch: Patch::default() }
}

/// The running numbers inside a packet; the highest of them are kept.
fn patch(source: &mut Source, meta: &Meta, highest: &mut Highest) -> Patch {
    let mut patch = Patch::default();
    if let Some(picture) = meta.facts.picture {
        if picture.id_at > 0 {
            let (ids, offsets) = source.pictures.get_or_insert_with(|| first_picture(&picture, highest.picture + 1));
            let before = ids.newest();
            let id = ids.extend(picture.id.into());
            let late = offsets.find(id).filter(|_| before >= Some(id));
            let outgoing = late.unwrap_or_else(|| offsets.next(id));
            patch.picture_id = outgoing as u16 & if picture.is_wide { 0x7fff } else { 0x7f };
            highest.picture = highest.picture.max(outgoing);
        }
        if picture.tl0_at > 0 {
            let offset = source.tl0_offset.get_or_insert(highest.tl0.wrapping_add(1).wrapping_sub(picture.tl0));
            patch.tl0 = picture.tl0.wrapping_add(*offset);
            if patch.tl0.wrapping_sub(highest.tl0) < 0x80 {
                highest.tl0 = patch.tl0;
            }
        }
        if picture.key_index_at > 0 {
            let offset = source.key_index_offset.get_or_insert(highest.key_index.wrapping_add(1).wrapping_sub(picture.key_index));
            patch.key_index = picture.key_index.wrapping_add(*offset) & 0x1f;
            if patch.key_index.wrapping_sub(highest.key_index) & 0x1f < 0x10 {
                highest.key_index = patch.key_index;
            }
        }
    }
    if let Some(frame) = meta.facts.frame {
        let offset = source.frame_offset.get_or_insert(highest.frame.wrapping_add(1).wrapping_sub(frame.number));
        patch.frame_number = frame.number.wrapping_add(*offset);
        if patch.frame_number.wrapping_sub(highest.frame) < 0x8000 {
            highest.frame = patch.frame_number;
        }
    }
    patch
}

/// The first picture of a source goes out under this number.
fn first_picture(picture: &Picture, outgoing: u64) -> (Extender, Offsets) {
    let mut ids = Extender::new(if picture.is_wide { 15 } else { 7 });
    let first = ids.extend(picture.id.into());
    (ids, Offsets::new(first, outgoing))
}

/// A picture of which nothing has been forwarded is left out.
fn leave_out_picture(source: &mut Source, meta: &Meta) {
    let Some(picture) = meta.facts.picture.filter(|picture| picture.must_be_continuous && picture.id_at > 0) else { return };
    let Some((ids, offsets)) = &mut source.pictures else { return };
    let before = ids.newest();
    let id = ids.extend(picture.id.into());
    if before < Some(id) {
        offsets.leave_out(id);
    }
}
