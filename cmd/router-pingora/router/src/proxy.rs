//! The HTTP side of the router: it asks the driver where a request goes, sends it there, streams the
//! answer back and reports how it ended. It decides nothing. Every status, header and failover comes
//! from a decision; what lives here is HTTP, and the naming of what went wrong (R16, `error.rs`).
//!
//! **Why not `pingora_proxy::ProxyHttp`.** Sessions, TLS, connectors and pools are Pingora's; the loop
//! between the two sides is our own, on `HttpServerApp`, because the phases of `ProxyHttp` (0.9.1)
//! cannot hold the wire contract:
//! - its one `read_timeout` serves both the response's head and its body, while ours are two settings
//!   (10 s from when the request was written, 60 s of standstill), and a third one bounds the whole
//!   request up to the head (30 s);
//! - nothing outside can end an attempt: a drain's deadline must cut it (R14), a WebSocket with a close
//!   frame of 1001, and R7's `settle` must book an outcome while a body stands still;
//! - the slot of a request must be free when the last byte has come from the endpoint; `logging` runs
//!   after the client has it;
//! - it sends a request again by itself (`max_retries`, and on a reused connection even a request that
//!   may have been processed); here core alone decides (R11), and what is kept of a body is bounded by
//!   a setting, not by 64 KiB;
//! - a retry after a 5xx must be asked for before any of it is written.
//!
//! What may not live here: routing rules, configuration forms, metrics.

mod access_log;
mod answer;
pub mod error;
mod exchange;
mod grpc;
mod headers;
mod hygiene;
mod live;
mod observe;
mod request_id;
mod routing;
mod sticky;
#[cfg(test)]
mod tests;
mod ticket;
mod tunnel;
mod upload;
pub(crate) mod upstream;

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Method as HttpMethod, StatusCode, Version, header};
use lockstep_core::{Class, Config, DecisionKind, RetryWhy, Route, request_hash};
use pingora::apps::{HttpServerApp, HttpServerOptions, ReusedHttpStream, ServerApp};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::http::ServerSession;
use pingora::protocols::http::server::ReusableHttpStream;
use pingora::protocols::{ALPN, Stream};
use pingora::server::ShutdownWatch;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::{Instant, timeout};

pub use access_log::{AccessLog, LogOptions};
use access_log::{Detail, Failed, Line, STATUS_CLIENT_GONE};
use answer::Answer;
use exchange::{End, Outcome, Upgraded};
use headers::{Client, Trust};
use hygiene::{Limits, Reason};
use live::Live;
pub use observe::{AttemptSeen, Observer, RequestSeen, WaitSeen};
use request_id::RequestId;
use routing::{Found, Routing};
use sticky::Stickiness;
use ticket::Ticket;
use upload::Upload;
use upstream::Upstreams;

use crate::driver::{Admission, Arrival, Delivery, Driver, Resolved, Resolver};

/// How long a refused or early answer's connection goes on taking in what its client still sends, so
/// that a reset does not overtake the answer.
const LINGER: Duration = Duration::from_millis(500);
/// How long one write to a client may take that no exchange watches.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// A body up to so many bytes is taken in for the sake of its connection, though nobody wants it.
const SHORT: i64 = 256 << 10;
/// How long a broken HTTP/2 stream has for what came before its reset.
const RESET_AFTER: Duration = Duration::from_millis(20);
const FLUSHED: &str = "flushed";
/// What a refused CONNECT is told that it might use instead.
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE";

/// What GET /debug/config tells.
#[derive(Clone, Debug)]
pub struct ConfigInfo {
    /// The operator's label; "" before the first configuration.
    pub version: String,
    /// "file" or "control_plane".
    pub source: &'static str,
    /// When it was adopted.
    pub last_reload_at: SystemTime,
}

type Leaving = Box<dyn Fn() -> bool + Send + Sync>;
type Info = Box<dyn Fn() -> ConfigInfo + Send + Sync>;

/// What a [`Proxy`] is made with. The default is usable.
#[derive(Default)]
pub struct Options {
    /// One line a request; none means no log.
    pub log: Option<AccessLog>,
    /// Answers GET /debug/config; none means that the path is routed like any other.
    pub config: Option<Info>,
    /// Is told of every request and attempt; none means nobody.
    pub observer: Option<Arc<dyn Observer>>,
    /// Keys the hash in sticky cookies (R10). Routers behind one balancer need the same.
    pub sticky_key: Vec<u8>,
    /// Whether clients are told to open their next connection elsewhere; none means never.
    pub leaving: Option<Leaving>,
}

/// What a listener says of its requests.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Its name in the configuration, "" for none.
    pub name: String,
    /// Whose word on the client counts; none means that there is no such list.
    pub trusted: Option<Vec<(IpAddr, u8)>>,
    /// A request's head must have come after this.
    pub header_timeout: Duration,
    /// How long a connection may wait for its next request.
    pub idle_timeout: Duration,
    /// How long a read of a request's body waits for a byte.
    pub body_idle: Duration,
    /// Longest request target in bytes.
    pub target_max: usize,
    /// Largest head in bytes, from method to the empty line.
    pub header_max: usize,
    /// Most header lines.
    pub headers_max: usize,
    /// HTTP/2 without TLS is taken too, by prior knowledge.
    pub h2c: bool,
}

impl Default for Listener {
    fn default() -> Listener {
        Listener {
            name: String::new(),
            trusted: None,
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            body_idle: Duration::from_secs(30),
            target_max: 8 << 10,
            header_max: 32 << 10,
            headers_max: 100,
            h2c: true,
        }
    }
}

/// The router between clients and endpoints.
pub struct Proxy {
    pub(crate) driver: Arc<Driver>,
    upstreams: Upstreams,
    live: Live,
    log: Option<AccessLog>,
    config: Option<Info>,
    observer: Option<Arc<dyn Observer>>,
    sticky: Stickiness,
    leaving: Option<Leaving>,
    routing: Routing,
}

/// A Proxy behind one listener: what Pingora's listening service runs.
pub struct Edge(Arc<Side>);

struct Side {
    proxy: Arc<Proxy>,
    listener: Listener,
    options: HttpServerOptions,
}

/// Refuses a configuration that this router cannot serve as it says. Call it before the configuration is
/// offered to the driver. The error says which setting it is and what to do.
pub fn check(c: &Arc<Config>) -> Result<(), String> {
    routing::check(c)?;
    lockstep_config::check_supported(c)
}

impl Proxy {
    /// A proxy over a driver. Its [`Proxy::deliver`] must be registered as a sink, or drains leave
    /// connections open.
    pub fn new(driver: Arc<Driver>, o: Options) -> Arc<Proxy> {
        Arc::new(Proxy {
            driver,
            upstreams: Upstreams::new(),
            live: Live::default(),
            log: o.log,
            config: o.config,
            observer: o.observer,
            sticky: Stickiness::new(&o.sticky_key),
            leaving: o.leaving,
            routing: Routing::default(),
        })
    }

    /// What a listening service runs for a listener.
    pub fn edge(self: &Arc<Proxy>, listener: Listener) -> Edge {
        let mut options = HttpServerOptions::default();
        options.h2c = listener.h2c;
        Edge(Arc::new(Side { proxy: self.clone(), listener, options }))
    }

    /// Carries out the decisions that concern connections; it is a sink of the driver and ignores all
    /// others. It must be called inside a runtime.
    pub fn deliver(self: &Arc<Proxy>, d: &Delivery) {
        match d.kind {
            DecisionKind::ABORT => self.live.abort(d.handle, d.class),
            DecisionKind::CLOSE_IDLE => {
                let (proxy, t) = (self.clone(), d.target.clone());
                tokio::spawn(async move { proxy.upstreams.drop_idle(&t.placement, &t.url).await });
            }
            _ => {}
        }
    }

    /// Writes what the access log has gathered.
    pub fn flush_log(&self) {
        if let Some(l) = &self.log {
            l.flush();
        }
    }

    /// How many writes of the access log failed.
    pub fn log_lost(&self) -> u64 {
        self.log.as_ref().map_or(0, AccessLog::lost)
    }

    /// Whether clients are told to open their next connection elsewhere (R14).
    fn is_leaving(&self) -> bool {
        self.leaving.as_ref().is_some_and(|leaving| leaving())
    }

    /// The header that goes upstream for an attempt.
    fn outgoing(&self, call: &Call, adm: &Admission, authority: &str) -> pingora::Result<Box<RequestHeader>> {
        let a = &call.asked;
        let found = a.found(self, adm.target.config.as_ref());
        let trust = Trust {
            strict: !a.client.trusted && (found.own || a.client.judged),
            key: found.own.then_some(&*found.key),
        };
        let length = call.upload.length;
        headers::request_header(&a.request, authority, length, &a.id.text, &a.client, &trust, a.upgrade.as_deref())
    }
}

#[async_trait]
impl ServerApp for Edge {
    /// Serves one connection. Pingora's own loop looks for HTTP/2's preface before the first request and
    /// waits without end for its 24 bytes, so this one does it, and knows a connection without a byte from
    /// a head that does not come.
    async fn process_new(self: &Arc<Self>, mut stream: Stream, shutdown: &ShutdownWatch) -> Option<Stream> {
        let side = &self.0;
        let tls = stream.get_ssl_digest().is_some();
        if matches!(stream.selected_alpn_proto(), Some(ALPN::H2)) {
            return side.process_new(stream, shutdown).await;
        }
        if !tls {
            match timeout(side.listener.header_timeout, side.preface(&mut stream)).await {
                Ok(Ok(true)) => return side.process_new(stream, shutdown).await,
                Ok(Ok(false)) => {}
                Ok(Err(_)) | Err(_) => return None,
            }
        }
        let mut session = ServerSession::new_http1(stream);
        session.set_keepalive(None); // a head that does not come is an error, not the end of an idle connection
        loop {
            let next = side.one(session, shutdown).await?;
            let (stream, prefix) = next.into_parts();
            session = ServerSession::new_http1(stream);
            session.set_keepalive(Some(side.listener.idle_timeout.as_secs().max(1)));
            if let Some(prefix) = prefix {
                session.set_pipelining_enabled(true);
                session.set_pipelined_prefix(prefix);
            }
        }
    }
}

/// HTTP/2: Pingora's loop, one session a stream.
#[async_trait]
impl HttpServerApp for Side {
    async fn process_new_http(
        self: &Arc<Self>,
        session: ServerSession,
        shutdown: &ShutdownWatch,
    ) -> Option<ReusedHttpStream> {
        self.one(session, shutdown).await;
        None
    }

    fn server_options(&self) -> Option<&HttpServerOptions> {
        Some(&self.options)
    }
}

impl Side {
    /// Waits for the first bytes of a connection without TLS; whether it begins as HTTP/2.
    async fn preface(&self, stream: &mut Stream) -> std::io::Result<bool> {
        let mut first = [0; 1];
        stream.try_peek(&mut first).await?;
        if !self.listener.h2c || first[0] != b'P' {
            return Ok(false);
        }
        let mut begin = [0; 3];
        stream.try_peek(&mut begin).await?;
        Ok(&begin == b"PRI")
    }

    /// Reads and serves one request. The connection comes back if it is fit for another.
    async fn one(&self, mut session: ServerSession, shutdown: &ShutdownWatch) -> Option<ReusableHttpStream> {
        session.set_pipelining_enabled(true);
        session.set_read_timeout(Some(self.listener.header_timeout));
        session.set_write_timeout(Some(WRITE_TIMEOUT));
        let idle = session.get_keepalive().map_or(Duration::ZERO, Duration::from_secs);
        let read = timeout(idle + self.listener.header_timeout, session.read_request());
        let mut down = shutdown.clone();
        let read = tokio::select! {
            biased;
            read = read => read,
            // A connection that waits for its next request need not be waited for.
            _ = down.wait_for(|down| *down), if !idle.is_zero() => return None,
        };
        let begun = match read {
            Ok(Ok(true)) => Instant::now(),
            Ok(Ok(false)) => return None,
            Ok(Err(e)) => return self.refused(session, Reason::of(&e), false).await,
            Err(_) => {
                let e = pingora::Error::explain(pingora::ErrorType::ReadTimedout, "reading the request's head");
                return self.refused(session, Reason::of(&e), false).await;
            }
        };
        if let Err(reason) = self.readable(&session) {
            return self.refused(session, reason, true).await;
        }
        session.set_read_timeout(Some(self.listener.body_idle));
        let keep = if self.proxy.is_leaving() || *shutdown.borrow() { None } else { session.get_keepalive() };
        session.set_keepalive(keep);
        self.serve(session, begun).await
    }
}

impl Side {
    fn client(&self, session: &ServerSession) -> Client {
        let from = session.client_addr().and_then(|a| a.as_inet());
        let ip = from.map(|a| a.ip().to_canonical());
        let trusted =
            self.listener.trusted.as_ref().zip(ip).is_some_and(|(list, ip)| list.iter().any(|n| within(ip, *n)));
        let tls = session.digest().and_then(|d| d.ssl_digest.as_deref());
        Client {
            certificate: tls.and_then(crate::tls::certificate),
            address: from.map(|a| a.to_string()).unwrap_or_default(),
            ip,
            tls: tls.is_some(),
            judged: self.listener.trusted.is_some(),
            trusted,
        }
    }

    /// Serves one request.
    async fn serve(&self, session: ServerSession, begun: Instant) -> Option<ReusableHttpStream> {
        let mut call = Call::new(session, self, begun);
        let (mut session, reusable) = match self.own(&mut call).await {
            Some(reusable) => (call.session, reusable),
            None => self.route(call).await?,
        };
        if !reusable {
            session.shutdown().await;
            return None;
        }
        session.finish().await.ok()?
    }

    /// Answers what is not routed: the router's own page, CONNECT, and what this edge does not take.
    async fn own(&self, call: &mut Call) -> Option<bool> {
        let path = call.asked.target.split('?').next().unwrap_or_default();
        if let Some(info) = self.proxy.config.as_ref().filter(|_| path == "/debug/config") {
            return Some(call.say(debug_config(&info())).await);
        }
        None
    }

    /// Looks at a request that Pingora's parser let pass.
    fn readable(&self, session: &ServerSession) -> Result<(), Reason> {
        if session.req_header().method == HttpMethod::CONNECT {
            return Err(hygiene::CONNECT);
        }
        let l = &self.listener;
        let limits = Limits { target: l.target_max, head: l.header_max, fields: l.headers_max };
        session.as_http1().map_or(Ok(()), |h1| hygiene::request(&h1.get_headers_raw_bytes(), limits))
    }

    /// Routes a request and sends it where the router says. None: its connection was taken over.
    async fn route(&self, mut call: Call) -> Option<(ServerSession, bool)> {
        let proxy = &self.proxy;
        if let Some(o) = &proxy.observer {
            o.request_begun();
        }
        let mut adm = {
            let way = Way { asked: &call.asked, proxy };
            let arrival = Arrival {
                id: call.asked.id.bits,
                method: headers::method_class(&call.asked.request.method),
                length: call.upload.length,
                replayable: call.upload.length == 0,
                resolver: Some(&way),
                ..Arrival::default()
            };
            proxy.driver.arrive(&arrival)
        };
        loop {
            if matches!(adm.kind, DecisionKind::QUEUED | DecisionKind::RETRY) {
                adm = call.wait(proxy, adm).await;
            }
            if adm.kind != DecisionKind::FORWARD {
                let end = call.rejected(&adm).await;
                return Some(self.over(call, &adm, end));
            }
            call.prepare(proxy, &adm);
            let mut ticket = Ticket::new(proxy, &adm);
            match exchange::attempt(proxy, &mut call, &adm, &mut ticket).await {
                Outcome::Again(next) => adm = *next,
                Outcome::Over(end) => return Some(self.over(call, &adm, end)),
                Outcome::Upgraded(u) => {
                    self.upgraded(call, &adm, ticket, *u).await;
                    return None;
                }
            }
        }
    }

    /// Books and logs how a request ended.
    fn over(&self, call: Call, adm: &Admission, end: End) -> (ServerSession, bool) {
        let Call { session, asked, mut story, upload, .. } = call;
        story.received = upload.read;
        story.ended(&asked, &self.proxy, adm, &end);
        (session, end.reusable)
    }

    async fn upgraded(&self, call: Call, adm: &Admission, mut ticket: Ticket, u: Upgraded) {
        let proxy = &self.proxy;
        let status = StatusCode::SWITCHING_PROTOCOLS.as_u16();
        let Call { session, asked, mut story, .. } = call;
        let (class, passed) = tunnel::join(session, u, &mut ticket).await;
        ticket.finish(class, false);
        if let Some(o) = &proxy.observer {
            let (headers, retry) = (Some(Duration::ZERO), RetryWhy::Off);
            o.attempt_ended(&AttemptSeen { admission: adm, headers, status, class, retry });
        }
        (story.sent, story.received) = (passed.sent, passed.received);
        let status = if class == Class::CLIENT_GONE { STATUS_CLIENT_GONE } else { status };
        story.ended(&asked, proxy, adm, &End { status, class, ..End::default() });
    }

    /// Takes up a request that is none: it becomes a decision, which is recorded, and a line of the log.
    /// `read`: its head is there to be told of.
    async fn refused(&self, mut session: ServerSession, why: Reason, read: bool) -> Option<ReusableHttpStream> {
        let (client, id) = (self.client(&session), RequestId::of(None));
        let (mut method, mut path) = (String::new(), String::new());
        if read {
            let asked = session.req_header();
            method = asked.method.to_string();
            path = String::from_utf8_lossy(asked.raw_path()).split('?').next().unwrap_or_default().to_string();
        }
        let class = HttpMethod::from_bytes(method.as_bytes())
            .map_or_else(|_| Default::default(), |m| headers::method_class(&m));
        let arrival = Arrival { id: id.bits, method: class, length: -1, refuse: why.class, ..Arrival::default() };
        let adm = why.class.by_edge().then(|| self.proxy.driver.arrive(&arrival));
        if why.status != 0 {
            let _ = timeout(WRITE_TIMEOUT, tell(&mut session, why, &id, method == "HEAD")).await; // nobody is left to be told
        }
        self.log_refused(&id, why, &client, adm.as_ref(), (&method, &path));
        session.shutdown().await;
        None
    }

    fn log_refused(
        &self,
        id: &RequestId,
        why: Reason,
        client: &Client,
        adm: Option<&Admission>,
        (method, path): (&str, &str),
    ) {
        let status = if why.class == Class::CLIENT_GONE { STATUS_CLIENT_GONE } else { why.status };
        let from = client.address.clone();
        if let Some(l) = &self.proxy.log {
            l.write(&Line {
                id: &id.text,
                bits: id.bits,
                method,
                path,
                key: "",
                placement: "",
                reason: "",
                url: "",
                failover: "",
                status,
                class: why.class,
                took: Duration::ZERO,
                why: None,
                refused: Some((why.code, &from)),
                detail: adm.map(|adm| Detail { epoch: adm.in_force.number, step: adm.step, ..Detail::default() }),
            });
        }
        if let (Some(o), Some(adm)) = (&self.proxy.observer, adm) {
            o.request_begun();
            let (class, took) = (why.class, Duration::ZERO);
            o.request_ended(&RequestSeen { admission: adm, status, class, took, received: 0, sent: 0 });
        }
    }
}

/// Answers a request that is none; the connection ends with it.
async fn tell(session: &mut ServerSession, why: Reason, id: &RequestId, head: bool) -> pingora::Result<()> {
    let mut a = Answer::plain(why.status, why.says())?;
    a.header.insert_header(headers::REQUEST_ID, &*id.text)?;
    if why == hygiene::CONNECT {
        a.header.insert_header("Allow", METHODS)?;
    }
    session.set_keepalive(None);
    session.write_response_header(a.header).await?;
    session.write_response_body(if head { Bytes::new() } else { a.body }, true).await
}

/// Whether an address lies in a network.
fn within(ip: IpAddr, (net, bits): (IpAddr, u8)) -> bool {
    match (ip, net.to_canonical()) {
        (IpAddr::V4(a), IpAddr::V4(n)) => bits == 0 || (a.to_bits() ^ n.to_bits()) >> (32 - bits.min(32)) == 0,
        (IpAddr::V6(a), IpAddr::V6(n)) => bits == 0 || (a.to_bits() ^ n.to_bits()) >> (128 - bits.min(128)) == 0,
        _ => false,
    }
}

fn debug_config(i: &ConfigInfo) -> pingora::Result<Answer> {
    let at = OffsetDateTime::from(i.last_reload_at).replace_nanosecond(0).ok().and_then(|t| t.format(&Rfc3339).ok());
    let text =
        serde_json::json!({ "version": i.version, "source": i.source, "last_reload_at": at.unwrap_or_default() });
    // In the order of the baseline, with the line's end that Go's encoder writes.
    let field = |n: &str| text[n].to_string();
    let (v, s, l) = (field("version"), field("source"), field("last_reload_at"));
    let mut a = Answer::plain(200, format!("{{\"version\":{v},\"source\":{s},\"last_reload_at\":{l}}}\n"))?;
    a.header.insert_header("Content-Type", "application/json")?;
    a.header.remove_header("X-Content-Type-Options");
    Ok(a)
}

/// One request on its way, over all its attempts.
pub(crate) struct Call {
    pub(crate) session: ServerSession,
    pub(crate) asked: Asked,
    pub(crate) story: Story,
    pub(crate) upload: Upload,
    /// The client waits for a 100 Continue.
    pub(crate) expects: bool,
    prepared: bool,
}

/// What the client asked, which does not change.
pub(crate) struct Asked {
    pub(crate) request: RequestHeader,
    /// As it came.
    target: String,
    pub(crate) id: RequestId,
    pub(crate) client: Client,
    /// The protocol that it asks to change to.
    pub(crate) upgrade: Option<String>,
    grpc: bool,
    listener: String,
}

/// What log and observers are told at the end.
pub(crate) struct Story {
    pub(crate) begun: Instant,
    pub(crate) attempts: u32,
    /// The answer says how many attempts were made.
    pub(crate) counts: bool,
    pub(crate) sent: u64,
    received: u64,
    pub(crate) upstream: Duration,
    queued: Duration,
    back_off: Duration,
    failed: Vec<Failed>,
}

impl Call {
    fn new(mut session: ServerSession, edge: &Side, begun: Instant) -> Call {
        let request = session.req_header().clone();
        let client = edge.client(&session);
        let trusts = edge.proxy.routing.trusts_id(edge.proxy.driver.in_force().config.as_ref(), &client);
        let given = request.headers.get(headers::REQUEST_ID).map(|v| v.as_bytes()).filter(|_| trusts);
        let length = if session.is_body_empty() { 0 } else { content_length(&request.headers) };
        let asked = Asked {
            id: RequestId::of(given),
            target: String::from_utf8_lossy(request.raw_path()).into_owned(),
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
    fn prepare(&mut self, proxy: &Proxy, adm: &Admission) {
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
    async fn wait(&mut self, proxy: &Arc<Proxy>, mut adm: Admission) -> Admission {
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
    async fn rejected(&mut self, adm: &Admission) -> End {
        if adm.class == Class::CLIENT_GONE {
            return End { status: STATUS_CLIENT_GONE, class: adm.class, ..End::default() };
        }
        self.refuse(adm, adm.class, adm.status, "").await
    }

    /// Answers with a class of our own. `says` replaces what the class means for this request.
    pub(crate) async fn refuse(&mut self, adm: &Admission, class: Class, status: u16, says: &str) -> End {
        let answer = Answer::of(adm, &self.asked.id.text, class, status, self.asked.grpc).and_then(|mut a| {
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
    async fn say(&mut self, answer: pingora::Result<Answer>) -> bool {
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
    fn version(&self) -> Version {
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
    fn found(&self, proxy: &Proxy, c: Option<&Arc<Config>>) -> Found<'_> {
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
    fn home(&self, proxy: &Proxy, c: &Arc<Config>) -> Option<Route> {
        self.home_of(c, &self.found(proxy, Some(c)))
    }

    fn home_of(&self, c: &Config, f: &Found<'_>) -> Option<Route> {
        let split = if f.split == 0 { request_hash(self.id.bits[0], self.id.bits[1]) } else { f.split };
        let (route, ok) = c.match_via(f.via, &*f.key, split);
        (ok && route.placement >= 0).then_some(route)
    }

    fn line<'a>(&'a self, adm: &'a Admission, end: &'a End, took: Duration, key: &'a str, path: &'a str) -> Line<'a> {
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
    fn new(begun: Instant) -> Story {
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
    fn ended(&self, asked: &Asked, proxy: &Proxy, adm: &Admission, end: &End) {
        if proxy.log.is_none() && proxy.observer.is_none() {
            return;
        }
        let config = adm.target.config.as_ref();
        let f = asked.found(proxy, config);
        let (took, key) = (self.begun.elapsed(), String::from_utf8_lossy(&f.key));
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

    fn detail<'a>(&'a self, asked: &Asked, adm: &'a Admission, route: &'a str, source: &'a str) -> Detail<'a> {
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
struct Way<'a> {
    asked: &'a Asked,
    proxy: &'a Proxy,
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
