//! Owns `visavis check-config`: the settings in effect, or everything that is wrong.

use std::process::ExitCode;

use clap::ArgMatches;

use super::{config, print, refuse, sources};
use crate::config::effective;
use crate::http::tls;

/// Prints `ok` and the settings in effect, without secrets, or everything that is wrong. A certificate from files is looked
/// at too, since a server would not start with a bad one.
pub(super) fn run(matches: &ArgMatches) -> ExitCode {
    let config = match config(matches) {
        Ok(config) => config,
        Err(code) => return code,
    };
    if let Err(error) = tls::server_config(&config.tls, Vec::new()) {
        return refuse(&[error]);
    }
    let from = sources::file_path(matches).map_or("no file".into(), |path| path.display().to_string());
    print(&format!("ok\n\n# In effect, from {from}, the environment and flags:\n{}", effective(&config)));
    ExitCode::SUCCESS
}
