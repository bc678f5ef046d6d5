//! Owns how soon a room of 199 hears of its 200th member.

use std::time::Instant;

use tokio::sync::mpsc;
use visavis::protocol::{ClientFrame, ClientMessage};

use super::client::Client;
use super::report::Percentiles;
use super::server::Process;

const MEMBERS: usize = 200;
const JOINS: usize = 50;

pub async fn measure() -> Percentiles {
    let server = Process::visavis().await;
    let (heard, mut news) = mpsc::unbounded_channel();
    let mut readers = Vec::new();
    for member in 0..MEMBERS - 1 {
        let (mut client, _) = Client::join(server.address, "full", &format!("member {member}")).await;
        let heard = heard.clone();
        readers.push(tokio::spawn(async move {
            loop {
                let text = client.next_text().await;
                if text.contains("\"newcomer\"") && text.contains("\"type\":\"joined\"") {
                    let _ = heard.send(Instant::now());
                }
            }
        }));
    }
    let mut times = Vec::new();
    for _ in 0..JOINS {
        let started = Instant::now();
        // From the first byte of the TCP connection to the news at each of the others.
        let (mut client, _) = Client::join(server.address, "full", "newcomer").await;
        for _ in 0..MEMBERS - 1 {
            times.push(news.recv().await.expect("everyone hears of it") - started);
        }
        client.send_text(ClientFrame::new(ClientMessage::Leave).encode()).await;
        // The room has a place again when the leave has been taken, which the next join would otherwise race.
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    for reader in readers {
        reader.abort();
    }
    server.stop().await;
    Percentiles::of(times)
}
