//! Owns putting the sources together: flag over environment over file over default, every error at once.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::path::Path;

use super::file::{self, File, Given};
use super::raw::{Raw, read_secret};
use super::settings::{Draft, ENV_CONFIG, ENV_PREFIX, SETTINGS, TlsMode};
use super::{Config, ConfigError, Place, Tls, suggest};
use crate::protocol::Policy;

/// Everything that is known before the configuration is.
pub struct Sources<'a> {
    /// The values of each flag that was given, by its name without dashes.
    pub flags: Vec<(String, Vec<String>)>,
    /// The environment. What does not begin with [`ENV_PREFIX`] is not looked at; an empty value counts as not given.
    pub env: BTreeMap<String, String>,
    /// The file, if there is one.
    pub file: Option<File>,
    /// Reads the file that `turn.secret_file` names.
    pub read: &'a dyn Fn(&Path) -> io::Result<String>,
}

/// Checks all sources.
///
/// # Errors
/// Everything that is wrong, in the order file, environment, flags, what does not fit together.
pub fn load(sources: &Sources<'_>) -> Result<Config, Vec<ConfigError>> {
    let (mut given, mut errors) = sources.file.as_ref().map(file::read).unwrap_or_default();
    read_env(&sources.env, &mut given, &mut errors);
    read_flags(&sources.flags, &mut given, &mut errors);

    let mut loading = Loading { draft: Draft::default(), places: BTreeMap::new(), refused: BTreeSet::new(), errors };
    for (setting, place, raw) in given {
        if let Err(refusal) = (setting.set)(&mut loading.draft, &raw) {
            loading.errors.push(ConfigError::new(&place, format!("{}: {refusal}", setting.key)));
            loading.refused.insert(setting.key);
        }
        loading.places.insert(setting.key, place);
    }
    loading.settle_tls();
    loading.settle_turn(sources.read);
    loading.check_listeners();
    if loading.errors.is_empty() { Ok(loading.draft.config) } else { Err(loading.errors) }
}

fn read_env(env: &BTreeMap<String, String>, given: &mut Vec<Given>, errors: &mut Vec<ConfigError>) {
    let ours = env.iter().filter(|(name, value)| name.starts_with(ENV_PREFIX) && !value.is_empty());
    for (name, value) in ours.filter(|(name, value)| *name != ENV_CONFIG && !is_of_kubernetes(name, value)) {
        let place = Place::Env(name.clone());
        match SETTINGS.iter().find(|setting| setting.env() == *name) {
            Some(setting) => given.push((setting, place, Raw::Words(vec![value.clone()]))),
            None => errors.push(ConfigError::new(&place, unknown_env(name))),
        }
    }
}

fn unknown_env(name: &str) -> String {
    let known: Vec<String> = SETTINGS.iter().map(|setting| setting.env()).collect();
    match suggest::closest(name, known.iter().map(String::as_str)) {
        Some(close) => format!("There is no such variable; did you mean {close}?"),
        None => "There is no such variable; `visavis --help` names all there are.".into(),
    }
}

/// Kubernetes and Docker links describe a service called `visavis` to its neighbours in variables that look like ours.
fn is_of_kubernetes(name: &str, value: &str) -> bool {
    let rest = name.strip_prefix(ENV_PREFIX).unwrap_or(name);
    rest.starts_with("SERVICE_") || rest.starts_with("PORT_") || (rest == "PORT" && value.contains("://"))
}

fn read_flags(flags: &[(String, Vec<String>)], given: &mut Vec<Given>, errors: &mut Vec<ConfigError>) {
    for (name, values) in flags {
        let place = Place::Flag(name.clone());
        match SETTINGS.iter().find(|setting| setting.flag == *name) {
            Some(setting) => given.push((setting, place, Raw::Words(values.clone()))),
            None => errors.push(ConfigError::new(&place, "There is no such flag.")),
        }
    }
}

struct Loading {
    draft: Draft,
    /// Where each setting that was given was last given, whether its value was good or not.
    places: BTreeMap<&'static str, Place>,
    /// The settings that were refused somewhere: what follows from their absence would only repeat it.
    refused: BTreeSet<&'static str>,
    errors: Vec<ConfigError>,
}

impl Loading {
    fn place(&self, key: &str) -> Place {
        self.places.get(key).cloned().unwrap_or(Place::Default)
    }

    fn rank(&self, key: &str) -> u8 {
        self.place(key).rank()
    }

    fn is_given(&self, key: &str) -> bool {
        self.places.contains_key(key)
    }

    fn refuse(&mut self, key: &str, message: &str) {
        let place = self.place(key);
        self.errors.push(ConfigError::new(&place, message));
    }

    /// Makes one of `tls.mode`, `tls.cert` and `tls.key`. A mode overrides files that were given at a lower place, and
    /// files override such a mode; at the same place they must agree.
    fn settle_tls(&mut self) {
        let files_rank = self.rank("tls.cert").max(self.rank("tls.key"));
        let files_given = files_rank > 0;
        let mode = match self.draft.tls_mode {
            Some(mode) if self.rank("tls.mode") > files_rank => mode,
            Some(TlsMode::Off | TlsMode::SelfSigned) if self.rank("tls.mode") == files_rank => {
                return self
                    .refuse("tls.mode", "tls.mode is not \"files\", yet tls.cert or tls.key is set; remove one or the other.");
            }
            _ if files_given => TlsMode::Files,
            mode => mode.unwrap_or(TlsMode::Off),
        };
        self.draft.config.tls = match mode {
            TlsMode::Off => Tls::Off,
            TlsMode::SelfSigned => Tls::SelfSigned,
            TlsMode::Files => return self.settle_tls_files(),
        };
    }

    fn settle_tls_files(&mut self) {
        match (self.draft.tls_cert.take(), self.draft.tls_key.take()) {
            (Some(cert), Some(key)) => self.draft.config.tls = Tls::Files { cert, key },
            (Some(_), None) if !self.is_given("tls.key") => {
                self.refuse("tls.cert", "tls.cert needs its private key; set tls.key too.");
            }
            (None, Some(_)) if !self.is_given("tls.cert") => {
                self.refuse("tls.key", "tls.key needs its certificate; set tls.cert too.");
            }
            (None, None) if !self.is_given("tls.cert") && !self.is_given("tls.key") => {
                self.refuse("tls.mode", "tls.mode is \"files\"; set tls.cert and tls.key.");
            }
            // A path was given and has been refused.
            _ => {}
        }
    }

    fn settle_turn(&mut self, read: &dyn Fn(&Path) -> io::Result<String>) {
        let (secret, file) = (self.rank("turn.secret"), self.rank("turn.secret_file"));
        if file > 0 && file == secret {
            self.refuse("turn.secret_file", "turn.secret and turn.secret_file are both set; remove one.");
        } else if file > secret {
            self.read_secret_file(read);
        }
        let secret_key = if file > secret { "turn.secret_file" } else { "turn.secret" };
        let urls_wanted = !self.draft.config.ice.turn_urls.is_empty() || self.refused.contains("turn.urls");
        match (urls_wanted, self.is_given(secret_key)) {
            (true, false) => {
                self.refuse("turn.urls", "turn.urls need the secret of the TURN server; set turn.secret or turn.secret_file.");
            }
            // TURN is switched off, over a place that has all of it.
            (false, true) if self.rank("turn.urls") > self.rank(secret_key) => self.draft.config.ice.turn_secret = None,
            (false, true) => self.refuse(secret_key, "A TURN secret is of no use without a TURN server; set turn.urls."),
            (true, true) | (false, false) => {}
        }
        if self.draft.config.rooms.media == Policy::RelayOnly && !urls_wanted {
            self.refuse(
                "rooms.media",
                "With \"relay-only\" nobody sees anyone without a TURN server; set turn.urls and turn.secret.",
            );
        }
    }

    fn read_secret_file(&mut self, read: &dyn Fn(&Path) -> io::Result<String>) {
        let Some(path) = self.draft.secret_file.take() else { return };
        let secret = read(&path).map_err(|error| format!("Cannot read {}: {error}.", path.display()));
        let secret = secret.and_then(|text| read_secret(&text).map_err(|refusal| format!("{}: {refusal}", path.display())));
        match secret {
            Ok(secret) => self.draft.config.ice.turn_secret = Some(secret),
            Err(refusal) => self.refuse("turn.secret_file", &format!("turn.secret_file: {refusal}")),
        }
    }

    /// No two TCP listeners may want the same port. The one that was given last, or further down in the table, is to blame.
    fn check_listeners(&mut self) {
        let Config { http, sfu, .. } = &self.draft.config;
        let listeners = [
            ("http.listen", Some(http.listen)),
            ("http.admin_listen", http.admin_listen),
            ("sfu.listen", sfu.enabled.then_some(sfu.listen)),
        ];
        for (at, (later, b)) in listeners.iter().enumerate() {
            for (earlier, a) in &listeners[..at] {
                let (Some(a), Some(b)) = (a, b) else { continue };
                if overlap(*a, *b) {
                    let key = if self.rank(later) >= self.rank(earlier) { later } else { earlier };
                    let shared = if *later == "sfu.listen" { " (media takes TCP as well as UDP)" } else { "" };
                    self.refuse(
                        key,
                        &format!("{earlier} and {later} are the same address and port{shared}; give one of them another port."),
                    );
                }
            }
        }
    }
}

/// Whether one of two listeners would be in the other's way. Port 0 is any free port.
fn overlap(a: SocketAddr, b: SocketAddr) -> bool {
    let same_host = a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified();
    a.port() == b.port() && a.port() != 0 && same_host
}

#[cfg(test)]
mod tests;
