//! Owns the running server: configuration → shards → hub → HTTP, and the stop in reverse.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio_rustls::rustls::ServerConfig;

use crate::config::{self, Config};
use crate::http::{self, Listener, ListenerError, Service, State};
use crate::hub::{Settings, SfuSettings};
use crate::hub_task::{HubHandle, MediaLine};
use crate::limits::{SHARD_EVENTS_MAX, VIEW_MAX};
use crate::metrics::Metrics;
use crate::protocol::SfuGrant;
use crate::sdp::{Candidate, Protocol};
use crate::sfu::{self, Identity, IdentityError, Sfu};
use crate::shard::port::{Port, PortError};
use crate::shard::{Shards, announce};

/// Bytes that the kernel should hold of what a thread has yet to take: 20 ms of 400 Mbit/s. With less, a burst is lost.
const RECEIVE_BUFFER_WANTED: usize = 1024 * 1024;

/// Most connections of the admin listener.
const ADMIN_CONNECTIONS_MAX: u32 = 64;

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// A socket cannot be opened.
    #[error(transparent)]
    Listener(#[from] ListenerError),
    /// The media port cannot be opened.
    #[error(transparent)]
    Port(#[from] PortError),
    /// There is no certificate for DTLS.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The system gives no threads.
    #[error("Cannot start the threads that forward media: {0}.")]
    Shards(io::Error),
}

/// The media of the server, before the hub knows of it.
struct Media {
    shards: Shards,
    line: MediaLine,
    settings: SfuSettings,
    /// What browsers can ask for their own address, when the operator names nobody else.
    stun_urls: Vec<String>,
}

/// A server that runs until [`Server::stop`]. Dropped without it, it ends with the runtime.
pub struct Server {
    state: State,
    public: Listener,
    admin: Option<Listener>,
    hub: JoinHandle<()>,
    shards: Option<Shards>,
}

impl Server {
    /// Starts everything. `tls` is what [`Config::tls`] comes to; none: plain HTTP.
    ///
    /// # Errors
    /// When a port is taken or may not be used.
    pub async fn start(config: &Config, tls: Option<Arc<ServerConfig>>) -> Result<Self, ServerError> {
        let media = if config.sfu.enabled { Some(Media::start(&config.sfu)?) } else { None };
        let mut ice = config.ice.clone();
        if let Some(media) = media.as_ref().filter(|_| ice.stun_urls.is_empty() && ice.turn_urls.is_empty()) {
            ice.stun_urls.clone_from(&media.stun_urls);
        }
        let settings = Settings {
            rooms: config.rooms.clone(),
            ice,
            frames_per_second: config.limits.frames_per_second,
            sfu: media.as_ref().map(|media| media.settings),
        };
        let (shards, line) = media.map(|media| (media.shards, media.line)).unzip();
        let (handle, hub) = HubHandle::start(settings, line);
        let metrics = Arc::new(Metrics::default());
        let state = State {
            hub: handle,
            metrics: Arc::clone(&metrics),
            shards: shards.as_ref().map(Shards::reports).unwrap_or_default(),
            stopping: Arc::new(AtomicBool::new(false)),
        };
        let public = Service {
            flag: "listen",
            routes: http::public_routes(config, &state),
            tls,
            connections_max: config.limits.connections_max,
            metrics: Arc::clone(&metrics),
        };
        let public = Listener::open(config.http.listen, public)?;
        let admin = match config.http.admin_listen {
            None => None,
            Some(address) => {
                let admin = Service {
                    flag: "admin-listen",
                    routes: http::admin_routes(&state),
                    tls: None,
                    connections_max: ADMIN_CONNECTIONS_MAX,
                    metrics: Arc::default(), // the operator's own connections are not what the figures are about
                };
                Some(Listener::open(address, admin)?)
            }
        };
        let admin_address = admin.as_ref().map(|admin| tracing::field::display(admin.address()));
        let media_address = shards.as_ref().map(|shards| tracing::field::display(shards.address()));
        tracing::info!(address = %public.address(), admin = admin_address, media = media_address, "listening");
        Ok(Self { state, public, admin, hub, shards })
    }

    /// Where the page and the WebSocket are.
    pub fn http_addr(&self) -> SocketAddr {
        self.public.address()
    }

    /// Where the metrics are.
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(Listener::address)
    }

    /// Where media comes in; none without an SFU.
    pub fn media_addr(&self) -> Option<SocketAddr> {
        self.shards.as_ref().map(Shards::address)
    }

    /// Rung when a thread that forwards media has ended before its time: the server should be stopped.
    pub fn failed(&self) -> Option<Arc<Notify>> {
        self.shards.as_ref().map(Shards::failed)
    }

    /// Tells everyone when to come back, closes every connection, and waits for that up to [`crate::limits::SHUTDOWN_TIMEOUT`].
    pub async fn stop(self) {
        tracing::info!("stopping");
        self.state.stopping.store(true, Ordering::Relaxed);
        self.state.hub.shutdown().await;
        self.public.stop().await;
        if let Some(admin) = self.admin {
            admin.stop().await;
        }
        drop(self.state);
        self.hub.abort(); // connections that did not end in time may hold it
        let _ = self.hub.await;
        if let Some(shards) = self.shards {
            shards.stop().await;
        }
        tracing::info!("stopped");
    }
}

impl Media {
    fn start(config: &config::Sfu) -> Result<Self, ServerError> {
        let threads = match config.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from) as u32,
            threads => threads,
        };
        let threads = u8::try_from(threads.min(64)).unwrap_or(64);
        let port = Port::open(config.listen, threads)?;
        let receive_buffer = port.receive_buffer();
        if receive_buffer < RECEIVE_BUFFER_WANTED {
            tracing::info!(receive_buffer, "the kernel keeps little of a burst of media; raise net.core.rmem_max and wmem_max");
        }
        let identity = Arc::new(Identity::generate()?);
        let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
        let interfaces: Vec<(IpAddr, String)> =
            interfaces.into_iter().map(|interface| (interface.ip(), interface.name)).collect();
        let listen = SocketAddr::new(config.listen.ip(), port.address.port());
        let addresses: Vec<SocketAddr> = announce::addresses(listen, &config.announce, &interfaces)
            .into_iter()
            .map(|ip| SocketAddr::new(ip, listen.port()))
            .collect();
        let candidates: Vec<Candidate> = [Protocol::Udp, Protocol::TcpPassive]
            .into_iter()
            .flat_map(|protocol| addresses.iter().map(move |address| Candidate { protocol, address: *address }))
            .collect();
        let (events_in, events) = mpsc::channel(SHARD_EVENTS_MAX);
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let media = |shard| {
            let settings = sfu::Settings { shard, candidates: candidates.clone() };
            Sfu::new(settings, Arc::clone(&identity), rand::random(), Instant::now(), unix)
        };
        let shards = Shards::start(port, media, &events_in).map_err(ServerError::Shards)?;
        let grant = SfuGrant { slots_max: VIEW_MAX as u32, port: listen.port() };
        let line = MediaLine { shards: shards.mailboxes(), events };
        let stun_urls = announce::stun_urls(&addresses);
        Ok(Self { shards, line, settings: SfuSettings { shards: threads, grant }, stun_urls })
    }
}
