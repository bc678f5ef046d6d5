//! Owns one subscriber's call under virtual time: three layers, audio, the estimate, the allocation, the pacer, probes and repairs.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::link::{Decoder, Link, Packet, Random};
use crate::rtp::rtcp::{Rtcp, walk};
use crate::sfu::allocation::{LayerRate, Share, Wish, allocate};
use crate::sfu::estimate::Estimate;
use crate::sfu::pacer::{Pacer, RetransmissionBudget};
use crate::sfu::probe::Pace;
use crate::sfu::twcc::{ClusterId, History, Receiver};

pub const LAYERS: [LayerRate; 3] = [
    LayerRate { lines: 180, bitrate: 150_000 },
    LayerRate { lines: 360, bitrate: 500_000 },
    LayerRate { lines: 720, bitrate: 1_700_000 },
];

/// Audio, and room for what is sent again.
const RESERVE: u64 = 60_000;

/// From the request to the keyframe at the SFU.
const KEYFRAME_US: i64 = 120_000;

/// What comes back from the subscriber.
enum Back {
    Feedback(Vec<u8>),
    Nacks(VecDeque<u64>),
    Keyframe,
}

pub struct Call {
    pub now_us: i64,
    start: Instant,
    pub estimate: Estimate,
    pub down: Link,
    pub up: Link,
    /// Bits per second of somebody else's through the same link.
    pub competing_bps: f64,
    competing_bits: f64,
    pub decoder: Decoder,
    pub shown_lines: u16,
    pub is_video_on: bool,
    /// What others would need besides.
    pub extra_wanted: u64,
    history: History,
    receiver: Receiver,
    outcomes: Vec<crate::sfu::twcc::Outcome>,
    pacer: Pacer,
    budget: RetransmissionBudget,
    probe: Option<Pace>,
    shares: Vec<Share<u8>>,
    current: Option<u8>,
    keyframe_at: [Option<i64>; 3],
    keyframe_last: [i64; 3],
    queue: VecDeque<Packet>,
    sent: BTreeMap<u64, Packet>,
    sequence: u64,
    picture: u64,
    arrivals: VecDeque<(i64, u16, Option<Packet>)>,
    back: VecDeque<(i64, Back)>,
    random: Random,
    /// Bytes sent in each tenth of a second, and those of padding; the layer and the estimate at its end.
    pub tenths: Vec<Tenth>,
}

#[derive(Debug, Clone, Copy, Default)]
pub struct Tenth {
    pub bytes: u64,
    pub padding: u64,
    pub lost: u64,
    pub layer: Option<u8>,
    pub bps: u64,
    pub queue_us: i64,
}

impl Call {
    pub fn new(start: Instant, bps: f64, seed: u64) -> Self {
        let estimate = Estimate::new(start);
        let pacer = Pacer::new(start, estimate.bps());
        Self {
            now_us: 0,
            start,
            estimate,
            down: Link::new(bps, seed),
            up: Link::new(50e6, seed ^ 0x5555),
            competing_bps: 0.0,
            competing_bits: 0.0,
            decoder: Decoder::default(),
            shown_lines: 720,
            is_video_on: true,
            extra_wanted: 0,
            history: History::default(),
            receiver: Receiver::new(start),
            outcomes: Vec::new(),
            pacer,
            budget: RetransmissionBudget::new(start),
            probe: None,
            shares: Vec::new(),
            current: None,
            keyframe_at: [None; 3],
            keyframe_last: [i64::MIN / 2; 3],
            queue: VecDeque::new(),
            sent: BTreeMap::new(),
            sequence: 0,
            picture: 0,
            arrivals: VecDeque::new(),
            back: VecDeque::new(),
            random: Random(seed.wrapping_mul(77)),
            tenths: Vec::new(),
        }
    }

    pub fn run(&mut self, seconds: f64) {
        let end = self.now_us + (seconds * 1e6) as i64;
        while self.now_us < end {
            self.step();
            self.now_us += 1_000;
        }
    }

    /// The mean rate from one time to another, in seconds.
    pub fn rate(&self, from: f64, to: f64) -> f64 {
        let tenths = self.between(from, to);
        tenths.iter().map(|tenth| tenth.bytes).sum::<u64>() as f64 * 80.0 / tenths.len() as f64
    }

    pub fn between(&self, from: f64, to: f64) -> &[Tenth] {
        let end = self.tenths.len();
        &self.tenths[((from * 10.0).round() as usize).min(end)..((to * 10.0).round() as usize).min(end)]
    }

    /// Another subscriber has asked for one.
    pub fn ask_for_keyframe(&mut self) {
        (0..3).for_each(|layer| self.request(layer));
    }

    fn now(&self) -> Instant {
        self.start + Duration::from_micros(self.now_us as u64)
    }

    fn step(&mut self) {
        if self.now_us % 100_000 == 0 {
            self.tenths.push(Tenth::default());
        }
        self.compete();
        self.arrive();
        self.come_back();
        if self.now_us % 20_000 == 0 {
            self.send(120, None, None);
        }
        if self.now_us % 33_000 == 0 && self.is_video_on {
            self.capture();
        }
        if self.now_us % 100_000 == 50_000 {
            self.allocate();
        }
        if self.now_us % 5_000 == 0 {
            self.flush();
        }
        let (layer, bps, queue_us) = (self.current, self.estimate.bps(), self.down.queue_us());
        let tenth = self.tenths.last_mut().expect("begun");
        (tenth.layer, tenth.bps) = (layer, bps);
        tenth.queue_us = tenth.queue_us.max(queue_us);
    }

    fn compete(&mut self) {
        self.competing_bits += self.competing_bps / 1000.0;
        while self.competing_bits >= 9_600.0 {
            self.competing_bits -= 9_600.0;
            self.down.send(self.now_us, 1200);
        }
    }

    fn arrive(&mut self) {
        let now = self.now();
        while self.arrivals.front().is_some_and(|(at, ..)| *at <= self.now_us) {
            let (_, sequence, packet) = self.arrivals.pop_front().expect("looked at");
            self.receiver.note(now, sequence);
            if let Some(packet) = packet {
                self.decoder.handle_packet(self.now_us, packet);
            }
        }
        let mut out = [0; 1200];
        while let Some(len) = self.receiver.write(now, 1, 2, &mut out) {
            self.answer(len, Back::Feedback(out[..len].to_vec()));
        }
        if self.now_us % 20_000 == 0 {
            let nacks = self.decoder.nacks(self.now_us);
            if !nacks.is_empty() {
                self.answer(60, Back::Nacks(nacks));
            }
            if self.is_video_on && self.decoder.wants_keyframe(self.now_us) {
                self.answer(60, Back::Keyframe);
            }
        }
    }

    fn answer(&mut self, bytes: usize, back: Back) {
        if let Some(at) = self.up.send(self.now_us, bytes) {
            self.back.push_back((at, back));
        }
    }

    fn come_back(&mut self) {
        let now = self.now();
        while self.back.front().is_some_and(|(at, _)| *at <= self.now_us) {
            match self.back.pop_front().expect("looked at").1 {
                Back::Feedback(bytes) => {
                    let Some(Ok(Rtcp::Transport(feedback))) = walk(&bytes).next() else { panic!("a feedback") };
                    self.outcomes.clear();
                    self.history.handle_feedback(&feedback, &mut self.outcomes);
                    self.estimate.handle_outcomes(now, &self.outcomes);
                    self.allocate();
                }
                Back::Nacks(nacks) => {
                    for sequence in nacks {
                        let Some(packet) = self.sent.get(&sequence).copied() else { continue };
                        if self.budget.take(now, packet.bytes) {
                            self.send(packet.bytes, Some(packet), None);
                        }
                    }
                }
                Back::Keyframe => {
                    if let Some(layer) = self.current {
                        self.request(layer);
                    }
                }
            }
        }
    }

    fn request(&mut self, layer: u8) {
        let layer = usize::from(layer);
        if self.keyframe_at[layer].is_none() {
            self.keyframe_at[layer] = Some((self.now_us + KEYFRAME_US).max(self.keyframe_last[layer] + 500_000));
        }
    }

    /// A picture of each layer comes from the publisher.
    fn capture(&mut self) {
        let target = self.shares.first().and_then(|share| share.layer);
        if target.is_none() {
            self.current = None;
        }
        let noise = 0.7 + 0.6 * self.random.unit();
        for layer in 0..3u8 {
            let at = usize::from(layer);
            let is_key = self.keyframe_at[at].is_some_and(|due| due <= self.now_us);
            if is_key {
                self.keyframe_at[at] = None;
                self.keyframe_last[at] = self.now_us;
            }
            if target == Some(layer) && self.current != target {
                if is_key {
                    self.current = target;
                    self.queue.clear();
                } else {
                    self.request(layer);
                }
            }
            if self.current != Some(layer) {
                continue;
            }
            let mean = LAYERS[at].bitrate as f64 * 0.033 / 8.0;
            let bytes = if is_key { mean * 5.0 } else { mean * noise };
            let of = (bytes / 1150.0).ceil().max(1.0);
            for _ in 0..of as u32 {
                let bytes = (bytes / of) as usize;
                self.queue.push_back(Packet { sequence: 0, picture: self.picture, of: of as u32, is_key, bytes });
            }
            self.picture += 1;
        }
    }

    fn allocate(&mut self) {
        let now = self.now();
        let wishes = [Wish { key: 0, is_first: true, lines: self.shown_lines, layers: &LAYERS }];
        let wishes = if self.is_video_on { &wishes[..] } else { &[] };
        let wanted = LAYERS.iter().find(|layer| layer.lines >= self.shown_lines).map_or(0, |layer| layer.bitrate);
        self.estimate.set_wanted(now, RESERVE + self.extra_wanted + if self.is_video_on { wanted } else { 0 });
        self.pacer.set_estimate(now, self.estimate.bps());
        allocate(now, self.estimate.bps(), RESERVE, wishes, &mut self.shares);
    }

    fn flush(&mut self) {
        let now = self.now();
        while let Some(packet) = self.queue.front().copied() {
            if !self.pacer.may_send(now, packet.bytes) {
                break;
            }
            self.queue.pop_front();
            let packet = Packet { sequence: self.sequence, ..packet };
            self.sequence += 1;
            self.sent.insert(packet.sequence, packet);
            self.budget.note_media(now, packet.bytes);
            self.send(packet.bytes, Some(packet), None);
        }
        if let Some(probe) = self.estimate.poll_probe(now) {
            self.probe = Some(Pace::new(now, probe));
        }
        if let Some(mut pace) = self.probe.take() {
            while pace.due(now) > 0 {
                pace.note(1_100);
                self.tenths.last_mut().expect("begun").padding += 1_100;
                self.send(1_100, None, Some(pace.probe().cluster));
            }
            self.probe = Some(pace).filter(|pace| !pace.is_done());
        }
    }

    fn send(&mut self, bytes: usize, packet: Option<Packet>, cluster: Option<ClusterId>) {
        let sequence = self.history.next_sequence();
        self.history.note(self.now(), bytes as u16, cluster);
        let tenth = self.tenths.last_mut().expect("begun");
        tenth.bytes += bytes as u64;
        match self.down.send(self.now_us, bytes) {
            Some(at) => self.arrivals.push_back((at, sequence, packet)),
            None => tenth.lost += 1,
        }
    }
}
