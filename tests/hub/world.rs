//! Owns a hub, virtual time, the clients, and a network that delays, loses connections and reads slowly.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::{Duration, Instant};

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use visavis::hub::{Hub, Input, Output, Payload, Settings};
use visavis::id::ConnectionId;
use visavis::limits::{OUTBOX_BYTES_MAX, OUTBOX_FRAMES_MAX};
use visavis::protocol::{BusFrame, ClientMessage, CloseCode, ErrorCode, ServerFrame, ServerMessage};

use crate::client::{Client, Then};
use crate::media::Media;
use crate::wire::Wire;

/// Something that happens later.
pub enum Happens {
    /// To the hub, whatever becomes of the connections.
    AtHub(Input),
    /// To the hub, unless it has closed the connection by then.
    OnConnection(ConnectionId, Input),
    /// A frame is read by a client.
    Read(ConnectionId, Payload, usize),
    /// A client learns that the server has closed.
    Closed(ConnectionId),
    /// Lost on the way.
    Nothing,
}

/// Everything.
pub struct World {
    pub hub: Hub,
    pub now: Instant,
    random: ChaCha8Rng,
    pub clients: Vec<Client>,
    pub wires: BTreeMap<ConnectionId, Wire>,
    pub media: Media,
    /// What happens when; the number keeps the order of what happens at once.
    agenda: BinaryHeap<Reverse<(Instant, u64)>>,
    pub waiting: BTreeMap<u64, Happens>,
    pub number: u64,
    pub frames: u64,
    pub slow_closes: u64,
    pub late_hellos: u64,
}

impl World {
    pub fn new(seed: u64, settings: Settings, clients: usize) -> Self {
        let now = Instant::now();
        Self {
            hub: Hub::new(settings, [7; 32], now, 1_790_000_000_000),
            now,
            random: ChaCha8Rng::seed_from_u64(seed),
            clients: (0..clients).map(|_| Client::default()).collect(),
            wires: BTreeMap::new(),
            media: Media::default(),
            agenda: BinaryHeap::new(),
            waiting: BTreeMap::new(),
            number: 0,
            frames: 0,
            slow_closes: 0,
            late_hellos: 0,
        }
    }

    pub fn random(&mut self, below: u32) -> u32 {
        self.random.random_range(0..below)
    }

    pub fn schedule(&mut self, at: Instant, happens: Happens) {
        self.number += 1;
        self.waiting.insert(self.number, happens);
        self.agenda.push(Reverse((at, self.number)));
    }

    /// Lets time pass, with everything that happens meanwhile in order.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let planned = self.agenda.peek().map(|Reverse((at, _))| *at);
            let timeout = self.hub.poll_timeout();
            let Some(next) = planned.into_iter().chain(timeout).min().filter(|at| *at <= end) else { break };
            self.now = self.now.max(next);
            if planned.is_some_and(|at| at <= next) {
                let Reverse((_, number)) = self.agenda.pop().expect("it was there");
                let happens = self.waiting.remove(&number).expect("everything happens once");
                self.happen(happens);
            } else {
                self.input(Input::Tick);
            }
        }
        self.now = end;
    }

    fn happen(&mut self, happens: Happens) {
        match happens {
            Happens::AtHub(input) => self.input(input),
            Happens::OnConnection(connection, input) => {
                // As the shell does: nothing of a connection that the hub has closed.
                let is_open = self.wires.get(&connection).is_some_and(|wire| !wire.is_closed_by_server);
                let is_end = matches!(input, Input::Closed { .. });
                if is_open {
                    self.input(input);
                }
                if is_end {
                    self.wires.remove(&connection);
                }
            }
            Happens::Read(connection, payload, bytes) => self.read(connection, &payload, bytes),
            Happens::Closed(connection) => {
                if let Some(client) = self.clients.iter_mut().find(|client| client.connection == Some(connection)) {
                    client.connection = None;
                }
                self.wires.remove(&connection);
            }
            Happens::Nothing => {}
        }
    }

    pub fn input(&mut self, input: Input) {
        self.hub.handle_input(self.now, input);
        while let Some(output) = self.hub.poll_output() {
            match output {
                Output::Send { connection, frame } => {
                    let wire = self.wires.get_mut(&connection).expect("the hub sends only to open connections");
                    let at = wire.carry(self.now, frame.len());
                    self.schedule(at, Happens::Read(connection, frame.encode(), frame.len()));
                }
                Output::Close { connection, code } => self.handle_close(connection, code),
                Output::Sfu { shard, command } => self.obey(shard, command),
            }
        }
    }

    /// What was sent before still arrives, except that a slow reader may be cut off.
    fn handle_close(&mut self, connection: ConnectionId, code: CloseCode) {
        let is_cut = code == CloseCode::SlowReader && self.random(2) == 0;
        self.slow_closes += u64::from(code == CloseCode::SlowReader);
        let wire = self.wires.get_mut(&connection).expect("the hub closes only open connections");
        assert!(!wire.is_closed_by_server, "closed twice");
        wire.is_closed_by_server = true;
        wire.is_lost |= is_cut;
        let at = if is_cut { self.now } else { wire.next(self.now) };
        self.schedule(at, Happens::Closed(connection));
    }

    fn read(&mut self, connection: ConnectionId, payload: &Payload, bytes: usize) {
        let Some(wire) = self.wires.get_mut(&connection) else { return };
        if wire.is_lost {
            return;
        }
        let (at, late) = (wire.client, wire.late);
        if let Some((frames, bytes)) = wire.read(bytes) {
            self.schedule(self.now, Happens::OnConnection(connection, Input::Drained { connection, frames, bytes }));
        }
        self.frames += 1;
        let frame = match payload {
            Payload::Text(text) => ServerFrame::decode(text).expect("the hub writes the wire format"),
            Payload::Binary(bytes) => {
                let frame = BusFrame::decode(bytes).expect("the hub writes the wire format");
                if late.is_none() {
                    self.clients[at].count(frame.seq);
                    self.clients[at].handle_binary(frame);
                }
                return self.acknowledge(at);
            }
        };
        if let Some(named) = late {
            return self.read_late(named, frame.message);
        }
        self.clients[at].count(frame.seq);
        match self.clients[at].handle(frame.message) {
            Then::Nothing => {}
            Then::Repeat(again) => again.iter().for_each(|said| self.transmit(at, said)),
            Then::Forget(why) => {
                self.clients[at].see(why);
                return self.forget(at);
            }
        }
        self.acknowledge(at);
    }

    /// An answer to a hello that its client has given up long ago.
    fn read_late(&mut self, (participant, epoch): (visavis::id::ParticipantId, u32), answer: ServerMessage) {
        match answer {
            ServerMessage::Error { code: ErrorCode::ResumeStale, .. } => self.late_hellos += 1,
            // The session has ended meanwhile, or belongs to another device: then it is just one more.
            ServerMessage::Welcome(welcome) if welcome.own.id == participant => {
                assert!(welcome.own.epoch > epoch + 1, "a hello that was overtaken took the session back");
            }
            ServerMessage::Resumed { .. } => panic!("a hello that was overtaken resumed"),
            _ => {}
        }
    }

    fn acknowledge(&mut self, at: usize) {
        if self.clients[at].unacknowledged >= 32 {
            self.clients[at].unacknowledged = 0;
            let received = self.clients[at].seq;
            self.say_unnumbered(at, ClientMessage::Ack { received });
        }
    }

    /// The client reads a connection no longer; the server learns of it after a while.
    pub fn abandon(&mut self, connection: ConnectionId, delay: Duration) {
        if let Some(wire) = self.wires.get_mut(&connection) {
            wire.is_lost = true;
            self.schedule(self.now + delay, Happens::OnConnection(connection, Input::Closed { connection }));
        }
    }

    /// The client is someone new.
    pub fn forget(&mut self, at: usize) {
        if let Some(connection) = self.clients[at].connection {
            self.abandon(connection, Duration::from_secs(1));
        }
        let seen = std::mem::take(&mut self.clients[at].seen);
        self.clients[at] = Client::default();
        self.clients[at].seen = seen;
    }

    /// What holds at any moment.
    pub fn check(&self) {
        let stats = self.hub.stats();
        assert_eq!(stats.tokens, stats.sessions, "each session has a token");
        assert!(stats.connections <= stats.sessions && stats.timers <= 2 * stats.sessions && stats.rooms <= stats.sessions);
        assert_eq!(stats.forwarded, self.media.members.len(), "the shards hold those that the hub thinks they hold");
        let (frames, bytes) = self.hub.longest_queue();
        assert!(frames <= OUTBOX_FRAMES_MAX && bytes <= OUTBOX_BYTES_MAX, "a queue of {frames} frames, {bytes} bytes");
    }
}
