//! Owns the stories of bad links: what is lost is asked for, sent again, and costs no more than it may.

use visavis::protocol::Source;

use crate::offer::Wants;
use crate::world::{Link, World};

#[test]
fn five_percent_of_loss_both_ways_is_repaired() {
    let mut world = World::meet(21, 2);
    world.links.insert(1, Link::BAD);
    world.links.insert(2, Link::BAD);
    world.view(1, &[(2, 360)]);
    world.view(2, &[(1, 360)]);
    world.run_ms(15_000);
    for (own, other) in [(1, 2), (2, 1)] {
        let receiver = world.members[&own].slot_of(other, Source::Camera).expect("shown");
        assert!(receiver.filled > 5, "{} filled", receiver.filled);
        assert!(receiver.given_up <= 2, "{} given up", receiver.given_up);
        assert!(receiver.longest_pause.as_millis() < 1200, "{:?}", receiver.longest_pause);
    }
    world.end();
}

#[test]
fn who_leaves_under_loss_takes_no_packet_of_the_others_along() {
    for seed in 0..3 {
        let mut world = World::meet(30 + seed, 4);
        world.links.values_mut().for_each(|link| *link = Link { delay_ms: 10, jitter_ms: 5, lost: 20, doubled: 20 });
        world.view(1, &[(2, 180), (3, 180), (4, 180)]);
        world.run_ms(2000 + 7 * seed);
        world.leave(2);
        world.run_ms(2000);
        world.end();
    }
}

#[test]
fn a_storm_of_requests_for_keyframes_reaches_the_sender_at_the_throttle_only() {
    let mut world = World::meet(22, 2);
    world.view(1, &[(2, 360)]);
    world.run_ms(2000);
    let slot = world.members[&1].slot_of(2, Source::Camera).expect("shown").ssrc;
    let before: usize = world.members[&2].asked.values().map(Vec::len).sum();
    for _ in 0..500 {
        let mut bytes = [0; 100];
        let mut writer = visavis::rtp::rtcp::Writer::new(&mut bytes);
        writer.pli(1, slot);
        let len = writer.len();
        world.members.get_mut(&1).expect("there").client.send_rtcp(&bytes[..len]);
        world.run_ms(20);
    }
    let asked: usize = world.members[&2].asked.values().map(Vec::len).sum();
    assert!((1..=6).contains(&(asked - before)), "{} in ten seconds", asked - before);
    for times in world.members[&2].asked.values() {
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= std::time::Duration::from_millis(299)), "{times:?}");
    }
    world.end();
}

#[test]
fn a_storm_of_nacks_gets_a_share_of_what_was_sent_and_no_more() {
    let mut world = World::meet(23, 1);
    world.join(2, "room", Wants { microphone: false, camera: false, ..Wants::default() }, false);
    world.view(2, &[(1, 720)]);
    world.run_ms(3000);
    let slot = world.members[&2].slot_of(1, Source::Camera).expect("shown").ssrc;
    let before = world.members[&2].bytes;
    for _ in 0..500 {
        let newest = world.members[&2].slot_of(1, Source::Camera).and_then(|receiver| receiver.newest()).expect("came");
        let missing: Vec<u16> = (0..120).rev().map(|back| newest.wrapping_sub(back)).collect();
        let mut bytes = [0; 1000];
        let mut writer = visavis::rtp::rtcp::Writer::new(&mut bytes);
        writer.nack(1, slot, &missing);
        let len = writer.len();
        world.members.get_mut(&2).expect("there").client.send_rtcp(&bytes[..len]);
        world.run_ms(20);
    }
    let after = world.members[&2].bytes;
    let share = (after.1 - before.1) as f64 / (after.0 - before.0) as f64;
    assert!((0.05..0.18).contains(&share), "{share}");
    world.end();
}
