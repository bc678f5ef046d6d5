//! Owns whole meetings from a seed: members come, look, fall silent, move, lose packets and go, and nothing that must hold breaks.

use std::time::Duration;

use crate::member::Member;
use crate::offer::Wants;
use crate::world::{Dice, Link, World};

/// Seeds that have found something once.
const FOUND: [u64; 3] = [11, 89, 101];

fn meeting(seed: u64) {
    let mut world = World::new(seed);
    let mut dice = Dice::new(!seed);
    let mut next = 1;
    for _ in 0..40 {
        let present: Vec<u32> = world.members.keys().copied().collect();
        let one = present.get(dice.roll(present.len() as u64) as usize).copied();
        match (dice.roll(12), one) {
            (0..=2, _) | (_, None) if present.len() < 7 => {
                let room = ["room", "another"][dice.roll(4) as usize / 3];
                let wants = Wants {
                    microphone: dice.roll(4) > 0,
                    camera: dice.roll(4) > 0,
                    pictures: 1 + dice.roll(5) as usize,
                    shift: dice.roll(8) as u8,
                    ..Wants::default()
                };
                world.join(next, room, wants, dice.roll(3) == 0);
                next += 1;
            }
            (3, Some(one)) => world.leave(one),
            (4..=7, Some(one)) => {
                let mut shown = Vec::new();
                for other in &present {
                    if *other != one && dice.roll(3) > 0 {
                        shown.push((*other, [90, 180, 360, 720][dice.roll(4) as usize]));
                    }
                }
                world.view(one, &shown);
            }
            (8, Some(one)) => {
                let member = world.members.get_mut(&one).expect("present");
                member.sends_media = !member.sends_media;
            }
            (9, Some(one)) => {
                let link =
                    Link { delay_ms: 5 + dice.roll(60), jitter_ms: dice.roll(20), lost: dice.roll(60), doubled: dice.roll(20) };
                world.links.insert(one, link);
            }
            (10, Some(one)) => {
                world.move_to_new_port(one);
                world.members.get_mut(&one).expect("present").client.restart(1 + (dice.roll(900) as u32));
                world.offer(one);
            }
            (11, Some(one)) => {
                let (wants, revision) = (world.members[&one].wants.clone(), world.members[&one].revision);
                let mut again = Member::new(world.now, one, wants);
                again.revision = revision + 1;
                world.members.insert(one, again);
                world.move_to_new_port(one);
                world.offer(one);
            }
            _ => {}
        }
        world.run_ms(50 + dice.roll(900));
        let faults = world.faults();
        assert!(faults.is_empty(), "seed {seed}: {faults:#?}");
    }
    for member in world.members.values() {
        for (ssrc, times) in &member.asked {
            let soon = times.windows(2).filter(|pair| pair[1] - pair[0] < Duration::from_millis(200)).count();
            assert!(soon == 0 || world.links[&member.number].doubled > 0, "seed {seed}: {ssrc} asked at {times:?}");
        }
    }
    world.end();
}

#[test]
fn whole_meetings_hold_what_must_hold() {
    (0..12).for_each(meeting);
}

#[test]
fn found_meetings_hold_too() {
    FOUND.into_iter().for_each(meeting);
}
