//! Owns how members take part and where they are: state of which only the last value matters.

use super::Hub;
use super::frame::{Body, Supersedes};
use crate::id::ParticipantId;
use crate::protocol::{Position, PresenceChange, ServerMessage};

impl Hub {
    pub(super) fn handle_presence(&mut self, from: ParticipantId, change: PresenceChange) {
        let Some(session) = self.sessions.get_mut(&from) else { return };
        let presence = change.applied_to(session.member.presence);
        if presence == session.member.presence {
            return;
        }
        session.member.presence = presence;
        let room = session.room.clone();
        let message = ServerMessage::Presence { from, presence };
        self.broadcast(&room, Some(from), &Body::superseding(message, Some(Supersedes::Presence(from))));
    }

    pub(super) fn handle_location(&mut self, from: ParticipantId, position: Option<Position>) {
        let Some(session) = self.sessions.get_mut(&from) else { return };
        if session.member.position == position {
            return;
        }
        session.member.position = position;
        let room = session.room.clone();
        let message = ServerMessage::Location { from, position };
        self.broadcast(&room, Some(from), &Body::superseding(message, Some(Supersedes::Location(from))));
    }
}
