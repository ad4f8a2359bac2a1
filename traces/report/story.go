package report

import "slices"

// Story is what the machine says of one request, beyond what the columns hold.
type Story struct {
	Step       uint64      `json:"step"`
	Why        string      `json:"why"`
	Candidates [][2]string `json:"candidates,omitempty"` // placement, and what it would have done
	Instead    []string    `json:"instead,omitempty"`    // other settings, and what would have come of them
}

// Tell adds a story to the page. It may be called after Close.
func (r *Router) Tell(s Story) {
	s.Why = printable(s.Why)
	for i := range s.Candidates {
		s.Candidates[i] = [2]string{printable(s.Candidates[i][0]), printable(s.Candidates[i][1])}
	}
	for i := range s.Instead {
		s.Instead[i] = printable(s.Instead[i])
	}
	r.stories = append(r.stories, s)
}

// likeness is what makes two requests the same kind of trouble.
type likeness struct {
	kind        int
	class       uint8
	home, place int32
	failover    uint16
}

// Noteworthy returns the steps of at most so many requests of which a story is
// worth telling, in order: of each kind of trouble the first few.
func (r *Router) Noteworthy(most int) (steps []uint64) {
	const each = 3
	seen := map[likeness]int{}
	for i := range r.rows.list {
		w := &r.rows.list[i]
		kind := w.kind()
		if kind == kindHome && w.leg == 0 && w.flags&flagProbe == 0 {
			continue
		}
		l := likeness{kind, uint8(w.class), w.home, w.place, w.flags & (flagFailover | flagProbe | flagQueued)}
		if seen[l]++; seen[l] <= each {
			steps = append(steps, w.step)
		}
		if len(steps) == most {
			break
		}
	}
	slices.Sort(steps)
	return steps
}
