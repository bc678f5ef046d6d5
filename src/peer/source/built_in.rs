//! Owns the media that is published when no file is given; `tests/media/make.sh` says what it shows and makes it anew.

use bytes::Bytes;

use super::{Clip, Codec, SourceError, ivf, ogg};

const PATTERN: &[u8] = include_bytes!("media/pattern.ivf");

/// The built-in tones, in Hz.
pub const TONES_HZ: [u32; 4] = [440, 550, 660, 880];

const TONES: [&[u8]; TONES_HZ.len()] = [
    include_bytes!("media/tone-440.ogg"),
    include_bytes!("media/tone-550.ogg"),
    include_bytes!("media/tone-660.ogg"),
    include_bytes!("media/tone-880.ogg"),
];

/// The moving picture: 320x180, 20 frames per second, 4 s, a keyframe each second; the upper and the lower third are
/// red, green, blue and yellow for a second each.
pub fn pattern() -> Clip {
    let frames = ivf::read(&Bytes::from_static(PATTERN)).expect("the built-in picture is well-formed");
    Clip::new(Codec::Vp8, frames).expect("the built-in picture starts with a keyframe")
}

/// A sine of one second, which loops without a step.
///
/// # Errors
/// None of [`TONES_HZ`].
pub fn tone(hz: u32) -> Result<Clip, SourceError> {
    let at = TONES_HZ.iter().position(|tone| *tone == hz).ok_or(SourceError::NoTone(hz))?;
    Clip::new(Codec::Opus, ogg::read(&Bytes::from_static(TONES[at]))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_is_four_seconds_with_a_keyframe_each_second() {
        let clip = pattern();
        let keyframes: Vec<_> = (0..80).filter(|at| clip.frame(*at).keyframe).collect();
        assert_eq!(keyframes, [0, 20, 40, 60]);
        assert!((0..80).all(|at| clip.frame(at).ticks == 4500));
        assert_eq!(clip.frame(80), clip.frame(0));
    }

    #[test]
    fn every_tone_is_one_second_of_20_ms_packets() {
        for hz in TONES_HZ {
            let clip = tone(hz).expect("listed");
            assert!((0..50).all(|at| clip.frame(at).ticks == 960));
            assert_eq!(clip.frame(50), clip.frame(0));
        }
    }

    #[test]
    fn a_tone_that_is_not_there_names_those_that_are() {
        let refusal = tone(441).expect_err("not listed").to_string();
        assert!(refusal.contains("441") && refusal.contains("440"), "{refusal}");
    }
}
