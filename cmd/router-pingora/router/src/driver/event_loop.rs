//! The event loop around the router, core/loop of the Go side: it feeds step, hands a caller its own
//! decision, delivers the others, and keeps the time of the next deadline. It has no thread, lock or
//! clock of its own.

use std::time::SystemTime;

use lockstep_core::{Decision, DecisionKind, Event, EventKind, Handle, Journey, NEVER, Router, Time};

use super::{Admission, Config, Delivery, Recorder, Request, State, event};
use std::sync::Arc;

/// Drives one router. Its caller owns the order of events.
pub(crate) struct Loop {
    router: Router,
    recorder: Option<Box<dyn Recorder>>,
    armed: Time,
    moved: bool, // armed came nearer since somebody last asked
    steps: u64,
    out: Vec<Decision>,
    kept: Vec<Kept>, // by slot, of requests that may come again
}

/// What is kept of a request that may come again: core holds no routing keys, so they are matched anew
/// from here when another configuration is in force. Each such match is an ARRIVE that names the
/// waiting request: it is recorded, and replay needs nothing else.
#[derive(Clone, Default)]
struct Kept {
    key: Vec<u8>,
    id: [u64; 2],
    split: u64,
}

impl Loop {
    pub(crate) fn new(router: Router, recorder: Option<Box<dyn Recorder>>) -> Loop {
        let mut lp = Loop {
            router,
            recorder,
            armed: NEVER,
            moved: false,
            steps: 0,
            out: Vec::with_capacity(64),
            kept: Vec::new(),
        };
        lp.arm();
        lp
    }

    pub(crate) fn start(&mut self, origin: SystemTime) {
        if let Some(r) = &mut self.recorder {
            r.start(&mut self.router, origin);
        }
    }

    pub(crate) fn router(&self) -> &Router {
        &self.router
    }

    pub(crate) fn router_mut(&mut self) -> &mut Router {
        &mut self.router
    }

    /// Number of steps so far; the recording numbers them from 1.
    pub(crate) fn steps(&self) -> u64 {
        self.steps
    }

    /// When the loop wants to be woken, NEVER for not at all.
    pub(crate) fn armed(&self) -> Time {
        self.armed
    }

    /// Says once that the deadline came nearer.
    pub(crate) fn take_moved(&mut self) -> bool {
        std::mem::take(&mut self.moved)
    }

    /// Moves the deadline forward only: a wake that comes too early is harmless and cheaper than
    /// moving the timer at every step.
    fn arm(&mut self) {
        let d = self.router.deadline();
        if d < self.armed {
            self.armed = d;
            self.moved = true;
        }
    }

    /// Keeps the key of a request that may come again.
    fn remember(&mut self, h: Handle, ev: &Event, req: Request<'_>) {
        let slot = h.slot as usize;
        if self.kept.len() <= slot {
            self.kept.resize_with(slot + 1, Kept::default);
        }
        let k = &mut self.kept[slot];
        k.key.clear();
        k.key.extend_from_slice(req.key);
        (k.id, k.split) = (req.id, ev.split);
    }

    /// Matches a key under the configuration in force. That can be done here only where there is one
    /// route: which route a request takes, and so which key it has, is for the edge to say anew. An
    /// ARRIVE that comes too late for that keeps its epoch, and the router refuses it.
    fn rematch(&self, ev: &mut Event, request: u64, key: &[u8]) {
        let config = self.router.config();
        if config.is_some_and(|c| c.routes() > 1 || ev.via != 0) {
            return;
        }
        ev.epoch = self.router.epoch();
        if let Some(c) = config.filter(|_| !ev.route.refuse.by_edge()) {
            ev.route = c.match_via(0, key, if ev.split == 0 { request } else { ev.split }).0;
        }
    }
}

/// Reports whether the last decision is the caller's, who gets it back.
fn own(ev: &Event, out: &[Decision]) -> bool {
    match ev.kind {
        EventKind::ARRIVE => ev.handle == Handle::default(),
        EventKind::ADOPT => true,
        EventKind::FINISH | EventKind::REPLY => out.last().is_some_and(|d| d.kind == DecisionKind::RETRY),
        _ => false,
    }
}

impl State {
    /// Feeds one event. What is not the caller's own is delivered; the caller's is returned.
    pub(crate) fn step(&mut self, now: Time, ev: &mut Event, req: Option<Request<'_>>) -> Option<Decision> {
        let lp = &mut self.lp;
        let mut out = std::mem::take(&mut lp.out);
        out.clear();
        lp.router.step(now, ev, &mut out);
        lp.steps += 1;
        if let Some(r) = &mut lp.recorder {
            let at = lp.router.now();
            r.observe(&mut lp.router, at, ev, req, &out);
        }
        let mine = own(ev, &out);
        let others = out.len() - usize::from(mine);
        for d in &out[..others] {
            self.deliver(d);
        }
        let answer = if mine { out.pop() } else { None };
        self.lp.out = out;
        self.lp.arm();
        answer
    }

    /// Decides one request. Route and epoch may come from a match made before the lock; if another
    /// configuration is in force by now, the key is matched again, so that every request is decided
    /// under the current epoch. A configuration of several routes cannot be asked again here: the
    /// caller makes sure that the event is of the epoch in force.
    pub(crate) fn step_arrive(&mut self, now: Time, ev: &mut Event, req: Request<'_>) -> Decision {
        if ev.epoch != self.lp.router.epoch() {
            let request = ev.request;
            self.lp.rematch(ev, request, req.key);
        }
        let d = self.step(now, ev, Some(req)).expect("step appends an arrival's own decision last");
        if d.kind != DecisionKind::REJECT && self.lp.router.may_come_again(d.handle) {
            self.lp.remember(d.handle, ev, req);
        }
        d
    }

    /// Feeds the FINISH or REPLY of an attempt. If a retry is to follow, it returns that RETRY: the
    /// attempt is over, and its request waits under the new handle; the caller rechecks it before the
    /// next event. Otherwise the kind is NONE.
    pub(crate) fn step_finish(&mut self, now: Time, ev: &mut Event) -> Decision {
        self.step(now, ev, None).unwrap_or(Decision { placement: -1, endpoint: -1, ..Decision::default() })
    }

    /// Offers a configuration and returns ACK or NACK. The caller lets the waiting come again before
    /// the next event, when it knows what the numbers of the new configuration mean.
    pub(crate) fn step_adopt(&mut self, now: Time, ev: &mut Event) -> Decision {
        self.step(now, ev, None).expect("step answers every adopt")
    }

    /// For the timer: fires what is due. With nothing due it only arms the timer again, and is not recorded.
    pub(crate) fn wake(&mut self, now: Time) {
        self.lp.armed = NEVER;
        if self.lp.router.deadline() <= now {
            self.step(now, &mut event(EventKind::TICK, |_| {}), None);
            return;
        }
        self.lp.arm();
    }

    /// Makes room for adopting a configuration, so that the step allocates nothing.
    pub(crate) fn reserve(&mut self, c: &Arc<Config>) {
        self.lp.router.reserve(Some(c), 0);
        // Closed, retired, probed.
        self.transport.queue.reserve(2 * self.lp.router.endpoints() + c.endpoints());
    }

    /// Matches a waiting request again, if another configuration has come since it was matched. What
    /// that decides is delivered. One that has to leave its queue comes a second time, after all who
    /// keep their places. It reports false if the request must be matched and the loop cannot, because
    /// there are several routes: then it waits until its owner has resolved it anew.
    pub(crate) fn recheck(&mut self, now: Time, h: Handle) -> bool {
        let Some(j) = self.lp.router.journey(h).filter(|j| j.expected) else {
            return true;
        };
        let Some(k) = self.lp.kept.get(h.slot as usize).cloned() else {
            return false;
        };
        let mut ev = event(EventKind::ARRIVE, |ev| {
            ev.handle = h;
            ev.epoch = j.epoch;
            ev.via = j.via;
            ev.split = k.split;
        });
        if j.epoch == self.lp.router.epoch() {
            ev.route = j.route;
        } else {
            self.lp.rematch(&mut ev, j.request, &k.key);
            if ev.epoch != self.lp.router.epoch() {
                return false;
            }
        }
        self.again(now, &mut ev, &j, Request { key: &k.key, id: k.id });
        true
    }

    /// Feeds the ARRIVE of a waiting request that its owner has resolved anew.
    pub(crate) fn come_again(&mut self, now: Time, ev: &mut Event, req: Request<'_>) {
        if let Some(j) = self.lp.router.journey(ev.handle).filter(|j| j.expected) {
            self.lp.remember(ev.handle, ev, req);
            self.again(now, ev, &j, req);
        }
    }

    fn again(&mut self, now: Time, ev: &mut Event, j: &Journey, req: Request<'_>) {
        (ev.kind, ev.request, ev.method, ev.length, ev.prefer) =
            (EventKind::ARRIVE, j.request, j.method, j.length, j.prefer);
        self.step(now, ev, Some(req));
    }

    /// Rechecks every waiting request, in the order that SPEC gives. Those that the loop cannot match
    /// are left to their owners.
    pub(crate) fn rematch_all(&mut self, now: Time) {
        let mut stale = Vec::new();
        loop {
            stale.clear();
            self.lp.router.append_stale(&mut stale);
            let mut again = false;
            for &h in &stale {
                again |= self.recheck(now, h);
            }
            if !again {
                return;
            }
        }
    }

    /// Takes a decision that the present caller does not get: a waiting request's answer, or one for the sinks.
    fn deliver(&mut self, d: &Decision) {
        match d.kind {
            DecisionKind::QUEUED => self.transport.waiters.queued(d),
            DecisionKind::RETRY => {}
            DecisionKind::FORWARD | DecisionKind::REJECT => {
                let mut a = Admission::of(self, *d);
                a.again = d.kind == DecisionKind::FORWARD && self.lp.router.may_come_again(d.handle);
                self.transport.waiters.answer(a);
            }
            _ => {
                let target = self.transport.targets.of(d).clone();
                self.transport.queue.add(Delivery { decision: *d, target });
            }
        }
    }
}
