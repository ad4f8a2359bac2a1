package scenario

import (
	"fmt"

	"lockstep/core"
	"lockstep/sim"
)

// maxFlaps is how many pushes one push of a file may stand for.
const maxFlaps = 1000

// pushes fills in what the control plane sends.
func (b *builder) pushes() error {
	for i := range b.file.Pushes {
		w, path := &b.file.Pushes[i], fmt.Sprintf("pushes[%d]", i)
		if b2i(w.Garbage)+b2i(w.Config != nil)+b2i(w.Change != nil) > 1 {
			b.fail(path, "says twice what it sends", "use one of garbage, config and change")
		}
		if w.Garbage && w.Drop != (Drop{}) {
			b.fail(path+".drop", "drops a part of garbage", "leave out garbage: what is left must decode")
		}
		if f := w.Flap; f != (Flap{}) && (f.Times < 1 || f.Times > maxFlaps || f.Every == 0) {
			b.fail(path+".flap", fmt.Sprintf("is %d pushes, one in %s", f.Times, Time.format(int64(f.Every))), "write it as {times: 6, every: 1s}")
			continue
		}
		spec, err := b.content(w)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		b.flap(w, sim.Push{
			At: w.At.time(), Spec: spec, Epoch: core.Epoch(w.Epoch), Router: w.Router,
			Spread: w.Spread.length(), Copies: w.Copies, NoDisk: w.NoDisk,
		})
	}
	return nil
}

// content is what a push carries, nil for garbage.
func (b *builder) content(w *Push) (*core.Spec, error) {
	config := w.Config
	switch {
	case w.Garbage:
		return nil, nil
	case w.Change != nil:
		config = Merge(b.file.Config, w.Change)
	case config == nil:
		config = b.file.Config
	}
	spec, err := b.load(config)
	if err != nil {
		return nil, err
	}
	spec = sim.Drop{Keys: uint32(w.Drop.Keys), Placements: uint32(w.Drop.Placements), Endpoints: uint32(w.Drop.Endpoints)}.From(spec)
	return &spec, nil
}

// flap adds a push as often as it is sent, every other one with the scenario's
// own configuration in its place.
func (b *builder) flap(w *Push, p sim.Push) {
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
