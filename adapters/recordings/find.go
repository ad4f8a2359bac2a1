package recordings

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"

	"lockstep/core"
	"lockstep/traces"
)

// Query says what to find. Of ID, Step and Key at most one is set; with none,
// and no Fared, the blocks of the window are found.
type Query struct {
	ID   *[2]uint64 // arrivals with this id, as traces.ParseRequestID gives it
	Step uint64     // the fact with this number; 0 for none
	Key  *string    // arrivals with this routing key
	From int64      // wall time in ns, as Recording.Wall; 0 for no bound
	To   int64      // the same, itself included; 0 for no bound
	// After leaves out what is not after this step; 0 for no bound.
	After uint64
	// Fared narrows arrivals to blocks in which a request, with Key one with that
	// key, fared so, or may have, as its end is not recorded; nil for all. Other
	// arrivals in these blocks are hits too. With ID and Step it means nothing.
	Fared func(traces.Fate) bool
	// Limit is how many hits are enough; 0 means no bound. The first ones count,
	// with Newest the last ones.
	Limit  int
	Newest bool
}

// Hit is where something was found.
type Hit struct {
	Block Block     // replay can begin there
	Step  uint64    // of the fact; of a block found by time alone, of its first fact
	Time  core.Time // of the fact, or at the block's start
}

// Find looks for what q asks for, in order of step. Where a segment has an
// index it reads few blocks; without one it reads those of the window. Hits in
// parts that are damaged are not found; Replay says what is damaged.
func (r *Recording) Find(q Query) ([]Hit, error) {
	wanted, err := r.candidates(&q)
	if err != nil {
		return nil, err
	}
	if q.Newest {
		slices.Reverse(wanted)
	}
	var hits []Hit
	batch := 4 * runtime.GOMAXPROCS(0)
	for len(wanted) > 0 && (q.Limit == 0 || len(hits) < q.Limit) {
		n := min(batch, len(wanted))
		found, err := r.confirmAll(wanted[:n], &q)
		if err != nil {
			return nil, err
		}
		hits = append(hits, found...)
		wanted = wanted[n:]
	}
	if q.Limit > 0 && len(hits) > q.Limit {
		hits = hits[:q.Limit]
	}
	if q.Newest {
		slices.Reverse(hits)
	}
	return hits, nil
}

// span is blocks of one segment that are read together, up to end, nil for the end of the file.
type span struct {
	blocks []Block
	end    *Block
}

// candidates lists the blocks in which there may be a hit.
func (r *Recording) candidates(q *Query) ([]span, error) {
	var parts []*Segment
	last := 0 // place of the segment after them
	for i, s := range r.Segments {
		if s.First != 0 && r.mayHold(i, q) {
			parts, last = append(parts, s), i+1
		}
	}
	found, errs := make([]places, len(parts)), make([]error, len(parts))
	r.eachSegment(parts, func(i int) {
		if found[i], errs[i] = parts[i].lookIn(q); errs[i] == nil && (found[i].all || len(found[i].only) > 0) {
			_, errs[i] = parts[i].places() // read here, since here several are at a time
		}
		if errors.Is(errs[i], errGone) {
			errs[i] = nil // deleted since, as is what would be found in it
		}
	})
	err := errors.Join(errs...)
	if q.byFate() && err == nil {
		err = follow(found, r.Segments[last:], q)
	}
	var wanted []span
	for i, s := range parts {
		if err == nil {
			var more []span
			more, err = s.spans(&found[i], q)
			wanted = append(wanted, more...)
		}
	}
	return wanted, err
}

// eachSegment calls do for every segment, several at a time, and says how far it is
// where indexes are made on the way.
func (r *Recording) eachSegment(parts []*Segment, do func(i int)) {
	var wait sync.WaitGroup
	turn := make(chan struct{}, 2*runtime.GOMAXPROCS(0)) // they wait for the disk too
	for i := range parts {
		wait.Add(1)
		turn <- struct{}{}
		if r.Progress != nil && parts[i].Form == traces.Binary && !parts[i].indexed() {
			r.Progress("indexing "+parts[i].Path, i, len(parts))
		}
		go func() {
			defer func() { <-turn; wait.Done() }()
			do(i)
		}()
	}
	wait.Wait()
	if r.Progress != nil {
		r.Progress("", len(parts), len(parts))
	}
}

// spans lists the blocks of the segment in which there may be a hit.
func (s *Segment) spans(p *places, q *Query) (wanted []span, err error) {
	if !p.all && len(p.only) == 0 {
		return nil, nil
	}
	l, err := s.places()
	if err != nil {
		if errors.Is(err, errGone) {
			err = nil
		}
		return nil, err
	}
	if p.all {
		return l.spans(0, len(l.blocks), q, s.Form == traces.NDJSON), nil // which is read from its beginning anyhow
	}
	slices.Sort(p.only)
	for _, k := range slices.Compact(p.only) {
		if k < 0 || k >= len(l.blocks) {
			continue // an index that lies is found out by its CRC; this is by chance
		}
		wanted = append(wanted, l.spans(k, k+1, q, false)...)
	}
	return wanted, nil
}

// spans lists the blocks from first to before end in which q can have a hit, each
// alone or together.
func (l *layout) spans(first, end int, q *Query, together bool) (wanted []span) {
	for k := first; k < end; k++ {
		if !within(l.blocks, k, q) {
			continue
		}
		if n := len(wanted); together && n > 0 {
			wanted[0] = span{l.blocks[wanted[0].blocks[0].at : k+1], after(l.blocks, k)}
			continue
		}
		wanted = append(wanted, span{l.blocks[k : k+1], after(l.blocks, k)})
	}
	return wanted
}

func after(blocks []Block, k int) *Block {
	if k+1 < len(blocks) {
		return &blocks[k+1]
	}
	return nil
}

// mayHold says by the beginnings of segments whether one can have a hit.
func (r *Recording) mayHold(i int, q *Query) bool {
	s := r.Segments[i]
	if q.Step > 0 && q.Step < s.First || q.To != 0 && q.To < s.From {
		return false
	}
	if i+1 == len(r.Segments) {
		return true
	}
	next := r.Segments[i+1]
	return next.First == 0 || next.First-1 > q.After && (q.Step == 0 || q.Step < next.First) && (q.From == 0 || q.From <= next.From)
}

// within says whether block k can have a hit by its steps and times.
func within(blocks []Block, k int, q *Query) bool {
	b := &blocks[k]
	origin := b.Segment.Header.Origin
	if q.Step > 0 && q.Step < b.Step || q.To != 0 && q.To < origin+int64(b.Time) {
		return false
	}
	if k+1 == len(blocks) {
		return true
	}
	next := &blocks[k+1]
	return next.Step-1 > q.After && (q.Step == 0 || q.Step < next.Step) && (q.From == 0 || q.From <= origin+int64(next.Time))
}

// confirmAll reads the blocks, on all cores, and returns the hits in order, or
// newest first.
func (r *Recording) confirmAll(spans []span, q *Query) ([]Hit, error) {
	found := make([][]Hit, len(spans))
	errs := make([]error, len(spans))
	var wait sync.WaitGroup
	turn := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i := range spans {
		wait.Add(1)
		turn <- struct{}{}
		go func() {
			defer func() { <-turn; wait.Done() }()
			if found[i], errs[i] = spans[i].confirm(q, &r.configs); errors.Is(errs[i], errGone) {
				errs[i] = nil
			}
			if q.Newest {
				slices.Reverse(found[i])
			}
		}()
	}
	wait.Wait()
	return slices.Concat(found...), errors.Join(errs...)
}

// confirm reads the facts of a span.
func (s span) confirm(q *Query, cache *configCache) (hits []Hit, err error) {
	if q.ID == nil && q.Key == nil && q.Step == 0 && q.Fared == nil {
		for _, b := range s.blocks {
			hits = append(hits, Hit{b, b.Step, b.Time})
		}
		return hits, nil
	}
	segment := s.blocks[0].Segment
	rd, file, err := segment.open(&s.blocks[0], s.end, map[uint64]*core.Config{}, cache)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var in *Block
	for {
		it, err := rd.Next()
		switch damaged := traces.Damaged(err); {
		case errors.Is(err, io.EOF):
			return hits, nil
		case damaged:
			continue
		case err != nil:
			return nil, fmt.Errorf("%s: reading a trace: %w", segment.Path, err)
		case it.Kind == traces.ItemBlock:
			in = s.block(it.Block.Number)
		case it.Kind == traces.ItemFact && in != nil && q.matches(it.Fact, segment.Header.Origin):
			hits = append(hits, Hit{*in, it.Fact.Step, it.Fact.Time})
		}
	}
}

// block returns the block of that number, nil if it is not of the span.
func (s span) block(number int) *Block {
	for i := range s.blocks {
		if s.blocks[i].Number == number {
			return &s.blocks[i]
		}
	}
	return nil
}

// matches says whether a fact is meant.
func (q *Query) matches(f *traces.Fact, origin int64) bool {
	at := origin + int64(f.Time)
	switch {
	case at < q.From, q.To != 0 && at > q.To, f.Step <= q.After:
		return false
	case q.Step > 0:
		return f.Step == q.Step
	case f.Event.Kind != core.Arrive || f.Event.Handle != (core.Handle{}):
		return false // or a request that waited is matched again
	case q.ID != nil:
		return f.Request.ID == *q.ID
	case q.Key != nil:
		return f.Request.Key == *q.Key
	}
	return q.Fared != nil
}
