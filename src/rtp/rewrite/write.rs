//! Owns the bytes of a packet that goes out: a head of its own, and the payload out of the cache with other running numbers.

use super::super::cache::Packet;
use super::super::extension::{ExtensionIds, Extensions};
use super::super::packet::{Fields, write_header};
use super::Rewritten;

/// What a packet has from the stream and the transport that it goes out on.
#[derive(Debug, Clone, Copy)]
pub struct Envelope<'a> {
    /// As negotiated with the receiver; of a retransmission, that of RTX.
    pub payload_type: u8,
    /// The slot's stream; of a retransmission, its RTX stream.
    pub ssrc: u32,
    /// The receiver's numbers of the header extensions.
    pub ids: &'a ExtensionIds,
    /// See [`Extensions::mid`].
    pub mid: &'a [u8],
    /// See [`Extensions::transport_sequence`].
    pub transport_sequence: Option<u16>,
    /// See [`Extensions::abs_send_time`].
    pub abs_send_time: Option<u32>,
    /// Bytes of padding at the end: to be as long as its neighbours, or all there is.
    pub padding: u8,
}

/// Where the parts of a written packet end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Bytes of the head, which are not encrypted.
    pub header_len: usize,
    /// Bytes of the packet.
    pub len: usize,
}

impl Rewritten {
    /// Writes the packet that was given these numbers; none when the buffer is too short.
    pub fn write(&self, buffer: &mut [u8], packet: &Packet<'_>, envelope: &Envelope<'_>) -> Option<Written> {
        let header_len = self.write_header(buffer, self.sequence, Some(packet), envelope)?;
        let payload_end = self.write_payload(buffer, header_len, packet)?;
        finish(buffer, header_len, payload_end, envelope.padding)
    }

    /// Writes it as a retransmission (RFC 4588 section 4): in the envelope of the RTX stream, with that stream's next number.
    pub fn write_rtx(&self, buffer: &mut [u8], packet: &Packet<'_>, envelope: &Envelope<'_>, sequence: u16) -> Option<Written> {
        let header_len = self.write_header(buffer, sequence, Some(packet), envelope)?;
        let payload_at = header_len + 2;
        buffer.get_mut(header_len..payload_at)?.copy_from_slice(&self.sequence.to_be_bytes());
        let payload_end = self.write_payload(buffer, payload_at, packet)?;
        finish(buffer, header_len, payload_end, envelope.padding)
    }

    /// Writes a packet of nothing but padding: the envelope's, at least one byte.
    pub fn write_padding(&self, buffer: &mut [u8], envelope: &Envelope<'_>) -> Option<Written> {
        let envelope = Envelope { padding: envelope.padding.max(1), ..*envelope };
        let header_len = self.write_header(buffer, self.sequence, None, &envelope)?;
        finish(buffer, header_len, header_len, envelope.padding)
    }

    fn write_header(
        &self,
        buffer: &mut [u8],
        sequence: u16,
        packet: Option<&Packet<'_>>,
        envelope: &Envelope<'_>,
    ) -> Option<usize> {
        let fields = Fields {
            marker: self.marker,
            payload_type: envelope.payload_type,
            sequence,
            timestamp: self.timestamp,
            ssrc: envelope.ssrc,
            has_padding: envelope.padding > 0,
        };
        let extensions = Extensions {
            mid: envelope.mid,
            transport_sequence: envelope.transport_sequence,
            abs_send_time: envelope.abs_send_time,
            carried: packet.map(|packet| packet.meta.carried).unwrap_or_default(),
            dependency: packet.map_or(&[], |packet| packet.dependency),
            frame_number: packet.and_then(|packet| packet.meta.facts.frame).map(|_| self.patch.frame_number),
            ..Extensions::default()
        };
        write_header(buffer, &fields, &extensions, envelope.ids)
    }

    fn write_payload(&self, buffer: &mut [u8], at: usize, packet: &Packet<'_>) -> Option<usize> {
        let end = at + packet.payload.len();
        let payload = buffer.get_mut(at..end)?;
        payload.copy_from_slice(packet.payload);
        if let Some(picture) = &packet.meta.facts.picture {
            self.patch.apply(picture, payload);
        }
        Some(end)
    }
}

fn finish(buffer: &mut [u8], header_len: usize, payload_end: usize, padding: u8) -> Option<Written> {
    let len = payload_end + usize::from(padding);
    let room = buffer.get_mut(payload_end..len)?;
    room.fill(0);
    if let Some(last) = room.last_mut() {
        *last = padding;
    }
    Some(Written { header_len, len })
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::super::super::cache::{Cache, History, Meta};
    use super::super::super::codec::Codec;
    use super::super::super::extension::Extension;
    use super::super::super::packet::Header;
    use super::super::{Rewriter, Start};
    use super::*;

    fn ids(numbers: &[(Extension, u8)]) -> ExtensionIds {
        let mut ids = ExtensionIds::default();
        numbers.iter().for_each(|(extension, id)| ids.set(*extension, *id));
        ids
    }

    /// A packet of VP8 as a publisher sends it, with its mid (4) and its orientation (13).
    const SENT: [u8; 31] = [
        0x90, 0xe0, 0xff, 0xff, 0, 0, 0, 9, 0xde, 0xad, 0xbe, 0xef, 0xbe, 0xde, 0, 1, 0x40, b'1', 0xd0, 1, // head
        0x90, 0xe0, 0x81, 0x02, 9, 0x40, 0x31, 1, 2, 3, 4,
    ];

    /// In: the head, the extensions, the facts, the cache.
    fn take(cache: &mut Cache, sent: &[u8], ids: &ExtensionIds, sequence: u64) {
        let header = Header::parse(sent).expect("RTP");
        let extensions = Extensions::read(sent, &header, ids);
        let payload = &sent[header.payload(sent).expect("no padding")];
        let facts = Codec::Vp8.facts(payload, header.marker).expect("VP8");
        let Header { timestamp, marker, payload_type, .. } = header;
        let carried = extensions.carried;
        let meta = Meta { sequence, arrival: Instant::now(), timestamp, marker, payload_type, facts, carried };
        assert!(cache.push(meta, payload, extensions.dependency));
    }

    #[test]
    fn a_packet_goes_from_one_negotiation_into_another_and_again_as_it_was() {
        let publisher = ids(&[(Extension::Mid, 4), (Extension::Orientation, 13)]);
        let subscriber = ids(&[(Extension::Mid, 1), (Extension::Orientation, 4), (Extension::TransportSequence, 13)]);
        let mut cache = Cache::new(History::VIDEO);
        take(&mut cache, &SENT, &publisher, 65_536 + 65_535);
        let packet = cache.get(65_536 + 65_535).expect("kept");
        let mut slot = Rewriter::new(90_000, Start { sequence: 7, timestamp: 100 });
        slot.begin(Instant::now(), 0, packet.meta, None).expect("nothing before it");
        let rewritten = slot.next(Instant::now(), 0, packet.meta, packet.meta.marker).expect("forwarded");

        let envelope = Envelope {
            payload_type: 45,
            ssrc: 1,
            ids: &subscriber,
            mid: b"17",
            transport_sequence: Some(0x0203),
            abs_send_time: Some(1),
            padding: 3,
        };
        let mut buffer = [0xaa; 100];
        let written = rewritten.write(&mut buffer, &packet, &envelope).expect("room");
        let out = &buffer[..written.len];
        let header = Header::parse(out).expect("RTP");
        assert_eq!((header.sequence, header.timestamp, header.ssrc, header.payload_type), (7, 100, 1, 45));
        assert_eq!((header.len, header.marker), (written.header_len, true));
        let extensions = Extensions::read(out, &header, &subscriber);
        assert_eq!((extensions.mid, extensions.transport_sequence), (&b"17"[..], Some(0x0203)));
        assert_eq!((extensions.carried.orientation, extensions.abs_send_time), (Some(1), None));
        let payload = &out[header.payload(out).expect("padding of three")];
        assert_eq!(payload, [0x90, 0xe0, 0x80, 0x01, 1, 0x40, 0x31, 1, 2, 3, 4], "with numbers of the slot");

        // Asked for again.
        let sent = slot.find(7).expect("sent");
        let again = cache.get(sent.source_sequence).expect("kept");
        let rtx = Envelope { payload_type: 46, ssrc: 2, transport_sequence: Some(0x0204), padding: 0, ..envelope };
        let mut buffer = [0xbb; 100];
        let written = sent.rewritten.write_rtx(&mut buffer, &again, &rtx, 500).expect("room");
        let out = &buffer[..written.len];
        let header = Header::parse(out).expect("RTP");
        assert_eq!((header.sequence, header.timestamp, header.ssrc, header.payload_type), (500, 100, 2, 46));
        assert_eq!(out[header.len..], [&[0, 7][..], payload].concat());
    }

    #[test]
    fn padding_stands_alone() {
        let none = ExtensionIds::default();
        let envelope = Envelope {
            payload_type: 45,
            ssrc: 1,
            ids: &none,
            mid: b"",
            transport_sequence: None,
            abs_send_time: None,
            padding: 0,
        };
        let rewritten = Rewritten { sequence: 1, timestamp: 2, marker: false, is_padding: true, patch: Default::default() };
        let mut buffer = [0xaa; 300];
        for (padding, len) in [(0, 13), (1, 13), (255, 267)] {
            let written = rewritten.write_padding(&mut buffer, &Envelope { padding, ..envelope }).expect("room");
            let header = Header::parse(&buffer[..written.len]).expect("RTP");
            assert_eq!((written.len, header.payload(&buffer[..written.len])), (len, Ok(12..12)));
        }
        assert_eq!(rewritten.write_padding(&mut buffer[..12], &envelope), None);
    }

    #[test]
    fn a_short_buffer_is_refused() {
        let publisher = ids(&[(Extension::Mid, 4)]);
        let mut cache = Cache::new(History::VIDEO);
        take(&mut cache, &SENT, &publisher, 1 << 16);
        let packet = cache.get(1 << 16).expect("kept");
        let rewritten = Rewritten { sequence: 1, timestamp: 2, marker: false, is_padding: false, patch: Default::default() };
        let envelope = Envelope {
            payload_type: 45,
            ssrc: 1,
            ids: &publisher,
            mid: b"1",
            transport_sequence: None,
            abs_send_time: None,
            padding: 2,
        };
        let mut buffer = [0; 100];
        let len = rewritten.write(&mut buffer, &packet, &envelope).expect("room").len;
        assert!((0..len).all(|short| rewritten.write(&mut buffer[..short], &packet, &envelope).is_none()));
        assert!((0..len + 2).all(|short| rewritten.write_rtx(&mut buffer[..short], &packet, &envelope, 1).is_none()));
    }
}
