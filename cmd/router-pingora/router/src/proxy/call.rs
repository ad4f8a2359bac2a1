//! One request on its way, over all its attempts: what the client asked, how it is answered, and what
//! log and observers are told at the end.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method as HttpMethod, StatusCode, Version, header};
use lockstep_core::{Class, Config, DecisionKind, Route, request_hash};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::http::ServerSession;
use tokio::time::{Instant, timeout};

use super::access_log::{Detail, Failed, Line, STATUS_CLIENT_GONE};
use super::answer::Answer;
use super::exchange::End;
use super::headers::{self, Client};
use super::observe::{RequestSeen, WaitSeen};
use super::request_id::{RequestId, readable};
use super::routing::{self, Found};
use super::upload::Upload;
use super::{Proxy, Side, WRITE_TIMEOUT, grpc, upstream};
use crate::driver::{Admission, Arrival, Resolved, Resolver};

/// How long a refused or early answer's connection goes on taking in what its client still sends, so
/// that a reset does not overtake the answer.
const LINGER: Duration = Duration::from_millis(500);
/// A body up to so many bytes is taken in for the sake of its connection, though nobody wants it.
const SHORT: i64 = 256 << 10;
/// How long a broken HTTP/2 stream has for what came before its reset.
const RESET_AFTER: Duration = Duration::from_millis(20);
const FLUSHED: &str = "flushed";

/// One request on its way, over all its attempts.
pub(crate) struct Call {
    pub(crate) session: ServerSession,
    pub(crate) asked: Asked,
    pub(crate) story: Story,
    pub(crate) upload: Upload,
    /// The client waits for a 100 Continue.
    pub(crate) expects: bool,
    pub(super) prepared: bool,
}

/// What the client asked, which does not change.
pub(crate) struct Asked {
    pub(crate) request: RequestHeader,
    /// As it came.
    pub(super) target: String,
    pub(crate) id: RequestId,
    pub(crate) client: Client,
    /// The protocol that it asks to change to.
    pub(crate) upgrade: Option<String>,
    pub(super) grpc: bool,
    pub(super) listener: String,
}

/// What log and observers are told at the end.
pub(crate) struct Story {
    pub(crate) begun: Instant,
    pub(crate) attempts: u32,
    /// The answer says how many attempts were made.
    pub(crate) counts: bool,
    pub(crate) sent: u64,
    pub(super) received: u64,
    pub(crate) upstream: Duration,
    pub(super) queued: Duration,
    pub(super) back_off: Duration,
    pub(super) failed: Vec<Failed>,
}

impl Call {
    pub(super) fn new(mut session: ServerSession, edge: &Side, begun: Instant) -> Call {
        let request = session.req_header().clone();
        let client = edge.client(&session);
        let trusts = edge.proxy.routing.trusts_id(edge.proxy.driver.in_force().config.as_ref(), &client);
        let given = request.headers.get(headers::REQUEST_ID).map(|v| v.as_bytes()).filter(|_| trusts);
        let length = if session.is_body_empty() { 0 } else { content_length(&request.headers) };
        let asked = Asked {
            id: RequestId::of(given),
            target: readable(request.raw_path()),
            upgrade: if request.version == Version::HTTP_11 { headers::upgrade_of(&request.headers) } else { None },
            grpc: grpc::is_grpc(request.headers.get(header::CONTENT_TYPE).map(|v| v.as_bytes())),
            listener: edge.listener.name.clone(),
            request,
            client,
        };
        let expects = expects(&asked.request);
        Call { session, asked, story: Story::new(begun), upload: Upload::new(length), expects, prepared: false }
    }

    /// Before the first attempt: bounds a body of unknown length by the limit of the key's own
    /// placement, whoever serves, and keeps of it what may have to be sent again.
    pub(super) fn prepare(&mut self, proxy: &Proxy, adm: &Admission) {
        if std::mem::replace(&mut self.prepared, true) || self.upload.length >= 0 && !adm.again {
            return;
        }
        let Some(c) = &adm.target.config else {
            return;
        };
        let Some(home) = self.asked.home(proxy, c).map(|r| r.placement as usize) else {
            return;
        };
        self.upload.bound(c.body_max(home));
        if adm.again {
            let retries = c.retries(home);
            self.upload.keep(retries.body_max);
            self.story.counts = retries.max > 0;
        }
    }

    /// Waits for what becomes of a request that was queued or is to be tried again. A client that leaves
    /// meanwhile is a rejection of that class.
    pub(super) async fn wait(&mut self, proxy: &Arc<Proxy>, mut adm: Admission) -> Admission {
        let Some(mut waiting) = adm.waiting.take() else {
            return adm;
        };
        let (retry, begun, queue) = (adm.kind == DecisionKind::RETRY, Instant::now(), adm.target.clone());
        let next = {
            let Call { session, asked, upload, .. } = &mut *self;
            let way = Way { asked, proxy };
            let arrival = Arrival { id: asked.id.bits, resolver: Some(&way), ..Arrival::default() };
            tokio::select! {
                biased;
                next = waiting.next(&arrival) => Some(next),
                _ = session.read_body_or_idle(true), if upload.done => None,
            }
        };
        let in_queue = match &next {
            Some(n) => n.in_queue,
            None => waiting.give_up(),
        };
        let next = next.unwrap_or_else(|| {
            adm.decision.kind = DecisionKind::REJECT;
            (adm.decision.class, adm.decision.status) = (Class::CLIENT_GONE, 0);
            adm
        });
        let took = begun.elapsed();
        let queued = if retry { took.min(upstream::nanos(in_queue)) } else { took };
        self.story.queued += queued;
        self.story.back_off += took - queued;
        if let Some(o) = &proxy.observer {
            let target = if retry { &next.target } else { &queue };
            o.waited(&WaitSeen { target, queued });
        }
        next
    }

    /// Answers a request that the router refuses.
    pub(super) async fn rejected(&mut self, adm: &Admission) -> End {
        if adm.class == Class::CLIENT_GONE {
            return End { status: STATUS_CLIENT_GONE, class: adm.class, ..End::default() };
        }
        self.refuse(adm, adm.class, adm.status, "").await
    }

    /// Answers with a class of our own. `says` replaces what the class means for this request.
    pub(crate) async fn refuse(&mut self, adm: &Admission, class: Class, status: u16, says: &str) -> End {
        let answer = Answer::of(adm, &self.asked.id.sent, class, status, self.asked.grpc).and_then(|mut a| {
            if !says.is_empty() {
                let prefix = format!("{class}: ");
                a.say(if says.starts_with(&prefix) { format!("{says}\n") } else { format!("{prefix}{says}\n") })?;
            }
            if self.story.counts {
                a.header.insert_header(headers::ATTEMPTS, self.story.attempts.to_string())?;
            }
            Ok(a)
        });
        let status = answer.as_ref().map_or(500, |a| a.header.status.as_u16());
        let reusable = self.say(answer).await && class != Class::DRAINING;
        End { status, class, why: None, reusable }
    }

    /// Writes a whole answer; it reports whether the connection is fit for another request. What is short
    /// of the request's body is taken in afterwards, so that the connection can go on.
    pub(super) async fn say(&mut self, answer: pingora::Result<Answer>) -> bool {
        let Ok(mut a) = answer else {
            return false;
        };
        let short = self.upload.read == 0 && (0..=SHORT).contains(&self.upload.length) && !self.expects;
        if self.session.is_http2() {
            a.header.remove_header("Connection");
        } else {
            if a.header.headers.contains_key("Connection") || !self.upload.done && !short {
                self.session.set_keepalive(None);
            }
            a.header.set_version(self.version());
            if !a.header.headers.contains_key(header::CONTENT_LENGTH)
                && a.header.insert_header("Content-Length", "0").is_err()
            {
                return false;
            }
            self.session.set_close_on_response_before_downstream_finish(false); // the line above has decided
        }
        let head = self.asked.request.method == HttpMethod::HEAD;
        let session = &mut self.session;
        let write = async {
            session.write_response_header(a.header).await?;
            session.write_response_body(if head { Bytes::new() } else { a.body }, true).await
        };
        let written = matches!(timeout(WRITE_TIMEOUT, write).await, Ok(Ok(())));
        written && (self.upload.done || self.linger().await && short)
    }

    /// The version that this client is answered in.
    pub(super) fn version(&self) -> Version {
        if self.asked.request.version == Version::HTTP_10 { Version::HTTP_10 } else { Version::HTTP_11 }
    }

    /// Writes to the client before the answer. Pingora gives up a connection when it writes anything
    /// before the end of the request's body, a 100 Continue too.
    pub(crate) async fn before(&mut self, header: Option<Box<ResponseHeader>>) -> pingora::Result<()> {
        let keep = self.session.get_keepalive();
        let written = match header {
            Some(h) => self.session.write_response_header(h).await,
            None => self.session.write_continue_response().await,
        };
        self.session.set_keepalive(keep);
        written
    }

    /// Takes in what the client still sends, for a moment; it reports whether that was all.
    pub(crate) async fn linger(&mut self) -> bool {
        !self.session.is_http2() && matches!(timeout(LINGER, self.session.drain_request_body()).await, Ok(Ok(())))
    }

    /// Sends what Pingora holds back of an answer with a length: it flushes such a one at its end alone,
    /// and the only call that flushes before is the one that fails.
    pub(crate) async fn flush(&mut self) -> pingora::Result<()> {
        use pingora::protocols::http::HttpTask;
        if self.session.is_http2() {
            return Ok(());
        }
        let none = HttpTask::Failed(pingora::Error::new(pingora::ErrorType::Custom(FLUSHED)));
        match self.session.response_duplex_vec(vec![HttpTask::Body(None, false), none]).await {
            Err(e) if e.etype == pingora::ErrorType::Custom(FLUSHED) => Ok(()),
            other => other.map(|_| ()),
        }
    }

    /// Cuts an answer that is not whole, so that the client does not take half for the whole. What came
    /// goes out first.
    pub(crate) async fn cut(&mut self) {
        if self.session.is_http2() {
            // A reset drops what is queued, and nobody tells when that is written.
            tokio::time::sleep(RESET_AFTER).await;
            self.session.shutdown().await; // a reset of the stream
            return;
        }
        let _ = timeout(LINGER, self.flush()).await; // who does not take it in has had his time
        self.session.set_keepalive(None);
    }

    /// Frames a response for this client, where its length is not known.
    pub(crate) fn frame(&mut self, h: &mut ResponseHeader) -> pingora::Result<()> {
        if self.session.is_http2() {
            return Ok(());
        }
        h.set_version(self.version());
        let bodiless = h.status.is_informational()
            || matches!(h.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
            || self.asked.request.method == HttpMethod::HEAD;
        if bodiless || h.headers.contains_key(header::CONTENT_LENGTH) {
            return Ok(());
        }
        if self.asked.request.version == Version::HTTP_11 {
            return h.insert_header("Transfer-Encoding", "chunked");
        }
        self.session.set_keepalive(None); // HTTP/1.0: the end of the connection is that of the body
        Ok(())
    }
}

impl Asked {
    /// How the request is routed under a configuration.
    pub(super) fn found(&self, proxy: &Proxy, c: Option<&Arc<Config>>) -> Found<'_> {
        let host = self.request.uri.authority().map(|a| Cow::Borrowed(a.as_str())).unwrap_or_else(|| {
            self.request.headers.get(header::HOST).map_or(Cow::Borrowed(""), |v| String::from_utf8_lossy(v.as_bytes()))
        });
        let target = match self.target.starts_with('/') {
            true => &self.target,
            false => self.request.uri.path_and_query().map_or(self.target.as_str(), |p| p.as_str()),
        };
        let q = routing::query(&self.request.headers, &host, target, &self.listener, &self.client);
        proxy.routing.find(c, &q)
    }

    /// The key's own placement under a configuration; none where it has none.
    pub(super) fn home(&self, proxy: &Proxy, c: &Arc<Config>) -> Option<Route> {
        self.home_of(c, &self.found(proxy, Some(c)))
    }

    pub(super) fn home_of(&self, c: &Config, f: &Found<'_>) -> Option<Route> {
        let split = if f.split == 0 { request_hash(self.id.bits[0], self.id.bits[1]) } else { f.split };
        let (route, ok) = c.match_via(f.via, &*f.key, split);
        (ok && route.placement >= 0).then_some(route)
    }

    pub(super) fn line<'a>(
        &'a self,
        adm: &'a Admission,
        end: &'a End,
        took: Duration,
        key: &'a str,
        path: &'a str,
    ) -> Line<'a> {
        Line {
            id: &self.id.text,
            bits: self.id.bits,
            method: self.request.method.as_str(),
            path,
            key,
            placement: &adm.target.placement,
            reason: adm.reason.as_str(),
            url: &adm.target.url,
            failover: adm.failover.as_str(),
            status: end.status,
            class: end.class,
            took,
            why: end.why.as_deref(),
            refused: None,
            detail: None,
        }
    }
}

impl Story {
    pub(super) fn new(begun: Instant) -> Story {
        Story {
            begun,
            attempts: 0,
            counts: false,
            sent: 0,
            received: 0,
            upstream: Duration::ZERO,
            queued: Duration::ZERO,
            back_off: Duration::ZERO,
            failed: Vec::new(),
        }
    }

    /// Notes an attempt that a retry follows.
    pub(crate) fn failed(&mut self, adm: &Admission, class: Class, status: u16, took: Duration) {
        self.failed.push(Failed { url: adm.target.url.clone(), class, status, took });
    }

    /// Tells log and observer of the end.
    pub(super) fn ended(&self, asked: &Asked, proxy: &Proxy, adm: &Admission, end: &End) {
        if proxy.log.is_none() && proxy.observer.is_none() {
            return;
        }
        let config = adm.target.config.as_ref();
        let f = asked.found(proxy, config);
        let (took, key) = (self.begun.elapsed(), readable(&f.key));
        let detailed = proxy.log.as_ref().is_some_and(|l| l.options().detail);
        let (route, source) = if detailed { proxy.routing.names(config, &f) } else { Default::default() };
        if let Some(l) = &proxy.log {
            l.write(&Line {
                detail: Some(self.detail(asked, adm, &route, &source)),
                ..asked.line(adm, end, took, &key, &unescape(asked.request.uri.path()))
            });
        }
        if let Some(o) = &proxy.observer {
            let class = if end.class == Class::NONE && end.status >= 500 { Class::UPSTREAM_5XX } else { end.class };
            o.request_ended(&RequestSeen {
                admission: adm,
                status: end.status,
                class,
                took,
                received: self.received,
                sent: self.sent,
            });
        }
    }

    pub(super) fn detail<'a>(
        &'a self,
        asked: &Asked,
        adm: &'a Admission,
        route: &'a str,
        source: &'a str,
    ) -> Detail<'a> {
        Detail {
            protocol: match asked.request.version {
                Version::HTTP_2 => "HTTP/2.0",
                Version::HTTP_10 => "HTTP/1.0",
                _ => "HTTP/1.1",
            },
            circuit: adm.circuit.as_str(),
            route,
            source,
            attempts: self.attempts,
            received: self.received,
            sent: self.sent,
            upstream: self.upstream,
            queued: self.queued,
            back_off: self.back_off,
            failed: &self.failed,
            epoch: adm.in_force.number,
            step: adm.step,
            tls: asked.client.tls.then_some("TLS"),
        }
    }
}

/// A path as a person reads it, which is how the log of the Go side has it.
fn unescape(path: &str) -> Cow<'_, str> {
    if !path.contains('%') {
        return Cow::Borrowed(path);
    }
    let (b, mut out, mut i) = (path.as_bytes(), Vec::with_capacity(path.len()), 0);
    while i < b.len() {
        let digit = |at: usize| b.get(at).and_then(|c| char::from(*c).to_digit(16));
        match (b[i], digit(i + 1), digit(i + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high << 4 | low) as u8);
                i += 3;
            }
            (c, ..) => {
                out.push(c);
                i += 1;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

/// Bytes of body that a request announces, -1 for none.
fn content_length(h: &HeaderMap) -> i64 {
    if h.contains_key(header::TRANSFER_ENCODING) {
        return -1;
    }
    let text = h.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok());
    text.and_then(|t| t.trim().parse().ok()).unwrap_or(-1)
}

/// Whether the client waits for a 100 Continue (RFC 9110, 10.1.1).
fn expects(r: &RequestHeader) -> bool {
    let asked = |v: &http::HeaderValue| v.as_bytes().eq_ignore_ascii_case(b"100-continue");
    r.version == Version::HTTP_11 && r.headers.get(header::EXPECT).is_some_and(asked)
}

/// How one request is routed, for the driver.
pub(super) struct Way<'a> {
    pub(super) asked: &'a Asked,
    pub(super) proxy: &'a Proxy,
}

impl Resolver for Way<'_> {
    fn resolve(&self, config: Option<&Arc<Config>>) -> Resolved<'_> {
        let f = self.asked.found(self.proxy, config);
        let prefer = match config.filter(|c| self.proxy.sticky.any(c)) {
            Some(c) => self
                .asked
                .home_of(c, &f)
                .map_or(0, |home| self.proxy.sticky.preferred(c, home.placement as usize, &self.asked.request.headers)),
            None => 0,
        };
        let (split, via, source, refuse, priority) = (f.split, f.via, f.source, f.refuse, f.priority);
        Resolved { key: f.key, split, via, source, refuse, prefer, priority }
    }
}
