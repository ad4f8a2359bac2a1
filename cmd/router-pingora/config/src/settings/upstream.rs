//! The text that a placement carries for its upstream connections and active health checks.

use super::{go_json, is_default};
use serde::{Deserialize, Serialize};

/// Bytes of a response's header where `Upstream::header_max` is 0.
pub const HEADER_MAX: i64 = 64 << 10;
/// Silence in ns after which an HTTP/2 connection is pinged, where it is not set.
pub const PING_AFTER: i64 = 30_000_000_000;
/// The time in ns for its answer, where it is not set.
pub const PING_TIMEOUT: i64 = 15_000_000_000;

/// What the edge alone needs of one placement.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Placement {
    /// None: all defaults.
    #[serde(skip_serializing_if = "is_default")]
    pub upstream: Option<Upstream>,
}

/// How connections to a placement's endpoints are made and kept. Times are in ns, sizes in bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Upstream {
    /// http1, h2, h2c or auto (HTTP/2 where an https endpoint offers it); "" means http1.
    #[serde(skip_serializing_if = "is_default")]
    pub protocol: String,
    /// What requests are for, in place of the URL's authority; "" means that.
    #[serde(skip_serializing_if = "is_default")]
    pub host: String,
    /// v1 or v2; "" means none. Only with http1.
    #[serde(skip_serializing_if = "is_default")]
    pub proxy_protocol: String,
    /// Connections to one endpoint, idle ones included; 0 means no limit.
    #[serde(skip_serializing_if = "is_default")]
    pub max_open: i64,
    /// Connections kept open without need; 0 means none.
    #[serde(skip_serializing_if = "is_default")]
    pub warm: i64,
    /// How long a connection is used at most, less up to a tenth so that not all end at once; 0 means for ever.
    #[serde(skip_serializing_if = "is_default")]
    pub max_lifetime: i64,
    /// Requests on one connection; 0 means no limit.
    #[serde(skip_serializing_if = "is_default")]
    pub max_requests: i64,
    /// Of a response's header, trailers apart; 0 means 64 KiB.
    #[serde(skip_serializing_if = "is_default")]
    pub header_max: i64,
    /// HTTP/2 connections.
    #[serde(skip_serializing_if = "is_default")]
    pub h2: H2,
    /// https endpoints; None means the system's roots, TLS 1.2 or later.
    #[serde(skip_serializing_if = "is_default")]
    pub tls: Option<Tls>,
    /// How the active health check asks; None means GET, and any 2xx is healthy.
    #[serde(skip_serializing_if = "is_default")]
    pub health: Option<Health>,
}

/// How HTTP/2 connections to endpoints are kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct H2 {
    /// Requests at once on one connection; 0 means as many as the endpoint permits.
    #[serde(skip_serializing_if = "is_default")]
    pub streams: i64,
    /// Silence after which a ping is sent; 0 means 30 s.
    #[serde(skip_serializing_if = "is_default")]
    pub ping_after: i64,
    /// Without its answer in that time the connection ends; 0 means 15 s.
    #[serde(skip_serializing_if = "is_default")]
    pub ping_timeout: i64,
}

/// How an https endpoint is spoken to. Files are read again when they change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tls {
    /// File of PEM certificates that sign endpoints; "" means the system's.
    #[serde(skip_serializing_if = "is_default")]
    pub ca: String,
    /// Asked for (SNI) and must be in the certificate; "" means the URL's host.
    #[serde(rename = "server_name", skip_serializing_if = "is_default")]
    pub name: String,
    /// File of the router's own certificate, PEM; with `key`.
    #[serde(skip_serializing_if = "is_default")]
    pub cert: String,
    /// File of its key.
    #[serde(skip_serializing_if = "is_default")]
    pub key: String,
    /// "1.2" or "1.3"; "" means 1.2.
    #[serde(skip_serializing_if = "is_default")]
    pub min: String,
    /// Any certificate will do.
    #[serde(skip_serializing_if = "is_default")]
    pub insecure: bool,
}

/// The form of an active health check.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Health {
    /// tcp, tls, grpc; "" means http.
    #[serde(skip_serializing_if = "is_default")]
    pub kind: String,
    /// http: which are healthy; none means 200 to 299.
    #[serde(skip_serializing_if = "is_default")]
    pub status: Vec<Status>,
    /// grpc: whose health is asked for; "" means the whole server's.
    #[serde(skip_serializing_if = "is_default")]
    pub service: String,
}

/// A range of HTTP statuses, both ends included.
#[derive(Copy, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Status {
    /// The least.
    pub from: u16,
    /// The most.
    pub to: u16,
}

impl Placement {
    /// What core carries, "" if there is nothing to carry.
    pub fn text(&self) -> String {
        if self.upstream.is_none() { String::new() } else { go_json(self, true) }
    }

    /// Decodes what core carried. An error means text that no configuration file wrote.
    pub fn read(text: &str) -> Result<Placement, String> {
        if text.is_empty() {
            return Ok(Placement::default());
        }
        serde_json::from_str(text).map_err(|e| format!("reading a placement's edge settings: {e}"))
    }
}
