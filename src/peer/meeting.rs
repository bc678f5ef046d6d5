//! Owns one stay in a room: who is there, the link to each, what is written, and the report of it all.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tracing::{debug, info};

use super::engine::Ice;
use super::link::{Link, Terms};
use super::publish::Media;
use super::receive::Facts;
use super::report::{ChatReport, LinkState, MemberReport, Path, Report};
use super::session::{SessionEvent, Voice};
use super::sfu_link::{SOUND_SLOTS, SfuInput, SfuLink, SfuTerms};
use super::{Route, Taste};
use crate::id::{DisplayName, ParticipantId, RoomName};
use crate::limits::VIEW_MAX;
use crate::protocol::{
    CAPABILITY_SFU, CAPABILITY_WEBRTC, Chat, ChatMessage, ClientMessage, IceServers, Member, Policy, Presence, ServerMessage,
    SfuGrant, SfuState, SfuView, Shown, Signal, SlotState, Source, Welcome,
};
use crate::redact::Name;

/// Members that are reported. Further ones are met, but forgotten when they leave.
const MEMBERS_MAX: usize = 4096;

/// Chat messages that are reported. Further ones are not.
const CHAT_MAX: usize = 4096;

/// Errors that are reported. Further ones are only logged.
const ERRORS_MAX: usize = 100;

/// How this end takes part.
#[derive(Debug, Clone)]
pub struct Part {
    /// What it publishes.
    pub media: Media,
    /// By which ways.
    pub route: Route,
    /// What it takes through the SFU.
    pub taste: Taste,
}

/// One stay in a room.
pub struct Meeting {
    room: RoomName,
    part: Part,
    voice: Voice,
    to_write: Vec<String>,
    inside: Option<Inside>,
    people: BTreeMap<ParticipantId, Person>,
    sfu: Option<SfuLink>,
    /// Whether media can pass through the SFU.
    sfu_is_connected: bool,
    /// The revision of the first peer connection of the present link to the SFU, or of the next link.
    sfu_revision: u32,
    view: Vec<Shown>,
    chat: Vec<ChatReport>,
    reconnects: u32,
    errors: Vec<String>,
}

/// What the last welcome said.
struct Inside {
    own: Member,
    ice: IceServers,
    policy: Policy,
    sfu: Option<SfuGrant>,
}

/// Somebody else.
struct Person {
    name: DisplayName,
    epoch: u32,
    left: bool,
    facts: Arc<Mutex<Facts>>,
    presence: Presence,
    way: Way,
}

/// How somebody is reached.
enum Way {
    /// Not at all.
    None,
    /// From end to end.
    Direct(Link),
    /// Through the SFU.
    Sfu,
}

impl Meeting {
    /// A stay that begins with the next event of the session, which is its welcome.
    pub fn new(room: RoomName, part: Part, to_write: Vec<String>, voice: Voice) -> Self {
        Self {
            room,
            part,
            voice,
            to_write,
            inside: None,
            people: BTreeMap::new(),
            sfu: None,
            sfu_is_connected: false,
            sfu_revision: 0,
            view: Vec::new(),
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
        self.hang_up_sfu().await;
        self.view.clear();
        let (ice, policy, sfu) = (welcome.ice, welcome.policy.media, welcome.sfu);
        self.inside = Some(Inside { own: welcome.own, ice, policy, sfu });
        if self.part.route == Route::Sfu {
            self.open_sfu();
            if self.sfu.is_none() {
                self.note("the server has no SFU: nobody is reached".into());
            }
        }
        for message in welcome.chat {
            self.handle_chat(message);
        }
        for member in welcome.roster.members {
            self.meet(&member, Link::call);
        }
        self.show().await;
        for text in std::mem::take(&mut self.to_write) {
            if self.voice.say(ClientMessage::Chat(Chat { to: None, text })).await.is_err() {
                debug!("nobody to write to: the session has ended");
            }
        }
    }

    async fn handle_message(&mut self, message: ServerMessage) {
        match message {
            ServerMessage::Joined { member, .. } => {
                self.meet(&member, Link::await_call);
                self.show().await;
            }
            ServerMessage::Presence { from, presence } => {
                if let Some(person) = self.people.get_mut(&from) {
                    person.presence = presence;
                }
                self.show().await;
            }
            ServerMessage::SfuAnswer { revision, sdp } => self.tell_sfu(SfuInput::Answer { revision, sdp }),
            ServerMessage::SfuSlots { revision, slots } => self.handle_slots(revision, slots),
            ServerMessage::SfuSends { revision, sections } => self.tell_sfu(SfuInput::Sends { revision, sections }),
            ServerMessage::SfuState { revision, state } => self.handle_sfu_state(revision, state),
            ServerMessage::Changed { member, .. } => {
                self.handle_changed(&member).await;
                self.show().await;
            }
            ServerMessage::Left { participant, .. } => {
                self.part(participant).await;
                self.show().await;
            }
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
        let both = |capability| can(&inside.own, capability) && can(member, capability);
        let way = if both(CAPABILITY_WEBRTC) {
            let terms = Terms {
                own: inside.own.id,
                other: member.id,
                ice: Ice::new(&inside.ice, inside.policy),
                media: self.part.media.clone(),
            };
            Way::Direct(begin(terms, self.voice.clone(), Arc::clone(&facts)))
        } else if both(CAPABILITY_SFU) && inside.sfu.is_some() {
            Way::Sfu
        } else {
            Way::None
        };
        let is_forwarded = matches!(way, Way::Sfu);
        let (name, epoch, presence) = (member.name.clone(), member.epoch, member.presence);
        let person = Person { name, epoch, left: false, facts, presence, way };
        if is_forwarded && self.sfu_is_connected {
            person.reach_through_sfu();
        }
        self.people.insert(member.id, person);
        if is_forwarded {
            self.open_sfu();
        }
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
        match self.people.get(&from).map(|person| &person.way) {
            Some(Way::Direct(link)) => link.handle_signal(revision, signal),
            _ => debug!(%from, "signal without a link"),
        }
    }

    fn handle_chat(&mut self, message: ChatMessage) {
        if self.chat.len() < CHAT_MAX {
            let ChatMessage { from, name, to, text, .. } = message;
            self.chat.push(ChatReport { from, name, private: to.is_some(), text });
        }
    }

    fn handle_ice_servers(&mut self, ice: IceServers) {
        for person in self.people.values() {
            if let Way::Direct(link) = &person.way {
                link.handle_ice_servers(ice.clone());
            }
        }
        self.tell_sfu(SfuInput::IceServers(ice.clone()));
        if let Some(inside) = &mut self.inside {
            inside.ice = ice;
        }
    }

    /// Opens the peer connection with the SFU, once, if the server has one.
    fn open_sfu(&mut self) {
        let Some(inside) = &self.inside else { return };
        let Some(grant) = inside.sfu.filter(|_| self.sfu.is_none()) else { return };
        let slots_max = usize::try_from(grant.slots_max).unwrap_or(usize::MAX);
        let terms = SfuTerms {
            ice: Ice::new(&inside.ice, inside.policy),
            media: self.part.media.clone(),
            picture_slots: self.part.taste.slots.min(VIEW_MAX).min(slots_max.saturating_sub(SOUND_SLOTS)),
            revision: self.sfu_revision,
        };
        self.sfu = Some(SfuLink::start(terms, self.voice.clone()));
    }

    fn tell_sfu(&self, input: SfuInput) {
        match &self.sfu {
            Some(sfu) => sfu.handle_input(input),
            None => debug!("about a peer connection with the SFU that there is not"),
        }
    }

    fn handle_slots(&self, revision: u32, slots: Vec<SlotState>) {
        let known = |slot: SlotState| {
            let person = self.people.get(&slot.participant).filter(|person| !person.left)?;
            Some((slot, Arc::clone(&person.facts)))
        };
        self.tell_sfu(SfuInput::Slots { revision, assigned: slots.into_iter().filter_map(known).collect() });
    }

    fn handle_sfu_state(&mut self, revision: u32, state: SfuState) {
        let Some(sfu) = &self.sfu else { return };
        sfu.handle_input(SfuInput::State { revision, state });
        if revision != self.sfu_revision.saturating_add(sfu.report().revision) {
            return;
        }
        self.sfu_is_connected = state == SfuState::Connected;
        for person in self.people.values_mut().filter(|person| !person.left && matches!(person.way, Way::Sfu)) {
            match state {
                SfuState::Connected => person.reach_through_sfu(),
                SfuState::Failed => person.facts.lock().state = LinkState::Failed,
                SfuState::Closed => person.facts.lock().state = LinkState::Closed,
            }
        }
    }

    /// Tells the SFU whose pictures are wanted, if that has changed: as many as there are slots, from the own id upwards and
    /// around, so that among many each is wanted by somebody.
    async fn show(&mut self) {
        let (Some(inside), true) = (&self.inside, self.sfu.is_some()) else { return };
        let own = inside.own.id;
        let has_picture = |(_, person): &(&ParticipantId, &Person)| {
            !person.left && !person.presence.camera_off && matches!(person.way, Way::Sfu)
        };
        let in_turn = self.people.range(own..).chain(self.people.range(..own)).filter(has_picture);
        let height = self.part.taste.lines;
        let width = u16::try_from(u32::from(height) * 16 / 9).unwrap_or(u16::MAX);
        let shown =
            |(id, _): (&ParticipantId, &Person)| Shown { participant: *id, source: Source::Camera, width, height, pinned: false };
        let videos: Vec<Shown> = in_turn.take(self.part.taste.slots.min(VIEW_MAX)).map(shown).collect();
        if videos != self.view {
            self.view.clone_from(&videos);
            if self.voice.say(ClientMessage::SfuView(SfuView { videos })).await.is_err() {
                debug!("nobody to tell: the session has ended");
            }
        }
    }

    async fn hang_up_sfu(&mut self) {
        self.sfu_is_connected = false;
        if let Some(sfu) = self.sfu.take() {
            self.sfu_revision = self.sfu_revision.saturating_add(sfu.report().revision).saturating_add(1);
            sfu.close().await;
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
        self.hang_up_sfu().await;
    }

    /// What was seen up to now.
    pub fn report(&self) -> Report {
        let mut errors = self.errors.clone();
        for (id, person) in &self.people {
            errors.extend(person.facts.lock().errors().map(|error| format!("link to {id}: {error}")));
        }
        errors.extend(self.sfu.iter().flat_map(SfuLink::errors));
        errors.truncate(ERRORS_MAX);
        Report {
            own: self.inside.as_ref().map(|inside| inside.own.id),
            room: self.room.clone(),
            connected: self.people.values().any(|person| person.facts.lock().connected.is_some()),
            sfu: self.sfu.as_ref().map(SfuLink::report),
            members: self.people.iter().map(|(id, person)| person.report(*id)).collect(),
            chat: self.chat.clone(),
            reconnects: self.reconnects,
            errors,
        }
    }
}

impl Person {
    async fn hang_up(&mut self) {
        if let Way::Direct(link) = std::mem::replace(&mut self.way, Way::None) {
            link.close().await;
        }
    }

    /// Media passes to and from it through the SFU, as far as this end knows.
    fn reach_through_sfu(&self) {
        let mut facts = self.facts.lock();
        facts.state = LinkState::Connected;
        facts.path = Some(Path::Sfu);
        facts.connected.get_or_insert_with(std::time::Instant::now);
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

fn can(member: &Member, capability: &str) -> bool {
    member.capabilities.iter().any(|own| own == capability)
}
