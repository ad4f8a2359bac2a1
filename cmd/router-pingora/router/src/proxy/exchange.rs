//! One attempt: from a FORWARD to its FINISH, with one loop that reads and writes both sides.
//!
//! Every wait is raced with what may end it: the attempt's cut (a drain's deadline), its own clock (the
//! whole request, the response's head, a body that stands still), and the client's leaving.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, StatusCode};
use lockstep_core::{Class, DecisionKind, MAX_DURATION, RetryWhy, SECOND, TimeoutSpec};
use pingora::Error;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::http::ServerSession;
use pingora::protocols::http::client::HttpSession;
use tokio::time::Instant;

use super::error::{Phase, class_of, took_nothing};
use super::headers::{ATTEMPTS, announce, clean_response};
use super::hygiene;
use super::live::Cut;
use super::observe::AttemptSeen;
use super::ticket::Ticket;
use super::timer::Timer;
use super::upload::{Fault, Upload, slow};
use super::upstream::{Connection, Endpoint, nanos};
use super::{Call, Proxy};
use crate::driver::Admission;

/// How long a body is held back for a 100 Continue; no word within it means yes.
const CONTINUE_AFTER: Duration = Duration::from_secs(1);
/// How long the client may take for one write.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// What became of an attempt.
pub(crate) enum Outcome {
    /// Another follows; its admission is a RETRY.
    Again(Box<Admission>),
    /// The request is over.
    Over(End),
    /// Both connections carry another protocol from here on.
    Upgraded(Box<Upgraded>),
}

/// What a tunnel begins with.
pub(crate) struct Upgraded {
    pub(crate) connection: Connection,
    pub(crate) header: Box<ResponseHeader>,
    pub(crate) settle: Duration,
}

/// How a request ended.
#[derive(Debug, Default)]
pub(crate) struct End {
    pub(crate) status: u16,
    pub(crate) class: Class,
    /// What the upstream did wrong, for the log.
    pub(crate) why: Option<String>,
    /// The client's connection is fit for another request.
    pub(crate) reusable: bool,
}

/// Why there is no response, or no more of it.
struct Broken {
    class: Class,
    why: Option<String>,
    says: &'static str,
}

impl From<Class> for Broken {
    fn from(class: Class) -> Broken {
        Broken { class, why: None, says: "" }
    }
}

impl From<Fault> for Broken {
    fn from(f: Fault) -> Broken {
        Broken { class: f.class, why: None, says: f.says }
    }
}

fn broken(phase: Phase, e: &Error) -> Broken {
    let class = class_of(phase, e);
    Broken { class, why: Some(format!("{class}: {e}")), says: "" }
}

/// One attempt under way.
struct Exchange<'a> {
    call: &'a mut Call,
    adm: &'a Admission,
    ticket: &'a mut Ticket,
    times: TimeoutSpec, // those of the configuration it was forwarded under (R12)
    begun: Instant,
    deadline: Instant, // of the whole request, up to the response's headers
    timer: Timer,
    written: Option<Instant>, // when all of the request was
    unsent: Option<Broken>,   // the endpoint takes no more of the body; it may have answered
    headers: Option<Duration>,
}

/// What a step of the loop before the response brought.
enum Before {
    Head(pingora::Result<()>),
    Piece(Result<Option<Bytes>, Fault>),
    Gone,
    Tick,
    Cut(Class),
}

/// What a step of the loop after the headers brought.
enum After {
    Piece(pingora::Result<Option<Bytes>>),
    Upload(Result<Option<Bytes>, Fault>),
    Gone,
    Tick,
    Cut(Class),
}

/// Sends a request that was admitted to its endpoint, and its answer to the client.
pub(crate) async fn attempt(proxy: &Arc<Proxy>, call: &mut Call, adm: &Admission, ticket: &mut Ticket) -> Outcome {
    let begun = Instant::now();
    call.story.attempts += 1;
    if let Some(o) = &proxy.observer {
        o.attempt_begun(adm);
    }
    let Some((config, place)) = adm.target.config.as_ref().zip(adm.target.placement_index) else {
        let mut x = Exchange::new(call, adm, ticket, TimeoutSpec::default(), begun);
        return x.failed(proxy, Class::INTERNAL.into()).await;
    };
    let times = *config.timeouts(place);
    let mut x = Exchange::new(call, adm, ticket, times, begun);
    let endpoint = match proxy.upstreams.endpoint(&adm.target) {
        Ok(e) => e,
        Err(why) => return x.failed(proxy, Broken { class: Class::INTERNAL, why: Some(why), says: "" }).await,
    };
    match x.run(proxy, &endpoint).await {
        Ok(outcome) => outcome,
        Err(b) => x.failed(proxy, b).await,
    }
}

/// Writes a request's head; `bare` says that no body follows. Over HTTP/2 its stream then ends at once:
/// Pingora would end it with an empty frame, which endpoints take for a body of unknown length.
async fn write_head(session: &mut HttpSession, head: Box<RequestHeader>, bare: bool) -> pingora::Result<()> {
    match session {
        HttpSession::H2(h2) => h2.write_request_header(head, bare),
        other => other.write_request_header(head).await,
    }
}

impl<'a> Exchange<'a> {
    fn new(
        call: &'a mut Call,
        adm: &'a Admission,
        ticket: &'a mut Ticket,
        times: TimeoutSpec,
        begun: Instant,
    ) -> Exchange<'a> {
        let request = nanos(times.request);
        let deadline = (call.story.begun + request).max(begun + Duration::from_millis(1));
        Exchange {
            call,
            adm,
            ticket,
            times,
            begun,
            deadline,
            timer: Timer::default(),
            written: None,
            unsent: None,
            headers: None,
        }
    }

    /// Sends the request and passes the answer on. An error comes before any of it went to the client.
    async fn run(&mut self, proxy: &Arc<Proxy>, endpoint: &Arc<Endpoint>) -> Result<Outcome, Broken> {
        let upgrade = self.call.asked.upgrade.clone();
        if upgrade.is_some() && !endpoint.upgrades() {
            return Err(Class::BAD_REQUEST.into());
        }
        let mut connection = self.open(proxy, endpoint).await?;
        self.send(&mut connection).await?;
        loop {
            let status = self.head(&mut connection).await?;
            if status != StatusCode::SWITCHING_PROTOCOLS && status.is_informational() {
                self.inform(&connection).await?;
                continue;
            }
            break;
        }
        self.received(proxy, endpoint, connection, upgrade).await
    }

    /// Connects, and writes the request's head. A kept connection that takes no byte of it is replaced,
    /// and the same attempt goes on; after the first byte nothing is sent again.
    async fn open(&mut self, proxy: &Arc<Proxy>, endpoint: &Endpoint) -> Result<Connection, Broken> {
        let mut fresh = false;
        let bare = self.call.upload.done && self.call.upload.kept().is_empty();
        loop {
            let mut head =
                proxy.outgoing(self.call, self.adm, &endpoint.authority).map_err(|e| broken(Phase::Send, &e))?;
            let mut c = self
                .until(async { proxy.upstreams.connect(endpoint, fresh).await })
                .await?
                .map_err(|e| broken(Phase::Connect, &e))?;
            c.session.set_read_timeout(None);
            c.session.set_write_timeout(None);
            self.ticket.sent = true; // while the write is under way nobody knows better
            if matches!(c.session, HttpSession::H2(_)) {
                head.remove_header("Transfer-Encoding"); // HTTP/2 has frames, and h2 refuses the field
            }
            let write = write_head(&mut c.session, head, bare);
            let written = race(&mut self.timer, self.deadline, &self.ticket.cut, write).await;
            match written.map_err(|class| class.unwrap_or(Class::RESPONSE_TIMEOUT))? {
                Ok(()) => return Ok(c),
                Err(e) if c.reused && !fresh && took_nothing(&e) => {
                    self.ticket.sent = false;
                    fresh = true;
                }
                Err(e) => {
                    self.ticket.sent = !took_nothing(&e);
                    return Err(broken(Phase::Send, &e));
                }
            }
        }
    }

    /// Awaits something before the request is sent, unless the attempt is cut, its time is over or the
    /// client leaves.
    async fn until<T>(&mut self, what: impl Future<Output = T>) -> Result<T, Broken> {
        let mut what = pin!(what);
        let idle = self.call.upload.done;
        tokio::select! {
            biased;
            class = self.ticket.cut.severed() => Err(class.into()),
            r = &mut what => Ok(r),
            _ = self.call.session.read_body_or_idle(true), if idle => Err(Class::CLIENT_GONE.into()),
            _ = self.timer.until(self.deadline) => Err(Class::RESPONSE_TIMEOUT.into()),
        }
    }

    /// Sends again what was read of the body for earlier attempts.
    async fn send(&mut self, c: &mut Connection) -> Result<(), Broken> {
        for piece in self.call.upload.kept() {
            self.write(c, Some(piece)).await?;
        }
        if self.call.upload.done {
            self.write(c, None).await?;
        }
        Ok(())
    }

    /// Writes a piece of the body, or its end. That the endpoint takes no more is no error yet: it may
    /// have answered already.
    async fn write(&mut self, c: &mut Connection, piece: Option<Bytes>) -> Result<(), Broken> {
        if self.unsent.is_some() {
            return Ok(());
        }
        let end = piece.is_none();
        let write = async {
            match piece {
                Some(piece) => c.session.write_request_body(piece, false).await,
                None => c.session.finish_request_body().await,
            }
        };
        match race(&mut self.timer, self.deadline, &self.ticket.cut, write).await {
            Ok(Ok(())) if end => self.written = Some(Instant::now()),
            Ok(Ok(())) => {}
            Ok(Err(e)) => {
                self.unsent = Some(broken(Phase::Send, &e));
                self.written = Some(Instant::now()); // the answer must be there by now
            }
            Err(class) => return Err(class.unwrap_or(Class::RESPONSE_TIMEOUT).into()),
        }
        Ok(())
    }

    /// Reads a response's head while the body goes upstream. `response_header` counts from when all of
    /// the request was written.
    async fn head(&mut self, c: &mut Connection) -> Result<StatusCode, Broken> {
        let mut held = (self.call.expects && !self.call.upload.done).then(|| Instant::now() + CONTINUE_AFTER);
        loop {
            let idle = self.call.upload.done;
            let reading = !idle && held.is_none() && self.unsent.is_none();
            if reading {
                self.welcome().await?;
            }
            let header = self.written.map(|w| w + nanos(self.times.response_header));
            let slow = reading.then(|| Instant::from_std(self.call.upload.slow_at()));
            let due = [header, held, slow].into_iter().flatten().fold(self.deadline, Instant::min);
            let step = {
                let Call { session, upload, .. } = &mut *self.call;
                tokio::select! {
                    biased;
                    class = self.ticket.cut.severed() => Before::Cut(class),
                    r = c.session.read_response_header() => Before::Head(r),
                    r = client(session, upload, reading), if reading || idle => r.map_or(Before::Gone, Before::Piece),
                    _ = self.timer.until(due) => Before::Tick,
                }
            };
            match step {
                Before::Cut(class) => return Err(class.into()),
                Before::Gone => return Err(Class::CLIENT_GONE.into()),
                Before::Head(Ok(())) => {
                    self.headers = Some(self.begun.elapsed());
                    return Ok(c.session.response_header().map_or(StatusCode::OK, |h| h.status));
                }
                Before::Head(Err(e)) => return Err(self.unsent.take().unwrap_or_else(|| broken(Phase::Head, &e))),
                Before::Piece(Ok(piece)) => self.write(c, piece).await?,
                Before::Piece(Err(f)) => return Err(f.into()),
                Before::Tick => {
                    if held.is_some_and(|h| Instant::now() >= h) {
                        held = None;
                    } else {
                        self.late(reading)?;
                    }
                }
            }
        }
    }

    /// The timer fired before the response's headers: says what that means, if anything.
    fn late(&self, reading: bool) -> Result<(), Broken> {
        let now = Instant::now();
        let header = self.written.is_some_and(|w| now >= w + nanos(self.times.response_header));
        match now >= self.deadline {
            true if reading => Err(Class::REQUEST_TIMEOUT.into()), // it does not send its body: not the upstream's fault
            true => Err(Class::RESPONSE_TIMEOUT.into()),
            false if header => Err(Class::RESPONSE_TIMEOUT.into()),
            false if reading && self.call.upload.too_slow() => Err(slow().into()),
            false => Ok(()),
        }
    }

    /// Tells a client that waits for it to send its body.
    async fn welcome(&mut self) -> Result<(), Broken> {
        if std::mem::take(&mut self.call.expects) {
            self.call.before(None).await.map_err(|e| broken(Phase::Answer, &e))?;
        }
        Ok(())
    }

    /// Passes an informational response on, but for 100, which is each connection's own. Of several
    /// attempts nobody knows beforehand which one serves.
    async fn inform(&mut self, c: &Connection) -> Result<(), Broken> {
        strict(c, StatusCode::CONTINUE)?;
        let Some(header) = c.session.response_header().filter(|h| h.status != StatusCode::CONTINUE) else {
            return self.welcome().await; // the endpoint wants the body, so the client may send it
        };
        if self.adm.again || self.call.asked.request.headers.contains_key(http::header::EXPECT) {
            return Ok(());
        }
        let mut header = Box::new(header.clone());
        clean_response(&mut header);
        let write = self.call.before(Some(header));
        match race(&mut self.timer, self.deadline, &self.ticket.cut, write).await {
            Ok(written) => written.map_err(|e| broken(Phase::Answer, &e)),
            Err(class) => Err(class.unwrap_or(Class::CLIENT_GONE).into()),
        }
    }

    /// Turns an upstream's response into the router's. An error comes before any of it went out.
    async fn received(
        &mut self,
        proxy: &Arc<Proxy>,
        endpoint: &Arc<Endpoint>,
        mut c: Connection,
        asked: Option<String>,
    ) -> Result<Outcome, Broken> {
        let Some(mut header) = c.session.response_header().cloned().map(Box::new) else {
            return Err(Class::BAD_RESPONSE.into());
        };
        let status = header.status;
        strict(&c, status)?;
        let agreed = clean_response(&mut header);
        if status == StatusCode::SWITCHING_PROTOCOLS {
            let fits = asked.zip(agreed).is_some_and(|(a, b)| a.eq_ignore_ascii_case(&b));
            if !fits {
                let why = Some("bad_response: it switches protocols unasked".to_string());
                return Err(Broken { class: Class::BAD_RESPONSE, why, says: "" });
            }
        }
        if status.is_server_error()
            && self.adm.again
            && let Some(again) = self.ask(proxy, &mut c, &header).await
        {
            return Ok(Outcome::Again(Box::new(again)));
        }
        self.call.upload.last();
        self.ticket.status = status.as_u16();
        self.dress(proxy, &mut header)?;
        if status == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(Outcome::Upgraded(Box::new(Upgraded {
                connection: c,
                header,
                settle: nanos(self.times.settle),
            })));
        }
        Ok(Outcome::Over(self.stream(proxy, endpoint, c, header).await))
    }

    /// Puts on a response what is the router's own, and frames it for this client.
    fn dress(&mut self, proxy: &Proxy, header: &mut ResponseHeader) -> Result<(), Broken> {
        let internal = |_| Broken::from(Class::INTERNAL);
        announce(header, self.adm, &self.call.asked.id.sent).map_err(internal)?;
        let target = &self.adm.target;
        if self.adm.pin && !header.status.is_server_error() {
            // Nobody is bound to what fails.
            if let (Some(c), Some(p), Some(e)) = (&target.config, target.placement_index, target.endpoint_index) {
                let https = self.call.asked.client.proto(&self.call.asked.request.headers) == "https";
                header.append_header("Set-Cookie", proxy.sticky.pin(c, p, e, https)).map_err(internal)?;
            }
        }
        if self.call.story.counts {
            header.insert_header(ATTEMPTS, self.call.story.attempts.to_string()).map_err(internal)?;
        }
        if proxy.is_leaving() {
            self.call.session.set_keepalive(None); // a drain may have begun meanwhile (R14)
        }
        self.call.frame(header).map_err(internal)
    }

    /// Asks core about a response that failed, before any of it goes to the client; a RETRY ends the attempt.
    async fn ask(&mut self, proxy: &Arc<Proxy>, c: &mut Connection, header: &ResponseHeader) -> Option<Admission> {
        let replayable = self.call.upload.whole() && self.unsent.is_none();
        let next = self.ticket.ask(header.status.as_u16(), replayable, retry_after(header))?;
        if next.kind != DecisionKind::RETRY {
            return None;
        }
        self.seen(proxy, Class::UPSTREAM_5XX, header.status.as_u16(), next.why);
        self.call.story.failed(self.adm, Class::UPSTREAM_5XX, header.status.as_u16(), self.begun.elapsed());
        c.session.shutdown().await; // to read a short body would cost more than a connection saves
        Some(next)
    }

    /// Streams a response to the client. The slot is given back, and the endpoint's connection to its
    /// pool, when the last of the body has come, before the client has it.
    async fn stream(
        &mut self,
        proxy: &Arc<Proxy>,
        endpoint: &Endpoint,
        mut c: Connection,
        header: Box<ResponseHeader>,
    ) -> End {
        let status = header.status.as_u16();
        let settles = Instant::now() + nanos(self.times.settle);
        let mut done = c.session.response_done();
        let mut c = Some(c);
        if done {
            self.complete(proxy, endpoint, c.take()).await;
        }
        let write = self.call.session.write_response_header(header);
        let mut result = deliver(&mut self.timer, self.ticket, settles, write).await;
        let (mut moved, mut trailers) = (Instant::now(), None);
        while let (Ok(()), false, Some(up)) = (&result, done, c.as_mut()) {
            let piece = match ready(up) {
                Some(r) => r.map_err(|e| broken(Phase::Body, &e)),
                None => match deliver(&mut self.timer, self.ticket, settles, self.call.flush()).await {
                    Ok(()) => self.next(up, settles, moved).await,
                    Err(b) => Err(b),
                },
            };
            result = match piece {
                Ok(Some(piece)) => {
                    done = up.session.response_done() && up.session.as_http2().is_none();
                    if done {
                        self.complete(proxy, endpoint, c.take()).await;
                    }
                    self.call.story.sent += piece.len() as u64;
                    let write = self.call.session.write_response_body(piece, false);
                    deliver(&mut self.timer, self.ticket, settles, write).await
                }
                Ok(None) => match self.trailers(up).await {
                    Ok(t) => {
                        (trailers, done) = (t, true);
                        self.complete(proxy, endpoint, c.take()).await;
                        Ok(())
                    }
                    Err(b) => Err(b),
                },
                Err(b) => Err(b),
            };
            moved = Instant::now();
        }
        if let (Ok(()), Some(trailers)) = (&result, trailers) {
            let end = async { self.call.session.write_response_trailers(trailers).await };
            result = deliver(&mut self.timer, self.ticket, settles, end).await;
        } else if result.is_ok() {
            let end = self.call.session.write_response_body(Bytes::new(), true);
            result = deliver(&mut self.timer, self.ticket, settles, end).await;
        }
        self.ended(proxy, status, result).await
    }

    /// What follows the body over HTTP/2, for a client that speaks it too; Pingora's HTTP/1 has none.
    async fn trailers(&mut self, c: &mut Connection) -> Result<Option<HeaderMap>, Broken> {
        let HttpSession::H2(h2) = &mut c.session else {
            return Ok(None);
        };
        let until = Instant::now() + nanos(self.times.body_idle);
        let read = match race(&mut self.timer, until, &self.ticket.cut, h2.read_trailers()).await {
            Ok(read) => read.map_err(|e| broken(Phase::Body, &e))?,
            Err(class) => return Err(class.unwrap_or(Class::BODY_TIMEOUT).into()),
        };
        Ok(read.filter(|_| self.call.session.is_http2()))
    }

    /// All of the response has come.
    async fn complete(&mut self, proxy: &Arc<Proxy>, endpoint: &Endpoint, c: Option<Connection>) {
        self.ticket.finish(Class::NONE, false);
        self.seen(proxy, Class::NONE, self.ticket.status, RetryWhy::Off);
        if let Some(c) = c.filter(|_| self.call.upload.done && self.unsent.is_none()) {
            proxy.upstreams.release(endpoint, c).await;
        }
    }

    /// The next piece of the response's body, while what is left of the request's goes upstream.
    async fn next(&mut self, c: &mut Connection, settles: Instant, moved: Instant) -> Result<Option<Bytes>, Broken> {
        let idle_after = nanos(self.times.body_idle);
        loop {
            let idle = self.call.upload.done;
            let reading = !idle && self.unsent.is_none() && !self.call.expects;
            let due = moved + idle_after;
            let due = if self.ticket.is_booked() { due } else { due.min(settles) };
            let step = {
                let Call { session, upload, .. } = &mut *self.call;
                tokio::select! {
                    biased;
                    class = self.ticket.cut.severed() => After::Cut(class),
                    r = c.session.read_response_body() => After::Piece(r),
                    r = client(session, upload, reading), if reading || idle => r.map_or(After::Gone, After::Upload),
                    _ = self.timer.until(due) => After::Tick,
                }
            };
            match step {
                After::Cut(class) => return Err(class.into()),
                After::Gone => return Err(Class::CLIENT_GONE.into()),
                After::Piece(Ok(piece)) => return Ok(piece),
                After::Piece(Err(e)) => return Err(broken(Phase::Body, &e)),
                After::Upload(Ok(piece)) => {
                    self.deadline = Instant::now() + idle_after; // that of the head is over
                    self.write(c, piece).await?;
                }
                After::Upload(Err(f)) => return Err(f.into()),
                After::Tick => {
                    let now = Instant::now();
                    if now >= settles {
                        self.ticket.reply(); // R7
                    }
                    if now >= moved + idle_after {
                        return Err(Class::BODY_TIMEOUT.into());
                    }
                }
            }
        }
    }

    /// Books how a response ended and leaves the client's side as it must be.
    async fn ended(&mut self, proxy: &Arc<Proxy>, status: u16, result: Result<(), Broken>) -> End {
        if let Err(b) = &result {
            self.faulted(proxy, b);
        }
        let Err(b) = result else {
            let reusable = self.call.upload.done;
            if !reusable {
                self.call.linger().await;
            }
            return End { status, class: Class::NONE, why: None, reusable };
        };
        if self.ticket.finish(b.class, false).is_some() || !self.ticket.was_seen() {
            self.seen(proxy, b.class, status, RetryWhy::Off);
        }
        if b.class != Class::CLIENT_GONE {
            self.call.cut().await;
        }
        let status = if b.class == Class::CLIENT_GONE { super::access_log::STATUS_CLIENT_GONE } else { status };
        End { status, class: b.class, why: b.why, reusable: false }
    }

    /// Ends an attempt that has no response, or none that is passed on.
    async fn failed(&mut self, proxy: &Arc<Proxy>, b: Broken) -> Outcome {
        self.faulted(proxy, &b);
        let replayable = self.call.upload.whole() && b.class != Class::CLIENT_GONE;
        self.ticket.status = 0;
        let next = self.ticket.finish(b.class, replayable);
        let why = next.as_ref().map_or(RetryWhy::Off, |n| n.why);
        self.seen(proxy, b.class, 0, why);
        if let Some(next) = next.filter(|n| n.kind == DecisionKind::RETRY) {
            self.call.story.failed(self.adm, b.class, 0, self.begun.elapsed());
            return Outcome::Again(Box::new(next));
        }
        if b.class == Class::CLIENT_GONE {
            let status = super::access_log::STATUS_CLIENT_GONE;
            return Outcome::Over(End { status, class: b.class, why: None, reusable: false });
        }
        if !self.call.upload.done {
            self.call.session.set_keepalive(None); // what is left of the request must never be taken for another
        }
        let mut end = self.call.refuse(self.adm, b.class, 0, b.says).await;
        end.why = b.why;
        Outcome::Over(end)
    }

    /// Tells the observer of a body that was no HTTP/1, or came too slowly.
    fn faulted(&self, proxy: &Proxy, b: &Broken) {
        if let (Some(o), Some((reason, _))) = (&proxy.observer, b.says.split_once(':'))
            && !self.call.session.is_http2()
        {
            o.refused(&self.call.asked.listener, reason);
        }
    }

    /// Tells the observer of the attempt's end.
    fn seen(&mut self, proxy: &Proxy, class: Class, status: u16, retry: RetryWhy) {
        self.ticket.see();
        self.call.story.upstream += self.headers.unwrap_or_else(|| self.begun.elapsed());
        let class = if class == Class::NONE && status >= 500 { Class::UPSTREAM_5XX } else { class };
        if let Some(o) = &proxy.observer {
            let (admission, headers) = (self.adm, self.headers);
            o.attempt_ended(&AttemptSeen { admission, headers, status, class, retry });
        }
    }
}

/// What has come already of a response's body. Only what is not followed at once by more is flushed.
fn ready(c: &mut Connection) -> Option<pingora::Result<Option<Bytes>>> {
    // Unconstrained, or a spent budget would look like nothing there.
    tokio::task::unconstrained(c.session.read_response_body()).now_or_never()
}

/// Refuses a response that two programs might read differently; Pingora mends some of those.
fn strict(c: &Connection, status: StatusCode) -> Result<(), Broken> {
    let Some(h1) = c.session.as_http1() else {
        return Ok(());
    };
    let informational = status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS;
    hygiene::response(&h1.get_headers_raw_bytes(), informational).map_err(|why| {
        let why = Some(format!("bad_response: {why}"));
        Broken { class: Class::BAD_RESPONSE, why, says: "" }
    })
}

/// What the client does meanwhile: the next piece of its body, or none when it leaves.
async fn client(
    session: &mut ServerSession,
    upload: &mut Upload,
    reading: bool,
) -> Option<Result<Option<Bytes>, Fault>> {
    if reading {
        return Some(upload.next(session).await);
    }
    let _ = session.read_body_or_idle(true).await; // returns when it closes or resets, and for nothing else
    None
}

/// Awaits a step unless the attempt is cut or a time comes first, which is none.
async fn race<T>(
    timer: &mut Timer,
    until: Instant,
    cut: &Cut,
    step: impl Future<Output = T>,
) -> Result<T, Option<Class>> {
    tokio::select! {
        biased;
        r = step => Ok(r),
        class = cut.severed() => Err(Some(class)),
        _ = timer.until(until) => Err(None),
    }
}

/// Writes to the client. One that takes nothing in for a while is gone; settle is booked meanwhile.
async fn deliver(
    timer: &mut Timer,
    ticket: &mut Ticket,
    settles: Instant,
    write: impl Future<Output = pingora::Result<()>>,
) -> Result<(), Broken> {
    let mut write = pin!(write);
    let limit = Instant::now() + WRITE_TIMEOUT;
    loop {
        let due = if ticket.is_booked() { limit } else { limit.min(settles) };
        tokio::select! {
            biased;
            r = &mut write => return r.map_err(|e| broken(Phase::Answer, &e)),
            class = ticket.cut.severed() => return Err(class.into()),
            _ = timer.until(due) => {
                let now = Instant::now();
                if now >= limit {
                    return Err(Class::CLIENT_GONE.into());
                }
                if now >= settles {
                    ticket.reply();
                }
            }
        }
    }
}

/// Reads Retry-After (RFC 9110, 10.2.3), in ns; 0 for none. A date counts from now.
fn retry_after(h: &ResponseHeader) -> i64 {
    let Some(text) = h.headers.get(http::header::RETRY_AFTER).and_then(|v| v.to_str().ok()) else {
        return 0;
    };
    if let Ok(n) = text.parse::<i64>() {
        return n.clamp(0, MAX_DURATION / SECOND) * SECOND;
    }
    let wait = httpdate::parse_http_date(text).ok().and_then(|at| at.duration_since(SystemTime::now()).ok());
    wait.map_or(0, |d| (d.as_nanos() as i64).min(MAX_DURATION))
}
