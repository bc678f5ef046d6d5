//! Owns what 10,000 members cost that do nothing: memory, and the time to let them in.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::client::Client;
use super::report::Idle;
use super::server::Process;

const MEMBERS: usize = 10_000;
const ROOM: usize = 10;
const AT_ONCE: usize = 100;

pub async fn measure() -> Idle {
    let server = Process::visavis().await;
    let before = server.resident_kib();
    let (started, cpu) = (Instant::now(), server.cpu());
    let gate = Arc::new(Semaphore::new(AT_ONCE));
    let joins: Vec<_> = (0..MEMBERS)
        .map(|member| {
            let (gate, address) = (Arc::clone(&gate), server.address);
            tokio::spawn(async move {
                let _turn = gate.acquire().await.expect("the gate stays open");
                Client::join(address, &format!("room-{}", member / ROOM), &format!("member {member}")).await.0
            })
        })
        .collect();
    let mut readers = Vec::new();
    for join in joins {
        let mut client = join.await.expect("everyone gets in");
        readers.push(tokio::spawn(async move {
            loop {
                client.next_text().await;
            }
        }));
    }
    let (opened, cpu) = (started.elapsed(), server.cpu() - cpu);
    tokio::time::sleep(Duration::from_secs(3)).await; // the last news has been read
    let after = server.resident_kib();
    for reader in readers {
        reader.abort();
    }
    server.stop().await;
    Idle { members: MEMBERS, before_kib: before, after_kib: after, opened, cpu }
}
