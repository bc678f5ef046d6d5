//! Owns who we are in DTLS: one certificate for the process, and the fingerprints by which certificates are known in SDP.

use std::fmt;

use sha2::{Digest, Sha256, Sha384, Sha512};

use super::transport::DtlsConfigs;

/// The certificate of this process, with its key: made once, shared by all transports.
pub struct Identity {
    fingerprint: Fingerprint,
    dtls: DtlsConfigs,
}

/// Why an identity could not be made.
#[derive(Debug, thiserror::Error)]
#[error("DTLS certificate: {0}")]
pub struct IdentityError(String);

impl Identity {
    /// Makes a new key (ECDSA, P-256) and a certificate for it. The shell calls this once, when it starts: it draws from the
    /// system's randomness.
    ///
    /// # Errors
    ///
    /// When the system has no randomness.
    pub fn generate() -> Result<Self, IdentityError> {
        let error = |error: rcgen::Error| IdentityError(error.to_string());
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(error)?;
        let mut params = rcgen::CertificateParams::new(Vec::new()).map_err(error)?;
        params.distinguished_name.push(rcgen::DnType::CommonName, "visavis");
        let certificate = params.self_signed(&key).map_err(error)?;
        Self::new(certificate.der().to_vec(), &key.serialize_der())
    }

    /// The identity with this certificate (DER) and its key (PKCS #8, DER; ECDSA with P-256).
    ///
    /// # Errors
    ///
    /// When the key cannot be read.
    pub fn new(certificate: Vec<u8>, key: &[u8]) -> Result<Self, IdentityError> {
        let fingerprint = Fingerprint::of(HashFunction::Sha256, &certificate);
        Ok(Self { fingerprint, dtls: DtlsConfigs::new(certificate, key).map_err(IdentityError)? })
    }

    /// SHA-256 of the certificate; as text, the value of `a=fingerprint`.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    pub(super) fn dtls(&self) -> &DtlsConfigs {
        &self.dtls
    }
}

/// A hash function that is strong enough to know a certificate by (RFC 8122 section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HashFunction {
    /// `sha-256`: what every browser sends.
    Sha256,
    /// `sha-384`.
    Sha384,
    /// `sha-512`.
    Sha512,
}

impl HashFunction {
    fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha-256",
            Self::Sha384 => "sha-384",
            Self::Sha512 => "sha-512",
        }
    }

    fn len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

/// The hash of a certificate, as SDP carries it (RFC 8122).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    function: HashFunction,
    digest: Vec<u8>,
}

impl Fingerprint {
    /// Of this certificate (DER).
    pub fn of(function: HashFunction, certificate: &[u8]) -> Self {
        let digest = match function {
            HashFunction::Sha256 => Sha256::digest(certificate).to_vec(),
            HashFunction::Sha384 => Sha384::digest(certificate).to_vec(),
            HashFunction::Sha512 => Sha512::digest(certificate).to_vec(),
        };
        Self { function, digest }
    }

    /// Reads the value of `a=fingerprint`: `sha-256 AB:CD:…`, in any case. None for a function that is weaker or not known, and
    /// for a digest of another length.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, digits) = text.trim().split_once(' ')?;
        let functions = [HashFunction::Sha256, HashFunction::Sha384, HashFunction::Sha512];
        let function = functions.into_iter().find(|function| function.name().eq_ignore_ascii_case(name))?;
        let byte = |pair: &str| {
            let is_hex = pair.len() == 2 && pair.bytes().all(|digit| digit.is_ascii_hexdigit());
            is_hex.then(|| u8::from_str_radix(pair, 16).ok()).flatten()
        };
        let digest: Vec<u8> = digits.trim().split(':').take(function.len() + 1).map(byte).collect::<Option<_>>()?;
        (digest.len() == function.len()).then_some(Self { function, digest })
    }

    /// Whether it is that of this certificate (DER).
    pub fn is_of(&self, certificate: &[u8]) -> bool {
        *self == Self::of(self.function, certificate)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.function.name())?;
        for (index, byte) in self.digest.iter().enumerate() {
            write!(f, "{}{byte:02X}", if index == 0 { ' ' } else { ':' })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_written_as_it_is_read() {
        for function in [HashFunction::Sha256, HashFunction::Sha384, HashFunction::Sha512] {
            let fingerprint = Fingerprint::of(function, b"a certificate");
            let text = fingerprint.to_string();
            assert_eq!(Fingerprint::parse(&text), Some(fingerprint.clone()));
            assert_eq!(Fingerprint::parse(&text.to_lowercase()), Some(fingerprint.clone()), "Firefox's case or another");
            assert!(fingerprint.is_of(b"a certificate") && !fingerprint.is_of(b"another"));
        }
    }

    #[test]
    fn what_proves_nothing_is_not_a_fingerprint() {
        let digest = vec!["AB"; 32].join(":");
        assert!(Fingerprint::parse(&format!("sha-256 {digest}")).is_some());
        let sha1 = format!("sha-1 {}", vec!["AB"; 20].join(":"));
        let bad = [sha1, format!("sha-256 {digest}:AB"), format!("sha-512 {digest}"), format!("md2 {digest}"), "sha-256".into()];
        for text in bad.into_iter().chain([String::new(), format!("sha-256 {}", digest.replace("AB:AB", "A:+B"))]) {
            assert_eq!(Fingerprint::parse(&text), None, "{text}");
        }
    }

    #[test]
    fn each_identity_is_another() {
        let (one, other) = (Identity::generate().expect("randomness"), Identity::generate().expect("randomness"));
        assert_ne!(one.fingerprint(), other.fingerprint());
        assert!(Identity::new(vec![1, 2, 3], b"no key").is_err());
    }
}
