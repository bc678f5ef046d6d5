//! Owns `visavis peer`: a headless participant from the command line, and what its report goes to.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{ArgMatches, Args, Command, FromArgMatches as _, ValueEnum};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing_subscriber::EnvFilter;

use super::{WRONG, print};
use crate::id::{DisplayName, RoomName};
use crate::limits::{CHAT_BYTES_MAX, VIEW_MAX};
use crate::peer::{self, Clip, Endpoint, Media, Options, PeerError, Report, Route, SourceError, Taste};

/// Where `--report` goes without a file.
const STANDARD_OUTPUT: &str = "-";

const AFTER_HELP: &str = "\
Ends with 0 when at least one other member was connected, 1 when none was, 2 when the command line is wrong.

Examples:
  Look who is there, for ten seconds:
    visavis peer --url http://localhost:8080 --room demo --duration 10s --report -
  Send the built-in picture and a tone of 660 Hz until Ctrl-C:
    visavis peer --url http://localhost:8080 --room demo --publish audio,video --tone 660
  Send files, to a server that signed its own certificate:
    visavis peer --url https://localhost:8443 --insecure --room demo \\
        --publish audio,video --audio-file speech.ogg --video-file talk.ivf";

/// Joins a room without a browser: sends media, counts what it receives, and reports
#[derive(Debug, Args)]
struct Flags {
    /// The server: http or https, host and port
    #[arg(long, value_name = "URL")]
    url: Endpoint,
    /// The room to join
    #[arg(long)]
    room: RoomName,
    /// The name that the others see
    #[arg(long, default_value = "peer")]
    name: DisplayName,
    /// What to send; nothing unless given
    #[arg(long, value_enum, value_delimiter = ',', value_name = "KINDS")]
    publish: Vec<PublishKind>,
    /// By which ways to be reached
    #[arg(long, value_enum, value_name = "WAY", default_value_t = PathKind::Auto)]
    path: PathKind,
    /// Take so many pictures at the same time through the SFU
    #[arg(long, value_name = "N", default_value_t = 9, value_parser = clap::value_parser!(u8).range(0..=VIEW_MAX as i64))]
    slots: u8,
    /// Want pictures of this height through the SFU
    #[arg(long, value_name = "LINES", default_value_t = 360, value_parser = clap::value_parser!(u16).range(1..))]
    lines: u16,
    /// Send each frame and each sound for so many times its time: a lower rate
    #[arg(long, value_name = "TIMES", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    slow: u32,
    /// Be so many participants at once; the report is a list then
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    count: u16,
    /// Send this Opus in Ogg, in a loop, instead of a tone
    #[arg(long, value_name = "FILE", conflicts_with = "tone")]
    audio_file: Option<PathBuf>,
    /// Send this VP8 in IVF, in a loop, instead of the built-in picture
    #[arg(long, value_name = "FILE")]
    video_file: Option<PathBuf>,
    /// The built-in tone to send: 440, 550, 660 or 880
    #[arg(long, value_name = "HZ", default_value_t = 440)]
    tone: u32,
    /// Write this to all on arrival; may be given several times
    #[arg(long, value_name = "TEXT", value_parser = chat)]
    chat: Vec<String>,
    /// Leave after this time, e.g. 30s, 500ms, 2m; otherwise with Ctrl-C
    #[arg(long, value_name = "TIME", value_parser = duration)]
    duration: Option<Duration>,
    /// Write what was seen as JSON to this file on leaving; - is standard output
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    report: Option<PathBuf>,
    /// Accept any certificate of the server
    #[arg(long)]
    insecure: bool,
    /// What to log to standard error, as in RUST_LOG
    #[arg(long, value_name = "FILTER", default_value = "error,visavis=info,webrtc=off,rtc=off")]
    log_filter: EnvFilter,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PublishKind {
    Audio,
    Video,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PathKind {
    /// Directly, and through the SFU whoever cannot be reached directly
    Auto,
    /// Directly only
    Direct,
    /// Through the SFU only
    Sfu,
}

/// The command with its flags.
pub(super) fn command() -> Command {
    Flags::augment_args(Command::new("peer").after_help(AFTER_HELP))
}

/// Joins, stays, reports.
pub(super) fn run(matches: &ArgMatches) -> ExitCode {
    let flags = match Flags::from_arg_matches(matches) {
        Ok(flags) => flags,
        Err(error) => error.exit(),
    };
    let Checked { options, count, report, log_filter } = match flags.check() {
        Ok(checked) => checked,
        Err(error) => return end(WRONG, &error),
    };
    // Somebody else's logging, in a test, is as good.
    let _ = tracing_subscriber::fmt().with_env_filter(log_filter).with_writer(io::stderr).try_init();
    let seen = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime.block_on(run_all(options, count)),
        Err(error) => return end(1, &format!("Cannot start the runtime: {error}.")),
    };
    let seen = match seen {
        Ok(seen) => seen,
        Err(error) => return end(1, &error.to_string()),
    };
    if let Err(error) = deliver(&seen, report) {
        return end(1, &error);
    }
    if seen.iter().all(|report| report.connected) { ExitCode::SUCCESS } else { end(1, "never connected to another member") }
}

/// A command line that makes sense.
struct Checked {
    options: Options,
    count: u16,
    report: Option<PathBuf>,
    log_filter: EnvFilter,
}

/// So many participants, each after the one before has begun, with its number in its name. One that does not come into the room ends
/// all.
async fn run_all(options: Options, count: u16) -> Result<Vec<Report>, PeerError> {
    if count == 1 {
        return Ok(vec![peer::run(options, until_interrupted()).await?]);
    }
    let (leave, left) = watch::channel(());
    let mut peers = JoinSet::new();
    for number in 1..=count {
        let Options { endpoint, room, media, route, taste, chat, duration, .. } = &options;
        let name = format!("{} {number}", options.name).parse().unwrap_or_else(|_| options.name.clone());
        let own = Options {
            media: media.clone(),
            route: *route,
            taste: *taste,
            chat: chat.clone(),
            duration: *duration,
            ..Options::new(endpoint.clone(), room.clone(), name)
        };
        let mut left = left.clone();
        peers.spawn(peer::run(own, async move {
            // The other end is dropped to say so.
            let _ = left.changed().await;
        }));
    }
    let mut reports = Vec::new();
    let mut leave = Some(leave);
    let interrupted = until_interrupted();
    tokio::pin!(interrupted);
    loop {
        tokio::select! {
            peer = peers.join_next() => match peer {
                Some(Ok(report)) => reports.push(report?),
                Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
                None => return Ok(reports),
            },
            () = &mut interrupted, if leave.is_some() => leave = None,
        }
    }
}

impl Flags {
    fn check(self) -> Result<Checked, String> {
        let sends = |kind| self.publish.contains(&kind);
        for (file, kind, flag) in
            [(&self.audio_file, PublishKind::Audio, "audio"), (&self.video_file, PublishKind::Video, "video")]
        {
            if file.is_some() && !sends(kind) {
                return Err(format!("--{flag}-file needs --publish {flag}"));
            }
        }
        let media = Media {
            audio: sends(PublishKind::Audio).then(|| self.audio()).transpose().map_err(|error| error.to_string())?,
            video: sends(PublishKind::Video).then(|| self.video()).transpose().map_err(|error| error.to_string())?,
        };
        let endpoint = if self.insecure { self.url.accepting_any_certificate() } else { self.url };
        let route = match self.path {
            PathKind::Auto => Route::Auto,
            PathKind::Direct => Route::Direct,
            PathKind::Sfu => Route::Sfu,
        };
        let taste = Taste { slots: self.slots.into(), lines: self.lines };
        let (chat, duration) = (self.chat, self.duration);
        let options = Options { media, route, taste, chat, duration, ..Options::new(endpoint, self.room, self.name) };
        Ok(Checked { options, count: self.count, report: self.report, log_filter: self.log_filter })
    }

    fn audio(&self) -> Result<Clip, SourceError> {
        let clip = self.audio_file.as_deref().map_or_else(|| peer::tone(self.tone), Clip::open_ogg)?;
        Ok(clip.slowed(self.slow))
    }

    fn video(&self) -> Result<Clip, SourceError> {
        let clip = self.video_file.as_deref().map_or_else(|| Ok(peer::pattern()), Clip::open_ivf)?;
        Ok(clip.slowed(self.slow))
    }
}

fn deliver(reports: &[Report], to: Option<PathBuf>) -> Result<(), String> {
    let json = match reports {
        [report] => report.to_json(),
        _ => {
            format!("[{}]\n", reports.iter().map(|report| report.to_json().trim_end().to_owned()).collect::<Vec<_>>().join(",\n"))
        }
    };
    match to {
        None => Ok(()),
        Some(path) if path.as_os_str() == STANDARD_OUTPUT => {
            print(&json);
            Ok(())
        }
        Some(path) => std::fs::write(&path, json).map_err(|error| format!("cannot write {}: {error}", path.display())),
    }
}

fn end(code: u8, error: &str) -> ExitCode {
    eprintln!("visavis: {error}");
    ExitCode::from(code)
}

/// Waits for Ctrl-C, or for what a service manager sends.
async fn until_interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("{text:?} is not a time such as 30s, 500ms, 2m or 1h");
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().map_err(|_| bad())?;
    let millis = match &text[digits..] {
        "ms" => 1,
        "" | "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(bad()),
    };
    number.checked_mul(millis).map(Duration::from_millis).ok_or_else(bad)
}

fn chat(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("a chat message needs a text".into());
    }
    if text.len() > CHAT_BYTES_MAX {
        return Err(format!("a chat message has at most {CHAT_BYTES_MAX} bytes"));
    }
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(args: &[&str]) -> Result<Options, String> {
        let args = ["peer", "--url", "http://localhost:1", "--room", "r"].iter().chain(args);
        let matches = command().try_get_matches_from(args).map_err(|error| error.to_string())?;
        Ok(Flags::from_arg_matches(&matches).map_err(|error| error.to_string())?.check()?.options)
    }

    #[test]
    fn times_are_written_with_a_unit() {
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("30"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        for bad in ["", "s", "-1s", "1.5s", "1d", "1 s", "99999999999999999999s", "18446744073709551615h"] {
            assert!(duration(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn both_kinds_are_published_with_a_tone_of_choice() {
        let options = checked(&["--publish", "audio,video", "--tone", "880"]).expect("a good command line");
        assert_eq!(options.media.audio, peer::tone(880).ok());
        assert_eq!(options.media.video, Some(peer::pattern()));
        let silent = checked(&[]).expect("a good command line");
        assert!(silent.media.audio.is_none() && silent.media.video.is_none());
    }

    #[test]
    fn the_way_through_the_server_is_chosen() {
        let options = checked(&["--path", "sfu", "--slots", "6", "--lines", "180"]).expect("a good command line");
        assert_eq!((options.route, options.taste), (Route::Sfu, Taste { slots: 6, lines: 180 }));
        assert_eq!(options.route.capabilities(), ["sfu"]);
        let usual = checked(&[]).expect("a good command line");
        assert_eq!(usual.route.capabilities(), ["webrtc", "sfu"]);
    }

    #[test]
    fn what_cannot_work_is_refused_with_words() {
        for (args, word) in [
            (&["--publish", "audio", "--tone", "441"][..], "440"),
            (&["--publish", "audio", "--audio-file", "/no/such/file"], "/no/such/file"),
            (&["--video-file", "x.ivf"], "--publish video"),
            (&["--publish", "smell"], "smell"),
            (&["--duration", "soon"], "soon"),
            (&["--path", "scenic"], "scenic"),
            (&["--slots", "65"], "65"),
            (&["--chat", " "], "text"),
            (&["--name", ""], "name"),
        ] {
            let refusal = checked(args).expect_err("not a good command line");
            assert!(refusal.contains(word), "{args:?}: {refusal}");
        }
    }
}
