//! The server with its media: threads, sockets and the real SFU behind the hub.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use visavis::config::{Announce, Config, Secret};
use visavis::protocol::{CAPABILITY_SFU, ClientMessage, ErrorCode, SendSection, ServerMessage, SfuOffer, Source, Welcome};
use visavis::server::Server;

use crate::client::{Client, PATIENCE, Reachable, config, hello, scrape, start};

/// As Chromium wrote it: a voice, a camera, a screen and its sound, and receive slots.
const OFFER: &str = include_str!("../golden/sdp/chromium-one-stream.offer.sdp");

fn two_threads() -> Config {
    let mut config = config();
    config.sfu.threads = 2;
    config
}

async fn join(server: &impl Reachable, room: &str) -> (Client, Welcome) {
    let mut client = Client::open(server).await;
    let mut hello = hello(room, "Ann", None);
    hello.capabilities.push(CAPABILITY_SFU.to_owned());
    client.send(ClientMessage::Hello(hello)).await;
    match client.next_message().await {
        ServerMessage::Welcome(welcome) => (client, *welcome),
        other => panic!("expected a welcome, got {other:?}"),
    }
}

async fn offer(client: &mut Client, sdp: &str) {
    let section = |(mid, source): (&str, Source)| SendSection { mid: mid.to_owned(), source };
    let sends = [("0", Source::Microphone), ("1", Source::Camera), ("2", Source::Screen), ("3", Source::ScreenSound)];
    let sends = sends.map(section).into();
    client.send(ClientMessage::SfuOffer(SfuOffer { revision: 1, sdp: sdp.to_owned(), sends })).await;
}

/// The answer to an offer, after whatever else comes before it.
async fn answer(client: &mut Client) -> String {
    loop {
        if let ServerMessage::SfuAnswer { revision: 1, sdp, .. } = client.next_message().await {
            return sdp;
        }
    }
}

fn attribute<'a>(sdp: &'a str, name: &str) -> Vec<&'a str> {
    sdp.lines().filter_map(|line| line.strip_prefix("a=")?.strip_prefix(name)?.strip_prefix(':')).collect()
}

/// Asks the media port for the address of who asks (RFC 8489); its answer.
fn ask_stun(server: SocketAddr) -> Vec<u8> {
    let socket = UdpSocket::bind((server.ip(), 0)).expect("a free port");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let request = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
    socket.send_to(&request, server).expect("sent");
    let mut answer = [0; 256];
    let len = socket.recv(&mut answer).expect("the media port answers");
    answer[..len].to_vec()
}

async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("the server reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer in UTF-8");
    answer
}

/// Waits for figures like these; a shard tells its own once a second.
async fn until_metrics(server: &Server, lines: &[&str]) -> String {
    let begun = Instant::now();
    loop {
        let page = scrape(server).await;
        if lines.iter().all(|line| page.lines().any(|found| found == *line)) {
            return page;
        }
        assert!(begun.elapsed() < PATIENCE, "never {lines:?}: {page}");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn rooms_are_spread_over_the_threads_which_answer_offers_and_stop_cleanly() {
    let server = start(&two_threads()).await;
    let media = server.media_addr().expect("there is an SFU");
    assert!(get(server.http_addr(), "/readyz").await.starts_with("HTTP/1.1 200"));
    assert_eq!(ask_stun(media)[..2], [1, 1], "a STUN service too");

    let mut members = Vec::new();
    for (room, shard) in [("a", "00"), ("b", "01"), ("a", "00"), ("b", "01")] {
        let (mut client, welcome) = join(&server, room).await;
        assert_eq!(welcome.sfu.map(|grant| grant.port), Some(media.port()));
        offer(&mut client, OFFER).await;
        let answer = answer(&mut client).await;
        let ufrags = attribute(&answer, "ice-ufrag");
        assert!(!ufrags.is_empty() && ufrags.iter().all(|ufrag| ufrag.starts_with(shard)), "{room}: {ufrags:?}");
        let candidates = attribute(&answer, "candidate");
        let port = format!(" 127.0.0.1 {} typ host", media.port());
        for protocol in ["udp", "tcp"] {
            let found = |line: &&str| line.to_lowercase().contains(protocol) && line.contains(&port);
            assert!(candidates.iter().any(found), "{protocol}: {candidates:?}");
        }
        members.push(client);
    }
    let page = until_metrics(&server, &["visavis_media_members{shard=\"0\"} 2", "visavis_media_members{shard=\"1\"} 2"]).await;
    for line in [
        "visavis_media_transports{shard=\"0\",state=\"connecting\"} 2",
        "visavis_media_publications{shard=\"1\"} 8",
        "visavis_media_drops_total{shard=\"0\",reason=\"forged\"} 0",
        "visavis_shard_commands_waiting{shard=\"1\"} 0",
        "visavis_shard_gso{shard=\"0\"} 1",
    ] {
        assert!(page.lines().any(|found| found == line), "{line} in {page}");
    }
    assert!(page.contains("visavis_shard_load{shard=\"1\"} ") && page.contains("visavis_shard_busy_seconds_total{shard=\"1\"} "));

    drop(members);
    timeout(PATIENCE, server.stop()).await.expect("it stops");
    UdpSocket::bind(media).expect("the media port is free again");
}

#[tokio::test]
async fn an_offer_that_cannot_be_answered_is_refused_with_its_line() {
    let server = start(&two_threads()).await;
    let (mut client, _) = join(&server, "a").await;
    offer(&mut client, &OFFER.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP")).await;
    match client.next_message().await {
        ServerMessage::Error { code, message, .. } => {
            assert_eq!(code, ErrorCode::BadOffer);
            assert!(message.starts_with("Line 8"), "{message}");
        }
        other => panic!("expected an error, got {other:?}"),
    }
    offer(&mut client, OFFER).await;
    assert!(answer(&mut client).await.starts_with("v=0"), "it may try again");
    server.stop().await;
}

#[tokio::test]
async fn what_comes_to_the_media_port_uninvited_is_dropped_and_counted() {
    let server = start(&two_threads()).await;
    let media = server.media_addr().expect("there is an SFU");
    let stranger = UdpSocket::bind((media.ip(), 0)).expect("a free port");
    for _ in 0..3 {
        stranger.send_to(&[0x80; 200], media).expect("sent");
    }
    let begun = Instant::now();
    loop {
        let page = scrape(&server).await;
        let counted = |line: &str| {
            let rest = line.strip_prefix("visavis_media_drops_total{shard=")?;
            let (_, count) = rest.split_once("reason=\"unchecked\"} ")?;
            count.parse::<u64>().ok()
        };
        match page.lines().filter_map(counted).sum::<u64>() {
            3 => break,
            count => assert!(count < 3 && begun.elapsed() < PATIENCE, "{page}"),
        }
        sleep(Duration::from_millis(50)).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn our_own_stun_service_is_told_where_the_operator_names_no_other() {
    let public = Announce::Address(IpAddr::from([203, 0, 113, 7]));
    let lan = Announce::Address(IpAddr::from([192, 168, 1, 5]));
    let more = Announce::Address(IpAddr::from([192, 168, 2, 5]));
    let named = |stun: &[&str], announce: &[Announce]| {
        let mut config = two_threads();
        config.sfu.announce = announce.to_vec();
        config.ice.stun_urls = stun.iter().map(|url| (*url).to_owned()).collect();
        config
    };
    let told = async |config: &Config| {
        let server = start(config).await;
        let port = server.media_addr().map_or(0, |address| address.port());
        let (_client, welcome) = join(&server, "a").await;
        server.stop().await;
        (welcome.ice.ice_servers.into_iter().flat_map(|server| server.urls).collect::<Vec<_>>(), port)
    };
    let (urls, port) = told(&named(&[], &[lan, public, more])).await;
    assert_eq!(urls, [format!("stun:203.0.113.7:{port}"), format!("stun:192.168.1.5:{port}")]);
    assert_eq!(told(&named(&["stun:stun.example.org"], &[public])).await.0, ["stun:stun.example.org"]);
    let mut with_turn = named(&[], &[public]);
    with_turn.ice.turn_urls = vec!["turn:turn.example.org".to_owned()];
    with_turn.ice.turn_secret = Some(Secret::new("a-secret-that-coturn-shares"));
    assert_eq!(told(&with_turn).await.0, ["turn:turn.example.org"], "it answers STUN too");
    assert!(told(&named(&[], &[])).await.0.is_empty(), "loopback tells nobody anything");
    let mut without = named(&[], &[public]);
    without.sfu.enabled = false;
    assert!(told(&without).await.0.is_empty(), "there is no such service");
}

#[tokio::test]
async fn without_an_sfu_there_is_no_media_port_and_no_figure_of_it() {
    let mut config = config();
    config.sfu.enabled = false;
    let server = start(&config).await;
    assert_eq!(server.media_addr(), None);
    let (mut client, welcome) = join(&server, "a").await;
    assert_eq!(welcome.sfu, None);
    offer(&mut client, OFFER).await;
    assert!(matches!(client.next_message().await, ServerMessage::Error { code: ErrorCode::NoSfu, .. }));
    let page = scrape(&server).await;
    assert!(page.contains("visavis_hub_rooms 1") && !page.contains("visavis_media") && !page.contains("visavis_shard"), "{page}");
    server.stop().await;
}
