//! The section listen as it is written.

use crate::decode::{Decode, Decoder, settings};
use crate::node::{Kind, Node};
use crate::units::{Dur, Maybe, Prefix, Size};
use std::sync::Arc;

settings! {
    struct Listener {
        address: String = "address" PLAIN;
        http_engine: String = "http_engine" oneof(&["http1", "std"]);
        tls: Option<Tls> = "tls" PLAIN;
        trust: Vec<Prefix> = "trust_headers_from" PLAIN;
        proxy_protocol: Option<ProxyProtocol> = "proxy_protocol" PLAIN;
        max_connections: i32 = "max_connections" POSITIVE;
        max_per_client: i32 = "max_connections_per_client" POSITIVE;
        header_max: Size = "header_max" POSITIVE;
        timeouts: Timeouts = "timeouts" PLAIN;
        http1: Option<Http1> = "http1" PLAIN;
        http2: Maybe<Http2> = "http2" PLAIN;
    }
}

settings! {
    struct Http1 {
        target_max: Size = "target_max" POSITIVE;
        headers_max: i32 = "headers_max" POSITIVE;
        requests_max: i32 = "requests_max" POSITIVE;
        body_idle: Dur = "body_idle" POSITIVE;
        body_rate_min: Maybe<Size> = "body_rate_min" POSITIVE;
        write: Dur = "write" POSITIVE;
    }
}

settings! {
    struct Tls {
        certs: Certs = "certs" PLAIN;
        default: String = "default" PLAIN;
        min: String = "min" oneof(&["1.2", "1.3"]);
        client_ca: String = "client_ca" PLAIN;
        client_cert: String = "client_cert" oneof(&["required", "optional", "none"]);
        session_tickets: Maybe<Tickets> = "session_tickets" PLAIN;
    }
}

settings! {
    struct Tickets {
        keys: String = "keys" PLAIN;
    }
}

settings! {
    struct ProxyProtocol {
        from: Vec<Prefix> = "from" PLAIN;
        required: bool = "required" PLAIN;
    }
}

settings! {
    struct Timeouts {
        handshake: Dur = "handshake" POSITIVE;
        header: Dur = "header" POSITIVE;
        idle: Dur = "idle" POSITIVE;
        body: Dur = "body" POSITIVE;
    }
}

settings! {
    struct Http2 {
        max_streams: i32 = "max_streams" POSITIVE;
        ping_every: Dur = "ping_every" POSITIVE;
        ping_timeout: Dur = "ping_timeout" POSITIVE;
    }
}

settings! {
    struct CertPair {
        cert: String = "cert" PLAIN;
        key: String = "key" PLAIN;
    }
}

/// A folder, or a list of pairs of files.
#[derive(Clone, Debug, Default)]
pub(crate) struct Certs {
    pub(crate) folder: String,
    pub(crate) pairs: Vec<CertPair>,
}

impl Decode for Certs {
    fn decode(&mut self, d: &mut Decoder, n: &Arc<Node>) {
        if n.kind == Kind::Scalar {
            self.folder.clone_from(&n.text);
            return;
        }
        if !d.want(n, Kind::Sequence) {
            return;
        }
        for item in &n.items {
            let p: CertPair = d.decode(item);
            if item.kind == Kind::Mapping && (p.cert.is_empty() || p.key.is_empty()) {
                d.fail(&item.at, "this pair needs both cert and key", "write {cert: api.crt, key: api.key}");
            }
            self.pairs.push(p);
        }
    }
}
