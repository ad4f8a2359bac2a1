package calibrate

import (
	"cmp"
	"slices"

	"lockstep/core"
	"lockstep/sim"
)

// slowness is a stretch in which an endpoint took longer than it mostly did.
type slowness struct {
	first, last int // bins
	good        uint64
	took        core.Duration
}

// slower is from how many times the usual mean on an endpoint counts as slow.
const slower = 2

// findSlow looks for stretches in which answers took at least twice as long as
// they mostly did, and says by how much.
func (f *faultsOf) findSlow() {
	usual := f.usual()
	if usual == 0 {
		return
	}
	for _, s := range f.slow(usual) {
		x := sim.Fault{
			Kind: sim.Slow, At: core.Time(f.w.width) * core.Time(s.first), Placement: f.endpoint.Placement, Endpoint: f.endpoint.Name,
			Factor: uint32(min(uint64(s.took)/s.good*1000/max(1, uint64(usual)/1000), 1000*million)),
		}
		if until := core.Time(f.w.width) * core.Time(s.last+1); until < f.length {
			x.Until = until
		}
		f.out = append(f.out, x)
	}
}

// usual is the mean time of an answer in the bin that stands in the middle, by
// number of answers; 0 for no answers.
func (f *faultsOf) usual() core.Duration {
	type mean struct {
		took core.Duration
		n    uint64
	}
	var means []mean
	total := uint64(0)
	for i := range f.w.bins {
		if b := &f.w.bins[i]; b.good > 0 {
			means = append(means, mean{b.took / core.Duration(b.good), uint64(b.good)})
			total += uint64(b.good)
		}
	}
	slices.SortFunc(means, func(a, b mean) int { return cmp.Compare(a.took, b.took) })
	var seen uint64
	for _, m := range means {
		if seen += m.n; 2*seen >= total {
			return max(m.took, 1)
		}
	}
	return 0
}

// slow lists the stretches: bins that are slow, with at most three others between, that
// hold so many answers together that chance would not make them so slow: eight
// at least, and eight standard deviations of as many exponential times.
func (f *faultsOf) slow(usual core.Duration) (out []slowness) {
	var now *slowness
	end := func() {
		if now != nil && now.good >= 8 && now.beyondChance(usual) {
			out = append(out, *now)
		}
		now = nil
	}
	for i := range f.w.bins {
		b := &f.w.bins[i]
		switch {
		case b.good == 0:
			continue
		case b.took/core.Duration(b.good) < slower*usual:
			if now != nil && i > now.last+3 {
				end()
			}
			continue
		case now == nil:
			now = &slowness{first: i}
		}
		now.last, now.good, now.took = i, now.good+uint64(b.good), now.took+b.took
	}
	end()
	return out
}

func (s *slowness) beyondChance(usual core.Duration) bool {
	over := uint64(s.took)/s.good*10/uint64(usual) - 10 // tenths; it is at least twice as long
	return over*over*s.good >= 64*100
}

// service is how long answers took, apart from the times in which they were
// slow; false when there was none.
func (f *faultsOf) service() (sim.Service, bool) {
	var sound, all sim.Histogram
	slow := f.slow(max(1, f.usual()))
	for i := range f.w.chunks {
		c := f.w.chunks[i]
		all.Merge(c)
		from, to := i*mostBins/mostChunks, (i+1)*mostBins/mostChunks
		if !slices.ContainsFunc(slow, func(s slowness) bool { return s.first < to && s.last >= from }) {
			sound.Merge(c)
		}
	}
	if sound.Count() == 0 {
		sound = all
	}
	return measured(sound), all.Count() > 0
}
