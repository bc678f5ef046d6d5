//! Owns the command line: which commands there are, and what the process ends with.
//!
//! It ends with 0 when all went well, 1 when something failed, 2 when the command line or the configuration is wrong.

mod banner;
mod check_config;
mod log;
mod serve;
mod sources;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{ArgMatches, Command};

use crate::config;

/// The command line or the configuration is wrong.
const WRONG: u8 = 2;

/// Does what the arguments say; the first one is the program's own name.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let matches = match command().try_get_matches_from(args) {
        Ok(matches) => matches,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(WRONG) } else { ExitCode::SUCCESS };
        }
    };
    match matches.subcommand() {
        None => serve::run(&matches),
        Some(("serve", matches)) => serve::run(matches),
        Some(("check-config", matches)) => check_config::run(matches),
        Some(("sample-config", _)) => print_sample(),
        Some((name, _)) => unreachable!("{name} is not in the table of commands"),
    }
}

fn command() -> Command {
    Command::new("visavis")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A self-hosted meeting server: one binary with its page")
        .after_help("Settings are taken from flags, then the environment, then the file (visavis.toml), then defaults.")
        .args(serve::flags())
        .args_conflicts_with_subcommands(true)
        .subcommand(Command::new("serve").about("Runs the server; so does no command at all").args(serve::flags()))
        .subcommand(
            Command::new("check-config")
                .about("Checks the configuration and prints the settings in effect, or everything that is wrong")
                .args(sources::flags()),
        )
        .subcommand(Command::new("sample-config").about("Prints a commented visavis.toml"))
}

fn print_sample() -> ExitCode {
    print(&config::sample());
    ExitCode::SUCCESS
}

/// Prints to standard output. A reader that has gone away is no failure of ours.
fn print(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Prints what is wrong, one line each, and answers with what the process then ends with.
fn refuse<E: std::fmt::Display>(errors: &[E]) -> ExitCode {
    for error in errors {
        eprintln!("visavis: {error}");
    }
    ExitCode::from(WRONG)
}

/// The settings as the arguments, the environment and the file give them.
///
/// # Errors
/// What the process ends with, once everything that is wrong has been printed.
fn config(matches: &ArgMatches) -> Result<config::Config, ExitCode> {
    sources::load(matches).map_err(|errors| refuse(&errors))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        command().debug_assert();
    }

    #[test]
    fn every_setting_is_in_the_help_with_its_variable_and_default() {
        let help = command().render_long_help().to_string();
        for setting in &config::SETTINGS {
            assert!(help.contains(&format!("--{} <", setting.flag)), "{}", setting.flag);
            assert!(help.contains(&setting.env()), "{}", setting.flag);
        }
    }
}
