//! Owns the clip: encoded frames with their times, played in a loop by [`super::publish`].

mod built_in;
mod ivf;
mod ogg;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

pub use built_in::{TONES_HZ, pattern, tone};

/// Longest media file that is read, in bytes; it is held in memory as a whole.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// Ticks per second of Opus's RTP clock (RFC 7587 section 4.1).
const OPUS_CLOCK_HZ: u32 = 48_000;

/// Ticks per second of VP8's RTP clock (RFC 7741 section 4.1).
const VP8_CLOCK_HZ: u32 = 90_000;

/// How the frames of a clip are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// RFC 7587.
    Opus,
    /// RFC 7741.
    Vp8,
}

impl Codec {
    /// Ticks per second of the codec's RTP clock.
    pub fn clock_hz(self) -> u32 {
        match self {
            Self::Opus => OPUS_CLOCK_HZ,
            Self::Vp8 => VP8_CLOCK_HZ,
        }
    }
}

/// One encoded frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The bitstream.
    pub data: Bytes,
    /// How long it lasts, in ticks of the codec's clock; not 0.
    pub ticks: u32,
    /// It can be decoded without the frames before it. Always true for audio.
    pub keyframe: bool,
}

/// Encoded frames in the order of play; at least one, and the first is a keyframe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clip {
    codec: Codec,
    frames: Arc<[Frame]>,
}

impl Clip {
    /// Checks that the frames can be played in a loop.
    fn new(codec: Codec, frames: Vec<Frame>) -> Result<Self, SourceError> {
        match frames.first() {
            None => Err(SourceError::Empty),
            Some(first) if !first.keyframe => Err(SourceError::NoKeyframe),
            Some(_) => Ok(Self { codec, frames: frames.into() }),
        }
    }

    /// Reads Opus in Ogg (RFC 7845).
    ///
    /// # Errors
    /// The file cannot be read, or is something else.
    pub fn open_ogg(path: &Path) -> Result<Self, SourceError> {
        Self::new(Codec::Opus, ogg::read(&file(path)?)?)
    }

    /// Reads VP8 in IVF.
    ///
    /// # Errors
    /// The file cannot be read, or is something else.
    pub fn open_ivf(path: &Path) -> Result<Self, SourceError> {
        Self::new(Codec::Vp8, ivf::read(&file(path)?)?)
    }

    /// The same frames, each for so many times as long: fewer packets per second.
    pub fn slowed(&self, times: u32) -> Self {
        let slow = |frame: &Frame| Frame { ticks: frame.ticks.saturating_mul(times.max(1)), ..frame.clone() };
        Self { codec: self.codec, frames: self.frames.iter().map(slow).collect() }
    }

    /// How the frames are encoded.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// The frame at this position of the endless loop.
    pub fn frame(&self, position: usize) -> &Frame {
        &self.frames[position % self.frames.len()]
    }

    /// The first position from this one on that holds a keyframe; there is one within a round.
    pub fn keyframe_from(&self, position: usize) -> usize {
        let round = position..position.saturating_add(self.frames.len());
        round.into_iter().find(|at| self.frame(*at).keyframe).unwrap_or(position)
    }
}

/// How long so many ticks of a clock last, rounded up, so that a conversion back by truncation gives the same ticks.
pub fn duration_of(ticks: u64, clock_hz: u32) -> Duration {
    let nanos = (u128::from(ticks) * 1_000_000_000).div_ceil(u128::from(clock_hz));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

fn file(path: &Path) -> Result<Bytes, SourceError> {
    let unreadable = |error| SourceError::Unreadable { path: path.to_owned(), error };
    if std::fs::metadata(path).map_err(unreadable)?.len() > FILE_BYTES_MAX {
        return Err(SourceError::TooLong);
    }
    std::fs::read(path).map(Bytes::from).map_err(unreadable)
}

/// Why a media file cannot be played, as a sentence for the person who named it.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file system refuses it.
    #[error("cannot read {}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It does not fit into memory.
    #[error("the media file is longer than {FILE_BYTES_MAX} bytes")]
    TooLong,
    /// It is not Ogg.
    #[error("this is not an Ogg file")]
    NotOgg,
    /// It is Ogg with something else in it.
    #[error("the Ogg file does not start with an Opus stream; Opus is the only audio codec here")]
    NotOpus,
    /// An Opus packet that RFC 6716 section 3.4 forbids.
    #[error("packet {0} of the Ogg file is not a valid Opus packet")]
    BadOpus(usize),
    /// It is not IVF.
    #[error("this is not an IVF file")]
    NotIvf,
    /// It is IVF with something else in it.
    #[error("the IVF file holds {0:?} instead of VP8 (\"VP80\"), the only video codec here")]
    NotVp8(String),
    /// The header gives no usable time base, or times go backwards.
    #[error("the IVF file has no usable times")]
    BadTimes,
    /// No frame in it.
    #[error("the media file holds no frame")]
    Empty,
    /// Nobody could decode the start.
    #[error("the video does not start with a keyframe")]
    NoKeyframe,
    /// Not one of [`TONES_HZ`].
    #[error("there is no built-in tone of {0} Hz; choose one of {TONES_HZ:?}, or give --audio-file")]
    NoTone(u32),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clip(keyframes: &[bool]) -> Result<Clip, SourceError> {
        let frame = |keyframe: &bool| Frame { data: Bytes::from_static(b"x"), ticks: 3000, keyframe: *keyframe };
        Clip::new(Codec::Vp8, keyframes.iter().map(frame).collect())
    }

    #[test]
    fn a_clip_is_an_endless_loop_and_knows_the_next_keyframe() {
        let clip = clip(&[true, false, false, true, false]).expect("starts with a keyframe");
        assert_eq!(clip.keyframe_from(0), 0);
        assert_eq!(clip.keyframe_from(1), 3);
        assert_eq!(clip.keyframe_from(4), 5);
        assert!(clip.frame(5).keyframe);
        assert!(!clip.frame(11).keyframe);
    }

    #[test]
    fn a_clip_needs_a_frame_and_starts_with_a_keyframe() {
        assert!(matches!(clip(&[]), Err(SourceError::Empty)));
        assert!(matches!(clip(&[false, true]), Err(SourceError::NoKeyframe)));
    }

    #[test]
    fn ticks_survive_the_way_through_a_duration() {
        for (ticks, clock_hz) in [(3000, 90_000), (2970, 90_000), (960, 48_000), (120, 48_000), (7, 90_000)] {
            let back = duration_of(ticks, clock_hz).as_secs_f64() * f64::from(clock_hz);
            assert_eq!(back as u64, ticks);
        }
    }
}
