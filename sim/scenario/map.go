package scenario

import (
	"slices"
	"strconv"

	"lockstep/core"
	"lockstep/sim"
)

// Map says what a metastability map varies: one client's rate and the length of
// one fault.
type Map struct {
	Client   string `yaml:"client"`   // whose rate is the load; "" means the first
	Capacity uint32 `yaml:"capacity"` // requests per second that are a load of 100%
	Fault    string `yaml:"fault"`    // kind of the fault that is the dip, the first of that kind; "" means the first fault
}

// Cell is one run of a map: a load, a length of the dip, and what followed.
type Cell struct {
	Load     Share `json:"load"`
	Dip      Span  `json:"dip"`
	Down     bool  `json:"down"`     // not recovered when the run was over
	Recovery Span  `json:"recovery"` // from the dip's end; in whole windows, 0 when Down
}

// Calm is what a map takes for recovery: for so long from then on, so many
// millionths of all requests, retries included, were answered well.
const (
	calmFor   = 5 * core.Second
	calmShare = 990_000
)

// Watched is how long each run of a map goes on after its dip.
func (f *File) Watched() Span {
	dip := &f.Faults[f.dip()]
	return f.Length - dip.At - dip.For
}

// Cell runs one cell of the map. The plan must be that of f, which has a map.
func (f *File) Cell(plan *sim.Plan, load Share, dip Span) (Cell, error) {
	p, n := *plan, f.dip()
	p.Recovery = 0
	p.Clients, p.Faults = slices.Clone(p.Clients), slices.Clone(p.Faults)
	p.Clients[f.loaded()].Per = 0
	p.Clients[f.loaded()].Rate = uint32(uint64(f.Map.Capacity) * uint64(load) / million)
	fault := &p.Faults[n]
	fault.Until = fault.At.Add(dip.length())
	end := fault.Until
	p.Length = core.Duration(end) + f.Watched().length()
	if dip == 0 {
		p.Faults = slices.Delete(p.Faults, n, n+1)
	}
	r := sim.Run(p, sim.Options{})
	if r.Err != nil {
		return Cell{}, r.Err
	}
	after, recovered := recovery(&r, end)
	return Cell{load, dip, !recovered, Span(after)}, nil
}

// recovery returns how long after a time the run was calm again.
func recovery(r *sim.Result, from core.Time) (after core.Duration, recovered bool) {
	n := max(1, int((calmFor+r.Window-1)/r.Window))
	for i := 0; i+n <= len(r.Windows); i++ {
		if r.Windows[i].From.Add(r.Window) <= from {
			continue
		}
		var ok, all uint64
		for k := range n {
			w := &r.Windows[i+k]
			ok, all = ok+w.OK, all+w.Arrivals+w.Unreached
		}
		if all > 0 && ok*million >= all*calmShare {
			return max(0, r.Windows[i].From.Sub(from)), true
		}
	}
	return 0, false
}

// loaded and dip are the client and the fault that the map varies; -1 for none.
func (f *File) loaded() int {
	return slices.IndexFunc(f.Clients, func(c Client) bool { return f.Map.Client == "" || c.Name == f.Map.Client })
}

func (f *File) dip() int {
	return slices.IndexFunc(f.Faults, func(x Fault) bool { return f.Map.Fault == "" || x.Do == f.Map.Fault })
}

// mapped checks that a map can be drawn.
func (b *builder) mapped() {
	f := b.file
	if f.Map == nil {
		return
	}
	if f.Map.Capacity == 0 {
		b.fail("map.capacity", "is missing", "say how many requests per second are a load of 100%")
	}
	switch n := f.loaded(); {
	case n < 0:
		b.fail("map.client", strconv.Quote(f.Map.Client)+" is not a client", oneOf(f.Map.Client, b.clients()))
	case f.Clients[n].Users > 0 || f.Clients[n].Rate == 0:
		b.fail("map.client", "names a client without a rate", "name one that is open-loop")
	}
	switch n := f.dip(); {
	case n < 0:
		b.fail("map.fault", "names none of faults", "use the kind of one, such as slow")
	case f.Faults[n].For == 0 || f.Faults[n].At+f.Faults[n].For+Span(calmFor) > f.Length:
		b.fail("map.fault", "lasts to the end of the run, or nearly", "give it a length, and the run at least 5s after it")
	}
}
