package explain

import (
	"fmt"
	"slices"
	"strings"

	"lockstep/core"
	"lockstep/core/loop"
	"lockstep/traces"
	"lockstep/traces/say"
)

// Assumption is what is the matter while a request comes that nobody has made.
type Assumption struct {
	Key  string
	Via  int      // number of the route by which it comes
	Down []string // placements, or placement/endpoint, whose breakers are open
	Full []string // placements that are at their limit, with requests of their own
}

// Assume tells what would happen under c to a request with the key, in a router
// that has just adopted c and where only what is assumed is the matter. What is
// down and full is brought about by events, so the state is one that core can reach.
func Assume(c *core.Config, a Assumption, hooks Hooks) (*Story, error) {
	w := &world{r: core.New(core.Options{Seed: 1}), c: c}
	w.step(&core.Event{Kind: core.Adopt, Config: c, Origin: core.OriginFile})
	var said []string
	for _, name := range a.Down {
		text, err := w.down(name)
		if err != nil {
			return nil, err
		}
		said = append(said, text)
	}
	for _, name := range a.Full {
		text, err := w.full(name)
		if err != nil {
			return nil, err
		}
		said = append(said, text)
	}
	if len(said) == 0 {
		said = []string{"all is well"}
	}
	return w.ask(a, strings.Join(said, "; "), hooks), nil
}

// world is a router in which something is brought about.
type world struct {
	r   *core.Router
	c   *core.Config
	now core.Time
	n   uint64 // requests made
}

func (w *world) step(ev *core.Event) []core.Decision { return w.r.Step(w.now, ev, nil) }

// arrive makes a request of no key in particular whose home is the placement at index i.
func (w *world) arrive(i int) core.Decision {
	w.n++
	key := core.HashString(fmt.Sprint("assumed ", w.n))
	out := w.step(&core.Event{
		Kind: core.Arrive, Epoch: w.r.Epoch(), Request: key, Length: 0,
		Route: core.Route{Hashes: core.Hashes{Key: key, Ring: uint32(key)}, Placement: int32(i), Reason: w.c.Placement(i).Kind},
	})
	return out[len(out)-1]
}

// end ends an attempt, and the retry that might follow it; class none is well.
func (w *world) end(h core.Handle, class core.Class) {
	ev := &core.Event{Kind: core.Finish, Handle: h, Class: class}
	if class == core.ClassNone {
		ev.Status, ev.Sent = 200, true
	}
	out := w.step(ev)
	if n := len(out); n > 0 && out[n-1].Kind == core.Retry {
		w.step(&core.Event{Kind: core.Finish, Handle: out[n-1].Handle, Class: core.ClientGone})
	}
}

// down opens the breakers of a placement, or of one endpoint, by requests that fail.
func (w *world) down(name string) (said string, err error) {
	placement, endpoint, _ := strings.Cut(name, "/")
	i, ok := w.c.FindPlacement(placement)
	if !ok {
		return "", unknown("placement", placement, w.names())
	}
	info := w.c.Placement(i)
	want := map[int32]bool{}
	var names []string
	for e := info.FirstEP; e < info.EndEP; e++ {
		at := w.c.Endpoint(e)
		names = append(names, at.Name)
		if endpoint == "" || at.Name == endpoint || at.URL == endpoint {
			want[w.r.EndpointNumber(e)] = true
		}
	}
	if len(want) == 0 {
		return "", unknown("endpoint of "+placement, endpoint, names)
	}
	w.fail(i, want)
	open := 0
	for n := range want {
		if w.r.Endpoint(n).Breaker == core.Open {
			open++
		}
	}
	switch {
	case open == len(want):
		return name + " is down: " + say.Plural(open, "breaker") + " open", nil
	case info.Breaker.Off:
		return name + " is down, but its breakers are off: requests go on being sent there", nil
	}
	return fmt.Sprintf("%s is down, but only %d of %s open (max_open_percent %d %%, or no requests reach the rest)", name, open, say.Plural(len(want), "breaker"), info.Breaker.MaxOpenPercent), nil
}

// fail sends requests to the placement at index i, and fails those that come to
// the endpoints named, until their breakers are open or cannot be opened.
func (w *world) fail(i int, want map[int32]bool) {
	b := w.c.Placement(i).Breaker
	if b.Off {
		return
	}
	each := min(uint64(b.Failures), 1<<16)
	if b.Failures == core.NeverConsecutive {
		each = uint64(b.MinRequests) + 1
	}
	info := w.c.Placement(i)
	most := 8*each*uint64(info.EndEP-info.FirstEP) + 64
	for tries := uint64(0); tries < most; tries++ {
		left := false
		for n := range want {
			left = left || w.r.Endpoint(n).Breaker == core.Closed
		}
		if !left {
			return
		}
		d := w.arrive(i)
		switch {
		case d.Kind == core.Forward && want[d.Endpoint]:
			w.end(d.Handle, core.ConnectRefused)
		case d.Kind == core.Forward:
			w.end(d.Handle, core.ClassNone)
		case d.Kind == core.Queued:
			w.end(d.Handle, core.ClientGone)
		}
	}
}

// full fills a placement with requests of its own.
func (w *world) full(name string) (said string, err error) {
	i, ok := w.c.FindPlacement(name)
	if !ok {
		return "", unknown("placement", name, w.names())
	}
	info := w.c.Placement(i)
	capped := true
	for e := info.FirstEP; e < info.EndEP; e++ {
		capped = capped && w.c.Endpoint(e).Limit > 0
	}
	if info.Limit.InFlight == 0 && !info.Limit.Adaptive.On() && !capped {
		return "", fmt.Errorf("%s cannot be full: it has no limit", name)
	}
	n := w.r.PlacementNumber(i)
	for range core.MaxInFlight {
		if d := w.arrive(i); d.Kind != core.Forward || d.Placement != n {
			if d.Kind == core.Forward || d.Kind == core.Queued {
				w.end(d.Handle, core.ClientGone)
			}
			break
		}
	}
	p := w.r.Placement(n)
	if p.Limit > 0 {
		return fmt.Sprintf("%s is full: %d of %d in flight, its own", name, p.InFlight, p.Limit), nil
	}
	return fmt.Sprintf("%s is full: %d in flight, its own", name, p.InFlight), nil
}

func (w *world) names() (names []string) {
	for i := range w.c.Placements() {
		names = append(names, w.c.Placement(i).Name)
	}
	return names
}

func unknown(what, name string, names []string) error {
	err := fmt.Errorf("there is no %s named %q", what, name)
	if near := core.Nearest(name, names); near != "" {
		return fmt.Errorf("%w; did you mean %q?", err, near)
	}
	if len(names) <= 12 {
		slices.Sort(names)
		return fmt.Errorf("%w; there are %s", err, strings.Join(names, ", "))
	}
	return err
}

// ask makes the request and tells what becomes of it.
func (w *world) ask(a Assumption, said string, hooks Hooks) *Story {
	f := &traces.Fact{
		Step: 1, Time: w.now, Request: loop.Request{Key: a.Key},
		Event: core.Event{Kind: core.Arrive, Epoch: w.r.Epoch(), Via: uint16(a.Via), Request: 1},
	}
	f.Event.Route = traces.RouteOf(w.c, a.Key, &f.Event)
	t := New(Query{Steps: []uint64{1}}, hooks)
	t.Before(f, w.r)
	t.After(f, w.r, w.step(&f.Event))
	s := t.Stories()[0]
	s.Assumed, s.Step, s.ID, s.Time, s.Missing, s.Before = said, 0, "", "", nil, nil
	s.Config.Mattered, s.Config.tried = "", true
	s.Proof = "decided by core, in a state that events led it into; nothing of this was recorded; spec " + traces.SpecVersion
	return s
}
