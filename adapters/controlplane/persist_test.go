package controlplane

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"lockstep/adapters/driver"
	"lockstep/adapters/lkg"
)

func TestAPushThatCannotBeKeptIsRefused(t *testing.T) {
	for operation, want := range map[string]struct{ answer, version, recorded string }{
		"write":  {`"error":"not_persisted: writing`, "v1", "adopt from control_plane: nack not_persisted"},
		"rename": {`"error":"not_persisted: in force`, "v2", "adopt from control_plane: ack none"},
	} {
		t.Run(operation, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				disk := &failing{}
				store, err := lkg.OpenOn(disk, t.TempDir())
				if err != nil {
					t.Fatal(err)
				}
				var n network
				plane := newBaselinePlane()
				defer n.serve(plane)()
				var seen story
				d := routerSeenBy(t, &n, &seen, func(o *Options) { o.Store = store })
				plane.script <- oldPush("v1")
				<-plane.answers
				disk.operation = operation
				plane.script <- oldPush("v2")
				if got := <-plane.answers; !strings.Contains(got, `"nack"`) || !strings.Contains(got, want.answer) {
					t.Errorf("answered %s", got)
				}
				if inForce(d) != want.version {
					t.Errorf("in force: %q", inForce(d))
				}
				if last := seen.lines[len(seen.lines)-1]; last != want.recorded {
					t.Errorf("recorded %q", last)
				}
				disk.operation = ""
				plane.script <- oldPush("v2")
				if got := <-plane.answers; got != `{"type":"ack","version":"v2"}` {
					t.Errorf("after the disk was mended: %s", got)
				}
			})
		})
	}
}

// failing is the real disk with one operation that fails.
type failing struct {
	lkg.OS
	operation string
}

func (f *failing) WriteSync(path string, data []byte) error {
	if f.operation == "write" {
		return errors.New("disk full")
	}
	return f.OS.WriteSync(path, data)
}

func (f *failing) Rename(from, to string) error {
	if f.operation == "rename" {
		return errors.New("read-only")
	}
	return f.OS.Rename(from, to)
}

func TestARestartWithoutAControlPlaneBeginsWithTheCopy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		store, _ := lkg.Open(dir)
		var n network
		plane := newBaselinePlane()
		down := n.serve(plane)
		d := router(t, &n, func(o *Options) { o.Store = store })
		plane.script <- oldPush("v7")
		<-plane.answers
		down()
		want, _ := d.Config()

		again, _ := lkg.Open(dir)
		restarted := driver.New(driver.Options{})
		Boot(restarted, again, mustCompile(t, form1("bootstrap")), discard)
		if got, _ := restarted.Config(); got == nil || got.Digest() != want.Digest() {
			t.Errorf("restarted with %q", inForce(restarted))
		}
	})
}
