//! Owns the target for RTCP behind its protection.

use visavis::rtp::rtcp::{Rtcp, walk};

/// Walks over the packets: no panic, and no more values than the bytes can hold.
pub fn run(data: &[u8]) {
    for packet in walk(data).flatten() {
        match packet {
            Rtcp::SenderReport(_, reports) | Rtcp::ReceiverReport(_, reports) => assert!(reports.count() <= 31),
            Rtcp::Nack(nack) => assert!(nack.sequences().count() <= data.len() * 17 / 4),
            Rtcp::Fir(fir) => assert!(fir.entries().count() <= data.len()),
            Rtcp::Transport(feedback) => assert_eq!(feedback.statuses().count(), usize::from(feedback.count)),
            Rtcp::Bye(sources) => assert!(sources.count() <= 31),
            Rtcp::Remb(_) | Rtcp::Pli(_) | Rtcp::Other(_) => {}
        }
    }
}
