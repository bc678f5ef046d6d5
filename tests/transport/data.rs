//! Data channels: messages both ways, and peers that misbehave.

use std::time::Duration;

use bytes::Bytes;
use rtc_datachannel::message::message_channel_open::ChannelType;
use rtc_sctp::PayloadProtocolIdentifier as Ppi;
use visavis::limits::{DATA_SEND_BYTES_MAX, DATA_STREAMS_MAX, TEXT_FRAME_BYTES_MAX};
use visavis::sfu::{DataError, TransportEvent};

use crate::client::{Client, GCM_AND_CM, Heard};
use crate::world::World;

fn associated() -> World {
    let mut world = World::connected(Client::new(&GCM_AND_CM, 1200));
    world.client.associate(world.now);
    world.run();
    world.take_events();
    world.client.heard.clear();
    world
}

/// A browser's two channels.
fn opened() -> World {
    let mut world = associated();
    world.client.open(world.now, 0, "bus", ChannelType::Reliable);
    world.client.open(world.now, 2, "bus-unreliable", ChannelType::PartialReliableRexmitUnordered);
    world.run();
    assert_eq!(world.take_events(), [TransportEvent::DataOpen(true)]);
    assert!(world.client.heard.contains(&Heard::Acked(0)) && world.client.heard.contains(&Heard::Acked(2)));
    world.client.heard.clear();
    world
}

fn data(binary: bool, payload: &[u8]) -> TransportEvent {
    TransportEvent::Data { binary, payload: Bytes::copy_from_slice(payload) }
}

#[test]
fn messages_go_both_ways_on_both_channels() {
    let mut world = opened();
    world.client.send(world.now, 0, Ppi::String, b"{}");
    world.client.send(world.now, 2, Ppi::Binary, &[1, 2, 3]);
    world.client.send(world.now, 0, Ppi::StringEmpty, &[0]);
    world.run();
    let events = world.take_events();
    let (text, other): (Vec<_>, Vec<_>) =
        events.into_iter().partition(|event| matches!(event, TransportEvent::Data { binary: false, .. }));
    assert_eq!(text, [data(false, b"{}"), data(false, b"")]);
    assert_eq!(other, [data(true, &[1, 2, 3])]);

    for (unreliable, binary, message) in [(false, false, &b"[]"[..]), (true, true, &[9, 8]), (true, false, b"")] {
        assert_eq!(world.transport.send_data(world.now, unreliable, binary, message), Ok(()));
    }
    world.run();
    let heard = |id, binary, message: &[u8]| Heard::Channel { id, binary, message: message.to_vec() };
    assert_eq!(world.client.heard[..2], [heard(0, false, b"[]"), heard(2, true, &[9, 8])]);
    assert!(matches!(world.client.heard[2], Heard::Channel { id: 2, binary: false, .. }));
}

#[test]
fn the_longest_message_passes_and_a_longer_one_does_not() {
    let mut world = opened();
    let longest = vec![b'x'; TEXT_FRAME_BYTES_MAX];
    world.client.send(world.now, 0, Ppi::String, &longest);
    assert_eq!(world.transport.send_data(world.now, false, true, &longest), Ok(()));
    world.pass(Duration::from_secs(5), true);
    assert_eq!(world.take_events(), [data(false, &longest)]);
    assert_eq!(world.client.heard, [Heard::Channel { id: 0, binary: true, message: longest.clone() }]);

    let longer = vec![b'x'; TEXT_FRAME_BYTES_MAX + 1];
    assert_eq!(world.transport.send_data(world.now, false, true, &longer), Err(DataError::TooLarge));
    world.client.send(world.now, 0, Ppi::String, &longer);
    world.pass(Duration::from_secs(5), true);
    assert_eq!(world.take_events(), [TransportEvent::DataOpen(false)], "the channel is closed, and the message dropped");
    assert_eq!(world.transport.send_data(world.now, false, true, b"x"), Err(DataError::NotOpen));
    assert!(world.transport.sender_mut().is_some(), "media goes on");
}

#[test]
fn messages_that_got_lost_come_again() {
    let mut world = opened();
    world.is_lost = |number| number % 5 == 0;
    let messages: Vec<Vec<u8>> = (0..50u8).map(|number| vec![number; 700]).collect();
    for message in &messages {
        assert_eq!(world.transport.send_data(world.now, false, true, message), Ok(()));
        world.client.send(world.now, 0, Ppi::Binary, message);
    }
    world.pass(Duration::from_secs(60), true);
    let heard = messages.iter().map(|message| Heard::Channel { id: 0, binary: true, message: message.clone() });
    assert_eq!(world.client.heard, heard.collect::<Vec<_>>());
    assert_eq!(world.take_events(), messages.iter().map(|message| data(true, message)).collect::<Vec<_>>());
}

#[test]
fn a_reader_that_is_gone_fills_its_channel_and_no_more() {
    let mut world = opened();
    world.is_lost = |_| true;
    let message = vec![0; 10_000];
    let taken = (0..1000).take_while(|_| world.transport.send_data(world.now, false, true, &message).is_ok()).count();
    assert!(taken * message.len() <= DATA_SEND_BYTES_MAX + message.len(), "{taken}");
    assert_eq!(world.transport.send_data(world.now, false, true, &message), Err(DataError::Full));
}

#[test]
fn an_offer_without_data_channels_has_none() {
    let client = Client::new(&GCM_AND_CM, 1200);
    let mut remote = client.remote();
    remote.sctp_port = None;
    let mut world = World::with_remote(client, remote);
    world.check(world.tuple, crate::client::Check::Nominating);
    world.client.connect(world.now);
    world.run();
    world.client.associate(world.now);
    world.run();
    assert!(!world.client.has_association());
    assert_eq!(world.transport.send_data(world.now, false, true, b"x"), Err(DataError::NotOpen));

    world.transport.accept_data(5000);
    world.pass(Duration::from_secs(10), true);
    assert!(world.client.has_association(), "a later offer had them");
}

#[test]
fn other_channels_and_what_comes_before_the_open_are_dropped() {
    let mut world = associated();
    world.client.open(world.now, 4, "chat", ChannelType::Reliable);
    world.client.send(world.now, 4, Ppi::String, b"hello");
    world.client.open(world.now, 0, "bus", ChannelType::Reliable);
    world.run();
    world.client.send(world.now, 0, Ppi::Dcep, b"\x03rubbish");
    world.client.send(world.now, 0, Ppi::Unknown, b"rubbish");
    world.client.send(world.now, 0, Ppi::String, b"{}");
    world.run();
    assert_eq!(world.take_events(), [TransportEvent::DataOpen(true), data(false, b"{}")]);
}

#[test]
fn a_channel_that_is_opened_again_replaces_the_first() {
    let mut world = opened();
    world.client.open(world.now, 6, "bus", ChannelType::Reliable);
    world.run();
    assert_eq!(world.transport.send_data(world.now, false, true, b"x"), Ok(()));
    world.run();
    assert!(world.client.heard.contains(&Heard::Channel { id: 6, binary: true, message: b"x".to_vec() }));
    world.client.reset(world.now, 6);
    world.run();
    assert!(world.take_events().contains(&TransportEvent::DataOpen(false)));
}

#[test]
fn a_stream_cannot_be_both_channels() {
    let mut world = opened();
    world.client.send(world.now, 0, Ppi::Dcep, &[&[3, 0, 0, 0, 0, 0, 0, 0, 0, 14, 0, 0][..], b"bus-unreliable"].concat());
    world.run();
    assert_eq!(world.take_events(), [TransportEvent::DataOpen(false)]);
    assert_eq!(world.transport.send_data(world.now, false, true, b"x"), Err(DataError::NotOpen));
    assert_eq!(world.transport.send_data(world.now, true, true, b"x"), Ok(()));
}

#[test]
fn a_flood_of_streams_ends_the_association_and_nothing_else() {
    let mut world = opened();
    for id in 0..200 {
        if id > 2 && world.client.has_association() {
            world.client.open(world.now, id, "flood", ChannelType::Reliable);
            world.run();
        }
    }
    assert!(!world.client.has_association(), "more than {DATA_STREAMS_MAX}");
    assert_eq!(world.take_events(), [TransportEvent::DataOpen(false)]);
    assert_eq!(world.transport.send_data(world.now, false, true, b"x"), Err(DataError::NotOpen));
    assert!(world.transport.sender_mut().is_some());
    // The page may begin again.
    world.client.associate(world.now);
    world.run();
    world.client.open(world.now, 0, "bus", ChannelType::Reliable);
    world.run();
    assert_eq!(world.take_events(), [TransportEvent::DataOpen(true)]);
}

#[test]
fn an_association_begins_though_packets_get_lost() {
    for lost in [|number: u32| number == 1, |number| number == 2, |number| number == 3, |number| number == 4] {
        let mut world = World::connected(Client::new(&GCM_AND_CM, 1200));
        world.take_events();
        world.restart_losing(lost);
        world.client.associate(world.now);
        world.run();
        world.pass(Duration::from_secs(20), true);
        assert!(world.client.has_association());
        world.client.open(world.now, 0, "bus", ChannelType::Reliable);
        world.run();
        assert_eq!(world.take_events(), [TransportEvent::DataOpen(true)]);
    }
}
