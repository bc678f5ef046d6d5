//! Owns the figures of one shard's media: plain counters and gauges, read as a whole.

/// Why media was not forwarded, or not even opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(usize)]
pub enum DropReason {
    /// Neither STUN nor DTLS nor (S)RTP, or too short to be.
    Unknown,
    /// From an address that has not passed a check.
    Unchecked,
    /// A check that does not authenticate, or names no transport.
    BadCheck,
    /// DTLS that cannot be read, or from who is not the peer.
    BadDtls,
    /// Its authentication tag is wrong.
    Forged,
    /// It has come before.
    Replayed,
    /// An RTP or RTCP packet that cannot be read.
    Malformed,
    /// Of a source that no section of the offer explains.
    UnknownSource,
    /// Its sender sends more than it may.
    Flood,
    /// What waits to be sent there has no room for it: a message for a data channel.
    Queue,
}

impl DropReason {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Unknown,
        Self::Unchecked,
        Self::BadCheck,
        Self::BadDtls,
        Self::Forged,
        Self::Replayed,
        Self::Malformed,
        Self::UnknownSource,
        Self::Flood,
        Self::Queue,
    ];

    /// As a label of a metric.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Unchecked => "unchecked",
            Self::BadCheck => "bad_check",
            Self::BadDtls => "bad_dtls",
            Self::Forged => "forged",
            Self::Replayed => "replayed",
            Self::Malformed => "malformed",
            Self::UnknownSource => "unknown_source",
            Self::Flood => "flood",
            Self::Queue => "queue",
        }
    }
}

/// Drops by reason. Counting is an addition in an array: it may stand on the path of every packet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Drops([u64; DropReason::ALL.len()]);

impl Drops {
    /// One more.
    pub fn count(&mut self, reason: DropReason) {
        self.0[reason as usize] += 1;
    }

    /// How many so far.
    pub fn of(&self, reason: DropReason) -> u64 {
        self.0[reason as usize]
    }
}

/// The figures of one shard's media. Gauges first, then counters, which never go down.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Members that may use the SFU.
    pub members: usize,
    /// Transports that have yet to connect.
    pub transports_connecting: usize,
    /// Transports that are connected.
    pub transports_connected: usize,
    /// Transports that were lost and have not been closed or restarted.
    pub transports_failed: usize,
    /// Sources that are being received.
    pub publications: usize,
    /// Slots that carry one.
    pub subscriptions: usize,
    /// Subscriptions that are paused for bandwidth.
    pub subscriptions_paused: usize,
    /// The estimates of all subscribers' bandwidth together, in bit/s.
    pub estimate_bps: u64,
    /// The lowest of them, in bit/s; 0 without subscribers.
    pub estimate_bps_min: u64,
    /// RTP packets received, retransmissions included.
    pub packets_in: u64,
    /// Their bytes, as on the wire within UDP.
    pub bytes_in: u64,
    /// RTP packets sent, retransmissions included.
    pub packets_out: u64,
    /// Their bytes, as on the wire within UDP.
    pub bytes_out: u64,
    /// Packets of publishers that never came.
    pub lost_in: u64,
    /// Packets that subscribers have reported as lost.
    pub lost_out: u64,
    /// Packets asked for again from publishers.
    pub nacks_out: u64,
    /// Packets asked for again by subscribers.
    pub nacks_in: u64,
    /// Packets sent again.
    pub retransmitted: u64,
    /// Keyframes asked for from publishers.
    pub plis_out: u64,
    /// Keyframes asked for by subscribers.
    pub plis_in: u64,
    /// Times a subscription went on with another layer.
    pub layer_switches: u64,
    /// What was dropped.
    pub drops: Drops,
}

/// What a shard holds, besides counters: nothing, once all members have left and all is sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Holdings {
    /// Rooms, and their names.
    pub rooms: (usize, usize),
    /// Members, and their names.
    pub members: (usize, usize),
    /// Sources that are received.
    pub publications: usize,
    /// Ways that lead to a member.
    pub tuples: usize,
    /// Members with packets that wait, and datagrams that do.
    pub waiting: (usize, usize),
    /// Events that nobody has polled.
    pub events: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_a_counter_and_a_label_of_its_own() {
        let mut drops = Drops::default();
        for (at, reason) in DropReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, at);
            drops.count(reason);
            assert_eq!(drops.of(reason), 1);
        }
        let labels: std::collections::BTreeSet<_> = DropReason::ALL.map(DropReason::as_str).into();
        assert_eq!(labels.len(), DropReason::ALL.len());
    }
}
