//! Owns a headless participant that a test watches, and a server for it.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use visavis::config::Config;
use visavis::peer::{self, Media, Options, PeerError, Report};
use visavis::server::Server;

/// Longer than anything here takes; only a failure waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server on free ports of loopback.
pub async fn start() -> Server {
    let mut config = Config::default();
    config.http.listen = ([127, 0, 0, 1], 0).into();
    config.sfu.listen = ([127, 0, 0, 1], 0).into();
    config.http.admin_listen = None;
    Server::start(&config, None).await.expect("loopback has a free port")
}

/// A headless participant that a test watches.
pub struct Guest {
    pub progress: watch::Receiver<Report>,
    leave: oneshot::Sender<()>,
    pub task: JoinHandle<Result<Report, PeerError>>,
}

/// A tone and a moving picture.
pub fn both_kinds() -> Media {
    Media { audio: Some(peer::tone(440).expect("built in")), video: Some(peer::pattern()) }
}

/// Someone of this name in the one room of the test.
pub fn options(server: SocketAddr, name: &str, media: Media) -> Options {
    let endpoint = format!("http://{server}").parse().expect("a URL");
    let room = "den".parse().expect("a room");
    Options { media, ..Options::new(endpoint, room, name.parse().expect("a name")) }
}

impl Guest {
    pub fn join(mut options: Options) -> Self {
        let nothing = Report {
            own: None,
            room: options.room.clone(),
            connected: false,
            sfu: None,
            members: vec![],
            chat: vec![],
            reconnects: 0,
            errors: vec![],
        };
        let (sender, progress) = watch::channel(nothing);
        options.progress = Some(sender);
        let (leave, left) = oneshot::channel();
        let task = tokio::spawn(peer::run(options, async move {
            // A test that fails drops its end, which is as good a reason to leave.
            let _ = left.await;
        }));
        Self { progress, leave, task }
    }

    /// Waits until the report is like this.
    pub async fn until(&mut self, what: &str, is_so: impl Fn(&Report) -> bool) -> Report {
        let waited = timeout(PATIENCE, self.progress.wait_for(is_so)).await.map(|report| report.map(|report| report.clone()));
        match waited {
            Ok(report) => report.expect("the participant is there"),
            Err(_) => panic!("never {what}: {}", self.progress.borrow().to_json()),
        }
    }

    pub async fn leave(self) -> Report {
        let _ = self.leave.send(());
        let report = timeout(PATIENCE, self.task).await.expect("leaves in time").expect("does not panic");
        report.expect("was in the room")
    }
}
