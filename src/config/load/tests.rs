use super::*;
use crate::config::{LogFormat, SETTINGS, Secret, effective, readme_table, sample};

const SECRET: &str = "4f1d6a90c2b8e7354f1d6a90c2b8e735";

/// Sources in the short form of these tests.
#[derive(Default)]
struct Given<'a> {
    flags: &'a [(&'a str, &'a str)],
    env: &'a [(&'a str, &'a str)],
    file: &'a str,
}

impl Given<'_> {
    fn load(&self) -> Result<Config, Vec<ConfigError>> {
        let mut flags: Vec<(String, Vec<String>)> = Vec::new();
        for (name, value) in self.flags {
            flags.push(((*name).into(), vec![(*value).into()]));
        }
        load(&Sources {
            flags,
            env: self.env.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            file: (!self.file.is_empty()).then(|| File { path: "etc/visavis.toml".into(), text: self.file.into() }),
            read: &|path| match path.to_str() {
                Some("etc/secret" | "secret") => Ok(format!("{SECRET}\n")),
                _ => Err(io::ErrorKind::NotFound.into()),
            },
        })
    }

    fn config(&self) -> Config {
        self.load().unwrap_or_else(|errors| panic!("{errors:?}"))
    }

    fn errors(&self) -> Vec<String> {
        self.load().expect_err("an error").iter().map(ToString::to_string).collect()
    }
}

/// Flags and their values.
type Flags = &'static [(&'static str, &'static str)];

/// Each setting: as TOML, as text, and what else it cannot be without.
#[rustfmt::skip]
const EVERY: [(&str, &str, &str, Flags); SETTINGS.len()] = [
    ("http.listen", r#""127.0.0.1:8000""#, "127.0.0.1:8000", &[]),
    ("http.admin_listen", r#""off""#, "off", &[]),
    ("http.public_url", r#""https://meet.example.org""#, "https://meet.example.org", &[]),
    ("http.allowed_origins", r#"["https://a.example", "https://b.example"]"#, "https://a.example, https://b.example", &[]),
    ("tls.mode", r#""self-signed""#, "self-signed", &[]),
    ("tls.cert", r#""/c.pem""#, "/c.pem", &[("tls-key", "/k.pem")]),
    ("tls.key", r#""/k.pem""#, "/k.pem", &[("tls-cert", "/c.pem")]),
    ("rooms.members_max", "2", "2", &[]),
    ("rooms.rooms_max", "1", "1", &[]),
    ("rooms.sessions_max", "1000000", "1_000_000", &[]),
    ("rooms.chat_history_max", "0", "0", &[]),
    ("rooms.resume_grace", r#""10m""#, "600s", &[]),
    ("rooms.media", r#""relay-only""#, "relay-only", &[("turn-urls", "turn:h"), ("turn-secret", SECRET)]),
    ("sfu.enabled", "false", "off", &[]),
    ("sfu.listen", r#""127.0.0.1:0""#, "127.0.0.1:0", &[]),
    ("sfu.announce", r#"["auto", "203.0.113.7", "2001:db8::1"]"#, "auto, 203.0.113.7,2001:db8::1", &[]),
    ("sfu.threads", "64", "64", &[]),
    ("stun.urls", r#"["stun:a:1", "stuns:b"]"#, "stun:a:1,stuns:b", &[]),
    ("turn.urls", r#"["turn:h?transport=udp"]"#, "turn:h?transport=udp", &[("turn-secret", SECRET)]),
    ("turn.secret", r#""4f1d6a90c2b8e7354f1d6a90c2b8e735""#, SECRET, &[("turn-urls", "turn:h")]),
    ("turn.secret_file", r#""secret""#, "secret", &[("turn-urls", "turn:h")]),
    ("turn.credential_ttl", r#""30s""#, "30s", &[]),
    ("limits.connections_max", "1", "1", &[]),
    ("limits.frames_per_second", "50", "50", &[]),
    ("log.filter", r#""warn,visavis=debug""#, "warn,visavis=debug", &[]),
    ("log.format", r#""json""#, "json", &[]),
];

#[test]
fn every_setting_can_be_given_in_the_file_the_environment_and_as_a_flag() {
    for (setting, (key, toml, text, companions)) in SETTINGS.iter().zip(EVERY) {
        assert_eq!(setting.key, key, "the tables are in the same order");
        let file = format!("{key} = {toml}");
        let env = setting.env();
        let flags = [companions, &[(setting.flag, text)]].concat();
        let ways = [
            Given { file: &file, flags: companions, ..Given::default() },
            Given { env: &[(&env, text)], flags: companions, ..Given::default() },
            Given { flags: &flags, ..Given::default() },
        ];
        for way in ways {
            let config = way.config();
            match key {
                "turn.secret" => assert_eq!(setting.effective(&config).as_deref(), Some("\"4f1d…\"")),
                "turn.secret_file" => assert_eq!(config.ice.turn_secret, Some(Secret::new(SECRET))),
                _ => assert_eq!(setting.effective(&config).as_deref(), Some(toml), "{key}"),
            }
            assert_ne!(config, Given { flags: companions, ..Given::default() }.load().unwrap_or_default(), "{key} has an effect");
        }
    }
}

#[test]
fn without_anything_given_the_defaults_hold() {
    assert_eq!(Given::default().config(), Config::default());
    assert_eq!(Given { file: &sample(), ..Given::default() }.config(), Config::default(), "the sample is the defaults");
}

#[test]
fn the_effective_settings_are_a_file_that_loads_to_the_same() {
    let file = "tls.cert = \"/c.pem\"\ntls.key = \"/k.pem\"\nlog.format = \"json\"\nrooms.resume_grace = \"90s\"";
    let config = Given { file, ..Given::default() }.config();
    assert_eq!(Given { file: &effective(&config), ..Given::default() }.config(), config);
    assert_eq!(config.log.format, LogFormat::Json);
}

#[test]
fn a_flag_goes_over_the_environment_which_goes_over_the_file() {
    let file = "[rooms]\nmembers_max = 10\nrooms_max = 10\nsessions_max = 10";
    let env: &[_] = &[("VISAVIS_MEMBERS_MAX", "20"), ("VISAVIS_ROOMS_MAX", "20"), ("VISAVIS_SESSIONS_MAX", "")];
    let rooms = Given { file, env, flags: &[("members-max", "30")] }.config().rooms;
    assert_eq!((rooms.members_max, rooms.rooms_max, rooms.sessions_max), (30, 20, 10));
}

#[test]
fn a_repeated_flag_is_a_longer_list() {
    let flags = vec![("stun-urls".to_owned(), vec!["stun:a".to_owned(), "stun:b,stun:c".to_owned()])];
    let sources = Sources { flags, env: BTreeMap::new(), file: None, read: &|_| Err(io::ErrorKind::NotFound.into()) };
    assert_eq!(load(&sources).map(|config| config.ice.stun_urls), Ok(vec!["stun:a".into(), "stun:b".into(), "stun:c".into()]));
}

#[test]
fn everything_that_is_wrong_is_told_at_once_with_its_place() {
    let file = "\
[http]
listen = 8080
  lisen = \"x\"
allowed_origins = [\"https://a.example\", 1]

[romms]
members_max = 1

[rooms]
members_max = 1
resume_grace = 30
media = \"relay-only\"

[turn]
secret = \"changeme\"
";
    let env: &[_] = &[("VISAVIS_LISTN", ":1"), ("VISAVIS_LOG_FORMAT", "xml"), ("PATH", "/bin")];
    let flags: &[_] = &[("tls-cert", "/c.pem"), ("stun-urls", "stun:a,stun://b")];
    let errors = Given { file, env, flags }.errors();
    let expected = [
        "etc/visavis.toml:2:10: http.listen: This is an integer; write text in quotes.",
        "etc/visavis.toml:3:3: There is no setting http.lisen; did you mean http.listen?",
        "etc/visavis.toml:4:19: http.allowed_origins: This is an array of other things than strings; write",
        "etc/visavis.toml:6:2: There is no section romms; did you mean rooms?",
        "etc/visavis.toml:10:15: rooms.members_max: 1 is out of range; write a whole number from 2 to 10000.",
        "etc/visavis.toml:11:16: rooms.resume_grace: This is an integer; write a duration from 1s to 10m with its unit",
        "etc/visavis.toml:15:10: turn.secret: This is a placeholder, which everyone can guess; make one with `openssl",
        "VISAVIS_LISTN: There is no such variable; did you mean VISAVIS_LISTEN?",
        "VISAVIS_LOG_FORMAT: log.format: \"xml\" is not a choice; write \"text\" or \"json\".",
        "--stun-urls: stun.urls: \"stun://b\": These URIs have no slashes",
        "--tls-cert: tls.cert needs its private key; set tls.key too.",
        "etc/visavis.toml:15:10: A TURN secret is of no use without a TURN server; set turn.urls.",
        "etc/visavis.toml:12:9: With \"relay-only\" nobody sees anyone without a TURN server",
    ];
    for expected in expected {
        assert!(errors.iter().any(|error| error.starts_with(expected)), "{expected}\nin {errors:#?}");
    }
    assert_eq!(errors.len(), expected.len(), "{errors:#?}");
}

#[test]
fn text_that_is_not_toml_is_told_with_its_place_beside_other_errors() {
    let errors = Given { file: "[http]\nlisten = \nrooms = 3\n[rooms]\nmembers_max = 0", ..Given::default() }.errors();
    assert!(errors[0].starts_with("etc/visavis.toml:2:") && errors[0].contains("This is not TOML"), "{errors:#?}");
    assert!(errors.iter().any(|error| error.starts_with("etc/visavis.toml:5:15: rooms.members_max")), "{errors:#?}");
    let twice = Given { file: "[http]\nlisten = \":1\"\nlisten = \":2\"", ..Given::default() }.errors();
    assert!(twice[0].starts_with("etc/visavis.toml:3:1: This is not TOML: duplicate key"), "{twice:#?}");
    let section = Given { file: "http = 3", ..Given::default() }.errors();
    assert_eq!(section, ["etc/visavis.toml:1:1: http is a section, not an integer; write [http] above its settings."]);
}

#[test]
fn a_tls_mode_overrides_files_from_a_lower_place_and_files_override_such_a_mode() {
    let files = "tls.cert = \"c.pem\"\ntls.key = \"/k.pem\"";
    let tls = |given: Given<'_>| given.config().tls;
    // A relative path starts at the file's folder.
    let from_file = Tls::Files { cert: "etc/c.pem".into(), key: "/k.pem".into() };
    assert_eq!(tls(Given { file: files, ..Given::default() }), from_file);
    assert_eq!(tls(Given { file: files, flags: &[("tls", "off")], ..Given::default() }), Tls::Off);
    assert_eq!(tls(Given { file: files, flags: &[("tls", "files")], ..Given::default() }), from_file);
    let by_flag: &[_] = &[("tls-cert", "c.pem"), ("tls-key", "k.pem")];
    let from_flags = Tls::Files { cert: "c.pem".into(), key: "k.pem".into() };
    assert_eq!(tls(Given { file: "tls.mode = \"self-signed\"", flags: by_flag, ..Given::default() }), from_flags);
    let both = format!("{files}\ntls.mode = \"self-signed\"");
    assert_eq!(Given { file: &both, ..Given::default() }.errors().len(), 1);
    let alone = Given { flags: &[("tls", "files")], ..Given::default() }.errors();
    assert_eq!(alone, ["--tls: tls.mode is \"files\"; set tls.cert and tls.key."]);
}

#[test]
fn a_turn_server_and_its_secret_need_each_other() {
    let no_secret = Given { env: &[("VISAVIS_TURN_URLS", "turn:h")], ..Given::default() }.errors();
    assert_eq!(no_secret.len(), 1);
    assert!(no_secret[0].starts_with("VISAVIS_TURN_URLS: turn.urls need the secret"), "{no_secret:?}");

    let no_urls = Given { flags: &[("turn-secret", SECRET)], ..Given::default() }.errors();
    assert!(no_urls[0].starts_with("--turn-secret: A TURN secret is of no use"), "{no_urls:?}");
    assert!(!no_urls[0].contains(SECRET));

    let both = format!("[turn]\nurls = [\"turn:h\"]\nsecret = \"{SECRET}\"\nsecret_file = \"secret\"");
    let errors = Given { file: &both, ..Given::default() }.errors();
    assert_eq!(errors, ["etc/visavis.toml:4:15: turn.secret and turn.secret_file are both set; remove one."]);

    let whole = format!("[turn]\nurls = [\"turn:h\"]\nsecret = \"{SECRET}\"");
    let off = Given { file: &whole, flags: &[("turn-urls", "")], ..Given::default() }.config();
    assert_eq!((off.ice.turn_urls.len(), off.ice.turn_secret), (0, None));
}

#[test]
fn a_secret_file_is_read_beside_the_file_and_must_be_there() {
    let file = "[turn]\nurls = [\"turn:h\"]\nsecret_file = \"secret\"";
    assert_eq!(Given { file, ..Given::default() }.config().ice.turn_secret, Some(Secret::new(SECRET)));
    let missing = Given { file: "[turn]\nurls = [\"turn:h\"]\nsecret_file = \"gone\"", ..Given::default() }.errors();
    assert_eq!(missing, ["etc/visavis.toml:3:15: turn.secret_file: Cannot read etc/gone: entity not found."]);
}

#[test]
fn no_two_listeners_may_be_the_same() {
    let errors = Given { flags: &[("listen", ":9090")], ..Given::default() }.errors();
    assert_eq!(errors.len(), 1);
    assert!(errors[0].starts_with("--listen: http.listen and http.admin_listen are the same"), "{errors:?}");
    Given { flags: &[("listen", "127.0.0.1:0"), ("admin-listen", "127.0.0.1:0")], ..Given::default() }.config();

    let file = "[sfu]\nlisten = \"127.0.0.1:8080\"";
    let errors = Given { file, ..Given::default() }.errors();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].starts_with("etc/visavis.toml:2:10: http.listen and sfu.listen are the same"), "{errors:?}");
    assert!(errors[0].contains("TCP as well as UDP"), "{errors:?}");
    let errors = Given { file: "[http]\nadmin_listen = \":8443\"", ..Given::default() }.errors();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].starts_with("etc/visavis.toml:2:16: http.admin_listen and sfu.listen are the same"), "{errors:?}");
    Given { file, flags: &[("sfu", "off")], ..Given::default() }.config();
    Given { file, flags: &[("listen", "192.168.1.5:8080")], ..Given::default() }.config();
}

#[test]
fn variables_that_kubernetes_sets_for_a_service_of_our_name_are_left_alone() {
    let env: &[_] = &[
        ("VISAVIS_SERVICE_HOST", "10.0.0.1"),
        ("VISAVIS_SERVICE_PORT_HTTP", "80"),
        ("VISAVIS_PORT", "tcp://10.0.0.1:80"),
        ("VISAVIS_PORT_80_TCP_ADDR", "10.0.0.1"),
        ("VISAVIS_CONFIG", "visavis.toml"),
    ];
    assert_eq!(Given { env, ..Given::default() }.config(), Config::default());
    assert_eq!(Given { env: &[("VISAVIS_PORT", "8080")], ..Given::default() }.errors().len(), 1);
}

#[test]
fn every_value_out_of_range_is_refused() {
    for (flag, bad) in [
        ("listen", "localhost:80"),
        ("admin-listen", "on"),
        ("public-url", "meet.example.org"),
        ("public-url", ""),
        ("allowed-origins", "*"),
        ("tls", "yes"),
        ("tls-cert", ""),
        ("members-max", "1"),
        ("members-max", "10001"),
        ("rooms-max", "0"),
        ("sessions-max", "1000001"),
        ("chat-history-max", "-1"),
        ("resume-grace", "500ms"),
        ("resume-grace", "11m"),
        ("media", "never"),
        ("turn-credential-ttl", "29s"),
        ("turn-credential-ttl", "25h"),
        ("connections-max", "many"),
        ("frames-per-second", "0"),
        ("log-filter", "loud"),
        ("log-format", "TEXT"),
    ] {
        let errors = Given { flags: &[(flag, bad)], ..Given::default() }.errors();
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert!(errors[0].starts_with(&format!("--{flag}: ")), "{errors:?}");
    }
}

#[test]
fn the_readme_names_every_setting() {
    let table = readme_table();
    assert_eq!(table.lines().count(), SETTINGS.len() + 2);
}
