//! Owns what a VP9 payload says (RFC 9628 section 4.2): its descriptor, and the size of the picture.

use super::super::bits::Bits;
use super::{Bytes, Facts, PayloadError, Picture, Resolution, Target, Targets};

/// Most pictures that a picture of the flexible mode may refer to.
const REFERENCES_MAX: usize = 3;

pub(super) fn facts(payload: &[u8]) -> Result<Facts, PayloadError> {
    let mut bytes = Bytes(payload);
    let at = |bytes: &Bytes<'_>| (payload.len() - bytes.0.len()) as u8;
    let first = bytes.byte()?;
    let has = |bit: u8| first & bit != 0;
    let (is_predicted, is_layered, is_flexible) = (has(0x40), has(0x20), has(0x10));
    let mut picture = Picture::default();
    if has(0x80) {
        picture.id_at = at(&bytes);
        let high = bytes.byte()?;
        picture.is_wide = high & 0x80 != 0;
        picture.id = u16::from(high & 0x7f);
        if picture.is_wide {
            picture.id = picture.id << 8 | u16::from(bytes.byte()?);
        }
    }
    let (mut layer, mut can_go_up) = (Target::default(), false);
    if is_layered {
        let byte = bytes.byte()?;
        layer = Target::new(byte >> 1 & 0x07, byte >> 5);
        can_go_up = byte & 0x10 != 0;
        if !is_flexible {
            picture.tl0_at = at(&bytes);
            picture.tl0 = bytes.byte()?;
        }
    }
    if is_flexible && is_predicted {
        skip_references(&mut bytes)?;
    }
    let structure = if has(0x02) { Some(read_structure(&mut bytes)?) } else { None };
    let is_frame_start = has(0x08);
    let is_keyframe = is_frame_start && !is_predicted && layer.spatial == 0;
    let switches_to = match (is_frame_start, is_layered) {
        (true, true) if !is_predicted || can_go_up => Targets::of_spatial(layer.spatial),
        (true, false) if is_keyframe => Targets::ALL,
        _ => Targets::NONE,
    };
    // A picture that is not predicted from others depends at most on the layer below it.
    let below = Target { spatial: layer.spatial.saturating_sub(1), temporal: 0 };
    Ok(Facts {
        is_keyframe,
        is_frame_start,
        is_frame_end: has(0x04),
        is_discardable: false,
        layer,
        needed_by: Targets::above(layer),
        switches_to,
        switches_from: if is_predicted { layer } else { below },
        frame: None,
        picture: Some(picture).filter(|picture| picture.id_at > 0 || picture.tl0_at > 0),
        resolution: structure.flatten().or_else(|| is_keyframe.then(|| resolution(bytes.0)).flatten()),
    })
}

/// Differences of picture ids, each with a bit that says whether another follows.
fn skip_references(bytes: &mut Bytes<'_>) -> Result<(), PayloadError> {
    for _ in 0..REFERENCES_MAX {
        if bytes.byte()? & 1 == 0 {
            return Ok(());
        }
    }
    Err(PayloadError)
}

/// The scalability structure; the size of its highest spatial layer, where it says so.
fn read_structure(bytes: &mut Bytes<'_>) -> Result<Option<Resolution>, PayloadError> {
    let head = bytes.byte()?;
    let mut resolution = None;
    if head & 0x10 != 0 {
        for _ in 0..=head >> 5 {
            let width = u16::from_be_bytes([bytes.byte()?, bytes.byte()?]);
            let height = u16::from_be_bytes([bytes.byte()?, bytes.byte()?]);
            resolution = Some(Resolution { width, height });
        }
    }
    if head & 0x08 != 0 {
        for _ in 0..bytes.byte()? {
            let references = bytes.byte()? >> 2 & 0x03;
            for _ in 0..references {
                bytes.byte()?;
            }
        }
    }
    Ok(resolution)
}

/// Out of the uncompressed header of a keyframe (VP9 bitstream specification, section 6.2).
fn resolution(frame: &[u8]) -> Option<Resolution> {
    let mut bits = Bits::new(frame);
    let is_marked = bits.read(2)? == 0b10;
    let profile = bits.read(1)? | bits.read(1)? << 1;
    if profile == 3 {
        bits.read(1)?;
    }
    let (shows_existing, is_inter) = (bits.flag()?, bits.flag()?);
    bits.read(2)?;
    if !is_marked || shows_existing || is_inter || bits.read(24)? != 0x49_83_42 {
        return None;
    }
    if profile >= 2 {
        bits.read(1)?;
    }
    let is_rgb = bits.read(3)? == 7;
    match (is_rgb, profile & 1 == 1) {
        (false, false) => bits.read(1)?,
        (false, true) => bits.read(4)?,
        (true, true) => bits.read(1)?,
        (true, false) => return None,
    };
    let size = |number: u32| u16::try_from(number + 1).ok();
    Some(Resolution { width: size(bits.read(16)?)?, height: size(bits.read(16)?)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flexible_mode_is_read_with_its_references() {
        // I P L F B E; picture id 0x1234; TID 2, U, SID 1, D; two references.
        let facts = facts(&[0xfc, 0x92, 0x34, 0b0101_0011, 0x03, 0x02, 0xaa]).expect("VP9");
        assert_eq!(
            (facts.layer, facts.is_frame_start, facts.is_frame_end, facts.is_keyframe),
            (Target::new(1, 2), true, true, false)
        );
        let picture = facts.picture.expect("a picture id");
        assert_eq!((picture.id, picture.id_at, picture.tl0_at, picture.must_be_continuous), (0x1234, 1, 0, false));
        assert!(facts.switches_to.contains(Target::new(1, 7)) && !facts.switches_to.contains(Target::new(0, 0)));
        assert_eq!(facts.switches_from, Target::new(1, 2));
    }

    #[test]
    fn the_other_mode_has_a_number_of_the_lowest_layer() {
        let facts = facts(&[0xa0, 0x11, 0b0010_0000, 77, 0xaa]).expect("VP9");
        let picture = facts.picture.expect("a picture id");
        assert_eq!((picture.id, picture.is_wide, picture.tl0, picture.tl0_at), (0x11, false, 77, 3));
        assert!(facts.switches_to == Targets::NONE && !facts.is_frame_start);
    }

    #[test]
    fn a_keyframe_says_its_size_in_its_structure() {
        // B V; two layers with sizes, a group of one picture with one reference.
        let facts = facts(&[0x2a, 0x00, 9, 0x38, 1, 64, 0, 180, 2, 128, 1, 104, 1, 0x04, 1, 0xaa]).expect("VP9");
        assert!(facts.is_keyframe);
        assert_eq!(facts.resolution, Some(Resolution { width: 640, height: 360 }));
    }

    #[test]
    fn a_keyframe_without_structure_says_its_size_in_its_header() {
        // As libvpx wrote it.
        let header = [0x82, 0x49, 0x83, 0x42, 0x00, 0x0a, 0xf0, 0x08, 0xf6];
        let facts = facts(&[&[0x08][..], &header].concat()).expect("VP9");
        assert_eq!(facts.resolution, Some(Resolution { width: 176, height: 144 }));
        assert_eq!(facts.switches_to, Targets::ALL);
    }

    #[test]
    fn the_upper_layers_of_a_keyframe_are_places_to_go_up() {
        let facts = facts(&[0x28, 0b0000_0101, 9, 0xaa]).expect("VP9");
        assert!(!facts.is_keyframe && facts.switches_to.contains(Target::new(2, 3)));
        assert_eq!(facts.switches_from, Target::new(1, 0));
    }

    #[test]
    fn what_ends_early_or_refers_too_often_is_refused() {
        for payload in
            [&[][..], &[0x80], &[0x80, 0x80], &[0x20], &[0x20, 0], &[0x50, 1, 1, 1, 0], &[0x02], &[0x02, 0x10, 0], &[0x02, 8]]
        {
            assert_eq!(facts(payload), Err(PayloadError), "{payload:?}");
        }
    }
}
