//! Owns the chat: to all with a history, or to one.

use super::Hub;
use super::frame::Body;
use crate::id::ParticipantId;
use crate::protocol::{Chat, ChatMessage, ErrorCode, ServerMessage};

impl Hub {
    pub(super) fn handle_chat(&mut self, from: ParticipantId, chat: Chat) -> Result<(), (ErrorCode, String)> {
        if let Some(to) = chat.to {
            self.check_in_room(from, to)?;
        }
        let at_ms = self.unix_ms();
        let Some(session) = self.sessions.get(&from) else { return Ok(()) };
        let (name, room_name) = (session.member.name.clone(), session.room.clone());
        let Some(room) = self.rooms.get_mut(&room_name) else { return Ok(()) };
        let message = ChatMessage { number: room.number_message(), from, name, to: chat.to, at_ms, text: chat.text };
        if chat.to.is_none() {
            room.remember(message.clone(), self.settings.rooms.chat_history_max as usize);
        }
        self.counters.chat += 1;
        let body = Body::text(ServerMessage::Chat { message });
        match chat.to {
            None => self.broadcast(&room_name, None, &body),
            Some(to) => {
                self.send(to, body.clone());
                self.send(from, body);
            }
        }
        Ok(())
    }
}
