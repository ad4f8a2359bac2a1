package sim

import "lockstep/core"

// A line holds the calls that wait equally long for the same thing, so that the
// first to be overdue is always its head: joining and leaving cost nothing in
// the heap, which holds one event per line.
type line struct {
	wait       core.Duration
	class      core.Class // what an overdue call ends with
	head, tail int32
	armed      bool
}

// rank orders the events of lines that are due at one time, whoever came first.
func (l *line) rank() uint64 { return uint64(l.wait)<<1 | uint64(flag(l.class == core.ClientGone)) }

// await puts a call into the line for that wait and class.
func (w *world) await(id uint32, c *call, wait core.Duration, class core.Class) {
	n := w.findLine(wait, class)
	l := &w.lines[n]
	c.line, c.previous, c.next = n, l.tail, -1
	c.due = w.now.Add(wait)
	if l.tail >= 0 {
		w.calls.slab[l.tail].next = int32(id)
	} else {
		l.head = int32(id)
	}
	l.tail = int32(id)
	if !l.armed {
		l.armed = true
		w.heap.pushShared(c.due, l.rank(), evPatience, uint32(n))
	}
}

func (w *world) findLine(wait core.Duration, class core.Class) int32 {
	for i := range w.lines {
		if w.lines[i].wait == wait && w.lines[i].class == class {
			return int32(i)
		}
	}
	w.lines = append(w.lines, line{wait: wait, class: class, head: -1, tail: -1})
	return int32(len(w.lines) - 1)
}

func (w *world) leaveLine(c *call) {
	if c.line < 0 {
		return
	}
	l := &w.lines[c.line]
	if c.previous >= 0 {
		w.calls.slab[c.previous].next = c.next
	} else {
		l.head = c.next
	}
	if c.next >= 0 {
		w.calls.slab[c.next].previous = c.previous
	} else {
		l.tail = c.previous
	}
	c.line = -1
}

// overdue ends the calls of line n that have waited long enough.
func (w *world) overdue(n uint32) {
	for w.lines[n].head >= 0 {
		id := uint32(w.lines[n].head)
		c := &w.calls.slab[id]
		if c.due > w.now {
			w.heap.pushShared(c.due, w.lines[n].rank(), evPatience, n)
			return
		}
		w.leaveLine(c)
		c.class, c.sent = w.lines[n].class, true
		w.end(id, c)
	}
	w.lines[n].armed = false
}
