//! DTLS: handshakes that succeed, and those that must not.

use std::time::Duration;

use proptest::prelude::*;
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use visavis::sfu::{Failure, Fingerprint, HashFunction, Refusal, TransportEvent};
use visavis::srtp::{Profile, RTCP_OVERHEAD_MAX, RTP_OVERHEAD_MAX};

use crate::client::{Check, Client, GCM_AND_CM, Heard, tuple};
use crate::world::{World, identity};

const CM_ONLY: [SrtpProtectionProfile; 1] = [SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80];
const MTU: usize = 1200;

/// Packets protected at one end open at the other.
fn assert_keys_agree(world: &mut World, profile: Profile) {
    let (mut sender, mut receiver) = world.client.srtp(profile);
    let clear = [&[0x80, 96, 0, 1, 0, 0, 0, 7, 0, 0, 0, 9][..], &[5; 100]].concat();
    let report = [0x80, 201, 0, 1, 0, 0, 0, 9];

    let mut packet = sender.encrypt_rtp(&clear).expect("encrypts").to_vec();
    let opened = world.transport.receiver_mut().expect("connected").unprotect_rtp(&mut packet).expect("authentic");
    assert_eq!(packet[..opened.len], clear);
    let mut packet = sender.encrypt_rtcp(&report).expect("encrypts").to_vec();
    let len = world.transport.receiver_mut().expect("connected").unprotect_rtcp(&mut packet).expect("authentic");
    assert_eq!(packet[..len], report);

    let ours = world.transport.sender_mut().expect("connected");
    let mut packet = [&clear[..], &[0; RTP_OVERHEAD_MAX]].concat();
    let len = ours.protect_rtp(&mut packet, 12, clear.len(), 0).expect("room");
    assert_eq!(receiver.decrypt_rtp(&packet[..len]).expect("authentic")[..], clear);
    let mut packet = [&report[..], &[0; RTCP_OVERHEAD_MAX]].concat();
    let len = ours.protect_rtcp(&mut packet, report.len()).expect("room");
    assert_eq!(receiver.decrypt_rtcp(&packet[..len]).expect("authentic")[..], report);
}

#[test]
fn gcm_is_chosen_though_the_client_prefers_another() {
    let mut world = World::connected(Client::new(&GCM_AND_CM, MTU));
    let profile = Profile::AeadAes128Gcm;
    assert_eq!(world.take_events(), [TransportEvent::Selected(world.tuple), TransportEvent::Connected { profile }]);
    assert!(world.client.heard.contains(&Heard::Connected));
    assert!(identity().fingerprint().is_of(world.client.server_certificate().expect("a certificate")));
    assert_keys_agree(&mut world, profile);
}

#[test]
fn a_client_without_gcm_gets_the_other_profile() {
    let mut world = World::connected(Client::new(&CM_ONLY, MTU));
    let profile = Profile::Aes128CmHmacSha1_80;
    assert!(world.take_events().contains(&TransportEvent::Connected { profile }));
    assert_keys_agree(&mut world, profile);
}

#[test]
fn a_client_without_a_profile_of_ours_is_refused() {
    let mut world = World::new(Client::new(&[SrtpProtectionProfile::Srtp_Aead_Aes_256_Gcm], MTU));
    world.check(world.tuple, Check::Nominating);
    world.client.connect(world.now);
    world.run();
    assert!(world.take_events().contains(&TransportEvent::Failed(Failure::Profile)));
    assert!(world.transport.receiver_mut().is_none());
    assert_eq!(world.transport.poll_timeout(), None);
}

#[test]
fn a_client_hello_in_fragments_is_put_together() {
    let mut world = World::connected(Client::new(&GCM_AND_CM, 100));
    assert!(world.seen[..2].iter().all(|datagram| datagram.len() < 130), "it was in fragments");
    assert!(world.take_events().contains(&TransportEvent::Connected { profile: Profile::AeadAes128Gcm }));
}

#[test]
fn the_hello_of_each_browser_is_answered() {
    for captured in [&include_bytes!("../../fuzz/corpus/dtls/chromium")[..], include_bytes!("../../fuzz/corpus/dtls/firefox")] {
        let mut world = World::new(Client::new(&GCM_AND_CM, MTU));
        world.check(world.tuple, Check::Nominating);
        let (first, rest) = captured[2..].split_at(usize::from(u16::from_be_bytes([captured[0], captured[1]])));
        let second = &rest[2..][..usize::from(u16::from_be_bytes([rest[0], rest[1]]))];
        assert_eq!(world.transport.handle_dtls(world.now, first, world.tuple), Ok(()));
        assert_eq!(world.transport.poll_transmit(), None);
        assert_eq!(world.transport.handle_dtls(world.now, second, world.tuple), Ok(()));
        let (_, answer) = world.transport.poll_transmit().expect("an answer");
        assert_eq!((answer[0], answer[13]), (22, 3), "a HelloVerifyRequest");
    }
}

#[test]
fn an_early_client_hello_waits_for_its_check() {
    let mut world = World::new(Client::new(&GCM_AND_CM, MTU));
    world.client.connect(world.now);
    let hello = world.client.poll_transmit(world.now).expect("a hello");
    assert_eq!(world.transport.handle_dtls(world.now, &hello, world.tuple), Ok(()));
    assert_eq!(world.transport.handle_dtls(world.now, &hello, tuple(66)), Ok(()), "from somewhere else");
    assert_eq!(world.transport.poll_transmit(), None, "nothing leaves for a way that is not proved");
    world.check(world.tuple, Check::Nominating);
    // No timer has run: the answer came by itself.
    world.run();
    assert!(world.take_events().contains(&TransportEvent::Connected { profile: Profile::AeadAes128Gcm }));
}

#[test]
fn what_is_kept_early_is_bounded() {
    let mut world = World::new(Client::new(&GCM_AND_CM, MTU));
    world.client.connect(world.now);
    let hello = world.client.poll_transmit(world.now).expect("a hello");
    let kept = (0..10_000).filter(|_| world.transport.handle_dtls(world.now, &hello, tuple(66)).is_ok()).count();
    assert!((1..200).contains(&kept), "{kept}");
    assert_eq!(world.transport.handle_dtls(world.now, &hello, tuple(67)), Err(Refusal::TooMuch));
    world.check(world.tuple, Check::Nominating);
    world.pass(Duration::from_secs(2), true);
    assert!(world.transport.sender_mut().is_some(), "the client came again");
}

#[test]
fn dtls_from_a_foreign_way_is_dropped() {
    let mut world = World::connected(Client::new(&GCM_AND_CM, MTU));
    world.client.close(world.now);
    let goodbye = world.client.poll_transmit(world.now).expect("an alert");
    assert_eq!(world.transport.handle_dtls(world.now, &goodbye, tuple(66)), Err(Refusal::UnknownTuple));
    assert!(world.transport.sender_mut().is_some());
    assert_eq!(world.transport.handle_dtls(world.now, &goodbye, world.tuple), Ok(()));
    assert!(world.take_events().contains(&TransportEvent::Closed));
    assert!(world.transport.sender_mut().is_none());
    assert_eq!(world.transport.handle_dtls(world.now, &goodbye, world.tuple), Err(Refusal::Closed));
}

#[test]
fn another_certificate_than_the_offers_is_refused() {
    let client = Client::new(&GCM_AND_CM, MTU);
    let mut remote = client.remote();
    remote.fingerprints = vec![Fingerprint::of(HashFunction::Sha256, b"another certificate")];
    let mut world = World::with_remote(client, remote);
    world.check(world.tuple, Check::Nominating);
    world.client.connect(world.now);
    world.run();
    let events = world.take_events();
    assert!(events.contains(&TransportEvent::Failed(Failure::Fingerprint)), "{events:?}");
    assert!(!events.iter().any(|event| matches!(event, TransportEvent::Connected { .. })));
    assert!(world.transport.sender_mut().is_none() && world.transport.receiver_mut().is_none());
    assert!(world.client.heard.contains(&Heard::Closed), "it is told: {:?}", world.client.heard);
}

#[test]
fn lost_flights_are_sent_again() {
    for lost in 1..12 {
        let mut world = World::new(Client::new(&GCM_AND_CM, MTU));
        world.is_lost = [
            |number| number == 1,
            |number| number == 2,
            |number| number == 3,
            |number| number == 4,
            |number| number == 5,
            |number| number == 6,
            |number| number == 7,
            |number| number % 3 == 0,
            |number| number % 3 == 1,
            |number| number % 4 == 0,
            |number| (3..9).contains(&number),
        ][lost - 1];
        world.check(world.tuple, Check::Nominating);
        world.client.connect(world.now);
        world.run();
        world.pass(Duration::from_secs(6), true);
        assert!(world.transport.sender_mut().is_some(), "server, losing as in case {lost}: {:?}", world.events);
        assert!(world.client.heard.contains(&Heard::Connected), "client, losing as in case {lost}");
    }
}

#[test]
fn a_lost_flight_is_sent_again_though_the_client_keeps_still() {
    let mut world = World::new(Client::new(&GCM_AND_CM, MTU));
    world.check(world.tuple, Check::Nominating);
    // Two from the client, one from us; then the flight with the certificate, and its repetition.
    world.is_lost = |number| number == 4 || number == 5;
    world.client.connect(world.now);
    world.run();
    for wait in [500, 1000] {
        assert!(world.transport.sender_mut().is_none());
        let due = world.transport.poll_timeout().expect("a timer");
        assert_eq!(due, world.now + Duration::from_millis(wait));
        world.now = due;
        world.transport.handle_timeout(world.now);
        world.run();
    }
    assert!(world.transport.sender_mut().is_some());
}

#[test]
fn a_transport_that_never_connects_fails() {
    let mut world = World::new(Client::new(&GCM_AND_CM, MTU));
    world.pass(Duration::from_secs(29), false);
    assert_eq!(world.take_events(), []);
    world.pass(Duration::from_secs(1), false);
    assert_eq!(world.take_events(), [TransportEvent::Failed(Failure::Timeout)]);

    let mut world = World::new(Client::new(&GCM_AND_CM, MTU));
    world.pass(Duration::from_secs(60), true);
    assert_eq!(world.take_events(), [TransportEvent::Selected(world.tuple), TransportEvent::Failed(Failure::Timeout)]);
}

#[test]
fn close_is_said_and_heard() {
    let mut world = World::connected(Client::new(&GCM_AND_CM, MTU));
    world.take_events();
    world.transport.close(world.now);
    world.run();
    assert!(world.client.heard.contains(&Heard::Closed));
    assert_eq!(world.take_events(), [], "who closes knows");
    assert_eq!(world.transport.poll_timeout(), None);
    assert!(world.transport.sender_mut().is_none());
}

#[test]
fn a_flood_of_handshake_records_is_bounded_and_harms_nothing() {
    let mut world = World::connected(Client::new(&GCM_AND_CM, MTU));
    // Fragments of a message that is never whole, such as anybody can write.
    let mut taken = 0;
    for number in 0..2000u16 {
        let mut record = vec![22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 1];
        record.extend(number.to_be_bytes());
        record.extend([4, 0x0c, 11, 0x0f, 0xff, 0xff, 0, 9]);
        record.extend([0, 0, 0, 0, 4, 0]);
        record.extend([0; 1024]);
        let handled = world.transport.handle_dtls(world.now, &record, world.tuple);
        taken += usize::from(handled.is_ok());
        while world.transport.poll_transmit().is_some() {}
    }
    assert!(taken < 100, "{taken}");
    assert_keys_agree(&mut world, Profile::AeadAes128Gcm);
    world.pass(Duration::from_secs(20), true);
    assert!(!world.take_events().iter().any(|event| matches!(event, TransportEvent::Failed(_) | TransportEvent::Closed)));
}

#[test]
fn a_plain_alert_ends_nothing_once_connected() {
    let mut world = World::connected(Client::new(&GCM_AND_CM, MTU));
    for (epoch, body) in [(0, [2, 40]), (0, [1, 0]), (1, [2, 40]), (2, [1, 0])] {
        let alert = [&[21, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, 99, 0, 2][..], &body].concat();
        let _ = world.transport.handle_dtls(world.now, &alert, world.tuple);
    }
    world.take_events();
    assert_keys_agree(&mut world, Profile::AeadAes128Gcm);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_datagram_of_dtls_panics(
        step in 0usize..8, cut in 0usize..1500, changes in proptest::collection::vec((0usize..1500, any::<u8>()), 0..4),
        mut random in proptest::collection::vec(any::<u8>(), 0..300), first in 20u8..64,
    ) {
        let mut world = World::new(Client::new(&GCM_AND_CM, 300));
        world.check(world.tuple, Check::Nominating);
        world.client.connect(world.now);
        for number in 0..20 {
            let Some(datagram) = world.client.poll_transmit(world.now) else { break };
            if number == step {
                let mut forged = datagram.to_vec();
                for (at, byte) in &changes {
                    let at = at % forged.len();
                    forged[at] = *byte;
                }
                forged.truncate(cut.max(1));
                let _ = world.transport.handle_dtls(world.now, &forged, world.tuple);
                if let Some(byte) = random.first_mut() {
                    *byte = first;
                }
                let _ = world.transport.handle_dtls(world.now, &random, world.tuple);
            }
            let _ = world.transport.handle_dtls(world.now, &datagram, world.tuple);
            world.collect();
        }
    }
}
