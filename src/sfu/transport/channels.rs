//! Owns the data channels of a transport: an SCTP association that the browser opens, and the two channels of ours on it.
//!
//! The association's tags and sequence numbers are drawn inside the library.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use rtc_datachannel::message::Message;
use rtc_datachannel::message::message_channel_ack::DataChannelAck;
use rtc_datachannel::message::message_channel_open::{ChannelType, DataChannelOpen};
use rtc_sctp::{
    Association, AssociationHandle, DatagramEvent, Endpoint, EndpointConfig, EndpointEvent, Event, Payload,
    PayloadProtocolIdentifier as Ppi, ReliabilityType, ServerConfig, StreamEvent, TransportConfig,
};
use rtc_shared::TransportProtocol;
use rtc_shared::marshal::{Marshal, Unmarshal};

use super::DataError;
use super::gate::{Gate, initiate_tag};
use super::guard::guarded;
use crate::limits::{DATA_RECEIVE_BYTES_MAX, DATA_SEND_BYTES_MAX, DATA_STREAMS_MAX, TEXT_FRAME_BYTES_MAX};

const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5000);

/// The label of the channel that is reliable and ordered.
const RELIABLE: &[u8] = b"bus";

/// The label of the channel that may lose messages.
const UNRELIABLE: &[u8] = b"bus-unreliable";

/// The message by which a channel is opened (RFC 8832 section 8.2.1).
const DATA_CHANNEL_OPEN: u8 = 3;

/// What the association brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelEvent {
    /// Whether the reliable channel is open.
    Open(bool),
    /// A whole message.
    Data {
        /// Whether it is binary, not text.
        binary: bool,
        /// At most [`TEXT_FRAME_BYTES_MAX`].
        payload: Bytes,
    },
}

/// An INIT that came again is answered as before: the library would take it for another association.
#[derive(Default)]
struct Beginning {
    initiate_tag: u32,
    answer: Option<Bytes>,
    is_repeated: bool,
}

/// The association and the channels on it: takes SCTP packets, gives SCTP packets, and knows nothing of what carries them.
pub struct Channels {
    endpoint: Endpoint,
    association: Option<(AssociationHandle, Box<Association>)>,
    /// What the association began with, until it is established.
    beginning: Option<Beginning>,
    gate: Gate,
    /// The stream of each channel that is open.
    reliable: Option<u16>,
    unreliable: Option<u16>,
    /// What was said last of the reliable one.
    is_announced: bool,
}

impl Default for Channels {
    fn default() -> Self {
        Self::new()
    }
}

impl Channels {
    /// Waits for the browser to begin.
    pub fn new() -> Self {
        let transport = TransportConfig::default()
            .with_max_receive_buffer_size(DATA_RECEIVE_BYTES_MAX)
            .with_max_message_size(TEXT_FRAME_BYTES_MAX as u32)
            .with_max_num_inbound_streams(DATA_STREAMS_MAX)
            .with_max_num_outbound_streams(DATA_STREAMS_MAX);
        let server = Arc::new(ServerConfig::new(transport));
        let endpoint = Endpoint::new(PEER, TransportProtocol::UDP, Arc::new(EndpointConfig::new()), Some(server));
        Self {
            endpoint,
            association: None,
            beginning: None,
            gate: Gate::default(),
            reliable: None,
            unreliable: None,
            is_announced: false,
        }
    }

    /// Takes an SCTP packet; nothing is said of one that is no good.
    pub fn handle(&mut self, now: Instant, packet: Bytes) -> Vec<ChannelEvent> {
        let events = match self.gate.admit(&packet) {
            true => self.guard(|channels| {
                channels.handle_packet(now, packet);
                channels.drain(now)
            }),
            false => Vec::new(),
        };
        self.announce(events)
    }

    /// Begins anew, without an association, when the library has panicked.
    fn guard<T: Default>(&mut self, call: impl FnOnce(&mut Self) -> T) -> T {
        guarded(|| call(self)).unwrap_or_else(|| {
            *self = Self { is_announced: self.is_announced, ..Self::new() };
            T::default()
        })
    }

    /// Says whether the reliable channel is open, when that has changed: first of all when it opens, last of all when it closes.
    fn announce(&mut self, mut events: Vec<ChannelEvent>) -> Vec<ChannelEvent> {
        let is_open = self.reliable.is_some();
        if is_open != self.is_announced {
            let place = if is_open { 0 } else { events.len() };
            events.insert(place, ChannelEvent::Open(is_open));
            self.is_announced = is_open;
        }
        events
    }

    fn handle_packet(&mut self, now: Instant, packet: Bytes) {
        let (initiate_tag, gate) = (initiate_tag(&packet), Gate::new(&packet));
        if let Some(initiate_tag) = initiate_tag {
            match &mut self.beginning {
                Some(beginning) if beginning.initiate_tag == initiate_tag => {
                    beginning.is_repeated = true;
                    return;
                }
                // One that is established stays: a page that begins again does so with another transport.
                None if self.association.is_some() => return,
                _ => self.drop_association(),
            }
        }
        match self.endpoint.handle(now, PEER, None, packet) {
            Some((handle, DatagramEvent::NewAssociation(association))) => {
                self.association = Some((handle, Box::new(association)));
                self.gate = gate;
                self.beginning = initiate_tag.map(|initiate_tag| Beginning { initiate_tag, ..Beginning::default() });
            }
            Some((handle, DatagramEvent::AssociationEvent(event))) => {
                if let Some((_, association)) = self.association.as_mut().filter(|(known, _)| *known == handle) {
                    association.handle_event(event);
                }
            }
            _ => {}
        }
    }

    /// Sends a message on one of the channels.
    ///
    /// # Errors
    ///
    /// A [`DataError`]: nothing of it was sent.
    pub fn send(&mut self, now: Instant, unreliable: bool, binary: bool, message: &[u8]) -> Result<(), DataError> {
        if message.len() > TEXT_FRAME_BYTES_MAX {
            return Err(DataError::TooLarge);
        }
        let id = if unreliable { self.unreliable } else { self.reliable }.ok_or(DataError::NotOpen)?;
        let (_, association) = self.association.as_mut().ok_or(DataError::NotOpen)?;
        let mut stream = association.stream(id).map_err(|_| DataError::NotOpen)?;
        if stream.buffered_amount().map_err(|_| DataError::NotOpen)? >= DATA_SEND_BYTES_MAX {
            return Err(DataError::Full);
        }
        // SCTP has no empty messages (RFC 8831 section 6.6).
        let (kind, bytes) = match (message.is_empty(), binary) {
            (false, false) => (Ppi::String, message),
            (false, true) => (Ppi::Binary, message),
            (true, false) => (Ppi::StringEmpty, &[0][..]),
            (true, true) => (Ppi::BinaryEmpty, &[0][..]),
        };
        stream.write_with_ppi(now, bytes, kind).map(|_| ()).map_err(|_| DataError::NotOpen)
    }

    /// Gives each packet that is to be sent now.
    pub fn poll_transmit(&mut self, now: Instant, mut send: impl FnMut(&[u8])) {
        self.guard(|channels| channels.poll_packets(now, &mut send));
    }

    fn poll_packets(&mut self, now: Instant, send: &mut impl FnMut(&[u8])) {
        let Some((_, association)) = &mut self.association else { return };
        while let Some(transmit) = association.poll_transmit(now) {
            let Payload::RawEncode(packets) = transmit.message else { continue };
            packets.iter().for_each(|packet| send(packet));
            if let Some(beginning) = &mut self.beginning {
                beginning.answer = packets.into_iter().next();
            }
        }
        if !association.is_handshaking() {
            self.beginning = None;
        } else if let Some(beginning) = &mut self.beginning
            && std::mem::take(&mut beginning.is_repeated)
        {
            beginning.answer.iter().for_each(|answer| send(answer));
        }
        // Only now, as the last packet may be the one that says so. Before its handshake it counts as closed, too.
        if association.is_closed() && !association.is_handshaking() {
            self.drop_association();
        }
    }

    fn drop_association(&mut self) {
        if let Some((handle, _)) = self.association.take() {
            self.endpoint.handle_event(handle, EndpointEvent::drained());
        }
        (self.beginning, self.reliable, self.unreliable) = (None, None, None);
    }

    /// When [`Self::handle_timeout`] is to be called, at the latest.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.association.as_ref()?.1.poll_timeout()
    }

    /// Time has come to `now`.
    pub fn handle_timeout(&mut self, now: Instant) -> Vec<ChannelEvent> {
        let events = self.guard(|channels| {
            if let Some((_, association)) = &mut channels.association {
                association.handle_timeout(now);
            }
            channels.drain(now)
        });
        self.announce(events)
    }

    fn drain(&mut self, now: Instant) -> Vec<ChannelEvent> {
        let mut events = Vec::new();
        while let Some(event) = self.association.as_mut().and_then(|(_, association)| association.poll()) {
            match event {
                Event::Stream(StreamEvent::Opened { id }) => self.accept(id),
                Event::Stream(StreamEvent::Readable { id }) => self.read(now, id, &mut events),
                Event::AssociationLost { id, .. } => self.forget(id),
                _ => {}
            }
        }
        events
    }

    fn accept(&mut self, id: u16) {
        let Some((_, association)) = &mut self.association else { return };
        // Only takes it off the library's list.
        let _ = association.accept_stream();
        if id >= DATA_STREAMS_MAX {
            let _ = association.abort();
        }
    }

    fn read(&mut self, now: Instant, id: u16, events: &mut Vec<ChannelEvent>) {
        while let Some((_, association)) = &mut self.association {
            let Ok(mut stream) = association.stream(id) else { return };
            let Ok(Some(chunks)) = stream.read_sctp() else { return };
            let Ok(payload) = chunks.to_payload(TEXT_FRAME_BYTES_MAX) else {
                // No browser of ours sends such: it has no claim on the channel.
                let _ = stream.close(now);
                self.forget(id);
                return;
            };
            let payload = payload.freeze();
            let is_known = [self.reliable, self.unreliable].contains(&Some(id));
            match chunks.ppi {
                Ppi::Dcep => self.handle_dcep(now, id, payload),
                Ppi::String if is_known => events.push(ChannelEvent::Data { binary: false, payload }),
                Ppi::Binary if is_known => events.push(ChannelEvent::Data { binary: true, payload }),
                Ppi::StringEmpty if is_known => events.push(ChannelEvent::Data { binary: false, payload: Bytes::new() }),
                Ppi::BinaryEmpty if is_known => events.push(ChannelEvent::Data { binary: true, payload: Bytes::new() }),
                _ => {}
            }
        }
    }

    /// RFC 8832: the other end opens a channel on this stream.
    fn handle_dcep(&mut self, now: Instant, id: u16, mut message: Bytes) {
        // The library also reads, and carelessly, kinds that are for itself alone.
        if message.first() != Some(&DATA_CHANNEL_OPEN) {
            return;
        }
        let Ok(Message::DataChannelOpen(open)) = Message::unmarshal(&mut message) else { return };
        let Some((_, association)) = &mut self.association else { return };
        let Ok(mut stream) = association.stream(id) else { return };
        let place = match open.label.as_slice() {
            RELIABLE => &mut self.reliable,
            UNRELIABLE => &mut self.unreliable,
            _ => {
                let _ = stream.close(now);
                return;
            }
        };
        let (unordered, kind) = reliability(&open);
        let ack = Message::DataChannelAck(DataChannelAck {});
        let is_set = stream.set_reliability_params(unordered, kind, open.reliability_parameter).is_ok();
        let is_acked = ack.marshal().is_ok_and(|ack| stream.write_with_ppi(now, &ack, Ppi::Dcep).is_ok());
        if !is_set || !is_acked {
            return;
        }
        // A page that opens it again has no use for the first.
        let older = place.replace(id).filter(|older| *older != id);
        // A stream is one channel: it cannot be both.
        let other = if open.label == RELIABLE { &mut self.unreliable } else { &mut self.reliable };
        if *other == Some(id) {
            *other = None;
        }
        if let Some(older) = older
            && let Ok(mut stream) = association.stream(older)
        {
            let _ = stream.close(now);
        }
    }

    fn forget(&mut self, id: u16) {
        for place in [&mut self.reliable, &mut self.unreliable] {
            if *place == Some(id) {
                *place = None;
            }
        }
    }
}

fn reliability(open: &DataChannelOpen) -> (bool, ReliabilityType) {
    match open.channel_type {
        ChannelType::Reliable => (false, ReliabilityType::Reliable),
        ChannelType::ReliableUnordered => (true, ReliabilityType::Reliable),
        ChannelType::PartialReliableRexmit => (false, ReliabilityType::Rexmit),
        ChannelType::PartialReliableRexmitUnordered => (true, ReliabilityType::Rexmit),
        ChannelType::PartialReliableTimed => (false, ReliabilityType::Timed),
        ChannelType::PartialReliableTimedUnordered => (true, ReliabilityType::Timed),
        _ => (false, ReliabilityType::Reliable),
    }
}
