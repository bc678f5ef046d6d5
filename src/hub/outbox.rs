//! Owns one session's frames from the moment they are said until the client has acknowledged them.
//!
//! The frames stand in one queue, numbered without gaps. From its front: frames handed to the present connection and not
//! acknowledged, then (after a resume) frames that an earlier connection was handed, then frames that nobody was handed yet.
//! Only among the last may a newer frame take the place of an older one, so a number never means two things.

use std::collections::VecDeque;
use std::sync::Arc;

use super::frame::{Body, Outgoing};
use crate::limits::{
    OUTBOX_BYTES_MAX, OUTBOX_FRAMES_MAX, PENDING_BYTES_MAX, PENDING_FRAMES_MAX, WINDOW_BYTES_MAX, WINDOW_FRAMES_MAX,
};

/// Whether a session can go on after one more frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// It can.
    Enough,
    /// Its connection does not read: close it, keep the session.
    TooSlow,
    /// It has been away for too much: end it.
    Overflow,
}

#[derive(Debug)]
pub(super) struct Outbox {
    frames: VecDeque<Arc<Body>>,
    bytes: usize,
    /// The number of `frames[0]`.
    first: u64,
    /// `frames[..handed]` were handed to the present connection.
    handed: usize,
    handed_bytes: usize,
    /// `frames[..fixed]` were handed to some connection: their numbers are known outside.
    fixed: usize,
    in_flight_frames: usize,
    in_flight_bytes: usize,
    /// Frames that waited when the present connection resumed and still do: not that connection's fault.
    backlog: usize,
}

impl Outbox {
    pub(super) fn new() -> Self {
        Self {
            frames: VecDeque::new(),
            bytes: 0,
            first: 1,
            handed: 0,
            handed_bytes: 0,
            fixed: 0,
            in_flight_frames: 0,
            in_flight_bytes: 0,
            backlog: 0,
        }
    }

    /// Adds a frame, or replaces the one that it supersedes.
    pub(super) fn push(&mut self, body: Arc<Body>, connected: bool) -> Room {
        let superseded = body.supersedes.is_some().then(|| {
            self.frames.range(self.fixed..).position(|older| older.supersedes == body.supersedes).map(|at| at + self.fixed)
        });
        // The newer one goes to the end, not to the older one's place: what was said in between may speak of the same member.
        if let Some(at) = superseded.flatten()
            && let Some(older) = self.frames.remove(at)
        {
            self.bytes -= older.len();
            if at - self.handed < self.backlog {
                self.backlog -= 1;
            }
        }
        self.bytes += body.len();
        self.frames.push_back(body);
        self.room(connected)
    }

    fn room(&mut self, connected: bool) -> Room {
        if connected {
            // Later than the client should have acknowledged: a resume from before gets a welcome.
            while self.handed > 0 && self.is_over(OUTBOX_FRAMES_MAX, OUTBOX_BYTES_MAX) {
                self.forget_first();
            }
        }
        let pending_frames = self.frames.len() - self.handed;
        let pending_bytes = self.bytes - self.handed_bytes;
        let is_crowded = pending_frames > PENDING_FRAMES_MAX || pending_bytes > PENDING_BYTES_MAX;
        if self.is_over(OUTBOX_FRAMES_MAX, OUTBOX_BYTES_MAX) {
            Room::Overflow
        } else if connected && self.backlog == 0 && is_crowded {
            Room::TooSlow
        } else {
            Room::Enough
        }
    }

    fn is_over(&self, frames: usize, bytes: usize) -> bool {
        self.frames.len() > frames || self.bytes > bytes
    }

    /// Frames and bytes that are kept.
    pub(super) fn held(&self) -> (usize, usize) {
        (self.frames.len(), self.bytes)
    }

    fn forget_first(&mut self) {
        if let Some(body) = self.frames.pop_front() {
            self.bytes -= body.len();
            if self.handed > 0 {
                self.handed -= 1;
                self.handed_bytes -= body.len();
            }
            self.fixed = self.fixed.saturating_sub(1);
            self.first += 1;
        }
    }

    /// Whether the connection may be handed one more frame.
    pub(super) fn is_window_open(&self) -> bool {
        self.in_flight_frames < WINDOW_FRAMES_MAX && self.in_flight_bytes < WINDOW_BYTES_MAX
    }

    /// The next frame for the connection, if it may be handed one.
    pub(super) fn poll(&mut self) -> Option<Outgoing> {
        if !self.is_window_open() {
            return None;
        }
        let body = Arc::clone(self.frames.get(self.handed)?);
        let seq = self.first + self.handed as u64;
        self.handed += 1;
        self.handed_bytes += body.len();
        self.fixed = self.fixed.max(self.handed);
        self.backlog = self.backlog.saturating_sub(1);
        Some(self.count(Outgoing { seq: Some(seq), body }))
    }

    /// Counts a frame against the window that does not come from the queue.
    pub(super) fn count(&mut self, frame: Outgoing) -> Outgoing {
        self.in_flight_frames += 1;
        self.in_flight_bytes += frame.len();
        frame
    }

    /// The connection has written this much.
    pub(super) fn drained(&mut self, frames: usize, bytes: usize) {
        self.in_flight_frames = self.in_flight_frames.saturating_sub(frames);
        self.in_flight_bytes = self.in_flight_bytes.saturating_sub(bytes);
    }

    /// The client has handled every frame up to `seq`. What it was never handed it cannot acknowledge.
    pub(super) fn acknowledge(&mut self, seq: u64) {
        while self.handed > 0 && self.first <= seq {
            self.forget_first();
        }
        if self.frames.is_empty() {
            self.frames.shrink_to(0);
        }
    }

    /// Goes on with a new connection whose client has handled every frame up to `seq`; false when that cannot be.
    pub(super) fn resume(&mut self, seq: u64) -> bool {
        let known = self.first + self.fixed as u64 - 1;
        if seq > known || seq + 1 < self.first {
            return false;
        }
        (self.in_flight_frames, self.in_flight_bytes) = (0, 0);
        (self.handed, self.handed_bytes) = (0, 0);
        while self.first <= seq {
            self.forget_first();
        }
        self.backlog = self.frames.len();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::Supersedes;
    use super::*;
    use crate::id::ParticipantId;
    use crate::protocol::{Presence, ServerMessage};

    fn plain() -> Arc<Body> {
        Body::text(ServerMessage::Pong)
    }

    fn presence(hand: bool) -> Arc<Body> {
        let from = ParticipantId::new(1).expect("not zero");
        let presence = Presence { hand, ..Presence::default() };
        Body::superseding(ServerMessage::Presence { from, presence }, Some(Supersedes::Presence(from)))
    }

    fn drain(outbox: &mut Outbox) -> Vec<u64> {
        std::iter::from_fn(|| outbox.poll()).map(|frame| frame.seq.expect("numbered")).collect()
    }

    #[test]
    fn a_resume_brings_exactly_the_frames_after_the_last_one_handled() {
        let mut outbox = Outbox::new();
        for _ in 0..5 {
            outbox.push(plain(), true);
        }
        assert_eq!(drain(&mut outbox), [1, 2, 3, 4, 5]);
        outbox.acknowledge(2);
        outbox.push(plain(), false);
        assert!(outbox.resume(3));
        assert_eq!(drain(&mut outbox), [4, 5, 6]);
        assert!(!outbox.resume(2), "frame 3 is forgotten");
        assert!(!outbox.resume(7), "frame 7 was never handed out");
        assert!(outbox.resume(6));
    }

    #[test]
    fn a_newer_presence_replaces_one_that_nobody_was_handed_and_no_other() {
        let mut outbox = Outbox::new();
        outbox.push(presence(false), true);
        assert_eq!(drain(&mut outbox), [1]);
        outbox.push(presence(true), true);
        outbox.push(plain(), true);
        outbox.push(presence(false), true);
        let frames: Vec<_> = std::iter::from_fn(|| outbox.poll()).collect();
        assert_eq!(frames.iter().map(|frame| frame.seq).collect::<Vec<_>>(), [Some(2), Some(3)]);
        assert_eq!(frames[0].encode(), Outgoing { seq: Some(2), body: plain() }.encode());
        assert_eq!(
            frames[1].encode(),
            Outgoing { seq: Some(3), body: presence(false) }.encode(),
            "after what was said in between"
        );
        assert!(outbox.resume(1), "a frame that was handed once");
        outbox.push(presence(true), true);
        assert_eq!(drain(&mut outbox), [2, 3, 4], "keeps its number");
    }

    #[test]
    fn the_window_holds_frames_back_until_they_are_drained() {
        let mut outbox = Outbox::new();
        for _ in 0..WINDOW_FRAMES_MAX + 3 {
            assert_eq!(outbox.push(plain(), true), Room::Enough);
        }
        assert_eq!(drain(&mut outbox).len(), WINDOW_FRAMES_MAX);
        outbox.drained(2, 2 * plain().len());
        assert_eq!(drain(&mut outbox).len(), 2);
    }

    #[test]
    fn a_reader_that_stays_slow_is_told_from_one_that_is_away() {
        let mut outbox = Outbox::new();
        let fill = |outbox: &mut Outbox, connected| (0..).find(|_| outbox.push(plain(), connected) != Room::Enough);
        assert_eq!(fill(&mut outbox, true), Some(PENDING_FRAMES_MAX));
        assert_eq!(fill(&mut outbox, false), Some(OUTBOX_FRAMES_MAX - PENDING_FRAMES_MAX - 1));
    }

    #[test]
    fn what_piled_up_while_away_does_not_count_as_slow_reading() {
        let mut outbox = Outbox::new();
        for _ in 0..2 * PENDING_FRAMES_MAX {
            assert_eq!(outbox.push(plain(), false), Room::Enough);
        }
        assert!(outbox.resume(0));
        assert_eq!(outbox.push(plain(), true), Room::Enough);
    }

    #[test]
    fn a_client_that_never_acknowledges_loses_only_the_way_back() {
        let mut outbox = Outbox::new();
        for _ in 0..3 * OUTBOX_FRAMES_MAX {
            assert_eq!(outbox.push(plain(), true), Room::Enough);
            outbox.drained(1, plain().len());
            assert!(outbox.poll().is_some());
        }
        assert_eq!(outbox.frames.len(), OUTBOX_FRAMES_MAX);
        assert!(!outbox.resume(1));
    }
}
