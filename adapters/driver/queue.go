package driver

import (
	"context"
	"slices"

	"lockstep/core"
)

// maxNotes bounds the notes that wait for slow sinks. Commands are never
// dropped: each belongs to an endpoint or an attempt in flight, which bounds them.
const maxNotes = 1 << 16

// queue holds what was decided and not yet handed to the sinks. It belongs to
// the lock.
type queue struct {
	waiting []Delivery
	dropped uint64
}

func (q *queue) reserve(n int) { q.waiting = slices.Grow(q.waiting, n) }

func (q *queue) add(d *core.Decision, t *Target) {
	if d.Kind >= core.NoteOpened && len(q.waiting) >= maxNotes {
		q.dropped++
		return
	}
	q.waiting = append(q.waiting, Delivery{*d, t})
}

// transport queues what the loop delivers; the loop calls it under the lock.
type transport Driver

// Deliver implements loop.Transport.
func (t *transport) Deliver(d *core.Decision) {
	if t.answer(d) {
		return
	}
	t.queue.add(d, t.targets.of(d))
	select {
	case t.pending <- struct{}{}:
	default: // a token is there already
	}
}

// deliver hands the queue to the sinks until it is told to stop.
func (d *Driver) deliver(ctx context.Context) {
	var batch []Delivery
	for done := false; !done; {
		select {
		case <-d.pending:
		case <-ctx.Done():
			done = true
		case <-d.stop:
			done = true
		}
		d.mu.Lock()
		batch, d.queue.waiting = d.queue.waiting, batch[:0]
		d.mu.Unlock()
		for i := range batch {
			for _, sink := range d.sinks {
				sink(batch[i])
			}
		}
		clear(batch) // it must not keep a retired configuration alive
	}
}

// Dropped returns how many notes were dropped because sinks were too slow.
func (d *Driver) Dropped() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.queue.dropped
}
