package whatif

import (
	"cmp"
	"slices"

	"lockstep/core"
	"lockstep/traces"
)

// Label says how sure a decision or an outcome is.
type Label uint8

// Labels, surest first. What depends on several is as sure as the least.
const (
	Recorded Label = iota // follows from what was recorded
	Modelled              // depends on outcomes drawn from what endpoints did at that time
	Unknown               // depends on what no recording shows
	labels
)

// String returns the label's name.
func (l Label) String() string {
	switch l {
	case Recorded:
		return "recorded"
	case Modelled:
		return "modelled"
	}
	return "unknown"
}

// Shares counts by label.
type Shares struct {
	Recorded uint64 `json:"recorded"`
	Modelled uint64 `json:"modelled"`
	Unknown  uint64 `json:"unknown"`
}

func (s *Shares) add(l Label) {
	switch l {
	case Recorded:
		s.Recorded++
	case Modelled:
		s.Modelled++
	default:
		s.Unknown++
	}
}

// Total returns the sum.
func (s Shares) Total() uint64 { return s.Recorded + s.Modelled + s.Unknown }

// Tally is what became of the requests on one side.
type Tally struct {
	Requests  uint64                `json:"requests"`  // that came
	Refused   uint64                `json:"refused"`   // without an attempt, or after a wait
	Failovers uint64                `json:"failovers"` // requests that another placement than the first candidate took
	Attempts  uint64                `json:"attempts"`
	Retries   uint64                `json:"retries"` // by the router
	Queued    uint64                `json:"queued"`
	Errors    uint64                `json:"errors"`      // requests answered 500 or more, or cut off; refusals included
	Gone      uint64                `json:"client_gone"` // left before an answer
	Opened    uint64                `json:"breakers_opened"`
	Sick      uint64                `json:"endpoints_unhealthy"`
	Open      uint64                `json:"in_flight_at_the_end"`
	Classes   [core.Classes]uint64  `json:"-"` // requests by the class of their end
	Statuses  [600]uint64           `json:"-"` // by the status told; 0: none
	Places    map[string]*PlaceUsed `json:"-"`
}

// PlaceUsed is what one placement saw on one side.
type PlaceUsed struct {
	Attempts uint64 `json:"attempts"`
	Guests   uint64 `json:"guests"`
	Refused  uint64 `json:"refused"`
	Peak     int    `json:"peak_in_flight"` // at one router
}

// Where says who answered a request: the placement that served it last, or that
// refused it and as what. A refusal that no placement decided has none.
type Where struct {
	Placement string     `json:"placement,omitempty"`
	Refused   core.Class `json:"-"` // ClassNone: it was served
}

// String says it in words.
func (w Where) String() string {
	switch {
	case w.Refused == core.ClassNone && w.Placement == "":
		return "nobody"
	case w.Refused == core.ClassNone:
		return w.Placement
	case w.Placement == "":
		return "refused, " + w.Refused.String()
	}
	return "refused at " + w.Placement + ", " + w.Refused.String()
}

// Move is a change of who answers.
type Move struct {
	From, To Where
	Requests uint64
	Labels   Shares // of the decision under the new configuration
	Examples []Example
}

// StatusChange is a change of what the client is told.
type StatusChange struct {
	From, To uint16 // 0: no answer, or one cut off
	Requests uint64
	Labels   Shares // of the outcome under the new configuration
	Examples []Example
}

// Example is one request that changes.
type Example struct {
	Router string
	ID     [2]uint64
	Key    string
	Step   uint64
	Time   core.Time // it came; the router's
	Label  Label     // of what the change is of: the decision, or all of what the client is told
	Why    string    // it is not recorded
}

// Request is one request on both sides.
type Request struct {
	Example
	Decision, Outcome             Label
	DecisionWhy                   string // the decision is not recorded
	Before, After                 Where
	StatusBefore, StatusAfter     uint16 // told; 0: no answer, or one cut off
	ClassBefore, ClassAfter       core.Class
	AttemptsBefore, AttemptsAfter int
	Same                          bool // its last attempt is the recorded one
}

// KeyChange is what changes for the requests of one routing key.
type KeyChange struct {
	Key      string
	Moved    uint64 // another placement, or refused and not before, or the reverse
	Statuses uint64 // another status
	Refused  int64  // more refusals than before
	Errors   int64  // more answers of 500 and above
}

// Assumed counts what had to be assumed for the run to go on.
type Assumed struct {
	NeverSeen    uint64 `json:"outcomes_of_endpoints_never_seen"` // taken as answered 200 in the typical time
	OtherName    uint64 `json:"outcomes_by_url_alone"`            // drawn from the same URL in another placement
	BeyondLoad   uint64 `json:"outcomes_beyond_recorded_load"`    // more in flight there than any recording near shows
	Silent       uint64 `json:"outcomes_after_longer_timeout"`    // it was silent, and is taken to stay silent for the longer timeout
	Cut          uint64 `json:"outcomes_cut_by_shorter_timeout"`
	ProbesUnseen uint64 `json:"probes_never_seen"` // taken as good
	AdoptsLeft   uint64 `json:"adopts_left_out"`
	WaitsLeft    uint64 `json:"waits_left_out"` // that began before the recording: their keys are not in it
	Routes       uint64 `json:"arrivals_by_a_route_not_there"`
	OtherRoutes  uint64 `json:"arrivals_whose_route_is_not_known"` // there were more routes, or fewer, and it matters by which they come
	KeysUnknown  uint64 `json:"arrivals_whose_key_became_unknown"`
	Restarts     uint64 `json:"restarts_after_gaps"`
	Lost         uint64 `json:"requests_cut_by_gaps"`
	NotAgain     uint64 `json:"client_retries_that_do_not_come"`
	Again        uint64 `json:"client_retries_that_come_besides"`
	Repeats      uint64 `json:"client_retries_as_recorded"` // requests whose id had come before
}

// RouterReport is what replaying one router's recording found.
type RouterReport struct {
	Name   string
	Origin int64 // ns since 1970 UTC of its time 0; 0 for a simulated one
	Report traces.Report
}

// Result is what a what-if found.
type Result struct {
	Routers   []RouterReport
	Facts     uint64
	Requests  uint64 // that were decided on both sides
	Decisions Shares // of requests: where they go
	Outcomes  Shares // of requests: what they are told, and when
	Worst     Shares // of requests: the less sure of both
	Before    Tally
	After     Tally
	Moved     uint64 // requests that somebody else answers, or that are refused and were not, or the reverse
	Statuses  uint64 // requests that are told another status
	Assumed   Assumed
	moves     map[[2]Where]*Move
	statuses  map[[2]uint16]*StatusChange
	keys      map[string]*KeyChange
	KeysMore  uint64 // changes of keys beyond those that are kept
	From, To  int64  // wall time of the first and last fact
	WidestFor core.Duration
}

const mostKeys = 100_000

func (r *Result) init() {
	r.Before.Places, r.After.Places = map[string]*PlaceUsed{}, map[string]*PlaceUsed{}
	r.moves, r.statuses, r.keys = map[[2]Where]*Move{}, map[[2]uint16]*StatusChange{}, map[string]*KeyChange{}
}

// Moves returns who answers instead of whom, most requests first.
func (r *Result) Moves() []*Move {
	return ordered(r.moves, func(a, b *Move) int {
		return cmp.Or(cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.From.String(), b.From.String()), cmp.Compare(a.To.String(), b.To.String()))
	})
}

// StatusChanges returns the statuses that change, most requests first.
func (r *Result) StatusChanges() []*StatusChange {
	return ordered(r.statuses, func(a, b *StatusChange) int {
		return cmp.Or(cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
	})
}

// Keys returns the routing keys for which something changes, most first.
func (r *Result) Keys() []*KeyChange {
	return ordered(r.keys, func(a, b *KeyChange) int {
		return cmp.Or(cmp.Compare(b.Moved+b.Statuses, a.Moved+a.Statuses), cmp.Compare(a.Key, b.Key))
	})
}

func ordered[K comparable, V any](m map[K]V, by func(a, b V) int) []V {
	out := make([]V, 0, len(m))
	for _, v := range m {
		out = append(out, v)
	}
	slices.SortFunc(out, by)
	return out
}

func (t *Tally) place(name string) *PlaceUsed {
	p := t.Places[name]
	if p == nil {
		p = new(PlaceUsed)
		t.Places[name] = p
	}
	return p
}

// ended books the end of a request.
func (t *Tally) ended(s *side) {
	t.Classes[s.class]++
	t.Statuses[s.status%600]++
	switch {
	case s.class == core.ClientGone:
		t.Gone++
	case s.failed():
		t.Errors++
	}
}

// failed reports an answer of 500 or more, or one that was cut off.
func (s *side) failed() bool {
	return s.status >= 500 || s.class.Effect() == core.EffectFailure
}
