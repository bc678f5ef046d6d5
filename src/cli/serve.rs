//! Owns `visavis serve`: from the configuration to a running server, and from a signal to its end.

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::banner::{Banner, Qr};
use super::{config, log, print, sources};
use crate::config::Config;
use crate::http::tls::{self, ServerTls};
use crate::server::Server;

/// Files that the process has open besides its connections: listeners, timers, standard streams, and some to spare.
const OPEN_FILES_BESIDE_CONNECTIONS: u64 = 64;

/// The flags of this command.
pub(super) fn flags() -> Vec<Arg> {
    let qr = Arg::new("qr")
        .long("qr")
        .action(ArgAction::SetTrue)
        .overrides_with("qr")
        .help("Print the QR code of the address even where the output is not a terminal");
    std::iter::once(qr).chain(sources::flags()).collect()
}

/// Runs the server until a signal ends it.
pub(super) fn run(matches: &ArgMatches) -> ExitCode {
    let config = match config(matches) {
        Ok(config) => config,
        Err(code) => return code,
    };
    log::start(&config.log);
    raise_open_files(&config);
    let qr = match (io::stdout().is_terminal(), matches.get_flag("qr")) {
        (true, _) => Some(Qr::Coloured),
        (false, true) => Some(Qr::Plain),
        (false, false) => None,
    };
    let done = tokio::runtime::Runtime::new().map_err(|error| format!("Cannot start the runtime: {error}."));
    match done.and_then(|runtime| runtime.block_on(serve(&config, qr))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("visavis: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Lets the process open as many files as the system allows it, and says so where that is too few: each connection is one.
fn raise_open_files(config: &Config) {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) if limit < u64::from(config.limits.connections_max) + OPEN_FILES_BESIDE_CONNECTIONS => {
            let connections_max = config.limits.connections_max;
            tracing::warn!(
                limit,
                connections_max,
                "fewer open files are allowed than connections; raise LimitNOFILE (ulimit -n)"
            );
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "cannot raise the limit of open files"),
    }
}

async fn serve(config: &Config, qr: Option<Qr>) -> Result<(), String> {
    // Before the server starts, so that a signal in between is not lost.
    let mut signals = Signals::listen().map_err(|error| format!("Cannot listen for signals: {error}."))?;
    let tls = tls::server_config(&config.tls, certificate_names(config)).map_err(|error| error.to_string())?;
    let rustls = tls.as_ref().map(|tls: &ServerTls| tls.config.clone());
    let server = Server::start(config, rustls).await.map_err(|error| error.to_string())?;
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let interfaces = interfaces.into_iter().map(|interface| (interface.ip(), interface.name)).collect();
    let (address, media) = (server.http_addr(), server.media_addr());
    print(&Banner { config, address, media, interfaces, tls: tls.as_ref(), qr }.to_string());

    let failed = server.failed();
    let broken = async {
        match &failed {
            Some(failed) => failed.notified().await,
            None => std::future::pending().await,
        }
    };
    let outcome = tokio::select! {
        () = signals.next() => Ok(()),
        () = broken => Err("A thread that forwards media has failed; see the log.".to_owned()),
    };
    tokio::select! {
        () = server.stop() => outcome,
        () = signals.next() => Err("Stopped at once by a second signal.".into()),
    }
}

/// What a certificate of our own speaks for: this machine's names and addresses, and the public one.
fn certificate_names(config: &Config) -> Vec<String> {
    let mut names = tls::own_names();
    names.extend(config.http.public_url.as_deref().and_then(host_of).map(str::to_owned));
    names
}

/// The host of an origin, an IPv6 address without its brackets.
fn host_of(origin: &str) -> Option<&str> {
    let (_, authority) = origin.split_once("://")?;
    match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => authority.split(':').next(),
    }
}

/// The signals that end the server: SIGTERM from a supervisor, SIGINT from a keyboard.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_an_origin_has_no_port_and_no_brackets() {
        for (origin, host) in [
            ("https://meet.example.org", "meet.example.org"),
            ("https://meet.example.org:8443", "meet.example.org"),
            ("https://[2001:db8::1]", "2001:db8::1"),
            ("https://[2001:db8::1]:8443", "2001:db8::1"),
        ] {
            assert_eq!(host_of(origin), Some(host));
        }
    }
}
