package recordings

import (
	"errors"

	"lockstep/core"
	"lockstep/traces"
	"lockstep/traces/index"
)

// places is what the index of a segment knows of where a query's hits are.
type places struct {
	all  bool  // they may be in any of its blocks
	only []int // otherwise in these, by their places

	// Of a query by fate: requests whose end is not in the segment, and what
	// became of those that came before it.
	unended []index.Unended
	carried []index.Carried
}

// byFate reports whether Fared narrows the query.
func (q *Query) byFate() bool { return q.Fared != nil && q.ID == nil && q.Step == 0 }

// lookIn asks the index of the segment, which is made if there is none.
func (s *Segment) lookIn(q *Query) (p places, err error) {
	if q.ID == nil && q.Key == nil && !q.byFate() {
		return places{all: true}, nil
	}
	indexed, err := s.lookUp(true, func(ix *index.File) (err error) {
		p, err = lookIn(ix, q)
		return err
	})
	if !indexed {
		p = places{all: true}
	}
	return p, err
}

func lookIn(ix *index.File, q *Query) (p places, err error) {
	if q.ID != nil {
		p.only, err = ix.Requests(core.RequestHash(q.ID[0], q.ID[1]))
		return p, err
	}
	hash := index.AnyKey
	if q.Key != nil {
		hash = core.HashString(*q.Key)
	}
	if q.Fared != nil {
		known := false
		if p.only, known, err = ix.Fared(hash, q.Fared); err != nil {
			return p, err
		}
		if known {
			if p.unended, err = ix.Unended(hash); err == nil {
				p.carried, err = ix.Carried()
			}
			return p, err
		}
		if q.Key == nil {
			return places{all: true}, nil
		}
	}
	p.only, err = ix.Keys(hash)
	return p, err
}

// pending is a request that ends in a later segment than it began in.
type pending struct {
	segment int // place in what was found
	place   int // of its block
	fate    traces.Fate
}

// follow adds the blocks of requests that ended, as is wanted, in a later
// segment than they began in, or whose end is in none. next are the segments after those
// that were looked into.
func follow(found []places, next []*Segment, q *Query) error {
	open := map[core.Handle]pending{}
	for i := range found {
		resolve(open, found[i].carried, found, q)
		for _, u := range found[i].unended {
			open[u.Handle] = pending{i, u.Place, u.Fate}
		}
	}
	for _, s := range next {
		if len(open) == 0 {
			break
		}
		var carried []index.Carried
		_, err := s.lookUp(true, func(ix *index.File) (err error) {
			carried, err = ix.Carried()
			return err
		})
		if err != nil && !errors.Is(err, errGone) {
			return err
		}
		resolve(open, carried, found, q)
	}
	for _, u := range open {
		found[u.segment].only = append(found[u.segment].only, u.place)
	}
	return nil
}

// resolve takes in what a segment knows of requests that began before it.
func resolve(open map[core.Handle]pending, carried []index.Carried, found []places, q *Query) {
	for i := range carried {
		c := &carried[i]
		u, known := open[c.First]
		if !known {
			continue
		}
		delete(open, c.First)
		// Which of both segments says where it was sent last is not known here: both count.
		now, before := c.Fate, u.fate
		if now.Status == 0 {
			now.Status = before.Status
		}
		either := now
		either.Guest = before.Guest
		switch {
		case !now.Ended:
			now.Guest = now.Guest || before.Guest
			open[c.Handle] = pending{u.segment, u.place, now}
		case q.Fared(now) || q.Fared(either):
			found[u.segment].only = append(found[u.segment].only, u.place)
		}
	}
}
