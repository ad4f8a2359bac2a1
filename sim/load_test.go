package sim

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"lockstep/core"
)

func TestTheNormalTableIsTheErrorFunctions(t *testing.T) {
	table := newNormalTable()
	unit := math.Sqrt2 * math.Erfinv(0.98)
	for i, got := range table {
		above := math.Ldexp(1-float64(i%8)/16, -i/8-1)
		want := math.Sqrt2 * math.Erfinv(1-2*above) / unit * (1 << 24)
		if math.Abs(float64(got)-want) > 2 {
			t.Errorf("entry %d is %d, the error function says %.0f", i, got, want)
		}
	}
}

func TestPowersAndLogarithmsOfTwoAreInverse(t *testing.T) {
	table := newLogTable()
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Uint64Range(1, 1<<39).Draw(t, "x")
		if got := table.exp2(log2(x)); math.Abs(float64(got)/(1<<24)/float64(x)-1) > 1e-5 {
			t.Fatalf("2^log2(%d) is %d / 2^24", x, got)
		}
	})
}

// drawMany returns sorted draws of a service.
func drawMany(s Service) []core.Duration {
	p := newSampler(&s, newLogTable())
	draws := make([]core.Duration, 200_000)
	for i := range draws {
		draws[i] = p.draw(finalise(uint64(i) * golden))
	}
	slices.Sort(draws)
	return draws
}

func TestLogNormalDrawsHaveTheirQuantiles(t *testing.T) {
	draws := drawMany(Service{Shape: LogNormal, Typical: 20 * core.Millisecond, P99: 200 * core.Millisecond})
	for _, c := range []struct{ share, want float64 }{ // 20 ms x 10^(z / 2.3263)
		{0.001, 0.9391}, {0.01, 2}, {0.25, 10.259}, {0.5, 20}, {0.75, 38.99}, {0.99, 200}, {0.999, 425.9},
	} {
		got := float64(draws[int(c.share*float64(len(draws)))]) / 1e6
		if math.Abs(got/c.want-1) > 0.06 {
			t.Errorf("quantile %g is %.3f ms, want %.3f ms", c.share, got, c.want)
		}
	}
}

func TestMeasuredDrawsFollowTheHistogram(t *testing.T) {
	ms := core.Millisecond
	draws := drawMany(Service{Shape: Empirical, Histogram: []Bucket{{10 * ms, 700}, {20 * ms, 0}, {40 * ms, 300}}})
	n := len(draws)
	first, _ := slices.BinarySearch(draws, 10*ms+1)
	if first < n*69/100 || first > n*71/100 || draws[0] < 1 || draws[n-1] > 40*ms {
		t.Errorf("%d of %d draws are in the first bucket; they go from %d to %d ns", first, n, draws[0], draws[n-1])
	}
	if draws[first] <= 20*ms || draws[n*85/100] < 29*ms || draws[n*85/100] > 31*ms {
		t.Errorf("the last bucket begins at %d and its middle is %d ns, want above 20 ms and about 30 ms", draws[first], draws[n*85/100])
	}
}

func TestBeyondItsKneeAServerSlowsDown(t *testing.T) {
	served := func(users, knee int) uint64 {
		p := plain()
		p.Clients = []Client{{Name: "users", Users: uint32(users), Keys: []string{"a"}}}
		p.Backend = Backend{Workers: 4, Service: Service{Typical: 100 * core.Millisecond}, Knee: knee, Strain: 100_000}
		r := mustRun(t, p)
		return during(&r, 0, sec, 9*sec).OK
	}
	// Four workers of 10 requests/s are full with 5 users; 14 in service and in line, 10 beyond the knee, double the work.
	for _, c := range []struct {
		users, knee int
		from, to    uint64
	}{{5, 4, 290, 325}, {14, 0, 310, 325}, {14, 4, 150, 175}} {
		if n := served(c.users, c.knee); n < c.from || n > c.to {
			t.Errorf("%d users, knee %d: %d served in 8 s, want %d to %d", c.users, c.knee, n, c.from, c.to)
		}
	}
}

func TestARestartedServerWarmsUp(t *testing.T) {
	p := plain()
	p.Backend.Warmup, p.Backend.Cold = 4*core.Second, 11*million // 20 ms become 220 ms, and 120 ms half-way
	p.Faults = []Fault{{Kind: Refuse, Placement: "a", At: 2 * sec, Until: 3 * sec}}
	r := mustRun(t, p)
	for _, c := range []struct {
		at       core.Time
		from, to core.Duration
	}{{0, 20, 24}, {3 * sec, 180, 232}, {5 * sec, 85, 132}, {8 * sec, 20, 24}} {
		got := during(&r, 0, c.at, c.at+sec)
		if m := got.Latency.Quantile(500_000) / core.Millisecond; m < c.from || m > c.to {
			t.Errorf("the median in the second from %d is %d ms, want %d to %d", c.at/sec, m, c.from, c.to)
		}
	}
	if got := during(&r, 1, 3*sec, 4*sec); got.Latency.Quantile(million) > 24*core.Millisecond {
		t.Error("the server that did not restart is slow")
	}
}

func TestABudgetBoundsRetries(t *testing.T) {
	for _, c := range []struct {
		name     string
		retry    Retry
		from, to uint64
	}{
		{"none", Retry{}, 1750, 1820},
		{"a tenth of first requests, after ten at once", Retry{Budget: 100_000}, 97, 100},
		{"two a second, after twenty at once", Retry{Floor: 2}, 32, 42},
		{"both", Retry{Budget: 100_000, Floor: 2}, 124, 129},
	} {
		p := plain()
		p.Clients[0].Keys, p.Clients[0].Retries, p.Clients[0].Retry = []string{"a"}, 2, c.retry
		p.Backend.Flaky = million
		p.Clients[0].Until = 9 * sec
		r := mustRun(t, p)
		var retries uint64
		for i := range r.Windows {
			retries += r.Windows[i].Retries
		}
		if retries < c.from || retries > c.to {
			t.Errorf("%s: %d retries of 900 requests, want %d to %d", c.name, retries, c.from, c.to)
		}
	}
}

func TestPausesGrowToTheirBoundAndJitterFillsThem(t *testing.T) {
	second := core.Second
	grows := Retry{Growth: 2 * million, Max: 5 * second}
	for before, want := range []core.Duration{second, 2 * second, 4 * second, 5 * second, 5 * second} {
		if got := grows.pause(second, uint8(before), 1); got != want {
			t.Errorf("pause after %d retries is %d ns, want %d", before, got, want)
		}
	}
	even := Retry{}
	if got := even.pause(second, 7, 1); got != second {
		t.Errorf("a pause that does not grow is %d ns", got)
	}
	grows.Jitter = true
	var sum, least, most core.Duration = 0, day, 0
	for i := range uint64(10_000) {
		d := grows.pause(second, 1, finalise(i*golden))
		sum, least, most = sum+d, min(least, d), max(most, d)
	}
	if mean := sum / 10_000; mean < second*98/100 || mean > second*102/100 || least > second/100 || most > 2*second || most < second*199/100 {
		t.Errorf("jittered pauses of up to 2 s: mean %d, from %d to %d ns", mean, least, most)
	}
}

func TestALoadModelThatCannotBeRunSaysWhy(t *testing.T) {
	for name, spoil := range map[string]func(p *Plan){
		"a knee without workers":    func(p *Plan) { p.Backend.Knee = 3 },
		"a p99 below the median":    func(p *Plan) { p.Backend.Service = Service{Shape: LogNormal, P99: core.Millisecond} },
		"an empty histogram":        func(p *Plan) { p.Backend.Service.Shape = Empirical },
		"a histogram out of order":  func(p *Plan) { p.Backend.Service = Service{Shape: Empirical, Histogram: []Bucket{{5, 1}, {4, 1}}} },
		"warming that slows down":   func(p *Plan) { p.Backend.Warmup, p.Backend.Cold = 1, 1 },
		"pauses that shrink":        func(p *Plan) { p.Clients[0].Retry.Growth = 1 },
		"a pause of less than none": func(p *Plan) { p.Clients[0].Retry.Max = -1 },
		"a ramp of users":           func(p *Plan) { p.Clients[0].Users, p.Clients[0].Ramp.Period = 1, core.Second },
		"a ramp lowest above all":   func(p *Plan) { p.Clients[0].Ramp = Ramp{core.Second, million + 1} },
		"a ramp that flickers":      func(p *Plan) { p.Clients[0].Ramp.Period = core.Millisecond },
		"a hold before the start":   func(p *Plan) { p.Clients[0].Hold.At = -1 },
	} {
		p := plain()
		spoil(&p)
		if r := Run(p, Options{}); r.Err == nil {
			t.Errorf("%s: it ran", name)
		}
	}
}

func TestABreakerMayStayOpenForDays(t *testing.T) {
	p := plain()
	p.Spec.Placements[0].Breaker = core.BreakerSpec{Failures: 3, Open: 10 * day, OpenMax: 30 * day, Jitter: 500_000}
	p.Faults = []Fault{{Kind: Flaky, Placement: "a"}}
	for p.Seed = range 10 {
		if r := mustRun(t, p); !r.Sometimes.Has(SawOpened) {
			t.Fatal("it never opened")
		}
	}
}
