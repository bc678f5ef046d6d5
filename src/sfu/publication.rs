//! Owns one thing that a member sends: its layers with their packets of late, and who gets them.

use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

use super::connection::Route;
use super::keyframe::KeyframeRequests;
use super::layer::Shape;
use super::nack::NackGenerator;
use super::rate::Rate;
use super::reports::Moment;
use super::speaker::VoiceId;
use crate::id::ParticipantId;
use crate::limits::MEDIA_PAYLOAD_BYTES_MAX;
use crate::protocol::Source;
use crate::rtp::{Arrival, Cache, Codec, Dependencies, Extensions, Facts, Header, History, Meta, Reception, Target, Targets};
use crate::sdp;
use crate::srtp::RTP_OVERHEAD_MAX;

/// A layer that brought nothing for this long is not sent.
const LIVE_FOR: Duration = Duration::from_millis(1500);

/// A layer that was asked for and has not come within this will not come: a small picture has fewer layers, and a weak uplink too.
const COMES_WITHIN: Duration = Duration::from_secs(2);

/// How long fewer layers must suffice before the sender is told; more are asked for at once.
const FEWER_AFTER: Duration = Duration::from_secs(5);

/// What the layers of a camera have until they have been seen: lines and bits per second, lowest first.
const USUAL: [(u16, u64); 3] = [(180, 150_000), (360, 500_000), (720, 1_700_000)];

/// Why a packet of a publisher is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Refused {
    /// Its payload type was not negotiated.
    PayloadType,
    /// Its payload is not of its codec, or longer than fits a datagram onward.
    Payload,
    /// It was there already, or is too late for anybody.
    Duplicate,
    /// Far from the others of its stream.
    Stray,
}

/// What a packet of a publisher has brought.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    /// Its number in the layer's cache.
    pub(super) sequence: u64,
    /// So much is missing that only a keyframe helps.
    pub(super) lost_track: bool,
}

/// A codec of one sending section.
#[derive(Debug, Clone)]
pub(super) struct SentFormat {
    pub(super) payload_type: u8,
    pub(super) codec: sdp::Codec,
    pub(super) rtx: Option<u8>,
    can_fir: bool,
    reader: Codec,
}

impl SentFormat {
    pub(super) fn new(format: &sdp::Format) -> Self {
        let reader = match format.codec {
            sdp::Codec::Opus { .. } => Codec::Opus,
            sdp::Codec::Red { .. } => Codec::Red,
            sdp::Codec::Vp8 => Codec::Vp8,
            sdp::Codec::Vp9 { .. } => Codec::Vp9,
            sdp::Codec::H264 { .. } => Codec::H264,
            sdp::Codec::Av1 { .. } => Codec::Av1,
        };
        Self { payload_type: format.payload_type, codec: format.codec, rtx: format.rtx, can_fir: format.feedback.fir, reader }
    }
}

/// Who gets a publication, and in which slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Subscriber {
    pub(super) member: usize,
    pub(super) slot: usize,
    /// Bit by layer: what it forwards, and what it waits for.
    pub(super) layers: u8,
    /// Bit by layer: what the sender should send for it. More than the above where a larger picture is shown than comes.
    pub(super) wants: u8,
}

/// One sending section of a member's peer connection.
pub(super) struct Publication {
    pub(super) member: usize,
    pub(super) participant: ParticipantId,
    pub(super) source: Source,
    pub(super) mid: String,
    pub(super) formats: Vec<SentFormat>,
    /// Which of the formats came last.
    current: usize,
    /// Lowest first; one without simulcast.
    pub(super) layers: Vec<Layer>,
    pub(super) subscribers: Vec<Subscriber>,
    /// Of a sound: its place among the room's voices.
    pub(super) voice: Option<VoiceId>,
    /// What was last asked of the sender, bit by layer.
    asked: u8,
    fewer_since: Option<Instant>,
}

/// One encoding of a publication.
pub(super) struct Layer {
    /// Its simulcast name; empty when it has none.
    pub(super) rid: String,
    /// Known from the offer, or from the first packet.
    pub(super) ssrc: Option<u32>,
    pub(super) cache: Cache,
    pub(super) reception: Reception,
    pub(super) nacks: NackGenerator,
    pub(super) keyframes: KeyframeRequests,
    /// The moment that its last sender report speaks of, the middle of that report's own NTP time, and when it came.
    pub(super) moment: Option<Moment>,
    pub(super) sender_report: Option<(u32, Instant)>,
    rate: Rate,
    last_bps: u64,
    last_packet: Option<Instant>,
    lines: Option<u16>,
    /// Of the last keyframe.
    key_timestamp: Option<u32>,
    /// Since when the sender is to send it; none while it is not.
    asked_at: Option<Instant>,
    dependencies: Dependencies,
}

impl Layer {
    pub(super) fn new(rid: &str, is_video: bool, can_fir: bool) -> Self {
        let clock_rate_hz = if is_video { 90_000 } else { 48_000 };
        Self {
            rid: rid.to_owned(),
            ssrc: None,
            cache: Cache::new(if is_video { History::VIDEO } else { History::AUDIO }),
            reception: Reception::new(clock_rate_hz),
            nacks: if is_video { NackGenerator::video() } else { NackGenerator::audio() },
            keyframes: KeyframeRequests::new(can_fir),
            moment: None,
            sender_report: None,
            rate: Rate::default(),
            last_bps: 0,
            last_packet: None,
            lines: None,
            key_timestamp: None,
            asked_at: None,
            dependencies: Dependencies::default(),
        }
    }

    /// Whether it comes, or may when it is asked for.
    fn can_be_had(&self, now: Instant) -> bool {
        self.is_live(now) || self.asked_at.is_none_or(|asked| now.saturating_duration_since(asked) < COMES_WITHIN)
    }

    /// Whether packets come.
    pub(super) fn is_live(&self, now: Instant) -> bool {
        self.last_packet.is_some_and(|last| now.saturating_duration_since(last) < LIVE_FOR)
    }
}

impl Publication {
    pub(super) fn new(now: Instant, member: usize, participant: ParticipantId, source: Source, section: &sdp::Section) -> Self {
        let formats: Vec<_> = section.formats.iter().map(SentFormat::new).collect();
        let can_fir = formats.first().is_some_and(|format| format.can_fir);
        let mut layers: Vec<_> = section.layers.iter().map(|layer| Layer::new(&layer.rid, source.is_video(), can_fir)).collect();
        if layers.is_empty() {
            layers.push(Layer::new("", source.is_video(), can_fir));
        }
        for layer in &mut layers {
            layer.asked_at = Some(now);
        }
        if let ([announced, ..], [only]) = (&section.sources[..], &mut layers[..]) {
            only.ssrc = Some(announced.ssrc);
        }
        Self {
            member,
            participant,
            source,
            mid: section.mid.clone(),
            formats,
            current: 0,
            asked: all(layers.len()),
            layers,
            subscribers: Vec::new(),
            voice: None,
            fewer_since: None,
        }
    }

    /// The codec that comes, or will.
    pub(super) fn codec(&self) -> Option<sdp::Codec> {
        self.formats.get(self.current).map(|format| format.codec)
    }

    /// How its layers travel.
    pub(super) fn shape(&self) -> Shape {
        let is_scalable = matches!(self.codec(), Some(sdp::Codec::Vp9 { .. } | sdp::Codec::Av1 { .. }));
        if is_scalable && self.layers.len() == 1 { Shape::Scalable } else { Shape::Simulcast }
    }

    /// Takes a packet of one of its layers: as it came, or with the number that it had when it was retransmitted.
    pub(super) fn handle_packet(
        &mut self,
        now: Instant,
        layer: usize,
        header: &Header,
        extensions: &Extensions<'_>,
        payload: &[u8],
        restored: Option<u16>,
    ) -> Result<Taken, Refused> {
        let is_video = self.source.is_video();
        let format = self.formats.iter().position(|format| format.payload_type == header.payload_type);
        let format = format.ok_or(Refused::PayloadType)?;
        let layer = self.layers.get_mut(layer).ok_or(Refused::Stray)?;
        let sequence = match restored {
            Some(number) => layer.reception.handle_restored(number).ok_or(Refused::Stray)?,
            None => match layer.reception.handle_packet(now, header.sequence, header.timestamp) {
                Arrival::Next(sequence) => sequence,
                Arrival::Restarted(sequence) => {
                    layer.nacks.reset();
                    sequence
                }
                Arrival::Stray => return Err(Refused::Stray),
            },
        };
        if payload.len() > MEDIA_PAYLOAD_BYTES_MAX {
            return Err(Refused::Payload);
        }
        layer.last_packet = Some(now);
        let facts = layer.facts(self.formats[format].reader, header, extensions, payload)?;
        let mut lost_track = layer.nacks.handle_packet(now, sequence).is_err() && is_video;
        if is_video && facts.is_keyframe {
            layer.keyframes.handle_keyframe();
            layer.nacks.handle_keyframe(sequence);
            layer.lines = facts.resolution.map_or(layer.lines, |size| Some(size.height.min(size.width)));
            layer.key_timestamp = Some(header.timestamp);
            lost_track = false;
        }
        // A keyframe is several times a frame: a moment's need, not what the layer takes.
        if layer.key_timestamp != Some(header.timestamp) {
            layer.rate.note(now, payload.len() + header.len + RTP_OVERHEAD_MAX);
        }
        self.current = format;
        let meta = Meta {
            sequence,
            arrival: now,
            timestamp: header.timestamp,
            marker: header.marker,
            payload_type: header.payload_type,
            facts,
            carried: extensions.carried,
        };
        match layer.cache.push(meta, payload, extensions.dependency) {
            true => Ok(Taken { sequence, lost_track }),
            false => Err(Refused::Duplicate),
        }
    }

    /// What packets with this payload type are: media, or (true) retransmissions. None when it was not negotiated.
    pub(super) fn takes(&self, payload_type: u8) -> Option<bool> {
        let is_media = self.formats.iter().any(|format| format.payload_type == payload_type);
        let is_rtx = self.formats.iter().any(|format| format.rtx == Some(payload_type));
        (is_media || is_rtx).then_some(!is_media)
    }

    /// The payload type of what retransmissions of this one restore.
    pub(super) fn restored_payload_type(&self, rtx: u8) -> Option<u8> {
        self.formats.iter().find(|format| format.rtx == Some(rtx)).map(|format| format.payload_type)
    }

    /// Where the packets of the sources go that the offer announces.
    pub(super) fn announce(&self, key: usize, section: &sdp::Section, routes: &mut FxHashMap<u32, Route>) {
        if self.layers.len() > 1 {
            return;
        }
        for source in section.sources.iter().take(1) {
            routes.insert(source.ssrc, Route { publication: key, layer: 0, is_rtx: false });
            if let Some(rtx) = source.rtx {
                routes.insert(rtx, Route { publication: key, layer: 0, is_rtx: true });
            }
        }
    }

    /// Index, lines and bits per second of each layer that can be had, as measured or as is usual; for [`super::allocation`].
    pub(super) fn layer_rates(&mut self, now: Instant) -> impl Iterator<Item = (u8, u16, u64)> {
        let (count, is_screen) = (self.layers.len(), self.source == Source::Screen);
        let any = !self.layers.iter().any(|layer| layer.can_be_had(now));
        self.layers.iter_mut().enumerate().filter(move |(_, layer)| any || layer.can_be_had(now)).map(move |(at, layer)| {
            let usual = match count {
                1 if is_screen => (1080, 2_000_000),
                1 => USUAL[1],
                _ => USUAL[at.min(USUAL.len() - 1)],
            };
            if layer.is_live(now) && layer.rate.is_settled() {
                layer.last_bps = layer.rate.bps(now);
            }
            let bps = if layer.last_bps > 0 { layer.last_bps } else { usual.1 };
            (at as u8, layer.lines.unwrap_or(usual.0), bps)
        })
    }

    /// Bit by layer: those from this one up to the smallest that covers so many lines. They may come later: an encoder adds layers as its
    /// uplink allows.
    pub(super) fn layers_for(&self, from: u8, lines: u16) -> u8 {
        let count = self.layers.len();
        let of = |at: usize| self.layers[at].lines.unwrap_or(USUAL[at.min(USUAL.len() - 1)].0);
        let highest = (0..count).find(|at| of(*at) >= lines).unwrap_or(count.saturating_sub(1));
        (usize::from(from)..=highest).fold(0, |layers, at| layers | 1 << at.min(7))
    }

    /// The layer to begin with while this one does not come: the highest below it that does.
    pub(super) fn live_below(&self, now: Instant, layer: u8) -> Option<u8> {
        let below = self.layers.iter().take(usize::from(layer)).rposition(|layer| layer.is_live(now));
        below.map(|at| at as u8)
    }

    /// Whether packets of this layer come.
    pub(super) fn is_live(&self, now: Instant, layer: u8) -> bool {
        self.layers.get(usize::from(layer)).is_some_and(|layer| layer.is_live(now))
    }

    /// Asks for a keyframe of the layer with this index.
    pub(super) fn ask_keyframe(&mut self, now: Instant, layer: u8) {
        if let Some(layer) = self.layers.get_mut(usize::from(layer)) {
            layer.keyframes.handle_request(now);
        }
    }

    /// What the sender is to send, bit by layer, when that is news. Of sounds all, for who is heard is chosen among them.
    pub(super) fn poll_asked(&mut self, now: Instant) -> Option<u8> {
        if !self.source.is_video() {
            return None;
        }
        let mut wanted = self.subscribers.iter().fold(0, |wanted, subscriber| wanted | subscriber.layers | subscriber.wants);
        wanted &= all(self.layers.len());
        if wanted != 0 {
            // The lowest always: it is cheap, and where a subscriber whose link gets worse can go at once.
            wanted |= 1;
        }
        let fewer = wanted != self.asked && wanted & !self.asked == 0;
        let since = *self.fewer_since.get_or_insert(now);
        if !fewer {
            self.fewer_since = None;
        }
        let is_due = !fewer || now.saturating_duration_since(since) >= FEWER_AFTER;
        (wanted != self.asked && is_due).then(|| {
            for (at, layer) in self.layers.iter_mut().enumerate() {
                let is_asked = wanted >> at & 1 != 0;
                layer.asked_at = layer.asked_at.filter(|_| is_asked).or(is_asked.then_some(now));
            }
            self.asked = wanted;
            self.fewer_since = None;
            wanted
        })
    }

    /// What was last asked of the sender.
    pub(super) fn asked(&self) -> u8 {
        self.asked
    }
}

impl Layer {
    fn facts(&mut self, codec: Codec, header: &Header, extensions: &Extensions<'_>, payload: &[u8]) -> Result<Facts, Refused> {
        if payload.is_empty() {
            // Nothing but padding: nobody needs it, but its number is used up.
            return Ok(Facts {
                is_keyframe: false,
                is_frame_start: false,
                is_frame_end: false,
                is_discardable: true,
                layer: Target::default(),
                needed_by: Targets::NONE,
                switches_to: Targets::NONE,
                ..Facts::ALONE
            });
        }
        let mut facts = codec.facts(payload, header.marker).map_err(|_| Refused::Payload)?;
        if !extensions.dependency.is_empty() {
            // One that cannot be read leaves what the payload says.
            let _ = self.dependencies.read(extensions.dependency, &mut facts);
        }
        Ok(facts)
    }
}

/// Bits for so many layers.
fn all(layers: usize) -> u8 {
    ((1_u16 << layers.min(8)) - 1) as u8
}
