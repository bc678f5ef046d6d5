//! Owns the target for payloads: the first byte chooses the codec and the marker.

use visavis::rtp::{Codec, Patch, Target, newest_block};

const CODECS: [Codec; 6] = [Codec::Opus, Codec::Red, Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Av1];

/// Reads a payload; where it has running numbers, writes others over them and reads those.
pub fn run(data: &[u8]) {
    let Some((choice, payload)) = data.split_first() else { return };
    let codec = CODECS[usize::from(choice & 7) % CODECS.len()];
    let marker = choice & 8 != 0;
    let _ = newest_block(payload);
    let Ok(facts) = codec.facts(payload, marker) else { return };
    assert!(facts.layer.spatial <= Target::SPATIAL_MAX && facts.layer.temporal <= Target::TEMPORAL_MAX);
    assert!(facts.needed_by.contains(Target::new(Target::SPATIAL_MAX, Target::TEMPORAL_MAX)));
    let Some(picture) = facts.picture else { return };
    let patch = Patch { picture_id: 0x7abc, tl0: 200, key_index: 31, frame_number: 0 };
    let mut patched = payload.to_vec();
    patch.apply(&picture, &mut patched);
    let again = codec.facts(&patched, marker).expect("of the same form");
    let numbers = again.picture.expect("in the same places");
    assert_eq!((numbers.id_at, numbers.tl0_at, numbers.key_index_at), (picture.id_at, picture.tl0_at, picture.key_index_at));
    if picture.id_at > 0 {
        assert_eq!(numbers.id, if picture.is_wide { 0x7abc } else { 0x3c });
    }
    assert!(picture.tl0_at == 0 || numbers.tl0 == 200);
    assert!(picture.key_index_at == 0 || numbers.key_index == 31);
    assert_eq!(visavis::rtp::Facts { picture: facts.picture, ..again }, facts, "nothing else has changed");
}
