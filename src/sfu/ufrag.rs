//! Owns the name of a transport in ICE: a ufrag that says which shard and which transport, so that one port serves them all.

use std::fmt;

/// Which shard of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShardId(pub u8);

/// Characters that ICE allows in a ufrag and a password (RFC 8839 section 5.4).
const ICE_CHARS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Digits of the shard, digits of the transport, random characters.
const SHARD_DIGITS: usize = 2;
const INDEX_DIGITS: usize = 6;
const RANDOM_CHARS: usize = 8;
const LEN: usize = SHARD_DIGITS + INDEX_DIGITS + RANDOM_CHARS;

/// The `ice-ufrag` of one of our transports: two hexadecimal digits of the shard, six of the transport's index within it, and
/// eight random characters, so that an index used again is another name.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ufrag([u8; LEN]);

impl Ufrag {
    /// Most transports that one shard can name.
    pub const INDEX_MAX: u32 = 0xff_ffff;

    /// The name of the transport with this index, at most [`Self::INDEX_MAX`].
    pub fn new(shard: ShardId, index: u32, random: [u8; RANDOM_CHARS]) -> Self {
        let mut text = [0; LEN];
        let digit = |number: u32, place: usize| b"0123456789abcdef"[(number >> (4 * place) & 0xf) as usize];
        text[0] = digit(shard.0.into(), 1);
        text[1] = digit(shard.0.into(), 0);
        for place in 0..INDEX_DIGITS {
            text[SHARD_DIGITS + place] = digit(index, INDEX_DIGITS - 1 - place);
        }
        for (to, from) in text[SHARD_DIGITS + INDEX_DIGITS..].iter_mut().zip(random) {
            *to = ICE_CHARS[usize::from(from & 63)];
        }
        Self(text)
    }

    /// Reads a ufrag; none when it is not one of ours.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text: [u8; LEN] = text.try_into().ok()?;
        let (digits, random) = text.split_at(SHARD_DIGITS + INDEX_DIGITS);
        let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let is_ours = digits.iter().all(is_digit) && random.iter().all(|byte| ICE_CHARS.contains(byte));
        is_ours.then_some(Self(text))
    }

    /// The shard that it names.
    pub fn shard(&self) -> ShardId {
        ShardId(number(&self.0[..SHARD_DIGITS]) as u8)
    }

    /// The transport within the shard that it names.
    pub fn index(&self) -> u32 {
        number(&self.0[SHARD_DIGITS..SHARD_DIGITS + INDEX_DIGITS])
    }

    /// As it stands in SDP and in a check's USERNAME.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("made of ASCII only")
    }
}

impl fmt::Display for Ufrag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Ufrag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A password for ICE (RFC 8445 section 5.3): 24 characters, 144 random bits.
pub fn ice_password(random: [u8; 24]) -> String {
    random.map(|byte| char::from(ICE_CHARS[usize::from(byte & 63)])).iter().collect()
}

/// The transport that a STUN message names in its USERNAME (`ours:theirs`); none when it names none of ours. Nothing of the
/// message has been proved: this is for finding the one that will prove it.
pub fn ufrag_of(stun_datagram: &[u8]) -> Option<Ufrag> {
    const HEADER_LEN: usize = 20;
    const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
    const USERNAME: u16 = 6;
    let mut rest = stun_datagram.get(HEADER_LEN..).filter(|_| stun_datagram.get(4..8) == Some(&MAGIC_COOKIE))?;
    loop {
        let (head, tail) = rest.split_first_chunk::<4>()?;
        let len = usize::from(u16::from_be_bytes([head[2], head[3]]));
        if u16::from_be_bytes([head[0], head[1]]) == USERNAME {
            let (ours, _) = tail.get(..len)?.split_at_checked(LEN).filter(|(_, theirs)| theirs.first() == Some(&b':'))?;
            return Ufrag::parse(ours);
        }
        rest = tail.get(len.next_multiple_of(4)..)?;
    }
}

/// The shard whose transport a STUN message names; see [`ufrag_of`].
pub fn shard_of(stun_datagram: &[u8]) -> Option<ShardId> {
    ufrag_of(stun_datagram).map(|ufrag| ufrag.shard())
}

fn number(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |number, digit| number << 4 | char::from(*digit).to_digit(16).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ufrag_names_shard_and_transport() {
        let ufrag = Ufrag::new(ShardId(0xa7), 0x01_23ef, [0, 63, 64, 200, 5, 6, 7, 8]);
        assert_eq!(ufrag.as_str(), "a70123efA/AIFGHI");
        let read = Ufrag::parse(ufrag.as_str().as_bytes()).expect("ours");
        assert_eq!((read, read.shard(), read.index()), (ufrag, ShardId(0xa7), 0x01_23ef));
    }

    #[test]
    fn a_check_names_its_transport() {
        let check = |username: &[u8], before: &[u8]| {
            let mut message = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
            message.extend([7; 12]);
            message.extend(before);
            message.extend([0, 6]);
            message.extend((username.len() as u16).to_be_bytes());
            message.extend(username);
            message.extend(vec![0; username.len().next_multiple_of(4) - username.len()]);
            message
        };
        let named = check(b"a70123efA/AIFGHI:them", &[0x80, 0x22, 0, 1, 9, 0, 0, 0]);
        assert_eq!(ufrag_of(&named).map(|ufrag| ufrag.index()), Some(0x01_23ef));
        assert_eq!(shard_of(&named), Some(ShardId(0xa7)));
        for len in 0..named.len() - 5 {
            assert_eq!(shard_of(&named[..len]), None, "{len} bytes");
        }
        for username in [&b"a70123efA/AIFGHIx:them"[..], b"a70123efA/AIFGHI", b":", b"", b"them:a70123efA/AIFGHI"] {
            assert_eq!(shard_of(&check(username, &[])), None, "{username:?}");
        }
    }

    #[test]
    fn what_is_not_ours_is_told() {
        for bad in ["", "a70123efA/AIFGH", "A70123efA/AIFGHI", "a70123efA/AIFGH ", "a70123efA/AIFGHIJ"] {
            assert_eq!(Ufrag::parse(bad.as_bytes()), None, "{bad}");
        }
    }
}
