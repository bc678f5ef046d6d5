//! Owns the DTLS association of a transport: the handshake as its server, and the keys that come out of it.
//!
//! Time comes in with each call. Randomness (the server's random, cookies, the ephemeral key, signatures) is drawn inside the
//! library, from its provider, which asks the system.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use rtc_crypto::providers::RingProvider;
use rtc_crypto::{RTCCryptoProvider, SignatureScheme};
use rtc_dtls::cipher_suite::CipherSuiteId;
use rtc_dtls::config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig};
use rtc_dtls::crypto::Certificate;
use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc_shared::TransportProtocol;
use rtc_shared::error::Error;

use super::super::identity::Fingerprint;
use super::client_hello::HelloBuffer;
use super::guard::guarded;
use super::record::{HANDSHAKE, records};
use super::{Failure, Refusal};
use crate::limits::DTLS_HANDSHAKE_BYTES_MAX;
use crate::srtp::{MasterKey, Profile, Receiver, Sender};

/// Until a flight is sent again for the first time; each time doubles it (RFC 6347 section 4.2.4.1).
const REPEAT_AFTER: Duration = Duration::from_millis(500);

/// Sooner than this a client that repeats itself does not make us repeat ours.
const REPEAT_AFTER_MIN: Duration = Duration::from_millis(100);

/// The library knows associations by address; ours outlives many, so that it has one name.
const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1);

/// How we shake hands: the same for all transports, but for the one SRTP profile that the library is told to know, as it would
/// follow the client's preference.
pub(in super::super) struct DtlsConfigs {
    provider: RingProvider,
    gcm: Arc<HandshakeConfig>,
    cm: Arc<HandshakeConfig>,
}

impl DtlsConfigs {
    /// For this certificate (DER) and its key (PKCS #8).
    pub fn new(certificate: Vec<u8>, key: &[u8]) -> Result<Self, String> {
        let provider = Arc::new(RingProvider::new());
        let key = provider.crypto().import_signing_key(SignatureScheme::EcdsaP256Sha256, key).map_err(|e| e.to_string())?;
        let certificate = Certificate::from_signing_key(vec![certificate.into()], key);
        let build = |profile| {
            // Any client certificate will do here: the offer's fingerprint decides, once the handshake has proved the key.
            let builder = ConfigBuilder::default()
                .with_crypto_provider(provider.clone())
                .with_certificates(vec![certificate.clone()])
                .with_cipher_suites(vec![
                    CipherSuiteId::Tls_Ecdhe_Ecdsa_With_Aes_128_Gcm_Sha256,
                    CipherSuiteId::Tls_Ecdhe_Ecdsa_With_ChaCha20_Poly1305_Sha256,
                ])
                .with_srtp_protection_profiles(vec![profile])
                .with_client_auth(ClientAuthType::RequireAnyClientCert)
                .with_insecure_skip_verify(true)
                .with_extended_master_secret(ExtendedMasterSecretType::Require);
            builder.build(false, None).map(Arc::new).map_err(|error| error.to_string())
        };
        let gcm = build(SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm)?;
        let cm = build(SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80)?;
        Ok(Self { provider: RingProvider::new(), gcm, cm })
    }

    pub fn provider(&self) -> &dyn RTCCryptoProvider {
        &self.provider
    }

    fn config(&self, profile: Profile) -> Arc<HandshakeConfig> {
        match profile {
            Profile::AeadAes128Gcm => self.gcm.clone(),
            Profile::Aes128CmHmacSha1_80 => self.cm.clone(),
        }
    }
}

/// What a datagram brought.
pub(super) enum DtlsEvent {
    /// The handshake is done, and the certificate is the offer's.
    Connected(Box<(Sender, Receiver)>),
    /// A message of the application: an SCTP packet.
    Data(Bytes),
    /// The other end has closed.
    Closed,
    /// Nothing will come of it.
    Failed(Failure),
}

/// The association of one transport.
pub(super) struct Dtls {
    state: State,
    handshake_bytes: usize,
    transmits: VecDeque<Bytes>,
}

/// What we said last in a handshake. The library's own timer is not used: a client that repeats itself, as browsers soon do,
/// stops it for good. The same records again are, to the client, what the network has doubled.
struct Flight {
    datagrams: Vec<Bytes>,
    sent: Instant,
    interval: Duration,
}

enum State {
    /// Until the client's first message is whole.
    Hello(HelloBuffer),
    Shaking(Box<Endpoint>, Profile, Option<Flight>),
    Connected(Box<Endpoint>),
    Closed,
}

impl Dtls {
    pub fn new() -> Self {
        Self { state: State::Hello(HelloBuffer::default()), handshake_bytes: 0, transmits: VecDeque::new() }
    }

    pub fn is_connected(&self) -> bool {
        matches!(self.state, State::Connected(_))
    }

    /// Takes a datagram from a way that is proved.
    pub fn handle(
        &mut self,
        now: Instant,
        datagram: &[u8],
        configs: &DtlsConfigs,
        expected: &[Fingerprint],
    ) -> Result<Vec<DtlsEvent>, Refusal> {
        self.admit(datagram)?;
        match &mut self.state {
            State::Hello(buffer) => {
                buffer.push(datagram)?;
                let Some(profile) = buffer.profile() else { return Ok(Vec::new()) };
                let datagrams = buffer.take();
                let Some(profile) = profile else {
                    self.state = State::Closed;
                    return Ok(vec![DtlsEvent::Failed(Failure::Profile)]);
                };
                let endpoint = Endpoint::new(PEER, TransportProtocol::UDP, Some(configs.config(profile)));
                self.state = State::Shaking(Box::new(endpoint), profile, None);
                let mut events = Vec::new();
                for datagram in datagrams {
                    events.extend(self.read(now, &datagram, expected)?);
                }
                Ok(events)
            }
            State::Shaking(..) | State::Connected(_) => self.read(now, datagram, expected),
            State::Closed => Err(Refusal::Closed),
        }
    }

    /// Nobody has proved a handshake record before it is read, and the library keeps what it cannot read yet.
    fn admit(&mut self, datagram: &[u8]) -> Result<(), Refusal> {
        let is_connected = self.is_connected();
        let mut counts = !is_connected;
        for record in records(datagram) {
            let record = record?;
            counts |= record.content_type == HANDSHAKE || record.epoch != 1;
        }
        if counts {
            self.handshake_bytes = self.handshake_bytes.saturating_add(datagram.len());
        }
        if counts && self.handshake_bytes > DTLS_HANDSHAKE_BYTES_MAX { Err(Refusal::TooMuch) } else { Ok(()) }
    }

    fn read(&mut self, now: Instant, datagram: &[u8], expected: &[Fingerprint]) -> Result<Vec<DtlsEvent>, Refusal> {
        let was_connected = self.is_connected();
        let Some(endpoint) = self.endpoint() else { return Err(Refusal::Closed) };
        let read = guarded(|| endpoint.read(now, PEER, None, BytesMut::from(datagram)));
        let said = self.collect();
        self.note_flight(now, said);
        let read = match read {
            Some(Ok(read)) => read,
            Some(Err(Error::ErrAlertFatalOrClose)) | None => {
                self.state = State::Closed;
                return Ok(vec![if was_connected { DtlsEvent::Closed } else { DtlsEvent::Failed(Failure::Handshake) }]);
            }
            // Before the handshake is done anybody could have made it: the timeout decides.
            Some(Err(_)) => return Err(Refusal::Dtls),
        };
        let mut events = Vec::new();
        for event in read {
            match event {
                EndpointEvent::HandshakeComplete => events.push(self.connect(now, expected)),
                EndpointEvent::ApplicationData(data) if self.is_connected() => events.push(DtlsEvent::Data(data.freeze())),
                EndpointEvent::PeerClosed => events.push(DtlsEvent::Closed),
                _ => {}
            }
        }
        Ok(events)
    }

    fn endpoint(&mut self) -> Option<&mut Endpoint> {
        match &mut self.state {
            State::Shaking(endpoint, ..) | State::Connected(endpoint) => Some(endpoint),
            State::Hello(_) | State::Closed => None,
        }
    }

    fn connect(&mut self, now: Instant, expected: &[Fingerprint]) -> DtlsEvent {
        let State::Shaking(mut endpoint, profile, _) = std::mem::replace(&mut self.state, State::Closed) else {
            return DtlsEvent::Failed(Failure::Handshake);
        };
        let result = keys(&endpoint, profile, expected);
        if result.is_err() {
            // Only queues the alert.
            let _ = endpoint.close(now);
        }
        self.state = State::Connected(endpoint);
        match result {
            Ok(keys) => DtlsEvent::Connected(Box::new(keys)),
            Err(failure) => DtlsEvent::Failed(failure),
        }
    }

    /// Protects an SCTP packet.
    pub fn send(&mut self, now: Instant, packet: &[u8]) {
        if let State::Connected(endpoint) = &mut self.state {
            // Fails only when the other end has closed meanwhile, which was an event.
            let _ = endpoint.write(now, PEER, packet);
        }
    }

    /// Says goodbye; what it says is still to be polled.
    pub fn close(&mut self, now: Instant) {
        if let Some(endpoint) = self.endpoint() {
            let _ = endpoint.close(now);
        }
    }

    pub fn poll_transmit(&mut self) -> Option<Bytes> {
        self.collect();
        let next = self.transmits.pop_front();
        if next.is_none() {
            self.transmits.shrink_to_fit();
        }
        next
    }

    /// Takes over what the library has to send; gives how many datagrams that were.
    fn collect(&mut self) -> usize {
        let before = self.transmits.len();
        if let State::Shaking(endpoint, ..) | State::Connected(endpoint) = &mut self.state {
            let transmits = std::iter::from_fn(|| endpoint.poll_transmit());
            self.transmits.extend(transmits.map(|transmit| transmit.message.freeze()));
        }
        self.transmits.len() - before
    }

    /// The library has `said` so many datagrams to what came: a new flight. To nothing new it says nothing; then the client may have
    /// missed the last one.
    fn note_flight(&mut self, now: Instant, said: usize) {
        let State::Shaking(_, _, flight) = &mut self.state else { return };
        if said > 0 {
            let datagrams = self.transmits.range(self.transmits.len() - said..).cloned().collect();
            *flight = Some(Flight { datagrams, sent: now, interval: REPEAT_AFTER });
        } else if let Some(flight) = flight.as_mut().filter(|flight| now >= flight.sent + REPEAT_AFTER_MIN) {
            flight.sent = now;
            self.transmits.extend(flight.datagrams.iter().cloned());
        }
    }

    /// When the last flight is sent again.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Shaking(_, _, Some(flight)) => Some(flight.sent + flight.interval),
            _ => None,
        }
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        if let State::Shaking(_, _, Some(flight)) = &mut self.state
            && now >= flight.sent + flight.interval
        {
            flight.sent = now;
            flight.interval *= 2;
            self.transmits.extend(flight.datagrams.iter().cloned());
        }
    }
}

/// The keys of both directions (RFC 5764 section 4.2), when the certificate is one of those expected.
fn keys(endpoint: &Endpoint, profile: Profile, expected: &[Fingerprint]) -> Result<(Sender, Receiver), Failure> {
    let state = endpoint.get_connection_state(PEER).ok_or(Failure::Handshake)?;
    let certificate = state.peer_certificates.first().ok_or(Failure::Fingerprint)?;
    if !expected.iter().any(|fingerprint| fingerprint.is_of(certificate)) {
        return Err(Failure::Fingerprint);
    }
    if state.srtp_protection_profile() as u16 != profile.id() {
        return Err(Failure::Profile);
    }
    let (key_len, salt_len) = (Profile::KEY_LEN, profile.salt_len());
    let material = state.export_keying_material("EXTRACTOR-dtls_srtp", &[], 2 * (key_len + salt_len));
    let material = material.map_err(|_| Failure::Handshake)?;
    let (keys, salts) = material.as_ref().split_at_checked(2 * key_len).ok_or(Failure::Handshake)?;
    let (client_key, server_key) = keys.split_at(key_len);
    let (client_salt, server_salt) = salts.split_at_checked(salt_len).ok_or(Failure::Handshake)?;
    let ours = MasterKey::new(profile, server_key, server_salt).ok_or(Failure::Handshake)?;
    let theirs = MasterKey::new(profile, client_key, client_salt).ok_or(Failure::Handshake)?;
    Ok((Sender::new(profile, ours), Receiver::new(profile, theirs)))
}
