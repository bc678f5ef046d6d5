//! Owns collecting what the configuration is made from: flags, environment, the file.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, value_parser};

use crate::config::{self, Config, ENV_CONFIG, ENV_PREFIX, File, SECTIONS, SETTINGS, Setting, Sources};

/// The file that is taken when it is there and none is named.
const DEFAULT_FILE: &str = "visavis.toml";

/// `--config` and a flag for every setting.
pub(super) fn flags() -> Vec<Arg> {
    let config = Arg::new("config")
        .long("config")
        .short('c')
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help(format!("The configuration file [default: {DEFAULT_FILE} if it is there] [env: {ENV_CONFIG}]"));
    std::iter::once(config).chain(SETTINGS.iter().map(flag)).collect()
}

/// The value stays text here, so that the configuration can tell all that is wrong at once.
fn flag(setting: &'static Setting) -> Arg {
    let title = SECTIONS.iter().find(|(section, _)| *section == setting.section()).map_or("", |(_, title)| *title);
    let default = setting.default().filter(|default| default != "[]");
    let default = default.map_or(String::new(), |default| format!(" [default: {}]", default.trim_matches('"')));
    Arg::new(setting.flag)
        .long(setting.flag)
        .value_name(setting.value)
        .allow_hyphen_values(true)
        .action(if setting.is_list() { ArgAction::Append } else { ArgAction::Set })
        .help(format!("{}{default} [env: {}]", setting.words, setting.env()))
        .help_heading(title)
}

/// Checks everything that was given.
///
/// # Errors
/// All that is wrong, each as a line.
pub(super) fn load(matches: &ArgMatches) -> Result<Config, Vec<String>> {
    let file = read_file(matches).map_err(|error| vec![error])?;
    let sources = Sources { flags: given_flags(matches), env: environment(), file, read: &|path| fs::read_to_string(path) };
    config::load(&sources).map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

/// The file that the configuration comes from: a named one has to be there.
pub(super) fn file_path(matches: &ArgMatches) -> Option<PathBuf> {
    let named = matches.get_one::<PathBuf>("config").cloned();
    let named = named.or_else(|| env::var_os(ENV_CONFIG).filter(|path| !path.is_empty()).map(PathBuf::from));
    named.or_else(|| Path::new(DEFAULT_FILE).exists().then(|| DEFAULT_FILE.into()))
}

fn read_file(matches: &ArgMatches) -> Result<Option<File>, String> {
    let Some(path) = file_path(matches) else { return Ok(None) };
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(File { path, text })),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(format!("There is no file {}; `visavis sample-config` prints one to start from.", path.display()))
        }
        Err(error) => Err(format!("Cannot read {}: {error}.", path.display())),
    }
}

fn given_flags(matches: &ArgMatches) -> Vec<(String, Vec<String>)> {
    let given = |setting: &Setting| {
        let values: Vec<String> = matches.get_many::<String>(setting.flag)?.cloned().collect();
        Some((setting.flag.to_owned(), values))
    };
    SETTINGS.iter().filter_map(given).collect()
}

/// What is not Unicode is made so with marks that no setting takes, and is refused with the rest.
fn environment() -> BTreeMap<String, String> {
    let all = env::vars_os().map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()));
    all.filter(|(name, _)| name.starts_with(ENV_PREFIX)).collect()
}
