package story

import (
	"fmt"
	"strings"

	"lockstep/core"
	"lockstep/core/loop"
)

// Options are how a story is run. The zero value runs it plainly.
type Options struct {
	// Observe, unless nil, is given the router before its first step and
	// returns what shall see every recorded step.
	Observe func(*core.Router) loop.Observer
	// Restore puts the router through Snapshot and Restore after every step,
	// which must not change what it says.
	Restore bool
}

// Run plays the story on a fresh router and returns, for each step, what the
// machine said, one decision a line, equal neighbours folded. The error is a
// fault of the story or a broken rule that no line of a story can express.
func (s *Story) Run(o Options) ([][]string, error) {
	r := &runner{
		story: s, restores: o.Restore,
		router:     core.New(core.Options{Seed: s.Seed, Strict: true}),
		keys:       map[uint32]loop.Request{},
		handles:    map[string]core.Handle{"nobody": {Slot: 1 << 19, Gen: 1}},
		tokens:     map[int32]uint32{},
		placements: map[int32]string{}, endpoints: map[int32]string{},
	}
	if o.Observe != nil {
		r.observer = o.Observe(r.router)
	}
	if c := s.Config(""); c != nil {
		if err := r.step(0, &core.Event{Kind: core.Adopt, Config: c}, nil); err != nil {
			return nil, fmt.Errorf("%s: adopting the configuration at 0s: %w", s.Path, err)
		}
	}
	got := make([][]string, len(s.Steps))
	for i := range s.Steps {
		st := &s.Steps[i]
		r.said = nil
		for n := range st.Times {
			if err := r.command(st, n+1); err != nil {
				return nil, fmt.Errorf("%s:%d: %w", s.Path, st.Line, err)
			}
		}
		got[i] = fold(r.said)
	}
	return got, nil
}

// Check compares what the machine said with what the story expects. The error
// names the first step that differs by file and line, and shows both.
func (s *Story) Check(got [][]string) error {
	for i, st := range s.Steps {
		if strings.Join(st.Expect, "\n") != strings.Join(got[i], "\n") {
			return fmt.Errorf("%s:%d: %s\n  expected (-) and got (+):\n%s",
				s.Path, st.Line, strings.TrimSpace(s.lines[st.Line-1]), diff(st.Expect, got[i]))
		}
	}
	return nil
}

// Rewrite returns the story's file with got in place of what was expected.
func (s *Story) Rewrite(got [][]string) []byte {
	var b strings.Builder
	from := 0
	for i, st := range s.Steps {
		for _, line := range s.lines[from:st.Line] {
			b.WriteString(line + "\n")
		}
		for _, line := range got[i] {
			b.WriteString("      " + line + "\n")
		}
		from = st.end
	}
	for _, line := range s.lines[from:] {
		b.WriteString(line + "\n")
	}
	return []byte(b.String())
}

// runner plays one story.
type runner struct {
	story    *Story
	restores bool
	router   *core.Router
	observer loop.Observer // nil for none
	out      []core.Decision
	said     []string // by the current command

	request uint64                  // count of requests, their id
	handles map[string]core.Handle  // by label; the zero Handle for a refused request
	keys    map[uint32]loop.Request // by slot
	tokens  map[int32]uint32        // of the probe last sent to an endpoint

	// Names by number, as before the step where it removed them.
	placements, endpoints map[int32]string
}

// step feeds one event and keeps what was decided.
func (r *runner) step(now core.Time, ev *core.Event, req *loop.Request) error {
	due := r.router.Deadline() <= now
	before := r.router.Digest()
	r.out = r.router.Step(now, ev, r.out[:0])
	r.learnNames()
	for i := range r.out {
		d := &r.out[i]
		if d.Kind == core.Probe {
			r.tokens[d.Endpoint] = d.Token
		}
		r.said = append(r.said, r.printDecision(d, now))
	}
	r.forgetNames()
	if !due && changesNothing(ev, r.out) && r.router.Digest() != before {
		return fmt.Errorf("what was refused or ignored changed the state (R2, R12, R13)")
	}
	if r.observer != nil && (due || ev.Kind != core.Tick) {
		r.observer.Observe(now, ev, req, r.out)
	}
	if r.restores {
		return r.restore()
	}
	return nil
}

// changesNothing says whether ev, which led to out, must leave the digest as it was.
func changesNothing(ev *core.Event, out []core.Decision) bool {
	if len(out) == 0 {
		return ev.Kind == core.Tick
	}
	switch d := &out[len(out)-1]; d.Kind {
	case core.Reject:
		return d.Handle == core.Handle{} // the end of a wait changes the state
	case core.Nack, core.NoteControl:
		return true
	case core.Ack:
		return len(out) == 1
	case core.NoteIgnored:
		return d.Cause == core.CauseUnknownHandle || d.Cause == core.CauseSecondReply ||
			d.Cause == core.CauseLateProbe || d.Cause == core.CauseBadStatus && ev.Kind == core.Reply
	}
	return false
}

func (r *runner) restore() error {
	restored, err := core.Restore(r.router.Snapshot(nil), r.router.Config(), true)
	if err != nil {
		return err
	}
	if restored.Digest() != r.router.Digest() {
		return fmt.Errorf("a restored snapshot has another digest")
	}
	r.router = restored
	return nil
}

// learnNames adds the names of numbers that are new; a number freed in this
// step keeps the name that its decisions mean.
func (r *runner) learnNames() {
	for n := range int32(r.router.Placements()) {
		if name := r.router.Placement(n).Name; name != "" && r.placements[n] == "" {
			r.placements[n] = name
		}
	}
	for n := range int32(r.router.Endpoints()) {
		if e := r.router.Endpoint(n); e.URL != "" && r.endpoints[n] == "" {
			r.endpoints[n] = r.router.Placement(e.Placement).Name + "/" + e.Name
		}
	}
}

// forgetNames lets the state as it is now name the numbers.
func (r *runner) forgetNames() {
	clear(r.placements)
	clear(r.endpoints)
	r.learnNames()
}

func (r *runner) label(h core.Handle) string {
	for label, held := range r.handles {
		if held == h {
			return label
		}
	}
	return "unlabelled"
}
