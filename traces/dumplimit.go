package traces

import "lockstep/core"

// What a recorder allows itself unless it is told otherwise: one dump of a
// placement in so long, and so many over the life of the process.
const (
	DumpEvery = 10 * 60 * core.Second
	MaxDumps  = 20
)

// DumpLimiter decides which opened breaker is worth a dump, so that a fleet that
// flaps does not fill its disks. It is not safe for concurrent use.
type DumpLimiter struct {
	Every core.Duration // least time between two dumps made for one placement; 0 means no such bound
	Left  int           // how many more it allows, whichever the placement; 0 means none
	last  map[string]core.Time
}

// Allow reports whether a breaker of that placement, opened at now, is worth a
// dump, and counts the dump.
func (l *DumpLimiter) Allow(placement string, now core.Time) bool {
	if at, ok := l.last[placement]; l.Left <= 0 || ok && now.Sub(at) < l.Every {
		return false
	}
	if l.last == nil {
		l.last = map[string]core.Time{}
	}
	l.last[placement] = now
	l.Left--
	return true
}
