//! Owns a member's end of a transport, as a browser would have it: ICE checks, a DTLS client, SRTP; a plain value in virtual time.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rtc_crypto::RTCCryptoProvider;
use rtc_dtls::config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType};
use rtc_dtls::crypto::Certificate;
use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc_shared::TransportProtocol;
use rtc_stun::attributes::{ATTR_ICE_CONTROLLING, ATTR_PRIORITY, ATTR_USE_CANDIDATE, ATTR_USERNAME};
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{BINDING_REQUEST, BINDING_SUCCESS, Message, Setter, TransactionId};
use rtc_stun::textattrs::TextAttribute;
use visavis::srtp::{MasterKey, Profile, Receiver, Sender, SrtpError};

/// How often a full agent checks a pair that works (RFC 7675 section 5.1).
const CHECK_INTERVAL: Duration = Duration::from_millis(2500);

/// How often it checks one that does not yet.
const RETRY_INTERVAL: Duration = Duration::from_millis(50);

/// What a DTLS endpoint takes for the other end: there is only one.
const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9);

/// Something that came over the transport.
#[derive(Debug)]
pub enum Arrival {
    /// ICE and DTLS are done.
    Connected,
    /// An RTP packet, opened: header and payload.
    Rtp(Vec<u8>),
    /// A compound RTCP packet, opened.
    Rtcp(Vec<u8>),
}

/// One member's end.
pub struct Client {
    /// Its own ICE credentials and those of the server, once the answer is known.
    pub ufrag: String,
    pub pwd: String,
    remote: Option<(String, String)>,
    crypto: Arc<dyn RTCCryptoProvider>,
    certificate: Certificate,
    profiles: Vec<SrtpProtectionProfile>,
    dtls: Option<Endpoint>,
    sender: Option<Sender>,
    receiver: Option<Receiver>,
    checked: bool,
    next_check: Option<Instant>,
    transactions: u64,
    out: VecDeque<Vec<u8>>,
    arrivals: VecDeque<Arrival>,
}

impl Client {
    /// A member that offers these SRTP profiles. `number` makes its credentials, so that a run can be repeated.
    pub fn new(number: u32, profiles: &[SrtpProtectionProfile]) -> Self {
        let crypto: Arc<dyn RTCCryptoProvider> = Arc::new(rtc_crypto::providers::RingProvider::new());
        let certificate = Certificate::generate_self_signed(vec!["client".into()], crypto.crypto()).expect("a certificate");
        Self {
            ufrag: format!("cl{number:06}"),
            pwd: format!("password-of-client-{number:08}"),
            remote: None,
            crypto,
            certificate,
            profiles: profiles.to_vec(),
            dtls: None,
            sender: None,
            receiver: None,
            checked: false,
            next_check: None,
            transactions: u64::from(number) << 32,
            out: VecDeque::new(),
            arrivals: VecDeque::new(),
        }
    }

    /// The SHA-256 fingerprint of its certificate, as it stands in SDP.
    pub fn fingerprint(&self) -> String {
        let hash = self.crypto.crypto().hash(rtc_crypto::HashAlgorithm::Sha256, self.certificate.certificate[0].as_ref());
        hash.expect("SHA-256").iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
    }

    /// The answer has come: checks begin.
    pub fn connect(&mut self, now: Instant, ufrag: &str, pwd: &str) {
        self.remote = Some((ufrag.to_owned(), pwd.to_owned()));
        self.checked = false;
        self.next_check = Some(now);
        self.handle_timeout(now);
    }

    /// Other ICE credentials for a restart; [`Self::connect`] follows with the answer's.
    pub fn restart(&mut self, generation: u32) {
        self.ufrag = format!("r{generation}{}", &self.ufrag[..4]);
        self.pwd = format!("restarted-{generation:03}-{}", &self.pwd[..16]);
    }

    pub fn is_connected(&self) -> bool {
        self.sender.is_some() && self.checked
    }

    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.out.pop_front()
    }

    pub fn poll_arrival(&mut self) -> Option<Arrival> {
        self.arrivals.pop_front()
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        let dtls = self.dtls.as_ref().and_then(|dtls| dtls.poll_timeout(&PEER));
        [self.next_check, dtls].into_iter().flatten().min()
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        if self.next_check.is_some_and(|due| due <= now) {
            self.check();
            self.next_check = Some(now + if self.checked { CHECK_INTERVAL } else { RETRY_INTERVAL });
        }
        if let Some(dtls) = &mut self.dtls {
            let _ = dtls.handle_timeout(PEER, now);
        }
        self.flush_dtls();
    }

    pub fn handle_datagram(&mut self, now: Instant, datagram: &[u8]) {
        match datagram.first() {
            Some(0..=3) => self.handle_stun(now, datagram),
            Some(20..=63) => self.handle_dtls(now, datagram),
            Some(128..=191) => self.handle_srtp(datagram),
            _ => panic!("a datagram that is nothing: {datagram:?}"),
        }
    }

    /// Protects and sends an RTP packet; `roc` counts the wraps of its sequence number.
    pub fn send_rtp(&mut self, packet: &[u8], header_len: usize, roc: u32) {
        let sender = self.sender.as_mut().expect("connected");
        let mut buffer = packet.to_vec();
        buffer.resize(packet.len() + sender.profile().rtp_overhead(), 0);
        let len = sender.protect_rtp(&mut buffer, header_len, packet.len(), roc).expect("a whole packet");
        buffer.truncate(len);
        self.out.push_back(buffer);
    }

    /// Protects and sends a compound RTCP packet.
    pub fn send_rtcp(&mut self, packet: &[u8]) {
        let sender = self.sender.as_mut().expect("connected");
        let mut buffer = packet.to_vec();
        buffer.resize(packet.len() + sender.profile().rtcp_overhead(), 0);
        let len = sender.protect_rtcp(&mut buffer, packet.len()).expect("a whole packet");
        buffer.truncate(len);
        self.out.push_back(buffer);
    }

    fn check(&mut self) {
        let Some((ufrag, pwd)) = &self.remote else { return };
        self.transactions += 1;
        let mut id = TransactionId::default();
        id.0[4..].copy_from_slice(&self.transactions.to_be_bytes());
        let mut message = Message::new();
        let setters: [Box<dyn Setter>; 8] = [
            Box::new(BINDING_REQUEST),
            Box::new(id),
            Box::new(TextAttribute::new(ATTR_USERNAME, format!("{ufrag}:{}", self.ufrag))),
            Box::new(Raw(ATTR_PRIORITY, 1_862_270_975u32.to_be_bytes().to_vec())),
            Box::new(Raw(ATTR_ICE_CONTROLLING, 7u64.to_be_bytes().to_vec())),
            Box::new(Raw(ATTR_USE_CANDIDATE, Vec::new())),
            Box::new(MessageIntegrity::new_short_term_integrity_with_provider(pwd.clone(), self.crypto.crypto())),
            Box::new(FINGERPRINT),
        ];
        message.build(&setters).expect("a check");
        self.out.push_back(message.raw.clone());
    }

    fn handle_stun(&mut self, now: Instant, datagram: &[u8]) {
        let Some((_, pwd)) = &self.remote else { return };
        let mut message = Message::new();
        message.unmarshal_binary(datagram).expect("the server speaks STUN");
        assert_eq!(message.typ, BINDING_SUCCESS, "a lite agent only answers");
        if MessageIntegrity::check(&mut message, pwd.as_bytes(), self.crypto.crypto()).is_err() {
            return; // of before a restart
        }
        if !self.checked {
            self.checked = true;
            self.next_check = Some(now + CHECK_INTERVAL);
            if self.dtls.is_none() {
                self.shake_hands(now);
            }
        }
    }

    fn shake_hands(&mut self, now: Instant) {
        let config = ConfigBuilder::default()
            .with_crypto_provider(Arc::clone(&self.crypto))
            .with_certificates(vec![self.certificate.clone()])
            .with_srtp_protection_profiles(self.profiles.clone())
            .with_client_auth(ClientAuthType::RequireAnyClientCert)
            .with_insecure_skip_verify(true)
            .with_extended_master_secret(ExtendedMasterSecretType::Require)
            .build(true, Some(PEER))
            .expect("a configuration");
        let mut dtls = Endpoint::new(PEER, TransportProtocol::UDP, None);
        dtls.connect(now, PEER, Arc::new(config), None).expect("a handshake");
        self.dtls = Some(dtls);
        self.flush_dtls();
    }

    fn handle_dtls(&mut self, now: Instant, datagram: &[u8]) {
        let Some(dtls) = &mut self.dtls else { return };
        let events = dtls.read(now, PEER, None, BytesMut::from(datagram)).expect("the server speaks DTLS");
        let is_done = events.iter().any(|event| matches!(event, EndpointEvent::HandshakeComplete));
        self.flush_dtls();
        if is_done {
            self.take_keys();
        }
    }

    fn take_keys(&mut self) {
        let state = self.dtls.as_ref().and_then(|dtls| dtls.get_connection_state(PEER)).expect("a handshake");
        let profile = match state.srtp_protection_profile() {
            SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm => Profile::AeadAes128Gcm,
            SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80 => Profile::Aes128CmHmacSha1_80,
            other => panic!("the server chose {other:?}"),
        };
        let salt_len = profile.salt_len();
        let material = state.export_keying_material("EXTRACTOR-dtls_srtp", &[], 32 + 2 * salt_len).expect("keys");
        let material: &[u8] = material.as_ref();
        let key = |at: usize| {
            let salt = &material[32 + at * salt_len..][..salt_len];
            MasterKey::new(profile, &material[16 * at..][..16], salt).expect("of the right length")
        };
        // The client's half comes first, and this is the client.
        self.sender = Some(Sender::new(profile, key(0)));
        self.receiver = Some(Receiver::new(profile, key(1)));
        self.arrivals.push_back(Arrival::Connected);
    }

    fn flush_dtls(&mut self) {
        while let Some(transmit) = self.dtls.as_mut().and_then(Endpoint::poll_transmit) {
            self.out.push_back(transmit.message.to_vec());
        }
    }

    fn handle_srtp(&mut self, datagram: &[u8]) {
        let Some(receiver) = &mut self.receiver else { return };
        let mut packet = datagram.to_vec();
        // RFC 5761 section 4.
        if (192..=223).contains(&packet[1]) {
            let len = match receiver.unprotect_rtcp(&mut packet) {
                Ok(len) => len,
                Err(SrtpError::Replayed) => return,
                Err(error) => panic!("the server sent RTCP that does not open: {error}"),
            };
            packet.truncate(len);
            self.arrivals.push_back(Arrival::Rtcp(packet));
        } else {
            match receiver.unprotect_rtp(&mut packet) {
                Ok(opened) => {
                    packet.truncate(opened.len);
                    self.arrivals.push_back(Arrival::Rtp(packet));
                }
                // The link has doubled it.
                Err(SrtpError::Replayed) => {}
                Err(error) => panic!("the server sent RTP that does not open: {error}"),
            }
        }
    }
}

/// An attribute by its bytes.
struct Raw(rtc_stun::attributes::AttrType, Vec<u8>);

impl Setter for Raw {
    fn add_to(&self, message: &mut Message) -> rtc_shared::error::Result<()> {
        message.add(self.0, &self.1);
        Ok(())
    }
}
