package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"lockstep/adapters/edge"
	"lockstep/adapters/lifecycle"
	"lockstep/core"
)

// Stages of a router's life.
const (
	stageStarting int32 = iota
	stageServing
	stageLameDuck // about to drain: serving, and not ready
	stageReplaced // a successor serves; what is left here ends
	stageDraining
)

// ready says whether the router should get requests. The control plane has no
// part in it (R13).
func (r *router) ready() (ready bool, why string) {
	switch r.stage.Load() {
	case stageStarting:
		return false, "starting"
	case stageLameDuck:
		return false, "about to drain"
	case stageReplaced:
		return false, "a successor serves"
	case stageDraining:
		return false, "draining"
	}
	if c, _ := r.driver.Config(); c == nil {
		return false, "there is no configuration yet"
	}
	return true, ""
}

// life is how a router that serves is told to go, and how it goes.
type life struct {
	lameDuck time.Duration // after the word to end: not ready, and serving all the same
	drain    time.Duration // what is under way gets so long
	sockets  *lifecycle.Sockets
	notify   *lifecycle.Notifier
	upgrader *lifecycle.Upgrader // nil: none
	reload   func()              // SIGHUP; nil: nothing to reload
	unfollow func()              // ends following the configuration

	asked    <-chan os.Signal // SIGHUP and SIGUSR2; nil: none
	replaced chan int         // gets the successor's process id
	succeeds atomic.Bool
}

// serve answers on every listener until ctx ends or a successor serves, then
// drains (R14).
func (r *router) serve(ctx context.Context, open *edge.Edge, l *life) error {
	l.replaced = make(chan int, 1)
	failed := make(chan error, 1)
	r.stage.Store(stageServing)
	go func() { failed <- open.Serve(answering{r}) }()
	obeying, stop := context.WithCancel(context.Background())
	wait := background(obeying, func(end context.Context) { r.obey(ctx, end, l) })
	defer wait()
	defer stop()
	go r.announce(ctx, l)
	select {
	case err := <-failed:
		return fmt.Errorf("serving: %w", err)
	case pid := <-l.replaced:
		r.handOver(open, l, pid)
	case <-ctx.Done():
		r.tell(l.notify.Stopping())
		r.limp(l)
	}
	r.drain(open, l)
	return nil
}

// answer is the proxy; once the router is about to go it also tells clients to
// open their next connection elsewhere.
func (r *router) answer(w http.ResponseWriter, req *http.Request) {
	if r.leaving.Load() {
		w.Header().Set("Connection", "close") // in HTTP/2 net/http sends GOAWAY for it
	}
	r.proxy.ServeHTTP(w, req)
}

// announce tells whoever started the process that it serves. systemd hears it
// at once (readiness never depends on the control plane), a predecessor only
// when there is a configuration: it serves better than nobody.
func (r *router) announce(ctx context.Context, l *life) {
	if l.sockets == nil || l.sockets.Predecessor == nil {
		r.tell(l.notify.Ready())
		r.keepAlive(ctx, l)
		return
	}
	select {
	case <-r.first:
	case <-ctx.Done():
		return
	}
	if err := l.sockets.Predecessor.Ready(); err != nil {
		r.o.log.Warn("the predecessor does not hear that this process serves", "error", err)
	}
	r.keepAlive(ctx, l)
}

// keepAlive resets systemd's watchdog as long as the router's lock can be had.
func (r *router) keepAlive(ctx context.Context, l *life) {
	every := lifecycle.WatchdogInterval()
	if l.notify == nil || every == 0 {
		return
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			r.driver.View(func(*core.Router) {})
			r.tell(l.notify.Alive())
		case <-ctx.Done():
			return
		}
	}
}

// tell logs that the service manager was not reached.
func (r *router) tell(err error) {
	if err != nil {
		r.o.log.Warn("systemd was not told", "error", err)
	}
}

// listenToSignals begins to listen for those that a router obeys. Early: until
// then they would end the process. Those that come before it serves wait.
func listenToSignals() (asked <-chan os.Signal, stop func()) {
	c := make(chan os.Signal, 4)
	signal.Notify(c, syscall.SIGHUP, syscall.SIGUSR2)
	return c, func() { signal.Stop(c) }
}

// obey reloads at SIGHUP and begins an upgrade at SIGUSR2, until end ends.
func (r *router) obey(ctx, end context.Context, l *life) {
	for {
		select {
		case <-end.Done():
			return
		case s := <-l.asked:
			if s == syscall.SIGHUP {
				r.reloadOn(l)
			} else if l.succeeds.CompareAndSwap(false, true) {
				go r.upgrade(ctx, l)
			} else {
				r.o.log.Error("no upgrade: one is under way, or a successor serves already")
			}
		}
	}
}

func (r *router) reloadOn(l *life) {
	if l.reload == nil {
		r.o.log.Info("SIGHUP: what is in force comes from the control plane; there is nothing to reload")
		return
	}
	r.tell(l.notify.Reloading())
	l.reload()
	r.tell(l.notify.Ready())
}

// upgrade starts a successor. Until that serves, nothing changes here.
func (r *router) upgrade(ctx context.Context, l *life) {
	if stage := r.stage.Load(); stage != stageServing {
		_, why := r.ready()
		r.o.log.Error("no upgrade: the router is " + why)
		return // for good: there is no way back from a drain
	}
	r.o.log.Info("upgrading", "program", l.upgrader.Path)
	r.tell(l.notify.Status("upgrading"))
	pid, err := l.upgrader.Upgrade(ctx)
	if err != nil {
		l.succeeds.Store(false)
		r.o.log.Error("the upgrade failed; this process goes on serving", "error", err)
		r.tell(l.notify.Status("serving; the last upgrade failed"))
		return
	}
	l.replaced <- pid
}

// handOver is what follows once a successor serves: nothing new is accepted
// here, and whoever is connected is told, with the next answer, to connect
// again. Closing idle connections at once would fail a request that is on its
// way, so they get half of the drain's time to come back once.
func (r *router) handOver(open *edge.Edge, l *life, pid int) {
	r.o.log.Info("a successor serves; this process ends when its connections have", "successor", pid)
	r.tell(l.notify.MainPID(pid))
	r.stage.Store(stageReplaced)
	r.leaving.Store(true)
	l.unfollow()
	l.sockets.Stop()
	until := time.Now().Add(l.drain / 2)
	for connected(open) > 0 && time.Now().Before(until) {
		time.Sleep(20 * time.Millisecond)
	}
}

// connected is the number of connections of clients, upgraded ones included.
func connected(open *edge.Edge) (n int) {
	for _, s := range open.Stats() {
		n += s.Open
	}
	return n
}

// limp serves on, not ready any more, so that balancers look elsewhere before
// the first request is refused.
func (r *router) limp(l *life) {
	if l.lameDuck <= 0 {
		return
	}
	r.o.log.Info("about to drain: not ready from now on, and serving", "for", l.lameDuck)
	r.stage.Store(stageLameDuck)
	r.leaving.Store(true)
	time.Sleep(l.lameDuck)
}

// drain refuses new requests and gives those under way their time.
func (r *router) drain(open *edge.Edge, l *life) {
	r.stage.Store(stageDraining)
	r.o.log.Info("draining", "for", l.drain, "connections", connected(open))
	r.driver.Drain(r.driver.Now().Add(core.Duration(l.drain)))
	// What the drain aborts at its deadline gets a moment to say so.
	end, cancel := context.WithTimeout(context.Background(), l.drain+time.Second)
	defer cancel()
	if !open.Shutdown(end) {
		r.o.log.Warn("connections were cut at the end of the drain")
	}
}

// predecessorState asks a predecessor for what it has learnt. Without it the
// router begins with nothing learnt, as at any other start.
func predecessorState(s *lifecycle.Sockets, o *routerOptions) *lifecycle.State {
	if s.Predecessor == nil {
		return nil
	}
	b, err := s.Predecessor.State()
	var state *lifecycle.State
	if err == nil {
		state, err = lifecycle.ReadState(b)
	}
	switch {
	case err != nil:
		o.log.Warn("nothing is taken over from the predecessor: breakers and health begin anew", "error", err)
	case state != nil:
		o.log.Info("breakers, health and epoch are the predecessor's", "epoch", state.Router.Epoch().Number)
	}
	return state
}

// upgraderOf prepares hot upgrades to the program at path, "" for this one.
func upgraderOf(path string, s *lifecycle.Sockets, patience time.Duration, state func() []byte) (*lifecycle.Upgrader, error) {
	if path == "" {
		own, err := os.Executable()
		if err != nil {
			return nil, errors.New("the program's own path is not known; name it with --upgrade-to")
		}
		path = own
	}
	return &lifecycle.Upgrader{Path: path, Args: os.Args[1:], Sockets: s, Patience: patience, State: state}, nil
}
