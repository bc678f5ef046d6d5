//! Owns the link to one other member: one task that makes, answers and renews its peer connection.

use std::cmp::Ordering;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tracing::{Instrument, debug, debug_span, info, warn};
use webrtc::error::Result;
use webrtc::peer_connection::{
    PeerConnection, RTCIceCandidate, RTCIceCandidateInit, RTCIceCandidateType, RTCPeerConnectionState, RTCSessionDescription,
    RTCStatsReport, RTCStatsReportEntry, StatsSelector,
};
use webrtc::rtp_transceiver::RTCRtpTransceiverDirection;

use super::engine::{self, Event, Ice};
use super::negotiation::{Negotiation, OnOffer};
use super::publish::{Media, Publisher};
use super::receive::{Facts, count};
use super::report::{LinkState, Path};
use super::session::Voice;
use crate::id::ParticipantId;
use crate::protocol::{Candidate, ClientMessage, Description, IceServers, SdpType, Signal, SignalTo};

/// Signals that wait for one link. At the bound the member is taken as hostile, and its signals are dropped.
const INPUTS_MAX: usize = 1024;

/// How often the way of the media is looked at.
const PATH_INTERVAL: Duration = Duration::from_millis(500);

/// The first and the longest pause before a link that failed is started anew.
const RETRY_PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// How much longer the polite end waits, so that both ends do not start anew at the same time.
const RETRY_COURTESY: Duration = Duration::from_secs(5);

/// Remote tracks that are counted at the same time; see `protocol.md` for the four there should be.
const TRACKS_MAX: usize = 16;

/// What a link needs to know.
#[derive(Debug, Clone)]
pub struct Terms {
    /// This end.
    pub own: ParticipantId,
    /// The other end.
    pub other: ParticipantId,
    /// ICE servers and policy of the room.
    pub ice: Ice,
    /// What this end publishes.
    pub media: Media,
}

/// The link to one other member. Dropping it ends the peer connection without a word.
#[derive(Debug)]
pub struct Link {
    inputs: mpsc::Sender<Input>,
    facts: Arc<Mutex<Facts>>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
enum Input {
    Signal { revision: u32, signal: Signal },
    IceServers(IceServers),
}

impl Link {
    /// Calls the other member: this end is the newcomer.
    pub fn call(terms: Terms, voice: Voice, facts: Arc<Mutex<Facts>>) -> Self {
        Self::start(terms, voice, facts, Some(0))
    }

    /// Waits for the other member's call: that one is the newcomer.
    pub fn await_call(terms: Terms, voice: Voice, facts: Arc<Mutex<Facts>>) -> Self {
        Self::start(terms, voice, facts, None)
    }

    fn start(terms: Terms, voice: Voice, facts: Arc<Mutex<Facts>>, calls: Option<u32>) -> Self {
        let (inputs, inbox) = mpsc::channel(INPUTS_MAX);
        let span = debug_span!("link", other = %terms.other);
        let actor = Actor { terms, voice, facts: Arc::clone(&facts), revision: 0, connection: None, retry: Retry::default() };
        let task = tokio::spawn(actor.run(inbox, calls).instrument(span));
        Self { inputs, facts, task }
    }

    /// The other end says something about this link.
    pub fn handle_signal(&self, revision: u32, signal: Signal) {
        self.input(Input::Signal { revision, signal });
    }

    /// The credentials of the ICE servers are renewed.
    pub fn handle_ice_servers(&self, ice: IceServers) {
        self.input(Input::IceServers(ice));
    }

    fn input(&self, input: Input) {
        if self.inputs.try_send(input).is_err() {
            debug!("a link is too busy for more");
        }
    }

    /// Ends the peer connection, and waits for that.
    pub async fn close(mut self) {
        let (closed, _) = mpsc::channel(1);
        self.inputs = closed;
        // A task that panicked has ended just as well.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
        self.facts.lock().state = LinkState::Closed;
    }
}

/// The task behind a [`Link`].
struct Actor {
    terms: Terms,
    voice: Voice,
    facts: Arc<Mutex<Facts>>,
    revision: u32,
    connection: Option<Connection>,
    retry: Retry,
}

/// One peer connection of the link.
struct Connection {
    peer: Arc<dyn PeerConnection>,
    events: mpsc::Receiver<Event>,
    negotiation: Negotiation,
    publisher: Publisher,
    receivers: JoinSet<()>,
    /// The user name fragment of the local description, which candidates have to name.
    ufrag: Option<String>,
}

/// When a link that failed is started anew.
#[derive(Debug, Default)]
pub struct Retry {
    /// Then.
    pub at: Option<Instant>,
    failures: u32,
}

impl Actor {
    /// Calls with a revision, or waits for a call; then does whatever comes up until the inbox is closed.
    async fn run(mut self, mut inbox: mpsc::Receiver<Input>, calls: Option<u32>) {
        if let Some(revision) = calls {
            let called = self.start_anew(revision).await;
            self.note(called);
        }
        let mut paths = interval(PATH_INTERVAL);
        paths.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_connected = self.facts.lock().state == LinkState::Connected;
            let handled = tokio::select! {
                input = inbox.recv() => match input {
                    Some(input) => self.handle_input(input).await,
                    None => break,
                },
                event = next_event(&mut self.connection) => self.handle_event(event).await,
                () = sleep_until_some(self.retry.at) => {
                    self.retry.at = None;
                    self.start_anew(self.revision.saturating_add(1)).await
                }
                _ = paths.tick(), if is_connected => {
                    self.look_at_path().await;
                    Ok(())
                }
            };
            self.note(handled);
        }
        self.hang_up().await;
    }

    fn note(&self, handled: Result<()>) {
        if let Err(error) = handled {
            warn!(%error, "link trouble");
            self.facts.lock().note(error.to_string());
        }
    }

    async fn handle_input(&mut self, input: Input) -> Result<()> {
        match input {
            Input::Signal { revision, signal } => self.handle_signal(revision, signal).await,
            Input::IceServers(servers) => {
                self.terms.ice.renew(&servers);
                match &self.connection {
                    Some(connection) => connection.peer.set_configuration(self.terms.ice.configuration()).await,
                    None => Ok(()),
                }
            }
        }
    }

    async fn handle_signal(&mut self, revision: u32, signal: Signal) -> Result<()> {
        match revision.cmp(&self.revision) {
            Ordering::Less => Ok(()),
            Ordering::Equal => self.handle_current(signal).await,
            Ordering::Greater if is_offer(&signal) => {
                info!(revision, "the other end starts anew");
                self.hang_up().await;
                self.revision = revision;
                self.handle_current(signal).await
            }
            // Only an offer begins a revision; what belongs to it follows it.
            Ordering::Greater => Ok(()),
        }
    }

    async fn handle_current(&mut self, signal: Signal) -> Result<()> {
        match signal {
            Signal::Description { description } => match description.sdp_type {
                SdpType::Offer => self.handle_offer(description.sdp).await,
                SdpType::Answer => self.handle_answer(description.sdp).await,
                // Neither is sent by an end that keeps to perfect negotiation.
                SdpType::Pranswer | SdpType::Rollback => Ok(()),
            },
            Signal::Candidate { candidate } => match &mut self.connection {
                Some(connection) => connection.handle_candidate(candidate).await,
                None => Ok(()),
            },
            // The library takes a silent gatherer as one that has ended.
            Signal::EndOfCandidates { .. } => Ok(()),
        }
    }

    async fn handle_offer(&mut self, sdp: String) -> Result<()> {
        self.retry.at = None;
        if self.connection.is_none() {
            let (peer, events) = engine::open(&self.terms.ice).await?;
            let publisher = Publisher::attach(&*peer, &self.terms.media).await?;
            self.connect(peer, events, publisher);
        }
        let Some(connection) = &mut self.connection else { return Ok(()) };
        match connection.negotiation.handle_offer() {
            OnOffer::Ignore => {
                debug!("offer ignored for the own one");
                return Ok(());
            }
            OnOffer::RollBackAndAccept => {
                connection.peer.set_local_description(RTCSessionDescription::rollback(None)?).await?;
            }
            OnOffer::Accept => {}
        }
        let answer = connection.answer(sdp).await?;
        self.say_description(SdpType::Answer, answer).await;
        self.offer_what_is_missing().await
    }

    async fn handle_answer(&mut self, sdp: String) -> Result<()> {
        let Some(connection) = &mut self.connection else { return Ok(()) };
        if !connection.negotiation.handle_answer(&sdp) {
            debug!("answer without an offer");
            return Ok(());
        }
        connection.apply(RTCSessionDescription::answer(sdp)?).await?;
        self.offer_what_is_missing().await
    }

    /// Offers once more when the other end's offer had no section for one of our tracks.
    async fn offer_what_is_missing(&mut self) -> Result<()> {
        match &self.connection {
            Some(connection) if !connection.negotiation.is_offering() && connection.publisher.is_unmatched().await => {
                self.offer().await
            }
            _ => Ok(()),
        }
    }

    /// Ends the peer connection, if there is one, and offers a new one.
    async fn start_anew(&mut self, revision: u32) -> Result<()> {
        self.hang_up().await;
        self.revision = revision;
        let (peer, events) = engine::open(&self.terms.ice).await?;
        let publisher = Publisher::attach_for_offer(&*peer, &self.terms.media).await?;
        self.connect(peer, events, publisher);
        self.offer().await
    }

    fn connect(&mut self, peer: Arc<dyn PeerConnection>, events: mpsc::Receiver<Event>, publisher: Publisher) {
        let negotiation = Negotiation::new(self.terms.own < self.terms.other);
        let receivers = JoinSet::new();
        self.connection = Some(Connection { peer, events, negotiation, publisher, receivers, ufrag: None });
        let mut facts = self.facts.lock();
        facts.state = LinkState::New;
        facts.revision = self.revision;
    }

    async fn offer(&mut self) -> Result<()> {
        let Some(connection) = &mut self.connection else { return Ok(()) };
        let offer = connection.peer.create_offer(None).await?;
        let sdp = offer.sdp.clone();
        connection.set_local(offer).await?;
        connection.negotiation.handle_own_offer();
        self.say_description(SdpType::Offer, sdp).await;
        Ok(())
    }

    async fn say_description(&self, sdp_type: SdpType, sdp: String) {
        self.say(Signal::Description { description: Description { sdp_type, sdp } }).await;
    }

    async fn say(&self, signal: Signal) {
        let message = SignalTo { to: self.terms.other, revision: self.revision, signal };
        if self.voice.say(ClientMessage::Signal(message)).await.is_err() {
            debug!("nobody to tell: the session has ended");
        }
    }

    async fn handle_event(&mut self, event: Event) -> Result<()> {
        let Some(connection) = &mut self.connection else { return Ok(()) };
        match event {
            Event::Candidate(candidate) => {
                let candidate = connection.signal_candidate(&candidate)?;
                self.say(Signal::Candidate { candidate }).await;
            }
            Event::EndOfCandidates => {
                let username_fragment = connection.ufrag.clone();
                self.say(Signal::EndOfCandidates { username_fragment }).await;
            }
            Event::Track(track) => {
                // A track that is opened again, after a renegotiation, has its counter already.
                if connection.receivers.len() < TRACKS_MAX {
                    let peer = Arc::clone(&connection.peer);
                    connection.receivers.spawn(count(peer, track, Arc::clone(&self.facts)));
                }
            }
            Event::State(state) => self.handle_state(state).await,
        }
        Ok(())
    }

    async fn handle_state(&mut self, state: RTCPeerConnectionState) {
        info!(%state, revision = self.revision, "link");
        self.facts.lock().state = link_state(state);
        match state {
            RTCPeerConnectionState::Connected => {
                self.facts.lock().connected.get_or_insert_with(std::time::Instant::now);
                self.retry = Retry::default();
                if let Some(connection) = &mut self.connection {
                    connection.publisher.start();
                }
                self.look_at_path().await;
            }
            RTCPeerConnectionState::Failed => {
                let is_polite = self.terms.own < self.terms.other;
                self.retry.fail(if is_polite { RETRY_COURTESY } else { Duration::ZERO });
            }
            _ => {}
        }
    }

    async fn look_at_path(&self) {
        if let Some(connection) = &self.connection {
            let stats = connection.peer.get_stats(std::time::Instant::now(), StatsSelector::None).await;
            if let Some(path) = path(&stats) {
                self.facts.lock().path = Some(path);
            }
        }
    }

    async fn hang_up(&mut self) {
        if let Some(mut connection) = self.connection.take() {
            connection.receivers.abort_all();
            if let Err(error) = connection.peer.close().await {
                debug!(%error, "peer connection not closed");
            }
        }
    }
}

impl Retry {
    /// It has failed once more: waits for longer each time, and for `courtesy` on top.
    pub fn fail(&mut self, courtesy: Duration) {
        let pause = RETRY_PAUSES.0.saturating_mul(1 << self.failures.min(8)).min(RETRY_PAUSES.1);
        self.at = Some(Instant::now() + pause + courtesy);
        self.failures = self.failures.saturating_add(1);
    }
}

impl Connection {
    /// Applies an offer and gives the answer.
    async fn answer(&mut self, sdp: String) -> Result<String> {
        self.apply(RTCSessionDescription::offer(sdp)?).await?;
        self.send_nothing_untracked().await?;
        let answer = self.peer.create_answer(None).await?;
        let sdp = self.negotiation.answer_to_send(&answer.sdp);
        self.set_local(answer).await?;
        Ok(sdp)
    }

    async fn apply(&mut self, description: RTCSessionDescription) -> Result<()> {
        let sdp = description.sdp.clone();
        self.peer.set_remote_description(description).await?;
        for candidate in self.negotiation.handle_applied(&sdp) {
            self.add_candidate(candidate).await?;
        }
        Ok(())
    }

    async fn set_local(&mut self, description: RTCSessionDescription) -> Result<()> {
        let ufrag = description.sdp.lines().find_map(|line| line.trim_end().strip_prefix("a=ice-ufrag:"));
        self.ufrag = ufrag.map(str::to_owned);
        self.peer.set_local_description(description).await
    }

    /// The library answers a section that only receives with one that sends, though nothing will come: a browser shows an
    /// empty track then, and another end of this library refuses the answer.
    async fn send_nothing_untracked(&self) -> Result<()> {
        for transceiver in self.peer.get_transceivers().await {
            let sends = transceiver.direction().await? == RTCRtpTransceiverDirection::Sendonly;
            if sends && transceiver.sender().await?.is_none() {
                transceiver.set_direction(RTCRtpTransceiverDirection::Inactive).await?;
            }
        }
        Ok(())
    }

    async fn handle_candidate(&mut self, candidate: Candidate) -> Result<()> {
        match self.negotiation.handle_candidate(candidate) {
            Some(candidate) => self.add_candidate(candidate).await,
            None => Ok(()),
        }
    }

    async fn add_candidate(&self, candidate: Candidate) -> Result<()> {
        let init = RTCIceCandidateInit {
            candidate: candidate.candidate,
            sdp_mid: candidate.sdp_mid,
            sdp_mline_index: candidate.sdp_m_line_index,
            username_fragment: candidate.username_fragment,
            url: None,
        };
        // One candidate of a kind that the library does not know must not end the link.
        if let Err(error) = self.peer.add_ice_candidate(init).await {
            debug!(%error, "candidate left out");
        }
        Ok(())
    }

    fn signal_candidate(&self, candidate: &RTCIceCandidate) -> Result<Candidate> {
        let init = candidate.to_json()?;
        // The library's `sdpMid` is empty, which no section has: the index of the first, bundled section is right.
        let (sdp_mid, sdp_m_line_index) = (None, Some(0));
        Ok(Candidate { candidate: init.candidate, sdp_mid, sdp_m_line_index, username_fragment: self.ufrag.clone() })
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

async fn sleep_until_some(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}

fn is_offer(signal: &Signal) -> bool {
    matches!(signal, Signal::Description { description } if description.sdp_type == SdpType::Offer)
}

/// The state in the words of the report.
pub fn link_state(state: RTCPeerConnectionState) -> LinkState {
    match state {
        RTCPeerConnectionState::Connecting => LinkState::Connecting,
        RTCPeerConnectionState::Connected => LinkState::Connected,
        RTCPeerConnectionState::Disconnected => LinkState::Disconnected,
        RTCPeerConnectionState::Failed => LinkState::Failed,
        RTCPeerConnectionState::Closed => LinkState::Closed,
        _ => LinkState::New,
    }
}

/// Relayed when either candidate of the selected pair is a relay's. The library lists candidates under names that a pair
/// does not use as they are, and peer-reflexive ones, which are no relay's, not at all.
fn path(stats: &RTCStatsReport) -> Option<Path> {
    let selected = &stats.transport()?.selected_candidate_pair_id;
    let RTCStatsReportEntry::IceCandidatePair(pair) = stats.get(selected)? else { return None };
    let is_relay = |id: String| match stats.get(&id) {
        Some(RTCStatsReportEntry::LocalCandidate(candidate) | RTCStatsReportEntry::RemoteCandidate(candidate)) => {
            candidate.candidate_type == RTCIceCandidateType::Relay
        }
        _ => false,
    };
    let relayed = is_relay(format!("RTCLocalIceCandidate_{}", pair.local_candidate_id))
        || is_relay(format!("RTCRemoteIceCandidate_{}", pair.remote_candidate_id));
    Some(if relayed { Path::Relayed } else { Path::Direct })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::source::{pattern, tone};
    use crate::protocol::Policy;

    /// Longer than anything here takes; only a failure waits for it.
    const PATIENCE: Duration = Duration::from_secs(30);

    /// One end, and what it says.
    struct End {
        link: Link,
        facts: Arc<Mutex<Facts>>,
        said: mpsc::Receiver<ClientMessage>,
    }

    impl End {
        fn start(own: u64, other: u64, calls: Option<u32>) -> Self {
            let id = |number| ParticipantId::new(number).expect("not zero");
            let ice = Ice::new(&IceServers { ice_servers: vec![], expires_in_ms: None }, Policy::Auto);
            let media = Media { audio: tone(440).ok(), video: Some(pattern()) };
            let (voice, said) = mpsc::channel(1024);
            let facts = Arc::new(Mutex::new(Facts::new()));
            let terms = Terms { own: id(own), other: id(other), ice, media };
            Self { link: Link::start(terms, Voice::to(voice), Arc::clone(&facts), calls), facts, said }
        }

        fn sees(&self, revision: u32, frames: u64) -> bool {
            let facts = self.facts.lock();
            let tracks = facts.tracks();
            let seen = tracks.iter().filter(|track| track.frames >= frames && track.first_frame_delay_ms.is_some());
            facts.revision == revision && facts.state == LinkState::Connected && seen.count() == 2
        }
    }

    fn pass(message: ClientMessage, to: &End) {
        if let ClientMessage::Signal(SignalTo { revision, signal, .. }) = message {
            to.link.handle_signal(revision, signal);
        }
    }

    /// Carries signals both ways until both ends see so many frames of both kinds at this revision.
    async fn carry(a: &mut End, b: &mut End, revision: u32, frames: u64) {
        let mut looks = interval(Duration::from_millis(20));
        let carrying = async {
            while !(a.sees(revision, frames) && b.sees(revision, frames)) {
                tokio::select! {
                    Some(message) = a.said.recv() => pass(message, b),
                    Some(message) = b.said.recv() => pass(message, a),
                    _ = looks.tick() => {}
                }
            }
        };
        if tokio::time::timeout(PATIENCE, carrying).await.is_err() {
            panic!("never seen: {:?} {:?}", a.facts.lock(), b.facts.lock());
        }
        for end in [a, b] {
            assert_eq!(end.facts.lock().errors().collect::<Vec<_>>(), [""; 0]);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn when_both_call_at_the_same_time_the_polite_one_gives_way() {
        let mut polite = End::start(1, 2, Some(0));
        let mut impolite = End::start(2, 1, Some(0));
        carry(&mut polite, &mut impolite, 0, 5).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_end_that_starts_anew_is_followed() {
        let mut stays = End::start(2, 1, None);
        let mut first = End::start(1, 2, Some(0));
        carry(&mut stays, &mut first, 0, 5).await;
        let mut anew = End::start(1, 2, Some(1));
        carry(&mut stays, &mut anew, 1, 5).await;
        // What the abandoned peer connection still says is stale.
        first.link.close().await;
        while let Some(message) = first.said.recv().await {
            pass(message, &stays);
        }
        let frames = stays.facts.lock().tracks().iter().map(|track| track.frames).max().unwrap_or(0) + 5;
        carry(&mut stays, &mut anew, 1, frames.min(40)).await;
    }
}
