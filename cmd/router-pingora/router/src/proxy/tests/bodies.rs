//! Bodies both ways, and connections that become something else.

use lockstep_core::Class;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::rig::*;

/// An origin that answers with what it was sent, raw, once that ends with a text.
async fn mirror(end: &'static str) -> String {
    origin(move |mut c| async move {
        let text = read_until(&mut c, end).await;
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len());
        let _ = c.write_all(answer.as_bytes()).await;
        read_all(&mut c).await;
    })
    .await
}

#[tokio::test]
async fn a_body_is_framed_upstream_as_it_came() {
    let g = Rig::one(&mirror("12345").await).await;
    let a = Answer::of(
        &g.talk(
            "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX-Routing-Key: visa\r\nContent-Length: 5\r\n\r\n12345",
        )
        .await,
    );
    assert!(a.body.contains("Content-Length: 5\r\n") && a.body.ends_with("\r\n\r\n12345"), "{}", a.body);
    let g = Rig::one(&mirror("0\r\n\r\n").await).await;
    let a = Answer::of(&g.talk("POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX-Routing-Key: visa\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n").await);
    assert!(
        a.body.contains("Transfer-Encoding: chunked\r\n") && a.body.ends_with("\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
        "{}",
        a.body
    );
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_by_its_length_and_by_count() {
    let mut p = place("visa", &[says_and_stays("").await]);
    p.body_max = 4;
    let g = Rig::new(spec(vec![p])).await;
    for framing in ["Content-Length: 5\r\n\r\n12345", "Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n\r\n"] {
        let a = Answer::of(
            &g.talk(&format!("POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX-Routing-Key: visa\r\n{framing}"))
                .await,
        );
        assert_eq!(
            (a.status, a.body.as_str()),
            (413, "body_too_large: the request body is larger than its placement accepts\n"),
            "{framing}"
        );
    }
    let lines = g.log();
    assert!(lines.iter().all(|l| l["failover_reason"] == "body_size_limit"), "{lines:?}");
    assert_eq!(g.in_flight(), 0);
}

#[tokio::test]
async fn a_stream_is_passed_on_piece_by_piece() {
    let (tell, told) = tokio::sync::watch::channel(false);
    let url = origin(move |mut c| {
        let mut told = told.clone();
        async move {
            head(&mut c).await;
            let _ = c.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n").await;
            let _ = told.wait_for(|t| *t).await;
            let _ = c.write_all(b"data: 2\n\n").await;
        }
    });
    let g = Rig::one(&url.await).await;
    let mut c = g.dial().await;
    c.write_all(b"GET / HTTP/1.1\r\nHost: h\r\nX-Routing-Key: visa\r\nConnection: close\r\n\r\n").await.unwrap();
    read_until(&mut c, "data: 1\n\n\r\n").await;
    tell.send(true).unwrap();
    assert_eq!(read_all(&mut c).await, "9\r\ndata: 2\n\n\r\n0\r\n\r\n");
    assert_eq!(g.ended().await, Ended { class: Class::NONE, status: 200, sent: true });
}

#[tokio::test]
async fn an_http_1_0_client_gets_no_chunks() {
    let g = Rig::one(&says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n").await).await;
    let a = Answer::of(&g.talk("GET / HTTP/1.0\r\nX-Routing-Key: visa\r\n\r\n").await);
    assert_eq!((a.status, a.header("Transfer-Encoding"), a.body.as_str()), (200, "", "abc"));
}

#[tokio::test]
async fn an_answer_before_the_end_of_its_request_is_passed_on_and_ends_the_connection() {
    let g = Rig::one(&says_and_stays("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno").await).await;
    let a = Answer::of(
        &g.talk("POST / HTTP/1.1\r\nHost: h\r\nX-Routing-Key: visa\r\nContent-Length: 100000\r\n\r\nhalf").await,
    );
    assert_eq!((a.status, a.body.as_str(), a.header("Connection")), (401, "no", "close"));
    assert_eq!(g.ended().await, Ended { class: Class::NONE, status: 401, sent: true });
}

#[tokio::test]
async fn a_client_that_waits_for_it_is_told_to_continue() {
    let url = origin(|mut c| async move {
        assert!(head(&mut c).await.contains("Expect: 100-continue\r\n"));
        c.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.unwrap();
        let mut body = [0; 3];
        c.read_exact(&mut body).await.unwrap();
        c.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n").await.unwrap();
        c.write_all(&body).await.unwrap();
    });
    let g = Rig::one(&url.await).await;
    let mut c = g.dial().await;
    c.write_all(b"POST / HTTP/1.1\r\nHost: h\r\nX-Routing-Key: visa\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n").await.unwrap();
    read_until(&mut c, "HTTP/1.1 100 Continue\r\n\r\n").await;
    c.write_all(b"abc").await.unwrap();
    let a = Answer::of(&read_all(&mut c).await);
    assert_eq!((a.status, a.body.as_str()), (200, "abc"));
}

#[tokio::test]
async fn early_hints_pass() {
    let g = Rig::one(
        &says("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na").await,
    )
    .await;
    let text = g.talk("GET / HTTP/1.1\r\nHost: h\r\nX-Routing-Key: visa\r\nConnection: close\r\n\r\n").await;
    assert!(text.starts_with("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n"), "{text}");
}

const ASK: &[u8] =
    b"GET / HTTP/1.1\r\nHost: h\r\nX-Routing-Key: visa\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const AGREED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

/// An origin that agrees to an upgrade and says back what it hears, and at its end "bye".
async fn parrot() -> String {
    origin(|mut c| async move {
        head(&mut c).await;
        c.write_all(AGREED.as_bytes()).await.unwrap();
        let mut room = [0; 100];
        while let Ok(n @ 1..) = c.read(&mut room).await {
            c.write_all(&room[..n]).await.unwrap();
        }
        let _ = c.write_all(b"bye").await;
    })
    .await
}

#[tokio::test]
async fn an_upgraded_connection_passes_bytes_both_ways_and_a_half_close_too() {
    let g = Rig::one(&parrot().await).await;
    let mut c = g.dial().await;
    c.write_all(ASK).await.unwrap();
    let head = read_until(&mut c, "\r\n\r\n").await;
    assert!(
        head.starts_with("HTTP/1.1 101 ")
            && head.contains("X-Routed-To: visa\r\n")
            && head.contains("Upgrade: websocket\r\n"),
        "{head}"
    );
    c.write_all(b"\x01\x01x").await.unwrap();
    read_until(&mut c, "x").await;
    until("the outcome is booked at settle (R7)", || (g.spy.replied() == [101]).then_some(())).await;
    assert_eq!(g.in_flight(), 1, "it holds its slot");
    c.shutdown().await.unwrap();
    assert_eq!(read_all(&mut c).await, "bye");
    assert_eq!(g.ended().await, Ended { class: Class::NONE, status: 101, sent: true });
    let line = g.line().await;
    assert_eq!(
        (&line["status_code"], &line["bytes_sent"], &line["bytes_received"]),
        (&101.into(), &6.into(), &3.into())
    );
}

#[tokio::test]
async fn at_the_end_of_a_drain_a_websocket_is_told_1001() {
    let g = Rig::one(&parrot().await).await;
    let mut c = g.dial().await;
    c.write_all(ASK).await.unwrap();
    read_until(&mut c, "\r\n\r\n").await;
    g.driver.drain(g.driver.now() + 20 * lockstep_core::MILLISECOND);
    let mut told = Vec::new();
    c.read_to_end(&mut told).await.unwrap();
    assert!(
        told.starts_with(&[0x88, 2 + 27, 0x03, 0xe9]) && told.ends_with(b"the router is shutting down"),
        "{told:?}"
    );
    assert_eq!(g.ended().await, Ended { class: Class::DRAINING, status: 101, sent: true });
}
