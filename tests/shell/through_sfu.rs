//! Headless participants meet through the SFU of a real server: one peer connection each, whose receive slots change hands.

use visavis::id::ParticipantId;
use visavis::peer::{Kind, LinkState, Media, MemberReport, Options, Path, Report, Route, Source, Taste};

use crate::guest::{Guest, both_kinds, options, start};

/// Participants of the larger meeting.
const MANY: usize = 20;

/// Pictures that each of them shows.
const SLOTS: usize = 6;

/// So many times slower than usual they send: a debug build of twenty peer connections is to keep up on two cores.
const SLOW: u32 = 2;

fn through_sfu(options: Options) -> Options {
    Options { route: Route::Sfu, ..options }
}

fn member(report: &Report, id: ParticipantId) -> Option<&MemberReport> {
    report.members.iter().find(|member| member.id == id)
}

/// So many frames of this that can be decoded have come from the member.
fn has_come(member: &MemberReport, kind: Kind, source: Source, frames: u64) -> bool {
    let of = member.tracks.iter().find(|track| (track.kind, track.source) == (kind, source));
    of.is_some_and(|track| track.frames >= frames && track.first_frame_delay_ms.is_some())
}

fn has_met(report: &Report, id: ParticipantId, frames: u64) -> bool {
    member(report, id).is_some_and(|member| {
        member.path == Some(Path::Sfu)
            && has_come(member, Kind::Audio, Source::Microphone, frames)
            && has_come(member, Kind::Video, Source::Camera, frames)
    })
}

/// Whether the pictures of so many members can be decoded.
fn sees(report: &Report, members: usize) -> bool {
    let is_seen = |member: &&MemberReport| has_come(member, Kind::Video, Source::Camera, 3);
    report.members.iter().filter(is_seen).count() >= members
}

fn assert_clean(report: &Report) {
    let shown = report.to_json();
    assert!(report.connected && report.errors.is_empty() && report.reconnects == 0, "{shown}");
    let sfu = report.sfu.expect("a peer connection with the SFU");
    assert_eq!((sfu.revision, sfu.answers), (0, 1), "nobody's description changes: {shown}");
    for track in report.members.iter().flat_map(|member| &member.tracks) {
        assert!(track.packets >= track.frames, "{shown}");
        let codec = if track.kind == Kind::Audio { "opus" } else { "VP8" };
        assert!(track.packets == 0 || track.codec == codec, "{shown}");
    }
}

async fn enter(guest: &mut Guest) -> ParticipantId {
    let report = guest.until("in the room", |report| report.own.is_some()).await;
    report.own.expect("just seen")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_see_and_hear_each_other_through_the_sfu_and_one_leaves() {
    let server = start().await;
    let mut ann = Guest::join(through_sfu(options(server.http_addr(), "Ann", both_kinds())));
    let ann_id = enter(&mut ann).await;
    let mut bo = Guest::join(through_sfu(options(server.http_addr(), "Bo", both_kinds())));
    let bo_id = enter(&mut bo).await;
    for (guest, other) in [(&mut ann, bo_id), (&mut bo, ann_id)] {
        let report = guest.until("seen and heard the other", |report| has_met(report, other, 25)).await;
        assert_clean(&report);
        let other = member(&report, other).expect("just met");
        assert_eq!((other.state, other.revision), (LinkState::Connected, 0));
        assert!(other.tracks.iter().all(|track| track.lost == 0), "{}", report.to_json());
        assert_eq!(report.sfu.map(|sfu| (sfu.state, sfu.slots_assigned)), Some((LinkState::Connected, 2)));
    }
    assert_clean(&bo.leave().await);
    let gone = |report: &Report| {
        let bo = member(report, bo_id).is_some_and(|member| member.left && member.state == LinkState::Closed);
        bo && report.sfu.is_some_and(|sfu| sfu.slots_assigned == 0 && sfu.state == LinkState::Connected)
    };
    ann.until("seen the other leave, and its slots empty", gone).await;
    let mut cy = Guest::join(through_sfu(options(server.http_addr(), "Cy", both_kinds())));
    let cy_id = enter(&mut cy).await;
    let report = ann.until("seen and heard the next one in the same slots", |report| has_met(report, cy_id, 10)).await;
    assert_clean(&report);
    let stays = [bo_id, cy_id].map(|id| member(&report, id).expect("both were there"));
    assert!(stays.iter().flat_map(|member| &member.tracks).all(|track| track.lost == 0), "{}", report.to_json());
    cy.leave().await;
    ann.leave().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_can_be_called_is_called_and_who_cannot_is_reached_through_the_sfu() {
    let server = start().await;
    let mut both = Vec::new();
    for name in ["Ann", "Bo"] {
        let mut guest = Guest::join(options(server.http_addr(), name, both_kinds()));
        let id = enter(&mut guest).await;
        both.push((guest, id));
    }
    let mut cy = Guest::join(through_sfu(options(server.http_addr(), "Cy", both_kinds())));
    let cy_id = enter(&mut cy).await;
    let ids: Vec<_> = both.iter().map(|(_, id)| *id).collect();
    for (at, (guest, _)) in both.iter_mut().enumerate() {
        let other = ids[1 - at];
        let met = |report: &Report| {
            has_met(report, cy_id, 10)
                && member(report, other)
                    .is_some_and(|member| member.path == Some(Path::Direct) && has_come(member, Kind::Video, Source::Camera, 10))
        };
        assert_clean(&guest.until("met one directly and one through the SFU", met).await);
    }
    let report = cy.until("met both through the SFU", |report| ids.iter().all(|id| has_met(report, *id, 10))).await;
    assert_clean(&report);
    cy.leave().await;
    for (guest, _) in both {
        guest.leave().await;
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_meet_and_nobodys_description_changes_while_the_last_ones_join() {
    let server = start().await;
    let slow = Media {
        audio: both_kinds().audio.map(|clip| clip.slowed(SLOW)),
        video: both_kinds().video.map(|clip| clip.slowed(SLOW)),
    };
    let mut guests = Vec::new();
    for number in 0..MANY {
        let guest = through_sfu(options(server.http_addr(), &format!("Guest {number}"), slow.clone()));
        let mut guest = Guest::join(Options { taste: Taste { slots: SLOTS, lines: 180 }, ..guest });
        enter(&mut guest).await;
        // Whoever comes finds the others in the middle of it.
        if number >= SLOTS {
            guest.until("seen as many as it shows", |report| sees(report, SLOTS)).await;
        }
        guests.push(guest);
    }
    for guest in &mut guests {
        let is_full = |report: &Report| {
            let sfu = report.sfu.is_some_and(|sfu| sfu.state == LinkState::Connected && sfu.slots_assigned >= SLOTS);
            sfu && report.members.len() == MANY - 1 && sees(report, SLOTS) && hears(report)
        };
        let report = guest.until("seen as many as it shows, and heard somebody", is_full).await;
        assert_clean(&report);
        assert!(report.members.iter().all(|member| member.path == Some(Path::Sfu)), "{}", report.to_json());
    }
    // Those whom they show at the end are decoded on and on: no slot has been left to nobody's picture.
    for guest in &mut guests {
        let before = guest.progress.borrow().clone();
        let more = |report: &Report| grown(&before, report) >= SLOTS;
        assert_clean(&guest.until("seen all whom it shows go on", more).await);
    }
    for guest in guests {
        assert_clean(&guest.leave().await);
    }
    server.stop().await;
}

/// Somebody's voice has come.
fn hears(report: &Report) -> bool {
    report.members.iter().any(|member| has_come(member, Kind::Audio, Source::Microphone, 3))
}

/// How many members' pictures have gone on since.
fn grown(before: &Report, report: &Report) -> usize {
    let frames = |report: &Report, id| {
        let tracks = member(report, id).map(|member| member.tracks.clone()).unwrap_or_default();
        tracks.iter().filter(|track| track.source == Source::Camera).map(|track| track.frames).sum::<u64>()
    };
    report.members.iter().filter(|member| frames(report, member.id) >= frames(before, member.id) + 3).count()
}
