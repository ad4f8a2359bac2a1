package sim

import (
	"errors"
	"testing"

	"lockstep/core"
)

func TestAStoppedRunEndsAtItsNextWindowAndSaysSo(t *testing.T) {
	p := plain()
	p.Window = core.Second
	asked := 0
	r := Run(p, Options{Check: true, Stop: func() bool {
		asked++
		return asked == 2
	}})
	if !errors.Is(r.Err, ErrStopped) || len(r.Windows) != 2 {
		t.Errorf("%v after %d windows", r.Err, len(r.Windows))
	}
	if r := Run(p, Options{Check: true, Stop: func() bool { return true }}); !errors.Is(r.Err, ErrStopped) || len(r.Windows) != 1 {
		t.Errorf("stopped from the start: %v after %d windows", r.Err, len(r.Windows))
	}
	once := Run(p, Options{Check: true})
	if again := Run(p, Options{Check: true, Stop: func() bool { return false }}); again.Err != nil || again.Digest != once.Digest {
		t.Errorf("a run that nobody stopped: %v, digest %x, not %x", again.Err, again.Digest, once.Digest)
	}
}
