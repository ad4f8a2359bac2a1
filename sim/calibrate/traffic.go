package calibrate

import (
	"cmp"
	"fmt"
	"slices"

	"lockstep/core"
	"lockstep/sim"
)

// stream is keys that share a rate, and when their requests came.
type stream struct {
	keys []string
	when Timeline
}

// heavy is the share of a group, in parts per hundred, from which on a key has
// a stream of its own.
const heavy = 2

// traffic gives the plan its clients: for each group of requests, and in it for
// each heavy key and for keys about as frequent as each other, a population
// with a constant rate for every stretch in which the rate did not change.
func (l *Learner) traffic(m *Model) {
	poisson := 0
	for gi, g := range l.sorted() {
		c := l.groups[g]
		for si, s := range c.streams() {
			random := s.when.random()
			poisson += int(bit(random))
			for i, x := range s.when.stretches(m.Plan.Length) {
				client := sim.Client{
					Name: fmt.Sprintf("%s %d.%d.%d", cmp.Or(g.home, g.refused.String()), gi+1, si+1, i+1),
					Rate: x.count, Per: x.to.Sub(x.from), From: x.from, Until: x.to, Poisson: random,
					Keys: s.keys, Method: g.method, Priority: g.priority, Router: g.router, Route: g.via,
				}
				if c.gaveUp.Count() >= 10 {
					client.Patience = c.gaveUp.Quantile(million / 2)
				}
				if g.refused == core.NoKey {
					client.Keys, client.NoKey = nil, million
				}
				if g.refused == core.BodyTooLarge {
					client.Length = c.length
				}
				m.Plan.Clients = append(m.Plan.Clients, client)
			}
		}
	}
	if m.Plan.Routers == 1 {
		for i := range m.Plan.Clients {
			m.Plan.Clients[i].Router = 0
		}
	}
	how := "requests come at even gaps, as they did"
	if poisson > 0 {
		how = "requests come at random, with the rate of their stretch of time"
	}
	m.Assumed = append(m.Assumed, how+"; a placement's keys are told apart by how often they were sent")
}

const million = 1_000_000

// streams parts the keys of a crowd by how often they were sent: heavy keys
// alone, the others with those within a factor of four.
func (c *crowd) streams() (out []stream) {
	type key struct {
		name string
		n    uint64
	}
	var keys []key
	total := c.rest.Total()
	for name, t := range c.keys {
		n := t.Total()
		keys = append(keys, key{name, n})
		total += n
	}
	slices.SortFunc(keys, func(a, b key) int { return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.name, b.name)) })
	top := uint64(0) // of the class that is open; 0 for none
	for _, k := range keys {
		if k.n*100 >= total*heavy {
			out = append(out, stream{[]string{k.name}, *c.keys[k.name]})
			continue
		}
		if top == 0 || k.n*4 <= top {
			out, top = append(out, stream{}), k.n
		}
		s := &out[len(out)-1]
		s.keys = append(s.keys, k.name)
		s.when.Merge(c.keys[k.name])
	}
	if len(out) > 0 {
		out[len(out)-1].when.Merge(&c.rest)
	}
	return out
}

// stretch is a time in which a rate did not change.
type stretch struct {
	from, to core.Time
	count    uint32
}

// steps is how finely a change of a rate is looked for: in so many parts of a
// run, at least as long as the bins of a timeline.
const steps = 300

// stretches parts a timeline where its rate changes by more than chance does.
func (t *Timeline) stretches(length core.Duration) []stretch {
	var all []stretch
	width := max(t.Width, length/steps, core.Millisecond)
	for from := core.Time(0); from < core.Time(length); from = from.Add(width) {
		to := min(from.Add(width), core.Time(length))
		all = append(all, stretch{from, to, uint32(t.Between(from, to))})
	}
	all = joinAlike(all, func(a, b *stretch) uint64 {
		n, k := uint64(a.to.Sub(a.from)/core.Millisecond), uint64(b.to.Sub(b.from)/core.Millisecond)
		both := uint64(a.count) + uint64(b.count)
		expected := both * k / max(1, n+k)
		return deviation(uint64(b.count), expected, both*min(n, k)/max(1, n+k))
	}, func(a, b *stretch) { a.to, a.count = b.to, a.count+b.count })
	return slices.DeleteFunc(all, func(x stretch) bool { return x.count == 0 })
}

// certain is the square of a deviation, in hundredths of what chance makes of
// it, from which on it is believed: four standard deviations.
const certain = 1600

// deviation is the square of how far n is from what is expected, in hundredths
// of its variance, which is taken for at least one.
func deviation(n, expected, variance uint64) uint64 {
	off := max(n, expected) - min(n, expected)
	return off * off * 100 / max(1, variance)
}

// joinAlike joins neighbours until all that are left differ for certain: the
// two that are most alike first, so that where something changed stays where it was.
func joinAlike[T any](all []T, unlike func(a, b *T) uint64, join func(a, b *T)) []T {
	for len(all) > 1 {
		best, least := 0, uint64(certain)
		for i := range len(all) - 1 {
			if d := unlike(&all[i], &all[i+1]); d < least {
				best, least = i, d
			}
		}
		if least == certain {
			break
		}
		join(&all[best], &all[best+1])
		all = slices.Delete(all, best+1, best+2)
	}
	return all
}

// random reports whether the counts of a timeline scatter as those of requests
// that come at random do, rather than at even gaps: by half their mean or more.
// Where there is less than one in a bin nothing can be told, and they are taken for random.
func (t *Timeline) random() bool {
	var n, sum, square uint64
	for i, b := range t.Bins {
		// Against the bins beside it, so that a rate that changes does not count.
		if i == 0 || i == len(t.Bins)-1 {
			continue
		}
		beside := uint64(t.Bins[i-1]) + uint64(t.Bins[i+1])
		off := max(2*uint64(b), beside) - min(2*uint64(b), beside)
		n, sum, square = n+1, sum+uint64(b), square+off*off
	}
	// The variance of 2b - (a + c) is six times that of one count.
	return n == 0 || sum < n || square/6 >= sum/2
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// counted is a count with what it counts, of which the first word is one for one.
func counted(n uint64, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}
