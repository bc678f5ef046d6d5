//! Owns the TCP connections of a shard (ICE-TCP passive, RFC 6544): who may have one, to which shard it belongs, what comes and goes.

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use parking_lot::Mutex;
use slab::Slab;

use super::frames::{FramesIn, FramesOut};
use super::udp::canonical;
use crate::limits::{TCP_CONNECTIONS_MAX, TCP_CONNECTIONS_PER_ADDRESS_MAX, TCP_FIRST_FRAME_TIMEOUT, TCP_READS_MAX};
use crate::sfu::{Outbound, Protocol, Run, ShardId, Tuple, shard_of};

/// Connections of all shards, by the address of the other end: who may have one more.
#[derive(Debug, Default)]
pub(super) struct Guests(Mutex<(usize, HashMap<IpAddr, usize>)>);

/// One connection's place; given back when dropped.
#[derive(Debug)]
pub(super) struct Place(Arc<Guests>, IpAddr);

impl Guests {
    /// A place, or none at the bounds [`TCP_CONNECTIONS_MAX`] and [`TCP_CONNECTIONS_PER_ADDRESS_MAX`].
    pub(super) fn admit(self: &Arc<Self>, ip: IpAddr) -> Option<Place> {
        let (all, by_ip) = &mut *self.0.lock();
        let of_ip = by_ip.get(&ip).copied().unwrap_or(0);
        if *all >= TCP_CONNECTIONS_MAX || of_ip >= TCP_CONNECTIONS_PER_ADDRESS_MAX {
            return None;
        }
        *all += 1;
        by_ip.insert(ip, of_ip + 1);
        Some(Place(Arc::clone(self), ip))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let (all, by_ip) = &mut *self.0.0.lock();
        *all -= 1;
        if let Some(count) = by_ip.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                by_ip.remove(&self.1);
            }
        }
    }
}

/// A connection, with what has been read of it: it can move to another shard.
#[derive(Debug)]
pub(super) struct Connection {
    stream: std::net::TcpStream,
    tuple: Tuple,
    frames: FramesIn,
    place: Place,
}

#[derive(Debug)]
struct Open {
    stream: TcpStream,
    tuple: Tuple,
    frames: FramesIn,
    out: FramesOut,
    place: Place,
    /// When it must have said whose it is; none when it has.
    due: Option<Instant>,
    /// It may have more to read.
    is_ready: bool,
    /// It has been written to since the last flush.
    is_dirty: bool,
}

/// What has been counted. None ever goes down.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TcpCounters {
    /// Connections taken.
    pub accepted: u64,
    /// Connections refused at a bound.
    pub refused: u64,
    /// Connections closed because their first frame was late, or no check for a transport of ours.
    pub strangers: u64,
    /// Connections closed because of a frame that was too long.
    pub oversize: u64,
    /// Frames received, first ones of other shards not included.
    pub frames_in: u64,
    /// Their bytes, without the framing.
    pub bytes_in: u64,
    /// Frames handed to connections.
    pub frames_out: u64,
    /// Their bytes, without the framing.
    pub bytes_out: u64,
    /// Frames dropped because the reader is too slow, or gone.
    pub dropped: u64,
}

/// What came of reading.
pub(super) enum Heard<'a> {
    /// A frame.
    Frame(Tuple, &'a mut [u8]),
    /// The connection is gone.
    Closed(Tuple),
}

/// The connections of one shard.
pub(super) struct Tcp {
    shard: ShardId,
    shards: u8,
    guests: Arc<Guests>,
    registry: Registry,
    open: Slab<Open>,
    by_tuple: HashMap<Tuple, usize>,
    /// Connections that have not said whose they are, the oldest first; some may have, or be gone.
    silent: std::collections::VecDeque<(Instant, usize)>,
    ready: Vec<usize>,
    dirty: Vec<usize>,
    first_token: usize,
    counters: TcpCounters,
}

impl Tcp {
    /// Tokens of connections begin with `first_token`.
    pub(super) fn new(shard: ShardId, shards: u8, guests: Arc<Guests>, registry: Registry, first_token: usize) -> Self {
        Self {
            shard,
            shards,
            guests,
            registry,
            open: Slab::new(),
            by_tuple: HashMap::new(),
            silent: std::collections::VecDeque::new(),
            ready: Vec::new(),
            dirty: Vec::new(),
            first_token,
            counters: TcpCounters::default(),
        }
    }

    pub(super) fn counters(&self) -> TcpCounters {
        self.counters
    }

    /// Connections that are open.
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// Takes a new connection, or closes it at a bound.
    pub(super) fn accept(&mut self, now: Instant, stream: std::net::TcpStream, remote: SocketAddr) {
        let remote = canonical(remote);
        let Some(place) = self.guests.admit(remote.ip()) else {
            self.counters.refused += 1;
            return;
        };
        let Ok(local) = stream.local_addr() else { return };
        self.counters.accepted += 1;
        let tuple = Tuple { protocol: Protocol::Tcp, local: local.ip().to_canonical(), remote };
        let due = now + TCP_FIRST_FRAME_TIMEOUT;
        let connection = Connection { stream, tuple, frames: FramesIn::new(), place };
        if let Some(at) = self.insert(connection, Some(due)) {
            self.silent.push_back((due, at));
        }
    }

    /// Takes a connection from another shard, whose first frame names this one.
    pub(super) fn adopt(&mut self, connection: Connection) {
        if let Some(at) = self.insert(connection, None) {
            self.mark_ready(at);
        }
    }

    fn insert(&mut self, connection: Connection, due: Option<Instant>) -> Option<usize> {
        let Connection { stream, tuple, frames, place } = connection;
        // Small frames must not wait for one another.
        let _ = stream.set_nodelay(true);
        stream.set_nonblocking(true).ok()?;
        let mut stream = TcpStream::from_std(stream);
        let entry = self.open.vacant_entry();
        let at = entry.key();
        let token = Token(self.first_token + at);
        self.registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE).ok()?;
        entry.insert(Open { stream, tuple, frames, out: FramesOut::default(), place, due, is_ready: false, is_dirty: false });
        self.by_tuple.insert(tuple, at);
        Some(at)
    }

    /// The poll says that something has happened to a connection.
    pub(super) fn handle_event(&mut self, event: &mio::event::Event) {
        let Some(at) = event.token().0.checked_sub(self.first_token).filter(|at| self.open.contains(*at)) else { return };
        if event.is_readable() || event.is_read_closed() || event.is_error() {
            self.mark_ready(at);
        }
        if event.is_writable() {
            self.mark_dirty(at);
        }
    }

    /// Whether there is something to read without waiting.
    pub(super) fn has_more(&self) -> bool {
        !self.ready.is_empty()
    }

    /// When the next silent connection must be closed.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.silent.front().map(|(due, _)| *due)
    }

    /// Closes the connections that have not said whose they are in time.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        while let Some(&(due, at)) = self.silent.front().filter(|(due, _)| *due <= now) {
            self.silent.pop_front();
            if self.open.get(at).is_some_and(|open| open.due == Some(due)) {
                self.counters.strangers += 1;
                self.remove(at);
            }
        }
    }

    /// Reads each connection that has something, for a bounded while; gives its frames to `take`, and those connections that belong
    /// to other shards to `hand_over`.
    pub(super) fn receive(&mut self, mut take: impl FnMut(Heard<'_>), mut hand_over: impl FnMut(ShardId, Connection)) {
        let ready = std::mem::take(&mut self.ready);
        for at in ready {
            let Some(open) = self.open.get_mut(at) else { continue };
            open.is_ready = false;
            match read(open, self.shard, self.shards, &mut self.counters, &mut take) {
                Verdict::Wait => {}
                Verdict::More => self.mark_ready(at),
                Verdict::Close => {
                    let was_known = open.due.is_none();
                    let tuple = open.tuple;
                    self.remove(at);
                    if was_known {
                        take(Heard::Closed(tuple));
                    }
                }
                Verdict::Other(shard) => {
                    if let Some(connection) = self.remove(at) {
                        hand_over(shard, connection);
                    }
                }
            }
        }
    }

    /// Queues a run's datagrams as frames. What does not fit the connection's bounded buffer, or has no connection, is dropped.
    pub(super) fn send(&mut self, outbound: &Outbound, run: &Run) {
        let at = self.by_tuple.get(&run.tuple).copied();
        for datagram in outbound.bytes_of(run).chunks(run.segment.max(1)) {
            let is_queued = at.and_then(|at| self.open.get_mut(at)).is_some_and(|open| open.out.push(datagram));
            if is_queued {
                self.counters.frames_out += 1;
                self.counters.bytes_out += datagram.len() as u64;
            } else {
                self.counters.dropped += 1;
            }
        }
        if let Some(at) = at {
            self.mark_dirty(at);
        }
    }

    /// Writes what has been queued, without waiting. Connections that cannot be written to are given to `closed`.
    pub(super) fn flush(&mut self, mut closed: impl FnMut(Tuple)) {
        while let Some(at) = self.dirty.pop() {
            let Some(open) = self.open.get_mut(at) else { continue };
            open.is_dirty = false;
            if open.out.write(&mut open.stream).is_err() {
                let (tuple, was_known) = (open.tuple, open.due.is_none());
                self.remove(at);
                if was_known {
                    closed(tuple);
                }
            }
        }
    }

    fn mark_ready(&mut self, at: usize) {
        if let Some(open) = self.open.get_mut(at).filter(|open| !open.is_ready) {
            open.is_ready = true;
            self.ready.push(at);
        }
    }

    fn mark_dirty(&mut self, at: usize) {
        if let Some(open) = self.open.get_mut(at).filter(|open| !open.is_dirty) {
            open.is_dirty = true;
            self.dirty.push(at);
        }
    }

    fn remove(&mut self, at: usize) -> Option<Connection> {
        let Open { mut stream, tuple, frames, place, .. } = self.open.try_remove(at)?;
        if self.by_tuple.get(&tuple) == Some(&at) {
            self.by_tuple.remove(&tuple);
        }
        // Closing takes it out of the poll as well; this is for those that move on.
        let _ = self.registry.deregister(&mut stream);
        Some(Connection { stream: stream.into(), tuple, frames, place })
    }
}

enum Verdict {
    Wait,
    More,
    Close,
    Other(ShardId),
}

fn read(open: &mut Open, own: ShardId, shards: u8, counters: &mut TcpCounters, take: &mut impl FnMut(Heard<'_>)) -> Verdict {
    // Frames that have come with the connection from another shard are there before anything is read.
    let mut reads = 0;
    loop {
        if open.due.is_some() {
            match open.frames.peek() {
                Ok(None) => {}
                Ok(Some(first)) => match shard_of(first) {
                    Some(shard) if shard == own => open.due = None,
                    Some(shard) if shard.0 < shards => return Verdict::Other(shard),
                    _ => {
                        counters.strangers += 1;
                        return Verdict::Close;
                    }
                },
                Err(_) => {
                    counters.oversize += 1;
                    return Verdict::Close;
                }
            }
        }
        while open.due.is_none() {
            match open.frames.next() {
                Ok(Some(frame)) => {
                    counters.frames_in += 1;
                    counters.bytes_in += frame.len() as u64;
                    take(Heard::Frame(open.tuple, frame));
                }
                Ok(None) => break,
                Err(_) => {
                    counters.oversize += 1;
                    return Verdict::Close;
                }
            }
        }
        if reads == TCP_READS_MAX {
            return Verdict::More;
        }
        reads += 1;
        match open.frames.read(&mut open.stream) {
            Ok(0) => return Verdict::Close,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Verdict::Wait,
            Err(_) => return Verdict::Close,
        }
    }
}

/// Accepts what waits at the listener, without waiting, at most as many as one wake-up should.
pub(super) fn accept_all(
    listener: &std::net::TcpListener,
    mut take: impl FnMut(std::net::TcpStream, SocketAddr),
) -> io::Result<bool> {
    for _ in 0..64 {
        match listener.accept() {
            Ok((stream, remote)) => take(stream, remote),
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock => return Ok(false),
                ErrorKind::Interrupted | ErrorKind::ConnectionAborted => {}
                _ => return Err(error),
            },
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::TCP_CONNECTIONS_PER_ADDRESS_MAX;

    #[test]
    fn an_address_has_so_many_places_and_gets_them_back() {
        let guests = Arc::new(Guests::default());
        let ip = |last: u8| IpAddr::from([192, 0, 2, last]);
        let mut places: Vec<Place> =
            (0..TCP_CONNECTIONS_PER_ADDRESS_MAX).map(|_| guests.admit(ip(1)).expect("a place")).collect();
        assert!(guests.admit(ip(1)).is_none());
        let other = guests.admit(ip(2)).expect("another address is not harmed");
        places.pop();
        places.push(guests.admit(ip(1)).expect("a place again"));
        drop((places, other));
        let (all, by_ip) = &*guests.0.lock();
        assert_eq!((*all, by_ip.len()), (0, 0));
    }

    #[test]
    fn all_together_have_a_bound() {
        let guests = Arc::new(Guests::default());
        let ip = |number: usize| IpAddr::from((number as u32).to_be_bytes());
        let places: Vec<Place> = (0..TCP_CONNECTIONS_MAX).map(|number| guests.admit(ip(number)).expect("a place")).collect();
        assert!(guests.admit(ip(TCP_CONNECTIONS_MAX)).is_none());
        drop(places);
        assert!(guests.admit(ip(0)).is_some());
    }

    #[test]
    fn one_that_does_not_say_whose_it_is_in_time_is_closed() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let mut silent = std::net::TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
        let poll = mio::Poll::new().expect("a poll");
        let registry = poll.registry().try_clone().expect("a registry");
        let mut tcp = Tcp::new(ShardId(0), 1, Arc::default(), registry, 3);
        let now = Instant::now();
        let (stream, remote) = listener.accept().expect("it has connected");
        tcp.accept(now, stream, remote);
        let due = tcp.poll_timeout().expect("a time limit");
        assert_eq!(due, now + TCP_FIRST_FRAME_TIMEOUT);
        tcp.handle_timeout(due - std::time::Duration::from_millis(1));
        assert_eq!(tcp.len(), 1);
        tcp.handle_timeout(due);
        assert_eq!((tcp.len(), tcp.counters().strangers, tcp.poll_timeout()), (0, 1, None));
        assert_eq!(std::io::Read::read(&mut silent, &mut [0; 1]).expect("closed"), 0);
    }
}
