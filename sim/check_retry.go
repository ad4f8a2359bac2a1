package sim

import (
	"cmp"
	"fmt"
	"slices"

	"lockstep/core"
)

// Retries (R11): which failures are followed by one, when it comes, and what
// the budget allows, from the rules.

// accountModel is what a placement's own requests have had of retries.
type accountModel struct {
	own, retrying int
	came          int   // requests, ever
	debt, earned  int64 // millionths: as of the last grant, and since
	at            core.Time
	grants        []grantModel // under the present settings, the latest ones
}

// grantModel is one retry that was granted.
type grantModel struct {
	at            core.Time
	came, present int
}

// grantsKept bounds how far back windows are judged.
const grantsKept = 200

// coreBackOff is the purpose of the draw of a pause.
const coreBackOff uint64 = 7

func (c *checker) accountOf(name string) *accountModel {
	for i := range c.accounts {
		if c.accounts[i].name == name {
			return c.accounts[i].accountModel
		}
	}
	a := &accountModel{}
	c.accounts = append(c.accounts, namedAccount{name, a})
	return a
}

type namedAccount struct {
	name string
	*accountModel
}

// owed is the debt at a time: what was granted, less what requests and time have paid.
func (a *accountModel) owed(now core.Time, floor uint32) int64 {
	t := int64(now.Sub(a.at))
	seconds := t / int64(core.Second)
	return max(0, a.debt-a.earned-int64(floor)*(seconds*million+(t-seconds*int64(core.Second))/1000))
}

// ways names the settings by which a failure may be followed by a retry.
func ways(class core.Class, status uint16) (on core.RetryOn) {
	switch {
	case class == core.DNS || class == core.ConnectRefused || class == core.ConnectTimeout || class == core.TLS:
		return core.OnConnect
	case class == core.ResetBeforeResponse:
		return core.OnReset
	case class == core.ResponseTimeout:
		return core.OnTimeout
	case class == core.BadResponse:
		return core.OnBadResponse
	case class == core.ClassNone && status >= 500 && status < 600:
		on = core.On5xx
		if status == 502 || status == 503 || status == 504 {
			on |= core.OnGateway
		}
	}
	return on
}

// wantsRetry says what the rules make of the end of an attempt, or of the headers
// of a response: whether a retry follows, and when it is due.
func (c *checker) wantsRetry(j *journeyModel, ev *core.Event, class core.Class) (due core.Time, follows bool) {
	at := slices.Index(c.truth.names, j.account)
	if at < 0 {
		return 0, false
	}
	s := &c.rows[at].Retries
	answered := class == core.ClassNone
	switch {
	case s.Max == 0, s.On&ways(class, ev.Status) == 0, answered != (ev.Kind == core.Reply):
		return 0, false
	case (ev.Sent || answered) && j.method != core.MethodSafe && s.Methods == core.RetrySafe,
		(ev.Sent || answered) && j.method == core.MethodOther && s.Methods != core.RetryAny:
		return 0, false
	case !ev.Replayable, j.attempts > int(s.Max), ev.RetryAfter > s.RetryAfter:
		return 0, false
	}
	bound := s.BackOff
	for range j.attempts - 1 {
		bound = min(2*bound, s.BackOffMax)
	}
	bound = min(bound, s.BackOffMax)
	pause := core.Duration(below(coreDraw(c.r.seed, j.request, uint64(j.attempts), coreBackOff), uint64(bound)))
	due = c.now.Add(ev.RetryAfter + max(pause, 1))
	if due >= j.deadline || c.draining && (c.drainAt == core.Never || due >= c.drainAt) {
		return 0, false
	}
	return due, s.NoBudget || c.affords(c.accountOf(j.account), s, j)
}

// affords: floor and share bound both the retries under way and the debt.
func (c *checker) affords(a *accountModel, s *core.RetrySpec, j *journeyModel) bool {
	limit := int64(s.Floor)*million + int64(s.Percent)*10_000*int64(a.own)
	return a.owed(c.now, s.Floor)+million <= limit && int64(a.retrying+flag(!j.retried))*million <= limit
}

// retry judges the end of an attempt that may be followed by another, and books
// the retry if there is one.
func (c *checker) retry(ev *core.Event, j *journeyModel, decisions []core.Decision, class core.Class) (again bool) {
	due, follows := c.wantsRetry(j, ev, class)
	var d *core.Decision
	if n := len(decisions); n > 0 && decisions[n-1].Kind == core.Retry {
		d = &decisions[n-1]
	}
	home := int32(-1)
	if at := slices.Index(c.truth.names, j.account); at >= 0 {
		home = c.homes[at]
	}
	switch {
	case d == nil && !follows:
		return false
	case d == nil:
		c.fail("R11", home, -1, "retries", fmt.Sprintf("an attempt that ended as %s %d is not followed by another, by the rules it is", class, ev.Status))
		return false
	case !follows:
		c.fail("R11", home, d.Endpoint, "retries", fmt.Sprintf("an attempt that ended as %s %d is followed by another, by the rules it must not be", class, ev.Status))
	case d.Until != due:
		c.fail("R11", home, d.Endpoint, "retries.backoff", fmt.Sprintf("a retry is due at %d, by the rules at %d", d.Until, due))
	}
	c.grant(j, d, home)
	return true
}

// grant books a retry and judges every window of time that ends with it.
func (c *checker) grant(j *journeyModel, d *core.Decision, home int32) {
	a := c.accountOf(j.account)
	j.does, j.until, j.gen = pauses, d.Until, d.Handle.Gen
	a.retrying += flag(!j.retried)
	j.retried = true
	if home < 0 {
		return
	}
	s := &c.rows[c.placements[home].index].Retries
	if s.NoBudget {
		return
	}
	a.debt, a.earned, a.at = a.owed(c.now, s.Floor)+million, 0, c.now
	a.grants = append(a.grants, grantModel{c.now, a.came, a.own})
	if len(a.grants) > grantsKept {
		a.grants = a.grants[1:]
	}
	for i := range a.grants {
		first := &a.grants[i]
		granted, came := int64(len(a.grants)-i), int64(a.came-first.came)
		allowed := int64(s.Floor)*(million+int64(c.now.Sub(first.at))/1000) + int64(s.Percent)*10_000*(came+int64(a.own))
		if granted*million > allowed {
			c.fail("R11", home, d.Endpoint, "retries.budget", fmt.Sprintf("%d retries were granted in %d ns, in which %d requests came and at whose end %d were there", granted, c.now.Sub(first.at), came, a.own))
			return
		}
	}
}

// meant takes queues and retries from the configuration as it was written, not
// as it was compiled.
func (c *checker) meant(row *core.PlacementInfo) {
	p := placementOf(c.truth.spec, row.Name)
	row.Limit.WhenFull, row.Limit.Queue, row.Limit.Wait, row.Limit.Order = p.Limit.WhenFull, p.Limit.Queue, p.Limit.Wait, p.Limit.Order
	if row.Retries = p.Retries; p.Retries.Max == 0 {
		return
	}
	s := &row.Retries
	s.On = cmp.Or(s.On, core.OnConnect|core.OnReset|core.OnGateway)
	s.BackOff = cmp.Or(s.BackOff, 25*core.Millisecond)
	s.BackOffMax = cmp.Or(s.BackOffMax, 10*s.BackOff)
	s.RetryAfter = cmp.Or(s.RetryAfter, core.Second)
	if !s.NoBudget {
		s.Percent, s.Floor = cmp.Or(s.Percent, 20), cmp.Or(s.Floor, 3)
	}
}

// forgetGrants: windows are judged under one configuration.
func (c *checker) forgetGrants() {
	for i := range c.accounts {
		c.accounts[i].grants = nil
	}
}

// countsAgainst applies R7's guard: of the attempts of one request only the first failure counts.
func (c *checker) countsAgainst(slot uint32, what core.Effect) core.Effect {
	if int(slot) >= len(c.journeys) || c.journeys[slot].gen == 0 || what != core.EffectFailure {
		return what
	}
	j := &c.journeys[slot]
	if j.failed {
		return core.EffectExcluded
	}
	j.failed = true
	return what
}
