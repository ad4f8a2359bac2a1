package incident

import (
	"slices"

	"lockstep/core"
	"lockstep/traces"
)

// Push is a configuration that came into force, and whether it mattered: each
// request that was refused or went elsewhere under it is decided once more, in
// the very state in which it was decided, but under the configuration before.
type Push struct {
	Router   string `json:"router"`  // that adopted it first
	Routers  int    `json:"routers"` // that adopted it
	Time     string `json:"time"`
	Step     uint64 `json:"step"`
	Epoch    string `json:"epoch"`
	Origin   string `json:"origin"`
	Version  string `json:"version"`
	Previous string `json:"previous,omitempty"` // version before, "" when there was none or it is not known
	Known    bool   `json:"known"`              // the configuration before is in the recording
	First    bool   `json:"first"`              // there was none before

	Refused  uint64 `json:"refused"`   // requests of the window refused under it
	Moved    uint64 `json:"moved"`     // requests of the window that went elsewhere under it
	Tried    uint64 `json:"tried"`     // of both, decided once more
	Changed  uint64 `json:"changed"`   // of those, decided otherwise under the one before
	Served   uint64 `json:"served"`    // of those, refused, and would have been sent on
	SentHome uint64 `json:"sent_home"` // of those, sent elsewhere, and would have gone home
	Worse    uint64 `json:"worse"`     // of those, sent elsewhere, and would have been refused
	Text     string `json:"text"`

	at     int64
	router int
	span   *Span
	every  uint64
}

// thorough is how many requests of a push are decided once more one by one;
// beyond, ever fewer are.
const thorough = 2000

// pushAt returns the push under which a step of the router being read was decided.
func (t *tally) pushAt(step uint64) *Push {
	for i := len(t.pushes) - 1; i >= 0; i-- {
		if p := t.pushes[i]; p.router == t.survey.router && p.Step < step {
			return p
		}
	}
	return nil
}

// doubt decides a request once more under the configuration before the one in force.
func (t *tally) doubt(f *traces.Fact, r *core.Router, d *core.Decision) {
	p := t.pushAt(f.Step)
	if p == nil {
		return
	}
	n := p.Refused + p.Moved
	if d.Kind == core.Reject {
		p.Refused++
	} else {
		p.Moved++
	}
	if !p.Known || p.span.Previous == nil {
		return
	}
	if p.Tried >= thorough*max(p.every, 1) {
		p.every = max(2*p.every, 2)
	}
	if p.every > 0 && n%p.every != 0 {
		return
	}
	p.Tried++
	other := redecide(r, p.span.Previous, f)
	switch {
	case same(r, d, other):
		return
	case d.Kind == core.Reject && other.sent:
		p.Served++
	case d.Kind == core.Forward && other.sent && other.home:
		p.SentHome++
	case d.Kind == core.Forward && other.refused:
		p.Worse++
	}
	p.Changed++
}

// verdict is what another configuration would have decided.
type verdict struct {
	sent, refused, home bool
	placement           string
	class               core.Class
}

// redecide asks what c would have decided of a request in the state r.
func redecide(r *core.Router, c *core.Config, f *traces.Fact) (v verdict) {
	var shadow core.Router
	shadow.CopyFrom(r)
	shadow.Step(f.Time, &core.Event{Kind: core.Adopt, Config: c, Origin: core.OriginFile, Deliberate: true}, nil)
	ev := f.Event
	ev.Epoch, ev.Route = shadow.Epoch(), traces.RouteOf(c, f.Request.Key, &f.Event)
	out := shadow.Step(f.Time, &ev, nil)
	if len(out) == 0 {
		return v
	}
	d := &out[len(out)-1]
	v.placement = shadow.Placement(d.Placement).Name
	v.sent = d.Kind == core.Forward || d.Kind == core.Queued
	v.refused, v.class = d.Kind == core.Reject, d.Class
	v.home = v.sent && d.Failover == core.FailoverNone
	return v
}

// same reports whether a decision and a verdict treat the client alike: sent
// to the same placement, or refused with the same class.
func same(r *core.Router, d *core.Decision, v verdict) bool {
	if d.Kind == core.Reject {
		return v.refused && v.class == d.Class
	}
	return v.sent && r.Placement(d.Placement).Name == v.placement
}

// pushesOf lists the configurations of a router that were in force in the
// window: those adopted in it, and the last one before it.
func pushesOf(s *survey, from, to int64) (out []*Push) {
	var before *Span
	for _, p := range s.list {
		switch {
		case p.Kind != Adopted || p.First >= to:
		case p.First < from:
			before = p
		default:
			out = append(out, pushOf(s, p))
		}
	}
	if before != nil {
		out = slices.Insert(out, 0, pushOf(s, before))
	}
	return out
}

func pushOf(s *survey, p *Span) *Push {
	out := &Push{
		Router: s.Name, Step: p.Step, Epoch: epochText(p.Epoch), Origin: p.Origin.String(), at: p.First, router: s.router, span: p,
		Known: p.Previous != nil, First: !p.HasPrevious,
	}
	if p.Config != nil {
		out.Version = p.Config.Version()
	}
	if p.Previous != nil {
		out.Previous = p.Previous.Version()
	}
	return out
}
