package controlplane

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/adapters/driver"
	"lockstep/adapters/lkg"
	"lockstep/core"
)

const soakTime = 10 * time.Minute

// life is one run of a router over a folder that outlives it.
type life struct {
	d    *driver.Driver
	c    *Client
	log  strings.Builder
	stop func() // in good order
}

// start boots a router over dir. What is not stopped has died: nothing of it is
// told to the disk any more.
func start(t *testing.T, dir string, n *network, bootstrap *core.Config) *life {
	t.Helper()
	store, err := lkg.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	l := &life{d: driver.New(driver.Options{})}
	l.c, err = NewClient(l.d, Options{URL: "ws://" + address, HTTP: n.client(), Store: store, Soak: soakTime, Log: slog.New(slog.NewTextHandler(&l.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	l.c.Boot(bootstrap)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); l.c.Run(ctx) }()
	l.stop = func() { cancel(); <-ended }
	synctest.Wait()
	return l
}

// die ends a run as a crash does: nothing is told to the disk.
func (l *life) die() {
	if l.c.soak.timer != nil {
		l.c.soak.timer.Stop()
	}
	l.c.soak.body = nil
	l.stop()
}

func TestAConfigurationThatKillsTwiceInItsSoakGivesWayAndIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n network
		s := serving(t, &n, ServerOptions{})
		publish(t, s, form1("good"))
		dir := t.TempDir()
		l := start(t, dir, &n, nil)
		time.Sleep(soakTime + time.Second) // virtual
		publish(t, s, form1("bad"))
		synctest.Wait()
		if inForce(l.d) != "bad" {
			t.Fatalf("in force: %q", inForce(l.d))
		}
		for _, want := range []string{"bad", "good"} {
			time.Sleep(time.Minute) // virtual
			l.die()
			l = start(t, dir, &n, nil)
			if inForce(l.d) != want {
				t.Fatalf("after a death: %q, want %q\n%s", inForce(l.d), want, l.log.String())
			}
		}
		if got := s.Routers()[0]; got.Nacked != "bad" || !strings.HasPrefix(got.Error, "condemned: 2 runs in a row died") {
			t.Errorf("router %+v", got)
		}
		if _, _, err := s.PublishMarked("test.json", []byte(form1("bad")), "bad"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if inForce(l.d) != "bad" {
			t.Errorf("marked deliberate it is refused still: %q", inForce(l.d))
		}
		time.Sleep(soakTime + time.Second) // virtual: it lives with it this time
		l.die()
		for range 3 {
			l = start(t, dir, &n, nil)
			if inForce(l.d) != "bad" {
				t.Errorf("it has soaked, and yet: %q", inForce(l.d))
			}
			l.die()
		}
		l = start(t, dir, &n, nil)
		l.stop()
	})
}

func TestRestartsInGoodOrderAreNoDeaths(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n network
		s := serving(t, &n, ServerOptions{})
		publish(t, s, form1("v1"))
		dir := t.TempDir()
		for range 4 {
			l := start(t, dir, &n, mustCompile(t, form1("bootstrap")))
			if inForce(l.d) != "v1" {
				t.Fatalf("in force: %q\n%s", inForce(l.d), l.log.String())
			}
			time.Sleep(time.Minute) // virtual
			l.stop()
		}
	})
}

func TestWithoutAnOlderGenerationTheBootstrapFileIsTheWayOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n network
		s := serving(t, &n, ServerOptions{})
		publish(t, s, form1("bad"))
		dir, bootstrap := t.TempDir(), mustCompile(t, form1("bootstrap"))
		for _, want := range []string{"bad", "bad", "bootstrap", "bootstrap"} {
			l := start(t, dir, &n, bootstrap)
			if inForce(l.d) != want {
				t.Fatalf("in force: %q, want %q\n%s", inForce(l.d), want, l.log.String())
			}
			l.die()
		}
	})
}
