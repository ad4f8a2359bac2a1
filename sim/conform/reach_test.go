package conform

import (
	"bytes"
	"testing"

	"lockstep/core"
	"lockstep/traces"
)

// TestStreamsReachWhateverCanBeDecided: a decision that no stream makes is one that
// no port is held to.
func TestStreamsReachWhateverCanBeDecided(t *testing.T) {
	reached := map[string]int{}
	g := Generator{Binary: true}
	for seed := range uint64(150) {
		if throw(seed, purposeKind).below(32) <= lastOther {
			continue
		}
		q := g.stream(seed)
		if q.Bugs > 0 {
			t.Errorf("%s: Go's core notes %d bugs", q.Name, q.Bugs)
		}
		rd := reader(t, q.Answer)
		for it, err := rd.Next(); err == nil; it, err = rd.Next() {
			if it.Kind == traces.ItemFact {
				note(reached, it.Fact.Decisions)
			}
		}
	}
	for k := core.Forward; k <= core.NoteLimitChanged; k++ {
		if k != core.NoteBug && reached["decision "+k.String()] == 0 {
			t.Errorf("no %s", k)
		}
	}
	for c := core.CauseStale; c <= core.CauseLimitLowered; c++ {
		if c != core.CauseTableFull && c != core.CauseInvariant && reached["cause "+c.String()] == 0 {
			t.Errorf("nothing for cause %s", c)
		}
	}
	for c := range core.Class(core.Classes) {
		upstream := c >= core.FirstFailure && c <= core.LastFailure
		switch what := "class " + c.String(); {
		case c == core.ClassNone, c == core.ClientGone, upstream && c.Row().Retry == core.RetryNever:
		case reached[what] == 0:
			t.Errorf("no decision of class %s", c)
		}
	}
	for _, what := range []string{"probe", "pin", "trip 1", "trip 2", "failover 1", "failover 2", "failover 3", "attempt 5", "circuit 2", "circuit 3", "rule 9"} {
		if reached[what] == 0 {
			t.Errorf("no %s", what)
		}
	}
	t.Log(reached)
}

// TestForgedStatesAreTakenAndSteppedThrough: most refusals are asked by damaged; these
// go on.
func TestForgedStatesAreTakenAndSteppedThrough(t *testing.T) {
	g := Generator{Binary: true}
	reached := map[string]int{}
	for seed := range uint64(60) {
		q := g.forged(seed)
		rd := reader(t, q.Answer)
		for it, err := rd.Next(); err == nil; it, err = rd.Next() {
			if it.Kind == traces.ItemFact {
				note(reached, it.Fact.Decisions)
			}
		}
		answer, err := Complete(q.Inputs, Tamper{})
		if err != nil || !bytes.Equal(answer, q.Answer) {
			t.Errorf("%s: the answer to the inputs is not the whole: %v", q.Name, err)
		}
	}
	for _, what := range []string{"decision forward", "decision opened", "decision queued", "decision retry", "decision probe"} {
		if reached[what] == 0 {
			t.Errorf("no %s", what)
		}
	}
}

func note(reached map[string]int, decisions []core.Decision) {
	for i := range decisions {
		d := &decisions[i]
		reached["decision "+d.Kind.String()]++
		reached["cause "+d.Cause.String()]++
		reached["class "+d.Class.String()]++
		reached["rule "+string(rune('0'+d.Rule%10))]++
		reached["trip "+string(rune('0'+d.Trip))]++
		reached["failover "+string(rune('0'+d.Failover))]++
		reached["circuit "+string(rune('0'+d.Circuit))]++
		if d.Probe {
			reached["probe"]++
		}
		if d.Pin {
			reached["pin"]++
		}
		if d.Kind == core.Forward && d.Count > 0 {
			reached["attempt "+string(rune('0'+d.Count))]++
		}
	}
}
