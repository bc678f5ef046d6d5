//! Owns one WebSocket: the upgrade, and the task that carries frames between the socket and the hub.
//!
//! The upgrade is taken from the request's extensions and driven by tokio-tungstenite with 4 KiB buffers: warp's own `ws`
//! filter costs 63 KiB a socket, see `docs/performance.md`.

use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use hyper::header::{
    CONNECTION, HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
    UPGRADE,
};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error as SocketError, Message, Utf8Bytes};
use warp::http::{Response, StatusCode};

use super::bucket::Bucket;
use super::connection::Guard;
use crate::hub::{Input, Payload};
use crate::hub_task::{HubHandle, Line, ToConnection};
use crate::limits::{
    BINARY_FRAME_BYTES_MAX, DEAD_AFTER, HELLO_TIMEOUT, PING_INTERVAL, SOCKET_BUFFER_BYTES, TEXT_FRAME_BYTES_MAX,
    WINDOW_BYTES_MAX, WINDOW_FRAMES_MAX,
};
use crate::metrics::Metrics;
use crate::protocol::{BusFrame, ClientFrame, CloseCode, SUBPROTOCOL};

/// How long a close frame may take to be written and answered.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Frames taken from the hub at once: one flush for all of them. Also frames taken from the socket at once.
const BATCH: usize = 64;

/// What every connection needs.
#[derive(Clone)]
pub(super) struct Sockets {
    pub(super) hub: HubHandle,
    pub(super) metrics: Arc<Metrics>,
    pub(super) frames_per_second: u32,
}

impl Sockets {
    /// Answers an upgrade request (RFC 6455 section 4.2), and starts the connection's task.
    pub(super) fn upgrade(&self, headers: &HeaderMap, upgrade: Option<OnUpgrade>, guard: Option<Guard>) -> Response<String> {
        let refused = |status: StatusCode, message: &str| {
            self.metrics.count_upgrade_refused(status.as_u16());
            plain(status, message)
        };
        let (Some(upgrade), true) =
            (upgrade, has_token(headers, CONNECTION, "upgrade") && has_token(headers, UPGRADE, "websocket"))
        else {
            let mut response = refused(StatusCode::UPGRADE_REQUIRED, "This address speaks WebSocket.\n");
            response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
            return response;
        };
        if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
            let mut response = refused(StatusCode::BAD_REQUEST, "This server speaks WebSocket version 13.\n");
            response.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            return response;
        }
        if !has_token(headers, SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL) {
            return refused(StatusCode::BAD_REQUEST, "Offer the WebSocket subprotocol visavis.v1.\n");
        }
        let Some(key) = headers.get(SEC_WEBSOCKET_KEY) else {
            return refused(StatusCode::BAD_REQUEST, "Sec-WebSocket-Key is missing.\n");
        };
        let accept = derive_accept_key(key.as_bytes());
        let sockets = self.clone();
        tokio::spawn(async move {
            match upgrade.await {
                Ok(upgraded) => sockets.carry(TokioIo::new(upgraded)).await,
                Err(error) => tracing::debug!(%error, "upgrade failed"),
            }
            drop(guard);
        });
        Response::builder()
            .status(StatusCode::SWITCHING_PROTOCOLS)
            .header(CONNECTION, "upgrade")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_ACCEPT, accept)
            .header(SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL)
            .body(String::new())
            .expect("every part is a valid header")
    }

    async fn carry<S: AsyncRead + AsyncWrite + Unpin>(self, stream: S) {
        let config = WebSocketConfig::default()
            .read_buffer_size(SOCKET_BUFFER_BYTES)
            .write_buffer_size(SOCKET_BUFFER_BYTES)
            .max_message_size(Some(TEXT_FRAME_BYTES_MAX.max(BINARY_FRAME_BYTES_MAX)))
            .max_frame_size(Some(TEXT_FRAME_BYTES_MAX.max(BINARY_FRAME_BYTES_MAX)));
        let socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await;
        let line = self.hub.open().await;
        let bucket = Bucket::new(self.frames_per_second, Instant::now());
        Connection::new(socket, line, bucket, self.metrics).run().await;
    }
}

/// A plain-text answer.
pub(super) fn plain(status: StatusCode, message: &str) -> Response<String> {
    Response::builder()
        .status(status)
        .header("content-type", "text/plain; charset=utf-8")
        .body(message.to_owned())
        .expect("every part is a valid header")
}

fn has_token(headers: &HeaderMap, name: hyper::header::HeaderName, token: &str) -> bool {
    let values = headers.get_all(name);
    let mut tokens = values.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    tokens.any(|found| found.trim().eq_ignore_ascii_case(token))
}

/// Resolves at that time, or never.
async fn until(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// Why the connection's task ends.
enum End {
    /// We close it.
    Close(CloseCode),
    /// The other end closed it, or it broke.
    Gone,
}

struct Connection<S> {
    socket: WebSocketStream<S>,
    line: Line,
    bucket: Bucket,
    metrics: Arc<Metrics>,
    /// A hello has been passed on.
    greeted: bool,
    opened: Instant,
    last_heard: Instant,
    last_ping: Instant,
    /// Written and not yet reported to the hub.
    drained: (usize, usize),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    fn new(socket: WebSocketStream<S>, line: Line, bucket: Bucket, metrics: Arc<Metrics>) -> Self {
        metrics.open_websockets.inc();
        let now = Instant::now();
        Self { socket, line, bucket, metrics, greeted: false, opened: now, last_heard: now, last_ping: now, drained: (0, 0) }
    }

    async fn run(mut self) {
        let end = self.converse().await;
        // First the news, then the manners: a peer that is gone may take a while to say good-bye to.
        self.line.tell(Input::Closed { connection: self.line.id }).await;
        if let End::Close(code) = end {
            self.metrics.count_closed(code);
            let frame = CloseFrame { code: code.number().into(), reason: Utf8Bytes::from_static(code.reason()) };
            let goodbye = async {
                if self.socket.close(Some(frame)).await.is_ok() {
                    while let Some(Ok(_)) = self.socket.next().await {}
                }
            };
            let _ = timeout(CLOSE_TIMEOUT, goodbye).await;
        }
        self.metrics.open_websockets.dec();
    }

    async fn converse(&mut self) -> End {
        let mut batch = Vec::new();
        let hurry = Arc::clone(&self.line.hurry);
        let rung = hurry.rung();
        let alarm = sleep_until(self.next_deadline());
        tokio::pin!(rung, alarm);
        loop {
            let paused = self.bucket.paused_until();
            tokio::select! {
                count = self.line.from_hub.recv_many(&mut batch, BATCH) => {
                    if count == 0 {
                        return End::Close(CloseCode::GoingAway); // the hub has ended
                    }
                    if let Err(end) = self.write_in_time(&mut batch, rung.as_mut()).await {
                        return end;
                    }
                    self.report_drained().await;
                }
                message = self.socket.next(), if paused.is_none() => {
                    if let Err(end) = self.handle_messages(message).await {
                        return end;
                    }
                }
                code = &mut rung => return End::Close(code),
                () = &mut alarm => {
                    if let Err(end) = self.handle_alarm().await {
                        return end;
                    }
                    alarm.as_mut().reset(self.next_deadline());
                }
                () = until(paused) => self.bucket.resume(Instant::now()),
            }
        }
    }

    /// Writes a batch, unless the reader is too slow for it, or the hub is out of patience.
    async fn write_in_time(
        &mut self,
        batch: &mut Vec<ToConnection>,
        rung: Pin<&mut impl Future<Output = CloseCode>>,
    ) -> Result<(), End> {
        let write = self.write(batch);
        tokio::pin!(write);
        // Most sockets take a batch at once; a timer is set for those that do not.
        if let Poll::Ready(outcome) = futures_util::poll!(write.as_mut()) {
            return outcome;
        }
        tokio::select! {
            outcome = timeout(DEAD_AFTER, write) => outcome.unwrap_or(Err(End::Close(CloseCode::Dead))),
            code = rung => Err(End::Close(code)),
        }
    }

    async fn write(&mut self, batch: &mut Vec<ToConnection>) -> Result<(), End> {
        self.metrics.frames_out.inc_by(batch.len() as u64);
        self.metrics.bytes_out.inc_by(batch.iter().map(|message| message.len() as u64).sum());
        for message in batch.drain(..) {
            match message {
                ToConnection::Frame(frame) => {
                    self.drained.0 += 1;
                    self.drained.1 += frame.len();
                    let message = match frame.encode() {
                        Payload::Text(text) => Message::Text(text.into()),
                        Payload::Binary(bytes) => Message::Binary(bytes),
                    };
                    self.socket.feed(message).await.map_err(|_| End::Gone)?;
                }
                ToConnection::Close(code) => {
                    self.socket.flush().await.map_err(|_| End::Gone)?;
                    return Err(End::Close(code));
                }
            }
        }
        self.socket.flush().await.map_err(|_| End::Gone)
    }

    /// Gives the window back in halves: one report for many frames, and never a window that stays shut.
    async fn report_drained(&mut self) {
        let (frames, bytes) = self.drained;
        if frames >= WINDOW_FRAMES_MAX / 2 || bytes >= WINDOW_BYTES_MAX / 2 {
            self.drained = (0, 0);
            self.line.tell(Input::Drained { connection: self.line.id, frames, bytes }).await;
        }
    }

    /// Handles a message and those that came with it. Without a look at anything else in between, which costs more than a message;
    /// therefore not without end.
    async fn handle_messages(&mut self, first: Option<Result<Message, SocketError>>) -> Result<(), End> {
        let (now, mut message) = (Instant::now(), first);
        for handled in 1.. {
            self.handle_message(now, message).await?;
            if handled == BATCH || self.bucket.paused_until().is_some() {
                break;
            }
            match futures_util::poll!(self.socket.next()) {
                Poll::Ready(next) => message = next,
                Poll::Pending => break,
            }
        }
        Ok(())
    }

    async fn handle_message(&mut self, now: Instant, message: Option<Result<Message, SocketError>>) -> Result<(), End> {
        let message = match message {
            Some(Ok(message)) => message,
            Some(Err(SocketError::Capacity(_))) => return Err(End::Close(CloseCode::TooLarge)),
            Some(Err(SocketError::Utf8(_) | SocketError::Protocol(_))) => return Err(End::Close(CloseCode::Protocol)),
            Some(Err(_)) | None => return Err(End::Gone),
        };
        self.last_heard = now;
        self.bucket.take(now);
        match message {
            Message::Text(text) => self.handle_text(text.as_str()).await,
            Message::Binary(bytes) => self.handle_binary(&bytes).await,
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            Message::Close(_) => {
                // tungstenite has queued the answer (RFC 6455 section 5.5.1); it only needs writing.
                let _ = timeout(CLOSE_TIMEOUT, self.socket.flush()).await;
                return Err(End::Gone);
            }
        }
        Ok(())
    }

    async fn handle_text(&mut self, text: &str) {
        self.metrics.frames_in.inc();
        self.metrics.bytes_in.inc_by(text.len() as u64);
        let connection = self.line.id;
        let input = match ClientFrame::decode(text) {
            Ok(frame) => Input::Frame { connection, frame },
            Err(error) => Input::Refused { connection, error },
        };
        self.greeted = true;
        self.line.tell(input).await;
    }

    async fn handle_binary(&mut self, bytes: &Bytes) {
        self.metrics.frames_in.inc();
        self.metrics.bytes_in.inc_by(bytes.len() as u64);
        let connection = self.line.id;
        let input = match BusFrame::decode_from_client(bytes) {
            Ok(frame) => Input::Binary { connection, frame },
            Err(error) => Input::Refused { connection, error },
        };
        self.greeted = true;
        self.line.tell(input).await;
    }

    fn next_deadline(&self) -> Instant {
        let next = (self.last_ping + PING_INTERVAL).min(self.last_heard + DEAD_AFTER);
        if self.greeted { next } else { next.min(self.opened + HELLO_TIMEOUT) }
    }

    async fn handle_alarm(&mut self) -> Result<(), End> {
        let now = Instant::now();
        if !self.greeted && now >= self.opened + HELLO_TIMEOUT {
            return Err(End::Close(CloseCode::HelloTimeout));
        }
        if now >= self.last_heard + DEAD_AFTER {
            return Err(End::Close(CloseCode::Dead));
        }
        if now >= self.last_ping + PING_INTERVAL {
            self.last_ping = now;
            let ping = self.socket.send(Message::Ping(Bytes::new()));
            if !matches!(timeout(CLOSE_TIMEOUT, ping).await, Ok(Ok(()))) {
                tracing::debug!(connection = self.line.id.0, "ping not written yet");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
