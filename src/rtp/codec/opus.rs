//! Owns what an Opus payload says (RFC 7587): every packet stands for itself.

use super::{Facts, PayloadError};

/// A packet of one byte or two is a sign of life during silence (DTX): passed on like any other, for the decoder makes the
/// comfort noise.
pub(super) fn facts(payload: &[u8]) -> Result<Facts, PayloadError> {
    payload.first().map(|_toc| Facts::ALONE).ok_or(PayloadError)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_packet_is_a_place_to_begin() {
        let facts = facts(&[0x78, 1, 2, 3]).expect("Opus");
        assert!(facts.is_keyframe && facts.is_frame_start && facts.is_frame_end);
    }

    #[test]
    fn a_packet_of_silence_is_passed_on() {
        assert_eq!(facts(&[0x78]), Ok(Facts::ALONE));
        assert_eq!(facts(&[]), Err(PayloadError));
    }
}
