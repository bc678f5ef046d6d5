//! Owns the stories of members and strangers that mean no good, and of the others, who do not notice.

use visavis::protocol::Source;
use visavis::sfu::DropReason;

use crate::world::{Dice, World};

fn pictures(world: &mut World, millis: u64) -> usize {
    let before = world.members[&1].heard(2, Source::Camera);
    world.run_ms(millis);
    world.members[&1].heard(2, Source::Camera) - before
}

#[test]
fn a_flood_of_garbage_from_a_member_is_limited_and_harms_nobody() {
    let mut world = World::meet(41, 3);
    world.view(1, &[(2, 360)]);
    world.run_ms(3000);
    let port = world.ports[&3];
    let mut garbage = [0x90; 200];
    garbage[1] = 96;
    for step in 0..1000_u32 {
        for number in 0..30_u32 {
            garbage[2..6].copy_from_slice(&(step * 30 + number).to_be_bytes());
            world.inject(port, &garbage);
        }
        world.run_ms(1);
    }
    let drops = world.sfu.stats().drops;
    assert!(drops.of(DropReason::Flood) > 15_000, "{} as a flood", drops.of(DropReason::Flood));
    assert!(drops.of(DropReason::Forged) < 15_000, "{} opened in vain", drops.of(DropReason::Forged));
    assert!(pictures(&mut world, 1000) >= 14);
    assert!(world.members[&1].slot_of(2, Source::Camera).expect("shown").longest_pause.as_millis() < 300);
    world.end();
}

#[test]
fn strangers_and_forgers_are_dropped_and_counted() {
    let mut world = World::meet(42, 2);
    world.view(1, &[(2, 360)]);
    world.run_ms(2000);
    let mut dice = Dice::new(42);
    for port in [world.ports[&2], 9] {
        for _ in 0..3000 {
            let len = dice.roll(300) as usize;
            let mut datagram: Vec<u8> = (0..len).map(|_| dice.roll(256) as u8).collect();
            if let Some(first) = datagram.first_mut() {
                *first = [0, 1, 22, 0x80, 0x90, 0xb0, 255][dice.roll(7) as usize];
            }
            world.inject(port, &datagram);
        }
        world.run_ms(1000);
    }
    let drops = world.sfu.stats().drops;
    for reason in [DropReason::Unknown, DropReason::Unchecked, DropReason::BadCheck, DropReason::Forged] {
        assert!(drops.of(reason) > 100, "{reason:?}: {}", drops.of(reason));
    }
    assert!(pictures(&mut world, 1000) >= 14);
    world.end();
}

#[test]
fn what_comes_twice_or_cut_or_changed_is_not_taken() {
    let mut world = World::meet(43, 2);
    world.view(1, &[(2, 360)]);
    world.run_ms(2000);
    let port = world.ports[&2];
    let mut dice = Dice::new(43);
    for _ in 0..400 {
        world.run_ms(5);
        world.members.get_mut(&2).expect("there").handle_timeout(world.now);
        let taken: Vec<Vec<u8>> =
            std::iter::from_fn(|| world.members.get_mut(&2).and_then(|member| member.client.poll_transmit())).collect();
        for datagram in taken {
            let mut changed = datagram.clone();
            let at = dice.roll(changed.len() as u64) as usize;
            changed[at] ^= 1 << dice.roll(8);
            world.inject(port, &changed);
            world.inject(port, &datagram[..dice.roll(datagram.len() as u64) as usize]);
            world.inject(port, &datagram);
            world.inject(port, &datagram);
        }
    }
    let drops = world.sfu.stats().drops;
    assert!(world.members[&1].slot_of(2, Source::Camera).expect("shown").given_up == 0);
    let _ = drops;
    assert!(pictures(&mut world, 1000) >= 14);
    world.end();
}
