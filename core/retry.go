package core

// Retries (R11): whether a failed attempt is followed by another, when, and the
// budget that bounds how many.

// RetryOn is a set of ways to fail that R11 may follow with a retry.
type RetryOn uint8

// Ways to fail. OnConnect: nothing reached the endpoint.
const (
	OnConnect     RetryOn = 1 << iota // dns, connect_refused, connect_timeout, tls
	OnReset                           // reset_before_response
	OnTimeout                         // response_timeout
	OnBadResponse                     // bad_response
	OnGateway                         // an upstream status of 502, 503 or 504
	On5xx                             // an upstream status of 500 to 599
	retryOns
)

// RetryMethods is R11: which methods are sent again although some of the
// request may have reached the endpoint.
type RetryMethods uint8

// Classes of methods. What was not sent at all may be sent again whatever its method.
const (
	RetrySafe RetryMethods = iota
	RetryIdempotent
	RetryAny
)

// RetrySpec is R11, of the requests whose home a placement is. The zero value: no retries.
type RetrySpec struct {
	Max        uint32       // retries of one request, at most MaxRetries; 0 means none
	On         RetryOn      // 0 means connect, reset and gateway
	Methods    RetryMethods // 0 means safe
	BackOff    Duration     // the first pause is hashed below this, each later one below the double; 0 means 25 ms
	BackOffMax Duration     // cap on that bound; 0 means 10 x BackOff
	RetryAfter Duration     // longest Retry-After that is waited for; beyond it there is no retry; 0 means 1 s
	Percent    uint32       // budget: share of the requests in flight, 1..400; 0 means 20
	Floor      uint32       // budget: retries allowed besides, at once and a second, 1..1000; 0 means 3
	NoBudget   bool         // no budget at all: a failing placement gets up to 1+Max times its traffic
	BodyMax    int64        // the edge keeps bodies up to this many bytes to send them again; 0 means 64 KiB
}

// oneRetry is one retry in the budget's unit.
const oneRetry = 1_000_000

// share is what one request earns.
func (s *RetrySpec) share() int64 { return int64(s.Percent) * (oneRetry / 100) }

// budget is what a placement's requests may spend on retries (R11). own and
// retrying count journeys; debt is what was granted and is not yet earned.
type budget struct {
	own      int32 // requests in flight or waiting whose home it was when they came
	retrying int32 // of those, the ones that were granted a retry
	debt     int64 // in millionths of a retry, as of at less what own requests earned since
	at       Time  // of the last grant
}

func (b *budget) mix(h uint64) uint64 {
	if *b == (budget{}) {
		return 0
	}
	h = mixWord(mixEntity(entityBudget, h, uint64(b.own)<<32|uint64(b.retrying)), uint64(b.debt))
	return mixWord(h, uint64(b.at))
}

// owed is the debt at a time: the floor pays it off.
func (b *budget) owed(now Time, s *RetrySpec) int64 {
	if b.debt == 0 {
		return 0
	}
	since := now.Sub(b.at)
	seconds, rest := min(int64(since/Second), 1e9), int64(since%Second)
	paid := int64(s.Floor) * (seconds*oneRetry + rest/1000)
	return max(0, b.debt-paid)
}

// limit is what both retries under way and debt may reach.
func (b *budget) limit(s *RetrySpec) int64 {
	return int64(s.Floor)*oneRetry + s.share()*int64(b.own)
}

// allows says whether the budget has room for one retry more of j.
func (b *budget) allows(now Time, s *RetrySpec, j *journey) bool {
	if s.NoBudget {
		return true
	}
	limit := b.limit(s)
	more := int64(1 - bit(j.retrying)) // one that is being retried is counted already
	return b.owed(now, s)+oneRetry <= limit && (int64(b.retrying)+more)*oneRetry <= limit
}

// RetryWhy says why an attempt is not followed by a retry, the first reason that applies (R11).
type RetryWhy uint8

// Reasons against a retry. RetryGranted is none.
const (
	RetryGranted     RetryWhy = iota
	RetryOff                  // the request has no retries
	RetryClass                // the way it failed is not one to retry
	RetryUnsafe               // some of it may have been processed, and its method must not be repeated
	RetryBody                 // its body cannot be sent again
	RetrySpent                // it has had all its retries
	RetryDrain                // the drain's deadline comes first
	RetryTooLate              // the request's own time ends first, or Retry-After asks for too long
	RetryOutOfBudget          // the budget is spent
)

// mayRetry decides whether the failed attempt in slot n is followed by another, and when.
func (r *Router) mayRetry(now Time, n uint32, ev *Event, class Class) (due Time, why RetryWhy) {
	s, j := r.slots.at(n), r.journey(n)
	p := &r.placements[j.account]
	if p.config < 0 {
		return 0, RetryOff
	}
	spec := &r.config.placements[p.config].retries
	switch {
	case spec.Max == 0:
		return 0, RetryOff
	case spec.On&retryBit(class, ev.Status) == 0:
		return 0, RetryClass
	case (ev.Sent || ev.Kind == Reply) && uint8(j.method) > uint8(spec.Methods):
		return 0, RetryUnsafe
	case !ev.Replayable:
		return 0, RetryBody
	case uint32(j.attempts) > spec.Max:
		return 0, RetrySpent
	}
	due = now.Add(r.pause(spec, s.request, j.attempts, ev.RetryAfter))
	switch {
	case r.draining && (r.timers.get(timerDrain, 0) == Never || due >= r.timers.get(timerDrain, 0)):
		return 0, RetryDrain
	case due >= j.deadline || ev.RetryAfter > spec.RetryAfter:
		return 0, RetryTooLate
	case !p.budget.allows(now, spec, j):
		return 0, RetryOutOfBudget
	}
	return due, RetryGranted
}

// retryBit maps the way an attempt failed to the settings that allow a retry.
func retryBit(c Class, status uint16) RetryOn {
	switch c {
	case DNS, ConnectRefused, ConnectTimeout, TLS:
		return OnConnect
	case ResetBeforeResponse:
		return OnReset
	case ResponseTimeout:
		return OnTimeout
	case BadResponse:
		return OnBadResponse
	case Upstream5xx:
		if status >= 502 && status <= 504 {
			return OnGateway | On5xx
		}
		return On5xx
	}
	return 0
}

// pause is the full-jitter back-off before the attempt after so many, at least
// 1 ns, and never less than what the upstream asked for.
func (r *Router) pause(s *RetrySpec, request uint64, attempts uint8, asked Duration) Duration {
	bound := s.BackOff
	for i := uint8(1); i < attempts && bound < s.BackOffMax; i++ {
		bound *= 2
	}
	bound = min(bound, s.BackOffMax)
	jitter := below(draw(r.seed, request, uint64(attempts), purposeBackOff), uint64(bound))
	return max(0, asked) + max(1, Duration(jitter))
}

// backOff grants a retry: the attempt in slot n is over, its room is free, and
// the request waits until due. It keeps its slot under a new handle.
func (r *Router) backOff(now, due Time, n uint32, ev *Event, class Class, out []Decision) []Decision {
	s, j := r.slots.at(n), r.journey(n)
	d := r.about(Retry, 11, now, s.endpoint)
	d.Class, d.Status, d.Count, d.Until = class, ev.Status, uint32(j.attempts)+1, due
	p := &r.placements[j.account]
	if spec := &r.config.placements[p.config].retries; !spec.NoBudget {
		p.budget.debt, p.budget.at = p.budget.owed(now, spec)+oneRetry, now
	}
	p.budget.retrying += int32(1 - bit(j.retrying))
	j.retrying = true
	r.touchPlacement(j.account)
	home := r.endpoints[s.endpoint].placement
	out = r.vacate(now, s, out)
	s.gen = r.nextSerial()
	s.generation, s.guest, s.probe, s.replied, s.began, s.tenant, s.mixed = 0, false, false, false, 0, 0, 0
	r.hold(n, j, inBackOff, due)
	d.Handle = Handle{n, s.gen}
	out = r.turn(now, home, out)
	return append(out, d)
}

// retryDue ends a back-off: the request is evaluated from the top. One that has
// not been matched under the epoch in force waits for that, at most for its own time.
func (r *Router) retryDue(at Time, n uint32, out []Decision) []Decision {
	j := r.journey(n)
	if j.epoch != r.epoch && j.kind == inBackOff && at < j.deadline {
		r.stopWaiting(n, j)
		r.hold(n, j, overdue, j.deadline)
		return out
	}
	r.timers.set(timerRetry, int32(n), Never)
	out, _ = r.decideAgain(at, n, false, out)
	return out
}

// skipTried takes the endpoints that a request has tried out of the admissible
// ones, and remembers that it did. A placement with no others is left, not full:
// those at their caps are no reason to wait when one that was tried could serve.
func (r *Router) skipTried(ev *Event, s *survey) {
	j := ev.again
	kept := r.found[:0] // where r.admissible begins too, or it is only to be read
	for _, n := range r.admissible {
		tried := false
		for i := range min(j.attempts, MaxRetries) {
			tried = tried || j.tried[i] == r.endpoints[n].id
		}
		if tried {
			ev.skipped = true
		} else {
			kept = append(kept, n)
		}
	}
	if len(kept) == 0 && s.admissible > 0 {
		s.capped = false
	}
	r.found, r.admissible, s.admissible = kept, kept, len(kept)
}
