package fuzz

import "lockstep/core"

// shrunk reduces a finding's case as long as the same property fails of the same
// placement, until more says that nobody waits any longer. The story keeps the
// operator's configuration; Smallest reduces that too.
func (t *Target) shrunk(f *Finding, more func() bool) *Finding {
	smallest := f
	again := func(c *Case) *Finding {
		if !more() {
			return nil
		}
		r := t.run(c)
		if r.Err != nil {
			return nil
		}
		if x := t.judge(c, &r); x != nil && x.Property == f.Property && x.Where == f.Where {
			return x
		}
		return nil
	}
	Shrink(f.Case, func(c *Case) (core.Time, bool) {
		x := again(c)
		if x == nil {
			return 0, false
		}
		smallest = x
		return x.At, true
	})
	small := reduceConfig(smallest.Case, func(c *Case) bool { return again(c) != nil })
	smallest.small = &small
	return smallest
}

// Smallest is the case of f with its configuration reduced as well, for keeping.
func (f *Finding) Smallest() Case {
	if f.small == nil {
		return f.Case
	}
	return *f.small
}
