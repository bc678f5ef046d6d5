//! Owns the framing of datagrams on a TCP connection (RFC 4571): two bytes of length before each.

use std::io::{self, ErrorKind, Read, Write};

use crate::limits::{DATAGRAM_BYTES_MAX, TCP_SEND_BYTES_MAX};

/// Bytes of the length.
const PREFIX: usize = 2;

/// Bytes that are read at once.
const READ_BYTES: usize = 8 * 1024;

/// Frames from a connection. Holds at most one read and one frame that has not come as a whole.
#[derive(Debug)]
pub(super) struct FramesIn {
    bytes: Box<[u8]>,
    from: usize,
    to: usize,
}

/// A frame is longer than [`DATAGRAM_BYTES_MAX`]: nothing after it can be trusted to be a length.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Oversize;

impl FramesIn {
    pub(super) fn new() -> Self {
        Self { bytes: vec![0; READ_BYTES].into(), from: 0, to: 0 }
    }

    /// Reads once; 0 at the end of the stream. The frames must have been taken since the last time.
    pub(super) fn read(&mut self, stream: &mut impl Read) -> io::Result<usize> {
        self.bytes.copy_within(self.from..self.to, 0);
        self.to -= self.from;
        self.from = 0;
        loop {
            match stream.read(&mut self.bytes[self.to..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                outcome => {
                    self.to += outcome.as_ref().copied().unwrap_or(0);
                    return outcome;
                }
            }
        }
    }

    /// The next frame that has come as a whole; may be empty.
    pub(super) fn next(&mut self) -> Result<Option<&mut [u8]>, Oversize> {
        let waiting = &self.bytes[self.from..self.to];
        let Some(len) = waiting.first_chunk::<PREFIX>().map(|prefix| usize::from(u16::from_be_bytes(*prefix))) else {
            return Ok(None);
        };
        if len > DATAGRAM_BYTES_MAX {
            return Err(Oversize);
        }
        if waiting.len() < PREFIX + len {
            return Ok(None);
        }
        let start = self.from + PREFIX;
        self.from = start + len;
        Ok(Some(&mut self.bytes[start..start + len]))
    }

    /// The next frame, without taking it.
    pub(super) fn peek(&mut self) -> Result<Option<&[u8]>, Oversize> {
        let from = self.from;
        let len = self.next()?.map(|frame| frame.len());
        self.from = from;
        Ok(len.map(|len| &self.bytes[from + PREFIX..from + PREFIX + len]))
    }
}

/// Frames to a connection. Bounded by [`TCP_SEND_BYTES_MAX`]: a frame that does not fit is dropped as a whole.
#[derive(Debug, Default)]
pub(super) struct FramesOut {
    bytes: Vec<u8>,
    written: usize,
}

impl FramesOut {
    /// Adds a frame; false when there is no room for it.
    pub(super) fn push(&mut self, datagram: &[u8]) -> bool {
        let Ok(len) = u16::try_from(datagram.len()) else { return false };
        if self.waiting() + PREFIX + datagram.len() > TCP_SEND_BYTES_MAX {
            return false;
        }
        if self.written > TCP_SEND_BYTES_MAX {
            self.bytes.drain(..self.written);
            self.written = 0;
        }
        self.bytes.extend_from_slice(&len.to_be_bytes());
        self.bytes.extend_from_slice(datagram);
        true
    }

    /// Bytes that have not been written.
    pub(super) fn waiting(&self) -> usize {
        self.bytes.len() - self.written
    }

    /// Writes as much as the connection takes, without waiting.
    pub(super) fn write(&mut self, stream: &mut impl Write) -> io::Result<()> {
        while self.waiting() > 0 {
            match stream.write(&self.bytes[self.written..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(len) => self.written += len,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        self.bytes.clear();
        self.written = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(len: usize, fill: u8) -> Vec<u8> {
        [&(len as u16).to_be_bytes()[..], &vec![fill; len]].concat()
    }

    #[test]
    fn frames_come_out_however_the_stream_is_cut() {
        let sizes = [1, 0, 1200, 3, DATAGRAM_BYTES_MAX];
        let stream: Vec<u8> = sizes.iter().enumerate().flat_map(|(at, len)| frame(*len, at as u8)).collect();
        for step in [1, 2, 3, 700, 5000] {
            let (mut frames, mut all) = (FramesIn::new(), Vec::new());
            for mut piece in stream.chunks(step) {
                frames.read(&mut piece).expect("in memory");
                assert!(frames.peek().is_ok());
                while let Some(frame) = frames.next().expect("of good size") {
                    all.push((frame.len(), frame.first().copied()));
                }
            }
            assert_eq!(all, [(1, Some(0)), (0, None), (1200, Some(2)), (3, Some(3)), (DATAGRAM_BYTES_MAX, Some(4))], "{step}");
        }
    }

    #[test]
    fn a_frame_that_is_too_long_is_told_before_it_has_come() {
        let mut frames = FramesIn::new();
        frames.read(&mut &((DATAGRAM_BYTES_MAX + 1) as u16).to_be_bytes()[..]).expect("in memory");
        assert_eq!((frames.peek().err(), frames.next().err()), (Some(Oversize), Some(Oversize)));
    }

    /// Takes a few bytes at a time, then no more.
    struct Slow(Vec<u8>, usize);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let len = bytes.len().min(7).min(self.1);
            self.1 -= len;
            self.0.extend_from_slice(&bytes[..len]);
            if len == 0 { Err(ErrorKind::WouldBlock.into()) } else { Ok(len) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_a_slow_reader_gets_is_whole_frames_and_the_rest_is_dropped() {
        let (mut out, mut slow) = (FramesOut::default(), Slow(Vec::new(), 300));
        let mut taken = 0;
        while out.push(&[taken as u8; 1000]) {
            taken += 1;
            assert!(taken < 1000, "there is a bound");
        }
        assert!(out.waiting() <= TCP_SEND_BYTES_MAX && out.waiting() + 1002 > TCP_SEND_BYTES_MAX);
        out.write(&mut slow).expect("it waits");
        assert!(slow.0.len() == 300 && !out.push(&[0; 1000]), "still no room for a whole one");
        slow.1 = usize::MAX;
        out.write(&mut slow).expect("it takes all");
        let wanted: Vec<u8> = (0..taken).flat_map(|at| frame(1000, at as u8)).collect();
        assert!(slow.0 == wanted && out.waiting() == 0 && out.push(&[0; 1000]));
    }
}
