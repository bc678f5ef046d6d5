//! Owns the target for header extensions: the first byte chooses the form of the block and the numbers of the extensions.

use visavis::rtp::{Extension, ExtensionIds, Extensions, Fields, Header, header_len_max, write_header};

/// Reads a block, writes what was read, and reads the same.
pub fn run(data: &[u8]) {
    let Some((choice, block)) = data.split_first() else { return };
    let block = &block[..block.len().min(1024) / 4 * 4];
    let profile = if choice & 1 == 0 { 0xbede_u16 } else { 0x1000 | u16::from(choice >> 4) };
    let mut ids = ExtensionIds::default();
    for (at, extension) in Extension::ALL.into_iter().enumerate() {
        ids.set(extension, at as u8 + if choice & 2 == 0 { 1 } else { 240 });
    }
    let mut packet = vec![0x90, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
    packet.extend(profile.to_be_bytes());
    packet.extend((block.len() as u16 / 4).to_be_bytes());
    packet.extend(block);
    let header = Header::parse(&packet).expect("as it was made");
    let read = Extensions::read(&packet, &header, &ids);

    let mut written = vec![0xaa; header_len_max(read.dependency.len())];
    let len = write_header(&mut written, &Fields::default(), &read, &ids).expect("there is room for all");
    let header = Header::parse(&written[..len]).expect("as it was written");
    let again = Extensions::read(&written[..len], &header, &ids);
    // Longer names are not ours, and are not passed on.
    let short = |name: &'_ [u8]| name.len() <= 16;
    let of_ours = Extensions {
        mid: Some(read.mid).filter(|mid| short(mid)).unwrap_or(b""),
        rid: Some(read.rid).filter(|rid| short(rid)).unwrap_or(b""),
        repaired_rid: Some(read.repaired_rid).filter(|rid| short(rid)).unwrap_or(b""),
        ..read
    };
    assert_eq!(again, of_ours);
}
