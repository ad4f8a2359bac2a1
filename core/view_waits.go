package core

import (
	"cmp"
	"slices"
)

// Journey is a request that may come again: it waits, or R11 may retry it.
type Journey struct {
	Handle    Handle
	Request   uint64
	Route     Route // what Match said of it last
	Waiting   bool
	Expected  bool  // waiting, and it must come again: see AppendStale
	InQueue   bool  // waiting, in the queue of Placement; else for its retry
	Placement int32 // InQueue: number of the placement, else -1
	Account   int32 // number of the placement that was its home when it arrived: whose budget it is on
	Attempts  int   // forwarded so far
	// Tried holds the identities of the endpoints of its attempts, as Router.Identity gives them; 0 for none.
	Tried    [MaxRetries]uint64
	Epoch    Epoch  // under which it was matched
	Via      uint16 // the route by which it came, in the configuration of Epoch
	Prefer   uint64 // identity of the endpoint that its sticky cookie names
	Until    Time   // waiting: when the wait ends by itself
	Deadline Time   // of the request as a whole
	Failed   bool   // one of its attempts has counted against an endpoint (R7)
	Retrying bool   // a retry was granted
	Method   Method // class of its method
	Length   int64  // of its body, -1 unknown
}

// Journey returns the request that h names; ok is false when it has ended or may not come again.
func (r *Router) Journey(h Handle) (out Journey, ok bool) {
	s := r.slots.find(h)
	if s == nil || s.state == slotPlain {
		return Journey{Placement: -1, Account: -1}, false
	}
	j := r.journey(h.Slot)
	return Journey{
		Handle: h, Request: s.request, Route: j.route, Waiting: s.state == slotWaiting,
		Expected: s.state == slotWaiting && (j.epoch != r.epoch || j.kind == overdue), InQueue: j.kind == inQueue,
		Placement: j.queue, Account: j.account, Attempts: int(j.attempts), Tried: j.tried, Epoch: j.epoch, Until: j.until,
		Deadline: j.deadline, Failed: j.failed, Retrying: j.retrying, Method: j.method, Length: j.length, Via: j.via, Prefer: j.prefer,
	}, true
}

// MayComeAgain reports whether h names a request that waits, or whose attempt R11 may retry.
func (r *Router) MayComeAgain(h Handle) bool {
	s := r.slots.find(h)
	return s != nil && s.state != slotPlain
}

// Waiting returns the number of requests that wait.
func (r *Router) Waiting() int { return int(r.waiting) }

// CountBackOffs adds to counts, by number of the placement that was their home
// when they arrived, the requests that wait for a retry and not in a queue. It
// looks at most at that many requests in flight, from slot at on, and returns
// where to go on; more is false at the end. Numbers beyond counts are left out.
func (r *Router) CountBackOffs(at uint32, most int, counts []int) (next uint32, more bool) {
	for ; r.waiting > 0 && most > 0; most-- {
		n, ok := r.slots.next(at)
		if !ok {
			return at, false
		}
		at = n + 1
		if r.slots.at(n).state != slotWaiting {
			continue
		}
		if j := r.journey(n); j.kind != inQueue && int(j.account) < len(counts) {
			counts[j.account]++
		}
	}
	return at, r.waiting > 0
}

// AppendStale appends the waiting requests that must come again: those matched
// under another epoch than the one in force, and those whose queue is not their
// home's any more. The order is that in which they are to come: queues by number
// of placement, head first, then the others by deadline and slot.
func (r *Router) AppendStale(dst []Handle) []Handle {
	if r.waiting == 0 {
		return dst
	}
	for i := range r.placements {
		for at := r.placements[i].queue.head; at != 0; at = r.journey(at - 1).next {
			if r.journey(at-1).epoch != r.epoch {
				dst = append(dst, Handle{at - 1, r.slots.at(at - 1).gen})
			}
		}
	}
	queued := len(dst)
	for n, ok := r.slots.next(0); ok; n, ok = r.slots.next(n + 1) {
		s := r.slots.at(n)
		if s.state != slotWaiting || r.journey(n).kind == inQueue {
			continue
		}
		if j := r.journey(n); j.epoch != r.epoch || j.kind == overdue {
			dst = append(dst, Handle{n, s.gen})
		}
	}
	slices.SortFunc(dst[queued:], func(a, b Handle) int {
		return cmp.Or(cmp.Compare(r.journey(a.Slot).deadline, r.journey(b.Slot).deadline), cmp.Compare(a.Slot, b.Slot))
	})
	return dst
}

// Budget is what a placement's requests may spend on retries at a time, in
// millionths of a retry (R11).
type Budget struct {
	Own      int   // requests in flight or waiting whose home it was when they came
	Retrying int   // of those, the ones that were granted a retry
	Debt     int64 // granted and not yet earned
	Limit    int64 // what debt and retrying may each reach; 0 without retries or a budget
}

// Budget returns the retry budget of placement number n at a time.
func (r *Router) Budget(now Time, n int32) Budget {
	if n < 0 || int(n) >= len(r.placements) {
		return Budget{}
	}
	p := &r.placements[n]
	out := Budget{Own: int(p.budget.own), Retrying: int(p.budget.retrying), Debt: p.budget.debt}
	if p.config < 0 {
		return out
	}
	if s := &r.config.placements[p.config].retries; s.Max > 0 && !s.NoBudget {
		out.Debt, out.Limit = p.budget.owed(now, s), p.budget.limit(s)
	}
	return out
}

// RetryWhy says what R11 would answer to the Reply or Finish ev at a time:
// whether a retry follows, and if not, why not. It changes nothing.
func (r *Router) RetryWhy(now Time, ev *Event) RetryWhy {
	s := r.slots.find(ev.Handle)
	if s == nil || s.state != slotJourney || s.replied {
		return RetryOff
	}
	class, ok := outcomeOf(ev.Class, ev.Status)
	if ev.Kind == Reply {
		class, ok = outcomeOf(ClassNone, ev.Status)
	}
	if !ok || (class == Upstream5xx) != (ev.Kind == Reply) {
		return RetryClass
	}
	_, why := r.mayRetry(now, ev.Handle.Slot, ev, class)
	return why
}

// String says the reason in words.
func (w RetryWhy) String() string {
	switch w {
	case RetryGranted:
		return "a retry follows"
	case RetryOff:
		return "retries are off"
	case RetryClass:
		return "this way to fail is not one to retry"
	case RetryUnsafe:
		return "some of it was sent and the method must not be repeated"
	case RetryBody:
		return "the body cannot be sent again"
	case RetrySpent:
		return "it has had all its retries"
	case RetryDrain:
		return "the drain's deadline comes first"
	case RetryTooLate:
		return "the request's time ends first, or Retry-After asks for too long"
	case RetryOutOfBudget:
		return "the retry budget is spent"
	}
	return "unknown"
}
