package core_test

import (
	"testing"

	"pgregory.net/rapid"

	"lockstep/core"
)

// TestTheIncrementalDigestIsTheDigestOfTheState asks for the digest at random
// times, so that what was touched several times in between is covered too.
func TestTheIncrementalDigestIsTheDigestOfTheState(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawStream(t)
		r := core.New(core.Options{Seed: 3, Strict: true})
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			ev := s.event(r)
			s.learn(r.Step(s.now, &ev, nil))
			if !rapid.Bool().Draw(t, "ask") {
				continue
			}
			if got, want := r.Digest(), r.DigestByTheSpec(); got != want {
				t.Fatalf("after %v the digest is %x, that of the state is %x", ev.Kind, got, want)
			}
		}
	})
}
