//! Owns every bound on what comes from the network, each with its behaviour at the bound.
//!
//! A bound that an operator may want to move is a setting (see [`crate::config`]); what stands here is part of the
//! protocol or protects the process, and is the same for everyone.

use std::time::Duration;

/// Longest text frame, in bytes. Longer: close code 1009. Leaves room for an escaped [`SDP_BYTES_MAX`].
pub const TEXT_FRAME_BYTES_MAX: usize = 128 * 1024;

/// Longest binary frame, in bytes: header, topic and [`BUS_BYTES_MAX`]. Longer: error `too_large`, or close code 1009 beyond
/// [`TEXT_FRAME_BYTES_MAX`], which is as far as a socket reads.
pub const BINARY_FRAME_BYTES_MAX: usize = 20 + TOPIC_BYTES_MAX + BUS_BYTES_MAX;

/// Longest session description, in bytes. Longer: error `too_large`, the frame is not relayed.
pub const SDP_BYTES_MAX: usize = 64 * 1024;

/// Most media sections of an offer to the SFU: the most slots, what is sent, and some that were given up. More: error `bad_offer`, as
/// for everything of an offer that is over its bound.
pub const SDP_SECTIONS_MAX: usize = 96;

/// Most payload types of one section. Chromium with everything has about 50.
pub const SDP_FORMATS_MAX: usize = 96;

/// Most header extensions of one section.
pub const SDP_EXTENSIONS_MAX: usize = 32;

/// Most encodings of one section: as many as can be told apart when layers are chosen.
pub const SDP_RIDS_MAX: usize = 4;

/// Most sources that one section announces.
pub const SDP_SSRCS_MAX: usize = 16;

/// Most candidates of one section. They are not read: the browser finds us.
pub const SDP_CANDIDATES_MAX: usize = 128;

/// Most fingerprints of an offer.
pub const SDP_FINGERPRINTS_MAX: usize = 8;

/// Longest `a=mid` or rid, in bytes: what a header extension of the short form carries (RFC 8285 section 4.2).
pub const SDP_TOKEN_BYTES_MAX: usize = 16;

/// Longest candidate line, in bytes. Longer: error `too_large`, the frame is not relayed.
pub const CANDIDATE_BYTES_MAX: usize = 1024;

/// Longest `sdpMid` or `usernameFragment`, in bytes (RFC 8839 allows 256 for the latter). Longer: error `too_large`.
pub const ICE_NAME_BYTES_MAX: usize = 256;

/// Most pictures that a client may say it shows. More: error `bad_message`. Also the most receive slots of one transport.
pub const VIEW_MAX: usize = 64;

/// Seconds' worth of messages (`limits.frames_per_second`) that may come over a data channel at once. More: error `too_fast`, the message is
/// dropped.
pub const DATA_BURST_SECONDS: u32 = 5;

/// Most sending sections of one peer connection with the SFU. More: error `bad_message`.
pub const SENDS_MAX: usize = 8;

/// Longest `mid` of a media section, in bytes: what fits a one-byte header extension (RFC 8285). Longer: error `bad_message`, or `bad_offer`.
pub const MID_BYTES_MAX: usize = 16;

/// Longest chat text, in bytes of UTF-8. Longer: error `too_large`, nothing is sent.
pub const CHAT_BYTES_MAX: usize = 8 * 1024;

/// Bytes of chat text that a room keeps for those who come later. At the bound the oldest messages go; the number of messages
/// is a setting.
pub const CHAT_HISTORY_BYTES_MAX: usize = 256 * 1024;

/// Longest JSON value or binary payload of one bus message, in bytes. Longer: error `too_large`, nothing is sent.
pub const BUS_BYTES_MAX: usize = 64 * 1024;

/// Deepest nesting of arrays and objects in a JSON bus message. Deeper: error `bad_message`; a receiver's parser may be recursive.
pub const BUS_DEPTH_MAX: usize = 64;

/// Longest room name, in characters. Longer: error `bad_room`, close code 4004.
pub const ROOM_NAME_CHARS_MAX: usize = 64;

/// Longest display name, in Unicode scalar values. Longer: error `bad_name`.
pub const DISPLAY_NAME_CHARS_MAX: usize = 64;

/// Longest bus topic, in bytes. Longer: error `bad_topic`.
pub const TOPIC_BYTES_MAX: usize = 64;

/// Most capabilities in a hello, and the longest one in bytes. More or longer: error `bad_message`.
pub const CAPABILITIES_MAX: usize = 16;
/// See [`CAPABILITIES_MAX`].
pub const CAPABILITY_BYTES_MAX: usize = 32;

/// Longest request id, in bytes. Longer: error `bad_message`, without the id.
pub const REQUEST_ID_BYTES_MAX: usize = 64;

/// Refused frames that one connection may send before it is closed with code 4000.
pub const BAD_FRAMES_MAX: u32 = 32;

/// How long a new connection may stay silent before its hello. Longer: close code 4003.
pub const HELLO_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a client may take to send the head of an HTTP request. Longer: the connection is closed.
pub const HTTP_HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest head of an HTTP request, in bytes. Longer: HTTP 431. Also what one idle HTTP connection may buffer.
pub const HTTP_HEADER_BYTES_MAX: usize = 16 * 1024;

/// Connections that the kernel holds until they are accepted. More: the client's system tries again.
pub const LISTEN_BACKLOG: u32 = 4096;

/// Bytes that the kernel may hold for a client that does not read; what it holds cannot be acknowledged, so it must fit into
/// [`OUTBOX_BYTES_MAX`] together with [`WINDOW_BYTES_MAX`] and [`PENDING_BYTES_MAX`]. At the bound: the writer waits.
pub const SOCKET_SEND_BYTES_MAX: u32 = 256 * 1024;

/// How often the server pings a WebSocket.
pub const PING_INTERVAL: Duration = Duration::from_secs(20);

/// How long a WebSocket may bring nothing at all, not even a pong. Longer: it counts as dropped (close code 4005).
pub const DEAD_AFTER: Duration = Duration::from_secs(45);

/// Frames handed to one connection and not yet written. At the bound the hub holds the rest back in the outbox.
pub const WINDOW_FRAMES_MAX: usize = 256;

/// Bytes handed to one connection and not yet written; one frame more may be on top. At the bound: as above.
pub const WINDOW_BYTES_MAX: usize = 256 * 1024;

/// Frames held back for a connected reader. One more: the connection is closed with code 4002, and may resume.
pub const PENDING_FRAMES_MAX: usize = 1024;

/// Bytes held back for a connected reader. One more: as above.
pub const PENDING_BYTES_MAX: usize = 1024 * 1024;

/// Frames kept for a session that is away, or written and not acknowledged. One more while away: the session ends as if
/// its grace had passed. One more while connected: the oldest acknowledged-late frame goes, and a resume from before it
/// gets a fresh welcome instead.
pub const OUTBOX_FRAMES_MAX: usize = 4096;

/// Bytes of the same. One more: as above.
pub const OUTBOX_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Numbered client frames after which the server acknowledges them.
pub const ACK_EVERY: u64 = 32;

/// Inputs waiting for the hub. At the bound every connection waits before it reads its next frame.
pub const HUB_MAILBOX_MAX: usize = 8192;

/// Bytes of one WebSocket's read and write buffer.
pub const SOCKET_BUFFER_BYTES: usize = 4 * 1024;

/// The longest a graceful stop waits for connections to close.
pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// Most bytes of payloads that one layer of video keeps for forwarding and retransmission: 1.5 s at 11 Mbit/s. At the bound the
/// oldest packets go before their time.
pub const RTP_CACHE_VIDEO_BYTES_MAX: usize = 2 * 1024 * 1024;

/// The same for one stream of audio: 0.4 s at 2.6 Mbit/s, or two of the largest packets.
pub const RTP_CACHE_AUDIO_BYTES_MAX: usize = 128 * 1024;

/// Most packets that one layer keeps. At the bound the oldest go before their time.
pub const RTP_CACHE_PACKETS_MAX: usize = 2048;

/// Packets that a receive slot remembers having sent, at least and at most: 16 bytes each. It doubles while they are of less than
/// 1.5 s; at the bound, a request for an older one is ignored and counted.
pub const RTP_SENT_MIN: usize = 128;
/// See [`RTP_SENT_MIN`].
pub const RTP_SENT_MAX: usize = 2048;

/// Packets of one stream that a publisher is asked for at a time. More are missing: all are given up, and of video a keyframe is
/// asked for.
pub const NACK_MISSING_MAX: usize = 256;

/// Sources (SSRCs) of one transport whose packets are opened, for RTP and RTCP each. One more: its packets are dropped and
/// counted; to forget an old one would let its packets be replayed.
pub const SRTP_SOURCES_MAX: usize = 256;

/// Ways (5-tuples) that one transport may be reached by. One more: the one that was proved longest ago goes, never the selected
/// one.
pub const TRANSPORT_TUPLES_MAX: usize = 8;

/// How long a way to a transport holds without a proved check (RFC 7675 section 5.1). Longer: nothing is sent there any more; when
/// it was the last one, the transport has failed, until an ICE restart.
pub const CONSENT_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a new transport may take until its DTLS handshake is done. Longer: it has failed.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes of handshake records that one transport takes, over its whole life. One more: dropped and counted. A whole handshake
/// has about 4 KiB.
pub const DTLS_HANDSHAKE_BYTES_MAX: usize = 64 * 1024;

/// Bytes of a ClientHello that is kept until it is whole, and until its way is proved. One more: dropped and counted; the client
/// sends it again.
pub const CLIENT_HELLO_BYTES_MAX: usize = 8 * 1024;

/// Streams of one SCTP association. One more: it is aborted, the data channels are gone.
pub const DATA_STREAMS_MAX: u16 = 16;

/// Bytes that an SCTP association keeps of messages that are not whole. At the bound the window is closed, the browser waits.
pub const DATA_RECEIVE_BYTES_MAX: u32 = 256 * 1024;

/// Bytes that wait to be sent, or to be acknowledged, on one data channel; one message more may be on top. At the bound: the
/// message is not taken, and its sender uses another way.
pub const DATA_SEND_BYTES_MAX: usize = 256 * 1024;

/// Longest datagram that a shard takes, and longest frame over TCP, in bytes. Longer: dropped and counted; over TCP the connection is
/// closed.
pub const DATAGRAM_BYTES_MAX: usize = 2048;

/// Destinations that a UDP socket remembers as refusing runs. At the bound all are forgotten, and tried again.
pub const UDP_ROUTES_WITHOUT_GSO_MAX: usize = 1024;

/// Longest payload of a media packet that is forwarded, in bytes: with head and tag it fits a datagram on every usual path. Longer: dropped
/// and counted.
pub const MEDIA_PAYLOAD_BYTES_MAX: usize = 1400;

/// Datagrams of media, control and data that one member may send in a second; a second's worth at once. More: dropped unopened, and
/// counted as a flood. All that a browser can encode has about 2000.
pub const MEMBER_PACKETS_PER_SECOND: u32 = 4000;

/// Connectivity checks of one member in a second; a second's worth at once. More: dropped unread, and counted as a flood. A browser sends
/// a few for each pair of addresses.
pub const MEMBER_CHECKS_PER_SECOND: u32 = 100;

/// Longest RTCP datagram that we send, in bytes: fits every usual path. More to say: another datagram.
pub const RTCP_BYTES_MAX: usize = 1200;

/// Most SSRCs that one peer connection sends from. More: their packets are dropped and counted.
pub const ROUTES_MAX: usize = 64;

/// Most packets that wait for one member within a batch when it asks for more again. At the bound: what it asks for is ignored; it will ask again.
pub const NACKED_MAX: usize = 1024;

/// Most datagrams of DTLS kept for ways that no check has proved yet, and the longest of them. At the bound: the oldest goes.
pub const EARLY_DATAGRAMS_MAX: usize = 32;
/// See [`EARLY_DATAGRAMS_MAX`].
pub const EARLY_DATAGRAM_BYTES_MAX: usize = 1500;

/// Addresses of other shards' transports that a shard remembers. At the bound it forgets those that have been silent the longest; their
/// datagrams are dropped until their next check.
pub const LEARNED_MAX: usize = 16 * 1024;

/// Commands that wait for a shard. At the bound the hub waits.
pub const SHARD_COMMANDS_MAX: usize = 4096;

/// Events of all shards that wait for the hub. At the bound they wait with their shard, which goes on forwarding.
pub const SHARD_EVENTS_MAX: usize = 8192;

/// Parcels, and connections, that wait for a shard from its neighbours. At the bound they are dropped and counted.
pub const SHARD_HOPS_MAX: usize = 256;

/// Bytes of datagrams in one parcel from shard to shard. More: another parcel.
pub const PARCEL_BYTES_MAX: usize = 64 * 1024;

/// TCP connections for media over all shards. One more: closed at once.
pub const TCP_CONNECTIONS_MAX: usize = 4096;

/// The same of one address, behind which many may sit. One more: closed at once.
pub const TCP_CONNECTIONS_PER_ADDRESS_MAX: usize = 64;

/// How long such a connection may take to name its transport by a check. Longer: closed.
pub const TCP_FIRST_FRAME_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes that wait for a reader on such a connection. At the bound whole frames are dropped and counted.
pub const TCP_SEND_BYTES_MAX: usize = 256 * 1024;

/// Reads of one connection before the others get their turn.
pub const TCP_READS_MAX: usize = 16;

/// The least and the most that one subscriber's link is taken to carry, in bits per second. At the bounds the estimate stays there.
pub const ESTIMATE_BPS_MIN: u64 = 30_000;
/// See [`ESTIMATE_BPS_MIN`].
pub const ESTIMATE_BPS_MAX: u64 = 50_000_000;

/// Addresses that are announced as candidates; each is tried by every browser. More: the first ones count.
pub const ANNOUNCED_MAX: usize = 16;
