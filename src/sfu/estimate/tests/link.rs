//! Owns a simulated link with a queue, and the subscriber behind it that decodes, asks again and gives feedback.

use std::collections::{BTreeMap, VecDeque};

/// A number from a seed (a linear congruence with its upper bits).
#[derive(Debug, Clone)]
pub struct Random(pub u64);

impl Random {
    /// From 0 to 1.
    pub fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// One direction, with a queue of 200 ms that drops what comes last.
#[derive(Debug)]
pub struct Link {
    pub bps: f64,
    pub delay_us: i64,
    pub jitter_us: i64,
    pub loss: f64,
    pub queue_max_us: i64,
    /// Nothing arrives before.
    pub still_until_us: i64,
    pub random: Random,
    backlog_bits: f64,
    at_us: i64,
    last_arrival_us: i64,
}

impl Link {
    pub fn new(bps: f64, seed: u64) -> Self {
        Self {
            bps,
            delay_us: 25_000,
            jitter_us: 0,
            loss: 0.0,
            queue_max_us: 200_000,
            still_until_us: 0,
            random: Random(seed),
            backlog_bits: 0.0,
            at_us: 0,
            last_arrival_us: 0,
        }
    }

    pub fn queue_us(&self) -> i64 {
        (self.backlog_bits / self.bps * 1e6) as i64
    }

    /// When the packet arrives; none when it is lost.
    pub fn send(&mut self, now_us: i64, bytes: usize) -> Option<i64> {
        self.backlog_bits = (self.backlog_bits - (now_us - self.at_us) as f64 * self.bps / 1e6).max(0.0);
        self.at_us = now_us;
        if self.queue_us() > self.queue_max_us || self.random.unit() < self.loss {
            return None;
        }
        self.backlog_bits += bytes as f64 * 8.0;
        let jitter = (self.random.unit() * self.jitter_us as f64) as i64;
        // Jitter delays, but overtakes nothing: so it is on real links.
        self.last_arrival_us =
            self.last_arrival_us.max(self.still_until_us).max(now_us + self.queue_us() + self.delay_us + jitter);
        Some(self.last_arrival_us)
    }
}

/// One packet of video on the wire.
#[derive(Debug, Clone, Copy)]
pub struct Packet {
    pub sequence: u64,
    pub picture: u64,
    pub of: u32,
    pub is_key: bool,
    pub bytes: usize,
}

/// Pictures of which it knows parts, and what it misses.
#[derive(Debug, Default)]
pub struct Decoder {
    pictures: BTreeMap<u64, (u32, u32, bool)>,
    seen: BTreeMap<u64, ()>,
    next_sequence: u64,
    missing: BTreeMap<u64, (i64, u32)>,
    decoded: Option<u64>,
    pub decoded_at_us: i64,
    pub count: u64,
    /// The longest time without a picture since it was last set to 0.
    pub longest_us: i64,
    asked_us: i64,
}

impl Decoder {
    pub fn handle_packet(&mut self, now_us: i64, packet: Packet) {
        if self.seen.insert(packet.sequence, ()).is_some() {
            return;
        }
        self.missing.remove(&packet.sequence);
        for missed in self.next_sequence..packet.sequence {
            self.missing.insert(missed, (now_us, 0));
        }
        self.next_sequence = self.next_sequence.max(packet.sequence + 1);
        let picture = self.pictures.entry(packet.picture).or_insert((0, packet.of, packet.is_key));
        picture.0 += 1;
        while let Some((&number, &(have, of, is_key))) = self.pictures.iter().find(|(number, (have, of, is_key))| {
            have == of && (*is_key || self.decoded.is_some_and(|before| before + 1 == **number))
        }) {
            debug_assert!(have == of && (is_key || self.decoded.is_some()));
            self.pictures = self.pictures.split_off(&(number + 1));
            self.decoded = Some(number);
            self.longest_us = self.longest_us.max(now_us - self.decoded_at_us);
            self.decoded_at_us = now_us;
            self.count += 1;
        }
    }

    /// What it asks for again now.
    pub fn nacks(&mut self, now_us: i64) -> VecDeque<u64> {
        let mut asked = VecDeque::new();
        self.missing.retain(|sequence, (due, tries)| {
            if *due <= now_us {
                asked.push_back(*sequence);
                *due = now_us + 80_000;
                *tries += 1;
            }
            *tries < 10
        });
        asked
    }

    /// Whether it asks for a keyframe now.
    pub fn wants_keyframe(&mut self, now_us: i64) -> bool {
        let wants = now_us - self.decoded_at_us > 500_000 && now_us - self.asked_us > 500_000;
        if wants {
            self.asked_us = now_us;
        }
        wants
    }
}
