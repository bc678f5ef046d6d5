//! Owns what the clients of the simulation do: come, go, lose their connection, and say things.

use std::time::Duration;

use visavis::hub::Input;
use visavis::id::{ConnectionId, ParticipantId, Topic};
use visavis::protocol::{
    self, Bus, BusFrame, CAPABILITY_SFU, CAPABILITY_WEBRTC, Chat, ClientFrame, ClientMessage, Location, Position, PresenceChange,
    Rename, Resume, ResumeAt, SfuOffer, SfuView, Signal, SignalTo,
};

use crate::client::{Hello, Said};
use crate::note::{Kind, Note};
use crate::wire::Wire;
use crate::world::{Happens, World};

/// A page keeps so much that the server may not have, and says no more then.
const UNSURE_MAX: usize = 1000;

/// What makes a message large enough for the bounds in bytes.
const BALLAST: usize = 15_000;

/// Kept and unkept messages have topics of their own: a newer one takes the place of an older one whichever it is.
fn topic(name: &str) -> Topic {
    name.parse().expect("a topic")
}

impl World {
    /// Opens a connection and says hello.
    pub fn connect(&mut self, at: usize, room: &str, hello: Hello) {
        if let Some(before) = self.clients[at].connection.take() {
            self.abandon(before, Duration::from_secs(1));
        }
        let is_slow = self.random(12) == 0;
        let per_frame = Duration::from_millis(if is_slow { u64::from(self.random(200)) } else { 0 });
        let connection = self.open(at, per_frame);
        let is_other_device = hello == Hello::OtherDevice || self.clients[at].token.is_none();
        let random = self.random(8);
        let client = &mut self.clients[at];
        if is_other_device {
            // Most of every second one can use the SFU, every fourth can be called directly as well.
            client.capabilities.clear();
            client.capabilities.extend((at.is_multiple_of(2) && random > 0).then(|| CAPABILITY_SFU.to_owned()));
            client.capabilities.extend(at.is_multiple_of(4).then(|| CAPABILITY_WEBRTC.to_owned()));
        }
        if client.token.is_none() || hello == Hello::Elsewhere {
            client.room = room.to_owned();
        }
        client.connection = Some(connection);
        client.hello = hello;
        client.is_greeted = false;
        client.attempt += 1;
        let seq = match hello {
            Hello::Ahead => client.seq + 100_000,
            Hello::Behind => 0,
            _ => client.seq,
        };
        let message = self.hello(at, (hello != Hello::OtherDevice).then_some(seq), 0);
        self.say_unnumbered(at, message);
    }

    fn open(&mut self, at: usize, per_frame: Duration) -> ConnectionId {
        self.number += 1;
        let connection = ConnectionId(self.number);
        let delay = Duration::from_millis(u64::from(1 + self.random(80)));
        self.wires.insert(connection, Wire::new(at, self.now, delay, per_frame));
        connection
    }

    fn hello(&self, at: usize, seq: Option<u64>, attempts_ago: u32) -> ClientMessage {
        let client = &self.clients[at];
        let epoch = client.own.as_ref().map_or(0, |own| own.epoch);
        let stands = seq.map(|seq| ResumeAt { epoch, seq, attempt: client.attempt - attempts_ago });
        ClientMessage::Hello(protocol::Hello {
            room: client.room.clone(),
            name: format!("client {at}"),
            resume: client.token.clone().map(|token| Resume { token, at: stands }),
            capabilities: client.capabilities.clone(),
            ..protocol::Hello::default()
        })
    }

    /// A hello arrives that its client gave up before the present connection resumed.
    pub fn connect_late(&mut self, at: usize) {
        let client = &self.clients[at];
        let Some(named) = client.stands().filter(|_| client.is_greeted && client.connection.is_some() && client.attempt > 0)
        else {
            return;
        };
        let message = self.hello(at, Some(client.seq), 1);
        let connection = self.open(at, Duration::ZERO);
        self.wires.get_mut(&connection).expect("opened the line before").late = Some(named);
        self.transmit_on(connection, &Said::Text(ClientFrame::new(message).encode()));
        self.schedule(self.now + Duration::from_secs(1), Happens::OnConnection(connection, Input::Closed { connection }));
    }

    /// Loses a connection. The server learns of it sooner or later, and may still get what was on its way.
    pub fn lose(&mut self, at: usize) {
        let Some(connection) = self.clients[at].connection.take() else { return };
        if self.random(2) == 0 {
            let is_its = |happens: &Happens| matches!(happens, Happens::OnConnection(on, _) if *on == connection);
            let lost: Vec<_> = self.waiting.iter().filter(|(_, happens)| is_its(happens)).map(|(number, _)| *number).collect();
            // A cut takes the tail: what was sent last.
            for number in lost.into_iter().rev().take(3) {
                self.waiting.insert(number, Happens::Nothing);
            }
        }
        let delay = Duration::from_millis(u64::from(self.random(50_000)));
        self.abandon(connection, delay);
    }

    /// Leaves for good and forgets everything.
    pub fn leave(&mut self, at: usize) {
        self.say_unnumbered(at, ClientMessage::Leave);
        self.forget(at);
    }

    pub fn say_unnumbered(&mut self, at: usize, message: ClientMessage) {
        self.transmit(at, &Said::Text(ClientFrame::new(message).encode()));
    }

    fn say(&mut self, at: usize, id: Option<String>, message: ClientMessage) {
        let seq = Some(self.clients[at].sent + 1);
        self.say_numbered(at, Said::Text(ClientFrame { seq, id, message }.encode()));
    }

    fn say_numbered(&mut self, at: usize, said: Said) {
        let client = &mut self.clients[at];
        client.sent += 1;
        client.unsure.push_back((client.sent, said.clone()));
        if client.is_greeted {
            self.transmit(at, &said);
        }
    }

    pub fn transmit(&mut self, at: usize, said: &Said) {
        if let Some(connection) = self.clients[at].connection {
            self.transmit_on(connection, said);
        }
    }

    fn transmit_on(&mut self, connection: ConnectionId, said: &Said) {
        let Some(wire) = self.wires.get(&connection) else { return };
        let input = match said {
            Said::Text(text) => match ClientFrame::decode(text) {
                Ok(frame) => Input::Frame { connection, frame },
                Err(error) => Input::Refused { connection, error },
            },
            Said::Binary(bytes) => {
                let frame = BusFrame::decode_from_client(bytes).expect("the clients write the wire format");
                Input::Binary { connection, frame }
            }
        };
        self.schedule(self.now + wire.delay, Happens::OnConnection(connection, input));
    }

    pub fn can_speak(&self, at: usize) -> bool {
        let client = &self.clients[at];
        client.own.is_some() && client.unsure.len() < UNSURE_MAX
    }

    /// The next message of a strand, to all or to someone in the roster.
    fn note(&mut self, at: usize, kind: Kind, to: Option<ParticipantId>) -> Note {
        let client = &mut self.clients[at];
        let to = to.map(|to| (to, client.roster.get(&to).map_or(0, |member| member.epoch)));
        let number = client.said.entry((kind, to)).or_insert(0);
        *number += 1;
        let epoch = client.own.as_ref().map_or(0, |own| own.epoch);
        Note { room: client.room.clone(), kind, epoch, to_epoch: to.map_or(0, |(_, epoch)| epoch), number: *number }
    }

    pub fn signal(&mut self, at: usize, to: ParticipantId) {
        let note = self.note(at, Kind::Signal, Some(to));
        let signal = Signal::EndOfCandidates { username_fragment: Some(note.write()) };
        self.say(at, None, ClientMessage::Signal(SignalTo { to, revision: note.number, signal }));
    }

    /// Tries to reach someone in another room: must be refused.
    pub fn trespass(&mut self, at: usize, to: ParticipantId) {
        let note = Note { room: "trespass".into(), kind: Kind::Signal, epoch: 0, to_epoch: 0, number: 1 };
        let signal = Signal::EndOfCandidates { username_fragment: Some(note.write()) };
        self.say(at, None, ClientMessage::Signal(SignalTo { to, revision: 1, signal }));
        self.say(at, None, ClientMessage::Chat(Chat { to: Some(to), text: note.write() }));
    }

    pub fn chat(&mut self, at: usize, to: Option<ParticipantId>) {
        let text = self.note(at, Kind::Chat, to).write();
        self.say(at, None, ClientMessage::Chat(Chat { to, text }));
    }

    pub fn presence(&mut self, at: usize) {
        let change = PresenceChange { hand: Some(self.random(2) == 0), away: Some(self.random(2) == 0), ..Default::default() };
        if let Some(own) = &mut self.clients[at].own {
            own.presence = change.applied_to(own.presence);
        }
        self.say(at, None, ClientMessage::Presence(change));
    }

    pub fn location(&mut self, at: usize) {
        let latitude = f64::from(self.random(90));
        let position = Position { latitude, longitude: 8.5, accuracy: None, heading: None };
        let position = (self.random(3) > 0).then_some(position);
        if let Some(own) = &mut self.clients[at].own {
            own.position = position;
        }
        self.say(at, None, ClientMessage::Location(Location { position }));
    }

    pub fn rename(&mut self, at: usize) {
        let name = format!("client {at} the {}th", self.random(100));
        self.say(at, None, ClientMessage::Rename(Rename { name }));
    }

    pub fn bus(&mut self, at: usize, to: Option<ParticipantId>, latest: bool) {
        let text = self.note(at, Kind::bus(latest), to).write();
        let data = serde_json::value::to_raw_value(&text).expect("a JSON string");
        self.say(at, None, ClientMessage::Bus(Bus { topic: topic("kept"), to, latest, data }));
    }

    pub fn bytes(&mut self, at: usize, to: Option<ParticipantId>, latest: bool, is_large: bool) {
        let mut payload = self.note(at, Kind::bytes(latest), to).write();
        if is_large {
            payload.push('\n');
            payload.extend(std::iter::repeat_n('.', BALLAST));
        }
        let seq = Some(self.clients[at].sent + 1);
        let frame = BusFrame { seq, peer: to, direct: to.is_some(), latest, topic: topic("kept"), payload: payload.into() };
        self.say_numbered(at, Said::Binary(frame.encode()));
    }

    /// Without a number: lost with its connection.
    pub fn once(&mut self, at: usize, to: Option<ParticipantId>) {
        if self.clients[at].is_greeted {
            let latest = self.random(2) == 0;
            let payload = self.note(at, Kind::Once, to).write().into();
            let frame = BusFrame { seq: None, peer: to, direct: to.is_some(), latest, topic: topic("unkept"), payload };
            self.transmit(at, &Said::Binary(frame.encode()));
        }
    }

    /// Offers to the SFU; refused for those that did not say that they can use it.
    pub fn offer(&mut self, at: usize) {
        let mut note = self.note(at, Kind::Offer, None);
        let media = &mut self.clients[at].media;
        media.offered += 1;
        media.pending.insert(media.offered);
        note.number = media.offered;
        let (revision, id) = (media.offered, Some(format!("offer-{}", media.offered)));
        self.say(at, id, ClientMessage::SfuOffer(SfuOffer { revision, sdp: note.write(), sends: Vec::new() }));
    }

    pub fn view(&mut self, at: usize) {
        self.say(at, None, ClientMessage::SfuView(SfuView { videos: Vec::new() }));
    }

    pub fn close_media(&mut self, at: usize) {
        self.say(at, None, ClientMessage::SfuClose);
    }

    /// Says something that the server does not understand: it still has its number.
    pub fn babble(&mut self, at: usize) {
        let seq = self.clients[at].sent + 1;
        self.say_numbered(at, Said::Text(format!(r#"{{"seq":{seq},"type":"babble"}}"#)));
    }
}
