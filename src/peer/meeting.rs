//! Owns one stay in a room: who is there, the link to each, what is written, and the report of it all.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tracing::{debug, info};

use super::engine::Ice;
use super::link::{Link, Terms};
use super::publish::Media;
use super::receive::Facts;
use super::report::{ChatReport, LinkState, MemberReport, Report};
use super::session::{SessionEvent, Voice};
use crate::id::{DisplayName, ParticipantId, RoomName};
use crate::protocol::{
    CAPABILITY_WEBRTC, Chat, ChatMessage, ClientMessage, IceServers, Member, Policy, ServerMessage, Signal, Welcome,
};
use crate::redact::Name;

/// Members that are reported. Further ones are met, but forgotten when they leave.
const MEMBERS_MAX: usize = 4096;

/// Chat messages that are reported. Further ones are not.
const CHAT_MAX: usize = 4096;

/// Errors that are reported. Further ones are only logged.
const ERRORS_MAX: usize = 100;

/// One stay in a room.
pub struct Meeting {
    room: RoomName,
    media: Media,
    voice: Voice,
    to_write: Vec<String>,
    inside: Option<Inside>,
    people: BTreeMap<ParticipantId, Person>,
    chat: Vec<ChatReport>,
    reconnects: u32,
    errors: Vec<String>,
}

/// What the last welcome said.
struct Inside {
    own: Member,
    ice: IceServers,
    policy: Policy,
}

/// Somebody else.
struct Person {
    name: DisplayName,
    epoch: u32,
    left: bool,
    facts: Arc<Mutex<Facts>>,
    link: Option<Link>,
}

impl Meeting {
    /// A stay that begins with the next event of the session, which is its welcome.
    pub fn new(room: RoomName, media: Media, to_write: Vec<String>, voice: Voice) -> Self {
        Self {
            room,
            media,
            voice,
            to_write,
            inside: None,
            people: BTreeMap::new(),
            chat: Vec::new(),
            reconnects: 0,
            errors: Vec::new(),
        }
    }

    /// Takes one event of the session.
    pub async fn handle_event(&mut self, event: SessionEvent) {
        match event {
            SessionEvent::Welcome(welcome) => self.handle_welcome(*welcome).await,
            SessionEvent::Message(message) => self.handle_message(message).await,
            SessionEvent::Resumed => self.reconnects += 1,
            SessionEvent::Ended(error) => self.note(error.to_string()),
            SessionEvent::Lost | SessionEvent::Binary(_) => {}
        }
    }

    async fn handle_welcome(&mut self, welcome: Welcome) {
        if self.inside.is_some() {
            self.reconnects += 1;
            self.note("the server had forgotten this session: everything starts anew".into());
        }
        info!(room = %welcome.room, own = %welcome.own.id, members = welcome.roster.members.len(), "in the room");
        for person in self.people.values_mut() {
            person.left = true;
            person.hang_up().await;
        }
        self.inside = Some(Inside { own: welcome.own, ice: welcome.ice, policy: welcome.policy.media });
        for message in welcome.chat {
            self.handle_chat(message);
        }
        for member in welcome.roster.members {
            self.meet(&member, Link::call);
        }
        for text in std::mem::take(&mut self.to_write) {
            if self.voice.say(ClientMessage::Chat(Chat { to: None, text })).await.is_err() {
                debug!("nobody to write to: the session has ended");
            }
        }
    }

    async fn handle_message(&mut self, message: ServerMessage) {
        match message {
            ServerMessage::Joined { member, .. } => self.meet(&member, Link::await_call),
            ServerMessage::Changed { member, .. } => self.handle_changed(&member).await,
            ServerMessage::Left { participant, .. } => self.part(participant).await,
            ServerMessage::Signal { from, revision, signal } => self.handle_signal(from, revision, signal),
            ServerMessage::Chat { message } => self.handle_chat(message),
            ServerMessage::IceServers(ice) => self.handle_ice_servers(ice),
            ServerMessage::Error { code, message, .. } => self.note(format!("{}: {message}", code.as_str())),
            _ => {}
        }
    }

    /// Adds someone, with a link that begins in this way if it has media.
    fn meet(&mut self, member: &Member, begin: fn(Terms, Voice, Arc<Mutex<Facts>>) -> Link) {
        let Some(inside) = &self.inside else { return };
        if member.id == inside.own.id {
            return;
        }
        debug!(member = %member.id, name = %Name(member.name.as_str()), "here");
        let facts = Arc::new(Mutex::new(Facts::new()));
        let calls = |member: &Member| member.capabilities.iter().any(|capability| capability == CAPABILITY_WEBRTC);
        let link = calls(member).then(|| {
            let terms = Terms {
                own: inside.own.id,
                other: member.id,
                ice: Ice::new(&inside.ice, inside.policy),
                media: self.media.clone(),
            };
            begin(terms, self.voice.clone(), Arc::clone(&facts))
        });
        let person = Person { name: member.name.clone(), epoch: member.epoch, left: false, facts, link };
        self.people.insert(member.id, person);
        self.forget_some();
    }

    /// Another name is only a name; another device calls anew.
    async fn handle_changed(&mut self, member: &Member) {
        let Some(person) = self.people.get_mut(&member.id) else { return };
        person.name = member.name.clone();
        if member.epoch > person.epoch {
            person.hang_up().await;
            self.meet(member, Link::await_call);
        }
    }

    async fn part(&mut self, participant: ParticipantId) {
        if let Some(person) = self.people.get_mut(&participant) {
            person.left = true;
            person.hang_up().await;
        }
    }

    fn handle_signal(&self, from: ParticipantId, revision: u32, signal: Signal) {
        match self.people.get(&from).and_then(|person| person.link.as_ref()) {
            Some(link) => link.handle_signal(revision, signal),
            None => debug!(%from, "signal without a link"),
        }
    }

    fn handle_chat(&mut self, message: ChatMessage) {
        if self.chat.len() < CHAT_MAX {
            let ChatMessage { from, name, to, text, .. } = message;
            self.chat.push(ChatReport { from, name, private: to.is_some(), text });
        }
    }

    fn handle_ice_servers(&mut self, ice: IceServers) {
        for link in self.people.values().filter_map(|person| person.link.as_ref()) {
            link.handle_ice_servers(ice.clone());
        }
        if let Some(inside) = &mut self.inside {
            inside.ice = ice;
        }
    }

    fn note(&mut self, error: String) {
        debug!(error, "trouble");
        if self.errors.len() < ERRORS_MAX {
            self.errors.push(error);
        }
    }

    /// Drops someone who left when there are too many to report.
    fn forget_some(&mut self) {
        if self.people.len() > MEMBERS_MAX
            && let Some(id) = self.people.iter().find(|(_, person)| person.left).map(|(id, _)| *id)
        {
            self.people.remove(&id);
        }
    }

    /// Ends every link.
    pub async fn hang_up(&mut self) {
        for person in self.people.values_mut() {
            person.hang_up().await;
        }
    }

    /// What was seen up to now.
    pub fn report(&self) -> Report {
        let mut errors = self.errors.clone();
        for (id, person) in &self.people {
            errors.extend(person.facts.lock().errors().map(|error| format!("link to {id}: {error}")));
        }
        errors.truncate(ERRORS_MAX);
        Report {
            own: self.inside.as_ref().map(|inside| inside.own.id),
            room: self.room.clone(),
            connected: self.people.values().any(|person| person.facts.lock().connected.is_some()),
            members: self.people.iter().map(|(id, person)| person.report(*id)).collect(),
            chat: self.chat.clone(),
            reconnects: self.reconnects,
            errors,
        }
    }
}

impl Person {
    async fn hang_up(&mut self) {
        if let Some(link) = self.link.take() {
            link.close().await;
        }
    }

    fn report(&self, id: ParticipantId) -> MemberReport {
        let facts = self.facts.lock();
        MemberReport {
            id,
            name: self.name.clone(),
            left: self.left,
            path: facts.path,
            state: if self.left && facts.state != LinkState::None { LinkState::Closed } else { facts.state },
            revision: facts.revision,
            first_frame_ms: facts.first_frame_ms(),
            tracks: facts.tracks(),
        }
    }
}
