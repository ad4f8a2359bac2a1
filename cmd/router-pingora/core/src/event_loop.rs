//! The event loop around a [`Router`]: it reads the clock it is given, feeds `step`, hands a caller its
//! own decision, delivers the others and keeps one timer armed at the deadline. It has no thread, lock or
//! clock of its own: the driver calls it under its lock, and the replay needs none of it, because what it
//! feeds is recorded.
//!
//! How a driver uses it, with one lock around the [`Loop`]:
//!
//! - A request: match its key before the lock ([`Config::match_via`]), then [`Loop::arrive`]. `FORWARD`,
//!   `REJECT` and `QUEUED` come back; a `QUEUED` request waits for the `FORWARD` or `REJECT` with its handle
//!   that [`Transport::deliver`] brings.
//! - The end of an attempt, and a body that outlives settle: [`Loop::finish`]. If it returns a `RETRY`, call
//!   [`Loop::recheck`] with its handle before anything else; the request then waits as in a queue.
//! - A configuration: [`Loop::adopt`], then [`Loop::match_again`] before the next event.
//! - A `recheck` that returns false, and what [`Loop::unmatched`] lists after `match_again`: where there are
//!   several routes only the edge can say which one a request takes, and so which key it has. The request
//!   waits until its edge has resolved it anew and calls [`Loop::come_again`].
//! - Probes, the control plane, a drain: [`Loop::apply`].
//! - The timer, when it is due: [`Loop::wake`].

mod again;

use crate::{Config, Decision, DecisionKind, Event, EventKind, Handle, NEVER, Router, Time};
use again::Kept;
use alloc::vec::Vec;

/// Tells time on the trace's scale.
pub trait Clock {
    /// The time since the trace's origin. It may repeat; the router clamps it if it decreases.
    fn now(&self) -> Time;
}

/// A one-shot alarm that can be moved. When it is due, it must lead to [`Loop::wake`], under the driver's
/// lock if there is one.
pub trait Timer {
    /// Arms the timer for that time, replacing an earlier one. A time that has passed fires as soon as
    /// can be.
    fn reset(&mut self, at: Time);
    /// Disarms it.
    fn stop(&mut self);
}

/// Carries out what nobody waits for: probes, aborts, idle connections to close, notes.
pub trait Transport {
    /// Is called inside the driver's lock: it must neither block nor do IO, and must copy what it keeps.
    fn deliver(&mut self, d: &Decision);
}

/// Sees every recorded step.
pub trait Observer {
    /// Is told of the input and all decisions, in the order the lock gave, and sees the router after
    /// the step. req is `None` except for an arrive. It must copy what it keeps.
    fn observe(&mut self, r: &Router, now: Time, ev: &Event, req: Option<Request<'_>>, decisions: &[Decision]);
}

/// Nobody observes.
impl Observer for () {
    fn observe(&mut self, _: &Router, _: Time, _: &Event, _: Option<Request<'_>>, _: &[Decision]) {}
}

/// What a recorder keeps of a request beside its event.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Request<'a> {
    /// The routing key as the client sent it.
    pub key: &'a [u8],
    /// The 128-bit request id, high half first.
    pub id: [u64; 2],
}

/// Drives one router. Its caller owns the order of events.
pub struct Loop<C, A, T, O> {
    router: Router,
    clock: C,
    timer: A,
    transport: T,
    observer: O,
    armed: Time,
    steps: u64,
    out: Vec<Decision>,
    kept: Vec<Kept>, // by slot, of requests that may come again
    stale: Vec<Handle>,
}

impl<C: Clock, A: Timer, T: Transport, O: Observer> Loop<C, A, T, O> {
    /// A loop around r, with its timer armed.
    pub fn new(r: Router, clock: C, timer: A, transport: T, observer: O) -> Self {
        let mut l = Loop {
            router: r,
            clock,
            timer,
            transport,
            observer,
            armed: NEVER,
            steps: 0,
            out: Vec::with_capacity(64),
            kept: Vec::new(),
            stale: Vec::new(),
        };
        l.arm();
        l
    }

    /// The number of steps so far; the recording numbers them from 1.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The router, for reading.
    pub fn router(&self) -> &Router {
        &self.router
    }

    /// Makes room, so that steps need not: see [`Router::reserve`].
    pub fn reserve(&mut self, c: Option<&Config>, in_flight: usize) {
        self.router.reserve(c, in_flight);
    }

    /// The transport, for its owner.
    pub fn transport(&mut self) -> &mut T {
        &mut self.transport
    }

    /// The observer, for its owner.
    pub fn observer(&mut self) -> &mut O {
        &mut self.observer
    }

    /// Decides one request. `ev.route` and `ev.epoch` may come from a match made before the lock; if
    /// another configuration is in force by now, the key is matched again, so that every request is
    /// decided under the current epoch. A configuration of several routes cannot be asked again here: the
    /// caller makes sure that ev is of the epoch in force. The decision is Forward, Reject or Queued.
    pub fn arrive(&mut self, ev: &mut Event, req: Request<'_>) -> Decision {
        if ev.epoch != self.router.epoch() {
            let request = ev.request;
            self.rematch(ev, request, req.key);
        }
        self.step(ev, Some(req));
        // A step appends an arrive's own decision last.
        let d = self.out.last().copied().unwrap_or_default();
        if d.kind != DecisionKind::REJECT && self.router.may_come_again(d.handle) {
            self.remember(d.handle, ev, req);
        }
        d
    }

    /// Matches a key under the configuration in force. That can be done here only where there is one
    /// route: which route a request takes, and so which key it has, is for the edge to say anew. An
    /// arrive that comes too late for that keeps its epoch, and the router refuses it.
    fn rematch(&self, ev: &mut Event, request: u64, key: &[u8]) {
        let config = self.router.config();
        if config.is_some_and(|c| c.routes() > 1 || ev.via != 0) {
            return;
        }
        ev.epoch = self.router.epoch();
        if let Some(c) = config
            && !ev.route.refuse.by_edge()
        {
            let split = if ev.split == 0 { request } else { ev.split };
            ev.route = c.match_via(0, key, split).0;
        }
    }

    /// Offers a configuration and returns Ack or Nack. The caller must call `match_again` before the next
    /// event, when it knows what the numbers of the new configuration mean.
    pub fn adopt(&mut self, ev: &mut Event) -> Decision {
        self.step(ev, None);
        self.out.last().copied().unwrap_or_default()
    }

    /// Feeds any other event.
    pub fn apply(&mut self, ev: &mut Event) {
        self.step(ev, None);
    }

    /// Is for the timer: it fires what is due. A wake with nothing due only arms the timer again, and is
    /// not recorded.
    pub fn wake(&mut self) {
        self.armed = NEVER;
        let now = self.clock.now();
        if self.router.deadline() <= now {
            self.step_at(now, &mut Event { kind: EventKind::TICK, ..Event::default() }, None);
        } else {
            self.arm();
        }
    }

    /// Disarms the timer.
    pub fn stop(&mut self) {
        self.timer.stop();
    }

    fn step(&mut self, ev: &mut Event, req: Option<Request<'_>>) {
        let now = self.clock.now();
        self.step_at(now, ev, req);
    }

    fn step_at(&mut self, now: Time, ev: &mut Event, req: Option<Request<'_>>) {
        self.out.clear();
        self.router.step(now, ev, &mut self.out);
        self.steps += 1;
        self.observer.observe(&self.router, self.router.now(), ev, req, &self.out);
        let others = self.out.len() - usize::from(own(ev, &self.out));
        for d in &self.out[..others] {
            self.transport.deliver(d);
        }
        self.arm();
    }

    /// Moves the timer forward only: a wake that comes too early is harmless and cheaper than moving the
    /// timer at every step.
    fn arm(&mut self) {
        let d = self.router.deadline();
        if d < self.armed {
            self.armed = d;
            self.timer.reset(d);
        }
    }
}

/// Whether the last decision is the caller's, who gets it back.
fn own(ev: &Event, out: &[Decision]) -> bool {
    match ev.kind {
        EventKind::ARRIVE => ev.handle == Handle::default() && !out.is_empty(),
        EventKind::ADOPT => !out.is_empty(),
        EventKind::FINISH | EventKind::REPLY => out.last().is_some_and(|d| d.kind == DecisionKind::RETRY),
        _ => false,
    }
}
