//! Owns a client that speaks the wire format, and a server to speak to.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};
use visavis::config::Config;
use visavis::protocol::{
    BusFrame, CAPABILITY_WEBRTC, Chat, ClientFrame, ClientMessage, Hello, Resume, ResumeAt, ServerFrame, ServerMessage, Welcome,
};
use visavis::server::Server;

/// Longer than anything here takes; only a failure waits for it.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A configuration for tests: free ports on loopback.
pub fn config() -> Config {
    let mut config = Config::default();
    config.http.listen = ([127, 0, 0, 1], 0).into();
    config.sfu.listen = ([127, 0, 0, 1], 0).into();
    config.http.admin_listen = Some(([127, 0, 0, 1], 0).into());
    config
}

/// A running server.
pub async fn start(config: &Config) -> Server {
    Server::start(config, None).await.expect("loopback has a free port")
}

/// Where a server can be reached.
#[derive(Debug, Clone, Copy)]
pub struct Address {
    pub http: SocketAddr,
    pub admin: SocketAddr,
}

/// A server, in this process or another.
pub trait Reachable {
    fn address(&self) -> Address;
}

impl Reachable for Address {
    fn address(&self) -> Address {
        *self
    }
}

impl Reachable for Server {
    fn address(&self) -> Address {
        Address { http: self.http_addr(), admin: self.admin_addr().expect("tests have an admin listener") }
    }
}

/// One WebSocket.
pub struct Client {
    socket: WebSocketStream<TcpStream>,
    /// The number of the last server frame.
    pub seq: u64,
}

/// What came in.
#[derive(Debug)]
pub enum Event {
    Frame(ServerFrame),
    Binary(BusFrame),
    Closed(Option<u16>),
}

impl Client {
    /// Opens a WebSocket and says nothing.
    pub async fn open(server: &impl Reachable) -> Self {
        Self::open_with(server, TcpSocket::new_v4().expect("a socket")).await
    }

    /// Opens a WebSocket over a socket whose kernel buffer is small.
    pub async fn open_narrow(server: &impl Reachable) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(16 * 1024).expect("the buffer can be small");
        Self::open_with(server, socket).await
    }

    async fn open_with(server: &impl Reachable, socket: TcpSocket) -> Self {
        let stream = socket.connect(server.address().http).await.expect("the server listens");
        let mut request = format!("ws://{}/api/ws", server.address().http).into_client_request().expect("a URL");
        request.headers_mut().insert("sec-websocket-protocol", "visavis.v1".parse().expect("a header value"));
        let (socket, _) = client_async(request, stream).await.expect("the server takes a WebSocket");
        Self { socket, seq: 0 }
    }

    /// Joins a room.
    pub async fn join(server: &impl Reachable, room: &str, name: &str) -> (Self, Welcome) {
        Self::open(server).await.greet(room, name).await
    }

    /// Says hello as someone new.
    pub async fn greet(self, room: &str, name: &str) -> (Self, Welcome) {
        let mut client = self;
        client.send(ClientMessage::Hello(hello(room, name, None))).await;
        match client.next_message().await {
            ServerMessage::Welcome(welcome) => (client, *welcome),
            other => panic!("expected a welcome, got {other:?}"),
        }
    }

    /// Says hello with a token and returns the answer.
    pub async fn resume(server: &impl Reachable, room: &str, token: &str, at: Option<ResumeAt>) -> (Self, ServerMessage) {
        let mut client = Self::open(server).await;
        let resume = Some(Resume { token: token.to_owned(), at });
        client.send(ClientMessage::Hello(hello(room, "back", resume))).await;
        let answer = client.next_message().await;
        client.seq = at.map_or(0, |at| at.seq);
        (client, answer)
    }

    pub async fn send(&mut self, message: ClientMessage) {
        self.send_text(ClientFrame::new(message).encode()).await;
    }

    pub async fn send_text(&mut self, text: impl Into<String>) {
        self.socket.send(Message::text(text.into())).await.expect("the connection is open");
    }

    /// Sends what the server may not read to the end.
    pub async fn try_send_text(&mut self, text: String) {
        let _ = self.socket.send(Message::text(text)).await;
    }

    pub async fn send_binary(&mut self, bytes: Bytes) {
        self.socket.send(Message::Binary(bytes)).await.expect("the connection is open");
    }

    pub async fn chat(&mut self, text: &str) {
        self.send(ClientMessage::Chat(Chat { to: None, text: text.to_owned() })).await;
    }

    /// The next thing that comes in; checks that server frames are numbered without gaps.
    pub async fn next(&mut self) -> Event {
        loop {
            let message = timeout(PATIENCE, self.socket.next()).await.expect("something comes in");
            let seq = match message {
                Some(Ok(Message::Text(text))) => {
                    let frame = ServerFrame::decode(text.as_str()).expect("the server writes the wire format");
                    self.count(frame.seq);
                    return Event::Frame(frame);
                }
                Some(Ok(Message::Binary(bytes))) => {
                    let frame = BusFrame::decode(&bytes).expect("the server writes the wire format");
                    self.count(frame.seq);
                    return Event::Binary(frame);
                }
                Some(Ok(Message::Close(frame))) => Some(frame.map(|frame| frame.code.into())),
                Some(Err(Error::ConnectionClosed | Error::Protocol(_) | Error::Io(_))) | None => Some(None),
                Some(Ok(_)) => None,
                Some(Err(error)) => panic!("{error}"),
            };
            if let Some(code) = seq {
                return Event::Closed(code);
            }
        }
    }

    fn count(&mut self, seq: Option<u64>) {
        if let Some(seq) = seq {
            assert_eq!(seq, self.seq + 1, "numbers without gaps");
            self.seq = seq;
        }
    }

    pub async fn next_message(&mut self) -> ServerMessage {
        match self.next().await {
            Event::Frame(frame) => frame.message,
            other => panic!("expected a text frame, got {other:?}"),
        }
    }

    /// The close code, after whatever else comes before it.
    pub async fn closed(&mut self) -> Option<u16> {
        loop {
            if let Event::Closed(code) = self.next().await {
                return code;
            }
        }
    }
}

/// The server's metrics as text.
pub async fn scrape(server: &impl Reachable) -> String {
    let address = server.address().admin;
    let mut stream = TcpStream::connect(address).await.expect("the admin listener listens");
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("the server reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("the server answers in UTF-8");
    answer
}

pub fn hello(room: &str, name: &str, resume: Option<Resume>) -> Hello {
    Hello {
        room: room.to_owned(),
        name: name.to_owned(),
        resume,
        capabilities: vec![CAPABILITY_WEBRTC.to_owned()],
        ..Hello::default()
    }
}
