package sim

import (
	"testing"

	"lockstep/core"
)

// plain is a quiet run of two placements with nothing in their way: one
// endpoint each, no fallback.
func plain() Plan {
	place := func(name string) core.PlacementSpec {
		return core.PlacementSpec{
			Name: name, Endpoints: []core.EndpointSpec{{URL: "http://" + name + ":80"}},
			Breaker: core.BreakerSpec{Off: true}, Health: core.HealthSpec{Every: core.Second, Timeout: 200 * core.Millisecond, Fall: 1, Rise: 1},
			Timeouts: core.TimeoutSpec{Connect: core.Second, ResponseHeader: 2 * core.Second, BodyIdle: core.Second, Settle: 500 * core.Millisecond},
		}
	}
	return Plan{
		Name: "plain", Length: 10 * core.Second, Window: core.Second,
		Spec: core.Spec{
			Version: "1", Placements: []core.PlacementSpec{place("a"), place("b")},
			Keys: []core.KeySpec{{Key: "a", Placement: "a"}, {Key: "b", Placement: "b"}},
		},
		Clients: []Client{{Name: "all", Rate: 100}},
		Backend: Backend{Service: Service{Typical: 20 * core.Millisecond}},
		Link:    Link{Latency: core.Millisecond},
	}
}

// during counts a placement's outcomes in the windows from one time to another.
func during(r *Result, placement int, from, to core.Time) (c Counts) {
	for i := range r.Windows {
		if w := &r.Windows[i]; w.From >= from && w.From < to {
			p := &w.Placements[placement].Counts
			c.Arrivals += p.Arrivals
			c.OK += p.OK
			c.Lost += p.Lost
			for k, n := range p.ByClass {
				c.ByClass[k] += n
			}
			c.Latency.Merge(p.Latency)
		}
	}
	return c
}

func mustRun(t *testing.T, p Plan) Result {
	t.Helper()
	r := Run(p, Options{Check: true})
	if r.Err != nil || r.Violated > 0 {
		t.Fatal(r.Err, r.Violations)
	}
	return r
}

func TestEveryFaultOfAServerOrLinkEndsRequestsAsItsClass(t *testing.T) {
	for _, c := range []struct {
		fault Fault
		class core.Class
		body  core.Duration
	}{
		{Fault{Kind: Refuse}, core.ConnectRefused, 0},
		{Fault{Kind: Hang}, core.ResponseTimeout, 0},
		{Fault{Kind: Slow, Factor: 200 * million}, core.ResponseTimeout, 0},
		{Fault{Kind: Flaky, Status: 503}, core.Upstream5xx, 0},
		{Fault{Kind: Flaky, Status: 404}, core.ClassNone, 0},
		{Fault{Kind: BrokenBody}, core.BrokenBody, 100 * core.Millisecond},
		{Fault{Kind: StuckBody}, core.BodyTimeout, 100 * core.Millisecond},
		{Fault{Kind: SlowBody, Delay: 3 * core.Second}, core.ClassNone, 0},
		{Fault{Kind: ResetNew}, core.ResetBeforeResponse, 0},
		{Fault{Kind: HealthDown}, core.ClassNone, 0},
		{Fault{Kind: Delayed, Delay: 500 * core.Millisecond}, core.ClassNone, 0},
		{Fault{Kind: Lossy}, core.ConnectTimeout, 0},
		{Fault{Kind: Partition}, core.ConnectTimeout, 0},
		{Fault{Kind: PartitionOut}, core.ResponseTimeout, 0},
		{Fault{Kind: PartitionBack}, core.ResponseTimeout, 0},
	} {
		t.Run(c.fault.Kind.String()+" "+c.class.String(), func(t *testing.T) {
			p := plain()
			p.Backend.Body = c.body
			c.fault.Placement, c.fault.At, c.fault.Until = "a", 3*sec, 6*sec
			p.Faults = []Fault{c.fault}
			r := mustRun(t, p)
			got := during(&r, 0, 3*sec, 6*sec)
			ended := got.OK
			if c.class != core.ClassNone {
				ended = got.ByClass[c.class]
			}
			// A fault that ends is not felt by the last requests of its time, when they wait longer than it lasts.
			if ended*10 < got.Arrivals*9 || got.Arrivals < 100 {
				t.Errorf("of %d requests under the fault %d ended as %s: %v", got.Arrivals, ended, c.class, got.ByClass)
			}
			for _, calm := range []Counts{during(&r, 0, 7*sec, 10*sec), during(&r, 1, 0, 10*sec)} {
				if calm.OK != calm.Arrivals {
					t.Errorf("of %d requests away from the fault only %d are OK: %v", calm.Arrivals, calm.OK, calm.ByClass)
				}
			}
		})
	}
}

func TestHealthProbesSeeWhatTheyShould(t *testing.T) {
	for _, c := range []struct {
		kinds     []FaultKind
		unhealthy bool
	}{
		{[]FaultKind{Refuse}, true},
		{[]FaultKind{Hang}, true},
		{[]FaultKind{ResetNew}, true},
		{[]FaultKind{HealthDown}, true},
		{[]FaultKind{Partition}, true},
		{[]FaultKind{PartitionOut}, true},
		{[]FaultKind{PartitionBack}, true},
		{[]FaultKind{Lossy}, true},
		{[]FaultKind{Flaky}, false},
		{[]FaultKind{Slow}, false},
		{[]FaultKind{BrokenBody}, false},
		{[]FaultKind{Refuse, HealthUp}, false},
	} {
		p := plain()
		for _, k := range c.kinds {
			p.Faults = append(p.Faults, Fault{Kind: k, Placement: "a", At: 2 * sec, Until: 5 * sec})
		}
		if r := mustRun(t, p); r.Sometimes.Has(SawUnhealthy) != c.unhealthy || r.Sometimes.Has(SawHealthy) != c.unhealthy {
			t.Errorf("%v: unhealthy %t, want %t", c.kinds, r.Sometimes.Has(SawUnhealthy), c.unhealthy)
		}
	}
}

func TestResettingConnectionsCutsWhatIsInFlight(t *testing.T) {
	p := plain()
	p.Backend.Service.Typical = 300 * core.Millisecond
	p.Faults = []Fault{{Kind: ResetAll, Placement: "a", At: 4*sec + sec/2}}
	r := mustRun(t, p)
	if got := during(&r, 0, 0, 10*sec).ByClass[core.ResetBeforeResponse]; got < 5 || got > 30 {
		t.Errorf("%d requests were reset, about 15 were in flight", got)
	}
}

func TestAServerServesItsWorkersAndQueuesTheRest(t *testing.T) {
	p := plain()
	p.Clients = []Client{{Name: "users", Users: 10, Keys: []string{"a"}}}
	p.Backend = Backend{Workers: 2, Service: Service{Typical: 100 * core.Millisecond}}
	r := mustRun(t, p)
	// Two workers of 10 requests/s each; ten users wait for each other.
	if c := during(&r, 0, sec, 9*sec); c.OK < 155 || c.OK > 165 || c.Latency.Quantile(500_000) < 400*core.Millisecond {
		t.Errorf("%d requests OK in 8 s, median %d ms", c.OK, c.Latency.Quantile(500_000)/core.Millisecond)
	}
	p.Backend.Queue = 3
	r = mustRun(t, p)
	if c := during(&r, 0, sec, 9*sec); c.ByClass[core.Upstream5xx] == 0 || c.Latency.Quantile(million) > 320*core.Millisecond {
		t.Errorf("%d requests found the queue full; the slowest took %d ms", c.ByClass[core.Upstream5xx], c.Latency.Quantile(million)/core.Millisecond)
	}
}

func TestClientsGiveUpAndRetry(t *testing.T) {
	p := plain()
	p.Clients[0].Patience, p.Clients[0].Retries, p.Clients[0].Backoff = 100*core.Millisecond, 2, 10*core.Millisecond
	p.Faults = []Fault{{Kind: Hang, Placement: "a", At: 3 * sec, Until: 6 * sec}}
	r := mustRun(t, p)
	calm, hung := during(&r, 0, 0, 3*sec), during(&r, 0, 3*sec, 6*sec)
	if hung.ByClass[core.ClientGone] < hung.Arrivals*9/10 || hung.Arrivals < calm.Arrivals*5/2 {
		t.Errorf("%d requests in calm, %d while hung, of those %d given up", calm.Arrivals, hung.Arrivals, hung.ByClass[core.ClientGone])
	}
}

func TestABurstAddsItsRequests(t *testing.T) {
	for _, over := range []core.Duration{0, 700 * core.Millisecond} {
		p := plain()
		p.Bursts = []Burst{{Client: "all", At: 5 * sec, Over: over, Requests: 250}}
		r := mustRun(t, p)
		if n := r.Windows[5].Arrivals; n != 350 {
			t.Errorf("over %d ms: %d requests in the burst's second, want 100 + 250", over/core.Millisecond, n)
		}
	}
}

func TestARouterRestartsFromItsDisk(t *testing.T) {
	p := plain()
	newer := p.Spec
	newer.Version = "2"
	p.Epoch = core.Epoch{Number: 1}
	p.Pushes = []Push{{At: 2 * sec, Spec: &newer, Epoch: core.Epoch{Number: 2}}}
	p.Faults = []Fault{{Kind: Crash, At: 4 * sec, Until: 5 * sec}, {Kind: Silence, At: 3 * sec, Until: 8 * sec}}
	r := mustRun(t, p)
	var got []core.Epoch
	for _, a := range r.Answers {
		got = append(got, a.Epoch)
	}
	// Its own file, the push, its disk after the crash, and the same push again when the control plane is back.
	want := []core.Epoch{{Number: 1}, {Number: 2}, {Number: 2}, {Number: 2}}
	if len(got) != len(want) {
		t.Fatalf("answers %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("answers %v, want %v", got, want)
		}
	}
	if n := r.Windows[4].Unreached; n != 100 {
		t.Errorf("%d requests found no router in the second without one, want 100", n)
	}
	if c := during(&r, 0, 5*sec, 10*sec); c.OK != c.Arrivals || c.Arrivals == 0 {
		t.Errorf("after the restart %d of %d are OK", c.OK, c.Arrivals)
	}
}

func TestASilentControlPlaneDelaysOnlyItsPushes(t *testing.T) {
	p := plain()
	newer := p.Spec
	newer.Version = "2"
	p.Pushes = []Push{{At: 3 * sec, Spec: &newer}}
	p.Faults = []Fault{{Kind: Silence, At: 2 * sec, Until: 7 * sec}}
	r := mustRun(t, p)
	if n := len(r.Answers); n != 2 || r.Answers[1].At != 7*sec || r.Answers[1].Kind != core.Ack {
		t.Errorf("answers %+v", r.Answers)
	}
}

func TestADrainingRouterRefusesAndCutsAtItsDeadline(t *testing.T) {
	p := plain()
	p.Backend.Service.Typical = 1500 * core.Millisecond
	p.Faults = []Fault{{Kind: Drain, At: 5 * sec, Until: 6 * sec}}
	r := mustRun(t, p)
	before, after := during(&r, 0, 4*sec, 5*sec), during(&r, 0, 5*sec, 10*sec)
	if n := before.ByClass[core.Draining]; n < 15 || n > 35 {
		t.Errorf("%d of %d requests of the last second were cut, about half should be", n, before.Arrivals)
	}
	if after.ByClass[core.Draining] != after.Arrivals {
		t.Errorf("%d of %d requests were refused while draining", after.ByClass[core.Draining], after.Arrivals)
	}
}

func TestABalancerAvoidsRoutersThatAreGone(t *testing.T) {
	p := plain()
	p.Routers = 3
	p.Faults = []Fault{{Kind: Crash, Router: 1, At: 3 * sec}, {Kind: Drain, Router: 2, At: 4 * sec, Until: 9 * sec}}
	r := mustRun(t, p)
	if c := during(&r, 0, 5*sec, 10*sec); c.OK != c.Arrivals {
		t.Errorf("%d of %d requests are OK with one router left", c.OK, c.Arrivals)
	}
}

func TestAPlanThatCannotBeRunSaysWhy(t *testing.T) {
	for name, spoil := range map[string]func(p *Plan){
		"no length":             func(p *Plan) { p.Length = 0 },
		"a bad configuration":   func(p *Plan) { p.Spec.Version = "" },
		"a fault of nothing":    func(p *Plan) { p.Faults = []Fault{{Kind: Refuse, Placement: "nowhere"}} },
		"a fault without kind":  func(p *Plan) { p.Faults = []Fault{{}} },
		"a burst of nobody":     func(p *Plan) { p.Bursts = []Burst{{Client: "nobody", Requests: 1}} },
		"two clients, one name": func(p *Plan) { p.Clients = append(p.Clients, p.Clients[0]) },
		"a router too many":     func(p *Plan) { p.Faults = []Fault{{Kind: Crash, Router: 2}} },
		"too many windows":      func(p *Plan) { p.Window = 1 },
		"no keys":               func(p *Plan) { p.Spec.Keys = nil },
	} {
		p := plain()
		spoil(&p)
		if r := Run(p, Options{}); r.Err == nil {
			t.Errorf("%s: it ran", name)
		}
	}
}

func TestLivenessCatchesARouterThatNeverRecovers(t *testing.T) {
	p := plain()
	p.Spec.Placements[0].Breaker = core.BreakerSpec{Failures: 3, Open: core.Second}
	p.Faults = []Fault{{Kind: Refuse, Placement: "a", At: 2 * sec, Until: 4 * sec}}
	p.Recovery = 3 * core.Second
	mustRun(t, p)
	p.Spec.Placements[0].Breaker.Open = 20 * core.Second
	r := Run(p, Options{Check: true})
	if r.Violated < 100 || r.Violations[0].Property != "liveness" || r.Violations[0].Placement != "a" {
		t.Errorf("%d violations: %+v", r.Violated, r.Violations[:min(1, len(r.Violations))])
	}
	last := r.Violations[len(r.Violations)-1]
	if last.Property != "liveness" {
		t.Errorf("the last violation is %+v", last)
	}
}

func TestAnEmptyKeyIsNoKey(t *testing.T) {
	p := plain()
	p.Spec.Default = "a"
	p.Clients[0].Keys = []string{"", "b"}
	r := mustRun(t, p)
	var none uint64
	for i := range r.Windows {
		none += r.Windows[i].ByClass[core.NoKey]
	}
	if none < 400 || none > 600 {
		t.Errorf("%d of 1000 requests had no key, half should", none)
	}
}
