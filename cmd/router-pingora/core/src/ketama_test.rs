use super::*;
use crate::spec::{EndpointSpec, PlacementSpec, Spec};
use alloc::string::String;
use alloc::sync::Arc;

fn ring(urls: &[&str], weights: &[u32]) -> Arc<Config> {
    let mut p = PlacementSpec { name: "p".into(), select: Policy::KETAMA, ..PlacementSpec::default() };
    for (i, url) in urls.iter().enumerate() {
        let weight = weights.get(i).copied().unwrap_or(0);
        p.endpoints.push(EndpointSpec { url: (*url).into(), weight, ..EndpointSpec::default() });
    }
    let placements = alloc::vec![p];
    let s = Spec { version: "1".into(), default: "p".into(), placements, ..Spec::default() };
    Config::compile(&s).unwrap()
}

/// The last digit of the port of the endpoint that each key belongs to.
fn owners(c: &Config) -> String {
    let mut keys: Vec<String> = (0..64).map(|i| format!("tenant-{}", i * 37)).collect();
    keys.extend(["a", "bank.example", "0", "visa", "nordbank"].map(String::from));
    keys.push("x".repeat(100));
    let ring = &c.placements[0].choice.ring;
    let owner = |key: &String| {
        let at = ring.partition_point(|p| p.hash < c.match_key(key).0.ring);
        let e = &c.endpoints[ring[at % ring.len()].at as usize];
        e.url.split("/path").next().unwrap_or("").chars().next_back().unwrap_or('?')
    };
    keys.iter().map(owner).collect()
}

/// The answers are those of nginx 1.22.1 and of Pingora's ring, as core/choice_test.go has them.
#[test]
fn the_ring_is_that_of_nginx_and_pingora() {
    let urls = ["http://127.0.0.1:26101", "http://127.0.0.1:26102", "http://127.0.0.1:26103", "http://127.0.0.1:26104"];
    let c = ring(&urls, &[100, 200, 100, 300]);
    assert_eq!(owners(&c), "2421433432244442414244412244134422243442244441214422423143234224424421");
    assert!(c.placements[0].choice.ring.windows(2).all(|w| w[0].hash < w[1].hash));
}

/// nginx again. Pingora leaves out the brackets of an address of version 6 and so has another
/// ring than nginx there; we have nginx's.
#[test]
fn the_ring_keeps_the_brackets_of_an_address_as_nginx_does() {
    let c = ring(&["http://[::1]:26101", "https://[::1]:26102/path?q", "http://127.0.0.1:26103"], &[]);
    assert_eq!(owners(&c), "2221233232222131223312221111231132213332131231222233123333221133321331");
}

#[test]
fn a_checksum_is_that_of_every_other_program() {
    let t = crc_table();
    for (text, want) in [("", 0), ("123456789", 0xcbf4_3926), ("a", 0xe8b7_be43)] {
        assert_eq!(!crc_update(&t, u32::MAX, text.as_bytes()), want, "{text:?}");
    }
}

#[test]
fn an_authority_is_split_as_it_is_written() {
    for (url, want) in [
        ("http://a", ("a", "")),
        ("https://a:1", ("a", "1")),
        ("http://[::1]", ("[::1]", "")),
        ("http://[::1]:2/x:3", ("[::1]", "2")),
        ("http://user:word@b:4?q=c:5", ("b", "4")),
        ("http://a.b:", ("a.b", "")),
        ("nothing", ("", "")),
    ] {
        assert_eq!(authority(url), want, "{url}");
    }
}
