package explore

import "lockstep/core"

// action is one thing that may happen next: a kind and up to two small arguments.
type action uint16

const (
	actSend   = iota // home, key: a request comes
	actFinish        // attempt, outcome: an attempt ends
	actReply         // attempt: its response began, the body flows
	actProbed        // endpoint, ok: an active probe ends
	actWait          // 0: to just before the next instant, 1: to it
	actPush          // alternative: the one push comes
	actCrash         // the router dies and starts again
	actOffer         // pushes that must change nothing: stale, conflicting, damaged, repeated
)

func act(kind, a, b int) action { return action(kind<<12 | a<<6 | b) }

func (a action) parts() (kind, x, y int) { return int(a >> 12), int(a >> 6 & 63), int(a & 63) }

// outcomes of an attempt before its response began, and after.
var (
	outcomes = []core.Event{
		{Kind: core.Finish, Status: 200},
		{Kind: core.Finish, Class: core.ConnectRefused},
		{Kind: core.Finish, Class: core.ClientGone},
	}
	endings = []core.Event{
		{Kind: core.Finish, Status: 200},
		{Kind: core.Finish, Class: core.BrokenBody, Status: 200},
	}
)

// actions appends everything that may happen next.
func (w *world) actions(to []action) []action {
	if w.left > 0 {
		for home, keys := range w.keys {
			for key := range keys {
				to = append(to, act(actSend, home, key))
			}
		}
	}
	for i := range w.attempts[:w.n] {
		kinds := outcomes
		if w.attempts[i].replied {
			kinds = endings
		} else {
			to = append(to, act(actReply, i, 0))
		}
		for k := range kinds {
			to = append(to, act(actFinish, i, k))
		}
	}
	for e := range w.endpoints {
		if w.endpoints[e].token != 0 {
			to = append(to, act(actProbed, e, 0), act(actProbed, e, 1))
		}
	}
	if next := w.nextInstant(); next != core.Never {
		if next > w.now+1 {
			to = append(to, act(actWait, 0, 0))
		}
		to = append(to, act(actWait, 1, 0))
	}
	if w.config == 0 {
		for i := range w.configs[1:] {
			to = append(to, act(actPush, i+1, 0))
		}
	}
	if w.crashes > 0 {
		to = append(to, act(actCrash, 0, 0))
	}
	return append(to, act(actOffer, 0, 0))
}

// apply does one thing, to the router and to the model, and judges it.
func (w *world) apply(a action) {
	switch kind, x, y := a.parts(); kind {
	case actSend:
		w.send(x, y)
	case actFinish:
		w.finish(x, y)
	case actReply:
		w.reply(x)
	case actProbed:
		w.probed(x, y == 1)
	case actWait:
		w.wait(x == 1)
	case actPush:
		w.push(x)
	case actCrash:
		w.crashes--
		w.boot()
	case actOffer:
		w.offers()
	}
	if w.violation == nil {
		w.compare()
	}
}

func (w *world) reply(i int) {
	a := &w.attempts[i]
	w.step(&core.Event{Kind: core.Reply, Handle: a.handle, Status: 200})
	a.replied = true
	w.book(a, core.EffectOK)
}

func (w *world) finish(i, kind int) {
	a := &w.attempts[i]
	ev, effect := outcomes[kind], [...]core.Effect{core.EffectOK, core.EffectFailure, core.EffectExcluded}[kind]
	if a.replied {
		ev = endings[kind]
	}
	ev.Handle = a.handle
	w.step(&ev)
	if !a.replied || kind == 1 { // after a reply only a broken body counts (R7)
		w.book(a, effect)
	}
	e := a.endpoint
	w.n--
	w.attempts[i] = w.attempts[w.n]
	w.attempts[w.n] = attempt{}
	w.retire(int(e))
}

func (w *world) probed(e int, ok bool) {
	p := &w.endpoints[e]
	w.step(&core.Event{Kind: core.Probed, Endpoint: p.number, Token: p.token, OK: ok})
	p.token, p.guard, p.unhealthy = 0, core.Never, !ok // fall and rise are 1
}

func (w *world) wait(arrive bool) {
	w.now = w.nextInstant()
	if !arrive {
		w.now--
	}
	w.wake()
	for i := range w.attempts[:w.n] {
		if a := &w.attempts[i]; a.guard <= w.now {
			w.relapse(int(a.endpoint), a.guard)
		}
	}
	for e := range w.endpoints {
		if p := &w.endpoints[e]; p.guard <= w.now {
			p.token, p.guard, p.unhealthy = 0, core.Never, true
		}
	}
}
