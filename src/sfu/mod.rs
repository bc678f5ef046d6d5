//! Owns the media of one shard: a plain value without sockets, clocks, threads or locks.

mod command;
mod layer;
mod outbound;
mod tuple;
mod ufrag;

pub use command::{Command, Event};
pub use layer::{Decision, Selector, Shape, Why};
pub use outbound::{OUTBOUND_BYTES, Outbound, Run, SEGMENTS_MAX};
pub use tuple::{Protocol, Tuple};
pub use ufrag::{ShardId, Ufrag, ice_password};
