//! Owns the ways by which a transport was proved to be reached, and which of them is used.

use std::time::{Duration, Instant};

use super::super::tuple::Tuple;
use crate::limits::{CONSENT_TIMEOUT, TRANSPORT_TUPLES_MAX};

/// A selected way without a check for so long gives way to one that has them, though nobody nominated that: browsers check the
/// way they use every 2.5 to 6 s, and some nominate only once.
const SILENT_AFTER: Duration = Duration::from_secs(8);

#[derive(Clone, Copy)]
struct Path {
    tuple: Tuple,
    /// The last proved check.
    proved: Instant,
}

/// The proved ways, at most [`TRANSPORT_TUPLES_MAX`].
#[derive(Default)]
pub(super) struct Paths {
    paths: Vec<Path>,
    selected: Option<Tuple>,
}

impl Paths {
    pub fn is_valid(&self, tuple: Tuple) -> bool {
        self.paths.iter().any(|path| path.tuple == tuple)
    }

    pub fn selected(&self) -> Option<Tuple> {
        self.selected
    }

    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// Notes a proved check; gives the way that had to go for it. `takes_over`: it is nominated, or the first after a restart.
    pub fn prove(&mut self, now: Instant, tuple: Tuple, takes_over: bool) -> Option<Tuple> {
        let mut gone = None;
        match self.paths.iter_mut().find(|path| path.tuple == tuple) {
            Some(path) => path.proved = now,
            None => {
                if self.paths.len() >= TRANSPORT_TUPLES_MAX {
                    gone = self.drop_oldest();
                }
                self.paths.push(Path { tuple, proved: now });
            }
        }
        let is_silent = |path: &Path| now.saturating_duration_since(path.proved) >= SILENT_AFTER;
        let used = self.paths.iter().find(|path| Some(path.tuple) == self.selected);
        if takes_over || used.is_none_or(is_silent) {
            self.selected = Some(tuple);
        }
        gone
    }

    fn drop_oldest(&mut self) -> Option<Tuple> {
        let unused = self.paths.iter().enumerate().filter(|(_, path)| Some(path.tuple) != self.selected);
        let (index, _) = unused.min_by_key(|(_, path)| path.proved)?;
        Some(self.paths.swap_remove(index).tuple)
    }

    /// A way is no more; another takes its place.
    pub fn remove(&mut self, tuple: Tuple) {
        self.paths.retain(|path| path.tuple != tuple);
        if self.selected == Some(tuple) {
            self.selected = self.paths.iter().max_by_key(|path| path.proved).map(|path| path.tuple);
        }
    }

    /// When the next consent lapses.
    pub fn lapses(&self) -> Option<Instant> {
        self.paths.iter().map(|path| path.proved + CONSENT_TIMEOUT).min()
    }

    /// Removes a way whose consent has lapsed.
    pub fn pop_lapsed(&mut self, now: Instant) -> Option<Tuple> {
        let lapsed = self.paths.iter().find(|path| now >= path.proved + CONSENT_TIMEOUT)?.tuple;
        self.remove(lapsed);
        Some(lapsed)
    }
}
