package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lockstep/core"
	"lockstep/core/loop"
	"lockstep/traces"
)

// chosen writes a recording in which a share of failures opens a breaker, a
// client comes with its cookie, and a key has its shard.
func chosen(t *testing.T) string {
	t.Helper()
	c, err := core.Compile(core.Spec{
		Version: "v1", Keys: []core.KeySpec{{Key: "visa", Placement: "desk"}, {Key: "acme", Placement: "pool"}},
		Placements: []core.PlacementSpec{
			{
				Name: "desk", Health: core.HealthSpec{Off: true}, Sticky: core.StickySpec{Cookie: "seat"}, SlowStart: 30 * core.Second,
				Endpoints: []core.EndpointSpec{{Name: "a", URL: "http://a"}, {Name: "b", URL: "http://b"}},
				Breaker:   core.BreakerSpec{Failures: core.NeverConsecutive, FailureRatio: 500_000, SlowRatio: 800_000, MinRequests: 4, Open: core.Second},
			},
			{
				Name: "pool", Health: core.HealthSpec{Off: true}, Shards: 2, Select: core.EWMA,
				Endpoints: []core.EndpointSpec{{Name: "c", URL: "http://c"}, {Name: "d", URL: "http://d"}, {Name: "e", URL: "http://e"}},
			},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "rec.lst")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	r := core.New(core.Options{Seed: 1, Strict: true})
	w := traces.NewWriter(f, traces.Binary, traces.Header{Name: "choice", Seed: 1}, r)
	now := core.Time(0)
	step := func(after core.Duration, ev core.Event, req *loop.Request) core.Handle {
		now = now.Add(after)
		out := r.Step(now, &ev, nil)
		w.Observe(now, &ev, req, out)
		if len(out) == 0 {
			return core.Handle{}
		}
		return out[len(out)-1].Handle
	}
	get := func(key, id string, prefer uint64, status uint16) {
		req := &loop.Request{Key: key}
		req.ID[0], req.ID[1] = traces.ParseRequestID(id)
		route, _ := c.Match(key)
		h := step(core.Millisecond, core.Event{Kind: core.Arrive, Epoch: r.Epoch(), Route: route, Prefer: prefer, Request: core.RequestHash(req.ID[0], req.ID[1])}, req)
		step(12*core.Millisecond, core.Event{Kind: core.Finish, Handle: h, Status: status, Sent: true}, nil)
	}
	step(0, core.Event{Kind: core.Adopt, Config: c, Origin: core.OriginControl}, nil)
	a := c.EndpointID(0)
	get("visa", "new", 0, 200)
	for _, id := range []string{"x1", "x2"} {
		get("visa", id, a, 500)
	}
	get("visa", "own", a, 500)
	get("visa", "moved", a, 200)
	for range 3 {
		get("acme", "warms", 0, 200)
	}
	get("acme", "shared", 0, 200)
	step(core.Second, core.Event{Kind: core.Tick}, nil)
	get("visa", "tests", a, 200)
	get("visa", "slowly", 0, 200)
	for _, err := range []error{w.Close(), f.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func TestExplainTellsOfWindowsCookiesAndShards(t *testing.T) {
	path := chosen(t)
	if code, out, errs := lockstep("replay", path); code != 0 {
		t.Fatalf("replay: %d\n%s%s", code, out, errs)
	}
	for id, want := range map[string][]string{
		"new":    {"desk/a was picked by round_robin, and the client is pinned to it", "a b  sound: healthy, breakers closed"},
		"own":    {"by the client's cookie.", "named by the client's cookie; 3 in its last 10s, 2 failed (opens at 50 %)", "too few to judge by: 4 are needed", "it opened the breaker for its share of failures"},
		"moved":  {"desk/b was picked by round_robin, and the client is pinned to it", "breaker opens until +", "for its share of failures: 3 of 4 in its window failed (R6)"},
		"shared": {"by ewma from the key's shard of 2", "latency 12ms", "not in the key's shard"},
		"slowly": {"slow start at 10 %"},
	} {
		code, out, errs := lockstep("explain", path, "--request", id)
		for _, text := range want {
			if !strings.Contains(flat(out), flat(text)) {
				t.Errorf("%s (%d): %q is not in\n%s%s", id, code, text, out, errs)
			}
		}
	}
}
