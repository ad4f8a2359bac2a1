package scenario

import (
	"lockstep/core"
	"lockstep/core/loop"
)

// watch is what sim.Options.Observe is: it is called for each life of a router.
type watch = func(router int, r *core.Router) loop.Observer

// together watches as all of them do; nil for none.
func together(all []watch) watch {
	if len(all) == 0 {
		return nil
	}
	return func(router int, r *core.Router) loop.Observer {
		var out observers
		for _, w := range all {
			if o := w(router, r); o != nil {
				out = append(out, o)
			}
		}
		return out
	}
}

type observers []loop.Observer

func (all observers) Observe(now core.Time, ev *core.Event, req *loop.Request, decisions []core.Decision) {
	for _, o := range all {
		o.Observe(now, ev, req, decisions)
	}
}
