package conform

import (
	"lockstep/core"
	"lockstep/core/loop"
)

// do draws and makes the next event.
func (s *stream) do() {
	s.ev = core.Event{}
	at := s.below(s.mix.total)
	kind := 0
	for at >= s.mix.weights[kind] {
		at -= s.mix.weights[kind]
		kind++
	}
	switch {
	case kind == doArrive && len(s.live) > s.mix.crowd:
		kind = doFinish
	case kind == doDrain && !s.closing:
		kind = doTick
	case (kind == doFinish || kind == doReply) && len(s.live) == 0 && !s.odd(), kind == doProbed && len(s.probes) == 0 && !s.odd():
		kind = doArrive // there is nothing to end
	}
	switch kind {
	case doArrive:
		s.arrive()
	case doFinish:
		s.finish()
	case doReply:
		s.reply()
	case doProbed:
		s.probed()
	case doAdopt:
		s.adopt()
	case doAgain:
		s.again()
	case doControl:
		s.ev.Kind, s.ev.OK = core.Control, s.oneIn(2)
		s.feed()
	case doDrain:
		s.ev.Kind, s.ev.Deadline = core.Drain, s.deadline()
		s.feed()
	case doTick:
		s.ev.Kind = core.Tick
		s.feed()
	default:
		s.feed() // an event of no kind
	}
}

// deadline draws when a drain ends: soon, long ago, never.
func (s *stream) deadline() core.Time {
	switch s.below(6) {
	case 0:
		return core.Never
	case 1:
		return core.Time(s.word())
	case 2:
		return s.now
	}
	return s.now + core.Time(s.below(uint64(10*core.Second)))
}

// odd is true where garbage is due.
func (s *stream) odd() bool { return s.oneIn(s.mix.garbage) }

func (s *stream) arrive() {
	ev := &s.ev
	ev.Kind, ev.Epoch = core.Arrive, s.r.Epoch()
	s.req = loop.Request{Key: s.key(), ID: s.id()}
	ev.Method = core.Method(s.below(3))
	ev.Replayable = s.oneIn(2)
	if s.oneIn(4) {
		ev.Length = pick(s.dice, -1, 1, 100, 101, int64(s.below(1<<21)))
	}
	if s.oneIn(2) {
		ev.Priority = uint8(s.below(8))
	}
	if s.oneIn(8) {
		ev.Source = uint8(s.below(4))
	}
	if c := s.r.Config(); c != nil && c.Routes() > 1 {
		ev.Via = uint16(s.below(uint64(c.Routes())))
	}
	if s.oneIn(4) {
		ev.Split = s.below(20)
	}
	if n := s.r.Endpoints(); n > 0 && s.oneIn(4) {
		ev.Prefer = s.r.Identity(int32(s.below(uint64(n))))
	}
	if s.oneIn(64) {
		ev.Route.Refuse = pick(s.dice, core.BadRequest, core.RequestTimeout, core.HeaderTooLarge, core.URITooLong, core.Unauthorized, core.NoRoute, core.Internal)
	}
	if s.odd() {
		s.oddArrive()
	}
	s.feed()
}

// oddArrive spoils a field.
func (s *stream) oddArrive() {
	ev := &s.ev
	switch s.below(8) {
	case 0:
		ev.Epoch = core.Epoch{Term: s.magnitude(), Number: s.magnitude()}
	case 1:
		ev.Epoch.Number--
	case 2:
		ev.Via = uint16(s.magnitude())
	case 3:
		ev.Length = int64(s.word())
	case 4:
		ev.Priority, ev.Source, ev.Method = uint8(s.word()), uint8(s.word()), core.Method(s.word())
	case 5:
		ev.Prefer, ev.Split = s.magnitude(), s.magnitude()
	case 6:
		ev.Handle = s.anyHandle()
	case 7:
		s.req.ID = [2]uint64{}
	}
}

// key draws a routing key; some are asked for more often than others.
func (s *stream) key() string {
	n := uint64(len(s.keys))
	if s.oneIn(3) {
		return s.keys[n-1-min(s.below(n), s.below(n), s.below(n))]
	}
	return s.keys[s.below(n)]
}

func (s *stream) id() [2]uint64 {
	if s.mix.repeats && s.oneIn(3) {
		return [2]uint64{0, s.below(50)}
	}
	s.ids++
	return [2]uint64{s.ids * 0x9e3779b97f4a7c15, s.ids}
}

// anyHandle is one that may have ended, or never was.
func (s *stream) anyHandle() core.Handle {
	switch {
	case len(s.ended) > 0 && s.oneIn(3):
		return pick(s.dice, s.ended...)
	case len(s.live) > 0 && s.oneIn(3):
		h := pick(s.dice, s.live...)
		h.Gen += uint32(s.between(0, 2)) - 1
		return h
	case len(s.waiting) > 0 && s.oneIn(2):
		return pick(s.dice, s.waiting...)
	}
	return core.Handle{Slot: uint32(s.magnitude()), Gen: uint32(s.magnitude())}
}

// one takes a handle of an attempt out of the list of those that live.
func (s *stream) one(take bool) core.Handle {
	if len(s.live) == 0 || s.odd() {
		return s.anyHandle()
	}
	i := s.between(0, len(s.live)-1)
	h := s.live[i]
	if take {
		s.live[i] = s.live[len(s.live)-1]
		s.live = s.live[:len(s.live)-1]
		if len(s.ended) < 64 {
			s.ended = append(s.ended, h)
		} else {
			s.ended[s.below(64)] = h
		}
	}
	return h
}

func (s *stream) finish() {
	ev := &s.ev
	ev.Kind = core.Finish
	if s.waits() && s.oneIn(16) {
		ev.Handle = pick(s.dice, s.waiting...) // it gives up
	} else {
		ev.Handle = s.one(true)
	}
	ev.Status = pick[uint16](s.dice, 200, 200, 200, 204, 404, 499)
	ev.Sent, ev.Replayable = !s.oneIn(3), !s.oneIn(4)
	if s.below(16) < s.mix.failing {
		switch s.below(3) {
		case 0:
			ev.Status = pick[uint16](s.dice, 500, 502, 503, 504, 599)
		default:
			ev.Class, ev.Status = core.FirstFailure+core.Class(s.below(uint64(core.LastFailure-core.FirstFailure)+1)), 0
		}
	} else if s.oneIn(16) {
		ev.Class = pick(s.dice, core.ClientGone, core.ClientGone, core.Draining, core.Internal, core.BodyTooLarge, core.LimitReached)
	}
	if s.oneIn(8) {
		ev.RetryAfter = core.Duration(s.below(uint64(3 * core.Second)))
	}
	if s.odd() {
		ev.Class, ev.Status, ev.RetryAfter = core.Class(pick(s.dice, 0, 0, s.word())), uint16(s.magnitude()), core.Duration(s.word())
	}
	s.feed()
	s.recheck()
}

// waits reports whether anyone is known to wait, and forgets who does not.
func (s *stream) waits() bool {
	if s.r.Waiting() == 0 {
		s.waiting = s.waiting[:0]
		return false
	}
	for range min(len(s.waiting), 4) {
		i := s.between(0, len(s.waiting)-1)
		if j, ok := s.r.Journey(s.waiting[i]); !ok || !j.Waiting {
			s.waiting[i] = s.waiting[len(s.waiting)-1]
			s.waiting = s.waiting[:len(s.waiting)-1]
		}
	}
	return len(s.waiting) > 0
}

func (s *stream) reply() {
	ev := &s.ev
	ev.Kind, ev.Handle, ev.Status, ev.Replayable = core.Reply, s.one(false), 200, !s.oneIn(4)
	if s.below(16) < s.mix.failing {
		ev.Status = pick[uint16](s.dice, 500, 502, 503, 504, 501)
	}
	if s.oneIn(8) {
		ev.RetryAfter = core.Duration(s.below(uint64(3 * core.Second)))
	}
	if s.odd() {
		ev.Status, ev.RetryAfter = uint16(s.magnitude()), core.Duration(s.word())
	}
	s.feed()
	s.recheck()
}

// probed reports an active probe, mostly one that is out.
func (s *stream) probed() {
	ev := &s.ev
	ev.Kind, ev.OK = core.Probed, s.below(16) >= s.mix.failing
	switch n := len(s.probes); {
	case n > 0 && !s.odd():
		i := s.between(0, n-1)
		ev.Endpoint, ev.Token = s.probes[i].Endpoint, s.probes[i].Token
		if !s.oneIn(8) {
			s.probes[i] = s.probes[n-1]
			s.probes = s.probes[:n-1]
		}
	default:
		ev.Endpoint, ev.Token = int32(s.magnitude()), uint32(s.magnitude())
	}
	if len(s.probes) > 256 {
		s.probes = s.probes[:128]
	}
	s.feed()
}

// adopt pushes a configuration, or what is none.
func (s *stream) adopt() {
	if s.oneIn(64) && len(s.configs) < 12 {
		spec, c := s.specs.next(s.last)
		s.last, s.configs = spec, append(s.configs, c)
		s.learnKeys()
	}
	ev := &s.ev
	*ev = core.Event{Kind: core.Adopt, Config: pick(s.dice, s.configs...), Origin: core.Origin(s.below(4)), Deliberate: s.oneIn(2)}
	if s.mix.epochs {
		ev.Epoch = s.r.Epoch()
		ev.Epoch.Number += pick[uint64](s.dice, 0, 1, 1, 1, 2)
		if s.oneIn(16) {
			ev.Epoch = core.Epoch{Term: ev.Epoch.Term + s.below(2), Number: s.below(5)}
		}
	}
	if s.oneIn(16) {
		ev.Fault = core.Fault(s.below(3))
	}
	if s.odd() {
		ev.Fault, ev.Origin, ev.Epoch = core.Fault(s.below(5)), core.Origin(s.word()), core.Epoch{Term: s.magnitude() >> 40, Number: s.magnitude()}
		if s.oneIn(3) {
			ev.Config = nil
		}
	}
	s.feed()
	s.matchAgain()
}

// matchAgain does what the loop does after an adopt (R12), but for who forgets.
func (s *stream) matchAgain() {
	if s.r.Waiting() == 0 || s.oneIn(s.mix.forgetful) {
		return
	}
	s.stale = s.r.AppendStale(s.stale[:0])
	for i := range s.stale {
		if j, ok := s.r.Journey(s.stale[i]); ok && j.Expected {
			s.comeAgain(s.stale[i])
		}
	}
}

// recheck does it after a retry.
func (s *stream) recheck() {
	if n := len(s.out); n > 0 && s.out[n-1].Kind == core.Retry && !s.oneIn(s.mix.forgetful) {
		if h := s.out[n-1].Handle; s.expected(h) {
			s.comeAgain(h)
		}
	}
}

func (s *stream) expected(h core.Handle) bool {
	j, ok := s.r.Journey(h)
	return ok && j.Expected
}

// again matches somebody again who may not even wait.
func (s *stream) again() {
	if !s.waits() {
		return
	}
	s.stale = s.r.AppendStale(s.stale[:0])
	if len(s.stale) > 0 && !s.oneIn(4) {
		s.comeAgain(pick(s.dice, s.stale...))
		return
	}
	s.comeAgain(pick(s.dice, s.waiting...))
}

func (s *stream) comeAgain(h core.Handle) {
	var w sender
	if int(h.Slot) < len(s.who) {
		w = s.who[h.Slot]
	}
	s.req = w.Request
	s.ev = core.Event{Kind: core.Arrive, Handle: h, Epoch: s.r.Epoch(), Split: w.split, Prefer: w.prefer, Via: w.via}
	if c := s.r.Config(); c != nil && int(w.via) >= c.Routes() {
		s.ev.Via = 0
	}
	if s.odd() {
		s.oddArrive()
	}
	s.feed()
}
