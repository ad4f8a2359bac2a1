package explain

import (
	"fmt"

	"lockstep/traces"
	"lockstep/traces/say"
)

// ProofText says how far the recording could be checked.
func ProofText(r *traces.Report) string {
	s := fmt.Sprintf("%s decisions recomputed in %s, all identical", say.Count(r.Decisions), say.Plural(int(r.Blocks), "block"))
	switch {
	case r.Lost > 0:
		s += fmt.Sprintf("; %s EVENTS ARE MISSING", say.Count(r.Lost))
	case len(r.Gaps) == 0:
		s += "; no gap"
	}
	if n := len(r.Damage); n > 0 {
		s += fmt.Sprintf("; %s DAMAGED: %v", say.Plural(n, "part"), r.Damage[0])
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
