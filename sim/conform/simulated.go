package conform

import (
	"fmt"

	"lockstep/core"
	"lockstep/core/loop"
	"lockstep/sim"
	"lockstep/sim/fuzz"
	"lockstep/traces"
)

// maxSimulated is how many events of a simulation are asked at most.
const maxSimulated = 20_000

// maxWindows bounds a simulation in which nobody talks to the router that is watched.
const maxWindows = 1000

// simulated runs a case of sim/fuzz against a drawn configuration: what a router
// sees among modelled clients, servers, faults and pushes. The question is the
// first life of its first router.
func (g *Generator) simulated(seed uint64) (q Question, err error) {
	q.Name = fmt.Sprint("simulation ", seed)
	d := throw(seed, purposeSimulated)
	s := specs{dice: d}
	spec, _ := s.valid()
	c := fuzz.Generate(fuzz.NewSeeded(seed), &fuzz.Target{Name: q.Name, Spec: spec}, seed)
	c.Plan.Window = max(100*core.Millisecond, c.Plan.Length/5000) // how often Stop is asked
	markEvery := pick(d, 1, 64, 1024)
	var rec *recorder
	windows := 0
	r := sim.Run(c.Plan, sim.Options{
		Observe: func(router int, r *core.Router) loop.Observer {
			switch {
			case router != 1:
				return nil
			case rec != nil:
				rec.close()
				return nil
			}
			rec = &recorder{q: g.begin(traces.Header{Name: q.Name, Seed: c.Plan.Seed, Flags: []string{"simulated"}}, r, 1), markEvery: markEvery}
			return rec
		},
		Stop: func() bool {
			windows++
			return windows > maxWindows || rec != nil && rec.whole != nil
		},
	})
	if rec == nil {
		return q, fmt.Errorf("%s cannot be run: %w", q.Name, r.Err)
	}
	rec.close()
	q.Inputs, q.Answer, q.Events = rec.inputs, rec.whole, rec.facts
	return q, nil
}

// recorder adds marks to what a simulation's router does, and ends the trace when it is long.
type recorder struct {
	q                *traces.Question
	facts, markEvery int
	inputs, whole    []byte
}

// Observe implements loop.Observer.
func (r *recorder) Observe(now core.Time, ev *core.Event, req *loop.Request, decisions []core.Decision) {
	if r.whole != nil {
		return
	}
	r.q.Observe(now, ev, req, decisions)
	if r.facts++; r.facts%r.markEvery == 0 {
		r.q.Mark()
	}
	if r.facts >= maxSimulated {
		r.close()
	}
}

func (r *recorder) close() {
	if r.whole == nil {
		r.q.Join()
		r.inputs, r.whole = r.q.Close()
	}
}
