//! Owns what an AV1 payload says (AV1 RTP specification, section 4): its aggregation header, and the head of its first unit.

use super::super::bits::Bits;
use super::{Bytes, Facts, PayloadError, Resolution, Target, Targets};

const SEQUENCE_HEADER: u8 = 1;
const FRAME_HEADER: u8 = 3;
const METADATA: u8 = 5;
const FRAME: u8 = 6;

/// Without a dependency descriptor there is no more to know: a keyframe begins a coded video sequence, and layers are those that
/// the first unit names.
pub(super) fn facts(payload: &[u8], marker: bool) -> Result<Facts, PayloadError> {
    let mut bytes = Bytes(payload);
    let aggregation = bytes.byte()?;
    let (continues, units, begins_sequence) = (aggregation & 0x80 != 0, aggregation >> 4 & 0x03, aggregation & 0x08 != 0);
    if continues && begins_sequence {
        return Err(PayloadError);
    }
    // Only a single unit has no length before it.
    let mut unit = bytes.0;
    if units != 1 {
        let len = leb128(&mut bytes)?;
        unit = bytes.0.get(..len).ok_or(PayloadError)?;
    }
    let mut facts = Facts {
        is_keyframe: begins_sequence,
        is_frame_start: begins_sequence,
        is_frame_end: marker,
        switches_to: if begins_sequence { Targets::ALL } else { Targets::NONE },
        ..Facts::ALONE
    };
    if continues {
        return Ok(facts);
    }
    let mut unit = Bytes(unit);
    let head = unit.byte()?;
    let kind = head >> 3 & 0x0f;
    if head & 0x04 != 0 {
        let extension = unit.byte()?;
        facts.layer = Target::new(extension >> 3 & 0x03, extension >> 5);
        facts.needed_by = Targets::above(facts.layer);
    }
    if head & 0x02 != 0 {
        leb128(&mut unit)?;
    }
    facts.is_frame_start |= matches!(kind, SEQUENCE_HEADER | FRAME_HEADER | METADATA | FRAME);
    if kind == SEQUENCE_HEADER {
        facts.resolution = resolution(unit.0);
    }
    Ok(facts)
}

/// A number of up to eight bytes, seven bits each, lowest first.
fn leb128(bytes: &mut Bytes<'_>) -> Result<usize, PayloadError> {
    let mut number = 0_u64;
    for place in 0..8 {
        let byte = bytes.byte()?;
        number |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return usize::try_from(number).map_err(|_| PayloadError);
        }
    }
    Err(PayloadError)
}

/// Out of a sequence header (AV1 specification, section 5.5.1), without the timing that no encoder for conversations sends.
fn resolution(header: &[u8]) -> Option<Resolution> {
    let mut bits = Bits::new(header);
    bits.read(4)?;
    let is_reduced = bits.flag()?;
    if is_reduced {
        bits.read(5)?;
    } else {
        let has_timing = bits.flag()?;
        if has_timing {
            return None;
        }
        let has_delay = bits.flag()?;
        for _ in 0..=bits.read(5)? {
            bits.read(12)?;
            if bits.read(5)? > 7 {
                bits.read(1)?;
            }
            if has_delay && bits.flag()? {
                bits.read(4)?;
            }
        }
    }
    let (width_bits, height_bits) = (bits.read(4)? + 1, bits.read(4)? + 1);
    let size = |number: u32| u16::try_from(number + 1).ok();
    Some(Resolution { width: size(bits.read(width_bits)?)?, height: size(bits.read(height_bits)?)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sequence header of 640 x 360: main profile, one operating point, level 2.1.
    fn sequence_header() -> Vec<u8> {
        let fields: [(u32, u32); 13] =
            [(0, 3), (0, 1), (0, 1), (0, 1), (0, 1), (0, 5), (0, 12), (1, 5), (9, 4), (8, 4), (639, 10), (359, 9), (0, 5)];
        let mut bits: Vec<bool> = vec![];
        for (value, width) in fields {
            bits.extend((0..width).rev().map(|bit| value >> bit & 1 == 1));
        }
        bits.resize(bits.len().next_multiple_of(8), false);
        bits.chunks(8).map(|byte| byte.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit))).collect()
    }

    #[test]
    fn a_new_sequence_is_a_keyframe_with_its_size() {
        let header = sequence_header();
        let mut payload = vec![0x28, header.len() as u8 + 1, 0x08];
        payload.extend(&header);
        payload.extend([0x30, 1, 2, 3]);
        let facts = facts(&payload, false).expect("AV1");
        assert!(facts.is_keyframe && facts.is_frame_start && !facts.is_frame_end);
        assert_eq!(facts.resolution, Some(Resolution { width: 640, height: 360 }));
    }

    #[test]
    fn a_single_unit_has_no_length() {
        let facts = facts(&[0x10, 0x34, 0b0100_1000, 0xaa], true).expect("AV1");
        assert!(!facts.is_keyframe && facts.is_frame_start && facts.is_frame_end);
        assert_eq!(facts.layer, Target::new(1, 2));
        assert!(!facts.needed_by.contains(Target::new(0, 2)));
    }

    #[test]
    fn the_rest_of_a_unit_begins_nothing() {
        let facts = facts(&[0x90, 0x34, 0xff], true).expect("AV1");
        assert!(!facts.is_frame_start && facts.layer == Target::default());
        assert_eq!(super::facts(&[0x98, 0x34], true), Err(PayloadError), "nor a sequence");
    }

    #[test]
    fn what_ends_early_is_refused() {
        for payload in [&[][..], &[0x10], &[0x00], &[0x00, 5, 0x30], &[0x10, 0x34], &[0x10, 0x32], &[0x00, 0xff, 0xff], &[0; 1]] {
            assert_eq!(facts(payload, false), Err(PayloadError), "{payload:x?}");
        }
        assert_eq!(leb128(&mut Bytes(&[0xff; 9])), Err(PayloadError));
    }
}
