//! Requests that wait (R5's queue, R11): where each hears what becomes of it.

use std::sync::{Arc, Mutex, PoisonError};

use lockstep_core::{Class, Decision, DecisionKind, Duration, EventKind, Handle, NEVER, Time, request_hash};
use tokio::sync::Notify;

use super::{Admission, Arrival, Driver, Request, State, event, found};

/// Where the answer to one waiting request is left.
#[derive(Debug)]
pub(crate) struct Cell {
    handle: Handle,
    told: Notify,
    inner: Mutex<Told>,
}

#[derive(Debug)]
struct Told {
    answer: Option<Admission>,
    stale: bool,  // the request must be resolved anew
    queued: Time, // since when it is in a queue; NEVER for not yet
}

impl Cell {
    fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The requests that still wait, by slot. A slot is given to another request only after the answer.
#[derive(Default)]
pub(crate) struct Waiters(Vec<Option<Arc<Cell>>>);

impl Waiters {
    /// Makes ready for the answer to a request that waits since that decision.
    pub(crate) fn expect(&mut self, of: &Decision) -> Arc<Cell> {
        let slot = of.handle.slot as usize;
        if self.0.len() <= slot {
            self.0.resize_with(slot + 1, || None);
        }
        let queued = if of.kind == DecisionKind::QUEUED { of.at } else { NEVER };
        let cell = Arc::new(Cell {
            handle: of.handle,
            told: Notify::new(),
            inner: Mutex::new(Told { answer: None, stale: false, queued }),
        });
        self.0[slot] = Some(cell.clone());
        cell
    }

    fn find(&self, handle: Handle) -> Option<&Arc<Cell>> {
        self.0.get(handle.slot as usize)?.as_ref().filter(|c| c.handle == handle)
    }

    fn remove(&mut self, handle: Handle) -> Option<Arc<Cell>> {
        self.0.get_mut(handle.slot as usize)?.take_if(|c| c.handle == handle)
    }

    /// Tells whoever awaits the handle to resolve the request anew.
    pub(crate) fn resolve(&self, handle: Handle) {
        if let Some(cell) = self.find(handle) {
            cell.told().stale = true;
            cell.told.notify_one();
        }
    }

    /// Notes that a request whose retry was due is in a queue since then; one that changes queues waits on.
    pub(crate) fn queued(&self, d: &Decision) {
        if let Some(cell) = self.find(d.handle) {
            let mut told = cell.told();
            told.queued = told.queued.min(d.at);
        }
    }

    /// Hands a decision to the request that waits for it.
    pub(crate) fn answer(&mut self, mut a: Admission) {
        if let Some(cell) = self.remove(a.decision.handle) {
            let mut told = cell.told();
            a.in_queue = in_queue(told.queued, a.decision.at);
            told.answer = Some(a);
            drop(told);
            cell.told.notify_one();
        }
    }
}

/// How long a request has been in a queue.
fn in_queue(since: Time, now: Time) -> Duration {
    if since == NEVER { 0 } else { (now - since).max(0) }
}

/// A request that was queued or is to be tried again. Dropped before its answer was fetched it gives
/// up its place, whatever had become of it.
#[derive(Debug)]
pub struct Waiting {
    driver: Arc<Driver>,
    cell: Arc<Cell>,
    over: bool,
}

impl Waiting {
    pub(crate) fn new(driver: &Arc<Driver>, cell: Arc<Cell>) -> Waiting {
        Waiting { driver: driver.clone(), cell, over: false }
    }

    /// Waits for what becomes of the request: FORWARD, to be followed by finish or end, or REJECT. It
    /// may be dropped and called again. `a` is the request's arrival: where there are several routes,
    /// its resolver is asked again after a push.
    pub async fn next(&mut self, a: &Arrival<'_>) -> Admission {
        loop {
            let (answer, stale) = {
                let mut told = self.cell.told();
                (told.answer.take(), std::mem::take(&mut told.stale))
            };
            if let Some(answer) = answer {
                self.over = true;
                return answer;
            }
            if stale {
                self.driver.come_again(self.cell.handle, a);
                continue;
            }
            self.cell.told.notified().await;
        }
    }

    /// Gives up the place and says how much of the wait was in a queue.
    pub fn give_up(mut self) -> Duration {
        self.leave()
    }

    fn leave(&mut self) -> Duration {
        self.over = true;
        let mut s = self.driver.lock();
        let now = self.driver.now();
        s.transport.waiters.remove(self.cell.handle);
        let (late, queued) = {
            let mut told = self.cell.told();
            (told.answer.take(), told.queued)
        };
        // It still waits, or has been forwarded to nobody: either way this ends it.
        if late.is_none_or(|a| a.decision.kind != DecisionKind::REJECT) {
            let mut event = event(EventKind::FINISH, |ev| {
                ev.handle = self.cell.handle;
                ev.class = Class::CLIENT_GONE;
            });
            s.step_finish(now, &mut event);
        }
        self.driver.after(s);
        in_queue(queued, now)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if !self.over {
            self.leave();
        }
    }
}

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver").finish_non_exhaustive()
    }
}

impl Driver {
    /// Resolves a waiting request under the configuration in force, outside the lock, and says what came of it.
    fn come_again(&self, handle: Handle, a: &Arrival<'_>) {
        let f = self.in_force.load_full();
        let found = found(a, &f);
        let route = found.route(&f, request_hash(a.id[0], a.id[1]));
        let mut s = self.lock();
        if f.epoch != s.lp.router().epoch() {
            s.transport.waiters.resolve(handle); // another push came between
            return;
        }
        let mut event = event(EventKind::ARRIVE, |ev| {
            ev.handle = handle;
            ev.epoch = f.epoch;
            ev.route = route;
            ev.via = found.via;
            ev.split = found.split;
            ev.source = found.source;
        });
        let now = self.now();
        s.come_again(now, &mut event, Request { key: &found.key, id: a.id });
        s.match_again(now);
        self.after(s);
    }
}

impl State {
    /// Lets every request that waits come again after an adoption.
    pub(crate) fn match_again(&mut self, now: Time) {
        self.rematch_all(now);
        let mut stale = Vec::new();
        self.lp.router().append_stale(&mut stale);
        for handle in stale {
            self.transport.waiters.resolve(handle);
        }
    }
}
