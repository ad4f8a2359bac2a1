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
mod call;
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
mod timer;
mod tunnel;
mod upload;
pub(crate) mod upstream;
mod warm;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Method as HttpMethod, StatusCode};
use lockstep_core::{Class, Config, DecisionKind, RetryWhy};
use pingora::apps::{HttpServerApp, HttpServerOptions, ReusedHttpStream, ServerApp};
use pingora::http::RequestHeader;
use pingora::protocols::http::ServerSession;
use pingora::protocols::http::server::ReusableHttpStream;
use pingora::protocols::{ALPN, Stream};
use pingora::server::ShutdownWatch;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::{Instant, timeout};

pub use access_log::{AccessLog, LogOptions};
use access_log::{Detail, Line, STATUS_CLIENT_GONE};
use answer::Answer;
use call::{Call, Way};
use exchange::{End, Outcome, Upgraded};
use headers::{Client, Trust};
use hygiene::{Limits, Reason};
use live::Live;
pub use observe::{AttemptSeen, Observer, RequestSeen, WaitSeen};
use request_id::{RequestId, readable};
use routing::Routing;
use sticky::Stickiness;
use ticket::Ticket;
use upstream::Upstreams;

use crate::driver::{Admission, Arrival, Delivery, Driver};

/// How long one write to a client may take that no exchange watches.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
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
        headers::request_header(&a.request, authority, length, &a.id.sent, &a.client, &trust, a.upgrade.as_deref())
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
            path = readable(asked.raw_path()).split('?').next().unwrap_or_default().to_string();
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
        if let Some(o) = &self.proxy.observer {
            o.refused(&self.listener.name, why.code);
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
    a.header.insert_header(headers::REQUEST_ID, pingora::http::header_value_from_slice(&id.sent))?;
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
