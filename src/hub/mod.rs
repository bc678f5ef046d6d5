//! Owns who is in which room and what each of them has yet to hear: a plain value without sockets, clocks, tasks or locks.
//!
//! The shell gives every event with its time to [`Hub::handle_input`], then drains [`Hub::poll_output`] before the next one, and
//! comes back with [`Input::Tick`] when [`Hub::poll_timeout`] is due. Randomness comes from the seed given at the start, so
//! that a whole day of meetings can be played again.
//!
//! | file | owns |
//! |---|---|
//! | `join` | hello: a new member, a resume, a handover; leaving |
//! | `relay` | signals and bus messages from member to member |
//! | `chat`, `presence` | what these change and whom they reach |
//! | `sfu` | the shard of a room, what it is asked, whom its news reach |
//! | `session`, `outbox`, `frame` | one participant, its queue, one frame |
//! | `room` | members, roster version, history |
//!
//! **Invariant:** the hub never sees a datagram, an address or a socket.
//! **Invariant:** nothing that one room says reaches a member of another: every receiver comes from the sender's room.
//! **Invariant:** a frame is handed to a connection only while its window is open; the rest waits in the outbox, which is bounded.

mod chat;
mod frame;
mod join;
mod outbox;
mod presence;
mod relay;
mod room;
mod session;
mod sfu;
mod stats;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use rand::rngs::ChaCha20Rng;
use rand::{RngExt, SeedableRng};

pub use frame::{Body, Outgoing, Payload};
pub use sfu::SfuSettings;
pub use stats::{Counters, Stats};

use crate::config;
use crate::id::{ConnectionId, IdMap, ParticipantId, RoomName};
use crate::limits::{ACK_EVERY, BAD_FRAMES_MAX};
use crate::protocol::{
    BusFrame, Bye, ByeReason, ClientFrame, ClientMessage, CloseCode, DecodeError, ErrorCode, LeftReason, ServerMessage,
};
use crate::sfu::{Command, Event, ShardId};
use outbox::Room as OutboxRoom;
use room::Room;
use session::Session;
use sfu::{Delivery, Placement};

/// What an operator chose, as far as the hub needs it.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Rooms and sessions. At their bounds: errors `room_full` and `server_full`.
    pub rooms: config::Rooms,
    /// STUN and TURN servers.
    pub ice: config::Ice,
    /// What clients are told of the rate at which they are read.
    pub frames_per_second: u32,
    /// The SFU, if there is one.
    pub sfu: Option<SfuSettings>,
}

/// Something that happened.
#[derive(Debug)]
pub enum Input {
    /// A text frame came in and was well-formed.
    Frame {
        /// On which connection.
        connection: ConnectionId,
        /// The frame.
        frame: ClientFrame,
    },
    /// A binary frame came in and was well-formed.
    Binary {
        /// On which connection.
        connection: ConnectionId,
        /// The frame.
        frame: BusFrame,
    },
    /// A frame came in that could not be read.
    Refused {
        /// On which connection.
        connection: ConnectionId,
        /// Why.
        error: DecodeError,
    },
    /// A connection has written frames to its socket.
    Drained {
        /// Which.
        connection: ConnectionId,
        /// How many.
        frames: usize,
        /// Their [`Outgoing::len`] added up.
        bytes: usize,
    },
    /// A connection is gone, for whatever reason.
    Closed {
        /// Which.
        connection: ConnectionId,
    },
    /// A shard of the SFU has news.
    Sfu(Event),
    /// The server is about to stop: everyone is told when to come back, then closed.
    Shutdown,
    /// Nothing but time has passed.
    Tick,
}

/// Something to do.
#[derive(Debug)]
pub enum Output {
    /// Write a frame to a connection.
    Send {
        /// Which.
        connection: ConnectionId,
        /// The frame.
        frame: Outgoing,
    },
    /// Close a connection, after what it was sent before has been written. For the hub it is gone: no input of it follows, not
    /// even [`Input::Closed`].
    Close {
        /// Which.
        connection: ConnectionId,
        /// Why.
        code: CloseCode,
    },
    /// Ask a shard of the SFU.
    Sfu {
        /// Which.
        shard: ShardId,
        /// What.
        command: Command,
    },
}

/// What a timer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    Expire,
    Renew,
}

/// The value that owns all rooms of one node.
#[derive(Debug)]
pub struct Hub {
    settings: Settings,
    random: ChaCha20Rng,
    /// The wall clock at one moment; the time of any other follows from it.
    started: (Instant, u64),
    now: Instant,
    rooms: HashMap<RoomName, Room>,
    sessions: IdMap<ParticipantId, Session>,
    connections: IdMap<ConnectionId, ParticipantId>,
    tokens: HashMap<String, ParticipantId>,
    timers: BTreeSet<(Instant, ParticipantId, Timer)>,
    placement: Placement,
    outputs: VecDeque<Output>,
    /// Sessions whose outbox asks for a decision after the present input.
    crowded: Vec<(ParticipantId, OutboxRoom)>,
    stopping: bool,
    counters: Counters,
}

impl Hub {
    /// A hub without rooms. `now` and `unix_ms` (milliseconds since 1970, UTC) are the same moment.
    pub fn new(settings: Settings, seed: [u8; 32], now: Instant, unix_ms: u64) -> Self {
        Self {
            placement: Placement::new(settings.sfu.map_or(0, |sfu| sfu.shards)),
            settings,
            random: ChaCha20Rng::from_seed(seed),
            started: (now, unix_ms),
            now,
            rooms: HashMap::new(),
            sessions: IdMap::default(),
            connections: IdMap::default(),
            tokens: HashMap::new(),
            timers: BTreeSet::new(),
            outputs: VecDeque::new(),
            crowded: Vec::new(),
            stopping: false,
            counters: Counters::default(),
        }
    }

    /// Takes in what happened at `now`, which never goes back.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        self.now = self.now.max(now);
        self.handle_timeouts();
        match input {
            Input::Frame { connection, frame } => self.handle_frame(connection, frame),
            Input::Binary { connection, frame } => self.handle_binary(connection, frame),
            Input::Refused { connection, error } => self.handle_refused(connection, error),
            Input::Drained { connection, frames, bytes } => {
                if let Some(session) = self.connections.get(&connection).and_then(|id| self.sessions.get_mut(id)) {
                    session.outbox.drained(frames, bytes);
                    pump(&mut self.outputs, session);
                }
            }
            Input::Closed { connection } => self.handle_closed(connection),
            Input::Sfu(event) => self.handle_sfu_event(event),
            Input::Shutdown => self.handle_shutdown(),
            Input::Tick => {}
        }
        self.settle();
    }

    /// The next thing to do, until there is none.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When the hub wants to be called even if nothing happens.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.first().map(|(due, ..)| *due)
    }

    fn unix_ms(&self) -> u64 {
        let passed = self.now.saturating_duration_since(self.started.0);
        self.started.1.saturating_add(passed.as_millis() as u64)
    }

    fn handle_frame(&mut self, connection: ConnectionId, frame: ClientFrame) {
        let ClientFrame { seq, id, message } = frame;
        let Some(&participant) = self.connections.get(&connection) else {
            return match message {
                ClientMessage::Hello(hello) => self.handle_hello(connection, &hello, id),
                _ => self.refuse_connection(connection, ErrorCode::WrongState, "The first message must be a hello.", id),
            };
        };
        if !self.receive(participant, seq) {
            return;
        }
        let outcome = match message {
            ClientMessage::Hello(_) => Err((ErrorCode::WrongState, "This connection has said hello already.".to_owned())),
            ClientMessage::Signal(signal) => self.handle_signal(participant, signal),
            ClientMessage::Chat(chat) => self.handle_chat(participant, chat),
            ClientMessage::Presence(change) => {
                self.handle_presence(participant, change);
                Ok(())
            }
            ClientMessage::Rename(rename) => self.handle_rename(participant, &rename.name),
            ClientMessage::Location(location) => {
                self.handle_location(participant, location.position);
                Ok(())
            }
            ClientMessage::Bus(bus) => self.handle_bus(participant, bus, delivery(seq)),
            ClientMessage::SfuOffer(offer) => self.handle_sfu_offer(participant, offer, id.clone()),
            ClientMessage::SfuView(view) => self.handle_sfu_view(participant, view),
            ClientMessage::SfuClose => self.handle_sfu_close(participant),
            ClientMessage::Ack { received } => {
                if let Some(session) = self.sessions.get_mut(&participant) {
                    session.outbox.acknowledge(received);
                    session.handled = session.handled.max(received);
                }
                Ok(())
            }
            ClientMessage::Ping => {
                self.send_unnumbered(participant, ServerMessage::Pong);
                Ok(())
            }
            ClientMessage::Leave => {
                self.close(connection, CloseCode::Normal);
                self.end_session(participant, LeftReason::Left);
                Ok(())
            }
        };
        if let Err((code, message)) = outcome {
            self.refuse(participant, code, message, id);
        }
    }

    fn handle_binary(&mut self, connection: ConnectionId, frame: BusFrame) {
        let Some(&participant) = self.connections.get(&connection) else {
            return self.refuse_connection(connection, ErrorCode::WrongState, "The first message must be a hello.", None);
        };
        let delivery = delivery(frame.seq);
        if self.receive(participant, frame.seq)
            && let Err((code, message)) = self.handle_bus_frame(participant, frame, delivery)
        {
            self.refuse(participant, code, message, None);
        }
    }

    fn handle_refused(&mut self, connection: ConnectionId, error: DecodeError) {
        match self.connections.get(&connection) {
            None => self.refuse_connection(connection, error.code, &error.message, error.id),
            Some(&participant) => {
                if self.receive(participant, error.seq) {
                    self.refuse(participant, error.code, error.message, error.id);
                }
            }
        }
    }

    /// Takes note of a frame's number and acknowledges now and then; false for a repetition.
    fn receive(&mut self, participant: ParticipantId, seq: Option<u64>) -> bool {
        let Some(session) = self.sessions.get_mut(&participant) else { return false };
        let is_new = session.receive(seq);
        acknowledge(&mut self.outputs, session, ACK_EVERY);
        is_new
    }

    /// Tells a member that a frame of its was refused, and closes its connection when there are too many of them.
    fn refuse(&mut self, participant: ParticipantId, code: ErrorCode, message: String, id: Option<String>) {
        self.counters.count_refused(code);
        self.send(participant, Body::text(ServerMessage::Error { id, code, message }));
        let Some(session) = self.sessions.get_mut(&participant) else { return };
        session.bad_frames += 1;
        if session.bad_frames > BAD_FRAMES_MAX
            && let Some(connection) = session.connection
        {
            self.close(connection, CloseCode::Protocol);
            self.handle_closed(connection);
        }
    }

    /// Tells a connection without a session that it is refused, and closes it.
    fn refuse_connection(&mut self, connection: ConnectionId, code: ErrorCode, message: &str, id: Option<String>) {
        self.counters.count_refused(code);
        let body = Body::text(ServerMessage::Error { id, code, message: message.to_owned() });
        self.outputs.push_back(Output::Send { connection, frame: Outgoing { seq: None, body } });
        let code = match code {
            ErrorCode::BadRoom | ErrorCode::BadName | ErrorCode::RoomFull | ErrorCode::ServerFull | ErrorCode::ResumeMismatch => {
                CloseCode::Refused
            }
            ErrorCode::ResumeStale => CloseCode::Replaced,
            ErrorCode::ShuttingDown => CloseCode::GoingAway,
            _ => CloseCode::Protocol,
        };
        self.close(connection, code);
    }

    fn close(&mut self, connection: ConnectionId, code: CloseCode) {
        self.outputs.push_back(Output::Close { connection, code });
    }

    /// Queues a frame for one participant.
    fn send(&mut self, participant: ParticipantId, body: Arc<Body>) {
        if let Some(session) = self.sessions.get_mut(&participant) {
            deliver(&mut self.outputs, &mut self.crowded, session, body);
        }
    }

    /// Queues a frame for every member of a room but one.
    fn broadcast(&mut self, room: &RoomName, except: Option<ParticipantId>, body: &Arc<Body>) {
        let Some(room) = self.rooms.get(room) else { return };
        for member in room.members().iter().filter(|member| Some(**member) != except) {
            if let Some(session) = self.sessions.get_mut(member) {
                deliver(&mut self.outputs, &mut self.crowded, session, Arc::clone(body));
            }
        }
    }

    /// Sends a frame that speaks of the connection, ahead of what waits in the outbox.
    fn send_unnumbered(&mut self, participant: ParticipantId, message: ServerMessage) {
        if let Some(session) = self.sessions.get_mut(&participant)
            && let Some(connection) = session.connection
        {
            let frame = session.outbox.count(Outgoing { seq: None, body: Body::text(message) });
            self.outputs.push_back(Output::Send { connection, frame });
        }
    }

    /// A connection is gone: its session waits to be resumed.
    fn handle_closed(&mut self, connection: ConnectionId) {
        let Some(participant) = self.connections.remove(&connection) else { return };
        let Some(session) = self.sessions.get_mut(&participant) else { return };
        session.connection = None;
        let expires = self.now + self.settings.rooms.resume_grace;
        session.expires = Some(expires);
        self.timers.insert((expires, participant, Timer::Expire));
        self.counters.lost += 1;
    }

    fn handle_shutdown(&mut self) {
        self.stopping = true;
        let mut connections: Vec<_> = self.connections.keys().copied().collect();
        connections.sort_unstable();
        for connection in connections {
            // Spread out, so that a thousand members do not come back in the same millisecond.
            let Some(&participant) = self.connections.get(&connection) else { continue };
            let retry_after_ms = self.random.random_range(1_000..4_000);
            self.send_unnumbered(participant, ServerMessage::Bye(Bye { reason: ByeReason::Shutdown, retry_after_ms }));
            self.close(connection, CloseCode::GoingAway);
            self.handle_closed(connection);
        }
    }

    fn handle_timeouts(&mut self) {
        while let Some(&(due, participant, timer)) = self.timers.first()
            && due <= self.now
        {
            self.timers.pop_first();
            match timer {
                Timer::Expire => self.end_session(participant, LeftReason::Lost),
                Timer::Renew => self.renew_credentials(participant),
            }
        }
    }

    /// Acts on outboxes that are too full, until none is: an end of a session tells others, whose outboxes it may fill.
    fn settle(&mut self) {
        while let Some((participant, room)) = self.crowded.pop() {
            match room {
                OutboxRoom::Enough => {}
                OutboxRoom::TooSlow => {
                    let connection = self.sessions.get(&participant).and_then(|session| session.connection);
                    if let Some(connection) = connection {
                        self.close(connection, CloseCode::SlowReader);
                        self.handle_closed(connection);
                    }
                }
                OutboxRoom::Overflow => {
                    let connection = self.sessions.get(&participant).and_then(|session| session.connection);
                    if let Some(connection) = connection {
                        self.close(connection, CloseCode::SlowReader);
                    }
                    self.end_session(participant, LeftReason::Lost);
                }
            }
        }
    }
}

/// Adds a frame to a session's outbox and hands on what its connection may be handed.
fn deliver(
    outputs: &mut VecDeque<Output>,
    crowded: &mut Vec<(ParticipantId, OutboxRoom)>,
    session: &mut Session,
    body: Arc<Body>,
) {
    let room = session.outbox.push(body, session.connection.is_some());
    // An acknowledgement that goes with another frame costs no packet of its own.
    acknowledge(outputs, session, ACK_EVERY / 2);
    pump(outputs, session);
    if room != OutboxRoom::Enough {
        crowded.push((session.id(), room));
    }
}

/// Tells the client how far its frames have been received, when that is at least `owed` more of them than it knows.
fn acknowledge(outputs: &mut VecDeque<Output>, session: &mut Session, owed: u64) {
    if session.received < session.acknowledged + owed || !session.outbox.is_window_open() {
        return;
    }
    let Some(connection) = session.connection else { return };
    session.acknowledged = session.received;
    let body = Body::text(ServerMessage::Ack { received: session.received });
    let frame = session.outbox.count(Outgoing { seq: None, body });
    outputs.push_back(Output::Send { connection, frame });
}

/// A bus message with a number is kept until it is acknowledged; one without is sent once.
fn delivery(seq: Option<u64>) -> Delivery {
    if seq.is_some() { Delivery::Kept } else { Delivery::Once }
}

/// Hands on what the session's connection may be handed.
fn pump(outputs: &mut VecDeque<Output>, session: &mut Session) {
    let Some(connection) = session.connection else { return };
    while let Some(frame) = session.outbox.poll() {
        outputs.push_back(Output::Send { connection, frame });
    }
}
