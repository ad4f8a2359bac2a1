package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"lockstep/adapters/configfile"
	"lockstep/adapters/driver"
	"lockstep/adapters/edge"
	"lockstep/adapters/flightrec"
	"lockstep/adapters/httpproxy"
	"lockstep/adapters/lifecycle"
	"lockstep/adapters/metrics"
	"lockstep/adapters/probe"
	"lockstep/adapters/pseudonym"
	"lockstep/adapters/recordings"
	"lockstep/adapters/routing"
	"lockstep/adapters/settings"
	"lockstep/core"
)

// routerOptions say what a router is made of.
type routerOptions struct {
	name      string           // in the recording's header
	record    string           // folder of the recording; "" keeps it in memory only
	dumps     string           // folder of dumps
	keep      recordings.Keep  // of the recording; the zero value keeps all
	keys      *pseudonym.Names // in all that is recorded; nil: keys are recorded as they are
	access    io.Writer        // access log; nil means none
	log       *slog.Logger     // what an operator should know
	stickyKey string           // file with the key of sticky cookies; "" means none
	errs      io.Writer        // complaints of the demo's other servers

	observe     settings.Observe     // how it is watched
	connections *metrics.Connections // of clients
	listeners   func() []edge.Stats  // what each has seen
	state       *lifecycle.State     // of the predecessor; nil for none
}

// router is a whole router but for where its configuration comes from.
type router struct {
	o        routerOptions
	driver   *driver.Driver
	recorder *flightrec.Recorder
	prober   *probe.Prober
	found    *found
	proxy    *httpproxy.Handler
	routing  *routing.Router
	access   *httpproxy.AccessLog
	listen   []configfile.Listener // as it was when it began to serve
	watch    *watch
	stage    atomic.Int32  // a stage below
	leaving  atomic.Bool   // answers tell clients to go
	first    chan struct{} // closed at the first adoption
	once     sync.Once

	bootstrap atomic.Pointer[core.Config] // what it started with under a control plane
	control   bool                        // a control plane pushes to it
	adopted   atomic.Int64                // core.Time of the last adoption
}

// newRouter returns a router without configuration. It must be closed.
func newRouter(o routerOptions) (*router, error) {
	key, err := stickyKeyOf(o.stickyKey)
	if err != nil {
		return nil, err
	}
	recorder, err := flightrec.New(flightrec.Options{
		Name: o.name, Dir: o.record, DumpDir: o.dumps, Log: o.log, Keep: o.keep, KeepDumps: keepDumps(o.keep), Keys: o.keys,
	})
	if err != nil {
		return nil, err
	}
	w, err := newWatch(o.observe, o.connections, o.log)
	if err != nil {
		return nil, err
	}
	var seed [8]byte
	rand.Read(seed[:]) // never fails
	r := &router{o: o, recorder: recorder, watch: w, first: make(chan struct{})}
	begin := driver.Options{Seed: binary.LittleEndian.Uint64(seed[:]), Observer: w.recorder(recorder)}
	if o.state != nil {
		begin.Router, begin.Origin = o.state.Router, o.state.Origin
	}
	r.driver = driver.New(begin)
	if c, _ := r.driver.Config(); c != nil {
		r.once.Do(func() { close(r.first) })
	}
	if o.access != nil {
		r.access = httpproxy.NewAccessLogWith(o.access, logOptions(o.observe.AccessLog))
	}
	r.routing = routing.New(routing.Options{Peer: r.peer, Log: o.log})
	r.proxy = httpproxy.NewHandler(r.driver, httpproxy.Options{
		Log: r.access, Config: r.configInfo, Observer: w.observe(r), StickyKey: key,
		Routing: r.routing,
	})
	r.prober = probe.New(probe.Options{Report: r.driver.Probed, Check: r.proxy.Upstream().Check})
	r.found = newFound(r)
	for _, sink := range []func(driver.Delivery){r.proxy.Deliver, r.prober.Sink, r.note} {
		r.driver.Handle(sink)
	}
	r.driver.Run(context.Background()) // it ends with Close, after the last note
	return r, nil
}

// peer says by which listener a request came, and whether its sender is trusted.
func (r *router) peer(req *http.Request) routing.Peer {
	c := edge.Of(req.Context())
	if c == nil {
		return routing.Peer{TLS: req.TLS}
	}
	p := routing.Peer{Listener: c.Listener, Trusted: c.Trusted, TLS: c.TLS}
	for i := range r.listen {
		p.Judged = p.Judged || r.listen[i].Name == c.Listener && r.listen[i].TrustHeadersFrom != nil
	}
	return p
}

// note tells the operator what changed.
func (r *router) note(d driver.Delivery) {
	switch d.Kind {
	case core.NoteOpened, core.NoteTripCapped:
		attrs := []any{"placement", d.PlacementName, "endpoint", d.URL}
		if d.Trip != core.TripConsecutive { // also what a relapse says
			attrs = append(attrs, "by", d.Trip.String())
		}
		r.o.log.Warn(d.Kind.String(), attrs...)
	case core.NoteUnhealthy:
		r.o.log.Warn(d.Kind.String(), "placement", d.PlacementName, "endpoint", d.URL)
	case core.NoteHalfOpened, core.NoteClosed, core.NoteHealthy, core.NoteRetired:
		r.o.log.Info(d.Kind.String(), "placement", d.PlacementName, "endpoint", d.URL)
	case core.NotePanicEntered:
		r.o.log.Warn(d.Kind.String(), "placement", d.PlacementName, "usable", d.Count)
	case core.NotePanicLeft:
		r.o.log.Info(d.Kind.String(), "placement", d.PlacementName, "usable", d.Count)
	case core.NoteAdopted:
		r.adopted.Store(int64(d.At))
		r.once.Do(func() { close(r.first) })
		if c, _ := r.driver.Config(); c != nil { // perhaps a later one already
			r.routing.Prepare(c)
			r.o.log.Info("adopted", "version", c.Version(), "epoch", d.Epoch.Number)
		}
	case core.NoteBug:
		r.o.log.Error("a broken invariant in the router; it goes on serving", "cause", d.Cause)
	}
}

// configInfo is what /debug/config shows.
func (r *router) configInfo() (info httpproxy.ConfigInfo) {
	config, _ := r.driver.Config()
	if config != nil {
		info.Version = config.Version()
	}
	info.Source = "file"
	if r.control && config != r.bootstrap.Load() {
		info.Source = core.OriginControl.String()
	}
	info.LastReloadAt = r.driver.Origin().Add(time.Duration(r.adopted.Load()))
	return info
}

// dump writes down what the flight recorder holds; the recorder logs where.
func (r *router) dump(why string) {
	if _, err := r.recorder.Dump(why); err != nil {
		r.o.log.Error("dumping the recording", "error", err)
	}
}

// close writes everything that is still in memory.
func (r *router) close() {
	r.found.close()
	r.driver.Close()
	r.prober.Close()
	r.proxy.CloseIdleConnections()
	r.routing.Close()
	r.watch.close(r.o.log)
	r.recorder.Close()
	if r.access != nil {
		r.access.Close()
	}
	if s := r.recorder.Stats(); s.LostBlocks > 0 || s.DiskErrors > 0 {
		r.o.log.Error("the recording has gaps", "steps", s.LostSteps, "disk_errors", s.DiskErrors, "last", s.LastError)
	}
}

// background runs f until ctx ends; wait returns when it has.
func background(ctx context.Context, f func(context.Context)) (wait func()) {
	var done sync.WaitGroup
	done.Go(func() { f(ctx) })
	return done.Wait
}
