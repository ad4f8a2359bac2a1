package discovery

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"time"

	"lockstep/core"
)

// Bounds of how soon a name is asked for again. A time to live of 0 must not
// become a load, and one of a week must not outlive a mistake by a week.
const (
	soonest  = time.Second
	latest   = 5 * time.Minute
	retryMax = 30 * time.Second
	// damping is the least time between two changes that are handed over.
	damping = time.Second
)

// Options say what to follow.
type Options struct {
	// Names are what endpoints are found by, by placement.
	Names map[string]Name
	// Lookup finds one; nil means a Client's.
	Lookup func(context.Context, Name) (Answer, error)
	// Found is told all the endpoints known, by placement, after every change. A
	// placement for which there was never an answer is not in it. It is never
	// called twice at once, nor twice within a second. The map is its to keep.
	Found func(map[string][]core.EndpointSpec)
	// Known is what was found before for some of the names; it is not told again.
	Known map[string][]core.EndpointSpec
	Log   *slog.Logger // what fails and mends; nil means nothing
}

// result is the answer to one placement's name.
type result struct {
	placement string
	answer    Answer
	err       error
}

// Run asks and asks again until ctx ends.
func Run(ctx context.Context, o Options) {
	if o.Lookup == nil {
		o.Lookup = new(Client).Lookup
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	f := &follower{Options: o, known: map[string][]core.EndpointSpec{}, failing: map[string]bool{}, results: make(chan result)}
	maps.Copy(f.known, o.Known)
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	running := len(o.Names)
	for placement, name := range o.Names {
		go func() {
			f.follow(ctx, placement, name)
			done <- struct{}{}
		}()
	}
	f.gather(ctx)
	cancel()
	for range running {
		<-done
	}
}

type follower struct {
	Options
	results chan result
	known   map[string][]core.EndpointSpec
	failing map[string]bool
}

// follow asks for one name: again when its answer ends, or after a failure in a
// second, then two, then four.
func (f *follower) follow(ctx context.Context, placement string, n Name) {
	retry := soonest
	for {
		answer, err := f.Lookup(ctx, n)
		select {
		case f.results <- result{placement, answer, err}:
		case <-ctx.Done():
			return
		}
		wait := min(max(answer.TTL, soonest), latest)
		if err != nil || len(answer.Endpoints) == 0 {
			wait = retry
			retry = min(2*retry, retryMax)
		} else {
			retry = soonest
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
}

// gather hands changes over, one a second at most: the first at once, and those
// that come meanwhile together.
func (f *follower) gather(ctx context.Context) {
	var due <-chan time.Time // when a change that waits may go
	var last time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-due:
			due, last = nil, time.Now()
			f.Found(maps.Clone(f.known))
		case r := <-f.results:
			if f.take(r) && due == nil {
				due = time.After(max(0, damping-time.Since(last)))
			}
		}
	}
}

// take notes an answer and reports whether it changes anything.
func (f *follower) take(r result) bool {
	bad := r.err != nil || len(r.answer.Endpoints) == 0
	if bad != f.failing[r.placement] {
		f.failing[r.placement] = bad
		switch {
		case r.err != nil:
			f.Log.Warn("endpoints are not found by DNS, those known stay", "placement", r.placement, "error", r.err)
		case bad:
			f.Log.Warn("DNS knows no endpoints any more, those known stay", "placement", r.placement)
		default:
			f.Log.Info("endpoints are found by DNS again", "placement", r.placement)
		}
	}
	if bad || slices.Equal(f.known[r.placement], r.answer.Endpoints) {
		return false
	}
	f.known[r.placement] = r.answer.Endpoints
	return true
}

// All asks for every name once and returns what was found by placement, and what
// was not. It takes as long as the slowest, or until ctx ends.
func All(ctx context.Context, names map[string]Name, lookup func(context.Context, Name) (Answer, error)) (found map[string][]core.EndpointSpec, failed map[string]error) {
	if lookup == nil {
		lookup = new(Client).Lookup
	}
	results := make(chan result, len(names))
	for placement, name := range names {
		go func() {
			answer, err := lookup(ctx, name)
			results <- result{placement, answer, err}
		}()
	}
	found, failed = map[string][]core.EndpointSpec{}, map[string]error{}
	for range names {
		switch r := <-results; {
		case r.err != nil:
			failed[r.placement] = r.err
		case len(r.answer.Endpoints) == 0:
			failed[r.placement] = errors.New("the name servers know no such records")
		default:
			found[r.placement] = r.answer.Endpoints
		}
	}
	return found, failed
}
