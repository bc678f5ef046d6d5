//! Owns a light client: one WebSocket with small buffers, which speaks the wire and acknowledges as it must.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use visavis::id::ParticipantId;
use visavis::protocol::{ClientFrame, ClientMessage, Hello, ServerFrame, ServerMessage};

/// Numbered server frames after which a client acknowledges.
const ACK_EVERY: u64 = 32;

pub struct Client {
    socket: WebSocketStream<TcpStream>,
    seq: u64,
}

impl Client {
    pub async fn open(address: SocketAddr, path: &str) -> Self {
        let stream = TcpStream::connect(address).await.expect("the server listens");
        stream.set_nodelay(true).expect("a TCP socket");
        let mut request = format!("ws://{address}{path}").into_client_request().expect("a URL");
        request.headers_mut().insert("sec-websocket-protocol", "visavis.v1".parse().expect("a header value"));
        let config = WebSocketConfig::default().read_buffer_size(4096).write_buffer_size(4096);
        // The echo knows no subprotocol and names none, which the client library takes for a fault.
        if path != "/api/ws" {
            request.headers_mut().remove("sec-websocket-protocol");
        }
        let (socket, _) = client_async_with_config(request, stream, Some(config)).await.expect("a WebSocket");
        Self { socket, seq: 0 }
    }

    pub async fn join(address: SocketAddr, room: &str, name: &str) -> (Self, ParticipantId) {
        let mut client = Self::open(address, "/api/ws").await;
        let hello = Hello { room: room.to_owned(), name: name.to_owned(), ..Hello::default() };
        client.send_text(ClientFrame::new(ClientMessage::Hello(hello)).encode()).await;
        let text = client.next_text().await;
        let ServerMessage::Welcome(welcome) = ServerFrame::decode(&text).expect("a server frame").message else {
            panic!("no welcome: {text}");
        };
        (client, welcome.own.id)
    }

    pub async fn send_text(&mut self, text: String) {
        self.socket.send(Message::text(text)).await.expect("the connection is open");
    }

    /// The connection under the WebSocket, for one on which nothing is on its way.
    pub fn into_stream(self) -> TcpStream {
        self.socket.into_inner()
    }

    /// The next text frame; acknowledges now and then.
    pub async fn next_text(&mut self) -> String {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    if text.starts_with("{\"seq\":") {
                        self.seq += 1;
                        if self.seq.is_multiple_of(ACK_EVERY) {
                            let ack = ClientMessage::Ack { received: self.seq };
                            self.send_text(ClientFrame::new(ack).encode()).await;
                        }
                    }
                    return text.as_str().to_owned();
                }
                Some(Ok(_)) => {}
                other => panic!("the connection ended: {other:?}"),
            }
        }
    }
}
