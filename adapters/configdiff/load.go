package configdiff

import (
	"fmt"
	"strings"

	"lockstep/adapters/configfile"
)

// loadText is the arithmetic of one placement in one line: its own peak, what it
// may have, and who takes it when it is down.
func loadText(l *configfile.PlacementLoad) string {
	n := func(n int64) string { return thousands(int(n)) }
	text := n(l.InFlight) + " of its own"
	switch room := l.Room(); {
	case room == 0:
		text += ", no limit"
	case l.InFlight > room:
		text += fmt.Sprintf(" of %s, %s TOO MANY", n(room), n(l.InFlight-room))
	default:
		text += fmt.Sprintf(" of %s, %s left", n(room), n(room-l.InFlight))
	}
	if l.InFlight == 0 {
		return text
	}
	var down []string
	for _, t := range l.Fallbacks {
		took := fmt.Sprintf("%s takes %s", t.Placement, n(t.Takes))
		if t.Limit > 0 {
			took += fmt.Sprintf(" beside its %s of %s", n(t.Own), n(t.Limit))
		}
		if t.Refused > 0 {
			took += fmt.Sprintf(" and refuses %s", n(t.Refused))
		}
		down = append(down, took)
	}
	switch {
	case len(down) == 0:
		down = append(down, "nobody takes them")
	case l.Left > 0:
		down = append(down, n(l.Left)+" UNSERVED")
	}
	return text + "; with it down: " + strings.Join(down, ", ")
}
