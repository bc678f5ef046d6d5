//! Owns the running server: configuration → hub → HTTP, and the stop in reverse.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::JoinHandle;
use tokio_rustls::rustls::ServerConfig;

use crate::config::Config;
use crate::http::{self, Listener, ListenerError, Service, State};
use crate::hub::Settings;
use crate::hub_task::HubHandle;
use crate::metrics::Metrics;

/// Most connections of the admin listener.
const ADMIN_CONNECTIONS_MAX: u32 = 64;

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// A socket cannot be opened.
    #[error(transparent)]
    Listener(#[from] ListenerError),
}

/// A server that runs until [`Server::stop`]. Dropped without it, it ends with the runtime.
pub struct Server {
    state: State,
    public: Listener,
    admin: Option<Listener>,
    hub: JoinHandle<()>,
}

impl Server {
    /// Starts everything. `tls` is what [`Config::tls`] comes to; none: plain HTTP.
    ///
    /// # Errors
    /// When a port is taken or may not be used.
    pub async fn start(config: &Config, tls: Option<Arc<ServerConfig>>) -> Result<Self, ServerError> {
        let settings = Settings {
            rooms: config.rooms.clone(),
            ice: config.ice.clone(),
            frames_per_second: config.limits.frames_per_second,
            sfu: None,
        };
        let (handle, hub) = HubHandle::start(settings, None);
        let metrics = Arc::new(Metrics::default());
        let state = State { hub: handle, metrics: Arc::clone(&metrics), stopping: Arc::new(AtomicBool::new(false)) };
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
        tracing::info!(address = %public.address(), admin = admin_address, "listening");
        Ok(Self { state, public, admin, hub })
    }

    /// Where the page and the WebSocket are.
    pub fn http_addr(&self) -> SocketAddr {
        self.public.address()
    }

    /// Where the metrics are.
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(Listener::address)
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
        tracing::info!("stopped");
    }
}
