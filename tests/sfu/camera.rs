//! Owns what a member's camera and microphone send: VP8 in up to three simulcast streams with temporal layers, and Opus.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use visavis::rtp::{AudioLevel, Carried, ExtensionIds, Extensions, Fields, write_header};

/// Most bytes of one payload.
const PAYLOAD_BYTES: usize = 1100;

/// Temporal layer of each of four frames, as libvpx has them for three layers.
const PATTERN: [u8; 4] = [0, 2, 1, 2];

/// One simulcast stream.
#[derive(Debug, Clone)]
pub struct Encoding {
    pub rid: &'static str,
    pub ssrc: u32,
    pub width: u16,
    pub height: u16,
    pub bitrate_bps: u32,
    pub active: bool,
}

impl Encoding {
    /// The three that a page sends of a camera of 720 lines.
    pub fn three(first_ssrc: u32) -> Vec<Self> {
        let of = |at: u32, rid, width, height, bitrate_bps| Self {
            rid,
            ssrc: first_ssrc + at,
            width,
            height,
            bitrate_bps,
            active: true,
        };
        vec![of(0, "q", 320, 180, 150_000), of(1, "h", 640, 360, 500_000), of(2, "f", 1280, 720, 1_700_000)]
    }
}

/// A packet to be protected and sent.
#[derive(Debug, Clone)]
pub struct Packet {
    pub bytes: Vec<u8>,
    pub header_len: usize,
    pub roc: u32,
}

/// What every outgoing packet of one peer connection needs.
pub struct Numbering<'a> {
    pub mid: &'a str,
    pub payload_type: u8,
    pub ids: &'a ExtensionIds,
    /// Of the whole transport.
    pub transport_sequence: &'a mut u16,
}

struct Stream {
    encoding: Encoding,
    /// Extended: the low 16 bits go out.
    sequence: u64,
    picture_id: u16,
    tl0: u8,
    key_index: u8,
    frames: usize,
    /// Frames so far.
    ordinal: u32,
    wants_keyframe: bool,
    /// By sequence number, for retransmission.
    sent: HashMap<u16, Packet>,
}

/// A camera of 15 frames a second.
pub struct Camera {
    streams: Vec<Stream>,
    started: Instant,
    next_frame: Instant,
    frame_number: u32,
    /// Its uplink has no room for more than so many of its streams.
    pub most: usize,
    /// Keyframes sent, by rid.
    pub keyframes: HashMap<&'static str, Vec<Instant>>,
}

impl Camera {
    pub const FRAME_INTERVAL: Duration = Duration::from_nanos(66_666_667);

    pub fn new(now: Instant, encodings: Vec<Encoding>, first_sequence: u16) -> Self {
        let stream = |encoding: Encoding| Stream {
            encoding,
            sequence: first_sequence.into(),
            picture_id: 0x7ff0,
            tl0: 250,
            key_index: 30,
            frames: 0,
            ordinal: 0,
            wants_keyframe: true,
            sent: HashMap::new(),
        };
        Self {
            streams: encodings.into_iter().map(stream).collect(),
            started: now,
            next_frame: now,
            frame_number: 0,
            most: 3,
            keyframes: HashMap::new(),
        }
    }

    pub fn poll_timeout(&self) -> Instant {
        self.next_frame
    }

    /// Sends nothing now.
    pub fn rest(&mut self, now: Instant) {
        self.next_frame = now + Self::FRAME_INTERVAL;
    }

    /// The server asks for a keyframe of this stream.
    pub fn ask_keyframe(&mut self, ssrc: u32) {
        self.streams.iter_mut().filter(|stream| stream.encoding.ssrc == ssrc).for_each(|stream| stream.wants_keyframe = true);
    }

    /// The server says which streams anybody wants.
    pub fn activate(&mut self, rids: &[String]) {
        for stream in &mut self.streams {
            let active = rids.iter().any(|rid| rid == stream.encoding.rid);
            // An encoder that starts again starts with a keyframe.
            stream.wants_keyframe |= active && !stream.encoding.active;
            stream.encoding.active = active;
        }
    }

    pub fn is_active(&self, rid: &str) -> bool {
        self.streams.iter().any(|stream| stream.encoding.rid == rid && stream.encoding.active)
    }

    /// A packet that is missing at the server.
    pub fn again(&self, ssrc: u32, sequence: u16) -> Option<Packet> {
        self.streams.iter().find(|stream| stream.encoding.ssrc == ssrc)?.sent.get(&sequence).cloned()
    }

    /// The timestamp of a stream at a moment.
    pub fn timestamp(&self, now: Instant) -> u32 {
        (now.duration_since(self.started).as_micros() as u64 * 9 / 100) as u32
    }

    /// The streams' SSRCs.
    pub fn ssrcs(&self) -> Vec<u32> {
        self.streams.iter().map(|stream| stream.encoding.ssrc).collect()
    }

    /// The next frame of every active stream, if it is due.
    pub fn handle_timeout(&mut self, now: Instant, numbering: &mut Numbering<'_>) -> Vec<Packet> {
        let mut packets = Vec::new();
        while self.next_frame <= now {
            let timestamp = self.timestamp(self.next_frame);
            self.next_frame += Self::FRAME_INTERVAL;
            self.frame_number += 1;
            for stream in self.streams.iter_mut().take(self.most).filter(|stream| stream.encoding.active) {
                if stream.wants_keyframe {
                    self.keyframes.entry(stream.encoding.rid).or_default().push(now);
                }
                stream.frame(timestamp, self.frame_number, numbering, &mut packets);
            }
        }
        packets
    }
}

impl Stream {
    fn frame(&mut self, timestamp: u32, number: u32, numbering: &mut Numbering<'_>, packets: &mut Vec<Packet>) {
        let is_keyframe = std::mem::take(&mut self.wants_keyframe);
        if is_keyframe {
            self.frames = 0;
            self.key_index = self.key_index.wrapping_add(1) & 31;
        }
        let temporal = PATTERN[self.frames % PATTERN.len()];
        self.frames += 1;
        self.ordinal += 1;
        self.picture_id = self.picture_id.wrapping_add(1) & 0x7fff;
        if temporal == 0 {
            self.tl0 = self.tl0.wrapping_add(1);
        }
        let usual = (self.encoding.bitrate_bps / 8 / 15) as usize;
        let mut left = if is_keyframe { 4 * usual } else { usual };
        let mut is_first = true;
        while left > 0 {
            let len = left.min(PAYLOAD_BYTES);
            left -= len;
            let mut payload = vec![0x80 | if is_first { 0x10 } else { 0 }, 0xf0];
            payload.extend((self.picture_id | 0x8000).to_be_bytes());
            payload.push(self.tl0);
            // Every frame of a higher layer is a place to go up to it.
            payload.push(temporal << 6 | if temporal > 0 { 0x20 } else { 0 } | self.key_index);
            if is_first && is_keyframe {
                payload.extend([0x10, 0, 0, 0x9d, 0x01, 0x2a]);
                payload.extend(self.encoding.width.to_le_bytes());
                payload.extend(self.encoding.height.to_le_bytes());
            } else {
                payload.push(0x31);
            }
            // For the receiver here: whose it is, which frame, and its place after the keyframe.
            payload.extend(self.encoding.ssrc.to_be_bytes());
            payload.extend(self.ordinal.to_be_bytes());
            payload.extend((self.frames as u32 - 1).to_be_bytes());
            payload.resize(payload.len() + len, number as u8);
            let packet = self.packet(timestamp, left == 0, &payload, numbering);
            self.sent.insert(self.sequence as u16, packet.clone());
            packets.push(packet);
            self.sequence += 1;
            is_first = false;
        }
        // Of no use any more; and a number that comes again must not find the old packet.
        for old in 2000..2020 {
            self.sent.remove(&(self.sequence.wrapping_sub(old) as u16));
        }
    }

    fn packet(&self, timestamp: u32, marker: bool, payload: &[u8], numbering: &mut Numbering<'_>) -> Packet {
        let fields = Fields {
            marker,
            payload_type: numbering.payload_type,
            sequence: self.sequence as u16,
            timestamp,
            ssrc: self.encoding.ssrc,
            has_padding: false,
        };
        *numbering.transport_sequence = numbering.transport_sequence.wrapping_add(1);
        let extensions = Extensions {
            mid: numbering.mid.as_bytes(),
            rid: self.encoding.rid.as_bytes(),
            transport_sequence: Some(*numbering.transport_sequence),
            ..Extensions::default()
        };
        finish(&fields, &extensions, numbering.ids, payload, (self.sequence >> 16) as u32)
    }
}

/// A microphone of one Opus packet every 20 ms.
pub struct Microphone {
    pub ssrc: u32,
    sequence: u64,
    started: Instant,
    next: Instant,
    /// In -dBov; 127 is silence.
    pub level: u8,
}

impl Microphone {
    pub fn new(now: Instant, ssrc: u32) -> Self {
        Self { ssrc, sequence: 100, started: now, next: now, level: 30 }
    }

    pub fn poll_timeout(&self) -> Instant {
        self.next
    }

    pub fn timestamp(&self, now: Instant) -> u32 {
        (now.duration_since(self.started).as_micros() as u64 * 48 / 1000) as u32
    }

    /// Sends nothing now.
    pub fn rest(&mut self, now: Instant) {
        self.next = now + Duration::from_millis(20);
    }

    pub fn handle_timeout(&mut self, now: Instant, numbering: &mut Numbering<'_>) -> Vec<Packet> {
        let mut packets = Vec::new();
        while self.next <= now {
            let fields = Fields {
                marker: false,
                payload_type: numbering.payload_type,
                sequence: self.sequence as u16,
                timestamp: self.timestamp(self.next),
                ssrc: self.ssrc,
                has_padding: false,
            };
            *numbering.transport_sequence = numbering.transport_sequence.wrapping_add(1);
            let audio_level = Some(AudioLevel { level: self.level, is_voice: self.level < 100 });
            let extensions = Extensions {
                mid: numbering.mid.as_bytes(),
                transport_sequence: Some(*numbering.transport_sequence),
                carried: Carried { audio_level, ..Carried::default() },
                ..Extensions::default()
            };
            let mut payload = vec![0x78];
            payload.extend(self.ssrc.to_be_bytes());
            payload.resize(60, self.level);
            packets.push(finish(&fields, &extensions, numbering.ids, &payload, (self.sequence >> 16) as u32));
            self.sequence += 1;
            self.next += Duration::from_millis(20);
        }
        packets
    }
}

fn finish(fields: &Fields, extensions: &Extensions<'_>, ids: &ExtensionIds, payload: &[u8], roc: u32) -> Packet {
    let mut bytes = vec![0; 1500];
    let header_len = write_header(&mut bytes, fields, extensions, ids).expect("room");
    bytes.truncate(header_len);
    bytes.extend(payload);
    Packet { bytes, header_len, roc }
}
