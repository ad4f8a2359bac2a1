package calibrate

import (
	"lockstep/core"
	"lockstep/sim"
)

// mode is a way to fail that the simulator can play.
type mode uint8

const (
	refuses mode = iota // connections are refused, or its name or certificate does not work
	lost                // a dial gets no answer
	hangs               // a request gets no answer
	resets              // a request's connection is reset
	answers             // answers with a status of 500 and above, or with what is no answer
	breaks              // a body breaks off
	stalls              // a body stalls
	modes
)

// modeOf returns the mode of a class that counts against an endpoint.
func modeOf(c core.Class) (mode, bool) {
	switch c {
	case core.DNS, core.ConnectRefused, core.TLS:
		return refuses, true
	case core.ConnectTimeout:
		return lost, true
	case core.ResponseTimeout:
		return hangs, true
	case core.ResetBeforeResponse:
		return resets, true
	case core.BadResponse, core.Upstream5xx:
		return answers, true
	case core.BrokenBody:
		return breaks, true
	case core.BodyTimeout:
		return stalls, true
	}
	return 0, false
}

// witness is what was seen of one endpoint.
type witness struct {
	width  core.Duration
	bins   []bin                     // by the time at which attempts began
	chunks [mostChunks]sim.Histogram // of answers, by time, in equal parts of the bins
	status [600]uint32               // how often it answered what from 500 on
	runs   []run
	open   *run // nil for none
	ills   []ill
	sick   *ill // nil for none
}

const mostChunks = 64

// bin is what happened to the attempts that began in one stretch of time.
type bin struct {
	good uint32 // answers below 500, and what clients did not wait for
	bad  [modes]uint32
	took core.Duration // of the good, together
}

func (b *bin) failed() (n uint32) {
	for _, m := range b.bad {
		n += m
	}
	return n
}

// run is a stretch in which every attempt failed.
type run struct {
	began      core.Time // of the earliest attempt that failed
	from, last core.Time // first and last failure
	end        core.Time // begin of the first good attempt after it; core.Never for none
	bad        [modes]uint32
	well       core.Time // first health probe that passed after the last bad sign; core.Never for none
	lastIll    core.Time // last one that failed
	passed     uint32    // health probes that passed during it
	failed     uint32    // and that did not
}

func (r *run) count() (n uint32) {
	for _, m := range r.bad {
		n += m
	}
	return n
}

// mode is how most of it failed. A server that goes away resets what it has, and
// then refuses: that is a refusal.
func (r *run) mode() mode {
	most := mode(0)
	for m := range modes {
		if r.bad[m] > r.bad[most] {
			most = m
		}
	}
	if most == resets && r.bad[refuses] > 0 {
		return refuses
	}
	return most
}

// ill is a stretch in which health probes failed.
type ill struct{ from, last, end core.Time }

// mostRuns bounds what a server that fails by shares makes a witness keep.
const mostRuns = 10_000

// at returns the bin of a time, and makes room by joining pairs of bins.
func (w *witness) at(t core.Time) (b *bin, i int) {
	if w.width == 0 {
		w.width = firstBin
	}
	n := int64(max(t, 0)) / int64(w.width)
	for n >= mostBins {
		half := w.bins[:0]
		for i := 0; i < len(w.bins); i += 2 {
			x := w.bins[i]
			if i+1 < len(w.bins) {
				x.join(&w.bins[i+1])
			}
			half = append(half, x)
		}
		w.bins, w.width = half, 2*w.width
		w.joinChunks()
		n /= 2
	}
	for int64(len(w.bins)) <= n {
		w.bins = append(w.bins, bin{})
	}
	return &w.bins[n], int(n)
}

func (w *witness) joinChunks() {
	for i := range w.chunks {
		var both sim.Histogram
		if i < mostChunks/2 {
			both = w.chunks[2*i]
			both.Merge(w.chunks[2*i+1])
		}
		w.chunks[i] = both
	}
}

// join adds the bin that follows.
func (b *bin) join(o *bin) {
	b.good, b.took = b.good+o.good, b.took+o.took
	for m := range b.bad {
		b.bad[m] += o.bad[m]
	}
}

func (w *witness) attempt(a *Attempt) {
	b, i := w.at(a.At)
	if m, bad := modeOf(a.Class); bad {
		b.bad[m]++
		if int(a.Status) < len(w.status) {
			w.status[a.Status]++
		}
		w.bad(a, m)
		return
	}
	took := a.End.Sub(a.At)
	switch a.Class {
	case core.ClassNone:
		w.good(a)
	case core.ClientGone: // it would have taken longer; nobody knows how much
		took *= 2
	default:
		return // it says nothing
	}
	b.good++
	b.took += took
	w.chunks[i*mostChunks/mostBins].Add(took)
}

// bad opens a run or goes on with it. What got no answer at all tells of the
// time when it was sent; what did tells of the time of the answer.
func (w *witness) bad(a *Attempt, m mode) {
	at := a.End
	if m == lost || m == hangs || m == stalls {
		at = a.At
	}
	if w.open == nil {
		w.open = &run{began: a.At, from: at, last: at, end: core.Never, well: core.Never}
	}
	r := w.open
	r.began, r.from, r.last = min(r.began, a.At), min(r.from, at), max(r.last, at)
	r.bad[m]++
	if r.well < at {
		r.well = core.Never
	}
}

// good ends a run: properly, or, when the attempt began among its failures,
// as no run at all.
func (w *witness) good(a *Attempt) {
	switch r := w.open; {
	case r == nil || a.At < r.from:
	case a.At > r.last:
		r.end = a.At
		w.closeRun()
	default:
		w.open = nil
	}
}

func (w *witness) closeRun() {
	if r := w.open; r != nil && r.count() >= 3 && len(w.runs) < mostRuns {
		w.runs = append(w.runs, *r)
	}
	w.open = nil
}

func (w *witness) probe(at core.Time, ok bool) {
	if r := w.open; r != nil {
		if ok {
			r.passed++
			r.well = min(r.well, at)
		} else {
			r.failed++
			r.lastIll, r.well = at, core.Never
		}
	}
	switch {
	case !ok && w.sick == nil:
		w.sick = &ill{at, at, core.Never}
	case !ok:
		w.sick.last = at
	case w.sick != nil:
		w.sick.end = at
		w.closeIll()
	}
}

func (w *witness) closeIll() {
	if w.sick != nil && len(w.ills) < mostRuns {
		w.ills = append(w.ills, *w.sick)
	}
	w.sick = nil
}
