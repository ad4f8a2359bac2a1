package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"lockstep/adapters/driver"
	"lockstep/adapters/httpproxy"
	"lockstep/adapters/memnet"
	"lockstep/adapters/probe"
	"lockstep/core"
	"lockstep/core/loop"
	"lockstep/sim"
)

// The twin test runs one plan twice: in the simulator, and through the real
// net/http server, proxy and client over a network in memory, inside synctest's
// virtual time. Every step of the router is compared: when it came, what it
// was, and what was decided.

// journal is what a router was told and what it decided.
type journal struct {
	steps []step
	// requests are the arrivals, for the real side to repeat.
	requests []twinRequest
	seed     uint64
}

// step is one event and its decisions, as text.
type step struct {
	at   core.Time
	kind core.EventKind
	who  uint32 // endpoint of a report, slot of a Finish
	text string
}

// twinRequest is one request that a client sends.
type twinRequest struct {
	at     core.Time
	key    string
	id     [2]uint64
	length int64
}

// Observe implements loop.Observer.
func (j *journal) Observe(now core.Time, ev *core.Event, req *loop.Request, decisions []core.Decision) {
	line := fmt.Sprintf("%d %s", now, ev.Kind)
	switch ev.Kind {
	case core.Arrive:
		line += fmt.Sprintf(" %q %x", req.Key, req.ID)
		j.requests = append(j.requests, twinRequest{now, req.Key, req.ID, ev.Length})
	case core.Finish:
		line += fmt.Sprintf(" %v %s %d", ev.Handle, ev.Class, ev.Status)
	case core.Reply:
		line += fmt.Sprintf(" %v %d", ev.Handle, ev.Status)
	case core.Adopt:
		line += fmt.Sprintf(" %v fault %d", ev.Epoch, ev.Fault)
	}
	st := step{at: now, kind: ev.Kind, who: ev.Handle.Slot}
	if ev.Kind == core.Probed {
		st.who = uint32(ev.Endpoint)
		line += fmt.Sprintf(" e%d %v", ev.Endpoint, ev.OK)
	}
	for _, d := range decisions {
		line += fmt.Sprintf("\n  R%d %s %s %s %s %s %v probe=%v %d %v p%d e%d at %d until %d",
			d.Rule, d.Kind, d.Class, d.Reason, d.Failover, d.Circuit, d.Handle, d.Probe, d.Status, d.Epoch, d.Placement, d.Endpoint, d.At, d.Until)
	}
	st.text = line
	j.steps = append(j.steps, st)
}

// lines returns the steps as text. Reports of probes, and ends of requests,
// that came in one instant are sorted: goroutines promise no order among them.
func (j *journal) lines() (all []string) {
	slices.SortStableFunc(j.steps, func(a, b step) int {
		if c := cmp.Compare(a.at, b.at); c != 0 || a.kind != b.kind || a.kind == core.Arrive {
			return c
		}
		return cmp.Compare(a.who, b.who)
	})
	for _, s := range j.steps {
		all = append(all, s.text)
	}
	return all
}

// simulate runs the plan in the simulator.
func simulate(t *testing.T, p sim.Plan) *journal {
	t.Helper()
	j := &journal{}
	result := sim.Run(p, sim.Options{Check: true, Observe: func(_ int, r *core.Router) loop.Observer {
		var err error
		if _, j.seed, err = core.SnapshotConfig(r.Snapshot(nil)); err != nil {
			t.Fatal(err)
		}
		return j
	}})
	if result.Err != nil || result.Violated > 0 {
		t.Fatalf("the simulation went wrong: %v %v", result.Err, result.Violations)
	}
	return j
}

// live runs the plan through the real adapters; call it inside a synctest bubble.
func live(t *testing.T, p sim.Plan, told *journal) *journal {
	t.Helper()
	config, err := core.Compile(p.Spec)
	if err != nil {
		t.Fatal(err)
	}
	j := &journal{}
	network := &memnet.Network{}
	d := driver.New(driver.Options{Seed: told.seed, Observer: j})
	proxy := httpproxy.NewHandler(d, httpproxy.Options{Dial: network.Dial})
	prober := probe.New(probe.Options{Report: d.Probed, Check: proxy.Upstream().Check})
	d.Handle(proxy.Deliver)
	d.Handle(prober.Sink)
	ctx, cancel := context.WithCancel(t.Context())
	d.Run(ctx)
	start := time.Now()
	for i := range config.Endpoints() {
		e := config.Endpoint(i)
		newUpstream(&p, config, e, start).run(t, network)
	}
	serve(t, network, "router:80", proxy)
	d.Adopt(config, p.Epoch, core.OriginFile, core.FaultNone)
	// A fresh connection each: on a reused one net/http would send a cut GET again.
	client := &http.Client{Transport: &http.Transport{DialContext: network.Dial, DisableCompression: true, DisableKeepAlives: true}}
	for i := range p.Pushes {
		time.AfterFunc(time.Duration(p.Pushes[i].At), func() { push(t, d, &p.Pushes[i]) })
	}
	for _, f := range p.Faults {
		if f.Kind == sim.Drain {
			time.AfterFunc(time.Duration(f.At), func() { d.Drain(f.Until) })
		}
	}
	for _, r := range told.requests {
		time.AfterFunc(time.Duration(r.at), func() { send(client, r, time.Duration(p.Clients[0].Patience)) })
	}
	time.Sleep(time.Duration(told.steps[len(told.steps)-1].at) + time.Nanosecond)
	synctest.Wait()
	cancel()
	client.CloseIdleConnections()
	proxy.CloseIdleConnections()
	d.Close()
	prober.Close()
	return j
}

func push(t *testing.T, d *driver.Driver, p *sim.Push) {
	if p.Spec == nil {
		d.Adopt(nil, p.Epoch, core.OriginControl, core.FaultInvalid)
		return
	}
	c, err := core.Compile(*p.Spec)
	if err != nil {
		t.Error(err)
		return
	}
	d.Adopt(c, p.Epoch, core.OriginControl, core.FaultNone)
}

// send is one client: it gives up when no response has begun within patience.
func send(client *http.Client, r twinRequest, patience time.Duration) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if patience > 0 {
		defer time.AfterFunc(patience, cancel).Stop()
	}
	req, _ := http.NewRequestWithContext(ctx, "GET", "http://router/", nil)
	if r.key != "" {
		req.Header.Set("X-Routing-Key", r.key)
	}
	req.Header.Set("X-Request-Id", fmt.Sprintf("%016x%016x", r.id[0], r.id[1]))
	res, err := client.Do(req)
	if err != nil {
		return
	}
	drainBody(res)
}

func drainBody(res *http.Response) {
	defer res.Body.Close()
	buf := make([]byte, 4096)
	for {
		if _, err := res.Body.Read(buf); err != nil {
			return
		}
	}
}

func serve(t *testing.T, network *memnet.Network, address string, h http.Handler) *memnet.Listener {
	l := network.Listen(address)
	s := &http.Server{Handler: h}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return l
}

// TestTheRealProxyDecidesAsTheSimulatorDoes is the twin test.
func TestTheRealProxyDecidesAsTheSimulatorDoes(t *testing.T) {
	for name, plan := range twinPlans() {
		t.Run(name, func(t *testing.T) {
			told := simulate(t, plan)
			if len(told.requests) < 100 {
				t.Fatalf("only %d requests", len(told.requests))
			}
			synctest.Test(t, func(t *testing.T) {
				did := live(t, plan, told)
				if diff := gocmp.Diff(told.lines(), did.lines()); diff != "" {
					t.Errorf("%d steps; - the simulator, + the real proxy:\n%s", len(told.steps), head(diff, 3000))
				}
			})
		})
	}
}

func head(s string, n int) string { return s[:min(len(s), n)] }
