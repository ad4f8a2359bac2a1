package traces

import (
	"encoding/base64"
	"math"
	"time"

	"lockstep/core"
)

// Parsers of the printed view, one per kind of line. Members may come in any
// order but for the first, which says what the line is; none may be unknown.

// members reads the rest of an object's members; each reads one value and
// reports false for a name that it does not know.
func (s *scanner) members(each func(name string) bool) {
	for name, ok := s.key(false); ok; name, ok = s.key(false) {
		if !each(string(name)) {
			s.fail("%q is not a field of this line, or is there twice", name)
		}
	}
	s.end()
}

func (s *scanner) header(version uint64) (h Header) {
	if version != formatVersion {
		s.fail("the trace has format version %d, this program reads %d: use a newer lockstep", version, formatVersion)
	}
	s.members(func(name string) bool {
		switch name {
		case "spec":
			h.Spec = string(s.string())
		case "name":
			h.Name = string(s.string())
		case "seed":
			h.Seed = s.uint()
		case "config":
			h.Config = s.hash()
		case "flags":
			s.expect('[')
			for first := true; s.err == nil && !s.take(']'); first = false {
				if !first {
					s.expect(',')
				}
				h.Flags = append(h.Flags, string(s.string()))
			}
		case "why":
			h.Why = string(s.string())
		case "origin":
			h.Origin = s.wallTime()
		default:
			return false
		}
		return true
	})
	return h
}

func (s *scanner) wallTime() int64 {
	text := string(s.string())
	t, err := time.Parse(time.RFC3339Nano, text)
	if s.err == nil && (err != nil || t.Year() < 1700 || t.Year() > 2200) {
		s.fail("%q is not a time such as 2026-11-19T14:07:31.482Z", text)
		return 0
	}
	return t.UnixNano()
}

func (s *scanner) gap(steps uint64) Gap {
	g := Gap{Steps: steps}
	s.members(func(name string) bool {
		switch name {
		case "step":
			g.Step = s.uint()
		case "blocks":
			g.Blocks = s.uint()
		case "why":
			g.Why = string(s.string())
		default:
			return false
		}
		return true
	})
	return g
}

func (s *scanner) config(configs map[uint64]*core.Config, digest uint64) *core.Config {
	var spec []byte
	s.members(func(name string) bool {
		if name != "spec" {
			return false
		}
		// The specification is the rest of the line but for its last brace.
		end := len(s.b)
		for end > s.i && s.b[end-1] != '}' {
			end--
		}
		spec = s.b[s.i:max(s.i, end-1)]
		s.i = max(s.i, end-1)
		return true
	})
	if s.err != nil {
		return nil
	}
	c, err := addConfig(configs, digest, spec)
	if err != nil {
		s.err = err
	}
	return c
}

func (s *scanner) block(number uint64) BlockHead {
	h := BlockHead{Number: int(min(number, math.MaxInt32))}
	s.members(func(name string) bool {
		switch name {
		case "step":
			h.Step = s.uint()
		case "t":
			h.Time = s.time()
		case "digest":
			h.Digest = s.hash()
		case "snapshot":
			b, err := base64.StdEncoding.Strict().AppendDecode(nil, s.string())
			if err != nil {
				s.fail("the snapshot: %w", err)
			}
			h.Snapshot = b
		default:
			return false
		}
		return true
	})
	return h
}

func (s *scanner) time() core.Time {
	t := s.uint()
	if t > uint64(maxTime) {
		s.fail("the time is out of range")
	}
	return core.Time(t)
}

// event reads an event line after its step.
func (s *scanner) event(sc *schema, configs map[uint64]*core.Config, f *Fact, step uint64) {
	*f = Fact{Step: step, Decisions: f.Decisions[:0]}
	timeKnown, kindKnown, seen := false, false, uint64(0)
	s.members(func(name string) bool {
		switch {
		case name == "t" && !timeKnown:
			f.Time, timeKnown = s.time(), true
			return true
		case name == "event" && timeKnown && !kindKnown:
			v, ok := enumEvent.value(string(s.string()))
			if !ok {
				s.fail("there is no such event")
			}
			f.Event, kindKnown = blankEvent(core.EventKind(v), f.Time), true
			return true
		}
		fields := sc.events[f.Event.Kind]
		for i := range fields {
			if c := &fields[i]; c.name == name && seen&(1<<i) == 0 {
				seen |= 1 << i
				s.eventField(c, configs, f)
				return true
			}
		}
		return false
	})
	if s.err == nil && !kindKnown {
		s.fail("the line should begin with step, t and event, in this order")
	}
	completeEvent(f)
}

func (s *scanner) eventField(c *field[core.Event], configs map[uint64]*core.Config, f *Fact) {
	switch c.wire {
	case wireKey:
		f.Request.Key = string(s.string())
	case wireID:
		f.Request.ID = s.id()
	case wireHash:
		if digest := s.hash(); s.err == nil {
			s.check(setConfig(&f.Event, configs, digest))
		}
	default:
		if v := s.value(c.wire, c.enum); s.err == nil {
			s.check(assign(c, &f.Event, v))
		}
	}
}

func (s *scanner) check(err error) {
	if err != nil {
		s.fail("%w", err)
	}
}

// decision reads a decision line after its kind and appends it to f.
func (s *scanner) decision(sc *schema, f *Fact, kind string) {
	v, ok := enumDecision.value(kind)
	if !ok {
		s.fail("there is no decision %q", kind)
		return
	}
	f.Decisions = append(f.Decisions, blankDecision(core.DecisionKind(v), f.Time))
	d := &f.Decisions[len(f.Decisions)-1]
	fields, seen := sc.decisions[v], uint64(0)
	s.members(func(name string) bool {
		for i := range fields {
			if c := &fields[i]; c.name == name && seen&(1<<i) == 0 {
				seen |= 1 << i
				if v := s.value(c.wire, c.enum); s.err == nil {
					s.check(assign(c, d, v))
				}
				return true
			}
		}
		return false
	})
}

// value reads a field's value as its getter would return it.
func (s *scanner) value(w wire, e enum) uint64 {
	switch w {
	case wireBool:
		return bit(s.bool())
	case wireSigned, wireTime, wireNumber:
		return uint64(s.int())
	case wireEnum:
		if s.peek() != '"' {
			return s.uint()
		}
		name := string(s.string())
		v, ok := e.value(name)
		if s.err == nil && !ok {
			s.fail("there is no value %q", name)
		}
		return v
	}
	return s.uint()
}
