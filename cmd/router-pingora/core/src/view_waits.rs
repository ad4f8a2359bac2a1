//! Views of requests that may come again.

use crate::class::Class;
use crate::config::Route;
use crate::event::{Epoch, Event, EventKind, Handle, Method};
use crate::inflight::SlotState;
use crate::journey::{MAX_RETRIES, WaitKind};
use crate::outcome::outcome_of;
use crate::retry::RetryWhy;
use crate::router::Router;
use crate::time::Time;
use alloc::vec::Vec;

/// A request that may come again: it waits, or R11 may retry it.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Journey {
    /// Names it.
    pub handle: Handle,
    /// Of its Arrive.
    pub request: u64,
    /// What match said of it last.
    pub route: Route,
    /// It waits.
    pub waiting: bool,
    /// Waiting, and it must come again: see `Router::append_stale`.
    pub expected: bool,
    /// Waiting, in the queue of `placement`; else for its retry.
    pub in_queue: bool,
    /// `in_queue`: number of the placement, else -1.
    pub placement: i32,
    /// Number of the placement that was its home when it arrived: whose budget it is on.
    pub account: i32,
    /// Forwarded so far.
    pub attempts: u8,
    /// Identities of the endpoints of its attempts, as `Router::identity` gives them; 0 for none.
    pub tried: [u64; MAX_RETRIES],
    /// Under which it was matched.
    pub epoch: Epoch,
    /// The route by which it came, in the configuration of `epoch`.
    pub via: u16,
    /// Identity of the endpoint that its sticky cookie names.
    pub prefer: u64,
    /// Waiting: when the wait ends by itself.
    pub until: Time,
    /// Of the request as a whole.
    pub deadline: Time,
    /// One of its attempts has counted against an endpoint (R7).
    pub failed: bool,
    /// A retry was granted.
    pub retrying: bool,
    /// Class of its method.
    pub method: Method,
    /// Of its body, -1 unknown.
    pub length: i64,
}

/// What a placement's requests may spend on retries at a time, in millionths of a retry (R11).
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Budget {
    /// Requests in flight or waiting whose home it was when they came.
    pub own: i32,
    /// Of those, the ones that were granted a retry.
    pub retrying: i32,
    /// Granted and not yet earned.
    pub debt: i64,
    /// What `debt` and `retrying` may each reach; 0 without retries or a budget.
    pub limit: i64,
}

impl Router {
    /// Returns the request that `h` names; none when it has ended or may not come again.
    pub fn journey(&self, h: Handle) -> Option<Journey> {
        let s = self.slots.find(h).filter(|s| s.state != SlotState::Plain)?;
        let j = self.journey_at(h.slot);
        let waiting = s.state == SlotState::Waiting;
        Some(Journey {
            handle: h,
            request: s.request,
            route: j.route,
            waiting,
            expected: waiting && (j.epoch != self.epoch || j.kind == WaitKind::Overdue),
            in_queue: j.kind == WaitKind::InQueue,
            placement: j.queue,
            account: j.account,
            attempts: j.attempts,
            tried: j.tried,
            epoch: j.epoch,
            via: j.via,
            prefer: j.prefer,
            until: j.until,
            deadline: j.deadline,
            failed: j.failed,
            retrying: j.retrying,
            method: j.method,
            length: j.length,
        })
    }

    /// Reports whether `h` names a request that waits, or whose attempt R11 may retry.
    pub fn may_come_again(&self, h: Handle) -> bool {
        self.slots.find(h).is_some_and(|s| s.state != SlotState::Plain)
    }

    /// Returns the number of requests that wait.
    pub fn waiting(&self) -> usize {
        self.waiting as usize
    }

    /// Adds to `counts`, by number of the placement that was their home when they arrived, the
    /// requests that wait for a retry and not in a queue. It looks at most at that many requests
    /// in flight, from slot `at` on, and returns where to go on and whether there are more.
    /// Numbers beyond `counts` are left out.
    pub fn count_back_offs(&self, mut at: u32, most: usize, counts: &mut [usize]) -> (u32, bool) {
        for _ in 0..if self.waiting > 0 { most } else { 0 } {
            let Some(n) = self.slots.next(at) else { return (at, false) };
            at = n + 1;
            if self.slots.at(n).state != SlotState::Waiting {
                continue;
            }
            let j = self.journey_at(n);
            if j.kind != WaitKind::InQueue
                && let Some(count) = counts.get_mut(j.account as usize)
            {
                *count += 1;
            }
        }
        (at, self.waiting > 0)
    }

    /// Appends the waiting requests that must come again: those matched under another epoch than
    /// the one in force, and those whose queue is not their home's any more. The order is that in
    /// which they are to come: queues by number of placement, head first, then the others by
    /// deadline and slot.
    pub fn append_stale(&self, dst: &mut Vec<Handle>) {
        if self.waiting == 0 {
            return;
        }
        for p in &self.placements {
            let mut at = p.queue.head;
            while at != 0 {
                let j = self.journey_at(at - 1);
                if j.epoch != self.epoch {
                    dst.push(Handle { slot: at - 1, r#gen: self.slots.at(at - 1).r#gen });
                }
                at = j.next;
            }
        }
        let queued = dst.len();
        for (n, s) in self.slots.taken().filter(|(_, s)| s.state == SlotState::Waiting) {
            let j = self.journey_at(n);
            if j.kind != WaitKind::InQueue && (j.epoch != self.epoch || j.kind == WaitKind::Overdue) {
                dst.push(Handle { slot: n, r#gen: s.r#gen });
            }
        }
        dst[queued..].sort_unstable_by_key(|h| (self.journey_at(h.slot).deadline, h.slot));
    }

    /// Returns the retry budget of placement number `n` at a time.
    pub fn budget(&self, now: Time, n: i32) -> Budget {
        let Some(p) = self.placement_state(n) else { return Budget::default() };
        let b = &p.budget;
        let mut out = Budget { own: b.own, retrying: b.retrying, debt: b.debt, limit: 0 };
        if let (Some(c), Ok(i)) = (&self.config, usize::try_from(p.config)) {
            let s = &c.placements[i].retries;
            if s.max > 0 && !s.no_budget {
                (out.debt, out.limit) = (b.owed(now, s), b.limit(s));
            }
        }
        out
    }

    /// Says what R11 would answer to the Reply or Finish `ev` at a time: whether a retry follows,
    /// and if not, why not. It changes nothing.
    pub fn retry_why(&self, now: Time, ev: &Event) -> RetryWhy {
        let journey = self.slots.find(ev.handle).filter(|s| s.state == SlotState::Journey && !s.replied);
        let (Some(c), Some(_)) = (&self.config, journey) else { return RetryWhy::Off };
        let reply = ev.kind == EventKind::REPLY;
        let (class, ok) = outcome_of(if reply { Class::NONE } else { ev.class }, ev.status);
        if !ok || (class == Class::UPSTREAM_5XX) != reply {
            return RetryWhy::Class;
        }
        self.may_retry(c, now, ev.handle.slot, ev, class).err().unwrap_or(RetryWhy::Granted)
    }
}

impl RetryWhy {
    /// Says the reason in words.
    pub const fn as_str(self) -> &'static str {
        match self {
            RetryWhy::Granted => "a retry follows",
            RetryWhy::Off => "retries are off",
            RetryWhy::Class => "this way to fail is not one to retry",
            RetryWhy::Unsafe => "some of it was sent and the method must not be repeated",
            RetryWhy::Body => "the body cannot be sent again",
            RetryWhy::Spent => "it has had all its retries",
            RetryWhy::Drain => "the drain's deadline comes first",
            RetryWhy::TooLate => "the request's time ends first, or Retry-After asks for too long",
            RetryWhy::OutOfBudget => "the retry budget is spent",
        }
    }
}
