package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"lockstep/adapters/configfile"
	"lockstep/core"
	"lockstep/traces"
)

// explainFlags name what to explain: one of the two.
type explainFlags struct {
	request string
	step    uint64
	config  string // file in which places are looked up; "" for none
	json    bool
}

func newExplainCommand() *cobra.Command {
	var flags explainFlags
	cmd := &cobra.Command{
		Use:   "explain TRACE...",
		Short: "Tell the story of one request from a recording",
		Long: `Tell the story of one request: what was decided and why, what led to it, which
candidates there were and why each was passed over at that moment, and how it
ended. All of it is recomputed from the recording, which is checked on the way.
The id is that of the X-Request-Id header; every request that carried it is told.`,
		Example: `  lockstep explain /var/lib/lockstep/rec --request 7c1e09aa5f0d4e6b8a9c0d1e2f304152
  lockstep explain dump.lst --step 81126920
  lockstep explain dump.lst --request 7c1e09aa5f0d4e6b8a9c0d1e2f304152 --config router.yaml`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if (flags.request == "") == (flags.step == 0) {
				return errors.New("name what to explain: --request ID or --step N")
			}
			return runExplain(cmd.OutOrStdout(), args, flags)
		},
	}
	cmd.Flags().StringVar(&flags.request, "request", "", "id of the request, as in X-Request-Id")
	cmd.Flags().Uint64Var(&flags.step, "step", 0, "number of the step, as replay and convert print it")
	cmd.Flags().StringVar(&flags.config, "config", "", "configuration file: show where in it the key stands, if it is the one that was in force")
	cmd.Flags().BoolVar(&flags.json, "json", false, "print JSON")
	return cmd
}

func runExplain(w io.Writer, args []string, flags explainFlags) error {
	files, err := traceFiles(args)
	if err != nil {
		return err
	}
	e := newExplainer(flags)
	if flags.config != "" {
		if e.file, err = configfile.Load(flags.config); err != nil {
			return err
		}
		if e.compiled, err = e.file.Compile(); err != nil {
			return err
		}
	}
	v := traces.NewVerifier(traces.Options{Before: e.before, After: e.after})
	for _, path := range files {
		if _, err := replayFile(v, path, func(h traces.Header) { e.origin = h.Origin }); err != nil {
			return err
		}
		if v.Report().Divergence != nil {
			break
		}
	}
	report := v.Report()
	if len(e.stories) == 0 {
		return notFound(flags, &report)
	}
	for _, s := range e.stories {
		s.Proof = proofText(&report)
	}
	if flags.json {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		err = enc.Encode(e.stories)
	} else {
		printStories(w, e.stories)
	}
	if err == nil && !report.OK() {
		return errFailed
	}
	return err
}

func notFound(flags explainFlags, r *traces.Report) error {
	what := fmt.Sprintf("step %d", flags.step)
	if flags.request != "" {
		what = fmt.Sprintf("a request with id %q", flags.request)
	}
	err := fmt.Errorf("%s is not among the %s requests, steps %d to %d, that replayed", what, thousands(r.Requests), r.First, r.Last)
	if r.Divergence != nil {
		err = fmt.Errorf("%w; replay stopped at a %s", err, r.Divergence)
	}
	return err
}

// proofText says how far the recording could be checked.
func proofText(r *traces.Report) string {
	s := fmt.Sprintf("%s decisions recomputed in %s, all identical", thousands(r.Decisions), plural(int(r.Blocks), "block"))
	switch {
	case r.Lost > 0:
		s += fmt.Sprintf("; %s EVENTS ARE MISSING", thousands(r.Lost))
	case len(r.Gaps) == 0:
		s += "; no gap"
	}
	if n := len(r.Damage); n > 0 {
		s += fmt.Sprintf("; %s DAMAGED: %v", plural(n, "part"), r.Damage[0])
	}
	if r.Divergence != nil {
		s += fmt.Sprintf("; then a DIVERGENCE at step %d, so this story may be wrong from there on", r.Divergence.Step)
	}
	s += "; spec " + traces.SpecVersion
	for _, other := range r.Specs {
		s += ", recorded under " + other
	}
	return s
}

// explainer collects stories while a recording replays.
type explainer struct {
	id     [2]uint64
	step   uint64 // 0: by id
	origin int64  // wall time of the trace's origin, 0 unknown

	file     *configfile.File // in which places are looked up, nil for none
	compiled *core.Config     // what it says

	stories  []*story
	current  *story                  // being decided by the present step
	flying   map[core.Handle]*story  // not finished yet
	arrivals map[core.Handle]arrival // of every request in flight
	past     history
}

// arrival is where a request in flight began.
type arrival struct {
	step uint64
	id   [2]uint64
}

func newExplainer(flags explainFlags) *explainer {
	e := &explainer{step: flags.step, flying: map[core.Handle]*story{}, arrivals: map[core.Handle]arrival{}, past: newHistory()}
	if flags.request != "" {
		e.id[0], e.id[1] = traces.ParseRequestID(flags.request)
	}
	return e
}

func (e *explainer) wanted(f *traces.Fact) bool {
	if e.step > 0 {
		return f.Step == e.step
	}
	return f.Event.Kind == core.Arrive && f.Event.Handle == (core.Handle{}) && f.Request.ID == e.id
}

// told reports whether the step has its story already: dumps can overlap.
func (e *explainer) told(f *traces.Fact) bool {
	return slices.ContainsFunc(e.stories, func(s *story) bool { return s.Step == f.Step && s.origin == e.origin })
}

func (e *explainer) before(f *traces.Fact, r *core.Router) {
	e.past.attemptEnds(f, r)
	e.current = nil
	if e.wanted(f) && !e.told(f) {
		e.current = e.begin(f, r)
		e.stories = append(e.stories, e.current)
	}
}

func (e *explainer) after(f *traces.Fact, r *core.Router, decided []core.Decision) {
	e.past.observe(f, r, decided, e.clock)
	if s := e.current; s != nil {
		e.decided(s, f, r, decided)
	}
	e.others(f, r, decided)
	h := f.Event.Handle
	own := &core.Decision{}
	if len(decided) > 0 {
		own = &decided[len(decided)-1]
	}
	switch f.Event.Kind {
	case core.Arrive:
		if h == (core.Handle{}) && own.Handle != h {
			e.arrivals[own.Handle] = arrival{f.Step, f.Request.ID}
			if e.current != nil {
				e.flying[own.Handle] = e.current
			}
		}
	case core.Reply, core.Finish:
		s := e.flying[h]
		switch {
		case own.Kind == core.Retry && own.Handle != h:
			if s != nil {
				e.again(s, f, own, decided)
				e.flying[own.Handle] = s
			}
			e.arrivals[own.Handle] = e.arrivals[h]
		case f.Event.Kind == core.Reply:
			if s != nil {
				s.Outcome = append(s.Outcome, e.replyText(s, f, decided))
			}
			return
		case s != nil:
			e.finished(s, f, decided)
		}
		delete(e.flying, h)
		delete(e.arrivals, h)
	}
}
