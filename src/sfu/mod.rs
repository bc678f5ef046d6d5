//! Owns the media of one shard: a plain value without sockets, clocks, threads or locks.

mod command;
mod outbound;
mod tuple;
mod ufrag;

pub use command::{Command, Event};
pub use outbound::{OUTBOUND_BYTES, Outbound, Run, SEGMENTS_MAX};
pub use tuple::{Protocol, Tuple};
pub use ufrag::{ShardId, Ufrag, ice_password};
