//! Owns the stories of members who come, look at each other and go.

use visavis::protocol::{SfuState, SlotStanding, Source};
use visavis::sfu::{Command, DropReason};

use crate::member::{id, microphone_of};
use crate::offer::Wants;
use crate::world::{Link, World};

#[test]
fn two_meet_and_see_and_hear_each_other() {
    let mut world = World::meet(1, 2);
    world.view(1, &[(2, 720)]);
    world.view(2, &[(1, 720)]);
    world.run_ms(5000);
    for (own, other) in [(1, 2), (2, 1)] {
        let member = &world.members[&own];
        assert!(member.heard(other, Source::Camera) > 60, "{} pictures", member.heard(other, Source::Camera));
        assert!(member.heard(other, Source::Microphone) > 220, "{} sounds", member.heard(other, Source::Microphone));
        assert_eq!(member.lines_of(other), Some(720));
        assert_eq!(member.reported(), 2, "sender reports of both");
        assert!(member.feedback > 20, "{} times feedback for the sender's estimate", member.feedback);
    }
    world.end();
}

#[test]
fn who_comes_late_sees_everyone_soon_and_nobody_else_notices() {
    let mut world = World::meet(2, 2);
    world.view(1, &[(2, 360), (3, 360)]);
    world.run_ms(3000);
    let answers: usize = world.members.values().map(|member| member.answers).sum();
    world.join(3, "room", Wants::default(), false);
    world.view(3, &[(1, 180), (2, 180)]);
    world.run_ms(2000);
    let late = &world.members[&3];
    assert!(late.heard(1, Source::Camera) > 15 && late.heard(2, Source::Camera) > 15);
    assert!(world.members[&1].heard(3, Source::Camera) > 15);
    assert_eq!(world.members.values().map(|member| member.answers).sum::<usize>(), answers + 1);
    world.end();
}

#[test]
fn a_view_of_another_size_gets_another_layer_without_a_break() {
    let mut world = World::meet(3, 2);
    for lines in [180, 720, 360, 720, 180] {
        world.view(1, &[(2, lines)]);
        world.run_ms(4000);
        assert_eq!(world.members[&1].lines_of(2), Some(lines));
    }
    let receiver = world.members[&1].slot_of(2, Source::Camera).expect("shown");
    assert!(receiver.longest_pause.as_millis() < 400, "{:?}", receiver.longest_pause);
    assert_eq!(receiver.undecodable, 0);
    world.end();
}

#[test]
fn a_layer_that_nobody_watches_is_switched_off_and_comes_back() {
    let mut world = World::meet(4, 2);
    world.view(1, &[(2, 180)]);
    world.run_ms(9000);
    let is_active = |world: &World, rid| world.members[&2].camera.as_ref().expect("sends").is_active(rid);
    assert_eq!(["q", "h", "f"].map(|rid| is_active(&world, rid)), [true, false, false]);
    world.view(1, &[(2, 720)]);
    world.run_ms(1500);
    assert!(is_active(&world, "f"));
    assert_eq!(world.members[&1].lines_of(2), Some(720));
    world.view(1, &[]);
    world.run_ms(9000);
    assert!(world.members[&2].sends.iter().any(|section| section.mid == "1" && section.paused));
    world.end();
}

#[test]
fn a_sender_that_stops_its_best_layer_is_still_seen() {
    let mut world = World::meet(5, 2);
    world.view(1, &[(2, 720)]);
    world.run_ms(4000);
    world.members.get_mut(&2).expect("there").camera.as_mut().expect("sends").most = 2;
    let before = world.members[&1].heard(2, Source::Camera);
    world.run_ms(5000);
    assert_eq!(world.members[&1].lines_of(2), Some(360));
    assert!(world.members[&1].heard(2, Source::Camera) > before + 40);
    world.end();
}

#[test]
fn a_further_offer_brings_more_slots_and_keeps_what_flows() {
    let mut world = World::meet(6, 4);
    let wants = Wants { pictures: 1, ..Wants::default() };
    world.join(9, "room", wants, false);
    world.view(9, &[(1, 180), (2, 180), (3, 180)]);
    world.run_ms(3000);
    assert_eq!([1, 2, 3].map(|other| world.members[&9].heard(other, Source::Camera) > 0), [true, false, false]);
    world.members.get_mut(&9).expect("there").wants.pictures = 3;
    world.offer(9);
    world.run_ms(3000);
    assert!([1, 2, 3].iter().all(|other| world.members[&9].heard(*other, Source::Camera) > 15));
    world.end();
}

#[test]
fn a_camera_that_a_further_offer_stops_is_gone_and_comes_back() {
    let mut world = World::meet(16, 2);
    world.view(1, &[(2, 360)]);
    for camera in [true, false, true] {
        world.members.get_mut(&2).expect("there").wants.camera = camera;
        world.offer(2);
        world.run_ms(1000);
        let before = world.members[&1].heard(2, Source::Camera);
        world.run_ms(1000);
        assert_eq!(world.members[&1].slot_of(2, Source::Camera).is_some(), camera);
        assert_eq!(world.members[&1].heard(2, Source::Camera) > before, camera);
        assert_eq!(world.sfu.stats().publications, 3 + usize::from(camera));
    }
    world.end();
}

#[test]
fn a_restart_of_ice_from_another_address_brings_the_media_back() {
    let mut world = World::meet(7, 2);
    world.view(1, &[(2, 360)]);
    world.view(2, &[(1, 360)]);
    world.run_ms(3000);
    world.move_to_new_port(1);
    world.members.get_mut(&1).expect("there").client.restart(1);
    world.offer(1);
    world.run_ms(1000);
    let before = [world.members[&1].heard(2, Source::Camera), world.members[&2].heard(1, Source::Camera)];
    world.run_ms(1000);
    assert!(world.members[&1].heard(2, Source::Camera) > before[0] + 10);
    assert!(world.members[&2].heard(1, Source::Camera) > before[1] + 10);
    world.end();
}

#[test]
fn another_revision_begins_anew() {
    let mut world = World::meet(8, 2);
    world.view(1, &[(2, 360)]);
    world.view(2, &[(1, 360)]);
    world.run_ms(2000);
    let mut again = crate::member::Member::new(world.now, 1, Wants::default());
    again.revision = 2;
    world.members.insert(1, again);
    world.move_to_new_port(1);
    world.offer(1);
    world.run_ms(3000);
    assert!(world.members[&1].heard(2, Source::Camera) > 20);
    let before = world.members[&2].heard(1, Source::Camera);
    world.run_ms(1000);
    assert!(world.members[&2].heard(1, Source::Camera) > before + 10);
    assert_eq!(world.sfu.stats().transports_connected, 2);
    world.end();
}

#[test]
fn two_who_reach_each_other_are_not_forwarded() {
    let mut world = World::new(9);
    for (number, direct) in [(1, true), (2, true), (3, false)] {
        world.join(number, "room", Wants::default(), direct);
    }
    world.view(1, &[(2, 360), (3, 360)]);
    world.view(3, &[(1, 360), (2, 360)]);
    world.run_ms(3000);
    for source in [Source::Camera, Source::Microphone] {
        assert_eq!(world.members[&1].heard(2, source), 0);
        assert!(world.members[&1].heard(3, source) > 20);
        assert!(world.members[&3].heard(1, source) > 20 && world.members[&3].heard(2, source) > 20);
    }
    world.end();
}

#[test]
fn nothing_passes_from_room_to_room() {
    let mut world = World::meet(10, 2);
    world.join(3, "another", Wants::default(), false);
    world.view(3, &[(1, 360), (2, 360)]);
    world.run_ms(3000);
    assert_eq!([1, 2].map(|other| world.members[&3].heard(other, Source::Camera)), [0, 0]);
    assert_eq!([1, 2].map(|other| world.members[&3].heard(other, Source::Microphone)), [0, 0]);
    world.end();
}

#[test]
fn a_codec_that_a_receiver_lacks_is_said_and_not_sent() {
    let mut world = World::meet(11, 1);
    world.join(2, "room", Wants { video: "VP9", camera: false, ..Wants::default() }, false);
    world.view(2, &[(1, 360)]);
    world.run_ms(3000);
    let member = &world.members[&2];
    let states: Vec<_> =
        member.told.values().filter_map(|told| told.now.as_ref()).filter(|slot| slot.source == Source::Camera).collect();
    assert!(matches!(&states[..], [slot] if slot.state == SlotStanding::Unsupported), "{states:?}");
    assert_eq!(member.heard(1, Source::Camera), 0);
    assert!(member.heard(1, Source::Microphone) > 100);
    world.end();
}

#[test]
fn of_ten_voices_the_loudest_three_are_heard() {
    let mut world = World::meet(12, 10);
    for _ in 0..60 {
        for (number, member) in &mut world.members {
            let is_loud = matches!(number, 4 | 7 | 9);
            let level = if is_loud { 20 + world.dice.roll(25) as u8 } else { 110 };
            member.microphone.as_mut().expect("sends").level = level;
        }
        world.run_ms(80);
    }
    let heard = |world: &World| {
        (2..=10).filter(|other| world.members[&1].slot_of(*other, Source::Microphone).is_some()).collect::<Vec<u32>>()
    };
    assert_eq!(heard(&world), [4, 7, 9]);
    let (_, speaking) = world.speakers.clone().expect("heard");
    assert_eq!(speaking, [4, 7, 9].map(id));
    assert_eq!(world.members[&1].receivers.iter().filter(|receiver| receiver.heard.contains_key(&microphone_of(4))).count(), 1);
    world.end();
}

#[test]
fn who_leaves_is_gone_at_once_and_the_others_go_on() {
    let mut world = World::meet(13, 4);
    world.view(1, &[(2, 360), (3, 360), (4, 360)]);
    world.run_ms(3000);
    world.leave(2);
    world.run_ms(3000);
    for other in [3, 4] {
        let receiver = world.members[&1].slot_of(other, Source::Camera).expect("shown");
        assert!(receiver.longest_pause.as_millis() < 300, "{:?}", receiver.longest_pause);
        assert_eq!((receiver.given_up, receiver.undecodable), (0, 0));
    }
    assert_eq!(world.left, [id(2)]);
    world.end();
}

#[test]
fn a_closed_connection_leaves_a_member_that_can_connect_again() {
    let mut world = World::meet(14, 2);
    world.run_ms(1000);
    world.sfu.handle_command(world.now, Command::Close { participant: id(2) });
    world.run_ms(500);
    let stats = world.sfu.stats();
    assert_eq!((stats.members, stats.transports_connected, stats.publications), (2, 1, 2));
    world.end();
}

#[test]
fn whose_link_is_cut_is_said_to_have_failed_and_holds_nobody() {
    let mut world = World::meet(15, 2);
    world.run_ms(1000);
    world.links.insert(2, Link::CUT);
    world.run_ms(32_000);
    assert!(world.states.contains(&(id(2), SfuState::Failed)), "{:?}", world.states);
    assert_eq!(world.sfu.stats().drops.of(DropReason::Forged), 0);
    world.end();
}
