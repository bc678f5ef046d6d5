//! Owns a value as it was given, and how it is read as what a setting wants.
//!
//! Every refusal is a sentence that says what to write instead.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::uri;
use super::{Announce, Secret};

/// A value as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Raw {
    /// On the command line or in the environment: always text. A list is separated by commas, or the flag is repeated.
    Words(Vec<String>),
    /// A string of the file, and the folder that a relative path starts from.
    String { text: String, folder: PathBuf },
    /// An integer of the file.
    Integer(i64),
    /// A boolean of the file.
    Boolean(bool),
    /// An array of strings of the file.
    Strings(Vec<String>),
    /// Something else of the file, by TOML's name for it.
    Other(&'static str),
}

/// Why a value is refused: a sentence.
pub(super) type Refusal = String;

impl Raw {
    fn kind(&self) -> &'static str {
        match self {
            Self::Words(_) | Self::String { .. } => "a string",
            Self::Integer(_) => "an integer",
            Self::Boolean(_) => "a boolean",
            Self::Strings(_) => "an array",
            Self::Other(kind) => kind,
        }
    }

    /// One text.
    pub(super) fn text(&self) -> Result<&str, Refusal> {
        match self {
            Self::Words(words) => Ok(words.last().map_or("", |word| word.trim())),
            Self::String { text, .. } => Ok(text),
            other => Err(format!("This is {}; write text in quotes.", other.kind())),
        }
    }

    /// Several texts, possibly none.
    pub(super) fn list(&self) -> Result<Vec<&str>, Refusal> {
        match self {
            Self::Words(words) => {
                Ok(words.iter().flat_map(|word| word.split(',')).map(str::trim).filter(|item| !item.is_empty()).collect())
            }
            Self::Strings(items) => Ok(items.iter().map(String::as_str).collect()),
            other => Err(format!("This is {}; write an array of strings: [\"…\", \"…\"].", other.kind())),
        }
    }

    /// A whole number from `min` to `max`.
    pub(super) fn count(&self, min: u32, max: u32) -> Result<u32, Refusal> {
        let wanted = || format!("write a whole number from {min} to {max}.");
        let number = match self {
            Self::Integer(number) => *number,
            Self::Words(_) => {
                let text = self.text()?;
                text.replace('_', "").parse().map_err(|_| format!("{text:?} is not a number; {}", wanted()))?
            }
            other => return Err(format!("This is {}; {}", other.kind(), wanted())),
        };
        let fits = u32::try_from(number).ok().filter(|number| (min..=max).contains(number));
        fits.ok_or_else(|| format!("{number} is out of range; {}", wanted()))
    }

    /// Yes or no.
    pub(super) fn switch(&self) -> Result<bool, Refusal> {
        match self {
            Self::Boolean(on) => Ok(*on),
            Self::Words(_) => self.choice(&[("true", true), ("false", false), ("on", true), ("off", false)]),
            other => Err(format!("This is {}; write true or false, without quotes.", other.kind())),
        }
    }

    /// A duration from `min` to `max`: a whole number and its unit, `s`, `m` or `h`.
    pub(super) fn duration(&self, min: Duration, max: Duration) -> Result<Duration, Refusal> {
        let wanted = || {
            let (min, max) = (show_duration(min), show_duration(max));
            format!("write a duration from {min} to {max} with its unit, as \"30s\", \"5m\" or \"4h\".")
        };
        let text = self.text().map_err(|_| format!("This is {}; {}", self.kind(), wanted()))?;
        let parsed = read_duration(text).ok_or_else(|| format!("{text:?} is not a duration; {}", wanted()))?;
        if (min..=max).contains(&parsed) { Ok(parsed) } else { Err(format!("{text:?} is out of range; {}", wanted())) }
    }

    /// One of the named choices.
    pub(super) fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Result<T, Refusal> {
        let text = self.text()?;
        let found = choices.iter().find(|(name, _)| *name == text);
        found.map(|(_, choice)| *choice).ok_or_else(|| {
            let names: Vec<String> = choices.iter().map(|(name, _)| format!("{name:?}")).collect();
            format!("{text:?} is not a choice; write {}.", names.join(" or "))
        })
    }

    /// An address to listen on. `:8080` is every address of this machine.
    pub(super) fn address(&self) -> Result<SocketAddr, Refusal> {
        let text = self.text()?;
        let whole = if text.starts_with(':') { format!("[::]{text}") } else { text.to_owned() };
        whole.parse().map_err(|_| {
            format!("{text:?} is not an address and a port; write as \"127.0.0.1:8080\", \"[::1]:8080\", or \":8080\" for every address.")
        })
    }

    /// Addresses to be told to browsers, or `auto`.
    pub(super) fn announced(&self) -> Result<Vec<Announce>, Refusal> {
        const WANTED: &str = "write an IP address that browsers can reach, as \"203.0.113.7\", or \"auto\".";
        let read = |item: &str| match (item, item.parse::<IpAddr>()) {
            ("auto", _) => Ok(Announce::Auto),
            (_, Ok(ip)) if ip.is_unspecified() || ip.is_multicast() => Err(format!("{item:?} is nobody's address; {WANTED}")),
            (_, Ok(ip)) => Ok(Announce::Address(ip)),
            (_, Err(_)) => Err(format!("{item:?} is not an IP address; {WANTED}")),
        };
        self.list()?.into_iter().map(read).collect()
    }

    /// A path. One that is relative in the file starts at the file's folder.
    pub(super) fn path(&self) -> Result<PathBuf, Refusal> {
        let text = self.text()?;
        if text.is_empty() {
            return Err("This is empty; write the path of a file.".into());
        }
        match self {
            Self::String { folder, .. } => Ok(folder.join(text)),
            _ => Ok(text.into()),
        }
    }

    /// Something that only we and one other know.
    pub(super) fn secret(&self) -> Result<Secret, Refusal> {
        read_secret(self.text()?)
    }

    /// URIs of which each is read by `read`.
    pub(super) fn uris(&self, read: fn(&str) -> Result<String, uri::UriError>) -> Result<Vec<String>, Refusal> {
        self.list()?.into_iter().map(|item| read(item).map_err(|error| format!("{item:?}: {error}"))).collect()
    }

    /// What to log, in the words of `RUST_LOG`.
    pub(super) fn filter(&self) -> Result<String, Refusal> {
        const WANTED: &str =
            "write a level (error, warn, info, debug, trace), or targets with levels, as \"warn,visavis=debug\".";
        const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
        let text = self.text()?;
        // The filter takes a bare word for a target, so that "inof" would silence everything.
        let plain =
            |word: &&str| word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !LEVELS.contains(&&*word.to_lowercase());
        if let Some(word) = text.split(',').map(str::trim).find(plain) {
            return Err(format!("{word:?} is not a level; {WANTED}"));
        }
        tracing_subscriber::EnvFilter::try_new(text).map_err(|error| format!("{text:?} cannot be read ({error}); {WANTED}"))?;
        Ok(text.to_owned())
    }
}

/// Reads a secret, from a setting or from the file that one names; white space around it does not count.
///
/// # Errors
/// A sentence, which does not hold the secret, when it is too short or looks like the placeholder of some sample.
pub(super) fn read_secret(text: &str) -> Result<Secret, Refusal> {
    const CHARS_MIN: usize = 16;
    const DISTINCT_MIN: usize = 6;
    const PLACEHOLDERS: [&str; 6] = ["changeme", "replace", "placeholder", "example", "yoursecret", "todo"];
    let make = "make one with `openssl rand -hex 32` and give the TURN server the same.";
    let text = text.trim();
    let letters: String = text.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
    let distinct: std::collections::BTreeSet<char> = text.chars().collect();
    if PLACEHOLDERS.iter().any(|word| letters.contains(word)) {
        return Err(format!("This is a placeholder, which everyone can guess; {make}"));
    }
    if text.chars().count() < CHARS_MIN {
        return Err(format!("The secret is shorter than {CHARS_MIN} characters; {make}"));
    }
    if distinct.len() < DISTINCT_MIN {
        return Err(format!("The secret repeats the same few characters; {make}"));
    }
    Ok(Secret::new(text))
}

fn read_duration(text: &str) -> Option<Duration> {
    let (number, unit_s) =
        [("s", 1), ("m", 60), ("h", 3600)].into_iter().find_map(|(unit, s)| Some((text.strip_suffix(unit)?, s)))?;
    let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    let number: u64 = if digits { number.parse().ok()? } else { return None };
    number.checked_mul(unit_s).map(Duration::from_secs)
}

/// A whole number of seconds as it is written in the file: `4h`, `90s`.
pub(super) fn show_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        s if s % 3600 == 0 => format!("{}h", s / 3600),
        s if s % 60 == 0 => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Raw {
        Raw::Words(vec![text.into()])
    }

    #[test]
    fn durations_have_a_unit_and_a_range() {
        let (min, max) = (Duration::from_secs(1), Duration::from_secs(600));
        for (text, seconds) in [("1s", 1), ("90s", 90), ("10m", 600)] {
            assert_eq!(words(text).duration(min, max), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for bad in
            ["", "30", "s", "-1s", "+1s", "1.5m", "0s", "601s", "1h", "1 s", "99999999999999999999s", "18446744073709551615h"]
        {
            assert!(words(bad).duration(min, max).is_err(), "{bad}");
        }
        assert_eq!([1, 60, 90, 7200].map(|s| show_duration(Duration::from_secs(s))), ["1s", "1m", "90s", "2h"]);
    }

    #[test]
    fn an_announced_address_is_one_that_a_browser_can_send_to() {
        assert_eq!(
            words("auto,::1").announced(),
            Ok(vec![Announce::Auto, Announce::Address("::1".parse().expect("an address"))])
        );
        for bad in ["0.0.0.0", "::", "224.0.0.1", "ff02::1", "example.org", "1.2.3.4:5", "Auto"] {
            assert!(words(bad).announced().is_err_and(|refusal| refusal.contains("203.0.113.7")), "{bad}");
        }
    }

    #[test]
    fn a_switch_is_true_or_false() {
        for (raw, on) in [(words("true"), true), (words("off"), false), (Raw::Boolean(true), true)] {
            assert_eq!(raw.switch(), Ok(on));
        }
        assert!(words("yes").switch().is_err() && Raw::Integer(1).switch().is_err());
    }

    #[test]
    fn addresses_have_a_port() {
        for (text, address) in [("127.0.0.1:0", "127.0.0.1:0"), ("[::1]:80", "[::1]:80"), (":8080", "[::]:8080")] {
            assert_eq!(words(text).address(), Ok(address.parse().expect("an address")), "{text}");
        }
        for bad in ["", "8080", "localhost:8080", "127.0.0.1", "::1:80", ":70000"] {
            assert!(words(bad).address().is_err(), "{bad}");
        }
    }

    #[test]
    fn secrets_that_can_be_guessed_are_refused_without_being_repeated() {
        assert!(read_secret(" 4f1d6a90c2b8e7354f1d6a90c2b8e735\n").is_ok_and(|s| s.expose().len() == 32));
        for bad in ["", "hunter2hunter2", "changeme-changeme-changeme", "REPLACE_ME_4f1d6a90c2b8e735", "aaaaaaaaaaaaaaaaaaaaaaaa"]
        {
            let refusal = read_secret(bad).expect_err(bad);
            assert!(refusal.contains("openssl rand -hex 32") && (bad.is_empty() || !refusal.contains(bad)), "{refusal}");
        }
    }

    #[test]
    fn a_filter_with_a_misspelt_level_is_refused() {
        for good in ["info", "WARN", "off", "warn,visavis=debug", "info,visavis::hub[room{name=a}]=trace"] {
            assert_eq!(words(good).filter(), Ok(good.to_owned()));
        }
        for bad in ["", "inof", "warning", "info,visavis", "visavis=loud"] {
            assert!(words(bad).filter().is_err(), "{bad}");
        }
    }
}
