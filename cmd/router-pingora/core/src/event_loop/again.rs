//! Requests that come again (R5's queue, R11). Core holds no routing keys, so the loop keeps those of the
//! requests that may come again, and matches them anew when another configuration is in force. Each such
//! match is an arrive that names the waiting request: it is recorded, and replay needs nothing else.

use super::{Clock, Loop, Observer, Request, Timer, Transport};
use crate::{Decision, DecisionKind, Event, EventKind, Handle, Journey};
use alloc::vec::Vec;

/// What is kept of a request that may come again.
#[derive(Default)]
pub(super) struct Kept {
    key: Vec<u8>,
    id: [u64; 2],
    split: u64,
}

impl<C: Clock, A: Timer, T: Transport, O: Observer> Loop<C, A, T, O> {
    /// Keeps the key of a request that may come again.
    pub(super) fn remember(&mut self, h: Handle, ev: &Event, req: Request<'_>) {
        let slot = h.slot as usize;
        if self.kept.len() <= slot {
            self.kept.resize_with(slot + 1, Kept::default);
        }
        let k = &mut self.kept[slot];
        k.key.clear();
        k.key.extend_from_slice(req.key);
        (k.id, k.split) = (req.id, ev.split);
    }

    /// Feeds the finish or reply of an attempt. If a retry is to follow, it returns that Retry: the
    /// attempt is over, and its request waits under the new handle; the caller must call `recheck` with it
    /// before the next event.
    pub fn finish(&mut self, ev: &mut Event) -> Option<Decision> {
        self.step(ev, None);
        self.out.last().copied().filter(|d| d.kind == DecisionKind::RETRY)
    }

    /// Matches the waiting request that h names again, if another configuration has come since it was
    /// matched. What that decides is delivered. One that has to leave its queue comes a second time,
    /// after all who keep their places. It returns false if the request must be matched and the loop
    /// cannot, because there are several routes: then it waits until the caller has resolved it anew and
    /// says so with `come_again`.
    pub fn recheck(&mut self, h: Handle) -> bool {
        let Some(j) = self.router.journey(h).filter(|j| j.expected) else { return true };
        let slot = h.slot as usize;
        let Some(k) = self.kept.get_mut(slot) else { return false };
        let k = core::mem::take(k);
        let mut ev = Event { handle: h, epoch: j.epoch, via: j.via, split: k.split, ..Event::default() };
        let mut matched = true;
        if j.epoch == self.router.epoch() {
            ev.route = j.route;
        } else {
            self.rematch(&mut ev, j.request, &k.key);
            matched = ev.epoch == self.router.epoch();
        }
        if matched {
            self.again(&mut ev, &j, Request { key: &k.key, id: k.id });
        }
        self.kept[slot] = k;
        matched
    }

    /// Feeds the arrive of a waiting request that its caller has resolved anew: ev has `handle`, `epoch`,
    /// `route`, `via`, `split` and `source`.
    pub fn come_again(&mut self, ev: &mut Event, req: Request<'_>) {
        if let Some(j) = self.router.journey(ev.handle).filter(|j| j.expected) {
            self.remember(ev.handle, ev, req);
            self.again(ev, &j, req);
        }
    }

    fn again(&mut self, ev: &mut Event, j: &Journey, req: Request<'_>) {
        (ev.kind, ev.request, ev.method) = (EventKind::ARRIVE, j.request, j.method);
        (ev.length, ev.prefer) = (j.length, j.prefer);
        self.step(ev, Some(req));
    }

    /// Rechecks every waiting request, in the order that SPEC gives. Those that the loop cannot match are
    /// left to their callers: see `unmatched`.
    pub fn match_again(&mut self) {
        let mut again = true;
        while again {
            let mut stale = core::mem::take(&mut self.stale);
            stale.clear();
            self.router.append_stale(&mut stale);
            again = false;
            for &h in &stale {
                again |= self.recheck(h);
            }
            self.stale = stale;
        }
    }

    /// Appends the waiting requests that must be matched again, in the order in which they are to come:
    /// after `match_again` those that only their callers can match.
    pub fn unmatched(&self, dst: &mut Vec<Handle>) {
        self.router.append_stale(dst);
    }
}
