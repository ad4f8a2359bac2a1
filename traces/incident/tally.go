package incident

import (
	"cmp"
	"maps"
	"slices"

	"lockstep/core"
	"lockstep/traces"
)

// Row counts the requests of the window that have something in common. The
// counts by outcome add up to Requests.
type Row struct {
	Name      string            `json:"name"`
	Labels    []string          `json:"labels,omitempty"` // as Options.Labels gives them
	Requests  uint64            `json:"requests"`
	Home      uint64            `json:"served_at_home"`
	Elsewhere uint64            `json:"served_elsewhere"`
	Failed    uint64            `json:"failed"`
	Refused   uint64            `json:"refused"`
	Client    uint64            `json:"clients_own"`
	Unknown   uint64            `json:"not_known"`
	Classes   map[string]uint64 `json:"classes,omitempty"` // of failed and refused requests
	First     string            `json:"first,omitempty"`   // arrival of the first that failed or was refused
	Last      string            `json:"last,omitempty"`

	first, last int64
	classes     []classCount
}

type classCount struct {
	class core.Class
	n     uint64
}

// Hurt is how many requests were not served for want of the service: failed and refused.
func (r *Row) Hurt() uint64 { return r.Failed + r.Refused }

func (r *Row) add(o Outcome, c core.Class, at int64) {
	switch o {
	case Home:
		r.Home++
	case Elsewhere:
		r.Elsewhere++
	case Client:
		r.Client++
	case Unknown:
		r.Unknown++
	case Failed, Refused:
		if r.Hurt() == 0 {
			r.first, r.last = at, at
		}
		r.first, r.last = min(r.first, at), max(r.last, at)
		if o == Failed {
			r.Failed++
		} else {
			r.Refused++
		}
		r.count(c, 1)
	}
}

func (r *Row) count(c core.Class, n uint64) {
	for i := range r.classes {
		if r.classes[i].class == c {
			r.classes[i].n += n
			return
		}
	}
	r.classes = append(r.classes, classCount{c, n})
}

// merge adds what another row counts.
func (r *Row) merge(o *Row) {
	if o.Hurt() > 0 {
		if r.Hurt() == 0 {
			r.first, r.last = o.first, o.last
		}
		r.first, r.last = min(r.first, o.first), max(r.last, o.last)
	}
	r.Requests, r.Home, r.Elsewhere = r.Requests+o.Requests, r.Home+o.Home, r.Elsewhere+o.Elsewhere
	r.Failed, r.Refused, r.Client, r.Unknown = r.Failed+o.Failed, r.Refused+o.Refused, r.Client+o.Client, r.Unknown+o.Unknown
	for _, c := range o.classes {
		r.count(c.class, c.n)
	}
}

// Place is one placement in the window. Its row counts the requests whose home it is.
type Place struct {
	Row
	Guests   uint64 `json:"guests_served"`     // attempts that came from elsewhere by failover
	Peak     int    `json:"peak_in_flight"`    // of one router
	PeakHome int    `json:"peak_home"`         // of those, at most so many that were no guests, at one router
	Limit    int    `json:"limit"`             // in force at the end, 0 for none
	GuestCap int    `json:"guest_cap"`         // -1 for none
	Full     uint64 `json:"refused_when_full"` // requests that it refused for want of room
	// ForGuests are those of Full that were its own while guests held slots that they could have had.
	ForGuests uint64 `json:"own_refused_for_guests"`

	guestsFull uint64 // requests that were passed on because its guests were at their cap
	rate       rate
	needed     int // slots that all that came would have taken, at one router
	took       core.Duration
	served     uint64
}

// refusal is who refused, and as what.
type refusal struct {
	placement string
	class     core.Class
}

// rate finds the busiest second of what wanted to be served.
type rate struct {
	second, count, peak int64
}

func (r *rate) add(t int64) {
	if s := floor(t, int64(core.Second)); s != r.second {
		r.second, r.count = s, 0
	}
	r.count++
	r.peak = max(r.peak, r.count)
}

// mostKeys bounds the routing keys that are counted one by one.
const mostKeys = 1 << 16

// patience is how long after the window a request may end and still be told of.
const patience = 10 * 60 * int64(core.Second)

// tally is what the second reading counts, over all routers one after another.
type tally struct {
	total  Row
	rows   map[string]*Row
	rest   Row    // of keys beyond mostKeys
	beyond uint64 // requests in rest
	places map[string]*Place
	status map[uint16]uint64
	pushes []*Push

	refusals map[refusal]uint64   // decided in the window
	guests   map[[2]string]uint64 // sent in the window, by home and who took them

	survey   *survey // of the router being read
	from, to int64   // of the window, by its clock
	shift    int64   // to add to its clock
	local    map[string]*Place
	pending  int // requests of the window that have not ended
}

func newTally() *tally {
	return &tally{rows: map[string]*Row{}, places: map[string]*Place{}, status: map[uint16]uint64{}, refusals: map[refusal]uint64{}, guests: map[[2]string]uint64{}}
}

// read counts one router.
func (t *tally) read(s *survey, from, to, shift int64) error {
	t.survey, t.from, t.to, t.shift, t.local = s, from, to, shift, map[string]*Place{}
	w := newWatch(t)
	o := w.options()
	now := int64(0)
	o.After = func(f *traces.Fact, r *core.Router, decided []core.Decision) {
		w.after(f, r, decided)
		now = s.wall(f.Time)
	}
	o.Stop = func() bool { return now >= t.to && (t.pending == 0 || now >= t.to+patience) }
	_, err := s.Run(o, from)
	w.end()
	for name, p := range t.local {
		t.join(name, p)
	}
	return err
}

// join adds one router's placement to that of all.
func (t *tally) join(name string, p *Place) {
	if p.served > 0 && p.rate.peak > 0 { // Little's law: how many are in flight is how many come times how long they stay
		mean := int64(p.took) / int64(p.served)
		p.needed = int((p.rate.peak*mean + int64(core.Second) - 1) / int64(core.Second))
	}
	all := t.places[name]
	if all == nil {
		t.places[name] = p
		return
	}
	all.merge(&p.Row)
	all.Guests, all.Full, all.ForGuests, all.guestsFull = all.Guests+p.Guests, all.Full+p.Full, all.ForGuests+p.ForGuests, all.guestsFull+p.guestsFull
	all.Peak, all.PeakHome, all.needed = max(all.Peak, p.Peak), max(all.PeakHome, p.PeakHome), max(all.needed, p.needed)
	all.Limit, all.GuestCap = p.Limit, p.GuestCap
}

func (t *tally) place(name string) *Place {
	p := t.local[name]
	if p == nil {
		p = &Place{Row: Row{Name: name}, GuestCap: -1}
		t.local[name] = p
	}
	return p
}

func (t *tally) inside(at int64) bool { return at >= t.from && at < t.to }

func (t *tally) resume(*traces.Fact, *core.Router)   {}
func (t *tally) missing(_, _ uint64, _, _ core.Time) {}
func (t *tally) lost(fl *flight)                     { t.end(fl, Unknown, core.ClassNone, 0) }

// note counts refusals by who refused, and guests by who sent them.
func (t *tally) note(_ *traces.Fact, r *core.Router, d *core.Decision) {
	if d.Kind == core.Reject && !clients(d.Class) && t.inside(t.survey.wall(d.At)) {
		t.refusals[refusal{r.Placement(d.Placement).Name, d.Class}]++
	}
}

// before re-decides what a push may have changed, while the state is the one it was decided in.
func (t *tally) before(f *traces.Fact, r *core.Router) {
	if f.Event.Kind != core.Arrive || f.Event.Handle != (core.Handle{}) || len(f.Decisions) == 0 || !t.inside(t.survey.wall(f.Time)) {
		return
	}
	d := &f.Decisions[len(f.Decisions)-1]
	switch {
	case d.Kind == core.Reject && !clients(d.Class):
		t.refusedAt(f, r, d)
		t.doubt(f, r, d)
	case d.Kind == core.Forward && d.Failover != core.FailoverNone:
		t.doubt(f, r, d)
	}
}

// refusedAt finds the candidates that had no room for a request that is about to be refused.
func (t *tally) refusedAt(f *traces.Fact, r *core.Router, d *core.Decision) {
	if r.Config() == nil {
		return
	}
	route := traces.RouteOf(r.Config(), f.Request.Key, &f.Event)
	if p := r.Placement(d.Placement); p.Name != "" && (d.Class == core.LimitReached || d.Class == core.FairShare || d.Class == core.Shed) {
		place := t.place(p.Name)
		place.Full++
		place.rate.add(t.survey.wall(f.Time))
		if own := r.Config().Placement(int(max(route.Placement, 0))).Name == p.Name; own && p.Limit > 0 && p.InFlight >= p.Limit && p.InFlight-p.Guests < p.Limit {
			place.ForGuests++
		}
	}
	if route.Placement < 0 {
		return
	}
	ev := f.Event
	ev.Route = route
	for i, index := range r.Config().Placement(int(route.Placement)).Candidates {
		n := r.PlacementNumber(int(index))
		if v := r.Room(n, &ev, i > 0); v.GuestsFull {
			t.place(r.Placement(n).Name).guestsFull++
		}
	}
}

func (t *tally) arrived(f *traces.Fact, fl *flight) {
	at := t.survey.wall(fl.at)
	if !t.inside(at) {
		return
	}
	t.total.Requests++
	t.pending++
	row := t.rows[fl.key]
	switch {
	case row == nil && len(t.rows) < mostKeys:
		row = &Row{Name: string(append([]byte(nil), fl.key...))}
		t.rows[row.Name] = row
	case row == nil:
		row = &t.rest
		t.beyond++
	}
	row.Requests++
	fl.row = row
	if fl.home != "" {
		t.place(fl.home).Requests++
	}
}

func (t *tally) sentTo(f *traces.Fact, r *core.Router, fl *flight, d *core.Decision) {
	at := t.survey.wall(d.At)
	if !t.inside(at) {
		return
	}
	v, p := r.Placement(d.Placement), t.place(fl.served)
	p.rate.add(at)
	p.Peak, p.PeakHome = max(p.Peak, v.InFlight), max(p.PeakHome, v.InFlight-v.Guests)
	if p.Limit = v.Limit; v.Index >= 0 {
		if info := r.Config().Placement(v.Index); info.Limit.Guests != 0 {
			p.GuestCap = int(max(info.Limit.Guests, 0))
		}
	}
	if fl.guest {
		p.Guests++
		if fl.home != "" && fl.home != fl.served {
			t.guests[[2]string{fl.home, fl.served}]++
		}
	}
}

func (t *tally) attempted(f *traces.Fact, _ *core.Router, fl *flight, c core.Class) {
	if c == core.ClassNone && t.inside(t.survey.wall(fl.sent)) {
		p := t.place(fl.served)
		p.took += f.Time.Sub(fl.sent)
		p.served++
	}
}

func (t *tally) ended(f *traces.Fact, fl *flight, o Outcome, c core.Class, status uint16) {
	t.end(fl, o, c, status)
}

func (t *tally) end(fl *flight, o Outcome, c core.Class, status uint16) {
	if fl.row == nil {
		return
	}
	at := t.survey.wall(fl.at) + t.shift
	t.pending--
	fl.row.add(o, c, at)
	t.total.add(o, c, at)
	if fl.home != "" {
		t.place(fl.home).add(o, c, at)
	}
	if o != Unknown {
		t.status[status]++
	}
	fl.row = nil
}

// hardest returns the rows in order of how many of their requests were hurt or moved.
func (t *tally) hardest() []*Row {
	rows := slices.Collect(maps.Values(t.rows))
	slices.SortFunc(rows, func(a, b *Row) int {
		return cmp.Or(cmp.Compare(b.Hurt(), a.Hurt()), cmp.Compare(b.Elsewhere, a.Elsewhere), cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.Name, b.Name))
	})
	return rows
}
