package promise

import (
	"cmp"
	"slices"

	"lockstep/core"
)

// World is what a judge must know beside the steps of routers.
type World struct {
	Must   []Promise // at most MaxPromises
	Region func(via uint16, key string) string
	Labels map[string]map[string]string // of placements
	// Config and Troubles are those of a plan. Without a Config nothing is known
	// of the world but what the routers saw: a recording.
	Config   *core.Config
	Troubles []Trouble
}

// Judge holds promises against what routers do. It never changes a router.
type Judge struct {
	world   World
	phases  []phase // nil for a recording
	at      int     // the present one
	ledgers []ledger
	homes   []string // names of placements that ledger.homes are by
	probes  map[string]*probing
	regions bool // some promise is about keys of a region
	watches []*Watch
	gone    []Trouble // of routers, in order of time, that are still to come
	started int       // routers watched, restarts included
	first   core.Time
	last    core.Time
	missed  core.Duration // of the time between, in gaps of recordings
}

// ledger is what was seen of one promise.
type ledger struct {
	*Promise
	tally
	peak  uint64
	held  int64   // InFlight: now, all routers together
	homes []tally // HomeFirst: by Judge.homes
	clock []start // Recover, of a plan: by placement of its configuration
}

// tally counts what a promise is about, and what broke it.
type tally struct {
	all, bad uint64
	first    Sight // of what broke it
}

// start is the first request to a placement since a phase began.
type start struct {
	phase core.Time
	at    core.Time
}

// probing counts the health probes to one URL.
type probing struct {
	count uint64
	last  Sight
}

// Sight is where something was seen. The zero Sight is nowhere.
type Sight struct {
	Time      core.Time
	Step      uint64 // of its router
	Router    int    // as it was given to Watch
	Key       string // of the request, "" for none
	Request   [2]uint64
	Placement string // that served or refused, or that the endpoint belongs to
	Endpoint  string
}

// NewJudge returns a judge that has seen nothing. More than MaxPromises panic.
func NewJudge(w World) *Judge {
	if len(w.Must) > MaxPromises {
		panic("promise: more than MaxPromises")
	}
	j := &Judge{world: w, phases: phases(w.Config, w.Troubles), probes: map[string]*probing{}, first: core.Never}
	for i := range w.Troubles {
		if w.Troubles[i].Router > 0 {
			j.gone = append(j.gone, w.Troubles[i])
		}
	}
	slices.SortStableFunc(j.gone, func(a, b Trouble) int { return cmp.Compare(a.From, b.From) })
	for i := range w.Must {
		l := ledger{Promise: &w.Must[i]}
		if w.Config != nil {
			l.clock = make([]start, w.Config.Placements())
		}
		j.ledgers = append(j.ledgers, l)
		j.regions = j.regions || l.Region != ""
	}
	return j
}

// Watch returns what sees the steps of one router, from the one after its
// present state. A router that restarts is watched anew under its number.
func (j *Judge) Watch(number int, r *core.Router) *Watch {
	j.drop(number)
	w := &Watch{judge: j, number: number, held: make([]int64, len(j.ledgers))}
	j.watches = append(j.watches, w)
	w.attach(r)
	return w
}

// drop forgets what a router that is gone had in flight.
func (j *Judge) drop(number int) {
	for _, w := range j.watches {
		if w.number == number {
			for i := range j.ledgers {
				j.ledgers[i].held -= w.held[i]
				w.held[i] = 0
			}
		}
	}
}

// pass moves time on.
func (j *Judge) pass(now core.Time) {
	j.first, j.last = min(j.first, now), max(j.last, now)
	j.at = phaseOf(j.phases, j.at, now)
	for len(j.gone) > 0 && j.gone[0].From <= now {
		j.drop(j.gone[0].Router)
		j.gone = j.gone[1:]
	}
}

// phase returns the present phase, nil for a recording.
func (j *Judge) phase() *phase {
	if j.phases == nil {
		return nil
	}
	return &j.phases[j.at]
}

// home returns the place of a placement in ledger.homes.
func (j *Judge) home(name string) int {
	i := slices.Index(j.homes, name)
	if i < 0 {
		i = len(j.homes)
		j.homes = append(j.homes, name)
	}
	for n := range j.ledgers {
		if l := &j.ledgers[n]; l.Kind == HomeFirst && len(l.homes) <= i {
			l.homes = append(l.homes, make([]tally, i+1-len(l.homes))...)
		}
	}
	return i
}

// fits returns the promises whose labels a placement has, one bit each.
func (j *Judge) fits(name string) (bits uint64) {
	for i := range j.ledgers {
		l := &j.ledgers[i]
		if (l.Kind == ServedBy || l.Kind == NoGuests) && l.Labelled(j.world.Labels[name]) {
			bits |= 1 << i
		}
	}
	return bits
}

// Labelled reports whether a placement with these labels is one of those that p names.
func (p *Promise) Labelled(labels map[string]string) bool {
	for name, value := range p.Labels {
		if labels[name] != value {
			return false
		}
	}
	return true
}

// book counts one thing that a promise is about.
func (t *tally) book(good bool, s *Sight) {
	t.all++
	if good {
		return
	}
	if t.bad++; t.bad == 1 {
		t.first = *s
	}
}
