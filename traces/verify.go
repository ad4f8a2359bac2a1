package traces

import (
	"errors"
	"fmt"
	"io"

	"lockstep/core"
)

// Options of a replay. The zero value only compares.
type Options struct {
	// Before is told of each fact with the router as it was before it; its Now
	// and deadlines are still those of the step before. It must not change the router.
	Before func(f *Fact, r *core.Router)
	// After is told of each fact with the router after it and what it decided now.
	After func(f *Fact, r *core.Router, decided []core.Decision)
	// Stop ends a run before the next item when it reports true; nil never does.
	Stop func() bool
}

// Report is what a replay found.
type Report struct {
	Facts     uint64 // steps recomputed
	Requests  uint64 // Arrives among them
	Decisions uint64 // compared
	Blocks    uint64
	Digests   uint64 // compared, at block starts and marks
	First     uint64 // step of the first fact, 0 for none
	Last      uint64 // step of the last
	Gaps      []Gap
	Lost      uint64 // steps that lie between those replayed and are in no file
	Damage    []error
	Specs     []string // versions of the rules it was recorded under, when not SpecVersion
	// Divergence is the first difference, nil for none; replay stopped there.
	Divergence *Divergence
}

// OK reports whether everything that was read replayed identically and could
// be read. Gaps do not count against it: they are what the recorder said.
func (r *Report) OK() bool { return r.Divergence == nil && len(r.Damage) == 0 }

// Verify replays one trace: it recomputes Match and every decision and stops
// at the first divergence, which is in the Report. The error is one of reading.
func Verify(rd *Reader, o Options) (Report, error) {
	v := NewVerifier(o)
	err := v.Run(rd)
	return v.Report(), err
}

// Verifier replays several segments of a recording in order. Where their step
// numbers join, the state is carried over and compared.
type Verifier struct {
	options Options
	report  Report
	header  Header       // of the segment before
	router  *core.Router // nil before the first block
	next    uint64       // step expected next
	block   BlockHead    // the current one, its snapshot not kept
	out     []core.Decision
	scratch []byte
	owed    bool // requests that wait must be matched again
	stale   []core.Handle
	several bool // there has been a configuration with several routes
	part    *part
}

// NewVerifier returns a Verifier that has seen nothing.
func NewVerifier(o Options) *Verifier { return &Verifier{options: o} }

// Report returns what was found so far.
func (v *Verifier) Report() Report { return v.report }

// Run replays what rd reads, until its end, a divergence, or Options.Stop.
func (v *Verifier) Run(rd *Reader) error {
	v.enter(rd.Header())
	for v.report.Divergence == nil && (v.options.Stop == nil || !v.options.Stop()) {
		it, err := rd.Next()
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			if _, damaged := errors.AsType[*DamageError](err); !damaged {
				return fmt.Errorf("reading a trace: %w", err)
			}
			v.report.Damage = append(v.report.Damage, err)
			continue
		}
		switch it.Kind {
		case ItemBlock:
			err = v.open(it.Block, rd)
		case ItemFact:
			v.fact(it.Fact)
		case ItemMark:
			v.digest("digest of the state", it.Digest)
		case ItemGap:
			v.report.Gaps = append(v.report.Gaps, *it.Gap)
		}
		if err != nil {
			v.report.Damage = append(v.report.Damage, err)
			v.router = nil
		}
	}
	return nil
}

// open begins a block: by comparing its state with the one reached, or, where
// facts are missing before it, by starting from its snapshot.
func (v *Verifier) open(b *BlockHead, rd *Reader) error {
	v.part.opened(v, b)
	defer v.part.began(v)
	v.report.Blocks++
	v.block = *b
	v.block.Snapshot = nil
	if v.router != nil && b.Joins(v.next) {
		v.compareStart(b)
		return nil
	}
	if v.next > 0 && b.Step > v.next {
		v.report.Lost += b.Step - v.next
	}
	v.router, v.next, v.owed = nil, b.Step, false
	damaged := func(err error) error {
		return &DamageError{Block: b.Number, Offset: b.Offset, Err: err}
	}
	digest, _, err := core.SnapshotConfig(b.Snapshot)
	if err != nil {
		return damaged(err)
	}
	c := rd.Config(digest)
	if digest != 0 && c == nil {
		return damaged(fmt.Errorf("its snapshot names configuration %016x, which is not in the file before it", digest))
	}
	r, err := core.Restore(b.Snapshot, c, false)
	if err != nil {
		return damaged(err)
	}
	v.router = r
	v.digest("digest of the block's snapshot", b.Digest)
	return nil
}

func (v *Verifier) digest(what string, recorded uint64) {
	if v.router == nil || v.report.Divergence != nil {
		return
	}
	v.report.Digests++
	if got := v.router.Digest(); got != recorded {
		d := v.diverge(&Fact{Step: v.next, Time: v.router.Now()}, what, -1)
		d.RecordedDigest, d.ReplayedDigest = recorded, got
	}
}

// fact replays one step and compares what was decided.
func (v *Verifier) fact(f *Fact) {
	if v.router == nil || f.Step != v.next {
		return // of a block whose snapshot could not be restored
	}
	v.next++
	v.report.Facts++
	if v.report.First == 0 {
		v.report.First = f.Step
	}
	v.report.Last = f.Step
	if v.options.Before != nil {
		v.options.Before(f, v.router)
	}
	if v.owed && (f.Event.Kind != core.Arrive || f.Event.Handle == core.Handle{}) {
		v.diverge(f, "event: requests that wait must be matched again first", -1)
		return
	}
	if f.Event.Kind == core.Arrive {
		v.report.Requests += bit(f.Event.Handle == core.Handle{})
		refuse := f.Event.Route.Refuse
		f.Event.Route = RouteOf(v.router.Config(), f.Request.Key, &f.Event)
		if f.Event.Route.Refuse != refuse && f.Event.Epoch == v.router.Epoch() {
			v.diverge(f, "refuse of Match", -1)
			return
		}
	}
	v.out = v.router.Step(f.Time, &f.Event, v.out[:0])
	v.compare(f)
	v.owes(f)
	if v.options.After != nil {
		v.options.After(f, v.router, v.out)
	}
}

func (v *Verifier) compare(f *Fact) {
	for i := range min(len(v.out), len(f.Decisions)) {
		if v.out[i] != f.Decisions[i] {
			v.diverge(f, differs(&f.Decisions[i], &v.out[i]), i)
			return
		}
		v.report.Decisions++
	}
	if len(v.out) != len(f.Decisions) {
		v.diverge(f, "number of decisions", min(len(v.out), len(f.Decisions)))
	}
}

// RouteOf returns the route of a recorded Arrive: what Match says of the key
// under c, except for what the edge itself refused (Class.ByEdge) and before
// the first configuration, where there is nothing to match.
func RouteOf(c *core.Config, key string, ev *core.Event) core.Route {
	if refuse := ev.Route.Refuse; c == nil || refuse.ByEdge() {
		return core.Route{Placement: -1, Refuse: refuse}
	}
	route, _ := c.MatchVia(ev.Via, key, ev.SplitHash())
	return route
}
