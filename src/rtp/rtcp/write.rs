//! Owns the writing of RTCP into a slice: packets one after another, each whole or not at all.

use super::{
    BYE, DESCRIPTION, FORMAT_FIR, FORMAT_NACK, FORMAT_PLI, PAYLOAD_SPECIFIC, RECEIVER_REPORT, Report, SENDER_REPORT, SenderInfo,
    TRANSPORT_LAYER,
};

/// Most report blocks of one packet: the count has five bits.
const REPORTS_MAX: usize = 31;

/// Longest CNAME (RFC 3550 section 6.5: one byte of length).
const CNAME_BYTES_MAX: usize = 255;

/// Writes packets behind one another: a compound packet when a report and a CNAME come first, else one of reduced size
/// (RFC 5506). A packet that does not fit leaves no trace; its method says so.
#[derive(Debug)]
pub struct Writer<'a> {
    bytes: &'a mut [u8],
    len: usize,
}

impl<'a> Writer<'a> {
    /// Writes from the beginning of `bytes`.
    pub fn new(bytes: &'a mut [u8]) -> Self {
        Self { bytes, len: 0 }
    }

    /// Bytes written.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is written.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The room behind what is written, for a packet that another function writes; to be followed by [`Self::advance`].
    pub fn room(&mut self) -> &mut [u8] {
        &mut self.bytes[self.len..]
    }

    /// `len` bytes of the room are a packet now.
    pub fn advance(&mut self, len: usize) {
        self.len = (self.len + len).min(self.bytes.len());
    }

    /// A sender report; `reports` beyond 31 are left out.
    pub fn sender_report(&mut self, info: &SenderInfo, reports: &[Report]) -> bool {
        let reports = &reports[..reports.len().min(REPORTS_MAX)];
        self.packet(reports.len() as u8, SENDER_REPORT, |body| {
            body.word(info.ssrc)?;
            body.word((info.ntp >> 32) as u32)?;
            body.word(info.ntp as u32)?;
            body.word(info.rtp)?;
            body.word(info.packets)?;
            body.word(info.bytes)?;
            reports.iter().try_for_each(|report| body.report(report))
        })
    }

    /// A receiver report; `reports` beyond 31 are left out.
    pub fn receiver_report(&mut self, sender: u32, reports: &[Report]) -> bool {
        let reports = &reports[..reports.len().min(REPORTS_MAX)];
        self.packet(reports.len() as u8, RECEIVER_REPORT, |body| {
            body.word(sender)?;
            reports.iter().try_for_each(|report| body.report(report))
        })
    }

    /// A source description with nothing but the CNAME, which is cut at 255 bytes.
    pub fn description(&mut self, ssrc: u32, cname: &str) -> bool {
        let cname = &cname.as_bytes()[..cname.len().min(CNAME_BYTES_MAX)];
        self.packet(1, DESCRIPTION, |body| {
            body.word(ssrc)?;
            body.put(&[1, cname.len() as u8])?;
            body.put(cname)?;
            // The list ends with a zero byte, and with a whole word.
            body.put(&[0; 4][..4 - (cname.len() + 2) % 4])
        })
    }

    /// A generic NACK of as many of the sequence numbers, in ascending order, as fit; how many those are.
    pub fn nack(&mut self, sender: u32, media: u32, sequences: &[u16]) -> usize {
        let mut taken = 0;
        let written = self.packet(FORMAT_NACK, TRANSPORT_LAYER, |body| {
            body.word(sender)?;
            body.word(media)?;
            while let Some(first) = sequences.get(taken) {
                let mut mask = 0u16;
                let mut next = taken + 1;
                while let Some(distance) = sequences.get(next).map(|sequence| sequence.wrapping_sub(*first)) {
                    match distance {
                        0 => {}
                        1..=16 => mask |= 1 << (distance - 1),
                        _ => break,
                    }
                    next += 1;
                }
                if body.word(u32::from(*first) << 16 | u32::from(mask)).is_none() {
                    break;
                }
                taken = next;
            }
            (taken > 0).then_some(())
        });
        if written { taken } else { 0 }
    }

    /// A picture loss indication.
    pub fn pli(&mut self, sender: u32, media: u32) -> bool {
        self.packet(FORMAT_PLI, PAYLOAD_SPECIFIC, |body| {
            body.word(sender)?;
            body.word(media)
        })
    }

    /// A full intra request; a number that differs from the last one makes it another request.
    pub fn fir(&mut self, sender: u32, media: u32, number: u8) -> bool {
        self.packet(FORMAT_FIR, PAYLOAD_SPECIFIC, |body| {
            body.word(sender)?;
            body.word(0)?;
            body.word(media)?;
            body.word(u32::from(number) << 24)
        })
    }

    /// A goodbye of one source.
    pub fn bye(&mut self, ssrc: u32) -> bool {
        self.packet(1, BYE, |body| body.word(ssrc))
    }

    fn packet(&mut self, count: u8, payload_type: u8, write: impl FnOnce(&mut Body) -> Option<()>) -> bool {
        let room = &mut self.bytes[self.len..];
        let mut body = Body { bytes: room, len: 4 };
        if write(&mut body).is_none() {
            return false;
        }
        let len = body.len;
        let Some(head) = room.first_chunk_mut::<4>() else { return false };
        let words = (len / 4 - 1) as u16;
        *head = [0x80 | count, payload_type, (words >> 8) as u8, words as u8];
        self.len += len;
        true
    }
}

struct Body<'a> {
    bytes: &'a mut [u8],
    len: usize,
}

impl Body<'_> {
    fn put(&mut self, bytes: &[u8]) -> Option<()> {
        self.bytes.get_mut(self.len..self.len + bytes.len())?.copy_from_slice(bytes);
        self.len += bytes.len();
        Some(())
    }

    fn word(&mut self, word: u32) -> Option<()> {
        self.put(&word.to_be_bytes())
    }

    fn report(&mut self, report: &Report) -> Option<()> {
        let lost = report.lost.clamp(-0x80_0000, 0x7f_ffff) as u32 & 0xff_ffff;
        self.word(report.ssrc)?;
        self.word(u32::from(report.fraction_lost) << 24 | lost)?;
        self.word(report.highest)?;
        self.word(report.jitter)?;
        self.word(report.last_sender_report)?;
        self.word(report.delay)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Rtcp, walk};
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let mut bytes = [0; 512];
        let mut writer = Writer::new(&mut bytes);
        let info = SenderInfo { ssrc: 1, ntp: 0x0102_0304_0506_0708, rtp: 9, packets: 10, bytes: 11 };
        let report = Report { ssrc: 2, fraction_lost: 3, lost: -4, highest: 5, jitter: 6, last_sender_report: 7, delay: 8 };
        assert!(writer.sender_report(&info, &[report]) && writer.description(1, "name") && writer.receiver_report(1, &[report]));
        assert_eq!(writer.nack(1, 2, &[65_530, 65_535, 0, 10, 11, 400]), 6);
        assert!(writer.pli(1, 2) && writer.fir(1, 2, 3) && writer.bye(9));
        let len = writer.len();
        let read: Vec<_> = walk(&bytes[..len]).map(|packet| packet.expect("well formed")).collect();
        let [
            Rtcp::SenderReport(read_info, mut reports),
            Rtcp::Other(DESCRIPTION),
            Rtcp::ReceiverReport(1, mut more),
            Rtcp::Nack(nack),
            Rtcp::Pli(2),
            Rtcp::Fir(fir),
            Rtcp::Bye(mut gone),
        ] = read[..]
        else {
            panic!("{read:?}")
        };
        assert_eq!((read_info, reports.next(), more.next()), (info, Some(report), Some(report)));
        assert_eq!((nack.media, nack.sequences().collect::<Vec<_>>()), (2, vec![65_530, 65_535, 0, 10, 11, 400]));
        assert_eq!(fir.entries().collect::<Vec<_>>(), [(2, 3)]);
        assert_eq!(gone.next(), Some(9));
    }

    #[test]
    fn every_length_of_name_ends_with_a_zero_and_a_word() {
        for len in 0..9 {
            let mut bytes = [0xff; 64];
            let mut writer = Writer::new(&mut bytes);
            assert!(writer.description(1, &"abcdefgh"[..len]) && writer.pli(1, 2));
            let end = writer.len();
            assert_eq!(bytes[10 + len], 0);
            assert_eq!(walk(&bytes[..end]).last(), Some(Ok(Rtcp::Pli(2))));
        }
    }

    #[test]
    fn what_does_not_fit_leaves_no_trace() {
        let mut bytes = [0; 18];
        let mut writer = Writer::new(&mut bytes);
        assert!(writer.pli(1, 2));
        assert!(!writer.pli(1, 2) && !writer.fir(1, 2, 3) && writer.nack(1, 2, &[1]) == 0);
        assert_eq!(writer.len(), 12);
        let mut bytes = [0; 19];
        assert_eq!(Writer::new(&mut bytes).nack(1, 2, &[1, 2, 100, 200]), 2, "as many as fit");
    }
}
