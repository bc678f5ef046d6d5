//! Owns the one peer connection with the SFU: one task that offers it, applies the answer, and starts it anew when it is lost.
//!
//! What the library cannot do, and what is done instead:
//! - It does not simulcast over sections that it offers with sources of its own: one stream is sent, named by `a=ssrc`.
//! - It has no retransmission format (RFC 4588): the SFU's answer has none then, and what is lost stays lost.
//! - It cannot stop a sender: a section that nobody wants is paused in the player, and its timestamps go on.
//! - Its sections do not say who stands in them, nor when that changes: see [`super::slots`].
//! - It dials no TCP candidate: without UDP there is no connection.

use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval_at, sleep_until};
use tracing::{Instrument, debug, debug_span, info, warn};
use webrtc::error::Result;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{PeerConnection, RTCPeerConnectionState, RTCSessionDescription};
use webrtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};

use super::engine::{self, Event, Ice};
use super::link::{Retry, link_state};
use super::publish::{Media, Publisher};
use super::receive::{KEYFRAME_PATIENCE, KEYFRAME_REQUEST_INTERVAL, mid_of, subtype};
use super::report::{LinkState, SfuReport};
use super::session::Voice;
use super::slots::{Assigned, Slots};
use crate::protocol::{ClientMessage, IceServers, SectionState, SfuOffer, SfuState};

/// Messages that wait for the task. At the bound the server is taken as hostile, and its messages are dropped.
const INPUTS_MAX: usize = 1024;

/// Receive slots for sound; the protocol says how many are of use.
pub const SOUND_SLOTS: usize = 3;

/// Errors that are kept. Further ones are only logged.
const ERRORS_MAX: usize = 10;

/// What the task needs to know.
#[derive(Debug, Clone)]
pub struct SfuTerms {
    /// ICE servers and policy of the room.
    pub ice: Ice,
    /// What this end publishes.
    pub media: Media,
    /// Receive slots for pictures.
    pub picture_slots: usize,
    /// Of the first peer connection; each one after it counts up.
    pub revision: u32,
}

/// What the server says about the peer connection.
#[derive(Debug)]
pub enum SfuInput {
    /// Its answer.
    Answer {
        /// Of the offer.
        revision: u32,
        /// The answer.
        sdp: String,
    },
    /// Who stands in the receive slots.
    Slots {
        /// Of the peer connection.
        revision: u32,
        /// All that carry somebody.
        assigned: Vec<Assigned>,
    },
    /// What is wanted of the sending sections.
    Sends {
        /// Of the peer connection.
        revision: u32,
        /// All of them.
        sections: Vec<SectionState>,
    },
    /// How the other end stands.
    State {
        /// Of the peer connection.
        revision: u32,
        /// What it is now.
        state: SfuState,
    },
    /// The credentials of the ICE servers are renewed.
    IceServers(IceServers),
}

/// The peer connection with the SFU. Dropping it ends the connection without a word.
#[derive(Debug)]
pub struct SfuLink {
    inputs: mpsc::Sender<SfuInput>,
    standing: Arc<Mutex<Standing>>,
    task: JoinHandle<()>,
}

/// What is known of the connection, for the report.
#[derive(Debug, Default)]
struct Standing {
    report: SfuReport,
    slots: Arc<Mutex<Slots>>,
    errors: Vec<String>,
}

impl SfuLink {
    /// Offers a peer connection to the SFU.
    pub fn start(terms: SfuTerms, voice: Voice) -> Self {
        let (inputs, inbox) = mpsc::channel(INPUTS_MAX);
        let standing = Arc::new(Mutex::new(Standing::default()));
        let revision = terms.revision;
        let actor = Actor { terms, voice, standing: Arc::clone(&standing), revision, connection: None, retry: Retry::default() };
        let task = tokio::spawn(actor.run(inbox).instrument(debug_span!("sfu")));
        Self { inputs, standing, task }
    }

    /// The server says something about the connection.
    pub fn handle_input(&self, input: SfuInput) {
        if self.inputs.try_send(input).is_err() {
            debug!("the connection with the SFU is too busy for more");
        }
    }

    /// How it stands.
    pub fn report(&self) -> SfuReport {
        let standing = self.standing.lock();
        let slots = standing.slots.lock();
        SfuReport { slots_assigned: slots.held(), assignments: slots.assignments(), ..standing.report }
    }

    /// What went wrong.
    pub fn errors(&self) -> Vec<String> {
        self.standing.lock().errors.clone()
    }

    /// Ends the peer connection, and waits for that.
    pub async fn close(mut self) {
        let (closed, _) = mpsc::channel(1);
        self.inputs = closed;
        // A task that panicked has ended just as well.
        let _ = (&mut self.task).await;
    }
}

impl Drop for SfuLink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The task behind an [`SfuLink`].
struct Actor {
    terms: SfuTerms,
    voice: Voice,
    standing: Arc<Mutex<Standing>>,
    revision: u32,
    connection: Option<Connection>,
    retry: Retry,
}

/// One peer connection.
struct Connection {
    peer: Arc<dyn PeerConnection>,
    events: mpsc::Receiver<Event>,
    publisher: Publisher,
    receivers: JoinSet<()>,
    receivers_max: usize,
    slots: Arc<Mutex<Slots>>,
}

impl Actor {
    /// Offers, then does whatever comes up until the inbox is closed.
    async fn run(mut self, mut inbox: mpsc::Receiver<SfuInput>) {
        let started = self.start().await;
        self.note(started);
        loop {
            let handled = tokio::select! {
                input = inbox.recv() => match input {
                    Some(input) => self.handle_input(input).await,
                    None => break,
                },
                event = next_event(&mut self.connection) => {
                    self.handle_event(event);
                    Ok(())
                }
                () = sleep_until_some(self.retry.at) => {
                    self.retry.at = None;
                    self.hang_up().await;
                    self.revision = self.revision.saturating_add(1);
                    self.start().await
                }
            };
            self.note(handled);
        }
        self.hang_up().await;
    }

    fn note(&self, handled: Result<()>) {
        if let Err(error) = handled {
            warn!(%error, "trouble with the SFU");
            let errors = &mut self.standing.lock().errors;
            if errors.len() < ERRORS_MAX {
                errors.push(format!("link to the SFU: {error}"));
            }
        }
    }

    /// Makes a peer connection with all sections it will ever need, and offers it.
    async fn start(&mut self) -> Result<()> {
        let (peer, events) = engine::open(&self.terms.ice).await?;
        let publisher = Publisher::attach_sending(&*peer, &self.terms.media).await?;
        for (kind, count) in [(RtpCodecKind::Audio, SOUND_SLOTS), (RtpCodecKind::Video, self.terms.picture_slots)] {
            for _ in 0..count {
                let init = RTCRtpTransceiverInit { direction: RTCRtpTransceiverDirection::Recvonly, ..Default::default() };
                peer.add_transceiver_from_kind(kind, Some(init)).await?;
            }
        }
        let offer = peer.create_offer(None).await?;
        let sdp = offer.sdp.clone();
        peer.set_local_description(offer).await?;
        let sends = publisher.sections().await;
        let slots = Arc::new(Mutex::new(Slots::default()));
        {
            let mut standing = self.standing.lock();
            standing.slots = Arc::clone(&slots);
            standing.report.state = LinkState::New;
            standing.report.revision = self.revision.saturating_sub(self.terms.revision);
            standing.report.paused_sections = 0;
        }
        let receivers_max = SOUND_SLOTS + self.terms.picture_slots;
        let receivers = JoinSet::new();
        self.connection = Some(Connection { peer, events, publisher, receivers, receivers_max, slots });
        let offer = SfuOffer { revision: self.revision, sdp, sends };
        if self.voice.say(ClientMessage::SfuOffer(offer)).await.is_err() {
            debug!("nobody to offer to: the session has ended");
        }
        Ok(())
    }

    async fn handle_input(&mut self, input: SfuInput) -> Result<()> {
        let Some(connection) = &self.connection else { return Ok(()) };
        match input {
            SfuInput::Answer { revision, sdp } if revision == self.revision => {
                self.standing.lock().report.answers += 1;
                connection.peer.set_remote_description(RTCSessionDescription::answer(sdp)?).await?;
            }
            SfuInput::Slots { revision, assigned } if revision == self.revision => {
                connection.slots.lock().assign(Instant::now(), assigned);
            }
            SfuInput::Sends { revision, sections } if revision == self.revision => {
                for section in &sections {
                    connection.publisher.pause(&section.mid, section.paused).await;
                }
                self.standing.lock().report.paused_sections = sections.iter().filter(|section| section.paused).count();
            }
            SfuInput::State { revision, state } if revision == self.revision => {
                if matches!(state, SfuState::Failed | SfuState::Closed) {
                    self.retry_later();
                }
            }
            SfuInput::IceServers(servers) => {
                self.terms.ice.renew(&servers);
                connection.peer.set_configuration(self.terms.ice.configuration()).await?;
            }
            // Of a peer connection that has ended.
            _ => {}
        }
        Ok(())
    }

    fn handle_event(&mut self, event: Event) {
        let Some(connection) = &mut self.connection else { return };
        match event {
            Event::Track(track) if connection.receivers.len() < connection.receivers_max => {
                let (peer, slots) = (Arc::clone(&connection.peer), Arc::clone(&connection.slots));
                connection.receivers.spawn(receive(peer, track, slots));
            }
            Event::State(state) => {
                info!(%state, revision = self.revision, "link to the SFU");
                self.standing.lock().report.state = link_state(state);
                match state {
                    RTCPeerConnectionState::Connected => {
                        self.retry = Retry::default();
                        connection.publisher.start();
                    }
                    RTCPeerConnectionState::Failed => self.retry_later(),
                    _ => {}
                }
            }
            // The SFU learns our addresses from our checks.
            Event::Track(_) | Event::Candidate(_) | Event::EndOfCandidates => {}
        }
    }

    fn retry_later(&mut self) {
        if self.retry.at.is_none() {
            self.retry.fail(Duration::ZERO);
        }
    }

    async fn hang_up(&mut self) {
        if let Some(mut connection) = self.connection.take() {
            connection.receivers.abort_all();
            connection.slots.lock().assign(Instant::now(), Vec::new());
            if let Err(error) = connection.peer.close().await {
                debug!(%error, "peer connection not closed");
            }
            self.standing.lock().report.state = LinkState::Closed;
        }
    }
}

/// Takes what comes in one receive slot until its track ends, and asks for a first keyframe of whoever stands there.
async fn receive(connection: Arc<dyn PeerConnection>, track: Arc<dyn TrackRemote>, slots: Arc<Mutex<Slots>>) {
    let (mut mid, mut ssrc) = (None, None);
    let is_video = track.kind().await == RtpCodecKind::Video;
    let mut requests = interval_at(tokio::time::Instant::now() + KEYFRAME_PATIENCE, KEYFRAME_REQUEST_INTERVAL);
    requests.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            event = track.poll() => match event {
                Some(TrackRemoteEvent::OnOpen(opened)) => {
                    ssrc = Some(opened.ssrc);
                    mid = mid_of(&*connection, opened.receiver_id.into()).await;
                    let codec = track.codec(opened.ssrc).await.map(|codec| subtype(&codec.mime_type));
                    if let Some(mid) = &mid {
                        slots.lock().open(mid, codec.unwrap_or_default());
                    }
                }
                Some(TrackRemoteEvent::OnRtpPacket(packet)) => {
                    if let Some(mid) = &mid {
                        slots.lock().handle_packet(Instant::now(), mid, packet);
                    }
                }
                Some(TrackRemoteEvent::OnEnded) | None => return,
                Some(_) => {}
            },
            _ = requests.tick(), if is_video => {
                let is_waiting = mid.as_ref().is_some_and(|mid| slots.lock().is_waiting(mid));
                if let (true, Some(media_ssrc)) = (is_waiting, ssrc) {
                    let request = PictureLossIndication { sender_ssrc: 0, media_ssrc };
                    if track.write_rtcp(vec![Box::new(request)]).await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

async fn next_event(connection: &mut Option<Connection>) -> Event {
    if let Some(connection) = connection
        && let Some(event) = connection.events.recv().await
    {
        return event;
    }
    pending().await
}

async fn sleep_until_some(at: Option<tokio::time::Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}
