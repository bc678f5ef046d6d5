use std::time::Duration;

use tokio::io::{AsyncReadExt, DuplexStream, duplex};

use super::*;
use crate::hub::Settings;
use crate::protocol::{ClientMessage, Hello};

/// What a server sends, as it looks on the wire: a ping without content, and the close frame with this code.
const PING: [u8; 2] = [0x89, 0x00];

fn is_close(bytes: &[u8], code: CloseCode) -> bool {
    bytes.first() == Some(&0x88) && bytes.get(2..4) == Some(&code.number().to_be_bytes())
}

/// A connection of a server that has nothing else to do; its clock runs as fast as everybody waits.
fn connect() -> DuplexStream {
    let (near, far) = duplex(64 * 1024);
    let (hub, _) = HubHandle::start(Settings::default(), None);
    let sockets = Sockets { hub, metrics: Arc::default(), frames_per_second: 200 };
    tokio::spawn(sockets.carry(far));
    near
}

/// A client at the same connection, which answers pings as every client does.
async fn greet(stream: DuplexStream) -> WebSocketStream<DuplexStream> {
    let mut client = WebSocketStream::from_raw_socket(stream, Role::Client, None).await;
    let hello = Hello { room: "quiet".into(), name: "Ann".into(), ..Hello::default() };
    let text = ClientFrame::new(ClientMessage::Hello(hello)).encode();
    client.send(Message::text(text)).await.expect("the server reads");
    let welcome = client.next().await.expect("an answer").expect("a frame");
    assert!(welcome.to_text().expect("text").contains("\"type\":\"welcome\""), "{welcome}");
    client
}

#[tokio::test(start_paused = true)]
async fn a_client_is_pinged_every_20_seconds_and_stays_as_long_as_it_answers() {
    let mut client = greet(connect()).await;
    let start = Instant::now();
    for round in 1..=30 {
        let message = client.next().await.expect("still open").expect("a frame");
        assert!(message.is_ping(), "{message}");
        assert_eq!(start.elapsed().as_secs(), (PING_INTERVAL * round).as_secs());
        client.flush().await.expect("the pong is sent");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_brings_nothing_for_45_seconds_is_closed_as_dead() {
    let client = greet(connect()).await;
    let start = Instant::now();
    // From here on the bytes are read, but nobody answers.
    let mut stream = client.into_inner();
    let mut bytes = [0; 64];
    let mut pings = 0;
    loop {
        let read = stream.read(&mut bytes).await.expect("a stream in memory");
        assert!(read > 0, "a close frame comes before the end");
        if is_close(&bytes[..read], CloseCode::Dead) {
            break;
        }
        assert_eq!(bytes[..read], PING, "{:x?}", &bytes[..read]);
        pings += 1;
    }
    assert_eq!(pings, 2);
    let dead_after = start.elapsed();
    assert!(dead_after >= DEAD_AFTER && dead_after <= DEAD_AFTER + Duration::from_secs(1), "{dead_after:?}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_hello_is_closed_after_10_seconds() {
    let mut stream = connect();
    let start = Instant::now();
    let mut bytes = [0; 64];
    let read = stream.read(&mut bytes).await.expect("a stream in memory");
    assert!(is_close(&bytes[..read], CloseCode::HelloTimeout), "{:x?}", &bytes[..read]);
    assert_eq!(start.elapsed().as_secs(), HELLO_TIMEOUT.as_secs());
}
