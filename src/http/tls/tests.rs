use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConnection};

use super::*;

/// A folder of its own for one test, gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("visavis-tls-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder for the test");
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("a file for the test");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A certificate for localhost and its key, both PEM.
fn pair() -> (String, String) {
    let key = KeyPair::generate().expect("a key");
    let certificate = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name").self_signed(&key).expect("signed");
    (certificate.pem(), key.serialize_pem())
}

/// Shakes hands in memory as a client that trusts `root` and speaks `alpn`.
fn handshake(
    server: &ServerTls,
    root: CertificateDer<'static>,
    name: &str,
    alpn: &str,
) -> Result<Option<Vec<u8>>, rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add(root)?;
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let mut config = builder.with_protocol_versions(&[&TLS13])?.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    let mut client = ClientConnection::new(Arc::new(config), name)?;
    let mut server = ServerConnection::new(Arc::clone(&server.config))?;
    while client.is_handshaking() || server.is_handshaking() {
        let mut wire = Vec::new();
        client.write_tls(&mut wire).expect("memory");
        server.read_tls(&mut wire.as_slice()).expect("memory");
        server.process_new_packets()?;
        let mut wire = Vec::new();
        server.write_tls(&mut wire).expect("memory");
        client.read_tls(&mut wire.as_slice()).expect("memory");
        client.process_new_packets()?;
    }
    Ok(client.alpn_protocol().map(<[u8]>::to_vec))
}

fn refusal(cert: &Path, key: &Path) -> String {
    let tls = Tls::Files { cert: cert.to_owned(), key: key.to_owned() };
    server_config(&tls, vec![]).err().expect("refused").to_string()
}

#[test]
fn without_tls_there_is_nothing_to_serve() {
    assert!(server_config(&Tls::Off, vec![]).is_ok_and(|tls| tls.is_none()));
}

#[test]
fn a_self_signed_certificate_has_a_fingerprint_and_a_bad_name_does_not_spoil_it() {
    let names = vec!["192.0.2.7".to_owned(), "größe".to_owned(), String::new(), "localhost".to_owned()];
    let tls = server_config(&Tls::SelfSigned, names).expect("made").expect("HTTPS");
    assert_eq!((tls.fingerprint.len(), tls.fingerprint.matches(':').count()), (95, 31));
    let again = server_config(&Tls::SelfSigned, vec![]).expect("made").expect("HTTPS");
    assert_ne!(tls.fingerprint, again.fingerprint, "each start has its own");
}

#[test]
fn a_certificate_from_files_is_served_with_http_1_1_and_nothing_else() {
    let folder = Folder::new("served");
    let (certificate, key) = pair();
    let tls = Tls::Files { cert: folder.write("cert.pem", &certificate), key: folder.write("key.pem", &key) };
    let served = server_config(&tls, vec![]).expect("good files").expect("HTTPS");
    let root = CertificateDer::from_pem_slice(certificate.as_bytes()).expect("PEM");
    assert_eq!(handshake(&served, root.clone(), "localhost", "http/1.1"), Ok(Some(b"http/1.1".to_vec())));
    assert!(handshake(&served, root.clone(), "localhost", "h2").is_err());
    assert!(handshake(&served, root, "example.org", "http/1.1").is_err());
}

#[test]
fn what_is_wrong_with_a_file_is_said() {
    let folder = Folder::new("wrong");
    let (certificate, key) = pair();
    let (other_certificate, _) = pair();
    let cert = folder.write("cert.pem", &certificate);
    let other = folder.write("other.pem", &other_certificate);
    let key = folder.write("key.pem", &key);
    let not_pem = folder.write("not.pem", "hello");
    let cut = folder.write("cut.pem", &certificate[..certificate.len() / 2]);
    let gone = folder.0.join("gone.pem");
    let locked = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let locked = folder.write("locked.pem", locked);
    for (cert, key, expected) in [
        (&gone, &key, "cannot read"),
        (&cert, &gone, "cannot read"),
        (&not_pem, &key, "is not a PEM file"),
        (&cut, &key, "is not a PEM file"),
        (&key, &key, "holds no certificate"),
        (&cert, &cert, "holds no private key"),
        (&cert, &locked, "with a password"),
        (&other, &key, "does not belong to the certificate"),
    ] {
        let refusal = refusal(cert, key);
        assert!(refusal.contains(expected), "{expected} in {refusal}");
    }
}
