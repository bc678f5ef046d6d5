//! Owns the other end of a transport: checks, DTLS and SCTP as a browser has them, under the same virtual clock.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use rtc_crypto::RTCCryptoProvider;
use rtc_crypto::providers::RingProvider;
use rtc_datachannel::message::Message as Dcep;
use rtc_datachannel::message::message_channel_open::{ChannelType, DataChannelOpen};
use rtc_dtls::config::{ConfigBuilder, ExtendedMasterSecretType};
use rtc_dtls::crypto::Certificate;
use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc_sctp::{
    Association, AssociationHandle, ClientConfig, DatagramEvent, EndpointConfig, Event, Payload,
    PayloadProtocolIdentifier as Ppi, StreamEvent, TransportConfig,
};
use rtc_shared::TransportProtocol;
use rtc_shared::marshal::{Marshal, Unmarshal};
use rtc_srtp::context::Context;
use rtc_srtp::protection_profile::ProtectionProfile;
use rtc_stun::attributes::{
    ATTR_ICE_CONTROLLED, ATTR_ICE_CONTROLLING, ATTR_PRIORITY, ATTR_USE_CANDIDATE, ATTR_USERNAME, AttrType,
};
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{BINDING_REQUEST, BINDING_SUCCESS, Getter, Message, Setter, TransactionId};
use rtc_stun::xoraddr::XorMappedAddress;
use visavis::sfu::{Credentials, Fingerprint, HashFunction, Protocol, Remote, Tuple};
use visavis::srtp::Profile;

const SERVER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8443);

pub const GCM_AND_CM: [SrtpProtectionProfile; 2] =
    [SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80, SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm];

/// A way to the server from this port.
pub fn tuple(port: u16) -> Tuple {
    let local = Ipv4Addr::new(192, 0, 2, 1).into();
    Tuple { protocol: Protocol::Udp, local, remote: SocketAddr::from(([198, 51, 100, 7], port)) }
}

pub fn credentials(generation: u8) -> Credentials {
    Credentials { ufrag: format!("00000001abcdefg{generation}"), pwd: format!("{generation}password-of-24-characters") }
}

/// How a check differs from what a browser sends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Check {
    Plain,
    Nominating,
    /// It holds that we control.
    Controlled,
    /// It nominates after the attribute that proves the rest.
    NominatingUnproved,
}

struct Raw(AttrType, Vec<u8>);

impl Setter for Raw {
    fn add_to(&self, message: &mut Message) -> rtc_shared::error::Result<()> {
        message.add(self.0, &self.1);
        Ok(())
    }
}

/// A check for `ours:theirs`, proved with our password.
pub fn check(ours: &Credentials, theirs: &str, kind: Check) -> Vec<u8> {
    let provider = RingProvider::new();
    let mut parts: Vec<Box<dyn Setter>> = vec![
        Box::new(BINDING_REQUEST),
        Box::new(TransactionId::new()),
        Box::new(Raw(ATTR_USERNAME, format!("{}:{theirs}", ours.ufrag).into_bytes())),
        Box::new(Raw(ATTR_PRIORITY, vec![0x6e, 0, 0x1e, 0xff])),
    ];
    let role = if kind == Check::Controlled { ATTR_ICE_CONTROLLED } else { ATTR_ICE_CONTROLLING };
    parts.push(Box::new(Raw(role, vec![7; 8])));
    if kind == Check::Nominating {
        parts.push(Box::new(Raw(ATTR_USE_CANDIDATE, Vec::new())));
    }
    let mut message = Message::new();
    message.build(&parts).expect("a check");
    let integrity = MessageIntegrity::new_short_term_integrity_with_provider(ours.pwd.clone(), provider.crypto());
    integrity.add_to(&mut message).expect("a check");
    if kind == Check::NominatingUnproved {
        message.add(ATTR_USE_CANDIDATE, &[]);
    }
    FINGERPRINT.add_to(&mut message).expect("a check");
    message.raw
}

/// The address in a success response to this check that is proved by our password.
pub fn mapped(answer: &[u8], request: &[u8], ours: &Credentials) -> Option<SocketAddr> {
    let (mut message, provider) = (Message::new(), RingProvider::new());
    message.unmarshal_binary(answer).ok()?;
    MessageIntegrity::check(&mut message, ours.pwd.as_bytes(), provider.crypto()).ok()?;
    FINGERPRINT.check(&message).ok()?;
    let mut address = XorMappedAddress::default();
    address.get_from(&message).ok()?;
    let is_answer = message.typ == BINDING_SUCCESS && message.transaction_id.0[..] == request[8..20];
    is_answer.then(|| SocketAddr::new(address.ip, address.port))
}

/// Where it goes when both ends have what the other sent.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    Connected,
    Closed,
    Channel { id: u16, binary: bool, message: Vec<u8> },
    Acked(u16),
}

pub struct Client {
    pub ufrag: &'static str,
    certificate: Certificate,
    provider: Arc<RingProvider>,
    pub dtls: Endpoint,
    profiles: Vec<SrtpProtectionProfile>,
    mtu: usize,
    sctp: rtc_sctp::Endpoint,
    association: Option<(AssociationHandle, Association)>,
    pub heard: Vec<Heard>,
}

impl Client {
    pub fn new(profiles: &[SrtpProtectionProfile], mtu: usize) -> Self {
        let provider = Arc::new(RingProvider::new());
        let certificate = Certificate::generate_self_signed(vec!["client".to_owned()], provider.crypto()).expect("a certificate");
        Self {
            ufrag: "cli+",
            certificate,
            provider,
            dtls: Endpoint::new(SERVER, TransportProtocol::UDP, None),
            profiles: profiles.to_vec(),
            mtu,
            sctp: rtc_sctp::Endpoint::new(SERVER, TransportProtocol::UDP, Arc::new(EndpointConfig::new()), None),
            association: None,
            heard: Vec::new(),
        }
    }

    pub fn remote(&self) -> Remote {
        let fingerprint = Fingerprint::of(HashFunction::Sha256, &self.certificate.certificate[0]);
        Remote { ufrag: self.ufrag.to_owned(), fingerprints: vec![fingerprint], sctp_port: Some(5000) }
    }

    /// The certificate of the server, once it is known.
    pub fn server_certificate(&self) -> Option<&Vec<u8>> {
        self.dtls.get_connection_state(SERVER)?.peer_certificates.first()
    }

    pub fn connect(&mut self, now: Instant) {
        let config = ConfigBuilder::default()
            .with_crypto_provider(self.provider.clone())
            .with_certificates(vec![self.certificate.clone()])
            .with_srtp_protection_profiles(self.profiles.clone())
            .with_extended_master_secret(ExtendedMasterSecretType::Require)
            .with_insecure_skip_verify(true)
            .with_flight_interval(Duration::from_millis(400))
            .with_mtu(self.mtu)
            .build(true, Some(SERVER))
            .expect("a configuration");
        self.dtls.connect(now, SERVER, Arc::new(config), None).expect("a first flight");
    }

    pub fn close(&mut self, now: Instant) {
        self.dtls.close(now).expect("closes");
    }

    pub fn handle(&mut self, now: Instant, datagram: &[u8]) {
        for event in self.dtls.read(now, SERVER, None, BytesMut::from(datagram)).unwrap_or_default() {
            match event {
                EndpointEvent::HandshakeComplete => self.heard.push(Heard::Connected),
                EndpointEvent::PeerClosed => self.heard.push(Heard::Closed),
                EndpointEvent::ApplicationData(packet) => self.handle_sctp(now, packet.freeze()),
                _ => {}
            }
        }
    }

    pub fn poll_transmit(&mut self, now: Instant) -> Option<Bytes> {
        if let Some((_, association)) = &mut self.association {
            while let Some(transmit) = association.poll_transmit(now) {
                let Payload::RawEncode(packets) = transmit.message else { continue };
                for packet in packets {
                    self.dtls.write(now, SERVER, &packet).expect("connected");
                }
            }
        }
        self.dtls.poll_transmit().map(|transmit| transmit.message.freeze())
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        let sctp = self.association.as_ref().and_then(|(_, association)| association.poll_timeout());
        [self.dtls.poll_timeout(&SERVER), sctp].into_iter().flatten().min()
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        let _ = self.dtls.handle_timeout(SERVER, now);
        if let Some((_, association)) = &mut self.association {
            association.handle_timeout(now);
        }
        self.read_sctp();
    }

    /// Both directions of SRTP by another implementation: what we protect, what we open.
    pub fn srtp(&self, profile: Profile) -> (Context, Context) {
        let theirs = match profile {
            Profile::AeadAes128Gcm => ProtectionProfile::AeadAes128Gcm,
            Profile::Aes128CmHmacSha1_80 => ProtectionProfile::Aes128CmHmacSha1_80,
        };
        let state = self.dtls.get_connection_state(SERVER).expect("connected");
        let salt = profile.salt_len();
        let material = state.export_keying_material("EXTRACTOR-dtls_srtp", &[], 32 + 2 * salt).expect("connected");
        let (keys, salts) = material.as_ref().split_at(32);
        let context =
            |key: &[u8], salt: &[u8]| Context::new(key, salt, theirs, None, None, self.provider.crypto()).expect("keys that fit");
        (context(&keys[..16], &salts[..salt]), context(&keys[16..], &salts[salt..]))
    }

    pub fn associate(&mut self, now: Instant) {
        let config = ClientConfig::new(TransportConfig::default());
        self.association = Some(self.sctp.connect(now, config, SERVER).expect("an association"));
    }

    /// Opens a channel on this stream by DCEP.
    pub fn open(&mut self, now: Instant, id: u16, label: &str, channel_type: ChannelType) {
        let open = DataChannelOpen {
            channel_type,
            priority: 0,
            reliability_parameter: 0,
            label: label.as_bytes().to_vec(),
            protocol: Vec::new(),
        };
        let (_, association) = self.association.as_mut().expect("an association");
        association.open_stream(id, Ppi::Binary).expect("a new stream");
        self.send(now, id, Ppi::Dcep, &Dcep::DataChannelOpen(open).marshal().expect("a message"));
    }

    pub fn send(&mut self, now: Instant, id: u16, kind: Ppi, message: &[u8]) {
        let (_, association) = self.association.as_mut().expect("an association");
        association.stream(id).expect("a stream").write_with_ppi(now, message, kind).expect("writes");
    }

    pub fn reset(&mut self, now: Instant, id: u16) {
        let (_, association) = self.association.as_mut().expect("an association");
        association.stream(id).expect("a stream").close(now).expect("resets");
    }

    pub fn has_association(&self) -> bool {
        self.association.as_ref().is_some_and(|(_, association)| !association.is_closed() && !association.is_handshaking())
    }

    fn handle_sctp(&mut self, now: Instant, packet: Bytes) {
        if let Some((_, DatagramEvent::AssociationEvent(event))) = self.sctp.handle(now, SERVER, None, packet)
            && let Some((_, association)) = &mut self.association
        {
            association.handle_event(event);
        }
        self.read_sctp();
    }

    fn read_sctp(&mut self) {
        let Some((_, association)) = &mut self.association else { return };
        while let Some(event) = association.poll() {
            let Event::Stream(StreamEvent::Readable { id }) = event else { continue };
            while let Ok(Some(chunks)) = association.stream(id).and_then(|mut stream| stream.read_sctp()) {
                let message = chunks.to_payload(1 << 20).expect("whole").to_vec();
                self.heard.push(match chunks.ppi {
                    Ppi::Dcep => {
                        let ack = Dcep::unmarshal(&mut &message[..]).expect("DCEP");
                        assert!(matches!(ack, Dcep::DataChannelAck(_)), "{ack:?}");
                        Heard::Acked(id)
                    }
                    kind => Heard::Channel { id, binary: kind == Ppi::Binary || kind == Ppi::BinaryEmpty, message },
                });
            }
        }
    }
}
