package scenario

import (
	"cmp"

	"lockstep/core"
	"lockstep/core/loop"
	"lockstep/traces"
)

// Dumps is how many dumps of its flight recorder a router allows itself.
type Dumps struct {
	Every Span `yaml:"every"` // least time between two for one placement; 0 means 10m, as in production
	Most  int  `yaml:"most"`  // over the life of a router's process; 0 means 20, as in production
}

func (d *Dumps) limiter() traces.DumpLimiter {
	return traces.DumpLimiter{Every: cmp.Or(d.Every.length(), traces.DumpEvery), Left: cmp.Or(d.Most, traces.MaxDumps)}
}

// dumps are those that a fleet's flight recorders would make because breakers opened.
type dumps struct {
	rule *Dumps
	made []dump
}

type dump struct {
	at        core.Time
	router    int
	placement string
}

// watch observes one life of a router, whose limiter begins anew.
func (d *dumps) watch(router int, r *core.Router) loop.Observer {
	return &dumpWatch{dumps: d, router: router, r: r, limiter: d.rule.limiter()}
}

type dumpWatch struct {
	dumps   *dumps
	router  int
	r       *core.Router
	limiter traces.DumpLimiter
}

// Observe asks the limiter about every breaker that opens, as the flight recorder does.
func (w *dumpWatch) Observe(now core.Time, _ *core.Event, _ *loop.Request, decisions []core.Decision) {
	for i := range decisions {
		d := &decisions[i]
		if d.Kind != core.NoteOpened {
			continue
		}
		if name := w.r.Placement(d.Placement).Name; w.limiter.Allow(name, now) {
			w.dumps.made = append(w.dumps.made, dump{now, w.router, name})
		}
	}
}

// count returns how many were made within e.
func (d *dumps) count(e *Expectation) (n int64) {
	for _, x := range d.made {
		n += int64(b2i(e.within(x.at) && e.wantsRouter(x.router) && e.wantsPlacement(x.placement)))
	}
	return n
}
