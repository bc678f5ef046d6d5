//! Owns the report: what a headless participant saw, as JSON.

use serde::Serialize;

use crate::id::{DisplayName, ParticipantId, RoomName};

/// What a headless participant saw from its start up to now. All counts are since the start.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Who it was; absent when it never came into the room.
    #[serde(rename = "self")]
    pub own: Option<ParticipantId>,
    /// The room.
    pub room: RoomName,
    /// At least one other member was connected at some time.
    pub connected: bool,
    /// The peer connection with the SFU; absent when there was no need for one.
    pub sfu: Option<SfuReport>,
    /// Everyone it met, those that left included.
    pub members: Vec<MemberReport>,
    /// What was written, the room's history included.
    pub chat: Vec<ChatReport>,
    /// How often the signaling connection was lost and came back.
    pub reconnects: u32,
    /// What went wrong, for people; at most the first 100.
    pub errors: Vec<String>,
}

/// The peer connection with the SFU.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SfuReport {
    /// Its state, as the library sees it.
    pub state: LinkState,
    /// Peer connections after the first.
    pub revision: u32,
    /// Session descriptions that the SFU answered with, over all revisions.
    pub answers: u32,
    /// Receive slots that carry somebody at the moment.
    pub slots_assigned: usize,
    /// How often a slot was given to somebody, the first time included.
    pub assignments: u64,
    /// Sending sections that nobody wants at the moment.
    pub paused_sections: usize,
}

/// One other member.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MemberReport {
    /// Who.
    pub id: ParticipantId,
    /// What it is called.
    pub name: DisplayName,
    /// It left, or was lost.
    pub left: bool,
    /// The way of the media, once there is one.
    pub path: Option<Path>,
    /// The state of the peer connection.
    pub state: LinkState,
    /// Peer connections after the first of this pair: an end had to start anew.
    pub revision: u32,
    /// From the start of the link to the first frame of any track, in milliseconds.
    pub first_frame_ms: Option<u64>,
    /// What came from it.
    pub tracks: Vec<TrackReport>,
}

/// One received track.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrackReport {
    /// Sound or picture.
    pub kind: Kind,
    /// What it shows, by the order of the media sections.
    pub source: Source,
    /// The codec, e.g. `VP8`.
    pub codec: String,
    /// RTP packets received.
    pub packets: u64,
    /// Bytes of their payload.
    pub bytes: u64,
    /// Packets that never came (RFC 3550 appendix A.3).
    pub lost: u64,
    /// Whole frames; for audio, packets with sound.
    pub frames: u64,
    /// Whole keyframes; none for audio.
    pub keyframes: u64,
    /// From the connected state, or the start of a stay in a receive slot, to the first frame that can be decoded, in milliseconds.
    pub first_frame_delay_ms: Option<u64>,
}

/// One chat message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChatReport {
    /// Who wrote it.
    pub from: ParticipantId,
    /// The writer's name.
    pub name: DisplayName,
    /// It was for this participant only.
    pub private: bool,
    /// The text.
    pub text: String,
}

/// The way of the media between two members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Path {
    /// From end to end.
    Direct,
    /// Through a TURN server on at least one side.
    Relayed,
    /// Through the SFU.
    Sfu,
}

/// The state of a peer connection, as the browser's `RTCPeerConnectionState`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkState {
    /// No peer connection: the member has no media, or has not called yet.
    #[default]
    None,
    /// Nothing sent yet.
    New,
    /// Looking for a path.
    Connecting,
    /// Media can flow.
    Connected,
    /// The path is broken, maybe for a moment.
    Disconnected,
    /// No path.
    Failed,
    /// Ended.
    Closed,
}

/// Sound or picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Sound.
    Audio,
    /// Picture.
    Video,
}

/// What a track shows: the index of its media section among those of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The first audio section.
    Microphone,
    /// The first video section.
    Camera,
    /// The second video section.
    Screen,
    /// The second audio section.
    ScreenAudio,
    /// A later section, which this version gives no meaning.
    Other,
}

impl Source {
    /// The meaning of the section with this index among those of its kind.
    pub fn of(kind: Kind, index: usize) -> Self {
        match (kind, index) {
            (Kind::Audio, 0) => Self::Microphone,
            (Kind::Audio, 1) => Self::ScreenAudio,
            (Kind::Video, 0) => Self::Camera,
            (Kind::Video, 1) => Self::Screen,
            _ => Self::Other,
        }
    }
}

impl Report {
    /// The report as indented JSON with a newline at the end.
    pub fn to_json(&self) -> String {
        let mut json = serde_json::to_string_pretty(self).expect("every field has a JSON form");
        json.push('\n');
        json
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_has_the_documented_names() {
        let track = TrackReport {
            kind: Kind::Audio,
            source: Source::ScreenAudio,
            codec: "opus".into(),
            packets: 2,
            bytes: 160,
            lost: 0,
            frames: 2,
            keyframes: 0,
            first_frame_delay_ms: Some(12),
        };
        let member = MemberReport {
            id: "00000000000000ff".parse().expect("an id"),
            name: "Bob".parse().expect("a name"),
            left: false,
            path: Some(Path::Direct),
            state: LinkState::Connected,
            revision: 0,
            first_frame_ms: None,
            tracks: vec![track],
        };
        let report = Report {
            own: None,
            room: "r".parse().expect("a room"),
            connected: true,
            sfu: None,
            members: vec![member],
            chat: vec![],
            reconnects: 0,
            errors: vec![],
        };
        let json: serde_json::Value = serde_json::from_str(&report.to_json()).expect("JSON");
        assert_eq!(json["self"], serde_json::Value::Null);
        assert_eq!(json["members"][0]["path"], "direct");
        assert_eq!(json["members"][0]["state"], "connected");
        assert_eq!(json["members"][0]["tracks"][0]["source"], "screen-audio");
        assert_eq!(json["members"][0]["tracks"][0]["kind"], "audio");
        assert_eq!(json["members"][0]["tracks"][0]["first_frame_delay_ms"], 12);
    }

    #[test]
    fn the_order_of_sections_says_what_a_track_shows() {
        assert_eq!(Source::of(Kind::Audio, 0), Source::Microphone);
        assert_eq!(Source::of(Kind::Video, 0), Source::Camera);
        assert_eq!(Source::of(Kind::Video, 1), Source::Screen);
        assert_eq!(Source::of(Kind::Audio, 1), Source::ScreenAudio);
        assert_eq!(Source::of(Kind::Video, 2), Source::Other);
    }
}
