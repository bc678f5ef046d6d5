//! Owns how a peer connection is made: codecs, feedback, ICE servers and local addresses.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rtc::ice::mdns::MulticastDnsMode;
use rtc::rtp_transceiver::rtp_sender::{RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RtpCodecKind};
use tokio::sync::mpsc;
use tracing::{debug, warn};
use webrtc::error::Result;
use webrtc::media_stream::track_remote::TrackRemote;
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCConfiguration, RTCConfigurationBuilder,
    RTCIceCandidate, RTCIceGatheringState, RTCIceServer, RTCIceTransportPolicy, RTCPeerConnectionIceEvent,
    RTCPeerConnectionState, Registry, SettingEngine, SettingEngineBuilder, configure_nack, configure_rtcp_reports,
    configure_twcc_receiver_only,
};

use super::keyframe_requests;
use super::source::Codec;
use crate::protocol::{IceServers, Policy};

/// Events of one peer connection that wait to be handled; candidates and a few state changes, so it is never full.
const EVENTS_MAX: usize = 1024;

/// What happens to a peer connection.
pub enum Event {
    /// A local candidate.
    Candidate(RTCIceCandidate),
    /// No more local candidates of this generation.
    EndOfCandidates,
    /// The connection is in another state.
    State(RTCPeerConnectionState),
    /// The first packet of a remote track has come.
    Track(Arc<dyn TrackRemote>),
}

/// Makes a peer connection; its events come out of the receiver.
///
/// # Errors
/// No local address could be bound.
pub async fn open(ice: &Ice) -> Result<(Arc<dyn PeerConnection>, mpsc::Receiver<Event>)> {
    let mut media = media_engine()?;
    let registry = interceptors(&mut media)?;
    let (sender, events) = mpsc::channel(EVENTS_MAX);
    let connection = PeerConnectionBuilder::new()
        .with_configuration(ice.configuration())
        .with_media_engine(media)
        .with_setting_engine(ice.settings())
        .with_interceptor_registry(registry)
        .with_handler(Arc::new(Forward(sender)))
        .with_udp_addrs(local_addresses())
        .build()
        .await?;
    Ok((Arc::new(connection), events))
}

/// The codec in the library's words; how a browser offers it by default.
pub fn codec_parameters(codec: Codec) -> RTCRtpCodecParameters {
    let (mime_type, channels, fmtp, payload_type) = match codec {
        Codec::Opus => ("audio/opus", 2, "minptime=10;useinbandfec=1", 111),
        Codec::Vp8 => ("video/VP8", 0, "", 96),
    };
    let feedback: &[(&str, &str)] = match codec {
        Codec::Opus => &[],
        Codec::Vp8 => &[("ccm", "fir"), ("nack", ""), ("nack", "pli")],
    };
    let feedback = feedback.iter().map(|(typ, parameter)| RTCPFeedback { typ: (*typ).into(), parameter: (*parameter).into() });
    let rtp_codec = RTCRtpCodec {
        mime_type: mime_type.into(),
        clock_rate: codec.clock_hz(),
        channels,
        sdp_fmtp_line: fmtp.into(),
        rtcp_feedback: feedback.collect(),
    };
    RTCRtpCodecParameters { rtp_codec, payload_type }
}

/// Only what this participant can publish and count: whoever sends anything else is told so by the answer.
fn media_engine() -> Result<MediaEngine> {
    let mut media = MediaEngine::default();
    media.register_codec(codec_parameters(Codec::Opus), RtpCodecKind::Audio)?;
    media.register_codec(codec_parameters(Codec::Vp8), RtpCodecKind::Video)?;
    Ok(media)
}

/// The library's defaults without simulcast: nobody sends it to a single receiver, and when an offer adds a video section
/// later, its header extensions get numbers that the browser has given to others.
fn interceptors(media: &mut MediaEngine) -> Result<Registry> {
    let registry = configure_rtcp_reports(configure_nack(Registry::new(), media));
    Ok(keyframe_requests::register(configure_twcc_receiver_only(registry, media)?))
}

/// The ICE servers and policy of a room.
#[derive(Debug, Clone)]
pub struct Ice {
    servers: Vec<RTCIceServer>,
    policy: RTCIceTransportPolicy,
}

impl Ice {
    /// Takes the servers that the library understands; the others are left out, as one bad entry would refuse them all.
    pub fn new(ice: &IceServers, policy: Policy) -> Self {
        let policy = match policy {
            Policy::Auto => RTCIceTransportPolicy::All,
            Policy::RelayOnly => RTCIceTransportPolicy::Relay,
        };
        Self { servers: servers(ice), policy }
    }

    /// Takes newer servers; the policy stays.
    pub fn renew(&mut self, ice: &IceServers) {
        self.servers = servers(ice);
    }

    /// Without multicast DNS: its socket cannot be opened on a machine that has only loopback, and no connection is made
    /// then. The `.local` candidates of browsers are passed over; their checks reach our addresses all the same, and the
    /// answers go to where those came from (RFC 8445 section 7.3.1.3).
    fn settings(&self) -> SettingEngine {
        let settings = SettingEngineBuilder::new().with_multicast_dns_mode(MulticastDnsMode::Disabled);
        if self.policy != RTCIceTransportPolicy::Relay {
            return settings.build();
        }
        // The library gives better candidates two seconds before it takes a relay's; here there are none.
        settings.with_relay_acceptance_min_wait(Some(Duration::ZERO)).build()
    }

    /// For a new or a running peer connection.
    pub fn configuration(&self) -> RTCConfiguration {
        let builder = RTCConfigurationBuilder::new().with_ice_servers(self.servers.clone());
        builder.with_ice_transport_policy(self.policy).build()
    }
}

fn servers(ice: &IceServers) -> Vec<RTCIceServer> {
    let known = |url: &String, username: &str, credential: &str| {
        let server = RTCIceServer { urls: vec![url.clone()], username: username.into(), credential: credential.into() };
        server.urls().inspect_err(|error| warn!(url, %error, "ICE server left out")).is_ok().then_some(server)
    };
    let mut servers = Vec::new();
    for server in &ice.ice_servers {
        let username = server.username.as_deref().unwrap_or_default();
        let credential = server.credential.as_deref().unwrap_or_default();
        servers.extend(server.urls.iter().filter_map(|url| known(url, username, credential)));
    }
    servers
}

/// One address per usable interface, with any port. Loopback only when there is nothing else: the library would bind
/// `0.0.0.0` then, which is no candidate that anyone can reach.
fn local_addresses() -> Vec<SocketAddr> {
    let interfaces = if_addrs::get_if_addrs().inspect_err(|error| warn!(%error, "no list of interfaces")).unwrap_or_default();
    let usable = |ip: &IpAddr| match ip {
        IpAddr::V4(ip) => !ip.is_loopback() && !ip.is_link_local(),
        IpAddr::V6(ip) => !ip.is_loopback() && !ip.is_unicast_link_local(),
    };
    let mut ips: Vec<IpAddr> = interfaces.iter().map(if_addrs::Interface::ip).filter(usable).collect();
    ips.sort_unstable();
    ips.dedup();
    if ips.is_empty() {
        ips.push(Ipv4Addr::LOCALHOST.into());
    }
    ips.into_iter().map(|ip| SocketAddr::new(ip, 0)).collect()
}

/// Passes the library's callbacks on. They run on the task that moves the packets, so they never wait.
struct Forward(mpsc::Sender<Event>);

impl Forward {
    fn pass(&self, event: Event) {
        if self.0.try_send(event).is_err() {
            debug!("peer connection event after the end, or too many");
        }
    }
}

#[async_trait]
impl PeerConnectionEventHandler for Forward {
    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        self.pass(Event::Candidate(event.candidate));
    }

    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.pass(Event::EndOfCandidates);
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.pass(Event::State(state));
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        self.pass(Event::Track(track));
    }
}
