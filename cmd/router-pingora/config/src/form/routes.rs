//! Routes, key sources and priorities as they are written.

use crate::decode::{Decode, Decoder, settings};
use crate::node::{Kind, Node};
use crate::units::{Dur, Maybe, Size, Words};
use std::sync::Arc;

settings! {
    /// What holds for all routes.
    struct Routing {
        no_route: NoRoute = "no_route" PLAIN;
        key_max: Maybe<Size> = "key_max" POSITIVE;
        request_id: String = "request_id" oneof(&["any", "trusted"]);
    }
}

settings! {
    struct NoRoute {
        reject: u16 = "reject" POSITIVE;
    }
}

settings! {
    struct Route {
        name: String = "name" PLAIN;
        matches: Match = "match" PLAIN;
        key: Vec<KeySource> = "key" PLAIN;
        split_by: SplitBy = "split_by" PLAIN;
        table: String = "table" PLAIN;
        unknown_key: UnknownKey = "unknown_key" PLAIN;
        client_cert: String = "client_cert" oneof(&["required", "optional"]);
    }
}

settings! {
    struct UnknownKey {
        to: String = "to" PLAIN;
        reject: u16 = "reject" POSITIVE;
    }
}

settings! {
    struct Match {
        host: Words = "host" PLAIN;
        path: Words = "path" PLAIN;
        listen: Words = "listen" PLAIN;
    }
}

settings! {
    /// One place of a key; it has exactly one of the first eight.
    struct KeySource {
        header: String = "header" PLAIN;
        host_label: i64 = "host_label" PLAIN;
        host: String = "host" PLAIN;
        path_segment: i64 = "path_segment" PLAIN;
        query: String = "query" PLAIN;
        cookie: String = "cookie" PLAIN;
        client_cert_san: San = "client_cert_san" PLAIN;
        jwt_claim: String = "jwt_claim" PLAIN;
        after: String = "after" PLAIN; // of path_segment
        many: String = "many" oneof(&["refuse", "first"]);
        jwks: Jwks = "jwks" PLAIN; // this and those below are of jwt_claim
        issuer: String = "issuer" PLAIN;
        audience: String = "audience" PLAIN;
        leeway: Dur = "leeway" PLAIN;
        token: TokenIn = "token" PLAIN;
        invalid: String = "invalid" oneof(&["refuse", "next"]);
    }
}

settings! {
    struct Jwks {
        file: String = "file" PLAIN;
    }
}

settings! {
    struct TokenIn {
        header: String = "header" PLAIN;
        cookie: String = "cookie" PLAIN;
    }
}

settings! {
    /// Who is kept on one side of a split.
    struct SplitBy {
        header: String = "header" PLAIN;
        query: String = "query" PLAIN;
        cookie: String = "cookie" PLAIN;
    }
}

impl SplitBy {
    pub(crate) fn is_empty(&self) -> bool {
        self.header.is_empty() && self.query.is_empty() && self.cookie.is_empty()
    }
}

settings! {
    struct SanOf {
        uri: String = "uri" PLAIN;
        dns: String = "dns" PLAIN;
        email: String = "email" PLAIN;
    }
}

/// A pattern, whose form says which kind of name is meant, or one kind by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct San(pub(crate) SanOf);

impl San {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.uri.is_empty() && self.0.dns.is_empty() && self.0.email.is_empty()
    }
}

impl Decode for San {
    fn decode(&mut self, d: &mut Decoder, n: &Arc<Node>) {
        if n.kind != Kind::Scalar {
            self.0 = d.decode(n);
        } else if n.text.contains("://") {
            self.0.uri.clone_from(&n.text);
        } else if n.text.contains('@') {
            self.0.email.clone_from(&n.text);
        } else {
            self.0.dns.clone_from(&n.text);
        }
    }
}

settings! {
    /// Where the edge finds how critical a request is.
    struct Priority {
        header: String = "header" PLAIN;
        default: i32 = "default" PLAIN;
    }
}
