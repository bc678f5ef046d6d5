//! What is refused, with which words and codes, and that nobody else notices.

use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use visavis::protocol::{BusFrame, Chat, ClientMessage, ErrorCode, ServerMessage};

use crate::client::{Client, Event, config, hello, scrape, start};

async fn expect_error(client: &mut Client, expected: ErrorCode) -> Option<String> {
    match client.next_message().await {
        ServerMessage::Error { code, id, message } => {
            assert_eq!(code, expected, "{message}");
            assert!(!message.is_empty());
            id
        }
        other => panic!("expected {expected:?}, got {other:?}"),
    }
}

#[tokio::test]
async fn a_bad_frame_is_refused_and_the_connection_goes_on() {
    let server = start(&config()).await;
    let (mut ann, _) = Client::join(&server, "team", "Ann").await;
    let cases = [
        ("{", ErrorCode::BadJson),
        ("[]", ErrorCode::BadJson),
        ("{\"type\":\"frobnicate\"}", ErrorCode::UnknownType),
        ("{\"type\":\"chat\"}", ErrorCode::BadMessage),
        ("{\"type\":\"hello\",\"room\":\"team\",\"name\":\"Ann\"}", ErrorCode::WrongState),
        ("{\"type\":\"rename\",\"name\":\"\"}", ErrorCode::BadName),
        ("{\"type\":\"chat\",\"to\":\"00000000000000ff\",\"text\":\"x\"}", ErrorCode::NoSuchParticipant),
        ("{\"type\":\"bus\",\"topic\":\"no spaces\",\"data\":1}", ErrorCode::BadTopic),
    ];
    for (text, code) in cases {
        ann.send_text(text).await;
        expect_error(&mut ann, code).await;
    }
    ann.send_text("{\"type\":\"frobnicate\",\"id\":\"r7\"}").await;
    assert_eq!(expect_error(&mut ann, ErrorCode::UnknownType).await.as_deref(), Some("r7"));
    ann.send_binary(Bytes::from_static(&[9; 30])).await;
    expect_error(&mut ann, ErrorCode::BadFrame).await;
    ann.send_binary(Bytes::from_static(&[1, 1])).await;
    expect_error(&mut ann, ErrorCode::BadFrame).await;
    ann.chat("still here").await;
    assert!(matches!(ann.next_message().await, ServerMessage::Chat { .. }));
    let metrics = scrape(&server).await;
    assert!(metrics.contains("visavis_hub_frames_refused_total{reason=\"bad_json\"} 2"), "{metrics}");
    assert!(metrics.contains("visavis_hub_frames_refused_total{reason=\"bad_frame\"} 2"), "{metrics}");
}

#[tokio::test]
async fn a_hello_is_refused_with_a_reason() {
    let mut config = config();
    config.rooms.members_max = 2;
    config.rooms.rooms_max = 2;
    let server = start(&config).await;
    let refuse = async |room: &str, name: &str, code| {
        let mut client = Client::open(&server).await;
        client.send(ClientMessage::Hello(hello(room, name, None))).await;
        expect_error(&mut client, code).await;
        assert_eq!(client.closed().await, Some(4004));
    };
    for room in ["", "a b", "..", "a/b", "\u{623f}", &"r".repeat(65)] {
        refuse(room, "Ann", ErrorCode::BadRoom).await;
    }
    for name in ["", " ", "a\u{202e}b", &"n".repeat(65)] {
        refuse("team", name, ErrorCode::BadName).await;
    }
    let _members = (Client::join(&server, "team", "Ann").await, Client::join(&server, "team", "Bo").await);
    refuse("team", "Cy", ErrorCode::RoomFull).await;
    let _other = Client::join(&server, "second", "Dee").await;
    refuse("third", "Eve", ErrorCode::ServerFull).await;
}

#[tokio::test]
async fn anything_before_the_hello_is_refused_and_the_connection_closed() {
    let server = start(&config()).await;
    for text in ["{\"type\":\"chat\",\"text\":\"hi\"}", "nonsense"] {
        let mut client = Client::open(&server).await;
        client.send_text(text).await;
        assert!(matches!(client.next_message().await, ServerMessage::Error { .. }));
        assert_eq!(client.closed().await, Some(4000));
    }
    let mut client = Client::open(&server).await;
    client.send_binary(Bytes::from_static(&[0; 40])).await;
    expect_error(&mut client, ErrorCode::BadFrame).await;
    assert_eq!(client.closed().await, Some(4000));
}

#[tokio::test]
async fn a_client_that_sends_nothing_but_nonsense_is_closed_and_the_others_stay() {
    let server = start(&config()).await;
    let (mut ann, _) = Client::join(&server, "team", "Ann").await;
    let (mut bad, _) = Client::join(&server, "team", "Bad").await;
    for _ in 0..33 {
        bad.send_text("nonsense").await;
    }
    assert_eq!(bad.closed().await, Some(4000));
    ann.next().await; // joined
    ann.chat("fine").await;
    assert!(matches!(ann.next_message().await, ServerMessage::Chat { .. }));
}

#[tokio::test]
async fn an_oversize_frame_closes_its_connection_with_1009() {
    let server = start(&config()).await;
    let (mut ann, _) = Client::join(&server, "team", "Ann").await;
    ann.send_text(format!("{{\"type\":\"chat\",\"text\":\"{}\"}}", "x".repeat(9000))).await;
    expect_error(&mut ann, ErrorCode::TooLarge).await;
    ann.try_send_text("x".repeat(200_000)).await;
    assert_eq!(ann.closed().await, Some(1009));
}

#[tokio::test]
async fn the_upgrade_is_refused_without_subprotocol_and_to_foreign_pages() {
    let server = start(&config()).await;
    let host = server.http_addr().to_string();
    let own = format!("Origin: http://{host}\r\n");
    let protocol = "Sec-WebSocket-Protocol: visavis.v1\r\n";
    let cases = [
        (String::new(), "400"),
        (protocol.to_owned(), "101"),
        (format!("{protocol}{own}"), "101"),
        (format!("{protocol}Origin: https://evil.example\r\n"), "403"),
        (format!("{protocol}Origin: null\r\n"), "403"),
    ];
    for (headers, status) in cases {
        let answer = request(
            &host,
            &format!(
                "GET /api/ws HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
            ),
        )
        .await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{headers:?}: {answer}");
    }
    let plain = request(&host, &format!("GET /api/ws HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")).await;
    assert!(plain.starts_with("HTTP/1.1 426"), "{plain}");
}

/// The first bytes of the answer to a raw request.
async fn request(host: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(host).await.expect("the server listens");
    stream.write_all(request.as_bytes()).await.expect("the server reads");
    let mut answer = vec![0; 1024];
    let length = stream.read(&mut answer).await.expect("the server answers");
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

#[tokio::test]
async fn the_page_is_served_with_its_rules_and_everything_else_is_not_found() {
    let server = start(&config()).await;
    let host = server.http_addr().to_string();
    for (path, status) in [
        ("/", "200"),
        ("/r/team", "200"),
        ("/healthz", "200"),
        ("/readyz", "200"),
        ("/version", "200"),
        ("/metrics", "404"),
        ("/r/a/b", "404"),
        ("/../Cargo.toml", "404"),
        ("/assets/nothing.js", "404"),
    ] {
        let answer = request(&host, &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{path}: {answer}");
        if path == "/" {
            assert!(answer.contains("content-security-policy: default-src 'self'"), "{answer}");
        }
    }
    let post =
        request(&host, &format!("POST / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")).await;
    assert!(post.starts_with("HTTP/1.1 405"), "{post}");
}

#[tokio::test]
async fn a_reader_that_stays_slow_is_closed_and_may_resume() {
    let server = start(&config()).await;
    let (mut ann, _) = Client::join(&server, "team", "Ann").await;
    let (slow, welcome) = Client::open_narrow(&server).await.greet("team", "Slow").await;
    ann.next().await; // joined
    // The slow one reads nothing: its socket fills, then its window, then its outbox.
    let payload = Bytes::from(vec![7; 60_000]);
    let topic = "load".parse().expect("a topic");
    let frame = BusFrame { seq: None, peer: Some(welcome.own.id), direct: true, latest: false, topic, payload };
    let frame = frame.encode();
    let mut sent = 0u64;
    loop {
        ann.send_binary(frame.clone()).await;
        sent += 1;
        if sent.is_multiple_of(4) && scrape(&server).await.contains("visavis_websockets_closed_total{reason=\"slow_reader\"} 1") {
            break;
        }
        assert!(sent < 2000, "the slow reader was never closed");
    }
    ann.chat("others are fine").await;
    assert!(matches!(ann.next_message().await, ServerMessage::Chat { .. }));
    drop(slow);
    let at = visavis::protocol::ResumeAt { epoch: 1, seq: 0, attempt: 1 };
    let (mut back, answer) = Client::resume(&server, "team", &welcome.resume.token, Some(at)).await;
    assert!(matches!(answer, ServerMessage::Resumed { .. }), "{answer:?}");
    let mut received = 0;
    loop {
        match back.next().await {
            Event::Binary(frame) => {
                assert_eq!(frame.payload.len(), 60_000);
                received += 1;
            }
            Event::Frame(frame) if matches!(frame.message, ServerMessage::Chat { .. }) => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(received, sent, "each frame once");
}

#[tokio::test]
async fn a_flood_is_slowed_and_not_lost() {
    let mut config = config();
    config.limits.frames_per_second = 100;
    let server = start(&config).await;
    let (mut ann, _) = Client::join(&server, "team", "Ann").await;
    let started = tokio::time::Instant::now();
    for number in 0..600 {
        ann.send(ClientMessage::Chat(Chat { to: None, text: number.to_string() })).await;
    }
    for number in 0..600 {
        assert!(matches!(ann.next_message().await, ServerMessage::Chat { message } if message.text == number.to_string()));
    }
    assert!(started.elapsed() > Duration::from_millis(900), "500 at once, then 100 a second: {:?}", started.elapsed());
}
