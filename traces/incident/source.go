package incident

import (
	"cmp"
	"fmt"
	"slices"

	"lockstep/traces"
)

// Source is what one life of a router recorded.
type Source struct {
	// Name is what a person calls the router; names that are given twice get a number.
	Name string
	// Path is what a command takes to read the recording: a folder or a file.
	Path string
	// Origin is the wall time of its Time 0 in ns since 1970 UTC, 0 when it is simulated.
	Origin int64
	// Run replays the recording in order of its steps, as often as it is called.
	// from is the wall time (Origin plus Time) before which nothing is asked for, 0
	// for no bound: facts before it may be given or not. Options.Stop says when the rest is not wanted.
	Run func(o traces.Options, from int64) (traces.Report, error)
	// LastAdopt returns when the last configuration before a wall time came into
	// force, 0 for none or not known. nil: what lies before the window is not looked at.
	LastAdopt func(before int64) (int64, error)
	// Read gives readers of the same, in order, that begin no later than from (0: at
	// the beginning) and of which none begins after until. nil: no mitigation is tried.
	Read func(from, until int64, do func(*traces.Reader) error) error
}

// named sorts sources so that the order in which files were given changes
// nothing, and makes their names different from each other.
func named(sources []Source) []Source {
	out := slices.Clone(sources)
	slices.SortStableFunc(out, func(a, b Source) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Origin, b.Origin))
	})
	seen := map[string]int{}
	for i := range out {
		seen[out[i].Name]++
		if n := seen[out[i].Name]; n > 1 {
			out[i].Name = fmt.Sprintf("%s (%d)", out[i].Name, n)
		}
	}
	return out
}
