package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"lockstep/adapters/admin"
	"lockstep/adapters/driver"
	"lockstep/adapters/edge"
	"lockstep/adapters/flightrec"
	"lockstep/adapters/httpproxy"
	"lockstep/adapters/metrics"
	"lockstep/adapters/settings"
	"lockstep/adapters/tracing"
	"lockstep/core"
)

// watch is what shows a router to those who watch it. Without an admin listener
// there are no metrics, without a collector no spans, and neither costs anything.
type watch struct {
	o           settings.Observe
	decisions   *metrics.Decisions
	connections *metrics.Connections
	metrics     *metrics.Metrics
	tracer      *tracing.Tracer
}

// observeOptions are the flags of serve that say how it is watched.
type observeOptions struct {
	admin     string
	exemplars bool
	otlp      string
}

// over puts the flags over what the file says.
func (o observeOptions) over(s settings.Observe) settings.Observe {
	s.Admin.Address = cmp.Or(o.admin, s.Admin.Address)
	s.Metrics.Exemplars = s.Metrics.Exemplars || o.exemplars
	s.Tracing.OTLP = cmp.Or(o.otlp, s.Tracing.OTLP)
	return s
}

// newWatch makes what the router's other parts are made with.
func newWatch(o settings.Observe, connections *metrics.Connections, log *slog.Logger) (*watch, error) {
	w := &watch{o: o, connections: connections}
	if o.Tracing.OTLP == "" && !tracing.Configured() {
		return w, nil
	}
	sample := int(o.Tracing.Sample)
	if o.Tracing.Sampled && sample == 0 {
		sample = -1
	}
	var err error
	w.tracer, err = tracing.New(tracing.Options{URL: o.Tracing.OTLP, Sample: sample, Trust: trusted, Version: version, Log: log})
	return w, err
}

// trusted says whether a request comes from a peer whose headers its listener believes.
func trusted(r *http.Request) bool {
	c := edge.Of(r.Context())
	return c != nil && c.Trusted
}

// recorder puts the counters of decisions before a recorder, if somebody reads them.
func (w *watch) recorder(next driver.Recorder) driver.Recorder {
	if w.o.Admin.Address == "" {
		return next
	}
	w.decisions = metrics.NewDecisions(next)
	return w.decisions
}

// observe makes the metrics and returns who is told of requests, nil for nobody.
func (w *watch) observe(r *router) httpproxy.Observer {
	var all [2]httpproxy.Observer
	if w.tracer != nil {
		all[0] = w.tracer // first: metrics take its trace ids
	}
	if w.o.Admin.Address != "" {
		w.metrics = metrics.New(metrics.Options{
			Router: r.driver, Decisions: w.decisions, Connections: w.connections, Listeners: r.o.listeners,
			Recorder: func() flightrec.Stats { return r.recorder.Stats() },
			LogLost: func() uint64 {
				if r.access == nil {
					return 0
				}
				return r.access.Lost()
			},
			Ready:   func() bool { ready, _ := r.ready(); return ready },
			Version: version, Exemplars: w.o.Metrics.Exemplars, Process: true,
		})
		all[1] = w.metrics
	}
	return httpproxy.Observers(all[:]...)
}

// close sends the spans that are left.
func (w *watch) close(log *slog.Logger) {
	if w.tracer == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := w.tracer.Close(ctx); err != nil {
		log.Warn("the last spans were not sent", "error", err)
	}
}

// logOptions are those of an access log.
func logOptions(o settings.AccessLog) httpproxy.LogOptions {
	return httpproxy.LogOptions{
		Detail: o.Detail, Thin: o.Sampled, Keep: o.Sample,
		Always: httpproxy.LogAlways{Errors: o.Errors, Failovers: o.Failovers, Retries: o.Retries, Slow: o.Slow},
	}
}

// adminHandler are the pages of the admin listener.
func (r *router) adminHandler(public bool) http.Handler {
	return admin.New(admin.Options{
		Metrics: r.watch.metrics, Ready: r.ready, Config: http.HandlerFunc(r.serveConfig), Profiles: true, AnyHost: public,
		Recording: func(w io.Writer) error { return r.recorder.Stream(w, "asked for at the admin listener") },
	})
}

// serveAdmin answers operators until end is called: longer than clients are
// served, so that a drain can be watched.
func (r *router) serveAdmin(l net.Listener) (end func()) {
	_, public, _ := admin.Address(l.Addr().String())
	if public {
		r.o.log.Warn("the admin listener can be reached from other machines: it shows addresses of upstreams and serves profiles", "address", l.Addr().String())
	}
	r.o.log.Info("admin listens", "url", "http://"+l.Addr().String()+"/")
	ctx, cancel := context.WithCancel(context.Background())
	wait := background(ctx, func(ctx context.Context) {
		if err := newServer(r.adminHandler(public), r.o.errs).run(ctx, l, time.Second); err != nil {
			r.o.log.Error("the admin listener has ended", "error", err)
		}
	})
	return func() { cancel(); wait() }
}

// serveConfig tells what is in force: the members of BASELINE's /debug/config and more.
func (r *router) serveConfig(w http.ResponseWriter, _ *http.Request) {
	info := r.configInfo()
	out := struct {
		Version      string `json:"version"`
		Source       string `json:"source"`
		LastReloadAt string `json:"last_reload_at,omitempty"`
		Term         uint64 `json:"term"`
		Epoch        uint64 `json:"epoch"`
		Digest       string `json:"digest,omitempty"`
		Placements   int    `json:"placements"`
		Endpoints    int    `json:"endpoints"`
		Keys         int    `json:"keys"`
		InFlight     int    `json:"in_flight"`
		Draining     bool   `json:"draining"`
	}{Version: info.Version, Source: info.Source}
	r.driver.View(func(c *core.Router) {
		out.Term, out.Epoch, out.InFlight, out.Draining = c.Epoch().Term, c.Epoch().Number, c.InFlight(), c.Draining()
	})
	if c, _ := r.driver.Config(); c != nil {
		out.LastReloadAt = info.LastReloadAt.UTC().Format(time.RFC3339)
		out.Digest = fmt.Sprintf("%016x", c.Digest())
		out.Placements, out.Endpoints, out.Keys = c.Placements(), c.Endpoints(), c.Keys()
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(out) // its error is the client's going away
}
