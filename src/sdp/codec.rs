//! Owns the codecs that the SFU forwards, as descriptions speak of them: names, parameters, and which sender suits which receiver.

use crate::rtp;

/// A codec with what tells its variants apart. Equal ones have equal parameters; whether one is decoded where another was
/// negotiated, says [`Codec::matches`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// RFC 7587.
    Opus {
        /// `useinbandfec`: the receiver makes use of it.
        fec: bool,
        /// `usedtx`: the receiver would rather have none of silence.
        dtx: bool,
        /// `stereo`: the receiver would rather have two channels.
        stereo: bool,
    },
    /// Opus with older packets before the newest one (RFC 2198).
    Red {
        /// The payload type of the blocks within: it stands in each payload.
        primary: u8,
    },
    /// RFC 7741.
    Vp8,
    /// RFC 9628.
    Vp9 {
        /// 0 to 3; 0 is what everybody has.
        profile: u8,
    },
    /// RFC 6184.
    H264 {
        /// What of the standard a decoder has to know.
        profile: H264Profile,
        /// Ten times the level.
        level: u8,
        /// Whether packets may hold fragments and several units (mode 1), not single units only (mode 0).
        is_non_interleaved: bool,
    },
    /// The AV1 RTP specification.
    Av1 {
        /// 0 to 2; 0 is what everybody has.
        profile: u8,
        /// `level-idx`, 0 to 31.
        level: u8,
        /// 0 or 1.
        tier: u8,
    },
}

/// The profiles of H.264 that browsers tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum H264Profile {
    /// What every decoder has.
    ConstrainedBaseline,
    /// With flexible ordering of macroblocks, which nobody sends.
    Baseline,
    /// With B-frames and CABAC.
    Main,
    /// High without interlacing and B-frames.
    ConstrainedHigh,
    /// With 8 × 8 transforms.
    High,
    /// With four times the colour.
    High444,
}

impl Codec {
    /// The codec of an `a=rtpmap` (such as `VP9/90000`) and an `a=fmtp`; none when the SFU does not forward it. Retransmission
    /// (`rtx`) is not a codec here: it belongs to one.
    pub(super) fn read(rtpmap: &str, fmtp: &str) -> Option<Self> {
        let mut parts = rtpmap.split('/');
        let (name, clock_hz, channels) = (parts.next()?.to_ascii_lowercase(), parts.next()?, parts.next());
        let number = |key| parameter(fmtp, key).and_then(|value| value.parse::<u8>().ok());
        let is_on = |key| parameter(fmtp, key) == Some("1");
        match (name.as_str(), clock_hz) {
            ("opus", "48000") if channels == Some("2") => {
                Some(Self::Opus { fec: is_on("useinbandfec"), dtx: is_on("usedtx"), stereo: is_on("stereo") })
            }
            ("red", "48000") => Some(Self::Red { primary: fmtp.split('/').next()?.trim().parse().ok()? }),
            ("vp8", "90000") => Some(Self::Vp8),
            ("vp9", "90000") => Some(Self::Vp9 { profile: number("profile-id").unwrap_or(0) }),
            ("h264", "90000") => {
                // RFC 6184 section 8.1: absent is baseline, level 1.
                let (profile, level) = H264Profile::read(parameter(fmtp, "profile-level-id").unwrap_or("42000a"))?;
                let is_non_interleaved = match number("packetization-mode").unwrap_or(0) {
                    0 => false,
                    1 => true,
                    _ => return None,
                };
                Some(Self::H264 { profile, level, is_non_interleaved })
            }
            ("av1", "90000") => Some(Self::Av1 {
                profile: number("profile").unwrap_or(0),
                level: number("level-idx").unwrap_or(5),
                tier: number("tier").unwrap_or(0),
            }),
            _ => None,
        }
    }

    /// Its `a=rtpmap`, without the payload type.
    pub(super) fn rtpmap(self) -> &'static str {
        match self {
            Self::Opus { .. } => "opus/48000/2",
            Self::Red { .. } => "red/48000/2",
            Self::Vp8 => "VP8/90000",
            Self::Vp9 { .. } => "VP9/90000",
            Self::H264 { .. } => "H264/90000",
            Self::Av1 { .. } => "AV1/90000",
        }
    }

    /// The codec whose payloads these are.
    pub fn of_payload(self) -> rtp::Codec {
        match self {
            Self::Opus { .. } => rtp::Codec::Opus,
            Self::Red { .. } => rtp::Codec::Red,
            Self::Vp8 => rtp::Codec::Vp8,
            Self::Vp9 { .. } => rtp::Codec::Vp9,
            Self::H264 { .. } => rtp::Codec::H264,
            Self::Av1 { .. } => rtp::Codec::Av1,
        }
    }

    /// Whether it is sound.
    pub fn is_audio(self) -> bool {
        matches!(self, Self::Opus { .. } | Self::Red { .. })
    }

    /// Whether payloads of one who sends this are decoded by one who has negotiated `receiver`. Levels are no matter: they bound
    /// sizes, which simulcast and scalable layers bound better.
    pub fn matches(self, receiver: Self) -> bool {
        match (self, receiver) {
            (Self::Opus { .. }, Self::Opus { .. }) | (Self::Vp8, Self::Vp8) => true,
            (Self::Red { primary }, Self::Red { primary: receiver }) => primary == receiver,
            (Self::Vp9 { profile }, Self::Vp9 { profile: receiver })
            | (Self::Av1 { profile, .. }, Self::Av1 { profile: receiver, .. }) => profile == receiver,
            (
                Self::H264 { profile, is_non_interleaved, .. },
                Self::H264 { profile: receiver, is_non_interleaved: takes_non_interleaved, .. },
            ) => is_non_interleaved == takes_non_interleaved && profile.is_within(receiver),
            _ => false,
        }
    }
}

impl H264Profile {
    /// Profile and level of a `profile-level-id`: six hexadecimal digits (RFC 6184 section 8.1, table 5).
    fn read(text: &str) -> Option<(Self, u8)> {
        let is_id = text.len() == 6 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
        let number = u32::from_str_radix(text, 16).ok().filter(|_| is_id)?;
        let [_, profile, constraints, level] = number.to_be_bytes();
        let is_constrained = constraints & 0x40 != 0;
        let profile = match profile {
            0x42 if is_constrained => Self::ConstrainedBaseline,
            0x42 => Self::Baseline,
            0x4d if constraints & 0x80 != 0 => Self::ConstrainedBaseline,
            0x4d => Self::Main,
            0x58 if is_constrained && constraints & 0x80 != 0 => Self::ConstrainedBaseline,
            0x58 => Self::Baseline,
            0x64 if constraints & 0x0c == 0x0c => Self::ConstrainedHigh,
            0x64 => Self::High,
            0xf4 => Self::High444,
            _ => return None,
        };
        Some((profile, level))
    }

    /// Whether a decoder of `other` decodes this.
    fn is_within(self, other: Self) -> bool {
        use H264Profile::{Baseline, ConstrainedBaseline, ConstrainedHigh, High, High444, Main};
        match self {
            ConstrainedBaseline => true,
            Baseline => other == Baseline,
            Main => matches!(other, Main | High | High444),
            ConstrainedHigh => matches!(other, ConstrainedHigh | High | High444),
            High => matches!(other, High | High444),
            High444 => other == High444,
        }
    }
}

/// The value of a parameter in an `a=fmtp`, whose order and spaces differ from browser to browser.
pub(super) fn parameter<'a>(fmtp: &'a str, key: &str) -> Option<&'a str> {
    fmtp.split(';').filter_map(|pair| pair.split_once('=')).find_map(|(found, value)| {
        let is_it = found.trim().eq_ignore_ascii_case(key);
        is_it.then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn h264(fmtp: &str) -> Codec {
        Codec::read("H264/90000", fmtp).expect("a codec")
    }

    #[test]
    fn codecs_are_told_by_name_clock_and_parameters() {
        assert_eq!(
            Codec::read("opus/48000/2", "maxplaybackrate=48000; stereo=1 ;useinbandfec=1"),
            Some(Codec::Opus { fec: true, dtx: false, stereo: true })
        );
        assert_eq!(Codec::read("RED/48000/2", "111/111"), Some(Codec::Red { primary: 111 }));
        assert_eq!(Codec::read("VP9/90000", "profile-id=2"), Some(Codec::Vp9 { profile: 2 }));
        assert_eq!(Codec::read("AV1/90000", "level-idx=8;profile=1;tier=0"), Some(Codec::Av1 { profile: 1, level: 8, tier: 0 }));
        assert_eq!(
            h264("profile-level-id=42e01f;level-asymmetry-allowed=1;packetization-mode=1"),
            Codec::H264 { profile: H264Profile::ConstrainedBaseline, level: 31, is_non_interleaved: true }
        );
        for unknown in ["opus/48000", "opus/16000/2", "VP8/48000", "red/90000", "H265/90000", "telephone-event/8000", "", "VP8"] {
            assert_eq!(Codec::read(unknown, ""), None, "{unknown}");
        }
        for bad in ["packetization-mode=2", "profile-level-id=42", "profile-level-id=+2e01f", "profile-level-id=zzzzzz"] {
            assert_eq!(Codec::read("H264/90000", bad), None, "{bad}");
        }
    }

    #[test]
    fn the_clock_that_is_said_is_that_of_the_payload() {
        let fmtp = "111/111";
        for name in ["opus/48000/2", "red/48000/2", "VP8/90000", "VP9/90000", "H264/90000", "AV1/90000"] {
            let codec = Codec::read(name, fmtp).expect("a codec");
            assert_eq!(codec.rtpmap(), name);
            assert_eq!(name.split('/').nth(1), Some(codec.of_payload().clock_rate_hz().to_string().as_str()));
        }
    }

    #[test]
    fn a_receiver_decodes_the_same_profile_or_less() {
        let id = |id: &str| h264(&format!("packetization-mode=1;profile-level-id={id}"));
        let (constrained_baseline, baseline, main) = (id("42e01f"), id("42001f"), id("4d001f"));
        let (constrained_high, high, high_444) = (id("640c1f"), id("64001f"), id("f4001f"));
        assert!(constrained_baseline.matches(id("42e034")), "levels are no matter");
        for receiver in [baseline, main, constrained_high, high, high_444] {
            assert!(constrained_baseline.matches(receiver), "{receiver:?}");
            assert!(!receiver.matches(constrained_baseline), "{receiver:?}");
        }
        assert!(constrained_high.matches(high) && !high.matches(constrained_high));
        assert!(main.matches(high) && !main.matches(baseline) && !baseline.matches(main));
        let single = h264("profile-level-id=42e01f");
        assert!(!single.matches(constrained_baseline) && !constrained_baseline.matches(single), "packetization modes differ");
        assert!(!Codec::Vp9 { profile: 0 }.matches(Codec::Vp9 { profile: 2 }));
        assert!(!Codec::Red { primary: 111 }.matches(Codec::Red { primary: 109 }), "the payloads name the payload type");
        assert!(!Codec::Vp8.matches(Codec::Vp9 { profile: 0 }));
        let opus = |stereo| Codec::Opus { fec: true, dtx: false, stereo };
        assert!(opus(true).matches(opus(false)));
    }
}
