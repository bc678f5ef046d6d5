//! Owns one room: its members in the order of joining, the roster's version, and the last chat messages.

use std::collections::VecDeque;

use crate::id::ParticipantId;
use crate::limits::CHAT_HISTORY_BYTES_MAX;
use crate::protocol::ChatMessage;
use crate::sfu::ShardId;

#[derive(Debug, Default)]
pub(super) struct Room {
    members: Vec<ParticipantId>,
    version: u64,
    history: VecDeque<ChatMessage>,
    history_bytes: usize,
    messages: u64,
    /// Where its media lives; none until a member can use the SFU.
    pub(super) shard: Option<ShardId>,
}

impl Room {
    pub(super) fn members(&self) -> &[ParticipantId] {
        &self.members
    }

    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// The version with the member.
    pub(super) fn add(&mut self, participant: ParticipantId) -> u64 {
        self.members.push(participant);
        self.advance()
    }

    /// The version without the member.
    pub(super) fn remove(&mut self, participant: ParticipantId) -> u64 {
        self.members.retain(|member| *member != participant);
        self.advance()
    }

    /// The version after a change of a member.
    pub(super) fn advance(&mut self) -> u64 {
        self.version += 1;
        self.version
    }

    /// The number for the next chat message. Private ones count too: a number never stands for two messages.
    pub(super) fn number_message(&mut self) -> u64 {
        self.messages += 1;
        self.messages
    }

    /// Keeps a message to all for those who come later, at most `count_max` and [`CHAT_HISTORY_BYTES_MAX`]; the oldest go first.
    pub(super) fn remember(&mut self, message: ChatMessage, count_max: usize) {
        self.history_bytes += message.text.len();
        self.history.push_back(message);
        while self.history.len() > count_max || self.history_bytes > CHAT_HISTORY_BYTES_MAX {
            let Some(oldest) = self.history.pop_front() else { break };
            self.history_bytes -= oldest.text.len();
        }
    }

    pub(super) fn history(&self) -> Vec<ChatMessage> {
        self.history.iter().cloned().collect()
    }
}
