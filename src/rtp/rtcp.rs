//! Owns the reading of RTCP (RFC 3550 section 6): a walk over a compound packet that yields closed, borrowed values and allocates nothing.

mod transport;
mod write;

pub use transport::{Statuses, TransportFeedback, write_transport_feedback};
pub use write::Writer;

/// Payload types (RFC 3550 section 12.1, RFC 4585 section 6.1).
const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const DESCRIPTION: u8 = 202;
const BYE: u8 = 203;
const TRANSPORT_LAYER: u8 = 205;
const PAYLOAD_SPECIFIC: u8 = 206;

/// Formats of feedback (RFC 4585, RFC 5104, draft-alvestrand-rmcat-remb, draft-holmer-rmcat-transport-wide-cc-extensions).
const FORMAT_NACK: u8 = 1;
const FORMAT_TRANSPORT: u8 = 15;
const FORMAT_PLI: u8 = 1;
const FORMAT_FIR: u8 = 4;
const FORMAT_APPLICATION: u8 = 15;

/// Bytes of one report block.
const REPORT_BYTES: usize = 24;

/// Why bytes are not RTCP. Each is for a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RtcpError {
    /// Shorter than its header says, or too short for its kind.
    #[error("shorter than its header says")]
    Short,
    /// Not version 2.
    #[error("not RTCP version 2")]
    Version,
    /// What it says of its own content does not fit it.
    #[error("content that contradicts itself")]
    Content,
}

/// One packet of a compound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rtcp<'a> {
    /// SR: what a sender has sent, and what it has received.
    SenderReport(SenderInfo, Reports<'a>),
    /// RR: what the receiver of this name has received.
    ReceiverReport(u32, Reports<'a>),
    /// Generic NACK (RFC 4585 section 6.2.1).
    Nack(Nack<'a>),
    /// PLI: the stream of this ssrc needs a keyframe (RFC 4585 section 6.3.1).
    Pli(u32),
    /// FIR (RFC 5104 section 4.3.1).
    Fir(Fir<'a>),
    /// REMB: the receiver believes that it can be sent so many bits per second.
    Remb(u64),
    /// Feedback of transport-wide congestion control.
    Transport(TransportFeedback<'a>),
    /// BYE: these sources are gone.
    Bye(Sources<'a>),
    /// Another kind, by payload type; well-formed as far as its length goes.
    Other(u8),
}

/// The part of a sender report about the sender (RFC 3550 section 6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SenderInfo {
    /// The stream.
    pub ssrc: u32,
    /// NTP time, 32.32 bits of seconds since 1900.
    pub ntp: u64,
    /// The same moment in the stream's clock.
    pub rtp: u32,
    /// Packets sent so far.
    pub packets: u32,
    /// Bytes of payload sent so far.
    pub bytes: u32,
}

/// A report block (RFC 3550 section 6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report {
    /// The stream that it is about.
    pub ssrc: u32,
    /// Packets lost since the last report, in 256ths of those expected.
    pub fraction_lost: u8,
    /// Packets lost so far, 24 bits with sign.
    pub lost: i32,
    /// The highest sequence number, with its cycles in the upper half.
    pub highest: u32,
    /// Interarrival jitter in units of the stream's clock.
    pub jitter: u32,
    /// The middle 32 bits of the NTP time of the last sender report; 0 for none.
    pub last_sender_report: u32,
    /// Since then, in 65536ths of a second.
    pub delay: u32,
}

/// The report blocks of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reports<'a>(&'a [u8]);

impl Iterator for Reports<'_> {
    type Item = Report;

    fn next(&mut self) -> Option<Report> {
        let (block, rest) = self.0.split_first_chunk::<REPORT_BYTES>()?;
        self.0 = rest;
        let lost = word(block, 4)?;
        Some(Report {
            ssrc: word(block, 0)?,
            fraction_lost: block[4],
            lost: ((lost << 8) as i32) >> 8,
            highest: word(block, 8)?,
            jitter: word(block, 12)?,
            last_sender_report: word(block, 16)?,
            delay: word(block, 20)?,
        })
    }
}

/// A NACK: the stream, and which sequence numbers are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nack<'a> {
    /// The stream that they are missing in.
    pub media: u32,
    entries: &'a [u8],
}

impl<'a> Nack<'a> {
    /// The missing sequence numbers, 17 at most for each four bytes.
    pub fn sequences(&self) -> impl Iterator<Item = u16> + use<'a> {
        self.entries.chunks_exact(4).flat_map(|entry| {
            let first = u16::from_be_bytes([entry[0], entry[1]]);
            let mask = u32::from(u16::from_be_bytes([entry[2], entry[3]])) << 1 | 1;
            (0..17u16).filter(move |bit| mask >> bit & 1 == 1).map(move |bit| first.wrapping_add(bit))
        })
    }
}

/// A full intra request: streams, each with the request's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fir<'a>(&'a [u8]);

impl<'a> Fir<'a> {
    /// The streams that need a keyframe, with the number of the request: the same number is the same request.
    pub fn entries(&self) -> impl Iterator<Item = (u32, u8)> + use<'a> {
        self.0.chunks_exact(8).map(|entry| (u32::from_be_bytes([entry[0], entry[1], entry[2], entry[3]]), entry[4]))
    }
}

/// The sources of a BYE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sources<'a>(&'a [u8]);

impl Iterator for Sources<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let (ssrc, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*ssrc))
    }
}

/// Walks over a compound packet, or one of reduced size (RFC 5506). After an error it ends; what came before it counts.
#[derive(Debug, Clone, Copy)]
pub struct Walk<'a>(&'a [u8]);

/// Walks over the packets of a datagram.
pub fn walk(datagram: &[u8]) -> Walk<'_> {
    Walk(datagram)
}

impl<'a> Iterator for Walk<'a> {
    type Item = Result<Rtcp<'a>, RtcpError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let (read, rest) = match split(self.0) {
            Ok((head, body, rest)) => (decode(head[0] & 0x1f, head[1], body), rest),
            Err(error) => (Err(error), &[][..]),
        };
        self.0 = if read.is_ok() { rest } else { &[] };
        Some(read)
    }
}

/// The head of a packet, its body without padding, and what follows it.
type Split<'a> = ([u8; 4], &'a [u8], &'a [u8]);

fn split(bytes: &[u8]) -> Result<Split<'_>, RtcpError> {
    let (head, rest) = bytes.split_first_chunk::<4>().ok_or(RtcpError::Short)?;
    if head[0] >> 6 != 2 {
        return Err(RtcpError::Version);
    }
    let len = usize::from(u16::from_be_bytes([head[2], head[3]])) * 4;
    let (body, rest) = rest.split_at_checked(len).ok_or(RtcpError::Short)?;
    let padding = if head[0] & 0x20 == 0 { 0 } else { usize::from(*body.last().ok_or(RtcpError::Content)?).max(1) };
    let body = body.get(..body.len().checked_sub(padding).ok_or(RtcpError::Content)?).ok_or(RtcpError::Content)?;
    Ok((*head, body, rest))
}

fn decode(count: u8, payload_type: u8, body: &[u8]) -> Result<Rtcp<'_>, RtcpError> {
    let from = |at: usize| body.get(at..).ok_or(RtcpError::Short);
    let field = |at: usize| word(body, at).ok_or(RtcpError::Short);
    let reports = |at: usize| {
        let blocks = body.get(at..at + usize::from(count) * REPORT_BYTES).ok_or(RtcpError::Short)?;
        Ok::<_, RtcpError>(Reports(blocks))
    };
    Ok(match (payload_type, count) {
        (SENDER_REPORT, _) => {
            let info = SenderInfo {
                ssrc: field(0)?,
                ntp: u64::from(field(4)?) << 32 | u64::from(field(8)?),
                rtp: field(12)?,
                packets: field(16)?,
                bytes: field(20)?,
            };
            Rtcp::SenderReport(info, reports(24)?)
        }
        (RECEIVER_REPORT, _) => Rtcp::ReceiverReport(field(0)?, reports(4)?),
        (TRANSPORT_LAYER, FORMAT_NACK) => Rtcp::Nack(Nack { media: field(4)?, entries: from(8)? }),
        (TRANSPORT_LAYER, FORMAT_TRANSPORT) => Rtcp::Transport(TransportFeedback::decode(body)?),
        (PAYLOAD_SPECIFIC, FORMAT_PLI) => Rtcp::Pli(field(4)?),
        (PAYLOAD_SPECIFIC, FORMAT_FIR) => Rtcp::Fir(Fir(from(8)?)),
        (PAYLOAD_SPECIFIC, FORMAT_APPLICATION) if body.get(8..12) == Some(b"REMB") => {
            let value = field(12)? & 0xff_ffff;
            // Six bits of exponent can say more than 64 bits hold: then it is "as much as you like".
            let mantissa = u64::from(value & 0x3_ffff);
            Rtcp::Remb(u64::try_from(u128::from(mantissa) << (value >> 18)).unwrap_or(u64::MAX))
        }
        (BYE, _) => Rtcp::Bye(Sources(body.get(..usize::from(count) * 4).ok_or(RtcpError::Short)?)),
        (other, _) => Rtcp::Other(other),
    })
}

/// The big-endian word at a byte offset.
fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk::<4>().map(|word| u32::from_be_bytes(*word))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_kinds_are_read_as_other_libraries_write_them() {
        use rtc_rtcp::payload_feedbacks::receiver_estimated_maximum_bitrate::ReceiverEstimatedMaximumBitrate;
        use rtc_rtcp::receiver_report::ReceiverReport;
        use rtc_rtcp::reception_report::ReceptionReport;
        use rtc_shared::marshal::Marshal;

        let report = ReceptionReport {
            ssrc: 7,
            fraction_lost: 64,
            total_lost: 300,
            last_sequence_number: 0x1_0002,
            jitter: 9,
            last_sender_report: 10,
            delay: 11,
        };
        let bytes = ReceiverReport { ssrc: 5, reports: vec![report], ..Default::default() }.marshal().expect("fits");
        let Some(Ok(Rtcp::ReceiverReport(5, mut reports))) = walk(&bytes).next() else { panic!("an RR") };
        let expected =
            Report { ssrc: 7, fraction_lost: 64, lost: 300, highest: 0x1_0002, jitter: 9, last_sender_report: 10, delay: 11 };
        assert_eq!((reports.next(), reports.next()), (Some(expected), None));

        let bytes = ReceiverEstimatedMaximumBitrate { sender_ssrc: 1, bitrate: 1_500_000.0, ssrcs: vec![2] };
        let bytes = bytes.marshal().expect("fits");
        let Some(Ok(Rtcp::Remb(bitrate))) = walk(&bytes).next() else { panic!("a REMB") };
        assert!((1_490_000..=1_500_000).contains(&bitrate), "{bitrate}");
    }

    #[test]
    fn an_absurd_remb_saturates() {
        let mut bytes = [0u8; 24];
        bytes[..4].copy_from_slice(&[0x8f, 206, 0, 5]);
        bytes[12..16].copy_from_slice(b"REMB");
        bytes[16..20].copy_from_slice(&[1, 0xff, 0xff, 0xff]);
        assert_eq!(walk(&bytes).next(), Some(Ok(Rtcp::Remb(u64::MAX))));
    }

    #[test]
    fn a_walk_ends_at_the_first_error_and_keeps_what_came_before() {
        let mut bytes = [0u8; 64];
        let mut writer = Writer::new(&mut bytes);
        writer.pli(1, 2);
        let len = writer.len();
        bytes[len..len + 4].copy_from_slice(&[0x81, 201, 0, 200]);
        let read: Vec<_> = walk(&bytes[..len + 4]).collect();
        assert_eq!(read, [Ok(Rtcp::Pli(2)), Err(RtcpError::Short)]);
        assert_eq!(walk(&[0, 200, 0, 0]).next(), Some(Err(RtcpError::Version)));
        assert_eq!(walk(&[0xa0, 200, 0, 0]).next(), Some(Err(RtcpError::Content)), "padding without a body");
        assert_eq!(walk(&[0x80, DESCRIPTION, 0, 0]).next(), Some(Ok(Rtcp::Other(DESCRIPTION))));
    }

    proptest! {
        #[test]
        fn nothing_from_the_network_panics(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), kind in 200u8..208) {
            if bytes.len() > 4 {
                let words = (bytes.len() / 4 - 1) as u16;
                bytes[0] = 0x80 | bytes[0] & 0x3f;
                bytes[1] = kind;
                bytes[2..4].copy_from_slice(&words.to_be_bytes());
            }
            for packet in walk(&bytes).flatten() {
                match packet {
                    Rtcp::SenderReport(_, reports) | Rtcp::ReceiverReport(_, reports) => prop_assert!(reports.count() <= 31),
                    Rtcp::Nack(nack) => prop_assert!(nack.sequences().count() <= bytes.len() * 17 / 4),
                    Rtcp::Fir(fir) => prop_assert!(fir.entries().count() <= bytes.len()),
                    Rtcp::Transport(feedback) => prop_assert_eq!(feedback.statuses().count(), usize::from(feedback.count)),
                    Rtcp::Bye(sources) => prop_assert!(sources.count() <= 31),
                    Rtcp::Remb(_) | Rtcp::Pli(_) | Rtcp::Other(_) => {}
                }
            }
        }
    }
}
