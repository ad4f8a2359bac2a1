package main

import (
	"strings"
	"testing"
)

func TestExplainSaysWhichRoomWasMissingAndItsFiguresThen(t *testing.T) {
	for _, c := range []struct{ trace, step, want string }{
		{"fairness/a-lone-tenant-leaves-room", "6", "At shared its tenant has its share: it holds 4 and 4 of 8 are free, tenant_share is 50 %."},
		{"priority/the-least-critical-is-shed-first", "4", "At visa its priority has no room: priority 2 is admitted up to 50 % of 4 slots, and 2 are taken."},
		{"adaptive/the-limit-falls-when-answers-take-longer", "149", "visa was full: 26 in flight, the adaptive limit is 26, none of them a guest."},
		{"limit/all-endpoints-at-their-caps-is-full", "4", "visa was full: every sound endpoint is at its cap, a 1 of 1, b 1 of 1 in flight"},
		{"panic/panic-can-fail", "4", "visa was in panic: 1 of 2 endpoints are usable, 100 % must be; it does: fail."},
	} {
		code, out, errs := lockstep("explain", "../../traces/"+c.trace+".ndjson", "--step", c.step)
		if code != exitOK || !strings.Contains(flat(out), c.want) {
			t.Errorf("%s, step %s: %d %s\n%s\nwant %s", c.trace, c.step, code, errs, out, c.want)
		}
	}
}

// flat is a text without the way it is folded.
func flat(text string) string { return strings.Join(strings.Fields(text), " ") }
