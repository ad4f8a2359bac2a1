//! Addresses to serve on, and how connections to them are treated. Never part of a Spec: they
//! change no decision.

use crate::units::Prefix;

const SECOND: i64 = 1_000_000_000;

/// One address to serve on. Every time is in ns, every size in bytes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listener {
    /// As written under listen.
    pub name: String,
    /// host:port; without a host every address of the machine.
    pub address: String,
    /// Engine of the Go router: http1 or std. Here it chooses nothing.
    pub engine: String,
    /// None: a plain listener.
    pub tls: Option<ListenerTls>,
    /// Peers whose X-Forwarded-* are believed; empty: nobody's.
    pub trust_headers_from: Vec<Prefix>,
    /// None: a PROXY header is not HTTP, and is refused as such.
    pub proxy: Option<ProxyProtocol>,
    /// Connections that may be open at once; 0: no limit. One beyond is closed.
    pub max_connections: i32,
    /// The same of one IPv4 address or one IPv6 /64; 0: no limit.
    pub max_per_client: i32,
    /// Of a request's header, both protocols; 0: 64 KiB.
    pub header_max: i64,
    /// How long a client may take.
    pub timeouts: ListenerTimeouts,
    /// Limits of HTTP/1.
    pub http1: Http1Limits,
    /// Limits of HTTP/2.
    pub http2: Http2,
}

/// Limits of HTTP/1 beside those of every engine; 0 means the default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Http1Limits {
    /// Bytes of a request target; default 8 KiB.
    pub target_max: i64,
    /// Header lines of a request; default 100.
    pub headers_max: i32,
    /// Requests of one connection; default no limit.
    pub requests_max: i32,
    /// A body without a byte, ns; default 30 s.
    pub body_idle: i64,
    /// Bytes a second of a body before its answer begins, after 5 s; default 240, below 0: no limit.
    pub body_rate_min: i64,
    /// The client takes nothing of an answer, ns; default 30 s.
    pub write: i64,
}

/// Makes a listener speak TLS.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListenerTls {
    /// Folder of the certificates; else `pairs` lists them. Every pair serves the names in its certificate.
    pub folder: String,
    /// Files of certificates and keys.
    pub pairs: Vec<CertPair>,
    /// A name in the certificate that serves a client which names none, or one that no certificate has;
    /// "": the first of `pairs`, or by file name.
    pub default: String,
    /// "1.2" or "1.3".
    pub min: String,
    /// File with the authorities of client certificates; "": none are asked for.
    pub client_ca: String,
    /// "required", "optional" or "none".
    pub client_cert: String,
    /// File or folder of session ticket keys that routers share; "": each has its own.
    pub ticket_keys: String,
    /// Every handshake is a full one.
    pub no_tickets: bool,
}

/// Files of one certificate with its chain and of its key, in PEM.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CertPair {
    /// File of the certificate.
    pub cert: String,
    /// File of the key.
    pub key: String,
}

/// The PROXY header, version 1 or 2, that a balancer sends first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProxyProtocol {
    /// Balancers; a header from anybody else is refused.
    pub from: Vec<Prefix>,
    /// A balancer's connection without one is refused.
    pub required: bool,
}

/// How long a client may take, in ns; 0 means the default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListenerTimeouts {
    /// PROXY header and TLS handshake; default 10 s.
    pub handshake: i64,
    /// A request's header; default 15 s.
    pub header: i64,
    /// Between two requests; default 60 s.
    pub idle: i64,
    /// A request to the end of its body; default none.
    pub body: i64,
}

/// Limits of an HTTP/2 connection; 0 means the default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Http2 {
    /// Neither h2 by ALPN nor h2c by prior knowledge.
    pub off: bool,
    /// Requests at once on one connection; default 250.
    pub max_streams: i32,
    /// Silence after which the client is asked whether it is there, ns; default 30 s.
    pub ping_every: i64,
    /// It has so long to answer, ns; default 15 s.
    pub ping_timeout: i64,
}

fn or<T: Default + PartialEq>(v: &mut T, value: T) {
    if *v == T::default() {
        *v = value;
    }
}

impl Listener {
    /// The same with every setting that has a default filled in.
    pub fn with_defaults(mut self) -> Listener {
        or(&mut self.engine, "http1".into());
        or(&mut self.header_max, 64 << 10);
        or(&mut self.timeouts.handshake, 10 * SECOND);
        or(&mut self.timeouts.header, 15 * SECOND);
        or(&mut self.timeouts.idle, 60 * SECOND);
        or(&mut self.http1.target_max, 8 << 10);
        or(&mut self.http1.headers_max, 100);
        or(&mut self.http1.body_idle, 30 * SECOND);
        // With timeouts.body it is said how long a body may take.
        or(&mut self.http1.body_rate_min, if self.timeouts.body > 0 { -1 } else { 240 });
        or(&mut self.http1.write, 30 * SECOND);
        or(&mut self.http2.max_streams, 250);
        or(&mut self.http2.ping_every, 30 * SECOND);
        or(&mut self.http2.ping_timeout, 15 * SECOND);
        if let Some(t) = &mut self.tls {
            or(&mut t.min, "1.2".into());
            or(&mut t.client_cert, if t.client_ca.is_empty() { "none" } else { "required" }.into());
        }
        self
    }
}
