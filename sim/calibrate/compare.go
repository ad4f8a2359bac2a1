package calibrate

import (
	"math/bits"

	"lockstep/core"
	"lockstep/sim"
)

// Kind says what a figure counts in.
type Kind uint8

// Kinds of figures: a count, a count a second in thousandths, a time in ns, a
// share in parts per million.
const (
	Count Kind = iota
	Rate
	Time
	Share
)

// Distance is one figure as it was recorded and as the model has it.
type Distance struct {
	Figure   string
	Kind     Kind
	Recorded int64
	Model    int64 // mean of the runs
	Low      int64 // lowest of the runs
	High     int64 // highest
	// Off is how far Model is from Recorded, in parts per million of Recorded; of
	// a share it is the plain difference. Where nothing was recorded and the model
	// has some it is one million.
	Off int64
}

// Compare lists the distances of runs of a model from what was seen over a length.
func Compare(seen *Measures, runs []*Measures, length core.Duration) []Distance {
	figures := []struct {
		name string
		kind Kind
		of   func(*Measures) int64
	}{
		{"requests", Rate, func(m *Measures) int64 { return perSecond(m.Requests, length) }},
		{"goodput", Rate, func(m *Measures) int64 { return perSecond(m.OK, length) }},
		{"availability", Share, func(m *Measures) int64 { return portion(m.OK, m.Requests) }},
		{"p50", Time, quantile(500_000)},
		{"p90", Time, quantile(900_000)},
		{"p99", Time, quantile(990_000)},
		{"failovers", Count, func(m *Measures) int64 { return int64(m.Failovers) }},
		{"refused", Count, func(m *Measures) int64 { return int64(m.Refused) }},
		{"gave up", Count, func(m *Measures) int64 { return int64(m.GaveUp) }},
		{"failed", Count, func(m *Measures) int64 { return int64(m.Failed) }},
	}
	var out []Distance
	for _, f := range figures {
		d := Distance{Figure: f.name, Kind: f.kind, Recorded: f.of(seen)}
		for i, r := range runs {
			v := f.of(r)
			if i == 0 {
				d.Low, d.High = v, v
			}
			d.Low, d.High, d.Model = min(d.Low, v), max(d.High, v), d.Model+v
		}
		d.Model /= int64(max(1, len(runs)))
		d.Off = off(d.Recorded, d.Model, f.kind)
		out = append(out, d)
	}
	return out
}

func off(recorded, model int64, k Kind) int64 {
	switch {
	case k == Share:
		return model - recorded
	case recorded > 0 && model >= recorded:
		return ratio(model-recorded, recorded)
	case recorded > 0:
		return -ratio(recorded-model, recorded)
	case model != 0:
		return million
	}
	return 0
}

// ratio is a / b in parts per million, at most a million millions.
func ratio(a, b int64) int64 {
	hi, lo := bits.Mul64(uint64(a), million)
	if hi >= uint64(b) {
		return million * million
	}
	q, _ := bits.Div64(hi, lo, uint64(b))
	return int64(min(q, million*million))
}

func perSecond(n uint64, length core.Duration) int64 {
	return int64(n * 1000 * 1000 / max(1, uint64(length/core.Millisecond)))
}

func portion(n, of uint64) int64 {
	if of == 0 {
		return 0
	}
	return int64(n * million / of)
}

func quantile(ppm uint32) func(*Measures) int64 {
	return func(m *Measures) int64 { return int64(m.Latency.Quantile(ppm)) }
}

// Astray is, window by window, how far the goodput of a run is from what was
// recorded, in parts per million of all that was recorded: the share of the good
// answers that come in another window, or not at all. It says what the sums
// hide. parts is how many windows there are.
func Astray(seen, run *Measures, length core.Duration, parts int) int64 {
	var apart, all uint64
	width := length / core.Duration(max(1, parts))
	for i := range parts {
		from := core.Time(width) * core.Time(i)
		a, b := seen.OKAt.Between(from, from.Add(width)), run.OKAt.Between(from, from.Add(width))
		apart += max(a, b) - min(a, b)
		all += a
	}
	return portion(apart, all)
}

// Run runs a model and measures it as the recording was measured.
func Run(p *sim.Plan, seed uint64) (*Measures, error) {
	m := NewMeasures()
	plan := *p
	plan.Seed = seed
	r := sim.Run(plan, sim.Options{Observe: m.observe})
	return m, r.Err
}
