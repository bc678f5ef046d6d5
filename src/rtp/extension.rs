//! Owns the header extensions that we know (RFC 8285): their names, the numbers that a peer gave them, their values in a packet.

use super::packet::Header;

/// A header extension that we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Extension {
    /// Which section of the session description a packet belongs to (RFC 9143).
    Mid,
    /// Which encoding of a section (RFC 8852).
    Rid,
    /// Which encoding a retransmission repairs (RFC 8852).
    RepairedRid,
    /// The number of a packet on its transport, for feedback (draft-holmer-rmcat-transport-wide-cc-extensions).
    TransportSequence,
    /// When a packet was sent, in 2^-18 s, modulo 64 s.
    AbsSendTime,
    /// How loud it is (RFC 6464).
    AudioLevel,
    /// How the picture is to be turned (3GPP TS 26.114).
    Orientation,
    /// How long a receiver should hold the picture back.
    PlayoutDelay,
    /// When it was captured.
    CaptureTime,
    /// What a frame depends on (AV1 RTP specification, appendix A).
    Dependency,
}

impl Extension {
    /// All of them, in the order of their discriminants.
    pub const ALL: [Self; 10] = [
        Self::Mid,
        Self::Rid,
        Self::RepairedRid,
        Self::TransportSequence,
        Self::AbsSendTime,
        Self::AudioLevel,
        Self::Orientation,
        Self::PlayoutDelay,
        Self::CaptureTime,
        Self::Dependency,
    ];

    /// Its name in an `a=extmap` line.
    pub const fn uri(self) -> &'static str {
        match self {
            Self::Mid => "urn:ietf:params:rtp-hdrext:sdes:mid",
            Self::Rid => "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
            Self::RepairedRid => "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
            Self::TransportSequence => "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
            Self::AbsSendTime => "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
            Self::AudioLevel => "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
            Self::Orientation => "urn:3gpp:video-orientation",
            Self::PlayoutDelay => "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
            Self::CaptureTime => "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time",
            Self::Dependency => "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
        }
    }

    /// The extension with this name; none when we do not know it.
    pub fn from_uri(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|extension| extension.uri() == uri)
    }
}

/// The numbers that one negotiation gave the extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExtensionIds {
    /// By extension; 0 where there is none.
    ids: [u8; Extension::ALL.len()],
}

impl ExtensionIds {
    /// Gives an extension a number from 1 to 255, or takes it away with 0. A number has one meaning: the last one.
    pub fn set(&mut self, extension: Extension, id: u8) {
        for other in self.ids.iter_mut().filter(|other| **other == id) {
            *other = 0;
        }
        self.ids[extension as usize] = id;
    }

    /// The number of an extension; none when it was not negotiated.
    pub fn id(&self, extension: Extension) -> Option<u8> {
        Some(self.ids[extension as usize]).filter(|id| *id > 0)
    }

    /// What a number means; none when it means nothing to us.
    pub fn extension(&self, id: u8) -> Option<Extension> {
        let at = self.ids.iter().position(|known| *known == id && id > 0)?;
        Some(Extension::ALL[at])
    }
}

/// How loud a packet of audio is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioLevel {
    /// In -dBov: 0 is the loudest, 127 is silence.
    pub level: u8,
    /// Whether the sender believes that it is speech.
    pub is_voice: bool,
}

/// The moment of capture, as it came: 8 bytes, or 16 with the offset of the capturing clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaptureTime {
    /// NTP time (32.32) on the capturing system.
    pub ntp: u64,
    /// Its clock minus the sender's (32.32), where the sender knows it.
    pub offset: Option<i64>,
}

/// What a subscriber gets as the publisher said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Carried {
    /// See [`Extension::AudioLevel`].
    pub audio_level: Option<AudioLevel>,
    /// See [`Extension::Orientation`].
    pub orientation: Option<u8>,
    /// See [`Extension::PlayoutDelay`]: twelve bits of minimum and twelve of maximum, in 10 ms.
    pub playout_delay: Option<[u8; 3]>,
    /// See [`Extension::CaptureTime`].
    pub capture_time: Option<CaptureTime>,
}

/// The values of one packet: read from it, or to be written into one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extensions<'a> {
    /// See [`Extension::Mid`]; empty when absent.
    pub mid: &'a [u8],
    /// See [`Extension::Rid`]; empty when absent.
    pub rid: &'a [u8],
    /// See [`Extension::RepairedRid`]; empty when absent.
    pub repaired_rid: &'a [u8],
    /// See [`Extension::TransportSequence`].
    pub transport_sequence: Option<u16>,
    /// See [`Extension::AbsSendTime`]: 24 bits.
    pub abs_send_time: Option<u32>,
    /// What is passed on.
    pub carried: Carried,
    /// See [`Extension::Dependency`]; empty when absent.
    pub dependency: &'a [u8],
    /// Only for writing: another frame number for the dependency descriptor.
    pub frame_number: Option<u16>,
}

/// The form whose elements have one byte of head: numbers 1 to 14, 1 to 16 bytes.
const PROFILE_ONE_BYTE: u16 = 0xbede;
/// The form whose elements have two bytes of head: numbers 1 to 255, 0 to 255 bytes. The low four bits are the application's.
const PROFILE_TWO_BYTES: u16 = 0x1000;

/// Longest text or value that is written into an element, except for the dependency descriptor.
const VALUE_BYTES_MAX: usize = 16;
/// Most bytes of an extension block without the bytes of its dependency descriptor: head, elements, alignment.
pub const BLOCK_BYTES_MAX: usize = 4 + Extension::ALL.len() * (2 + VALUE_BYTES_MAX) + 3;

impl<'a> Extensions<'a> {
    /// Reads the block of a packet whose head has been read. Elements that we do not know, or whose length is wrong, are passed
    /// over; a block that is cut off ends where it is cut.
    pub fn read(packet: &'a [u8], header: &Header, ids: &ExtensionIds) -> Self {
        let mut values = Self::default();
        let block = header.extension_block(packet);
        match header.extension_profile {
            Some(PROFILE_ONE_BYTE) => values.read_one_byte(block, ids),
            Some(profile) if profile & 0xfff0 == PROFILE_TWO_BYTES => values.read_two_bytes(block, ids),
            _ => {}
        }
        values
    }

    fn read_one_byte(&mut self, mut block: &'a [u8], ids: &ExtensionIds) {
        while let Some((&head, rest)) = block.split_first() {
            block = rest;
            if head == 0 {
                continue;
            }
            let (id, len) = (head >> 4, usize::from(head & 0x0f) + 1);
            // 15 ends the block (RFC 8285 section 4.2).
            let Some((value, rest)) = block.split_at_checked(len).filter(|_| id != 15) else { return };
            block = rest;
            self.take(ids.extension(id), value);
        }
    }

    fn read_two_bytes(&mut self, mut block: &'a [u8], ids: &ExtensionIds) {
        while let Some((&id, rest)) = block.split_first() {
            block = rest;
            if id == 0 {
                continue;
            }
            let Some((&len, rest)) = block.split_first() else { return };
            let Some((value, rest)) = rest.split_at_checked(usize::from(len)) else { return };
            block = rest;
            self.take(ids.extension(id), value);
        }
    }

    fn take(&mut self, extension: Option<Extension>, value: &'a [u8]) {
        match (extension, value) {
            (Some(Extension::Mid), _) => self.mid = value,
            (Some(Extension::Rid), _) => self.rid = value,
            (Some(Extension::RepairedRid), _) => self.repaired_rid = value,
            (Some(Extension::TransportSequence), &[high, low, ..]) => {
                self.transport_sequence = Some(u16::from_be_bytes([high, low]));
            }
            (Some(Extension::AbsSendTime), &[a, b, c]) => self.abs_send_time = Some(u32::from_be_bytes([0, a, b, c])),
            // In the two-byte form some senders fill up with a second byte.
            (Some(Extension::AudioLevel), &[level] | &[level, _]) => {
                self.carried.audio_level = Some(AudioLevel { level: level & 0x7f, is_voice: level & 0x80 != 0 });
            }
            (Some(Extension::Orientation), &[orientation]) => self.carried.orientation = Some(orientation),
            (Some(Extension::PlayoutDelay), &[a, b, c]) => self.carried.playout_delay = Some([a, b, c]),
            (Some(Extension::CaptureTime), _) => self.carried.capture_time = read_capture_time(value),
            (Some(Extension::Dependency), _) => self.dependency = value,
            _ => {}
        }
    }

    /// Writes the block, with its head and filled up to a multiple of four; how many bytes, 0 without any value, none when the
    /// buffer is too short. The one-byte form where it suffices: some receivers know no other.
    pub(super) fn write(&self, buffer: &mut [u8], ids: &ExtensionIds) -> Option<usize> {
        let mut is_two_bytes = false;
        let mut is_empty = true;
        self.each(ids, |id, value| {
            is_two_bytes |= id > 14 || value.len() > 16 || value.is_empty();
            is_empty = false;
            Some(())
        })?;
        if is_empty {
            return Some(0);
        }
        let (head, block) = buffer.split_first_chunk_mut::<4>()?;
        let mut used = 0;
        self.each(ids, |id, value| {
            let element = block.get_mut(used..used + 1 + usize::from(is_two_bytes) + value.len())?;
            used += element.len();
            let value_at = if is_two_bytes {
                element[..2].copy_from_slice(&[id, u8::try_from(value.len()).ok()?]);
                2
            } else {
                element[0] = id << 4 | (value.len() - 1) as u8;
                1
            };
            let room = &mut element[value_at..];
            room.copy_from_slice(value);
            if let Some(number) = self.frame_number
                && ids.id(Extension::Dependency) == Some(id)
                && let Some(place) = room.get_mut(1..3)
            {
                place.copy_from_slice(&number.to_be_bytes());
            }
            Some(())
        })?;
        let len = used.next_multiple_of(4);
        block.get_mut(used..len)?.fill(0);
        let profile = if is_two_bytes { PROFILE_TWO_BYTES } else { PROFILE_ONE_BYTE };
        head[..2].copy_from_slice(&profile.to_be_bytes());
        head[2..].copy_from_slice(&u16::try_from(len / 4).ok()?.to_be_bytes());
        Some(4 + len)
    }

    /// Calls `f` with the number and the bytes of each value that has both; none as soon as `f` says so. The order is fixed, so
    /// that packets with the same values are of the same size and layout.
    fn each(&self, ids: &ExtensionIds, mut f: impl FnMut(u8, &[u8]) -> Option<()>) -> Option<()> {
        let mut put = |extension, value: &[u8]| match ids.id(extension) {
            Some(id) => f(id, value),
            None => Some(()),
        };
        for (extension, text) in
            [(Extension::Mid, self.mid), (Extension::Rid, self.rid), (Extension::RepairedRid, self.repaired_rid)]
        {
            if (1..=VALUE_BYTES_MAX).contains(&text.len()) {
                put(extension, text)?;
            }
        }
        if let Some(sequence) = self.transport_sequence {
            put(Extension::TransportSequence, &sequence.to_be_bytes())?;
        }
        if let Some(time) = self.abs_send_time {
            put(Extension::AbsSendTime, &time.to_be_bytes()[1..])?;
        }
        if let Some(AudioLevel { level, is_voice }) = self.carried.audio_level {
            put(Extension::AudioLevel, &[level & 0x7f | u8::from(is_voice) << 7])?;
        }
        if let Some(orientation) = self.carried.orientation {
            put(Extension::Orientation, &[orientation])?;
        }
        if let Some(delay) = self.carried.playout_delay {
            put(Extension::PlayoutDelay, &delay)?;
        }
        if let Some(CaptureTime { ntp, offset }) = self.carried.capture_time {
            let mut value = [0; 16];
            value[..8].copy_from_slice(&ntp.to_be_bytes());
            value[8..].copy_from_slice(&offset.unwrap_or(0).to_be_bytes());
            put(Extension::CaptureTime, if offset.is_some() { &value } else { &value[..8] })?;
        }
        if !self.dependency.is_empty() {
            put(Extension::Dependency, self.dependency)?;
        }
        Some(())
    }
}

fn read_capture_time(value: &[u8]) -> Option<CaptureTime> {
    let (ntp, rest) = value.split_first_chunk()?;
    Some(CaptureTime { ntp: u64::from_be_bytes(*ntp), offset: rest.try_into().ok().map(i64::from_be_bytes) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::packet::{Fields, header_len_max, write_header};
    use super::*;

    fn ids(first: u8) -> ExtensionIds {
        let mut ids = ExtensionIds::default();
        for (at, extension) in Extension::ALL.into_iter().enumerate() {
            ids.set(extension, first + at as u8);
        }
        ids
    }

    fn packet(profile: u16, block: &[u8]) -> Vec<u8> {
        assert_eq!(block.len() % 4, 0);
        let mut packet = vec![0x90, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
        packet.extend(profile.to_be_bytes());
        packet.extend((block.len() as u16 / 4).to_be_bytes());
        packet.extend(block);
        packet
    }

    fn read<'a>(packet: &'a [u8], ids: &ExtensionIds) -> Extensions<'a> {
        Extensions::read(packet, &Header::parse(packet).expect("RTP"), ids)
    }

    #[test]
    fn every_name_leads_back_to_its_extension() {
        for (at, extension) in Extension::ALL.into_iter().enumerate() {
            assert_eq!((Extension::from_uri(extension.uri()), extension as usize), (Some(extension), at));
        }
        assert_eq!(Extension::from_uri("urn:ietf:params:rtp-hdrext:toffset"), None);
    }

    #[test]
    fn a_number_has_one_meaning() {
        let mut ids = ExtensionIds::default();
        ids.set(Extension::Mid, 4);
        ids.set(Extension::Rid, 4);
        assert_eq!((ids.id(Extension::Mid), ids.extension(4), ids.extension(0)), (None, Some(Extension::Rid), None));
    }

    #[test]
    fn the_one_byte_form_is_read() {
        // mid "1", two bytes of filling, transport sequence 0x0102, an unknown element, audio level.
        let packet = packet(0xbede, &[0x10, b'1', 0, 0, 0x41, 1, 2, 0xd0, 9, 0x60, 0x85, 0]);
        let values = read(&packet, &ids(1));
        assert_eq!((values.mid, values.transport_sequence), (&b"1"[..], Some(0x0102)));
        assert_eq!(values.carried.audio_level, Some(AudioLevel { level: 5, is_voice: true }));
        assert_eq!(values.rid, b"");
    }

    #[test]
    fn number_fifteen_ends_a_one_byte_block() {
        let packet = packet(0xbede, &[0xf0, 0, 0x10, b'1']);
        assert_eq!(read(&packet, &ids(1)).mid, b"");
    }

    #[test]
    fn the_two_byte_form_is_read() {
        let packet = packet(0x1003, &[200, 3, b'a', b'b', b'c', 0, 205, 1, 7, 99, 0, 0]);
        let values = read(&packet, &ids(200));
        assert_eq!((values.mid, values.carried.audio_level), (&b"abc"[..], Some(AudioLevel { level: 7, is_voice: false })));
    }

    #[test]
    fn a_cut_element_is_not_read() {
        for (profile, block) in [(0xbede, [0, 0, 0x13, b'1']), (0x1000, [0, 1, 9, b'1']), (0x1000, [0, 0, 0, 1])] {
            assert_eq!(read(&packet(profile, &block), &ids(1)), Extensions::default());
        }
    }

    #[test]
    fn another_profile_is_passed_over() {
        assert_eq!(read(&packet(0x2000, &[0x10, b'1', 0, 0]), &ids(1)), Extensions::default());
    }

    #[test]
    fn only_negotiated_extensions_are_written() {
        let mut few = ExtensionIds::default();
        few.set(Extension::TransportSequence, 5);
        let values = Extensions { mid: b"0", transport_sequence: Some(258), dependency: &[0x80, 0, 1], ..Extensions::default() };
        let mut buffer = [0xff; 100];
        let len = write_header(&mut buffer, &Fields::default(), &values, &few).expect("room");
        assert_eq!(buffer[12..len], [0xbe, 0xde, 0, 1, 0x51, 1, 2, 0]);
    }

    #[test]
    fn a_short_buffer_is_refused() {
        let values = Extensions { mid: b"0", abs_send_time: Some(1), ..Extensions::default() };
        let mut buffer = [0; 24];
        assert_eq!(write_header(&mut buffer, &Fields::default(), &values, &ids(1)), Some(24));
        for len in 0..24 {
            assert_eq!(write_header(&mut buffer[..len], &Fields::default(), &values, &ids(1)), None, "{len}");
        }
    }

    #[test]
    fn the_dependency_descriptor_gets_another_frame_number() {
        let values = Extensions { dependency: &[0xc1, 0, 1, 9], frame_number: Some(0xabcd), ..Extensions::default() };
        let mut buffer = [0; 64];
        let len = write_header(&mut buffer, &Fields::default(), &values, &ids(1)).expect("room");
        assert_eq!(read(&buffer[..len], &ids(1)).dependency, [0xc1, 0xab, 0xcd, 9]);
    }

    fn any_carried() -> impl Strategy<Value = Carried> {
        let level = (0u8..128, any::<bool>()).prop_map(|(level, is_voice)| AudioLevel { level, is_voice });
        let time = (any::<u64>(), any::<Option<i64>>()).prop_map(|(ntp, offset)| CaptureTime { ntp, offset });
        (proptest::option::of(level), any::<Option<u8>>(), any::<Option<[u8; 3]>>(), proptest::option::of(time)).prop_map(
            |(audio_level, orientation, playout_delay, capture_time)| Carried {
                audio_level,
                orientation,
                playout_delay,
                capture_time,
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            carried in any_carried(), mid in "[a-z0-9]{0,16}", rid in "[a-z]{0,16}", sequence: Option<u16>,
            time in proptest::option::of(0u32..1 << 24), dependency in proptest::collection::vec(any::<u8>(), 0..255),
            first in prop_oneof![Just(1u8), Just(5u8), Just(240u8)],
        ) {
            let values = Extensions { mid: mid.as_bytes(), rid: rid.as_bytes(), repaired_rid: b"", transport_sequence: sequence,
                abs_send_time: time, carried, dependency: &dependency, frame_number: None };
            let mut buffer = vec![0xaa; header_len_max(dependency.len())];
            let len = write_header(&mut buffer, &Fields::default(), &values, &ids(first)).expect("room");
            prop_assert_eq!(len % 4, 0);
            prop_assert_eq!(read(&buffer[..len], &ids(first)), values);
        }

        #[test]
        fn any_block_is_read(block in proptest::collection::vec(any::<u8>(), 0..64), profile in prop_oneof![Just(0xbedeu16), Just(0x1000)], first in 1u8..6) {
            let mut block = block;
            block.resize(block.len().next_multiple_of(4), 0);
            read(&packet(profile, &block), &ids(first));
        }
    }
}
