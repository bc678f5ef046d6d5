//! Owns what one client knows, as a page would, and what it may expect of every message.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use visavis::id::{ConnectionId, ParticipantId};
use visavis::protocol::{BusFrame, CAPABILITY_SFU, ErrorCode, Member, Presence, ServerMessage, Signal, Welcome};

use crate::note::{Kind, Note};

/// How a connection says hello.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Hello {
    /// As a newcomer, or to go on where it was.
    #[default]
    Normal,
    /// As another device: the token is all that it has.
    OtherDevice,
    /// It says that it has heard more than was ever said.
    Ahead,
    /// It says that it has heard nothing, as a page out of a browser's cache.
    Behind,
    /// With the token of another room.
    Elsewhere,
}

/// A frame that the server may not have.
#[derive(Debug, Clone)]
pub enum Said {
    Text(String),
    Binary(Bytes),
}

/// What follows from a message for the connection.
#[derive(Debug)]
pub enum Then {
    Nothing,
    /// The frames that the server does not have.
    Repeat(Vec<Said>),
    /// The client gives up, as a page that says why.
    Forget(&'static str),
}

/// What a client has heard of the SFU since its welcome.
#[derive(Debug, Default)]
pub struct Media {
    /// The last offer's revision, and those that wait for their answer.
    pub offered: u32,
    pub pending: BTreeSet<u32>,
    /// The last of each kind that was heard.
    pub slots: u32,
    pub sends: u32,
    pub states: u32,
    pub speakers: u64,
    pub quality: BTreeMap<ParticipantId, u8>,
}

/// A client.
#[derive(Debug, Default)]
pub struct Client {
    pub room: String,
    pub connection: Option<ConnectionId>,
    pub hello: Hello,
    /// What the last hello said.
    pub capabilities: Vec<String>,
    /// The present connection has been answered: what is said before waits, as in a page.
    pub is_greeted: bool,
    /// Itself, as the others should see it.
    pub own: Option<Member>,
    pub token: Option<String>,
    /// The room that the token is for.
    pub token_room: String,
    /// The last server frame handled, and how many were handled since the last acknowledgement.
    pub seq: u64,
    pub unacknowledged: u64,
    pub attempt: u32,
    /// The server knows that frames of this epoch were handled.
    has_resumed: bool,
    pub roster: BTreeMap<ParticipantId, Member>,
    version: u64,
    /// Own frames: the number of the last one, and those that the server may not have.
    pub sent: u64,
    pub unsure: VecDeque<(u64, Said)>,
    /// How much was said in each strand since the welcome; to one: with the epoch that it has.
    pub said: BTreeMap<(Kind, Option<(ParticipantId, u32)>), u32>,
    /// What was heard last in each strand of each sender, with the addressee's epoch.
    pub heard: BTreeMap<(ParticipantId, Kind, Option<ParticipantId>), (u32, u32)>,
    /// Those whose present epoch began after the welcome: nothing of what they say was missed.
    pub fresh: BTreeSet<ParticipantId>,
    chat_number: u64,
    pub media: Media,
    /// How often something happened that a test should not go without.
    pub seen: BTreeMap<&'static str, u64>,
}

impl Client {
    pub fn own_id(&self) -> Option<ParticipantId> {
        self.own.as_ref().map(|own| own.id)
    }

    fn epoch(&self) -> u32 {
        self.own.as_ref().map_or(0, |own| own.epoch)
    }

    /// Who it is, and since which welcome.
    pub fn stands(&self) -> Option<(ParticipantId, u32)> {
        self.own.as_ref().map(|own| (own.id, own.epoch))
    }

    pub fn can_use_the_sfu(&self) -> bool {
        self.own.as_ref().is_some_and(|own| own.capabilities.iter().any(|known| known == CAPABILITY_SFU))
    }

    pub fn see(&mut self, what: &'static str) {
        *self.seen.entry(what).or_default() += 1;
    }

    pub fn count(&mut self, seq: Option<u64>) {
        if let Some(seq) = seq {
            assert_eq!(seq, self.seq + 1, "server frames are numbered without gaps");
            self.seq = seq;
            self.unacknowledged += 1;
        }
    }

    fn advance(&mut self, version: u64) {
        assert_eq!(version, self.version + 1, "the roster's versions follow each other");
        self.version = version;
    }

    pub fn handle(&mut self, message: ServerMessage) -> Then {
        match message {
            ServerMessage::Welcome(welcome) => self.handle_welcome(*welcome),
            ServerMessage::Resumed { received, .. } => return self.handle_resumed(received),
            ServerMessage::Error { code, .. } if !self.is_greeted => return self.handle_refusal(code),
            ServerMessage::Error { id, code, message } => self.handle_error(id, code, &message),
            ServerMessage::Ack { received } => self.unsure.retain(|(sent, _)| *sent > received),
            ServerMessage::Joined { version, member } => {
                self.advance(version);
                self.fresh.insert(member.id);
                assert!(self.roster.insert(member.id, member).is_none(), "joined twice");
            }
            ServerMessage::Left { version, participant, .. } => {
                self.advance(version);
                assert!(self.roster.remove(&participant).is_some(), "left twice");
                self.fresh.remove(&participant);
                self.heard.retain(|(from, ..), _| *from != participant);
                self.media.quality.remove(&participant);
            }
            ServerMessage::Changed { version, member } => self.handle_changed(version, member),
            ServerMessage::Presence { from, presence } => self.member(from).presence = presence,
            ServerMessage::Location { from, position } => {
                self.member(from).position = position;
                self.see("locations");
            }
            ServerMessage::Signal { from, revision, signal } => {
                let Signal::EndOfCandidates { username_fragment: Some(text) } = signal else { panic!("{signal:?}") };
                let note = Note::read(&text);
                assert_eq!(note.number, revision);
                self.handle_note(from, self.own_id(), &note, Kind::Signal);
            }
            ServerMessage::Chat { message } => {
                assert!(message.number > self.chat_number, "a chat message came twice or too late");
                self.chat_number = message.number;
                self.handle_note(message.from, message.to, &Note::read(&message.text), Kind::Chat);
                self.see(if message.to.is_some() { "private chats" } else { "chats" });
            }
            ServerMessage::Bus { from, direct, data, .. } => {
                let text: String = serde_json::from_str(data.get()).expect("a JSON string");
                let note = Note::read(&text);
                self.handle_note(from, self.own_id().filter(|_| direct), &note, note.kind);
            }
            ServerMessage::IceServers(_) => self.see("credentials"),
            ServerMessage::Pong | ServerMessage::Bye(_) => {}
            ServerMessage::SfuAnswer { .. }
            | ServerMessage::SfuSlots { .. }
            | ServerMessage::SfuSends { .. }
            | ServerMessage::SfuSpeakers { .. }
            | ServerMessage::SfuQuality { .. }
            | ServerMessage::SfuState { .. } => self.handle_media(message),
        }
        Then::Nothing
    }

    fn handle_welcome(&mut self, welcome: Welcome) {
        assert_eq!(welcome.room.as_str(), self.room, "a welcome to another room");
        assert_eq!(welcome.own.capabilities, self.capabilities, "what it said last");
        let is_same = self.own_id() == Some(welcome.own.id);
        assert!(!is_same || welcome.own.epoch > self.epoch(), "a handover begins an epoch");
        let is_known_to_be_behind = is_same && self.hello == Hello::Behind && self.has_resumed;
        assert!(!is_known_to_be_behind || welcome.own.epoch > self.epoch() + 1, "an old page took the session over");
        assert_eq!((welcome.own.presence, welcome.own.position), (Presence::default(), None), "what it said in the hello");
        if is_same {
            self.see(if self.hello == Hello::Normal { "resumes from too far back" } else { "handovers" });
        }
        assert!(welcome.chat.is_sorted_by(|a, b| a.number < b.number), "the history is in order");
        assert!(welcome.chat.iter().all(|message| message.to.is_none()), "what was said to one is for nobody else");
        assert!(welcome.chat.iter().all(|message| Note::read(&message.text).room == self.room), "the history crossed rooms");
        *self = Self {
            token_room: self.room.clone(),
            room: std::mem::take(&mut self.room),
            connection: self.connection,
            hello: self.hello,
            capabilities: std::mem::take(&mut self.capabilities),
            is_greeted: true,
            token: Some(welcome.resume.token),
            fresh: [welcome.own.id].into(),
            own: Some(welcome.own),
            roster: welcome.roster.members.into_iter().map(|member| (member.id, member)).collect(),
            version: welcome.roster.version,
            sent: welcome.received,
            chat_number: welcome.chat.last().map_or(0, |message| message.number),
            seen: std::mem::take(&mut self.seen),
            ..Self::default()
        };
        self.see("welcomes");
    }

    fn handle_resumed(&mut self, received: u64) -> Then {
        assert!(!matches!(self.hello, Hello::OtherDevice | Hello::Ahead), "{:?} cannot go on where it was", self.hello);
        assert_eq!(self.room, self.token_room, "a token is good for its room");
        if self.hello == Hello::Behind {
            assert!(!self.has_resumed, "the server knew that it had heard more");
            return Then::Forget("resumes from the start");
        }
        self.is_greeted = true;
        self.has_resumed |= self.seq > 0;
        self.unsure.retain(|(seq, _)| *seq > received);
        Then::Repeat(self.unsure.iter().map(|(_, said)| said.clone()).collect())
    }

    /// The hello was refused.
    fn handle_refusal(&mut self, code: ErrorCode) -> Then {
        Then::Forget(match (code, self.hello) {
            (ErrorCode::RoomFull, _) => "full rooms",
            (ErrorCode::ShuttingDown, _) => "hellos to a server that stops",
            (ErrorCode::ResumeStale, Hello::Behind) => "resumes with an old page",
            (ErrorCode::ResumeMismatch, _) if self.token_room != self.room => "tokens of another room",
            other => panic!("refused: {other:?}"),
        })
    }

    fn handle_error(&mut self, id: Option<String>, code: ErrorCode, message: &str) {
        match code {
            ErrorCode::BadOffer => {
                let note = Note::read(message.strip_prefix("Line 3: ").unwrap_or(message));
                assert_eq!((&note.room, note.epoch), (&self.room, self.epoch()), "a refusal for another device");
                let is_last = note.number == self.media.offered;
                assert!(id.is_some() || !is_last, "the last offer's refusal names it");
                assert!(id.is_none_or(|id| id == format!("offer-{}", note.number)), "a refusal names another offer");
                assert!(self.media.pending.remove(&note.number), "an offer was refused twice");
                self.see("refused offers");
            }
            ErrorCode::NoSfu => {
                assert!(!self.can_use_the_sfu(), "it said that it can");
                if let Some(revision) = id.as_deref().and_then(|id| id.strip_prefix("offer-")) {
                    assert!(self.media.pending.remove(&revision.parse().expect("a revision")), "an offer was refused twice");
                }
            }
            ErrorCode::TooFast => self.see("data channels that were too fast"),
            ErrorCode::NoSuchParticipant | ErrorCode::UnknownType => {}
            other => panic!("an error that nobody provoked: {other:?}: {message}"),
        }
    }

    fn handle_changed(&mut self, version: u64, member: Member) {
        self.advance(version);
        if let Some(own) = self.own.as_mut().filter(|own| own.id == member.id) {
            assert_eq!(own.epoch, member.epoch, "one's own epoch begins with a welcome");
            own.name = member.name;
            return;
        }
        let before = self.roster.get(&member.id).map(|before| before.epoch).expect("changed before it joined");
        assert!(member.epoch >= before, "an epoch went back");
        if member.epoch > before {
            self.fresh.insert(member.id);
            self.heard.retain(|(from, ..), _| *from != member.id);
        }
        self.roster.insert(member.id, member);
    }

    fn member(&mut self, from: ParticipantId) -> &mut Member {
        self.roster.get_mut(&from).expect("whoever is spoken of is in the roster")
    }

    pub fn handle_binary(&mut self, frame: BusFrame) {
        let note = Note::read(&String::from_utf8_lossy(&frame.payload));
        assert!(note.kind == Kind::Once || note.kind == Kind::bytes(frame.latest), "flags are kept");
        let from = frame.peer.expect("the server names the sender");
        self.handle_note(from, self.own_id().filter(|_| frame.direct), &note, note.kind);
        self.see("binary frames");
    }

    /// A message of a member, to all or to one.
    fn handle_note(&mut self, from: ParticipantId, to: Option<ParticipantId>, note: &Note, kind: Kind) {
        assert_eq!((&note.room, note.kind), (&self.room, kind), "a message crossed rooms or kinds");
        let is_own = self.own_id() == Some(from);
        assert!(!is_own || kind == Kind::Chat, "only chat comes back");
        let epoch = if is_own { self.epoch() } else { self.roster.get(&from).expect("the sender is in the roster").epoch };
        assert_eq!(note.epoch, epoch, "before its sender's epoch is known, or after its end");
        assert_eq!(to.is_some(), note.to_epoch > 0, "what is for one and what is for all");
        if to.is_some() && to == self.own_id() {
            assert!(note.to_epoch <= self.epoch(), "nobody knows an epoch before it begins");
            if note.to_epoch < self.epoch() {
                // For the device before: the sender had not heard of this one.
                return self.see("messages for the device before");
            }
        }
        if kind == Kind::Once {
            return self.see("messages sent once");
        }
        let last = self.heard.insert((from, kind, to), (note.to_epoch, note.number));
        let is_all_heard = to.is_some() || self.fresh.contains(&from);
        match last {
            _ if kind.is_latest() => {
                let before = last.map_or(0, |(_, number)| number);
                assert!(note.number > before, "{note:?} after {last:?}");
                let is_next = last.is_none() || note.number == before + 1;
                self.see(if is_next { "latest" } else { "latest after superseded ones" });
            }
            // An echo of what was said to one: the other's next device starts anew.
            Some((before, _)) if before < note.to_epoch => assert_eq!(note.number, 1, "missing before {note:?}"),
            Some((before, last)) => assert_eq!((note.to_epoch, note.number), (before, last + 1), "missing, twice or too late"),
            None => assert!(note.number == 1 || !is_all_heard, "missing before {note:?}"),
        }
    }

    /// News of the SFU.
    fn handle_media(&mut self, message: ServerMessage) {
        let (own, epoch) = (self.own_id(), self.epoch());
        let says = |device: &str| assert_eq!(device, epoch.to_string(), "news for the device before");
        match message {
            ServerMessage::SfuAnswer { revision, sdp } => {
                let note = Note::read(&sdp);
                assert_eq!((note.room.as_str(), note.epoch), (&*self.room, epoch), "an answer for another device");
                assert!(note.number == revision && self.media.pending.remove(&revision), "an offer was answered twice");
                self.see("answers");
            }
            ServerMessage::SfuSlots { revision, slots } => {
                says(&slots[0].mid);
                assert!(revision > self.media.slots, "slots of before");
                self.see(if revision == self.media.slots + 1 { "slots" } else { "slots after superseded ones" });
                self.media.slots = revision;
            }
            ServerMessage::SfuSends { revision, sections } => {
                says(&sections[0].mid);
                assert!(revision > self.media.sends, "sections of before");
                self.media.sends = revision;
                self.see("sends");
            }
            ServerMessage::SfuState { revision, .. } => {
                assert_eq!(revision, self.media.states + 1, "a state is missing, or of the device before");
                self.media.states = revision;
            }
            ServerMessage::SfuSpeakers { dominant, .. } => {
                let number = dominant.map_or(0, ParticipantId::number);
                let before = std::mem::replace(&mut self.media.speakers, number);
                assert!(number > before, "speakers of before");
                self.see(if before == 0 || number == before + 1 { "speakers" } else { "speakers after superseded ones" });
            }
            ServerMessage::SfuQuality { participant, score, .. } => {
                assert!(own == Some(participant) || self.roster.contains_key(&participant), "the quality of nobody");
                self.media.quality.insert(participant, score);
                self.see("qualities");
            }
            other => panic!("{other:?} is not of the SFU"),
        }
    }
}
