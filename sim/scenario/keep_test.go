package scenario

import (
	"testing"

	"lockstep/core"
	"lockstep/sim"
)

func TestAMethodOutsideTheListIsKeptAsOther(t *testing.T) {
	f := FromPlan(&sim.Plan{Clients: []sim.Client{{Method: core.MethodOther + 1}}})
	if got := f.Clients[0].Method; got != "other" {
		t.Fatalf("%q, want other", got)
	}
}
