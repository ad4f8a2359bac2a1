package incident

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"lockstep/core"
	"lockstep/traces/say"
)

// Options of a draft. The zero value finds the window itself.
type Options struct {
	From, To int64 // wall time in ns of the window, To not included; 0: where trouble begins and ends
	Top      int   // tenants told one by one; 0 means 10
	// Labels are columns of tenants that only a configuration file knows.
	Labels   []string
	LabelsOf func(key string) []string
	Version  string // of the program, for the last line; "" leaves it out
	// Parallel calls do for 0 to n-1, several at a time; nil: one after the other.
	// Sources are read at the same time then.
	Parallel func(n int, do func(i int))
}

// Draft is a post-mortem as far as recordings can write it.
type Draft struct {
	Title   string   `json:"title"`
	Summary []string `json:"summary"` // three sentences
	Quiet   bool     `json:"quiet"`   // nothing out of the ordinary
	From    string   `json:"from"`
	To      string   `json:"to"`      // not included
	FromNS  int64    `json:"from_ns"` // since 1970 UTC, or since the start of a simulation
	ToNS    int64    `json:"to_ns"`
	Lasted  int64    `json:"lasted_ns"`
	Found   bool     `json:"found"`     // the window was found, not given
	Over    bool     `json:"recovered"` // no state of trouble is left at its end, and nothing more follows for a while
	Window  string   `json:"window"`    // how it was found

	Routers   []Router   `json:"routers"`
	Clocks    []Skew     `json:"clocks,omitempty"`
	ClockNote string     `json:"clock_note"`
	Timeline  []Line     `json:"timeline"`
	Folded    int        `json:"timeline_folded"` // lines left out
	Impact    Impact     `json:"impact"`
	Decisions []Decision `json:"decisions,omitempty"`
	Pushes    []*Push    `json:"pushes,omitempty"`

	Mitigations []Mitigation `json:"mitigations,omitempty"`
	Unknown     []string     `json:"not_known"`
	// Unreadable: a part of the recordings could not be read, or did not replay.
	Unreadable bool     `json:"unreadable"`
	Questions  []string `json:"open_questions"`
	Others     []Other  `json:"other_episodes,omitempty"`

	from, to int64
	clock    clock
	version  string
	labels   []string
}

// Router is one of the recordings.
type Router struct {
	Name     string `json:"name"`
	Path     string `json:"path"`
	First    string `json:"first"` // time of the first step that was read
	Last     string `json:"last"`
	Requests uint64 `json:"requests"`
	Steps    uint64 `json:"steps"`
}

// Other is another time of trouble in the same recordings.
type Other struct {
	From string `json:"from"`
	To   string `json:"to"`
	Hurt uint64 `json:"hurt"` // requests that failed or were refused
}

// Impact is who was hit.
type Impact struct {
	Total      Row      `json:"total"`
	Tenants    []*Row   `json:"tenants"`
	Rest       Row      `json:"rest"`      // of all other tenants
	RestCount  int      `json:"rest_keys"` // how many they are
	Hit        int      `json:"tenants_hit"`
	Keys       int      `json:"tenants_counted"`
	Beyond     uint64   `json:"beyond_cap"` // requests of tenants beyond the cap, counted in rest
	Placements []*Place `json:"placements"`
	Statuses   []Status `json:"statuses"`
}

// Status is how often clients were answered with it; 0 means that they got none.
type Status struct {
	Status uint16 `json:"status"`
	Count  uint64 `json:"count"`
}

// New reads the recordings and drafts a post-mortem. The error is one of
// reading; what is wrong with a recording's content stands in the draft.
func New(sources []Source, o Options) (*Draft, error) {
	if len(sources) == 0 {
		return nil, errors.New("there is no recording to read")
	}
	sources = named(sources)
	for i := range sources {
		if (sources[i].Origin == 0) != (sources[0].Origin == 0) {
			return nil, errors.New("some recordings are of routers and some of a simulation: their times have nothing in common; name the ones or the others")
		}
	}
	a := author{options: o, sources: sources}
	a.options.Top = cmp.Or(o.Top, 10)
	if o.Parallel == nil {
		a.options.Parallel = func(n int, do func(i int)) {
			for i := range n {
				do(i)
			}
		}
	}
	return a.write()
}

// author writes one draft.
type author struct {
	options Options
	sources []Source
	surveys []*survey
	shift   []int64 // to add to each router's clock
	tally   *tally
	groups  []*group // of spans in the window, in order of time
	draft   *Draft
}

func (a *author) write() (*Draft, error) {
	d := &Draft{clock: clock{simulated: a.sources[0].Origin == 0}, version: a.options.Version, labels: a.options.Labels}
	a.draft = d
	from := a.options.From
	if from != 0 {
		from -= lead
	}
	for i, s := range a.sources {
		a.surveys = append(a.surveys, newSurvey(s, i, from, a.options.To))
	}
	errs := make([]error, len(a.surveys))
	a.options.Parallel(len(a.surveys), func(i int) {
		if err := a.surveys[i].read(from, a.options.To); err != nil {
			errs[i] = fmt.Errorf("%s: %w", a.surveys[i].Path, err)
		}
	})
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(a.surveys, func(s *survey) bool { return s.begun }) && !a.unreadable() {
		return nil, errors.New("the recordings hold no step: there is nothing to tell")
	}
	a.align()
	a.cut()
	a.find()
	if err := a.count(); err != nil {
		return nil, err
	}
	a.gather()
	a.impact()
	a.timeline()
	a.summarise()
	if !d.Quiet {
		if err := a.decisions(); err != nil {
			return nil, err
		}
		a.pushes()
		if err := a.mitigations(); err != nil {
			return nil, err
		}
	}
	a.unknown()
	a.questions()
	d.Unreadable = a.unreadable()
	return d, nil
}

// align compares clocks and decides how to shift them.
func (a *author) align() {
	d := a.draft
	a.shift = make([]int64, len(a.surveys))
	switch {
	case len(a.surveys) == 1:
		d.ClockNote = "One recording, one clock."
		if d.clock.simulated {
			d.ClockNote = "A simulation: times count from its start."
		}
		return
	case d.clock.simulated:
		d.ClockNote = "A simulation: all routers have one clock, and times count from its start."
		return
	}
	corrected := 0
	for i, s := range a.surveys[1:] {
		k := skewOf(a.surveys[0], s)
		if k.Applied {
			a.shift[i+1] = -k.Estimate
			corrected++
		}
		d.Clocks = append(d.Clocks, k)
	}
	d.ClockNote = fmt.Sprintf("Times are those of the clock of %s.", a.surveys[0].Name)
	if corrected > 0 {
		d.ClockNote += fmt.Sprintf(" %s corrected; order between routers is only as sure as the bounds below.", say.Plural(corrected, "other clock is", "other clocks are"))
	} else {
		d.ClockNote += " No other clock is corrected; order between routers is only as sure as the bounds below."
	}
}

// unreadable reports damage, which is told in a draft.
func (a *author) unreadable() bool {
	return slices.ContainsFunc(a.surveys, func(s *survey) bool { return len(s.report.Damage) > 0 || s.report.Divergence != nil })
}

// cut ends the states of routers whose recordings end well before others do: a
// router that was killed or upgraded leaves its breakers open in what it wrote.
func (a *author) cut() {
	latest := a.latest()
	for i, s := range a.surveys {
		further := a.options.To != 0 && s.latest > a.options.To // it goes on beyond what was read
		if further || latest-(s.latest+a.shift[i]) < mostCalm {
			continue
		}
		for _, p := range s.list {
			if p.Open {
				p.Open, p.Cut, p.Last = false, true, s.latest
			}
		}
	}
}

// find settles the window.
func (a *author) find() {
	d := a.draft
	all := episodes(a.surveys, a.shift)
	d.Over = true
	if a.options.From != 0 || a.options.To != 0 {
		d.from, d.to = cmp.Or(a.options.From, a.earliest()), cmp.Or(a.options.To, a.latest()+1)
		d.Quiet, d.Window = true, "The window was given."
		for _, e := range all {
			if e.from < d.to && e.to >= d.from {
				d.Quiet = false
				d.Over = d.Over && !e.open && e.to < d.to && a.latest()-e.to >= calm(e.to-e.from)
			}
		}
	} else if at := worst(all); at < 0 {
		d.from, d.to, d.Found, d.Quiet = a.earliest(), a.latest()+1, true, true
		d.Window = "No window was given and no sign of trouble was found: this is all that was recorded."
	} else {
		e := all[at]
		d.from, d.to, d.Found = e.from, e.to+1, true
		d.Over = !e.open && a.latest()-e.to >= calm(e.to-e.from)
		d.Window = fmt.Sprintf("It was found: from the first sign of trouble (a request that failed, was refused or went elsewhere, a breaker that opened) to the last, and the end of what they left behind. Signs more than %s apart are different episodes.", short(quiet))
		for i, other := range all {
			if i != at {
				d.Others = append(d.Others, Other{d.clock.full(other.from), d.clock.full(other.to), other.hurt})
			}
		}
	}
	d.From, d.To, d.Lasted = d.clock.full(d.from), d.clock.full(d.to), d.to-d.from
	d.FromNS, d.ToNS = d.from, d.to
}

// calm is how long nothing must happen after an episode for it to be called
// over: a quarter of as long as it lasted, at most five seconds.
func calm(lasted int64) int64 { return min(lasted/4, mostCalm) }

const mostCalm = 5 * int64(core.Second)

func (a *author) earliest() int64 {
	t := a.surveys[0].first + a.shift[0]
	for i, s := range a.surveys {
		t = min(t, s.first+a.shift[i])
	}
	return t
}

func (a *author) latest() int64 {
	t := a.surveys[0].latest + a.shift[0]
	for i, s := range a.surveys {
		t = max(t, s.latest+a.shift[i])
	}
	return t
}

// count reads the window once more and completes the draft.
func (a *author) count() error {
	t := newTally()
	for i, s := range a.surveys {
		from, to := a.draft.from-a.shift[i], a.draft.to-a.shift[i]
		t.pushes = append(t.pushes, pushesOf(s, from, to)...)
		if err := t.read(s, from, to, a.shift[i]); err != nil {
			return fmt.Errorf("%s: %w", s.Path, err)
		}
	}
	a.tally = t
	return nil
}

// clock prints times: of day in UTC, or since the origin of a simulation.
type clock struct{ simulated bool }

func (c clock) full(t int64) string {
	if c.simulated {
		return c.day(t)
	}
	return time.Unix(0, t).UTC().Format("2006-01-02 15:04:05.000 UTC")
}

func (c clock) day(t int64) string {
	if c.simulated {
		return fmt.Sprintf("+%.3fs", float64(t)/1e9)
	}
	return time.Unix(0, t).UTC().Format("15:04:05.000")
}

func epochText(e core.Epoch) string { return fmt.Sprintf("%d.%d", e.Term, e.Number) }

// share prints a part of a whole in per cent.
func share(part, whole uint64) string {
	if whole == 0 {
		return "0 %"
	}
	tenths := (part*1000 + whole/2) / whole
	switch {
	case part > 0 && tenths == 0:
		return "under 0.1 %"
	case part < whole && tenths == 1000:
		return "over 99.9 %"
	}
	return fmt.Sprintf("%d.%d %%", tenths/10, tenths%10)
}
