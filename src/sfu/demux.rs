//! Owns what a datagram is, by its first bytes (RFC 7983 section 7, RFC 5761 section 4).

/// What shares a transport's port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A STUN message.
    Stun,
    /// DTLS records.
    Dtls,
    /// A protected RTP packet.
    Rtp,
    /// A protected compound RTCP packet.
    Rtcp,
}

/// Tells what a datagram is, without a look at more than two bytes; none when it is nothing of ours. ZRTP and the channels of
/// TURN do not come to a server.
pub fn classify(datagram: &[u8]) -> Option<Kind> {
    match *datagram {
        [0..=3, ..] => Some(Kind::Stun),
        [20..=63, ..] => Some(Kind::Dtls),
        [128..=191, 192..=223, ..] => Some(Kind::Rtcp),
        [128..=191, _, ..] => Some(Kind::Rtp),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell() {
        let cases = [
            (vec![0, 1], Some(Kind::Stun)),
            (vec![3], Some(Kind::Stun)),
            (vec![4, 0], None),
            (vec![16], None),
            (vec![20], Some(Kind::Dtls)),
            (vec![22, 254], Some(Kind::Dtls)),
            (vec![63], Some(Kind::Dtls)),
            (vec![64, 0], None),
            (vec![127, 0], None),
            (vec![128, 96], Some(Kind::Rtp)),
            (vec![0x90, 0x80 | 111], Some(Kind::Rtp)),
            (vec![128, 191], Some(Kind::Rtp)),
            (vec![128, 192], Some(Kind::Rtcp)),
            (vec![0x81, 201], Some(Kind::Rtcp)),
            (vec![191, 223], Some(Kind::Rtcp)),
            (vec![191, 224], Some(Kind::Rtp)),
            (vec![192, 200], None),
            (vec![128], None),
            (vec![], None),
        ];
        for (datagram, kind) in cases {
            assert_eq!(classify(&datagram), kind, "{datagram:?}");
        }
    }
}
