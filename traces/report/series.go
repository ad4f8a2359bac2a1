package report

import "lockstep/core"

// absent is the total of a time line while nothing is known of it: it is not in
// the configuration, or the recording has a gap.
const absent = ^uint32(0)

// level is what a time line holds at one moment.
type level struct {
	total  uint32 // in flight, absent for unknown
	guests uint32 // of them
	queue  uint32 // waiting
	limit  uint32 // in force, 0 for none
	cap    uint32 // on guests, plus one; 0 for none
}

// peak keeps the moment of the larger total, and the longest queue of both.
func (l level) peak(m level) level {
	queue := max(l.queue, m.queue)
	if l.total == absent || m.total != absent && m.total >= l.total {
		l = m
	}
	l.queue = queue
	return l
}

// track is the time line of a placement or endpoint: of each bin the moment at
// which most was in flight.
type track struct {
	now  level   // in force
	bin  int     // the bin that is open
	open level   // its peak so far
	bins []level // of all before it

	stale bool // scratch of one refresh
}

// series are all time lines on one axis of bins, whose width doubles when the
// recording outgrows them.
type series struct {
	start core.Time
	width core.Duration
	all   []*track
}

func (s *series) begin(at core.Time) { s.start, s.width = at, core.Millisecond }

// bin returns the bin of a time, after making it fit.
func (s *series) bin(at core.Time) int {
	for {
		n := int(at.Sub(s.start) / s.width)
		if n < maxBins {
			return max(n, 0)
		}
		s.double()
	}
}

func (s *series) add() *track {
	t := &track{now: level{total: absent}, open: level{total: absent}}
	s.all = append(s.all, t)
	return t
}

// set puts a level in force from a time on.
func (s *series) set(t *track, at core.Time, l level) {
	if l == t.now {
		return
	}
	s.reach(t, s.bin(at))
	t.now = l
	t.open = t.open.peak(l)
}

// reach closes bins until n is the open one.
func (s *series) reach(t *track, n int) {
	for t.bin < n {
		t.bins = append(t.bins, t.open)
		t.bin++
		t.open = t.now
	}
}

// settle closes everything up to and including the bin of a time.
func (s *series) settle(at core.Time) {
	n := s.bin(at) + 1
	for _, t := range s.all {
		s.reach(t, n)
	}
}

// double joins bins in pairs.
func (s *series) double() {
	s.width *= 2
	for _, t := range s.all {
		t.join()
	}
}

func (t *track) join() {
	if t.bin%2 == 1 { // the open one is the second of its pair
		t.open = t.bins[t.bin-1].peak(t.open)
		t.bins = t.bins[:t.bin-1]
	}
	for i := 0; i < len(t.bins); i += 2 {
		t.bins[i/2] = t.bins[i].peak(t.bins[i+1])
	}
	t.bins = t.bins[:len(t.bins)/2]
	t.bin /= 2
}

// Kinds of outcome, in the order of the page's legend.
const (
	kindHome      = iota // served by the placement of its key
	kindElsewhere        // served by another
	kindRefused          // by the router
	kindFailed           // at an endpoint
	kindOther            // the client left, or its end is not known
	kinds
)

func (w *row) kind() int {
	switch {
	case w.class == core.ClassNone && w.flags&flagFailover == 0:
		return kindHome
	case w.class == core.ClassNone:
		return kindElsewhere
	case w.flags&flagRefused != 0:
		return kindRefused
	case w.class == core.ClientGone || w.class >= classPending:
		return kindOther
	}
	return kindFailed
}

// rates count requests by the bin in which they came and the kind of their end.
type rates struct {
	width core.Duration
	bins  [][kinds]uint32
}

// add books one request that came so long after the start.
func (r *rates) add(s *series, at core.Time, kind int) {
	n := s.bin(at)
	for ; r.width < s.width; r.join() {
		if r.width == 0 {
			r.width = s.width
			break
		}
	}
	for len(r.bins) <= n {
		r.bins = append(r.bins, [kinds]uint32{})
	}
	r.bins[n][kind]++
}

func (r *rates) join() {
	r.width *= 2
	if len(r.bins)%2 == 1 {
		r.bins = append(r.bins, [kinds]uint32{})
	}
	for i := 0; i < len(r.bins); i += 2 {
		for k := range kinds {
			r.bins[i/2][k] = r.bins[i][k] + r.bins[i+1][k]
		}
	}
	r.bins = r.bins[:len(r.bins)/2]
}
