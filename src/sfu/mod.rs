//! Owns the media of one shard: a plain value without sockets, clocks, threads or locks.
//!
//! The shell gives it commands of the hub, datagrams and the time, and then lets it write what is to be sent ([`Sfu::flush`]) and
//! tell what has happened ([`Sfu::poll_event`]).
//!
//! | file | owns |
//! |---|---|
//! | `command` | what the hub asks and hears |
//! | `room`, `member`, `connection` | who is there, with which peer connection |
//! | `transport` | ICE, DTLS, keys, data channels of one peer connection |
//! | `publication`, `slot` | what a member sends, and what it receives |
//! | `offer` | from an offer to sections, slots and an answer |
//! | `subscribe`, `assign` | who gets what |
//! | `ingress`, `egress` | a packet's way in, and out |
//! | `flood` | how much a member may send |
//! | `feedback`, `tick` | RTCP, and what time brings |
//! | `layer`, `allocation`, `speaker`, `nack`, `keyframe`, `quality` | one decision each |
//! | `twcc`, `estimate`, `probe`, `pacer` | what a member's link carries, and how fast it is sent into |
//!
//! A media packet: `ingress` opens it in place, its publication takes it into its cache, and every slot that carries it is told. `egress` lets
//! each slot decide, and writes the packet under the slot's own numbers and the member's own extension ids.
//!
//! **Invariant:** nothing is sent to, nor read as DTLS or SRTP from, a way that no authentic check has proved.
//! **Invariant:** what a slot carries comes from its own room.

pub mod allocation;
mod assign;
mod command;
mod connection;
mod demux;
mod egress;
pub mod estimate;
mod feedback;
mod flood;
mod identity;
mod ingress;
mod keyframe;
mod layer;
mod member;
mod nack;
mod offer;
mod outbound;
pub mod pacer;
pub mod probe;
mod publication;
pub mod quality;
mod rate;
pub mod reports;
mod room;
mod slot;
pub mod speaker;
mod stats;
mod subscribe;
mod tick;
mod transport;
mod tuple;
pub mod twcc;
mod ufrag;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::SeedableRng;
use rand::rngs::ChaCha20Rng;
use rustc_hash::FxHashMap;
use slab::Slab;

pub use command::{Command, Event};
pub use demux::{Kind, classify};
pub use identity::{Fingerprint, HashFunction, Identity, IdentityError};
pub use keyframe::{Ask, KeyframeRequests, RequestBudget};
pub use layer::{Decision, Selector, Shape, Why};
pub use nack::{NackGenerator, Overflow};
pub use outbound::{OUTBOUND_BYTES, Outbound, Run, SEGMENTS_MAX};
pub use stats::{DropReason, Drops, Holdings, Stats};
pub use transport::{
    ChannelEvent, Channels, Credentials, DataError, Failure, OtherIdentity, Refusal, Remote, Transport, TransportEvent,
    answer_binding,
};
pub use tuple::{Protocol, Tuple};
pub use ufrag::{ShardId, Ufrag, ice_password, shard_of, ufrag_of};

use crate::id::{ParticipantId, RoomName};
use crate::sdp;
use member::Member;
use publication::Publication;
use room::Room;

/// What an operator chose, as far as a shard needs it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which shard.
    pub shard: ShardId,
    /// Where clients reach it, the best first.
    pub candidates: Vec<sdp::Candidate>,
}

/// The media of one shard.
pub struct Sfu {
    settings: Settings,
    identity: Arc<Identity>,
    random: ChaCha20Rng,
    now: Instant,
    /// One moment, and the time since 1970 then.
    started: (Instant, Duration),
    rooms: Slab<Room>,
    rooms_by_name: HashMap<RoomName, usize>,
    members: Slab<Member>,
    members_by_id: HashMap<ParticipantId, usize>,
    publications: Slab<Publication>,
    /// The member behind each way that a check has proved.
    tuples: FxHashMap<Tuple, usize>,
    /// DTLS that came before the check that proves its way.
    early: VecDeque<(Tuple, Bytes)>,
    /// Members with packets that wait to be sent.
    dirty: Vec<usize>,
    /// Datagrams besides media.
    control: VecDeque<(Tuple, Bytes)>,
    events: VecDeque<Event>,
    next_tick: Option<Instant>,
    /// When media last came.
    media_at: Option<Instant>,
    counters: Stats,
    scratch: tick::Scratch,
}

impl Sfu {
    /// A shard without rooms. `now` and `unix` (since 1970, UTC) are the same moment.
    pub fn new(settings: Settings, identity: Arc<Identity>, seed: [u8; 32], now: Instant, unix: Duration) -> Self {
        Self {
            settings,
            identity,
            random: ChaCha20Rng::from_seed(seed),
            now,
            started: (now, unix),
            rooms: Slab::new(),
            rooms_by_name: HashMap::new(),
            members: Slab::new(),
            members_by_id: HashMap::new(),
            publications: Slab::new(),
            tuples: FxHashMap::default(),
            early: VecDeque::new(),
            dirty: Vec::new(),
            control: VecDeque::new(),
            events: VecDeque::new(),
            next_tick: None,
            media_at: None,
            counters: Stats::default(),
            scratch: tick::Scratch::default(),
        }
    }

    /// Does what the hub asks.
    pub fn handle_command(&mut self, now: Instant, command: Command) {
        self.now = self.now.max(now);
        match command {
            Command::Join { room, participant, direct } => self.handle_join(room, participant, direct),
            Command::Leave { participant } => self.handle_leave(participant),
            Command::Offer { participant, revision, sdp, sends } => self.handle_offer(participant, revision, &sdp, &sends),
            Command::View { participant, videos } => self.handle_view(participant, videos),
            Command::Data { participant, binary, unreliable, payload } => {
                self.handle_data(participant, binary, unreliable, &payload);
            }
            Command::Close { participant } => {
                if let Some(&member) = self.members_by_id.get(&participant) {
                    self.disconnect(member);
                }
            }
        }
        self.plan_tick();
    }

    /// What has happened, until there is no more.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`Self::handle_timeout`] is to be called, at the latest.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.next_tick
    }

    /// The figures of this moment.
    pub fn stats(&self) -> Stats {
        let mut stats = Stats { members: self.members.len(), publications: self.publications.len(), ..self.counters };
        for connection in self.members.iter().filter_map(|(_, member)| member.connection.as_ref()) {
            match (connection.transport.has_failed(), connection.is_connected) {
                (true, _) => stats.transports_failed += 1,
                (false, true) => stats.transports_connected += 1,
                (false, false) => stats.transports_connecting += 1,
            }
            if connection.is_connected && !connection.slots.is_empty() {
                let bps = connection.estimate.bps();
                stats.estimate_bps += bps;
                stats.estimate_bps_min = if stats.estimate_bps_min == 0 { bps } else { stats.estimate_bps_min.min(bps) };
            }
            let carrying = || connection.slots.iter().filter(|slot| slot.carries.is_some());
            stats.subscriptions += carrying().count();
            stats.subscriptions_paused += carrying().filter(|slot| slot.layer().is_none()).count();
        }
        stats
    }

    /// What it holds.
    pub fn holdings(&self) -> Holdings {
        Holdings {
            rooms: (self.rooms.len(), self.rooms_by_name.len()),
            members: (self.members.len(), self.members_by_id.len()),
            publications: self.publications.len(),
            tuples: self.tuples.len(),
            waiting: (self.dirty.len(), self.control.len()),
            events: self.events.len(),
        }
    }

    /// The time since 1970.
    fn unix(&self) -> Duration {
        self.started.1 + self.now.saturating_duration_since(self.started.0)
    }
}
