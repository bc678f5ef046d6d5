//! Owns one connection of the simulation: how late it is, how slowly it is read, and what it may be owed.

use std::time::{Duration, Instant};

use visavis::id::ParticipantId;
use visavis::limits::{WINDOW_BYTES_MAX, WINDOW_FRAMES_MAX};

/// The most frames beside the window that a connection is ever owed: see `hub_task`.
const BESIDE_THE_WINDOW: usize = 64;

/// The largest frame beside the window: a welcome.
const WELCOME_BYTES_MAX: usize = 2 * 1024 * 1024;

/// A connection.
pub struct Wire {
    pub client: usize,
    pub delay: Duration,
    /// Slow readers take this long for each frame.
    pub per_frame: Duration,
    next_read: Instant,
    owed: (usize, usize),
    drained: (usize, usize),
    /// Nobody reads it any more; the server may not know yet.
    pub is_lost: bool,
    pub is_closed_by_server: bool,
    /// A hello that its client has long given up: the participant and the epoch that it named.
    pub late: Option<(ParticipantId, u32)>,
}

impl Wire {
    pub fn new(client: usize, now: Instant, delay: Duration, per_frame: Duration) -> Self {
        Self {
            client,
            delay,
            per_frame,
            next_read: now,
            owed: (0, 0),
            drained: (0, 0),
            is_lost: false,
            is_closed_by_server: false,
            late: None,
        }
    }

    /// A frame sets out; when it will be read.
    pub fn carry(&mut self, now: Instant, bytes: usize) -> Instant {
        assert!(!self.is_closed_by_server, "the hub sends nothing after a close");
        self.owed.0 += 1;
        self.owed.1 += bytes;
        assert!(self.owed.0 <= WINDOW_FRAMES_MAX + BESIDE_THE_WINDOW, "no more frames than the window");
        assert!(self.owed.1 <= WINDOW_BYTES_MAX + bytes.max(WELCOME_BYTES_MAX), "no more bytes than the window");
        let at = self.next(now);
        self.next_read = at + self.per_frame;
        at
    }

    /// When something that sets out now arrives, after all before it.
    pub fn next(&self, now: Instant) -> Instant {
        (now + self.delay).max(self.next_read)
    }

    /// A frame is read; frames and bytes that the hub is to be told of, now and then.
    pub fn read(&mut self, bytes: usize) -> Option<(usize, usize)> {
        self.owed.0 -= 1;
        self.owed.1 -= bytes;
        self.drained.0 += 1;
        self.drained.1 += bytes;
        let is_due = self.drained.0 >= WINDOW_FRAMES_MAX / 2 || self.drained.1 >= WINDOW_BYTES_MAX / 2;
        is_due.then(|| std::mem::take(&mut self.drained))
    }
}
