//! Owns the hub's side of the SFU: which shard a room's media lives on, what a shard is asked, and whom its news reach.

use std::time::Instant;

use super::frame::{Body, Outgoing, Payload, Supersedes};
use super::{Hub, Output};
use crate::id::ParticipantId;
use crate::limits::DATA_BURST_SECONDS;
use crate::protocol::{
    BusFrame, CAPABILITY_SFU, CAPABILITY_WEBRTC, ClientFrame, ClientMessage, ErrorCode, ServerMessage, SfuGrant, SfuOffer,
    SfuView,
};
use crate::sfu::{Command, Event, ShardId};

/// What the hub knows of the SFU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SfuSettings {
    /// How many shards there are, at least one; numbered from 0.
    pub shards: u8,
    /// What clients are told.
    pub grant: SfuGrant,
}

/// How many members each shard has.
#[derive(Debug, Default)]
pub(super) struct Placement(Vec<u32>);

impl Placement {
    pub(super) fn new(shards: u8) -> Self {
        Self(vec![0; shards.into()])
    }

    /// The shard with the fewest members; none without an SFU.
    fn choose(&self) -> Option<ShardId> {
        let (shard, _) = self.0.iter().enumerate().min_by_key(|(_, members)| **members)?;
        Some(ShardId(shard as u8))
    }

    /// Members of all shards.
    pub(super) fn members(&self) -> u32 {
        self.0.iter().sum()
    }

    fn of(&mut self, shard: ShardId) -> &mut u32 {
        &mut self.0[usize::from(shard.0)]
    }
}

/// A session's standing with the SFU.
#[derive(Debug)]
pub(super) struct Forwarded {
    shard: ShardId,
    /// The revision of the last offer, and the `id` of its frame.
    offer: Option<(u32, Option<String>)>,
    /// Whether it has a data channel open.
    data: bool,
    /// Messages that may come over its data channel, and since when that is so.
    allowance: f64,
    allowed_at: Instant,
    /// It has been told that it sends too fast, and nothing of it was taken since.
    is_warned: bool,
}

/// Whether a bus message is kept until it is acknowledged, or sent once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    Kept,
    Once,
}

type Refused = (ErrorCode, String);

impl Hub {
    /// What a client is told of the SFU.
    pub(super) fn sfu_grant(&self) -> Option<SfuGrant> {
        self.settings.sfu.map(|sfu| sfu.grant)
    }

    /// A new member, or one with another device, may use the SFU if it can.
    pub(super) fn sfu_join(&mut self, participant: ParticipantId) {
        let (now, burst) = (self.now, self.data_burst());
        let Some(session) = self.sessions.get_mut(&participant) else { return };
        let can = |capability: &str| session.member.capabilities.iter().any(|known| known == capability);
        if !can(CAPABILITY_SFU) {
            return;
        }
        let direct = can(CAPABILITY_WEBRTC);
        let Some(room) = self.rooms.get_mut(&session.room) else { return };
        let Some(shard) = room.shard.or_else(|| self.placement.choose()) else { return };
        room.shard = Some(shard);
        *self.placement.of(shard) += 1;
        session.forwarded =
            Some(Forwarded { shard, offer: None, data: false, allowance: burst, allowed_at: now, is_warned: false });
        let room = session.room.clone();
        self.command(shard, Command::Join { room, participant, direct });
    }

    /// Another device has another peer connection.
    pub(super) fn sfu_rejoin(&mut self, participant: ParticipantId, before: Option<Forwarded>) {
        if before.is_some()
            && let Some(session) = self.sessions.get_mut(&participant)
        {
            session.departing += 1;
        }
        self.sfu_leave(participant, before);
        self.sfu_join(participant);
    }

    /// A member goes.
    pub(super) fn sfu_leave(&mut self, participant: ParticipantId, forwarded: Option<Forwarded>) {
        if let Some(Forwarded { shard, .. }) = forwarded {
            *self.placement.of(shard) -= 1;
            self.command(shard, Command::Leave { participant });
        }
    }

    pub(super) fn handle_sfu_offer(
        &mut self,
        participant: ParticipantId,
        offer: SfuOffer,
        id: Option<String>,
    ) -> Result<(), Refused> {
        let forwarded = self.forwarded(participant)?;
        let shard = forwarded.shard;
        let SfuOffer { revision, sdp, sends } = offer;
        forwarded.offer = Some((revision, id));
        self.command(shard, Command::Offer { participant, revision, sdp, sends });
        Ok(())
    }

    pub(super) fn handle_sfu_view(&mut self, participant: ParticipantId, view: SfuView) -> Result<(), Refused> {
        let shard = self.forwarded(participant)?.shard;
        self.command(shard, Command::View { participant, videos: view.videos });
        Ok(())
    }

    pub(super) fn handle_sfu_close(&mut self, participant: ParticipantId) -> Result<(), Refused> {
        let shard = self.forwarded(participant)?.shard;
        self.command(shard, Command::Close { participant });
        Ok(())
    }

    /// News of a shard. Those of members that have left meanwhile reach nobody.
    pub(super) fn handle_sfu_event(&mut self, event: Event) {
        let about = event.participant().and_then(|participant| self.sessions.get(&participant));
        if about.is_some_and(|session| session.departing > 0) && !matches!(event, Event::Left { .. }) {
            return;
        }
        match event {
            Event::Left { participant } => {
                if let Some(session) = self.sessions.get_mut(&participant) {
                    session.departing = session.departing.saturating_sub(1);
                }
            }
            Event::Answer { participant, revision, sdp } => {
                self.tell(participant, ServerMessage::SfuAnswer { revision, sdp }, None)
            }
            Event::Refused { participant, revision, line, message } => {
                let Ok(forwarded) = self.forwarded(participant) else { return };
                let id = forwarded.offer.take_if(|(last, _)| *last == revision).and_then(|(_, id)| id);
                let place = line.map_or(String::new(), |line| format!("Line {line}: "));
                self.refuse(participant, ErrorCode::BadOffer, format!("{place}{message}"), id);
            }
            Event::State { participant, revision, state } => {
                self.tell(participant, ServerMessage::SfuState { revision, state }, None)
            }
            Event::Slots { participant, revision, slots } => {
                self.tell(participant, ServerMessage::SfuSlots { revision, slots }, Some(Supersedes::SfuSlots));
            }
            Event::Sends { participant, revision, sections } => {
                self.tell(participant, ServerMessage::SfuSends { revision, sections }, Some(Supersedes::SfuSends));
            }
            Event::Speakers { room, dominant, speaking } => {
                let message = ServerMessage::SfuSpeakers { dominant, speaking };
                let body = Body::superseding(message, Some(Supersedes::SfuSpeakers));
                let members = self.rooms.get(&room).map(|room| room.members().to_vec()).unwrap_or_default();
                for member in members {
                    if self.forwarded(member).is_ok() {
                        self.send(member, body.clone());
                    }
                }
            }
            Event::Quality { participant, score, reasons } => {
                let Ok(_) = self.forwarded(participant) else { return };
                let Some(room) = self.sessions.get(&participant).map(|session| session.room.clone()) else { return };
                let message = ServerMessage::SfuQuality { participant, score, reasons };
                self.broadcast(&room, None, &Body::superseding(message, Some(Supersedes::SfuQuality(participant))));
            }
            Event::DataOpen { participant, open } => {
                if let Ok(forwarded) = self.forwarded(participant) {
                    forwarded.data = open;
                }
            }
            Event::Data { participant, binary, payload } => {
                if self.allow_data(participant)
                    && let Err((code, message)) = self.handle_data(participant, binary, &payload)
                {
                    self.refuse(participant, code, message, None);
                }
            }
        }
    }

    /// A message that came over a data channel: a bus message as on the WebSocket, without a number.
    fn handle_data(&mut self, from: ParticipantId, binary: bool, payload: &bytes::Bytes) -> Result<(), Refused> {
        if binary {
            let frame = BusFrame::decode_from_client(payload).map_err(|error| (error.code, error.message))?;
            return self.handle_bus_frame(from, frame, Delivery::Once);
        }
        let text = std::str::from_utf8(payload).map_err(|_| (ErrorCode::BadJson, "Text is UTF-8.".to_owned()))?;
        match ClientFrame::decode(text).map_err(|error| (error.code, error.message))?.message {
            ClientMessage::Bus(bus) => self.handle_bus(from, bus, Delivery::Once),
            _ => Err((ErrorCode::WrongState, "A data channel carries bus messages only.".into())),
        }
    }

    /// Holds a data channel to the rate of a WebSocket. That one is read more slowly; here, what is too much is dropped and counted, and
    /// the member is told once.
    fn allow_data(&mut self, from: ParticipantId) -> bool {
        let (now, per_second, burst) = (self.now, f64::from(self.settings.frames_per_second), self.data_burst());
        let Ok(forwarded) = self.forwarded(from) else { return false };
        let passed = now.saturating_duration_since(forwarded.allowed_at).as_secs_f64();
        forwarded.allowance = (forwarded.allowance + passed * per_second).min(burst);
        forwarded.allowed_at = now;
        if forwarded.allowance >= 1.0 {
            forwarded.allowance -= 1.0;
            forwarded.is_warned = false;
            return true;
        }
        let is_news = !std::mem::replace(&mut forwarded.is_warned, true);
        self.counters.count_refused(ErrorCode::TooFast);
        if is_news {
            let message = "Too many messages over the data channel; what is too much is dropped.".to_owned();
            self.send(from, Body::text(ServerMessage::Error { id: None, code: ErrorCode::TooFast, message }));
        }
        false
    }

    fn data_burst(&self) -> f64 {
        f64::from(self.settings.frames_per_second) * f64::from(DATA_BURST_SECONDS)
    }

    /// Hands a bus message to one member: one that is not kept goes over its data channel, if it has one.
    pub(super) fn deliver_bus(&mut self, to: ParticipantId, body: &std::sync::Arc<Body>, delivery: Delivery) {
        let forwarded = self.sessions.get(&to).and_then(|session| session.forwarded.as_ref());
        match forwarded.filter(|forwarded| forwarded.data && delivery == Delivery::Once) {
            Some(Forwarded { shard, .. }) => {
                let unreliable = body.supersedes.is_some();
                let (binary, payload) = match (Outgoing { seq: None, body: body.clone() }).encode() {
                    Payload::Text(text) => (false, text.into()),
                    Payload::Binary(bytes) => (true, bytes),
                };
                self.command(*shard, Command::Data { participant: to, binary, unreliable, payload });
            }
            None => self.send(to, body.clone()),
        }
    }

    fn tell(&mut self, participant: ParticipantId, message: ServerMessage, supersedes: Option<Supersedes>) {
        if self.forwarded(participant).is_ok() {
            self.send(participant, Body::superseding(message, supersedes));
        }
    }

    fn forwarded(&mut self, participant: ParticipantId) -> Result<&mut Forwarded, Refused> {
        let has_sfu = self.settings.sfu.is_some();
        let forwarded = self.sessions.get_mut(&participant).and_then(|session| session.forwarded.as_mut());
        forwarded.ok_or_else(|| {
            let why = if has_sfu { "This client said no capability \"sfu\"." } else { "This server has no SFU." };
            (ErrorCode::NoSfu, why.to_owned())
        })
    }

    fn command(&mut self, shard: ShardId, command: Command) {
        self.outputs.push_back(Output::Sfu { shard, command });
    }
}
