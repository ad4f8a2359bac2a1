//! Pingora's TLS with rustls.

use std::any::Any;
use std::sync::Arc;

use async_trait::async_trait;
use lockstep_config::routing::Certificate;
use pingora::listeners::TlsAccept;
use pingora::listeners::tls::TlsSettings;
use pingora::protocols::ALPN;
use pingora::protocols::tls::TlsRef;
use pingora::tls::sign::CertifiedKey;
use pingora::tls::{
    ClientHello, CryptoProvider, ResolvesServerCert, RootCertStore, WebPkiClientVerifier,
    install_default_crypto_provider, load_ca_file_into_store, load_certs_and_key_files,
};
use pingora::utils::tls::{CertKey, WrappedX509, parse_x509};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::{Choose, Clients};

/// A certificate with its chain and its key.
pub type Key = Arc<CertifiedKey>;
/// The authorities that an endpoint's certificate is held to.
pub type Authorities = Arc<[WrappedX509]>;

/// Readies the library; once, before anything else of it is used.
pub fn begin() {
    install_default_crypto_provider();
}

/// Reads a certificate and its key, in PEM, and holds them to each other.
pub fn read_key(cert: &str, key: &str) -> Result<Key, String> {
    let found = load_certs_and_key_files(cert, key).map_err(|e| e.to_string())?;
    let (chain, key) = found.ok_or("one of them is missing")?;
    let provider = CryptoProvider::get_default().ok_or("there is no cryptography")?;
    CertifiedKey::from_der(chain, key, provider).map(Arc::new).map_err(|e| e.to_string())
}

/// The certificate itself, in DER.
pub fn leaf(key: &Key) -> Vec<u8> {
    key.cert.first().map_or(Vec::new(), |der| der.to_vec())
}

/// Pingora's settings of a listener.
pub fn listener(choose: Arc<impl Choose>, alpn: ALPN, clients: Option<Clients<'_>>) -> Result<TlsSettings, String> {
    let mut settings = TlsSettings::with_callbacks(Box::new(Names)).map_err(|e| e.to_string())?;
    settings.set_cert_resolver(Arc::new(Resolver(choose)));
    settings.set_alpn(alpn);
    if let Some(clients) = clients {
        let mut roots = RootCertStore::empty();
        load_ca_file_into_store(clients.authorities, &mut roots).map_err(|e| e.to_string())?;
        let builder = WebPkiClientVerifier::builder(Arc::new(roots));
        let builder = if clients.required { builder } else { builder.allow_unauthenticated() };
        settings.set_client_cert_verifier(builder.build().map_err(|e| e.to_string())?);
    }
    Ok(settings)
}

/// Keeps with each connection the names of the client's certificate, which has been verified by then.
struct Names;

#[async_trait]
impl TlsAccept for Names {
    async fn handshake_complete_callback(&self, tls: &TlsRef) -> Option<Arc<dyn Any + Send + Sync>> {
        super::kept(Certificate::from_der(tls.peer_certificate_der()?)?)
    }
}

/// Pingora's settings hold one certificate; so the choice is made in their resolver.
struct Resolver<C>(Arc<C>);

impl<C> std::fmt::Debug for Resolver<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resolver").finish_non_exhaustive()
    }
}

impl<C: Choose> ResolvesServerCert for Resolver<C> {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Key> {
        self.0.choose(hello.server_name())
    }
}

/// Reads the authorities of an endpoint.
pub fn read_authorities(path: &str) -> Result<Authorities, String> {
    Ok(certificates(path)?.into_iter().map(|der| WrappedX509::new(der, parse_x509)).collect())
}

/// Reads the certificate that is shown to an endpoint, and its key.
pub fn read_client(cert: &str, key: &str) -> Result<CertKey, String> {
    let own = pingora::tls::load_pem_file_private_key(&key.into()).map_err(|e| format!("reading {key}: {e}"))?;
    Ok(CertKey::new(certificates(cert)?, own))
}

fn certificates(path: &str) -> Result<Vec<Vec<u8>>, String> {
    let all: Vec<Vec<u8>> = CertificateDer::pem_file_iter(path)
        .and_then(|all| all.map(|c| c.map(|c| c.to_vec())).collect())
        .map_err(|e| format!("reading {path}: {e}"))?;
    if all.is_empty() { Err(format!("the file {path} holds no certificate in PEM")) } else { Ok(all) }
}
