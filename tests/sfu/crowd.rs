//! Owns the stories of large rooms.

use visavis::protocol::Source;

use crate::offer::Wants;
use crate::world::World;

#[test]
fn two_hundred_with_twelve_pictures_each_notice_nothing_of_one_more() {
    let mut world = World::new(61);
    let shown: Vec<(u32, u16)> = (1..=12).map(|other| (other, 180)).collect();
    for number in 1..=200 {
        let sends = number <= 12;
        world.join(number, "hall", Wants { camera: sends, microphone: sends, pictures: 12, ..Wants::default() }, false);
        world.view(number, &shown);
    }
    world.run_ms(1200);
    let answers: usize = world.members.values().map(|member| member.answers).sum();
    assert_eq!((answers, world.sfu.stats().transports_connected), (200, 200));
    world.join(201, "hall", Wants { pictures: 12, ..Wants::default() }, false);
    world.view(201, &shown);
    world.run_ms(1000);
    assert_eq!(world.members.values().map(|member| member.answers).sum::<usize>(), answers + 1);
    assert!((1..=12).all(|other| world.members[&201].heard(other, Source::Camera) > 5));
    assert!((2..=12).all(|other| world.members[&100].heard(other, Source::Camera) > 5));
    world.end();
}

#[test]
fn a_member_with_forty_slots_gets_reports_of_all_in_datagrams_that_fit() {
    let mut world = World::meet(62, 40);
    for number in 1..=40 {
        world.members.get_mut(&number).expect("there").microphone = None;
    }
    world.join(41, "room", Wants { pictures: 40, ..Wants::default() }, false);
    let shown: Vec<(u32, u16)> = (1..=40).map(|other| (other, 180)).collect();
    world.view(41, &shown);
    world.run_ms(2500);
    assert!(world.members[&41].reported() >= 40, "{} of 40", world.members[&41].reported());
    world.end();
}
