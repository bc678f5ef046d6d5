//! Owns a hub, virtual time, and clients whose network delays, loses connections and reads slowly.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::time::{Duration, Instant};

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use visavis::hub::{Hub, Input, Output, Payload, Settings};
use visavis::id::{ConnectionId, ParticipantId};
use visavis::limits::{WINDOW_BYTES_MAX, WINDOW_FRAMES_MAX};
use visavis::protocol::{
    Bus, BusFrame, CAPABILITY_SFU, CAPABILITY_WEBRTC, Chat, ClientFrame, ClientMessage, CloseCode, ErrorCode, Hello, Member,
    PresenceChange, Resume, ResumeAt, ServerFrame, ServerMessage, SfuOffer, Signal, SignalTo,
};
use visavis::sfu::{self, Command, ShardId};

/// The most frames beside the window that a connection is ever owed: see `hub_task`.
const BESIDE_THE_WINDOW: usize = 64;

/// What a client knows, as a page would.
#[derive(Default)]
pub struct Client {
    pub room: String,
    pub connection: Option<ConnectionId>,
    /// The present connection has been answered: what is said before waits, as in a page.
    is_greeted: bool,
    pub own: Option<ParticipantId>,
    token: Option<String>,
    /// The last server frame handled, and how many were handled since the last acknowledgement.
    seq: u64,
    unacknowledged: u64,
    epoch: u32,
    was_handed_over: bool,
    attempt: u32,
    pub roster: BTreeMap<ParticipantId, Member>,
    version: u64,
    /// Own frames: the number of the last one, and those that the server may not have.
    sent: u64,
    unsure: VecDeque<(u64, ClientMessageText)>,
    /// The last signal sent to and received from each, and whether one may be missing.
    signals_to: BTreeMap<ParticipantId, u32>,
    signals_from: BTreeMap<ParticipantId, (u32, bool)>,
    /// The last chat message, by the room's number.
    pub last_chat: u64,
    pub chats: u64,
    pub welcomes: u64,
    pub resumes: u64,
}

type ClientMessageText = String;

enum Event {
    ToServer(ConnectionId, Input),
    ToClient(ConnectionId, Payload, usize),
    FromShard(sfu::Event),
}

struct Wire {
    client: usize,
    delay: Duration,
    /// Slow readers take this long for each frame.
    per_frame: Duration,
    next_read: Instant,
    owed_frames: usize,
    owed_bytes: usize,
    drained: (usize, usize),
    /// The client has lost it; the server may not know yet.
    is_lost: bool,
    is_closed_by_server: bool,
}

/// Everything.
pub struct World {
    pub hub: Hub,
    pub now: Instant,
    random: ChaCha8Rng,
    pub clients: Vec<Client>,
    wires: BTreeMap<ConnectionId, Wire>,
    events: BinaryHeap<Reverse<(Instant, u64, usize)>>,
    waiting: BTreeMap<usize, Event>,
    number: u64,
    pub frames: u64,
    pub slow_closes: u64,
    /// The members of the shards: their room, and whether a data channel is open.
    pub forwarded: BTreeMap<ParticipantId, (String, ShardId, bool)>,
    pub answers: u64,
    pub over_data_channels: u64,
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
            events: BinaryHeap::new(),
            waiting: BTreeMap::new(),
            number: 0,
            frames: 0,
            slow_closes: 0,
            forwarded: BTreeMap::new(),
            answers: 0,
            over_data_channels: 0,
        }
    }

    pub fn random(&mut self, below: u32) -> u32 {
        self.random.random_range(0..below)
    }

    fn schedule(&mut self, at: Instant, event: Event) {
        self.number += 1;
        self.waiting.insert(self.number as usize, event);
        self.events.push(Reverse((at, self.number, self.number as usize)));
    }

    /// Lets time pass, with everything that happens meanwhile in order.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let event = self.events.peek().map(|Reverse((at, ..))| *at);
            let timeout = self.hub.poll_timeout();
            let Some(next) = event.into_iter().chain(timeout).min().filter(|at| *at <= end) else { break };
            self.now = self.now.max(next);
            if event.is_some_and(|at| at <= next) {
                let Reverse((_, _, key)) = self.events.pop().expect("it was there");
                let event = self.waiting.remove(&key).expect("every event is kept once");
                self.handle(event);
            } else {
                self.input(Input::Tick);
            }
        }
        self.now = end;
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::ToServer(connection, input) => {
                // As the shell does: nothing of a connection that the hub has closed.
                let is_closed = self.wires.get(&connection).is_none_or(|wire| wire.is_closed_by_server);
                let is_end = matches!(input, Input::Closed { .. });
                if !is_closed {
                    self.input(input);
                }
                if is_end {
                    self.wires.remove(&connection);
                }
            }
            Event::ToClient(connection, payload, bytes) => self.read(connection, &payload, bytes),
            Event::FromShard(event) => self.input(Input::Sfu(event)),
        }
    }

    fn input(&mut self, input: Input) {
        self.hub.handle_input(self.now, input);
        while let Some(output) = self.hub.poll_output() {
            match output {
                Output::Send { connection, frame } => self.carry(connection, frame.encode(), frame.len()),
                Output::Close { connection, code } => self.closed_by_server(connection, code),
                Output::Sfu { shard, command } => self.obey(shard, command),
            }
        }
    }

    /// What a shard does, as far as the hub can see it.
    fn obey(&mut self, shard: ShardId, command: Command) {
        // In order, as all that one thread tells another.
        let delay = Duration::from_millis(20);
        match command {
            Command::Join { room, participant, .. } => {
                let room = room.to_string();
                let mut neighbours = self.forwarded.values().filter(|(other, ..)| *other == room);
                assert!(neighbours.all(|(_, other, _)| *other == shard), "a room lives on one shard");
                assert!(self.forwarded.insert(participant, (room, shard, false)).is_none(), "joined twice");
            }
            Command::Leave { participant } => {
                let (_, known, _) = self.forwarded.remove(&participant).expect("who leaves has joined");
                assert_eq!(known, shard);
                self.schedule(self.now + delay, Event::FromShard(sfu::Event::Left { participant }));
            }
            Command::Offer { participant, revision, sdp, .. } => {
                let (room, known, data) = self.forwarded.get_mut(&participant).expect("who offers has joined");
                assert_eq!((*known, &sdp), (shard, &*room), "an offer at another room's shard");
                *data = true;
                let sdp = room.clone();
                self.schedule(self.now + delay, Event::FromShard(sfu::Event::Answer { participant, revision, sdp }));
                self.schedule(self.now + delay, Event::FromShard(sfu::Event::DataOpen { participant, open: true }));
            }
            Command::Data { participant, payload, .. } => {
                let (room, ..) = self.forwarded.get(&participant).filter(|(.., data)| *data).expect("its data channel is open");
                let text = String::from_utf8_lossy(&payload);
                assert!(text.contains(room.as_str()), "a message over a data channel crossed rooms");
                self.over_data_channels += 1;
            }
            Command::View { .. } | Command::Close { .. } => panic!("nobody asks for that here"),
        }
    }

    fn carry(&mut self, connection: ConnectionId, payload: Payload, bytes: usize) {
        let wire = self.wires.get_mut(&connection).expect("the hub sends only to open connections");
        assert!(!wire.is_closed_by_server, "the hub sends nothing after a close");
        wire.owed_frames += 1;
        wire.owed_bytes += bytes;
        assert!(wire.owed_frames <= WINDOW_FRAMES_MAX + BESIDE_THE_WINDOW, "no more than the window");
        assert!(wire.owed_bytes <= WINDOW_BYTES_MAX + bytes.max(2 * 1024 * 1024), "no more than the window");
        let at = (self.now + wire.delay).max(wire.next_read);
        wire.next_read = at + wire.per_frame;
        self.schedule(at, Event::ToClient(connection, payload, bytes));
    }

    fn closed_by_server(&mut self, connection: ConnectionId, code: CloseCode) {
        if code == CloseCode::SlowReader {
            self.slow_closes += 1;
        }
        let wire = self.wires.get_mut(&connection).expect("the hub closes only open connections");
        wire.is_closed_by_server = true;
        // What is on its way still arrives when the hello was refused or the client left; the others are cut off.
        if !matches!(code, CloseCode::Refused | CloseCode::Normal) {
            let client = wire.client;
            wire.is_lost = true;
            if self.clients[client].connection == Some(connection) {
                self.clients[client].connection = None;
            }
        }
    }

    fn read(&mut self, connection: ConnectionId, payload: &Payload, bytes: usize) {
        let Some(wire) = self.wires.get_mut(&connection) else { return };
        if wire.is_lost {
            return;
        }
        wire.owed_frames -= 1;
        wire.owed_bytes -= bytes;
        wire.drained.0 += 1;
        wire.drained.1 += bytes;
        let client = wire.client;
        let (frames, drained) = wire.drained;
        if frames >= WINDOW_FRAMES_MAX / 2 || drained >= WINDOW_BYTES_MAX / 2 {
            wire.drained = (0, 0);
            self.schedule(self.now, Event::ToServer(connection, Input::Drained { connection, frames, bytes: drained }));
        }
        self.frames += 1;
        match payload {
            Payload::Text(text) => {
                let frame = ServerFrame::decode(text).expect("the hub writes the wire format");
                self.clients[client].count(frame.seq);
                self.understand(client, frame.message);
            }
            Payload::Binary(bytes) => {
                let frame = BusFrame::decode(bytes).expect("the hub writes the wire format");
                self.clients[client].count(frame.seq);
                assert_eq!(frame.payload, self.clients[client].room.as_bytes(), "a binary message crossed rooms");
            }
        }
        if self.clients[client].unacknowledged >= 32 {
            self.clients[client].unacknowledged = 0;
            let received = self.clients[client].seq;
            self.say_unnumbered(client, ClientMessage::Ack { received });
        }
    }

    fn understand(&mut self, at: usize, message: ServerMessage) {
        let client = &mut self.clients[at];
        match message {
            ServerMessage::Welcome(welcome) => {
                assert_eq!(welcome.room.as_str(), client.room, "a welcome to another room");
                let is_same = client.own == Some(welcome.own.id);
                client.own = Some(welcome.own.id);
                client.token = Some(welcome.resume.token);
                client.seq = 0;
                (client.epoch, client.attempt) = (welcome.own.epoch, 0);
                client.unacknowledged = 0;
                client.sent = welcome.received;
                client.unsure.clear();
                client.roster = welcome.roster.members.into_iter().map(|member| (member.id, member)).collect();
                client.version = welcome.roster.version;
                client.last_chat = welcome.chat.last().map_or(0, |message| message.number);
                client.is_greeted = true;
                client.welcomes += 1;
                // Signals may have been lost both ways with the device before; to someone new none was sent.
                for (_, may_miss) in client.signals_from.values_mut() {
                    *may_miss = true;
                }
                if !is_same {
                    client.signals_from.clear();
                    client.signals_to.clear();
                }
                client.was_handed_over = is_same;
                let own = welcome.own.id;
                for other in self.clients.iter_mut().filter(|_| is_same) {
                    other.signals_from.entry(own).or_insert((0, true)).1 = true;
                }
            }
            ServerMessage::SfuAnswer { sdp, .. } => {
                assert_eq!(sdp, client.room, "an answer of another room");
                self.answers += 1;
            }
            ServerMessage::SfuSlots { .. }
            | ServerMessage::SfuSends { .. }
            | ServerMessage::SfuSpeakers { .. }
            | ServerMessage::SfuQuality { .. }
            | ServerMessage::SfuState { .. } => panic!("no shard said that"),
            ServerMessage::Resumed { received, .. } => {
                client.is_greeted = true;
                client.resumes += 1;
                client.unsure.retain(|(seq, _)| *seq > received);
                let again: Vec<_> = client.unsure.iter().map(|(_, text)| text.clone()).collect();
                for text in again {
                    self.transmit(at, &text);
                }
            }
            ServerMessage::Ack { received } => client.unsure.retain(|(sent, _)| *sent > received),
            ServerMessage::Joined { version, member } => {
                client.advance(version);
                assert!(client.roster.insert(member.id, member).is_none(), "joined twice");
            }
            ServerMessage::Left { version, participant, .. } => {
                client.advance(version);
                assert!(client.roster.remove(&participant).is_some(), "left twice");
                client.signals_from.remove(&participant);
            }
            ServerMessage::Changed { version, member } => {
                client.advance(version);
                if Some(member.id) != client.own {
                    assert!(client.roster.insert(member.id, member).is_some(), "changed before it joined");
                }
            }
            ServerMessage::Presence { from, presence } => {
                client.roster.get_mut(&from).expect("present members are in the roster").presence = presence;
            }
            ServerMessage::Signal { from, revision, signal } => {
                let Signal::EndOfCandidates { username_fragment: Some(room) } = signal else { panic!("{signal:?}") };
                assert_eq!(room, client.room, "a signal crossed rooms");
                assert!(client.roster.contains_key(&from), "a signal from someone unknown");
                let (last, may_miss) = client.signals_from.entry(from).or_insert((0, client.was_handed_over));
                assert!(revision > *last, "a signal came twice or too late: {revision} after {last}");
                assert!(*may_miss || revision == *last + 1, "a signal is missing: {revision} after {last}");
                (*last, *may_miss) = (revision, false);
            }
            ServerMessage::Chat { message } => {
                assert_eq!(message.text, client.room, "a chat message crossed rooms");
                assert!(message.number > client.last_chat, "a chat message came twice or too late");
                assert!(message.number == client.last_chat + 1 || client.last_chat == 0, "a chat message is missing");
                client.last_chat = message.number;
                client.chats += 1;
            }
            ServerMessage::Bus { data, .. } => {
                assert_eq!(data.get().trim_matches('"'), client.room, "a bus message crossed rooms");
            }
            ServerMessage::Error { code, .. } if client.own.is_none() => {
                assert_eq!(code, ErrorCode::RoomFull, "the only reason to refuse a hello here");
                *client = Client::default();
            }
            ServerMessage::Error { .. } | ServerMessage::IceServers(_) | ServerMessage::Pong | ServerMessage::Bye(_) => {}
            ServerMessage::Location { .. } => unreachable!("nobody shares a location here"),
        }
    }

    /// Opens a connection: to join a room, to resume, or as another device with the same token.
    pub fn connect(&mut self, at: usize, room: &str, as_other_device: bool) {
        if let Some(before) = self.clients[at].connection.take() {
            self.abandon(before, Duration::from_secs(1));
        }
        self.number += 1;
        let connection = ConnectionId(self.number);
        let is_slow = self.random(12) == 0;
        let wire = Wire {
            client: at,
            delay: Duration::from_millis(u64::from(1 + self.random(80))),
            per_frame: Duration::from_millis(if is_slow { u64::from(self.random(400)) } else { 0 }),
            next_read: self.now,
            owed_frames: 0,
            owed_bytes: 0,
            drained: (0, 0),
            is_lost: false,
            is_closed_by_server: false,
        };
        self.wires.insert(connection, wire);
        let client = &mut self.clients[at];
        if client.token.is_none() {
            client.room = room.to_owned();
        }
        client.connection = Some(connection);
        client.is_greeted = false;
        client.attempt += 1;
        let stands = ResumeAt { epoch: client.epoch, seq: client.seq, attempt: client.attempt };
        let stands = (!as_other_device).then_some(stands);
        let resume = client.token.clone().map(|token| Resume { token, at: stands });
        // Every second one can use the SFU, every fourth can be called directly as well.
        let mut capabilities = Vec::new();
        capabilities.extend(at.is_multiple_of(2).then(|| CAPABILITY_SFU.to_owned()));
        capabilities.extend(at.is_multiple_of(4).then(|| CAPABILITY_WEBRTC.to_owned()));
        let hello = Hello { room: client.room.clone(), name: format!("client {at}"), resume, capabilities, ..Hello::default() };
        self.say_unnumbered(at, ClientMessage::Hello(hello));
    }

    /// Loses a connection. The server learns of it sooner or later, and may still get what was on its way.
    pub fn lose(&mut self, at: usize) {
        let Some(connection) = self.clients[at].connection.take() else { return };
        if self.random(2) == 0 {
            let lost: Vec<_> = self
                .waiting
                .iter()
                .filter(|(_, event)| matches!(event, Event::ToServer(on, _) if *on == connection))
                .map(|(key, _)| *key)
                .collect();
            // A cut takes the tail: what was sent last.
            for key in lost.into_iter().rev().take(3) {
                self.waiting.insert(key, Event::ToServer(ConnectionId(0), Input::Tick));
            }
        }
        let delay = Duration::from_millis(u64::from(self.random(50_000)));
        self.abandon(connection, delay);
    }

    /// The client reads a connection no longer; the server learns of it after a while.
    fn abandon(&mut self, connection: ConnectionId, delay: Duration) {
        if let Some(wire) = self.wires.get_mut(&connection) {
            wire.is_lost = true;
            self.schedule(self.now + delay, Event::ToServer(connection, Input::Closed { connection }));
        }
    }

    fn say_unnumbered(&mut self, at: usize, message: ClientMessage) {
        self.transmit(at, &ClientFrame::new(message).encode());
    }

    fn say(&mut self, at: usize, message: ClientMessage) {
        let client = &mut self.clients[at];
        if client.own.is_none() || client.connection.is_none() {
            return;
        }
        client.sent += 1;
        let frame = ClientFrame { seq: Some(client.sent), ..ClientFrame::new(message) }.encode();
        client.unsure.push_back((client.sent, frame.clone()));
        if client.is_greeted {
            self.transmit(at, &frame);
        }
    }

    fn transmit(&mut self, at: usize, text: &str) {
        let Some(connection) = self.clients[at].connection else { return };
        let Some(wire) = self.wires.get(&connection) else { return };
        let frame = ClientFrame::decode(text).expect("the clients write the wire format");
        let arrival = self.now + wire.delay;
        self.schedule(arrival, Event::ToServer(connection, Input::Frame { connection, frame }));
    }

    pub fn signal(&mut self, at: usize, to: ParticipantId) {
        let client = &mut self.clients[at];
        if client.connection.is_none() || !client.roster.contains_key(&to) {
            return;
        }
        let revision = client.signals_to.entry(to).or_insert(0);
        *revision += 1;
        let signal = Signal::EndOfCandidates { username_fragment: Some(client.room.clone()) };
        let message = ClientMessage::Signal(SignalTo { to, revision: *revision, signal });
        self.say(at, message);
    }

    /// Tries to reach someone in another room: must be refused.
    pub fn trespass(&mut self, at: usize, to: ParticipantId) {
        let signal = Signal::EndOfCandidates { username_fragment: Some("trespass".into()) };
        self.say(at, ClientMessage::Signal(SignalTo { to, revision: 1, signal }));
    }

    /// To all: a private message would leave a gap in the numbers that the others see.
    pub fn chat(&mut self, at: usize) {
        let text = self.clients[at].room.clone();
        self.say(at, ClientMessage::Chat(Chat { to: None, text }));
    }

    pub fn presence(&mut self, at: usize) {
        let change = PresenceChange { hand: Some(self.random(2) == 0), away: Some(self.random(2) == 0), ..Default::default() };
        self.say(at, ClientMessage::Presence(change));
    }

    pub fn bus(&mut self, at: usize, latest: bool) {
        let data = serde_json::value::to_raw_value(&self.clients[at].room).expect("a JSON string");
        self.say(at, ClientMessage::Bus(Bus { topic: "t".parse().expect("a topic"), to: None, latest, data }));
    }

    pub fn binary(&mut self, at: usize) {
        let Some(connection) = self.clients[at].connection.filter(|_| self.clients[at].is_greeted) else { return };
        let Some(wire) = self.wires.get(&connection) else { return };
        let payload = self.clients[at].room.clone().into();
        let topic = "t".parse().expect("a topic");
        let frame = BusFrame { seq: None, peer: None, direct: false, latest: false, topic, payload };
        let arrival = self.now + wire.delay;
        self.schedule(arrival, Event::ToServer(connection, Input::Binary { connection, frame }));
    }

    /// Offers to the SFU; refused for those that did not say that they can use it.
    pub fn offer(&mut self, at: usize) {
        let sdp = self.clients[at].room.clone();
        self.say(at, ClientMessage::SfuOffer(SfuOffer { revision: 1, sdp, sends: Vec::new() }));
    }

    /// Leaves for good and forgets everything.
    pub fn leave(&mut self, at: usize) {
        if let Some(connection) = self.clients[at].connection {
            self.say_unnumbered(at, ClientMessage::Leave);
            self.abandon(connection, Duration::from_secs(1));
        }
        self.clients[at] = Client::default();
    }

    /// Checks that everyone who is connected knows the same room.
    pub fn check_rosters(&self) {
        let mut rooms: BTreeMap<&str, BTreeMap<ParticipantId, &Member>> = BTreeMap::new();
        for client in self.clients.iter().filter(|client| client.connection.is_some() && client.own.is_some()) {
            let known = rooms.entry(&client.room).or_default();
            for (id, member) in &client.roster {
                let before = known.insert(*id, member);
                assert!(before.is_none_or(|before| before == member), "two members disagree about {id}: {before:?}, {member:?}");
            }
        }
        for client in self.clients.iter().filter(|client| client.connection.is_some()) {
            let own = client.own.expect("everyone who is connected was welcomed by now");
            let known = &rooms[client.room.as_str()];
            let others = known.keys().filter(|id| **id != own).count();
            assert_eq!(client.roster.len(), others, "someone is missing in the roster of {own}");
        }
    }
}

impl Client {
    fn count(&mut self, seq: Option<u64>) {
        if let Some(seq) = seq {
            assert_eq!(seq, self.seq + 1, "server frames are numbered without gaps");
            self.seq = seq;
            self.unacknowledged += 1;
        }
    }

    fn advance(&mut self, version: u64) {
        assert_eq!(version, self.version + 1, "the roster's versions follow each other");
        self.version = version;
    }
}
