package sim

import "lockstep/core"

// addRoom gives half of the drawn plans settings about room. It draws from a
// hash of the plan's seed and not from rapid's stream, so that plans keep what
// else they hold when a setting is added here.
func addRoom(p *Plan) {
	specs := []*core.Spec{&p.Spec}
	for i := range p.Pushes {
		specs = append(specs, p.Pushes[i].Spec)
	}
	for n, s := range specs {
		for i := range s.Placements {
			d := roomDraw{fold(p.Seed, uint64(n)<<8|uint64(i))}
			if d.one(2, 0) {
				d.room(&s.Placements[i])
			}
		}
	}
	for i := range p.Clients {
		p.Clients[i].Priority = uint8(fold(p.Seed, uint64(1000+i)) % 4)
	}
}

// roomDraw draws by hash: each choice has its own number.
type roomDraw struct{ seed uint64 }

func (d roomDraw) below(n, choice uint64) uint64 { return fold(d.seed, choice) % n }

func (d roomDraw) one(in, choice uint64) bool { return d.below(in, choice) == 0 }

func (d roomDraw) room(p *core.PlacementSpec) {
	if d.one(2, 1) {
		p.Panic, p.PanicDo = uint32(1+d.below(100, 2)), core.PanicMode(d.below(3, 3))
	}
	if p.Limit.InFlight > 0 && d.one(2, 4) {
		p.Limit.TenantShare = uint32(1 + d.below(99, 5))
	}
	if p.Limit.InFlight > 0 && d.one(2, 6) {
		share := uint8(100)
		for i := range 1 + d.below(4, 7) {
			p.Limit.Priorities[i] = share
			share -= uint8(d.below(30, 40+i))
		}
	}
	if d.one(3, 8) {
		p.Limit.Adaptive = core.AdaptiveSpec{
			Min: int32(1 + d.below(4, 9)), Max: int32(4 + d.below(40, 50)), Window: core.Duration(20+d.below(300, 51)) * core.Millisecond,
			Tolerance: uint32(110 + d.below(80, 52)), Remeasure: uint32(4 + d.below(8, 53)),
		}
	}
	for e := range p.Endpoints {
		if d.one(2, 10+uint64(e)) {
			p.Endpoints[e].Limit = uint32(1 + d.below(8, 20+uint64(e)))
		}
	}
}
