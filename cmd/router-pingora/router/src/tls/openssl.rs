//! Pingora's TLS with OpenSSL or BoringSSL: Pingora gives both the same names.

use std::any::Any;
use std::sync::Arc;

use async_trait::async_trait;
use lockstep_config::routing::Certificate;
use pingora::listeners::TlsAccept;
use pingora::listeners::tls::TlsSettings;
use pingora::protocols::ALPN;
use pingora::protocols::tls::TlsRef;
use pingora::tls::error::ErrorStack;
use pingora::tls::ext::{ssl_add_chain_cert, ssl_use_certificate, ssl_use_private_key};
use pingora::tls::pkey::{PKey, Private};
use pingora::tls::ssl::{NameType, SslVerifyMode};
use pingora::tls::x509::X509;
use pingora::utils::tls::CertKey;

use super::{Choose, Clients};

/// A certificate with its chain and its key.
pub type Key = Arc<CertKey>;
/// The authorities that an endpoint's certificate is held to.
pub type Authorities = Arc<Box<[X509]>>;

/// Readies the other library, which the WebSocket to the control plane has: rustls asks for its cryptography.
pub fn begin() {
    let _ = ::rustls::crypto::ring::default_provider().install_default(); // its error: it is there already
}

/// Reads a certificate and its key, in PEM, and holds them to each other.
pub fn read_key(cert: &str, key: &str) -> Result<Key, String> {
    read_client(cert, key).map(Arc::new)
}

/// The certificate itself, in DER.
pub fn leaf(key: &Key) -> Vec<u8> {
    key.leaf().to_der().unwrap_or_default()
}

/// Pingora's settings of a listener.
pub fn listener(choose: Arc<impl Choose>, alpn: ALPN, clients: Option<Clients<'_>>) -> Result<TlsSettings, String> {
    let mut settings = TlsSettings::with_callbacks(Box::new(Callback(choose))).map_err(|e| e.to_string())?;
    settings.set_alpn(alpn);
    // Where clients are verified, a session is resumed only under a name.
    settings.set_session_id_context(b"lockstep").map_err(|e| e.to_string())?;
    if let Some(clients) = clients {
        let authorities = certificates(clients.authorities)?;
        settings.set_ca_file(clients.authorities).map_err(|e| e.to_string())?;
        for authority in &authorities {
            settings.add_client_ca(authority).map_err(|e| e.to_string())?;
        }
        let also = if clients.required { SslVerifyMode::FAIL_IF_NO_PEER_CERT } else { SslVerifyMode::NONE };
        settings.set_verify(SslVerifyMode::PEER | also);
    }
    Ok(settings)
}

/// Pingora asks it in the middle of each handshake.
struct Callback<C>(Arc<C>);

#[async_trait]
impl<C: Choose> TlsAccept for Callback<C> {
    /// Without a certificate, or with one that cannot be used, the library fails the handshake.
    async fn certificate_callback(&self, ssl: &mut TlsRef) {
        let name = ssl.servername(NameType::HOST_NAME).map(str::to_owned);
        if let Some(key) = self.0.choose(name.as_deref()) {
            let _ = use_key(ssl, &key);
        }
    }

    /// Keeps with the connection the names of the client's certificate, which has been verified by then.
    async fn handshake_complete_callback(&self, tls: &TlsRef) -> Option<Arc<dyn Any + Send + Sync>> {
        super::kept(Certificate::from_der(&tls.peer_certificate()?.to_der().ok()?)?)
    }
}

fn use_key(ssl: &mut TlsRef, key: &CertKey) -> Result<(), ErrorStack> {
    ssl_use_certificate(ssl, key.leaf())?;
    ssl_use_private_key(ssl, key.key())?;
    key.intermediates().iter().try_for_each(|c| ssl_add_chain_cert(ssl, c))
}

/// Reads the authorities of an endpoint.
pub fn read_authorities(path: &str) -> Result<Authorities, String> {
    Ok(Arc::new(certificates(path)?.into_boxed_slice()))
}

/// Reads the certificate that is shown to an endpoint, and its key.
pub fn read_client(cert: &str, key: &str) -> Result<CertKey, String> {
    let chain = certificates(cert)?;
    let own = read_private(key)?;
    if !chain[0].public_key().is_ok_and(|of| of.public_eq(&own)) {
        return Err("the key is another certificate's".into());
    }
    Ok(CertKey::new(chain, own))
}

fn read_private(path: &str) -> Result<PKey<Private>, String> {
    let pem = std::fs::read(path).map_err(|e| format!("reading {path}: {e}"))?;
    PKey::private_key_from_pem(&pem).map_err(|e| format!("reading {path}: {e}"))
}

/// The certificates of a PEM file, at least one.
fn certificates(path: &str) -> Result<Vec<X509>, String> {
    let pem = std::fs::read(path).map_err(|e| format!("reading {path}: {e}"))?;
    let all = X509::stack_from_pem(&pem).map_err(|e| format!("reading {path}: {e}"))?;
    if all.is_empty() { Err(format!("the file {path} holds no certificate in PEM")) } else { Ok(all) }
}
