package promise

import (
	"slices"

	"lockstep/core"
)

// Trouble is something that a plan breaks for a time. A recording has none: there
// the judge knows only what the routers saw.
type Trouble struct {
	From, Until core.Time // from From, included, to Until, excluded
	// Down says that the endpoints named take no request at all. Otherwise
	// something else is wrong, and no promise about a loss is judged meanwhile.
	Down      bool
	Placement string // "" means every placement
	Endpoint  string // name or URL; "" means all of the placement
	Router    int    // it is gone, with all that it had in flight; 0 means none is
}

// damage is what is down at one time.
type damage struct {
	since      core.Time // of the last change
	placements int       // lost
	endpoints  int       // down, in all
	spared     int       // of those, the ones whose placement is not lost
	other      bool      // something else is wrong
}

// calm reports whether nothing is wrong.
func (d *damage) calm() bool { return d.endpoints == 0 && !d.other }

// lost reports whether no more and no less than l is down, for at least as long as within.
func (d *damage) lost(l Loss, within core.Duration, now core.Time) bool {
	if d.other || now < d.since.Add(within) {
		return false
	}
	if l.Of == OfEndpoints {
		return d.endpoints >= 1 && d.endpoints <= l.Count
	}
	return d.spared == 0 && d.placements >= 1 && d.placements <= l.Count
}

// phase is a stretch of a plan in which nothing begins or ends.
type phase struct {
	damage
	down    []core.Time // by endpoint of the plan's configuration: since when, Never for not at all
	touched []bool      // by placement: it has been in trouble since it was last calm, and is calm now
}

// phases cuts the time of a plan where its troubles begin and end.
func phases(c *core.Config, troubles []Trouble) (list []phase) {
	if c == nil {
		return nil
	}
	cuts := []core.Time{0}
	for i := range troubles {
		cuts = append(cuts, troubles[i].From, troubles[i].Until)
	}
	slices.Sort(cuts)
	touched := make([]bool, c.Placements())
	for _, at := range slices.Compact(cuts) {
		p := phaseAt(c, troubles, at)
		if len(list) > 0 && list[len(list)-1].calm() {
			clear(touched)
		}
		for i := range troubles {
			t := &troubles[i]
			for n := range touched {
				here := t.Placement == c.Placement(n).Name || t.Placement == "" && t.Router == 0
				touched[n] = touched[n] || here && t.at(at)
			}
		}
		if p.calm() {
			p.touched = slices.Clone(touched)
		}
		list = append(list, p)
	}
	return list
}

func (t *Trouble) at(now core.Time) bool { return now >= t.From && now < t.Until }

func (t *Trouble) names(c *core.Config, endpoint int) bool {
	e := c.Endpoint(endpoint)
	return (t.Placement == "" || t.Placement == c.Placement(e.Placement).Name) && (t.Endpoint == "" || t.Endpoint == e.Name || t.Endpoint == e.URL)
}

func phaseAt(c *core.Config, troubles []Trouble, at core.Time) phase {
	p := phase{damage: damage{since: at}, down: make([]core.Time, c.Endpoints())}
	for e := range p.down {
		p.down[e] = core.Never
		for i := range troubles {
			if t := &troubles[i]; t.Down && t.at(at) && t.names(c, e) {
				p.down[e] = min(p.down[e], t.From)
			}
		}
	}
	for i := range troubles {
		p.other = p.other || !troubles[i].Down && troubles[i].at(at)
	}
	p.sum(c, func(e int) bool { return p.down[e] != core.Never })
	return p
}

// sum counts what is down.
func (d *damage) sum(c *core.Config, down func(endpoint int) bool) {
	d.placements, d.endpoints, d.spared = 0, 0, 0
	for i := range c.Placements() {
		p, n := c.Placement(i), 0
		for e := p.FirstEP; e < p.EndEP; e++ {
			if down(e) {
				n++
			}
		}
		d.endpoints += n
		if n == p.EndEP-p.FirstEP {
			d.placements++
		} else {
			d.spared += n
		}
	}
}

// phaseOf returns the place of a time's phase, looking from the place of
// another's: time mostly goes on, by little.
func phaseOf(list []phase, at int, now core.Time) int {
	for at+1 < len(list) && list[at+1].since <= now {
		at++
	}
	for at > 0 && list[at].since > now {
		at--
	}
	return at
}
