package fuzz

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"lockstep/core"
	"lockstep/sim"
)

// A story is what a person needs to believe a finding: what was assumed, each
// fault, push and burst as one line, what the blamed endpoint's breaker did,
// and where the property broke. It is short by construction.
const (
	maxEvents      = 5 // lines for faults, pushes and bursts
	maxTransitions = 3 // lines for breakers and health, the last before the failure
)

// moment is a story line with its time, before it is printed relative to the first.
type moment struct {
	at   core.Time
	text string
}

// tell fills in the story of a finding of the search.
func (t *Target) tell(f *Finding) {
	p := &f.Case.Plan
	f.Assumed = world(p)
	events := timeline(&f.Case)
	origin := f.At
	if len(events) > 0 {
		origin = events[0].at
	}
	if len(events) > maxEvents {
		last := &events[maxEvents-1]
		last.text = fmt.Sprintf("%s, and %d more", last.text, len(events)-maxEvents)
		events = events[:maxEvents]
	}
	events = append(events, changes(f, origin)...)
	slices.SortStableFunc(events, func(a, b moment) int { return cmp.Compare(a.at, b.at) })
	for _, m := range events {
		f.Story = append(f.Story, Line{after(m.at - origin), m.text})
	}
	f.Story = append(f.Story, Line{after(f.At - origin), "FAIL: " + f.Sentence})
}

func after(t core.Time) string {
	if t < 0 {
		return "-" + seconds(-t)
	}
	return "+" + seconds(t)
}

// seconds prints a time in a story: 5.093s, or 22m12s where milliseconds tell nothing.
func seconds(t core.Time) string {
	if t >= core.Time(100*core.Second) {
		return span(core.Duration(t) / core.Second * core.Second)
	}
	return strconv.FormatFloat(time.Duration(t).Seconds(), 'f', 3, 64) + "s"
}

// span prints a length of time as an operator writes it: 2m, not 2m0s.
func span(d core.Duration) string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// told is what happens in the moment of the failure.
func (f *Finding) told() string { return cmp.Or(f.event, f.Sentence) }

// world says what the clients and servers of a plan are like.
func world(p *sim.Plan) string {
	s := fmt.Sprintf("%d router", max(p.Routers, 1))
	if p.Routers > 1 {
		s += "s"
	}
	for i := range p.Clients {
		c := &p.Clients[i]
		if c.Name == trickle {
			continue
		}
		s += ", "
		if c.Users > 0 {
			s += fmt.Sprintf("%d users", c.Users)
		} else {
			s += fmt.Sprintf("%d/s", c.PerSecond())
			if r := &c.Ramp; r.Period > 0 {
				s += fmt.Sprintf(", and down to %d%% of that, every %v", r.Low/10_000, time.Duration(r.Period))
			}
		}
		switch {
		case len(c.Keys) == 1:
			s += " for key " + c.Keys[0]
		case len(c.Keys) > 1:
			s += fmt.Sprintf(" for %d keys", len(c.Keys))
		}
		if c.Retries > 0 {
			s += fmt.Sprintf(" that retry %d times", c.Retries)
		}
	}
	return s + fmt.Sprintf(", answers take %v", time.Duration(max(p.Backend.Service.Typical, core.Millisecond)))
}

// timeline is one line for each fault, push and burst, in order of time.
func timeline(c *Case) (lines []moment) {
	for i := range c.Plan.Faults {
		f := &c.Plan.Faults[i]
		lines = append(lines, moment{f.At, FaultText(f)})
	}
	for i := range c.Plan.Pushes {
		note := "a configuration"
		if i < len(c.Notes) {
			note = c.Notes[i]
		}
		if c.Plan.Pushes[i].NoDisk {
			note += ", with the disk full"
		}
		lines = append(lines, moment{c.Plan.Pushes[i].At, "push: " + note})
	}
	for i := range c.Plan.Bursts {
		b := &c.Plan.Bursts[i]
		text := fmt.Sprintf("%d extra requests of %s", b.Requests, b.Client)
		if b.Over > 0 {
			text += fmt.Sprintf(" within %v", time.Duration(b.Over))
		} else {
			text += " at once"
		}
		lines = append(lines, moment{b.At, text})
	}
	for _, j := range c.Plan.Joins {
		lines = append(lines, moment{j.At, fmt.Sprintf("routers that join: %d", j.Routers)})
	}
	for i := range c.Plan.Clients {
		if h := &c.Plan.Clients[i].Hold; h.For > 0 {
			lines = append(lines, moment{h.At, fmt.Sprintf("%s is held for %v", c.Plan.Clients[i].Name, time.Duration(h.For))})
		}
	}
	slices.SortStableFunc(lines, func(a, b moment) int { return cmp.Compare(a.at, b.at) })
	return lines
}

// FaultText says in words what a fault does, to what and for how long.
func FaultText(f *sim.Fault) string {
	what := f.Placement
	if f.Endpoint != "" {
		what += " " + f.Endpoint
	}
	if f.Router > 0 {
		what = strings.TrimSpace(what + fmt.Sprintf(" router %d", f.Router))
	}
	switch {
	case what == "" && f.Kind >= sim.Crash:
		what = "every router"
	case what == "":
		what = "everything"
	}
	text := what + " " + inWords(f)
	if f.Until > 0 {
		text += fmt.Sprintf(" for %s", span(core.Duration(f.Until-f.At)))
	}
	return text
}

// inWords says what a fault does to what it hits.
func inWords(f *sim.Fault) string {
	some := "all"
	if f.Share > 0 && f.Share < million {
		some = percent(f.Share)
	}
	switch f.Kind {
	case sim.Refuse, sim.Hang:
		return failing(f.Kind)
	case sim.Slow:
		return fmt.Sprintf("takes %d times as long", cmp.Or(f.Factor, 10*million)/million)
	case sim.Flaky:
		return fmt.Sprintf("answers %d to %s", cmp.Or(f.Status, 500), some)
	case sim.BrokenBody:
		return "breaks off " + some + " of its bodies"
	case sim.SlowBody:
		return fmt.Sprintf("sends bodies for %s", span(cmp.Or(f.Delay, core.Second)))
	case sim.StuckBody:
		return "stalls in " + some + " of its bodies"
	case sim.ResetNew:
		return "accepts connections and resets them"
	case sim.HealthDown:
		return "fails its health probes, and serves"
	case sim.HealthUp:
		return "passes its health probes, whatever is wrong"
	case sim.Delayed:
		return fmt.Sprintf("is %s further away", span(cmp.Or(f.Delay, core.Second)))
	case sim.Lossy:
		return "loses " + some + " of its dials"
	case sim.Partition:
		return "cannot be reached, and nobody is told"
	case sim.ResetAll:
		return "resets every connection"
	case sim.Crash:
		return "crashes"
	case sim.Drain:
		return "drains"
	case sim.Silence:
		return "hears nothing from the control plane"
	}
	return f.Kind.String()
}

// changes are the last transitions of the placement concerned up to the failure,
// with times counted from origin.
func changes(f *Finding, origin core.Time) (lines []moment) {
	r := &f.Result
	for _, x := range r.Transitions {
		id := &r.Endpoints[x.Endpoint]
		if x.At > f.At || f.Where != "" && r.Placements[id.Placement] != f.Where {
			continue
		}
		text := fmt.Sprintf("%s %s %s", r.Placements[id.Placement], id.Name, state(x.Kind))
		if x.Kind == core.NoteOpened {
			text += " until " + after(x.Until-origin)
		}
		lines = append(lines, moment{x.At, text})
	}
	return lines[max(0, len(lines)-maxTransitions):]
}

func state(k core.DecisionKind) string {
	switch k {
	case core.NoteOpened:
		return "breaker opens"
	case core.NoteHalfOpened:
		return "breaker half-opens: a test request goes out"
	case core.NoteClosed:
		return "breaker closes"
	case core.NoteTripCapped:
		return "breaker stays closed: as many as max_open allows are open"
	}
	return "is " + k.String()
}

// percent prints parts per million: 99.9 %.
func percent(share uint32) string { return fmt.Sprintf("%v %%", float64(share)/10_000) }
