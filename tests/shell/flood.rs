//! Ten thousand sockets that open and say nothing: each is closed with the code that says so, each is counted, and two
//! members who talk meanwhile do not notice.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use visavis::protocol::ServerMessage;

use crate::client::{Address, Client};

const SOCKETS: usize = 10_000;

/// Upgrades under way at a time, as many as a crowd behind one link could have.
const AT_ONCE: usize = 500;

/// HelloTimeout, as the two bytes at the start of a close frame's payload.
const HELLO_TIMEOUT: [u8; 2] = 4003u16.to_be_bytes();

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_silent_sockets_are_closed_and_slow_nobody() {
    let (mut server, address) = spawn().await;
    let (mut ann, _) = Client::join(&address, "team", "Ann").await;
    let (mut bo, _) = Client::join(&address, "team", "Bo").await;
    ann.next().await; // joined

    let closed = Arc::new(AtomicUsize::new(0));
    let gate = Arc::new(Semaphore::new(AT_ONCE));
    let http = address.http;
    let silent: Vec<_> = (0..SOCKETS)
        .map(|_| {
            let (gate, closed) = (Arc::clone(&gate), Arc::clone(&closed));
            tokio::spawn(async move {
                let stream = {
                    let _turn = gate.acquire().await.expect("the gate stays open");
                    upgrade(http).await
                };
                assert_eq!(close_code(stream).await, HELLO_TIMEOUT);
                closed.fetch_add(1, Ordering::Relaxed);
            })
        })
        .collect();

    let mut times = Vec::new();
    while closed.load(Ordering::Relaxed) < SOCKETS && silent.iter().any(|task| !task.is_finished()) {
        let sent = Instant::now();
        ann.chat("ping").await;
        assert!(matches!(bo.next_message().await, ServerMessage::Chat { .. }));
        times.push(sent.elapsed());
        assert!(matches!(ann.next_message().await, ServerMessage::Chat { .. }));
        tokio::time::sleep(Duration::from_millis(20)).await; // a pace of talking, not a wait for anything
    }
    for task in silent {
        task.await.expect("every silent socket is closed with its code");
    }
    times.sort_unstable();
    // Not the very worst: ten thousand client sockets are opened on the same cores, and machines have neighbours.
    let (median, most) = (times[times.len() / 2], times[times.len() * 95 / 100]);
    println!("{} messages meanwhile, median {median:?}, 95 of 100 within {most:?}", times.len());
    assert!(median < Duration::from_millis(100) && most < Duration::from_secs(1), "median {median:?}, 95 of 100 within {most:?}");

    let metrics = crate::client::scrape(&address).await;
    let counted = format!("visavis_websockets_closed_total{{reason=\"hello_timeout\"}} {SOCKETS}");
    assert!(metrics.contains(&counted), "{metrics}");
    server.kill().await.expect("the server runs");
}

/// A server of its own process: ten thousand sockets of both ends would not fit into one.
async fn spawn() -> (Child, Address) {
    let mut server = Command::new(env!("CARGO_BIN_EXE_visavis"))
        .args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--admin-listen",
            "127.0.0.1:0",
            "--sfu-listen",
            "127.0.0.1:0",
            "--log-format",
            "json",
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the binary runs");
    let mut lines = BufReader::new(server.stderr.take().expect("it is piped")).lines();
    let find = async {
        loop {
            let line = lines.next_line().await.expect("readable").expect("the server says where it listens");
            let line: serde_json::Value = serde_json::from_str(&line).expect("one JSON object a line");
            if line["message"] == "listening" {
                return line;
            }
        }
    };
    let fields = timeout(Duration::from_secs(20), find).await.expect("the server starts");
    let parse = |name: &str| fields[name].as_str().expect("an address").parse().expect("an address");
    let address = Address { http: parse("address"), admin: parse("admin") };
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (server, address)
}

async fn upgrade(address: std::net::SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("the server takes ten thousand");
    let request = format!(
        "GET /api/ws HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: visavis.v1\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.expect("the server reads");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("the server answers"));
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    stream
}

async fn close_code(mut stream: TcpStream) -> [u8; 2] {
    let mut frame = [0; 4];
    timeout(Duration::from_secs(60), stream.read_exact(&mut frame)).await.expect("in time").expect("a close frame");
    assert_eq!(frame[0], 0x88, "a final close frame");
    [frame[2], frame[3]]
}
