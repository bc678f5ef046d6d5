//! Owns the media of one shard: a plain value without sockets, clocks, threads or locks.

pub mod allocation;
mod command;
mod demux;
pub mod estimate;
mod identity;
mod keyframe;
mod layer;
mod nack;
mod outbound;
pub mod pacer;
pub mod probe;
pub mod reports;
pub mod speaker;
mod stats;
mod transport;
mod tuple;
pub mod twcc;
mod ufrag;

pub use command::{Command, Event};
pub use demux::{Kind, classify};
pub use identity::{Fingerprint, HashFunction, Identity, IdentityError};
pub use keyframe::{Ask, KeyframeRequests, RequestBudget};
pub use layer::{Decision, Selector, Shape, Why};
pub use nack::{NackGenerator, Overflow};
pub use outbound::{OUTBOUND_BYTES, Outbound, Run, SEGMENTS_MAX};
pub use stats::{DropReason, Drops, Stats};
pub use transport::{
    ChannelEvent, Channels, Credentials, DataError, Failure, OtherIdentity, Refusal, Remote, Transport, TransportEvent,
    answer_binding,
};
pub use tuple::{Protocol, Tuple};
pub use ufrag::{ShardId, Ufrag, ice_password, shard_of, ufrag_of};
