//! Owns what the hub asks of the SFU and what it hears from it; the hub knows these two and nothing deeper.

use bytes::Bytes;

use crate::id::{ParticipantId, RoomName};
use crate::protocol::{QualityReason, SectionState, SendSection, SfuState, Shown, SlotState};

/// What the hub asks of a shard.
#[derive(Debug)]
pub enum Command {
    /// A member can use the SFU. It costs nothing until it offers.
    Join {
        /// Its room, which lives on this shard as a whole.
        room: RoomName,
        /// Who.
        participant: ParticipantId,
        /// It can be called directly, too: what flows between two such members does not pass through the SFU.
        direct: bool,
    },
    /// A member is gone, and its transport with it. Answered by [`Event::Left`].
    Leave {
        /// Who.
        participant: ParticipantId,
    },
    /// A member's browser offers. Answered by [`Event::Answer`] or [`Event::Refused`].
    Offer {
        /// Who.
        participant: ParticipantId,
        /// Names one peer connection; another one than before begins a new transport.
        revision: u32,
        /// The offer (RFC 8829), bounded by [`crate::limits::SDP_BYTES_MAX`].
        sdp: String,
        /// What its sending sections carry.
        sends: Vec<SendSection>,
    },
    /// What a member shows, in order of importance; replaces what it said before.
    View {
        /// Who.
        participant: ParticipantId,
        /// Bounded by [`crate::limits::VIEW_MAX`].
        videos: Vec<Shown>,
    },
    /// A message for a member's data channel.
    Data {
        /// Who.
        participant: ParticipantId,
        /// Binary, or UTF-8 text.
        binary: bool,
        /// Over the channel without retransmission, if there is one.
        unreliable: bool,
        /// The message.
        payload: Bytes,
    },
    /// A member closes its peer connection and stays.
    Close {
        /// Who.
        participant: ParticipantId,
    },
}

/// What a shard tells the hub.
#[derive(Debug)]
pub enum Event {
    /// The answer to an offer.
    Answer {
        /// For whom.
        participant: ParticipantId,
        /// Of the offer.
        revision: u32,
        /// The answer.
        sdp: String,
    },
    /// An offer that cannot be answered.
    Refused {
        /// Whose.
        participant: ParticipantId,
        /// Of the offer.
        revision: u32,
        /// The line that it fails at, counted from 1; none when it is about the whole.
        line: Option<usize>,
        /// What is wrong with it, for people.
        message: String,
    },
    /// A transport has connected, or is lost.
    State {
        /// Whose.
        participant: ParticipantId,
        /// Of its last offer.
        revision: u32,
        /// What it is now.
        state: SfuState,
    },
    /// What a member's receive slots carry: all that are assigned.
    Slots {
        /// Whose.
        participant: ParticipantId,
        /// Of its last offer.
        revision: u32,
        /// The slots.
        slots: Vec<SlotState>,
    },
    /// What anybody wants of a member's sending sections.
    Sends {
        /// Whose.
        participant: ParticipantId,
        /// Of its last offer.
        revision: u32,
        /// The sections.
        sections: Vec<SectionState>,
    },
    /// Who speaks in a room.
    Speakers {
        /// The room.
        room: RoomName,
        /// Who has the floor.
        dominant: Option<ParticipantId>,
        /// Everyone whose voice is heard.
        speaking: Vec<ParticipantId>,
    },
    /// How well a member's media gets through.
    Quality {
        /// Whose.
        participant: ParticipantId,
        /// 0 (nothing gets through) to 100.
        score: u8,
        /// What costs points, the worst first.
        reasons: Vec<QualityReason>,
    },
    /// A member's data channel is open, or no longer.
    DataOpen {
        /// Whose.
        participant: ParticipantId,
        /// Whether one is open.
        open: bool,
    },
    /// A member has left: no event of before follows. The same participant may have joined again meanwhile.
    Left {
        /// Who.
        participant: ParticipantId,
    },
    /// A message came over a member's data channel.
    Data {
        /// Whose.
        participant: ParticipantId,
        /// Binary, or UTF-8 text.
        binary: bool,
        /// The message, bounded by [`crate::limits::TEXT_FRAME_BYTES_MAX`].
        payload: Bytes,
    },
}

impl Event {
    /// The one member that it is about; none for the news of a room.
    pub fn participant(&self) -> Option<ParticipantId> {
        match self {
            Self::Answer { participant, .. }
            | Self::Refused { participant, .. }
            | Self::State { participant, .. }
            | Self::Slots { participant, .. }
            | Self::Sends { participant, .. }
            | Self::Quality { participant, .. }
            | Self::DataOpen { participant, .. }
            | Self::Left { participant }
            | Self::Data { participant, .. } => Some(*participant),
            Self::Speakers { .. } => None,
        }
    }
}
