//! Owns the head of an RTP packet (RFC 3550 section 5.1): reading one that came, writing one that goes.

use std::ops::Range;

use super::extension::{ExtensionIds, Extensions};

/// Bytes of the fixed part.
pub const FIXED_BYTES: usize = 12;

/// Why bytes are not an RTP packet. Each is for a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RtpError {
    /// Shorter than what it says of itself.
    #[error("shorter than its header says")]
    Short,
    /// Not version 2.
    #[error("not RTP version 2")]
    Version,
    /// The padding is longer than the payload, or says zero bytes.
    #[error("padding longer than the payload")]
    Padding,
}

/// What the head of a packet says, and where it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// For video: the last packet of a picture. For audio: the first one after silence.
    pub marker: bool,
    /// 0 to 127.
    pub payload_type: u8,
    /// The low 16 bits of the sequence number.
    pub sequence: u16,
    /// In units of the payload's clock.
    pub timestamp: u32,
    /// The stream.
    pub ssrc: u32,
    /// Whether the last byte of the packet counts bytes of padding.
    pub has_padding: bool,
    /// Bytes up to the payload: the fixed part, contributing sources and the extension block.
    pub len: usize,
    /// The form of the extension block: `0xBEDE` (one byte), `0x100X` (two bytes); none without a block.
    pub extension_profile: Option<u16>,
    /// Bytes of the extension block without its four bytes of head; it ends where the payload begins.
    pub extension_len: usize,
}

impl Header {
    /// Reads the head of a packet, protected or not. What it says of lengths fits the packet; padding is looked at later, by
    /// [`Header::payload`], because it is encrypted.
    pub fn parse(packet: &[u8]) -> Result<Self, RtpError> {
        let (fixed, rest) = packet.split_first_chunk::<FIXED_BYTES>().ok_or(RtpError::Short)?;
        if fixed[0] >> 6 != 2 {
            return Err(RtpError::Version);
        }
        let sources_len = usize::from(fixed[0] & 0x0f) * 4;
        let mut header = Self {
            marker: fixed[1] & 0x80 != 0,
            payload_type: fixed[1] & 0x7f,
            sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
            timestamp: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
            ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
            has_padding: fixed[0] & 0x20 != 0,
            len: FIXED_BYTES + sources_len,
            extension_profile: None,
            extension_len: 0,
        };
        let rest = rest.get(sources_len..).ok_or(RtpError::Short)?;
        if fixed[0] & 0x10 != 0 {
            let (head, block) = rest.split_first_chunk::<4>().ok_or(RtpError::Short)?;
            header.extension_profile = Some(u16::from_be_bytes([head[0], head[1]]));
            header.extension_len = usize::from(u16::from_be_bytes([head[2], head[3]])) * 4;
            block.get(..header.extension_len).ok_or(RtpError::Short)?;
            header.len += 4 + header.extension_len;
        }
        Ok(header)
    }

    /// The extension block of this packet, without its head; empty when there is none.
    pub fn extension_block<'a>(&self, packet: &'a [u8]) -> &'a [u8] {
        packet.get(self.len.saturating_sub(self.extension_len)..self.len).unwrap_or(&[])
    }

    /// Where the payload of the decrypted packet is, without padding. Empty for a packet of nothing but padding.
    pub fn payload(&self, packet: &[u8]) -> Result<Range<usize>, RtpError> {
        let padding = match packet.last() {
            Some(&count) if self.has_padding => usize::from(count),
            _ => 0,
        };
        if self.has_padding && padding == 0 {
            return Err(RtpError::Padding);
        }
        let end = packet.len().checked_sub(padding).filter(|end| *end >= self.len).ok_or(RtpError::Padding)?;
        Ok(self.len..end)
    }
}

/// What the head of a packet to be sent says, besides its extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fields {
    /// See [`Header::marker`].
    pub marker: bool,
    /// 0 to 127.
    pub payload_type: u8,
    /// The low 16 bits of the sequence number.
    pub sequence: u16,
    /// In units of the payload's clock.
    pub timestamp: u32,
    /// The stream.
    pub ssrc: u32,
    /// Whether the packet will end in padding, whose last byte counts it.
    pub has_padding: bool,
}

/// Writes a head with those of the extensions that `ids` has a number for; how many bytes it took, or none when the buffer is too
/// short. At most [`header_len_max`].
pub fn write_header(buffer: &mut [u8], fields: &Fields, extensions: &Extensions<'_>, ids: &ExtensionIds) -> Option<usize> {
    let (fixed, rest) = buffer.split_first_chunk_mut::<FIXED_BYTES>()?;
    let block_len = extensions.write(rest, ids)?;
    fixed[0] = 0x80 | u8::from(fields.has_padding) << 5 | u8::from(block_len > 0) << 4;
    fixed[1] = u8::from(fields.marker) << 7 | fields.payload_type & 0x7f;
    fixed[2..4].copy_from_slice(&fields.sequence.to_be_bytes());
    fixed[4..8].copy_from_slice(&fields.timestamp.to_be_bytes());
    fixed[8..12].copy_from_slice(&fields.ssrc.to_be_bytes());
    Some(FIXED_BYTES + block_len)
}

/// The most bytes that [`write_header`] takes when the dependency descriptor has `dependency_len` bytes.
pub const fn header_len_max(dependency_len: usize) -> usize {
    FIXED_BYTES + super::extension::BLOCK_BYTES_MAX + dependency_len
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLAIN: [u8; 16] = [0x80, 0xe0, 0x12, 0x34, 0, 0, 0, 9, 0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4];

    #[test]
    fn a_plain_packet_says_what_it_is() {
        let header = Header::parse(&PLAIN).expect("RTP");
        assert_eq!((header.marker, header.payload_type, header.sequence), (true, 0x60, 0x1234));
        assert_eq!((header.timestamp, header.ssrc, header.len), (9, 0xdead_beef, 12));
        assert_eq!(header.payload(&PLAIN), Ok(12..16));
    }

    #[test]
    fn sources_and_extensions_come_before_the_payload() {
        let mut packet = PLAIN.to_vec();
        packet[0] |= 0x12;
        packet.splice(12..12, [0, 0, 0, 1, 0, 0, 0, 2, 0xbe, 0xde, 0, 1, 0x10, 7, 0, 0]);
        let header = Header::parse(&packet).expect("RTP");
        assert_eq!((header.extension_profile, header.len), (Some(0xbede), 28));
        assert_eq!(header.extension_block(&packet), [0x10, 7, 0, 0]);
        for len in 0..28 {
            assert_eq!(Header::parse(&packet[..len]), Err(RtpError::Short), "{len} bytes");
        }
        assert!(Header::parse(&packet[..28]).is_ok(), "no payload is a payload");
    }

    #[test]
    fn padding_is_cut_off_and_checked() {
        let mut packet = PLAIN;
        packet[0] |= 0x20;
        let header = Header::parse(&packet).expect("RTP");
        assert_eq!(header.payload(&packet), Ok(12..12), "four bytes, all of them padding");
        for (count, expected) in
            [(1, Ok(12..15)), (0, Err(RtpError::Padding)), (5, Err(RtpError::Padding)), (255, Err(RtpError::Padding))]
        {
            packet[15] = count;
            assert_eq!(header.payload(&packet), expected, "{count}");
        }
    }

    #[test]
    fn another_version_is_not_rtp() {
        assert_eq!(Header::parse(&[0x40; 20]), Err(RtpError::Version));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200), first in 0x80u8..0xc0) {
            let mut bytes = bytes;
            if let Some(byte) = bytes.first_mut() { *byte = first; }
            if let Ok(header) = Header::parse(&bytes) {
                prop_assert!(header.len <= bytes.len());
                prop_assert!(header.extension_block(&bytes).len() == header.extension_len);
                if let Ok(payload) = header.payload(&bytes) {
                    prop_assert!(payload.start == header.len && payload.end <= bytes.len());
                }
            }
        }

        #[test]
        fn what_is_written_is_read_again(marker: bool, payload_type in 0u8..128, sequence: u16, timestamp: u32, ssrc: u32, has_padding: bool) {
            let fields = Fields { marker, payload_type, sequence, timestamp, ssrc, has_padding };
            let mut buffer = [0; 64];
            let len = write_header(&mut buffer, &fields, &Extensions::default(), &ExtensionIds::default()).expect("room");
            let header = Header::parse(&buffer[..len]).expect("RTP");
            let read = Fields { marker: header.marker, payload_type: header.payload_type, sequence: header.sequence,
                timestamp: header.timestamp, ssrc: header.ssrc, has_padding: header.has_padding };
            prop_assert_eq!((read, header.len), (fields, 12));
        }
    }
}
