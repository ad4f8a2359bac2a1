//! What a request and its answer carry (BASELINE).

use lockstep_core::Class;
use tokio::io::AsyncWriteExt;

use super::rig::*;

#[tokio::test]
async fn an_answer_carries_the_headers_of_the_baseline() {
    let places = ["visa", "tier1", "tier3"];
    let mut all = Vec::new();
    for name in places {
        all.push(place(name, &[echo().await]));
    }
    let mut spec = spec(all);
    spec.default = "tier3".into();
    let g = Rig::new(spec).await;
    for (key, to, reason) in [("visa", "visa", "dedicated"), ("tier1", "tier1", "tier"), ("nobody", "tier3", "default")]
    {
        let a = g.get(key).await;
        assert_eq!(a.status, 200, "{a:?}");
        let got = [
            a.header("X-Routed-To"),
            a.header("X-Route-Reason"),
            a.header("X-Circuit-State"),
            a.header("X-Failover-Reason"),
        ];
        assert_eq!(got, [to, reason, "closed", ""]);
        assert_eq!(a.header("X-Request-Id").len(), 32);
    }
    let a = Answer::of(&g.talk("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await);
    assert_eq!((a.status, a.body.as_str()), (400, "no_key: the request has no X-Routing-Key header\n"));
    let got = [a.header("X-Routed-To"), a.header("Content-Type"), a.header("X-Content-Type-Options")];
    assert_eq!(got, ["", "text/plain; charset=utf-8", "nosniff"]);
}

#[tokio::test]
async fn a_request_goes_on_as_it_came_with_the_routers_own_headers() {
    let g = Rig::one(&echo().await).await;
    let text = "GET /a%20b//c?x=1&y HTTP/1.1\r\nHost: h\r\nConnection: close, X-Mine\r\nX-Mine: 1\r\nX-Request-Id: abc\r\nX-Forwarded-For: 10.1.1.1\r\nX-Kept: yes\r\nX-Routing-Key: visa\r\n\r\n";
    let a = Answer::of(&g.talk(text).await);
    assert!(a.body.starts_with("GET /a%20b//c?x=1&y HTTP/1.1\r\n"), "{}", a.body);
    for want in [
        "X-Request-Id: abc\r\n",
        "X-Forwarded-For: 10.1.1.1, 127.0.0.1\r\n",
        "X-Forwarded-Proto: http\r\n",
        "X-Kept: yes\r\n",
        "X-Routing-Key: visa\r\n",
    ] {
        assert!(a.body.contains(want), "{want} is not in {}", a.body);
    }
    assert!(!a.body.contains("X-Mine") && !a.body.contains("Connection"), "{}", a.body);
    assert_eq!(a.header("X-Request-Id"), "abc");
    let line = g.line().await;
    for (name, want) in [
        ("request_id", "abc"),
        ("method", "GET"),
        ("path", "/a b//c"),
        ("routing_key", "visa"),
        ("placement_key", "visa"),
        ("route_reason", "dedicated"),
    ] {
        assert_eq!(line[name], want, "{line}");
    }
    assert_eq!(line["status_code"], 200);
}

#[tokio::test]
async fn a_key_of_any_bytes_is_one() {
    let g = Rig::one(&echo().await).await;
    let mut c = g.dial().await;
    c.write_all(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX-Routing-Key: \xff\xfe\r\n\r\n").await.unwrap();
    let a = Answer::of(&read_all(&mut c).await);
    assert_eq!((a.status, a.header("X-Route-Reason")), (200, "default"));
}

#[tokio::test]
async fn a_connection_carries_one_request_after_the_other_pipelined_ones_too() {
    let g = Rig::one(&echo().await).await;
    let one = "GET /1 HTTP/1.1\r\nHost: h\r\nX-Routing-Key: visa\r\n\r\n";
    let last = "GET /2 HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX-Routing-Key: visa\r\n\r\n";
    let mut c = g.dial().await;
    c.write_all(one.as_bytes()).await.unwrap();
    read_until(&mut c, "X-Forwarded-Proto: http\r\n\r\n").await;
    c.write_all(format!("{one}{last}").as_bytes()).await.unwrap();
    let rest = read_all(&mut c).await;
    assert_eq!(rest.matches("HTTP/1.1 200 OK").count(), 2, "{rest}");
    assert!(rest.find("GET /1") < rest.find("GET /2"), "{rest}");
}

#[tokio::test]
async fn before_the_first_configuration_every_request_is_refused_as_not_ready() {
    let g = Rig::with(None, Default::default()).await;
    let a = g.get("visa").await;
    assert_eq!((a.status, a.body.as_str()), (503, "not_ready: the router has no configuration yet\n"));
}

#[tokio::test]
async fn a_full_placement_refuses_and_says_so_in_header_and_log() {
    let mut p =
        place("visa", &[says_and_stays("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n").await]);
    p.limit.in_flight = 1;
    let g = Rig::new(spec(vec![p])).await;
    let mut c = g.dial().await;
    c.write_all(b"GET / HTTP/1.1\r\nHost: h\r\nX-Routing-Key: visa\r\n\r\n").await.unwrap();
    read_until(&mut c, "a\r\n").await;
    let a = g.get("visa").await;
    assert_eq!((a.status, a.body.as_str()), (429, "limit: placement visa has as many requests in flight as it may\n"));
    assert_eq!((a.header("X-Circuit-State"), a.header("X-Routed-To")), ("", ""));
    let line = g.line().await;
    assert_eq!((&line["status_code"], &line["failover_reason"]), (&429.into(), &"concurrency_limit".into()));
}

#[tokio::test]
async fn five_failures_open_the_circuit_and_the_fallback_serves() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut p = place("visa", &[format!("http://{free}")]);
    p.fallback = vec!["tier3".into()];
    let g = Rig::new(spec(vec![p, place("tier3", &[echo().await])])).await;
    for _ in 0..5 {
        assert_eq!(g.get("visa").await.status, 502);
    }
    let a = g.get("visa").await;
    let got = [
        a.header("X-Routed-To"),
        a.header("X-Failover-Reason"),
        a.header("X-Route-Reason"),
        a.header("X-Circuit-State"),
    ];
    assert_eq!((a.status, got), (200, ["tier3", "circuit_open", "dedicated", "closed"]));
}

#[tokio::test]
async fn an_open_circuit_without_fallback_is_a_503_that_says_open() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let g = Rig::one(&format!("http://{free}")).await;
    for _ in 0..5 {
        g.get("visa").await;
    }
    let a = g.get("visa").await;
    assert_eq!((a.status, a.header("X-Circuit-State")), (503, "open"));
    assert_eq!(a.body, "circuit_open: the circuit of placement visa is open and no fallback takes the request\n");
}

#[tokio::test]
async fn the_routers_own_page_tells_which_configuration_is_in_force() {
    let g = Rig::one(&echo().await).await;
    let a = Answer::of(&g.talk("GET /debug/config HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await);
    assert_eq!((a.status, a.header("Content-Type")), (200, "application/json"));
    assert_eq!(a.body, "{\"version\":\"1\",\"source\":\"file\",\"last_reload_at\":\"1970-01-01T00:00:00Z\"}\n");
}

#[tokio::test]
async fn connect_is_not_proxied() {
    let g = Rig::one(&echo().await).await;
    let a = Answer::of(&g.talk("CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n").await);
    assert_eq!((a.status, a.body.as_str()), (405, "bad_request: connect: CONNECT is not proxied\n"));
    assert_eq!(a.header("Allow"), "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE");
}

#[tokio::test]
async fn what_is_not_http_is_refused_recorded_and_logged() {
    let g = Rig::one(&echo().await).await;
    for text in [
        "GET\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 2\r\n\r\n",
    ] {
        let a = Answer::of(&g.talk(text).await);
        assert_eq!((a.status, a.header("Connection")), (400, "close"), "{text:?}");
        assert!(a.body.starts_with("bad_request: "), "{text:?} {}", a.body);
    }
    let lines = g.log();
    assert_eq!(lines.len(), 3);
    let codes: Vec<_> = lines.iter().map(|l| l["refused"].as_str().unwrap_or_default()).collect();
    assert_eq!(codes, ["bad_request_line", "repeated_host", "bad_length"]);
    assert!(lines[0]["client"].as_str().is_some_and(|c| c.starts_with("127.0.0.1:")), "{}", lines[0]);
    assert!(lines.iter().all(|l| l["status_code"] == 400 && l["step"].as_u64() > Some(0)), "{lines:?}");
}

#[tokio::test]
async fn a_request_without_a_host_is_a_bad_request() {
    let g = Rig::one(&echo().await).await;
    let a = Answer::of(&g.talk("GET / HTTP/1.1\r\nConnection: close\r\nX-Routing-Key: visa\r\n\r\n").await);
    assert_eq!(a.status, 400, "{a:?}");
}

#[tokio::test]
async fn a_grpc_client_gets_its_refusal_as_grpc() {
    let g = Rig::one(&echo().await).await;
    let a = Answer::of(
        &g.talk("POST / HTTP/1.1\r\nHost: h\r\nContent-Type: application/grpc\r\nConnection: close\r\n\r\n").await,
    );
    assert_eq!(
        (a.status, a.header("Grpc-Status"), a.header("Content-Type"), a.body.as_str()),
        (200, "3", "application/grpc", "")
    );
    assert_eq!(a.header("Grpc-Message"), "no_key: the request has no X-Routing-Key header");
}

#[tokio::test]
async fn a_head_request_gets_a_head() {
    let g = Rig::one(&says("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n").await).await;
    let a = Answer::of(&g.talk("HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX-Routing-Key: visa\r\n\r\n").await);
    assert_eq!((a.status, a.header("Content-Length"), a.body.as_str()), (200, "7", ""));
    assert_eq!(g.ended().await, Ended { class: Class::NONE, status: 200, sent: true });
}

#[tokio::test]
async fn a_refusal_of_a_short_body_keeps_its_connection_and_one_of_a_long_body_ends_it() {
    let g = Rig::one(&echo().await).await;
    let mut c = g.dial().await;
    c.write_all(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc").await.unwrap();
    read_until(&mut c, "header\n").await;
    c.write_all(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX-Routing-Key: visa\r\n\r\n").await.unwrap();
    assert_eq!(Answer::of(&read_all(&mut c).await).status, 200);
    let long = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\n\r\nabc";
    let a = Answer::of(&g.talk(long).await);
    assert_eq!((a.status, a.header("Connection")), (400, "close"));
}

#[tokio::test]
async fn an_http_1_0_client_is_answered_in_its_version() {
    let g = Rig::one(&echo().await).await;
    let text = g.talk("GET / HTTP/1.0\r\nX-Routing-Key: visa\r\n\r\n").await;
    assert!(text.starts_with("HTTP/1.0 200 OK\r\n"), "{text}");
}
