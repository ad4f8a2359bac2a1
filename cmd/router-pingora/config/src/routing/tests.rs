//! The tables of the Go side: adapters/routing/*_test.go.

use super::*;
use crate::File;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use serde_json::json;

/// A request in the lines that a client sends.
struct Sent {
    target: String,
    host: String,
    headers: Vec<(String, String)>,
}

fn request(text: &str) -> Sent {
    let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
    let mut out = Sent { target: line.split(' ').nth(1).unwrap().into(), host: String::new(), headers: Vec::new() };
    for line in rest.lines() {
        let (name, value) = line.split_once(':').unwrap();
        if name == "Host" {
            out.host = value.trim().into();
        } else {
            out.headers.push((name.into(), value.trim().into()));
        }
    }
    if let Some((host, path)) = out.target.strip_prefix("http://").map(|t| t.split_at(t.find('/').unwrap_or(t.len()))) {
        (out.host, out.target) = (host.into(), path.into());
    }
    out
}

impl View for Sent {
    fn host(&self) -> &str {
        &self.host
    }
    fn target(&self) -> &str {
        &self.target
    }
    fn header(&self, name: &str, take: &mut dyn FnMut(&[u8])) {
        for (_, value) in self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)) {
            take(value.as_bytes());
        }
    }
}

fn text(f: &Found) -> &str {
    std::str::from_utf8(&f.key).unwrap()
}

impl Routing {
    fn route_name(&self, f: &Found) -> &str {
        if f.taken { self.route(f.via) } else { "" }
    }

    fn source_name(&self, f: &Found) -> &str {
        if f.key.is_empty() { "" } else { self.source(f.via, f.source) }
    }
}

impl Found {
    fn key_text(&self) -> &str {
        text(self)
    }
}

fn routing(text: &str) -> Routing {
    let text = format!(
        "lockstep: 1\n{text}\nplacements: {{a: {{endpoints: {{x: {{url: \"http://a:1\"}}}}}}}}\nkeys: {{acme: a}}\n"
    );
    let f = File::parse("c.yaml", text.as_bytes()).unwrap_or_else(|p| panic!("{p}"));
    let r = Routing::compiled(&f.spec.edge, Some(f.spec.routes.len() + 1), None, true);
    assert_eq!(r.error(), None);
    r
}

fn find(config: &str, sent: &str, peer: Peer) -> Found {
    routing(config).find(&request(sent), &peer)
}

#[test]
fn each_source_reads_its_key_and_refuses_what_is_unclear() {
    let (long, longer) = ("k".repeat(256), "k".repeat(257));
    let header = |value: &str| format!("GET / HTTP/1.1\nHost: h\nX-Tenant: {value}");
    for (source, sent, want) in [
        ("{header: X-Tenant}", "GET / HTTP/1.1\nHost: h\nx-tenant:  acme ", "acme"),
        ("{header: X-Tenant}", "GET / HTTP/1.1\nHost: h", ""),
        ("{header: X-Tenant}", "GET / HTTP/1.1\nHost: h\nX-Tenant:", ""),
        ("{header: X-Tenant}", "GET / HTTP/1.1\nHost: h\nX-Tenant: a\nX-Tenant: a", "!"),
        ("{header: X-Tenant, many: first}", "GET / HTTP/1.1\nHost: h\nX-Tenant: a\nX-Tenant: b", "a"),
        ("{header: X-Tenant}", "GET / HTTP/1.1\nHost: h\nX-Tenant: a, b", "a, b"),
        ("{header: X-Tenant}", "GET / HTTP/1.1\nHost: h\nX_Tenant: a", ""),
        ("{header: X-Tenant}", "GET / HTTP/1.1\nHost: h\nX-Tenant: a\tb", "!"),
        ("{header: X-Tenant}", "GET / HTTP/1.1\nHost: h\nX-Tenant: müller", "müller"),
        ("{header: X-Tenant}", &header(&long), &long),
        ("{header: X-Tenant}", &header(&longer), "!"),
        ("{host_label: 1}", "GET / HTTP/1.1\nHost: Acme.Example.COM:8443", "acme"),
        ("{host_label: -3}", "GET / HTTP/1.1\nHost: x.acme.example.com.", "acme"),
        ("{host_label: 4}", "GET / HTTP/1.1\nHost: a.b.c", ""),
        ("{host_label: -4}", "GET / HTTP/1.1\nHost: a.b.c", ""),
        ("{host_label: 1}", "GET / HTTP/1.1\nHost: 10.0.0.1:80", ""),
        ("{host_label: 1}", "GET / HTTP/1.1\nHost: [2001:db8::1]:80", ""),
        ("{host_label: 1}", "GET http://acme.example.com/ HTTP/1.1\nHost: other.example.com", "acme"),
        ("{host: '*.tenants.example.com'}", "GET / HTTP/1.1\nHost: ACME.tenants.example.com", "acme"),
        ("{host: '*.tenants.example.com'}", "GET / HTTP/1.1\nHost: x.acme.tenants.example.com", ""),
        ("{host: '*.tenants.example.com'}", "GET / HTTP/1.1\nHost: .tenants.example.com", ""),
        ("{host: 'api-*.example.com'}", "GET / HTTP/1.1\nHost: api-acme.example.com", "acme"),
        ("{path_segment: 2}", "GET /t/acme/x?y HTTP/1.1\nHost: h", "acme"),
        ("{path_segment: 2}", "GET /t HTTP/1.1\nHost: h", ""),
        ("{path_segment: 2}", "GET /t//acme HTTP/1.1\nHost: h", ""),
        ("{path_segment: 1}", "GET //acme HTTP/1.1\nHost: h", ""),
        ("{path_segment: 2}", "GET /t/a%63me HTTP/1.1\nHost: h", "acme"),
        ("{path_segment: 2}", "GET /t/a%2563me HTTP/1.1\nHost: h", "a%63me"), // once, not twice
        ("{path_segment: 2}", "GET /t/ac+me HTTP/1.1\nHost: h", "ac+me"),
        ("{path_segment: 2}", "GET /t/a%2fcme HTTP/1.1\nHost: h", "!"),
        ("{path_segment: 2}", "GET /t/a%5ccme HTTP/1.1\nHost: h", "!"),
        ("{path_segment: 2}", "GET /t/a%00 HTTP/1.1\nHost: h", "!"),
        ("{path_segment: 2}", "GET /t/a%0a HTTP/1.1\nHost: h", "!"),
        ("{path_segment: 2}", "GET /t/acme/../beta HTTP/1.1\nHost: h", "!"),
        ("{path_segment: 2}", "GET /t/acme/%2e%2E HTTP/1.1\nHost: h", "!"),
        ("{path_segment: 2}", "GET /t/acme/. HTTP/1.1\nHost: h", "!"),
        ("{path_segment: 2}", "GET /t/acme\\x HTTP/1.1\nHost: h", "!"),
        ("{path_segment: 2}", "OPTIONS * HTTP/1.1\nHost: h", ""),
        ("{path_segment: 1, after: /v1/tenants}", "GET /v1/tenants/acme/x HTTP/1.1\nHost: h", "acme"),
        ("{path_segment: 1, after: /v1/tenants}", "GET /v1/tenant%73/acme HTTP/1.1\nHost: h", "acme"),
        ("{path_segment: 1, after: /v1/tenants/}", "GET /v1/tenants/acme HTTP/1.1\nHost: h", "acme"),
        ("{path_segment: 1, after: /v1/tenants}", "GET /v1/tenantsacme HTTP/1.1\nHost: h", ""),
        ("{query: tenant}", "GET /?a=b&tenant=acme HTTP/1.1\nHost: h", "acme"),
        ("{query: tenant}", "GET /?ten%61nt=a%63me+x HTTP/1.1\nHost: h", "acme x"),
        ("{query: tenant}", "GET /?tenant=a&tenant=b HTTP/1.1\nHost: h", "!"),
        ("{query: tenant, many: first}", "GET /?tenant=a&tenant=b HTTP/1.1\nHost: h", "a"),
        ("{query: tenant}", "GET /?x=1;tenant=a HTTP/1.1\nHost: h", ""),
        ("{query: tenant}", "GET /?tenant=a%zz HTTP/1.1\nHost: h", "!"),
        ("{query: tenant}", "GET /?tenant= HTTP/1.1\nHost: h", ""),
        ("{query: tenant}", "GET /?tenant=%20acme HTTP/1.1\nHost: h", "!"),
        ("{query: tenant}", "GET /?Tenant=a HTTP/1.1\nHost: h", ""),
        ("{cookie: t}", "GET / HTTP/1.1\nHost: h\nCookie: a=b; t=acme", "acme"),
        ("{cookie: t}", "GET / HTTP/1.1\nHost: h\nCookie: a=b\nCookie: t=acme;", "acme"),
        ("{cookie: t}", "GET / HTTP/1.1\nHost: h\nCookie: t=\"acme\"", "acme"),
        ("{cookie: t}", "GET / HTTP/1.1\nHost: h\nCookie: t=a%63me", "a%63me"),
        ("{cookie: t}", "GET / HTTP/1.1\nHost: h\nCookie: t=a; t=b", "!"),
        ("{cookie: t, many: first}", "GET / HTTP/1.1\nHost: h\nCookie: t=a; t=b", "a"),
        ("{cookie: t}", "GET / HTTP/1.1\nHost: h\nCookie: xt=a; T=b; t", ""),
    ] {
        let f = find(&format!("routes: [{{key: [{source}]}}]"), sent, Peer::default());
        let got = if f.refuse == Class::BAD_REQUEST { "!" } else { text(&f) };
        assert_eq!(got, want, "{source} of {sent:?}");
    }
}

#[test]
fn the_first_source_with_a_key_counts_and_is_named() {
    let r = routing("routes: [{key: [{header: X-A}, {cookie: b}, {query: c}]}]");
    for (sent, key, name, source) in [
        ("GET /?c=z HTTP/1.1\nHost: h\nX-A: x\nCookie: b=y", "x", "header X-A", 0),
        ("GET /?c=z HTTP/1.1\nHost: h\nCookie: b=y", "y", "cookie b", 1),
        ("GET /?c=z HTTP/1.1\nHost: h\nX-A:\nCookie: b=", "z", "query c", 2),
        ("GET / HTTP/1.1\nHost: h", "", "", 0),
    ] {
        let f = r.find(&request(sent), &Peer::default());
        assert_eq!((text(&f), r.source_name(&f), f.source), (key, name, source), "{sent}");
    }
    let plain = routing("");
    let f = plain.find(&request("GET / HTTP/1.1\nX-Routing-Key: acme\nX-Routing-Key: beta"), &Peer::default());
    assert_eq!((text(&f), f.plain, f.strict), ("acme", true, false));
    assert_eq!(plain.source_name(&f), "header X-Routing-Key");
}

#[test]
fn the_first_route_that_takes_a_request_counts() {
    let r = routing(
        r#"listen: {edge: {address: ":1"}, mesh: {address: ":2"}}
routes:
  - {name: v1, match: {host: api.example.com, path: /v1}}
  - {name: mesh, match: {listen: mesh, host: [api.example.com, "*.example.com"]}}
  - {name: below, match: {host: "*.example.com"}}
  - {name: address, match: {host: "[2001:db8::1]"}}
  - {name: path, match: {path: [/x, /y/z]}}"#,
    );
    for (target, host, listener, want) in [
        ("/", "[2001:DB8::1]:8443", "", "address"),
        ("/", "[2001:db8::2]", "", ""),
        ("/v1", "api.example.com", "edge", "v1"),
        ("/v1/x?y", "API.example.com:443", "edge", "v1"),
        ("/v%31/x", "api.example.com", "", "v1"),
        ("/v10", "api.example.com", "mesh", "mesh"),
        ("/v10", "api.example.com", "edge", "below"),
        ("/", "a.b.example.com.", "edge", "below"),
        ("/", "example.com", "edge", ""),
        ("/", "xexample.com", "edge", ""),
        ("/x", "other", "", "path"),
        ("/y/z/", "other", "", "path"),
        ("/y", "other", "", ""),
        ("//x", "other", "", ""),
        ("http://api.example.com/v1", "other", "", "v1"),
        ("http://api.example.com", "other", "mesh", "mesh"),
    ] {
        let peer = Peer { listener, ..Peer::default() };
        let f = r.find(&request(&format!("GET {target} HTTP/1.1\nHost: {host}")), &peer);
        assert_eq!(r.route_name(&f), want, "{target} at {host}");
        assert_eq!(f.refuse == Class::NO_ROUTE, want.is_empty(), "{target} at {host}");
    }
    let f = r.find(&request("GET /v1/../x HTTP/1.1\nHost: api.example.com"), &Peer::default());
    assert_eq!((f.refuse, f.taken), (Class::BAD_REQUEST, false));
}

#[test]
fn only_a_verified_certificate_opens_a_route_and_gives_a_key() {
    let required = routing("routes: [{match: {host: h}, client_cert: required}, {}]");
    let shown = Certificate::default();
    for (host, certificate, want) in
        [("h", Some(&shown), Class::NONE), ("h", None, Class::UNAUTHORIZED), ("other", None, Class::NONE)]
    {
        let sent = request(&format!("GET / HTTP/1.1\nHost: {host}\nX-Routing-Key: acme"));
        let f = required.find(&sent, &Peer { certificate, ..Peer::default() });
        assert_eq!((f.refuse, f.key.is_empty()), (want, want != Class::NONE), "{host}");
    }
    let names = |s: &str| s.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    for (source, uris, dns, emails, want) in [
        (r#""spiffe://example/tenant/*""#, "spiffe://example/tenant/acme", "", "", "acme"),
        (r#""spiffe://example/tenant/*""#, "spiffe://example/tenant/acme/x", "", "", ""),
        (r#""spiffe://example/tenant/*""#, "spiffe://evil/tenant/acme spiffe://example/tenant/", "", "", ""),
        (r#""spiffe://example/tenant/*""#, "spiffe://example/tenant/a spiffe://example/tenant/b", "", "", "!"),
        (
            r#""spiffe://example/tenant/*", many: first"#,
            "spiffe://example/tenant/a spiffe://example/tenant/b",
            "",
            "",
            "a",
        ),
        (r#""spiffe://example/tenant/*/api""#, "spiffe://example/tenant/acme/api", "", "", "acme"),
        (r#""*.clients.example.com""#, "", "Acme.clients.example.com", "", "acme"),
        (r#""*.clients.example.com""#, "", "x.acme.clients.example.com", "", ""),
        (r#"{email: "*@acme.example"}"#, "", "", "joe@acme.example", "joe"),
        (r#"{email: "ops@*"}"#, "", "", "ops@acme.example", "acme.example"),
        (r#"{dns: "*.clients.example.com"}"#, "spiffe://x/y", "", "", ""),
    ] {
        let c = Certificate { uris: names(uris), dns: names(dns), emails: names(emails) };
        let config = format!("routes: [{{key: [{{client_cert_san: {source}}}]}}]");
        let f = find(&config, "GET / HTTP/1.1\nHost: h", Peer { certificate: Some(&c), ..Peer::default() });
        let got = if f.refuse == Class::BAD_REQUEST { "!" } else { text(&f) };
        assert_eq!(got, want, "{source} of {c:?}");
        let f = find(&config, "GET / HTTP/1.1\nHost: h", Peer::default());
        assert_eq!((text(&f), f.refuse), ("", Class::NONE));
    }
}

#[test]
fn who_is_kept_on_one_side_of_a_split_is_hashed() {
    let split = |cookie: &str| {
        let sent = format!("GET / HTTP/1.1\nHost: h\nX-Routing-Key: acme\nCookie: {cookie}");
        find("routes: [{split_by: {cookie: uid}}]", &sent, Peer::default()).split
    };
    assert_eq!(split("uid=joe"), lockstep_core::hash_string("joe"));
    assert_eq!((split("x=y"), split("uid=a; uid=b")), (0, 0));
}

#[test]
fn a_stranger_is_not_believed_where_somebody_is() {
    let own = "routes: [{name: x}]";
    for (config, judged, trusted, strict) in [
        ("", false, false, false),
        ("", true, false, true),
        ("", true, true, false),
        (own, false, false, true),
        (own, true, true, false),
    ] {
        let peer = Peer { judged, trusted, ..Peer::default() };
        assert_eq!(find(config, "GET / HTTP/1.1\nHost: h", peer).strict, strict, "{config} {peer:?}");
    }
    for (config, trusted, kept) in [
        ("", false, true),
        (own, false, true),
        ("routing: {request_id: trusted}", false, false),
        ("routing: {request_id: trusted}", true, true),
    ] {
        let peer = Peer { judged: true, trusted, ..Peer::default() };
        assert_eq!(routing(config).keeps_id(&peer), kept, "{config}");
    }
}

#[test]
fn settings_that_this_program_does_not_know_refuse_everything() {
    let edge = r#"{"routing":{"routes":[{"name":"x","sources":[],"telepathy":true}]}}"#;
    for (edge, routes) in [(edge, 1), (r#"{"routing":{"routes":[{"name":"x","sources":[]}]}}"#, 2)] {
        let r = Routing::compiled(edge, Some(routes), None, true);
        assert!(r.error().is_some());
        assert_eq!(r.find(&request("GET / HTTP/1.1\nHost: h"), &Peer::default()).refuse, Class::INTERNAL);
    }
}

#[test]
fn a_trusted_peer_says_how_critical_a_request_is_and_nobody_else() {
    let (own, rfc) = ("priority: {header: X-Priority, default: 3}", "priority: {header: priority, default: 3}");
    let trusted = Peer { judged: true, trusted: true, ..Peer::default() };
    for (config, peer, headers, want) in [
        ("", trusted, "X-Priority: 7", 0),
        (own, trusted, "X-Priority: 0", 0),
        (own, trusted, "X-Priority: 7", 7),
        (own, trusted, "X-Priority: 8", 3),
        (own, trusted, "X-Priority: -1", 3),
        (own, trusted, "X-Priority: high", 3),
        (own, trusted, "X-Priority:", 3),
        (own, trusted, "X-Priority: 0\nX-Priority: 7", 3),
        (own, trusted, "", 3),
        (own, Peer { judged: true, ..Peer::default() }, "X-Priority: 0", 3),
        (own, Peer::default(), "X-Priority: 0", 3),
        (rfc, trusted, "Priority: u=1", 1),
        (rfc, trusted, "Priority: u=5, i", 5),
        (rfc, trusted, "Priority: i, u=0;x=1", 0),
        (rfc, trusted, "Priority: u=1, u=6", 6),
        (rfc, trusted, "Priority: i", 3),
        (rfc, trusted, "Priority: u=9", 3),
        (rfc, trusted, "Priority: 5", 3),
    ] {
        let f = find(config, &format!("GET / HTTP/1.1\nHost: h\n{headers}"), peer);
        assert_eq!((f.priority, f.plain), (want, true), "{config} {headers}");
    }
}

/// Who signs tokens, and the file of his keys.
struct Issuer {
    path: std::path::PathBuf,
    ed: Ed25519KeyPair,
    ec: EcdsaKeyPair,
}

/// The moment in s at which the tests take place.
const NOW: i64 = 1_700_000_000;

fn b64(b: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(b)
}

impl Issuer {
    fn new(name: &str) -> Issuer {
        let rng = SystemRandom::new();
        let ed = Ed25519KeyPair::generate_pkcs8(&rng).unwrap();
        let ec = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &rng).unwrap();
        let path = std::env::temp_dir().join(format!("lockstep-jwks-{}-{name}.json", std::process::id()));
        let i = Issuer {
            path,
            ed: Ed25519KeyPair::from_pkcs8(ed.as_ref()).unwrap(),
            ec: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, ec.as_ref(), &rng).unwrap(),
        };
        i.publish(&i.keys());
        i
    }

    fn keys(&self) -> Vec<serde_json::Value> {
        let point = self.ec.public_key().as_ref();
        vec![
            json!({"kty": "OKP", "kid": "ed", "crv": "Ed25519", "x": b64(self.ed.public_key().as_ref())}),
            json!({"kty": "EC", "kid": "ec", "crv": "P-256", "x": b64(&point[1..33]), "y": b64(&point[33..])}),
            json!({"kty": "oct", "kid": "secret", "k": b64(b"secret")}),
        ]
    }

    fn publish(&self, keys: &[serde_json::Value]) {
        std::fs::write(&self.path, json!({ "keys": keys }).to_string()).unwrap();
    }

    fn claims(&self) -> serde_json::Value {
        json!({"tenant": "acme", "exp": NOW + 3600, "iss": "https://id.example", "aud": ["api", "web"]})
    }

    fn sign(&self, head: serde_json::Value, claims: &serde_json::Value) -> String {
        let signed = format!("{}.{}", b64(head.to_string().as_bytes()), b64(claims.to_string().as_bytes()));
        let signature = match head["alg"].as_str() {
            Some("ES256") => self.ec.sign(&SystemRandom::new(), signed.as_bytes()).unwrap().as_ref().to_vec(),
            Some("none") => Vec::new(),
            _ => self.ed.sign(signed.as_bytes()).as_ref().to_vec(),
        };
        format!("{signed}.{}", b64(&signature))
    }

    fn routing(&self, more: &str) -> Routing {
        let path = self.path.to_str().unwrap();
        routing(&format!(
            "routes: [{{key: [{{jwt_claim: tenant, jwks: {{file: '{path}'}}{more}}}, {{header: X-Tenant}}]}}]"
        ))
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

fn ask(r: &Routing, header: &str, now: i64) -> Found {
    let sent = request(&format!("GET / HTTP/1.1\nHost: h\nX-Tenant: other\n{header}"));
    r.find_at(&sent, &Peer::default(), || now * 1_000_000_000)
}

fn bearer(r: &Routing, token: &str, now: i64) -> Found {
    ask(r, &format!("Authorization: Bearer {token}"), now)
}

#[test]
fn each_kind_of_key_verifies_its_own_algorithm() {
    let i = Issuer::new("kinds");
    let r = i.routing("");
    for head in [json!({"alg": "EdDSA", "kid": "ed"}), json!({"alg": "ES256", "kid": "ec"}), json!({"alg": "ES256"})] {
        let f = bearer(&r, &i.sign(head.clone(), &i.claims()), NOW);
        assert_eq!((text(&f), r.source_name(&f)), ("acme", "jwt_claim tenant"), "{head}");
    }
}

#[test]
fn a_token_that_does_not_hold_is_refused() {
    let i = Issuer::new("refused");
    let r = i.routing(", issuer: \"https://id.example\", audience: api, leeway: 10s");
    let next = i.routing(", issuer: \"https://id.example\", audience: api, leeway: 10s, invalid: next");
    let ed = json!({"alg": "EdDSA", "kid": "ed"});
    let with = |name: &str, value: serde_json::Value| {
        let mut claims = i.claims();
        claims[name] = value;
        i.sign(ed.clone(), &claims)
    };
    let without = |name: &str| {
        let mut claims = i.claims();
        claims.as_object_mut().unwrap().remove(name);
        i.sign(ed.clone(), &claims)
    };
    let good = i.sign(ed.clone(), &i.claims());
    let parts: Vec<&str> = good.split('.').collect();
    for (what, token) in [
        ("none", i.sign(json!({"alg": "none", "kid": "ed"}), &i.claims())),
        ("an HMAC", i.sign(json!({"alg": "HS256", "kid": "secret"}), &i.claims())),
        ("an unknown kid", i.sign(json!({"alg": "EdDSA", "kid": "nobody"}), &i.claims())),
        ("the kid of another kind", i.sign(json!({"alg": "EdDSA", "kid": "ec"}), &i.claims())),
        ("a kid that is no text", i.sign(json!({"alg": "EdDSA", "kid": 7}), &i.claims())),
        ("an unknown crit", i.sign(json!({"alg": "EdDSA", "kid": "ed", "crit": ["exp"]}), &i.claims())),
        ("a changed body", format!("{}.{}.{}", parts[0], b64(br#"{"tenant":"beta","exp":9999999999}"#), parts[2])),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        ("two parts", format!("{}.{}", parts[0], parts[1])),
        ("rubbish", "rubbish".into()),
        ("too long", format!("{good}{}", "A".repeat(17 << 10))),
        ("expired", with("exp", json!(NOW - 11))),
        ("no exp", without("exp")),
        ("not yet", with("nbf", json!(NOW + 11))),
        ("another issuer", with("iss", json!("https://evil.example"))),
        ("no issuer", without("iss")),
        ("another audience", with("aud", json!("web"))),
        ("a claim that is a list", with("tenant", json!(["acme"]))),
        ("a claim that is 7.0", with("tenant", json!(7.0))),
        ("a claim that is true", with("tenant", json!(true))),
    ] {
        let f = bearer(&r, &token, NOW);
        assert_eq!((f.refuse, text(&f)), (Class::UNAUTHORIZED, ""), "{what}");
        let f = bearer(&next, &token, NOW);
        assert_eq!((f.refuse, text(&f)), (Class::NONE, "other"), "{what}, with invalid: next");
    }
    for (token, key) in [
        (with("exp", json!(NOW - 9)), "acme"),
        (with("nbf", json!(NOW + 9)), "acme"),
        (with("tenant", json!(7)), "7"),
        (without("tenant"), "other"),
        (with("aud", json!("api")), "acme"),
    ] {
        assert_eq!(bearer(&r, &token, NOW).key_text(), key, "{token}");
    }
}

#[test]
fn a_token_may_stand_elsewhere_and_two_are_refused() {
    let i = Issuer::new("elsewhere");
    let good = i.sign(json!({"alg": "EdDSA"}), &i.claims());
    let r = i.routing("");
    for header in ["X: y", "Authorization: Basic am9lOmpvZQ==", "Authorization:"] {
        assert_eq!(ask(&r, header, NOW).key_text(), "other", "{header}");
    }
    assert_eq!(ask(&r, &format!("authorization: bEARER  {good}"), NOW).key_text(), "acme");
    let two = format!("Authorization: Bearer {good}\nAuthorization: Bearer {good}");
    assert_eq!(ask(&r, &two, NOW).refuse, Class::BAD_REQUEST);
    assert_eq!(ask(&i.routing(", token: {header: x-token}"), &format!("X-Token: {good}"), NOW).key_text(), "acme");
    assert_eq!(ask(&i.routing(", token: {cookie: s}"), &format!("Cookie: a=b; s={good}"), NOW).key_text(), "acme");
}

#[test]
fn a_verified_token_is_remembered_until_it_ends_or_the_keys_change() {
    let i = Issuer::new("rotate");
    let r = i.routing(", leeway: 10s");
    let token = i.sign(json!({"alg": "ES256", "kid": "ec"}), &i.claims());
    assert_eq!(bearer(&r, &token, NOW).key_text(), "acme");
    assert_eq!(bearer(&r, &token, NOW + 3609).key_text(), "acme");
    assert_eq!(bearer(&r, &token, NOW + 3610).refuse, Class::UNAUTHORIZED);
    std::fs::write(&i.path, "{damaged").unwrap();
    assert_eq!(r.refresh_keys().len(), 1);
    assert_eq!(r.refresh_keys().len(), 0, "a fault is said once");
    assert_eq!(bearer(&r, &token, NOW).key_text(), "acme", "a damaged file took the old keys away");
    i.publish(&i.keys()[..1]);
    assert!(r.refresh_keys().is_empty());
    assert_eq!(bearer(&r, &token, NOW).refuse, Class::UNAUTHORIZED);
    std::fs::remove_file(&i.path).unwrap();
    let fresh = i.routing("");
    assert!(fresh.key_faults()[0].contains("no token is valid"));
    assert_eq!(bearer(&fresh, &token, NOW).refuse, Class::UNAUTHORIZED);
    i.publish(&i.keys());
    assert!(fresh.refresh_keys().is_empty());
    assert_eq!(bearer(&fresh, &token, NOW).key_text(), "acme");
}

#[test]
fn key_sets_that_cannot_be_are_named() {
    let i = Issuer::new("sets");
    let short = b64(&[0xff; 128]);
    for (keys, says) in [
        (json!([]), "no key that can verify"),
        (json!([{"kty": "oct", "k": "c2VjcmV0"}]), "no key that can verify"),
        (json!([{"kty": "OKP", "crv": "Ed25519", "use": "enc", "x": "AAAA"}]), "no key that can verify"),
        (json!([{"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}]), "its x has 3 bytes, not 32"),
        (json!([{"kty": "RSA", "n": short, "e": "AQAB"}]), "it has 1024 bits"),
        (json!([{"kty": "RSA", "n": b64(&[0xff; 256]), "e": "AA"}]), "its exponent is none"),
        (json!([{"kty": "RSA", "alg": "HS256", "n": b64(&[0xff; 256]), "e": "AQAB"}]), "no key that can verify"),
        (json!([{"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA"}]), "P-521 is not supported"),
    ] {
        std::fs::write(&i.path, json!({ "keys": keys }).to_string()).unwrap();
        let said = check_keys(i.path.to_str().unwrap()).unwrap_err();
        assert!(said.contains(says), "{keys}: {said}");
    }
}
