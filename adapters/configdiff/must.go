package configdiff

import (
	"reflect"
	"slices"

	"lockstep/adapters/configfile"
	"lockstep/traces/promise"
)

// How a promise stands in one configuration.
const (
	Held      = "held"       // proved: it holds whatever happens
	BrokenNow = "broken"     // broken whatever happens, or as soon as something fails
	NeedsRuns = "needs_runs" // the configuration alone does not decide it
	NotThere  = ""           // it is not promised
)

// PromiseChange is one promise of must before and after.
type PromiseChange struct {
	Name     string               `json:"name"`
	Old      string               `json:"old,omitempty"` // Held, BrokenNow, NeedsRuns or NotThere
	New      string               `json:"new,omitempty"`
	OldText  string               `json:"old_text,omitempty"` // what it says
	NewText  string               `json:"new_text,omitempty"`
	Reworded bool                 `json:"reworded,omitempty"` // it says something else than before
	Breaches []Breach             `json:"breaches,omitempty"` // in the new configuration
	At       *configfile.Position `json:"at,omitempty"`       // where it is written, in the new one if it is there
	By       string               `json:"by,omitempty"`       // who would hold it, where runs are needed
}

// Breach is one setting that breaks a promise.
type Breach struct {
	What string               `json:"what"`
	Hint string               `json:"hint,omitempty"`
	Way  []string             `json:"way,omitempty"`
	At   *configfile.Position `json:"at,omitempty"`
	New  bool                 `json:"new"` // the old configuration did not have it
}

// must compares the promises by name, in order of name.
func (x *comparison) must(r *Report) {
	was, is := x.old.File.Must, x.new.File.Must
	var names []string
	for _, list := range [][]promise.Promise{was, is} {
		for i := range list {
			if !slices.Contains(names, list[i].Name) {
				names = append(names, list[i].Name)
			}
		}
	}
	slices.Sort(names)
	oldBreaches, newBreaches := x.old.File.Breaches(x.old.Config), x.new.File.Breaches(x.new.Config)
	for _, name := range names {
		c := PromiseChange{Name: name}
		a, b := find(was, name), find(is, name)
		c.Old, c.OldText = standing(x.old, a, oldBreaches)
		c.New, c.NewText = standing(x.new, b, newBreaches)
		c.Reworded = a != nil && b != nil && !reflect.DeepEqual(a, b)
		c.At = promiseAt(x.old, name)
		if b != nil {
			c.At = promiseAt(x.new, name)
			c.By = by(b.Kind)
			if c.New != NeedsRuns {
				c.By = ""
			}
		}
		for _, broken := range newBreaches {
			if broken.Promise != name {
				continue
			}
			at, _ := x.new.File.Where(broken.Path)
			c.Breaches = append(c.Breaches, Breach{broken.What, broken.Hint, broken.Way, place(at), !slices.ContainsFunc(oldBreaches, func(o configfile.Breach) bool {
				return o.Promise == name && o.What == broken.What
			})})
		}
		r.Must = append(r.Must, c)
	}
}

func promiseAt(s Side, name string) *configfile.Position {
	at, _ := s.File.Where("must." + name)
	return place(at)
}

func find(list []promise.Promise, name string) *promise.Promise {
	for i := range list {
		if list[i].Name == name {
			return &list[i]
		}
	}
	return nil
}

// standing is how a promise stands in a configuration, and what it says.
func standing(s Side, p *promise.Promise, breaches []configfile.Breach) (how, text string) {
	if p == nil {
		return NotThere, ""
	}
	if slices.ContainsFunc(breaches, func(b configfile.Breach) bool { return b.Promise == p.Name }) {
		return BrokenNow, p.String()
	}
	if proved, _ := s.File.Proved(); slices.Contains(proved, p.Name) {
		return Held, p.String()
	}
	return NeedsRuns, p.String()
}

// by says who holds a promise that the configuration alone does not decide.
func by(k promise.Kind) string {
	switch k {
	case promise.SurviveLoss, promise.HomeFirst, promise.Available, promise.Latency:
		return "lockstep fuzz (loses placements and endpoints at the peak of facts), sim (in scenarios), verify (over recordings)"
	case promise.FailOver, promise.Recover:
		return "lockstep fuzz (drills: endpoints and placements hang, refuse, are mended), sim (in scenarios), verify (over recordings)"
	}
	return "lockstep fuzz, sim (in scenarios), verify (over recordings)"
}
