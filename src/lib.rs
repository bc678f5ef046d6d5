//! visavis ("vis-à-vis": face to face) is a self-hosted meeting server. Browsers meet on its page; a WebSocket hub carries what
//! they need to find each other, and is a general real-time bus beside it; media goes directly from browser to browser, or through
//! the media server (SFU) in the same process.
//!
//! # The map
//!
//! Two kinds of modules. The **core** is words and arithmetic: plain values without sockets, clocks, tasks, locks or
//! randomness of their own. The **shell** is everything that touches the world. A module imports only what stands above it
//! here; `tests/tidy.rs` holds that.
//!
//! | module | owns |
//! |---|---|
//! | *core* | |
//! | [`limits`] | every bound on what comes from the network, with its behaviour at the bound |
//! | [`id`] | names: rooms, participants, connections, topics |
//! | [`redact`] | what may be printed of addresses, names and tokens |
//! | [`protocol`] | the signaling wire format; start here to write a client |
//! | [`config`] | the settings table, and the checked configuration that it becomes |
//! | [`turn`] | TURN credentials and the list of ICE servers |
//! | [`rtp`] | packets: reading, rewriting, what codecs say, the packets of late |
//! | [`sdp`] | what a browser's offer to the SFU asks, and the answer |
//! | [`srtp`] | protection of packets, in place |
//! | [`sfu`] | the media of one shard: transports, who gets which packets |
//! | [`hub`] | who is in which room, and what each has yet to hear |
//! | *shell* | |
//! | [`shard`] | one thread per core: sockets, clock and mailbox around one value of [`sfu`] |
//! | [`metrics`] | figures for the operator |
//! | [`hub_task`] | the one task that owns a hub, and the mailbox through which connections reach it |
//! | [`http`] | the page, the WebSocket, health, TLS |
//! | [`server`] | configuration → shards → hub → HTTP; the graceful stop in reverse |
//! | [`peer`] | a headless participant, an outside client like any other |
//! | [`cli`] | the commands |
//!
//! # A frame's way
//!
//! ```text
//! browser ──▶ http/ws ──Input──▶ hub_task{Hub} ──Output──▶ http/ws ──▶ browser
//!             decode,            handle_input,              encode with the
//!             rate, bounds       outbox, window             receiver's number
//! ```
//!
//! A connection's task reads a frame, decodes it, and puts it into the hub's mailbox; when that is full it waits, and so does the
//! client. The hub decides who hears of it and queues one shared body in each receiver's outbox. Up to a window of frames is
//! handed to the receiver's connection, whose task writes them in one go and gives the window back. A reader that is too slow
//! finds its outbox bounded; one that is gone finds what it missed in it.
//!
//! # A packet's way
//!
//! ```text
//! browser ──▶ shard/udp ──▶ sfu: open in place ─▶ publication ─▶ slots: decide, write, protect ──▶ shard/udp ──▶ browsers
//!             batch, hop         by proved way     one copy        one after another                runs (GSO)
//!
//! hub_task{Hub} ──Command──▶ shard{Sfu} ──Event──▶ hub_task{Hub}
//! ```
//!
//! A room lives on one shard, and a shard on one thread. Offers, answers and who shows whom pass through the hub, as commands and
//! events; no datagram does. A shard never waits for the hub: events that do not fit its mailbox stay where they are, and
//! media goes on. The reasons are in `docs/sfu.md`.
//!
//! # Invariants
//!
//! - The hub never sees a socket, an address or a datagram; it is one value, driven from one task, and replayable from a seed.
//! - What one room says reaches no member of another, and a member's media stays in its room.
//! - No media and no DTLS leaves for a way (5-tuple) that no authentic check has proved, and none is read that comes by one.
//! - Every server frame of a session has one number, for ever; a resume brings exactly the frames after the last one handled.
//! - Everything from the network is bounded in [`limits`] before it is parsed, and refused with a reason.
//! - Tokens, names and addresses are printed through [`redact`] only.
//! - Only [`http`] names warp, only [`peer`] names webrtc.

#![warn(missing_docs)]

pub mod cli;
pub mod config;
pub mod http;
pub mod hub;
pub mod hub_task;
pub mod id;
pub mod limits;
pub mod metrics;
pub mod peer;
pub mod protocol;
pub mod redact;
pub mod rtp;
pub mod sdp;
pub mod server;
pub mod sfu;
pub mod shard;
pub mod srtp;
pub mod turn;
