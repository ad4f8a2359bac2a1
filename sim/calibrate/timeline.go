package calibrate

import "lockstep/core"

// A Timeline counts by time in memory of a fixed size: when the time is longer
// than its bins, pairs of them become one. Bins begin at 0. The zero value is empty.
type Timeline struct {
	Width core.Duration // of a bin; 0 while it is empty
	Bins  []uint32
}

const (
	firstBin = 100 * core.Millisecond
	mostBins = 4096
)

// Add counts n at a time; one below 0 counts as 0.
func (t *Timeline) Add(at core.Time, n uint32) {
	if t.Width == 0 {
		t.Width = firstBin
	}
	i := int64(max(at, 0)) / int64(t.Width)
	for i >= mostBins {
		t.double()
		i /= 2
	}
	for int64(len(t.Bins)) <= i {
		t.Bins = append(t.Bins, 0)
	}
	t.Bins[i] += n
}

func (t *Timeline) double() {
	half := t.Bins[:0]
	for i := 0; i < len(t.Bins); i += 2 {
		n := t.Bins[i]
		if i+1 < len(t.Bins) {
			n += t.Bins[i+1]
		}
		half = append(half, n)
	}
	t.Bins, t.Width = half, 2*t.Width
}

// Merge adds all that o counted.
func (t *Timeline) Merge(o *Timeline) {
	for i, n := range o.Bins {
		if n > 0 {
			t.Add(core.Time(o.Width)*core.Time(i), n)
		}
	}
}

// Total returns how many there are.
func (t *Timeline) Total() (n uint64) {
	for _, b := range t.Bins {
		n += uint64(b)
	}
	return n
}

// Between returns how many there are from one time to another; a bin that lies
// only partly between counts by its part. Times that adjoin add up to the whole.
func (t *Timeline) Between(from, to core.Time) uint64 { return t.before(to) - t.before(min(from, to)) }

// before returns how many there are before a time.
func (t *Timeline) before(at core.Time) (n uint64) {
	if t.Width == 0 {
		return 0
	}
	whole := int64(max(at, 0)) / int64(t.Width)
	for i, b := range t.Bins {
		if int64(i) < whole {
			n += uint64(b)
			continue
		}
		return n + uint64(b)*uint64(int64(max(at, 0))%int64(t.Width))/uint64(t.Width)
	}
	return n
}
