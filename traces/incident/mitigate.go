package incident

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"lockstep/core"
	"lockstep/traces"
	"lockstep/traces/say"
	"lockstep/traces/whatif"
)

// Mitigation is a change that was tried on the window.
type Mitigation struct {
	What   string        `json:"what"`
	Before Effect        `json:"before"` // as recorded
	After  Effect        `json:"after"`
	Shares whatif.Shares `json:"shares"` // of requests, by how sure their fate is
	Notes  []string      `json:"notes,omitempty"`
	Error  string        `json:"error,omitempty"` // why it could not be tried
}

// Effect counts requests.
type Effect struct {
	Requests  uint64 `json:"requests"`
	Refused   uint64 `json:"refused"`
	Failed    uint64 `json:"failed"` // sent to an endpoint, and no good answer came
	Elsewhere uint64 `json:"elsewhere"`
}

// mitigations makes up changes from what was seen and tries each.
func (a *author) mitigations() error {
	base := a.baseConfig()
	if base == nil || a.draft.Impact.Total.Requests == 0 {
		return nil
	}
	for i := range a.sources {
		if a.sources[i].Read == nil {
			return nil
		}
	}
	list := a.candidates(base)
	if len(list) == 0 {
		return nil
	}
	samples := whatif.NewSamples()
	err := a.readAll(func(name string, rd *traces.Reader) error { return samples.Learn(name, rd) })
	if err != nil {
		return err
	}
	tried, errs := make([]Mitigation, len(list)), make([]error, len(list))
	a.options.Parallel(len(list), func(i int) { tried[i], errs[i] = a.try(list[i], samples) })
	if err := errors.Join(errs...); err != nil {
		return err
	}
	a.draft.Mitigations = tried
	left := func(m *Mitigation) uint64 { return m.After.Refused + m.After.Failed }
	slices.SortStableFunc(a.draft.Mitigations, func(x, y Mitigation) int {
		return cmp.Or(cmp.Compare(len(x.Error), len(y.Error)), cmp.Compare(left(&x), left(&y)))
	})
	return nil
}

// baseConfig is what was in force when trouble began, at the router that saw it first.
func (a *author) baseConfig() *core.Config {
	at, router := a.draft.from, 0
	if cause := a.firstCause(); cause != nil {
		at, router = cause.first, cause.Router
	}
	config := a.surveys[router].initial
	for _, p := range a.surveys[router].list {
		if p.Kind == Adopted && p.Config != nil && (a.at(p, p.First) < at || config == nil) {
			config = p.Config
		}
	}
	return config
}

// settle is how long after a window that was found what is in flight gets to end.
const settle = 30 * int64(core.Second)

// whatIfEnds is when a what-if ends: nothing out of the ordinary follows a window that was found.
func (a *author) whatIfEnds() int64 {
	if a.draft.Found {
		return a.draft.to + settle
	}
	return a.draft.to
}

func (a *author) readAll(do func(name string, rd *traces.Reader) error) error {
	for i := range a.sources {
		s := &a.sources[i]
		from, until := a.draft.from-a.shift[i], a.whatIfEnds()-a.shift[i]
		if err := s.Read(max(from, 0), until, func(rd *traces.Reader) error { return do(s.Name, rd) }); err != nil {
			return fmt.Errorf("%s: %w", s.Path, err)
		}
	}
	return nil
}

// try runs one candidate, and larger ones until one suffices if it can grow.
func (a *author) try(c candidate, samples *whatif.Samples) (m Mitigation, err error) {
	for round := 0; ; round++ {
		spec := traces.SpecOf(c.base)
		m = Mitigation{What: c.change(&spec, round)}
		config, err := core.Compile(spec)
		if err != nil {
			m.Error = err.Error()
			return m, nil
		}
		result, err := a.run(config, samples)
		if err != nil {
			return m, err
		}
		m.Before, m.After, m.Shares = effectOf(&result.Before), effectOf(&result.After), result.Worst
		m.Notes = notes(result)
		if c.suffices == nil || round == 3 || c.suffices(result) {
			return m, nil
		}
	}
}

func (a *author) run(config *core.Config, samples *whatif.Samples) (*whatif.Result, error) {
	w, err := whatif.New(whatif.Options{Config: config, Samples: samples, Until: a.whatIfEnds()})
	if err != nil {
		return nil, err
	}
	if err := a.readAll(w.Replay); err != nil {
		return nil, err
	}
	if len(a.sources) > 1 { // what each router changes for the others is known only now
		w.Again()
		if err := a.readAll(w.Replay); err != nil {
			return nil, err
		}
	}
	r := w.Result()
	if len(r.Routers) == 0 {
		return nil, errors.New("the window could not be read")
	}
	return r, nil
}

func effectOf(t *whatif.Tally) Effect {
	e := Effect{Requests: t.Requests, Refused: t.Refused, Elsewhere: t.Failovers, Failed: t.Errors}
	for c, n := range t.Classes { // Errors holds refusals too
		if row := core.Class(c).Row(); row.Effect == core.EffectExcluded && row.Status >= 500 && core.Class(c) != core.Internal {
			e.Failed -= min(n, e.Failed)
		}
	}
	return e
}

// notes say what had to be assumed where it was much.
func notes(r *whatif.Result) (out []string) {
	if n := r.Assumed.BeyondLoad; n > 0 {
		out = append(out, say.Plural(n, "request", "requests")+" beyond the load that any recording shows")
	}
	if n := r.Assumed.NeverSeen; n > 0 {
		out = append(out, say.Plural(n, "request", "requests")+" to endpoints that no recording shows near that time")
	}
	return out
}
