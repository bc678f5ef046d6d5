//! Owns the way to the server: from the address that a person types to an open WebSocket.

use std::str::FromStr;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::{self, ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, Uri, uri::Scheme};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};

use crate::limits::{OUTBOX_BYTES_MAX, SOCKET_BUFFER_BYTES};
use crate::protocol::{SUBPROTOCOL, WEBSOCKET_PATH};

/// An open WebSocket to the server.
pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Where the server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    websocket: Uri,
    insecure: bool,
}

/// An address that is none of a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the address of a server, such as http://localhost:8080 or https://meet.example.org")]
pub struct BadUrl(String);

impl FromStr for Endpoint {
    type Err = BadUrl;

    /// Takes `http`, `https`, `ws` and `wss`; a path before the server's own is kept, as a reverse proxy may want one.
    fn from_str(text: &str) -> Result<Self, BadUrl> {
        let bad = || BadUrl(text.to_owned());
        let uri: Uri = text.parse().map_err(|_| bad())?;
        let scheme = match uri.scheme().map(Scheme::as_str) {
            Some("http" | "ws") => "ws",
            Some("https" | "wss") => "wss",
            _ => return Err(bad()),
        };
        let authority = uri.authority().filter(|authority| !authority.host().is_empty()).ok_or_else(bad)?;
        if authority.as_str().contains('@') || uri.query().is_some() {
            return Err(bad());
        }
        let prefix = uri.path().trim_end_matches('/').trim_end_matches(WEBSOCKET_PATH);
        let websocket = format!("{scheme}://{authority}{prefix}{WEBSOCKET_PATH}").parse().map_err(|_| bad())?;
        Ok(Self { websocket, insecure: false })
    }
}

impl Endpoint {
    /// The same server, whatever certificate it shows: for one that signed its own.
    pub fn accepting_any_certificate(self) -> Self {
        Self { insecure: true, ..self }
    }

    /// Opens a WebSocket.
    ///
    /// # Errors
    /// Nobody listens there, TLS fails, or it is no server of this protocol.
    pub async fn connect(&self) -> Result<Socket, ConnectError> {
        let mut request = self.websocket.clone().into_client_request().map_err(ConnectError::from)?;
        request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static(SUBPROTOCOL));
        let config = WebSocketConfig::default()
            .read_buffer_size(SOCKET_BUFFER_BYTES)
            .max_message_size(Some(OUTBOX_BYTES_MAX))
            .max_frame_size(Some(OUTBOX_BYTES_MAX));
        let connector = self.insecure.then(|| Connector::Rustls(Arc::new(any_certificate())));
        let (socket, _) = connect_async_tls_with_config(request, Some(config), true, connector).await?;
        Ok(socket)
    }
}

/// Why no WebSocket could be opened.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct ConnectError(Box<tokio_tungstenite::tungstenite::Error>);

impl From<tokio_tungstenite::tungstenite::Error> for ConnectError {
    fn from(error: tokio_tungstenite::tungstenite::Error) -> Self {
        Self(Box::new(error))
    }
}

fn any_certificate() -> ClientConfig {
    let provider = Arc::new(ring::default_provider());
    ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("ring has the suites of every version")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        .with_no_client_auth()
}

/// Believes every certificate; signatures made with it are still verified, so that the connection stays whole.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &rustls_pki_types::CertificateDer<'_>,
        _intermediates: &[rustls_pki_types::CertificateDer<'_>],
        _server_name: &rustls_pki_types::ServerName<'_>,
        _ocsp_response: &[u8],
        _now: rustls_pki_types::UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &rustls_pki_types::CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &rustls_pki_types::CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_websocket_is_found_under_every_way_to_write_the_server() {
        for (text, websocket) in [
            ("http://localhost:8080", "ws://localhost:8080/api/ws"),
            ("https://meet.example.org/", "wss://meet.example.org/api/ws"),
            ("https://example.org/meet/", "wss://example.org/meet/api/ws"),
            ("ws://[::1]:80/api/ws", "ws://[::1]:80/api/ws"),
            ("wss://example.org", "wss://example.org/api/ws"),
        ] {
            let endpoint: Endpoint = text.parse().expect(text);
            assert_eq!(endpoint.websocket.to_string(), websocket);
        }
    }

    #[test]
    fn other_addresses_are_refused() {
        for text in ["", "localhost", "localhost:8080", "ftp://a", "http://", "http://u:p@a", "http://a/?b", "http://a b"] {
            assert_eq!(text.parse::<Endpoint>(), Err(BadUrl(text.to_owned())), "{text:?}");
        }
    }
}
