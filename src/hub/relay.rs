//! Owns what goes from member to member unread: signals of a link, and the bus.

use std::sync::Arc;

use super::Hub;
use super::frame::{Body, Supersedes};
use super::sfu::Delivery;
use crate::id::ParticipantId;
use crate::protocol::{Bus, BusFrame, ErrorCode, ServerMessage, SignalTo};

impl Hub {
    pub(super) fn handle_signal(&mut self, from: ParticipantId, signal: SignalTo) -> Result<(), (ErrorCode, String)> {
        self.check_in_room(from, signal.to)?;
        self.counters.signals += 1;
        let SignalTo { to, revision, signal } = signal;
        self.send(to, Body::text(ServerMessage::Signal { from, revision, signal }));
        Ok(())
    }

    pub(super) fn handle_bus(&mut self, from: ParticipantId, bus: Bus, delivery: Delivery) -> Result<(), (ErrorCode, String)> {
        let Bus { topic, to, latest, data } = bus;
        let direct = to.is_some();
        let key = latest.then(|| Supersedes::Bus { from, topic: topic.clone(), direct, binary: false });
        self.relay(from, to, Body::superseding(ServerMessage::Bus { from, topic, direct, data }, key), delivery)
    }

    pub(super) fn handle_bus_frame(
        &mut self,
        from: ParticipantId,
        frame: BusFrame,
        delivery: Delivery,
    ) -> Result<(), (ErrorCode, String)> {
        let (to, topic, direct) = (frame.peer, frame.topic.clone(), frame.direct);
        let key = frame.latest.then_some(Supersedes::Bus { from, topic, direct, binary: true });
        self.relay(from, to, Body::binary(&BusFrame { peer: Some(from), ..frame }, key), delivery)
    }

    fn relay(
        &mut self,
        from: ParticipantId,
        to: Option<ParticipantId>,
        body: Arc<Body>,
        delivery: Delivery,
    ) -> Result<(), (ErrorCode, String)> {
        match to {
            Some(to) => {
                self.check_in_room(from, to)?;
                self.deliver_bus(to, &body, delivery);
            }
            None => {
                let Some(room) = self.sessions.get(&from).map(|session| session.room.clone()) else { return Ok(()) };
                match delivery {
                    Delivery::Kept => self.broadcast(&room, Some(from), &body),
                    Delivery::Once => {
                        let members = self.rooms.get(&room).map(|room| room.members().to_vec()).unwrap_or_default();
                        for member in members.into_iter().filter(|member| *member != from) {
                            self.deliver_bus(member, &body, delivery);
                        }
                    }
                }
            }
        }
        self.counters.bus += 1;
        Ok(())
    }

    /// Whether `to` is somebody else in the room of `from`.
    ///
    /// # Errors
    /// `no_such_participant`: the same answer whether the id is unknown or in another room.
    pub(super) fn check_in_room(&self, from: ParticipantId, to: ParticipantId) -> Result<(), (ErrorCode, String)> {
        let room = self.sessions.get(&from).map(|session| &session.room);
        let other = self.sessions.get(&to).map(|session| &session.room);
        if room.is_some() && from != to && room == other {
            Ok(())
        } else {
            Err((ErrorCode::NoSuchParticipant, "Nobody else with this id is in the room.".into()))
        }
    }
}
