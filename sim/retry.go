package sim

import "lockstep/core"

// retry sends the same request again, with the same id, as clients do. It
// reports false when the run or the budget is over.
func (w *world) retry(old *call, c *client) bool {
	p := c.plan
	again := call{
		sender: old.sender, count: old.count, request: old.request, key: old.key, tries: old.tries + 1,
		root: fold(old.root, uint64(old.tries)), phase: callPending, line: -1,
	}
	at := p.Hold.pass(w.now.Add(p.Retry.pause(p.Backoff, old.tries, again.root)), again.root)
	if at >= w.length || p.Retry.budgeted() && !c.budget.take(w.now, p.Retry.Floor) {
		return false
	}
	n := w.calls.take()
	again.gen = w.calls.slab[n].gen
	w.calls.slab[n] = again
	w.heap.push(at, evResend, n, 0)
	return true
}

// retryable is what clients try again: refusals, failures and their own impatience.
func retryable(class core.Class, status uint16) bool {
	switch class {
	case core.ClassNone:
		return status >= 500
	case core.NoKey, core.UnknownKey, core.BadRequest, core.BodyTooLarge:
		return false
	}
	return true
}

// pause is the wait before the retry that follows so many others.
func (p *Retry) pause(first core.Duration, before uint8, root uint64) core.Duration {
	d, longest := first, p.Max
	if longest == 0 {
		longest = day
	}
	if p.Growth > million {
		for range before {
			d = scale(d, p.Growth)
		}
	}
	d = min(d, longest)
	if p.Jitter {
		d = core.Duration(below(draw(root, drawPause), uint64(d)+1))
	}
	return d
}

func (p *Retry) budgeted() bool { return p.Budget > 0 || p.Floor > 0 }

// bucket holds millionths of retry tokens.
type bucket struct {
	tokens, limit uint64
	rest          uint64 // of the floor's last addition, below a second, in ns x tokens
	at            core.Time
}

// newBucket is full: ten seconds of the floor, at least ten tokens.
func newBucket(p *Retry) bucket {
	limit := max(10, 10*uint64(p.Floor)) * million
	return bucket{tokens: limit, limit: limit}
}

func (b *bucket) add(millionths uint64) { b.tokens = min(b.tokens+millionths, b.limit) }

// take adds the floor's tokens since the last call and takes one, if there is one.
func (b *bucket) take(now core.Time, floor uint32) bool {
	since := min(now.Sub(b.at), 10*core.Second) // what fills the bucket
	b.at = now
	grown := uint64(since)*uint64(floor) + b.rest
	b.add(grown / 1000) // 1e9 ns to a second, 1e6 millionths to a token
	b.rest = grown % 1000
	if b.tokens < million {
		return false
	}
	b.tokens -= million
	return true
}
