//! Joining, leaving, talking, coming back.

use visavis::protocol::{ClientMessage, LeftReason, Position, PresenceChange, ResumeAt, ServerMessage};

use crate::client::{Client, Event, config, start};

#[tokio::test]
async fn two_members_see_each_other_come_talk_and_go() {
    let server = start(&config()).await;
    let (mut ann, welcome) = Client::join(&server, "team", "Ann").await;
    assert!(welcome.roster.members.is_empty());
    ann.chat("first").await;
    assert!(matches!(ann.next_message().await, ServerMessage::Chat { message } if message.text == "first"));

    let (mut bo, welcome) = Client::join(&server, "team", "Bo").await;
    assert_eq!(welcome.roster.members.len(), 1);
    assert_eq!(welcome.chat.iter().map(|message| message.text.as_str()).collect::<Vec<_>>(), ["first"]);
    let version = welcome.roster.version;
    assert!(
        matches!(ann.next_message().await, ServerMessage::Joined { version: v, member } if v == version && member == welcome.own)
    );

    bo.send(ClientMessage::Presence(PresenceChange { hand: Some(true), ..PresenceChange::default() })).await;
    assert!(matches!(ann.next_message().await, ServerMessage::Presence { presence, .. } if presence.hand));
    let position = Position { latitude: 1.0, longitude: 2.0, accuracy: None, heading: None };
    bo.send(ClientMessage::Location(visavis::protocol::Location { position: Some(position) })).await;
    assert!(matches!(ann.next_message().await, ServerMessage::Location { position: Some(p), .. } if p == position));

    bo.send(ClientMessage::Leave).await;
    assert_eq!(bo.closed().await, Some(1000));
    let left = ann.next_message().await;
    assert!(matches!(left, ServerMessage::Left { participant, reason: LeftReason::Left, .. } if participant == welcome.own.id));
    server.stop().await;
}

#[tokio::test]
async fn a_lost_connection_comes_back_and_misses_nothing() {
    let server = start(&config()).await;
    let (mut ann, _) = Client::join(&server, "team", "Ann").await;
    let (bo, welcome) = Client::join(&server, "team", "Bo").await;
    assert!(matches!(ann.next_message().await, ServerMessage::Joined { .. }));
    drop(bo);
    for number in 0..3 {
        ann.chat(&number.to_string()).await;
        ann.next().await;
    }
    let (mut bo, answer) =
        Client::resume(&server, "team", &welcome.resume.token, Some(ResumeAt { epoch: 1, seq: 0, attempt: 1 })).await;
    assert!(matches!(answer, ServerMessage::Resumed { .. }), "{answer:?}");
    for number in 0..3 {
        assert!(matches!(bo.next_message().await, ServerMessage::Chat { message } if message.text == number.to_string()));
    }
    ann.send(ClientMessage::Ping).await;
    assert!(matches!(ann.next_message().await, ServerMessage::Pong), "nobody saw it leave");
    server.stop().await;
}

#[tokio::test]
async fn a_second_device_with_the_token_replaces_the_first() {
    let server = start(&config()).await;
    let (mut ann, _) = Client::join(&server, "team", "Ann").await;
    let (mut laptop, welcome) = Client::join(&server, "team", "Bo").await;
    ann.next().await;
    let (_phone, answer) = Client::resume(&server, "team", &welcome.resume.token, None).await;
    let ServerMessage::Welcome(again) = answer else { panic!("expected a welcome, got {answer:?}") };
    assert_eq!((again.own.id, again.own.epoch), (welcome.own.id, 2));
    assert_eq!(laptop.closed().await, Some(4001));
    assert!(matches!(ann.next_message().await, ServerMessage::Changed { member, .. } if member.epoch == 2));
    server.stop().await;
}

#[tokio::test]
async fn a_stop_tells_everyone_when_to_come_back() {
    let server = start(&config()).await;
    let (mut ann, _) = Client::join(&server, "team", "Ann").await;
    let stop = tokio::spawn(server.stop());
    assert!(matches!(ann.next_message().await, ServerMessage::Bye(bye) if bye.retry_after_ms > 0));
    assert!(matches!(ann.next().await, Event::Closed(Some(1001))));
    drop(ann);
    stop.await.expect("the stop ends");
}
