package sim

import "lockstep/core"

// enrich gives one drawn plan in three settings of R6 and R10 that most have
// not. It draws from the plan's seed, so that no other choice moves.
func enrich(p *Plan) {
	at := uint64(0)
	draw := func(n uint64) uint64 {
		at++
		return below(fold(fold(p.Seed, 0x656e72696368), at), n)
	}
	if draw(3) != 0 {
		return
	}
	p.Clients[0].Cookies = draw(2) == 0
	specs := []*core.Spec{&p.Spec}
	for i := range p.Pushes {
		specs = append(specs, p.Pushes[i].Spec)
	}
	for _, s := range specs {
		for i := range s.Placements {
			enrichPlacement(&s.Placements[i], draw)
		}
	}
}

func enrichPlacement(p *core.PlacementSpec, draw func(uint64) uint64) {
	half := func() bool { return draw(2) == 0 }
	if half() {
		p.Select = []core.Policy{core.Ketama, core.Maglev, core.EWMA, core.Rendezvous}[draw(4)]
	}
	if p.Select.Hashing() && half() {
		p.Bound = uint32(101 + draw(60))
	}
	if p.Select == core.EWMA && half() {
		p.Decay = core.Duration(1+draw(3000)) * core.Millisecond
	}
	if half() {
		p.SlowStart = core.Duration(1+draw(5000)) * core.Millisecond
	}
	if half() {
		p.Sticky.Cookie = "c"
	}
	if half() {
		p.Shards = uint32(1 + draw(uint64(len(p.Endpoints))))
	}
	b := &p.Breaker
	if b.Off {
		return
	}
	if half() {
		b.FailureRatio = uint32(1+draw(10)) * 100_000
	}
	if half() {
		b.SlowRatio, b.SlowCall = uint32(1+draw(10))*100_000, core.Duration(10+draw(300))*core.Millisecond
	}
	if b.FailureRatio+b.SlowRatio > 0 {
		b.MinRequests, b.Window = uint32(1+draw(20)), core.Duration(1+draw(30))*100*core.Millisecond
		if half() {
			b.Failures = core.NeverConsecutive
		}
	}
}
