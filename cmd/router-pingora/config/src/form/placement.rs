//! Placements, defaults and profiles as they are written.

use super::upstream::{StatusRange, Upstream};
use crate::decode::{Decode, Decoder, Raw, Settings, settings};
use crate::node::{Entry, Kind, Node};
use crate::units::{Dur, Factor, Maybe, Percent, Size};
use std::collections::BTreeMap;
use std::sync::Arc;

settings! {
    /// What defaults, a profile and a placement have in common.
    struct Common {
        kind: String = "kind" oneof(&["dedicated", "tier"]);
        fallback: Maybe<Vec<String>> = "fallback" PLAIN;
        last_resort: String = "last_resort" oneof(&["use", "refuse"]);
        select: String = "select" oneof(&["round_robin", "least_request", "rendezvous", "first", "ketama", "maglev", "ewma"]);
        bound: Percent = "bound" POSITIVE;
        decay: Dur = "decay" POSITIVE;
        slow_start: Maybe<Dur> = "slow_start" POSITIVE;
        sticky: Maybe<Sticky> = "sticky" PLAIN;
        shards: Maybe<u32> = "shards" POSITIVE;
        timeouts: Timeouts = "timeouts" PLAIN;
        health: Maybe<Health> = "health" PLAIN;
        breaker: Maybe<Breaker> = "breaker" PLAIN;
        limit: Maybe<Limit> = "limit" PLAIN;
        body_max: Maybe<Size> = "body_max" POSITIVE;
        retries: Maybe<Retries> = "retries" PLAIN;
        upstream: Upstream = "upstream" PLAIN;
        panic: Percent = "panic_percent" POSITIVE;
        panic_do: String = "panic" oneof(&["all", "fail", "fail_over"]);
    }
}

settings! {
    struct Own {
        profile: String = "profile" PLAIN;
        labels: BTreeMap<String, String> = "labels" PLAIN; // nothing decides by them; promises name them
        endpoints: Raw = "endpoints" PLAIN;
    }
}

/// A placement: its own settings and the common ones, side by side.
#[derive(Clone, Debug, Default)]
pub(crate) struct Placement {
    pub(crate) own: Own,
    pub(crate) common: Common,
}

impl Settings for Placement {
    fn fields() -> Vec<(&'static str, &'static str)> {
        [Own::fields(), Common::fields()].concat()
    }
    fn set(&mut self, d: &mut Decoder, e: &Entry) {
        self.own.set(d, e); // each passes over what is the other's
        self.common.set(d, e);
    }
}

impl Decode for Placement {
    fn decode(&mut self, d: &mut Decoder, n: &Arc<Node>) {
        d.structure(n, self);
    }
}

settings! {
    struct Endpoint {
        url: String = "url" PLAIN;
        weight: Percent = "weight" POSITIVE;
        limit: u32 = "limit" POSITIVE;
    }
}

settings! {
    struct Timeouts {
        connect: Dur = "connect" POSITIVE;
        response_header: Dur = "response_header" POSITIVE;
        request: Dur = "request" POSITIVE;
        body_idle: Dur = "body_idle" POSITIVE;
        upstream_idle: Dur = "upstream_idle" POSITIVE;
        settle: Dur = "settle" POSITIVE;
    }
}

settings! {
    struct Health {
        get: String = "get" PLAIN;
        tcp: bool = "tcp" PLAIN;
        tls: bool = "tls" PLAIN;
        grpc: Option<String> = "grpc" PLAIN; // the service; "" means the whole server
        status: Vec<StatusRange> = "status" PLAIN; // of get: which are healthy
        every: Dur = "every" POSITIVE;
        timeout: Dur = "timeout" POSITIVE;
        fall: u32 = "fall" POSITIVE;
        rise: u32 = "rise" POSITIVE;
        start: String = "start" oneof(&["healthy", "unhealthy"]);
    }
}

settings! {
    struct Breaker {
        consecutive_failures: Maybe<u32> = "consecutive_failures" POSITIVE;
        open: Dur = "open" POSITIVE;
        grow: Factor = "grow" POSITIVE;
        open_max: Dur = "open_max" POSITIVE;
        jitter: Percent = "jitter" PLAIN;
        half_open_probes: u32 = "half_open_probes" POSITIVE;
        half_open_successes: u32 = "half_open_successes" POSITIVE;
        max_open: Percent = "max_open" POSITIVE;
        failure_ratio: Maybe<Percent> = "failure_ratio" POSITIVE;
        slow_ratio: Maybe<Percent> = "slow_ratio" POSITIVE;
        slow_call: Dur = "slow_call" POSITIVE;
        window: Dur = "window" POSITIVE;
        min_requests: u32 = "min_requests" POSITIVE;
        preset: String = "preset" oneof(&["baseline", "gobreaker", "envoy", "haproxy"]);
    }
}

settings! {
    struct Sticky {
        cookie: String = "cookie" POSITIVE;
        ttl: Dur = "ttl" POSITIVE;
    }
}

settings! {
    struct Limit {
        in_flight: Maybe<i32> = "in_flight" POSITIVE;
        guests: Maybe<i32> = "guests" PLAIN;
        when_full: WhenFull = "when_full" PLAIN;
        tenant_share: Maybe<Percent> = "tenant_share" POSITIVE;
        priorities: Maybe<Vec<Percent>> = "priorities" PLAIN;
        adaptive: Maybe<Adaptive> = "adaptive" PLAIN;
    }
}

settings! {
    /// A limit that follows latency.
    struct Adaptive {
        min: i32 = "min" POSITIVE;
        max: i32 = "max" POSITIVE;
        start: i32 = "start" POSITIVE;
        window: Dur = "window" POSITIVE;
        tolerance: Factor = "tolerance" POSITIVE;
        remeasure: u32 = "remeasure" POSITIVE;
    }
}

settings! {
    struct Queue {
        queue: u32 = "queue" POSITIVE;
        wait: Dur = "wait" POSITIVE;
        order: String = "order" oneof(&["fifo", "newest_first"]);
    }
}

/// A word, or the settings of a queue (R5).
#[derive(Clone, Debug, Default)]
pub(crate) struct WhenFull {
    pub(crate) fail_over: bool,
    pub(crate) queue: Option<Queue>,
}

impl Decode for WhenFull {
    fn decode(&mut self, d: &mut Decoder, n: &Arc<Node>) {
        const HINT: &str = "write when_full: {queue: 50, wait: 200ms}";
        if n.kind == Kind::Mapping {
            self.queue = Some(d.decode(n));
            if n.get("queue").is_none() || n.get("wait").is_none() {
                d.fail(&n.at, "a queue needs its places and a wait", HINT);
            }
        } else if n.is_word("queue") {
            d.fail(&n.at, "a queue needs its places and a wait", HINT);
        } else if d.want(n, Kind::Scalar) {
            d.choice(n, &["reject", "fail_over"]);
            self.fail_over = n.text == "fail_over";
        }
    }
}

settings! {
    struct Retries {
        max: u32 = "max" POSITIVE;
        on: RetryOn = "on" PLAIN;
        methods: String = "methods" oneof(&["safe", "idempotent", "any"]);
        backoff: BackOff = "backoff" PLAIN;
        retry_after_max: Dur = "retry_after_max" POSITIVE;
        budget: Maybe<Budget> = "budget" PLAIN;
        body_max: Size = "body_max" POSITIVE;
    }
}

settings! {
    struct BackOff {
        base: Dur = "base" POSITIVE;
        max: Dur = "max" POSITIVE;
    }
}

settings! {
    struct Budget {
        percent: Percent = "percent" POSITIVE;
        floor: u32 = "floor" POSITIVE;
    }
}

/// A set of ways to fail, in the bits of core's.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct RetryOn(pub(crate) u8);

/// The ways to fail, in the order of their bits.
const RETRY_WAYS: [&str; 6] = ["connect", "reset", "timeout", "bad_response", "gateway", "5xx"];

impl Decode for RetryOn {
    fn decode(&mut self, d: &mut Decoder, n: &Arc<Node>) {
        if !d.want(n, Kind::Sequence) {
            return;
        }
        for item in &n.items {
            if d.want(item, Kind::Scalar) {
                d.choice(item, &RETRY_WAYS);
                self.0 |= RETRY_WAYS.iter().position(|way| *way == item.text).map_or(0, |bit| 1 << bit);
            }
        }
        if n.items.is_empty() {
            d.fail(&n.at, "no way to fail is listed", "write retries: none, or list some: [connect, reset, gateway]");
        }
    }
}
