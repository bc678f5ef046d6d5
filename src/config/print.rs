//! Owns how the table of settings is printed: as the sample file, as effective settings, as the README's table.

use std::fmt::Write as _;

use super::Config;
use super::settings::{SECTIONS, SETTINGS, Setting};

/// The sample file: every setting with its default, and its environment variable and flag beside it.
pub fn sample() -> String {
    let mut out = String::from(
        "# The settings of visavis, each with its default. A flag goes over an environment variable, which goes over this file.\n\
         # Paths are relative to this file. Check a changed file with: visavis check-config --config FILE\n",
    );
    for (section, title) in SECTIONS {
        let _ = write!(out, "\n# {title}\n[{section}]\n");
        for setting in of(section) {
            for line in wrap(setting.words) {
                let _ = writeln!(out, "# {line}");
            }
            let _ = writeln!(out, "# --{} or {}", setting.flag, setting.env());
            match setting.default() {
                Some(default) => drop(writeln!(out, "{} = {default}", setting.name())),
                None => drop(writeln!(out, "#{} = {}", setting.name(), setting.example)),
            }
        }
    }
    out
}

/// The settings as they are in `config`, as a file would have them, secrets redacted.
pub fn effective(config: &Config) -> String {
    let mut out = String::new();
    for (section, _) in SECTIONS {
        let _ = writeln!(out, "[{section}]");
        for setting in of(section) {
            if let Some(value) = setting.effective(config) {
                let _ = writeln!(out, "{} = {value}", setting.name());
            }
        }
        out.push('\n');
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

/// The README's table, in Markdown.
pub fn readme_table() -> String {
    let mut out = String::from("| In the file | Flag | Environment | Default | |\n|---|---|---|---|---|\n");
    for setting in &SETTINGS {
        let default = setting.default().map_or("not set".into(), |default| format!("`{default}`"));
        let (key, flag, env, words) = (setting.key, setting.flag, setting.env(), setting.words);
        let _ = writeln!(out, "| `{key}` | `--{flag}` | `{env}` | {default} | {words} |");
    }
    out
}

fn of(section: &str) -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().filter(move |setting| setting.section() == section)
}

/// Breaks a sentence into lines that fit a comment.
fn wrap(words: &str) -> Vec<String> {
    const WIDTH: usize = 110;
    let mut lines = vec![String::new()];
    for word in words.split_whitespace() {
        let line = lines.last_mut().expect("there is always a line");
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + word.chars().count() < WIDTH {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}
