//! Owns what one link receives: a counter per track, and the requests for a first keyframe.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtp;
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use tokio::time::{MissedTickBehavior, interval_at};
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::PeerConnection;

use super::counter::{Packet, TrackCounter};
use super::report::{Kind, LinkState, Path, Source, TrackReport};

/// How long the first packets may take to be a keyframe before one is asked for.
pub const KEYFRAME_PATIENCE: Duration = Duration::from_millis(50);

/// How often it is asked for again until it is there.
pub const KEYFRAME_REQUEST_INTERVAL: Duration = Duration::from_millis(500);

/// Tracks of one link that are counted; further ones are not. The protocol has four.
const TRACKS_MAX: usize = 16;

/// Errors of one link that are kept. Further ones are only logged.
const ERRORS_MAX: usize = 10;

/// What is known of a link, for the report. Written by the link and its tracks, read at any time.
#[derive(Debug)]
pub struct Facts {
    /// When the link began.
    pub started: Instant,
    /// The peer connection's state.
    pub state: LinkState,
    /// The peer connection's revision.
    pub revision: u32,
    /// When it was connected for the first time.
    pub connected: Option<Instant>,
    /// The way of the media.
    pub path: Option<Path>,
    tracks: Vec<TrackFacts>,
    errors: Vec<String>,
}

#[derive(Debug)]
struct TrackFacts {
    kind: Kind,
    source: Source,
    codec: String,
    counter: TrackCounter,
    first_packet: Instant,
    /// When the SFU put it into the slot in which its first frame came, or is awaited; none on a link.
    assigned: Option<Instant>,
    first_frame: Option<Instant>,
}

impl Facts {
    /// A link that begins now.
    pub fn new() -> Self {
        let state = LinkState::None;
        let started = Instant::now();
        Self { started, state, revision: 0, connected: None, path: None, tracks: Vec::new(), errors: Vec::new() }
    }

    /// Something went wrong.
    pub fn note(&mut self, error: String) {
        if self.errors.len() < ERRORS_MAX {
            self.errors.push(error);
        }
    }

    /// What went wrong.
    pub fn errors(&self) -> impl Iterator<Item = &str> {
        self.errors.iter().map(String::as_str)
    }

    /// From the start to the first frame of any track.
    pub fn first_frame_ms(&self) -> Option<u64> {
        self.tracks.iter().filter_map(|track| track.first_frame).min().map(|at| millis(self.started, at))
    }

    /// The tracks by kind and source.
    pub fn tracks(&self) -> Vec<TrackReport> {
        let mut tracks: Vec<_> = self.tracks.iter().map(|track| track.report(self.connected)).collect();
        tracks.sort_by_key(|track| (track.source, track.kind));
        tracks
    }

    /// The SFU puts this source into a receive slot, whose packets belong to it from now on; where it is counted. The numbers of a
    /// slot go on whoever stands in it, so that a gap between two stays is no loss.
    pub fn assign(&mut self, kind: Kind, source: Source) -> Option<usize> {
        let at = self.track(kind, source)?;
        let track = &mut self.tracks[at];
        track.counter.start_stream();
        // A stay that was too short for any picture is none that was waited in.
        if track.first_frame.is_none() {
            track.assigned = Some(Instant::now());
        }
        Some(at)
    }

    /// The codec of the track at this place.
    pub fn set_codec(&mut self, place: usize, codec: String) {
        self.tracks[place].codec = codec;
    }

    /// Counts a packet for the track at this place.
    pub fn handle_packet(&mut self, place: usize, packet: &rtp::Packet) {
        self.tracks[place].handle_packet(view(packet));
    }

    /// Nothing has come of the track at this place that can be decoded.
    pub fn is_waiting(&self, place: usize) -> bool {
        !self.tracks[place].counter.is_decodable()
    }

    /// Where the track of this source is counted; over several peer connections of a link it is the same.
    fn track(&mut self, kind: Kind, source: Source) -> Option<usize> {
        let known = self.tracks.iter().position(|track| (track.kind, track.source) == (kind, source));
        if known.is_none() && self.tracks.len() < TRACKS_MAX {
            let counter = TrackCounter::new(kind);
            let first_packet = Instant::now();
            let (assigned, first_frame) = (None, None);
            self.tracks.push(TrackFacts { kind, source, codec: String::new(), counter, first_packet, assigned, first_frame });
            return Some(self.tracks.len() - 1);
        }
        known
    }
}

impl TrackFacts {
    fn handle_packet(&mut self, packet: Packet<'_>) {
        self.counter.handle_packet(packet);
        if self.first_frame.is_none() && self.counter.is_decodable() {
            self.first_frame = Some(Instant::now());
        }
    }

    fn report(&self, connected: Option<Instant>) -> TrackReport {
        // A packet can overtake the news that the connection stands.
        let since = self.assigned.or(connected).unwrap_or(self.first_packet);
        TrackReport {
            kind: self.kind,
            source: self.source,
            codec: self.codec.clone(),
            packets: self.counter.packets(),
            bytes: self.counter.bytes(),
            lost: self.counter.lost(),
            frames: self.counter.frames(),
            keyframes: self.counter.keyframes(),
            first_frame_delay_ms: self.first_frame.map(|at| millis(since, at)),
        }
    }
}

fn millis(from: Instant, to: Instant) -> u64 {
    to.saturating_duration_since(from).as_millis().try_into().unwrap_or(u64::MAX)
}

/// Counts a remote track until it ends.
pub async fn count(connection: Arc<dyn PeerConnection>, track: Arc<dyn TrackRemote>, facts: Arc<Mutex<Facts>>) {
    let kind = match track.kind().await {
        RtpCodecKind::Audio => Kind::Audio,
        RtpCodecKind::Video => Kind::Video,
        _ => return,
    };
    let mut place: Option<usize> = None;
    let mut ssrc = None;
    let mut requests = interval_at(tokio::time::Instant::now() + KEYFRAME_PATIENCE, KEYFRAME_REQUEST_INTERVAL);
    requests.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let wants_keyframe = kind == Kind::Video && place.is_some_and(|at| facts.lock().is_waiting(at));
        tokio::select! {
            event = track.poll() => match event {
                Some(TrackRemoteEvent::OnOpen(opened)) => {
                    ssrc = Some(opened.ssrc);
                    let source = Source::of(kind, section_index(&*connection, opened.receiver_id.into(), kind).await);
                    place = facts.lock().track(kind, source);
                    if let (Some(at), Some(codec)) = (place, track.codec(opened.ssrc).await) {
                        facts.lock().set_codec(at, subtype(&codec.mime_type));
                    }
                }
                Some(TrackRemoteEvent::OnRtpPacket(packet)) => {
                    if let Some(at) = place {
                        facts.lock().handle_packet(at, &packet);
                    }
                }
                Some(TrackRemoteEvent::OnEnded) | None => return,
                Some(_) => {}
            },
            _ = requests.tick(), if wants_keyframe => {
                if let Some(media_ssrc) = ssrc {
                    let request = PictureLossIndication { sender_ssrc: 0, media_ssrc };
                    if track.write_rtcp(vec![Box::new(request)]).await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

/// `VP8` of `video/VP8`.
pub fn subtype(mime_type: &str) -> String {
    mime_type.rsplit('/').next().unwrap_or_default().to_owned()
}

fn view(packet: &rtp::Packet) -> Packet<'_> {
    let header = &packet.header;
    Packet {
        ssrc: header.ssrc,
        sequence_number: header.sequence_number,
        timestamp: header.timestamp,
        marker: header.marker,
        payload: &packet.payload,
    }
}

/// The index of a transceiver's media section among those of its kind. A section that cannot be found is none with a
/// meaning.
async fn section_index(connection: &dyn PeerConnection, transceiver: usize, kind: Kind) -> usize {
    if let Some(mid) = mid_of(connection, transceiver).await
        && let Some(description) = connection.remote_description().await
    {
        return mids(&description.sdp, kind).position(|other| other == mid).unwrap_or(usize::MAX);
    }
    usize::MAX
}

/// The name of a transceiver's media section.
pub async fn mid_of(connection: &dyn PeerConnection, transceiver: usize) -> Option<String> {
    for candidate in connection.get_transceivers().await {
        if candidate.id() == transceiver {
            return candidate.mid().await.ok().flatten();
        }
    }
    None
}

/// The `mid` of each media section of a kind, in order (RFC 8843, RFC 9429 section 5.2.1).
fn mids(sdp: &str, kind: Kind) -> impl Iterator<Item = &str> {
    let prefix = match kind {
        Kind::Audio => "audio ",
        Kind::Video => "video ",
    };
    let sections = sdp.split("\nm=").skip(1).filter(move |section| section.starts_with(prefix));
    sections.map(|section| section.lines().find_map(|line| line.strip_prefix("a=mid:")).unwrap_or("").trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDP: &str = "v=0\r\ns=-\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n\
                       a=mid:cam\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:2\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:3\r\n";

    #[test]
    fn sections_are_counted_by_kind() {
        assert_eq!(mids(SDP, Kind::Audio).collect::<Vec<_>>(), ["0", "3"]);
        assert_eq!(mids(SDP, Kind::Video).collect::<Vec<_>>(), ["cam", "2"]);
        assert_eq!(mids("v=0\r\n", Kind::Audio).count(), 0);
    }

    #[test]
    fn a_source_is_counted_in_one_place() {
        let mut facts = Facts::new();
        let camera = facts.track(Kind::Video, Source::Camera);
        assert_ne!(facts.track(Kind::Audio, Source::Microphone), camera);
        assert_eq!(facts.track(Kind::Video, Source::Camera), camera);
        assert_eq!(facts.tracks().iter().map(|track| track.source).collect::<Vec<_>>(), [Source::Microphone, Source::Camera]);
    }
}
