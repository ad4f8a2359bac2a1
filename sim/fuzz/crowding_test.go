package fuzz

import (
	"errors"
	"testing"

	"lockstep/sim"
	"lockstep/traces/promise"
)

func TestAPromiseIsNotSaidToHoldWhenItsSecondRunWasStopped(t *testing.T) {
	target := tight()
	target.Must = []Promise{{Name: "home", Kind: promise.HomeFirst, Share: million}}
	asked := 0
	target.Stop = func() bool { asked++; return false }
	whole := Losses(target)[0]
	whole.Try(target)
	first := asked / 2 // both runs open as many windows
	asked = 0
	target.Stop = func() bool { asked++; return asked > first }
	cut := Losses(target)[0]
	cut.Try(target)
	if whole.Err != nil || whole.Finding != nil || !errors.Is(cut.Err, sim.ErrStopped) {
		t.Errorf("whole: %v, %v; stopped: %v, %v", whole.Err, whole.Finding, cut.Err, cut.Finding)
	}
}
