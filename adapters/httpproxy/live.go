package httpproxy

import (
	"sync"

	"lockstep/core"
)

// live finds the exchange of an attempt when a decision names it (Abort). It
// is sharded by slot, since every request enters and leaves it.
type live struct {
	shards [32]struct {
		mu sync.Mutex
		of map[core.Handle]*exchange // nil: its Abort came before it was here
	}
}

func newLive() *live {
	l := new(live)
	for i := range l.shards {
		l.shards[i].of = map[core.Handle]*exchange{}
	}
	return l
}

// add enters x; it reports whether x has been aborted already.
func (l *live) add(x *exchange) (aborted bool) {
	s := &l.shards[x.adm.Handle.Slot%32]
	s.mu.Lock()
	_, aborted = s.of[x.adm.Handle]
	s.of[x.adm.Handle] = x
	s.mu.Unlock()
	return aborted
}

func (l *live) remove(x *exchange) {
	s := &l.shards[x.adm.Handle.Slot%32]
	s.mu.Lock()
	delete(s.of, x.adm.Handle)
	s.mu.Unlock()
}

// abort cuts the attempt that h names. One that has just ended leaves a mark
// behind; there is at most one for each attempt in flight at a drain.
func (l *live) abort(h core.Handle, class core.Class) {
	s := &l.shards[h.Slot%32]
	s.mu.Lock()
	x := s.of[h]
	if x == nil {
		s.of[h] = nil
	}
	s.mu.Unlock()
	if x != nil {
		x.sever(class)
	}
}
