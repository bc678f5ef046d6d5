//! Owns the outside of DTLS records: as much as can be known without keys (RFC 6347 section 4.1).

use super::Refusal;

/// The content type of handshake messages.
pub(super) const HANDSHAKE: u8 = 22;

const HEADER_LEN: usize = 13;

pub(super) struct Record<'a> {
    pub content_type: u8,
    pub epoch: u16,
    pub body: &'a [u8],
}

/// The records of a datagram; an error, and then nothing, where it stops being one. An empty datagram is an error too.
pub(super) fn records(datagram: &[u8]) -> impl Iterator<Item = Result<Record<'_>, Refusal>> {
    let mut rest = Some(datagram);
    std::iter::from_fn(move || {
        let bytes = rest.take()?;
        let record = bytes.split_first_chunk::<HEADER_LEN>().and_then(|(head, tail)| {
            let len = usize::from(u16::from_be_bytes([head[11], head[12]]));
            let (body, after) = tail.split_at_checked(len)?;
            rest = Some(after).filter(|after| !after.is_empty());
            Some(Record { content_type: head[0], epoch: u16::from_be_bytes([head[3], head[4]]), body })
        });
        Some(record.ok_or(Refusal::Malformed))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_is_records_to_its_end() {
        let one = [&[22, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 0, 2][..], &[7, 8]].concat();
        let read = |datagram: &[u8]| {
            let seen =
                records(datagram).map(|record| record.map(|record| (record.content_type, record.epoch, record.body.len())));
            seen.collect::<Result<Vec<_>, _>>()
        };
        assert_eq!(read(&[one.clone(), one.clone()].concat()), Ok(vec![(22, 1, 2); 2]));
        for len in 0..one.len() {
            assert_eq!(read(&one[..len]), Err(Refusal::Malformed), "{len}");
            assert!(len == 0 || read(&[&one[..], &one[..len]].concat()).is_err(), "{len} after a whole one");
        }
    }
}
