package scenario

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"lockstep/core"
	"lockstep/sim"
	"lockstep/traces/promise"
)

func TestAJudgeOfPromisesIsToldWhatAPlanBreaks(t *testing.T) {
	const from, until = core.Time(core.Second), core.Time(2 * core.Second)
	down := promise.Trouble{From: from, Until: until, Down: true, Placement: "cell", Endpoint: "a"}
	other := down
	other.Down = false
	toTheEnd := other
	toTheEnd.Until = core.Never
	gone := func(n int) promise.Trouble { return promise.Trouble{From: from, Until: until, Router: n} }
	for _, c := range []struct {
		kind   sim.FaultKind
		router int
		want   []promise.Trouble
	}{
		{sim.Refuse, 0, []promise.Trouble{down}},
		{sim.Hang, 0, []promise.Trouble{down}},
		{sim.ResetNew, 0, []promise.Trouble{down}},
		{sim.Partition, 0, []promise.Trouble{down}},
		{sim.Partition, 1, []promise.Trouble{other}}, // other routers reach it
		{sim.PartitionOut, 0, []promise.Trouble{down}},
		{sim.PartitionBack, 0, []promise.Trouble{down}},
		{sim.Flaky, 0, []promise.Trouble{other}},
		{sim.HealthDown, 0, []promise.Trouble{other}},
		{sim.Drain, 0, []promise.Trouble{toTheEnd}},
		{sim.Upgrade, 0, []promise.Trouble{toTheEnd}},
		{sim.Silence, 0, nil},
	} {
		p := &sim.Plan{Routers: 2, Faults: []sim.Fault{{Kind: c.kind, At: from, Until: until, Placement: "cell", Endpoint: "a", Router: c.router}}}
		if d := cmp.Diff(c.want, troubles(p)); d != "" {
			t.Errorf("%s: %s", c.kind, d)
		}
	}
	crash := &sim.Plan{Routers: 2, Faults: []sim.Fault{{Kind: sim.Crash, At: from, Until: until}, {Kind: sim.Crash, At: from, Until: until, Router: 2}, {Kind: sim.Refuse, At: from}}}
	crash.Joins = []sim.Join{{At: from, Routers: 1}}
	want := []promise.Trouble{gone(1), gone(2), gone(3), gone(2), {From: from, Until: core.Never, Down: true}}
	if d := cmp.Diff(want, troubles(crash)); d != "" {
		t.Error(d)
	}
}
