//! Owns the one task that owns a [`Hub`], and the mailbox through which connections reach it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::sleep_until;

use crate::hub::{Hub, Input, Outgoing, Output, Settings, Stats};
use crate::id::{ConnectionId, IdMap};
use crate::limits::{HUB_MAILBOX_MAX, WINDOW_FRAMES_MAX};
use crate::protocol::CloseCode;
use crate::sfu::{Command, Event, ShardId};
use crate::shard::Mailboxes;

/// Inputs taken from the mailbox at once.
const BATCH: usize = 256;

/// Frames outside the window (welcome, pong, bye, the close itself) that may wait for one connection. Each answers something the
/// client did, and the connection reads nothing while it cannot write, so more than a few never come together.
const BESIDE_THE_WINDOW: usize = 64;

/// What a connection is told by the hub.
#[derive(Debug)]
pub enum ToConnection {
    /// Write this.
    Frame(Outgoing),
    /// Close, after everything before has been written.
    Close(CloseCode),
}

impl ToConnection {
    /// Bytes of what is to be written.
    pub fn len(&self) -> usize {
        match self {
            Self::Frame(frame) => frame.len(),
            Self::Close(_) => 0,
        }
    }

    /// Whether nothing but a close is to be written.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Close(_))
    }
}

/// How a connection is told to drop everything and close, whatever it is doing.
#[derive(Debug, Default)]
pub struct Hurry {
    code: OnceLock<CloseCode>,
    rung: Notify,
}

impl Hurry {
    fn ring(&self, code: CloseCode) {
        let _ = self.code.set(code);
        self.rung.notify_one();
    }

    /// Resolves, once, when the connection must close, with the code.
    pub async fn rung(&self) -> CloseCode {
        self.rung.notified().await;
        self.code.get().copied().unwrap_or(CloseCode::SlowReader)
    }
}

/// A connection's end of its line to the hub.
#[derive(Debug)]
pub struct Line {
    /// Its name.
    pub id: ConnectionId,
    /// What the hub tells it, in order. Bounded by the hub's window.
    pub from_hub: mpsc::Receiver<ToConnection>,
    /// Rung when the connection must stop writing and close: its reader is too slow, or it has been replaced.
    pub hurry: Arc<Hurry>,
    mailbox: mpsc::Sender<Envelope>,
}

impl Line {
    /// Tells the hub. Waits while the mailbox is full, which holds the client back.
    pub async fn tell(&self, input: Input) {
        // A hub that has ended needs to know nothing more.
        match self.mailbox.try_send(Envelope::Input(self.id, input)) {
            Err(TrySendError::Full(envelope)) => drop(self.mailbox.send(envelope).await),
            Ok(()) | Err(TrySendError::Closed(_)) => {}
        }
    }
}

#[derive(Debug)]
enum Envelope {
    Open { connection: ConnectionId, to: mpsc::Sender<ToConnection>, hurry: Arc<Hurry> },
    Input(ConnectionId, Input),
    Stats(oneshot::Sender<Stats>),
    Shutdown(oneshot::Sender<()>),
}

/// How the rest of the process reaches the hub.
#[derive(Debug, Clone)]
pub struct HubHandle {
    mailbox: mpsc::Sender<Envelope>,
    next_connection: Arc<AtomicU64>,
}

impl HubHandle {
    /// Starts the task, with the way to the shards if there is an SFU. It ends when every handle and line is gone.
    pub fn start(settings: Settings, media: Option<MediaLine>) -> (Self, JoinHandle<()>) {
        let (mailbox, inbox) = mpsc::channel(HUB_MAILBOX_MAX);
        let unix_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
        let now = Instant::now();
        let hub = Hub::new(settings, rand::random(), now, unix_ms);
        let task = HubTask { hub, inbox, media, commands: Vec::new(), connections: IdMap::default(), now };
        let task = tokio::spawn(task.run());
        (Self { mailbox, next_connection: Arc::new(AtomicU64::new(1)) }, task)
    }

    /// A line for a new connection.
    pub async fn open(&self) -> Line {
        let id = ConnectionId(self.next_connection.fetch_add(1, Ordering::Relaxed));
        let (to, from_hub) = mpsc::channel(WINDOW_FRAMES_MAX + BESIDE_THE_WINDOW);
        let hurry = Arc::new(Hurry::default());
        let _ = self.mailbox.send(Envelope::Open { connection: id, to, hurry: Arc::clone(&hurry) }).await;
        Line { id, from_hub, hurry, mailbox: self.mailbox.clone() }
    }

    /// The hub's figures, or none when it has ended.
    pub async fn stats(&self) -> Option<Stats> {
        let (answer, stats) = oneshot::channel();
        self.mailbox.send(Envelope::Stats(answer)).await.ok()?;
        stats.await.ok()
    }

    /// Inputs that wait for the hub: at [`HUB_MAILBOX_MAX`] every connection waits.
    pub fn waiting(&self) -> usize {
        self.mailbox.max_capacity() - self.mailbox.capacity()
    }

    /// Tells everyone when to come back, and closes. Resolves when all of them have been told to close.
    pub async fn shutdown(&self) {
        let (answer, done) = oneshot::channel();
        if self.mailbox.send(Envelope::Shutdown(answer)).await.is_ok() {
            let _ = done.await;
        }
    }
}

struct Peer {
    to: mpsc::Sender<ToConnection>,
    hurry: Arc<Hurry>,
}

/// The hub's line to the shards of the SFU.
pub struct MediaLine {
    /// Where commands go. A shard whose mailbox is full holds the hub back; no shard waits for the hub.
    pub shards: Mailboxes,
    /// News of all shards, bounded by [`crate::limits::SHARD_EVENTS_MAX`].
    pub events: mpsc::Receiver<Event>,
}

impl MediaLine {
    /// The next news; never where there is no line. 0 when all shards have ended.
    async fn hear(line: &mut Option<Self>, news: &mut Vec<Event>) -> usize {
        match line {
            Some(line) => line.events.recv_many(news, BATCH).await,
            None => std::future::pending().await,
        }
    }
}

struct HubTask {
    hub: Hub,
    inbox: mpsc::Receiver<Envelope>,
    media: Option<MediaLine>,
    /// What the shards have yet to be told.
    commands: Vec<(ShardId, Command)>,
    connections: IdMap<ConnectionId, Peer>,
    /// Looked up once for each batch of inputs.
    now: Instant,
}

impl HubTask {
    async fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH);
        let mut news = Vec::new();
        let far = std::time::Duration::from_secs(3600);
        let alarm = sleep_until((Instant::now() + far).into());
        tokio::pin!(alarm);
        loop {
            let due = self.hub.poll_timeout().unwrap_or_else(|| Instant::now() + far);
            // The first timer rarely changes; setting the alarm anew for every batch would cost more than the batch.
            if due < alarm.deadline().into_std() {
                alarm.as_mut().reset(due.into());
            }
            tokio::select! {
                count = self.inbox.recv_many(&mut batch, BATCH) => {
                    if count == 0 {
                        return;
                    }
                    self.now = Instant::now();
                    for envelope in batch.drain(..) {
                        self.handle(envelope);
                    }
                }
                count = MediaLine::hear(&mut self.media, &mut news) => {
                    if count == 0 {
                        self.media = None;
                    }
                    self.now = Instant::now();
                    for event in news.drain(..) {
                        self.input(Input::Sfu(event));
                    }
                }
                () = &mut alarm => {
                    self.now = Instant::now();
                    self.input(Input::Tick);
                    let due = self.hub.poll_timeout().unwrap_or_else(|| Instant::now() + far);
                    alarm.as_mut().reset(due.into());
                }
            }
            self.command().await;
        }
    }

    async fn command(&mut self) {
        for (shard, command) in self.commands.drain(..) {
            if let Some(media) = &self.media {
                media.shards.tell(shard, command).await;
            }
        }
    }

    fn handle(&mut self, envelope: Envelope) {
        match envelope {
            Envelope::Open { connection, to, hurry } => {
                self.connections.insert(connection, Peer { to, hurry });
            }
            Envelope::Input(connection, input) => {
                // What was already on its way when the hub closed the connection does not count.
                let is_open = if matches!(input, Input::Closed { .. }) {
                    self.connections.remove(&connection).is_some()
                } else {
                    self.connections.contains_key(&connection)
                };
                if is_open {
                    self.input(input);
                }
            }
            Envelope::Stats(answer) => {
                let _ = answer.send(self.hub.stats());
            }
            Envelope::Shutdown(answer) => {
                self.input(Input::Shutdown);
                let _ = answer.send(());
            }
        }
    }

    fn input(&mut self, input: Input) {
        self.hub.handle_input(self.now, input);
        while let Some(output) = self.hub.poll_output() {
            match output {
                Output::Send { connection, frame } => self.send(connection, frame),
                Output::Close { connection, code } => self.close(connection, code),
                Output::Sfu { shard, command } => self.commands.push((shard, command)),
            }
        }
    }

    fn send(&mut self, connection: ConnectionId, frame: Outgoing) {
        let Some(peer) = self.connections.get(&connection) else { return };
        if peer.to.try_send(ToConnection::Frame(frame)).is_err() {
            // Its task is ending, or it floods and does not read; the session goes on with the next connection.
            self.close(connection, CloseCode::SlowReader);
            self.hub.handle_input(self.now, Input::Closed { connection });
        }
    }

    fn close(&mut self, connection: ConnectionId, code: CloseCode) {
        let Some(peer) = self.connections.remove(&connection) else { return };
        let is_full = peer.to.try_send(ToConnection::Close(code)).is_err();
        if is_full || matches!(code, CloseCode::SlowReader | CloseCode::Replaced) {
            peer.hurry.ring(code);
        }
    }
}
