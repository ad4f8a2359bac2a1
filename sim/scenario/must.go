package scenario

import (
	"fmt"

	"lockstep/core"
	"lockstep/sim"
	"lockstep/traces/promise"
)

// Promises returns a judge of what the scenario's own configuration promises,
// in a run of the plan. w lacks what the plan says of the world.
func Promises(w promise.World, plan *sim.Plan) (*promise.Judge, error) {
	c, err := core.Compile(plan.Spec)
	if err != nil {
		return nil, fmt.Errorf("compiling the configuration of %s: %w", plan.Name, err)
	}
	w.Config, w.Troubles = c, troubles(plan)
	return promise.NewJudge(w), nil
}

// troubles are the faults of a plan as a judge of promises takes them. What
// leaves an endpoint no answer at all takes it down; silence of the control
// plane is no trouble, and a router that has drained stays so.
func troubles(p *sim.Plan) (list []promise.Trouble) {
	routers := max(p.Routers, 1)
	for i := range p.Joins {
		routers += p.Joins[i].Routers
	}
	for i := range p.Faults {
		f := &p.Faults[i]
		t := promise.Trouble{From: f.At, Until: f.Until, Placement: f.Placement, Endpoint: f.Endpoint}
		if f.Until == 0 {
			t.Until = core.Never
		}
		switch f.Kind {
		case sim.Silence:
			continue
		case sim.Refuse, sim.Hang, sim.ResetNew:
			t.Down = true
		case sim.Partition, sim.PartitionOut, sim.PartitionBack:
			t.Down = f.Router == 0 || routers == 1
		case sim.ResetAll:
			t.Until = f.At.Add(core.Microsecond)
		case sim.Drain, sim.Upgrade:
			t.Until = core.Never
		case sim.Crash:
			for n := 1; n <= routers; n++ {
				if f.Router == 0 || f.Router == n {
					gone := t
					gone.Router = n
					list = append(list, gone)
				}
			}
			continue
		}
		list = append(list, t)
	}
	return list
}

// Kept turns what a judge saw into checks. A promise that the run says nothing
// about is not among them.
func Kept(verdicts []promise.Verdict) (checks []Check) {
	for i := range verdicts {
		v := &verdicts[i]
		if v.State == promise.NotJudged {
			continue
		}
		c := Check{Expectation: "must " + v.Promise.Name, Figure: "holds", Wanted: v.Promise.String(), Got: v.Found, OK: v.State == promise.Holds}
		if !c.OK {
			c.Got += fmt.Sprintf("; the first at %s, router %d, step %d", Time.format(int64(v.First.Time)), v.First.Router, v.First.Step)
			if v.First.Key != "" {
				c.Got += ", key " + v.First.Key
			}
		}
		checks = append(checks, c)
	}
	return checks
}
