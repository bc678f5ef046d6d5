//! Owns the first message of a DTLS handshake, in pieces: which SRTP profiles the client offers decides how we are set up.

use bytes::Bytes;

use crate::limits::CLIENT_HELLO_BYTES_MAX;
use crate::srtp::Profile;

use super::Refusal;
use super::record::{HANDSHAKE, records};

const CLIENT_HELLO: u8 = 1;

/// Type, length, message number, offset and length of the fragment (RFC 6347 section 4.2.2).
const FRAGMENT_HEADER_LEN: usize = 12;

/// The number of the extension `use_srtp` (RFC 5764 section 9).
const USE_SRTP: u16 = 14;

/// Datagrams with pieces of the first ClientHello.
#[derive(Default)]
pub(super) struct HelloBuffer {
    datagrams: Vec<Bytes>,
}

impl HelloBuffer {
    /// Keeps a datagram with nothing but pieces of a first ClientHello.
    pub fn push(&mut self, datagram: &[u8]) -> Result<(), Refusal> {
        if !is_piece(datagram) {
            return Err(Refusal::Malformed);
        }
        let kept: usize = self.datagrams.iter().map(Bytes::len).sum();
        if kept + datagram.len() > CLIENT_HELLO_BYTES_MAX {
            // What is kept may be another's rubbish: the client will send all of it again.
            self.datagrams.clear();
            return Err(Refusal::TooMuch);
        }
        self.datagrams.push(Bytes::copy_from_slice(datagram));
        Ok(())
    }

    /// The best profile that the client offers, once its message is whole: `Some(None)` when it offers none of ours.
    pub fn profile(&self) -> Option<Option<Profile>> {
        self.assemble().map(|message| {
            let offered = offered_profiles(&message).unwrap_or_default();
            [Profile::AeadAes128Gcm, Profile::Aes128CmHmacSha1_80].into_iter().find(|profile| offered.contains(&profile.id()))
        })
    }

    /// The datagrams, in the order in which they came; nothing is kept.
    pub fn take(&mut self) -> Vec<Bytes> {
        std::mem::take(&mut self.datagrams)
    }

    fn assemble(&self) -> Option<Vec<u8>> {
        let bodies = self.datagrams.iter().flat_map(|datagram| records(datagram)).filter_map(Result::ok);
        let mut pieces: Vec<Fragment> = bodies.filter_map(|record| fragment(record.body)).collect();
        pieces.sort_by_key(|piece| piece.offset);
        let total = pieces.first()?.total;
        let mut message = Vec::with_capacity(total);
        for piece in pieces.iter().filter(|piece| piece.total == total) {
            let known = message.len().checked_sub(piece.offset)?;
            message.extend_from_slice(piece.bytes.get(known..).unwrap_or_default());
        }
        (message.len() == total).then_some(message)
    }
}

/// Whether a datagram has pieces of a ClientHello, and nothing else.
pub(super) fn is_piece(datagram: &[u8]) -> bool {
    records(datagram).all(|record| {
        record.is_ok_and(|record| record.content_type == HANDSHAKE && record.epoch == 0 && fragment(record.body).is_some())
    })
}

struct Fragment<'a> {
    total: usize,
    offset: usize,
    bytes: &'a [u8],
}

/// Reads the body of a record as a piece of a ClientHello, of which nothing may follow.
fn fragment(body: &[u8]) -> Option<Fragment<'_>> {
    let (head, bytes) = body.split_first_chunk::<FRAGMENT_HEADER_LEN>()?;
    let number = |at: usize| usize::from(head[at]) << 16 | usize::from(head[at + 1]) << 8 | usize::from(head[at + 2]);
    let (total, offset, len) = (number(1), number(6), number(9));
    let is_hello = head[0] == CLIENT_HELLO && total <= CLIENT_HELLO_BYTES_MAX;
    (is_hello && len == bytes.len() && offset + len <= total).then_some(Fragment { total, offset, bytes })
}

/// The numbers in `use_srtp` (RFC 5764 section 4.1.1); none without that extension.
fn offered_profiles(hello: &[u8]) -> Option<Vec<u16>> {
    const VERSION_AND_RANDOM_LEN: usize = 2 + 32;
    let mut rest = hello.get(VERSION_AND_RANDOM_LEN..)?;
    let (_session, after) = counted::<1>(rest)?;
    let (_cookie, after) = counted::<1>(after)?;
    let (_cipher_suites, after) = counted::<2>(after)?;
    let (_compression, after) = counted::<1>(after)?;
    (rest, _) = counted::<2>(after)?;
    loop {
        let (kind, after) = rest.split_first_chunk::<2>()?;
        let (body, after) = counted::<2>(after)?;
        if u16::from_be_bytes(*kind) == USE_SRTP {
            let (numbers, _) = counted::<2>(body)?;
            return Some(numbers.chunks_exact(2).map(|number| u16::from_be_bytes([number[0], number[1]])).collect());
        }
        rest = after;
    }
}

/// A vector with a length of `N` bytes before it, and what follows.
fn counted<const N: usize>(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<N>()?;
    rest.split_at_checked(len.iter().fold(0, |len, byte| len << 8 | usize::from(*byte)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hello(profiles: &[u16], padding: usize) -> Vec<u8> {
        let mut extensions = vec![0, 23, 0, 0, 0xfa, 0xfa];
        extensions.extend((padding as u16).to_be_bytes());
        extensions.extend(vec![0; padding]);
        extensions.extend([0, 14]);
        extensions.extend((3 + 2 * profiles.len() as u16).to_be_bytes());
        extensions.extend((2 * profiles.len() as u16).to_be_bytes());
        extensions.extend(profiles.iter().flat_map(|profile| profile.to_be_bytes()));
        extensions.push(0);
        let mut message = vec![0xfe, 0xfd];
        message.extend([7; 32]);
        message.extend([0, 0, 0, 2, 0xc0, 0x2b, 1, 0]);
        message.extend((extensions.len() as u16).to_be_bytes());
        message.extend(extensions);
        message
    }

    fn record(message: &[u8], offset: usize, len: usize) -> Vec<u8> {
        let three = |number: usize| [(number >> 16) as u8, (number >> 8) as u8, number as u8];
        let mut record = vec![22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, offset as u8];
        record.extend((len as u16 + 12).to_be_bytes());
        record.push(1);
        record.extend(three(message.len()));
        record.extend([0, 0]);
        record.extend(three(offset));
        record.extend(three(len));
        record.extend(&message[offset..offset + len]);
        record
    }

    #[test]
    fn the_best_profile_is_chosen_whatever_the_client_prefers() {
        let (gcm, cm) = (Some(Profile::AeadAes128Gcm), Some(Profile::Aes128CmHmacSha1_80));
        for (offered, chosen) in [(&[1, 2, 7, 8][..], gcm), (&[7], gcm), (&[2, 1], cm), (&[2, 8], None), (&[], None)] {
            let (message, mut buffer) = (hello(offered, 3), HelloBuffer::default());
            buffer.push(&record(&message, 0, message.len())).expect("a hello");
            assert_eq!(buffer.profile(), Some(chosen), "{offered:?}");
        }
    }

    #[test]
    fn pieces_are_put_together_in_any_order() {
        let message = hello(&[1, 7], 1300);
        let (first, middle) = (record(&message, 0, 900), record(&message, 800, 300));
        let last = record(&message, 1100, message.len() - 1100);
        let mut buffer = HelloBuffer::default();
        for datagram in [&last, &middle, &middle] {
            buffer.push(datagram).expect("a piece");
            assert_eq!(buffer.profile(), None);
        }
        buffer.push(&first).expect("a piece");
        assert_eq!(buffer.profile(), Some(Some(Profile::AeadAes128Gcm)));
        assert_eq!(buffer.take(), [&last, &middle, &middle, &first]);
        let both = [record(&message, 0, 900), record(&message, 900, message.len() - 900)].concat();
        buffer.push(&both).expect("two pieces in one datagram");
        assert_eq!(buffer.profile(), Some(Some(Profile::AeadAes128Gcm)));
    }

    /// What browsers of 2026 have sent: 1,413 and 1,461 bytes in two fragments, the extensions in an order of their own.
    #[test]
    fn the_hello_of_each_browser_is_understood() {
        let captured =
            [&include_bytes!("../../../fuzz/corpus/dtls/chromium")[..], include_bytes!("../../../fuzz/corpus/dtls/firefox")];
        for captured in captured {
            let (first, rest) = counted::<2>(captured).expect("a datagram");
            let (second, _) = counted::<2>(rest).expect("a datagram");
            let mut buffer = HelloBuffer::default();
            buffer.push(first).expect("a piece");
            assert_eq!(buffer.profile(), None);
            buffer.push(second).expect("a piece");
            assert_eq!(buffer.profile(), Some(Some(Profile::AeadAes128Gcm)));
        }
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let (message, mut buffer) = (hello(&[7], 1300), HelloBuffer::default());
        let piece = record(&message, 0, 1200);
        let pushed = (0..1000).filter(|_| buffer.push(&piece).is_ok()).count();
        assert!(pushed < 1000 && buffer.datagrams.len() * piece.len() <= CLIENT_HELLO_BYTES_MAX);
        assert_eq!(buffer.push(&[23, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), Err(Refusal::Malformed), "no handshake");
        assert_eq!(buffer.push(&piece[..100]), Err(Refusal::Malformed), "cut");
    }

    proptest! {
        #[test]
        fn no_hello_panics(profiles: Vec<u16>, cut in 0usize..2000, at in 0usize..2000, byte: u8) {
            let mut message = hello(&profiles[..profiles.len().min(50)], 20);
            let at = at % message.len();
            message[at] = byte;
            message.truncate(cut.max(1));
            let _ = offered_profiles(&message);
            let mut buffer = HelloBuffer::default();
            let mut datagram = record(&message, 0, message.len());
            let at = at % datagram.len();
            datagram[at] = byte;
            let _ = buffer.push(&datagram);
            let _ = buffer.profile();
        }
    }
}
