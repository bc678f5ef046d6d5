//! Owns reading the file: its text in, values with their places out.

use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::raw::Raw;
use super::settings::{SECTIONS, SETTINGS, Setting, by_key};
use super::{ConfigError, Place, suggest};

/// The file as the shell read it.
pub struct File {
    /// As it was named to us; errors name it the same way.
    pub path: PathBuf,
    /// What it holds: TOML.
    pub text: String,
}

/// A value that stands in the file.
pub(super) type Given = (&'static Setting, Place, Raw);

/// Takes the file apart. What cannot be read or is not known is an error; the rest goes on.
pub(super) fn read(file: &File) -> (Vec<Given>, Vec<ConfigError>) {
    let (table, syntax) = DeTable::parse_recoverable(&file.text);
    let mut reading = Reading { file, given: Vec::new(), errors: Vec::new() };
    for error in &syntax {
        let place = reading.place(error.span().map_or(0, |span| span.start));
        reading.errors.push(ConfigError::new(&place, format!("This is not TOML: {}.", error.message().trim_end_matches('.'))));
    }
    reading.read_root(table.get_ref());
    (reading.given, reading.errors)
}

struct Reading<'a> {
    file: &'a File,
    given: Vec<Given>,
    errors: Vec<ConfigError>,
}

impl Reading<'_> {
    fn read_root(&mut self, table: &DeTable<'_>) {
        for (name, value) in table {
            let place = self.place(name.span().start);
            let name: &str = name.get_ref();
            match (SECTIONS.iter().any(|(section, _)| *section == name), value.get_ref()) {
                (true, DeValue::Table(section)) => self.read_section(name, section),
                (true, other) => {
                    let message = format!("{name} is a section, not {}; write [{name}] above its settings.", article(other));
                    self.errors.push(ConfigError::new(&place, message));
                }
                (false, DeValue::Table(_)) => self.refuse_unknown(&place, name, "section", SECTIONS.map(|(section, _)| section)),
                (false, _) => self.refuse_unknown(&place, name, "setting", SETTINGS.iter().map(|setting| setting.key)),
            }
        }
    }

    fn read_section(&mut self, section: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let key = format!("{section}.{}", name.get_ref());
            match by_key(&key) {
                Some(setting) => {
                    let place = self.place(value.span().start);
                    let raw = self.raw(value);
                    self.given.push((setting, place, raw));
                }
                None => {
                    let place = self.place(name.span().start);
                    self.refuse_unknown(&place, &key, "setting", SETTINGS.iter().map(|setting| setting.key));
                }
            }
        }
    }

    fn refuse_unknown<'n>(&mut self, place: &Place, name: &str, what: &str, known: impl IntoIterator<Item = &'n str>) {
        let message = match suggest::closest(name, known) {
            Some(close) => format!("There is no {what} {name}; did you mean {close}?"),
            None => format!("There is no {what} {name}; `visavis sample-config` prints all there are."),
        };
        self.errors.push(ConfigError::new(place, message));
    }

    fn raw(&self, value: &Spanned<DeValue<'_>>) -> Raw {
        match value.get_ref() {
            DeValue::String(text) => {
                Raw::String { text: text.to_string(), folder: self.file.path.parent().unwrap_or(Path::new("")).to_owned() }
            }
            DeValue::Integer(number) => {
                i64::from_str_radix(number.as_str(), number.radix()).map_or(Raw::Other("an integer beyond 64 bits"), Raw::Integer)
            }
            DeValue::Array(items) => {
                let strings: Option<Vec<String>> = items.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect();
                strings.map_or(Raw::Other("an array of other things than strings"), Raw::Strings)
            }
            DeValue::Boolean(on) => Raw::Boolean(*on),
            other => Raw::Other(article(other)),
        }
    }

    /// Where a byte of the file stands.
    fn place(&self, offset: usize) -> Place {
        let before = self.file.text.get(..offset).unwrap_or(&self.file.text);
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Place::File {
            path: self.file.path.clone(),
            line: before.matches('\n').count() + 1,
            column: before[start..].chars().count() + 1,
        }
    }
}

/// What a value is, as part of a sentence.
fn article(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}
