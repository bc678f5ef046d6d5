//! Owns the target for SCTP and DCEP: chunks for an association that is established, each packet with the right tag and checksum.

use std::time::{Duration, Instant};

use bytes::Bytes;
use visavis::limits::TEXT_FRAME_BYTES_MAX;
use visavis::sfu::{ChannelEvent, Channels};

use super::inputs;

/// No panic, no message over the bound, and an end to what is answered.
pub fn run(data: &[u8]) {
    let mut now = Instant::now();
    let (mut channels, tag) = established(now);
    for chunks in inputs(data) {
        let mut events = channels.handle(now, packet(tag, chunks));
        let mut sent = 0;
        channels.poll_transmit(now, |_| sent += 1);
        assert!(sent < 10_000);
        let _ = channels.send(now, false, true, &[7; 2000]);
        let _ = channels.send(now, true, false, b"{}");
        now += Duration::from_millis(300);
        events.extend(channels.handle_timeout(now));
        channels.poll_transmit(now, |_| {});
        for event in events {
            assert!(!matches!(event, ChannelEvent::Data { payload, .. } if payload.len() > TEXT_FRAME_BYTES_MAX));
        }
    }
}

/// An association after its handshake, and the tag that packets for it must have.
fn established(now: Instant) -> (Channels, u32) {
    let mut channels = Channels::new();
    // INIT: tag 1, a window of 1 MiB, 1024 streams, TSN 1; FORWARD-TSN and RE-CONFIG supported.
    let init = [
        &[1, 0, 0, 30, 0, 0, 0, 1, 0, 16, 0, 0, 4, 0, 4, 0, 0, 0, 0, 1][..],
        &[0xc0, 0, 0, 4, 0x80, 0x08, 0, 6, 0xc0, 0x82],
        &[0, 0],
    ];
    channels.handle(now, packet(0, &init.concat()));
    let mut answer = Vec::new();
    channels.poll_transmit(now, |packet| answer = packet.to_vec());
    let tag = u32::from_be_bytes(answer[16..20].try_into().expect("an INIT ACK"));
    let cookie = cookie(&answer[32..]).expect("an INIT ACK has a cookie");
    let mut echo = vec![10, 0];
    echo.extend((cookie.len() as u16 + 4).to_be_bytes());
    echo.extend(cookie);
    channels.handle(now, packet(tag, &echo));
    channels.poll_transmit(now, |packet| answer = packet.to_vec());
    assert_eq!(answer.get(12), Some(&11), "a COOKIE ACK: it is established");
    (channels, tag)
}

/// The State Cookie among the parameters of an INIT ACK.
fn cookie(mut parameters: &[u8]) -> Option<&[u8]> {
    loop {
        let (head, rest) = parameters.split_first_chunk::<4>()?;
        let len = usize::from(u16::from_be_bytes([head[2], head[3]])).checked_sub(4)?;
        if head[..2] == [0, 7] {
            return rest.get(..len);
        }
        parameters = rest.get(len.next_multiple_of(4)..)?;
    }
}

fn packet(tag: u32, chunks: &[u8]) -> Bytes {
    let mut packet = vec![0x13, 0x88, 0x13, 0x88];
    packet.extend(tag.to_be_bytes());
    packet.extend([0; 4]);
    packet.extend(chunks);
    let sum = crc32c(&packet);
    packet[8..12].copy_from_slice(&sum.to_le_bytes());
    packet.into()
}

/// CRC-32C, as SCTP has it (RFC 9260 appendix A).
fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
}
