//! Owns the load: connections that answer each frame with the next one, at so little cost that the server is what is measured.
//!
//! A client library spends more on a frame than the server under measurement; with one core each, the server would wait for it. Here the
//! frames are bytes that were written once: only the number in them changes, and what has come in at once is answered at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use visavis::protocol::{ClientFrame, ClientMessage};

/// Frames on their way per connection.
const IN_FLIGHT: usize = 8;

/// Numbered server frames after which the load acknowledges, as a client must.
const ACK_EVERY: u64 = 32;

/// Numbers start here, so that all of them are written with the same count of digits.
const FIRST_SEQ: u64 = 1_000_000_001;

/// What a connection takes for the answer to one of its frames.
#[derive(Debug, Clone, Copy)]
pub enum Answer {
    /// The frame itself.
    Echo,
    /// A signal of the other member of its room; everything else is only read.
    Signal,
}

pub struct Load {
    stream: TcpStream,
    answer: Answer,
    frame: Vec<u8>,
    /// Where in `frame` the number stands.
    digits: std::ops::Range<usize>,
    seq: u64,
    /// Numbered frames that the server has sent.
    heard: u64,
    out: Vec<u8>,
}

impl Load {
    /// A load over a WebSocket on which nothing is on its way.
    pub fn new(stream: TcpStream, answer: Answer, message: ClientMessage) -> Self {
        let text = ClientFrame { seq: Some(FIRST_SEQ), id: None, message }.encode();
        let frame = masked(&text);
        let number = FIRST_SEQ.to_string();
        let at = frame.windows(number.len()).position(|found| found == number.as_bytes()).expect("the number is in the frame");
        Self { stream, answer, frame, digits: at..at + number.len(), seq: FIRST_SEQ, heard: 0, out: Vec::new() }
    }

    /// Sends and answers for ever, and counts the answers.
    pub async fn run(mut self, count: Arc<AtomicU64>) {
        let mut buffer = vec![0; 64 * 1024];
        let mut filled = 0;
        self.queue(IN_FLIGHT);
        loop {
            self.stream.write_all(&self.out).await.expect("the connection is open");
            self.out.clear();
            let read = self.stream.read(&mut buffer[filled..]).await.expect("the connection is open");
            assert!(read > 0, "the server closed the connection");
            filled += read;
            let (mut at, mut answers) = (0, 0);
            while let Some((payload, next)) = split_frame(&buffer[at..filled]) {
                answers += usize::from(self.is_answer(payload));
                at += next;
            }
            buffer.copy_within(at..filled, 0);
            filled -= at;
            count.fetch_add(answers as u64, Ordering::Relaxed);
            self.queue(answers);
        }
    }

    fn is_answer(&mut self, payload: &[u8]) -> bool {
        match self.answer {
            Answer::Echo => {
                assert_eq!(
                    payload.len(),
                    self.frame.len() - (self.digits.start - r#"{"seq":"#.len()),
                    "an echo is as long as what was sent"
                );
                true
            }
            Answer::Signal => {
                let start = &payload[..payload.len().min(64)];
                let has = |text: &[u8]| start.windows(text.len()).any(|found| found == text);
                assert!(!has(br#""type":"error""#), "{}", String::from_utf8_lossy(payload));
                if payload.starts_with(br#"{"seq":"#) {
                    self.heard += 1;
                    if self.heard.is_multiple_of(ACK_EVERY) {
                        let ack = ClientFrame::new(ClientMessage::Ack { received: self.heard }).encode();
                        self.out.extend_from_slice(&masked(&ack));
                    }
                }
                has(br#""type":"signal""#)
            }
        }
    }

    fn queue(&mut self, frames: usize) {
        for _ in 0..frames {
            self.frame[self.digits.clone()].copy_from_slice(self.seq.to_string().as_bytes());
            self.seq += 1;
            self.out.extend_from_slice(&self.frame);
        }
    }
}

/// A text frame of a client (RFC 6455 section 5.2). Its masking key is zero, so that the text stands in it as it is.
fn masked(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81];
    match u8::try_from(text.len()) {
        Ok(len) if len < 126 => frame.push(0x80 | len),
        _ => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&u16::try_from(text.len()).expect("a short text").to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(text.as_bytes());
    frame
}

/// The payload of the first frame of a server, and where the next begins; none while the frame is not complete.
fn split_frame(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let (&first, &second) = (bytes.first()?, bytes.get(1)?);
    let (start, len) = match second {
        126 => (4, usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]))),
        127 => panic!("longer than anything that a server answers here"),
        len => (2, usize::from(len)),
    };
    assert!(matches!(first, 0x81 | 0x89), "neither text nor ping: {first:#x}");
    Some((bytes.get(start..start + len)?, start + len))
}
