//! Owns what a payload says of its place in the stream, in words that are the same for every codec.

mod av1;
mod h264;
mod opus;
mod red;
mod vp8;
mod vp9;

pub use red::newest_block;

/// A codec whose payload we can read as far as forwarding needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// RFC 7587.
    Opus,
    /// Opus with older packets before the newest one (RFC 2198).
    Red,
    /// RFC 7741.
    Vp8,
    /// RFC 9628.
    Vp9,
    /// RFC 6184.
    H264,
    /// The AV1 RTP specification.
    Av1,
}

impl Codec {
    /// The unit of the timestamp, in Hz.
    pub const fn clock_rate_hz(self) -> u32 {
        match self {
            Self::Opus | Self::Red => 48_000,
            Self::Vp8 | Self::Vp9 | Self::H264 | Self::Av1 => 90_000,
        }
    }

    /// Reads what forwarding needs of a payload that is not empty, of a packet with this marker.
    pub fn facts(self, payload: &[u8], marker: bool) -> Result<Facts, PayloadError> {
        match self {
            Self::Opus => opus::facts(payload),
            Self::Red => red::facts(payload),
            Self::Vp8 => vp8::facts(payload, marker),
            Self::Vp9 => vp9::facts(payload),
            Self::H264 => h264::facts(payload, marker),
            Self::Av1 => av1::facts(payload, marker),
        }
    }
}

/// A payload that its codec's RTP format does not allow, or that ends too early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a payload of its codec")]
pub struct PayloadError;

/// A quality of one encoding: up to which layer it is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Target {
    /// 0 to 3. Of simulcast: the index of the encoding, lowest first. Of a scalable encoding: the highest spatial layer.
    pub spatial: u8,
    /// 0 to 7: the highest temporal layer.
    pub temporal: u8,
}

impl Target {
    /// Highest spatial layer.
    pub const SPATIAL_MAX: u8 = 3;
    /// Highest temporal layer.
    pub const TEMPORAL_MAX: u8 = 7;

    /// This target, or the nearest that there can be.
    pub fn new(spatial: u8, temporal: u8) -> Self {
        Self { spatial: spatial.min(Self::SPATIAL_MAX), temporal: temporal.min(Self::TEMPORAL_MAX) }
    }
}

/// A set of targets within one encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Targets(u32);

impl Targets {
    /// All of them.
    pub const ALL: Self = Self(u32::MAX);
    /// None of them.
    pub const NONE: Self = Self(0);

    /// Those that contain the layer `from`: that spatial layer or a higher one, that temporal layer or a higher one.
    pub fn above(from: Target) -> Self {
        let temporal = 0xff_u32 << from.temporal & 0xff;
        (from.spatial..=Target::SPATIAL_MAX).fold(Self::NONE, |set, spatial| Self(set.0 | temporal << (8 * spatial)))
    }

    /// Every temporal layer of one spatial layer.
    pub fn of_spatial(spatial: u8) -> Self {
        Self(0xff << (8 * spatial.min(Target::SPATIAL_MAX)))
    }

    /// Whether this one is among them.
    pub fn contains(self, target: Target) -> bool {
        self.0 & Self::bit(target) != 0
    }

    /// Adds one.
    pub fn insert(&mut self, target: Target) {
        self.0 |= Self::bit(target);
    }

    fn bit(Target { spatial, temporal }: Target) -> u32 {
        1 << (8 * spatial.min(Target::SPATIAL_MAX) + temporal.min(Target::TEMPORAL_MAX))
    }
}

/// Pixels of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resolution {
    /// Width in pixels.
    pub width: u16,
    /// Height in pixels.
    pub height: u16,
}

/// The running numbers in the payload descriptor of VP8 and VP9, and where in the payload they stand, for patching them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Picture {
    /// The number of the picture, of 7 or 15 bits.
    pub id: u16,
    /// Whether it has 15 bits and stands in two bytes.
    pub is_wide: bool,
    /// Whether the receiver takes a gap in the picture ids for a lost picture (VP8), so that pictures that are left out must not
    /// leave one.
    pub must_be_continuous: bool,
    /// Where the picture id stands.
    pub id_at: u8,
    /// The number of the last picture of the lowest temporal layer.
    pub tl0: u8,
    /// Where it stands; 0 when it is absent.
    pub tl0_at: u8,
    /// VP8's KEYIDX, of 5 bits.
    pub key_index: u8,
    /// Where it stands; 0 when it is absent.
    pub key_index_at: u8,
}

/// What forwarding needs to know of a packet's payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Whether it begins a frame from which decoding can start without anything before it. Always true for audio.
    pub is_keyframe: bool,
    /// Whether it begins a frame (of its spatial layer).
    pub is_frame_start: bool,
    /// Whether it ends a frame (of its spatial layer).
    pub is_frame_end: bool,
    /// Whether no other frame depends on this one.
    pub is_discardable: bool,
    /// The spatial and temporal layer of its frame.
    pub layer: Target,
    /// The targets whose receivers need it.
    pub needed_by: Targets,
    /// The targets to which a receiver can go up at this frame, if it could decode it anyhow.
    pub switches_to: Targets,
    /// What a receiver must be at, at least, to decode it when it is a place to switch.
    pub switches_from: Target,
    /// The number of its frame in the dependency descriptor, and which of the 64 frames before it depends on: bit 0 is the one
    /// directly before.
    pub frame: Option<FrameNumber>,
    /// The running numbers of VP8 and VP9.
    pub picture: Option<Picture>,
    /// The size of the pictures from here on, where it says so.
    pub resolution: Option<Resolution>,
}

/// A frame in the words of the dependency descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameNumber {
    /// Its number.
    pub number: u16,
    /// Which of the 64 frames before it depends on: bit 0 is the one directly before.
    pub depends_on: u64,
    /// Whether it also depends on a frame further back.
    pub depends_further: bool,
}

impl Facts {
    /// A payload that stands for itself, and that every receiver needs.
    pub const ALONE: Self = Self {
        is_keyframe: true,
        is_frame_start: true,
        is_frame_end: true,
        is_discardable: false,
        layer: Target { spatial: 0, temporal: 0 },
        needed_by: Targets::ALL,
        switches_to: Targets::ALL,
        switches_from: Target { spatial: 0, temporal: 0 },
        frame: None,
        picture: None,
        resolution: None,
    };

    /// A packet of nothing but padding, which no receiver needs.
    pub const PADDING: Self = Self {
        is_keyframe: false,
        is_frame_start: false,
        is_frame_end: false,
        needed_by: Targets::NONE,
        switches_to: Targets::NONE,
        ..Self::ALONE
    };
}

/// Reads bytes from the front, or says that there are none.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn byte(&mut self) -> Result<u8, PayloadError> {
        let (&byte, rest) = self.0.split_first().ok_or(PayloadError)?;
        self.0 = rest;
        Ok(byte)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CODECS: [Codec; 6] = [Codec::Opus, Codec::Red, Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Av1];

    #[test]
    fn targets_are_ordered_in_both_directions() {
        let set = Targets::above(Target::new(1, 2));
        for spatial in 0..4 {
            for temporal in 0..8 {
                assert_eq!(set.contains(Target::new(spatial, temporal)), spatial >= 1 && temporal >= 2, "{spatial} {temporal}");
            }
        }
        assert_eq!(Targets::above(Target::default()), Targets::ALL);
        assert_eq!(Target::new(9, 200), Target { spatial: 3, temporal: 7 });
    }

    proptest! {
        #[test]
        fn any_payload_is_read_or_refused(payload in proptest::collection::vec(any::<u8>(), 0..80), marker: bool) {
            for codec in CODECS {
                if let Ok(facts) = codec.facts(&payload, marker) {
                    prop_assert!(facts.layer.spatial <= Target::SPATIAL_MAX && facts.layer.temporal <= Target::TEMPORAL_MAX);
                    if let Some(picture) = facts.picture {
                        let last = picture.id_at.max(picture.tl0_at).max(picture.key_index_at);
                        prop_assert!(usize::from(last) + usize::from(last == picture.id_at && picture.is_wide) < payload.len());
                    }
                }
            }
        }
    }
}
