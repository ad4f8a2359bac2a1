package explain_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"lockstep/core"
	"lockstep/traces"
	"lockstep/traces/explain"
)

// told replays a trace and tells every request in it.
func told(t testing.TB, path string) []*explain.Story {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rd, err := traces.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var steps []uint64
	for n := range uint64(4000) {
		steps = append(steps, n+1)
	}
	x := explain.New(explain.Query{Steps: steps}, explain.Hooks{})
	x.Begin(rd.Header())
	report, err := traces.Verify(rd, traces.Options{Before: x.Before, After: x.After})
	if err != nil || !report.OK() {
		t.Fatalf("%s: %v %v", path, err, report.Divergence)
	}
	return x.Stories()
}

// vectors are the golden traces.
func vectors(t testing.TB) (paths []string) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".ndjson") && !strings.Contains(path, "testdata") {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil || len(paths) < 100 {
		t.Fatalf("%d vectors, %v", len(paths), err)
	}
	return paths
}

var number = regexp.MustCompile(`\d`)

// whys says for each way to end what its sentence must say. Ways that do not
// stand here fail the test, so that a new class cannot go without a sentence.
var whys = map[string]struct {
	says   string // a regular expression
	number bool   // it names figures
}{
	"bad_request":           {`could not read the request`, false},
	"limit":                 {`was full: |Only room was missing: |At \S+, which has`, true},
	"shed":                  {`its priority has no room: priority \d is admitted up to \d+ % of \d+ slots, and \d+ are taken|was full: \d of \d in flight, and priority \d would have no room`, true},
	"fair_share":            {`it holds \d+ and \d+ of \d+ are free, tenant_share is \d+ %`, true},
	"circuit_open":          {`Nothing was left to serve it: .*left as circuit_open|When its turn came after \S+, it was refused as circuit_open`, true},
	"no_endpoint":           {`last_resort: refuse keeps it|was in panic: \d+ of \d+ endpoints are usable`, false},
	"queue_timeout":         {`was full: .* It waited \S+ in the queue, as long as it may`, true},
	"no_key":                {`had no routing key`, false},
	"unknown_key":           {`not among the [\d,]+ keys? of (the )?table.* refused with \d+`, true},
	"no_route":              {`None of the \d+ routes? takes requests .* refused with \d+`, true},
	"unauthorized":          {`Its token did not hold`, false},
	"body_too_large":        {`Its body of [\d,]+ \w+ is over body_max of its home \S+, which is [\d,]+ \w+`, true},
	"not_ready":             {`no configuration yet`, false},
	"drain":                 {`draining since|was cut after|until the drain's deadline`, true},
	"internal":              {`matched under configuration \d+\.\d+ while \d+\.\d+ was in force|a fault of the router's own`, false},
	"client_gone":           {`client went away after`, true},
	"dns":                   {`did not resolve`, true},
	"connect_refused":       {`refused the connection after`, true},
	"connect_timeout":       {`took no connection in time`, true},
	"tls":                   {`TLS handshake`, true},
	"reset_before_response": {`broke after \S+, before a response`, true},
	"response_timeout":      {`sent no response header in time`, true},
	"bad_response":          {`was not HTTP`, true},
	"upstream_5xx":          {`itself answered (5\d\d|with an error of 500 or above) after`, true},
	"broken_body":           {`response body of \S+ broke after`, true},
	"body_timeout":          {`stood still`, true},
	"":                      {`home|half-open probe|last resort|served|at once, so this request is one of its probes|waited`, false},
}

// cutByEdge is the sentence on an attempt that we, not the endpoint, ended.
var cutByEdge = regexp.MustCompile(`^The attempt at \S+ ended as \w+ after \S+`)

// seldom are classes that no vector ends a request in.
var seldom = map[string]bool{
	"request_timeout": true, "header_too_large": true, "uri_too_long": true,
}

func TestEveryWayToEndHasASentenceThatNamesItsFigures(t *testing.T) {
	seen := map[string]int{}
	for _, path := range vectors(t) {
		for _, s := range told(t, path) {
			if !s.IsRequest() {
				continue
			}
			want, ok := whys[s.Class]
			seen[s.Class]++
			switch {
			case !ok:
				t.Errorf("%s, step %d: nothing is known of class %q: %s", path, s.Step, s.Class, s.Why)
			case s.Sent && cutByEdge.MatchString(s.Why):
			case !regexp.MustCompile(want.says).MatchString(s.Why):
				t.Errorf("%s, step %d, class %q: %q does not say %s", path, s.Step, s.Class, s.Why, want.says)
			case want.number && !number.MatchString(s.Why):
				t.Errorf("%s, step %d, class %q: no figure in %q", path, s.Step, s.Class, s.Why)
			case strings.Contains(s.Why, "(R"+"0)") || strings.Contains(s.Why, "  ") || strings.Contains(s.Why, ".."):
				t.Errorf("%s, step %d: %q is ill written", path, s.Step, s.Why)
			}
			var out strings.Builder
			s.Print(&out)
			for _, line := range strings.Split(out.String(), "\n") {
				if len([]rune(line)) > 170 {
					t.Errorf("%s, step %d: a line of %d columns: %s", path, s.Step, len([]rune(line)), line)
				}
			}
		}
	}
	for _, class := range explain.Classes() {
		if seen[class] == 0 && !seldom[class] {
			t.Errorf("no vector ends a request in class %s; put it among the seldom ones or write one", class)
		}
	}
}

// The reasons to forward, each with what its sentence must say.
func TestEveryReasonToForwardIsSaid(t *testing.T) {
	for _, c := range []struct {
		trace string
		step  uint64
		says  string
	}{
		{"routing/home-serves", 2, `The key's home visa was sound and had room, 0 in flight; visa/a was picked by round_robin\.`},
		{"routing/unknown-key-goes-to-default", 2, `The key is unknown, so its home is \S+, which was sound and had room, 0 in flight`},
		{"limit/full-can-fail-over", 0, `home visa was full: 1 of 1 in flight; spare had room, 0 in flight, and spare/a served it as a guest`},
		{"limit/a-guest-over-the-cap-goes-on", 0, `left as circuit_open: breakers block its one endpoint, until \S+, acme was left: guests 1 of 1; spare had room`},
		{"breaker/half-open-admits-one-probe", 0, `The open time of visa/a was over at \S+, so this request is its half-open probe`},
		{"breaker/two-probes-at-once", 0, `is half-open and admits 2 at once, so this request is one of its probes`},
		{"routing/health-never-blocks", 0, `Nothing was sound \(visa left as upstream_unhealthy: health blocks .*\), and health never blocks a request: visa/a served as the last resort`},
		{"panic/too-few-healthy-ignores-health", 0, `was in panic, 1 of 4 endpoints usable, so health is ignored there \(R9\)`},
		{"panic/nothing-else-left-panic-serves", 0, `Nothing else was left .* is in panic`},
		{"selection/sticky-keeps-a-client-where-it-is", 0, `was picked by the client's cookie`},
		{"selection/a-key-never-leaves-its-shard", 0, `from the key's shard of 2`},
		{"queue/a-full-placement-lets-wait", 0, `was full: \d of \d in flight.* It waited \S+ in the queue, then \S+ had room for it`},
		{"retry/a-failed-attempt-is-tried-elsewhere", 0, `Attempt 1 at visa/a ended as connect_refused, so attempt 2 followed`},
	} {
		found := false
		var all []string
		for _, s := range told(t, filepath.Join("..", c.trace+".ndjson")) {
			if c.step != 0 && s.Step != c.step || !s.IsRequest() {
				continue
			}
			all = append(all, s.Why)
			found = found || regexp.MustCompile(c.says).MatchString(s.Why)
		}
		if !found {
			t.Errorf("%s: none says %s:\n  %s", c.trace, c.says, strings.Join(all, "\n  "))
		}
	}
}

// What the edge finds in the bytes has no vector: it is told all the same.
func TestEdgeRefusalsAreTold(t *testing.T) {
	for class, want := range map[core.Class]string{
		core.BadRequest: "could not read the request", core.RequestTimeout: "did not finish sending", core.HeaderTooLarge: "header section is over",
		core.URITooLong: "request target is over", core.Unauthorized: "token did not hold", core.NoRoute: "None of the 1 route takes", core.Internal: "fault of its own",
	} {
		r := core.New(core.Options{Seed: 1})
		c, err := core.Compile(core.Spec{Version: "v", Keys: []core.KeySpec{{Key: "k", Placement: "p"}}, Placements: []core.PlacementSpec{{Name: "p", Endpoints: []core.EndpointSpec{{URL: "http://p"}}}}})
		if err != nil {
			t.Fatal(err)
		}
		x := explain.New(explain.Query{Steps: []uint64{2}}, explain.Hooks{})
		for i, ev := range []core.Event{{Kind: core.Adopt, Config: c}, {Kind: core.Arrive, Epoch: core.Epoch{Number: 1}, Route: core.Route{Placement: -1, Refuse: class}}} {
			f := &traces.Fact{Step: uint64(i) + 1, Event: ev}
			x.Before(f, r)
			x.After(f, r, r.Step(0, &f.Event, nil))
		}
		s := x.Stories()[0]
		if s.Status != int(class.Row().Status) || !strings.Contains(s.Why, want) {
			t.Errorf("%s: %d %q", class, s.Status, s.Why)
		}
	}
}
