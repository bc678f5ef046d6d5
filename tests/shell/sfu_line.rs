//! The hub's line to its shards, and what becomes of the hub when they are gone.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::mpsc;
use tokio::time::timeout;
use visavis::hub::{Input, Payload, Settings, SfuSettings};
use visavis::hub_task::{HubHandle, Line, MediaLine, ToConnection};
use visavis::protocol::{ClientFrame, ErrorCode, ServerFrame, ServerMessage, SfuGrant};
use visavis::sfu::{self, Identity, Sfu};
use visavis::shard::Shards;
use visavis::shard::port::Port;

use crate::client::PATIENCE;

/// Two shards and a hub, with room for this many events between them.
fn stage(events_max: usize) -> (Shards, HubHandle) {
    let port = Port::open(([127, 0, 0, 1], 0).into(), 2).expect("a free port");
    let identity = Arc::new(Identity::generate().expect("a certificate"));
    let (events_in, events) = mpsc::channel(events_max);
    let unix: Duration = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let media = |shard| {
        let settings = sfu::Settings { shard, candidates: Vec::new() };
        Sfu::new(settings, Arc::clone(&identity), [9; 32], Instant::now(), unix)
    };
    let shards = Shards::start(port, media, &events_in).expect("threads");
    let grant = SfuGrant { slots_max: 64, port: shards.address().port() };
    let settings = Settings { sfu: Some(SfuSettings { shards: 2, grant }), ..Settings::default() };
    let (hub, _task) = HubHandle::start(settings, Some(MediaLine { shards: shards.mailboxes(), events }));
    (shards, hub)
}

async fn say(line: &Line, json: &str) {
    let frame = ClientFrame::decode(json).expect("the wire format");
    line.tell(Input::Frame { connection: line.id, frame }).await;
}

async fn hear(line: &mut Line) -> ServerMessage {
    let heard = timeout(PATIENCE, line.from_hub.recv()).await.expect("the hub answers");
    match heard {
        Some(ToConnection::Frame(frame)) => {
            let Payload::Text(text) = frame.encode() else { panic!("expected text, got {frame:?}") };
            line.tell(Input::Drained { connection: line.id, frames: 1, bytes: frame.len() }).await;
            ServerFrame::decode(&text).expect("the wire format").message
        }
        other => panic!("expected a frame, got {other:?}"),
    }
}

const HELLO: &str = r#"{"type":"hello","room":"a","name":"Ann","capabilities":["sfu"]}"#;

fn offer(revision: u32) -> String {
    format!(r#"{{"type":"sfu_offer","seq":{revision},"revision":{revision},"sdp":"v=0","sends":[]}}"#)
}

#[tokio::test]
async fn every_offer_is_answered_in_order_through_a_line_of_one() {
    let (shards, hub) = stage(1);
    let mut line = hub.open().await;
    say(&line, HELLO).await;
    assert!(matches!(hear(&mut line).await, ServerMessage::Welcome(_)));
    for revision in 1..=20 {
        say(&line, &offer(revision)).await;
    }
    let mut answered = 0;
    while answered < 20 {
        match hear(&mut line).await {
            ServerMessage::Error { code, message, .. } => {
                assert_eq!((code, message.is_empty()), (ErrorCode::BadOffer, false));
                answered += 1;
            }
            ServerMessage::Ack { .. } => {}
            other => panic!("expected an error, got {other:?}"),
        }
    }
    shards.stop().await;
}

#[tokio::test]
async fn the_hub_outlives_its_shards() {
    let (shards, hub) = stage(16);
    let mut before = hub.open().await;
    say(&before, HELLO).await;
    assert!(matches!(hear(&mut before).await, ServerMessage::Welcome(_)));
    shards.stop().await;
    say(&before, &offer(1)).await;
    let mut after = hub.open().await;
    say(&after, HELLO).await;
    assert!(matches!(hear(&mut after).await, ServerMessage::Welcome(_)), "the roster and the bus go on");
    let stats = timeout(PATIENCE, hub.stats()).await.expect("it answers").expect("it is there");
    assert_eq!(stats.sessions, 2);
    assert_eq!(hub.waiting(), 0);
}
