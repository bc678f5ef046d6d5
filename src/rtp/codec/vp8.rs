//! Owns what a VP8 payload says (RFC 7741 section 4): its descriptor, and the size of the picture in a keyframe's first bytes.

use super::{Bytes, Facts, PayloadError, Picture, Resolution, Target, Targets};

/// What follows a keyframe's tag (RFC 6386 section 9.1).
const START_CODE: [u8; 3] = [0x9d, 0x01, 0x2a];

pub(super) fn facts(payload: &[u8], marker: bool) -> Result<Facts, PayloadError> {
    let mut bytes = Bytes(payload);
    let descriptor = Descriptor::read(&mut bytes, payload.len())?;
    let starts = descriptor.is_partition_start && descriptor.partition == 0;
    // The tag's lowest bit is clear for a keyframe; it is there only where the first partition begins.
    let is_keyframe = starts && bytes.0.first().ok_or(PayloadError)? & 1 == 0;
    let temporal = if is_keyframe { 0 } else { descriptor.temporal };
    let mut switches_to = Targets::NONE;
    if is_keyframe {
        switches_to = Targets::ALL;
    } else if starts && descriptor.is_synced {
        (0..=Target::SPATIAL_MAX).for_each(|spatial| switches_to.insert(Target::new(spatial, temporal)));
    }
    Ok(Facts {
        is_keyframe,
        is_frame_start: starts,
        is_frame_end: marker,
        is_discardable: descriptor.is_discardable,
        layer: Target::new(0, temporal),
        needed_by: Targets::above(Target::new(0, temporal)),
        switches_to,
        // A synced picture needs only the lowest layer, but those between that come after it may need one of their own.
        switches_from: Target::new(0, temporal.saturating_sub(1)),
        frame: None,
        picture: descriptor.picture,
        resolution: if is_keyframe { resolution(bytes.0) } else { None },
    })
}

struct Descriptor {
    is_discardable: bool,
    is_partition_start: bool,
    partition: u8,
    temporal: u8,
    /// Whether the picture depends on nothing but the lowest temporal layer.
    is_synced: bool,
    picture: Option<Picture>,
}

impl Descriptor {
    fn read(bytes: &mut Bytes<'_>, len: usize) -> Result<Self, PayloadError> {
        let first = bytes.byte()?;
        let mut descriptor = Self {
            is_discardable: first & 0x20 != 0,
            is_partition_start: first & 0x10 != 0,
            partition: first & 0x07,
            temporal: 0,
            is_synced: false,
            picture: None,
        };
        if first & 0x80 == 0 {
            return Ok(descriptor);
        }
        let at = |bytes: &Bytes<'_>| (len - bytes.0.len()) as u8;
        let extended = bytes.byte()?;
        let mut picture = Picture { must_be_continuous: true, ..Picture::default() };
        if extended & 0x80 != 0 {
            picture.id_at = at(bytes);
            let high = bytes.byte()?;
            picture.is_wide = high & 0x80 != 0;
            picture.id = u16::from(high & 0x7f);
            if picture.is_wide {
                picture.id = picture.id << 8 | u16::from(bytes.byte()?);
            }
        }
        if extended & 0x40 != 0 {
            picture.tl0_at = at(bytes);
            picture.tl0 = bytes.byte()?;
        }
        if extended & 0x30 != 0 {
            let key_index_at = at(bytes);
            let byte = bytes.byte()?;
            if extended & 0x20 != 0 {
                descriptor.temporal = byte >> 6;
                descriptor.is_synced = byte & 0x20 != 0;
            }
            if extended & 0x10 != 0 {
                picture.key_index_at = key_index_at;
                picture.key_index = byte & 0x1f;
            }
        }
        descriptor.picture = Some(picture).filter(|picture| picture.id_at > 0 || picture.tl0_at > 0 || picture.key_index_at > 0);
        Ok(descriptor)
    }
}

fn resolution(frame: &[u8]) -> Option<Resolution> {
    let &[_, _, _, a, b, c, width_low, width_high, height_low, height_high, ..] = frame else { return None };
    // The two highest bits of each are a scale for display.
    let size = |low, high| u16::from_le_bytes([low, high]) & 0x3fff;
    ([a, b, c] == START_CODE).then(|| Resolution { width: size(width_low, width_high), height: size(height_low, height_high) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first bytes of a keyframe of 640 x 360.
    const KEYFRAME: [u8; 10] = [0x50, 0x42, 0x01, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01];

    fn payload(descriptor: &[u8], frame: &[u8]) -> Vec<u8> {
        [descriptor, frame].concat()
    }

    #[test]
    fn a_keyframe_says_its_size() {
        let facts = facts(&payload(&[0x90, 0x80, 0x81, 0x02], &KEYFRAME), false).expect("VP8");
        assert!(facts.is_keyframe && facts.is_frame_start && !facts.is_frame_end);
        assert_eq!(facts.resolution, Some(Resolution { width: 640, height: 360 }));
        let picture = facts.picture.expect("a picture id");
        assert_eq!((picture.id, picture.is_wide, picture.id_at, picture.tl0_at), (0x102, true, 2, 0));
        assert_eq!(facts.switches_to, Targets::ALL);
    }

    #[test]
    fn a_keyframe_that_libvpx_wrote_is_one() {
        let facts = facts(&[0x10, 0x70, 0x62, 0x00, 0x9d, 0x01, 0x2a, 0xb0, 0x00, 0x90, 0x00], false).expect("VP8");
        assert_eq!((facts.is_keyframe, facts.resolution), (true, Some(Resolution { width: 176, height: 144 })));
    }

    #[test]
    fn a_full_descriptor_is_read_with_its_places() {
        // X N S; I L T K; 15 bits of picture id; TL0PICIDX; TID 2, Y, KEYIDX 7.
        let facts = facts(&payload(&[0xb0, 0xf0, 0xff, 0xff, 9, 0xa7], &[0x01]), true).expect("VP8");
        let expected = Picture {
            id: 0x7fff,
            is_wide: true,
            must_be_continuous: true,
            id_at: 2,
            tl0: 9,
            tl0_at: 4,
            key_index: 7,
            key_index_at: 5,
        };
        assert_eq!(facts.picture, Some(expected));
        assert!(!facts.is_keyframe && facts.is_frame_start && facts.is_frame_end && facts.is_discardable);
        assert_eq!(facts.layer, Target::new(0, 2));
        assert!(facts.switches_to.contains(Target::new(2, 2)) && !facts.switches_to.contains(Target::new(0, 1)));
        assert_eq!(facts.switches_from, Target::new(0, 1));
        assert!(facts.needed_by.contains(Target::new(0, 2)) && !facts.needed_by.contains(Target::new(3, 1)));
    }

    #[test]
    fn seven_bits_of_picture_id_stand_in_one_byte() {
        let facts = facts(&payload(&[0x80, 0xc0, 0x55, 3], &[]), true).expect("VP8");
        let picture = facts.picture.expect("a picture id");
        assert_eq!((picture.id, picture.is_wide, picture.tl0_at), (0x55, false, 3));
        assert!(!facts.is_frame_start, "the rest of a partition");
    }

    #[test]
    fn only_the_first_partition_begins_a_frame() {
        assert!(!facts(&payload(&[0x11], &KEYFRAME), false).expect("VP8").is_keyframe);
        assert!(facts(&payload(&[0x10], &KEYFRAME), false).expect("VP8").is_keyframe, "without an extended descriptor");
        assert!(!facts(&payload(&[0x00], &KEYFRAME), false).expect("VP8").is_keyframe);
    }

    #[test]
    fn what_ends_early_is_refused() {
        let whole = payload(&[0x90, 0xf0, 0x81, 0x02, 9, 0x20], &KEYFRAME);
        for len in 0..7 {
            assert_eq!(facts(&whole[..len], false), Err(PayloadError), "{len}");
        }
        assert_eq!(facts(&whole[..7], false).expect("VP8").resolution, None, "the size is in a later packet");
    }
}
