#![doc = include_str!("protocol.md")]

mod binary;
mod client;
mod error;
mod member;
mod server;
mod sfu;
mod signal;

pub use binary::{BINARY_HEADER_BYTES, BusFrame, FLAG_DIRECT, FLAG_LATEST};
pub use client::{
    Bus, Chat, ClientFrame, ClientMessage, Hello, Location, PresenceChange, Rename, Resume, ResumeAt, SfuOffer, SfuView, SignalTo,
};
pub use error::{CloseCode, DecodeError, ErrorCode};
pub use member::{Member, Position, Presence};
pub use server::{
    Bye, ByeReason, ChatMessage, IceServer, IceServers, LeftReason, Limits, Policy, ResumeGrant, RoomPolicy, Roster, ServerFrame,
    ServerMessage, Welcome,
};
pub use sfu::{QualityReason, SectionState, SendSection, SfuGrant, SfuState, Shown, SlotStanding, SlotState, Source};
pub use signal::{Candidate, Description, SdpType, Signal};

/// The WebSocket subprotocol (RFC 6455 section 1.9) that both ends must name.
pub const SUBPROTOCOL: &str = "visavis.v1";

/// Where the WebSocket is taken.
pub const WEBSOCKET_PATH: &str = "/api/ws";

/// The capability of a member that answers session descriptions; the others have no media and are never called.
pub const CAPABILITY_WEBRTC: &str = "webrtc";

/// The capability of a member that can use the SFU. With this and without [`CAPABILITY_WEBRTC`] it is reached through the SFU only.
pub const CAPABILITY_SFU: &str = "sfu";
