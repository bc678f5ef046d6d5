//! Owns the session with the server: one WebSocket at a time, opened again and resumed when it is lost.
//!
//! Usable without media: whoever opens a session says messages and takes events. Tokens never leave this module.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{self, Message};
use tracing::{debug, info};

use super::endpoint::{ConnectError, Endpoint, Socket};
use super::ledger::{Ledger, OutOfStep};
use crate::limits::{DEAD_AFTER, HELLO_TIMEOUT};
use crate::protocol::{
    BusFrame, ClientFrame, ClientMessage, CloseCode, DecodeError, ErrorCode, Hello, ServerFrame, ServerMessage, Welcome,
};

/// Messages that wait to be said. At the bound [`Voice::say`] waits.
const MESSAGES_MAX: usize = 256;

/// Events that wait to be taken. At the bound nothing more is read from the server, which closes slow readers (4002).
const EVENTS_MAX: usize = 1024;

/// The longest that heard frames stay unacknowledged.
const ACK_INTERVAL: Duration = Duration::from_secs(1);

/// How long opening a WebSocket may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The first and the longest pause between two attempts to come back; each pause is twice the one before.
const RETRY_PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(3));

/// How long after the server's grace time coming back is still tried: a server that starts anew has forgotten everyone,
/// and welcomes us as someone new.
const RETRY_BEYOND_GRACE: Duration = Duration::from_secs(30);

/// How long the server may take to close after `leave`.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(2);

/// What happens in a session.
#[derive(Debug)]
pub enum SessionEvent {
    /// In the room; the first event, and later once more whenever the server has forgotten the session or another device
    /// has taken it over in between: everything known before is void.
    Welcome(Box<Welcome>),
    /// The server says something about the room.
    Message(ServerMessage),
    /// A bus message with bytes.
    Binary(BusFrame),
    /// The connection is gone; coming back is being tried. What is said meanwhile is kept.
    Lost,
    /// The connection is back, nothing has been missed.
    Resumed,
    /// The last event.
    Ended(SessionError),
}

/// Why a session cannot begin or go on.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// No WebSocket.
    #[error("cannot connect to the server: {0}")]
    Connect(#[from] ConnectError),
    /// No answer in time.
    #[error("the server did not answer in time")]
    Timeout,
    /// The server does not want us, not even later.
    #[error("the server refused: {message} ({})", code.as_str())]
    Refused {
        /// For programs.
        code: ErrorCode,
        /// For people.
        message: String,
    },
    /// Something that is not this protocol.
    #[error("the server does not speak this protocol: {0}")]
    Protocol(String),
    /// The connection was lost, and is not coming back.
    #[error("the connection was lost: {0}")]
    Lost(String),
    /// Another device speaks for this participant now.
    #[error("another connection took this session over")]
    Replaced,
    /// This side left.
    #[error("left")]
    Left,
}

/// A session with the server. Dropping it closes the connection without a word, as a crash would.
#[derive(Debug)]
pub struct Session {
    messages: mpsc::Sender<ClientMessage>,
    events: mpsc::Receiver<SessionEvent>,
    task: JoinHandle<()>,
}

impl Session {
    /// Connects, says hello and is welcomed; the welcome is the first event.
    ///
    /// # Errors
    /// The server cannot be reached or refuses.
    pub async fn open(endpoint: Endpoint, hello: Hello) -> Result<Self, SessionError> {
        let mut ledger = Ledger::default();
        let (socket, greeting) = greet(&endpoint, &hello, &mut ledger).await?;
        let (messages, said) = mpsc::channel(MESSAGES_MAX);
        let (heard, events) = mpsc::channel(EVENTS_MAX);
        heard.try_send(greeting.event()).expect("the queue is new");
        let speaker = Speaker { endpoint, hello, ledger, said, heard, retry_after: None, leaving: None };
        Ok(Self { messages, events, task: tokio::spawn(speaker.run(socket)) })
    }

    /// A voice of this session, for a task of its own.
    pub fn voice(&self) -> Voice {
        Voice(self.messages.clone())
    }

    /// The next event; none after [`SessionEvent::Ended`].
    pub async fn next(&mut self) -> Option<SessionEvent> {
        self.events.recv().await
    }
}

/// Says things in a session.
#[derive(Debug, Clone)]
pub struct Voice(mpsc::Sender<ClientMessage>);

/// The session has ended; the reason is its last event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the session has ended")]
pub struct Silenced;

impl Voice {
    /// A voice without a session: what is said comes out of the other end.
    #[cfg(test)]
    pub fn to(messages: mpsc::Sender<ClientMessage>) -> Self {
        Self(messages)
    }

    /// Says something, now or after the next resume. `Leave` ends the session.
    ///
    /// # Errors
    /// The session has ended.
    pub async fn say(&self, message: ClientMessage) -> Result<(), Silenced> {
        self.0.send(message).await.map_err(|_| Silenced)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// How the server answered a hello.
enum Greeting {
    Welcome(Box<Welcome>),
    Resumed,
}

impl Greeting {
    fn event(self) -> SessionEvent {
        match self {
            Self::Welcome(welcome) => SessionEvent::Welcome(welcome),
            Self::Resumed => SessionEvent::Resumed,
        }
    }
}

/// Opens a WebSocket, says hello, waits for the answer, and repeats what was not received.
async fn greet(endpoint: &Endpoint, hello: &Hello, ledger: &mut Ledger) -> Result<(Socket, Greeting), SessionError> {
    let mut socket = timeout(CONNECT_TIMEOUT, endpoint.connect()).await.map_err(|_| SessionError::Timeout)??;
    let hello = Hello { resume: ledger.resume(), ..hello.clone() };
    send(&mut socket, ClientFrame::new(ClientMessage::Hello(hello)).encode()).await?;
    let answer = timeout(HELLO_TIMEOUT, first_answer(&mut socket)).await.map_err(|_| SessionError::Timeout)??;
    let (again, greeting): (Vec<String>, _) = match answer {
        ServerMessage::Welcome(welcome) => {
            (ledger.handle_welcome(&welcome).map(str::to_owned).collect(), Greeting::Welcome(welcome))
        }
        ServerMessage::Resumed { received, resume } => {
            (ledger.handle_resumed(received, resume).map(str::to_owned).collect(), Greeting::Resumed)
        }
        ServerMessage::Error { code, message, .. } => return Err(SessionError::Refused { code, message }),
        other => return Err(SessionError::Protocol(format!("{other:?} instead of a welcome"))),
    };
    for text in again {
        send(&mut socket, text).await?;
    }
    Ok((socket, greeting))
}

async fn first_answer(socket: &mut Socket) -> Result<ServerMessage, SessionError> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => match ServerFrame::decode(&text) {
                Ok(frame) => return Ok(frame.message),
                Err(error) if error.code == ErrorCode::UnknownType => {}
                Err(error) => return Err(SessionError::Protocol(error.to_string())),
            },
            Some(Ok(Message::Close(close))) => return Err(SessionError::Lost(close_reason(close.as_ref()))),
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(SessionError::Lost(error.to_string())),
            None => return Err(SessionError::Lost("the server closed".into())),
        }
    }
}

async fn send(socket: &mut Socket, text: String) -> Result<(), SessionError> {
    socket.send(Message::text(text)).await.map_err(|error| SessionError::Lost(error.to_string()))
}

fn close_reason(close: Option<&CloseFrame>) -> String {
    close.map_or_else(|| "closed without a reason".into(), |close| format!("closed with {} {}", close.code, close.reason))
}

/// The task behind a [`Session`].
struct Speaker {
    endpoint: Endpoint,
    hello: Hello,
    ledger: Ledger,
    said: mpsc::Receiver<ClientMessage>,
    heard: mpsc::Sender<SessionEvent>,
    /// The server said when to come back.
    retry_after: Option<Duration>,
    /// This side has said `leave`: until when the server may answer.
    leaving: Option<Instant>,
}

/// Why serving a connection stopped.
enum Stop {
    /// Come back and resume.
    Lost(String),
    /// Do not.
    Over(SessionError),
}

impl From<OutOfStep> for Stop {
    fn from(OutOfStep: OutOfStep) -> Self {
        Self::Lost("out of step".into())
    }
}

impl From<SessionError> for Stop {
    fn from(error: SessionError) -> Self {
        Self::Lost(error.to_string())
    }
}

impl Speaker {
    async fn run(mut self, mut socket: Socket) {
        let ended = loop {
            match self.serve(&mut socket).await {
                Stop::Over(error) => break error,
                Stop::Lost(_) if self.leaving.is_some() => break SessionError::Left,
                Stop::Lost(reason) => info!(reason, "connection lost"),
            }
            drop(socket);
            if self.heard.send(SessionEvent::Lost).await.is_err() {
                return;
            }
            match self.come_back().await {
                Ok((again, greeting)) => {
                    info!("connection back");
                    socket = again;
                    if self.heard.send(greeting.event()).await.is_err() {
                        return;
                    }
                }
                Err(error) => break error,
            }
        };
        debug!(%ended, "session ended");
        // Nobody is left to hear it when the receiver is gone.
        let _ = self.heard.send(SessionEvent::Ended(ended)).await;
    }

    /// Carries messages and events until the connection is of no use any more.
    async fn serve(&mut self, socket: &mut Socket) -> Stop {
        let mut acks = interval(ACK_INTERVAL);
        acks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut dead_at = Instant::now() + DEAD_AFTER;
        loop {
            let deadline = self.leaving.unwrap_or(dead_at);
            let carried = tokio::select! {
                Some(message) = self.said.recv(), if self.leaving.is_none() => self.carry_out(socket, message).await,
                (heard, received) = receive(socket, &self.heard) => match (heard, received) {
                    (Some(heard), Some(Ok(message))) => {
                        dead_at = Instant::now() + DEAD_AFTER;
                        self.carry_in(socket, message, heard).await
                    }
                    (_, Some(Err(error))) => Err(Stop::Lost(error.to_string())),
                    (None, _) => Err(Stop::Over(SessionError::Left)),
                    (_, None) => Err(Stop::Lost("the connection ended".into())),
                },
                _ = acks.tick() => match self.ledger.ack_now() {
                    Some(seq) => acknowledge(socket, seq).await,
                    None => Ok(()),
                },
                () = sleep_until(deadline) => Err(Stop::Lost("nothing was heard for too long".into())),
            };
            if let Err(stop) = carried {
                return stop;
            }
        }
    }

    async fn carry_out(&mut self, socket: &mut Socket, message: ClientMessage) -> Result<(), Stop> {
        if matches!(message, ClientMessage::Leave) {
            self.leaving = Some(Instant::now() + LEAVE_TIMEOUT);
            return Ok(send(socket, ClientFrame::new(message).encode()).await?);
        }
        let text = self.ledger.say(message)?.to_owned();
        Ok(send(socket, text).await?)
    }

    async fn carry_in(
        &mut self,
        socket: &mut Socket,
        message: Message,
        heard: mpsc::OwnedPermit<SessionEvent>,
    ) -> Result<(), Stop> {
        match message {
            Message::Text(text) => match ServerFrame::decode(&text) {
                Ok(frame) => self.carry_in_frame(frame, heard)?,
                Err(error) => self.pass_over(&error)?,
            },
            Message::Binary(bytes) => self.carry_in_binary(&bytes, heard)?,
            Message::Close(close) => return Err(self.stop_for(close.as_ref())),
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
        }
        match self.ledger.ack_due() {
            Some(seq) => acknowledge(socket, seq).await,
            None => Ok(()),
        }
    }

    fn carry_in_frame(&mut self, frame: ServerFrame, heard: mpsc::OwnedPermit<SessionEvent>) -> Result<(), Stop> {
        if !self.ledger.hear(frame.seq)? {
            return Ok(());
        }
        match frame.message {
            ServerMessage::Ack { received } => self.ledger.handle_ack(received),
            ServerMessage::Bye(bye) => self.retry_after = Some(Duration::from_millis(bye.retry_after_ms)),
            ServerMessage::Pong | ServerMessage::Welcome(_) | ServerMessage::Resumed { .. } => {}
            message => drop(heard.send(SessionEvent::Message(message))),
        }
        Ok(())
    }

    fn carry_in_binary(&mut self, bytes: &Bytes, heard: mpsc::OwnedPermit<SessionEvent>) -> Result<(), Stop> {
        match BusFrame::decode(bytes) {
            Ok(frame) if self.ledger.hear(frame.seq)? => drop(heard.send(SessionEvent::Binary(frame))),
            Ok(_) => {}
            Err(error) => self.pass_over(&error)?,
        }
        Ok(())
    }

    /// A frame that this version does not understand still has its number.
    fn pass_over(&mut self, error: &DecodeError) -> Result<(), Stop> {
        debug!(%error, "frame ignored");
        self.ledger.hear(error.seq)?;
        Ok(())
    }

    fn stop_for(&self, close: Option<&CloseFrame>) -> Stop {
        let reason = close_reason(close);
        let code = close.map(|close| u16::from(close.code));
        let is = |close_code: CloseCode| code == Some(close_code.number());
        if is(CloseCode::Replaced) {
            Stop::Over(SessionError::Replaced)
        } else if is(CloseCode::Normal) && self.leaving.is_some() {
            Stop::Over(SessionError::Left)
        } else if is(CloseCode::Refused) || is(CloseCode::HelloTimeout) {
            Stop::Over(SessionError::Lost(reason))
        } else {
            Stop::Lost(reason)
        }
    }

    /// Tries to come back until the server must have forgotten the session and still cannot be reached.
    async fn come_back(&mut self) -> Result<(Socket, Greeting), SessionError> {
        let grace = Duration::from_millis(self.ledger.grace_ms()).saturating_add(RETRY_BEYOND_GRACE);
        let give_up_at = Instant::now() + self.retry_after.unwrap_or_default() + grace;
        let mut pause = self.retry_after.take().unwrap_or_default();
        loop {
            self.wait(pause).await?;
            match greet(&self.endpoint, &self.hello, &mut self.ledger).await {
                Err(refused @ SessionError::Refused { code, .. }) if code != ErrorCode::ShuttingDown => return Err(refused),
                Err(error) if Instant::now() >= give_up_at => return Err(error),
                Err(error) => debug!(%error, "still away"),
                Ok(back) => return Ok(back),
            }
            pause = (pause * 2).clamp(RETRY_PAUSES.0, RETRY_PAUSES.1);
        }
    }

    /// Keeps what is said during a pause.
    async fn wait(&mut self, pause: Duration) -> Result<(), SessionError> {
        let pause = sleep(pause);
        tokio::pin!(pause);
        loop {
            tokio::select! {
                () = &mut pause => return Ok(()),
                said = self.said.recv() => match said {
                    None | Some(ClientMessage::Leave) => return Err(SessionError::Left),
                    Some(message) => {
                        self.ledger.say(message).map_err(|OutOfStep| SessionError::Lost("too much to say while away".into()))?;
                    }
                },
            }
        }
    }
}

/// Reads the next message once there is room for what comes of it. Loses nothing when it is cancelled.
async fn receive(
    socket: &mut Socket,
    heard: &mpsc::Sender<SessionEvent>,
) -> (Option<mpsc::OwnedPermit<SessionEvent>>, Option<Result<Message, tungstenite::Error>>) {
    match heard.clone().reserve_owned().await {
        Ok(permit) => (Some(permit), socket.next().await),
        Err(_) => (None, None),
    }
}

async fn acknowledge(socket: &mut Socket, received: u64) -> Result<(), Stop> {
    Ok(send(socket, ClientFrame::new(ClientMessage::Ack { received }).encode()).await?)
}
