//! Owns what one peer connection sends: its local tracks, and the tasks that play clips into them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rtc::media::Sample;
use rtc::media_stream::MediaStreamTrack;
use rtc::rtp_transceiver::rtp_sender::{RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind};
use tokio::task::JoinSet;
use tokio::time::{Duration, Instant, sleep_until};
use tracing::debug;
use webrtc::error::{Error, Result};
use webrtc::media_stream::track_local::static_sample::TrackLocalStaticSample;
use webrtc::media_stream::track_local::{TrackLocal, TrackLocalEvent};
use webrtc::peer_connection::PeerConnection;
use webrtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit, RtpTransceiver};

use super::engine::codec_parameters;
use super::source::{Clip, Codec, duration_of};
use crate::protocol::{SendSection, Source};

/// The media stream of microphone and camera, see `protocol.md`, "Links".
const STREAM_CAMERA: &str = "camera";

/// Keyframe requests closer together than this are one: several receivers, or a receiver that repeats itself.
const KEYFRAME_INTERVAL_MIN: Duration = Duration::from_millis(300);

/// Behind by more than this, a player starts its time anew instead of sending everything at once.
const LATE_MAX: Duration = Duration::from_millis(500);

/// What a participant publishes.
#[derive(Debug, Clone, Default)]
pub struct Media {
    /// The microphone.
    pub audio: Option<Clip>,
    /// The camera.
    pub video: Option<Clip>,
}

/// The local tracks of one peer connection. Dropping it stops the players.
pub struct Publisher {
    tracks: Vec<LocalTrack>,
    players: JoinSet<()>,
}

#[derive(Clone)]
struct LocalTrack {
    clip: Clip,
    ssrc: u32,
    is_paused: Arc<AtomicBool>,
    track: Arc<TrackLocalStaticSample>,
    transceiver: Arc<dyn RtpTransceiver>,
}

impl Publisher {
    /// Adds the tracks to a new peer connection: audio, then video.
    pub async fn attach(connection: &dyn PeerConnection, media: &Media) -> Result<Self> {
        let mut tracks = Vec::new();
        for clip in media.audio.iter().chain(&media.video) {
            tracks.push(LocalTrack::attach(connection, clip, RTCRtpTransceiverDirection::Sendrecv).await?);
        }
        Ok(Self { tracks, players: JoinSet::new() })
    }

    /// Adds the tracks in sections that only send.
    pub async fn attach_sending(connection: &dyn PeerConnection, media: &Media) -> Result<Self> {
        let mut tracks = Vec::new();
        for clip in media.audio.iter().chain(&media.video) {
            tracks.push(LocalTrack::attach(connection, clip, RTCRtpTransceiverDirection::Sendonly).await?);
        }
        Ok(Self { tracks, players: JoinSet::new() })
    }

    /// The sections of the tracks by name, with what they carry; those that are offered already.
    pub async fn sections(&self) -> Vec<SendSection> {
        let mut sections = Vec::new();
        for track in &self.tracks {
            if let Ok(Some(mid)) = track.transceiver.mid().await {
                let source = match track.clip.codec() {
                    Codec::Opus => Source::Microphone,
                    Codec::Vp8 => Source::Camera,
                };
                sections.push(SendSection { mid, source });
            }
        }
        sections
    }

    /// Stops or goes on to send in the section with this name; a picture goes on with a keyframe.
    pub async fn pause(&self, mid: &str, is_paused: bool) {
        for track in &self.tracks {
            if matches!(track.transceiver.mid().await, Ok(Some(own)) if own == mid) {
                track.is_paused.store(is_paused, Ordering::Relaxed);
            }
        }
    }

    /// Adds the tracks, and receiving sections for what is not published, so that an offer has audio and video.
    pub async fn attach_for_offer(connection: &dyn PeerConnection, media: &Media) -> Result<Self> {
        let mut tracks = Vec::new();
        for (clip, kind) in [(&media.audio, RtpCodecKind::Audio), (&media.video, RtpCodecKind::Video)] {
            match clip {
                Some(clip) => tracks.push(LocalTrack::attach(connection, clip, RTCRtpTransceiverDirection::Sendrecv).await?),
                None => {
                    let init = RTCRtpTransceiverInit { direction: RTCRtpTransceiverDirection::Recvonly, ..Default::default() };
                    connection.add_transceiver_from_kind(kind, Some(init)).await?;
                }
            }
        }
        Ok(Self { tracks, players: JoinSet::new() })
    }

    /// Whether a track has no media section yet: the remote's offer had none for it.
    pub async fn is_unmatched(&self) -> bool {
        for track in &self.tracks {
            if matches!(track.transceiver.mid().await, Ok(None)) {
                return true;
            }
        }
        false
    }

    /// Starts to play, once.
    pub fn start(&mut self) {
        if self.players.is_empty() {
            for track in &self.tracks {
                let track = track.clone();
                self.players.spawn(async move {
                    if let Err(error) = track.play().await {
                        debug!(%error, "a track stopped");
                    }
                });
            }
        }
    }
}

impl LocalTrack {
    async fn attach(connection: &dyn PeerConnection, clip: &Clip, direction: RTCRtpTransceiverDirection) -> Result<Self> {
        let ssrc = rand::random();
        let coding = RTCRtpCodingParameters { ssrc: Some(ssrc), ..Default::default() };
        let codec = codec_parameters(clip.codec()).rtp_codec;
        let kind = match clip.codec() {
            Codec::Opus => RtpCodecKind::Audio,
            Codec::Vp8 => RtpCodecKind::Video,
        };
        // The library tells feedback on sent and received tracks apart by this name alone: no two may be the same.
        let name = format!("{:016x}", rand::random::<u64>());
        let encoding = RTCRtpEncodingParameters { rtp_coding_parameters: coding, codec, ..Default::default() };
        let stream = MediaStreamTrack::new(STREAM_CAMERA.into(), name.clone(), name, kind, vec![encoding]);
        let track = Arc::new(TrackLocalStaticSample::new(Instant::now().into_std(), stream)?);
        let init = RTCRtpTransceiverInit { direction, ..Default::default() };
        let local = Arc::clone(&track) as Arc<dyn TrackLocal>;
        let transceiver = connection.add_transceiver_from_track(local, Some(init)).await?;
        Ok(Self { clip: clip.clone(), ssrc, is_paused: Arc::default(), track, transceiver })
    }

    async fn play(&self) -> Result<()> {
        let payload_type = self.payload_type().await?;
        let clock_hz = self.clip.codec().clock_hz();
        let (mut start, mut ticks, mut position) = (Instant::now(), 0, 0);
        // At once: the other end may have its keys a moment later, and miss the first packets.
        let mut keyframe_allowed_at = start;
        // Frames not sent for a pause: their time passes in the timestamps all the same.
        let mut left_out: u16 = 0;
        loop {
            if self.is_paused.load(Ordering::Relaxed) {
                left_out = left_out.saturating_add(1);
                ticks += u64::from(self.clip.frame(position).ticks);
                position += 1;
            } else {
                if left_out > 0 {
                    position = self.clip.keyframe_from(position);
                }
                let frame = self.clip.frame(position);
                let sample = Sample {
                    data: frame.data.clone(),
                    duration: duration_of(frame.ticks.into(), clock_hz),
                    prev_dropped_packets: left_out.min(u16::try_from(u32::MAX / frame.ticks.max(1)).unwrap_or(u16::MAX)),
                    ..Sample::new(Instant::now().into_std())
                };
                self.track.sample_writer(self.ssrc, payload_type).write_sample(&sample).await?;
                left_out = 0;
                ticks += u64::from(frame.ticks);
                position += 1;
            }
            let due = start + duration_of(ticks, clock_hz);
            if self.keyframe_requested_until(due).await && Instant::now() >= keyframe_allowed_at {
                position = self.clip.keyframe_from(position);
                keyframe_allowed_at = Instant::now() + KEYFRAME_INTERVAL_MIN;
            }
            if due.elapsed() > LATE_MAX {
                (start, ticks) = (Instant::now(), 0);
            }
        }
    }

    /// Waits for the next frame's time; whether a keyframe was asked for meanwhile.
    async fn keyframe_requested_until(&self, due: Instant) -> bool {
        let (mut requested, mut listening) = (false, true);
        loop {
            tokio::select! {
                () = sleep_until(due) => return requested,
                event = self.track.poll(), if listening => match event {
                    Some(TrackLocalEvent::OnRtcpPacket(_)) => requested = true,
                    Some(_) => {}
                    None => listening = false,
                },
            }
        }
    }

    /// As negotiated: the remote's number when it made the offer.
    async fn payload_type(&self) -> Result<u8> {
        let sender = self.transceiver.sender().await?.ok_or(Error::ErrRTPSenderNotExisted)?;
        let parameters = sender.get_parameters().await?.rtp_parameters;
        parameters.codecs.first().map(|codec| codec.payload_type).ok_or(Error::CodecNotFound)
    }
}
