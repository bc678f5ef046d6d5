//! Owns the headless participant: it joins a room as a browser does, publishes, counts what it receives, and reports.
//!
//! It uses the same door as a browser, [`crate::protocol`] over one WebSocket, and one peer connection per member; those that are
//! reached through the SFU share one, whose receive slots change hands.
//!
//! ```text
//! session ──events──▶ meeting ──signals──▶ link (one task per member) ◀──▶ peer connection ◀──▶ the other end
//!    ▲                  │                    │  publish: plays clips         receive: counts tracks
//!    │                  └───────sfu_*──────▶ sfu_link (one task) ◀──▶ peer connection ◀──▶ the SFU; slots: whose is what comes
//!    └───────────────── voice ◀──────────────┘                                  │
//!                                  report ◀── facts ◀──────────────────────────┘
//! ```
//!
//! **Invariant:** it knows nothing of the server but the protocol; and nothing outside this module names `webrtc`.

mod counter;
mod endpoint;
mod engine;
mod keyframe_requests;
mod ledger;
mod link;
mod meeting;
mod negotiation;
mod publish;
mod receive;
mod report;
mod session;
mod sfu_link;
mod slots;
mod source;

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep};

pub use endpoint::{BadUrl, ConnectError, Endpoint};
pub use publish::Media;
pub use report::{ChatReport, Kind, LinkState, MemberReport, Path, Report, SfuReport, Source, TrackReport};
pub use session::{Session, SessionError, SessionEvent, Silenced, Voice};
pub use source::{Clip, Codec, Frame, SourceError, TONES_HZ, pattern, tone};

use crate::id::{DisplayName, RoomName};
use crate::protocol::{CAPABILITY_SFU, CAPABILITY_WEBRTC, ClientMessage, Hello, Presence};
use meeting::{Meeting, Part};

/// How often [`Options::progress`] is brought up to date.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

/// The longest that a goodbye takes.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(3);

/// By which ways a headless participant can be reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Route {
    /// Directly, and through the SFU for those that are not reached directly.
    #[default]
    Auto,
    /// Directly only.
    Direct,
    /// Through the SFU only.
    Sfu,
}

impl Route {
    /// What is said of it in a hello.
    pub fn capabilities(self) -> Vec<String> {
        let capabilities: &[&str] = match self {
            Self::Auto => &[CAPABILITY_WEBRTC, CAPABILITY_SFU],
            Self::Direct => &[CAPABILITY_WEBRTC],
            Self::Sfu => &[CAPABILITY_SFU],
        };
        capabilities.iter().map(|capability| (*capability).into()).collect()
    }
}

/// What is taken through the SFU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taste {
    /// Pictures at the same time, at most [`crate::limits::VIEW_MAX`].
    pub slots: usize,
    /// Height of each picture, in pixels; the width is as of 16:9.
    pub lines: u16,
}

impl Default for Taste {
    fn default() -> Self {
        Self { slots: 9, lines: 360 }
    }
}

/// How a headless participant takes part.
#[derive(Debug)]
pub struct Options {
    /// The server.
    pub endpoint: Endpoint,
    /// The room.
    pub room: RoomName,
    /// The display name.
    pub name: DisplayName,
    /// What it publishes.
    pub media: Media,
    /// By which ways.
    pub route: Route,
    /// What it takes through the SFU.
    pub taste: Taste,
    /// What it writes to all on arrival.
    pub chat: Vec<String>,
    /// How long it stays; without, until it is told to leave.
    pub duration: Option<Duration>,
    /// Gets the report over and over while the participant is there.
    pub progress: Option<watch::Sender<Report>>,
}

impl Options {
    /// Someone who only listens, until it is told to leave.
    pub fn new(endpoint: Endpoint, room: RoomName, name: DisplayName) -> Self {
        let (media, route, taste) = (Media::default(), Route::default(), Taste::default());
        Self { endpoint, room, name, media, route, taste, chat: Vec::new(), duration: None, progress: None }
    }
}

/// Why a headless participant never came into the room.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct PeerError(#[from] pub SessionError);

/// Joins, stays, leaves, and reports. Ends after the duration, on `shutdown`, or when the session ends for good.
///
/// # Errors
/// It never came into the room. What happens later is in the report.
pub async fn run(options: Options, shutdown: impl Future<Output = ()>) -> Result<Report, PeerError> {
    let Options { endpoint, room, name, media, route, taste, chat, duration, progress } = options;
    let presence = Presence { muted: media.audio.is_none(), camera_off: media.video.is_none(), ..Presence::default() };
    let hello =
        Hello { room: room.to_string(), name: name.to_string(), resume: None, capabilities: route.capabilities(), presence };
    tokio::pin!(shutdown);
    let mut session = tokio::select! {
        session = Session::open(endpoint, hello) => session?,
        () = &mut shutdown => return Err(PeerError(SessionError::Left)),
    };
    let mut meeting = Meeting::new(room, Part { media, route, taste }, chat, session.voice());
    let over = async {
        match duration {
            Some(duration) => sleep(duration).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = stay(&mut meeting, &mut session, progress.as_ref()) => {}
        () = over => {}
        () = shutdown => {}
    }
    let report = meeting.report();
    say_goodbye(meeting, session).await;
    if let Some(progress) = progress {
        progress.send_replace(report.clone());
    }
    Ok(report)
}

/// Takes part until the session ends.
async fn stay(meeting: &mut Meeting, session: &mut Session, progress: Option<&watch::Sender<Report>>) {
    let mut reports = interval(PROGRESS_INTERVAL);
    reports.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            event = session.next() => match event {
                Some(event) => meeting.handle_event(event).await,
                None => return,
            },
            _ = reports.tick(), if progress.is_some() => {
                if let Some(progress) = progress {
                    progress.send_replace(meeting.report());
                }
            }
        }
    }
}

/// Leaves so that the others see it at once, and releases what TURN servers hold for the links.
async fn say_goodbye(mut meeting: Meeting, mut session: Session) {
    let goodbye = async {
        if session.voice().say(ClientMessage::Leave).await.is_ok() {
            while let Some(event) = session.next().await {
                if matches!(event, SessionEvent::Ended(_)) {
                    break;
                }
            }
        }
        meeting.hang_up().await;
    };
    // Whoever does not answer a goodbye in time sees a lost connection instead.
    let _ = tokio::time::timeout(GOODBYE_TIMEOUT, goodbye).await;
}
