//! ICE: checks that are proved and those that are not, which way is used, and until when.

use std::net::SocketAddr;
use std::time::Duration;

use proptest::prelude::*;
use visavis::sfu::{Failure, OtherIdentity, Refusal, TransportEvent, answer_binding};

use crate::client::{Check, Client, GCM_AND_CM, check, credentials, mapped, tuple};
use crate::world::World;

fn client() -> Client {
    Client::new(&GCM_AND_CM, 1200)
}

#[test]
fn a_proved_check_is_answered_and_selects_the_first_way() {
    let mut world = World::new(client());
    let request = check(&world.ours, world.client.ufrag, Check::Plain);
    assert!(!world.transport.is_valid(world.tuple));
    assert_eq!(world.transport.handle_stun(world.now, &request, world.tuple), Ok(()));
    world.collect();
    assert_eq!(world.answers.len(), 1);
    let (way, answer) = &world.answers[0];
    assert_eq!(*way, world.tuple);
    assert_eq!(mapped(answer, &request, &world.ours), Some(world.tuple.remote));
    assert!(world.transport.is_valid(world.tuple));
    assert_eq!(world.take_events(), [TransportEvent::Selected(world.tuple)]);
}

#[test]
fn what_is_not_proved_is_neither_answered_nor_believed() {
    let mut world = World::new(client());
    let true_check = check(&world.ours, world.client.ufrag, Check::Nominating);
    let mut other_password = world.ours.clone();
    other_password.pwd.push('x');
    let mut other_ufrag = world.ours.clone();
    other_ufrag.ufrag.push('x');
    let forged = [
        (check(&other_password, world.client.ufrag, Check::Nominating), Refusal::Unproved),
        (check(&other_ufrag, world.client.ufrag, Check::Nominating), Refusal::Unproved),
        (check(&world.ours, "another", Check::Nominating), Refusal::Unproved),
        (true_check[..true_check.len() - 8].to_vec(), Refusal::Malformed),
        ([&true_check[..], &[0; 4]].concat(), Refusal::Malformed),
        (vec![0, 1, 0, 0], Refusal::Malformed),
    ];
    for (datagram, refusal) in forged {
        assert_eq!(world.transport.handle_stun(world.now, &datagram, world.tuple), Err(refusal));
    }
    for bit in 0..true_check.len() * 8 {
        let mut changed = true_check.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(world.transport.handle_stun(world.now, &changed, world.tuple).is_err(), "bit {bit}");
    }
    assert_eq!(world.transport.poll_transmit(), None);
    assert_eq!(world.take_events(), []);
    assert_eq!(world.transport.selected(), None);
}

#[test]
fn a_nomination_after_the_proof_is_nobodys() {
    let mut world = World::new(client());
    world.check(tuple(1), Check::Nominating);
    world.check(tuple(2), Check::NominatingUnproved);
    assert_eq!(world.transport.selected(), Some(tuple(1)));
    world.check(tuple(2), Check::Nominating);
    assert_eq!(world.transport.selected(), Some(tuple(2)));
}

#[test]
fn a_role_conflict_is_told_and_changes_nothing() {
    let mut world = World::new(client());
    let request = check(&world.ours, world.client.ufrag, Check::Controlled);
    assert_eq!(world.transport.handle_stun(world.now, &request, world.tuple), Err(Refusal::RoleConflict));
    let (_, answer) = world.transport.poll_transmit().expect("an answer");
    assert_eq!(answer[..2], [0x01, 0x11], "a Binding error");
    assert!(answer.windows(4).any(|window| window == [0, 0, 4, 87]));
    assert_eq!(mapped(&answer, &request, &world.ours), None);
    assert!(!world.transport.is_valid(world.tuple));
}

#[test]
fn the_ninth_way_replaces_the_oldest_that_is_not_used() {
    let mut world = World::new(client());
    for port in 1..=8 {
        world.check(tuple(port), if port == 1 { Check::Nominating } else { Check::Plain });
        world.now += Duration::from_millis(10);
    }
    assert_eq!(world.take_events(), [TransportEvent::Selected(tuple(1))]);
    world.check(tuple(9), Check::Plain);
    assert_eq!(world.take_events(), [TransportEvent::Dropped(tuple(2))]);
    assert!(world.transport.is_valid(tuple(1)) && !world.transport.is_valid(tuple(2)) && world.transport.is_valid(tuple(9)));
    for port in 10..200 {
        world.check(tuple(port), Check::Plain);
    }
    assert_eq!((1..200).filter(|port| world.transport.is_valid(tuple(*port))).count(), 8);
    assert_eq!(world.transport.selected(), Some(tuple(1)));
}

#[test]
fn consent_lapses_without_checks_and_holds_with_them() {
    let mut world = World::connected(client());
    world.pass(Duration::from_secs(120), true);
    assert!(world.transport.is_valid(world.tuple));
    world.take_events();
    world.pass(Duration::from_secs(31), false);
    let events = world.take_events();
    assert_eq!(events, [TransportEvent::Dropped(world.tuple), TransportEvent::Failed(Failure::Consent)]);
    assert_eq!((world.transport.selected(), world.transport.poll_timeout()), (None, None));
    let request = check(&world.ours, world.client.ufrag, Check::Nominating);
    assert_eq!(world.transport.handle_stun(world.now, &request, world.tuple), Err(Refusal::Closed));
    assert_eq!(world.transport.poll_transmit(), None, "only a restart brings it back");
}

#[test]
fn a_replayed_check_moves_media_only_where_it_was_seen() {
    // Whoever can read a check can send it from elsewhere, as with every ICE agent; the next true one moves media back.
    let mut world = World::connected(client());
    let seen = check(&world.ours, world.client.ufrag, Check::Nominating);
    assert_eq!(world.transport.handle_stun(world.now, &seen, world.tuple), Ok(()));
    assert_eq!(world.transport.handle_stun(world.now, &seen, tuple(66)), Ok(()));
    world.collect();
    world.check(world.tuple, Check::Nominating);
    assert_eq!(world.transport.selected(), Some(world.tuple));
}

#[test]
fn a_new_source_address_moves_the_transport() {
    let mut world = World::connected(client());
    world.take_events();
    let moved = tuple(2000);
    world.check(moved, Check::Nominating);
    assert_eq!(world.take_events(), [TransportEvent::Selected(moved)]);
    assert!(world.transport.is_valid(world.tuple), "what is still on its way comes in");
}

#[test]
fn a_silent_way_gives_way_to_one_that_nobody_nominated() {
    let mut world = World::connected(client());
    let moved = tuple(2000);
    world.now += Duration::from_secs(7);
    world.check(moved, Check::Plain);
    assert_eq!(world.transport.selected(), Some(world.tuple));
    world.now += Duration::from_secs(2);
    world.check(moved, Check::Plain);
    assert_eq!(world.transport.selected(), Some(moved));
}

#[test]
fn a_closed_connection_leaves_the_other_ways() {
    let mut world = World::connected(client());
    world.check(tuple(2000), Check::Plain);
    world.take_events();
    world.transport.handle_closed(world.tuple);
    assert_eq!(world.take_events(), [TransportEvent::Dropped(world.tuple), TransportEvent::Selected(tuple(2000))]);
    world.transport.handle_closed(tuple(2000));
    let events = world.take_events();
    assert_eq!(events, [TransportEvent::Dropped(tuple(2000)), TransportEvent::Failed(Failure::Consent)]);
}

#[test]
fn media_goes_on_over_the_old_way_until_the_restart_is_proved() {
    let mut world = World::connected(client());
    let (old, new) = (world.ours.clone(), credentials(1));
    let mut remote = world.client.remote();
    remote.ufrag = "cli2".to_owned();
    world.transport.restart(new.clone(), remote, world.now).expect("the same certificate");
    assert_eq!(world.transport.selected(), Some(world.tuple));
    // Checks of before go on until the client has the answer.
    world.check(world.tuple, Check::Nominating);
    assert!(world.transport.sender_mut().is_some());
    world.take_events();

    let moved = tuple(3000);
    (world.ours, world.client.ufrag) = (new, "cli2");
    world.check(moved, Check::Plain);
    assert_eq!(world.take_events(), [TransportEvent::Selected(moved)]);
    let stale = check(&old, "cli+", Check::Nominating);
    assert_eq!(world.transport.handle_stun(world.now, &stale, moved), Err(Refusal::Unproved));
    assert!(world.transport.sender_mut().is_some(), "the same keys");
}

#[test]
fn a_restart_brings_back_what_had_lapsed() {
    let mut world = World::connected(client());
    assert!(!world.transport.has_failed());
    world.pass(Duration::from_secs(60), false);
    assert!(world.transport.has_failed());
    world.take_events();
    let remote = world.client.remote();
    world.ours = credentials(1);
    world.transport.restart(world.ours.clone(), remote, world.now).expect("the same certificate");
    world.check(tuple(3000), Check::Plain);
    assert_eq!(world.take_events(), [TransportEvent::Selected(tuple(3000))]);
    assert!(world.transport.is_valid(tuple(3000)) && world.transport.sender_mut().is_some());
    assert!(!world.transport.has_failed());
    world.pass(Duration::from_secs(60), false);
    assert!(world.take_events().contains(&TransportEvent::Failed(Failure::Consent)), "and it lapses again");
}

#[test]
fn a_restart_with_another_certificate_is_none() {
    let mut world = World::connected(client());
    let remote = client().remote();
    assert_eq!(world.transport.restart(credentials(1), remote, world.now), Err(OtherIdentity));
    world.check(world.tuple, Check::Nominating);
}

#[test]
fn the_plain_service_tells_who_asks_and_nobody_else() {
    let from: SocketAddr = "203.0.113.9:4242".parse().expect("an address");
    let request = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
    let answer = answer_binding(&request, from).expect("an answer");
    assert_eq!(answer.len(), 32);
    assert_eq!(answer[..4], [1, 1, 0, 12]);
    assert_eq!(answer[4..20], request[4..]);
    assert_eq!(answer[20..], [0, 0x20, 0, 8, 0, 1, 0x10 ^ 0x21, 0x92 ^ 0x12, 203 ^ 0x21, 0x12, 113 ^ 0xa4, 9 ^ 0x42]);
    let mapped_v4: SocketAddr = "[::ffff:203.0.113.9]:4242".parse().expect("an address");
    assert_eq!(answer_binding(&request, mapped_v4), Some(answer.clone()));
    assert_eq!(answer_binding(&request, "[2001:db8::1]:1".parse().expect("an address")).map(|answer| answer.len()), Some(44));

    let mut world = World::new(client());
    let with_name = check(&world.ours, world.client.ufrag, Check::Plain);
    assert_eq!(answer_binding(&with_name, from), None, "a check has its own answer");
    assert_eq!(answer_binding(&answer, from), None, "no echo of an answer");
    assert_eq!(answer_binding(&request[..19], from), None);
    let indication = [&[0, 0x11][..], &request[2..]].concat();
    assert_eq!(answer_binding(&indication, from), None);
    let mut padded = [&request[..], &[0x80, 0x22, 1, 0], &[7; 256]].concat();
    padded[2..4].copy_from_slice(&260u16.to_be_bytes());
    assert_eq!(answer_binding(&padded, from), None, "too long");
    let change_request = [&[0, 1, 0, 8], &request[4..], &[0, 3, 0, 4, 0, 0, 0, 6]].concat();
    assert_eq!(answer_binding(&change_request, from), None, "it would be told wrong");
    assert_eq!(world.transport.handle_stun(world.now, &request, world.tuple), Err(Refusal::Malformed));
}

proptest! {
    #[test]
    fn no_stun_message_panics(
        changes in proptest::collection::vec((0usize..120, any::<u8>()), 0..4), cut in 0usize..200,
        mut random in proptest::collection::vec(any::<u8>(), 0..200), first in 0u8..4,
    ) {
        let mut world = World::new(client());
        let mut datagram = check(&world.ours, world.client.ufrag, Check::Nominating);
        for (at, byte) in changes {
            let at = at % datagram.len();
            datagram[at] = byte;
        }
        datagram.truncate(cut);
        let _ = world.transport.handle_stun(world.now, &datagram, world.tuple);
        let _ = answer_binding(&datagram, world.tuple.remote);
        if let Some(byte) = random.first_mut() {
            *byte = first;
        }
        let _ = world.transport.handle_stun(world.now, &random, world.tuple);
        let _ = answer_binding(&random, world.tuple.remote);
        let _ = visavis::sfu::shard_of(&random);
    }
}
