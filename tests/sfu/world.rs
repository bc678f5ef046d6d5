//! Owns one SFU and its members on one virtual clock, and the links between them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use visavis::id::ParticipantId;
use visavis::protocol::{SfuState, Shown, Source};
use visavis::sfu::{Command, Event, Identity, Outbound, Protocol, Settings, Sfu, ShardId, Tuple};

use crate::allocations::during;
use crate::member::{Member, id};
use crate::offer::{self, Wants};

/// The beginning of time.
pub fn start() -> Instant {
    static START: OnceLock<Instant> = OnceLock::new();
    *START.get_or_init(Instant::now)
}

fn identity() -> Arc<Identity> {
    static IDENTITY: OnceLock<Arc<Identity>> = OnceLock::new();
    IDENTITY.get_or_init(|| Arc::new(Identity::generate().expect("randomness"))).clone()
}

/// How datagrams fare between a member and the SFU, each way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    pub delay_ms: u64,
    pub jitter_ms: u64,
    /// In a thousand.
    pub lost: u64,
    pub doubled: u64,
}

impl Link {
    pub const GOOD: Self = Self { delay_ms: 10, jitter_ms: 0, lost: 0, doubled: 0 };
    pub const BAD: Self = Self { delay_ms: 20, jitter_ms: 15, lost: 50, doubled: 10 };
    pub const CUT: Self = Self { delay_ms: 10, jitter_ms: 0, lost: 1000, doubled: 0 };
}

/// Numbers from a seed.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    pub fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below.max(1)
    }
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Server(Vec<u8>, u16),
    Member(Vec<u8>, u32),
}

pub struct World {
    pub sfu: Sfu,
    pub now: Instant,
    pub members: BTreeMap<u32, Member>,
    pub links: BTreeMap<u32, Link>,
    /// The port that each member sends from.
    pub ports: BTreeMap<u32, u16>,
    pub dice: Dice,
    pub states: Vec<(ParticipantId, SfuState)>,
    pub speakers: Option<(Option<ParticipantId>, Vec<ParticipantId>)>,
    pub left: Vec<ParticipantId>,
    flying: BinaryHeap<Reverse<(Instant, u64, End)>>,
    sent: u64,
    out: Outbound,
    next_port: u16,
    /// Allocations of the SFU for media that came, and for what it sent.
    pub allocations: u64,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let now = start();
        let settings = Settings { shard: ShardId(0), candidates: Vec::new() };
        Self {
            sfu: Sfu::new(settings, identity(), [seed as u8; 32], now, Duration::from_secs(1_800_000_000)),
            now,
            members: BTreeMap::new(),
            links: BTreeMap::new(),
            ports: BTreeMap::new(),
            dice: Dice::new(seed),
            states: Vec::new(),
            speakers: None,
            left: Vec::new(),
            flying: BinaryHeap::new(),
            sent: 0,
            out: Outbound::default(),
            next_port: 20_000,
            allocations: 0,
        }
    }

    /// Joins a room and offers.
    pub fn join(&mut self, number: u32, room: &str, wants: Wants, direct: bool) {
        let room = room.parse().expect("a room's name");
        self.sfu.handle_command(self.now, Command::Join { room, participant: id(number), direct });
        self.members.insert(number, Member::new(self.now, number, wants));
        self.links.entry(number).or_insert(Link::GOOD);
        self.move_to_new_port(number);
        self.offer(number);
    }

    /// Members with the numbers from 1, in one room, connected.
    pub fn meet(seed: u64, count: u32) -> Self {
        let mut world = Self::new(seed);
        (1..=count).for_each(|number| world.join(number, "room", Wants { shift: (number % 5) as u8, ..Wants::default() }, false));
        world
    }

    pub fn move_to_new_port(&mut self, number: u32) {
        self.next_port += 1;
        self.ports.insert(number, self.next_port);
    }

    pub fn offer(&mut self, number: u32) {
        let member = &self.members[&number];
        let (participant, revision) = (id(number), member.revision);
        let command = Command::Offer { participant, revision, sdp: member.offer(), sends: offer::sends(&member.wants) };
        self.sfu.handle_command(self.now, command);
        self.collect();
    }

    /// Shows the cameras of these, so many lines high.
    pub fn view(&mut self, number: u32, shown: &[(u32, u16)]) {
        let of = |(other, lines): &(u32, u16)| Shown {
            participant: id(*other),
            source: Source::Camera,
            width: lines * 16 / 9,
            height: *lines,
            pinned: false,
        };
        let videos = shown.iter().map(of).collect();
        self.sfu.handle_command(self.now, Command::View { participant: id(number), videos });
        self.collect();
    }

    pub fn leave(&mut self, number: u32) {
        self.sfu.handle_command(self.now, Command::Leave { participant: id(number) });
        self.collect();
        self.members.remove(&number);
    }

    pub fn tuple(port: u16) -> Tuple {
        let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Tuple { protocol: Protocol::Udp, local, remote: SocketAddr::new(local, port) }
    }

    /// A datagram arrives at the SFU, from wherever.
    pub fn inject(&mut self, port: u16, datagram: &[u8]) {
        let mut datagram = datagram.to_vec();
        let is_media = visavis::sfu::classify(&datagram) == Some(visavis::sfu::Kind::Rtp);
        let ((), allocations) = during(|| self.sfu.handle_datagram(self.now, Self::tuple(port), &mut datagram));
        self.allocations += if is_media { allocations } else { 0 };
    }

    pub fn run(&mut self, duration: Duration) {
        let until = self.now + duration;
        while self.now < until {
            self.now += Duration::from_millis(1);
            self.step();
        }
    }

    pub fn run_ms(&mut self, millis: u64) {
        self.run(Duration::from_millis(millis));
    }

    fn step(&mut self) {
        while self.flying.peek().is_some_and(|Reverse((at, ..))| *at <= self.now) {
            let Some(Reverse((_, _, end))) = self.flying.pop() else { break };
            match end {
                End::Server(datagram, port) => self.inject(port, &datagram),
                End::Member(datagram, number) => {
                    if let Some(member) = self.members.get_mut(&number) {
                        member.handle_datagram(self.now, &datagram);
                    }
                }
            }
        }
        if self.sfu.poll_timeout().is_some_and(|due| due <= self.now) {
            self.sfu.handle_timeout(self.now);
        }
        self.collect();
        let numbers: Vec<u32> = self.members.keys().copied().collect();
        for number in numbers {
            let member = self.members.get_mut(&number).expect("listed");
            member.handle_timeout(self.now);
            while let Some(datagram) = self.members.get_mut(&number).and_then(|member| member.client.poll_transmit()) {
                let port = self.ports[&number];
                self.fly(number, || End::Server(datagram.clone(), port));
            }
        }
    }

    fn fly(&mut self, number: u32, end: impl Fn() -> End) {
        let link = self.links[&number];
        if self.dice.roll(1000) < link.lost {
            return;
        }
        let copies = 1 + usize::from(self.dice.roll(1000) < link.doubled);
        for _ in 0..copies {
            let delay = link.delay_ms + self.dice.roll(link.jitter_ms + 1);
            self.sent += 1;
            self.flying.push(Reverse((self.now + Duration::from_millis(delay), self.sent, end())));
        }
    }

    /// Takes what the SFU has to send and to tell.
    pub fn collect(&mut self) {
        let mut out = std::mem::take(&mut self.out);
        loop {
            let (is_full, allocations) = during(|| self.sfu.flush(self.now, &mut out));
            self.allocations += allocations;
            for run in out.runs() {
                let number = self.ports.iter().find(|(_, port)| **port == run.tuple.remote.port()).map(|(number, _)| *number);
                let Some(number) = number else { continue };
                for datagram in out.bytes_of(run).chunks(run.segment) {
                    self.fly(number, || End::Member(datagram.to_vec(), number));
                }
            }
            out.clear();
            if !is_full {
                break;
            }
        }
        self.out = out;
        while let Some(event) = self.sfu.poll_event() {
            self.handle_event(event);
        }
    }

    fn handle_event(&mut self, event: Event) {
        if let Event::Speakers { dominant, speaking, .. } = event {
            self.speakers = Some((dominant, speaking));
            return;
        }
        if let Event::Left { participant } = event {
            self.left.push(participant);
            return;
        }
        let number = u32::from_str_radix(&event.participant().expect("of one").to_string(), 16).expect("ours");
        let Some(member) = self.members.get_mut(&number) else { return };
        match event {
            Event::Answer { sdp, revision, .. } if revision == member.revision => member.handle_answer(self.now, &sdp),
            Event::Refused { message, .. } => member.refusals.push(message),
            Event::State { participant, state, .. } => self.states.push((participant, state)),
            Event::Slots { slots, revision, .. } if revision == member.revision => member.handle_slots(self.now, slots),
            Event::Sends { sections, revision, .. } if revision == member.revision => member.handle_sends(sections),
            _ => {}
        }
    }

    /// What must never be, of all members.
    pub fn faults(&self) -> Vec<String> {
        self.members.values().flat_map(Member::faults).collect()
    }

    /// Everyone leaves; nothing may stay.
    pub fn end(mut self) {
        let faults = self.faults();
        assert!(faults.is_empty(), "{faults:#?}");
        for number in self.members.keys().copied().collect::<Vec<_>>() {
            self.leave(number);
        }
        self.run_ms(200);
        assert_eq!(self.sfu.holdings(), visavis::sfu::Holdings::default(), "all have left");
        assert_eq!(self.sfu.poll_timeout(), None, "nothing to wake up for");
    }
}
