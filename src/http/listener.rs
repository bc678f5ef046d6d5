//! Owns a listening socket and the connections that come by it: TLS, HTTP/1.1, their number and their patience.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use warp::hyper::Request;

use super::Routes;
use super::connection::{Guard, Slots};
use crate::limits::{HTTP_HEADER_BYTES_MAX, HTTP_HEADER_TIMEOUT, LISTEN_BACKLOG, SHUTDOWN_TIMEOUT, SOCKET_SEND_BYTES_MAX};
use crate::metrics::Metrics;
use crate::redact;

/// How long to wait when the system has no more file descriptors.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// Why a listener cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum ListenerError {
    /// Another program listens there.
    #[error("Port {} is in use. Stop the other program, or choose another address with --{flag}.", address.port())]
    InUse {
        /// Where.
        address: SocketAddr,
        /// The setting that moves it.
        flag: &'static str,
    },
    /// The system says no.
    #[error("Cannot listen on {address}: {source}. Choose another address with --{flag}.")]
    Refused {
        /// Where.
        address: SocketAddr,
        /// The setting that moves it.
        flag: &'static str,
        /// The system's own words.
        source: io::Error,
    },
}

/// A socket that listens; its connections are taken in a task of its own until [`Listener::stop`].
pub(crate) struct Listener {
    address: SocketAddr,
    slots: Slots,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// What a listener serves and under which conditions.
pub(crate) struct Service<R> {
    /// The setting that says where it listens, for errors.
    pub(crate) flag: &'static str,
    pub(crate) routes: R,
    pub(crate) tls: Option<Arc<ServerConfig>>,
    pub(crate) connections_max: u32,
    pub(crate) metrics: Arc<Metrics>,
}

impl Listener {
    /// Listens on `address`; port 0 takes a free one. An IPv6 wildcard takes IPv4 too, or alone where there is no IPv6.
    pub(crate) fn open<R: Routes>(address: SocketAddr, service: Service<R>) -> Result<Self, ListenerError> {
        let flag = service.flag;
        let socket = bind(address).map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => ListenerError::InUse { address, flag },
            _ => ListenerError::Refused { address, flag, source },
        })?;
        let address = socket.local_addr().unwrap_or(address);
        let (stop, stopped) = watch::channel(false);
        let slots = Slots::new(service.connections_max);
        let task = tokio::spawn(accept(socket, Arc::new(service), slots.clone(), stopped));
        Ok(Self { address, slots, stop, task })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections, lets the present ones end, and waits for that up to [`SHUTDOWN_TIMEOUT`].
    pub(crate) async fn stop(self) {
        let _ = self.stop.send(true);
        let _ = self.task.await;
        if timeout(SHUTDOWN_TIMEOUT, self.slots.all_free()).await.is_err() {
            tracing::warn!("some connections did not end in time");
        }
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    match bind_exactly(address) {
        Err(error) if address.ip().is_unspecified() && address.is_ipv6() && error.kind() != io::ErrorKind::AddrInUse => {
            bind_exactly((std::net::Ipv4Addr::UNSPECIFIED, address.port()).into())
        }
        outcome => outcome,
    }
}

fn bind_exactly(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv6() { TcpSocket::new_v6()? } else { TcpSocket::new_v4()? };
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(SOCKET_SEND_BYTES_MAX)?; // accepted sockets inherit it
    socket.bind(address)?;
    socket.listen(LISTEN_BACKLOG)
}

async fn accept<R: Routes>(socket: TcpListener, service: Arc<Service<R>>, slots: Slots, mut stopped: watch::Receiver<bool>) {
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            _ = stopped.changed() => return,
        };
        let (stream, remote) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Most likely no file descriptor is left (EMFILE); the ones in use will be given back.
                tracing::warn!(%error, "cannot take a connection");
                service.metrics.accept_errors.inc();
                sleep(EXHAUSTED_PAUSE).await;
                continue;
            }
        };
        let Some(guard) = slots.take() else {
            service.metrics.connections_refused.inc();
            tracing::debug!(remote = %redact::Address(remote.ip()), "all connections are taken");
            continue;
        };
        service.metrics.connections.inc();
        let (service, stopped) = (Arc::clone(&service), stopped.clone());
        tokio::spawn(async move {
            let _ = stream.set_nodelay(true);
            serve_encrypted_or_not(stream, remote, &service, guard, stopped).await;
        });
    }
}

async fn serve_encrypted_or_not<R: Routes>(
    stream: TcpStream,
    remote: SocketAddr,
    service: &Service<R>,
    guard: Guard,
    stopped: watch::Receiver<bool>,
) {
    let Some(tls) = &service.tls else { return serve(stream, service, guard, stopped).await };
    let handshake = TlsAcceptor::from(Arc::clone(tls)).accept(stream);
    match timeout(HTTP_HEADER_TIMEOUT, handshake).await {
        Ok(Ok(stream)) => serve(stream, service, guard, stopped).await,
        Ok(Err(error)) => {
            service.metrics.tls_errors.inc();
            tracing::debug!(remote = %redact::Address(remote.ip()), %error, "TLS handshake failed");
        }
        Err(_) => {
            service.metrics.tls_errors.inc();
        }
    }
}

async fn serve<S, R>(stream: S, service: &Service<R>, guard: Guard, mut stopped: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    R: Routes,
{
    let routes = warp::service(service.routes.clone());
    let handler = service_fn(move |mut request: Request<Incoming>| {
        use tower_service::Service as _;
        request.extensions_mut().insert(guard.clone());
        routes.clone().call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HTTP_HEADER_TIMEOUT)
        .max_buf_size(HTTP_HEADER_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), handler)
        .with_upgrades();
    tokio::pin!(connection);
    loop {
        tokio::select! {
            outcome = &mut connection => {
                if let Err(error) = outcome {
                    tracing::debug!(%error, "HTTP connection ended");
                }
                return;
            }
            Ok(()) = stopped.changed() => connection.as_mut().graceful_shutdown(),
        }
    }
}
