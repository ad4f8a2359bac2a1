package configfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lockstep/core"
)

const waiting = `lockstep: 1
routes: [{key: [{header: X-Routing-Key}], unknown_key: {reject: 421}}]
defaults:
  limit: {in_flight: 9, when_full: {queue: 50, wait: 200ms}}
  retries: {max: 2, on: [connect, 5xx], methods: idempotent, backoff: {base: 10ms, max: 1s}, retry_after_max: 5s, budget: {percent: 30%, floor: 7}, body_max: 1MiB}
placements:
  a: {endpoints: {one: {url: "http://a:1"}}}
  b: {endpoints: {one: {url: "http://b:1"}}, limit: {when_full: {queue: 3, wait: 1s, order: newest_first}}, retries: {max: 1, budget: none}}
  c: {endpoints: {one: {url: "http://c:1"}}, limit: {when_full: reject}, retries: none}
`

func TestAQueueAndRetriesAreRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "main.yaml")
	if err := os.WriteFile(path, []byte(waiting), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	c, err := f.Compile()
	if err != nil {
		t.Fatal(err)
	}
	full := core.RetrySpec{
		Max: 2, On: core.OnConnect | core.On5xx, Methods: core.RetryIdempotent, BackOff: 10 * core.Millisecond, BackOffMax: core.Second,
		RetryAfter: 5 * core.Second, Percent: 30, Floor: 7, BodyMax: 1 << 20,
	}
	merged := full
	merged.Max, merged.Percent, merged.Floor, merged.NoBudget = 1, 0, 0, true
	for i, want := range []struct {
		limit   core.LimitSpec
		retries core.RetrySpec
	}{
		{core.LimitSpec{InFlight: 9, WhenFull: core.QueueWhenFull, Queue: 50, Wait: 200 * core.Millisecond}, full},
		{core.LimitSpec{InFlight: 9, WhenFull: core.QueueWhenFull, Queue: 3, Wait: core.Second, Order: core.NewestFirst}, merged},
		{core.LimitSpec{InFlight: 9}, core.RetrySpec{}},
	} {
		p := c.Placement(i)
		if d := cmp.Diff(want.limit, p.Limit) + cmp.Diff(want.retries, p.Retries); d != "" {
			t.Errorf("%s: %s", p.Name, d)
		}
	}
	var text strings.Builder
	for i := range 3 {
		for _, v := range f.Effective(c, i) {
			if strings.HasPrefix(v.Path, "retries") || strings.HasPrefix(v.Path, "limit.when_full") {
				text.WriteString(v.Path + "=" + v.Value + " ")
			}
		}
	}
	for _, want := range []string{"limit.when_full.queue=50", "limit.when_full.wait=200ms", "limit.when_full.order=newest_first", "limit.when_full=reject", "retries.on=[connect, 5xx]", "retries.budget=none", "retries=none"} {
		if !strings.Contains(text.String(), want+" ") {
			t.Errorf("%s is not among the values in force: %s", want, text.String())
		}
	}
}
