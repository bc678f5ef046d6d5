//! Owns HTTPS: a certificate from files or of our own making, as rustls wants it.

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest as _, Sha256};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{self, ServerConfig};

use crate::config::Tls;

/// How long a certificate of our own is good for. Apple's systems refuse longer ones even where a person would accept them.
const SELF_SIGNED_VALID: Duration = Duration::from_secs(397 * 24 * 3600);

/// How far a client's clock may be behind ours.
const CLOCK_SKEW: Duration = Duration::from_secs(24 * 3600);

/// Why HTTPS cannot be served. Each is for the operator.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is missing or may not be read.
    #[error("cannot read {}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A file is not PEM.
    #[error("{} is not a PEM file ({error}); it should hold text between -----BEGIN …----- and -----END …-----", path.display())]
    NotPem {
        /// The file.
        path: PathBuf,
        /// What the reader says.
        error: pem::Error,
    },
    /// The certificate's file is PEM without a certificate.
    #[error("{} holds no certificate; tls.cert wants a file with -----BEGIN CERTIFICATE-----, and tls.key the private key", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The key's file is PEM without a key that we can read.
    #[error("{} holds no private key, or one with a password; make one without by `openssl pkey -in FILE -out FILE`", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// Key and certificate are not a pair.
    #[error("the private key {} does not belong to the certificate {}", key.display(), cert.display())]
    Mismatch {
        /// The certificate.
        cert: PathBuf,
        /// The key.
        key: PathBuf,
    },
    /// The pair is refused for another reason.
    #[error("the certificate {} cannot be used: {error}", path.display())]
    Refused {
        /// The certificate.
        path: PathBuf,
        /// What rustls says.
        error: rustls::Error,
    },
    /// Our own certificate cannot be made.
    #[error("cannot make a certificate: {0}")]
    Make(#[from] rcgen::Error),
    /// Our own certificate cannot be used.
    #[error("cannot use the certificate made for this start: {0}")]
    Made(rustls::Error),
}

/// HTTPS, ready to be served.
#[derive(Clone)]
pub struct ServerTls {
    /// For the listener: TLS 1.2 and 1.3, and HTTP/1.1 as the one protocol, since the WebSocket needs it.
    pub config: Arc<ServerConfig>,
    /// SHA-256 of the certificate as browsers show it: `AB:CD:…`.
    pub fingerprint: String,
}

/// Makes what [`Tls`] asks for; none for [`Tls::Off`]. `names` are the host names and addresses that a certificate of our
/// own speaks for, besides localhost.
///
/// # Errors
/// When a file cannot be read, is not what it should be, or key and certificate do not match.
pub fn server_config(tls: &Tls, names: Vec<String>) -> Result<Option<ServerTls>, TlsError> {
    match tls {
        Tls::Off => Ok(None),
        Tls::SelfSigned => self_signed(names).map(Some),
        Tls::Files { cert, key } => from_files(cert, key).map(Some),
    }
}

/// The names by which other devices on the LAN may call this machine: its host name, also as mDNS has it, and its addresses.
pub fn own_names() -> Vec<String> {
    // Linux tells the host name in a file; elsewhere the addresses have to do.
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim();
    let mut names = Vec::new();
    if !host.is_empty() && host != "(none)" {
        names.push(host.to_owned());
        if !host.contains('.') {
            names.push(format!("{host}.local"));
        }
    }
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    names.extend(interfaces.iter().filter(|interface| !interface.is_link_local()).map(|interface| interface.ip().to_string()));
    names
}

fn self_signed(names: Vec<String>) -> Result<ServerTls, TlsError> {
    let mut all = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    all.extend(names.into_iter().filter(|name| is_certifiable(name)));
    all.sort();
    all.dedup();
    let mut params = CertificateParams::new(all)?;
    params.distinguished_name.push(DnType::CommonName, "visavis, self-signed");
    params.not_before = (SystemTime::now() - CLOCK_SKEW).into();
    params.not_after = (SystemTime::now() - CLOCK_SKEW + SELF_SIGNED_VALID).into();
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?.der().clone();
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    assemble(vec![certificate], key).map_err(TlsError::Made)
}

/// Whether a certificate can name it: an address, or a host name as DNS has them.
fn is_certifiable(name: &str) -> bool {
    let host = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
    host || name.parse::<IpAddr>().is_ok()
}

fn from_files(cert: &Path, key: &Path) -> Result<ServerTls, TlsError> {
    let text = read(cert)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let chain = chain.map_err(|error| TlsError::NotPem { path: cert.to_owned(), error })?;
    if chain.is_empty() {
        let path = cert.to_owned();
        let is_pem = text.windows(10).any(|window| window == b"-----BEGIN");
        let error = pem::Error::NoItemsFound;
        return Err(if is_pem { TlsError::NoCertificate { path } } else { TlsError::NotPem { path, error } });
    }
    let private = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|error| match error {
        pem::Error::NoItemsFound => TlsError::NoKey { path: key.to_owned() },
        error => TlsError::NotPem { path: key.to_owned(), error },
    })?;
    assemble(chain, private).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => TlsError::Mismatch { cert: cert.to_owned(), key: key.to_owned() },
        error => TlsError::Refused { path: cert.to_owned(), error },
    })
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|error| TlsError::Read { path: path.to_owned(), error })
}

fn assemble(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<ServerTls, rustls::Error> {
    let fingerprint = chain.first().map_or_else(String::new, |leaf| fingerprint(leaf));
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_protocol_versions(&[&TLS13, &TLS12])?;
    let mut config = builder.with_no_client_auth().with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(ServerTls { config: Arc::new(config), fingerprint })
}

fn fingerprint(certificate: &[u8]) -> String {
    let bytes: Vec<String> = Sha256::digest(certificate).iter().map(|byte| format!("{byte:02X}")).collect();
    bytes.join(":")
}

#[cfg(test)]
mod tests;
