package report

import (
	"lockstep/core"
	"lockstep/traces"
)

// Limits of what one page holds.
const (
	// DefaultRequests is how many requests a page keeps one by one. Beyond it all
	// failures stay, and of the rest a sample; counts and rates stay exact.
	DefaultRequests = 2_000_000
	maxBins         = 4096      // of the time axis
	maxCells        = 4_000_000 // bins times time lines, beyond which bins are joined
	maxEvents       = 20_000    // told in words
	maxStates       = 200_000   // changes of breakers and health
)

// Options of a page. The zero value is one with every default.
type Options struct {
	Title    string // "" takes the name in the first recording's header
	Requests int    // kept one by one, over all routers; 0 means DefaultRequests
	Routers  int    // how many recordings will come; they share Requests; 0 means 1
	// From and To cut: only what came in [From, To) is shown, though everything is
	// replayed. In ns since 1970 UTC, or since the origin where the trace has none; 0 is open.
	From, To int64
	// Notes are said at the top, such as the verdict of a scenario.
	Notes []Note
	// Faults are what the one who made the recording knows of it: a scenario's faults.
	Faults []Fault
}

// Kinds of Note; "" is neither.
const (
	Good = "good"
	Bad  = "bad"
)

// Note is one sentence at the top of the page.
type Note struct {
	Text string `json:"text"`
	Kind string `json:"kind"` // Good, Bad or ""
}

// Fault is something that was done to the world, in the time of the trace.
type Fault struct {
	From, To core.Time
	Text     string
}

// Page is a page in the making.
type Page struct {
	options Options
	routers []*Router
}

// New returns a page without routers.
func New(o Options) *Page {
	if o.Requests <= 0 {
		o.Requests = DefaultRequests
	}
	o.Routers = max(o.Routers, 1)
	return &Page{options: o}
}

// Warn says something loudly at the top of the page.
func (p *Page) Warn(text string) {
	p.options.Notes = append(p.options.Notes, Note{Text: printable(text), Kind: Bad})
}

// Router adds the recording of one router. Name is what the page calls it,
// files are named in the command that explains one of its requests.
func (p *Page) Router(name string, files []string) *Router {
	r := &Router{
		name: name, files: files, from: p.options.From, to: p.options.To,
		rows: newRows(max(1000, p.options.Requests/p.options.Routers)),
		byID: map[uint64]int32{}, byName: map[string]int32{},
	}
	p.routers = append(p.routers, r)
	return r
}

// Router is the recording of one router: feed it with a Verifier that has its
// Hooks, tell it of every file's header by Begin, and of the outcome by Close.
type Router struct {
	name     string
	files    []string
	from, to int64
	header   traces.Header
	replay   traces.Report
	notes    []string // what is left out, said on the page

	begun      bool
	start, end core.Time // of what is shown
	last       uint64    // step of the last fact
	seen       core.Time // time of the last fact
	epoch      core.Epoch

	rows   rows
	flying traces.Flights[int32] // places in rows of requests in flight
	series series
	rates  rates

	places    []place // that ever were, in order of appearance
	endpoints []endpoint
	byName    map[string]int32 // index of a placement
	byID      map[uint64]int32 // index of an endpoint, by its identity
	placeOf   []int32          // by number in core, -1 for none
	endOf     []int32          // likewise
	states    int              // changes kept
	events    []event
	dropped   int // events beyond maxEvents
	gaps      []gap
	attempt   core.Attempt // that the present step ends
	ends      bool

	totals  totals
	stories []Story
}

// gap is a time of which the recording has nothing.
type gap struct {
	From  core.Time `json:"from"`
	To    core.Time `json:"to"`
	Steps uint64    `json:"steps"`
}

// Begin is told of the header of each file before its facts.
func (r *Router) Begin(h traces.Header) {
	if r.header.Spec == "" && r.header.Name == "" {
		r.header = h
	}
}

// Hooks are what the Verifier calls.
func (r *Router) Hooks() traces.Options {
	return traces.Options{Before: r.before, After: r.after, Stop: r.passed}
}

// passed reports whether the cut is over, and time enough for what came in it to end.
func (r *Router) passed() bool {
	const patience = 60 * core.Second
	return r.begun && r.to != 0 && r.seen.Sub(r.end) > patience
}

// Warn says something loudly on the page.
func (r *Router) Warn(text string) { r.notes = append(r.notes, printable(text)) }

// Name returns what the page calls it.
func (r *Router) Name() string { return r.name }

// Counts returns how many requests are shown, how many of them were refused or
// failed, and how many the page holds one by one.
func (r *Router) Counts() (requests, failures uint64, kept int) {
	return r.totals.requests, r.totals.bad(), len(r.rows.list)
}

// Close ends the recording with what its replay found.
func (r *Router) Close(found traces.Report) {
	r.replay = found
	r.end = max(r.end, r.start)
	if !r.begun {
		r.series.begin(r.start) // nothing of it could be replayed, or nothing lies in the cut
	}
	for h, n := range r.flying.All() {
		row := &r.rows.list[*n]
		if row.class == classPending {
			row.class = classFlying
		}
		r.book(row)
		r.flying.Drop(h)
	}
	if r.rows.halved > 0 {
		r.rows.compact(&r.flying) // what came after the last thinning is drawn as what came before
	}
	r.series.settle(r.end)
}

// inCut reports whether a time is to be shown.
func (r *Router) inCut(t core.Time) bool {
	wall := int64(t) + r.header.Origin
	return (r.from == 0 || wall >= r.from) && (r.to == 0 || wall < r.to)
}
