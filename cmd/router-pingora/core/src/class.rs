//! R16: the one list of ways in which a request can end other than with an upstream's answer
//! below 500.

use crate::names::enumeration;

enumeration! {
    /// How a request ended (R16). The numbers are part of the trace format. The order is
    /// load-bearing: the classes that count against an endpoint lie between `FIRST_FAILURE` and
    /// `LAST_FAILURE`.
    Class {
        /// A completed response.
        NONE = 0,
        /// The request names no routing key.
        NO_KEY = 1,
        /// Nobody takes its routing key.
        UNKNOWN_KEY = 2,
        /// It cannot be read.
        BAD_REQUEST = 3,
        /// Its body is longer than its home allows.
        BODY_TOO_LARGE = 4,
        /// There is no room (R5).
        LIMIT_REACHED = 5,
        /// It waited for room in vain (R5).
        QUEUE_TIMEOUT = 6,
        /// Breakers kept it from every endpoint (R3).
        CIRCUIT_OPEN = 7,
        /// Health kept it from every endpoint (R3).
        NO_ENDPOINT = 8,
        /// There is no configuration yet (R13).
        NOT_READY = 9,
        /// The router drains (R14).
        DRAINING = 10,
        /// The client went away.
        CLIENT_GONE = 11,
        /// The edge itself is at fault.
        INTERNAL = 12,
        /// The endpoint's name has no address.
        DNS = 13,
        /// The endpoint takes no connection.
        CONNECT_REFUSED = 14,
        /// Connecting took too long.
        CONNECT_TIMEOUT = 15,
        /// The handshake failed.
        TLS = 16,
        /// The connection broke before a response.
        RESET_BEFORE_RESPONSE = 17,
        /// The response took too long.
        RESPONSE_TIMEOUT = 18,
        /// What came is not a response.
        BAD_RESPONSE = 19,
        /// The endpoint answered 500 or above.
        UPSTREAM_5XX = 20,
        /// The response's body broke off.
        BROKEN_BODY = 21,
        /// The response's body stood still.
        BODY_TIMEOUT = 22,
        /// The request took too long to come.
        REQUEST_TIMEOUT = 23,
        /// Its header is too large.
        HEADER_TOO_LARGE = 24,
        /// Its target is too long.
        URI_TOO_LONG = 25,
        /// Its priority has no share of the room left (R5).
        SHED = 26,
        /// Its tenant holds its share (R5).
        FAIR_SHARE = 27,
        /// Its key could not be verified.
        UNAUTHORIZED = 28,
        /// No route takes it.
        NO_ROUTE = 29,
    }
}

/// The number of classes, `Class::NONE` included.
pub const CLASSES: u8 = 30;

/// What an outcome does to the breaker of its endpoint (R7).
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// It counts as good.
    Ok,
    /// It counts as a failure.
    Failure,
    /// It says nothing of the endpoint.
    Excluded,
}

/// Whether R11 may try again after a class.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum RetryRule {
    /// Never.
    Never,
    /// When the method allows it or nothing was sent.
    IfSafe,
    /// Nothing ever was sent.
    NothingSent,
}

/// One row of the table of R16.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct ClassRow {
    /// Log, metric and trace label.
    pub label: &'static str,
    /// What the client is told; 0: the upstream's own status, or nobody is left to tell.
    pub status: u16,
    /// What it does to a breaker.
    pub effect: Effect,
    /// Whether it may be retried.
    pub retry: RetryRule,
}

const fn refusal(label: &'static str, status: u16) -> ClassRow {
    ClassRow { label, status, effect: Effect::Excluded, retry: RetryRule::Never }
}

const fn failure(label: &'static str, status: u16, retry: RetryRule) -> ClassRow {
    ClassRow { label, status, effect: Effect::Failure, retry }
}

impl Class {
    /// The first class that counts against the endpoint (R7).
    pub const FIRST_FAILURE: Class = Class::DNS;
    /// The last one.
    pub const LAST_FAILURE: Class = Class::BODY_TIMEOUT;

    /// Returns the class's row of the table of R16. A number outside the list gets the row of
    /// `INTERNAL`.
    pub const fn row(self) -> ClassRow {
        match self {
            Class::NONE => ClassRow { label: "none", status: 0, effect: Effect::Ok, retry: RetryRule::Never },
            Class::NO_KEY => refusal("no_key", 400),
            Class::UNKNOWN_KEY => refusal("unknown_key", 421),
            Class::BAD_REQUEST => refusal("bad_request", 400),
            Class::BODY_TOO_LARGE => refusal("body_too_large", 413),
            Class::LIMIT_REACHED => refusal("limit", 429),
            Class::QUEUE_TIMEOUT => refusal("queue_timeout", 503),
            Class::CIRCUIT_OPEN => refusal("circuit_open", 503),
            Class::NO_ENDPOINT => refusal("no_endpoint", 503),
            Class::NOT_READY => refusal("not_ready", 503),
            Class::DRAINING => refusal("drain", 503),
            Class::CLIENT_GONE => refusal("client_gone", 0),
            Class::REQUEST_TIMEOUT => refusal("request_timeout", 408),
            Class::HEADER_TOO_LARGE => refusal("header_too_large", 431),
            Class::URI_TOO_LONG => refusal("uri_too_long", 414),
            Class::SHED => refusal("shed", 503),
            Class::FAIR_SHARE => refusal("fair_share", 429),
            Class::UNAUTHORIZED => refusal("unauthorized", 401),
            Class::NO_ROUTE => refusal("no_route", 404),
            _ => self.upstream_row(),
        }
    }

    /// Rows of classes that an upstream causes, and that of `INTERNAL`.
    const fn upstream_row(self) -> ClassRow {
        match self {
            Class::DNS => failure("dns", 502, RetryRule::NothingSent),
            Class::CONNECT_REFUSED => failure("connect_refused", 502, RetryRule::NothingSent),
            Class::CONNECT_TIMEOUT => failure("connect_timeout", 502, RetryRule::NothingSent),
            Class::TLS => failure("tls", 502, RetryRule::NothingSent),
            Class::RESET_BEFORE_RESPONSE => failure("reset_before_response", 502, RetryRule::IfSafe),
            Class::RESPONSE_TIMEOUT => failure("response_timeout", 504, RetryRule::IfSafe),
            Class::BAD_RESPONSE => failure("bad_response", 502, RetryRule::IfSafe),
            Class::UPSTREAM_5XX => failure("upstream_5xx", 0, RetryRule::IfSafe),
            Class::BROKEN_BODY => failure("broken_body", 0, RetryRule::Never),
            Class::BODY_TIMEOUT => failure("body_timeout", 0, RetryRule::Never),
            _ => refusal("internal", 500),
        }
    }

    /// Reports whether the class is one that the edge finds without asking for a route, so that
    /// a recording keeps it and a replay takes it as it is: the request could not be read, no
    /// route takes it, its key could not be verified, or the edge itself is at fault.
    pub const fn by_edge(self) -> bool {
        self.by_bytes() || matches!(self, Class::UNAUTHORIZED | Class::NO_ROUTE | Class::INTERNAL)
    }

    /// Reports whether the class needs no configuration: it is refused before anything else.
    pub(crate) const fn by_bytes(self) -> bool {
        matches!(self, Class::BAD_REQUEST | Class::REQUEST_TIMEOUT | Class::HEADER_TOO_LARGE | Class::URI_TOO_LONG)
    }

    /// The class's label; that of `INTERNAL` for a number outside the list.
    pub const fn as_str(self) -> &'static str {
        self.row().label
    }

    /// What the class does to a breaker, without the rest of the row.
    pub const fn effect(self) -> Effect {
        if self.0 == Class::NONE.0 {
            Effect::Ok
        } else if self.0 >= Class::FIRST_FAILURE.0 && self.0 <= Class::LAST_FAILURE.0 {
            Effect::Failure
        } else {
            Effect::Excluded
        }
    }
}
