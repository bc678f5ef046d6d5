//! Random joins, drops, resumes, handovers and messages of every kind over many rooms, from a seed.

use std::collections::BTreeMap;
use std::time::Duration;

use visavis::config::Secret;
use visavis::hub::{Input, Settings, SfuSettings};
use visavis::id::ParticipantId;
use visavis::protocol::SfuGrant;

use crate::client::Hello;
use crate::world::World;

/// Seeds that once found something; run first, for ever. What a seed stands for changes with what clients do.
///
/// - 20, 109: a newer presence took the place of an older one, before the `changed` that it belongs after.
/// - 278: a signal of a device that had been taken over arrived after the model believed that none could.
const KEPT: [u64; 4] = [0, 20, 109, 278];

/// How many more are run. `VISAVIS_SIM_SEEDS` runs more, `VISAVIS_SIM_SEED` only that one.
const SEEDS: u64 = 16;

const CLIENTS: usize = 24;
const ROOMS: u32 = 5;
const STEPS: u32 = 1500;

/// What happens at least once in this many seeds; a simulation that never gets there proves nothing.
const RARE: u64 = 16;

/// What the clients must have seen.
const SIGHTS: [&str; 25] = [
    "answers",
    "binary frames",
    "chats",
    "credentials",
    "full rooms",
    "handovers",
    "hellos to a server that stops",
    "latest",
    "latest after superseded ones",
    "locations",
    "messages for the device before",
    "messages sent once",
    "private chats",
    "qualities",
    "refused offers",
    "resumes from the start",
    "resumes from too far back",
    "resumes with an old page",
    "sends",
    "slots",
    "slots after superseded ones",
    "speakers",
    "speakers after superseded ones",
    "tokens of another room",
    "welcomes",
];

#[test]
fn whole_days_of_meetings_keep_their_promises() {
    let number = |name: &str| std::env::var(name).ok().and_then(|number| number.parse().ok());
    let seeds: Vec<u64> = match number("VISAVIS_SIM_SEED") {
        Some(seed) => vec![seed],
        None => KEPT.into_iter().chain(1..=number("VISAVIS_SIM_SEEDS").unwrap_or(SEEDS)).collect(),
    };
    let mut totals: BTreeMap<&str, u64> = BTreeMap::new();
    for seed in &seeds {
        println!("seed {seed}"); // the last one printed is the one that failed
        let world = run(*seed);
        let counters = world.hub.stats().counters;
        let figures = [
            ("frames", world.frames),
            ("resumed", counters.resumed),
            ("handed over", counters.handed_over),
            ("expired", counters.expired),
            ("slow readers", world.slow_closes),
            ("late hellos", world.late_hellos),
            ("over data channels", world.media.over_data_channels),
            ("views", world.media.views),
        ];
        let seen = world.clients.iter().flat_map(|client| client.seen.iter().map(|(sight, count)| (*sight, *count)));
        for (name, count) in figures.into_iter().chain(seen) {
            *totals.entry(name).or_default() += count;
        }
    }
    println!("{totals:#?}");
    if seeds.len() as u64 > RARE {
        for sight in SIGHTS.into_iter().chain(["slow readers", "late hellos", "over data channels", "views", "expired"]) {
            let count = totals.get(sight).copied().unwrap_or(0);
            assert!(count >= seeds.len() as u64 / RARE, "the days were boring: {count} {sight}");
        }
    }
}

fn run(seed: u64) -> World {
    let mut settings = Settings { frames_per_second: 1, ..Settings::default() };
    settings.rooms.members_max = 10;
    settings.ice.turn_urls = vec!["turn:t.example".into()];
    settings.ice.turn_secret = Some(Secret::new("0123456789abcdef"));
    settings.ice.credential_ttl = Duration::from_secs(60);
    settings.sfu = Some(SfuSettings { shards: 3, grant: SfuGrant { slots_max: 64, port: 8443 } });
    let mut world = World::new(seed, settings, CLIENTS);
    for step in 0..STEPS {
        act(&mut world);
        if world.random(6) == 0 {
            world.stir();
        }
        let pause = world.random(60);
        world.pass(Duration::from_millis(u64::from(pause)));
        if step % 500 == 250 {
            storm(&mut world);
        }
        if step % 25 == 0 {
            world.check();
        }
        if step % 300 == 299 {
            // Half of those who are away stay away for longer than their grace, and come back as someone new.
            reconnect(&mut world, 2);
            world.pass(Duration::from_secs(60));
            // Longer than any grace and any delay: all news has arrived.
            reconnect(&mut world, 1);
            world.pass(Duration::from_secs(900));
            world.check_quiet();
        }
    }
    end(&mut world, seed);
    world
}

fn act(world: &mut World) {
    let at = world.random(CLIENTS as u32) as usize;
    let room = format!("room-{}", world.random(ROOMS));
    if world.clients[at].connection.is_none() && world.random(3) > 0 {
        let hello = match world.random(20) {
            0..2 => Hello::OtherDevice,
            2 => Hello::Ahead,
            3 if world.clients[at].seq > 0 => Hello::Behind,
            4 if !world.clients[at].room.is_empty() && world.clients[at].room != room => Hello::Elsewhere,
            _ => Hello::Normal,
        };
        return world.connect(at, &room, hello);
    }
    match world.random(100) {
        0..3 => return world.leave(at),
        3..10 => return world.lose(at),
        10..12 => return world.connect(at, &room, Hello::OtherDevice),
        12..13 => return world.connect_late(at),
        _ => {}
    }
    if world.can_speak(at) {
        speak(world, at);
    }
}

fn speak(world: &mut World, at: usize) {
    let someone = someone(world, at);
    let to = someone.filter(|_| world.random(2) == 0);
    let latest = world.random(2) == 0;
    match world.random(90) {
        0..25 => {
            if let Some(to) = someone {
                world.signal(at, to);
            }
        }
        25..29 => {
            let other = world.random(CLIENTS as u32) as usize;
            if world.clients[other].token_room != world.clients[at].token_room
                && let Some(to) = world.clients[other].own_id()
            {
                world.trespass(at, to);
            }
        }
        29..36 => world.offer(at),
        36..38 => world.view(at),
        38..39 => world.close_media(at),
        39..52 => world.chat(at, to),
        52..60 => world.presence(at),
        60..64 => world.location(at),
        64..67 => world.rename(at),
        67..77 => world.bus(at, to, latest),
        77..85 => world.bytes(at, to, latest, false),
        85..89 => world.once(at, to),
        _ => world.babble(at),
    }
}

fn someone(world: &mut World, at: usize) -> Option<ParticipantId> {
    let count = world.clients[at].roster.len() as u32;
    let nth = world.random(count.max(1)) as usize;
    world.clients[at].roster.keys().nth(nth).copied()
}

/// More than a slow reader can take, and now and then more than is kept for one that is away.
fn storm(world: &mut World) {
    let at = world.random(CLIENTS as u32) as usize;
    if world.clients[at].own.is_none() {
        return;
    }
    let kind = world.random(12);
    let frames = match kind {
        0 => 4500,
        1..4 => 350,
        _ => 1500,
    };
    for frame in 0..frames {
        match kind {
            1..4 => world.bytes(at, None, false, true),
            _ => world.bus(at, None, false),
        }
        // What a newer one makes worthless, among what waits.
        match frame % 200 {
            20 => world.bus(at, None, true),
            40 => world.bytes(at, None, true, false),
            60 => world.presence(at),
            80 => world.location(at),
            100 => world.rename(at),
            120.. if frame % 20 == 0 => world.stir(),
            _ => {}
        }
    }
    world.pass(Duration::from_secs(5));
}

fn reconnect(world: &mut World, one_in: u32) {
    for at in 0..CLIENTS {
        if world.random(one_in) == 0 && world.clients[at].connection.is_none() && !world.clients[at].room.is_empty() {
            let room = world.clients[at].room.clone();
            world.connect(at, &room, Hello::Normal);
        }
    }
}

/// All leave, or the server stops; then nothing is held.
fn end(world: &mut World, seed: u64) {
    if seed.is_multiple_of(2) {
        world.input(Input::Shutdown);
        world.pass(Duration::from_secs(5));
        reconnect(world, 1);
        world.pass(Duration::from_secs(5));
        assert!(world.clients.iter().all(|client| client.connection.is_none()), "a server that stops lets nobody in");
    }
    for at in 0..CLIENTS {
        world.leave(at);
    }
    world.pass(Duration::from_secs(900));
    world.check_empty();
}
