//! Random joins, drops, resumes, handovers, signals and chats over many rooms, from a seed.

use std::time::Duration;

use visavis::config::Secret;
use visavis::hub::{Settings, SfuSettings};
use visavis::id::ParticipantId;
use visavis::protocol::SfuGrant;

use crate::world::World;

/// Seeds that once found something; run first, for ever.
const KEPT: [u64; 3] = [0, 20, 109];

/// How many more are run. `VISAVIS_SIM_SEEDS` runs more.
const SEEDS: u64 = 30;

const CLIENTS: usize = 24;
const ROOMS: u32 = 5;
const STEPS: u32 = 1500;

#[test]
fn whole_days_of_meetings_keep_their_promises() {
    let seeds = std::env::var("VISAVIS_SIM_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(SEEDS);
    let mut totals = (0, 0, 0, 0, 0);
    let mut forwarded = (0, 0);
    for seed in KEPT.into_iter().chain(1..=seeds) {
        println!("seed {seed}"); // the last one printed is the one that failed
        let world = run(seed);
        let counters = world.hub.stats().counters;
        totals.0 += world.frames;
        totals.1 += counters.resumed;
        totals.2 += counters.handed_over;
        totals.3 += counters.expired;
        totals.4 += world.slow_closes;
        forwarded.0 += world.answers;
        forwarded.1 += world.over_data_channels;
    }
    println!("frames, resumed, handed over, expired, slow: {totals:?}");
    let (frames, resumed, handed_over, expired, slow) = totals;
    let is_busy = frames > 100_000 && resumed > 1000 && handed_over > 100 && expired > 50 && slow > 10;
    assert!(is_busy, "the days were boring: {totals:?}");
    assert!(forwarded.0 > 500 && forwarded.1 > 1000, "the SFU was bored: {forwarded:?}");
}

fn run(seed: u64) -> World {
    let mut settings = Settings::default();
    settings.rooms.members_max = 10;
    settings.ice.turn_urls = vec!["turn:t.example".into()];
    settings.ice.turn_secret = Some(Secret::new("0123456789abcdef"));
    settings.ice.credential_ttl = Duration::from_secs(60);
    settings.sfu = Some(SfuSettings { shards: 3, grant: SfuGrant { slots_max: 64, port: 8443 } });
    let mut world = World::new(seed, settings, CLIENTS);
    for step in 0..STEPS {
        act(&mut world);
        let pause = world.random(60);
        world.pass(Duration::from_millis(u64::from(pause)));
        if step % 500 == 250 {
            storm(&mut world);
        }
        if step % 300 == 299 {
            // Half of those who are away stay away for longer than their grace, and come back as someone new.
            reconnect(&mut world, 2);
            world.pass(Duration::from_secs(60));
            // Longer than any grace and any delay: all news has arrived.
            reconnect(&mut world, 1);
            world.pass(Duration::from_secs(600));
            world.check_rosters();
        }
    }
    end(&mut world);
    world
}

fn act(world: &mut World) {
    let at = world.random(CLIENTS as u32) as usize;
    let room = format!("room-{}", world.random(ROOMS));
    if world.clients[at].connection.is_none() {
        let as_other_device = world.random(10) == 0;
        return world.connect(at, &room, as_other_device);
    }
    match world.random(100) {
        0..3 => world.leave(at),
        3..10 => world.lose(at),
        10..12 => world.connect(at, &room, true),
        12..45 => {
            if let Some(to) = someone(world, at) {
                world.signal(at, to);
            }
        }
        45..50 => {
            let other = world.random(CLIENTS as u32) as usize;
            if world.clients[other].room != world.clients[at].room
                && let Some(to) = world.clients[other].own
            {
                world.trespass(at, to);
            }
        }
        50..53 if at.is_multiple_of(2) => world.offer(at),
        50..73 => world.chat(at),
        73..85 => world.presence(at),
        85..95 => {
            let latest = world.random(2) == 0;
            world.bus(at, latest);
        }
        _ => world.binary(at),
    }
}

fn someone(world: &mut World, at: usize) -> Option<ParticipantId> {
    let count = world.clients[at].roster.len() as u32;
    let nth = world.random(count.max(1)) as usize;
    world.clients[at].roster.keys().nth(nth).copied()
}

/// More than a slow reader can take.
fn storm(world: &mut World) {
    let at = world.random(CLIENTS as u32) as usize;
    for _ in 0..1500 {
        world.bus(at, false);
    }
}

fn reconnect(world: &mut World, one_in: u32) {
    for at in 0..CLIENTS {
        if world.random(one_in) == 0 && world.clients[at].connection.is_none() && !world.clients[at].room.is_empty() {
            let room = world.clients[at].room.clone();
            world.connect(at, &room, false);
        }
    }
}

fn end(world: &mut World) {
    for at in 0..CLIENTS {
        world.leave(at);
    }
    world.pass(Duration::from_secs(600));
    let stats = world.hub.stats();
    let held = (stats.rooms, stats.sessions, stats.connections, stats.timers, stats.tokens);
    assert_eq!(held, (0, 0, 0, 0, 0), "after all have left nothing is held");
    assert_eq!((stats.forwarded, world.forwarded.len()), (0, 0), "nobody is left at a shard");
}
