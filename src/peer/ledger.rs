//! Owns the numbers of one session: what was said and not yet acknowledged, and what was heard.
//!
//! **Invariant:** no clock and no I/O. The rules are those of `protocol.md`, "Numbers, acknowledgement, resume".

use std::collections::VecDeque;

use crate::limits::{ACK_EVERY, OUTBOX_FRAMES_MAX};
use crate::protocol::{Chat, ClientFrame, ClientMessage, Resume, ResumeAt, ResumeGrant, Welcome};

/// The numbers of one session.
#[derive(Debug, Default)]
pub struct Ledger {
    said: VecDeque<Said>,
    last_said: u64,
    last_heard: u64,
    last_acknowledged: u64,
    grant: Option<ResumeGrant>,
    epoch: u32,
    attempts: u32,
}

/// A frame that the server may not have received.
#[derive(Debug)]
struct Said {
    seq: u64,
    text: String,
    /// What is still worth saying to a session that knows nothing: signals are void with it, a person's words are not.
    chat: Option<Chat>,
}

/// The server's numbers have a hole, or too much is unacknowledged: the connection is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfStep;

impl Ledger {
    /// Numbers a message and keeps it; the text is to be sent.
    ///
    /// # Errors
    /// The server has not acknowledged [`OUTBOX_FRAMES_MAX`] frames.
    pub fn say(&mut self, message: ClientMessage) -> Result<&str, OutOfStep> {
        if self.said.len() >= OUTBOX_FRAMES_MAX {
            return Err(OutOfStep);
        }
        let chat = if let ClientMessage::Chat(chat) = &message { Some(chat.clone()) } else { None };
        self.last_said += 1;
        let text = ClientFrame { seq: Some(self.last_said), id: None, message }.encode();
        self.said.push_back(Said { seq: self.last_said, text, chat });
        Ok(&self.said.back().expect("pushed the line before").text)
    }

    /// Forgets what the server has received.
    pub fn handle_ack(&mut self, received: u64) {
        while self.said.front().is_some_and(|said| said.seq <= received) {
            self.said.pop_front();
        }
    }

    /// Whether a server frame with this number is to be handled; a repetition is not.
    ///
    /// # Errors
    /// Frames before it are missing.
    pub fn hear(&mut self, seq: Option<u64>) -> Result<bool, OutOfStep> {
        let Some(seq) = seq else { return Ok(true) };
        if seq <= self.last_heard {
            return Ok(false);
        }
        if seq != self.last_heard + 1 {
            return Err(OutOfStep);
        }
        self.last_heard = seq;
        Ok(true)
    }

    /// The number to acknowledge, when enough has been heard since the last time.
    pub fn ack_due(&mut self) -> Option<u64> {
        if self.last_heard - self.last_acknowledged >= ACK_EVERY / 2 { self.ack_now() } else { None }
    }

    /// The number to acknowledge, when anything has been heard since the last time.
    pub fn ack_now(&mut self) -> Option<u64> {
        if self.last_heard == self.last_acknowledged {
            return None;
        }
        self.last_acknowledged = self.last_heard;
        Some(self.last_heard)
    }

    /// What to put into the next hello; each one counts as an attempt.
    pub fn resume(&mut self) -> Option<Resume> {
        let token = self.grant.as_ref()?.token.clone();
        self.attempts = self.attempts.saturating_add(1);
        Some(Resume { token, at: Some(ResumeAt { epoch: self.epoch, seq: self.last_heard, attempt: self.attempts }) })
    }

    /// How long the server keeps the session without a connection, in milliseconds.
    pub fn grace_ms(&self) -> u64 {
        self.grant.as_ref().map_or(0, |grant| grant.grace_ms)
    }

    /// The session goes on: gives the texts to repeat.
    pub fn handle_resumed(&mut self, received: u64, grant: ResumeGrant) -> impl Iterator<Item = &str> {
        self.grant = Some(grant);
        self.last_acknowledged = self.last_heard;
        self.handle_ack(received);
        self.said.iter().map(|said| said.text.as_str())
    }

    /// The session is new: numbers start again, and only chat is said again. Gives those texts.
    pub fn handle_welcome(&mut self, welcome: &Welcome) -> impl Iterator<Item = &str> {
        self.grant = Some(welcome.resume.clone());
        (self.epoch, self.attempts) = (welcome.own.epoch, 0);
        (self.last_heard, self.last_acknowledged, self.last_said) = (0, 0, welcome.received);
        for chat in std::mem::take(&mut self.said).into_iter().filter_map(|said| said.chat) {
            self.say(ClientMessage::Chat(chat)).expect("there are no more than before");
        }
        self.said.iter().map(|said| said.text.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat(text: &str) -> ClientMessage {
        ClientMessage::Chat(Chat { to: None, text: text.into() })
    }

    fn grant() -> ResumeGrant {
        ResumeGrant { token: "t".into(), grace_ms: 30_000 }
    }

    fn welcome(received: u64) -> Welcome {
        let golden = include_str!("../../tests/golden/protocol/server/welcome.json");
        let golden: serde_json::Value = serde_json::from_str(golden).expect("JSON");
        let mut welcome: Welcome = serde_json::from_value(golden).expect("a welcome");
        welcome.received = received;
        welcome
    }

    #[test]
    fn what_the_server_did_not_receive_is_said_again_after_a_resume() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.say(chat("a")), Ok(r#"{"seq":1,"type":"chat","text":"a"}"#));
        for text in ["b", "c"] {
            ledger.say(chat(text)).expect("little has been said");
        }
        ledger.handle_ack(1);
        let again: Vec<_> = ledger.handle_resumed(2, grant()).map(str::to_owned).collect();
        assert_eq!(again, [r#"{"seq":3,"type":"chat","text":"c"}"#]);
        assert!(ledger.say(chat("d")).expect("little has been said").contains(r#""seq":4"#));
    }

    #[test]
    fn a_new_session_hears_the_chat_again_but_no_signal() {
        let mut ledger = Ledger::default();
        ledger.say(ClientMessage::Rename(crate::protocol::Rename { name: "x".into() })).expect("little has been said");
        ledger.say(chat("kept")).expect("little has been said");
        assert_eq!(ledger.hear(Some(1)), Ok(true));
        let again: Vec<_> = ledger.handle_welcome(&welcome(7)).map(str::to_owned).collect();
        assert_eq!(again, [r#"{"seq":8,"type":"chat","text":"kept"}"#]);
        assert_eq!(ledger.hear(Some(1)), Ok(true));
    }

    #[test]
    fn frames_are_heard_once_and_in_order() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.hear(Some(1)), Ok(true));
        assert_eq!(ledger.hear(Some(1)), Ok(false));
        assert_eq!(ledger.hear(None), Ok(true));
        assert_eq!(ledger.hear(Some(3)), Err(OutOfStep));
        assert_eq!(ledger.hear(Some(2)), Ok(true));
    }

    #[test]
    fn acknowledgement_comes_in_time() {
        let mut ledger = Ledger::default();
        let due: Vec<_> = (1..=40).filter_map(|seq| ledger.hear(Some(seq)).ok().and_then(|_| ledger.ack_due())).collect();
        assert_eq!(due, [16, 32]);
        assert_eq!(ledger.ack_now(), Some(40));
        assert_eq!(ledger.ack_now(), None);
    }

    #[test]
    fn a_resume_names_the_last_frame_heard_and_counts_the_attempts() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.resume(), None);
        let _ = ledger.handle_welcome(&welcome(0)).count();
        ledger.hear(Some(1)).expect("the first");
        let mut at = || ledger.resume().and_then(|resume| resume.at);
        assert_eq!(at(), Some(ResumeAt { epoch: 1, seq: 1, attempt: 1 }));
        assert_eq!(at(), Some(ResumeAt { epoch: 1, seq: 1, attempt: 2 }));
    }

    #[test]
    fn what_is_not_acknowledged_is_bounded() {
        let mut ledger = Ledger::default();
        for _ in 0..OUTBOX_FRAMES_MAX {
            ledger.say(chat("x")).expect("below the bound");
        }
        assert_eq!(ledger.say(chat("x")), Err(OutOfStep));
    }
}
