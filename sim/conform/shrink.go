package conform

import (
	"slices"

	"lockstep/core"
)

// Shrink returns the smallest case it can find that still fails: it drops events by
// delta debugging from the back (Zeller, Hildebrandt 2002), brings them together
// in time, takes fields of events and settings of configurations away, until
// nothing more goes or more says that it is enough. fails must be a function of the case.
func Shrink(c *Case, fails func(*Case) bool, more func() bool) *Case {
	s := &shrinker{best: *c, fails: fails, more: more}
	if c.snapshot != nil {
		s.try((*Case).fromNothing)
	}
	for changed := true; changed && more(); {
		changed = s.drop()
		changed = s.hasten() || changed
		changed = s.plain() || changed
		changed = s.respec() || changed
	}
	return &s.best
}

type shrinker struct {
	best  Case
	fails func(*Case) bool
	more  func() bool
}

// try keeps a changed copy if it still fails.
func (s *shrinker) try(change func(*Case)) bool {
	if !s.more() {
		return false
	}
	c := s.best
	c.inputs = slices.Clone(c.inputs)
	change(&c)
	if !s.fails(&c) {
		return false
	}
	s.best = c
	return true
}

// fromNothing begins with a new router, which adopts what was in force, instead of
// a state that nobody can read.
func (c *Case) fromNothing() {
	c.snapshot, c.first = nil, 1
	if c.start == nil {
		return
	}
	c.inputs = slices.Insert(c.inputs, 0, input{id: -1, ev: core.Event{Kind: core.Adopt, Config: c.start}})
	c.start = nil
}

// drop takes events away, in chunks that are halved down to one.
func (s *shrinker) drop() (dropped bool) {
	for size := (len(s.best.inputs) + 1) / 2; size > 0; size /= 2 {
		for end := len(s.best.inputs); end > 0; end -= size {
			end = min(end, len(s.best.inputs))
			from := max(0, end-size)
			dropped = s.try(func(c *Case) { c.inputs = slices.Delete(c.inputs, from, end) }) || dropped
		}
	}
	return dropped
}

// hasten takes away the time between events, all of it or what is less than a
// second, and begins at 0.
func (s *shrinker) hasten() (done bool) {
	if len(s.best.inputs) > manyInputs {
		return false
	}
	for i := len(s.best.inputs) - 1; i >= 0; i-- {
		before := core.Time(0)
		if i > 0 {
			before = s.best.inputs[i-1].at
		}
		gap := s.best.inputs[i].at - before
		for _, less := range [...]core.Time{gap, gap % core.Time(core.Second), gap % core.Time(core.Millisecond)} {
			if less > 0 && s.try(func(c *Case) { c.earlier(i, less) }) {
				done = true
				break
			}
		}
	}
	return done
}

// manyInputs is how many events are too many for changes of single ones.
const manyInputs = 400

// earlier moves an event and all after it.
func (c *Case) earlier(from int, by core.Time) {
	for i := from; i < len(c.inputs); i++ {
		c.inputs[i].at -= by
	}
}

// plain sets fields of events to what says least.
func (s *shrinker) plain() (done bool) {
	if len(s.best.inputs) > manyInputs {
		return false
	}
	for i := range s.best.inputs {
		for _, change := range plainer(i) {
			was := s.best.inputs[i]
			now := was
			change(&now)
			if now != was {
				done = s.try(func(c *Case) { c.inputs[i] = now }) || done
			}
		}
	}
	return done
}

// plainer lists changes of the i-th event, each of which says less.
func plainer(i int) []func(*input) {
	return []func(*input){
		func(in *input) {
			in.ev.Length, in.ev.Priority, in.ev.Source, in.ev.Method, in.ev.Replayable = 0, 0, 0, 0, false
		},
		func(in *input) { in.ev.Length = 0 },
		func(in *input) { in.ev.Priority = 0 },
		func(in *input) { in.ev.Source = 0 },
		func(in *input) { in.ev.Method = 0 },
		func(in *input) { in.ev.Replayable = false },
		func(in *input) { in.ev.Split = 0 },
		func(in *input) { in.ev.Prefer = 0 },
		func(in *input) { in.ev.Via = 0 },
		func(in *input) { in.ev.RetryAfter = 0 },
		func(in *input) { in.ev.Sent = false },
		func(in *input) { in.ev.Class = 0 },
		func(in *input) {
			if in.ev.Class == 0 && in.ev.Status != 0 {
				in.ev.Status = 200
			}
		},
		func(in *input) { in.ev.Deliberate, in.ev.Origin = false, 0 },
		func(in *input) {
			if in.ev.Kind == core.Adopt {
				in.ev.Epoch = core.Epoch{}
			}
		},
		func(in *input) {
			if in.ev.Kind == core.Arrive {
				in.req.ID = [2]uint64{0, uint64(i)}
			}
		},
	}
}
