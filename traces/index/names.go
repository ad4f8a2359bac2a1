package index

import (
	"lockstep/core"
	"lockstep/traces"
)

// names gives the numbers in decisions their names. They change only by an
// adopt. So a state is restored from a snapshot when it is first asked for, and
// serves until the next adopt; a block with an adopt is stepped through.
type names struct {
	router   *core.Router   // knows the names; nil when there is none yet
	snapshot []byte         // of the current block
	config   *core.Config   // that it names, nil for none
	digest   uint64         // of that, 0 for none
	steps    bool           // router follows the facts of this block
	until    uint64         // facts before this step have been seen
	gone     []goneEndpoint // that this step's decisions name
	out      []core.Decision
}

// goneEndpoint is one that retires with a step, which frees its number.
type goneEndpoint struct {
	number          int32
	placement, name string
}

// open begins a block.
func (n *names) open(rd *traces.Reader, h *traces.BlockHead) {
	digest, _, err := core.SnapshotConfig(h.Snapshot)
	if err != nil {
		digest = 0
	}
	if digest != n.digest || n.steps {
		n.router = nil
	}
	n.digest, n.config, n.steps, n.until = digest, rd.Config(digest), false, 0
	n.snapshot, n.gone = append(n.snapshot[:0], h.Snapshot...), n.gone[:0]
	if rd.Form() == traces.NDJSON { // which cannot go back
		n.restore()
		n.steps = true
	}
}

// restore makes the router that the current block begins with. A snapshot that
// cannot be restored leaves names empty; replay says what is wrong with it.
func (n *names) restore() {
	r, err := core.Restore(n.snapshot, n.config, false)
	if err != nil {
		r = nil
	}
	n.router = r
}

// pass follows a fact where that is needed, and reports whether it has been
// seen before: the reader goes back to the block's start at its first adopt.
func (n *names) pass(rd *traces.Reader, f *traces.Fact) (seen bool) {
	if f.Event.Kind == core.Adopt && !n.steps {
		n.restore()
		n.steps, n.until = true, f.Step
		if rd.Rewind() {
			return true
		}
	}
	if n.steps && n.router != nil {
		seen = f.Step < n.until
		ev := f.Event
		if ev.Kind == core.Arrive {
			ev.Route = traces.RouteOf(n.router.Config(), f.Request.Key, &ev)
		}
		n.retiring(f)
		n.out = n.router.Step(f.Time, &ev, n.out[:0])
	}
	return seen
}

// retiring keeps the names that the step is about to free.
func (n *names) retiring(f *traces.Fact) {
	n.gone = n.gone[:0]
	for i := range f.Decisions {
		if d := &f.Decisions[i]; d.Kind == core.NoteRetired {
			placement, name := n.numbered(d.Placement, d.Endpoint)
			n.gone = append(n.gone, goneEndpoint{d.Endpoint, placement, name})
		}
	}
}

// of returns the names of what a decision numbers, "" where there is none.
func (n *names) of(d *core.Decision) (placement, endpoint string) {
	if d.Kind == core.NoteRetired {
		for _, g := range n.gone {
			if g.number == d.Endpoint {
				return g.placement, g.name
			}
		}
	}
	return n.numbered(d.Placement, d.Endpoint)
}

func (n *names) numbered(placement, endpoint int32) (string, string) {
	if n.router == nil {
		n.restore()
		if n.router == nil {
			return "", ""
		}
	}
	e := n.router.Endpoint(endpoint)
	name := e.Name
	if name == "" {
		name = e.URL
	}
	if placement < 0 && e.URL != "" {
		placement = e.Placement
	}
	return n.router.Placement(placement).Name, name
}
