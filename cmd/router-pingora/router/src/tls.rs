//! The TLS library, which Pingora is built with: rustls, or with the features of that name OpenSSL or
//! BoringSSL. Pingora's settings, certificates and keys are other types with each; what differs is in
//! one file for rustls and one for the other two, behind the same names. What is common to all stands
//! in serve/tls.rs and proxy/upstream.rs.

use std::any::Any;
use std::sync::Arc;

use lockstep_config::routing::Certificate;
use pingora::protocols::tls::SslDigest;

#[cfg(not(feature = "rustls"))]
mod openssl;
#[cfg(feature = "rustls")]
mod rustls;

#[cfg(not(feature = "rustls"))]
pub use openssl::*;
#[cfg(feature = "rustls")]
pub use rustls::*;

#[cfg(any(
    all(feature = "rustls", any(feature = "openssl", feature = "boringssl")),
    all(feature = "openssl", feature = "boringssl"),
    not(any(feature = "rustls", feature = "openssl", feature = "boringssl")),
))]
compile_error!("choose one TLS library: rustls (the default), or --no-default-features with openssl or boringssl");

/// What a handshake leaves with its connection, for `certificate` to find.
fn kept(names: Certificate) -> Option<Arc<dyn Any + Send + Sync>> {
    Some(Arc::new(Arc::new(names)))
}

/// The names of the client's certificate that was verified when the connection began; None for none.
pub fn certificate(of: &SslDigest) -> Option<Arc<Certificate>> {
    of.extension.get::<Arc<Certificate>>().cloned()
}

/// Chooses a listener's certificate in a handshake.
pub trait Choose: Send + Sync + 'static {
    /// The certificate for the name that a client asks for, if it does; None where there is none at all.
    fn choose(&self, name: Option<&str>) -> Option<Key>;
}

/// What a listener asks of its clients.
pub struct Clients<'a> {
    /// File with the authorities of client certificates, in PEM.
    pub authorities: &'a str,
    /// One without a certificate is refused.
    pub required: bool,
}
