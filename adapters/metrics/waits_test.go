package metrics_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/adapters/driver"
	"lockstep/adapters/httpproxy"
	"lockstep/adapters/metrics"
	"lockstep/core"
)

// patient is placements with room for one, a queue for two and retries.
func patient(names ...string) core.Spec {
	s := core.Spec{Version: "patient " + strings.Join(names, "+")}
	for _, n := range names {
		s.Keys = append(s.Keys, core.KeySpec{Key: n, Placement: n})
		s.Placements = append(s.Placements, core.PlacementSpec{
			Name: n, Health: core.HealthSpec{Off: true}, Endpoints: []core.EndpointSpec{{URL: "http://" + n + ":80"}},
			Limit:   core.LimitSpec{InFlight: 1, Guests: -1, WhenFull: core.QueueWhenFull, Queue: 2, Wait: core.Second},
			Retries: core.RetrySpec{Max: 2, Floor: 1, BackOff: 100 * core.Millisecond}, Breaker: core.BreakerSpec{Off: true},
		})
	}
	return s
}

func TestThoseWhoWaitAndTheRetryBudgetAreSeenByPlacement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, metrics.Options{}, "a")
		g.adoptSpec(patient("a", "b"))
		g.wants(g.scrape(), `lockstep_waiting{placement="a",state="queue"} 0`, `lockstep_retry_limit{placement="a"} 1`, `lockstep_retry_debt{placement="a"} 0`)
		first := g.driver.Arrive(driver.Arrival{Key: "a"})
		g.driver.Arrive(driver.Arrival{Key: "a"}) // waits for room
		g.driver.Arrive(driver.Arrival{Key: "a"})
		other := g.driver.Arrive(driver.Arrival{Key: "b"})
		ending := driver.Ending{Class: core.ConnectRefused, Replayable: true}
		if d := g.driver.End(other.Handle, ending); d.Kind != core.Retry {
			t.Fatalf("%v, want a retry", d.Kind)
		}
		g.wants(g.scrape(),
			`lockstep_waiting{placement="a",state="queue"} 2`, `lockstep_waiting{placement="a",state="backoff"} 0`,
			`lockstep_waiting{placement="b",state="queue"} 0`, `lockstep_waiting{placement="b",state="backoff"} 1`,
			`lockstep_retrying{placement="a"} 0`, `lockstep_retrying{placement="b"} 1`,
			`lockstep_retry_debt{placement="b"} 1`, `lockstep_retry_limit{placement="b"} 1.2`, `lockstep_retry_limit{placement="a"} 1.6`,
		)
		g.driver.Finish(first.Handle, core.ClassNone, 200, true) // its room goes to the one that waits
		time.Sleep(500 * time.Millisecond)
		g.wants(g.scrape(), `lockstep_waiting{placement="a",state="queue"} 1`, `lockstep_waiting{placement="b",state="backoff"} 0`, `lockstep_retry_debt{placement="b"} 0.5`)
	})
}

func TestRetriesAreCountedWithWhyTheyWereRefused(t *testing.T) {
	g := newRig(t, metrics.Options{}, "a", "b")
	q := g.arrive("a")
	for _, why := range []core.RetryWhy{core.RetryGranted, core.RetryGranted, core.RetrySpent, core.RetryOutOfBudget, core.RetryOff} {
		g.metrics.AttemptEnded(q, &httpproxy.Attempt{Admission: q.Admission, Class: core.ConnectRefused, Retry: why})
	}
	text := g.scrape()
	g.wants(text,
		`lockstep_retries_total{placement="a"} 2`,
		`lockstep_retries_refused_total{placement="a",reason="spent"} 1`,
		`lockstep_retries_refused_total{placement="a",reason="budget"} 1`,
		`lockstep_attempts_total{class="connect_refused",endpoint="http://a:80",placement="a"} 5`,
	)
	if n := strings.Count(text, "\nlockstep_retries_refused_total{"); n != 2 {
		t.Errorf("%d reasons, want two: off is none", n)
	}
	g.adopt("b")
	if left := grep(g.scrape(), `placement="a"`); left != "" {
		t.Errorf("series of the removed placement:\n%s", left)
	}
}

func TestEveryReasonAgainstARetryHasALabelOfItsOwn(t *testing.T) {
	g := newRig(t, metrics.Options{}, "a")
	q := g.arrive("a")
	for why := core.RetryOff + 1; why.String() != "unknown"; why++ {
		g.metrics.AttemptEnded(q, &httpproxy.Attempt{Admission: q.Admission, Retry: why})
	}
	n := strings.Count(g.scrape(), "\nlockstep_retries_refused_total{")
	if want := int(core.RetryOutOfBudget - core.RetryOff); n != want {
		t.Errorf("%d labels for %d reasons", n, want)
	}
}

func TestTimeInAQueueIsCountedWhereItWasSpent(t *testing.T) {
	g := newRig(t, metrics.Options{}, "a", "b")
	here, there := g.arrive("a"), g.arrive("b")
	queued, retry := here.Admission, here.Admission
	queued.Kind, retry.Kind = core.Queued, core.Retry
	for _, w := range []httpproxy.Wait{
		{Admission: queued, Took: time.Second, Queued: time.Second, Next: there.Admission},
		{Admission: retry, Took: 2 * time.Second, Queued: time.Second, Next: there.Admission},
		{Admission: retry, Took: time.Second, Next: there.Admission}, // back-off alone
	} {
		g.metrics.Waited(here, &w)
	}
	g.wants(g.scrape(), `lockstep_queue_seconds_count{placement="a"} 1`, `lockstep_queue_seconds_count{placement="b"} 1`, `lockstep_queue_seconds_sum{placement="a"} 1`)
}

func TestRefusalsForWantOfRoomAreToldApartByClass(t *testing.T) {
	g := newRig(t, metrics.Options{}, "a")
	for _, c := range []core.Class{core.QueueTimeout, core.Shed, core.FairShare} {
		q := g.arrive("a")
		q.Admission.Decision = core.Decision{Kind: core.Reject, Class: c}
		q.Class, q.Status = c, int(c.Row().Status)
		g.metrics.RequestEnded(q)
	}
	g.wants(g.scrape(),
		`lockstep_requests_total{class="queue_timeout",code="5xx",failover="",placement="a",reason=""} 1`,
		`lockstep_requests_total{class="shed",code="5xx",failover="",placement="a",reason=""} 1`,
		`lockstep_requests_total{class="fair_share",code="4xx",failover="",placement="a",reason=""} 1`,
	)
}

func TestTheAdaptiveLimitInForceIsShown(t *testing.T) {
	g := newRig(t, metrics.Options{}, "a")
	s := patient("a")
	s.Placements[0].Limit = core.LimitSpec{Adaptive: core.AdaptiveSpec{Min: 7, Max: 90}}
	g.adoptSpec(s)
	text := g.scrape()
	var want int
	g.driver.View(func(r *core.Router) { want = r.Placement(0).Limit })
	if want < 7 {
		t.Errorf("%d in force, want at least the least", want)
	}
	g.wants(text, fmt.Sprintf(`lockstep_in_flight_limit{placement="a"} %d`, want))
}

func TestTheConnectionToTheControlPlaneIsShownOnceThereWasOne(t *testing.T) {
	g := newRig(t, metrics.Options{}, "a")
	if text := grep(g.scrape(), "lockstep_control_plane_connected"); text != "" {
		t.Errorf("without a control plane there is %q", text)
	}
	g.driver.Control(true)
	g.wants(g.scrape(), "lockstep_control_plane_connected 1")
	g.driver.Control(false)
	g.wants(g.scrape(), "lockstep_control_plane_connected 0")
}
