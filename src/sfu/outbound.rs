//! Owns what a shard is about to send: datagrams one after another in one buffer, gathered into runs that one call can send.

use super::tuple::Tuple;

/// Bytes of datagrams that wait at most. At the bound the shard sends what there is, and goes on.
pub const OUTBOUND_BYTES: usize = 256 * 1024;

/// Most segments of one run. More would leave a burst at the receiver's access link, and gain little: the cost of a send is
/// about 1.2 µs a packet and 3.5 µs a call.
pub const SEGMENTS_MAX: usize = 10;

/// Most bytes of one run: the payload of a UDP datagram over IPv6, without jumbograms.
const RUN_BYTES_MAX: usize = 65_487;

/// Datagrams of equal size to one destination, of which the last may be shorter (UDP GSO, `UDP_SEGMENT`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Where they go, and from which address.
    pub tuple: Tuple,
    /// Where they begin in the buffer.
    pub start: usize,
    /// Their bytes together.
    pub len: usize,
    /// Bytes of each but the last; equal to `len` when there is only one.
    pub segment: usize,
    /// How many there are.
    pub count: usize,
}

impl Run {
    fn takes(&self, tuple: Tuple, len: usize) -> bool {
        let is_open = self.len == self.segment * self.count;
        let has_room = self.count < SEGMENTS_MAX && self.len + len <= RUN_BYTES_MAX;
        self.tuple == tuple && is_open && has_room && len <= self.segment
    }
}

/// What waits to be sent.
#[derive(Debug)]
pub struct Outbound {
    bytes: Box<[u8]>,
    used: usize,
    runs: Vec<Run>,
    reserved: Option<Tuple>,
}

impl Default for Outbound {
    fn default() -> Self {
        Self { bytes: vec![0; OUTBOUND_BYTES].into(), used: 0, runs: Vec::with_capacity(256), reserved: None }
    }
}

impl Outbound {
    /// The runs, in the order in which they are to be sent.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// The datagrams of a run.
    pub fn bytes_of(&self, run: &Run) -> &[u8] {
        &self.bytes[run.start..run.start + run.len]
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Forgets everything: it has been sent.
    pub fn clear(&mut self) {
        self.used = 0;
        self.runs.clear();
        self.reserved = None;
    }

    /// Room for one datagram of at most `len` bytes, to be written and then committed; none when the buffer is full.
    pub fn reserve(&mut self, tuple: Tuple, len: usize) -> Option<&mut [u8]> {
        let room = self.bytes.get_mut(self.used..self.used + len)?;
        self.reserved = Some(tuple);
        Some(room)
    }

    /// The size that the next datagram to `tuple` should have to join the present run; none when it begins one of its own.
    pub fn segment(&self, tuple: Tuple) -> Option<usize> {
        self.runs.last().filter(|run| run.takes(tuple, 0)).map(|run| run.segment)
    }

    /// The first `len` bytes of what was reserved last are a datagram. Without a reservation, or for 0, nothing happens.
    pub fn commit(&mut self, len: usize) {
        let Some(tuple) = self.reserved.take().filter(|_| len > 0) else { return };
        match self.runs.last_mut().filter(|run| run.takes(tuple, len)) {
            Some(run) => {
                run.len += len;
                run.count += 1;
            }
            None => self.runs.push(Run { tuple, start: self.used, len, segment: len, count: 1 }),
        }
        self.used += len;
    }

    /// Adds one datagram; false when the buffer is full.
    pub fn push(&mut self, tuple: Tuple, datagram: &[u8]) -> bool {
        let Some(room) = self.reserve(tuple, datagram.len()) else { return false };
        room.copy_from_slice(datagram);
        self.commit(datagram.len());
        true
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use super::super::tuple::Protocol;
    use super::*;

    fn tuple(port: u16) -> Tuple {
        let local = Ipv4Addr::LOCALHOST.into();
        Tuple { protocol: Protocol::Udp, local, remote: SocketAddr::new(local, port) }
    }

    fn lengths(outbound: &Outbound) -> Vec<(usize, usize, usize)> {
        outbound.runs().iter().map(|run| (run.segment, run.len, run.count)).collect()
    }

    #[test]
    fn equal_datagrams_to_one_destination_make_one_run_that_a_shorter_one_ends() {
        let mut outbound = Outbound::default();
        for len in [100, 100, 60, 100, 120] {
            assert!(outbound.push(tuple(1), &vec![7; len]));
        }
        assert_eq!(lengths(&outbound), [(100, 260, 3), (100, 100, 1), (120, 120, 1)]);
        assert!(outbound.push(tuple(2), &[1; 120]));
        assert_eq!(lengths(&outbound).len(), 4, "another destination");
        assert_eq!(outbound.bytes_of(&outbound.runs()[3]), [1; 120]);
    }

    #[test]
    fn a_run_has_a_bound() {
        let mut outbound = Outbound::default();
        for _ in 0..SEGMENTS_MAX + 1 {
            outbound.push(tuple(1), &[0; 9]);
        }
        assert_eq!(outbound.segment(tuple(1)), Some(9));
        assert_eq!(outbound.segment(tuple(2)), None);
        assert_eq!(lengths(&outbound), [(9, 9 * SEGMENTS_MAX, SEGMENTS_MAX), (9, 9, 1)]);
    }

    #[test]
    fn a_full_buffer_says_so_and_takes_more_when_cleared() {
        let mut outbound = Outbound::default();
        while outbound.push(tuple(1), &[0; 1200]) {}
        assert_eq!(outbound.runs().iter().map(|run| run.count).sum::<usize>(), OUTBOUND_BYTES / 1200);
        outbound.clear();
        assert!(outbound.is_empty() && outbound.push(tuple(1), &[0; 1200]));
    }
}
