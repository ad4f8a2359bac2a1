package controlplane

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"lockstep/adapters/driver"
	"lockstep/core"
	"lockstep/core/loop"
)

// baselinePlane is a control plane that knows nothing of ours: it sends each
// text of the script and notes what comes back.
type baselinePlane struct {
	script  chan string
	answers chan string
}

func newBaselinePlane() *baselinePlane {
	return &baselinePlane{script: make(chan string, 10), answers: make(chan string, 10)}
}

func (b *baselinePlane) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/connect" {
		http.NotFound(w, r)
		return
	}
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
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
			b.answers <- string(text)
		}
	}()
	for {
		select {
		case text := <-b.script:
			if conn.Write(ctx, websocket.MessageText, []byte(text)) != nil {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// oldPush is a baseline control plane's message, written by hand.
func oldPush(version string) string {
	return `{"type":"config_snapshot",` + strings.TrimPrefix(form1(version), "{")
}

func TestABaselineControlPlaneDrivesOurRouter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n network
		plane := newBaselinePlane()
		defer n.serve(plane)()
		d := router(t, &n, nil)
		for _, version := range []string{"v1", "v2"} {
			plane.script <- oldPush(version)
			if got := <-plane.answers; got != `{"type":"ack","version":"`+version+`"}` {
				t.Errorf("answered %s", got)
			}
			if inForce(d) != version {
				t.Errorf("in force: %q", inForce(d))
			}
		}
		c, epoch := d.Config()
		if epoch != (core.Epoch{Number: 2}) || c.Digest() != mustCompile(t, form1("v2")).Digest() {
			t.Errorf("epoch %v; the push does not mean what the same file means", epoch)
		}
		plane.script <- oldPush("v2")
		<-plane.answers
		if _, again := d.Config(); again != epoch {
			t.Errorf("the same content got a new epoch, %v", again)
		}
	})
}

func TestARefusedPushChangesNothingAndSaysWhy(t *testing.T) {
	for name, c := range map[string]struct{ push, version, why string }{
		"not JSON":               {"{", "", "reading the message"},
		"no version":             {oldPush(""), "", "version"},
		"default does not exist": {strings.Replace(oldPush("v2"), `"defaultPlacement":"tier1"`, `"defaultPlacement":"tier9"`, 1), "v2", "tier9"},
		"two versions":           {`{"type":"config_snapshot","version":"v2","config":` + quoted(form1("v3")) + `}`, "v2", `"v3"`},
		"config is not a file":   {`{"type":"config_snapshot","version":"v2","config":"{"}`, "v2", "not valid"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var n network
				plane := newBaselinePlane()
				defer n.serve(plane)()
				d := router(t, &n, nil)
				plane.script <- oldPush("v1")
				<-plane.answers
				time.Sleep(time.Millisecond) // virtual: the first health probes go out
				synctest.Wait()
				before := d.Digest()
				plane.script <- c.push
				got := <-plane.answers
				if !strings.HasPrefix(got, `{"type":"nack","version":"`+c.version+`","error":"`) || !strings.Contains(unquoted(t, got), c.why) {
					t.Errorf("answered %s", got)
				}
				if inForce(d) != "v1" || d.Digest() != before {
					t.Error("the refused push changed the router")
				}
			})
		})
	}
}

// story keeps what a recording would have of the control plane.
type story struct{ lines []string }

func (s *story) Observe(_ core.Time, ev *core.Event, _ *loop.Request, out []core.Decision) {
	switch ev.Kind {
	case core.Control:
		s.lines = append(s.lines, fmt.Sprintf("control up=%v", ev.OK))
	case core.Adopt:
		answer := out[len(out)-1]
		s.lines = append(s.lines, fmt.Sprintf("adopt from %v: %v %v", ev.Origin, answer.Kind, answer.Cause))
	}
}

func TestTheRecordingTellsWhatTheControlPlaneDid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n network
		plane := newBaselinePlane()
		down := n.serve(plane)
		var seen story
		routerSeenBy(t, &n, &seen, nil)
		for _, push := range []string{oldPush("v1"), "garbage", oldPush("")} {
			plane.script <- push
			<-plane.answers
		}
		down()
		synctest.Wait()
		want := []string{
			"control up=true",
			"adopt from control_plane: ack none",
			"adopt from control_plane: nack invalid",
			"adopt from control_plane: nack invalid",
			"control up=false",
		}
		if d := cmp.Diff(want, seen.lines); d != "" {
			t.Error(d)
		}
	})
}

func TestAMessageOfAnotherTypeIsIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n network
		plane := newBaselinePlane()
		defer n.serve(plane)()
		router(t, &n, nil)
		plane.script <- `{"type":"from_the_future"}`
		plane.script <- oldPush("v1")
		if got := <-plane.answers; got != `{"type":"ack","version":"v1"}` {
			t.Errorf("answered %s", got)
		}
	})
}

func TestTheControlPlaneDiesAndComesBackWithANewerConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n network
		first := newBaselinePlane()
		down := n.serve(first)
		d := router(t, &n, nil)
		first.script <- oldPush("v1")
		<-first.answers
		route := d.Arrive(driver.Arrival{Key: "visa"})
		before := d.Digest()

		down()
		time.Sleep(time.Hour) // virtual
		if inForce(d) != "v1" {
			t.Errorf("in force without a control plane: %q", inForce(d))
		}
		if again := d.Arrive(driver.Arrival{Key: "visa"}); again.URL != route.URL {
			t.Errorf("the key went to %s, then to %s", route.URL, again.URL)
		}
		if d.Digest() == before {
			t.Error("the requests left no trace in the digest: this test compares nothing")
		}

		second := newBaselinePlane()
		defer n.serve(second)()
		second.script <- oldPush("v2")
		if got := <-second.answers; got != `{"type":"ack","version":"v2"}` {
			t.Errorf("answered %s", got)
		}
		if inForce(d) != "v2" {
			t.Errorf("in force: %q", inForce(d))
		}
	})
}

func TestReconnectsBackOffToAMinuteAndStartAgainAfterASnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n network
		router(t, &n, nil)
		time.Sleep(10 * time.Minute) // virtual
		// Waits of 1-2, 2-4, 4-8, 8-16, 16-32 and then 30-60 s.
		if dials := n.dials.Load(); dials < 15 || dials > 26 {
			t.Errorf("%d dials in ten minutes", dials)
		}
		plane := newBaselinePlane()
		down := n.serve(plane)
		plane.script <- oldPush("v1")
		<-plane.answers
		down()
		synctest.Wait()
		dials := n.dials.Load()
		time.Sleep(2 * time.Second) // virtual
		synctest.Wait()
		if n.dials.Load() == dials {
			t.Error("after a good session it still waits as long as before it")
		}
	})
}

func TestAVanishedControlPlaneIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n network
		ended := make(chan struct{})
		defer n.serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if conn, err := websocket.Accept(w, r, nil); err == nil {
				<-ended // reads nothing and says nothing
				_ = conn.CloseNow()
			}
		}))()
		defer close(ended)
		router(t, &n, nil)
		synctest.Wait()
		if n.dials.Load() != 1 {
			t.Fatalf("%d dials", n.dials.Load())
		}
		time.Sleep(pingEvery + pongTimeout + 3*time.Second) // virtual
		synctest.Wait()
		if n.dials.Load() < 2 {
			t.Error("no second dial")
		}
	})
}
