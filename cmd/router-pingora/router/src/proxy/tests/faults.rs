//! Every row of the error mapping that a loopback origin can provoke (R16).

use std::time::Duration;

use lockstep_core::Class;
use socket2::{Domain, Socket, Type};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::rig::*;

/// What must come of an upstream's fault.
struct Want {
    class: Class,
    status: u16,
    sent: bool,
}

async fn fault(name: &str, url: String, want: Want) {
    let g = Rig::one(&url).await;
    let a = g.get("visa").await;
    assert_eq!(a.status, want.status, "{name}: {a:?}");
    assert_eq!((a.header("X-Routed-To"), a.header("X-Circuit-State")), ("visa", "closed"), "{name}: R4");
    assert!(a.body.starts_with(&format!("{}: ", want.class)), "{name}: {}", a.body);
    let is = g.ended().await;
    assert_eq!((is.class, is.status, is.sent), (want.class, 0, want.sent), "{name}");
    let line = g.line().await;
    assert_eq!((&line["class"], &line["status_code"]), (&want.class.row().label.into(), &want.status.into()), "{name}");
    assert!(line["upstream_error"].as_str().is_some_and(|e| e.starts_with(want.class.row().label)), "{line}");
    assert_eq!(g.in_flight(), 0, "{name}");
}

fn failed(class: Class, sent: bool) -> Want {
    Want { class, status: class.row().status, sent }
}

#[tokio::test]
async fn nobody_listens() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    fault("refused", format!("http://{free}"), failed(Class::CONNECT_REFUSED, false)).await;
}

#[tokio::test]
async fn a_full_backlog_takes_no_connection() {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let mut held = Vec::new();
    // The kernel takes a few; the queue is full when one does not get through.
    while let Ok(Ok(c)) = tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(address)).await {
        held.push(c);
    }
    fault("backlog", format!("http://{address}"), failed(Class::CONNECT_TIMEOUT, false)).await;
}

#[tokio::test]
async fn a_name_has_no_address() {
    let mut p = place("visa", &["http://no-such-name.invalid:80".to_string()]);
    p.timeouts.connect = 5 * lockstep_core::SECOND;
    p.timeouts.request = 9 * lockstep_core::SECOND;
    let g = Rig::new(spec(vec![p])).await;
    let a = g.get("visa").await;
    assert_eq!((a.status, a.body.as_str()), (502, "dns: the name of the upstream of visa does not resolve\n"));
    assert_eq!(g.ended().await, Ended { class: Class::DNS, status: 0, sent: false });
}

#[tokio::test]
async fn a_connection_breaks_before_the_end_of_the_head() {
    fault("FIN", says("").await, failed(Class::RESET_BEFORE_RESPONSE, true)).await;
    fault("inside", says("HTTP/1.1 200 OK\r\nA: b").await, failed(Class::RESET_BEFORE_RESPONSE, true)).await;
    let reset = origin(|mut c| async move {
        head(&mut c).await;
        socket2::SockRef::from(&c).set_linger(Some(Duration::ZERO)).unwrap();
    });
    fault("RST", reset.await, failed(Class::RESET_BEFORE_RESPONSE, true)).await;
}

#[tokio::test]
async fn what_comes_is_not_http() {
    fault("another protocol", says("220 mail.example ESMTP\r\n\r\n").await, failed(Class::BAD_RESPONSE, true)).await;
    fault("a bad field", says("HTTP/1.1 200 OK\r\n: x\r\n\r\n").await, failed(Class::BAD_RESPONSE, true)).await;
    fault(
        "two lengths",
        says("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab").await,
        failed(Class::BAD_RESPONSE, true),
    )
    .await;
    let unasked = says("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n").await;
    fault("101 unasked", unasked, failed(Class::BAD_RESPONSE, true)).await;
}

#[tokio::test]
async fn no_head_comes_in_time() {
    let mut p = place("visa", &[says_and_stays("").await]);
    p.timeouts.request = 30 * lockstep_core::SECOND; // so it is response_header that ends it
    let g = Rig::new(spec(vec![p])).await;
    let a = g.get("visa").await;
    assert_eq!((a.status, a.body.as_str()), (504, "response_timeout: the upstream of visa did not answer in time\n"));
    assert_eq!(g.ended().await, Ended { class: Class::RESPONSE_TIMEOUT, status: 0, sent: true });
}

#[tokio::test]
async fn the_handshake_meets_no_tls_or_nothing() {
    let plain = origin(|mut c| async move {
        let _ = c.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        read_all(&mut c).await;
    });
    fault("no TLS", plain.await.replace("http:", "https:"), failed(Class::TLS, false)).await;
    let silent = origin(|mut c| async move {
        read_all(&mut c).await;
    });
    fault(
        "a handshake that stands still",
        silent.await.replace("http:", "https:"),
        failed(Class::CONNECT_TIMEOUT, false),
    )
    .await;
}

#[tokio::test]
async fn an_upstreams_own_failure_passes_as_it_is() {
    let g = Rig::one(&says("HTTP/1.1 503 Busy\r\nContent-Length: 4\r\nX-Own: 1\r\n\r\nbusy").await).await;
    let a = g.get("visa").await;
    assert_eq!((a.status, a.body.as_str(), a.header("X-Own"), a.header("X-Routed-To")), (503, "busy", "1", "visa"));
    assert_eq!(g.ended().await, Ended { class: Class::NONE, status: 503, sent: true });
    assert_eq!(g.line().await["class"], "upstream_5xx");
}

#[tokio::test]
async fn a_body_that_breaks_does_not_look_complete() {
    for (name, text) in [
        ("with a length", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"),
        ("in chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"),
        ("in chunks, then not HTTP", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nxyz\r\n"),
        ("with a length, no content", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"),
    ] {
        let g = Rig::one(&says(text).await).await;
        let answer = g.talk("GET / HTTP/1.1\r\nHost: h\r\nX-Routing-Key: visa\r\n\r\n").await;
        assert!(
            answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("X-Routed-To: visa\r\n"),
            "{name}: {answer}"
        );
        assert!(!answer.ends_with("\r\n0\r\n\r\n") && answer.matches("HTTP/1.1").count() == 1, "{name}: {answer}");
        assert_eq!(answer.contains("half"), text.contains("half"), "{name}: what came is passed on: {answer}");
        assert_eq!(g.ended().await, Ended { class: Class::BROKEN_BODY, status: 200, sent: true }, "{name}");
        assert_eq!(g.line().await["class"], "broken_body", "{name}");
    }
}

#[tokio::test]
async fn a_body_that_stands_still_is_cut_and_its_outcome_was_booked_at_settle() {
    let g = Rig::one(&says_and_stays("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").await).await;
    let answer = g.talk("GET / HTTP/1.1\r\nHost: h\r\nX-Routing-Key: visa\r\n\r\n").await;
    assert!(answer.ends_with("half"), "{answer}");
    assert_eq!(g.ended().await, Ended { class: Class::BODY_TIMEOUT, status: 200, sent: true });
    assert_eq!(g.spy.replied(), [200], "R7: one Reply, at settle");
}

#[tokio::test]
async fn a_client_that_leaves_is_not_the_upstreams_failure() {
    let g = Rig::one(&says_and_stays("").await).await;
    let mut c = g.dial().await;
    c.write_all(b"GET / HTTP/1.1\r\nHost: h\r\nX-Routing-Key: visa\r\n\r\n").await.unwrap();
    until("it is in flight", || (g.in_flight() == 1).then_some(())).await;
    drop(c);
    assert_eq!(g.ended().await.class, Class::CLIENT_GONE);
    let line = g.line().await;
    assert_eq!((&line["status_code"], &line["class"]), (&499.into(), &"client_gone".into()));
}

#[tokio::test]
async fn a_client_that_leaves_inside_an_answer_is_gone() {
    let g = Rig::one(&says_and_stays("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n").await).await;
    let mut c = g.dial().await;
    c.write_all(b"GET / HTTP/1.1\r\nHost: h\r\nX-Routing-Key: visa\r\n\r\n").await.unwrap();
    read_until(&mut c, "half\r\n").await;
    drop(c);
    assert_eq!(g.ended().await, Ended { class: Class::CLIENT_GONE, status: 200, sent: true });
}

#[tokio::test]
async fn a_client_that_leaves_inside_its_body_is_gone() {
    let g = Rig::one(&says_and_stays("").await).await;
    let mut c = g.dial().await;
    c.write_all(b"POST / HTTP/1.1\r\nHost: h\r\nX-Routing-Key: visa\r\nContent-Length: 9\r\n\r\nhalf").await.unwrap();
    until("it is in flight", || (g.in_flight() == 1).then_some(())).await;
    drop(c);
    assert_eq!(g.ended().await.class, Class::CLIENT_GONE);
}

#[tokio::test]
async fn a_client_that_does_not_send_its_body_is_told_so() {
    let g = Rig::one(&says_and_stays("").await).await;
    let answer = g.talk("POST / HTTP/1.1\r\nHost: h\r\nX-Routing-Key: visa\r\nContent-Length: 9\r\n\r\nhalf").await;
    let a = Answer::of(&answer);
    assert_eq!((a.status, a.body.as_str()), (408, "request_timeout: the request did not arrive in time\n"));
    assert_eq!(a.header("Connection"), "close");
    assert_eq!(g.ended().await.class, Class::REQUEST_TIMEOUT);
}

#[tokio::test]
async fn a_chunk_that_is_none_is_a_bad_request() {
    let g = Rig::one(&says_and_stays("").await).await;
    let answer =
        g.talk("POST / HTTP/1.1\r\nHost: h\r\nX-Routing-Key: visa\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n").await;
    let a = Answer::of(&answer);
    assert_eq!(
        (a.status, a.body.as_str()),
        (400, "bad_request: bad_chunk_size: a chunk of the body does not begin with its size\n")
    );
    assert_eq!(g.ended().await.class, Class::BAD_REQUEST);
}

#[tokio::test]
async fn a_kept_connection_that_has_ended_is_replaced_and_nothing_is_sent_twice() {
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let url = {
        let seen = seen.clone();
        origin(move |mut c| {
            let seen = seen.clone();
            async move {
                let text = head(&mut c).await;
                seen.lock().unwrap().push(text);
                let _ = c.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
            } // closed after one answer, without saying so
        })
        .await
    };
    let g = Rig::one(&url).await;
    for i in 1..=5 {
        let a = g.get("visa").await;
        assert_eq!(a.status, 200, "{i}: {a:?}");
        assert_eq!(seen.lock().unwrap().len(), i);
    }
}

#[tokio::test]
async fn a_client_that_sends_too_slowly_is_told_so_after_its_grace() {
    let mut p = place("visa", &[says_and_stays("").await]);
    p.timeouts.request = 30 * lockstep_core::SECOND; // so it is the rate that ends it
    let g = Rig::new(spec(vec![p])).await;
    let answer = g.talk("POST / HTTP/1.1\r\nHost: h\r\nX-Routing-Key: visa\r\nContent-Length: 9\r\n\r\nhalf").await;
    let a = Answer::of(&answer);
    assert_eq!(
        (a.status, a.body.as_str()),
        (408, "request_timeout: body_too_slow: the request body arrives too slowly\n")
    );
}
