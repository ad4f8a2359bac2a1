package main

import (
	"lockstep/adapters/recordings"
	"lockstep/core"
	"lockstep/traces"
	"lockstep/traces/explain"
)

const (
	hitsAtOnce = 4096    // asked of the index at a time, at most
	factsMore  = 1 << 21 // replayed after a request to see how it ends
)

// entries lists requests by their blocks. more is -1 when there are more and
// nobody has counted them.
func (b *byIndex) entries(filter explain.Filter) (found []*explain.Entry, more int, err error) {
	l := explain.NewList(filter)
	l.Begin(b.r.Header)
	q := recordings.Query{ID: filter.ID, Key: filter.Key, Limit: max(64, 4*filter.Limit)}
	if filter.Limit == 0 {
		q.Limit = hitsAtOnce
	}
	if filter.From > 0 {
		q.From = b.r.Wall(int64(filter.From))
	}
	if filter.To > 0 {
		q.To = b.r.Wall(int64(filter.To))
	}
	if !filter.ByEnd() && filter.Limit > 0 {
		q.Limit = filter.Limit + 1
	}
	last := uint64(0) // step that was read last
	for {
		hits, err := b.r.Find(q)
		if err != nil {
			return nil, 0, err
		}
		if last, err = b.follow(l, hits, last); err != nil {
			return nil, 0, err
		}
		if len(hits) < q.Limit {
			break
		}
		if l.Full() {
			more = -1
			break
		}
		q.Limit = min(2*q.Limit, hitsAtOnce)
		q.From = b.r.Wall(int64(hits[len(hits)-1].Time)) // some come twice; they are passed over
	}
	found, over := l.Entries()
	if more == 0 {
		more = over
	}
	return found, more, nil
}

// follow replays the blocks of hits, each until its requests have ended.
func (b *byIndex) follow(l *explain.List, hits []recordings.Hit, last uint64) (uint64, error) {
	for i := 0; i < len(hits) && !l.Full(); {
		if hits[i].Step <= last {
			i++
			continue
		}
		budget := factsMore
		from := last
		report, err := b.r.Replay(hits[i].Block, traces.Options{
			After: func(f *traces.Fact, r *core.Router, decided []core.Decision) {
				if budget--; f.Step > from {
					l.After(f, r, decided)
				}
				last = max(last, f.Step)
			},
			Stop: func() bool {
				for i < len(hits) && hits[i].Step <= last {
					i, budget = i+1, factsMore
				}
				near := i < len(hits) && hits[i].Block.Step <= last+1<<14
				return l.Full() || !near && (!l.Pending() || budget < 0) && last > 0
			},
		})
		b.add(&report)
		if err != nil || report.Divergence != nil {
			return last, err
		}
	}
	return last, nil
}
