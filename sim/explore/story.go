package explore

import (
	"fmt"

	"lockstep/core"
)

// tell walks to node i once more and says each action in words, then a, the
// one that breaks the property.
func (x *explorer) tell(i int32, a action) []string {
	way := []action{a}
	for ; i > 0; i = x.nodes[i].parent {
		way = append(way, x.nodes[i].action)
	}
	w := x.start()
	var lines []string
	for k := len(way) - 1; k >= 0; k-- {
		before := w.now
		text := w.words(way[k])
		w.apply(way[k])
		if w.now != before {
			text = fmt.Sprintf("%s: it is %s", text, clock(w.now))
		}
		lines = append(lines, text+w.answer(way[k]))
	}
	return lines
}

func clock(t core.Time) string {
	if t%core.Time(core.Millisecond) == 0 {
		return fmt.Sprintf("%d.%03d s", t/core.Time(core.Second), t/core.Time(core.Millisecond)%1000)
	}
	return fmt.Sprintf("1 ns before %s", clock(t+1))
}

// words says what an action is, before it is done.
func (w *world) words(a action) string {
	switch kind, x, y := a.parts(); kind {
	case actSend:
		return "a request for " + w.placements[x]
	case actFinish:
		a := &w.attempts[x]
		how := [...]string{"ends well", "fails: connection refused", "ends: the client is gone"}[y]
		if a.replied && y == 1 {
			how = "breaks in the middle of its body"
		}
		return fmt.Sprintf("the request at %s %s", w.short(int(a.endpoint)), how)
	case actReply:
		return fmt.Sprintf("the request at %s gets its headers, the body flows", w.short(int(w.attempts[x].endpoint)))
	case actProbed:
		return fmt.Sprintf("the health probe of %s %s", w.short(x), [...]string{"fails", "passes"}[y])
	case actWait:
		return "time passes"
	case actPush:
		return "a push: " + w.configs[x].Version()
	case actCrash:
		return "the router crashes and starts again from its last configuration"
	}
	return "pushes that are stale, conflicting, damaged, not written and repeated"
}

// answer says what the router decided about an action that was just done.
func (w *world) answer(a action) string {
	text := ""
	if kind, _, _ := a.parts(); kind == actOffer {
		return text
	}
	for i := range w.out {
		d := &w.out[i]
		name := ""
		if e := w.byNumber(d.Endpoint); e >= 0 {
			name = w.short(e)
		}
		switch d.Kind {
		case core.Forward:
			text += " -> " + name
			if d.Probe {
				text += " as its half-open probe"
			}
		case core.Reject:
			text += fmt.Sprintf(" -> refused, %s", d.Class)
		case core.NoteOpened:
			text += fmt.Sprintf("; the breaker of %s opens until %s", name, clock(d.Until))
		case core.NoteClosed:
			text += fmt.Sprintf("; the breaker of %s closes", name)
		}
	}
	return text
}
