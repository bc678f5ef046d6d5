//! Owns the choice, packet by packet, of what a subscription gets of its publication's layers.

use crate::rtp::{Facts, FrameNumber, Meta, Target};

/// How the spatial layers of a publication travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Each as an encoding of its own (simulcast), or there is only one. Within an encoding there may be temporal layers.
    Simulcast,
    /// All in one encoding (VP9 and AV1).
    Scalable,
}

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It is forwarded.
    Forward {
        /// Whether the subscription goes on with this layer from here: then [`crate::rtp::Rewriter::begin`] comes first, and if
        /// that refuses, [`Selector::undo`].
        begins: bool,
        /// The marker that it is to have: the end of the highest spatial layer that is forwarded ends the picture.
        marker: bool,
    },
    /// It is not. Of the layer that is forwarded, [`crate::rtp::Rewriter::leave_out`] is to know.
    Drop(Why),
}

/// Why a packet is not forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// The subscription is paused.
    Paused,
    /// It is of another encoding than the one forwarded.
    OtherLayer,
    /// Nothing can be forwarded before a keyframe.
    NoKeyframe,
    /// It is of the encoding forwarded, of a temporal or spatial layer above what is wanted.
    AboveTarget,
}

/// Which frames have been forwarded of late, by the numbers of the dependency descriptor.
#[derive(Debug, Clone, Copy, Default)]
struct Forwarded {
    newest: u16,
    /// Bit 0 is the newest.
    frames: u64,
}

impl Forwarded {
    fn insert(&mut self, number: u16) {
        let ahead = number.wrapping_sub(self.newest);
        if ahead < 0x8000 {
            self.frames = self.frames.checked_shl(ahead.into()).unwrap_or(0) | 1;
            self.newest = number;
        } else {
            self.frames |= 1_u64.checked_shl((0 - ahead as i16 as i32) as u32).unwrap_or(0);
        }
    }

    /// Whether all that a frame depends on has been forwarded.
    fn covers(&self, frame: &FrameNumber) -> bool {
        let mut wanted = frame.depends_on;
        while wanted != 0 {
            let diff = wanted.trailing_zeros() as u16 + 1;
            let back = self.newest.wrapping_sub(frame.number.wrapping_sub(diff));
            if back >= 64 || self.frames >> back & 1 == 0 {
                return false;
            }
            wanted &= wanted - 1;
        }
        !frame.depends_further
    }
}

/// The layers of one subscription: what is wanted, and what is forwarded until that can be had.
#[derive(Debug)]
pub struct Selector {
    shape: Shape,
    target: Option<Target>,
    current: Option<Target>,
    before: Option<Target>,
    forwarded: Forwarded,
    /// A place to go down came, but what it depends on had not been forwarded: only a keyframe helps.
    is_stuck: bool,
    /// The last packet decided about: its layer, number and timestamp.
    decided: Option<(u8, u64, u32)>,
}

impl Selector {
    /// Forwards nothing until it has a target.
    pub fn new(shape: Shape) -> Self {
        Self { shape, target: None, current: None, before: None, forwarded: Forwarded::default(), is_stuck: false, decided: None }
    }

    /// What is wanted; none to pause.
    pub fn target(&self) -> Option<Target> {
        self.target
    }

    /// What is forwarded at present; none when nothing is.
    pub fn current(&self) -> Option<Target> {
        self.current
    }

    /// Says what is wanted from now on. A pause begins at once; it ends with a keyframe.
    pub fn set_target(&mut self, target: Option<Target>) {
        let bounded = target.map(|Target { spatial, temporal }| Target::new(spatial, temporal));
        if self.target != bounded {
            self.target = bounded;
            self.is_stuck = false;
        }
        if bounded.is_none() {
            self.current = None;
        }
    }

    /// Begins anew with the next keyframe: the publication or its encoding is another one.
    pub fn reset(&mut self, shape: Shape) {
        *self = Self { target: self.target, ..Self::new(shape) };
    }

    /// Takes back the last decision to begin.
    pub fn undo(&mut self) {
        self.current = self.before;
    }

    /// The encoding of which a keyframe is needed: nothing is forwarded, or another spatial layer than the one wanted, and there
    /// is no other way to get there. Asking again and again is for `sfu::keyframe` to bound.
    pub fn needs_keyframe(&self) -> Option<u8> {
        let target = self.target?;
        match (self.shape, self.current) {
            (Shape::Simulcast, Some(current)) => (current.spatial != target.spatial).then_some(target.spatial),
            (Shape::Simulcast, None) => Some(target.spatial),
            (Shape::Scalable, Some(current)) => (current.spatial < target.spatial || self.is_stuck).then_some(0),
            (Shape::Scalable, None) => Some(0),
        }
    }

    /// Decides about a packet of the encoding with this index, lowest first; 0 of a scalable one.
    pub fn select(&mut self, layer: u8, meta: &Meta) -> Decision {
        let Some(target) = self.target else { return Decision::Drop(Why::Paused) };
        let facts = &meta.facts;
        let former = self.current;
        match self.shape {
            // The packets of a picture share its fate: where others have overtaken its first one, it is decided already.
            Shape::Simulcast if !facts.is_keyframe && self.is_decided(layer, meta) => {}
            Shape::Simulcast => self.follow_simulcast(target, layer, facts),
            Shape::Scalable => self.follow_scalable(target, facts),
        }
        let Some(current) = self.current else { return Decision::Drop(Why::NoKeyframe) };
        let within = match self.shape {
            Shape::Simulcast if layer != current.spatial => return Decision::Drop(Why::OtherLayer),
            Shape::Simulcast => Target { spatial: 0, ..current },
            Shape::Scalable => current,
        };
        self.decided = Some((layer, meta.sequence, meta.timestamp));
        if !facts.needed_by.contains(within) {
            return Decision::Drop(Why::AboveTarget);
        }
        if let Some(frame) = &facts.frame {
            self.forwarded.insert(frame.number);
        }
        let begins = match (self.shape, former) {
            (_, None) => true,
            (Shape::Simulcast, Some(former)) => former.spatial != layer,
            (Shape::Scalable, Some(_)) => false,
        };
        if begins {
            self.before = former;
        }
        let ends_picture = self.shape == Shape::Scalable && facts.is_frame_end && facts.layer.spatial == current.spatial;
        Decision::Forward { begins, marker: meta.marker || ends_picture }
    }

    fn is_decided(&self, layer: u8, meta: &Meta) -> bool {
        self.decided.is_some_and(|(decided, sequence, timestamp)| {
            decided == layer && meta.sequence < sequence && meta.timestamp == timestamp
        })
    }

    fn follow_simulcast(&mut self, target: Target, layer: u8, facts: &Facts) {
        if facts.is_keyframe && self.is_nearer(target, layer) {
            self.current = Some(Target { spatial: layer, temporal: target.temporal });
            self.forwarded = Forwarded::default();
            return;
        }
        let Some(current) = self.current.filter(|current| current.spatial == layer && facts.is_frame_start) else { return };
        // While a lower encoding is wanted and not yet there, a lower rate is better than nothing.
        let wanted = if current.spatial > target.spatial { 0 } else { target.temporal };
        let within = Target { spatial: 0, ..current };
        let reached = self.climb(within, Target { spatial: 0, temporal: wanted }, facts).unwrap_or(within);
        self.current = Some(Target { temporal: reached.temporal.min(wanted), ..current });
    }

    /// Whether this encoding is nearer to the one wanted, from the same side; at first the one wanted or one below it.
    fn is_nearer(&self, target: Target, layer: u8) -> bool {
        match self.current {
            None => layer <= target.spatial,
            Some(current) if current.spatial < target.spatial => current.spatial < layer && layer <= target.spatial,
            Some(current) => target.spatial <= layer && layer < current.spatial,
        }
    }

    fn follow_scalable(&mut self, target: Target, facts: &Facts) {
        let Some(current) = self.current else {
            if facts.is_keyframe {
                let first = self.highest(Target::default(), target, facts);
                self.current = first.or(Some(Target { spatial: facts.layer.spatial, temporal: 0 }));
                self.forwarded = Forwarded::default();
            }
            return;
        };
        if !facts.is_frame_start || current == target {
            return;
        }
        let mut next = current;
        // What a lower temporal layer needs has been forwarded, whatever it is.
        next.temporal = next.temporal.min(target.temporal);
        if next.spatial > target.spatial {
            next = self.descend(next, target, facts);
        } else if let Some(reached) = self.climb(next, target, facts) {
            next = reached;
        }
        self.current = Some(next);
    }

    /// Down to a lower spatial layer: at once where all of the lower ones are forwarded anyhow, else at a place to switch.
    fn descend(&mut self, current: Target, target: Target, facts: &Facts) -> Target {
        let is_possible = match &facts.frame {
            None => facts.layer.spatial == 0,
            Some(_) if facts.is_keyframe => true,
            Some(_) if !facts.switches_to.contains(target) => return current,
            Some(frame) => self.forwarded.covers(frame),
        };
        self.is_stuck |= !is_possible && facts.frame.is_some();
        if is_possible {
            self.is_stuck = false;
            return target;
        }
        // Until a keyframe comes: less.
        Target { temporal: if self.is_stuck { 0 } else { current.temporal }, ..current }
    }

    /// Up as far as this frame allows; none when it does not.
    fn climb(&self, current: Target, target: Target, facts: &Facts) -> Option<Target> {
        let from = facts.switches_from;
        let is_decodable = match &facts.frame {
            Some(frame) => facts.is_keyframe || self.forwarded.covers(frame),
            None => facts.is_keyframe || current.spatial >= from.spatial && current.temporal >= from.temporal,
        };
        if current == target || !is_decodable {
            return None;
        }
        self.highest(current, target, facts)
    }

    /// The highest target of this frame that is not below the one and not above the other.
    fn highest(&self, lowest: Target, target: Target, facts: &Facts) -> Option<Target> {
        let spatial = (lowest.spatial..=target.spatial).rev();
        let mut all = spatial.flat_map(|spatial| {
            // Another spatial layer may begin with fewer temporal ones.
            let least = if spatial > lowest.spatial { 0 } else { lowest.temporal };
            (least..=target.temporal).rev().map(move |temporal| Target { spatial, temporal })
        });
        all.find(|target| facts.switches_to.contains(*target))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::rtp::{Carried, Targets};

    fn meta(facts: Facts) -> Meta {
        let marker = facts.is_frame_end;
        Meta {
            sequence: 1 << 16,
            arrival: Instant::now(),
            timestamp: 0,
            marker,
            payload_type: 96,
            facts,
            carried: Carried::default(),
        }
    }

    fn key() -> Meta {
        meta(Facts::ALONE)
    }

    /// A picture of VP8 at this temporal layer.
    fn delta(temporal: u8, is_synced: bool) -> Meta {
        let layer = Target::new(0, temporal);
        let mut switches_to = Targets::NONE;
        if is_synced {
            switches_to.insert(layer);
        }
        meta(Facts {
            is_keyframe: false,
            layer,
            needed_by: Targets::above(layer),
            switches_to,
            switches_from: Target::new(0, temporal.saturating_sub(1)),
            ..Facts::ALONE
        })
    }

    /// A frame of a full scalable structure, one layer above the other, numbered with what it depends on.
    fn framed(spatial: u8, number: u16, depends_on: u64, switches_to: Targets, needed_by: Targets) -> Meta {
        let mut meta = meta(Facts {
            is_keyframe: depends_on == 0,
            layer: Target::new(spatial, 0),
            needed_by,
            switches_to,
            frame: Some(FrameNumber { number, depends_on, depends_further: false }),
            ..Facts::ALONE
        });
        meta.marker = false;
        meta
    }

    fn forward(begins: bool) -> Decision {
        Decision::Forward { begins, marker: true }
    }

    fn at(spatial: u8, temporal: u8) -> Option<Target> {
        Some(Target::new(spatial, temporal))
    }

    #[test]
    fn nothing_goes_before_a_keyframe_and_nothing_in_a_pause() {
        let mut selector = Selector::new(Shape::Simulcast);
        assert_eq!((selector.select(0, &key()), selector.needs_keyframe()), (Decision::Drop(Why::Paused), None));
        selector.set_target(at(1, 2));
        assert_eq!(selector.needs_keyframe(), Some(1));
        assert_eq!(selector.select(1, &delta(0, false)), Decision::Drop(Why::NoKeyframe));
        assert_eq!(selector.select(1, &key()), forward(true));
        assert_eq!((selector.select(1, &delta(0, false)), selector.needs_keyframe()), (forward(false), None));
        selector.set_target(None);
        assert_eq!((selector.select(1, &key()), selector.current()), (Decision::Drop(Why::Paused), None));
    }

    #[test]
    fn simulcast_goes_on_as_it_is_until_a_keyframe_of_the_other_comes() {
        let mut selector = Selector::new(Shape::Simulcast);
        selector.set_target(at(0, 2));
        selector.select(0, &key());
        selector.set_target(at(2, 2));
        assert_eq!(selector.select(0, &delta(0, false)), forward(false));
        assert_eq!(selector.select(2, &delta(0, false)), Decision::Drop(Why::OtherLayer));
        assert_eq!(selector.select(1, &key()), forward(true), "one between is nearer");
        assert_eq!((selector.select(2, &key()), selector.needs_keyframe()), (forward(true), None));
        assert_eq!(selector.select(0, &key()), Decision::Drop(Why::OtherLayer));
    }

    #[test]
    fn a_keyframe_above_the_target_is_never_taken() {
        let mut selector = Selector::new(Shape::Simulcast);
        selector.set_target(at(1, 2));
        assert_eq!(selector.select(2, &key()), Decision::Drop(Why::NoKeyframe));
        assert_eq!(selector.select(0, &key()), forward(true));
        assert_eq!(selector.select(2, &key()), Decision::Drop(Why::OtherLayer));
    }

    #[test]
    fn while_a_lower_encoding_is_awaited_the_rate_goes_down() {
        let mut selector = Selector::new(Shape::Simulcast);
        selector.set_target(at(2, 2));
        selector.select(2, &key());
        selector.set_target(at(0, 2));
        assert_eq!(selector.select(2, &delta(2, false)), Decision::Drop(Why::AboveTarget));
        assert_eq!((selector.current(), selector.needs_keyframe()), (at(2, 0), Some(0)));
        assert_eq!(selector.select(0, &key()), forward(true));
        assert_eq!(selector.current(), at(0, 2));
    }

    #[test]
    fn a_begin_that_is_refused_is_taken_back() {
        let mut selector = Selector::new(Shape::Simulcast);
        selector.set_target(at(0, 0));
        selector.select(0, &key());
        selector.set_target(at(1, 0));
        assert_eq!(selector.select(1, &key()), forward(true));
        selector.undo();
        assert_eq!((selector.current(), selector.needs_keyframe()), (at(0, 0), Some(1)));
        assert_eq!(selector.select(0, &delta(0, false)), forward(false));
    }

    #[test]
    fn temporal_layers_go_down_at_once_and_up_where_they_are_synced() {
        let mut selector = Selector::new(Shape::Simulcast);
        selector.set_target(at(0, 2));
        selector.select(0, &key());
        selector.set_target(at(0, 0));
        assert_eq!(selector.select(0, &delta(1, true)), Decision::Drop(Why::AboveTarget));
        selector.set_target(at(0, 2));
        assert_eq!(selector.select(0, &delta(2, true)), Decision::Drop(Why::AboveTarget), "the layer between comes first");
        assert_eq!(selector.select(0, &delta(1, false)), Decision::Drop(Why::AboveTarget));
        assert_eq!((selector.select(0, &delta(1, true)), selector.current()), (forward(false), at(0, 1)));
        assert_eq!((selector.select(0, &delta(2, true)), selector.current()), (forward(false), at(0, 2)));
    }

    #[test]
    fn a_frame_is_not_cut_in_the_middle() {
        let mut selector = Selector::new(Shape::Simulcast);
        selector.set_target(at(0, 2));
        selector.select(0, &key());
        selector.set_target(at(0, 0));
        let mut rest = delta(2, false);
        rest.facts.is_frame_start = false;
        assert_eq!(selector.select(0, &rest), forward(false));
        assert_eq!(selector.select(0, &delta(2, false)), Decision::Drop(Why::AboveTarget));
    }

    #[test]
    fn the_end_of_the_highest_layer_forwarded_ends_the_picture() {
        let mut selector = Selector::new(Shape::Scalable);
        selector.set_target(at(1, 0));
        let above = |spatial| Targets::above(Target::new(spatial, 0));
        let decisions = [0, 1, 2].map(|spatial| {
            let depends_on = u64::from(spatial > 0);
            selector.select(0, &framed(spatial, spatial.into(), depends_on, above(spatial), above(spatial)))
        });
        let lower = Decision::Forward { begins: true, marker: false };
        assert_eq!(decisions, [lower, forward(false), Decision::Drop(Why::AboveTarget)]);
    }

    #[test]
    fn a_full_scalable_encoding_goes_down_at_the_next_place_to_switch_and_up_with_a_keyframe() {
        let mut selector = Selector::new(Shape::Scalable);
        let above = |spatial| Targets::above(Target::new(spatial, 0));
        selector.set_target(at(1, 0));
        selector.select(0, &framed(0, 0, 0, Targets::ALL, Targets::ALL));
        selector.select(0, &framed(1, 1, 0b1, above(1), above(1)));
        selector.set_target(at(0, 0));
        assert_eq!(selector.needs_keyframe(), None, "no keyframe to go down");
        selector.select(0, &framed(0, 2, 0b10, Targets::of_spatial(0), Targets::ALL));
        assert_eq!(selector.current(), at(0, 0));
        assert_eq!(selector.select(0, &framed(1, 3, 0b11, above(1), above(1))), Decision::Drop(Why::AboveTarget));
        selector.set_target(at(1, 0));
        selector.select(0, &framed(0, 4, 0b10, Targets::of_spatial(0), Targets::ALL));
        selector.select(0, &framed(1, 5, 0b11, above(1), above(1)));
        assert_eq!((selector.current(), selector.needs_keyframe()), (at(0, 0), Some(0)), "frame 3 was not forwarded");
        selector.select(0, &framed(0, 6, 0, Targets::ALL, Targets::ALL));
        assert_eq!((selector.current(), selector.needs_keyframe()), (at(1, 0), None));
    }

    #[test]
    fn independent_layers_need_a_keyframe_to_go_down() {
        let mut selector = Selector::new(Shape::Scalable);
        let only = Targets::of_spatial;
        selector.set_target(at(1, 1));
        selector.select(0, &framed(0, 65_534, 0, Targets::ALL, Targets::ALL));
        selector.select(0, &framed(1, 65_535, 0b1, only(1), only(1)));
        // Frames of the lower layer are of no use to the higher one, and are left out.
        assert_eq!(selector.select(0, &framed(0, 0, 0b10, only(0), only(0))), Decision::Drop(Why::AboveTarget));
        assert_eq!(selector.select(0, &framed(1, 1, 0b10, only(1), only(1))), forward(false));
        selector.set_target(at(0, 1));
        selector.select(0, &framed(0, 2, 0b10, only(0), only(0)));
        assert_eq!((selector.needs_keyframe(), selector.current()), (Some(0), at(1, 0)));
        selector.select(0, &framed(0, 4, 0, Targets::ALL, Targets::ALL));
        assert_eq!((selector.needs_keyframe(), selector.current()), (None, at(0, 1)));
    }

    #[test]
    fn another_encoding_begins_with_its_keyframe() {
        let mut selector = Selector::new(Shape::Simulcast);
        selector.set_target(at(0, 0));
        selector.select(0, &key());
        selector.reset(Shape::Scalable);
        assert_eq!((selector.current(), selector.target(), selector.needs_keyframe()), (None, at(0, 0), Some(0)));
    }
}
