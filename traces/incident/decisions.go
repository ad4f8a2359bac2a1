package incident

import (
	"fmt"
	"slices"

	"lockstep/core"
	"lockstep/traces"
	"lockstep/traces/explain"
)

// Decision is one that mattered, and why it was made.
type Decision struct {
	Time    string `json:"time"`
	Router  string `json:"router"`
	Step    uint64 `json:"step"`
	What    string `json:"what"`
	Why     string `json:"why"`
	Command string `json:"command"` // that tells its whole story
}

// mostDecisions bounds them.
const mostDecisions = 8

// decisions picks the first of each sort, in order of time.
func (a *author) decisions() error {
	told := map[string]bool{}
	wanted := map[int][]int{} // router -> indexes
	for _, g := range a.groups {
		step, key := g.Request, g.Kind.String()
		switch g.Kind {
		case Refusing:
			key += g.Subject
		case Failing, BreakerOpen, Guests, Full:
		default:
			continue
		}
		if step == 0 || told[key] || len(a.draft.Decisions) == mostDecisions {
			continue
		}
		told[key] = true
		wanted[g.Router] = append(wanted[g.Router], len(a.draft.Decisions))
		a.draft.Decisions = append(a.draft.Decisions, Decision{
			Time: a.draft.clock.day(g.first), Router: a.surveys[g.Router].Name, Step: step,
			What: a.shortText(g), Command: a.command(g.Router, step),
		})
	}
	for i, s := range a.surveys {
		if len(wanted[i]) > 0 {
			if err := a.why(s, wanted[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *author) command(router int, step uint64) string {
	s := &a.sources[router]
	return fmt.Sprintf("lockstep explain %s --step %d", s.Path, step)
}

// shortText is what a decision was, without what followed.
func (a *author) shortText(g *group) string {
	switch g.Kind {
	case Failing:
		return fmt.Sprintf("the request that was the first to fail at %s, %s", g.Subject, g.Detail)
	case BreakerOpen:
		return "the request whose end opened the breaker of " + g.Subject
	case Guests:
		return fmt.Sprintf("the first guest of %s at %s", g.Subject, g.Detail)
	case Full:
		return "the request that took the last slot of " + g.Subject
	}
	if g.Subject == "" {
		return "the first request refused: " + g.Detail
	}
	return fmt.Sprintf("the first request refused at %s: %s", g.Subject, g.Detail)
}

// why asks for the stories of decisions of one router.
func (a *author) why(s *survey, wanted []int) error {
	q := explain.Query{}
	for _, n := range wanted {
		q.Steps = append(q.Steps, a.draft.Decisions[n].Step)
	}
	slices.Sort(q.Steps)
	q.Steps = slices.Compact(q.Steps)
	last := q.Steps[len(q.Steps)-1]
	t := explain.New(q, explain.Hooks{})
	t.Begin(traces.Header{Name: s.Name, Origin: s.Origin})
	done := false
	_, err := s.Run(traces.Options{
		Before: t.Before,
		After: func(f *traces.Fact, r *core.Router, decided []core.Decision) {
			t.After(f, r, decided)
			done = f.Step >= last // the why is known at once; how it ended is told by explain
		},
		Stop: func() bool { return done },
	}, a.draft.from-a.shift[s.router]-lead)
	if err != nil {
		return fmt.Errorf("%s: %w", s.Path, err)
	}
	stories := map[uint64]*explain.Story{}
	for _, story := range t.Stories() {
		stories[story.Step] = story
	}
	for _, n := range wanted {
		d := &a.draft.Decisions[n]
		if d.Why = "Its story is not in what could be read."; stories[d.Step] != nil {
			d.Why = stories[d.Step].Why
		}
	}
	return nil
}
