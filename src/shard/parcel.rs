//! Owns the way from one shard to another: datagrams that came to the wrong one, gathered into parcels.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError};

use mio::Waker;

use super::tcp::Connection;
use crate::limits::PARCEL_BYTES_MAX;
use crate::sfu::{ShardId, Tuple};

/// Datagrams on their way to their shard.
#[derive(Debug, Default)]
pub(super) struct Parcel {
    bytes: Vec<u8>,
    datagrams: Vec<(Tuple, usize)>,
}

impl Parcel {
    /// Adds one; false when it does not fit.
    pub(super) fn push(&mut self, tuple: Tuple, datagram: &[u8]) -> bool {
        if self.bytes.len() + datagram.len() > PARCEL_BYTES_MAX {
            return false;
        }
        if self.bytes.capacity() == 0 {
            self.bytes.reserve_exact(PARCEL_BYTES_MAX);
        }
        self.bytes.extend_from_slice(datagram);
        self.datagrams.push((tuple, datagram.len()));
        true
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.datagrams.len()
    }

    /// Gives each to `take`, in order.
    pub(super) fn open(&mut self, mut take: impl FnMut(Tuple, &mut [u8])) {
        let mut rest = &mut self.bytes[..];
        for (tuple, len) in self.datagrams.drain(..) {
            let (datagram, after) = rest.split_at_mut(len);
            rest = after;
            take(tuple, datagram);
        }
    }
}

/// What one shard tells another.
#[derive(Debug)]
pub(super) enum Hop {
    /// Datagrams whose transport is with the receiver, or so it seems.
    Datagrams(ShardId, Parcel),
    /// A transport of this shard has answered a check from there: what comes from there is to be passed on.
    Learned(ShardId, SocketAddr),
    /// A connection whose first frame names the receiver.
    Connection(Box<Connection>),
}

/// Another shard, as one shard sees it.
pub(super) struct Neighbour {
    mailbox: SyncSender<Hop>,
    waker: Arc<Waker>,
    parcel: Parcel,
    is_told: bool,
}

impl Neighbour {
    pub(super) fn new(mailbox: SyncSender<Hop>, waker: Arc<Waker>) -> Self {
        Self { mailbox, waker, parcel: Parcel::default(), is_told: false }
    }

    /// Adds a datagram to what goes there next; answers with how many datagrams were dropped because its mailbox is full.
    pub(super) fn pass(&mut self, from: ShardId, tuple: Tuple, datagram: &[u8]) -> usize {
        if self.parcel.push(tuple, datagram) {
            return 0;
        }
        let dropped = self.post(from);
        self.parcel.push(tuple, datagram);
        dropped
    }

    /// Tells it something; false when its mailbox is full, and nothing was told.
    pub(super) fn tell(&mut self, hop: Hop) -> bool {
        let is_told = self.mailbox.try_send(hop).is_ok();
        self.is_told |= is_told;
        is_told
    }

    /// Sends what has been gathered, and wakes it if it was told anything; answers as [`Self::pass`].
    pub(super) fn flush(&mut self, from: ShardId) -> usize {
        let dropped = if self.parcel.len() > 0 { self.post(from) } else { 0 };
        if std::mem::take(&mut self.is_told) {
            // A shard that has ended needs nothing.
            let _ = self.waker.wake();
        }
        dropped
    }

    fn post(&mut self, from: ShardId) -> usize {
        match self.mailbox.try_send(Hop::Datagrams(from, std::mem::take(&mut self.parcel))) {
            Ok(()) => {
                self.is_told = true;
                0
            }
            Err(TrySendError::Full(hop) | TrySendError::Disconnected(hop)) => match hop {
                Hop::Datagrams(_, parcel) => parcel.len(),
                Hop::Learned(..) | Hop::Connection(_) => 0,
            },
        }
    }
}
