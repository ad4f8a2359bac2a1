package explain

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"lockstep/core"
	"lockstep/traces"
	"lockstep/traces/say"
)

// Filter says which requests a List holds. Its zero value is all of them.
type Filter struct {
	ID     *[2]uint64 // that carried this id
	Key    *string    // with this routing key
	From   core.Time  // that came at or after it
	To     core.Time  // that came at or before it; 0 for no bound
	Status int        // that were told this status; 0 for any
	Class  string     // that ended in this class of R16; "" for any
	Failed bool       // that failed: refused, or ended in a class that is not none, or told 500 and above
	Guests bool       // that another placement than their home served
	Limit  int        // how many are kept, the oldest first; 0 for all
}

// Entry is a request in a list.
type Entry struct {
	Router string    `json:"router,omitempty"`
	Time   string    `json:"time"`
	Wall   int64     `json:"wall_ns"` // since 1970 UTC, or the recording's start
	T      core.Time `json:"t"`
	Step   uint64    `json:"step"`
	ID     string    `json:"id"`
	Key    string    `json:"key"`
	Status int       `json:"status,omitempty"` // 0: none was sent, or it is not known
	Class  string    `json:"class,omitempty"`
	Place  string    `json:"placement,omitempty"` // that served or refused, with the endpoint
	Guest  bool      `json:"guest,omitempty"`
	Why    string    `json:"why"` // in brief
	Ended  bool      `json:"ended"`

	fate traces.Fate // Status, Class, Guest and Ended are of it
}

// List collects requests while a recording replays: Before and After are for traces.Options.
type List struct {
	filter Filter
	header traces.Header
	flying map[core.Handle]*Entry
	found  []*Entry // in order of arrival; those that have not ended are judged later
	over   int
	unsure bool                   // there may be more than over
	good   int                    // of found, those that have ended and are wanted
	only   func(step uint64) bool // see Only
}

// NewList returns a List that has seen nothing.
func NewList(f Filter) *List { return &List{filter: f, flying: map[core.Handle]*Entry{}} }

// Begin is told of the header of each file before its facts.
func (l *List) Begin(h traces.Header) { l.header = h }

// Only makes the list take no arrivals but those of some steps; nil for all.
func (l *List) Only(step func(step uint64) bool) { l.only = step }

// Leave waits no longer for those that have not ended, and returns how many they are.
func (l *List) Leave() int {
	n := len(l.flying)
	clear(l.flying)
	return n
}

// Pending reports whether a request in the list has not ended yet.
func (l *List) Pending() bool { return len(l.flying) > 0 }

// Full reports whether the list holds as many as it may, all of them ended.
func (l *List) Full() bool {
	return l.filter.Limit > 0 && len(l.flying) == 0 && l.good >= l.filter.Limit
}

// ByEnd reports whether it depends on the end of a request, or on who served it.
func (q *Filter) ByEnd() bool { return q.Status != 0 || q.Class != "" || q.Failed || q.Guests }

// Entries returns the requests found, oldest first, and how many more there
// were, -1 for some that nobody has counted.
func (l *List) Entries() (found []*Entry, more int) {
	for _, e := range l.found {
		if l.ok(e) {
			found = append(found, e)
		}
	}
	more = l.over
	if n := l.filter.Limit; n > 0 && len(found) > n {
		more += len(found) - n
		found = found[:n]
	}
	if l.unsure {
		more = -1
	}
	return found, more
}

func (l *List) wanted(f *traces.Fact) bool {
	q := &l.filter
	return f.Event.Kind == core.Arrive && f.Event.Handle == (core.Handle{}) && (l.only == nil || l.only(f.Step)) &&
		(q.ID == nil || f.Request.ID == *q.ID) && (q.Key == nil || f.Request.Key == *q.Key) &&
		f.Time >= q.From && (q.To == 0 || f.Time <= q.To)
}

// Fits reports whether a request that fared so passes what is known only when it
// has ended.
func (q *Filter) Fits(x traces.Fate) bool {
	return (q.Status == 0 || int(x.Status) == q.Status) && (q.Class == "" || className(x.Class) == q.Class) &&
		(!q.Failed || x.Failed()) && (!q.Guests || x.Guest)
}

// className is the class's name, "" for none.
func className(c core.Class) string {
	if c == core.ClassNone {
		return ""
	}
	return c.String()
}

func (l *List) ok(e *Entry) bool { return l.filter.Fits(e.fate) }

// After is traces.Options.After.
func (l *List) After(f *traces.Fact, r *core.Router, decided []core.Decision) {
	for i := range decided {
		d := &decided[i]
		if i == len(decided)-1 && f.Event.Kind == core.Arrive && f.Event.Handle == (core.Handle{}) {
			break // the arrival's own
		}
		if e := l.flying[d.Handle]; e != nil {
			e.decided(r, d)
			l.settle(e, d.Handle)
		}
	}
	switch f.Event.Kind {
	case core.Arrive:
		if l.wanted(f) && len(decided) > 0 {
			l.arrived(f, r, &decided[len(decided)-1])
		}
	case core.Reply:
		if e := l.flying[f.Event.Handle]; e != nil {
			e.fate.Status = f.Event.Status
			e.show()
			l.moved(e, f, decided)
		}
	case core.Finish:
		if e := l.flying[f.Event.Handle]; e != nil && !l.moved(e, f, decided) {
			e.finished(&f.Event)
			l.settle(e, f.Event.Handle)
		}
	}
}

// moved follows a request to the handle under which it is tried again.
func (l *List) moved(e *Entry, f *traces.Fact, decided []core.Decision) bool {
	to, moved := traces.Moved(&f.Event, decided)
	if moved {
		delete(l.flying, f.Event.Handle)
		l.flying[to] = e
		e.Why += ", tried again"
	}
	return moved
}

func (l *List) arrived(f *traces.Fact, r *core.Router, d *core.Decision) {
	e := &Entry{
		Router: l.header.Name, Wall: l.header.Origin + int64(f.Time), T: f.Time, Step: f.Step,
		ID: traces.FormatRequestID(f.Request.ID), Key: f.Request.Key,
	}
	e.Time = fmt.Sprintf("+%.3fs", float64(f.Time)/1e9)
	if l.header.Origin != 0 {
		e.Time = time.Unix(0, e.Wall).UTC().Format("2006-01-02 15:04:05.000")
	}
	e.decided(r, d)
	if !e.Ended {
		l.flying[d.Handle] = e
	} else if !l.ok(e) {
		return
	}
	l.keep(e, d.Handle)
}

// keep adds e, unless there are enough without it.
func (l *List) keep(e *Entry, h core.Handle) {
	if n := l.filter.Limit; n > 0 && l.good >= n {
		if delete(l.flying, h); e.Ended || !l.filter.ByEnd() {
			l.over++
		} else {
			l.unsure = true
		}
		return
	}
	l.found = append(l.found, e)
	if e.Ended {
		l.good++
	}
}

// settle drops what has ended and is not wanted.
func (l *List) settle(e *Entry, h core.Handle) {
	if !e.Ended {
		return
	}
	delete(l.flying, h)
	if l.ok(e) {
		l.good++
	} else {
		for i := len(l.found) - 1; i >= 0; i-- { // those in flight are near the end
			if l.found[i] == e {
				l.found = slices.Delete(l.found, i, i+1)
				break
			}
		}
	}
}

// show sets what a reader sees of its fate.
func (e *Entry) show() {
	e.Status, e.Class, e.Guest, e.Ended = int(e.fate.Status), className(e.fate.Class), e.fate.Guest, e.fate.Ended
}

// decided takes in what was decided about the request.
func (e *Entry) decided(r *core.Router, d *core.Decision) {
	e.fate.Decided(d)
	e.show()
	p := r.Placement(d.Placement)
	switch d.Kind {
	case core.Forward:
		e.Place, e.Why = endpointName(r, d.Endpoint), "at home"
		switch {
		case e.Guest:
			e.Why = "guest, " + d.Failover.String()
		case d.Reason == core.ReasonDefault:
			e.Why = "unknown key, by default"
		}
		if d.Probe {
			e.Why += ", half-open probe"
		}
	case core.Queued:
		e.Place, e.Why = p.Name, fmt.Sprintf("waits, %d there", d.Count)
	case core.Reject:
		e.Place, e.Why = p.Name, d.Class.String()
		if d.Rule == 5 && d.Placement >= 0 {
			room := fmt.Sprintf("%d in flight", p.InFlight)
			if p.Limit > 0 {
				room = fmt.Sprintf("%d of %d in flight", p.InFlight, p.Limit)
			}
			if p.Guests > 0 {
				room += ", " + say.Plural(p.Guests, "guest")
			}
			e.Why += ": " + room
		}
		if d.Failover != core.FailoverNone && d.Rule == 5 {
			e.Why += "; home left, " + d.Failover.String()
		}
	case core.Abort:
		e.Why += ", cut: " + d.Class.String()
	}
}

// finished takes in how the request ended.
func (e *Entry) finished(ev *core.Event) {
	e.fate.Finished(ev)
	if e.show(); e.Class != "" {
		e.Why += ", then " + e.Class
	}
}

// PrintList writes a list as text, a line each, with the command that tells more:
// command gives it for a step of a router.
func PrintList(w io.Writer, list []*Entry, more int, command func(e *Entry) string) {
	when, key, place := 0, 0, 0
	router := false
	for _, e := range list {
		when, key, place = max(when, len(e.Time)), max(key, min(len(quoted(e.Key)), 30)), max(place, min(len(e.Place), 28))
		router = router || e.Router != list[0].Router
	}
	for i, e := range list {
		status := "-"
		if e.Status != 0 {
			status = fmt.Sprint(e.Status)
		} else if !e.Ended {
			status = "..."
		}
		line := fmt.Sprintf("%3d  %-*s  %s  %-*s  %-3s  %-*s  %s", i+1, when, e.Time, e.ID, key, quoted(e.Key), status, place, e.Place, e.Why)
		if router {
			line += "   " + e.Router
		}
		fmt.Fprintln(w, strings.TrimRight(line, " "))
	}
	if more < 0 {
		fmt.Fprintln(w, "     and more: --limit shows more of them, --from and --to others")
	}
	if more > 0 {
		fmt.Fprintf(w, "     and %s more: --limit shows more of them, --from and --to others\n", say.Count(uint64(more)))
	}
	if len(list) > 0 {
		fmt.Fprintf(w, "\nEach in full:  %s\n", command(list[0]))
	}
}
