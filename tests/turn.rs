//! The shipped coturn configurations with the real turnserver, and credentials that we mint: RFC 8656 over UDP.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::{Digest as _, Md5};
use sha1::Sha1;
use visavis::id::ParticipantId;
use visavis::turn::mint;

/// How long the server may take to start.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long to wait for one answer before asking again; UDP may lose either.
const REPEAT: Duration = Duration::from_millis(200);

const BINDING: u16 = 0x001;
const ALLOCATE: u16 = 0x003;
const CREATE_PERMISSION: u16 = 0x008;

const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const ERROR_CODE: u16 = 0x0009;
const XOR_PEER_ADDRESS: u16 = 0x0012;
const REALM: u16 = 0x0014;
const NONCE: u16 = 0x0015;
const XOR_RELAYED_ADDRESS: u16 = 0x0016;
const REQUESTED_TRANSPORT: u16 = 0x0019;
const SOFTWARE: u16 = 0x8022;

const COOKIE: u32 = 0x2112_A442;

/// A secret for the production file, in place of its placeholder.
const SECRET: &str = "4f1d6a90c2b8e7354f1d6a90c2b8e735";

/// A turnserver on a free port, gone at the end of the test.
struct Turnserver {
    child: Child,
    address: SocketAddr,
    log: PathBuf,
}

impl Turnserver {
    /// Starts it with a configuration file; only ports and places are given on top.
    fn start(config: &Path, extra: &[&str]) -> Self {
        let port = free_port();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let log = folder.join(format!("turnserver-{port}.log"));
        let log_file = std::fs::File::create(&log).expect("a log for the test");
        let child = Command::new("turnserver")
            .arg("-c")
            .arg(config)
            .arg(format!("--listening-port={port}"))
            .arg(format!("--pidfile={}", folder.join(format!("turnserver-{port}.pid")).display()))
            .args(extra)
            .stdin(Stdio::null())
            .stdout(log_file.try_clone().expect("a second handle"))
            .stderr(log_file)
            .spawn();
        let child = child.unwrap_or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => panic!("turnserver is missing: run scripts/need.sh, or install the package coturn"),
            _ => panic!("turnserver cannot be started: {error}"),
        });
        let mut server = Self { child, address: (Ipv4Addr::LOCALHOST, port).into(), log };
        server.wait_until_ready();
        server
    }

    fn development() -> Self {
        Self::start(&shipped("coturn.development.conf"), &[])
    }

    /// As README.md there says: the placeholder replaced. The certificate is left out, coturn then serves UDP and TCP.
    fn production() -> Self {
        let text = std::fs::read_to_string(shipped("coturn.production.conf")).expect("the shipped file");
        assert_eq!(text.matches("REPLACE_ME").count(), 1, "one placeholder");
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("coturn-{}.conf", unique()));
        std::fs::write(&path, text.replace("REPLACE_ME", SECRET)).expect("a file for the test");
        Self::start(&path, &["--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1"])
    }

    fn wait_until_ready(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        let client = Client::new(self.address);
        while client.exchange_once(&Message::new(BINDING)).is_none() {
            let log = || std::fs::read_to_string(&self.log).unwrap_or_default();
            if let Some(status) = self.child.try_wait().expect("a child") {
                panic!("turnserver ended with {status}:\n{}", log());
            }
            assert!(Instant::now() < deadline, "turnserver does not answer:\n{}", log());
        }
    }

    fn client(&self, secret: &str, expires_in_s: i64) -> Client {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        let participant = ParticipantId::new(0xff).expect("not zero");
        let credentials = mint(secret, participant, now.checked_add_signed(expires_in_s).expect("a time"));
        Client { credentials: Some(credentials), ..Client::new(self.address) }
    }
}

impl Drop for Turnserver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("turn-config").join(name)
}

/// The secret as it stands in a shipped file.
fn secret_of(name: &str) -> String {
    let text = std::fs::read_to_string(shipped(name)).expect("the shipped file");
    let line = text.lines().find_map(|line| line.strip_prefix("static-auth-secret="));
    line.expect("the file has a secret").to_owned()
}

/// A port that is free for UDP and for TCP, as turnserver wants both.
fn free_port() -> u16 {
    loop {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = udp.local_addr().expect("bound").port();
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

/// A number that no other test of this machine has at the time.
fn unique() -> u64 {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    u64::from(std::process::id()) << 32 | COUNT.fetch_add(1, Ordering::Relaxed)
}

/// A STUN message (RFC 8489 section 5).
struct Message {
    bytes: Vec<u8>,
}

impl Message {
    fn new(method: u16) -> Self {
        let mut bytes = [method.to_be_bytes(), [0, 0]].concat();
        bytes.extend(COOKIE.to_be_bytes());
        bytes.extend([0; 4]);
        bytes.extend(unique().to_be_bytes());
        Self { bytes }
    }

    fn with(mut self, kind: u16, value: &[u8]) -> Self {
        self.bytes.extend(kind.to_be_bytes());
        self.bytes.extend(u16::try_from(value.len()).expect("short").to_be_bytes());
        self.bytes.extend(value);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self.set_length(0);
        self
    }

    /// Section 14.5: the length already counts the attribute that is being computed.
    fn signed(mut self, key: &[u8]) -> Self {
        self.set_length(24);
        let mut mac = Hmac::<Sha1>::new_from_slice(key).expect("any length");
        mac.update(&self.bytes);
        let value = mac.finalize().into_bytes();
        self.with(MESSAGE_INTEGRITY, &value)
    }

    fn set_length(&mut self, more: usize) {
        let length = u16::try_from(self.bytes.len() - 20 + more).expect("short");
        self.bytes[2..4].copy_from_slice(&length.to_be_bytes());
    }

    fn attribute(&self, wanted: u16) -> Option<&[u8]> {
        let mut rest = self.bytes.get(20..)?;
        while let [k0, k1, l0, l1, more @ ..] = rest {
            let length = usize::from(u16::from_be_bytes([*l0, *l1]));
            if u16::from_be_bytes([*k0, *k1]) == wanted {
                return more.get(..length);
            }
            rest = more.get(length.next_multiple_of(4)..)?;
        }
        None
    }

    /// The code of an error response; none for success.
    fn error(&self) -> Option<u16> {
        let value = self.attribute(ERROR_CODE)?;
        Some(u16::from(value[2]) * 100 + u16::from(value[3]))
    }
}

/// A TURN client on a socket of its own.
struct Client {
    socket: UdpSocket,
    credentials: Option<(String, String)>,
}

impl Client {
    fn new(server: SocketAddr) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        socket.connect(server).expect("UDP");
        socket.set_read_timeout(Some(REPEAT)).expect("not zero");
        Self { socket, credentials: None }
    }

    /// Sends once and waits a moment for the answer to it.
    fn exchange_once(&self, request: &Message) -> Option<Message> {
        self.socket.send(&request.bytes).ok()?;
        let mut buffer = [0; 1500];
        loop {
            let length = self.socket.recv(&mut buffer).ok()?;
            let answer = Message { bytes: buffer[..length].to_vec() };
            if answer.bytes.get(4..20) == request.bytes.get(4..20) {
                return Some(answer);
            }
        }
    }

    fn exchange(&self, request: &Message) -> Message {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(answer) = self.exchange_once(request) {
                return answer;
            }
            assert!(Instant::now() < deadline, "no answer");
        }
    }

    /// Asks without credentials, is told realm and nonce, and asks with them (RFC 8489 section 9.2).
    fn ask(&self, method: u16, attribute: u16, value: &[u8]) -> Message {
        let challenge = self.exchange(&Message::new(method).with(attribute, value));
        assert_eq!(challenge.error(), Some(401), "nothing without credentials");
        let (username, password) = self.credentials.as_ref().expect("a client with credentials");
        let realm = challenge.attribute(REALM).expect("a challenge has a realm");
        let nonce = challenge.attribute(NONCE).expect("a challenge has a nonce");
        let key = Md5::digest([username.as_bytes(), b":", realm, b":", password.as_bytes()].concat());
        let request = Message::new(method).with(attribute, value).with(USERNAME, username.as_bytes());
        self.exchange(&request.with(REALM, realm).with(NONCE, nonce).signed(&key))
    }

    fn allocate(&self) -> Message {
        self.ask(ALLOCATE, REQUESTED_TRANSPORT, &[17, 0, 0, 0])
    }

    /// The error at leave to exchange packets with `peer`; none when it is given.
    fn permit(&self, peer: &str) -> Option<u16> {
        let peer: Ipv4Addr = peer.parse().expect("an address");
        let port = 4000 ^ (COOKIE >> 16) as u16;
        let address = u32::from(peer) ^ COOKIE;
        let value = [&[0, 1], &port.to_be_bytes()[..], &address.to_be_bytes()].concat();
        self.ask(CREATE_PERMISSION, XOR_PEER_ADDRESS, &value).error()
    }
}

#[test]
fn the_development_server_takes_our_credentials_and_relays_to_loopback() {
    let server = Turnserver::development();
    let client = server.client(&secret_of("coturn.development.conf"), 60);
    let allocation = client.allocate();
    assert_eq!(allocation.error(), None);
    assert!(allocation.attribute(XOR_RELAYED_ADDRESS).is_some());
    assert_eq!(client.permit("127.0.0.1"), None);
}

#[test]
fn the_production_server_takes_our_credentials_and_relays_to_no_private_address() {
    let server = Turnserver::production();
    let client = server.client(SECRET, 60);
    let allocation = client.allocate();
    assert_eq!(allocation.error(), None);
    assert!(allocation.attribute(SOFTWARE).is_none(), "it does not name itself");
    for private in [
        "127.0.0.1",
        "127.8.9.1",
        "0.0.0.1",
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.1",
        "100.127.255.255",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.0.1",
        "198.18.0.1",
        "224.0.0.251",
        "240.0.0.1",
        "255.255.255.255",
    ] {
        assert_eq!(client.permit(private), Some(403), "{private}");
    }
    // A permission by itself sends nothing to the peer.
    for public in ["9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0", "192.169.0.0"] {
        assert_eq!(client.permit(public), None, "{public}");
    }
}

#[test]
fn credentials_that_have_expired_or_have_another_secret_are_refused() {
    let server = Turnserver::development();
    let secret = secret_of("coturn.development.conf");
    assert_eq!(server.client(&secret, -60).allocate().error(), Some(401), "expired");
    assert_eq!(server.client(SECRET, 60).allocate().error(), Some(401), "another secret");
}

#[test]
fn visavis_refuses_the_placeholder_and_takes_the_secret_for_development() {
    use visavis::config::{Sources, load};
    let with = |secret: String| {
        let flags = vec![("turn-urls".to_owned(), vec!["turn:127.0.0.1".to_owned()]), ("turn-secret".to_owned(), vec![secret])];
        load(&Sources { flags, env: Default::default(), file: None, read: &|_| Err(io::ErrorKind::NotFound.into()) })
    };
    assert!(with(secret_of("coturn.production.conf")).is_err());
    assert!(with(secret_of("coturn.development.conf")).is_ok());
}
