//! Owns the table of settings: one row feeds the flag, the environment variable, the file, the sample and the README.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::raw::{Raw, Refusal, show_duration};
use super::{Announce, Config, LogFormat, Secret, Tls, uri};
use crate::protocol::Policy;

/// One setting: a row of the table.
pub struct Setting {
    /// Its name in the file: `section.name`.
    pub key: &'static str,
    /// Its name on the command line, without dashes.
    pub flag: &'static str,
    /// What stands for its value in `--help`.
    pub value: &'static str,
    /// One sentence for the operator.
    pub words: &'static str,
    /// A value to show where the default is not set, as TOML.
    pub example: &'static str,
    /// Checks a value and puts it in its place.
    pub(super) set: fn(&mut Draft, &Raw) -> Result<(), Refusal>,
    /// Its effective value as TOML, without secrets; none when it is not set.
    pub(super) show: fn(&Config) -> Option<String>,
}

impl Setting {
    /// The section of the file that it stands in.
    pub fn section(&self) -> &'static str {
        self.key.split_once('.').map_or("", |(section, _)| section)
    }

    /// Its name within the section.
    pub fn name(&self) -> &'static str {
        self.key.split_once('.').map_or(self.key, |(_, name)| name)
    }

    /// The environment variable: `VISAVIS_` and the flag in capitals.
    pub fn env(&self) -> String {
        format!("{ENV_PREFIX}{}", self.flag.replace('-', "_").to_ascii_uppercase())
    }

    /// Its default as TOML; none when it is not set by default.
    pub fn default(&self) -> Option<String> {
        (self.show)(&Config::default())
    }

    /// Its value in `config` as TOML, secrets redacted; none when it is not set.
    pub fn effective(&self, config: &Config) -> Option<String> {
        (self.show)(config)
    }

    /// Whether it takes several values, so that its flag may be repeated.
    pub fn is_list(&self) -> bool {
        self.default().is_some_and(|default| default.starts_with('['))
    }
}

/// What every environment variable of ours begins with.
pub const ENV_PREFIX: &str = "VISAVIS_";

/// The environment variable that names the file.
pub const ENV_CONFIG: &str = "VISAVIS_CONFIG";

/// The sections of the file in order, each with its title.
pub const SECTIONS: [(&str, &str); 8] = [
    ("http", "Where the server listens, and who may call it"),
    ("tls", "HTTPS"),
    ("rooms", "Rooms and sessions"),
    ("sfu", "The media server, which forwards what cannot go directly from browser to browser"),
    ("stun", "STUN, by which browsers learn their own public address"),
    ("turn", "TURN, which relays media where no direct path exists (see turn-config/)"),
    ("limits", "Bounds on what clients may do"),
    ("log", "What is logged, and how"),
];

/// What has been set so far; what belongs together is put together at the end.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) config: Config,
    pub(super) tls_mode: Option<TlsMode>,
    pub(super) tls_cert: Option<PathBuf>,
    pub(super) tls_key: Option<PathBuf>,
    pub(super) secret_file: Option<PathBuf>,
}

/// The choices of `tls.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TlsMode {
    Off,
    SelfSigned,
    Files,
}

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const MANY: u32 = 1_000_000;

/// All settings, in the order of the sample file.
pub const SETTINGS: [Setting; 26] = [
    Setting {
        key: "http.listen",
        flag: "listen",
        value: "ADDRESS:PORT",
        words: "Where the page and the WebSocket are served; `:8080` is port 8080 of every address, port 0 any free one.",
        example: "",
        set: |draft, raw| raw.address().map(|address| draft.config.http.listen = address),
        show: |config| Some(quote(&config.http.listen.to_string())),
    },
    Setting {
        key: "http.admin_listen",
        flag: "admin-listen",
        value: "ADDRESS:PORT|off",
        words: "Where metrics and health are served to the operator, or `off`; keep it private.",
        example: "",
        set: |draft, raw| {
            let off = raw.text()? == "off";
            draft.config.http.admin_listen = if off { None } else { Some(raw.address()?) };
            Ok(())
        },
        show: |config| Some(quote(&config.http.admin_listen.map_or("off".into(), |address| address.to_string()))),
    },
    Setting {
        key: "http.public_url",
        flag: "public-url",
        value: "URL",
        words: "The address that people open, when it is not the one the server listens on: behind a proxy, or by name.",
        example: "\"https://meet.example.org\"",
        set: |draft, raw| {
            let text = raw.text()?;
            let url = uri::public_url(text).map_err(|error| format!("{text:?}: {error}"))?;
            draft.config.http.public_url = Some(url);
            Ok(())
        },
        show: |config| config.http.public_url.as_deref().map(quote),
    },
    Setting {
        key: "http.allowed_origins",
        flag: "allowed-origins",
        value: "ORIGIN,…",
        words: "Other web sites whose pages may open a WebSocket here; the server's own page always may.",
        example: "",
        set: |draft, raw| raw.uris(uri::origin).map(|origins| draft.config.http.allowed_origins = origins),
        show: |config| Some(quote_all(&config.http.allowed_origins)),
    },
    Setting {
        key: "tls.mode",
        flag: "tls",
        value: "off|self-signed|files",
        words: "`off`: plain HTTP, for this machine or behind a proxy. `self-signed`: HTTPS with a certificate made at each \
                start, for a LAN. `files`: HTTPS with tls.cert and tls.key, which imply it.",
        example: "",
        set: |draft, raw| {
            let choices = [("off", TlsMode::Off), ("self-signed", TlsMode::SelfSigned), ("files", TlsMode::Files)];
            draft.tls_mode = Some(raw.choice(&choices)?);
            Ok(())
        },
        show: |config| {
            Some(quote(match config.tls {
                Tls::Off => "off",
                Tls::SelfSigned => "self-signed",
                Tls::Files { .. } => "files",
            }))
        },
    },
    Setting {
        key: "tls.cert",
        flag: "tls-cert",
        value: "FILE",
        words: "The certificate and those it rests on, PEM.",
        example: "\"/etc/letsencrypt/live/meet.example.org/fullchain.pem\"",
        set: |draft, raw| raw.path().map(|path| draft.tls_cert = Some(path)),
        show: |config| match &config.tls {
            Tls::Files { cert, .. } => Some(quote_path(cert)),
            Tls::Off | Tls::SelfSigned => None,
        },
    },
    Setting {
        key: "tls.key",
        flag: "tls-key",
        value: "FILE",
        words: "The certificate's private key, PEM.",
        example: "\"/etc/letsencrypt/live/meet.example.org/privkey.pem\"",
        set: |draft, raw| raw.path().map(|path| draft.tls_key = Some(path)),
        show: |config| match &config.tls {
            Tls::Files { key, .. } => Some(quote_path(key)),
            Tls::Off | Tls::SelfSigned => None,
        },
    },
    Setting {
        key: "rooms.members_max",
        flag: "members-max",
        value: "COUNT",
        words: "Most members of one room; one more is refused.",
        example: "",
        set: |draft, raw| raw.count(2, 10_000).map(|count| draft.config.rooms.members_max = count),
        show: |config| Some(config.rooms.members_max.to_string()),
    },
    Setting {
        key: "rooms.rooms_max",
        flag: "rooms-max",
        value: "COUNT",
        words: "Most rooms at a time; one more is refused.",
        example: "",
        set: |draft, raw| raw.count(1, MANY).map(|count| draft.config.rooms.rooms_max = count),
        show: |config| Some(config.rooms.rooms_max.to_string()),
    },
    Setting {
        key: "rooms.sessions_max",
        flag: "sessions-max",
        value: "COUNT",
        words: "Most sessions at a time over all rooms; one more is refused.",
        example: "",
        set: |draft, raw| raw.count(2, MANY).map(|count| draft.config.rooms.sessions_max = count),
        show: |config| Some(config.rooms.sessions_max.to_string()),
    },
    Setting {
        key: "rooms.chat_history_max",
        flag: "chat-history-max",
        value: "COUNT",
        words: "Messages that a room keeps for those who come late; 0 keeps none.",
        example: "",
        set: |draft, raw| raw.count(0, 10_000).map(|count| draft.config.rooms.chat_history_max = count),
        show: |config| Some(config.rooms.chat_history_max.to_string()),
    },
    Setting {
        key: "rooms.resume_grace",
        flag: "resume-grace",
        value: "DURATION",
        words: "How long a member may be out of touch before the others see it leave: 1s to 10m.",
        example: "",
        set: |draft, raw| raw.duration(Duration::from_secs(1), 10 * MINUTE).map(|grace| draft.config.rooms.resume_grace = grace),
        show: |config| Some(quote(&show_duration(config.rooms.resume_grace))),
    },
    Setting {
        key: "rooms.media",
        flag: "media",
        value: "auto|relay-only",
        words: "`auto`: directly between browsers where that works. `relay-only`: always through TURN, so that members do \
                not learn each other's address.",
        example: "",
        set: |draft, raw| {
            draft.config.rooms.media = raw.choice(&[("auto", Policy::Auto), ("relay-only", Policy::RelayOnly)])?;
            Ok(())
        },
        show: |config| {
            Some(quote(match config.rooms.media {
                Policy::Auto => "auto",
                Policy::RelayOnly => "relay-only",
            }))
        },
    },
    Setting {
        key: "sfu.enabled",
        flag: "sfu",
        value: "true|false",
        words: "Whether this server forwards media for members that cannot reach each other.",
        example: "",
        set: |draft, raw| raw.switch().map(|on| draft.config.sfu.enabled = on),
        show: |config| Some(config.sfu.enabled.to_string()),
    },
    Setting {
        key: "sfu.listen",
        flag: "sfu-listen",
        value: "ADDRESS:PORT",
        words: "Where media comes in, over UDP and over TCP; open both in the firewall. Port 0 is any free one.",
        example: "",
        set: |draft, raw| raw.address().map(|address| draft.config.sfu.listen = address),
        show: |config| Some(quote(&config.sfu.listen.to_string())),
    },
    Setting {
        key: "sfu.announce",
        flag: "sfu-announce",
        value: "ADDRESS,…",
        words: "The addresses under which browsers reach that, for a server behind NAT; `auto` among them stands for those found on \
                this machine. Empty: those found.",
        example: "",
        set: |draft, raw| raw.announced().map(|announced| draft.config.sfu.announce = announced),
        show: |config| {
            let shown = |announced: &Announce| match announced {
                Announce::Auto => "auto".to_owned(),
                Announce::Address(ip) => ip.to_string(),
            };
            Some(quote_all(&config.sfu.announce.iter().map(shown).collect::<Vec<_>>()))
        },
    },
    Setting {
        key: "sfu.threads",
        flag: "sfu-threads",
        value: "COUNT",
        words: "Threads that forward media; 0 is one for each core.",
        example: "",
        set: |draft, raw| raw.count(0, 64).map(|count| draft.config.sfu.threads = count),
        show: |config| Some(config.sfu.threads.to_string()),
    },
    Setting {
        key: "stun.urls",
        flag: "stun-urls",
        value: "URI,…",
        words: "STUN servers for browsers, as `stun:stun.example.org:3478`; a TURN server answers STUN too and need not be repeated. \
                Without either, browsers ask this server's media port.",
        example: "",
        set: |draft, raw| raw.uris(uri::stun).map(|urls| draft.config.ice.stun_urls = urls),
        show: |config| Some(quote_all(&config.ice.stun_urls)),
    },
    Setting {
        key: "turn.urls",
        flag: "turn-urls",
        value: "URI,…",
        words: "TURN servers for browsers, as `turn:turn.example.org:3478?transport=udp`; they need a secret.",
        example: "",
        set: |draft, raw| raw.uris(uri::turn).map(|urls| draft.config.ice.turn_urls = urls),
        show: |config| Some(quote_all(&config.ice.turn_urls)),
    },
    Setting {
        key: "turn.secret",
        flag: "turn-secret",
        value: "SECRET",
        words: "What the TURN server has as static-auth-secret; at least 16 characters. On the command line every user of \
                the machine can read it: prefer turn.secret_file.",
        example: "\"the output of: openssl rand -hex 32\"",
        set: |draft, raw| raw.secret().map(|secret| draft.config.ice.turn_secret = Some(secret)),
        show: |config| config.ice.turn_secret.as_ref().map(|secret: &Secret| quote(&secret.to_string())),
    },
    Setting {
        key: "turn.secret_file",
        flag: "turn-secret-file",
        value: "FILE",
        words: "A file that holds the secret and nothing else, instead of turn.secret.",
        example: "\"/etc/visavis/turn-secret\"",
        set: |draft, raw| raw.path().map(|path| draft.secret_file = Some(path)),
        // What came out of it is shown as turn.secret.
        show: |_| None,
    },
    Setting {
        key: "turn.credential_ttl",
        flag: "turn-credential-ttl",
        value: "DURATION",
        words: "How long a member's TURN credentials hold before new ones are sent: 30s to 24h.",
        example: "",
        set: |draft, raw| raw.duration(MINUTE / 2, 24 * HOUR).map(|ttl| draft.config.ice.credential_ttl = ttl),
        show: |config| Some(quote(&show_duration(config.ice.credential_ttl))),
    },
    Setting {
        key: "limits.connections_max",
        flag: "connections-max",
        value: "COUNT",
        words: "Most connections at a time; one more is refused. The process needs as many open files and some more.",
        example: "",
        set: |draft, raw| raw.count(1, MANY).map(|count| draft.config.limits.connections_max = count),
        show: |config| Some(config.limits.connections_max.to_string()),
    },
    Setting {
        key: "limits.frames_per_second",
        flag: "frames-per-second",
        value: "COUNT",
        words: "Frames per second that one client may send over a while, five seconds' worth at once; above, it is read more slowly.",
        example: "",
        set: |draft, raw| raw.count(1, MANY).map(|count| draft.config.limits.frames_per_second = count),
        show: |config| Some(config.limits.frames_per_second.to_string()),
    },
    Setting {
        key: "log.filter",
        flag: "log-filter",
        value: "FILTER",
        words: "What is logged: error, warn, info, debug or trace, or per part as `warn,visavis=debug`.",
        example: "",
        set: |draft, raw| raw.filter().map(|filter| draft.config.log.filter = filter),
        show: |config| Some(quote(&config.log.filter)),
    },
    Setting {
        key: "log.format",
        flag: "log-format",
        value: "text|json",
        words: "`text`: lines for people. `json`: one object a line, for programs. Either goes to standard error.",
        example: "",
        set: |draft, raw| {
            draft.config.log.format = raw.choice(&[("text", LogFormat::Text), ("json", LogFormat::Json)])?;
            Ok(())
        },
        show: |config| {
            Some(quote(match config.log.format {
                LogFormat::Text => "text",
                LogFormat::Json => "json",
            }))
        },
    },
];

/// The setting of this name in the file.
pub(super) fn by_key(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

/// As a TOML string.
fn quote(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn quote_path(path: &Path) -> String {
    quote(&path.to_string_lossy())
}

/// As a TOML array of strings.
fn quote_all(items: &[String]) -> String {
    let items: Vec<String> = items.iter().map(|item| quote(item)).collect();
    format!("[{}]", items.join(", "))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_setting_has_its_own_names_and_a_known_section() {
        let names: BTreeSet<_> = SETTINGS.iter().flat_map(|s| [s.key.to_owned(), s.flag.to_owned(), s.env()]).collect();
        assert_eq!(names.len(), 3 * SETTINGS.len());
        for setting in &SETTINGS {
            assert!(SECTIONS.iter().any(|(section, _)| *section == setting.section()), "{}", setting.key);
            assert_eq!(setting.default().is_some(), setting.example.is_empty(), "{}: a default or an example", setting.key);
            assert!(setting.words.ends_with('.') && setting.env() != ENV_CONFIG, "{}", setting.key);
        }
    }
}
