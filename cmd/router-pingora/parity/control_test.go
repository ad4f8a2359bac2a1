package parity

import (
	"context"
	"log/slog"
	"net/http"
	"strings"

	"github.com/coder/websocket"

	"lockstep/adapters/controlplane"
)

// plane is a control plane in this process.
type plane struct {
	handler http.Handler
	server  *http.Server
	address string
	script  chan string // baseline: what it sends
	answers chan string // baseline: what came back
	ours    *controlplane.Server
}

// up serves at the plane's address, the same as before if there was one.
func (p *plane) up(r *run) {
	r.t.Helper()
	if p.address == "" {
		p.address = reserve(r.t)
	}
	l := listenAt(r.t, p.address)
	s := &http.Server{Handler: p.handler}
	p.server = s
	go func() { _ = s.Serve(l) }()
	r.t.Cleanup(func() { s.Close() })
}

// down ends the plane; connections that were upgraded too.
func (p *plane) down() {
	p.server.Close()
	if p.ours != nil {
		p.ours.Close()
	}
}

// withBaselinePlane gives the case a control plane that knows nothing of ours.
func withBaselinePlane(r *run) {
	p := &plane{script: make(chan string, 10), answers: make(chan string, 10)}
	p.handler = http.HandlerFunc(p.baseline)
	p.up(r)
	r.plane = p
	r.alike.names = append(r.alike.names, p.address, "<plane>")
}

// withOurPlane gives the case our own control plane.
func withOurPlane(r *run) {
	p := new(plane)
	p.renew(r)
	p.up(r)
	r.plane = p
	r.alike.names = append(r.alike.names, p.address, "<plane>")
}

// renew makes another control plane of ours, which knows nothing yet.
func (p *plane) renew(r *run) {
	p.ours = controlplane.NewServer(controlplane.ServerOptions{Log: slog.New(slog.DiscardHandler)})
	p.handler = p.ours
	r.t.Cleanup(p.ours.Close)
}

// baseline speaks the baseline's protocol on /connect.
func (p *plane) baseline(w http.ResponseWriter, q *http.Request) {
	conn, err := websocket.Accept(w, q, nil)
	if err != nil || q.URL.Path != "/connect" {
		return
	}
	defer conn.CloseNow()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		defer cancel()
		for {
			_, text, err := conn.Read(ctx)
			if err != nil {
				return
			}
			p.answers <- string(text)
		}
	}()
	for {
		select {
		case text := <-p.script:
			if conn.Write(ctx, websocket.MessageText, []byte(text)) != nil {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// pushes sends a message of the baseline's and holds the answer; a nack is
// compared up to its error, whose words are each router's own.
type pushes struct{ text, want string }

func (s pushes) play(r *run) {
	r.t.Helper()
	r.plane.script <- r.fill(s.text)
	var got string
	until(r.t, "an answer to a push", func() bool {
		select {
		case got = <-r.plane.answers:
			return true
		default:
			return false
		}
	})
	if i := strings.Index(got, `"error":"`); i >= 0 && !strings.HasSuffix(got, `"error":""}`) {
		got = got[:i] + `"error":"..."}`
	}
	r.same("the answer to a push", got, s.want)
}

// publishes gives our control plane a configuration.
type publishes struct{ name, text string }

func (s publishes) play(r *run) {
	r.t.Helper()
	if _, _, err := r.plane.ours.Publish(s.name, []byte(r.fill(s.text))); err != nil {
		r.t.Fatal(err)
	}
}

// acked waits until the router has answered for a version.
type acked string

func (v acked) play(r *run) {
	r.t.Helper()
	until(r.t, "an ack of "+string(v), func() bool {
		all := r.plane.ours.Routers()
		return len(all) > 0 && all[len(all)-1].Acked == string(v)
	})
}

// snapshot is a push in the baseline's words.
func snapshot(config string) string {
	return `{"type":"config_snapshot",` + strings.TrimPrefix(config, "{")
}

// controlCases are pushes, silence, and what survives a restart.
func controlCases() []*testCase {
	to := []string{"--control", "ws://<plane>/connect"}
	keeping := append(to[:2:2], "--state", "<dir>/state")
	acme, after := each{"acme", "/", "200 closed tier1"}, each{"acme", "/", "200 closed visa"}
	again := does(func(r *run) { r.again() })
	planeDown := does(func(r *run) { r.plane.down() })
	return []*testCase{
		{name: "a baseline control plane drives the router", before: withBaselinePlane, args: to, early: true, steps: []step{
			pushes{snapshot(baseline1), `{"type":"ack","version":"v1"}`},
			inForce("v1"), acme,
			shows{"source": "control_plane", "epoch": 1},
			pushes{snapshot(moved(baseline1)), `{"type":"ack","version":"v2"}`},
			inForce("v2"), after,
			shows{"source": "control_plane", "epoch": 2},
			pushes{snapshot(moved(baseline1)), `{"type":"ack","version":"v2"}`},
			shows{"epoch": 2},
		}},
		{name: "an invalid push is nacked and changes nothing", before: withBaselinePlane, args: to, early: true, steps: []step{
			pushes{snapshot(baseline1), `{"type":"ack","version":"v1"}`},
			acme,
			pushes{snapshot(strings.Replace(moved(baseline1), `"visa":"visa"`, `"visa":"nowhere"`, 1)), `{"type":"nack","version":"v2","error":"..."}`},
			inForce("v1"), acme,
			pushes{snapshot(moved(baseline1)), `{"type":"ack","version":"v2"}`},
			after,
		}},
		{name: "our control plane pushes the second form with all its settings", before: withOurPlane, args: to, early: true, steps: []step{
			publishes{"c.json", brittle},
			acked("v1"), inForce("v1"),
			each{"visa", "/status/500 /status/500 /", "500 closed visa, 500 closed visa, 200 closed tier1 circuit_open"},
		}},
		{name: "our control plane pushes the native form", before: withOurPlane, args: to, early: true, steps: []step{
			publishes{"c.yaml", native}, acked("v1"), inForce("v1"), acme, publishes{"c.yaml", moved(native)}, acked("v2"), after, shows{"source": "control_plane", "epoch": 2},
		}},
		{name: "CONTROL_PLANE_URL stands for the flag", before: withBaselinePlane, env: []string{"CONTROL_PLANE_URL=ws://<plane>/connect"}, early: true, steps: []step{
			pushes{snapshot(baseline1), `{"type":"ack","version":"v1"}`}, acme,
		}},
		{name: "with a control plane the file is only the bootstrap", config: baseline1, before: withOurPlane, args: to, steps: []step{
			acme,
			shows{"version": "v1", "source": "file"},
			rewrite(strings.Replace(baseline1, `"v1"`, `"v9"`, 1)),
			publishes{"c.json", moved(baseline1)},
			acked("v2"), inForce("v2"), after,
			shows{"source": "control_plane"},
		}},
		{name: "a control plane that goes changes nothing, and one that comes back is heard", config: baseline1, before: withOurPlane, args: to, steps: []step{
			publishes{"c.json", baseline2},
			acked("v1"), acme, planeDown, acme, acme,
			does(func(r *run) { r.plane.renew(r); r.plane.up(r) }),
			publishes{"c.json", moved(baseline2)},
			acked("v2"), after,
		}},
		{name: "a router starts from the last-known-good copy without its control plane", before: withOurPlane, args: keeping, early: true, steps: []step{
			publishes{"c.json", moved(baseline2)}, acked("v2"), after, planeDown, again, after, shows{"version": "v2"},
		}},
		{name: "a push that changes too much is refused unless it is meant", before: withOurPlane, args: to, early: true, steps: []step{
			publishes{"c.yaml", guarded},
			acked("v1"),
			publishes{"c.yaml", moved(guarded)},
			decided{"nack", "keys_rerouted", 1},
			acme,
			shows{"version": "v1"},
			does(func(r *run) {
				if _, _, err := r.plane.ours.PublishMarked("c.yaml", []byte(r.fill(moved(guarded))), "v2"); err != nil {
					r.t.Fatal(err)
				}
			}), acked("v2"), after,
		}},
	}
}

// guarded is native with push guards.
var guarded = strings.Replace(native, "defaults:", "control_plane: {refuse_push_over: {keys_rerouted: 5%}}\ndefaults:", 1)

// again ends the router and starts it anew with the same flags.
func (r *run) again() {
	r.t.Helper()
	r.router.signal(term)
	r.router.wait()
	r.router.down = false
	r.router.start(r.router.o)
}
