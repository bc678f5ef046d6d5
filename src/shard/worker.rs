//! Owns a shard's thread: it waits, takes what has come, lets the media decide, and sends what came of it.
//!
//! On the way of a packet whose transport is here nothing is allocated, locked or logged.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};
use std::{io, thread};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use parking_lot::Mutex;
use std::os::fd::AsRawFd as _;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::learned::Learned;
use super::parcel::{Hop, Neighbour};
use super::report::{Report, WorkerCounters};
use super::tcp::{Guests, Heard, Tcp, accept_all};
use super::tick::Tick;
use super::udp::Udp;
use crate::sfu::{Command, Event, Outbound, Protocol, Sfu, ShardId, Stats, Tuple, shard_of};

/// The media of one shard, as its thread drives it: after inputs, `flush` until false, then events until none.
pub trait Media {
    /// The hub asks for something.
    fn handle_command(&mut self, now: Instant, command: Command);
    /// A UDP datagram, or a frame of a TCP connection (RFC 4571), that may be changed in place.
    fn handle_datagram(&mut self, now: Instant, tuple: Tuple, datagram: &mut [u8]);
    /// A TCP connection is gone.
    fn handle_closed(&mut self, now: Instant, tuple: Tuple);
    /// The time of [`Self::poll_timeout`] has come.
    fn handle_timeout(&mut self, now: Instant);
    /// Writes what is to be sent; true when there was no room for all of it.
    fn flush(&mut self, now: Instant, outbound: &mut Outbound) -> bool;
    /// The next thing that the hub is to know.
    fn poll_event(&mut self) -> Option<Event>;
    /// When [`Self::handle_timeout`] must be called, unless something comes before.
    fn poll_timeout(&self) -> Option<Instant>;
    /// Its figures.
    fn stats(&self) -> Stats;
}

impl Media for Sfu {
    fn handle_command(&mut self, now: Instant, command: Command) {
        Self::handle_command(self, now, command);
    }
    fn handle_datagram(&mut self, now: Instant, tuple: Tuple, datagram: &mut [u8]) {
        Self::handle_datagram(self, now, tuple, datagram);
    }
    fn handle_closed(&mut self, now: Instant, tuple: Tuple) {
        Self::handle_closed(self, now, tuple);
    }
    fn handle_timeout(&mut self, now: Instant) {
        Self::handle_timeout(self, now);
    }
    fn flush(&mut self, now: Instant, outbound: &mut Outbound) -> bool {
        Self::flush(self, now, outbound)
    }
    fn poll_event(&mut self) -> Option<Event> {
        Self::poll_event(self)
    }
    fn poll_timeout(&self) -> Option<Instant> {
        Self::poll_timeout(self)
    }
    fn stats(&self) -> Stats {
        Self::stats(self)
    }
}

const UDP: Token = Token(0);
const LISTENER: Token = Token(1);
/// What wakes the thread when there is mail.
pub(super) const WAKE: Token = Token(2);
const FIRST_CONNECTION: usize = 3;

/// Batches of datagrams before what came of them is sent.
const ROUNDS: usize = 4;

/// Commands, and parcels, taken at once.
const MAIL: usize = 256;

/// How often the figures are published; also how long the thread sleeps at most.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// How soon an event that did not fit the hub's mailbox is tried again.
const HELD_EVENT_PAUSE: Duration = Duration::from_millis(5);

/// How long no connection is taken when the system has no more file descriptors.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// Checks of a round whose answers are watched. Beyond: what could be learned from them is learned from the next ones.
const ASKED_MAX: usize = 1024;

/// What a shard is made of besides its media.
pub(super) struct Parts {
    pub(super) shard: ShardId,
    pub(super) udp: Udp,
    pub(super) listener: TcpListener,
    pub(super) guests: Arc<Guests>,
    pub(super) poll: Poll,
    pub(super) hops: Receiver<Hop>,
    pub(super) commands: mpsc::Receiver<Command>,
    /// By number; none for the shard itself.
    pub(super) neighbours: Vec<Option<Neighbour>>,
    pub(super) events: mpsc::Sender<Event>,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) report: Arc<Mutex<Report>>,
}

/// A shard's thread.
pub(super) struct Worker<M> {
    media: M,
    parts: Parts,
    tcp: Tcp,
    learned: Learned,
    tick: Tick,
    outbound: Outbound,
    /// Checks for transports of this shard since the last flush, each with the shard that it came by.
    asked: Vec<(Tuple, ShardId)>,
    held: Option<Event>,
    counters: WorkerCounters,
    /// As they were published last.
    published: WorkerCounters,
    udp_is_ready: bool,
    listener_is_ready: bool,
    accept_after: Option<Instant>,
    mail_is_left: bool,
}

impl<M: Media> Worker<M> {
    /// # Errors
    /// When the system cannot wait for the sockets.
    pub(super) fn new(media: M, parts: Parts) -> io::Result<Self> {
        let registry = parts.poll.registry();
        registry.register(&mut SourceFd(&parts.udp.raw_fd()), UDP, Interest::READABLE)?;
        registry.register(&mut SourceFd(&parts.listener.as_raw_fd()), LISTENER, Interest::READABLE)?;
        let shards = parts.neighbours.len() as u8;
        let tcp = Tcp::new(parts.shard, shards, Arc::clone(&parts.guests), registry.try_clone()?, FIRST_CONNECTION);
        Ok(Self {
            media,
            parts,
            tcp,
            learned: Learned::default(),
            tick: Tick::default(),
            outbound: Outbound::default(),
            asked: Vec::with_capacity(ASKED_MAX),
            held: None,
            counters: WorkerCounters::default(),
            published: WorkerCounters::default(),
            udp_is_ready: true,
            listener_is_ready: true,
            accept_after: None,
            mail_is_left: false,
        })
    }

    /// Works until it is told to stop.
    ///
    /// # Errors
    /// When the system cannot wait any more.
    pub(super) fn run(mut self) -> io::Result<()> {
        let mut ready = Events::with_capacity(256);
        let started = Instant::now();
        let mut reported = started;
        while !self.parts.stop.load(Ordering::Relaxed) {
            match self.parts.poll.poll(&mut ready, Some(self.patience(Instant::now()))) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            let woken = Instant::now();
            self.counters.wakeups += 1;
            self.note_ready(&ready);
            let pause = if self.udp_is_ready { self.tick.pause(woken) } else { Duration::ZERO };
            if !pause.is_zero() {
                thread::sleep(pause);
            }
            let now = if pause.is_zero() { woken } else { Instant::now() };
            self.work(now);
            let done = Instant::now();
            self.counters.busy += done.saturating_duration_since(now);
            self.counters.running = done.saturating_duration_since(started);
            if done.saturating_duration_since(reported) >= REPORT_INTERVAL {
                reported = done;
                self.publish();
            }
        }
        self.publish();
        Ok(())
    }

    /// How long there is nothing to do unless something comes.
    fn patience(&self, now: Instant) -> Duration {
        if self.udp_is_ready
            || self.mail_is_left
            || self.tcp.has_more()
            || (self.listener_is_ready && self.accept_after.is_none())
        {
            return Duration::ZERO;
        }
        let held = self.held.as_ref().map(|_| now + HELD_EVENT_PAUSE);
        let dues = [self.media.poll_timeout(), self.tcp.poll_timeout(), self.accept_after, held];
        let next = dues.into_iter().flatten().min();
        next.map_or(REPORT_INTERVAL, |due| due.saturating_duration_since(now).min(REPORT_INTERVAL))
    }

    fn note_ready(&mut self, ready: &Events) {
        for event in ready {
            match event.token() {
                UDP => self.udp_is_ready = true,
                LISTENER => self.listener_is_ready = true,
                WAKE => {}
                _ => self.tcp.handle_event(event),
            }
        }
    }

    fn work(&mut self, now: Instant) {
        self.take_mail(now); // first, for what it says of the addresses of datagrams that wait
        self.receive_udp(now);
        self.accept(now);
        self.receive_tcp(now);
        if self.media.poll_timeout().is_some_and(|due| due <= now) {
            self.media.handle_timeout(now);
        }
        self.tcp.handle_timeout(now);
        self.send(now);
        for neighbour in self.parts.neighbours.iter_mut().flatten() {
            self.counters.hops_dropped += neighbour.flush(self.parts.shard) as u64;
        }
        self.tell();
    }

    fn receive_udp(&mut self, now: Instant) {
        if !self.udp_is_ready {
            return;
        }
        let Self { media, parts, learned, asked, counters, .. } = self;
        let mut datagrams = 0;
        for _ in 0..ROUNDS {
            let received =
                parts.udp.receive(|tuple, datagram| match route(parts.shard, parts.neighbours.len(), learned, tuple, datagram) {
                    Route::Home { asked: is_asked } => {
                        if is_asked && learned.len() > 0 && asked.len() < ASKED_MAX {
                            asked.push((tuple, parts.shard));
                        }
                        media.handle_datagram(now, tuple, datagram);
                    }
                    Route::Hop(other) => {
                        counters.hops_out += 1;
                        if let Some(Some(neighbour)) = parts.neighbours.get_mut(usize::from(other.0)) {
                            counters.hops_dropped += neighbour.pass(parts.shard, tuple, datagram) as u64;
                        }
                    }
                });
            match received {
                Ok(received) => {
                    datagrams += received.datagrams;
                    // An edge is told once: there is more until the system says that there is not.
                    if !received.is_full {
                        continue;
                    }
                }
                Err(error) => {
                    // An error that an earlier datagram has brought back (ICMP) is taken by being read.
                    if error.kind() == io::ErrorKind::WouldBlock {
                        self.udp_is_ready = false;
                        break;
                    }
                }
            }
        }
        if datagrams > 0 {
            self.tick.note(now, datagrams);
        }
    }

    fn accept(&mut self, now: Instant) {
        if self.accept_after.is_some_and(|after| now < after) || !self.listener_is_ready {
            return;
        }
        self.accept_after = None;
        let tcp = &mut self.tcp;
        match accept_all(&self.parts.listener, |stream, remote| tcp.accept(now, stream, remote)) {
            Ok(is_more) => self.listener_is_ready = is_more,
            Err(error) => {
                tracing::debug!(%error, "cannot take a connection for media");
                self.accept_after = Some(now + EXHAUSTED_PAUSE);
            }
        }
    }

    fn receive_tcp(&mut self, now: Instant) {
        let Self { media, parts, tcp, counters, .. } = self;
        let take = |heard: Heard<'_>| match heard {
            Heard::Frame(tuple, frame) => media.handle_datagram(now, tuple, frame),
            Heard::Closed(tuple) => media.handle_closed(now, tuple),
        };
        tcp.receive(take, |shard, connection| {
            let Some(Some(neighbour)) = parts.neighbours.get_mut(usize::from(shard.0)) else { return };
            if !neighbour.tell(Hop::Connection(Box::new(connection))) {
                counters.hops_dropped += 1;
            }
        });
    }

    fn take_mail(&mut self, now: Instant) {
        let Self { media, parts, tcp, learned, asked, counters, .. } = self;
        let mut taken = 0;
        while taken < MAIL {
            let Ok(hop) = parts.hops.try_recv() else { break };
            taken += 1;
            match hop {
                Hop::Datagrams(from, mut parcel) => parcel.open(|tuple, datagram| {
                    counters.hops_in += 1;
                    if is_stun(datagram) && asked.len() < ASKED_MAX {
                        asked.push((tuple, from));
                    }
                    media.handle_datagram(now, tuple, datagram);
                }),
                Hop::Learned(shard, remote) => learned.learn(remote, shard),
                Hop::Connection(connection) => tcp.adopt(*connection),
            }
        }
        let mut commands = 0;
        while commands < MAIL {
            let Ok(command) = parts.commands.try_recv() else { break };
            commands += 1;
            media.handle_command(now, command);
        }
        counters.commands += commands as u64;
        self.mail_is_left = taken == MAIL || commands == MAIL;
    }

    fn send(&mut self, now: Instant) {
        loop {
            let is_more = self.media.flush(now, &mut self.outbound);
            if !self.asked.is_empty() {
                self.learn();
            }
            self.parts.udp.send(&self.outbound);
            if self.tcp.len() > 0 {
                let runs = self.outbound.runs().iter();
                runs.filter(|run| run.tuple.protocol == Protocol::Tcp).for_each(|run| self.tcp.send(&self.outbound, run));
            }
            self.outbound.clear();
            if !is_more {
                break;
            }
        }
        self.asked.clear();
        let media = &mut self.media;
        self.tcp.flush(|tuple| media.handle_closed(now, tuple));
    }

    /// A check that is answered with success was not forged: from then on what comes from its address is passed to where the
    /// transport is.
    fn learn(&mut self) {
        for run in self.outbound.runs().iter().filter(|run| run.tuple.protocol == Protocol::Udp) {
            let Some(at) = self.asked.iter().position(|(tuple, _)| *tuple == run.tuple) else { continue };
            let is_success = |datagram: &[u8]| datagram.starts_with(&BINDING_SUCCESS);
            if !self.outbound.bytes_of(run).chunks(run.segment.max(1)).any(is_success) {
                continue;
            }
            let (tuple, from) = self.asked.swap_remove(at);
            self.learned.forget(tuple.remote);
            if let Some(Some(neighbour)) = self.parts.neighbours.get_mut(usize::from(from.0)) {
                neighbour.tell(Hop::Learned(self.parts.shard, tuple.remote));
            }
        }
    }

    /// Events for the hub. While its mailbox is full they wait where they are.
    fn tell(&mut self) {
        while let Some(event) = self.held.take().or_else(|| self.media.poll_event()) {
            match self.parts.events.try_send(event) {
                Ok(()) => self.counters.events += 1,
                Err(TrySendError::Full(event)) => {
                    self.counters.events_held += 1;
                    self.held = Some(event);
                    return;
                }
                Err(TrySendError::Closed(_)) => {} // the hub has ended, and soon we do
            }
        }
    }

    fn publish(&mut self) {
        let before = std::mem::replace(&mut self.published, self.counters);
        let report = Report {
            worker: self.counters,
            load: share(self.counters.busy - before.busy, self.counters.running - before.running),
            udp: self.parts.udp.counters(),
            segments: self.parts.udp.segments(),
            tcp: self.tcp.counters(),
            tcp_open: self.tcp.len(),
            learned: self.learned.len(),
            commands_waiting: self.parts.commands.len(),
            media: self.media.stats(),
        };
        *self.parts.report.lock() = report;
    }
}

/// How much of `whole` a part is; 0 of nothing.
fn share(part: Duration, whole: Duration) -> f64 {
    if whole.is_zero() { 0.0 } else { part.as_secs_f64() / whole.as_secs_f64() }
}

/// A Binding success response (RFC 8489 section 5).
const BINDING_SUCCESS: [u8; 2] = [0x01, 0x01];

fn is_stun(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|first| *first < 4)
}

/// Whose a datagram is.
enum Route {
    /// Ours; `asked`: it is a check for one of our transports.
    Home { asked: bool },
    /// Another shard's.
    Hop(ShardId),
}

fn route(own: ShardId, shards: usize, learned: &mut Learned, tuple: Tuple, datagram: &[u8]) -> Route {
    if is_stun(datagram) {
        return match shard_of(datagram) {
            Some(shard) if shard == own => Route::Home { asked: true },
            Some(shard) if usize::from(shard.0) < shards => Route::Hop(shard),
            _ => Route::Home { asked: false },
        };
    }
    learned.find(tuple.remote).map_or(Route::Home { asked: false }, Route::Hop)
}
