package configfile

import (
	"slices"
	"strconv"
	"strings"
)

// cycles reports every fallback that leads back to a placement on its own way.
// Candidates are flat lists in the native form, so a cycle would do no harm to
// a request; it is refused because under load each placement would be the
// other's overflow, and nobody could say from the file where the load ends.
func (l *loader) cycles() {
	c := &cycleSearch{at: map[string]int{}, state: make([]uint8, len(l.file.Spec.Placements))}
	for i, p := range l.file.Spec.Placements {
		c.at[p.Name] = i
	}
	for i := range l.file.Spec.Placements {
		l.visit(c, i)
	}
}

// cycleSearch is a depth-first search; state is 0 unseen, 1 on the path, 2 done.
type cycleSearch struct {
	at    map[string]int
	state []uint8
	path  []string
}

func (l *loader) visit(c *cycleSearch, i int) {
	if c.state[i] != 0 {
		return
	}
	p := &l.file.Spec.Placements[i]
	c.state[i] = 1
	c.path = append(c.path, p.Name)
	for k, name := range p.Fallback {
		j, ok := c.at[name]
		switch {
		case !ok: // core reports it
		case c.state[j] == 1:
			l.cycle(p.Name, k, append(slices.Clone(c.path[slices.Index(c.path, name):]), name))
		default:
			l.visit(c, j)
		}
	}
	c.path = c.path[:len(c.path)-1]
	c.state[i] = 2
}

func (l *loader) cycle(from string, item int, names []string) {
	at, _ := l.file.place("placements." + from + ".fallback[" + strconv.Itoa(item) + "]")
	hint := "end the chain at a placement with room to spare and fallback: none"
	if l.lenient {
		hint = "each placement is tried once, then the default placement"
	}
	l.report(l.soft(), at.problem("fallback goes in a circle: "+strings.Join(names, " -> "), hint))
}
