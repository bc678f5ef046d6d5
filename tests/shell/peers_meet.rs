//! Headless participants meet through a real server: real WebSockets, real ICE, DTLS and SRTP over loopback.

mod guest;
mod through_sfu;

use std::net::SocketAddr;
use std::time::Duration;

use guest::{Guest, both_kinds, options, start};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use visavis::peer::{self, Kind, LinkState, Media, MemberReport, Options, Path, PeerError, Report, Source, TrackReport};

fn only(report: &Report) -> Option<&MemberReport> {
    report.members.first().filter(|_| report.members.len() == 1)
}

/// So many whole frames of both kinds, that can be decoded, have come from the only other member.
fn has_seen(report: &Report, frames: u64) -> bool {
    let of = |member: &MemberReport, kind, source| {
        let is_seen = |track: &TrackReport| track.frames >= frames && track.first_frame_delay_ms.is_some();
        member.tracks.iter().any(|track| (track.kind, track.source) == (kind, source) && is_seen(track))
    };
    only(report).is_some_and(|member| of(member, Kind::Audio, Source::Microphone) && of(member, Kind::Video, Source::Camera))
}

fn assert_met(report: &Report) {
    let shown = report.to_json();
    assert!(report.connected && report.errors.is_empty(), "{shown}");
    let member = only(report).expect("one other member");
    assert_eq!(member.path, Some(Path::Direct), "{shown}");
    assert_eq!(member.revision, 0, "{shown}");
    assert!(member.first_frame_ms.is_some_and(|first| first < 5000), "{shown}");
    for track in &member.tracks {
        assert_eq!(track.lost, 0, "{shown}");
        assert!(track.packets >= track.frames && track.bytes > 0, "{shown}");
        assert!(track.kind == Kind::Audio || track.keyframes > 0, "{shown}");
        let codec = if track.kind == Kind::Audio { "opus" } else { "VP8" };
        assert_eq!(track.codec, codec, "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_headless_peers_alone_meet() {
    let server = start().await;
    let mut ann = Guest::join(Options { chat: vec!["hello".into()], ..options(server.http_addr(), "Ann", both_kinds()) });
    ann.until("in the room", |report| report.own.is_some()).await;
    let mut bo = Guest::join(options(server.http_addr(), "Bo", both_kinds()));
    for guest in [&mut ann, &mut bo] {
        let report = guest.until("seen and heard the other", |report| has_seen(report, 25)).await;
        assert_eq!(only(&report).map(|member| member.state), Some(LinkState::Connected));
        assert_met(&report);
        assert_eq!(report.chat.iter().map(|chat| chat.text.as_str()).collect::<Vec<_>>(), ["hello"]);
    }
    let bo = bo.leave().await;
    assert_met(&bo);
    ann.until("seen the other leave", |report| only(report).is_some_and(|member| member.left)).await;
    assert_met(&ann.leave().await);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn media_goes_on_while_the_signaling_connection_is_lost() {
    let server = start().await;
    let mut ann = Guest::join(options(server.http_addr(), "Ann", both_kinds()));
    ann.until("in the room", |report| report.own.is_some()).await;
    let mut wire = Wire::to(server.http_addr()).await;
    let mut bo = Guest::join(options(wire.address, "Bo", both_kinds()));
    bo.until("seen and heard the other", |report| has_seen(report, 10)).await;
    wire.cut();
    let before = bo.until("back", |report| report.reconnects == 1).await;
    let more = before.members[0].tracks.iter().map(|track| track.frames).max().unwrap_or(0) + 20;
    for guest in [&mut bo, &mut ann] {
        let report = guest.until("seen and heard on", |report| has_seen(report, more)).await;
        assert_met(&report);
        assert!(!report.members[0].left, "nobody saw it leave");
    }
    bo.leave().await;
    ann.leave().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_only_listens_and_one_that_only_shows_meet_whoever_comes_first() {
    for (first, second) in [(Media::default(), both_kinds()), (both_kinds(), Media::default())] {
        let server = start().await;
        let first_shows = first.video.is_some();
        let mut first = Guest::join(options(server.http_addr(), "First", first));
        first.until("in the room", |report| report.own.is_some()).await;
        let mut second = Guest::join(options(server.http_addr(), "Second", second));
        let (viewer, shower) = if first_shows { (&mut second, &mut first) } else { (&mut first, &mut second) };
        assert_met(&viewer.until("seen and heard the other", |report| has_seen(report, 10)).await);
        let shower = shower.until("connected", |report| report.connected).await;
        assert_eq!(shower.members[0].tracks, []);
        second.leave().await;
        first.leave().await;
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_that_only_listen_are_connected_all_the_same() {
    let server = start().await;
    let mut ann = Guest::join(options(server.http_addr(), "Ann", Media::default()));
    ann.until("in the room", |report| report.own.is_some()).await;
    let mut bo = Guest::join(options(server.http_addr(), "Bo", Media::default()));
    for guest in [&mut ann, &mut bo] {
        let report = guest.until("connected", |report| report.connected).await;
        assert!(report.errors.is_empty(), "{}", report.to_json());
    }
    bo.leave().await;
    ann.leave().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_third_one_meets_both() {
    let server = start().await;
    let mut guests = Vec::new();
    for name in ["Ann", "Bo", "Cy"] {
        let mut guest = Guest::join(options(server.http_addr(), name, both_kinds()));
        guest.until("in the room", |report| report.own.is_some()).await;
        guests.push(guest);
    }
    for guest in &mut guests {
        let seen = |report: &Report| {
            let sees = |member: &MemberReport| member.tracks.iter().filter(|track| track.frames >= 10).count() == 2;
            report.members.len() == 2 && report.members.iter().all(sees)
        };
        guest.until("seen and heard both", seen).await;
    }
    for guest in guests {
        guest.leave().await;
    }
    server.stop().await;
}

#[tokio::test]
async fn without_a_server_there_is_no_meeting() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let nobody = listener.local_addr().expect("bound");
    drop(listener);
    let refused = Guest::join(options(nobody, "Ann", Media::default()));
    assert!(matches!(refused.task.await.expect("does not panic"), Err(PeerError(peer::SessionError::Connect(_)))));
}

#[tokio::test]
async fn alone_in_a_room_there_is_nobody_to_connect_to() {
    let server = start().await;
    let alone = Options { duration: Some(Duration::from_millis(50)), ..options(server.http_addr(), "Ann", Media::default()) };
    let report = peer::run(alone, std::future::pending()).await.expect("came into the room");
    assert!(!report.connected && report.members.is_empty() && report.own.is_some());
    server.stop().await;
}

/// A wire to the server that can be cut.
struct Wire {
    address: SocketAddr,
    cut: watch::Sender<u64>,
    _accepting: JoinSet<()>,
}

impl Wire {
    async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("bound");
        let (cut, cuts) = watch::channel(0);
        let mut accepting = JoinSet::new();
        accepting.spawn(async move {
            let mut carrying = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                carrying.spawn(carry(near, server, cuts.clone()));
            }
        });
        Self { address, cut, _accepting: accepting }
    }

    /// Cuts every connection there is; new ones are carried.
    fn cut(&mut self) {
        self.cut.send_modify(|cuts| *cuts += 1);
    }
}

async fn carry(mut near: TcpStream, server: SocketAddr, mut cuts: watch::Receiver<u64>) {
    cuts.borrow_and_update();
    let Ok(mut far) = TcpStream::connect(server).await else { return };
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
        _ = cuts.changed() => {}
    }
}
