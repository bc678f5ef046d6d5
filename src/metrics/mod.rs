//! Owns the figures for the operator, and how they are written for Prometheus (OpenMetrics text).

mod media;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;

use crate::hub::Stats;
use crate::protocol::CloseCode;
use crate::shard::Report;
use media::MediaFigures;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Status {
    status: u16,
}

/// The shell's own figures; those of the hub and of the shards come when they are asked for.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Connections taken.
    pub connections: Counter,
    /// Connections refused because all slots were taken.
    pub connections_refused: Counter,
    /// Connections that the system could not give us.
    pub accept_errors: Counter,
    /// TLS handshakes that failed.
    pub tls_errors: Counter,
    /// WebSockets open now.
    pub open_websockets: Gauge,
    /// Frames from clients.
    pub frames_in: Counter,
    /// Frames to clients.
    pub frames_out: Counter,
    /// Payload bytes of frames from clients.
    pub bytes_in: Counter,
    /// Payload bytes of frames to clients.
    pub bytes_out: Counter,
    closed: Family<Reason, Counter>,
    upgrades_refused: Family<Status, Counter>,
}

impl Metrics {
    /// A WebSocket was closed by the server.
    pub fn count_closed(&self, code: CloseCode) {
        self.closed.get_or_create(&Reason { reason: code.reason() }).inc();
    }

    /// A WebSocket upgrade was refused with this HTTP status.
    pub fn count_upgrade_refused(&self, status: u16) {
        self.upgrades_refused.get_or_create(&Status { status }).inc();
    }

    /// Everything as OpenMetrics text: the shell's own, the hub's with the inputs that wait for it, and those of each shard.
    pub fn encode(&self, hub: Stats, hub_waiting: usize, shards: Vec<Report>) -> String {
        let mut registry = Registry::with_prefix("visavis");
        let counters = [
            ("connections", "Connections taken", &self.connections),
            ("connections_refused", "Connections refused because all slots were taken", &self.connections_refused),
            ("accept_errors", "Connections that the system could not give us", &self.accept_errors),
            ("tls_errors", "TLS handshakes that failed", &self.tls_errors),
            ("websocket_frames_in", "Frames from clients", &self.frames_in),
            ("websocket_frames_out", "Frames to clients", &self.frames_out),
            ("websocket_bytes_in", "Payload bytes from clients", &self.bytes_in),
            ("websocket_bytes_out", "Payload bytes to clients", &self.bytes_out),
        ];
        for (name, help, counter) in counters {
            registry.register(name, help, counter.clone());
        }
        registry.register("websockets", "WebSockets open now", self.open_websockets.clone());
        registry.register("websockets_closed", "WebSockets closed by the server, by reason", self.closed.clone());
        registry.register("upgrades_refused", "WebSocket upgrades refused, by HTTP status", self.upgrades_refused.clone());
        registry.register_collector(Box::new(HubFigures(hub, hub_waiting)));
        registry.register_collector(Box::new(MediaFigures(shards)));
        let mut page = String::new();
        text::encode(&mut page, &registry).expect("a String takes everything");
        page
    }
}

#[derive(Debug)]
struct HubFigures(Stats, usize);

impl Collector for HubFigures {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        let Self(stats, waiting) = self;
        let gauges = [
            ("hub_rooms", "Rooms with members", stats.rooms),
            ("hub_sessions", "Sessions, those that are away included", stats.sessions),
            ("hub_connections", "Connections that have said hello", stats.connections),
            ("hub_inputs_waiting", "What connections have said and the hub has yet to take", *waiting),
            ("process_resident_kibibytes", "Resident memory of the process", resident_kib()),
        ];
        for (name, help, value) in gauges {
            let gauge = ConstGauge::new(value as i64);
            gauge.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }
        let counters = &stats.counters;
        let counted = [
            ("hub_joined", "New members", counters.joined),
            ("hub_left", "Members that left by their own word", counters.left),
            ("hub_lost", "Connections lost", counters.lost),
            ("hub_expired", "Sessions that did not come back in time", counters.expired),
            ("hub_resumed", "Sessions that came back and missed nothing", counters.resumed),
            ("hub_handed_over", "Sessions that another device took over", counters.handed_over),
            ("hub_signals", "Signals relayed", counters.signals),
            ("hub_bus_messages", "Bus messages relayed", counters.bus),
            ("hub_chat_messages", "Chat messages", counters.chat),
            ("hub_credentials_renewed", "TURN credentials renewed", counters.credentials_renewed),
        ];
        for (name, help, value) in counted {
            let counter = ConstCounter::new(value);
            counter.encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)?;
        }
        let refused: Family<Reason, Counter> = Family::default();
        for (code, count) in &counters.refused {
            refused.get_or_create(&Reason { reason: code.as_str() }).inc_by(*count);
        }
        refused.encode(encoder.encode_descriptor("hub_frames_refused", "Frames refused, by code", None, MetricType::Counter)?)
    }
}

/// Resident memory in KiB, 0 where the system does not say.
fn resident_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("");
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
}
