//! Owns where log lines go and how they look: to standard error, as text or JSON.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

/// Libraries that warn of each bad packet that a stranger sends. A filter that names one shows what it says.
const QUIET: [&str; 4] = ["rtc_dtls", "rtc_sctp", "rtc_stun", "rtc_datachannel"];

/// Starts logging for the whole process. A second call changes nothing.
pub(super) fn start(log: &Log) {
    // The configuration has been checked with the same parser.
    let filter = EnvFilter::try_new(&log.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let quiet = QUIET.iter().filter(|library| !log.filter.contains(*library));
    let directives = quiet.map(|library| format!("{library}=off").parse().expect("a target and a level"));
    let filter = directives.fold(filter, EnvFilter::add_directive);
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let _ = match log.format {
        LogFormat::Text => lines.with_ansi(wants_colour()).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
}

/// As <https://no-color.org> has it.
fn wants_colour() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
