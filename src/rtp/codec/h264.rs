//! Owns what an H.264 payload says (RFC 6184 section 5): parameter sets, the first slices, and the size of the picture.

use super::super::bits::Bits;
use super::{Facts, PayloadError, Resolution, Targets};

const SLICE: u8 = 1;
const IDR_SLICE: u8 = 5;
const SEI: u8 = 6;
const SPS: u8 = 7;
const DELIMITER: u8 = 9;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

/// Bytes of a sequence parameter set that are looked at for the size.
const SPS_BYTES_MAX: usize = 128;

/// A keyframe begins with its sequence parameter set: a receiver that has none yet cannot begin with the slices alone.
pub(super) fn facts(payload: &[u8], marker: bool) -> Result<Facts, PayloadError> {
    let (&head, rest) = payload.split_first().ok_or(PayloadError)?;
    let mut found = Found { is_discardable: head & 0x60 == 0, ..Found::default() };
    match head & 0x1f {
        STAP_A => {
            let mut units = rest;
            while let Some((len, after)) = units.split_first_chunk::<2>() {
                let (unit, after) = after.split_at_checked(u16::from_be_bytes(*len).into()).ok_or(PayloadError)?;
                found.look_at(unit);
                units = after;
            }
        }
        FU_A => {
            let (&fragment, slice) = rest.split_first().ok_or(PayloadError)?;
            if fragment & 0x80 != 0 {
                found.look_at_unit(fragment & 0x1f, slice);
            }
        }
        kind => found.look_at_unit(kind, rest),
    }
    Ok(Facts {
        is_keyframe: found.has_sps,
        is_frame_start: found.begins,
        is_frame_end: marker,
        is_discardable: found.is_discardable,
        switches_to: if found.has_sps { Targets::ALL } else { Targets::NONE },
        resolution: found.resolution,
        ..Facts::ALONE
    })
}

#[derive(Default)]
struct Found {
    has_sps: bool,
    begins: bool,
    is_discardable: bool,
    resolution: Option<Resolution>,
}

impl Found {
    fn look_at(&mut self, unit: &[u8]) {
        if let Some((&head, rest)) = unit.split_first() {
            self.look_at_unit(head & 0x1f, rest);
        }
    }

    fn look_at_unit(&mut self, kind: u8, rest: &[u8]) {
        match kind {
            // The first macroblock of a picture is number 0: in Exp-Golomb a single bit.
            SLICE | IDR_SLICE => self.begins |= rest.first().is_some_and(|byte| byte & 0x80 != 0),
            SPS => {
                self.has_sps = true;
                self.resolution = resolution(rest);
            }
            _ => {}
        }
        self.begins |= (SEI..=DELIMITER).contains(&kind);
    }
}

/// Out of a sequence parameter set (H.264 section 7.3.2.1.1), which begins after its NAL head.
fn resolution(sps: &[u8]) -> Option<Resolution> {
    let mut plain = [0; SPS_BYTES_MAX];
    let len = without_emulation(sps, &mut plain);
    let mut bits = Bits::new(&plain[..len]);
    let profile = bits.read(8)?;
    bits.read(16)?;
    bits.golomb()?;
    let mut chroma = 1;
    if matches!(profile, 100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135) {
        chroma = bits.golomb()?;
        if chroma == 3 {
            bits.flag()?;
        }
        bits.golomb()?;
        bits.golomb()?;
        bits.flag()?;
        if bits.flag()? {
            // Scaling lists: no encoder for conversations sends them.
            return None;
        }
    }
    bits.golomb()?;
    match bits.golomb()? {
        0 => drop(bits.golomb()?),
        1 => {
            bits.flag()?;
            bits.golomb()?;
            bits.golomb()?;
            for _ in 0..bits.golomb()?.min(255) {
                bits.golomb()?;
            }
        }
        _ => {}
    }
    bits.golomb()?;
    bits.flag()?;
    let width = bits.golomb()?.checked_add(1)?.checked_mul(16)?;
    let units = bits.golomb()?.checked_add(1)?;
    let is_frames_only = bits.flag()?;
    let fields = if is_frames_only { 1 } else { 2 };
    let height = units.checked_mul(16 * fields)?;
    if !is_frames_only {
        bits.flag()?;
    }
    bits.flag()?;
    let (mut cut_width, mut cut_height) = (0_u32, 0_u32);
    if bits.flag()? {
        let (unit_width, unit_height) = match chroma {
            1 => (2, 2),
            2 => (2, 1),
            _ => (1, 1),
        };
        cut_width = bits.golomb()?.checked_add(bits.golomb()?)?.checked_mul(unit_width)?;
        cut_height = bits.golomb()?.checked_add(bits.golomb()?)?.checked_mul(unit_height * fields)?;
    }
    let size = |whole: u32, cut: u32| whole.checked_sub(cut).and_then(|size| u16::try_from(size).ok());
    Some(Resolution { width: size(width, cut_width)?, height: size(height, cut_height)? })
}

/// Without the bytes that keep a start code from appearing by chance; how many bytes there are.
fn without_emulation(unit: &[u8], plain: &mut [u8; SPS_BYTES_MAX]) -> usize {
    let mut zeros = 0;
    let bytes = unit.iter().filter(|byte| {
        let is_inserted = zeros >= 2 && **byte == 3;
        zeros = if **byte == 0 { zeros + 1 } else { 0 };
        !is_inserted
    });
    plain.iter_mut().zip(bytes).map(|(place, byte)| *place = *byte).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a high-profile encoder wrote for 176 x 144.
    const HIGH: [u8; 15] = [0x67, 0x64, 0x00, 0x15, 0xac, 0xb2, 0x05, 0x89, 0xdf, 0xf8, 0x04, 0x00, 0x03, 0xa8, 0x80];

    /// Constrained baseline, level 3.1, 1280 x 720: order count type 2, one reference, 80 x 45 macroblocks, no cropping.
    const SPS_720: [u8; 9] = [0x67, 0x42, 0xc0, 0x1f, 0xda, 0x01, 0x40, 0x16, 0xe4];

    #[test]
    fn a_single_parameter_set_begins_a_keyframe() {
        let facts = facts(&SPS_720, false).expect("H.264");
        assert!(facts.is_keyframe && facts.is_frame_start && !facts.is_frame_end && !facts.is_discardable);
        assert_eq!(facts.resolution, Some(Resolution { width: 1280, height: 720 }));
    }

    #[test]
    fn a_cropped_picture_of_the_high_profile_has_its_size() {
        assert_eq!(facts(&HIGH, false).expect("H.264").resolution, Some(Resolution { width: 176, height: 144 }));
    }

    #[test]
    fn an_aggregate_is_looked_through() {
        let mut payload = vec![0x78, 0, SPS_720.len() as u8];
        payload.extend(SPS_720);
        payload.extend([0, 2, 0x68, 0xce, 0, 2, 0x65, 0x88]);
        let whole = facts(&payload, true).expect("H.264");
        assert!(whole.is_keyframe && whole.is_frame_end);
        assert_eq!(whole.resolution, Some(Resolution { width: 1280, height: 720 }));
        payload.pop();
        assert_eq!(facts(&payload, true), Err(PayloadError), "its last unit is cut");
    }

    #[test]
    fn the_first_fragment_of_the_first_slice_begins_a_frame() {
        for (payload, begins) in [
            ([0x7c, 0x85, 0x88], true),
            ([0x7c, 0x05, 0x88], false),
            ([0x7c, 0x85, 0x08], false),
            ([0x61, 0x9a, 0x00], true),
            ([0x41, 0x1a, 0x00], false),
        ] {
            let facts = facts(&payload, false).expect("H.264");
            assert_eq!((facts.is_frame_start, facts.is_keyframe), (begins, false), "{payload:x?}");
        }
    }

    #[test]
    fn what_nothing_refers_to_can_be_left_out() {
        assert!(facts(&[0x01, 0x9a], true).expect("H.264").is_discardable);
        assert!(!facts(&[0x41, 0x9a], true).expect("H.264").is_discardable);
    }

    #[test]
    fn inserted_bytes_are_taken_out() {
        let mut plain = [9; SPS_BYTES_MAX];
        let len = without_emulation(&[1, 0, 0, 3, 1, 0, 0, 3, 0, 0, 3], &mut plain);
        assert_eq!(plain[..len], [1, 0, 0, 1, 0, 0, 0, 0]);
    }

    #[test]
    fn what_ends_early_is_refused_and_an_odd_parameter_set_has_no_size() {
        assert_eq!(facts(&[], false), Err(PayloadError));
        assert_eq!(facts(&[0x7c], false), Err(PayloadError));
        assert_eq!(facts(&SPS_720[..6], false).expect("H.264").resolution, None);
    }
}
