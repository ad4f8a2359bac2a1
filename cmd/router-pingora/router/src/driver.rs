//! One `core::Router` in production: the lock, the clock, the loop, the recorder under the lock, and
//! the queue of decisions that nobody waits for. It is the only reader of a clock on the way of a
//! request; everything that serves requests talks to this module and to nothing below it.
//!
//! A request is three calls: [`Driver::arrive`] says where to send it, [`Driver::reply`] is sent only
//! if its body flows for long, [`Driver::finish`] says how it ended. One that waits (R5) or may be
//! tried again (R11) hears its next decision from [`Waiting::next`]. Matching runs before the lock, on
//! the configuration then in force, and again if another came between. The lock is held for one step,
//! one clock read and one call of the recorder, never for IO.
//!
//! What may not live here: HTTP, files, configuration forms, decisions.

mod event_loop;
mod queue;
mod target;
#[cfg(test)]
mod tests;
mod waiting;

use std::borrow::Cow;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use lockstep_core::{
    Class, Config, Decision, DecisionKind, Duration, Epoch, Event, EventKind, Fault, Handle, Method, NEVER,
    Options as CoreOptions, Origin, RetryWhy, Route, Router, Time, compare, request_hash,
};
use tokio::sync::Notify;
use tokio::time::Instant;

use event_loop::Loop;
use queue::Queue;
pub use target::Target;
use target::Targets;
use waiting::Waiters;
pub use waiting::Waiting;

/// What a [`Driver`] is made with. The default is usable.
#[derive(Default)]
pub struct Options {
    /// Seed of the router's randomness.
    pub seed: u64,
    /// Attempts in flight that fit before a request has to allocate; 0 means 1024. More are served all the same.
    pub in_flight: usize,
    /// Sees every recorded step under the lock; none means that nothing is recorded.
    pub recorder: Option<Box<dyn Recorder>>,
    /// A state to go on with, that of a predecessor, and the wall time of its time 0; none begins a new one, with `seed`.
    pub router: Option<(Router, SystemTime)>,
}

/// What a recorder keeps of a request beside its event.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Routing key as the client sent it: any bytes.
    pub key: &'a [u8],
    /// 128-bit request id, high half first.
    pub id: [u64; 2],
}

/// Sees every recorded step: the input and all decisions, in the order the lock gave. It is called
/// under the lock, so it must neither block nor do IO, and it copies what it keeps. The router is only
/// read; it is mutable because a digest first works out what changed since the last one.
pub trait Recorder: Send {
    /// Called once, before the first event. `origin` is the wall time of time 0.
    fn start(&mut self, router: &mut Router, origin: SystemTime);
    /// One step. `request` is there for arrivals alone; `router` is the state after the step.
    fn observe(
        &mut self,
        router: &mut Router,
        now: Time,
        event: &Event,
        request: Option<Request<'_>>,
        decisions: &[Decision],
    );
}

/// What the edge knows of a request when it asks where to send it.
#[derive(Clone, Copy, Default)]
pub struct Arrival<'a> {
    /// Routing key as the client sent it, any bytes; empty is refused as no_key.
    pub key: &'a [u8],
    /// 128-bit request id, high half first.
    pub id: [u64; 2],
    /// Which of the route's key sources gave the key, from 0.
    pub source: u8,
    /// Class of the method.
    pub method: Method,
    /// Bytes of body, -1 unknown.
    pub length: i64,
    /// The body could be sent again.
    pub replayable: bool,
    /// Criticality, 0 is the most critical.
    pub priority: u8,
    /// The route by which it came.
    pub via: u16,
    /// Hash of who stays on one side of a split; 0: the request.
    pub split: u64,
    /// What the edge found wrong with it, [`Class::NONE`] for nothing.
    pub refuse: Class,
    /// Identity of the endpoint that the client's sticky cookie names, 0 for none (R10).
    pub prefer: u64,
    /// Asked before the lock for key, source, via, split, refuse, prefer and priority, and again if a
    /// configuration was adopted meanwhile; none takes them as they are.
    pub resolver: Option<&'a (dyn Resolver + Sync)>,
}

/// Says which route and key a request has under a configuration.
pub trait Resolver {
    /// `config` is none before the first.
    fn resolve(&self, config: Option<&Arc<Config>>) -> Resolved<'_>;
}

/// What a [`Resolver`] says; the fields are those of [`Arrival`].
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct Resolved<'a> {
    pub key: Cow<'a, [u8]>,
    pub split: u64,
    pub via: u16,
    pub source: u8,
    pub refuse: Class,
    pub prefer: u64,
    pub priority: u8,
}

/// Answers an [`Arrival`]. Its kind is FORWARD, to be followed by exactly one finish or end with its
/// handle; REJECT; or QUEUED or RETRY, and then `waiting` is there and tells what comes of it.
#[derive(Debug)]
pub struct Admission {
    /// The decision itself; an admission dereferences to it.
    pub decision: Decision,
    /// What the decision's numbers mean.
    pub target: Arc<Target>,
    /// Of a FORWARD: it may be tried again (R11), so it ends with [`Driver::end`], and a response of 500 and above is asked about.
    pub again: bool,
    /// Of what `end` and `ask` return without a RETRY: why none follows.
    pub why: RetryWhy,
    /// How long of the wait that ended with this it was in a queue (R5); the rest was back-off.
    pub in_queue: Duration,
    /// Step of the recording, from 1, that decided it.
    pub step: u64,
    /// Epoch under which it was decided; zero before the first configuration.
    pub in_force: Epoch,
    /// Of QUEUED and RETRY: where its next decision comes from. Dropping it gives the place up.
    pub waiting: Option<Waiting>,
}

impl Deref for Admission {
    type Target = Decision;
    fn deref(&self) -> &Decision {
        &self.decision
    }
}

/// A decision that nobody waits for.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The decision itself; a delivery dereferences to it.
    pub decision: Decision,
    /// What its numbers mean.
    pub target: Arc<Target>,
}

impl Deref for Delivery {
    type Target = Decision;
    fn deref(&self) -> &Decision {
        &self.decision
    }
}

/// How an attempt ended that may be tried again (R11).
#[derive(Clone, Copy, Debug, Default)]
pub struct Ending {
    /// [`Class::NONE`] for a response, whose status decides.
    pub class: Class,
    /// The response's; 0 without one.
    pub status: u16,
    /// Some of the request may have reached the upstream.
    pub sent: bool,
    /// The request can be sent again, body and all, and no byte of an answer has gone to the client.
    pub replayable: bool,
    /// What the upstream asked for, in ns; 0 for nothing.
    pub retry_after: Duration,
}

/// What a request is matched under before it takes the lock.
pub struct InForce {
    /// The configuration; none before the first.
    pub config: Option<Arc<Config>>,
    /// Its epoch, zero before the first.
    pub epoch: Epoch,
}

type Sink = Box<dyn Fn(&Delivery) + Send + Sync>;

/// One router in production. All methods may be called from any thread, inside or outside a runtime.
pub struct Driver {
    begun: Instant,
    passed: Time,
    origin: SystemTime,
    in_force: ArcSwap<InForce>,
    sinks: Mutex<Vec<Sink>>,
    moved: Notify,   // the deadline came nearer
    pending: Notify, // the queue may hold something
    state: Mutex<State>,
}

/// What the lock guards.
pub(crate) struct State {
    pub(crate) lp: Loop,
    pub(crate) transport: Transport,
    closed: bool,
}

/// Takes what the loop decides and the caller does not get back.
pub(crate) struct Transport {
    waiters: Waiters,
    queue: Queue,
    targets: Targets,
}

impl Driver {
    /// A driver without a configuration: it refuses every request as not_ready until an adopt (R13).
    /// The trace's origin is now, or with `options.router` that of the predecessor.
    pub fn new(options: Options) -> Arc<Driver> {
        let (begun, wall) = (Instant::now(), SystemTime::now());
        let (mut router, origin, passed) = match options.router {
            None => (Router::new(CoreOptions { seed: options.seed, strict: false }), wall, 0),
            Some((router, origin)) => {
                // How long ago the origin is, only the wall clock knows; from now on time is monotonic.
                let since = wall.duration_since(origin).map_or(0, |d| d.as_nanos() as Time);
                let least = router.now();
                (router, origin, since.max(least))
            }
        };
        router.reserve(None, if options.in_flight == 0 { 1024 } else { options.in_flight });
        let in_force = InForce { config: router.config().cloned(), epoch: router.epoch() };
        let transport =
            Transport { waiters: Waiters::default(), queue: Queue::default(), targets: Targets::new(&router) };
        let mut lp = Loop::new(router, options.recorder);
        lp.start(origin);
        Arc::new(Driver {
            begun,
            passed,
            origin,
            in_force: ArcSwap::from_pointee(in_force),
            sinks: Mutex::new(Vec::new()),
            moved: Notify::new(),
            pending: Notify::new(),
            state: Mutex::new(State { lp, transport, closed: false }),
        })
    }

    /// Registers a sink for everything that is decided and that no caller waits for: probes, aborts,
    /// idle connections to close, notes. Sinks are called one after the other, outside the lock, in
    /// the order of the decisions; one that blocks delays the others but never a request. Call it
    /// before [`Driver::run`].
    pub fn handle(&self, sink: impl Fn(&Delivery) + Send + Sync + 'static) {
        self.sinks.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(sink));
    }

    /// Fires what is due and calls the sinks, until [`Driver::close`]; what was decided before is handed over first.
    pub async fn run(self: Arc<Self>) {
        let time = tokio::spawn({
            let d = self.clone();
            async move { d.time().await }
        });
        self.deliver().await;
        let _ = time.await; // it ends with close, as this did
    }

    /// Stops the timer and the calls of sinks. Events are still accepted, but nothing fires by itself any more.
    pub fn close(&self) {
        self.lock().closed = true;
        self.moved.notify_one();
        self.pending.notify_one();
    }

    /// Time since the trace's origin.
    pub fn now(&self) -> Time {
        self.passed + self.begun.elapsed().as_nanos() as Time
    }

    /// Wall-clock time of the trace's origin, time 0.
    pub fn origin(&self) -> SystemTime {
        self.origin
    }

    /// The configuration in force and its epoch. It takes no lock.
    pub fn in_force(&self) -> arc_swap::Guard<Arc<InForce>> {
        self.in_force.load()
    }

    /// The configuration in force, none before the first. It takes no lock.
    pub fn config(&self) -> Option<Arc<Config>> {
        self.in_force.load().config.clone()
    }

    /// Calls `f` with the router under the lock: `f` must only read and be short. The router is mutable
    /// because a digest first works out what changed since the last one.
    pub fn view<T>(&self, f: impl FnOnce(&mut Router) -> T) -> T {
        f(self.lock().lp.router_mut())
    }

    /// How many notes were dropped because sinks were too slow.
    pub fn dropped(&self) -> u64 {
        self.lock().transport.queue.dropped()
    }

    /// Decides one request. A FORWARD must be followed by exactly one finish or end with its handle.
    pub fn arrive(self: &Arc<Self>, a: &Arrival<'_>) -> Admission {
        let id = request_hash(a.id[0], a.id[1]);
        let mut f = self.in_force.load_full();
        let mut found = found(a, &f);
        let mut route = found.route(&f, id);
        let mut s = self.lock();
        while a.resolver.is_some() && f.epoch != s.lp.router().epoch() {
            drop(s); // a push came between: to resolve may take long, so not under the lock
            f = self.in_force.load_full();
            found = self::found(a, &f);
            route = found.route(&f, id);
            s = self.lock();
        }
        let mut event = found.event(a, route, f.epoch, id);
        let request = Request { key: &found.key, id: a.id };
        let now = self.now();
        let decision = s.step_arrive(now, &mut event, request);
        let mut out = Admission::of(&s, decision);
        out.in_force = event.epoch;
        match out.decision.kind {
            DecisionKind::QUEUED => out.waiting = Some(Waiting::new(self, s.transport.waiters.expect(&out.decision))),
            DecisionKind::FORWARD => out.again = s.lp.router().may_come_again(out.decision.handle),
            _ => {}
        }
        self.after(s);
        out
    }

    /// Reports a response whose body still flows `settle` after its headers came. Most requests end
    /// before and need only finish.
    pub fn reply(&self, handle: Handle, status: u16) {
        self.apply(event(EventKind::REPLY, |ev| {
            ev.handle = handle;
            ev.status = status;
        }));
    }

    /// Ends an attempt that is not to be tried again. `class` is [`Class::NONE`] for a completed
    /// response, whose status decides then; `sent` says whether any of the request reached the upstream.
    pub fn finish(&self, handle: Handle, class: Class, status: u16, sent: bool) {
        self.apply(event(EventKind::FINISH, |ev| {
            ev.handle = handle;
            ev.class = class;
            ev.status = status;
            ev.sent = sent;
        }));
    }

    /// Ends an attempt as finish does. If the answer is a RETRY, another follows: await its `waiting`.
    /// A response is asked about with [`Driver::ask`] before any of it goes to the client; no retry is
    /// granted after one.
    pub fn end(self: &Arc<Self>, handle: Handle, e: &Ending) -> Admission {
        self.ending(event(EventKind::FINISH, |ev| {
            ev.handle = handle;
            ev.class = e.class;
            ev.status = e.status;
            ev.sent = e.sent;
            ev.replayable = e.replayable;
            ev.retry_after = e.retry_after;
        }))
    }

    /// Reports the headers of a response of 500 and above to a request that may be tried again, before
    /// any of it goes to the client. If the answer is a RETRY, the attempt is over: drop the response
    /// and await. Otherwise pass it on, and finish as ever.
    pub fn ask(self: &Arc<Self>, handle: Handle, e: &Ending) -> Admission {
        self.ending(event(EventKind::REPLY, |ev| {
            ev.handle = handle;
            ev.status = e.status;
            ev.replayable = e.replayable;
            ev.retry_after = e.retry_after;
        }))
    }

    fn ending(self: &Arc<Self>, mut event: Event) -> Admission {
        let mut s = self.lock();
        let now = self.now();
        let why = s.lp.router().retry_why(now, &event); // it cannot be asked afterwards
        let decision = s.step_finish(now, &mut event);
        let mut out = Admission::of(&s, decision);
        out.why = why;
        if out.decision.kind == DecisionKind::RETRY {
            out.why = RetryWhy::Granted;
            out.waiting = Some(Waiting::new(self, s.transport.waiters.expect(&out.decision)));
            if !s.recheck(now, out.decision.handle) {
                s.transport.waiters.resolve(out.decision.handle);
            }
        }
        self.after(s);
        out
    }

    /// Reports an active probe: endpoint and token are those of its PROBE decision.
    pub fn probed(&self, endpoint: i32, token: u32, ok: bool) {
        self.apply(event(EventKind::PROBED, |ev| {
            ev.endpoint = endpoint;
            ev.token = token;
            ev.ok = ok;
        }));
    }

    /// Notes that the control plane went up or down. It changes no decision (R13).
    pub fn control(&self, up: bool) {
        self.apply(event(EventKind::CONTROL, |ev| {
            ev.ok = up;
        }));
    }

    /// Stops admitting (R14). What is still in flight at `deadline` gets an ABORT.
    pub fn drain(&self, deadline: Time) {
        self.apply(event(EventKind::DRAIN, |ev| {
            ev.deadline = deadline;
        }));
    }

    /// Time alone: fires what is due. Harmless early, late and more often.
    pub fn tick(&self) {
        let mut s = self.lock();
        let now = self.now();
        s.wake(now);
        self.after(s);
    }

    /// Offers a configuration and returns ACK or NACK (R12). The zero epoch is for a peer without
    /// epochs. With a fault, `config` may be none: the push is refused and recorded.
    pub fn adopt(&self, config: Option<Arc<Config>>, epoch: Epoch, origin: Origin, fault: Fault) -> Decision {
        self.adopting(event(EventKind::ADOPT, |ev| {
            ev.config = config;
            ev.epoch = epoch;
            ev.origin = origin;
            ev.fault = fault;
        }))
    }

    /// As adopt, for what a control plane pushed and its operator marked deliberate: no push guard refuses it (R13).
    pub fn adopt_deliberate(&self, config: Arc<Config>, epoch: Epoch) -> Decision {
        self.adopting(event(EventKind::ADOPT, |ev| {
            ev.config = Some(config);
            ev.epoch = epoch;
            ev.origin = Origin::CONTROL;
            ev.deliberate = true;
        }))
    }

    fn adopting(&self, mut event: Event) -> Decision {
        let guarded = event.origin == Origin::CONTROL && !event.deliberate;
        if let (true, Some(c), Some(old)) = (guarded, &event.config, self.config())
            && old.guards().on()
        {
            // Before the lock: a million keys take longer than a request may wait.
            event.change = Some(Arc::new(compare(&old, c)));
        }
        let mut s = self.lock();
        if let Some(c) = &event.config {
            let c = c.clone();
            s.reserve(&c);
        }
        let now = self.now();
        let answer = s.step_adopt(now, &mut event);
        let router = s.lp.router();
        let f = self.in_force.load();
        if f.epoch != router.epoch() || !same(&f.config, router.config()) {
            self.in_force.store(Arc::new(InForce { config: router.config().cloned(), epoch: router.epoch() }));
            let targets = Targets::new(router);
            s.transport.targets = targets;
        }
        s.match_again(now);
        self.after(s);
        answer
    }

    fn apply(&self, mut event: Event) {
        let mut s = self.lock();
        let now = self.now();
        s.step(now, &mut event, None);
        self.after(s);
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // A panic under the lock is a bug of a recorder or of core; serving goes on all the same.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the lock back and tells the timer and the sinks what is new for them.
    pub(crate) fn after(&self, mut s: MutexGuard<'_, State>) {
        let (moved, pending) = (s.lp.take_moved(), s.transport.queue.take_fresh());
        drop(s);
        if moved {
            self.moved.notify_one();
        }
        if pending {
            self.pending.notify_one();
        }
    }

    /// The timer: it wakes the loop at its deadline.
    async fn time(&self) {
        loop {
            let (at, closed) = {
                let s = self.lock();
                (s.lp.armed(), s.closed)
            };
            if closed {
                return;
            }
            if at == NEVER {
                self.moved.notified().await;
                continue;
            }
            let wait = std::time::Duration::from_nanos((at - self.now()).max(0) as u64);
            tokio::select! {
                _ = tokio::time::sleep(wait) => self.tick(),
                _ = self.moved.notified() => {}
            }
        }
    }

    fn sink(&self, batch: &mut Vec<Delivery>) {
        let sinks = self.sinks.lock().unwrap_or_else(PoisonError::into_inner);
        for delivery in batch.drain(..) {
            for sink in sinks.iter() {
                sink(&delivery);
            }
        }
    }

    /// Hands the queue to the sinks.
    async fn deliver(&self) {
        let mut batch = Vec::new();
        loop {
            let closed = {
                let mut s = self.lock();
                s.transport.queue.swap(&mut batch);
                s.closed
            };
            self.sink(&mut batch);
            if closed {
                return;
            }
            self.pending.notified().await;
        }
    }
}

/// An event of a kind; core keeps fields of its own in it, so it cannot be written out.
pub(crate) fn event(kind: EventKind, fill: impl FnOnce(&mut Event)) -> Event {
    let mut e = Event::default();
    fill(&mut e);
    e.kind = kind;
    e
}

fn same(a: &Option<Arc<Config>>, b: Option<&Arc<Config>>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => Arc::ptr_eq(a, b),
        (None, None) => true,
        _ => false,
    }
}

/// What a request is under one configuration: its resolver's word, or its own.
pub(crate) fn found<'a>(a: &Arrival<'a>, f: &InForce) -> Resolved<'a> {
    match a.resolver {
        Some(r) => r.resolve(f.config.as_ref()),
        None => Resolved {
            key: Cow::Borrowed(a.key),
            split: a.split,
            via: a.via,
            source: a.source,
            refuse: a.refuse,
            prefer: a.prefer,
            priority: a.priority,
        },
    }
}

impl Resolved<'_> {
    /// The route, worked out before the lock: it may hash a long key.
    pub(crate) fn route(&self, f: &InForce, id: u64) -> Route {
        if self.refuse != Class::NONE {
            return Route { placement: -1, refuse: self.refuse, ..Route::default() };
        }
        match &f.config {
            Some(c) => c.match_via(self.via, &self.key, if self.split == 0 { id } else { self.split }).0,
            None if self.key.is_empty() => Route { refuse: Class::NO_KEY, ..Route::default() },
            None => Route::default(),
        }
    }

    fn event(&self, a: &Arrival<'_>, route: Route, epoch: Epoch, id: u64) -> Event {
        event(EventKind::ARRIVE, |ev| {
            ev.route = route;
            ev.epoch = epoch;
            ev.request = id;
            ev.method = a.method;
            ev.source = self.source;
            ev.priority = self.priority;
            ev.via = self.via;
            ev.split = self.split;
            ev.prefer = self.prefer;
            ev.length = a.length;
            ev.replayable = a.replayable;
        })
    }
}

impl Admission {
    fn of(s: &State, decision: Decision) -> Admission {
        let router = s.lp.router();
        Admission {
            target: s.transport.targets.of(&decision).clone(),
            again: false,
            why: RetryWhy::Off,
            in_queue: 0,
            step: s.lp.steps(),
            in_force: router.epoch(),
            waiting: None,
            decision,
        }
    }
}
