//! Requests that wait, and those that come again (R5's queue, R11, R14).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lockstep_core::{Class, MILLISECOND, RetryOn, SECOND, WhenFull};
use tokio::io::AsyncWriteExt;

use super::rig::*;

/// An origin that fails with a text for its first connection and answers all others with their own body.
async fn second_time(first: &'static str) -> (String, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let seen = count.clone();
    let url = origin(move |mut c| {
        let seen = seen.clone();
        async move {
            let n = seen.fetch_add(1, Ordering::SeqCst);
            let text = head(&mut c).await;
            if text.contains("Content-Length: 3") {
                read_until(&mut c, "abc").await;
            }
            let answer = if n == 0 { first } else { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" };
            let _ = c.write_all(answer.as_bytes()).await;
        }
    })
    .await;
    (url, count)
}

async fn retrying(url: String) -> Rig {
    let mut p = place("visa", &[url]);
    p.retries.max = 1;
    p.retries.no_budget = true;
    p.retries.back_off = MILLISECOND;
    p.retries.on = RetryOn(RetryOn::ON_RESET.0 | RetryOn::ON_GATEWAY.0);
    p.timeouts.request = 5 * SECOND;
    Rig::new(spec(vec![p])).await
}

#[tokio::test]
async fn a_request_is_sent_again_after_a_reset_and_the_answer_says_how_often() {
    let (url, count) = second_time("").await;
    let g = retrying(url).await;
    let a = g.get("visa").await;
    assert_eq!((a.status, a.body.as_str(), a.header("X-Lockstep-Attempts")), (200, "ok", "2"));
    assert_eq!(count.load(Ordering::SeqCst), 2);
    let line = g.line().await;
    assert_eq!((&line["attempts"], &line["retried"][0]["class"]), (&2.into(), &"reset_before_response".into()));
}

#[tokio::test]
async fn a_gateway_failure_is_asked_about_before_any_of_it_goes_out() {
    let (url, _) = second_time("HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy").await;
    let g = retrying(url).await;
    let a = g.get("visa").await;
    assert_eq!((a.status, a.body.as_str(), a.header("X-Lockstep-Attempts")), (200, "ok", "2"));
    assert_eq!(g.spy.replied(), [503]);
}

#[tokio::test]
async fn a_body_is_sent_again_as_it_was() {
    let (url, _) = second_time("").await;
    let mut p = place("visa", &[url]);
    p.retries.max = 1;
    p.retries.no_budget = true;
    p.retries.methods = lockstep_core::RetryMethods::ANY;
    p.retries.back_off = MILLISECOND;
    p.timeouts.request = 5 * SECOND;
    let g = Rig::new(spec(vec![p])).await;
    let a = Answer::of(
        &g.talk(
            "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX-Routing-Key: visa\r\nContent-Length: 3\r\n\r\nabc",
        )
        .await,
    );
    assert_eq!((a.status, a.body.as_str(), a.header("X-Lockstep-Attempts")), (200, "ok", "2"));
}

#[tokio::test]
async fn a_retry_after_that_is_too_long_ends_with_the_answer_that_it_came_with() {
    let (url, _) = second_time("HTTP/1.1 503 Busy\r\nRetry-After: 3600\r\nContent-Length: 4\r\n\r\nbusy").await;
    let g = retrying(url).await;
    let a = g.get("visa").await;
    assert_eq!((a.status, a.body.as_str(), a.header("X-Lockstep-Attempts")), (503, "busy", "1"));
}

/// A placement of one slot and a queue, whose endpoint answers when told.
async fn queueing(wait: i64) -> (Rig, tokio::sync::watch::Sender<bool>) {
    let (tell, told) = tokio::sync::watch::channel(false);
    let url = origin(move |mut c| {
        let mut told = told.clone();
        async move {
            head(&mut c).await;
            let _ = told.wait_for(|t| *t).await;
            let _ = c.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        }
    });
    let mut p = place("visa", &[url.await]);
    (p.limit.in_flight, p.limit.when_full, p.limit.queue, p.limit.wait) = (1, WhenFull::QUEUE, 4, wait);
    (p.timeouts.request, p.timeouts.response_header) = (9 * SECOND, 9 * SECOND);
    (Rig::new(spec(vec![p])).await, tell)
}

#[tokio::test]
async fn a_request_that_waits_is_served_when_its_turn_comes() {
    let (g, tell) = queueing(9 * SECOND).await;
    let g = Arc::new(g);
    let two: Vec<_> = (0..2)
        .map(|_| {
            let g = g.clone();
            tokio::spawn(async move { g.get("visa").await })
        })
        .collect();
    until("one waits", || (g.driver.view(|r| r.placement(0).queued) == 1).then_some(())).await;
    tell.send(true).unwrap();
    for one in two {
        assert_eq!(one.await.unwrap().status, 200);
    }
    let lines = g.log();
    assert!(lines.iter().any(|l| l["queued_ms"].as_f64().is_some_and(|q| q > 0.0)), "{lines:?}");
}

#[tokio::test]
async fn a_wait_that_is_over_is_a_queue_timeout() {
    let (g, _tell) = queueing(30 * MILLISECOND).await;
    let mut c = g.dial().await;
    c.write_all(b"GET / HTTP/1.1\r\nHost: h\r\nX-Routing-Key: visa\r\n\r\n").await.unwrap();
    until("one is in flight", || (g.in_flight() == 1).then_some(())).await;
    let a = g.get("visa").await;
    assert_eq!(
        (a.status, a.body.as_str()),
        (503, "queue_timeout: placement visa had no room for the request in time\n")
    );
}

#[tokio::test]
async fn a_client_that_leaves_while_it_waits_gives_up_its_place() {
    let (g, _tell) = queueing(9 * SECOND).await;
    let mut first = g.dial().await;
    let text = b"GET / HTTP/1.1\r\nHost: h\r\nX-Routing-Key: visa\r\n\r\n";
    first.write_all(text).await.unwrap();
    until("one is in flight", || (g.in_flight() == 1).then_some(())).await;
    let mut second = g.dial().await;
    second.write_all(text).await.unwrap();
    until("one waits", || (g.driver.view(|r| r.placement(0).queued) == 1).then_some(())).await;
    drop(second);
    until("its place is free", || (g.driver.view(|r| r.placement(0).queued) == 0).then_some(())).await;
    assert_eq!(g.line().await["status_code"], 499);
}

#[tokio::test]
async fn a_drain_refuses_what_comes_and_cuts_what_is_left_at_its_deadline() {
    let g = Rig::one(&says_and_stays("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n").await).await;
    let mut c = g.dial().await;
    c.write_all(b"GET / HTTP/1.1\r\nHost: h\r\nX-Routing-Key: visa\r\n\r\n").await.unwrap();
    read_until(&mut c, "half\r\n").await;
    g.driver.drain(g.driver.now() + 100 * MILLISECOND);
    let a = g.get("visa").await;
    assert_eq!(
        (a.status, a.body.as_str(), a.header("Connection")),
        (503, "drain: the router is shutting down\n", "close")
    );
    assert_eq!(read_all(&mut c).await, "", "the answer is cut, not ended");
    assert_eq!(g.ended().await, Ended { class: Class::DRAINING, status: 200, sent: true });
}
