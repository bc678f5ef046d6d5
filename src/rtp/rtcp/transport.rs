//! Owns the feedback packet of transport-wide congestion control (draft-holmer-rmcat-transport-wide-cc-extensions-01): its two directions.

use super::{FORMAT_TRANSPORT, RtcpError, TRANSPORT_LAYER, word};

/// Statuses in one feedback that are read. A run says 8191 in two bytes, so a short packet could ask for much work: more is an
/// error. 2048 packets in 100 ms are beyond 200 Mbit/s.
const STATUSES_MAX: u16 = 2048;

/// Bytes before the chunks: the common head, two names, base, count, reference time, number.
const HEAD_BYTES: usize = 20;

/// Ticks of 250 µs in one unit of the reference time (64 ms).
const REFERENCE_TICKS: i64 = 256;

/// A feedback packet: which of the packets numbered from `base` arrived, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransportFeedback<'a> {
    /// A stream of the sender's: libwebrtc ignores feedback that names none.
    pub media: u32,
    /// The first sequence number that it is about.
    pub base: u16,
    /// How many it is about.
    pub count: u16,
    /// The receiver's time that deltas count from, in units of 64 ms; 24 bits that wrap.
    pub reference: u32,
    /// Which feedback of the receiver's it is; wraps.
    pub number: u8,
    chunks: &'a [u8],
    deltas: &'a [u8],
}

impl<'a> TransportFeedback<'a> {
    /// Reads the body of a packet (behind the common head), and makes sure that it holds what it says.
    pub(super) fn decode(body: &'a [u8]) -> Result<Self, RtcpError> {
        let media = word(body, 4).ok_or(RtcpError::Short)?;
        let numbers = word(body, 8).ok_or(RtcpError::Short)?;
        let time = word(body, 12).ok_or(RtcpError::Short)?;
        let rest = body.get(16..).ok_or(RtcpError::Short)?;
        let count = numbers as u16;
        if count > STATUSES_MAX {
            return Err(RtcpError::Content);
        }
        let (mut chunks_len, mut deltas_len, mut left) = (0, 0, count);
        while left > 0 {
            let chunk = chunk_at(rest, chunks_len).ok_or(RtcpError::Short)?;
            let here = capacity(chunk).min(left);
            if here == 0 {
                return Err(RtcpError::Content);
            }
            deltas_len += match chunk >> 15 {
                0 => usize::from(here) * delta_len(symbol(chunk, 0)),
                _ => (0..here).map(|at| delta_len(symbol(chunk, at))).sum::<usize>(),
            };
            chunks_len += 2;
            left -= here;
        }
        let (chunks, deltas) = rest.split_at_checked(chunks_len).ok_or(RtcpError::Short)?;
        let deltas = deltas.get(..deltas_len).ok_or(RtcpError::Short)?;
        Ok(Self { media, base: (numbers >> 16) as u16, count, reference: time >> 8, number: time as u8, chunks, deltas })
    }

    /// Each sequence number, with its arrival in ticks of 250 µs after the reference time; none for one that has not arrived.
    pub fn statuses(&self) -> Statuses<'a> {
        Statuses { chunks: self.chunks, deltas: self.deltas, at: 0, left: self.count, sequence: self.base, ticks: 0 }
    }
}

/// See [`TransportFeedback::statuses`].
#[derive(Debug, Clone)]
pub struct Statuses<'a> {
    chunks: &'a [u8],
    deltas: &'a [u8],
    at: u16,
    left: u16,
    sequence: u16,
    ticks: i64,
}

impl Iterator for Statuses<'_> {
    type Item = (u16, Option<i64>);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let mut chunk = chunk_at(self.chunks, 0)?;
        if self.at == capacity(chunk) {
            self.chunks = self.chunks.get(2..)?;
            self.at = 0;
            chunk = chunk_at(self.chunks, 0)?;
        }
        let len = delta_len(symbol(chunk, self.at));
        let (delta, rest) = self.deltas.split_at_checked(len)?;
        self.deltas = rest;
        self.ticks += match *delta {
            [small] => i64::from(small),
            [high, low] => i64::from(i16::from_be_bytes([high, low])),
            _ => 0,
        };
        self.at += 1;
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        Some((sequence, (len > 0).then_some(self.ticks)))
    }
}

fn chunk_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk::<2>().map(|chunk| u16::from_be_bytes(*chunk))
}

/// How many statuses a chunk can hold: a run of one, 14 bits, or 7 pairs of bits.
fn capacity(chunk: u16) -> u16 {
    match chunk >> 14 {
        0 | 1 => chunk & 0x1fff,
        2 => 14,
        _ => 7,
    }
}

/// 0: not received; 1: a small delta; 2: a large one; 3: reserved, taken as not received.
fn symbol(chunk: u16, at: u16) -> u16 {
    match chunk >> 14 {
        0 | 1 => chunk >> 13 & 3,
        2 => chunk >> 13u16.saturating_sub(at) & 1,
        _ => chunk >> (12u16.saturating_sub(2 * at)) & 3,
    }
}

fn delta_len(symbol: u16) -> usize {
    match symbol {
        1 => 1,
        2 => 2,
        _ => 0,
    }
}

/// Writes a feedback about the packets from `base` on: `arrival` tells when each arrived, in ticks of 250 µs of any clock.
/// It goes as far as `count`, the room and the range of a delta allow; yields its length in bytes and how many packets it is about.
/// None when there is no room, or none of them arrived.
pub fn write_transport_feedback(
    out: &mut [u8],
    sender: u32,
    media: u32,
    number: u8,
    base: u16,
    count: u16,
    arrival: impl Fn(u16) -> Option<i64>,
) -> Option<(usize, u16)> {
    let reference = (0..count).find_map(&arrival)?.div_euclid(REFERENCE_TICKS);
    let count = covered(out.len(), reference, count, &arrival)?;
    let mut last = reference * REFERENCE_TICKS;
    let symbols = {
        let arrival = &arrival;
        // The symbol of each packet depends on the last that arrived before it, so they are made in order, twice.
        move || {
            let mut last = reference * REFERENCE_TICKS;
            (0..count).map(move |at| {
                let Some(ticks) = arrival(at) else { return 0u16 };
                let delta = ticks - last;
                last = ticks;
                if (0..=255).contains(&delta) { 1 } else { 2 }
            })
        }
    };
    let mut len = HEAD_BYTES;
    let mut pending = Pending::default();
    for symbol in symbols() {
        while !pending.takes(symbol) {
            len += put(out, len, &pending.emit().to_be_bytes())?;
        }
        pending.push(symbol);
    }
    while pending.len > 0 {
        len += put(out, len, &pending.emit().to_be_bytes())?;
    }
    for at in 0..count {
        let Some(ticks) = arrival(at) else { continue };
        let delta = ticks - last;
        last = ticks;
        len += match u8::try_from(delta) {
            Ok(small) => put(out, len, &[small])?,
            Err(_) => put(out, len, &i16::try_from(delta).ok()?.to_be_bytes())?,
        };
    }
    let padding = (4 - len % 4) % 4;
    len += put(out, len, &[[0, 0, 0, 0], [1, 0, 0, 0], [0, 2, 0, 0], [0, 0, 3, 0]][padding][..padding])?;
    let words = (len / 4 - 1) as u16;
    let flags = 0x80 | FORMAT_TRANSPORT | if padding > 0 { 0x20 } else { 0 };
    put(out, 0, &[flags, TRANSPORT_LAYER, (words >> 8) as u8, words as u8])?;
    put(out, 4, &sender.to_be_bytes())?;
    put(out, 8, &media.to_be_bytes())?;
    put(out, 12, &base.to_be_bytes())?;
    put(out, 14, &count.to_be_bytes())?;
    put(out, 16, &((reference as u32) << 8 | u32::from(number)).to_be_bytes())?;
    Some((len, count))
}

/// How many packets one feedback can be about.
fn covered(room: usize, reference: i64, count: u16, arrival: &impl Fn(u16) -> Option<i64>) -> Option<u16> {
    let (mut last, mut deltas, mut covered) = (reference * REFERENCE_TICKS, 0, 0);
    for at in 0..count.min(STATUSES_MAX) {
        if let Some(ticks) = arrival(at) {
            let delta = ticks - last;
            if i16::try_from(delta).is_err() {
                break;
            }
            deltas += if (0..=255).contains(&delta) { 1 } else { 2 };
            last = ticks;
        }
        // Chunks of 7 are the worst case, and up to 3 bytes of padding.
        let chunks = (usize::from(at) / 7 + 2) * 2;
        if HEAD_BYTES + chunks + deltas + 3 > room {
            break;
        }
        covered = at + 1;
    }
    (covered > 0).then_some(covered)
}

fn put(out: &mut [u8], at: usize, bytes: &[u8]) -> Option<usize> {
    out.get_mut(at..at + bytes.len())?.copy_from_slice(bytes);
    Some(bytes.len())
}

/// Symbols that have yet to become a chunk.
#[derive(Default)]
struct Pending {
    symbols: [u16; 14],
    len: u16,
    is_uniform: bool,
    has_large: bool,
}

impl Pending {
    fn takes(&self, symbol: u16) -> bool {
        let continues_run = self.is_uniform && self.symbols[0] == symbol && self.len < 0x1fff;
        self.len == 0 || continues_run || self.len < 7 || (self.len < 14 && !self.has_large && symbol != 2)
    }

    fn push(&mut self, symbol: u16) {
        self.is_uniform = self.len == 0 || (self.is_uniform && self.symbols[0] == symbol);
        self.has_large |= symbol == 2;
        if let Some(place) = self.symbols.get_mut(usize::from(self.len)) {
            *place = symbol;
        }
        self.len += 1;
    }

    /// The chunk of as many symbols as one holds; the rest stays.
    fn emit(&mut self) -> u16 {
        if self.is_uniform {
            let chunk = self.symbols[0] << 13 | self.len;
            *self = Self::default();
            return chunk;
        }
        // A vector that is not the last must be full, so 8 to 13 small ones go as 7 pairs of bits.
        let (take, width, kind) = if self.has_large || self.len < 14 { (7, 2, 0xc000) } else { (14, 1, 0x8000) };
        let mut chunk = kind;
        let taken = self.len.min(take);
        for (at, symbol) in self.symbols[..usize::from(taken)].iter().enumerate() {
            chunk |= symbol << (14 - width * (at as u16 + 1));
        }
        let mut rest = Self::default();
        for symbol in &self.symbols[usize::from(taken)..usize::from(self.len)] {
            rest.push(*symbol);
        }
        *self = rest;
        chunk
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Rtcp, walk};
    use super::*;

    fn round_trip(arrivals: &[Option<i64>]) -> Vec<Option<i64>> {
        let mut out = [0; 1200];
        let arrival = |at: u16| arrivals[usize::from(at)];
        let count = arrivals.len() as u16;
        let Some((len, covered)) = write_transport_feedback(&mut out, 1, 2, 3, 65_530, count, arrival) else { return vec![] };
        assert_eq!(len % 4, 0);
        let Some(Ok(Rtcp::Transport(feedback))) = walk(&out[..len]).next() else { panic!("{:?}", walk(&out[..len]).next()) };
        assert_eq!((feedback.base, feedback.number, feedback.count), (65_530, 3, covered));
        let reference = i64::from(feedback.reference) * REFERENCE_TICKS;
        let mut expected = 65_530u16;
        feedback
            .statuses()
            .map(|(sequence, ticks)| {
                assert_eq!(sequence, expected);
                expected = expected.wrapping_add(1);
                ticks.map(|ticks| ticks + reference)
            })
            .collect()
    }

    #[test]
    fn another_library_reads_what_is_written() {
        use rtc_rtcp::transport_feedbacks::transport_layer_cc::TransportLayerCc;
        use rtc_shared::marshal::Unmarshal;

        let arrivals: Vec<_> = (0..40).map(|at| (at % 5 != 3).then_some(1000 + at * if at > 20 { 300 } else { 3 })).collect();
        let mut out = [0; 1200];
        let (len, _) = write_transport_feedback(&mut out, 1, 2, 3, 7, 40, |at| arrivals[usize::from(at)]).expect("room");
        let read = TransportLayerCc::unmarshal(&mut &out[..len]).expect("well formed");
        assert_eq!((read.base_sequence_number, read.packet_status_count, read.fb_pkt_count), (7, 40, 3));
        let mut at = i64::from(read.reference_time) * REFERENCE_TICKS;
        let times: Vec<_> = read
            .recv_deltas
            .iter()
            .map(|delta| {
                at += delta.delta / 250;
                at
            })
            .collect();
        assert_eq!(times, arrivals.iter().flatten().copied().collect::<Vec<_>>());
    }

    #[test]
    fn a_run_of_ten_thousand_is_refused() {
        let mut bytes = [0u8; 24];
        bytes[..4].copy_from_slice(&[0x8f, 205, 0, 5]);
        bytes[14..16].copy_from_slice(&5000u16.to_be_bytes());
        bytes[20..22].copy_from_slice(&5000u16.to_be_bytes());
        assert_eq!(walk(&bytes).next(), Some(Err(RtcpError::Content)));
        bytes[14..16].copy_from_slice(&2000u16.to_be_bytes());
        let Some(Ok(Rtcp::Transport(feedback))) = walk(&bytes).next() else { panic!("short enough") };
        assert_eq!(feedback.statuses().count(), 2000);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            steps in proptest::collection::vec(proptest::option::weighted(0.8, -300i64..600), 1..300),
            start in 0i64..1_000_000,
        ) {
            let mut now = start + 100_000;
            let arrivals: Vec<_> = steps.iter().map(|step| step.map(|step| { now += step; now })).collect();
            let read = round_trip(&arrivals);
            prop_assert_eq!(&read[..], &arrivals[..read.len()]);
            prop_assert!(!read.is_empty() || arrivals.iter().all(Option::is_none));
        }
    }
}
