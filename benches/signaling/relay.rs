//! Owns the comparison: as many candidate signals as one core relays, beside as many frames of the same length as it echoes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use visavis::id::ParticipantId;
use visavis::protocol::{Candidate, ClientMessage, Signal, SignalTo};

use super::client::Client;
use super::load::{Answer, Load};
use super::report::Rate;
use super::server::Process;

/// Connections, the same for both servers; the hub's are in pairs.
const CONNECTIONS: usize = 100;

const WARM_UP: Duration = Duration::from_secs(1);
const DURATION: Duration = Duration::from_secs(4);

/// A candidate as Chromium writes it.
fn signal(to: ParticipantId) -> ClientMessage {
    let candidate = Candidate {
        candidate: "candidate:3474029331 1 udp 2122260223 192.0.2.17 53712 typ host generation 0 ufrag pZ1m network-id 1".into(),
        sdp_mid: Some("0".into()),
        sdp_m_line_index: Some(0),
        username_fragment: Some("pZ1m".into()),
    };
    ClientMessage::Signal(SignalTo { to, revision: 0, signal: Signal::Candidate { candidate } })
}

/// Each connection echoes its own frames.
pub async fn measure_echo() -> Rate {
    let server = Process::echo().await;
    let count = Arc::new(AtomicU64::new(0));
    let to = ParticipantId::new(u64::MAX).expect("not zero");
    let mut tasks = Vec::new();
    for _ in 0..CONNECTIONS {
        let stream = Client::open(server.address, "/echo").await.into_stream();
        tasks.push(tokio::spawn(Load::new(stream, Answer::Echo, signal(to)).run(Arc::clone(&count))));
    }
    finish(server, &count, tasks).await
}

/// In each pair, what one hears from the other it answers with a signal.
pub async fn measure_relay() -> Rate {
    let server = Process::visavis().await;
    let count = Arc::new(AtomicU64::new(0));
    let mut tasks = Vec::new();
    for pair in 0..CONNECTIONS / 2 {
        let room = format!("pair-{pair}");
        let (mut one, one_id) = Client::join(server.address, &room, "one").await;
        let (two, two_id) = Client::join(server.address, &room, "two").await;
        one.next_text().await; // joined
        for (client, other) in [(one, two_id), (two, one_id)] {
            let load = Load::new(client.into_stream(), Answer::Signal, signal(other));
            tasks.push(tokio::spawn(load.run(Arc::clone(&count))));
        }
    }
    finish(server, &count, tasks).await
}

async fn finish(server: Process, count: &AtomicU64, tasks: Vec<tokio::task::JoinHandle<()>>) -> Rate {
    tokio::time::sleep(WARM_UP).await;
    let (frames, cpu, started) = (count.load(Ordering::Relaxed), server.cpu(), Instant::now());
    tokio::time::sleep(DURATION).await;
    let frames = count.load(Ordering::Relaxed) - frames;
    let (cpu, wall) = (server.cpu() - cpu, started.elapsed());
    for task in tasks {
        task.abort();
    }
    server.stop().await;
    Rate { frames, cpu, wall }
}
