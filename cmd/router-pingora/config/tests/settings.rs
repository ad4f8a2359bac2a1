//! Nothing of the file is silently left out: every setting of the schema stands in exactly one of the
//! tables below, and what a table says of a setting is held.

use lockstep_config::File;
use serde_json::Value;
use std::collections::BTreeMap;

/// Part of what is compiled: core decides by it, and the digest that both routers print covers it.
#[rustfmt::skip]
const DECIDED: &[&str] = &[
    "version", "routing.no_route.reject", "routes[].name", "routes[].table", "routes[].unknown_key.to",
    "routes[].unknown_key.reject", "keys", "tables", "control_plane.refuse_push_over.keys_rerouted",
    "control_plane.refuse_push_over.keys_removed", "control_plane.refuse_push_over.endpoints_removed",
    "control_plane.refuse_push_over.limit_lowered", "placements.*.endpoints.*.url",
    "placements.*.endpoints.*.weight", "placements.*.endpoints.*.limit", "kind", "fallback", "last_resort", "select",
    "bound", "decay", "slow_start", "shards", "sticky.cookie", "sticky.ttl", "panic_percent", "panic", "body_max",
    "timeouts.connect", "timeouts.response_header", "timeouts.request", "timeouts.body_idle",
    "timeouts.upstream_idle", "timeouts.settle", "health.every", "health.timeout", "health.fall", "health.rise",
    "health.start", "health.get", "breaker.consecutive_failures", "breaker.open", "breaker.grow", "breaker.open_max",
    "breaker.jitter", "breaker.half_open_probes", "breaker.half_open_successes", "breaker.max_open",
    "breaker.failure_ratio", "breaker.slow_ratio", "breaker.slow_call", "breaker.window", "breaker.min_requests",
    "breaker.preset", "limit.in_flight", "limit.guests", "limit.when_full", "limit.when_full.queue", "limit.when_full.wait",
    "limit.when_full.order", "limit.adaptive.min", "limit.adaptive.max", "limit.adaptive.start",
    "limit.adaptive.window", "limit.adaptive.tolerance", "limit.adaptive.remeasure", "limit.tenant_share",
    "limit.priorities", "retries.max", "retries.on", "retries.methods", "retries.backoff.base",
    "retries.backoff.max", "retries.retry_after_max", "retries.budget.percent", "retries.budget.floor",
    "retries.body_max",
];

/// What the loader itself is told.
#[rustfmt::skip]
const LOADED: &[&str] = &[
    "lockstep", "include", "include[].table", "include[].csv", "placements.*.profile",
];

/// For check, sim and those who read the file: serve of neither router acts by them.
#[rustfmt::skip]
const TOLD: &[&str] = &[
    "facts.routers", "facts.peak.*.requests", "facts.peak.*.latency", "placements.*.labels", "must.*.lose",
    "must.*.availability", "must.*.p99", "must.*.within", "must.*.home_refused_because_of_guests", "must.*.keys",
    "must.*.keys.region", "must.*.served_by", "must.*.placements", "must.*.guests", "must.*.half_open_probes",
    "must.*.fails_over_within", "must.*.recovers_within", "must.*.in_flight.placement", "must.*.in_flight.at_most",
    "must.*.health_probes_per_second",
];

/// What the edge of this router does, with the file of the workspace that reads it and what stands there.
#[rustfmt::skip]
const USED: &[(&str, &str, &str)] = &[
    ("listen.*.address", "router/src/serve/listen.rs", "settings.address"),
    ("listen.*.tls.certs", "router/src/serve/tls.rs", "tls.folder"),
    ("listen.*.tls.certs[].cert", "router/src/serve/tls.rs", "pair.cert"),
    ("listen.*.tls.certs[].key", "router/src/serve/tls.rs", "pair.key"),
    ("listen.*.tls.default", "router/src/serve/tls.rs", "tls.default"),
    ("listen.*.tls.client_ca", "router/src/serve/tls.rs", "of.client_ca"),
    ("listen.*.tls.client_cert", "router/src/serve/tls.rs", "t.client_cert"),
    ("listen.*.trust_headers_from", "router/src/serve/listen.rs", "l.trust_headers_from"),
    ("listen.*.max_connections", "router/src/connections.rs", "l.max_connections"),
    ("listen.*.timeouts.header", "router/src/serve/listen.rs", "l.timeouts.header"),
    ("listen.*.timeouts.idle", "router/src/serve/listen.rs", "l.timeouts.idle"),
    ("listen.*.http1.target_max", "router/src/serve/listen.rs", "l.http1.target_max"),
    ("listen.*.http1.body_idle", "router/src/serve/listen.rs", "l.http1.body_idle"),
    ("listen.*.http2", "router/src/serve/tls.rs", "l.http2.off"),
    ("control_plane.url", "router/src/serve.rs", "file.control_plane.url"),
    ("control_plane.last_known_good.dir", "router/src/serve.rs", "file.control_plane.dir"),
    ("control_plane.last_known_good.bootstrap", "router/src/serve.rs", "file.control_plane.bootstrap"),
    ("control_plane.last_known_good.soak", "router/src/serve.rs", "file.control_plane.soak"),
    ("recording.dir", "router/src/serve.rs", "file.recording_dir"),
    ("routing.key_max", "config/src/routing/table.rs", "s.key_max"),
    ("routing.request_id", "config/src/routing/table.rs", "s.trusted_id"),
    ("admin.address", "router/src/serve.rs", "file.observe.admin.address"),
    ("access_log", "router/src/serve.rs", "file.observe.access_log.off"),
    ("access_log.fields", "router/src/serve.rs", "a.detail"),
    ("access_log.sample", "router/src/serve.rs", "a.sample"),
    ("access_log.always", "router/src/serve.rs", "a.errors"),
    ("access_log.always[].slow", "router/src/serve.rs", "a.slow"),
    ("routes[].client_cert", "config/src/routing/table.rs", ".client_cert"),
    ("routes[].key[].client_cert_san", "config/src/routing/sources.rs", ".san"),
    ("routes[].key[].client_cert_san.uri", "config/src/routing/sources.rs", ".san"),
    ("routes[].key[].client_cert_san.dns", "config/src/routing/sources.rs", ".san"),
    ("routes[].key[].client_cert_san.email", "config/src/routing/sources.rs", ".san"),
    ("routes[].match.host", "config/src/routing/table.rs", ".hosts"),
    ("routes[].match.path", "config/src/routing/table.rs", ".paths"),
    ("routes[].match.listen", "config/src/routing/table.rs", ".listeners"),
    ("routes[].split_by.header", "config/src/routing/table.rs", ".split_by"),
    ("routes[].split_by.query", "config/src/routing/table.rs", ".split_by"),
    ("routes[].split_by.cookie", "config/src/routing/table.rs", ".split_by"),
    ("routes[].key[].header", "config/src/routing/sources.rs", ".header"),
    ("routes[].key[].host_label", "config/src/routing/sources.rs", ".label"),
    ("routes[].key[].host", "config/src/routing/sources.rs", ".host"),
    ("routes[].key[].path_segment", "config/src/routing/sources.rs", ".segment"),
    ("routes[].key[].after", "config/src/routing/sources.rs", ".after"),
    ("routes[].key[].query", "config/src/routing/sources.rs", ".query"),
    ("routes[].key[].cookie", "config/src/routing/sources.rs", ".cookie"),
    ("routes[].key[].jwt_claim", "config/src/routing/jwt.rs", ".claim"),
    ("routes[].key[].many", "config/src/routing/sources.rs", ".first"),
    ("routes[].key[].jwks.file", "config/src/routing/jwt.rs", "s.jwks"),
    ("routes[].key[].issuer", "config/src/routing/jwt.rs", ".issuer"),
    ("routes[].key[].audience", "config/src/routing/jwt.rs", ".audience"),
    ("routes[].key[].leeway", "config/src/routing/jwt.rs", ".leeway"),
    ("routes[].key[].token.header", "config/src/routing/sources.rs", ".header"),
    ("routes[].key[].token.cookie", "config/src/routing/sources.rs", ".cookie"),
    ("routes[].key[].invalid", "config/src/routing/jwt.rs", "self.s.next"),
    ("priority.header", "config/src/routing/priority.rs", ".header"),
    ("priority.default", "config/src/routing/priority.rs", ".default"),
    ("health.tcp", "router/src/probe/ask.rs", "\"tcp\""),
    ("health.tls", "router/src/probe/ask.rs", "\"tls\""),
    ("health.grpc", "router/src/probe/ask.rs", ".service"),
    ("health.status", "router/src/probe/ask.rs", ".status"),
    ("upstream.protocol", "router/src/proxy/upstream.rs", "self.settings.protocol"),
    ("upstream.host", "router/src/proxy/upstream.rs", "settings.host"),
    ("upstream.h2.streams", "router/src/proxy/upstream.rs", "h2.streams"),
    ("upstream.h2.ping_after", "router/src/proxy/upstream.rs", "h2.ping_after"),
    ("upstream.tls.ca", "router/src/proxy/upstream.rs", "tls.ca"),
    ("upstream.tls.server_name", "router/src/proxy/upstream.rs", "tls.name"),
    ("upstream.tls.cert", "router/src/proxy/upstream.rs", "tls.cert"),
    ("upstream.tls.key", "router/src/proxy/upstream.rs", "tls.key"),
    ("upstream.tls.key.file", "router/src/proxy/upstream.rs", "tls.key"),
    ("upstream.tls.insecure", "router/src/proxy/upstream.rs", "tls.insecure"),
];

/// What this router does not do, with a text whose refusal names the setting or what it is part of.
#[rustfmt::skip]
const REFUSED: &[(&str, &str)] = &[
    ("listen.*.http_engine", "listen: {e: {address: \":1\", http_engine: std}}"),
    ("listen.*.proxy_protocol.from", "listen: {e: {address: \":1\", proxy_protocol: {from: [10.0.0.0/8]}}}"),
    ("listen.*.proxy_protocol.required", "listen: {e: {address: \":1\", proxy_protocol: {from: [10.0.0.0/8], required: true}}}"),
    ("listen.*.max_connections_per_client", "listen: {e: {address: \":1\", max_connections_per_client: 3}}"),
    ("listen.*.header_max", "listen: {e: {address: \":1\", header_max: 1KiB}}"),
    ("listen.*.timeouts.handshake", "listen: {e: {address: \":1\", timeouts: {handshake: 1s}}}"),
    ("listen.*.timeouts.body", "listen: {e: {address: \":1\", timeouts: {body: 9s}}}"),
    ("listen.*.http1.headers_max", "listen: {e: {address: \":1\", http1: {headers_max: 7}}}"),
    ("listen.*.http1.requests_max", "listen: {e: {address: \":1\", http1: {requests_max: 7}}}"),
    ("listen.*.http1.body_rate_min", "listen: {e: {address: \":1\", http1: {body_rate_min: 1KiB}}}"),
    ("listen.*.http1.write", "listen: {e: {address: \":1\", http1: {write: 3s}}}"),
    ("listen.*.http2.max_streams", "listen: {e: {address: \":1\", http2: {max_streams: 7}}}"),
    ("listen.*.http2.ping_every", "listen: {e: {address: \":1\", http2: {ping_every: 7s}}}"),
    ("listen.*.http2.ping_timeout", "listen: {e: {address: \":1\", http2: {ping_timeout: 7s}}}"),
    ("listen.*.tls.min", "listen: {e: {address: \":1\", tls: {certs: c, min: 1.3}}}"),
    ("listen.*.tls.session_tickets", "listen: {e: {address: \":1\", tls: {certs: c, session_tickets: none}}}"),
    ("listen.*.tls.session_tickets.keys", "listen: {e: {address: \":1\", tls: {certs: c, session_tickets: {keys: k}}}}"),
    ("recording.keep", "recording: {keep: 48h}"),
    ("recording.max_size", "recording: {max_size: 1GiB}"),
    ("recording.key_hash.file", "recording: {key_hash: {file: f}}"),
    ("tracing.otlp", "tracing: {otlp: \"http://x:1\"}"),
    ("tracing.sample", "tracing: {sample: 5%}"),
    ("metrics.exemplars", "metrics: {exemplars: true}"),
    ("placements.*.endpoints.dns", "placements: {a: {endpoints: {dns: \"a.b:80\"}}}"),
    ("placements.*.endpoints.scheme", "placements: {a: {endpoints: {dns: \"a.b:80\", scheme: https}}}"),
    ("placements.*.endpoints.server", "placements: {a: {endpoints: {dns: \"a.b:80\", server: \"1.2.3.4:53\"}}}"),
    ("upstream.proxy_protocol", "defaults: {upstream: {proxy_protocol: v1}}"),
    ("upstream.pool.max_open", "defaults: {upstream: {pool: {max_open: 2}}}"),
    ("upstream.pool.warm", "defaults: {upstream: {pool: {warm: 2}}}"),
    ("upstream.pool.max_lifetime", "defaults: {upstream: {pool: {max_lifetime: 2m}}}"),
    ("upstream.pool.max_requests", "defaults: {upstream: {pool: {max_requests: 2}}}"),
    ("upstream.header_max", "defaults: {upstream: {header_max: 1KiB}}"),
    ("upstream.h2.ping_timeout", "defaults: {upstream: {protocol: h2, h2: {ping_timeout: 2s}}}"),
    ("upstream.tls.min", "defaults: {upstream: {tls: {min: 1.3}}}"),
];

fn root() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every setting of the schema that holds a value of its own. Those of defaults and profiles stand for
/// themselves, without what they are part of.
fn settings() -> Vec<String> {
    let path = root().join("../../adapters/configfile/native.schema.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).expect("the schema")).expect("JSON");
    let mut found = BTreeMap::new();
    walk(&schema, &schema["$defs"], "", &mut found);
    let common: Vec<String> = found.keys().filter_map(|p| p.strip_prefix("defaults.")).map(str::to_string).collect();
    let own = |path: &str| {
        let inherited = path.strip_prefix("profiles.*.").or_else(|| path.strip_prefix("placements.*."));
        let inherited = inherited.or_else(|| path.strip_prefix("defaults."));
        match inherited {
            Some(p) if common.iter().any(|c| c == p) => p.to_string(),
            _ => path.to_string(),
        }
    };
    let mut all: Vec<String> = found.iter().filter(|(_, value)| **value).map(|(path, _)| own(path)).collect();
    all.sort();
    all.dedup();
    all
}

/// Gathers paths, and whether each may hold a value that is no group of settings.
fn walk(n: &Value, defs: &Value, at: &str, found: &mut BTreeMap<String, bool>) {
    if let Some(name) = n["$ref"].as_str().and_then(|r| r.strip_prefix("#/$defs/")) {
        return walk(&defs[name], defs, at, found);
    }
    let group = !n["properties"].is_null();
    for (name, of) in n["properties"].as_object().into_iter().flatten() {
        let path = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
        walk(of, defs, &path, found);
    }
    let choices: Vec<&Value> = ["anyOf", "oneOf"].iter().flat_map(|k| n[*k].as_array().into_iter().flatten()).collect();
    let mut inner = group || !choices.is_empty();
    for (key, step) in [("items", "[]"), ("additionalProperties", ".*")] {
        if n[key].is_object() {
            let before = found.len();
            walk(&n[key], defs, &format!("{at}{step}"), found);
            found.remove(&format!("{at}{step}"));
            inner |= found.len() > before;
        }
    }
    // "none" switches a group off; it is no value of its own.
    let off = |n: &Value| n["const"] == "none" || n["enum"].as_array().is_some_and(|e| e.iter().all(|v| v == "none"));
    for choice in choices.into_iter().filter(|c| !off(c)) {
        walk(choice, defs, at, found);
    }
    if !at.is_empty() {
        *found.entry(at.to_string()).or_default() |= !inner;
    }
}

#[test]
fn every_setting_of_the_schema_is_decided_by_or_used_or_refused() {
    let used = USED.iter().map(|(path, ..)| *path);
    let all =
        DECIDED.iter().chain(LOADED).chain(TOLD).copied().chain(used).chain(REFUSED.iter().map(|(path, _)| *path));
    let mut listed: Vec<&str> = all.collect();
    listed.sort();
    for two in listed.windows(2) {
        assert_ne!(two[0], two[1], "it stands in two tables");
    }
    let schema = settings();
    let missing: Vec<_> = schema.iter().filter(|p| !listed.contains(&p.as_str())).collect();
    assert!(missing.is_empty(), "nobody says what becomes of {missing:#?}");
    // A group may be listed beside what is in it, where it is also a switch.
    let known =
        |p: &&str| !schema.iter().any(|s| s == p || s.starts_with(&format!("{p}.")) || s.starts_with(&format!("{p}[")));
    let gone: Vec<_> = listed.into_iter().filter(known).collect();
    assert!(gone.is_empty(), "the schema has no {gone:#?}");
}

#[test]
fn what_is_used_is_read_where_the_table_says() {
    for (path, file, what) in USED {
        let source = std::fs::read_to_string(root().join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
        let code = source.split("#[cfg(test)]").next().unwrap_or_default();
        assert!(code.contains(what), "{path}: there is no {what} in {file}");
    }
}

#[test]
fn what_is_not_used_is_refused_by_name() {
    for (path, text) in REFUSED {
        let placements = "placements: {a: {endpoints: {x: {url: \"https://a:1\"}}}}\n";
        let placements = if text.starts_with("placements:") { "" } else { placements };
        let text = format!("lockstep: 1\n{placements}{text}\n");
        let file = File::parse("c.yaml", text.as_bytes()).unwrap_or_else(|p| panic!("{path}: {p}"));
        let found = file.unsupported().to_string();
        let last = path.rsplit(['.', ']']).find(|s| !["", "from", "required", "dns", "scheme", "server"].contains(s));
        let last = if path.contains("endpoints.") { Some("endpoints") } else { last };
        let named = format!("{}: ", last.unwrap_or(path));
        assert!(found.contains(&named), "{path}: {named:?} is not refused, but {found:?}");
    }
}
