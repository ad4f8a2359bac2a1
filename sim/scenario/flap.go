package scenario

import (
	"fmt"

	"lockstep/core"
	"lockstep/sim"
)

// maxFlaps is how many pushes one push of a file may stand for.
const maxFlaps = 1000

// flap adds a push as often as it is sent, every other one with the scenario's
// own configuration in its place.
func (b *builder) flap(w *Push, path string, p sim.Push) {
	if f := w.Flap; f != (Flap{}) && (f.Times < 1 || f.Times > maxFlaps || f.Every == 0) {
		b.fail(path+".flap", fmt.Sprintf("is %d pushes, one in %s", f.Times, Time.format(int64(f.Every))), "write it as {times: 6, every: 1s}")
		return
	}
	own, spec := p, b.plan.Spec
	own.Spec = &spec
	for n := range max(1, w.Flap.Times) {
		next := [...]sim.Push{p, own}[n%2]
		next.At = p.At.Add(core.Duration(n) * w.Flap.Every.length())
		if next.Epoch != (core.Epoch{}) {
			next.Epoch.Number += uint64(n)
		}
		b.plan.Pushes = append(b.plan.Pushes, next)
	}
}

// of returns what is left of a configuration, nil of none.
func (d Drop) of(s *core.Spec) *core.Spec {
	if s == nil {
		return nil
	}
	left := sim.Drop{Keys: uint32(d.Keys), Placements: uint32(d.Placements), Endpoints: uint32(d.Endpoints)}.From(*s)
	return &left
}
