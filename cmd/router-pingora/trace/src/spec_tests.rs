//! Configurations survive as JSON, canonical both ways.

use lockstep_core::{Config, EndpointSpec, KeySpec, PlacementSpec, Spec};

use crate::spec::{decode_spec, encode_spec};
use crate::spec_of::spec_of;

/// Every setting at a value that is not its default, as canonical JSON.
const FULL: &str = concat!(
    r#"{"version":"v\n\u2028é","keys":{"\"\udcff\u0001":"p","visa":"s"},"default":"tier1","unknown_status":404,"#,
    r#""placements":[{"name":"p","kind":"tier","endpoints":[{"name":"a\tb","url":"http://a:1","weight":50,"limit":7},"#,
    r#"{"url":"http://a:2"}],"fallback":["tier1"],"last_resort":"refuse","select":"maglev","bound":125,"#,
    r#""slow_start":5000000000,"sticky":{"cookie":"c","ttl":1000000000},"shards":2,"#,
    r#""limit":{"in_flight":10,"guests":-1,"when_full":"queue","queue":5,"wait":200000000,"order":"newest_first","#,
    r#""tenant_share":40,"priorities":[100,90,75],"#,
    r#""adaptive":{"min":5,"max":20,"start":6,"window":500000000,"tolerance":160,"remeasure":40}},"body_max":1048576,"#,
    r#""breaker":{"failures":9,"open":2000000000,"growth":2000000,"open_max":9000000000,"jitter":100000,"probes":2,"#,
    r#""successes":3,"max_open_percent":50,"failure_ratio":500000,"slow_ratio":600000,"window":20000000000,"#,
    r#""min_requests":30,"slow_call":1000000000},"#,
    r#""health":{"path":"/h","every":3000000000,"timeout":1000000000,"fall":4,"rise":5,"start_unhealthy":true},"#,
    r#""timeouts":{"connect":1000000000,"response_header":2000000000,"request":20000000000,"body_idle":3000000000,"#,
    r#""upstream_idle":4000000000,"settle":500000000},"#,
    r#""retries":{"max":2,"on":63,"methods":"any","backoff":50000000,"backoff_max":400000000,"#,
    r#""retry_after_max":3000000000,"percent":30,"floor":4,"body_max":4096},"panic_percent":40,"panic":"fail_over","#,
    r#""edge":"tls: {}\n"},{"name":"tier1","endpoints":[{"url":"http://b"}],"select":"ewma","decay":5000000000,"#,
    r#""breaker":{"off":true},"health":{"off":true}}],"edge":"routes: []\n","tables":[{"name":"t","keys":{}}],"#,
    r#""table":"t","routes":[{},{"table":"t","default":"p","unknown_status":410}],"#,
    r#""splits":[{"name":"s","parts":[{"placement":"p","share":950000},{"placement":"tier1","share":50000}]}],"#,
    r#""no_route_status":421,"guards":{"keys_rerouted":10,"keys_removed":20,"endpoints_removed":30,"limit_lowered":40}}"#,
);

#[test]
fn every_setting_is_read_and_written_the_same() {
    let spec = decode_spec(FULL.as_bytes()).unwrap();
    assert_eq!(String::from_utf8(encode_spec(&spec)).unwrap(), FULL);
    assert_eq!(spec.keys[0].key, b"\"\xff\x01");
    assert_eq!(spec.version, "v\n\u{2028}\u{e9}");
}

#[test]
fn a_compiled_configuration_gives_a_canonical_one_that_compiles_to_the_same() {
    let c = Config::compile(&decode_spec(FULL.as_bytes()).unwrap()).unwrap();
    let canonical = spec_of(&c);
    let text = encode_spec(&canonical);
    let back = decode_spec(&text).unwrap();
    assert_eq!(encode_spec(&back), text);
    let again = Config::compile(&back).unwrap();
    assert_eq!(again.digest(), c.digest());
    assert_eq!(encode_spec(&spec_of(&again)), text);
    // All of it is written out: nothing that was set is taken for a default.
    let named = |text: &str| text.matches("\":").count();
    let (canonical, full) = (named(&String::from_utf8(text).unwrap()), named(FULL));
    assert!(canonical >= full, "{canonical} members of {full}");
}

#[test]
fn defaults_are_left_out() {
    let tier1 = PlacementSpec {
        name: "tier1".into(),
        endpoints: vec![EndpointSpec { url: "http://a".into(), ..EndpointSpec::default() }],
        ..PlacementSpec::default()
    };
    let spec = Spec { version: "1".into(), placements: vec![tier1], ..Spec::default() };
    let c = Config::compile(&spec).unwrap();
    let want = r#"{"version":"1","placements":[{"name":"tier1","endpoints":[{"url":"http://a"}]}]}"#;
    assert_eq!(String::from_utf8(encode_spec(&spec_of(&c))).unwrap(), want);
}

#[test]
fn keys_of_any_bytes_compile_and_match() {
    let keys = (1..=255u8).map(|b| KeySpec { key: vec![b], placement: "p".into() }).collect();
    let p = PlacementSpec {
        name: "p".into(),
        endpoints: vec![EndpointSpec { url: "http://a".into(), ..EndpointSpec::default() }],
        ..PlacementSpec::default()
    };
    let spec = Spec { version: "1".into(), keys, placements: vec![p], ..Spec::default() };
    let c = Config::compile(&spec).unwrap();
    let back = Config::compile(&decode_spec(&encode_spec(&spec_of(&c))).unwrap()).unwrap();
    assert_eq!(back.digest(), c.digest());
    for b in 1..=255u8 {
        assert_eq!(back.match_key([b]).0.placement, 0, "{b:#x}");
        assert_eq!(back.match_key([b, b]).0.placement, -1, "{b:#x} twice");
    }
}

#[test]
fn shares_of_priorities_are_written_as_far_as_they_differ() {
    for (text, kept) in
        [("[100]", "[100]"), ("[100,100,100]", "[100]"), ("[90,80,80]", "[90,80]"), ("[100,0,0]", "[100]")]
    {
        let limit = |shares: &str| {
            format!(
                r#"{{"version":"1","placements":[{{"name":"p","endpoints":[],"limit":{{"priorities":{shares}}}}}]}}"#
            )
        };
        let spec = decode_spec(limit(text).as_bytes()).unwrap();
        assert_eq!(String::from_utf8(encode_spec(&spec)).unwrap(), limit(kept));
    }
    for wrong in ["[101]", "[-1]", "[1,1,1,1,1,1,1,1,1]", "[50,256]"] {
        let text = format!(
            r#"{{"version":"1","placements":[{{"name":"p","endpoints":[],"limit":{{"priorities":{wrong}}}}}]}}"#
        );
        assert_eq!(decode_spec(text.as_bytes()).unwrap().placements[0].limit.priorities[0], 255, "{wrong}");
    }
}

#[test]
fn what_is_no_configuration_is_refused_with_the_reason() {
    for (text, want) in [
        (r#"{"version":"1","placements":[],"colour":"red"}"#, "\"colour\" is not a field"),
        (
            r#"{"version":"1","placements":[],"version":"2"}"#,
            "\"version\" is not a field of this line, or is there twice",
        ),
        (r#"{"version":"1","placements":[]}}"#, "there is more after the end"),
        (r#"{"version":"1","placements":[]"#, "there should be ','"),
        (r#"{"version":1,"placements":[]}"#, "there should be '\"'"),
        (r#"{"version":"1","placements":null}"#, "there should be '['"),
        (r#"{"version":"\udcff","placements":[]}"#, "is not UTF-8"),
        (r#"{"version":"1","unknown_status":65536}"#, "out of range"),
        (r#"{"version":"1","unknown_status":-1}"#, "out of range"),
        (r#"{"version":"1","placements":[{"name":"p","select":"fastest"}]}"#, "\"fastest\" is not a value of it"),
        (r#"{"version":"1","placements":[{"name":"p","breaker":{"off":1}}]}"#, "there should be true or false"),
        ("", "there should be '{'"),
    ] {
        let said = decode_spec(text.as_bytes()).unwrap_err();
        assert!(said.starts_with("reading a configuration: column ") && said.contains(want), "{text}: {said}");
    }
}
