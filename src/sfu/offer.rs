//! Owns the way from a browser's offer to sections, slots and an answer.

use rand::RngExt;

use super::connection::{Beginning, Connection};
use super::identity::Fingerprint;
use super::publication::Publication;
use super::slot::Slot;
use super::transport::{Credentials, Remote, Transport};
use super::ufrag::{Ufrag, ice_password};
use super::{Event, Sfu};
use crate::id::ParticipantId;
use crate::limits::{SENDS_MAX, TEXT_FRAME_BYTES_MAX, VIEW_MAX};
use crate::protocol::SendSection;
use crate::rtp::Start;
use crate::sdp::{Answering, Kind, Offer, OfferError, Outgoing, Reply, Section, answer};

/// Receive slots of sound that one peer connection may have; more are idle.
const SOUND_SLOTS_MAX: usize = 8;

impl Sfu {
    pub(super) fn handle_offer(&mut self, participant: ParticipantId, revision: u32, sdp: &str, sends: &[SendSection]) {
        let Some(&key) = self.members_by_id.get(&participant) else { return };
        let answered = Offer::parse(sdp).and_then(|offer| self.answer_offer(key, revision, &offer, sends));
        self.events.push_back(match answered {
            Ok(sdp) => Event::Answer { participant, revision, sdp },
            Err(OfferError { line, message }) => Event::Refused { participant, revision, line, message },
        });
        self.drain_transport(key);
        self.assign_room(self.members[key].room);
    }

    fn answer_offer(&mut self, key: usize, revision: u32, offer: &Offer, sends: &[SendSection]) -> Result<String, OfferError> {
        let remote = remote_of(offer)?;
        let has_same = |connection: &Connection| connection.revision == revision;
        if self.members[key].connection.as_deref().is_some_and(has_same) {
            self.renew(key, offer, remote)?;
        } else {
            self.disconnect(key);
            self.connect(key, revision, offer, remote);
        }
        self.drop_sections(key, offer, sends);
        self.take_sections(key, offer, sends);
        let replies = self.replies(key, offer);
        let connection = self.members[key].connection.as_mut().expect("made above");
        connection.session_version += 1;
        let (credentials, fingerprint) = (connection.credentials().clone(), self.identity.fingerprint().to_string());
        let replies: Vec<Reply<'_>> = replies
            .iter()
            .map(|reply| match reply {
                Decided::Plain(reply) => *reply,
                Decided::Send { ssrc, rtx, stream } => {
                    Reply::Send(Outgoing { ssrc: *ssrc, rtx: Some(*rtx), cname: &connection.cname, stream })
                }
            })
            .collect();
        Ok(answer(
            offer,
            &Answering {
                session_id: connection.session_id,
                session_version: connection.session_version,
                ufrag: &credentials.ufrag,
                pwd: &credentials.pwd,
                fingerprint: &fingerprint,
                candidates: &self.settings.candidates,
                max_message_size: TEXT_FRAME_BYTES_MAX,
                replies: &replies,
            },
        ))
    }

    fn connect(&mut self, key: usize, revision: u32, offer: &Offer, remote: Remote) {
        let ufrag = Ufrag::new(self.settings.shard, key as u32, self.random.random());
        let local = Credentials { ufrag: ufrag.to_string(), pwd: ice_password(self.random.random()) };
        let transport = Transport::new(self.identity.clone(), local, remote, self.now);
        let beginning = Beginning {
            revision,
            transport,
            ufrag,
            remote: offer.ice.clone(),
            session_id: self.random.random::<u64>() >> 2,
            ssrc: self.random.random(),
            cname: ice_password(self.random.random())[..16].to_owned(),
        };
        self.members[key].connection = Some(Box::new(Connection::new(self.now, beginning)));
    }

    /// A further offer of the same peer connection: with other ICE credentials, a restart.
    fn renew(&mut self, key: usize, offer: &Offer, remote: Remote) -> Result<(), OfferError> {
        let ufrag = Ufrag::new(self.settings.shard, key as u32, self.random.random());
        let local = Credentials { ufrag: ufrag.to_string(), pwd: ice_password(self.random.random()) };
        let now = self.now;
        let connection = self.members[key].connection.as_mut().expect("its caller has seen it");
        if let Some(port) = remote.sctp_port {
            connection.transport.accept_data(port);
        }
        if connection.remote != offer.ice {
            let restarted = connection.transport.restart(local, remote, now);
            restarted.map_err(|error| OfferError { line: None, message: format!("{error}; use another revision") })?;
            connection.rename(ufrag);
            connection.remote = offer.ice.clone();
        }
        Ok(())
    }

    /// Ends what a further offer has no more: sections that are stopped, turned, or carry something else.
    fn drop_sections(&mut self, key: usize, offer: &Offer, sends: &[SendSection]) {
        let Some(connection) = &mut self.members[key].connection else { return };
        let section_of = |mid: &str| offer.sections.iter().find(|section| section.mid == mid && !section.is_stopped);
        let mut gone = Vec::new();
        connection.publications.retain(|own| {
            let publication = &self.publications[*own];
            let is_sent = sends.iter().any(|send| send.mid == publication.mid && send.source == publication.source);
            let stays = is_sent && section_of(&publication.mid).is_some_and(|section| section.direction.sends());
            if !stays {
                gone.push(*own);
            }
            stays
        });
        connection.routes.retain(|_, route| !gone.contains(&route.publication));
        let mut emptied = Vec::new();
        for (at, slot) in connection.slots.iter_mut().enumerate() {
            slot.is_open = section_of(&slot.mid).is_some_and(|section| section.direction.receives());
            if !slot.is_open && slot.carries.is_some() {
                emptied.push(at);
            }
        }
        emptied.into_iter().for_each(|slot| self.carry(key, slot, None));
        gone.into_iter().for_each(|publication| self.unpublish(publication));
    }

    /// Makes publications and slots of the sections that are new.
    fn take_sections(&mut self, key: usize, offer: &Offer, sends: &[SendSection]) {
        let (participant, room) = (self.members[key].participant, self.members[key].room);
        for section in offer.sections.iter().filter(|section| !section.is_stopped && section.kind != Kind::Data) {
            let starts = Start { sequence: self.random.random::<u16>() >> 1, timestamp: self.random.random() };
            let (ssrc, rtx_ssrc) = (self.random.random(), self.random.random());
            let connection = self.members[key].connection.as_mut().expect("its caller has made it");
            connection.extensions = offer.extensions;
            let is_known = connection.slots.iter().any(|slot| slot.mid == section.mid)
                || connection.publications.iter().any(|own| self.publications[*own].mid == section.mid);
            if is_known {
                continue;
            }
            let sent = sends.iter().find(|send| send.mid == section.mid).filter(|_| connection.publications.len() < SENDS_MAX);
            if let Some(send) = sent.filter(|send| send.source.is_video() == (section.kind == Kind::Video)) {
                let mut publication = Publication::new(self.now, key, participant, send.source, section);
                let publication_key = self.publications.vacant_key();
                if !send.source.is_video() {
                    publication.voice = Some(self.rooms[room].speakers.join(publication_key));
                }
                let connection = self.members[key].connection.as_mut().expect("its caller has made it");
                publication.announce(publication_key, section, &mut connection.routes);
                self.publications.insert(publication);
                connection.publications.push(publication_key);
            } else if sent.is_none() && section.direction.receives() && may_have_slot(connection, section) {
                connection.slots.push(Slot::new(section, ssrc, rtx_ssrc, starts));
            }
        }
    }

    fn replies(&self, key: usize, offer: &Offer) -> Vec<Decided> {
        let connection = self.members[key].connection.as_ref().expect("its caller has made it");
        let reply = |section: &Section| {
            if section.is_stopped {
                return Decided::Plain(Reply::Reject);
            }
            if section.kind == Kind::Data {
                return Decided::Plain(Reply::Data);
            }
            if let Some(slot) = connection.slots.iter().find(|slot| slot.mid == section.mid && slot.is_open) {
                let stream = format!("slot-{}", section.mid);
                return Decided::Send { ssrc: slot.ssrc, rtx: slot.rtx_ssrc, stream };
            }
            let is_sent = connection.publications.iter().any(|own| self.publications[*own].mid == section.mid);
            Decided::Plain(if is_sent && section.direction.sends() { Reply::Receive } else { Reply::Idle })
        };
        offer.sections.iter().map(reply).collect()
    }
}

/// What becomes of a section, with what it borrows.
enum Decided {
    Plain(Reply<'static>),
    Send { ssrc: u32, rtx: u32, stream: String },
}

fn may_have_slot(connection: &Connection, section: &Section) -> bool {
    let is_video = section.kind == Kind::Video;
    let held = connection.slots.iter().filter(|slot| slot.is_video == is_video).count();
    held < if is_video { VIEW_MAX } else { SOUND_SLOTS_MAX }
}

fn remote_of(offer: &Offer) -> Result<Remote, OfferError> {
    let fingerprints: Vec<_> = offer.fingerprints.iter().filter_map(|text| Fingerprint::parse(text)).collect();
    if fingerprints.is_empty() {
        return Err(OfferError { line: None, message: "has no fingerprint of sha-256, sha-384 or sha-512".into() });
    }
    let sctp_port = offer.data().and_then(|section| section.data).map(|data| data.sctp_port);
    Ok(Remote { ufrag: offer.ice.ufrag.clone(), fingerprints, sctp_port })
}
