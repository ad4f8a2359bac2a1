//! A journey is what the router keeps of a request that may come again (R5's queue, R11): as
//! long as it waits, and between its attempts. A request whose placement neither queues nor
//! retries has none, and costs nothing. Journeys lie beside the slots, in chunks that are made
//! only when one is needed; a waiting request holds a slot of the table, but no room at any
//! placement or endpoint.

use crate::arrive::{Verdict, refusal, rule_of};
use crate::class::Class;
use crate::config::{Config, Route};
use crate::deadlines::TimerKind;
use crate::decision::{Cause, Decision, DecisionKind};
use crate::digest::{Entity, mix_entity, mix_word};
use crate::event::{Epoch, Event, Handle, Method};
use crate::inflight::{CHUNK_BITS, CHUNK_SIZE, SlotState};
use crate::router::{Router, note};
use crate::time::{NEVER, Time, add};
use alloc::boxed::Box;
use alloc::vec::Vec;

/// Bounds the retries of one request.
pub const MAX_RETRIES: usize = 4;

/// What a journey is doing.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub(crate) enum WaitKind {
    /// Its attempt is in flight.
    #[default]
    NotWaiting = 0,
    /// In the queue of a full placement (R5).
    InQueue = 1,
    /// Until its retry is due (R11).
    InBackOff = 2,
    /// It must come again first: its retry is due and its match is old, or its queue is not its
    /// home's any more.
    Overdue = 3,
}

/// One request that may come again; its slot has the request and the handle.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct JourneyState {
    pub(crate) route: Route,
    /// Under which `route` was matched; another than the one in force: stale.
    pub(crate) epoch: Epoch,
    pub(crate) length: i64,
    /// Of the request as a whole: timeouts.request after it arrived.
    pub(crate) deadline: Time,
    /// Waiting: when the wait ends by itself.
    pub(crate) until: Time,
    /// Identities of the endpoints of its attempts.
    pub(crate) tried: [u64; MAX_RETRIES],
    /// Its part of the digest.
    pub(crate) mixed: u64,
    /// Number of the placement that was its home when it arrived.
    pub(crate) account: i32,
    /// InQueue: number of the placement.
    pub(crate) queue: i32,
    /// InQueue: its neighbours' slots plus 1, 0 for none.
    pub(crate) prev: u32,
    pub(crate) next: u32,
    /// InQueue: its place, growing from head to tail.
    pub(crate) ticket: u32,
    /// Identity of the endpoint that its sticky cookie names (R10).
    pub(crate) prefer: u64,
    pub(crate) priority: u8,
    /// Route by which it came, in the configuration of `epoch`.
    pub(crate) via: u16,
    pub(crate) kind: WaitKind,
    /// Forwarded so far.
    pub(crate) attempts: u8,
    pub(crate) method: Method,
    /// One of its attempts has counted as a failure (R7).
    pub(crate) failed: bool,
    /// A retry was granted.
    pub(crate) retrying: bool,
}

impl JourneyState {
    /// The identities of the endpoints that it has tried.
    pub fn tried(&self) -> &[u64] {
        &self.tried[..usize::from(self.attempts).min(MAX_RETRIES)]
    }
}

/// Ask is one request as an evaluation sees it: that of an Arrive, or one that comes again.
pub(crate) struct Ask<'a> {
    pub ev: &'a Event,
    /// It has a journey, in slot; false for a new request.
    pub again: bool,
    /// In the in-flight table.
    pub slot: u32,
    /// It is first in its home's queue.
    pub turn: bool,
    /// Endpoints that it has tried are passed over.
    pub fresh: bool,
    /// Some were.
    pub skipped: bool,
}

impl<'a> Ask<'a> {
    pub fn new(ev: &'a Event) -> Ask<'a> {
        Ask { ev, again: false, slot: 0, turn: false, fresh: false, skipped: false }
    }
}

impl Router {
    pub(crate) fn journey_at(&self, n: u32) -> &JourneyState {
        &self.journeys[(n >> CHUNK_BITS) as usize][n as usize & (CHUNK_SIZE - 1)]
    }

    pub(crate) fn journey_at_mut(&mut self, n: u32) -> &mut JourneyState {
        &mut self.journeys[(n >> CHUNK_BITS) as usize][n as usize & (CHUNK_SIZE - 1)]
    }

    /// Makes room for the journeys of every slot there is.
    pub(crate) fn grow_journeys(&mut self) {
        while self.journeys.len() < self.slots.chunks.len() {
            self.journeys.push(Box::new([JourneyState::default(); CHUNK_SIZE]));
        }
        self.timers.reserve_slots(self.journeys.len() << CHUNK_BITS);
    }

    /// Gives the request in slot n a journey, on the account of its home (R11).
    pub(crate) fn begin(&mut self, c: &Config, now: Time, n: u32, ev: &Event) {
        if self.journeys.len() < self.slots.chunks.len() {
            self.grow_journeys();
        }
        let home = self.numbers.placement[ev.route.placement as usize];
        let pc = &c.placements[ev.route.placement as usize];
        *self.journey_at_mut(n) = JourneyState {
            route: ev.route,
            epoch: ev.epoch,
            via: ev.via,
            prefer: ev.prefer,
            priority: ev.priority,
            length: ev.length,
            method: ev.method.min(Method::OTHER),
            deadline: add(now, pc.timeouts.request),
            account: home,
            queue: -1,
            ..JourneyState::default()
        };
        let b = &mut self.placements[home as usize].budget;
        b.own += 1;
        if b.debt > 0 {
            b.debt = (b.debt - pc.retries.share()).max(0);
            if b.debt == 0 {
                b.at = 0;
            }
        }
        self.touch_placement(home);
    }

    /// Books an attempt of a journey: slot n was forwarded to the endpoint with that identity.
    pub(crate) fn depart(&mut self, c: &Config, now: Time, n: u32, ask: &Ask, id: u64) {
        if ask.again {
            self.stop_waiting(n);
        } else {
            self.begin(c, now, n, ask.ev);
        }
        let j = self.journey_at_mut(n);
        if let Some(tried) = j.tried.get_mut(usize::from(j.attempts)) {
            *tried = id;
        }
        j.attempts = j.attempts.wrapping_add(1);
        self.slots.at_mut(n).state = SlotState::Journey;
        self.touch_journey(n);
    }

    /// Makes slot n wait until a time.
    pub(crate) fn hold(&mut self, n: u32, kind: WaitKind, until: Time) {
        let s = self.slots.at_mut(n);
        (s.state, s.endpoint) = (SlotState::Waiting, -1);
        let j = self.journey_at_mut(n);
        (j.kind, j.until) = (kind, until);
        self.waiting += 1;
        let t = if kind == WaitKind::InQueue { TimerKind::Queue } else { TimerKind::Retry };
        self.timers.set(t, n as i32, until);
        self.touch_journey(n);
    }

    /// Ends a wait, whatever comes next.
    pub(crate) fn stop_waiting(&mut self, n: u32) {
        match self.journey_at(n).kind {
            WaitKind::InQueue => {
                self.unlink(n);
                self.timers.set(TimerKind::Queue, n as i32, NEVER);
            }
            WaitKind::InBackOff | WaitKind::Overdue => self.timers.set(TimerKind::Retry, n as i32, NEVER),
            WaitKind::NotWaiting => return,
        }
        let j = self.journey_at_mut(n);
        (j.kind, j.until) = (WaitKind::NotWaiting, 0);
        self.waiting -= 1;
    }

    /// Closes the account of the request in slot n.
    pub(crate) fn end_journey(&mut self, n: u32) {
        self.stop_waiting(n);
        let j = core::mem::take(self.journey_at_mut(n));
        let home = j.account;
        let b = &mut self.placements[home as usize].budget;
        b.own -= 1;
        b.retrying -= i32::from(j.retrying);
        self.touch_placement(home);
        self.sum = self.sum.wrapping_sub(j.mixed);
        self.free_placement(home);
    }

    /// Takes a waiting request out of the table.
    pub(crate) fn end_wait(&mut self, n: u32) {
        self.end_journey(n);
        self.slots.release(n);
    }

    /// Ends a wait with an answer (Reject) to the request in slot n.
    pub(crate) fn refuse(&mut self, now: Time, n: u32, class: Class, out: &mut Vec<Decision>) {
        let j = self.journey_at(n);
        let mut d = note(DecisionKind::REJECT, rule_of(class), now);
        d.handle = Handle { slot: n, r#gen: self.slots.at(n).r#gen };
        (d.class, d.status, d.reason, d.placement) = (class, class.row().status, j.route.reason, j.account);
        if j.kind == WaitKind::InQueue {
            d.placement = j.queue;
        }
        self.end_wait(n);
        out.push(d);
    }

    /// An Arrive that names a waiting request: it has been matched again, under the epoch in force.
    /// Its place in a queue stays its own as long as its home is the same.
    pub(crate) fn come_again(&mut self, c: Option<&Config>, now: Time, ev: &Event, out: &mut Vec<Decision>) {
        let request = match self.slots.find(ev.handle) {
            Some(s) if s.state == SlotState::Waiting => s.request,
            _ => return self.ignore(now, 11, Cause::UNKNOWN_HANDLE, out),
        };
        let n = ev.handle.slot;
        let placement = ev.route.placement;
        let c = match c {
            Some(c) if ev.epoch == self.epoch && ev.request == request => c,
            _ => return self.ignore(now, 11, Cause::BAD_ROUTE, out),
        };
        let known = placement >= 0 && (placement as usize) < c.placements.len();
        if ev.route.refuse == Class::NONE && !known {
            return self.ignore(now, 11, Cause::BAD_ROUTE, out);
        }
        let j = self.journey_at_mut(n);
        (j.route, j.epoch, j.via, j.prefer) = (ev.route, ev.epoch, ev.via, ev.prefer);
        if !known {
            j.route.placement = -1; // whatever number a refusal carries
        }
        let (kind, queue, deadline) = (j.kind, j.queue, j.deadline);
        self.touch_journey(n);
        match kind {
            WaitKind::InBackOff => return,
            WaitKind::Overdue => {
                self.decide_again(c, now, n, false, out);
                return;
            }
            _ => {}
        }
        let home = if known { self.numbers.placement[placement as usize] } else { -1 };
        if home != queue {
            // it must not be evaluated before those who keep their places
            self.stop_waiting(n);
            self.hold(n, WaitKind::Overdue, deadline);
        }
        self.turn(c, now, queue, out);
    }

    /// Evaluates a waiting request from the top (R1-R5) and forwards or refuses it, or lets it wait
    /// on, which it reports. turn: it is first in its home's queue.
    pub(crate) fn decide_again(&mut self, c: &Config, now: Time, n: u32, turn: bool, out: &mut Vec<Decision>) -> bool {
        let (s, j) = (self.slots.at(n), self.journey_at(n));
        let handle = Handle { slot: n, r#gen: s.r#gen };
        let (kind, queue) = (j.kind, j.queue);
        let ev = Event {
            request: s.request,
            route: j.route,
            epoch: j.epoch,
            length: j.length,
            method: j.method,
            via: j.via,
            prefer: j.prefer,
            priority: j.priority,
            ..Event::default()
        };
        let mut ask = Ask { again: true, slot: n, turn, ..Ask::new(&ev) };
        let (class, home) = self.precheck(Some(c), &ask);
        if class != Class::NONE {
            let mut d = refusal(Some(c), class, home, &ev, now);
            d.handle = handle;
            if class == Class::INTERNAL {
                self.ignore(now, 12, Cause::BAD_ROUTE, out);
            }
            self.end_wait(n);
            out.push(d);
            return false;
        }
        let mut v = Verdict::default();
        self.evaluate(c, now, &mut ask, &mut v);
        if v.wait && kind == WaitKind::InQueue && queue == v.placement {
            return true;
        }
        if v.wait {
            self.stop_waiting(n);
            self.enqueue(c, now, n, v.placement, out);
            return true;
        }
        if v.class != Class::NONE {
            let mut d = v.reject(now, &ev);
            d.handle = handle;
            self.end_wait(n);
            out.push(d);
            return false;
        }
        self.commit(c, now, &ask, &v, out);
        false
    }

    /// Works out a journey's part of the digest again.
    pub(crate) fn touch_journey(&mut self, n: u32) {
        let mixed = self.mix_journey(self.slots.at(n).request, self.journey_at(n));
        let was = core::mem::replace(&mut self.journey_at_mut(n).mixed, mixed);
        self.sum = self.sum.wrapping_sub(was).wrapping_add(mixed);
    }

    pub(crate) fn mix_journey(&self, request: u64, j: &JourneyState) -> u64 {
        let r = &j.route;
        let mut h = mix_entity(Entity::Journey, request, r.key);
        h = mix_word(h, u64::from(r.placement as u32) << 16 | u64::from(r.reason.0) << 8 | u64::from(r.refuse.0));
        h = mix_word(mix_word(h, u64::from(j.via) << 32 | u64::from(r.ring)), j.prefer);
        h = mix_word(mix_word(h, j.epoch.term), j.epoch.number);
        h = mix_word(mix_word(h, j.length as u64), j.deadline as u64);
        h = mix_word(h, j.until as u64);
        for &id in j.tried() {
            h = mix_word(h, id);
        }
        h = mix_word(h, self.placements[j.account as usize].id);
        if j.kind == WaitKind::InQueue && j.queue >= 0 {
            h = mix_word(h, self.placements[j.queue as usize].id);
        }
        mix_word(
            h,
            u64::from(j.ticket) << 32
                | u64::from(j.priority) << 24
                | u64::from(j.attempts) << 16
                | u64::from(j.method.0) << 8
                | (j.kind as u64) << 2
                | u64::from(j.failed) << 1
                | u64::from(j.retrying),
        )
    }
}
