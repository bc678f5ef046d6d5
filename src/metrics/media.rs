//! Owns the figures of the shards, each with the shard's number as its label.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::sfu::{DropReason, Stats};
use crate::shard::{Report, TcpCounters, UdpCounters, WorkerCounters};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Shard {
    shard: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct State {
    shard: usize,
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    shard: usize,
    reason: &'static str,
}

/// A name, what it says, and its value at one shard.
type Figure<V> = (&'static str, &'static str, V);

/// The reports of all shards, by number. Without any, there is no figure at all.
#[derive(Debug)]
pub(super) struct MediaFigures(pub(super) Vec<Report>);

impl Collector for MediaFigures {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        let Self(reports) = self;
        if reports.is_empty() {
            return Ok(());
        }
        columns(reports, gauges, |(name, help, _), values| {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            values.iter().enumerate().try_for_each(|(shard, value)| {
                ConstGauge::new(i64::try_from(*value).unwrap_or(i64::MAX)).encode(family.encode_family(&Shard { shard })?)
            })
        })?;
        columns(reports, counters, |(name, help, _), values| {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            values
                .iter()
                .enumerate()
                .try_for_each(|(shard, value)| ConstCounter::new(*value).encode(family.encode_family(&Shard { shard })?))
        })?;
        columns(reports, seconds, |(name, help, _), values| {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            values
                .iter()
                .enumerate()
                .try_for_each(|(shard, value)| ConstCounter::new(*value).encode(family.encode_family(&Shard { shard })?))
        })?;
        let mut load =
            encoder.encode_descriptor("shard_load", "Share of the last second that it worked", None, MetricType::Gauge)?;
        for (shard, report) in reports.iter().enumerate() {
            ConstGauge::new(report.load).encode(load.encode_family(&Shard { shard })?)?;
        }
        let mut transports =
            encoder.encode_descriptor("media_transports", "Peer connections, by state", None, MetricType::Gauge)?;
        for (shard, report) in reports.iter().enumerate() {
            for (state, count) in states(&report.media) {
                ConstGauge::new(count as i64).encode(transports.encode_family(&State { shard, state })?)?;
            }
        }
        let mut drops =
            encoder.encode_descriptor("media_drops", "Datagrams and packets dropped, by reason", None, MetricType::Counter)?;
        for (shard, report) in reports.iter().enumerate() {
            for reason in DropReason::ALL {
                let labels = Reason { shard, reason: reason.as_str() };
                ConstCounter::new(report.media.drops.of(reason)).encode(drops.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}

/// Gives `encode` each figure with its values at all shards.
fn columns<V: Copy, const N: usize>(
    reports: &[Report],
    figures: fn(&Report) -> [Figure<V>; N],
    mut encode: impl FnMut(Figure<V>, &[V]) -> std::fmt::Result,
) -> std::fmt::Result {
    let rows: Vec<[Figure<V>; N]> = reports.iter().map(figures).collect();
    let Some(first) = rows.first() else { return Ok(()) };
    first.iter().enumerate().try_for_each(|(at, figure)| {
        let values: Vec<V> = rows.iter().map(|row| row[at].2).collect();
        encode(*figure, &values)
    })
}

fn states(media: &Stats) -> [(&'static str, usize); 3] {
    [("connecting", media.transports_connecting), ("connected", media.transports_connected), ("failed", media.transports_failed)]
}

fn gauges(report: &Report) -> [Figure<u64>; 10] {
    let media = &report.media;
    [
        ("media_members", "Members that may use the SFU", media.members as u64),
        ("media_publications", "Sources that are being received", media.publications as u64),
        ("media_subscriptions", "Receive slots that carry one", media.subscriptions as u64),
        (
            "media_subscriptions_paused",
            "Those that get nothing, for bandwidth or until it comes",
            media.subscriptions_paused as u64,
        ),
        ("media_estimate_bits_per_second", "Estimates of all subscribers' bandwidth together", media.estimate_bps),
        ("media_estimate_bits_per_second_min", "The lowest of them", media.estimate_bps_min),
        ("media_tcp_connections", "TCP connections for media", report.tcp_open as u64),
        ("shard_gso", "1 where datagrams leave in runs (GSO), 0 where the system cannot", u64::from(report.segments)),
        ("shard_commands_waiting", "Commands of the hub that wait", report.commands_waiting as u64),
        ("shard_addresses_learned", "Addresses whose datagrams are passed to another shard", report.learned as u64),
    ]
}

fn seconds(report: &Report) -> [Figure<f64>; 2] {
    [
        ("shard_busy_seconds", "Time that it worked", report.worker.busy.as_secs_f64()),
        ("shard_running_seconds", "Time that it has run", report.worker.running.as_secs_f64()),
    ]
}

/// Taken apart by name, so that a counter which is not told here is seen by the compiler.
fn counters(report: &Report) -> [Figure<u64>; 38] {
    let WorkerCounters { busy: _, running: _, wakeups, hops_out, hops_in, hops_dropped, commands, events, events_held } =
        report.worker;
    let UdpCounters {
        datagrams_in,
        bytes_in,
        batches_in,
        oversize,
        datagrams_out,
        bytes_out,
        batches_out,
        full,
        refused,
        gso_fallbacks,
    } = report.udp;
    let tcp = report.tcp;
    let TcpCounters { accepted, refused: tcp_refused, strangers, oversize: tcp_oversize, frames_in, frames_out, dropped, .. } =
        tcp;
    let media = &report.media;
    [
        ("media_packets_in", "RTP packets received", media.packets_in),
        ("media_bytes_in", "Their bytes within UDP", media.bytes_in),
        ("media_packets_out", "RTP packets sent", media.packets_out),
        ("media_bytes_out", "Their bytes within UDP", media.bytes_out),
        ("media_lost_in", "Packets of publishers that never came", media.lost_in),
        ("media_lost_out", "Packets that subscribers reported as lost", media.lost_out),
        ("media_nacks_out", "Packets asked for again from publishers", media.nacks_out),
        ("media_nacks_in", "Packets asked for again by subscribers", media.nacks_in),
        ("media_retransmitted", "Packets sent again", media.retransmitted),
        ("media_plis_out", "Keyframes asked for from publishers", media.plis_out),
        ("media_plis_in", "Keyframes asked for by subscribers", media.plis_in),
        ("media_layer_switches", "Times a subscription went on with another layer", media.layer_switches),
        ("media_udp_datagrams_in", "UDP datagrams received", datagrams_in),
        ("media_udp_bytes_in", "Their bytes", bytes_in),
        ("media_udp_batches_in", "System calls that received some", batches_in),
        ("media_udp_oversize", "Datagrams dropped as too long", oversize),
        ("media_udp_datagrams_out", "UDP datagrams sent", datagrams_out),
        ("media_udp_bytes_out", "Their bytes", bytes_out),
        ("media_udp_batches_out", "System calls that sent some", batches_out),
        ("media_udp_full", "Datagrams dropped because the socket's buffer or the device's queue was full", full),
        ("media_udp_refused", "Datagrams that the system refused to send", refused),
        ("media_udp_gso_fallbacks", "Runs sent as single datagrams because the system refused them whole", gso_fallbacks),
        ("media_tcp_accepted", "TCP connections taken", accepted),
        ("media_tcp_refused", "TCP connections refused at a bound", tcp_refused),
        ("media_tcp_strangers", "TCP connections closed because they did not begin with a check", strangers),
        ("media_tcp_oversize", "TCP connections closed because of a frame that was too long", tcp_oversize),
        ("media_tcp_frames_in", "Frames received over TCP", frames_in),
        ("media_tcp_bytes_in", "Their bytes", tcp.bytes_in),
        ("media_tcp_frames_out", "Frames sent over TCP", frames_out),
        ("media_tcp_bytes_out", "Their bytes", tcp.bytes_out),
        ("media_tcp_dropped", "Frames dropped because the reader was too slow, or gone", dropped),
        ("shard_wakeups", "Times it woke up", wakeups),
        ("shard_hops_out", "Datagrams passed to another shard", hops_out),
        ("shard_hops_in", "Datagrams that another shard passed to it", hops_in),
        ("shard_hops_dropped", "Datagrams and connections dropped because another shard's mailbox was full", hops_dropped),
        ("shard_commands", "Commands of the hub", commands),
        ("shard_events", "Events for the hub", events),
        ("shard_events_held", "Times an event waited because the hub's mailbox was full", events_held),
    ]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use prometheus_client::encoding::text;
    use prometheus_client::registry::Registry;

    use super::*;

    fn page(reports: Vec<Report>) -> String {
        let mut registry = Registry::with_prefix("visavis");
        registry.register_collector(Box::new(MediaFigures(reports)));
        let mut page = String::new();
        text::encode(&mut page, &registry).expect("a String takes everything");
        page
    }

    #[test]
    fn each_shard_has_each_figure_once_and_each_name_is_said_once() {
        let mut second = Report { load: 0.25, segments: true, ..Report::default() };
        second.worker.busy = Duration::from_millis(1500);
        second.media.packets_in = 7;
        second.media.estimate_bps = u64::MAX; // beyond what a gauge holds
        second.media.transports_failed = 3;
        second.media.drops.count(DropReason::Forged);
        let page = page(vec![Report::default(), second]);
        for line in [
            "visavis_media_packets_in_total{shard=\"0\"} 0",
            "visavis_media_packets_in_total{shard=\"1\"} 7",
            "visavis_media_estimate_bits_per_second{shard=\"1\"} 9223372036854775807",
            "visavis_media_transports{shard=\"1\",state=\"failed\"} 3",
            "visavis_media_drops_total{shard=\"1\",reason=\"forged\"} 1",
            "visavis_media_drops_total{shard=\"0\",reason=\"queue\"} 0",
            "visavis_shard_load{shard=\"1\"} 0.25",
            "visavis_shard_busy_seconds_total{shard=\"1\"} 1.5",
            "visavis_shard_gso{shard=\"1\"} 1",
        ] {
            assert_eq!(page.lines().filter(|found| *found == line).count(), 1, "{line} in {page}");
        }
        let mut names: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!((names.len(), names.iter().filter(|name| name.ends_with(" counter")).count()), (all, 38 + 2 + 1), "{page}");
    }

    #[test]
    fn without_shards_there_is_no_figure() {
        assert_eq!(page(Vec::new()), "# EOF\n");
    }

    #[test]
    fn what_the_operator_is_told_to_watch_is_there() {
        let manual = include_str!("../../docs/operations.md");
        let (_, table) = manual.split_once("have the label `shard`").expect("the table of the shards' figures");
        let (table, _) = table.split_once("\n## ").expect("the next chapter");
        let page = page(vec![Report::default()]);
        let named: Vec<&str> = table
            .split('`')
            .filter(|word| word.starts_with("media_") || word.starts_with("shard_"))
            .filter(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
            .collect();
        assert!(named.len() > 20, "{named:?}");
        for name in named {
            assert!(page.contains(&format!("\nvisavis_{name}{{")), "{name} is not in {page}");
        }
    }
}
