package main

import (
	"lockstep/adapters/recordings"
	"lockstep/core"
	"lockstep/traces"
	"lockstep/traces/explain"
)

const (
	hitsAtOnce = 4096    // asked of the index at a time, at most
	factsMore  = 1 << 19 // replayed after a request to see how it ends
	factsIdle  = 1 << 22 // replayed for that in all
)

// entries lists requests by their blocks. more is -1 when there are more and
// nobody has counted them.
func (b *byIndex) entries(filter explain.Filter) (found []*explain.Entry, more int, err error) {
	l := explain.NewList(filter)
	l.Begin(b.r.Header)
	q := recordings.Query{ID: filter.ID, Key: filter.Key, Limit: hitsAtOnce}
	if filter.From > 0 {
		q.From = b.r.Wall(int64(filter.From))
	}
	if filter.To > 0 {
		q.To = b.r.Wall(int64(filter.To))
	}
	if filter.ByEnd() {
		q.Fared = filter.Fits
	}
	switch usual := filter.Fits(traces.Fate{Status: 200, Ended: true}); {
	case usual && q.ID == nil && q.Key == nil:
		more, err = b.window(l, q, filter.To)
	default:
		if usual && filter.Limit > 0 {
			q.Limit = filter.Limit + 1
		}
		more, err = b.named(l, q)
	}
	if err != nil {
		return nil, 0, err
	}
	found, over := l.Entries()
	if more == 0 {
		more = over
	}
	return found, more, nil
}

// named lists what the index finds, batch by batch.
func (b *byIndex) named(l *explain.List, q recordings.Query) (more int, err error) {
	for {
		hits, err := b.r.Find(q)
		if err != nil {
			return 0, err
		}
		if err = b.follow(l, hits); err != nil {
			return 0, err
		}
		if len(hits) < q.Limit {
			return 0, nil
		}
		if l.Full() {
			return -1, nil
		}
		q.Limit = min(2*q.Limit, hitsAtOnce)
		q.After = hits[len(hits)-1].Step
	}
}

// window replays all from the first block of a window to its end, or until the
// list is full; then more is -1.
func (b *byIndex) window(l *explain.List, q recordings.Query, to core.Time) (more int, err error) {
	q.Limit = 1
	hits, err := b.r.Find(q)
	if err != nil || len(hits) == 0 {
		return 0, err
	}
	over, after := false, factsMore
	report, err := b.r.Replay(hits[0].Block, traces.Options{
		After: func(f *traces.Fact, r *core.Router, decided []core.Decision) {
			if l.After(f, r, decided); to != 0 && f.Time > to {
				over = true
				after--
			}
		},
		Stop: func() bool { return l.Full() || over && (!l.Pending() || after < 0) },
	})
	b.add(&report)
	if !over && l.Full() {
		more = -1
	}
	return more, err
}

// follow replays the blocks of hits, each until its requests have ended, or have
// taken so long that the others would have to wait for them.
func (b *byIndex) follow(l *explain.List, hits []recordings.Hit) error {
	i := 0 // the first hit that was not passed
	l.Only(func(step uint64) bool {
		for i < len(hits) && hits[i].Step < step {
			i++
		}
		return i < len(hits) && hits[i].Step == step
	})
	for i < len(hits) && !l.Full() {
		start, budget, last := i, factsMore, uint64(0)
		report, err := b.r.Replay(hits[i].Block, traces.Options{
			After: func(f *traces.Fact, r *core.Router, decided []core.Decision) {
				l.After(f, r, decided)
				last = f.Step
			},
			Stop: func() bool {
				for i < len(hits) && hits[i].Step <= last {
					i, budget = i+1, factsMore
				}
				if l.Full() {
					return true
				}
				if i == start || i < len(hits) && hits[i].Block.Step <= last+b.near {
					return false
				}
				budget, b.idle = budget-1, b.idle+1
				if l.Pending() && (budget < 0 || b.idle > factsIdle) {
					b.left += l.Leave()
				}
				return !l.Pending()
			},
		})
		b.add(&report)
		l.Leave()       // the recording ends, or is damaged
		if i == start { // it was not reached: what lies there is damaged
			i++
		}
		if err != nil || report.Divergence != nil {
			return err
		}
	}
	return nil
}
