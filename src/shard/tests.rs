//! Owns the tests of whole shards: threads, sockets and mailboxes, around media that answers what it is told.

use std::collections::HashSet;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::port::Port;
use super::{Media, Shards};
use crate::id::ParticipantId;
use crate::sfu::{Command, Event, Outbound, ShardId, Stats, Tuple, Ufrag, shard_of};

const PATIENCE: Duration = Duration::from_secs(20);

/// Answers a check that names its shard with success, and everything else from an address that has passed one with the number of
/// the shard before it. Panics at the word "panic".
struct Echo {
    shard: ShardId,
    known: HashSet<Tuple>,
    answers: Vec<(Tuple, Vec<u8>)>,
    events: Vec<Event>,
}

impl Echo {
    fn new(shard: ShardId) -> Self {
        Self { shard, known: HashSet::new(), answers: Vec::new(), events: Vec::new() }
    }
}

impl Media for Echo {
    fn handle_command(&mut self, _: Instant, command: Command) {
        if let Command::Close { participant } = command {
            self.events.push(Event::DataOpen { participant, open: self.shard.0 == 1 });
        }
    }

    fn handle_datagram(&mut self, _: Instant, tuple: Tuple, datagram: &mut [u8]) {
        assert_ne!(datagram, b"panic", "as asked");
        if shard_of(datagram) == Some(self.shard) {
            self.known.insert(tuple);
            self.answers.push((tuple, [&[1, 1][..], &datagram[2..20]].concat()));
        } else if self.known.contains(&tuple) {
            self.answers.push((tuple, [&[200, self.shard.0][..], datagram].concat()));
        }
    }

    fn handle_closed(&mut self, _: Instant, tuple: Tuple) {
        self.known.remove(&tuple);
    }

    fn handle_timeout(&mut self, _: Instant) {}

    fn flush(&mut self, _: Instant, outbound: &mut Outbound) -> bool {
        let taken = self.answers.iter().take_while(|(tuple, answer)| outbound.push(*tuple, answer)).count();
        self.answers.drain(..taken);
        !self.answers.is_empty()
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.events.pop()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    fn stats(&self) -> Stats {
        Stats { transports_connected: self.known.len(), ..Stats::default() }
    }
}

fn start(shards: u8) -> (Shards, mpsc::Receiver<Event>) {
    let port = Port::open(([127, 0, 0, 1], 0).into(), shards).expect("a free port");
    let (events, heard) = mpsc::channel(1);
    (Shards::start(port, Echo::new, &events).expect("threads"), heard)
}

/// A Binding request whose USERNAME names a transport of this shard.
fn check(shard: u8) -> Vec<u8> {
    let username = format!("{}:them", Ufrag::new(ShardId(shard), 7, *b"abcdefgh"));
    let padded = username.len().next_multiple_of(4);
    let mut check = vec![0, 1];
    check.extend((4 + padded as u16).to_be_bytes());
    check.extend([0x21, 0x12, 0xa4, 0x42]);
    check.extend([9; 12]);
    check.extend([0, 6]);
    check.extend((username.len() as u16).to_be_bytes());
    check.extend(username.as_bytes());
    check.resize(24 + padded, 0);
    check
}

fn client() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.set_read_timeout(Some(Duration::from_millis(300))).expect("a timeout");
    socket
}

/// Says it, again and again as over any network, until it is answered.
fn ask(client: &UdpSocket, server: SocketAddr, words: &[u8]) -> Vec<u8> {
    let (begun, mut answer) = (Instant::now(), [0; 2048]);
    while begun.elapsed() < PATIENCE {
        client.send_to(words, server).expect("sent");
        if let Ok(len) = client.recv(&mut answer) {
            return answer[..len].to_vec();
        }
    }
    panic!("no answer to {words:?}");
}

fn frame(datagram: &[u8]) -> Vec<u8> {
    [&(datagram.len() as u16).to_be_bytes()[..], datagram].concat()
}

fn connect(server: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(server).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}

fn read_frame(stream: &mut TcpStream) -> Vec<u8> {
    let mut len = [0; 2];
    stream.read_exact(&mut len).expect("a frame");
    let mut datagram = vec![0; u16::from_be_bytes(len).into()];
    stream.read_exact(&mut datagram).expect("a whole frame");
    datagram
}

#[tokio::test]
async fn whichever_shard_the_kernel_chooses_a_client_is_served_by_the_one_its_check_names() {
    let (shards, _heard) = start(2);
    let server = shards.address();
    for number in 0..24 {
        let (client, shard) = (client(), number % 2);
        assert_eq!(ask(&client, server, &check(shard))[..2], [1, 1]);
        assert_eq!(ask(&client, server, &[0x80, number])[..], [200, shard, 0x80, number]);
    }
    let reports = shards.reports();
    shards.stop().await;
    let all = reports.read();
    let hops: u64 = all.iter().map(|report| report.worker.hops_out).sum();
    // One in 2^24 runs has all clients at home.
    assert!(hops > 0 && hops == all.iter().map(|report| report.worker.hops_in).sum::<u64>());
    assert_eq!(all.iter().map(|report| report.worker.hops_dropped).sum::<u64>(), 0);
    assert_eq!(all.iter().map(|report| report.media.transports_connected).sum::<usize>(), 24);
}

#[tokio::test]
async fn a_check_that_is_not_answered_teaches_nothing() {
    let (shards, _heard) = start(2);
    let server = shards.address();
    // It names a shard, and is cut so that no transport answers it.
    for _ in 0..16 {
        let client = client();
        client.send_to(&check(0)[..30], server).expect("sent");
        client.send_to(&check(9), server).expect("sent");
        assert_eq!(ask(&client, server, &check(1))[..2], [1, 1], "it goes on");
    }
    let reports = shards.reports();
    shards.stop().await;
    assert!(reports.read()[1].learned == 0, "all are its own");
}

#[tokio::test]
async fn a_tcp_connection_goes_to_the_shard_that_its_first_frame_names() {
    let (shards, _heard) = start(2);
    for shard in [0, 1, 0, 1] {
        let mut stream = connect(shards.address());
        let both = [frame(&check(shard)), frame(&[0x80, 5])].concat();
        // In pieces, the length itself in two.
        for piece in [&both[..1], &both[1..20], &both[20..]] {
            stream.write_all(piece).expect("written");
            stream.flush().expect("written");
        }
        assert_eq!(read_frame(&mut stream)[..2], [1, 1]);
        assert_eq!(read_frame(&mut stream), [200, shard, 0x80, 5]);
    }
    shards.stop().await;
}

#[tokio::test]
async fn strangers_and_frames_that_are_too_long_end_a_connection() {
    let (shards, _heard) = start(1);
    for words in [frame(&[0x80; 40]), frame(b"GET / HTTP/1.1"), vec![0xff; 2], frame(&check(7))] {
        let mut stream = connect(shards.address());
        stream.write_all(&words).expect("written");
        assert!(matches!(stream.read(&mut [0; 9]), Ok(0) | Err(_)), "{words:?}");
    }
    let mut known = connect(shards.address());
    known.write_all(&frame(&check(0))).expect("written");
    assert_eq!(read_frame(&mut known)[..2], [1, 1]);
    known.write_all(&[0xff, 0xff]).expect("written");
    assert!(matches!(known.read(&mut [0; 9]), Ok(0) | Err(_)));
    let reports = shards.reports();
    shards.stop().await;
    let report = reports.read().remove(0);
    assert_eq!((report.tcp.strangers, report.tcp.oversize, report.tcp_open), (3, 2, 0));
    assert_eq!(report.media.transports_connected, 0, "the media was told");
}

#[tokio::test]
async fn commands_reach_their_shard_and_events_wait_while_the_hub_is_busy() {
    let (shards, mut heard) = start(2);
    for number in 0..20 {
        let participant = ParticipantId::new(number + 1).expect("not zero");
        shards.mailboxes().tell(ShardId(number as u8 % 2), Command::Close { participant }).await;
    }
    let mut from_one = 0;
    for _ in 0..20 {
        let event = tokio::time::timeout(PATIENCE, heard.recv()).await.expect("all come, through a mailbox of one");
        let Some(Event::DataOpen { open, .. }) = event else { panic!("another event: {event:?}") };
        from_one += u32::from(open);
    }
    assert_eq!(from_one, 10);
    let participant = ParticipantId::new(1).expect("not zero");
    shards.mailboxes().tell(ShardId(9), Command::Close { participant }).await;
    shards.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn shards_stop_under_load() {
    let (shards, _heard) = start(2);
    let (server, is_over) = (shards.address(), Arc::new(AtomicBool::new(false)));
    let flood = |shard: u8| {
        let is_over = Arc::clone(&is_over);
        std::thread::spawn(move || {
            let client = client();
            assert_eq!(ask(&client, server, &check(shard))[..2], [1, 1]);
            while !is_over.load(Ordering::Relaxed) {
                let _ = client.send_to(&[0x80; 1000], server);
            }
        })
    };
    let threads = [flood(0), flood(1)];
    let (reports, begun) = (shards.reports(), Instant::now());
    while reports.read().iter().all(|report| report.udp.datagrams_out < 100) && begun.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::timeout(PATIENCE, shards.stop()).await.expect("it stops");
    is_over.store(true, Ordering::Relaxed);
    threads.into_iter().for_each(|thread| thread.join().expect("a flood"));
    let all = reports.read();
    assert!(all.iter().map(|report| report.udp.datagrams_out).sum::<u64>() >= 100, "{all:?}");
    assert!(all.iter().all(|report| report.worker.busy <= report.worker.running));
    assert!(all.iter().all(|report| (0.0..=1.0).contains(&report.load)), "{all:?}");
    assert!(all.iter().any(|report| report.load > 0.0), "{all:?}");
}

#[tokio::test]
async fn the_end_of_a_shard_is_seen() {
    let (shards, _heard) = start(1);
    let failed = shards.failed();
    client().send_to(b"panic", shards.address()).expect("sent");
    tokio::time::timeout(PATIENCE, failed.notified()).await.expect("it is told");
    tokio::time::timeout(PATIENCE, shards.stop()).await.expect("it stops all the same");
}
