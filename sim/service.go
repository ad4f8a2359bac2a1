package sim

import (
	"math/bits"

	"lockstep/core"
)

// logTable holds log2(1 + i/256) in units of 2^-24, for exponential draws in
// integers: every architecture agrees.
type logTable [257]uint64

func newLogTable() *logTable {
	t := new(logTable)
	for i := 1; i < 256; i++ {
		t[i] = log2Fraction(uint64(256+i) << 55)
	}
	t[256] = 1 << 24
	return t
}

// log2Fraction returns log2 of x, which is 1.63 fixed point, in units of 2^-24, by repeated squaring.
func log2Fraction(x uint64) (frac uint64) {
	for range 24 {
		hi, lo := bits.Mul64(x, x)
		frac <<= 1
		if hi>>63 == 1 {
			frac |= 1
			x = hi
		} else {
			x = hi<<1 | lo>>63
		}
	}
	return frac
}

// exponential returns a draw with the given mean: -ln(u) by -log2(u), at most 44 means.
func (t *logTable) exponential(h uint64, mean core.Duration) core.Duration {
	h |= 1
	zeros := bits.LeadingZeros64(h)
	x := h << zeros
	i, rest := x<<1>>56, x<<9>>48
	log := t[i] + (t[i+1]-t[i])*rest>>16
	minusLog2 := uint64(zeros+1)<<24 - log
	// ln 2 = 11629080 / 2^24
	hi, lo := bits.Mul64(minusLog2*11629080>>24, uint64(mean))
	return core.Duration(hi<<40 | lo>>24)
}

// sampler draws service times: a Service with what it needs worked out once.
type sampler struct {
	Service
	log    *logTable
	normal *normalTable // LogNormal
	spread uint64       // LogNormal: log2(P99 / Typical) in units of 2^-24
	total  uint64       // Empirical: of the counts
}

func newSampler(s *Service, t *logTable) sampler {
	p := sampler{Service: *s, log: t}
	p.Typical = s.typical()
	if s.Shape == LogNormal {
		p.normal = newNormalTable()
		p.spread = log2(uint64(s.P99)) - log2(uint64(p.Typical))
	}
	for _, b := range s.Histogram {
		p.total += uint64(b.Count)
	}
	return p
}

func (s *Service) typical() core.Duration {
	if s.Typical == 0 {
		return 10 * core.Millisecond
	}
	return s.Typical
}

// draw returns one service time.
func (p *sampler) draw(h uint64) core.Duration {
	switch p.Shape {
	case Exponential:
		return p.log.exponential(h, p.Typical)
	case Bimodal:
		if happens(h, p.SlowShare) {
			return p.Slow
		}
	case LogNormal:
		return p.logNormal(h)
	case Empirical:
		return p.empirical(h)
	}
	return p.Typical
}

// empirical finds the bucket of a draw, and a place in it by a second one.
func (p *sampler) empirical(h uint64) core.Duration {
	rank, low := below(h, p.total), core.Duration(0)
	for _, b := range p.Histogram {
		if rank < uint64(b.Count) {
			return low + 1 + core.Duration(below(finalise(h), uint64(b.UpTo-low)))
		}
		rank, low = rank-uint64(b.Count), b.UpTo
	}
	return low
}

const day = 24 * 3600 * core.Second

// scale returns d x ppm / 1e6, at most core.MaxDuration.
func scale(d core.Duration, ppm uint32) core.Duration { return portion(d, uint64(ppm), million) }

// portion returns d x part / whole, at most core.MaxDuration, so that no factor
// leads out of what a configuration may say; whole is not 0.
func portion(d core.Duration, part, whole uint64) core.Duration {
	hi, lo := bits.Mul64(uint64(d), part)
	if hi >= whole {
		return core.MaxDuration
	}
	q, _ := bits.Div64(hi, lo, whole)
	return core.Duration(min(q, uint64(core.MaxDuration)))
}
