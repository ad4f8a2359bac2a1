package main

import (
	"lockstep/core"
	"lockstep/core/loop"
	"lockstep/sim"
	"lockstep/sim/scenario"
	"lockstep/traces/promise"
)

// holdMust lets a judge see the run that options are for, and returns what adds
// its checks to the verdict.
func holdMust(s *scenarioRun, o *sim.Options) (judge func(*simResult), err error) {
	if len(s.config.Must) == 0 {
		return func(*simResult) {}, nil
	}
	j, err := scenario.Promises(s.config.World(), s.plan)
	if err != nil {
		return nil, err
	}
	o.Observe = alongside(j, o.Observe)
	return func(r *simResult) {
		for _, v := range j.Verdicts() {
			if v.State == promise.NotJudged {
				r.NotJudged = append(r.NotJudged, unjudged{v.Promise.Name, v.Found})
			}
		}
		for _, c := range scenario.Kept(j.Verdicts()) {
			r.Checks, r.OK = append(r.Checks, c), r.OK && c.OK
		}
	}, nil
}

// alongside watches each router for a judge, beside what also does if it is not nil.
func alongside(j *promise.Judge, also observe) observe {
	return func(router int, r *core.Router) loop.Observer {
		seen := pair{j.Watch(router, r), nil}
		if also != nil {
			seen.second = also(router, r)
		}
		return seen
	}
}

// pair is two observers of one router; the second may be nil.
type pair struct{ first, second loop.Observer }

// Observe tells both of a step.
func (p pair) Observe(now core.Time, ev *core.Event, req *loop.Request, decisions []core.Decision) {
	p.first.Observe(now, ev, req, decisions)
	if p.second != nil {
		p.second.Observe(now, ev, req, decisions)
	}
}

// unjudged is a promise that a run says nothing about.
type unjudged struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}
