//! Owns one participant's transport: ICE, DTLS, the keys of SRTP, and data channels, as a value that its owner drives.
//!
//! After each call that takes `now`, poll [`Transport::poll_transmit`] and [`Transport::poll_event`] until they have no more.
//!
//! - **ICE** (RFC 8445, lite): checks are proved and answered, never sent. A way (a [`Tuple`]) is valid when a check has come over
//!   it that knew our password; the one nominated last is selected, and everything of ours goes there. Consent is theirs to renew
//!   (RFC 7675).
//! - **DTLS** (RFC 6347, RFC 5764): we are the server. Records are read from valid ways only. AEAD_AES_128_GCM whenever offered.
//! - **SRTP**: the packets do not come here; their owner borrows [`Transport::receiver_mut`] and [`Transport::sender_mut`].
//! - **SCTP** (RFC 8831): made when its first packet comes, and only when the offer has it.
//!
//! **Invariant:** nothing leaves for a way that is not valid, but the answers to checks.

mod channels;
mod client_hello;
mod dtls;
mod gate;
mod guard;
mod paths;
mod record;
mod stun;
mod terms;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use self::dtls::{Dtls, DtlsEvent};
use self::paths::Paths;
use self::stun::Check;
use super::identity::Identity;
use super::tuple::Tuple;
use crate::limits::{CLIENT_HELLO_BYTES_MAX, HANDSHAKE_TIMEOUT};
use crate::srtp::{Receiver, Sender};

pub use self::channels::{ChannelEvent, Channels};
pub(super) use self::dtls::DtlsConfigs;
pub use self::stun::answer_binding;
pub use self::terms::{Credentials, DataError, Failure, OtherIdentity, Refusal, Remote, TransportEvent};

/// One participant's transport.
pub struct Transport {
    identity: Arc<Identity>,
    local: Credentials,
    remote: Remote,
    /// Until a check with the new ones comes after a restart: our credentials before, and the other end's ufrag.
    former: Option<(Credentials, String)>,
    paths: Paths,
    dtls: Dtls,
    keys: Option<Box<(Sender, Receiver)>>,
    channels: Option<Box<Channels>>,
    /// DTLS that came before the check that proves its way.
    early: Vec<(Tuple, Bytes)>,
    transmits: VecDeque<(Tuple, Bytes)>,
    events: VecDeque<TransportEvent>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Fails then, if it is not connected and consented to.
    Waiting(Instant),
    Connected,
    /// Consent has lapsed; a restart helps.
    Lapsed,
    /// Nothing helps.
    Closed,
}

impl Transport {
    /// A transport that waits for its first check.
    pub fn new(identity: Arc<Identity>, local: Credentials, remote: Remote, now: Instant) -> Self {
        Self {
            identity,
            local,
            remote,
            former: None,
            paths: Paths::default(),
            dtls: Dtls::new(),
            keys: None,
            channels: None,
            early: Vec::new(),
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            state: State::Waiting(now + HANDSHAKE_TIMEOUT),
        }
    }

    /// An ICE restart: other credentials for the same association. Media goes on over the old ways until a check with the new
    /// credentials comes, whose way is selected at once.
    ///
    /// # Errors
    ///
    /// [`OtherIdentity`]; nothing has changed then.
    pub fn restart(&mut self, local: Credentials, remote: Remote, now: Instant) -> Result<(), OtherIdentity> {
        if remote.fingerprints != self.remote.fingerprints {
            return Err(OtherIdentity);
        }
        // Of several restarts in a row only the ways before the first have carried anything.
        let former = (std::mem::replace(&mut self.local, local), std::mem::replace(&mut self.remote, remote).ufrag);
        self.former.get_or_insert(former);
        if self.state == State::Lapsed {
            self.state = State::Waiting(now + HANDSHAKE_TIMEOUT);
        }
        Ok(())
    }

    /// The offer has data channels now, at this port: a later offer may add them.
    pub fn accept_data(&mut self, sctp_port: u16) {
        self.remote.sctp_port = Some(sctp_port);
    }

    /// Our credentials.
    pub fn credentials(&self) -> &Credentials {
        &self.local
    }

    /// Takes a STUN message: a check is proved and answered.
    ///
    /// # Errors
    ///
    /// A [`Refusal`]: it was dropped, and has changed nothing. After [`Refusal::RoleConflict`] there is an answer to poll.
    pub fn handle_stun(&mut self, now: Instant, datagram: &[u8], tuple: Tuple) -> Result<(), Refusal> {
        // Consent that has lapsed comes back by a restart only (RFC 7675 section 5.1): the client must notice.
        if matches!(self.state, State::Closed | State::Lapsed) {
            return Err(Refusal::Closed);
        }
        let crypto = self.identity.dtls().provider().crypto();
        let (check, credentials) = match Check::prove(datagram, &self.local, &self.remote.ufrag, crypto) {
            Ok(check) => (check, &self.local),
            Err(refusal) => {
                let (local, remote_ufrag) = self.former.as_ref().ok_or(refusal)?;
                (Check::prove(datagram, local, remote_ufrag, crypto)?, local)
            }
        };
        let is_former = credentials != &self.local;
        if let Some(answer) = check.answer(tuple.remote, credentials, crypto) {
            self.transmits.push_back((tuple, answer.into()));
        }
        if check.is_role_conflict {
            return Err(Refusal::RoleConflict);
        }
        let takes_over = if is_former { check.is_nomination } else { self.former.take().is_some() || check.is_nomination };
        self.prove(now, tuple, takes_over);
        Ok(())
    }

    fn prove(&mut self, now: Instant, tuple: Tuple, takes_over: bool) {
        let before = self.paths.selected();
        if let Some(gone) = self.paths.prove(now, tuple, takes_over) {
            self.events.push_back(TransportEvent::Dropped(gone));
        }
        self.note_selected(before);
        if matches!(self.state, State::Waiting(_)) && self.dtls.is_connected() {
            self.state = State::Connected;
        }
        let (known, unknown) = std::mem::take(&mut self.early).into_iter().partition(|(early, _)| *early == tuple);
        self.early = unknown;
        for (_, datagram) in known {
            // A refused one the client will send again.
            let _ = self.handle_dtls(now, &datagram, tuple);
        }
        self.flush(now);
    }

    /// Takes a datagram of DTLS records. The beginning of a handshake from a way that is not valid yet is kept for it.
    ///
    /// # Errors
    ///
    /// A [`Refusal`]: it was dropped.
    pub fn handle_dtls(&mut self, now: Instant, datagram: &[u8], tuple: Tuple) -> Result<(), Refusal> {
        if matches!(self.state, State::Closed | State::Lapsed) {
            return Err(Refusal::Closed);
        }
        if !self.paths.is_valid(tuple) {
            return self.keep_early(datagram, tuple);
        }
        let handled = self.dtls.handle(now, datagram, self.identity.dtls(), &self.remote.fingerprints);
        let refused = match handled {
            Ok(events) => {
                events.into_iter().for_each(|event| self.handle_dtls_event(now, event));
                Ok(())
            }
            Err(refusal) => Err(refusal),
        };
        // An alert may answer what was refused.
        self.flush(now);
        refused
    }

    fn keep_early(&mut self, datagram: &[u8], tuple: Tuple) -> Result<(), Refusal> {
        if self.dtls.is_connected() || !client_hello::is_piece(datagram) {
            return Err(Refusal::UnknownTuple);
        }
        let kept: usize = self.early.iter().map(|(_, early)| early.len()).sum();
        if kept + datagram.len() > CLIENT_HELLO_BYTES_MAX {
            return Err(Refusal::TooMuch);
        }
        self.early.push((tuple, Bytes::copy_from_slice(datagram)));
        Ok(())
    }

    fn handle_dtls_event(&mut self, now: Instant, event: DtlsEvent) {
        match event {
            DtlsEvent::Connected(keys) => {
                self.events.push_back(TransportEvent::Connected { profile: keys.0.profile() });
                self.keys = Some(keys);
                self.early = Vec::new();
                self.state = State::Connected;
            }
            DtlsEvent::Data(packet) => {
                if self.remote.sctp_port.is_some() {
                    let channels = self.channels.get_or_insert_with(|| Box::new(Channels::new()));
                    let events = channels.handle(now, packet);
                    self.handle_channel_events(events);
                }
            }
            DtlsEvent::Closed => self.end(now, TransportEvent::Closed),
            DtlsEvent::Failed(failure) => self.end(now, TransportEvent::Failed(failure)),
        }
    }

    fn handle_channel_events(&mut self, events: Vec<ChannelEvent>) {
        self.events.extend(events.into_iter().map(|event| match event {
            ChannelEvent::Open(open) => TransportEvent::DataOpen(open),
            ChannelEvent::Data { binary, payload } => TransportEvent::Data { binary, payload },
        }));
    }

    /// Says why, and that nothing works any more.
    fn end(&mut self, now: Instant, event: TransportEvent) {
        // What DTLS still has to say goes out while there is a way.
        self.flush(now);
        if self.state != State::Closed {
            self.events.push_back(event);
        }
        self.state = State::Closed;
        (self.keys, self.channels, self.former, self.early) = (None, None, None, Vec::new());
    }

    /// A TCP connection is gone, and with it the way.
    pub fn handle_closed(&mut self, tuple: Tuple) {
        if self.paths.is_valid(tuple) {
            let before = self.paths.selected();
            self.paths.remove(tuple);
            self.events.push_back(TransportEvent::Dropped(tuple));
            self.note_selected(before);
        }
        self.note_lapse();
    }

    /// Whether a check has proved this way, and its consent holds.
    pub fn is_valid(&self, tuple: Tuple) -> bool {
        self.paths.is_valid(tuple)
    }

    /// Whether it has been lost: nothing goes through, unless a restart brings it back.
    pub fn has_failed(&self) -> bool {
        matches!(self.state, State::Lapsed | State::Closed)
    }

    /// Where everything goes, once a check has come.
    pub fn selected(&self) -> Option<Tuple> {
        self.paths.selected()
    }

    /// What opens packets, from the end of the handshake to the end of the transport.
    pub fn receiver_mut(&mut self) -> Option<&mut Receiver> {
        self.keys.as_mut().map(|keys| &mut keys.1)
    }

    /// What protects packets, from the end of the handshake to the end of the transport.
    pub fn sender_mut(&mut self) -> Option<&mut Sender> {
        self.keys.as_mut().map(|keys| &mut keys.0)
    }

    /// Sends a message on a data channel: the one that may lose messages, or the reliable one.
    ///
    /// # Errors
    ///
    /// A [`DataError`]: nothing of it was sent.
    pub fn send_data(&mut self, now: Instant, unreliable: bool, binary: bool, message: &[u8]) -> Result<(), DataError> {
        self.channels.as_mut().ok_or(DataError::NotOpen)?.send(now, unreliable, binary, message)?;
        self.flush(now);
        Ok(())
    }

    /// The next datagram to send, and the way it goes.
    pub fn poll_transmit(&mut self) -> Option<(Tuple, Bytes)> {
        let next = self.transmits.pop_front();
        if next.is_none() {
            // Idle transports are many.
            self.transmits.shrink_to_fit();
        }
        next
    }

    /// What happened.
    pub fn poll_event(&mut self) -> Option<TransportEvent> {
        let next = self.events.pop_front();
        if next.is_none() {
            self.events.shrink_to_fit();
        }
        next
    }

    /// When [`Self::handle_timeout`] is to be called, at the latest.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let deadline = match self.state {
            State::Waiting(until) => Some(until),
            State::Connected => None,
            State::Lapsed | State::Closed => return None,
        };
        let channels = self.channels.as_ref().and_then(|channels| channels.poll_timeout());
        [deadline, self.paths.lapses(), self.dtls.poll_timeout(), channels].into_iter().flatten().min()
    }

    /// Time has come to `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        if matches!(self.state, State::Lapsed | State::Closed) {
            return;
        }
        let before = self.paths.selected();
        while let Some(lapsed) = self.paths.pop_lapsed(now) {
            self.events.push_back(TransportEvent::Dropped(lapsed));
        }
        self.note_selected(before);
        if let State::Waiting(until) = self.state
            && now >= until
        {
            return match self.dtls.is_connected() {
                true => self.lapse(),
                false => self.end(now, TransportEvent::Failed(Failure::Timeout)),
            };
        }
        self.note_lapse();
        self.dtls.handle_timeout(now);
        if let Some(channels) = &mut self.channels {
            let events = channels.handle_timeout(now);
            self.handle_channel_events(events);
        }
        self.flush(now);
    }

    /// Closes the association, and tells the other end.
    pub fn close(&mut self, now: Instant) {
        if self.state != State::Closed {
            self.dtls.close(now);
            self.flush(now);
            self.state = State::Closed;
            (self.keys, self.channels, self.former, self.early) = (None, None, None, Vec::new());
        }
    }

    fn note_selected(&mut self, before: Option<Tuple>) {
        if let Some(selected) = self.paths.selected().filter(|selected| Some(*selected) != before) {
            self.events.push_back(TransportEvent::Selected(selected));
        }
    }

    fn note_lapse(&mut self) {
        if self.state == State::Connected && self.paths.is_empty() {
            self.lapse();
        }
    }

    fn lapse(&mut self) {
        self.state = State::Lapsed;
        self.events.push_back(TransportEvent::Failed(Failure::Consent));
    }

    /// What DTLS and SCTP have to send goes the selected way. Without one they will send it again.
    fn flush(&mut self, now: Instant) {
        if let Some(channels) = &mut self.channels {
            channels.poll_transmit(now, |packet| self.dtls.send(now, packet));
        }
        while let Some(datagram) = self.dtls.poll_transmit() {
            if let Some(tuple) = self.paths.selected() {
                self.transmits.push_back((tuple, datagram));
            }
        }
    }
}
