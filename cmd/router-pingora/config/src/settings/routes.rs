//! The text that a Spec carries for routes, key sources and priorities.

use super::{go_json, is_default};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The longest key in bytes where `Routing::key_max` is 0.
pub const DEFAULT_KEY_MAX: usize = 256;

/// The header of RFC 9218.
pub const HEADER_PRIORITY: &str = "Priority";

/// What the edge alone needs of a whole configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Whole {
    /// None: every request takes route 0, its key is X-Routing-Key.
    #[serde(skip_serializing_if = "is_default")]
    pub routing: Option<Routing>,
    /// None: every request is the most critical.
    #[serde(skip_serializing_if = "is_default")]
    pub priority: Option<Priority>,
}

/// Where the edge finds how critical a request is: 0 is the most critical, 7 the least (R5).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Priority {
    /// Header in which a trusted peer says it, in canonical form: Priority is that of RFC 9218, whose
    /// urgency (u=3) it is; any other holds one number.
    pub header: String,
    /// That of a request of anybody else, or of one that says nothing.
    #[serde(skip_serializing_if = "is_default")]
    pub default: u8,
}

/// Which route a request takes and how its key is found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Routing {
    /// By number, as core has them; the first that takes a request counts.
    pub routes: Vec<Route>,
    /// How long a key may be, in bytes; 0 means 256.
    #[serde(skip_serializing_if = "is_default")]
    pub key_max: i64,
    /// Makes a new request id for a request of a peer that is not trusted.
    #[serde(skip_serializing_if = "is_default")]
    pub trusted_id: bool,
}

/// What one route takes and where the key is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Route {
    /// Its name, written or made of what it takes.
    pub name: String,
    /// Names in lower case, or *.suffix for everything below suffix. Empty: any.
    #[serde(skip_serializing_if = "is_default")]
    pub hosts: Vec<String>,
    /// Prefixes of whole segments: /v1 takes /v1 and /v1/x. Empty: any.
    #[serde(skip_serializing_if = "is_default")]
    pub paths: Vec<String>,
    /// Names of listeners. Empty: any.
    #[serde(skip_serializing_if = "is_default")]
    pub listeners: Vec<String>,
    /// Asked in order; the first that has a key counts.
    pub sources: Vec<Source>,
    /// Refuses a request without a verified client certificate as unauthorized.
    #[serde(skip_serializing_if = "is_default")]
    pub client_cert: bool,
    /// Who is kept on one side of a split; None means the request.
    #[serde(skip_serializing_if = "is_default")]
    pub split_by: Option<Source>,
}

/// One place where a key may stand. Exactly one of header, label, host, segment, query, cookie, san
/// and jwt is set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Source {
    /// Name in canonical form.
    #[serde(skip_serializing_if = "is_default")]
    pub header: String,
    /// A label of the host, 1 for the first, -1 for the last.
    #[serde(skip_serializing_if = "is_default")]
    pub label: i64,
    /// A pattern of the host in which one label is *: the key.
    #[serde(skip_serializing_if = "is_default")]
    pub host: String,
    /// A segment of the path, 1 for the first, counted after the prefix `after`.
    #[serde(skip_serializing_if = "is_default")]
    pub segment: i64,
    /// Prefix of whole segments before `segment`.
    #[serde(skip_serializing_if = "is_default")]
    pub after: String,
    /// Name of a parameter.
    #[serde(skip_serializing_if = "is_default")]
    pub query: String,
    /// Name of a cookie.
    #[serde(skip_serializing_if = "is_default")]
    pub cookie: String,
    /// A name in a client certificate.
    #[serde(skip_serializing_if = "is_default")]
    pub san: Option<San>,
    /// A claim of a token.
    #[serde(skip_serializing_if = "is_default")]
    pub jwt: Option<Jwt>,
    /// Takes the first of several values; else several are refused. For header, query, cookie and san.
    #[serde(skip_serializing_if = "is_default")]
    pub first: bool,
}

/// A name in a verified client certificate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct San {
    /// uri, dns or email.
    pub kind: String,
    /// With one *, which stands for the key: no / in a URI, no . in a DNS name, no @ in an address.
    pub pattern: String,
}

/// A claim of a token whose signature, times, issuer and audience hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Jwt {
    /// Name of the claim.
    pub claim: String,
    /// File of the keys, read again when it changes.
    pub jwks: String,
    /// "": any.
    #[serde(skip_serializing_if = "is_default")]
    pub issuer: String,
    /// One that must be among the token's; "": any.
    #[serde(skip_serializing_if = "is_default")]
    pub audience: String,
    /// By which clocks may differ, in ns.
    #[serde(skip_serializing_if = "is_default")]
    pub leeway: i64,
    /// Where the token is; "" means Authorization, with the scheme Bearer.
    #[serde(skip_serializing_if = "is_default")]
    pub header: String,
    /// Where it is in place of a header.
    #[serde(skip_serializing_if = "is_default")]
    pub cookie: String,
    /// Goes on to the next source when there is a token that does not hold; else the request is refused.
    #[serde(skip_serializing_if = "is_default")]
    pub next: bool,
}

impl fmt::Display for Source {
    /// Names a source for logs and explanations: jwt_claim tenant.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            s if !s.header.is_empty() => write!(f, "header {}", s.header),
            s if s.label != 0 => write!(f, "host_label {}", s.label),
            s if !s.host.is_empty() => write!(f, "host {}", s.host),
            s if s.segment != 0 && !s.after.is_empty() => write!(f, "path_segment {} after {}", s.segment, s.after),
            s if s.segment != 0 => write!(f, "path_segment {}", s.segment),
            s if !s.query.is_empty() => write!(f, "query {}", s.query),
            s if !s.cookie.is_empty() => write!(f, "cookie {}", s.cookie),
            Source { san: Some(san), .. } => write!(f, "client_cert_san {}", san.pattern),
            Source { jwt: Some(jwt), .. } => write!(f, "jwt_claim {}", jwt.claim),
            _ => f.write_str("no source"),
        }
    }
}

impl Whole {
    /// Encodes it for `Spec::edge`; what is all default is "".
    pub fn text(&self) -> String {
        if is_default(self) { String::new() } else { go_json(self, false) }
    }

    /// Decodes what `text` wrote. A field that is not known is an error: a setting that this program
    /// does not know must not be passed over.
    pub fn read(text: &str) -> Result<Whole, String> {
        if text.is_empty() {
            return Ok(Whole::default());
        }
        serde_json::from_str(text).map_err(|e| format!("reading the settings of the edge: {e}"))
    }
}
