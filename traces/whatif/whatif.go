package whatif

import (
	"errors"

	"lockstep/core"
	"lockstep/traces"
)

// Options of a what-if.
type Options struct {
	// Config is the configuration to be tried; it must be set.
	Config *core.Config
	// Samples are what endpoints did in all recordings, those that are replayed
	// included. nil: nothing is known, and every outcome that is not recorded is unknown.
	Samples *Samples
	// Retries simulates the clients' retries again: who has his answer now does not
	// come again, and who is failed now comes as often as the recordings show.
	Retries bool
	// Until is the wall time (Origin plus Time, in ns) at which replaying stops; 0 means at the end.
	Until int64
	// Seed of the draws that are modelled. One seed and one input give one result.
	Seed uint64
	// Window is how far from its time an outcome is looked for, to either side; 0 means 60 s.
	Window core.Duration
	// Each, when set, is told of every request that has ended on both sides. It must
	// copy what it keeps.
	Each func(*Request)
	// Examples is how many requests of each kind of change and each label are kept; 0 means 1.
	Examples int
}

// WhatIf replays recordings under another configuration.
type WhatIf struct {
	options Options
	samples *Samples
	engines []*engine
	result  Result
	differ  map[string]int64 // by URL: when a router first sent it something else than was recorded
	known   map[string]int64 // the same of the round before
	crowds  crowds           // when routers gave endpoints more to bear than was recorded
	crowded crowds           // the same of the round before
}

// New returns a WhatIf that has seen nothing. The error says what is missing.
func New(o Options) (*WhatIf, error) {
	if o.Config == nil {
		return nil, errors.New("what-if: there is no configuration to try")
	}
	if o.Window == 0 {
		o.Window = defaultWindow
	}
	if o.Examples == 0 {
		o.Examples = 1
	}
	w := &WhatIf{options: o, samples: o.Samples}
	if w.samples == nil {
		w.samples = NewSamples()
	}
	w.begin()
	return w, nil
}

func (w *WhatIf) begin() {
	w.engines, w.result, w.differ, w.crowds = nil, Result{}, map[string]int64{}, crowds{}
	w.result.init()
}

// Again forgets the result and begins a second round, which knows from the first
// when each router began to treat an endpoint otherwise, and when it gave it more to
// bear than was recorded. With several routers, do that and replay all of them again: what
// one of them sends to an endpoint changes what the others may meet there. With one it changes nothing.
func (w *WhatIf) Again() {
	w.known, w.crowded = w.differ, w.crowds
	w.begin()
}

// Replay replays one segment of a router's recording. Segments of one router
// come in order, under one name; routers may come in any order. The error is one
// of reading.
func (w *WhatIf) Replay(router string, rd *traces.Reader) error {
	e := w.engine(router)
	e.origin = rd.Header().Origin
	return e.verifier.Run(rd)
}

// Result returns what was found so far. Requests that are still in flight are
// counted as such.
func (w *WhatIf) Result() *Result {
	w.result.Routers = w.result.Routers[:0]
	for _, e := range w.engines {
		e.finishUp()
		w.result.Routers = append(w.result.Routers, RouterReport{Name: e.name, Origin: e.origin, Report: e.verifier.Report()})
	}
	return &w.result
}

func (w *WhatIf) engine(router string) *engine {
	for _, e := range w.engines {
		if e.name == router {
			return e
		}
	}
	e := newEngine(w, router)
	w.engines = append(w.engines, e)
	return e
}
