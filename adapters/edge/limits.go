package edge

import (
	"net/netip"
	"sync"
)

// limits counts the open connections of one listener; 0 means no limit.
type limits struct {
	max, perClient int

	mu   sync.Mutex
	open int
	of   map[netip.Prefix]int
}

// enter takes a place; false when there is none.
func (l *limits) enter() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.max > 0 && l.open >= l.max {
		return false
	}
	l.open++
	return true
}

func (l *limits) leave() {
	l.mu.Lock()
	l.open--
	l.mu.Unlock()
}

// enterClient takes a place among those of one client. An address that is not
// one is not counted.
func (l *limits) enterClient(who netip.Prefix) bool {
	if l.perClient == 0 || !who.IsValid() {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of[who] >= l.perClient {
		return false
	}
	if l.of == nil {
		l.of = map[netip.Prefix]int{}
	}
	l.of[who]++
	return true
}

func (l *limits) leaveClient(who netip.Prefix) {
	if l.perClient == 0 || !who.IsValid() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of[who]--; l.of[who] <= 0 {
		delete(l.of, who)
	}
}

func (l *limits) now() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open
}

// clientOf is what counts as one client: an IPv4 address, or an IPv6 /64, which
// is the smallest that one household gets.
func clientOf(a netip.Addr) netip.Prefix {
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
