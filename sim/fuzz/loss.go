package fuzz

import (
	"cmp"
	"slices"
	"strings"

	"lockstep/core"
	"lockstep/core/loop"
	"lockstep/sim"
	"lockstep/traces/promise"
)

// Loss is what one run takes down for good, with a judge of the promises about it.
type Loss struct {
	down     core.PlacementInfo // the placement, or the first of two
	also     string             // the second, "" for none
	endpoint string             // of down, "" for all of it
	skipped  string             // why it is not tried, "" when it is
	world    promise.World
	judge    *promise.Judge // of the last run
}

// String names what is down: cell-07, cell-07 and cell-12, cell-07/a.
func (l *Loss) String() string {
	switch {
	case l.endpoint != "":
		return l.down.Name + "/" + l.endpoint
	case l.also != "":
		return l.down.Name + " and " + l.also
	}
	return l.down.Name
}

// single reports whether one placement is down as a whole.
func (l *Loss) single() bool { return l.also == "" && l.endpoint == "" }

// lossCase is the case of N-1 with what l takes down, and with a judge of the promises.
func (t *Target) lossCase(l *Loss) Case {
	c := t.nMinusCase(&l.down)
	c.Plan.Name, c.Loss = t.Name+" without "+l.String(), l
	f := &c.Plan.Faults[0]
	f.Endpoint = l.endpoint
	w := promise.World{Must: t.Must, Region: t.Region, Labels: t.Labels}
	w.Config, _ = core.Compile(c.Plan.Spec) // the run says what is wrong with it
	w.Troubles = []promise.Trouble{{From: f.At, Until: core.Never, Down: true, Placement: f.Placement, Endpoint: f.Endpoint}}
	if l.also != "" {
		c.Plan.Faults = append(c.Plan.Faults, sim.Fault{Kind: f.Kind, At: f.At, Placement: l.also})
		w.Troubles = append(w.Troubles, promise.Trouble{From: f.At, Until: core.Never, Down: true, Placement: l.also})
	}
	l.world = w
	return c
}

// watch returns what lets a judge see a run of the case, nil when nothing is promised of it.
func (c *Case) watch() func(int, *core.Router) loop.Observer {
	if c.Loss == nil || len(c.Loss.world.Must) == 0 {
		return nil
	}
	j := promise.NewJudge(c.Loss.world)
	c.Loss.judge = j
	return func(router int, r *core.Router) loop.Observer { return j.Watch(router, r) }
}

// verdicts is what the judge saw of the last run, once.
func (l *Loss) verdicts() (list []promise.Verdict) {
	if len(l.world.Must) > 0 {
		list = l.judge.Verdicts()
	}
	l.judge = nil
	return list
}

// retell makes a finding's text, which is about the first placement, say all that is down.
func (l *Loss) retell(f *Finding) {
	name, what, refuse := l.down.Name, "one endpoint", " refuses connections"
	switch {
	case l.single():
		return
	case l.also != "":
		what, refuse = "two placements", " refuse connections"
		f.Sentence = strings.Replace(f.Sentence, ", although it has a fallback", "", 1)
	default: // the placement's breakers are not the endpoint's
		f.Story = slices.DeleteFunc(f.Story, func(s Line) bool { return strings.HasPrefix(s.Text, "its ") })
	}
	f.Assumed = strings.Replace(f.Assumed, "one placement", what, 1)
	f.Sentence = strings.Replace(f.Sentence, "because "+name+" failed", "because "+l.String()+" failed", 1)
	for i := range f.Story {
		s := &f.Story[i].Text
		*s = strings.Replace(*s, name+" refuses connections, every endpoint,", l.String()+refuse, 1)
		if strings.HasPrefix(*s, "FAIL: ") {
			*s = "FAIL: " + f.Sentence
		}
	}
}

// maxPairs bounds the pairs of placements that are tried, those with most load first.
const maxPairs = 200

// further lists the losses that promises name beside that of each placement, and
// how many pairs are left out. Of a placement's
// endpoints the one with the largest weight stands for all.
func (t *Target) further(promised []Promise) (list []Loss, left int) {
	all := compiled(&t.Spec)
	names := func(l promise.Loss) bool {
		return slices.ContainsFunc(promised, func(p Promise) bool { return p.Lose == l })
	}
	if names(promise.Loss{Count: 2, Of: promise.OfPlacements}) {
		load := func(l Loss) int64 { return t.Facts.Peak[l.down.Name].PerSecond + t.Facts.Peak[l.also].PerSecond }
		for i := range all {
			for k := range i {
				list = append(list, Loss{down: all[k], also: all[i].Name})
			}
		}
		slices.SortStableFunc(list, func(a, b Loss) int { return cmp.Compare(load(b), load(a)) })
		left = max(0, len(list)-maxPairs)
		list = list[:len(list)-left]
	}
	if names(promise.Loss{Count: 1, Of: promise.OfEndpoints}) {
		for i := range all {
			list = append(list, Loss{down: all[i], endpoint: t.heaviest(all[i].Name)})
		}
	}
	return list, left
}

// heaviest names the endpoint with the largest weight, the first of several.
func (t *Target) heaviest(placement string) (name string) {
	best := uint32(0)
	for i := range t.Spec.Placements {
		for _, e := range t.Spec.Placements[i].Endpoints {
			if w := cmp.Or(e.Weight, 100); t.Spec.Placements[i].Name == placement && w > best {
				name, best = cmp.Or(e.Name, e.URL), w
			}
		}
	}
	return name
}
