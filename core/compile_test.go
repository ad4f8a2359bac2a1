package core

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

// soundSpec is a Spec without a fault; faults are planted into a copy.
func soundSpec() Spec {
	return Spec{
		Version: "v1", Default: "tier1",
		Keys: []KeySpec{{"acme", "tier1"}, {"visa", "visa"}},
		Placements: []PlacementSpec{
			{Name: "visa", Endpoints: []EndpointSpec{{URL: "http://visa-b:1"}, {Name: "a", URL: "https://visa-a"}}, Fallback: []string{"tier1"}},
			{Name: "tier1", Endpoints: []EndpointSpec{{URL: "http://tier1:1"}}},
		},
	}
}

// TestEveryFaultIsNamedWithItsPlaceAndItsCure plants one fault at a time.
func TestEveryFaultIsNamedWithItsPlaceAndItsCure(t *testing.T) {
	for _, c := range []struct {
		plant func(s *Spec, p *PlacementSpec) // p is visa
		want  string
	}{
		{func(s *Spec, _ *PlacementSpec) { s.Version = "" }, `version: is empty; give this configuration a label, such as "v1"`},
		{func(s *Spec, _ *PlacementSpec) { s.Placements = nil }, "placements: there are 0; give 1 to 65536"},
		{func(_ *Spec, p *PlacementSpec) { p.Name = "" }, "placements.: the name is empty, too long or not printable ASCII"},
		{func(_ *Spec, p *PlacementSpec) { p.Name = strings.Repeat("x", 201) }, "the name is empty, too long"},
		{func(_ *Spec, p *PlacementSpec) { p.Name = "vi sa" }, "placements.vi sa: the name is"},
		{func(_ *Spec, p *PlacementSpec) { p.Name = "vi\x7fsa" }, "not printable ASCII"},
		{func(_ *Spec, p *PlacementSpec) { p.Name = "tier1" }, "placements.tier1: is defined twice; keep one of the two"},
		{func(_ *Spec, p *PlacementSpec) { p.Retries.Floor = 1 }, "placements.visa.retries.max: is 0, but other settings of retries are given; give max: 1 or more"},
		{func(_ *Spec, p *PlacementSpec) { p.Retries.Max = 5 }, "placements.visa.retries.max: is above 4; use 1 to 4"},
		{func(_ *Spec, p *PlacementSpec) { p.Retries.Max, p.Retries.On = 1, 1<<6 }, "placements.visa.retries: on or methods is out of range"},
		{func(_ *Spec, p *PlacementSpec) { p.Retries.Max, p.Retries.Methods = 1, RetryAny+1 }, "placements.visa.retries: on or methods is out of range"},
		{func(_ *Spec, p *PlacementSpec) { p.Retries.Max, p.Retries.BackOff = 1, Millisecond-1 }, "placements.visa.retries.backoff.base: is outside 1ms to 30 days"},
		{func(_ *Spec, p *PlacementSpec) { p.Retries.Max, p.Retries.BackOffMax = 1, Millisecond }, "placements.visa.retries.backoff.max: is below base"},
		{func(_ *Spec, p *PlacementSpec) { p.Retries.Max, p.Retries.RetryAfter = 1, -1 }, "placements.visa.retries.retry_after_max: is outside 1ms to 30 days"},
		{func(_ *Spec, p *PlacementSpec) { p.Retries.Max, p.Retries.Percent = 1, 401 }, "placements.visa.retries.budget.percent: is above 400 %"},
		{func(_ *Spec, p *PlacementSpec) { p.Retries.Max, p.Retries.Floor = 1, 1001 }, "placements.visa.retries.budget.floor: is above 1000"},
		{func(_ *Spec, p *PlacementSpec) { p.Retries.Max, p.Retries.Floor, p.Retries.NoBudget = 1, 1, true }, "placements.visa.retries.budget: is none, but has a share or a floor"},
		{func(_ *Spec, p *PlacementSpec) { p.Retries.Max, p.Retries.BodyMax = 1, -1 }, "placements.visa.retries.body_max: is negative"},
		{func(_ *Spec, p *PlacementSpec) { p.Limit.Queue = 1 }, "placements.visa.limit.when_full: has settings of a queue, but is not queue; write when_full: {queue: 50, wait: 200ms}"},
		{func(_ *Spec, p *PlacementSpec) { p.Limit = LimitSpec{WhenFull: QueueWhenFull, Queue: 1, Wait: Second} }, "placements.visa.limit.in_flight: is not set, so nobody would ever wait"},
		{func(_ *Spec, p *PlacementSpec) {
			p.Limit = LimitSpec{InFlight: 1, WhenFull: QueueWhenFull, Wait: Second}
		}, "placements.visa.limit.when_full.queue: is outside 1 to 1024"},
		{func(_ *Spec, p *PlacementSpec) {
			p.Limit = LimitSpec{InFlight: 1, WhenFull: QueueWhenFull, Queue: 1025, Wait: Second}
		}, "placements.visa.limit.when_full.queue: is outside 1 to 1024"},
		{func(_ *Spec, p *PlacementSpec) { p.Limit = LimitSpec{InFlight: 1, WhenFull: QueueWhenFull, Queue: 1} }, "placements.visa.limit.when_full.wait: is outside 1ms to 30 days"},
		{func(_ *Spec, p *PlacementSpec) {
			p.Limit = LimitSpec{InFlight: 1, WhenFull: QueueWhenFull, Queue: 1, Wait: 31 * Second}
		}, "placements.visa.limit.when_full.wait: is above timeouts.request"},
		{func(_ *Spec, p *PlacementSpec) {
			p.Limit = LimitSpec{InFlight: 1, WhenFull: QueueWhenFull, Queue: 1, Wait: Second, Order: 2}
		}, "placements.visa.limit.when_full.order: is not an order; use fifo or newest_first"},
		{func(_ *Spec, p *PlacementSpec) { p.Panic = 101 }, "placements.visa.panic_percent: is above 100 %"},
		{func(_ *Spec, p *PlacementSpec) { p.Panic, p.PanicDo = 1, panicModes }, "placements.visa.panic: is not what a placement in panic can do"},
		{func(_ *Spec, p *PlacementSpec) { p.PanicDo = PanicFail }, "placements.visa.panic: says what to do in panic, and there is none without panic_percent"},
		{func(_ *Spec, p *PlacementSpec) { p.Limit.WhenFull = QueueWhenFull + 1 }, "when_full or last_resort is out of range"},
		{func(_ *Spec, p *PlacementSpec) { p.LastResort = RefuseLastResort + 1 }, "when_full or last_resort is out of range"},
		{func(_ *Spec, p *PlacementSpec) { p.Kind = ReasonDefault }, "placements.visa.kind: is not a kind of placement; use dedicated or tier"},
		{func(_ *Spec, p *PlacementSpec) { p.Select = policies }, "placements.visa.select: is not a selection policy"},
		{func(_ *Spec, p *PlacementSpec) { p.Limit.InFlight = -1 }, "placements.visa.limit.in_flight: is negative"},
		{func(_ *Spec, p *PlacementSpec) { p.Limit.Guests = -2 }, "placements.visa.limit.guests: is negative"},
		{func(_ *Spec, p *PlacementSpec) { p.Limit.InFlight, p.Limit.Guests = 5, 6 }, "placements.visa.limit.guests: is above in_flight; guests are part of in_flight: use at most 5"},
		{func(_ *Spec, p *PlacementSpec) { p.BodyMax = -1 }, "placements.visa.body_max: is negative"},
		{func(_ *Spec, p *PlacementSpec) { p.Endpoints = nil }, "placements.visa.endpoints: there are 0; give 1 to 1024"},
		{func(_ *Spec, p *PlacementSpec) { p.Endpoints[1].URL = p.Endpoints[0].URL }, "placements.visa.endpoints: two endpoints have the URL http://visa-b:1"},
		{func(_ *Spec, p *PlacementSpec) { p.Endpoints[1].Limit = MaxInFlight + 1 }, "placements.visa.endpoints[1].limit: is above 1048576"},
		{func(_ *Spec, p *PlacementSpec) { p.Breaker.OpenMax = MaxDuration + 1 }, "placements.visa.breaker.open_max: is outside 1ms to 30 days"},
		{func(_ *Spec, p *PlacementSpec) { p.Endpoints[1].Weight = 10001 }, "placements.visa.endpoints[1].weight: is above 10000 %"},
		{func(_ *Spec, p *PlacementSpec) { p.Endpoints[0].URL = "visa:80" }, `placements.visa.endpoints[0].url: is not an absolute http or https URL: "visa:80"; write it as http://host:port`},
		{func(_ *Spec, p *PlacementSpec) { p.Endpoints[0].URL = "http://" }, "has no host"},
		{func(_ *Spec, p *PlacementSpec) { p.Endpoints[0].URL = "http://:80/x" }, "has no host"},
		{func(_ *Spec, p *PlacementSpec) { p.Endpoints[0].URL = "https:///x" }, "has no host"},
		{func(_ *Spec, p *PlacementSpec) { p.Endpoints[0].URL = "http://a b" }, "has a space or control character"},
		{func(_ *Spec, p *PlacementSpec) { p.Endpoints[0].URL = "http://a\x7f" }, "has a space or control character"},
		{func(_ *Spec, p *PlacementSpec) { p.Breaker.FailureRatio = 1e6 + 1 }, "placements.visa.breaker: failure_ratio or slow_ratio is above 100 %"},
		{func(_ *Spec, p *PlacementSpec) { p.Breaker.SlowRatio = 1e6 + 1 }, "placements.visa.breaker: failure_ratio or slow_ratio is above 100 %"},
		{func(_ *Spec, p *PlacementSpec) { p.Breaker.FailureRatio, p.Breaker.SlowCall = 1, Second }, "placements.visa.breaker.slow_call: does nothing without slow_ratio"},
		{func(_ *Spec, p *PlacementSpec) { p.Breaker.SlowRatio, p.Breaker.SlowCall = 1, 1 }, "placements.visa.breaker.slow_call: is outside 1ms to 30 days"},
		{func(_ *Spec, p *PlacementSpec) { p.Breaker.Window = Second }, "placements.visa.breaker.window: does nothing without a ratio"},
		{func(_ *Spec, p *PlacementSpec) { p.Breaker.MinRequests = 1 }, "placements.visa.breaker.min_requests: does nothing without a ratio"},
		{func(_ *Spec, p *PlacementSpec) { p.Breaker.Failures = NeverConsecutive }, "placements.visa.breaker.consecutive_failures: is none, and no ratio is set"},
		{func(_ *Spec, p *PlacementSpec) { p.Breaker.FailureRatio, p.Breaker.Window = 1, 100*Millisecond-1 }, "placements.visa.breaker.window: is outside 100ms to 1h"},
		{func(_ *Spec, p *PlacementSpec) { p.Breaker.FailureRatio, p.Breaker.Window = 1, 3600*Second+1 }, "placements.visa.breaker.window: is outside 100ms to 1h"},
		{func(_ *Spec, p *PlacementSpec) { p.Breaker.Preset = "envoi" }, `placements.visa.breaker.preset: there is no preset named "envoi"; did you mean "envoy"?`},
		{func(_ *Spec, p *PlacementSpec) { p.Breaker.Preset = "hystrix" }, `there is no preset named "hystrix"; use baseline, gobreaker, envoy or haproxy`},
		{func(_ *Spec, p *PlacementSpec) { p.Bound = 125 }, "placements.visa.bound: does nothing under round_robin; use it with rendezvous, ketama or maglev"},
		{func(_ *Spec, p *PlacementSpec) { p.Select, p.Bound = Maglev, 100 }, "placements.visa.bound: is outside 101 % to 1000 %"},
		{func(_ *Spec, p *PlacementSpec) { p.Select, p.Bound = Maglev, 1001 }, "placements.visa.bound: is outside 101 % to 1000 %"},
		{func(_ *Spec, p *PlacementSpec) { p.Decay = Second }, "placements.visa.decay: does nothing under round_robin"},
		{func(_ *Spec, p *PlacementSpec) { p.Select, p.Decay = EWMA, 1 }, "placements.visa.decay: is outside 1ms to 30 days"},
		{func(_ *Spec, p *PlacementSpec) { p.SlowStart = -1 }, "placements.visa.slow_start: is outside 1ms to 30 days"},
		{func(_ *Spec, p *PlacementSpec) { p.Shards = 3 }, "placements.visa.shards: is above the number of endpoints"},
		{func(_ *Spec, p *PlacementSpec) { p.Sticky.TTL = Second }, "placements.visa.sticky.ttl: does nothing without cookie"},
		{func(_ *Spec, p *PlacementSpec) { p.Sticky.Cookie = "a b" }, "placements.visa.sticky.cookie: is not a cookie's name"},
		{func(_ *Spec, p *PlacementSpec) { p.Sticky.Cookie = strings.Repeat("a", 65) }, "placements.visa.sticky.cookie: is longer than 64"},
		{func(_ *Spec, p *PlacementSpec) { p.Sticky = StickySpec{"a", Second + 1} }, "placements.visa.sticky.ttl: is not a whole number of seconds"},
		{func(_ *Spec, p *PlacementSpec) {
			p.Select, p.Endpoints = Ketama, nil
			for i := range 300 {
				p.Endpoints = append(p.Endpoints, EndpointSpec{URL: "http://10.0.0." + strconv.Itoa(i), Weight: 10000})
			}
		}, "placements.visa.endpoints: the weights make more than 4194304 ketama points"},
		{func(_ *Spec, p *PlacementSpec) { p.Breaker.Open = Millisecond - 1 }, "placements.visa.breaker.open: is outside 1ms to 30 days"},
		{func(_ *Spec, p *PlacementSpec) { p.Breaker.Open = MaxDuration + 1 }, "placements.visa.breaker.open: is outside 1ms to 30 days"},
		{func(_ *Spec, p *PlacementSpec) { p.Breaker.Open, p.Breaker.OpenMax = Second, Second-1 }, "placements.visa.breaker.open_max: is below open"},
		{func(_ *Spec, p *PlacementSpec) { p.Breaker.Growth = 1e6 - 1 }, "placements.visa.breaker.grow: is outside 1 to 10"},
		{func(_ *Spec, p *PlacementSpec) { p.Breaker.Growth = 10e6 + 1 }, "placements.visa.breaker.grow: is outside 1 to 10"},
		{func(_ *Spec, p *PlacementSpec) { p.Breaker.Jitter = 1e6 + 1 }, "placements.visa.breaker.jitter: is above 100 %"},
		{func(_ *Spec, p *PlacementSpec) { p.Breaker.Probes = MaxProbes + 1 }, "placements.visa.breaker.half_open_probes: is above 8; use 1 to 8"},
		{func(_ *Spec, p *PlacementSpec) { p.Breaker.MaxOpenPercent = 101 }, "placements.visa.breaker.max_open: is above 100 %"},
		{func(_ *Spec, p *PlacementSpec) { p.Health.Path = "health" }, "placements.visa.health.get: does not begin with /"},
		{func(_ *Spec, p *PlacementSpec) { p.Health.Every = Millisecond - 1 }, "placements.visa.health.every: is outside"},
		{func(_ *Spec, p *PlacementSpec) { p.Health.Timeout = -Second }, "placements.visa.health.timeout: is outside"},
		{func(_ *Spec, p *PlacementSpec) { p.Timeouts.Connect = -1 }, "placements.visa.timeouts.connect: is outside"},
		{func(_ *Spec, p *PlacementSpec) { p.Timeouts.ResponseHeader = -1 }, "placements.visa.timeouts.response_header: is outside"},
		{func(_ *Spec, p *PlacementSpec) { p.Timeouts.Request = -1 }, "placements.visa.timeouts.request: is outside"},
		{func(_ *Spec, p *PlacementSpec) { p.Timeouts.BodyIdle = -1 }, "placements.visa.timeouts.body_idle: is outside"},
		{func(_ *Spec, p *PlacementSpec) { p.Timeouts.UpstreamIdle = -1 }, "placements.visa.timeouts.upstream_idle: is outside"},
		{func(_ *Spec, p *PlacementSpec) { p.Timeouts.Settle = -1 }, "placements.visa.timeouts.settle: is outside"},
		{func(s *Spec, _ *PlacementSpec) { s.UnknownStatus = 399 }, "unknown_key.reject: 399 is not an error status; use 400 to 599"},
		{func(s *Spec, _ *PlacementSpec) { s.UnknownStatus = 600 }, "unknown_key.reject: 600 is not an error status"},
		{func(s *Spec, _ *PlacementSpec) { s.Default = "teir1" }, `default: there is no placement named "teir1"; did you mean "tier1"?`},
		{func(s *Spec, _ *PlacementSpec) { s.Default = "elsewhere" }, `default: there is no placement named "elsewhere"; define it under placements, or name one that is there`},
		{func(s *Spec, _ *PlacementSpec) { s.Keys[0].Key = "" }, "keys: a key is empty"},
		{func(s *Spec, _ *PlacementSpec) { s.Keys[0].Key = "visa" }, "keys.visa: is defined twice"},
		{func(s *Spec, _ *PlacementSpec) { s.Keys[1].Placement = "vsia" }, `keys.visa: there is no placement named "vsia"; did you mean "visa"?`},
		{func(_ *Spec, p *PlacementSpec) { p.Fallback = []string{"tier2"} }, `placements.visa.fallback[0]: there is no placement named "tier2"; did you mean "tier1"?`},
		{func(_ *Spec, p *PlacementSpec) { p.Fallback = []string{"tier1", "visa"} }, "placements.visa.fallback[1]: is the placement itself"},
		{func(_ *Spec, p *PlacementSpec) { p.Fallback = []string{"tier1", "tier1"} }, `placements.visa.fallback[1]: "tier1" is listed twice`},
	} {
		s := soundSpec()
		c.plant(&s, &s.Placements[0])
		_, err := Compile(s)
		if err == nil {
			t.Errorf("no fault found, want %s", c.want)
			continue
		}
		errs := err.(SpecErrors)
		if !strings.Contains(err.Error(), c.want) || len(errs) != 1 {
			t.Errorf("\n got %d: %v\nwant %s", len(errs), err, c.want)
		}
		if errs[0].Path == "" || errs[0].Hint == "" {
			t.Errorf("%v: without a place or a cure", err)
		}
	}
}

// TestLimitsThemselvesAreAllowed compiles each extreme value once.
func TestLimitsThemselvesAreAllowed(t *testing.T) {
	s := soundSpec()
	s.UnknownStatus = 400
	p := &s.Placements[0]
	p.Name = strings.Repeat("~", 199) + "!"
	s.Keys[1].Placement = p.Name
	p.Limit = LimitSpec{InFlight: 5, Guests: 5}
	p.Endpoints[0].Weight = 10000
	p.Breaker = BreakerSpec{Open: MaxDuration, OpenMax: MaxDuration, Growth: 10e6, Jitter: 1e6, Probes: MaxProbes, MaxOpenPercent: 100, Preset: "baseline"}
	p.Health.Every, p.Health.Timeout = Millisecond, MaxDuration
	if _, err := Compile(s); err != nil {
		t.Error(err)
	}
	s.UnknownStatus = 599
	p.Limit = LimitSpec{Guests: 6}
	if _, err := Compile(s); err != nil {
		t.Errorf("guests without a limit: %v", err)
	}
	p.Limit = LimitSpec{InFlight: 1, Guests: -1}
	if _, err := Compile(s); err != nil {
		t.Errorf("no guests at all: %v", err)
	}
}

func TestHowManyThereMayBe(t *testing.T) {
	endpoints := func(n int) error {
		s := soundSpec()
		s.Placements[0].Endpoints = nil
		for i := range n {
			s.Placements[0].Endpoints = append(s.Placements[0].Endpoints, EndpointSpec{URL: "http://h" + strconv.Itoa(i)})
		}
		_, err := Compile(s)
		return err
	}
	placements := func(n int) error {
		s := Spec{Version: "v1"}
		for i := range n {
			name := "p" + strconv.Itoa(i)
			s.Placements = append(s.Placements, PlacementSpec{Name: name, Endpoints: []EndpointSpec{{URL: "http://" + name}}})
		}
		_, err := Compile(s)
		return err
	}
	candidates := func(n int) error {
		s := Spec{Version: "v1"}
		for i := range n {
			name := "p" + strconv.Itoa(i)
			s.Placements = append(s.Placements, PlacementSpec{Name: name, Endpoints: []EndpointSpec{{URL: "http://" + name}}})
			if i > 0 {
				s.Placements[0].Fallback = append(s.Placements[0].Fallback, name)
			}
		}
		_, err := Compile(s)
		return err
	}
	for _, c := range []struct {
		what    string
		compile func(int) error
		most    int
		want    string
	}{
		{"endpoints", endpoints, MaxEndpoints, "placements.visa.endpoints: there are 1025; give 1 to 1024"},
		{"placements", placements, MaxPlacements, "placements: there are 65537; give 1 to 65536"},
		{"candidates", candidates, MaxCandidates, "placements.p0.fallback: there are 8; use at most 7"},
	} {
		if err := c.compile(c.most); err != nil {
			t.Errorf("%d %s: %v", c.most, c.what, err)
		}
		if err := c.compile(c.most + 1); err == nil || err.Error() != c.want {
			t.Errorf("%d %s: %v, want %s", c.most+1, c.what, err, c.want)
		}
	}
}

func TestAHundredFaultsAreEnough(t *testing.T) {
	s := soundSpec()
	for i := range 150 {
		s.Keys = append(s.Keys, KeySpec{"k" + strconv.Itoa(i), "nowhere-at-all"})
	}
	_, err := Compile(s)
	if n := len(err.(SpecErrors)); n != maxErrors {
		t.Errorf("%d faults reported, want %d", n, maxErrors)
	}
	if lines := strings.Count(err.Error(), "\n"); lines != maxErrors-1 {
		t.Errorf("%d line ends", lines)
	}
}

func TestEditDistanceIsLevenshteins(t *testing.T) {
	for _, c := range []struct {
		a, b  string
		limit int
		want  int
	}{
		{"", "", 4, 0},
		{"a", "", 4, 1},
		{"", "abc", 4, 3},
		{"visa", "visa", 4, 0},
		{"visa", "vista", 4, 1},
		{"vsia", "visa", 4, 2},
		{"kitten", "sitting", 4, 3},
		{"abcd", "", 4, 4},
		{"", "abcde", 4, 4},
		{"abcde", "", 4, 4},
		{"abc", "xyz", 4, 3},
	} {
		if got := editDistance(c.a, c.b, c.limit); got != c.want {
			t.Errorf("editDistance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestTheNearestNameIsSuggested(t *testing.T) {
	s := soundSpec()
	s.Placements = append(s.Placements, PlacementSpec{Name: "vista", Endpoints: []EndpointSpec{{URL: "http://x"}}})
	for name, want := range map[string]string{"visb": `did you mean "visa"?`, "vistas": `did you mean "vista"?`} {
		s.Default = name
		_, err := Compile(s)
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
}

// TestCollidingIdentitiesAreRefused forges what no known name does by chance.
func TestCollidingIdentitiesAreRefused(t *testing.T) {
	c, _ := Compile(soundSpec())
	for name, forge := range map[string]func(c *Config){
		"two endpoints":               func(c *Config) { c.endpoints[0].id = c.endpoints[1].id },
		"an endpoint and a placement": func(c *Config) { c.endpoints[0].id = c.placements[1].id },
		"zero":                        func(c *Config) { c.endpoints[2].id = 0 },
	} {
		forged := *c
		forged.placements, forged.endpoints = slices.Clone(c.placements), slices.Clone(c.endpoints)
		forge(&forged)
		cc := compiler{config: &forged}
		cc.identities()
		if len(cc.errs) != 1 {
			t.Errorf("%s with one hash: %v", name, cc.errs)
		}
	}
	cc := compiler{config: c}
	if cc.identities(); len(cc.errs) != 0 {
		t.Error(cc.errs)
	}
}
