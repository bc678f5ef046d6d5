//! Owns the target for the heads of RTP packets.

use visavis::rtp::{ExtensionIds, Extensions, Fields, Header, write_header};

/// Reads a head, and writes one that says the same.
pub fn run(data: &[u8]) {
    let Ok(header) = Header::parse(data) else { return };
    assert!(header.len <= data.len());
    assert_eq!(header.extension_block(data).len(), header.extension_len);
    if let Ok(payload) = header.payload(data) {
        assert!(payload.start == header.len && payload.end <= data.len());
    }
    let Header { marker, payload_type, sequence, timestamp, ssrc, has_padding, .. } = header;
    let fields = Fields { marker, payload_type, sequence, timestamp, ssrc, has_padding };
    let mut written = [0; 12];
    assert_eq!(write_header(&mut written, &fields, &Extensions::default(), &ExtensionIds::default()), Some(12));
    assert_eq!(written[1..], data[1..12]);
    assert_eq!(written[0], data[0] & 0xe0);
}
