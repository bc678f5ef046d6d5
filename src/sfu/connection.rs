//! Owns one member's peer connection with the SFU: its transport, what it sends and receives, and how much it can take.

use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

use super::allocation::Share;
use super::estimate::Estimate;
use super::flood::Allowance;
use super::pacer::RetransmissionBudget;
use super::probe::Pace;
use super::quality::{QUALITY_INTERVAL, Quality};
use super::reports::{RoundTrip, Wallclock};
use super::slot::Slot;
use super::transport::{Credentials, Transport};
use super::twcc;
use super::ufrag::Ufrag;
use crate::limits::{MEMBER_CHECKS_PER_SECOND, MEMBER_PACKETS_PER_SECOND};
use crate::rtp::ExtensionIds;
use crate::sdp::IceCredentials;

/// Where the packets of one SSRC go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Route {
    /// The publication and its layer.
    pub(super) publication: usize,
    pub(super) layer: usize,
    /// They are retransmissions (RFC 4588).
    pub(super) is_rtx: bool,
}

/// A packet that waits for the next flush.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pending {
    /// One that has come, for a slot.
    Fresh { slot: u16, layer: u8, publication: u32, sequence: u64 },
    /// One that the member misses, by its number in the slot.
    Again { slot: u16, sequence: u16 },
}

impl Pending {
    /// Whether it is a packet of this publication, which has come just now.
    pub(super) fn is_of(&self, key: usize) -> bool {
        matches!(self, Self::Fresh { publication, .. } if *publication as usize == key)
    }
}

/// What one peer connection is made of.
pub(super) struct Connection {
    pub(super) revision: u32,
    pub(super) transport: Transport,
    /// Named by the present ICE credentials, and those of before until the restart is done.
    pub(super) ufrag: Ufrag,
    pub(super) former_ufrag: Option<Ufrag>,
    pub(super) remote: IceCredentials,
    pub(super) session_id: u64,
    pub(super) session_version: u64,
    pub(super) cname: String,
    /// Our name in RTCP where no stream of ours is meant.
    pub(super) ssrc: u32,
    pub(super) is_connected: bool,
    pub(super) extensions: ExtensionIds,
    /// Keys of what the member sends.
    pub(super) publications: Vec<usize>,
    pub(super) slots: Vec<Slot>,
    pub(super) routes: FxHashMap<u32, Route>,
    pub(super) pending: Vec<Pending>,
    /// How many of them the present flush has sent.
    pub(super) flushed: usize,
    pub(super) is_dirty: bool,
    /// Feedback for what the member sends; made when its first numbered packet comes.
    pub(super) arrivals: Option<Box<twcc::Receiver>>,
    pub(super) history: twcc::History,
    /// What its link carries, the probe of it that is being sent, and what would be sent if it carried everything.
    pub(super) estimate: Estimate,
    pub(super) pace: Option<Pace>,
    pub(super) wanted_bps: u64,
    /// How well its media gets through, and the worst that was reported since the last sample.
    pub(super) quality: Quality,
    pub(super) next_quality: Instant,
    pub(super) reported: (f32, Duration),
    /// How much it may be sent again.
    pub(super) repeats: RetransmissionBudget,
    /// What it may send, and how many checks.
    pub(super) packets: Allowance,
    pub(super) checks: Allowance,
    pub(super) shares: Vec<Share<usize>>,
    pub(super) round_trip: RoundTrip,
    pub(super) wallclock: Wallclock,
    pub(super) next_report: Instant,
    pub(super) next_allocation: Instant,
    /// The member is to be told anew what its slots carry, or what is wanted of what it sends.
    pub(super) slots_changed: bool,
    pub(super) sends_changed: bool,
}

/// What a new connection begins with, drawn by the SFU.
pub(super) struct Beginning {
    pub(super) revision: u32,
    pub(super) transport: Transport,
    pub(super) ufrag: Ufrag,
    pub(super) remote: IceCredentials,
    pub(super) session_id: u64,
    pub(super) ssrc: u32,
    pub(super) cname: String,
}

impl Connection {
    pub(super) fn new(now: Instant, beginning: Beginning) -> Self {
        let Beginning { revision, transport, ufrag, remote, session_id, ssrc, cname } = beginning;
        Self {
            revision,
            transport,
            ufrag,
            former_ufrag: None,
            remote,
            session_id,
            session_version: 0,
            cname,
            ssrc,
            is_connected: false,
            extensions: ExtensionIds::default(),
            publications: Vec::new(),
            slots: Vec::new(),
            routes: FxHashMap::default(),
            pending: Vec::new(),
            flushed: 0,
            is_dirty: false,
            arrivals: None,
            history: twcc::History::default(),
            estimate: Estimate::new(now),
            pace: None,
            wanted_bps: 0,
            quality: Quality::default(),
            next_quality: now + QUALITY_INTERVAL,
            reported: (0.0, Duration::ZERO),
            repeats: RetransmissionBudget::new(now),
            packets: Allowance::new(now, MEMBER_PACKETS_PER_SECOND),
            checks: Allowance::new(now, MEMBER_CHECKS_PER_SECOND),
            shares: Vec::new(),
            round_trip: RoundTrip::default(),
            wallclock: Wallclock::default(),
            next_report: now + Duration::from_millis(500),
            next_allocation: now,
            slots_changed: false,
            sends_changed: false,
        }
    }

    /// Whether a check may name it so.
    pub(super) fn is_named(&self, ufrag: &Ufrag) -> bool {
        self.ufrag == *ufrag || self.former_ufrag == Some(*ufrag)
    }

    /// Other credentials of ours, for an ICE restart.
    pub(super) fn rename(&mut self, ufrag: Ufrag) {
        self.former_ufrag = Some(std::mem::replace(&mut self.ufrag, ufrag));
    }

    /// Our credentials as the transport has them.
    pub(super) fn credentials(&self) -> &Credentials {
        self.transport.credentials()
    }
}
