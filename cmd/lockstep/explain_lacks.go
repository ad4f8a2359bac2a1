package main

import (
	"fmt"

	"lockstep/adapters/recordings"
	"lockstep/traces"
	"lockstep/traces/explain"
	"lockstep/traces/say"
)

// lack is a part of a recording that is not there: the line that says so, and
// the steps it takes, 0 for not known.
type lack struct {
	line        string
	first, last uint64
}

// lacks tells what a recording does not hold between two wall times, 0 for no
// bound: who searches by an index does not come across it.
func lacks(r *recordings.Recording, from, to int64) (out []lack, damaged bool, err error) {
	l, err := r.Lacks(from, to)
	if err != nil {
		return nil, false, err
	}
	for i := range l.Holes {
		h := holeOf(r, &l.Holes[i])
		out = append(out, lack{"missing    " + h.text(), h.First, h.Last})
	}
	for _, g := range l.Gaps {
		line := fmt.Sprintf("missing    %s from step %s on, which the recorder lost: %s", say.Plural(int(g.Steps), "step"), say.Count(g.Step), g.Why)
		out = append(out, lack{line, g.Step, g.Step + g.Steps - 1})
	}
	for _, d := range l.Damaged {
		out = append(out, lack{line: fmt.Sprintf("damaged    %s of %s: lockstep verify says where", say.Plural(d.Parts, "part"), d.Segment.Path)})
	}
	return out, len(l.Damaged) > 0, nil
}

// unsearched says what of a list's window is not there, and whether all that is there could be read.
func (x *explained) unsearched(r *recordings.Recording, filter *explain.Filter, report *traces.Report) (sound bool, err error) {
	var lines []lack
	damaged := false
	if x.flags.whole || !indexed(r) { // what was replayed says it
		if report.Lost > 0 {
			lines = append(lines, lack{line: fmt.Sprintf("missing    %s steps", say.Count(report.Lost))})
		}
		for _, d := range report.Damage {
			lines = append(lines, lack{line: fmt.Sprintf("damaged    %v", d)})
		}
	} else {
		from, to := int64(0), int64(0)
		if filter.From > 0 {
			from = r.Wall(int64(filter.From))
		}
		if filter.To > 0 {
			to = r.Wall(int64(filter.To))
		}
		if lines, damaged, err = lacks(r, from, to); err != nil {
			return false, err
		}
	}
	for _, l := range lines {
		fmt.Fprintln(x.log, l.line+"; requests in it are not listed")
	}
	return report.OK() && !damaged, nil
}

// lackingToo adds to an error of what is not found by index what the recordings lack:
// the part that a step is in, or all that may hold a request.
func (x *explained) lackingToo(err error) error {
	for _, r := range x.all {
		some, _, lerr := lacks(r, 0, 0)
		if lerr != nil {
			return lerr
		}
		for _, l := range some {
			switch step := x.flags.step; {
			case l.last == 0 || step == 0:
				err = fmt.Errorf("%w\n  it may be in this: %s", err, l.line)
			case step >= l.first && step <= l.last:
				err = fmt.Errorf("%w\n  it is in this: %s", err, l.line)
			}
		}
	}
	return err
}
