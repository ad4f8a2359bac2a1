package configfile

import (
	"fmt"
	"strings"
	"testing"
)

func TestSettingsThatDoNotDoWhatTheySeemToAreDoubted(t *testing.T) {
	const text = `lockstep: 1
facts: {routers: 2..4, peak: {a: {requests: 80/s, latency: 100ms}}}
placements:
  a:
    endpoints: {one: {url: "http://a:1"}, two: {url: "http://a:2"}}
    {SETTINGS}
`
	for settings, want := range map[string]string{
		"breaker: {max_open: 50%}":                         "", // written with intent
		"breaker: {failure_ratio: 50%}":                    "",
		"breaker: {failure_ratio: 50%, max_open: 50%}":     "6: a: of its 2 endpoints at most 1 may be left at once: when all fail, 1 go on failing",
		"breaker: {preset: envoy}":                         "6: a: of its 2 endpoints at most 1 may be left at once: when all fail, 1 go on failing",
		"breaker: {preset: gobreaker}":                     "",
		"breaker: {failure_ratio: 50%, min_requests: 100}": "",
		"breaker: {failure_ratio: 50%, min_requests: 101}": "6: a: at the stated peak an endpoint of a router has 100 outcomes in 10s, 101 are needed: no ratio opens its breaker",
		"breaker: {slow_ratio: 50%, slow_call: 1s}":        "6: a: a body that flows for longer than settle (1s) is timed up to then, so every stream is slower than 1s",
		"breaker: {slow_ratio: 50%, slow_call: 1001ms}":    "",
		"shards: 2":                       "6: a: every key may use all 2 endpoints",
		"shards: 1":                       "",
		"retries: {max: 2}":               "",
		"retries: {max: 2, budget: none}": "6: a: without a budget each request that fails is sent up to 3 times: endpoints that fail because they are full get 3 times their load",
		"limit: {in_flight: 4, when_full: {queue: 20, wait: 500ms}}":                             "",
		"limit: {in_flight: 4, when_full: {queue: 21, wait: 500ms}}":                             "6: a: with 4 in flight and 100ms an answer, 500ms are enough for 20 places: who has a later one of the 21 waits for a refusal",
		"timeouts: {request: 1s}\n    limit: {in_flight: 9, when_full: {queue: 5, wait: 900ms}}": "",
		"timeouts: {request: 1s}\n    limit: {in_flight: 9, when_full: {queue: 5, wait: 901ms}}": "7: a: a request that waits all of its 901ms has 99ms of timeouts.request left, and an answer takes 100ms: it is served in vain",
	} {
		f, err := Parse("c", []byte(strings.ReplaceAll(text, "{SETTINGS}", settings)))
		if err != nil {
			t.Fatal(err)
		}
		c, err := f.Compile()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range f.Doubts(c) {
			got = append(got, fmt.Sprintf("%d: %s", p.Line, p.What))
		}
		if strings.Join(got, "\n") != want {
			t.Errorf("%s:\n got %q\nwant %q", settings, got, want)
		}
	}
}
