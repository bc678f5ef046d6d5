//! Owns the routes: the page, the WebSocket and the health of the server for everyone; metrics for the operator.
//!
//! | path | answer |
//! |---|---|
//! | `/`, `/r/<room>` | the page |
//! | `/api/ws` | the WebSocket, see [`crate::protocol`] |
//! | `/healthz` | 200 while the process runs |
//! | `/readyz` | 200 while the hub answers and the server is not stopping, else 503 |
//! | `/version` | name, version and protocol as JSON |
//! | `/metrics` | Prometheus text, on the admin listener only |

mod bucket;
mod connection;
mod listener;
mod origin;
mod page;
pub mod tls;
mod ws;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hyper::header::{CACHE_CONTROL, HeaderMap};
use hyper::upgrade::OnUpgrade;
use tokio::time::timeout;
use warp::http::{Response, StatusCode};
use warp::reply::{Reply, Response as AnyResponse};
use warp::{Filter, Rejection};

pub use listener::ListenerError;
pub(crate) use listener::{Listener, Service};

use crate::config::Config;
use crate::hub_task::HubHandle;
use crate::metrics::Metrics;
use crate::protocol::SUBPROTOCOL;
use crate::shard::Reports;
use connection::Guard;
use origin::Origins;
use page::Page;
use ws::{Sockets, plain};

/// How long the hub may take to show that it lives.
const READY_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(2);

/// What the routes stand on.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) hub: HubHandle,
    pub(crate) metrics: Arc<Metrics>,
    /// The figures of the shards; without an SFU there are none.
    pub(crate) shards: Reports,
    pub(crate) stopping: Arc<AtomicBool>,
}

/// A filter that can be served.
pub(crate) trait Routes: Filter<Extract = (AnyResponse,), Error = Infallible> + Clone + Send + Sync + 'static {}
impl<F: Filter<Extract = (AnyResponse,), Error = Infallible> + Clone + Send + Sync + 'static> Routes for F {}

/// What everyone may ask for.
pub(crate) fn public_routes(config: &Config, state: &State) -> impl Routes {
    let page = Arc::new(Page::load());
    let index = {
        let page = Arc::clone(&page);
        let paths = warp::path::end().or(warp::path!("r" / String).map(drop).untuple_one()).unify();
        paths.and(read()).and(warp::header::headers_cloned()).map(move |headers| page.index(&headers).into_response())
    };
    let files = warp::path::full().and(read()).and(warp::header::headers_cloned()).and_then(
        move |path: warp::path::FullPath, headers: HeaderMap| {
            let file = page.file(path.as_str().trim_start_matches('/'), &headers);
            std::future::ready(file.map(Reply::into_response).ok_or_else(warp::reject::not_found))
        },
    );
    websocket(config, state).or(index).unify().or(health(state)).unify().or(files).unify().recover(explain).unify()
}

/// What only the operator may ask for.
pub(crate) fn admin_routes(state: &State) -> impl Routes {
    let metrics = {
        let state = state.clone();
        warp::path!("metrics").and(read()).then(move || {
            let state = state.clone();
            async move { metrics_page(&state).await }
        })
    };
    metrics.or(health(state)).unify().recover(explain).unify()
}

fn read() -> impl Filter<Extract = (), Error = Rejection> + Copy {
    warp::get().or(warp::head()).unify()
}

fn websocket(config: &Config, state: &State) -> impl Filter<Extract = (AnyResponse,), Error = Rejection> + Clone + use<> {
    let origins = Arc::new(Origins::new(config.http.public_url.as_deref(), &config.http.allowed_origins));
    let sockets = Sockets {
        hub: state.hub.clone(),
        metrics: Arc::clone(&state.metrics),
        frames_per_second: config.limits.frames_per_second,
    };
    warp::path!("api" / "ws")
        .and(warp::get())
        .and(warp::header::headers_cloned())
        .and(warp::ext::optional::<OnUpgrade>())
        .and(warp::ext::optional::<Guard>())
        .map(move |headers: HeaderMap, upgrade, guard| {
            if origins.allows(&headers) {
                return sockets.upgrade(&headers, upgrade, guard).into_response();
            }
            sockets.metrics.count_upgrade_refused(StatusCode::FORBIDDEN.as_u16());
            let message = "Pages of this origin may not connect. The operator can list it under http.allowed_origins.\n";
            plain(StatusCode::FORBIDDEN, message).into_response()
        })
}

fn health(state: &State) -> impl Filter<Extract = (AnyResponse,), Error = Rejection> + Clone + use<> {
    let healthz = warp::path!("healthz").and(read()).map(|| plain(StatusCode::OK, "ok\n").into_response());
    let readyz = {
        let state = state.clone();
        warp::path!("readyz").and(read()).then(move || {
            let state = state.clone();
            async move { ready(&state).await }
        })
    };
    let version = warp::path!("version").and(read()).map(|| {
        let version = serde_json::json!({
            "name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION"), "protocol": SUBPROTOCOL,
        });
        warp::reply::json(&version).into_response()
    });
    healthz.or(readyz).unify().or(version).unify().map(|mut response: AnyResponse| {
        response.headers_mut().insert(CACHE_CONTROL, hyper::header::HeaderValue::from_static("no-store"));
        response
    })
}

async fn ready(state: &State) -> AnyResponse {
    if state.stopping.load(Ordering::Relaxed) {
        return plain(StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response();
    }
    match timeout(READY_TIMEOUT, state.hub.stats()).await {
        Ok(Some(_)) => plain(StatusCode::OK, "ready\n").into_response(),
        _ => plain(StatusCode::SERVICE_UNAVAILABLE, "the hub does not answer\n").into_response(),
    }
}

async fn metrics_page(state: &State) -> AnyResponse {
    let stats = timeout(READY_TIMEOUT, state.hub.stats()).await.ok().flatten();
    let text = state.metrics.encode(stats.unwrap_or_default(), state.hub.waiting(), state.shards.read());
    let response = Response::builder()
        .header("content-type", "application/openmetrics-text; version=1.0.0; charset=utf-8")
        .body(text)
        .expect("every part is a valid header");
    response.into_response()
}

async fn explain(rejection: Rejection) -> Result<AnyResponse, Infallible> {
    let response = if rejection.is_not_found() {
        plain(StatusCode::NOT_FOUND, "Nothing here. A room is at /r/ and its name.\n")
    } else if rejection.find::<warp::reject::MethodNotAllowed>().is_some() {
        plain(StatusCode::METHOD_NOT_ALLOWED, "This address can only be read (GET).\n")
    } else {
        plain(StatusCode::BAD_REQUEST, "The request cannot be understood.\n")
    };
    Ok(response.into_response())
}
