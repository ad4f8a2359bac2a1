package accesslog

import (
	"errors"
	"io"
	"time"
)

// Order are the limits within which a log is put in the order of arrival. Logs
// are in the order of the ends of requests, so a request that took long stands
// behind others that came after it.
type Order struct {
	// Window is how much longer than others a request may have taken and still be put
	// in its place; 0 means DefaultWindow.
	Window time.Duration
	// Most is how many requests may wait for their place, and Bytes how much their
	// lines may have together, which bounds memory; 0 means DefaultMost and DefaultBytes.
	Most, Bytes int
}

// Defaults of Order.
const (
	DefaultWindow = 30 * time.Second
	DefaultMost   = 1 << 16
	DefaultBytes  = 256 << 20
)

// Late is what came too late to be put in its place.
type Late struct {
	Count int           `json:"requests"`
	Most  time.Duration `json:"most_ns"` // by how much
}

// sorter gives the entries of a reader in the order of arrival.
type sorter struct {
	in      *reader
	window  int64
	most    int
	room    int // bytes
	heap    []arrival
	bytes   int // of the lines in heap and group
	seq     uint64
	newest  int64    // end of the latest request so far
	emitted int64    // arrival of the last one given
	group   []*Entry // of one second, to be spread over it
	late    Late
	spread  int // requests whose place in their second was assumed
	done    error
	used    []*Entry
}

func newSorter(in *reader, o Order) *sorter {
	if o.Window == 0 {
		o.Window = DefaultWindow
	}
	if o.Most == 0 {
		o.Most = DefaultMost
	}
	if o.Bytes == 0 {
		o.Bytes = DefaultBytes
	}
	return &sorter{in: in, window: int64(o.Window), most: max(1, o.Most), room: o.Bytes}
}

// next returns the entry that came next; io.EOF at the end.
func (s *sorter) next() (*Entry, error) {
	for s.done == nil && (len(s.heap) == 0 || len(s.heap) < s.most && s.bytes < s.room && s.heap[0].at > s.newest-s.window) {
		e, err := s.in.next()
		if err != nil {
			s.done = err
			s.scatter()
			break
		}
		s.take(e)
	}
	if len(s.heap) == 0 {
		if errors.Is(s.done, io.EOF) {
			return nil, io.EOF
		}
		return nil, s.done
	}
	e := pop(&s.heap).e
	s.bytes -= len(e.line)
	if e.Arrival < s.emitted {
		shift := s.emitted - e.Arrival
		s.late.Count++
		s.late.Most = max(s.late.Most, time.Duration(shift))
		e.postpone(shift)
	}
	s.emitted = e.Arrival
	return e, nil
}

// postpone moves an arrival and leaves the end where it is, or a log whose times
// jump back would have all its requests in flight at once.
func (e *Entry) postpone(by int64) {
	e.Arrival += by
	e.Took = max(min(e.Took, 0), e.Took-by)
	for i := range e.Attempts {
		a := &e.Attempts[i]
		less := max(0, min(by, a.Took))
		a.Took, by = a.Took-less, by-less
	}
}

// release gives an entry back, without what holds its line in memory.
func (s *sorter) release(e *Entry) {
	clear(e.Headers)
	clear(e.Attempts)
	e.reset()
	if s.used = append(s.used, e); len(s.used) == batchSize {
		s.in.recycle(s.used)
		s.used = make([]*Entry, 0, batchSize)
	}
}

// secondOf is the second that a line of a log with whole seconds tells.
func secondOf(e *Entry) int64 {
	if e.end != 0 {
		return e.end
	}
	return e.Arrival
}

// take puts an entry in its place, or with those of the same second.
func (s *sorter) take(e *Entry) {
	s.bytes += len(e.line)
	if e.Resolution < second {
		s.push(e)
		return
	}
	if len(s.group) > 0 && (secondOf(s.group[0]) != secondOf(e) || len(s.group) == s.most || s.bytes >= s.room) {
		s.scatter()
	}
	s.group = append(s.group, e)
}

// scatter spreads the requests of one second evenly over it, in the order of
// their lines: a log of whole seconds does not tell more.
func (s *sorter) scatter() {
	n := int64(len(s.group))
	if n > 1 {
		s.spread += len(s.group)
	}
	for i, e := range s.group {
		e.Arrival += int64(i) * second / n
		s.push(e)
	}
	s.group = s.group[:0]
}

func (s *sorter) push(e *Entry) {
	s.newest = max(s.newest, e.Arrival+max(0, e.Took))
	push(&s.heap, arrival{e.Arrival, s.seq, e})
	s.seq++
}

// arrival is an entry with its key, so that the heap need not look it up.
type arrival struct {
	at  int64
	seq uint64
	e   *Entry
}

func (a *arrival) before(b *arrival) bool { return a.at < b.at || a.at == b.at && a.seq < b.seq }
