//! Owns reading Opus packets from an Ogg file (RFC 3533, RFC 7845).
//!
//! The reader of the `rtc` family gives pages without their lacing, and encoders put up to a second of packets into one
//! page; this one gives packets. Checksums are not verified: a file is either played or looked into with better tools.

use bytes::{Bytes, BytesMut};

use super::{Frame, SourceError};

const PAGE_HEADER_BYTES: usize = 27;
const CONTINUED: u8 = 1;

/// Reads all packets of the first logical stream, which must be Opus; other streams in the file are skipped.
pub(super) fn read(file: &Bytes) -> Result<Vec<Frame>, SourceError> {
    let mut packets = packets(file)?.into_iter();
    if !packets.next().is_some_and(|head| head.starts_with(b"OpusHead")) {
        return Err(SourceError::NotOpus);
    }
    let media = packets.skip_while(|packet| packet.starts_with(b"OpusTags"));
    let frame = |(number, data): (usize, Bytes)| {
        let ticks = packet_ticks(&data).ok_or(SourceError::BadOpus(number))?;
        Ok(Frame { data, ticks, keyframe: true })
    };
    media.filter(|packet| !packet.is_empty()).enumerate().map(frame).collect()
}

struct Page {
    serial: u32,
    continued: bool,
    lacing: Bytes,
    body: Bytes,
}

fn next_page(rest: &mut Bytes) -> Option<Page> {
    let header: [u8; PAGE_HEADER_BYTES] = *rest.first_chunk()?;
    if !header.starts_with(b"OggS\0") {
        return None;
    }
    let serial = u32::from_le_bytes(*header[14..].first_chunk()?);
    let body_start = PAGE_HEADER_BYTES + usize::from(header[26]);
    let lacing = rest.get(PAGE_HEADER_BYTES..body_start)?;
    let body_end = body_start + lacing.iter().map(|bytes| usize::from(*bytes)).sum::<usize>();
    if body_end > rest.len() {
        return None;
    }
    let page = rest.split_to(body_end);
    let lacing = page.slice(PAGE_HEADER_BYTES..body_start);
    Some(Page { serial, continued: header[5] & CONTINUED != 0, lacing, body: page.slice(body_start..) })
}

/// Puts the segments of the first stream's pages together; a packet ends with a segment shorter than 255 bytes.
fn packets(file: &Bytes) -> Result<Vec<Bytes>, SourceError> {
    let mut rest = file.clone();
    let (mut serial, mut packets, mut packet) = (None, Vec::new(), BytesMut::new());
    while let Some(mut page) = next_page(&mut rest) {
        if *serial.get_or_insert(page.serial) != page.serial {
            continue;
        }
        if !page.continued {
            packet.clear();
        }
        for bytes in page.lacing.iter().copied() {
            packet.extend_from_slice(&page.body.split_to(usize::from(bytes)));
            if bytes < 255 {
                packets.push(packet.split().freeze());
            }
        }
    }
    if serial.is_some() { Ok(packets) } else { Err(SourceError::NotOgg) }
}

/// How long an Opus packet lasts, in ticks of 48 kHz (RFC 6716 sections 3.1 and 3.2.5): at most 120 ms.
fn packet_ticks(packet: &[u8]) -> Option<u32> {
    let toc = *packet.first()?;
    let frame_ticks = match toc >> 3 {
        config @ 0..12 => [480, 960, 1920, 2880][usize::from(config % 4)],
        config @ 12..16 => [480, 960][usize::from(config % 2)],
        config => [120, 240, 480, 960][usize::from(config % 4)],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(packet.get(1)? & 0x3f),
    };
    let ticks = frame_ticks * frames;
    (1..=5760).contains(&ticks).then_some(ticks)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A packet of 20 ms, CELT, one frame, with so many bytes.
    fn packet(bytes: usize) -> Vec<u8> {
        let mut packet = vec![0xf8];
        packet.resize(bytes, 7);
        packet
    }

    fn page(flags: u8, serial: u32, lacing: &[u8], body: &[u8]) -> Vec<u8> {
        let mut page = b"OggS\0".to_vec();
        page.push(flags);
        page.extend([0; 8]);
        page.extend(serial.to_le_bytes());
        page.extend([0; 8]);
        page.push(lacing.len() as u8);
        page.extend(lacing);
        page.extend(body);
        page
    }

    fn opus(pages: &[Vec<u8>]) -> Bytes {
        let head = [page(2, 1, &[8], b"OpusHead"), page(0, 1, &[8], b"OpusTags")];
        head.iter().chain(pages).flatten().copied().collect()
    }

    #[test]
    fn several_packets_of_one_page_are_told_apart() {
        let body = [packet(10), packet(20)].concat();
        let frames = read(&opus(&[page(0, 1, &[10, 20], &body)])).expect("a good file");
        assert_eq!(frames.iter().map(|frame| (frame.data.len(), frame.ticks)).collect::<Vec<_>>(), [(10, 960), (20, 960)]);
    }

    #[test]
    fn a_packet_may_go_on_in_the_next_page_and_other_streams_lie_between() {
        let long = packet(300);
        let pages = [page(0, 1, &[255], &long[..255]), page(2, 9, &[3], b"no!"), page(1, 1, &[45], &long[255..])];
        let frames = read(&opus(&pages)).expect("a good file");
        assert_eq!(frames.len(), 1);
        assert_eq!(&*frames[0].data, long);
    }

    #[test]
    fn the_table_of_contents_says_how_long_a_packet_lasts() {
        assert_eq!(packet_ticks(&[0]), Some(480)); // SILK, 10 ms
        assert_eq!(packet_ticks(&[3 << 3]), Some(2880)); // SILK, 60 ms
        assert_eq!(packet_ticks(&[13 << 3]), Some(960)); // hybrid, 20 ms
        assert_eq!(packet_ticks(&[16 << 3]), Some(120)); // CELT, 2.5 ms
        assert_eq!(packet_ticks(&[31 << 3 | 1]), Some(1920)); // two frames of 20 ms
        assert_eq!(packet_ticks(&[31 << 3 | 3, 3]), Some(2880)); // three
        assert_eq!(packet_ticks(&[31 << 3 | 3, 0]), None);
        assert_eq!(packet_ticks(&[31 << 3 | 3, 7]), None); // 140 ms
        assert_eq!(packet_ticks(&[31 << 3 | 3]), None);
        assert_eq!(packet_ticks(&[]), None);
    }

    #[test]
    fn other_files_are_refused() {
        assert!(matches!(read(&Bytes::from_static(b"DKIF")), Err(SourceError::NotOgg)));
        assert!(matches!(read(&page(2, 1, &[7], b"\x01vorbis").into()), Err(SourceError::NotOpus)));
        assert!(matches!(read(&opus(&[page(0, 1, &[1], &[0xfb])])), Err(SourceError::BadOpus(0))));
    }

    #[test]
    fn a_page_that_is_cut_off_ends_the_file() {
        let whole = opus(&[page(0, 1, &[10], &packet(10)), page(0, 1, &[10], &packet(10))]);
        assert_eq!(read(&whole.slice(..whole.len() - 1)).expect("the first packet is whole").len(), 1);
    }
}
