//! What the hub and a shard of the SFU say to each other about a few members.

use std::time::{Duration, Instant};

use bytes::Bytes;
use visavis::hub::{Hub, Input, Output, Payload, Settings, SfuSettings};
use visavis::id::{ConnectionId, ParticipantId, RoomName};
use visavis::protocol::{BusFrame, ClientFrame, ServerFrame, ServerMessage, SfuGrant, SlotStanding, SlotState, Source};
use visavis::sfu::{Command, Event, ShardId};

struct Stage {
    hub: Hub,
    now: Instant,
    connections: u64,
    said: Vec<(ConnectionId, ServerMessage)>,
    binary: Vec<(ConnectionId, BusFrame)>,
    asked: Vec<(ShardId, Command)>,
}

impl Stage {
    fn new(sfu: Option<SfuSettings>) -> Self {
        let now = Instant::now();
        let settings = Settings { sfu, frames_per_second: 10, ..Settings::default() };
        let hub = Hub::new(settings, [3; 32], now, 1_790_000_000_000);
        Self { hub, now, connections: 0, said: Vec::new(), binary: Vec::new(), asked: Vec::new() }
    }

    fn with_sfu() -> Self {
        Self::new(Some(SfuSettings { shards: 2, grant: SfuGrant { slots_max: 64, port: 8443 } }))
    }

    fn input(&mut self, input: Input) {
        self.hub.handle_input(self.now, input);
        while let Some(output) = self.hub.poll_output() {
            match output {
                Output::Send { connection, frame } => match frame.encode() {
                    Payload::Text(text) => {
                        self.said.push((connection, ServerFrame::decode(&text).expect("the wire format").message))
                    }
                    Payload::Binary(bytes) => self.binary.push((connection, BusFrame::decode(&bytes).expect("the wire format"))),
                },
                Output::Sfu { shard, command } => self.asked.push((shard, command)),
                Output::Close { .. } => {}
            }
        }
    }

    fn say(&mut self, connection: ConnectionId, json: &str) {
        let frame = ClientFrame::decode(json).expect("the wire format");
        self.input(Input::Frame { connection, frame });
    }

    /// Joins; the participant, and its connection.
    fn join(&mut self, room: &str, capabilities: &str, resume: Option<&str>) -> (ParticipantId, ConnectionId) {
        self.connections += 1;
        let connection = ConnectionId(self.connections);
        let resume = resume.map_or(String::new(), |token| format!(r#","resume":{{"token":"{token}"}}"#));
        self.say(
            connection,
            &format!(r#"{{"type":"hello","room":"{room}","name":"Ann","capabilities":[{capabilities}]{resume}}}"#),
        );
        (self.welcome(connection).own.id, connection)
    }

    fn welcome(&self, connection: ConnectionId) -> &visavis::protocol::Welcome {
        let mut welcomes = self.said.iter().filter_map(|(to, message)| match message {
            ServerMessage::Welcome(welcome) if *to == connection => Some(&**welcome),
            _ => None,
        });
        welcomes.next_back().expect("a welcome")
    }

    /// What was asked of shards since the last time.
    fn asked(&mut self) -> Vec<(u8, Command)> {
        self.asked.drain(..).map(|(shard, command)| (shard.0, command)).collect()
    }

    /// What was said to a connection since the last time.
    fn heard(&mut self, connection: ConnectionId) -> Vec<ServerMessage> {
        let (own, others): (Vec<_>, Vec<_>) = self.said.drain(..).partition(|(to, _)| *to == connection);
        self.said = others;
        own.into_iter().map(|(_, message)| message).collect()
    }
}

const OFFER: &str = r#"{"type":"sfu_offer","seq":1,"id":"o1","revision":4,"sdp":"v=0","sends":[{"mid":"0","source":"camera"}]}"#;

#[test]
fn a_member_that_can_use_the_sfu_joins_the_shard_of_its_room_and_leaves_it() {
    let mut stage = Stage::with_sfu();
    let (ann, at_ann) = stage.join("a", r#""sfu","webrtc""#, None);
    let (ben, _) = stage.join("a", r#""sfu""#, None);
    stage.join("a", r#""webrtc""#, None);
    let (cleo, _) = stage.join("b", r#""sfu""#, None);
    assert_eq!(stage.welcome(at_ann).sfu, Some(SfuGrant { slots_max: 64, port: 8443 }));
    let asked = stage.asked();
    let joins: Vec<_> = asked
        .iter()
        .map(|(shard, command)| match command {
            Command::Join { room, participant, direct } => (*shard, room.as_str(), *participant, *direct),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(joins, [(0, "a", ann, true), (0, "a", ben, false), (1, "b", cleo, false)], "the room with fewer members");
    stage.say(at_ann, r#"{"type":"leave"}"#);
    assert!(matches!(&stage.asked()[..], [(0, Command::Leave { participant })] if *participant == ann));
}

#[test]
fn offers_and_views_reach_the_shard_and_answers_and_slots_come_back() {
    let mut stage = Stage::with_sfu();
    let (ann, at_ann) = stage.join("a", r#""sfu""#, None);
    let (ben, at_ben) = stage.join("a", r#""sfu""#, None);
    stage.asked();
    stage.say(at_ann, OFFER);
    stage.say(
        at_ann,
        &format!(
            r#"{{"type":"sfu_view","seq":2,"videos":[{{"participant":"{ben}","source":"camera","width":640,"height":360}}]}}"#
        ),
    );
    let asked = stage.asked();
    assert!(
        matches!(&asked[0], (0, Command::Offer { participant, revision: 4, sends, .. }) if *participant == ann && sends[0].mid == "0")
    );
    assert!(matches!(&asked[1], (0, Command::View { participant, videos }) if *participant == ann && videos[0].height == 360));
    stage.said.clear();
    stage.input(Input::Sfu(Event::Answer { participant: ann, revision: 4, sdp: "v=0".into() }));
    let slots = vec![SlotState { mid: "4".into(), participant: ben, source: Source::Camera, state: SlotStanding::Live }];
    stage.input(Input::Sfu(Event::Slots { participant: ann, revision: 4, slots }));
    let heard = stage.heard(at_ann);
    assert!(
        matches!(&heard[..], [ServerMessage::SfuAnswer { revision: 4, .. }, ServerMessage::SfuSlots { slots, .. }] if slots.len() == 1)
    );
    assert!(stage.heard(at_ben).is_empty(), "it is nobody else's");
}

#[test]
fn an_offer_that_cannot_be_answered_gets_an_error_that_names_the_line() {
    let mut stage = Stage::with_sfu();
    let (ann, at_ann) = stage.join("a", r#""sfu""#, None);
    stage.say(at_ann, OFFER);
    stage.heard(at_ann);
    stage.input(Input::Sfu(Event::Refused { participant: ann, revision: 4, line: Some(17), message: "No fingerprint.".into() }));
    let heard = stage.heard(at_ann);
    let [ServerMessage::Error { id, code, message }] = &heard[..] else { panic!("{heard:?}") };
    assert_eq!((id.as_deref(), code.as_str(), message.as_str()), (Some("o1"), "bad_offer", "Line 17: No fingerprint."));
}

#[test]
fn without_an_sfu_or_the_capability_an_offer_is_refused_in_plain_words() {
    for (sfu, capabilities, why) in [(true, "", "capability"), (false, r#""sfu""#, "has no SFU")] {
        let mut stage = if sfu { Stage::with_sfu() } else { Stage::new(None) };
        let (_, at_ann) = stage.join("a", capabilities, None);
        assert_eq!(stage.welcome(at_ann).sfu.is_some(), sfu);
        stage.heard(at_ann);
        stage.say(at_ann, OFFER);
        let heard = stage.heard(at_ann);
        let [ServerMessage::Error { code, message, .. }] = &heard[..] else { panic!("{heard:?}") };
        assert!(code.as_str() == "no_sfu" && message.contains(why), "{message}");
        assert!(stage.asked().is_empty());
    }
}

#[test]
fn a_resume_keeps_the_transport_and_a_handover_makes_another() {
    let mut stage = Stage::with_sfu();
    let (ann, at_ann) = stage.join("a", r#""sfu""#, None);
    let token = stage.welcome(at_ann).resume.token.clone();
    stage.asked();
    stage.input(Input::Closed { connection: at_ann });
    stage.connections += 1;
    let again = ConnectionId(stage.connections);
    stage.say(again, &format!(r#"{{"type":"hello","room":"a","name":"Ann","capabilities":["sfu"],"resume":{{"token":"{token}","epoch":1,"seq":0,"attempt":1}}}}"#));
    assert!(matches!(&stage.heard(again)[..], [ServerMessage::Resumed { .. }]));
    assert!(stage.asked().is_empty(), "the shard learns nothing of a resume");
    let (same, at_other) = stage.join("a", r#""sfu""#, Some(&token));
    assert_eq!(same, ann);
    let asked = stage.asked();
    assert!(matches!(&asked[..], [(0, Command::Leave { .. }), (0, Command::Join { .. })]), "{asked:?}");
    // What the shard said to the device before is not for this one.
    stage.heard(at_other);
    stage.input(Input::Sfu(Event::Answer { participant: ann, revision: 1, sdp: "old".into() }));
    stage.input(Input::Sfu(Event::Left { participant: ann }));
    stage.input(Input::Sfu(Event::Answer { participant: ann, revision: 1, sdp: "new".into() }));
    let heard = stage.heard(at_other);
    assert!(matches!(&heard[..], [ServerMessage::SfuAnswer { sdp, .. }] if sdp == "new"), "{heard:?}");
}

#[test]
fn a_call_that_is_handed_over_twice_hears_nothing_of_either_device_before() {
    let mut stage = Stage::with_sfu();
    let (ann, at_first) = stage.join("a", r#""sfu""#, None);
    let token = stage.welcome(at_first).resume.token.clone();
    stage.join("a", r#""sfu""#, Some(&token));
    let (_, at_third) = stage.join("a", r#""sfu""#, Some(&token));
    stage.heard(at_third);
    for sdp in ["first", "second"] {
        stage.input(Input::Sfu(Event::Answer { participant: ann, revision: 1, sdp: sdp.into() }));
        stage.input(Input::Sfu(Event::Left { participant: ann }));
    }
    stage.input(Input::Sfu(Event::Answer { participant: ann, revision: 1, sdp: "third".into() }));
    let heard = stage.heard(at_third);
    assert!(matches!(&heard[..], [ServerMessage::SfuAnswer { sdp, .. }] if sdp == "third"), "{heard:?}");
}

#[test]
fn speakers_reach_those_that_use_the_sfu_and_quality_everyone() {
    let mut stage = Stage::with_sfu();
    let (ann, at_ann) = stage.join("a", r#""sfu""#, None);
    let (_, at_ben) = stage.join("a", r#""webrtc""#, None);
    let (_, elsewhere) = stage.join("b", r#""sfu""#, None);
    stage.said.clear();
    let room: RoomName = "a".parse().expect("a room");
    stage.input(Input::Sfu(Event::Speakers { room, dominant: Some(ann), speaking: vec![ann] }));
    stage.input(Input::Sfu(Event::Quality { participant: ann, score: 50, reasons: Vec::new() }));
    assert_eq!([at_ann, at_ben, elsewhere].map(|connection| stage.heard(connection).len()), [2, 1, 0]);
}

#[test]
fn a_bus_message_without_a_number_goes_over_a_data_channel_where_there_is_one() {
    let mut stage = Stage::with_sfu();
    let (ann, at_ann) = stage.join("a", r#""sfu""#, None);
    let (ben, at_ben) = stage.join("a", r#""sfu""#, None);
    let (_, at_cleo) = stage.join("a", "", None);
    stage.input(Input::Sfu(Event::DataOpen { participant: ben, open: true }));
    stage.asked();
    stage.said.clear();
    let topic = "t".parse().expect("a topic");
    let frame = BusFrame { seq: None, peer: None, direct: false, latest: true, topic, payload: Bytes::from_static(b"here") };
    stage.input(Input::Sfu(Event::Data { participant: ann, binary: true, payload: frame.encode() }));
    let asked = stage.asked();
    let [(0, Command::Data { participant, binary: true, unreliable: true, payload })] = &asked[..] else { panic!("{asked:?}") };
    let frame = BusFrame::decode(payload).expect("the wire format");
    assert_eq!((*participant, frame.peer, &frame.payload[..]), (ben, Some(ann), &b"here"[..]));
    assert!(matches!(&stage.binary[..], [(to, _)] if *to == at_cleo), "who has none gets it over the WebSocket");

    stage.say(at_ann, r#"{"type":"bus","seq":1,"topic":"t","data":1}"#);
    assert!(stage.asked().is_empty(), "what has a number is kept, and must not overtake");
    assert!(matches!(&stage.heard(at_ben)[..], [ServerMessage::Bus { .. }]));

    stage.input(Input::Sfu(Event::DataOpen { participant: ben, open: false }));
    stage.say(at_ann, r#"{"type":"bus","topic":"t","data":2}"#);
    assert!(stage.asked().is_empty());
    assert!(matches!(&stage.heard(at_ben)[..], [ServerMessage::Bus { .. }]));
}

#[test]
fn a_data_channel_is_held_to_its_rate_and_to_the_bus() {
    let mut stage = Stage::with_sfu();
    let (ann, at_ann) = stage.join("a", r#""sfu""#, None);
    let (_, at_ben) = stage.join("a", "", None);
    stage.said.clear();
    let text = |text: &'static str| Event::Data { participant: ann, binary: false, payload: Bytes::from_static(text.as_bytes()) };
    stage.input(Input::Sfu(text(r#"{"type":"chat","text":"hello"}"#)));
    let code = |heard: Vec<ServerMessage>| match &heard[..] {
        [ServerMessage::Error { code, .. }] => code.as_str(),
        other => panic!("{other:?}"),
    };
    assert_eq!(code(stage.heard(at_ann)), "wrong_state");
    for _ in 0..49 {
        stage.input(Input::Sfu(text(r#"{"type":"bus","topic":"t","data":1}"#)));
    }
    assert_eq!((stage.heard(at_ann).len(), stage.heard(at_ben).len()), (0, 49), "five seconds' worth");
    stage.input(Input::Sfu(text(r#"{"type":"bus","topic":"t","data":1}"#)));
    assert_eq!((code(stage.heard(at_ann)), stage.heard(at_ben).len()), ("too_fast", 0));
    for _ in 0..100 {
        stage.input(Input::Sfu(text(r#"{"type":"bus","topic":"t","data":1}"#)));
    }
    assert_eq!((stage.heard(at_ann).len(), stage.heard(at_ben).len()), (0, 0), "told once");
    stage.now += Duration::from_millis(150);
    stage.input(Input::Sfu(text(r#"{"type":"bus","topic":"t","data":1}"#)));
    assert_eq!(stage.heard(at_ben).len(), 1, "time gives some back");
}
