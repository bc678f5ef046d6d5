//! The binary as an operator meets it: its commands, its exit codes, its start and its end.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// How long anything may take before the test gives up on it.
const PATIENCE: Duration = Duration::from_secs(30);

/// The binary, with nothing of the environment that it would look at.
fn visavis(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_visavis"));
    let ours = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("VISAVIS_"));
    for (name, _) in ours {
        command.env_remove(name);
    }
    command.args(args).current_dir(env!("CARGO_TARGET_TMPDIR")).stdin(Stdio::null());
    command
}

fn finish(args: &[&str]) -> Output {
    visavis(args).output().expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// A running server. Its output is read by threads, so that a test can wait for a line.
struct Running {
    child: Child,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
}

impl Running {
    fn start(args: &[&str]) -> Self {
        let mut command =
            visavis(&[&["--listen", "127.0.0.1:0", "--admin-listen", "off", "--sfu-listen", "127.0.0.1:0"], args].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary runs");
        let stdout = lines(child.stdout.take().expect("piped"));
        let stderr = lines(child.stderr.take().expect("piped"));
        Self { child, stdout, stderr }
    }

    /// The next line of the banner that holds `part`.
    fn banner(&self, part: &str) -> String {
        wait_for(&self.stdout, part)
    }

    fn port(&self) -> u16 {
        let line = self.banner("On this machine");
        line.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port at the end of the line")
    }

    fn signal(&self, name: &str) {
        // The shell has `kill` built in, so that no other program is needed.
        let line = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &line]).status().expect("a shell").success());
    }

    /// The exit code and all lines of standard error that have not been read yet.
    fn wait(mut self) -> (Option<i32>, Vec<String>) {
        let mut lines = Vec::new();
        while let Ok(line) = self.stderr.recv_timeout(PATIENCE) {
            lines.push(line);
        }
        (self.child.wait().expect("it ends").code(), lines)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(source: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(source).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

fn wait_for(lines: &Receiver<String>, part: &str) -> String {
    loop {
        let line = lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no line with {part:?}"));
        if line.contains(part) {
            return line;
        }
    }
}

/// A file of its own for one test.
fn file(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name}", std::process::id()));
    std::fs::write(&path, text).expect("a file for the test");
    path
}

#[test]
fn check_config_prints_ok_and_the_settings_in_effect_without_secrets() {
    let secret = "4f1d6a90c2b8e7354f1d6a90c2b8e735";
    let path = file("good.toml", &format!("[turn]\nurls = [\"turn:h\"]\nsecret = \"{secret}\"\n"));
    let output = finish(&["check-config", "--config", &path.to_string_lossy(), "--members-max", "7"]);
    let out = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(out.starts_with("ok\n") && out.contains("members_max = 7") && out.contains("4f1d…"), "{out}");
    assert!(!out.contains(secret));
}

#[test]
fn check_config_names_everything_that_is_wrong_and_ends_with_2() {
    let path = file("bad.toml", "[http]\nlisten = 1\nlisen = 2\n");
    let mut command = visavis(&["check-config", "--config", &path.to_string_lossy(), "--members-max", "1"]);
    let output = command.env("VISAVIS_LOG_FORMAT", "xml").output().expect("the binary runs");
    let errors = text(&output.stderr);
    assert_eq!((output.status.code(), errors.lines().count()), (Some(2), 4), "{errors}");
    let place = path.to_string_lossy();
    for part in [&format!("{place}:2:10: "), &format!("{place}:3:1: "), "VISAVIS_LOG_FORMAT: ", "--members-max: "] {
        assert!(errors.contains(part), "{part} in {errors}");
    }
}

#[test]
fn a_named_file_has_to_be_there_and_flags_have_to_be_known() {
    for (args, part) in [
        (&["--config", "gone.toml"][..], "There is no file gone.toml"),
        (&["serve", "--listne", ":1"], "--listen"),
        (&["srve"], "serve"),
    ] {
        let output = finish(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(text(&output.stderr).contains(part), "{part} in {}", text(&output.stderr));
    }
}

#[test]
fn the_sample_is_a_good_file() {
    let sample = finish(&["sample-config"]);
    assert!(sample.status.success());
    let path = file("sample.toml", &text(&sample.stdout));
    assert!(finish(&["check-config", "--config", &path.to_string_lossy()]).status.success());
}

#[test]
fn it_says_where_it_is_serves_there_and_ends_with_0_at_a_signal() {
    for signal in ["TERM", "INT"] {
        let running = Running::start(&[]);
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, running.port())).expect("it listens");
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        running.signal(signal);
        assert_eq!(running.wait().0, Some(0), "{signal}");
    }
}

#[test]
fn json_logs_are_not_disturbed_by_the_banner() {
    let running = Running::start(&["--log-format", "json"]);
    running.port();
    running.signal("TERM");
    let (code, lines) = running.wait();
    assert_eq!(code, Some(0));
    assert!(!lines.is_empty());
    for line in lines {
        assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok_and(|value| value.is_object()), "{line}");
    }
}

#[test]
fn self_signed_https_tells_its_fingerprint() {
    let running = Running::start(&["--tls", "self-signed"]);
    assert!(running.banner("On this machine").contains("https://localhost:"));
    running.banner("SHA-256");
    assert_eq!(running.banner(":").trim().len(), 95);
    running.signal("TERM");
    assert_eq!(running.wait().0, Some(0));
}

#[test]
fn a_port_in_use_is_one_sentence_that_says_what_to_do() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = taken.local_addr().expect("bound").to_string();
    let output = finish(&["serve", "--listen", &address, "--admin-listen", "off", "--sfu-listen", "127.0.0.1:0"]);
    let errors = text(&output.stderr);
    assert_eq!((output.status.code(), errors.lines().count()), (Some(1), 1), "{errors}");
    assert!(errors.contains("in use") && errors.contains("--listen"), "{errors}");
}

#[test]
fn a_media_port_in_use_is_one_sentence_too_whether_udp_or_tcp_has_it() {
    let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let taken = [("UDP", udp.local_addr().expect("bound")), ("TCP", tcp.local_addr().expect("bound"))];
    for (protocol, address) in taken {
        let media = address.to_string();
        let output = finish(&["serve", "--listen", "127.0.0.1:0", "--admin-listen", "off", "--sfu-listen", &media]);
        let errors = text(&output.stderr);
        assert_eq!((output.status.code(), errors.lines().count()), (Some(1), 1), "{errors}");
        for part in ["media port", "in use", protocol, "--sfu-listen", &address.port().to_string()] {
            assert!(errors.contains(part), "{part} in {errors}");
        }
    }
}

#[test]
fn a_media_port_that_the_page_has_too_is_a_mistake_in_the_configuration() {
    for command in ["check-config", "serve"] {
        let output = finish(&[command, "--listen", "127.0.0.1:8443"]);
        let errors = text(&output.stderr);
        assert_eq!((output.status.code(), errors.lines().count()), (Some(2), 1), "{errors}");
        assert!(errors.contains("--listen: http.listen and sfu.listen"), "{errors}");
    }
}

#[test]
fn the_banner_says_where_media_goes_unless_there_is_none() {
    let running = Running::start(&[]);
    assert!(running.banner("Media").contains("UDP and TCP port "));
    running.signal("TERM");
    assert_eq!(running.wait().0, Some(0));

    let running = Running::start(&["--sfu", "off"]);
    running.port();
    running.signal("TERM");
    while let Ok(line) = running.stdout.recv_timeout(PATIENCE) {
        assert!(!line.contains("Media"), "{line}");
    }
    assert_eq!(running.wait().0, Some(0));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let running = Running::start(&[]);
    // A WebSocket that never answers the close holds the graceful stop up.
    let mut silent = TcpStream::connect((Ipv4Addr::LOCALHOST, running.port())).expect("it listens");
    let upgrade = "GET /api/ws HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                   sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                   sec-websocket-protocol: visavis.v1\r\n\r\n";
    silent.write_all(upgrade.as_bytes()).expect("sent");
    let mut head = [0; 12];
    silent.read_exact(&mut head).expect("an answer");
    assert_eq!(&head, b"HTTP/1.1 101");
    running.signal("TERM");
    wait_for(&running.stderr, "stopping");
    running.signal("TERM");
    let (code, lines) = running.wait();
    assert_eq!(code, Some(1), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("second signal")), "{lines:?}");
}

/// Runs a headless participant in the room `files` of the server at `port`, and gives its exit code and its report.
fn peer(port: u16, args: &[&str]) -> (Option<i32>, serde_json::Value) {
    let url = format!("http://127.0.0.1:{port}");
    let fixed = ["peer", "--url", &url, "--room", "files", "--report", "-"];
    let output = finish(&[&fixed, args].concat());
    let report = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output.status.code(), report)
}

#[test]
fn a_headless_peer_sends_files_another_reports_them_and_both_end_with_0() {
    let server = Running::start(&[]);
    let port = server.port();
    let media = |name: &str| format!("{}/src/peer/source/media/{name}", env!("CARGO_MANIFEST_DIR"));
    let sender = std::thread::spawn(move || {
        let (sound, picture) = (media("tone-660.ogg"), media("pattern.ivf"));
        let files = ["--publish", "audio,video", "--audio-file", &sound, "--video-file", &picture];
        peer(port, &[&files[..], &["--name", "sender", "--duration", "8s"]].concat())
    });
    let (code, report) = peer(port, &["--name", "watcher", "--duration", "8s"]);
    assert_eq!(code, Some(0), "{report:#}");
    let member = &report["members"][0];
    assert_eq!((&member["name"], &member["path"]), (&"sender".into(), &"direct".into()), "{report:#}");
    for (source, codec, frames_min) in [("microphone", "opus", 50), ("camera", "VP8", 15)] {
        let tracks = member["tracks"].as_array().expect("a list");
        let track = tracks.iter().find(|track| track["source"] == source).unwrap_or_else(|| panic!("{source}: {report:#}"));
        assert_eq!(track["codec"].as_str().map(str::to_lowercase), Some(codec.to_lowercase()), "{report:#}");
        let count = |field: &str| track[field].as_u64().unwrap_or_else(|| panic!("{field} of {source}: {report:#}"));
        assert!(count("frames") >= frames_min && count("packets") >= frames_min && count("bytes") > 1000, "{report:#}");
        assert!(count("first_frame_delay_ms") < 8000 && count("lost") < count("packets"), "{report:#}");
    }
    let (code, report) = sender.join().expect("the sender ran");
    assert_eq!((code, &report["connected"]), (Some(0), &true.into()), "{report:#}");

    let (code, report) = peer(port, &["--name", "alone", "--duration", "200ms"]);
    assert_eq!((code, &report["connected"]), (Some(1), &false.into()), "alone it never connects: {report:#}");
}
