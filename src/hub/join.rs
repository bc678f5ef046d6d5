//! Owns coming and going: a new member, a resume, a handover to another device, a leave, and the credentials of those who stay.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::RngExt;

use super::frame::{Body, Supersedes};
use super::outbox::Outbox;
use super::session::Session;
use super::{Hub, Timer, pump};
use crate::id::{ConnectionId, DisplayName, ParticipantId, RoomName};
use crate::protocol::{
    CloseCode, ErrorCode, Hello, IceServers, LeftReason, Limits, Member, ResumeAt, ResumeGrant, RoomPolicy, Roster,
    ServerMessage, Welcome,
};
use crate::{limits, turn};

/// Random bytes of a resume token: more than anyone can guess.
const TOKEN_BYTES: usize = 32;

impl Hub {
    pub(super) fn handle_hello(&mut self, connection: ConnectionId, hello: &Hello, id: Option<String>) {
        if let Err((code, message)) = self.admit(connection, hello) {
            self.refuse_connection(connection, code, &message, id);
        }
    }

    fn admit(&mut self, connection: ConnectionId, hello: &Hello) -> Result<(), (ErrorCode, String)> {
        if self.stopping {
            return Err((ErrorCode::ShuttingDown, "The server is about to stop. Come back in a few seconds.".into()));
        }
        let room: RoomName = hello.room.parse().map_err(|error| (ErrorCode::BadRoom, format!("{error}")))?;
        let name: DisplayName = hello.name.parse().map_err(|error| (ErrorCode::BadName, format!("{error}")))?;
        let resumed = hello.resume.as_ref().and_then(|resume| Some((self.tokens.get(&resume.token).copied()?, resume.at)));
        match resumed {
            Some((participant, at)) => self.readmit(connection, participant, at, &room, name, hello),
            None => self.admit_new(connection, room, name, hello),
        }
    }

    fn admit_new(
        &mut self,
        connection: ConnectionId,
        room: RoomName,
        name: DisplayName,
        hello: &Hello,
    ) -> Result<(), (ErrorCode, String)> {
        let full = |what: &str| Err((ErrorCode::ServerFull, format!("The server has as many {what} as it may have.")));
        if self.sessions.len() >= self.settings.rooms.sessions_max as usize {
            return full("participants");
        }
        let members = match self.rooms.get(&room) {
            Some(room) => room.members().len(),
            None if self.rooms.len() >= self.settings.rooms.rooms_max as usize => return full("rooms"),
            None => 0,
        };
        if members >= self.settings.rooms.members_max as usize {
            let message = format!("The room is full: it has {members} members.");
            return Err((ErrorCode::RoomFull, message));
        }
        let id = self.unused_id();
        let mut token = [0u8; TOKEN_BYTES];
        self.random.fill(&mut token);
        let token = URL_SAFE_NO_PAD.encode(token);
        let member =
            Member { id, name, epoch: 1, capabilities: hello.capabilities.clone(), presence: hello.presence, position: None };
        let version = self.rooms.entry(room.clone()).or_default().add(id);
        self.tokens.insert(token.clone(), id);
        self.connections.insert(connection, id);
        self.sessions.insert(id, Session::new(room.clone(), member.clone(), token, connection));
        self.counters.joined += 1;
        self.welcome(id);
        self.broadcast(&room, Some(id), &Body::text(ServerMessage::Joined { version, member }));
        self.sfu_join(id);
        Ok(())
    }

    fn unused_id(&mut self) -> ParticipantId {
        loop {
            if let Some(id) = ParticipantId::new(self.random.random())
                && !self.sessions.contains_key(&id)
            {
                return id;
            }
        }
    }

    /// Gives a session a new connection: the same client comes back, or another device takes over.
    fn readmit(
        &mut self,
        connection: ConnectionId,
        participant: ParticipantId,
        at: Option<ResumeAt>,
        room: &RoomName,
        name: DisplayName,
        hello: &Hello,
    ) -> Result<(), (ErrorCode, String)> {
        let session = self.sessions.get_mut(&participant).expect("a token lives as long as its session");
        if session.room != *room {
            return Err((ErrorCode::ResumeMismatch, "The resume token belongs to another room.".into()));
        }
        let at = at.filter(|at| at.epoch == session.member.epoch);
        if at.is_some_and(|at| at.attempt < session.attempt || at.seq < session.handled) {
            return Err((ErrorCode::ResumeStale, "A later connection of this client has resumed already.".into()));
        }
        if let Some(expires) = session.expires.take() {
            self.timers.remove(&(expires, participant, Timer::Expire));
        }
        session.bad_frames = 0;
        let before = session.connection.replace(connection);
        let resumes = at.is_some_and(|at| session.outbox.resume(at.seq));
        (session.attempt, session.handled) = at.filter(|_| resumes).map_or((0, 0), |at| (at.attempt, at.seq));
        if let Some(before) = before {
            self.connections.remove(&before);
            self.close(before, CloseCode::Replaced);
        }
        self.connections.insert(connection, participant);
        if resumes {
            self.resume(participant);
        } else {
            self.hand_over(participant, name, hello);
        }
        Ok(())
    }

    fn resume(&mut self, participant: ParticipantId) {
        self.counters.resumed += 1;
        let Some(session) = self.sessions.get_mut(&participant) else { return };
        session.acknowledged = session.received;
        let (received, token) = (session.received, session.token.clone());
        let resume = self.grant(token);
        self.send_unnumbered(participant, ServerMessage::Resumed { received, resume });
        if let Some(session) = self.sessions.get_mut(&participant) {
            pump(&mut self.outputs, session);
        }
    }

    fn hand_over(&mut self, participant: ParticipantId, name: DisplayName, hello: &Hello) {
        self.counters.handed_over += 1;
        let Some(session) = self.sessions.get_mut(&participant) else { return };
        session.outbox = Outbox::new();
        session.acknowledged = session.received;
        session.member.epoch += 1;
        session.member.name = name;
        session.member.capabilities.clone_from(&hello.capabilities);
        session.member.presence = hello.presence;
        // Where the device before was says nothing of this one, which would not know that it has something to take back.
        session.member.position = None;
        let forwarded = session.forwarded.take();
        let (room, member) = (session.room.clone(), session.member.clone());
        let version = self.rooms.get_mut(&room).map_or(0, super::Room::advance);
        self.welcome(participant);
        self.broadcast(&room, Some(participant), &Body::text(ServerMessage::Changed { version, member }));
        self.sfu_rejoin(participant, forwarded);
    }

    fn grant(&self, token: String) -> ResumeGrant {
        ResumeGrant { token, grace_ms: self.settings.rooms.resume_grace.as_millis() as u64 }
    }

    fn welcome(&mut self, participant: ParticipantId) {
        let ice = self.mint_credentials(participant);
        let Some(session) = self.sessions.get(&participant) else { return };
        let Some(room) = self.rooms.get(&session.room) else { return };
        let others = room.members().iter().filter(|member| **member != participant);
        let members = others.filter_map(|member| self.sessions.get(member)).map(|other| other.member.clone()).collect();
        let welcome = Welcome {
            room: session.room.clone(),
            own: session.member.clone(),
            roster: Roster { version: room.version(), members },
            chat: room.history(),
            ice,
            policy: RoomPolicy { media: self.settings.rooms.media, members_max: self.settings.rooms.members_max },
            sfu: self.sfu_grant(),
            limits: self.limits(),
            resume: self.grant(session.token.clone()),
            received: session.received,
            now_ms: self.unix_ms(),
        };
        self.send_unnumbered(participant, ServerMessage::Welcome(Box::new(welcome)));
    }

    fn limits(&self) -> Limits {
        Limits {
            text_frame_bytes: limits::TEXT_FRAME_BYTES_MAX as u32,
            chat_bytes: limits::CHAT_BYTES_MAX as u32,
            bus_bytes: limits::BUS_BYTES_MAX as u32,
            frames_per_second: self.settings.frames_per_second,
        }
    }

    /// ICE servers with fresh credentials, and a timer to renew them in time.
    fn mint_credentials(&mut self, participant: ParticipantId) -> IceServers {
        let ice = turn::ice_servers(&self.settings.ice, participant, self.unix_ms() / 1000);
        if let Some(session) = self.sessions.get_mut(&participant) {
            if let Some(before) = session.renews.take() {
                self.timers.remove(&(before, participant, Timer::Renew));
            }
            if ice.expires_in_ms.is_some() {
                let renews = self.now + turn::renew_after(&self.settings.ice);
                session.renews = Some(renews);
                self.timers.insert((renews, participant, Timer::Renew));
            }
        }
        ice
    }

    pub(super) fn renew_credentials(&mut self, participant: ParticipantId) {
        self.counters.credentials_renewed += 1;
        let ice = self.mint_credentials(participant);
        self.send(participant, Body::superseding(ServerMessage::IceServers(ice), Some(Supersedes::IceServers)));
    }

    /// Forgets a session and tells the others. The last member takes the room with it.
    pub(super) fn end_session(&mut self, participant: ParticipantId, reason: LeftReason) {
        let Some(mut session) = self.sessions.remove(&participant) else { return };
        self.sfu_leave(participant, session.forwarded.take());
        self.tokens.remove(&session.token);
        if let Some(connection) = session.connection {
            self.connections.remove(&connection);
        }
        if let Some(expires) = session.expires {
            self.timers.remove(&(expires, participant, Timer::Expire));
        }
        if let Some(renews) = session.renews {
            self.timers.remove(&(renews, participant, Timer::Renew));
        }
        match reason {
            LeftReason::Left => self.counters.left += 1,
            LeftReason::Lost => self.counters.expired += 1,
        }
        let Some(room) = self.rooms.get_mut(&session.room) else { return };
        let version = room.remove(participant);
        if room.members().is_empty() {
            self.rooms.remove(&session.room);
        } else {
            self.broadcast(&session.room, None, &Body::text(ServerMessage::Left { version, participant, reason }));
        }
    }

    pub(super) fn handle_rename(&mut self, participant: ParticipantId, name: &str) -> Result<(), (ErrorCode, String)> {
        let name = name.parse().map_err(|error| (ErrorCode::BadName, format!("{error}")))?;
        let Some(session) = self.sessions.get_mut(&participant) else { return Ok(()) };
        session.member.name = name;
        let (room, member) = (session.room.clone(), session.member.clone());
        let version = self.rooms.get_mut(&room).map_or(0, super::Room::advance);
        self.broadcast(&room, None, &Body::text(ServerMessage::Changed { version, member }));
        Ok(())
    }
}
