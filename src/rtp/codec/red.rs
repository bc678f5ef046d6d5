//! Owns the blocks of a RED payload (RFC 2198): passed through as a whole, or only its newest block for who does not know RED.

use std::ops::Range;

use super::{Facts, PayloadError};

/// Most older blocks before the newest one: browsers send one or two.
const OLDER_MAX: usize = 8;

pub(super) fn facts(payload: &[u8]) -> Result<Facts, PayloadError> {
    newest_block(payload).map(|_| Facts::ALONE)
}

/// The payload type of the newest block and where it lies; the blocks before it are there, and it is not empty.
pub fn newest_block(payload: &[u8]) -> Result<(u8, Range<usize>), PayloadError> {
    let mut heads = payload;
    let mut older_len = 0;
    for _ in 0..=OLDER_MAX {
        match *heads {
            [head, ref rest @ ..] if head & 0x80 == 0 => {
                let start = payload.len() - rest.len() + older_len;
                return if start < payload.len() { Ok((head & 0x7f, start..payload.len())) } else { Err(PayloadError) };
            }
            [_, _, high, low, ref rest @ ..] => {
                older_len += usize::from(u16::from_be_bytes([high & 0x03, low]));
                heads = rest;
            }
            _ => return Err(PayloadError),
        }
    }
    Err(PayloadError)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_block_stands_last() {
        assert_eq!(newest_block(&[111, 7, 8]), Ok((111, 1..3)));
        let two = [0x80 | 111, 0x0f, 0x00, 2, 111, 1, 2, 9, 9, 9];
        assert_eq!(newest_block(&two), Ok((111, 7..10)));
        assert_eq!(facts(&two), Ok(Facts::ALONE));
    }

    #[test]
    fn blocks_that_are_not_there_are_refused() {
        let many = [[0x80, 0, 0, 0]; 9].concat();
        for payload in [&[][..], &[111], &[0x80, 0, 0], &[0x80, 0, 0, 2, 111, 1, 2], &[0x80, 0, 3, 0xff, 111, 1], &many] {
            assert_eq!(newest_block(payload), Err(PayloadError), "{payload:?}");
        }
    }
}
