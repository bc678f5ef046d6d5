//! Owns the tests of the UDP socket, over loopback.

use std::net::UdpSocket;
use std::time::Duration;

use super::super::port::Port;
use super::*;

fn open(address: &str) -> (Udp, u16) {
    let mut port = Port::open(address.parse().expect("an address"), 1).expect("a free port");
    let number = port.address.port();
    (Udp::new(port.udp.remove(0)).expect("a socket"), number)
}

fn peer() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    socket
}

/// Waits until something is there, and receives it.
fn receive(udp: &mut Udp, wanted: usize) -> Vec<(Tuple, Vec<u8>)> {
    let mut all = Vec::new();
    while all.len() < wanted {
        let mut poll = libc::pollfd { fd: udp.raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one descriptor, and its number is said.
        let ready = unsafe { libc::poll(&mut poll, 1, 10_000) };
        assert_eq!(ready, 1, "{} of {wanted} came", all.len());
        udp.receive(|tuple, datagram| all.push((tuple, datagram.to_vec()))).expect("something is there");
    }
    all
}

fn tuple(local: &str, peer: &UdpSocket) -> Tuple {
    let remote = peer.local_addr().expect("bound");
    Tuple { protocol: Protocol::Udp, local: local.parse().expect("an address"), remote }
}

fn run_of(tuple: Tuple, sizes: &[usize]) -> Outbound {
    let mut outbound = Outbound::default();
    for (at, size) in sizes.iter().enumerate() {
        assert!(outbound.push(tuple, &vec![at as u8 + 1; *size]));
    }
    outbound
}

fn expect(peer: &UdpSocket, sizes: &[usize]) {
    let mut bytes = [0; 4096];
    for (at, size) in sizes.iter().enumerate() {
        let len = peer.recv(&mut bytes).expect("it arrives");
        assert_eq!((len, bytes[0]), (*size, at as u8 + 1));
    }
}

#[test]
fn a_batch_comes_with_who_sent_it_and_to_which_address() {
    for listen in ["0.0.0.0:0", "[::]:0"] {
        let (mut udp, port) = open(listen);
        let (one, two) = (peer(), peer());
        one.send_to(b"first", ("127.0.0.1", port)).expect("sent");
        two.send_to(b"second", ("127.0.0.2", port)).expect("sent");
        let mut all = receive(&mut udp, 2);
        all.sort_by_key(|(_, bytes)| bytes.len());
        assert_eq!(all[0], (tuple("127.0.0.1", &one), b"first".to_vec()), "{listen}");
        assert_eq!(all[1], (tuple("127.0.0.2", &two), b"second".to_vec()), "{listen}");
        assert_eq!(udp.receive(|_, _| {}).expect_err("nothing").kind(), io::ErrorKind::WouldBlock);
    }
}

#[test]
fn an_answer_leaves_from_the_address_that_was_asked() {
    for listen in ["0.0.0.0:0", "[::]:0"] {
        let (mut udp, port) = open(listen);
        let peer = peer();
        for local in ["127.0.0.2", "127.0.0.3"] {
            udp.send(&run_of(tuple(local, &peer), &[100, 100, 40]));
            for size in [100, 100, 40] {
                let (len, from) = peer.recv_from(&mut [0; 200]).expect("it arrives");
                assert_eq!((len, from.to_string()), (size, format!("{local}:{port}")), "{listen}");
            }
        }
    }
}

#[test]
fn ipv6_has_its_own_address() {
    let Ok(peer) = UdpSocket::bind("[::1]:0") else { return }; // a machine without IPv6
    let (mut udp, port) = open("[::]:0");
    peer.send_to(b"six", ("::1", port)).expect("sent");
    let (tuple, bytes) = receive(&mut udp, 1).remove(0);
    assert_eq!((tuple.local.to_string(), bytes), ("::1".to_owned(), b"six".to_vec()));
    udp.send(&run_of(tuple, &[9, 9]));
    expect(&peer, &[9, 9]);
}

#[test]
fn a_run_is_one_message_that_arrives_as_its_datagrams() {
    let (mut udp, _) = open("127.0.0.1:0");
    let peer = peer();
    udp.send(&run_of(tuple("127.0.0.1", &peer), &[1200, 1200, 1200, 700]));
    expect(&peer, &[1200, 1200, 1200, 700]);
    let counters = udp.counters();
    assert_eq!((counters.batches_out, counters.datagrams_out, counters.bytes_out), (1, 4, 4300));
    assert_eq!((counters.gso_fallbacks, udp.segments()), (0, true));
}

#[test]
fn joined_datagrams_are_split_again() {
    let (mut sender, _) = open("127.0.0.1:0");
    let (mut udp, port) = open("127.0.0.1:0");
    let remote = ([127, 0, 0, 1], port).into();
    let tuple = Tuple { protocol: Protocol::Udp, local: Ipv4Addr::LOCALHOST.into(), remote };
    sender.send(&run_of(tuple, &[1000, 1000, 1000, 1000, 300]));
    let sizes: Vec<usize> = receive(&mut udp, 5).iter().map(|(_, bytes)| bytes.len()).collect();
    assert_eq!(sizes, [1000, 1000, 1000, 1000, 300]);
    // Loopback hands a run over as it is, to a socket that takes it so.
    assert_eq!((udp.counters().batches_in, udp.counters().datagrams_in), (1, 5));
}

#[test]
fn more_runs_than_one_call_takes_all_go() {
    let (mut udp, _) = open("127.0.0.1:0");
    let peers: Vec<UdpSocket> = (0..BATCH * 2 + 3).map(|_| peer()).collect();
    let mut outbound = Outbound::default();
    for peer in &peers {
        assert!(outbound.push(tuple("127.0.0.1", peer), &[1; 50]));
    }
    udp.send(&outbound);
    peers.iter().for_each(|peer| expect(peer, &[50]));
    assert_eq!((udp.counters().batches_out, udp.counters().datagrams_out), (3, peers.len() as u64));
}

#[test]
fn a_system_without_gso_is_sent_single_datagrams_from_then_on() {
    let (mut udp, _) = open("127.0.0.1:0");
    let (one, two) = (peer(), peer());
    udp.injected = Some(libc::EIO);
    let mut outbound = run_of(tuple("127.0.0.1", &one), &[900, 900, 100]);
    outbound.push(tuple("127.0.0.1", &two), &[1; 60]);
    outbound.push(tuple("127.0.0.1", &two), &[2; 60]);
    outbound.push(tuple("127.0.0.1", &one), &[4; 10]);
    udp.send(&outbound);
    expect(&one, &[900, 900, 100, 10]);
    expect(&two, &[60, 60]);
    assert!(!udp.segments());
    udp.injected = None;
    udp.send(&run_of(tuple("127.0.0.1", &one), &[80, 80]));
    expect(&one, &[80, 80]);
    assert_eq!((udp.counters().datagrams_out, udp.counters().refused, udp.counters().full), (8, 0, 0));
    assert!(udp.counters().gso_fallbacks >= 3);
}

#[test]
fn a_route_that_refuses_a_run_does_not_cost_the_others_theirs() {
    let (mut udp, _) = open("127.0.0.1:0");
    let peer = peer();
    udp.injected = Some(libc::EINVAL);
    udp.send(&run_of(tuple("127.0.0.1", &peer), &[900, 900]));
    udp.injected = None;
    expect(&peer, &[900, 900]);
    assert!(udp.segments() && udp.without_gso.len() == 1);
    let elsewhere = UdpSocket::bind("127.0.0.9:0").expect("a free port");
    udp.send(&run_of(tuple("127.0.0.1", &elsewhere), &[70, 70]));
    expect(&elsewhere, &[70, 70]);
    assert_eq!(udp.counters().gso_fallbacks, 1);
}

#[test]
fn what_is_refused_or_does_not_fit_is_counted_and_the_rest_goes() {
    let (mut udp, _) = open("127.0.0.1:0");
    let peer = peer();
    let mut outbound = Outbound::default();
    let nowhere = Tuple { remote: "[2001:db8::1]:9".parse().expect("an address"), ..tuple("127.0.0.1", &peer) };
    outbound.push(nowhere, &[7; 20]);
    outbound.push(tuple("127.0.0.1", &peer), &[1; 30]);
    udp.send(&outbound);
    expect(&peer, &[30]);
    assert_eq!((udp.counters().refused, udp.counters().datagrams_out), (1, 1));

    udp.injected = Some(libc::EAGAIN);
    let mut outbound = run_of(tuple("127.0.0.1", &peer), &[40, 40, 40]);
    outbound.push(tuple("127.0.0.2", &peer), &[1; 50]);
    udp.send(&outbound);
    assert_eq!(udp.counters().full, 4, "the run and what came after it");
}

#[test]
fn a_datagram_longer_than_any_of_ours_is_dropped() {
    let (mut udp, port) = open("127.0.0.1:0");
    let peer = peer();
    peer.send_to(&vec![1; DATAGRAM_BYTES_MAX + 1], ("127.0.0.1", port)).expect("sent");
    peer.send_to(&vec![2; DATAGRAM_BYTES_MAX], ("127.0.0.1", port)).expect("sent");
    assert_eq!(receive(&mut udp, 1)[0].1[0], 2);
    assert_eq!(udp.counters().oversize, 1);
}
