package metrics

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lockstep/adapters/flightrec"
	"lockstep/core"
)

// gauges are the metrics that are read from the router when somebody scrapes.
type gauges Metrics

// viewAtOnce is how many placements or endpoints are read in one hold of the
// driver's lock: a request waits for no more than those.
const viewAtOnce = 256

// Describe implements prometheus.Collector.
func (g *gauges) Describe(ch chan<- *prometheus.Desc) {
	requests := map[string]bool{
		mRequests.name: true, mAttempts.name: true, mReceived.name: true, mSent.name: true,
		mDuration.name: true, mQueued.name: true, mUpstream.name: true, mRetries.name: true, mNoRetry.name: true,
	}
	for _, m := range table() {
		if !requests[m.name] {
			ch <- m.desc
		}
	}
}

// sender sends samples of constant metrics.
type sender chan<- prometheus.Metric

func (s sender) gauge(m *metric, v float64, labels ...string) {
	s <- prometheus.MustNewConstMetric(m.desc, prometheus.GaugeValue, v, labels...)
}

func count(m *metric, v uint64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(m.desc, prometheus.CounterValue, float64(v), labels...)
}

func (s sender) counter(m *metric, v uint64) {
	s <- count(m, v)
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Collect implements prometheus.Collector.
func (g *gauges) Collect(ch chan<- prometheus.Metric) {
	s := sender(ch)
	s.gauge(mBuild, 1, g.o.Version, goVersion(), "1")
	if g.o.Ready != nil {
		s.gauge(mReady, truth(g.o.Ready()))
	}
	if g.o.Recorder != nil {
		s.recorder(g.o.Recorder())
	}
	if g.o.LogLost != nil {
		s.counter(mLogLost, g.o.LogLost())
	}
	g.connections(s)
	g.o.Decisions.collect(ch)
	if g.o.Router != nil {
		(*Metrics)(g).current() // a scrape of a router without traffic still forgets what left
		g.router(s)
	}
}

func (s sender) recorder(t flightrec.Stats) {
	s.counter(mLostBlocks, t.LostBlocks)
	s.counter(mLostSteps, t.LostSteps)
	s.counter(mWrittenBytes, t.WrittenBytes)
	s.counter(mDeletedFiles, t.DeletedFiles)
	s.counter(mDeletedBytes, t.DeletedBytes)
	s.counter(mDiskErrors, t.DiskErrors)
}

// router reads the router piece by piece: no request waits for all of it. The
// pieces are of different moments, as are the series of any scrape.
func (g *gauges) router(s sender) {
	begun := time.Now()
	var placements []core.PlacementView
	var endpoints []core.EndpointView
	var config *core.Config
	var retiring int
	var counters core.Counters
	var draining bool
	var epoch core.Epoch
	var budgets []core.Budget
	now := g.o.Router.Now()
	for at, more := 0, true; more; at += viewAtOnce {
		g.o.Router.View(func(r *core.Router) {
			config = r.Config()
			more = at+viewAtOnce < max(r.Placements(), r.Endpoints())
			for n := at; n < min(at+viewAtOnce, r.Placements()); n++ {
				placements = append(placements, r.Placement(int32(n)))
				budgets = append(budgets, r.Budget(max(now, r.Now()), int32(n)))
			}
			for n := at; n < min(at+viewAtOnce, r.Endpoints()); n++ {
				endpoints = append(endpoints, r.Endpoint(int32(n)))
			}
			counters, draining, epoch = r.Counters(), r.Draining(), r.Epoch()
		})
	}
	s.configuration(config, epoch)
	s.gauge(mDraining, truth(draining))
	s.counter(mIgnored, counters.Ignored)
	s.counter(mBugs, counters.Bugs)
	s.counter(mMissed, counters.Missed)
	backOffs := g.backOffs(len(placements))
	sent := map[string]bool{} // names change hands between two pieces
	for i := range placements {
		if p := &placements[i]; p.Index >= 0 && p.Name != "" && !sent[p.Name] {
			sent[p.Name] = true
			s.placement(p, config)
			s.waits(p, backOffs[i], &budgets[i])
		}
	}
	seen := map[identity]bool{}
	for i := range endpoints {
		e := &endpoints[i]
		if e.URL == "" || int(e.Placement) >= len(placements) {
			continue
		}
		if e.Index < 0 {
			retiring++
			continue
		}
		id := identity{placements[e.Placement].Name, endpointLabel(e.URL)}
		if !seen[id] {
			seen[id] = true
			s.endpoint(e, id)
		}
	}
	s.gauge(mRetiring, float64(retiring))
	s.gauge(mScrapeSeconds, time.Since(begun).Seconds())
	s.counter(mNotesDropped, g.o.Router.Dropped())
}

// backOffs counts the requests that wait for a retry, by number of placement.
func (g *gauges) backOffs(placements int) []int {
	counts := make([]int, placements)
	for at, more := uint32(0), true; more; {
		g.o.Router.View(func(r *core.Router) { at, more = r.CountBackOffs(at, viewAtOnce, counts) })
	}
	return counts
}

// waits sends what is known of those who wait and of the retry budget.
func (s sender) waits(p *core.PlacementView, backOff int, b *core.Budget) {
	s.gauge(mWaiting, float64(p.Queued), p.Name, "queue")
	s.gauge(mWaiting, float64(backOff), p.Name, "backoff")
	if b.Limit > 0 {
		const unit = 1e6 // the budget counts in millionths of a retry
		s.gauge(mRetrying, float64(b.Retrying), p.Name)
		s.gauge(mRetryDebt, float64(b.Debt)/unit, p.Name)
		s.gauge(mRetryLimit, float64(b.Limit)/unit, p.Name)
	}
}

func (s sender) placement(p *core.PlacementView, c *core.Config) {
	s.gauge(mInFlight, float64(p.InFlight), p.Name)
	s.gauge(mGuests, float64(p.Guests), p.Name)
	s.gauge(mPanic, truth(p.Panic), p.Name)
	if p.Limit > 0 {
		s.gauge(mLimit, float64(p.Limit), p.Name)
	}
	if c == nil || p.Index >= c.Placements() || c.Placement(p.Index).Name != p.Name {
		return
	}
	limit := c.Placement(p.Index).Limit
	if limit.Guests != 0 {
		s.gauge(mGuestLimit, float64(max(0, limit.Guests)), p.Name)
	}
}

func (s sender) endpoint(e *core.EndpointView, id identity) {
	s.gauge(mEndInFlight, float64(e.InFlight), id.placement, id.label)
	for state := core.Closed; state <= core.HalfOpen; state++ {
		s.gauge(mBreaker, truth(e.Breaker == state), id.placement, id.label, state.String())
	}
	s.gauge(mBreakerFails, float64(e.Failures), id.placement, id.label)
	s.gauge(mHealthy, truth(!e.Unhealthy), id.placement, id.label)
}

// configuration sends what is in force.
func (s sender) configuration(c *core.Config, epoch core.Epoch) {
	s.gauge(mEpoch, float64(epoch.Number))
	s.gauge(mTerm, float64(epoch.Term))
	if c != nil {
		s.gauge(mConfig, 1, c.Version(), fmt.Sprintf("%016x", c.Digest()))
	}
}
