//! Owns the checked configuration: what the rest of the program may rely on without looking again.
//!
//! One table ([`SETTINGS`]) feeds the flags, the environment variables, the file, the sample and the README. [`load`]
//! takes all sources as values and answers with a [`Config`], or with everything that is wrong with them.
//!
//! **Invariant:** nothing here touches a file, the environment or the network; the one file that only a setting can name
//! (`turn.secret_file`) is read through [`Sources::read`].

mod error;
mod file;
mod load;
mod print;
mod raw;
mod secret;
mod settings;
mod suggest;
mod uri;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

pub use error::{ConfigError, Place};
pub use file::File;
pub use load::{Sources, load};
pub use print::{effective, readme_table, sample};
pub use secret::Secret;
pub use settings::{ENV_CONFIG, ENV_PREFIX, SECTIONS, SETTINGS, Setting};

use crate::protocol::Policy;

/// Everything an operator can set, checked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    /// Where the server listens, and who may call it.
    pub http: Http,
    /// HTTPS.
    pub tls: Tls,
    /// Rooms and sessions.
    pub rooms: Rooms,
    /// The media server.
    pub sfu: Sfu,
    /// What browsers are told about STUN and TURN.
    pub ice: Ice,
    /// Bounds on what clients may do.
    pub limits: Limits,
    /// What is logged, and how.
    pub log: Log,
}

/// Where the server listens, and who may call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http {
    /// The page and the WebSocket. An unspecified IPv6 address takes IPv4 too.
    pub listen: SocketAddr,
    /// Metrics and health for the operator; none: off.
    pub admin_listen: Option<SocketAddr>,
    /// How people reach the server, as `scheme://host[:port]` without a slash at the end; none: as the request says.
    pub public_url: Option<String>,
    /// Origins, besides the server's own, whose pages may open a WebSocket; each `scheme://host[:port]`, lowercase.
    pub allowed_origins: Vec<String>,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: (Ipv6Addr::UNSPECIFIED, 8080).into(),
            admin_listen: Some((Ipv4Addr::LOCALHOST, 9090).into()),
            public_url: None,
            allowed_origins: Vec::new(),
        }
    }
}

/// HTTPS.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Tls {
    /// Plain HTTP: for this machine only, or behind a proxy that speaks HTTPS.
    #[default]
    Off,
    /// With a certificate made at each start, which browsers warn of: for a LAN.
    SelfSigned,
    /// With a certificate from files.
    Files {
        /// The certificate and those it rests on, PEM.
        cert: PathBuf,
        /// Its private key, PEM.
        key: PathBuf,
    },
}

/// Rooms and sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rooms {
    /// Most members of one room, 2 or more. One more: refused.
    pub members_max: u32,
    /// Most rooms at a time, 1 or more. One more: refused.
    pub rooms_max: u32,
    /// Most sessions at a time over all rooms, 2 or more. One more: refused.
    pub sessions_max: u32,
    /// Messages to all that a room keeps for those who come late; 0: none. One more: the oldest goes.
    pub chat_history_max: u32,
    /// How long a session waits for a lost connection to come back: 1 s to 10 min.
    pub resume_grace: Duration,
    /// Which paths media may take.
    pub media: Policy,
}

impl Default for Rooms {
    fn default() -> Self {
        Self {
            members_max: 200,
            rooms_max: 10_000,
            sessions_max: 20_000,
            chat_history_max: 200,
            resume_grace: Duration::from_secs(30),
            media: Policy::Auto,
        }
    }
}

/// The media server, which forwards what cannot go directly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sfu {
    /// Whether there is one.
    pub enabled: bool,
    /// Where media comes in, over UDP and TCP. An unspecified IPv6 address takes IPv4 too; port 0: any free one.
    pub listen: SocketAddr,
    /// What browsers are told of that; none: what is found.
    pub announce: Vec<Announce>,
    /// Threads, each with the media of its rooms; 0: one for each core. At most 64.
    pub threads: u32,
}

/// An address that browsers are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Announce {
    /// Those that are found on this machine.
    Auto,
    /// This one.
    Address(IpAddr),
}

impl Default for Sfu {
    fn default() -> Self {
        Self { enabled: true, listen: (Ipv6Addr::UNSPECIFIED, 8443).into(), announce: Vec::new(), threads: 0 }
    }
}

/// What browsers are told about STUN and TURN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ice {
    /// `stun:` and `stuns:` URIs (RFC 7064).
    pub stun_urls: Vec<String>,
    /// `turn:` and `turns:` URIs (RFC 7065). Never without a secret.
    pub turn_urls: Vec<String>,
    /// Shared with the TURN server (coturn's `static-auth-secret`). Never without a URI.
    pub turn_secret: Option<Secret>,
    /// How long minted credentials hold: 30 s to 24 h.
    pub credential_ttl: Duration,
}

impl Default for Ice {
    fn default() -> Self {
        Self { stun_urls: Vec::new(), turn_urls: Vec::new(), turn_secret: None, credential_ttl: Duration::from_secs(4 * 3600) }
    }
}

/// Bounds on what clients may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Most connections at a time, WebSockets and others, 1 or more. One more: refused.
    pub connections_max: u32,
    /// Frames per second of one client over a while, 1 or more, with a burst of five seconds' worth. More: read more slowly.
    pub frames_per_second: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections_max: 15_000, frames_per_second: 200 }
    }
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// As `RUST_LOG`: `info`, or `warn,visavis=debug`.
    pub filter: String,
    /// How a line looks.
    pub format: LogFormat,
}

impl Default for Log {
    fn default() -> Self {
        Self { filter: "info".into(), format: LogFormat::Text }
    }
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object each, for programs.
    Json,
}
