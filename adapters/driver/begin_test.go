package driver

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/benbjohnson/clock"

	"lockstep/core"
)

// eager is a clock whose timers fire while whoever sets them is still at it, as
// a timer that is due at once does on a busy machine.
type eager struct {
	*clock.Mock
	fired, broken atomic.Bool
}

func (e *eager) AfterFunc(d time.Duration, f func()) *clock.Timer {
	if d > 0 {
		return e.Mock.AfterFunc(d, f)
	}
	go func() {
		defer func() { e.broken.Store(recover() != nil); e.fired.Store(true) }()
		f()
	}()
	for range 1000 { // until it has run, or waits for the lock
		runtime.Gosched()
	}
	return e.Mock.AfterFunc(time.Hour, f)
}

// A successor begins with the state of its predecessor, in which something may
// be due already.
func TestATimerThatIsDueAtTheBeginWaitsForTheDriver(t *testing.T) {
	first := manual()
	adopt(t, first, spec("1", "a"))
	var r *core.Router
	first.View(func(of *core.Router) { r = of })
	first.Close()
	c := &eager{Mock: clock.NewMock()}
	d := New(Options{Clock: c, Router: r, Origin: c.Now().Add(-time.Hour)})
	for !c.fired.Load() {
		runtime.Gosched()
	}
	if c.broken.Load() {
		t.Fatal("the timer found no loop")
	}
	defer d.Close()
	if d.Digest() == 0 || r.Deadline() == 0 {
		t.Error("the router did not go on")
	}
}
