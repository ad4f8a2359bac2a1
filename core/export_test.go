package core

// DigestByTheSpec works the digest out from nothing, by the text of SPEC.md
// and without the code of digest.go: the oracle of Digest.
func (r *Router) DigestByTheSpec() uint64 {
	fin := func(z uint64) uint64 {
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		return z ^ z>>31
	}
	fold := func(kind uint64, words ...uint64) uint64 {
		h := kind
		for _, w := range words {
			h = fin(h + w + 0x9e3779b97f4a7c15)
		}
		return h
	}
	one := map[bool]uint64{true: 1}
	router := []uint64{r.epoch.Term, r.epoch.Number}
	if r.config != nil {
		router = append(router, r.config.Digest())
	}
	router = append(router, uint64(r.abortFrom)*2+one[r.draining], uint64(r.timers.get(timerDrain, 0)))
	sum := fold(1, router...)
	for i := range r.placements {
		if p := &r.placements[i]; p.id != 0 {
			sum += fold(2, HashString(p.name), uint64(p.inFlight)<<32|uint64(p.guests))
			if b := p.budget; b.own != 0 || b.retrying != 0 || b.debt != 0 {
				sum += fold(6, HashString(p.name), uint64(b.own)<<32|uint64(b.retrying), uint64(b.debt), uint64(b.at))
			}
			if a := p.adaptive; a != nil {
				sum += fold(8, HashString(p.name), one[p.panic], uint64(a.limit)*16+uint64(a.phase)*4+one[a.busy]*2+one[a.climbing],
					uint64(a.base), uint64(a.due), a.sum, uint64(a.count)<<32+uint64(a.since), uint64(a.peak))
			} else if p.panic {
				sum += fold(8, HashString(p.name), 1)
			}
		}
	}
	for i := range r.endpoints {
		e := &r.endpoints[i]
		if e.id == 0 {
			continue
		}
		b, h := &e.breaker, &e.health
		guards := uint64(0)
		for k := range b.probes {
			guards += fin(uint64(b.guards[k].at) + 0x9e3779b97f4a7c15)
		}
		sum += fold(3, e.id, uint64(e.inFlight)*2+one[e.config >= 0], uint64(e.rotation),
			uint64(b.state)<<32|uint64(b.gen), uint64(b.failures)<<32|uint64(b.successes), uint64(b.reopened)<<8|uint64(b.probes), uint64(b.until), guards,
			uint64(h.streak)*4+one[h.unhealthy]*2+one[h.token != 0],
			uint64(r.timers.get(timerHealth, int32(i))), uint64(r.timers.get(timerHealthGuard, int32(i))))
		if i < len(r.extras) {
			sum += r.extras[i].byTheSpec(e.id, fold)
		}
	}
	for n, ok := r.slots.next(0); ok; n, ok = r.slots.next(n + 1) {
		s := r.slots.at(n)
		if s.state != slotPlain {
			sum += r.journeyByTheSpec(s.request, r.journey(n), fold)
		}
		if s.state == slotWaiting {
			continue
		}
		word := uint64(s.generation)<<8 + 4<<3 + one[s.replied]*4 + one[s.probe]*2 + one[s.guest]
		step := uint64(0x9e3779b97f4a7c15)
		sum += fin((r.endpoints[s.endpoint].id ^ s.request) + step*word + 0xbf58476d1ce4e5b9*uint64(s.began))
		if s.tenant != 0 {
			sum += fold(9, r.endpoints[s.endpoint].id, s.tenant, s.request)
		}
	}
	return sum
}

func (x *extra) byTheSpec(id uint64, fold func(uint64, ...uint64) uint64) uint64 {
	words, requests := []uint64{id, uint64(x.warm), uint64(x.cost), uint64(x.costAt)}, uint64(0)
	window := []uint64{uint64(x.window.head)}
	for _, b := range x.window.buckets {
		requests += uint64(b.requests)
		window = append(window, uint64(b.requests), uint64(b.failures)<<32+uint64(b.slow))
	}
	if requests > 0 {
		words = append(words, window...)
	} else if x.warm == 0 && x.cost == 0 {
		return 0
	}
	return fold(7, words...)
}

func (r *Router) journeyByTheSpec(request uint64, j *journey, fold func(uint64, ...uint64) uint64) uint64 {
	one := map[bool]uint64{true: 1}
	words := []uint64{
		request, j.route.Key, uint64(uint32(j.route.Placement))<<16 + uint64(j.route.Reason)<<8 + uint64(j.route.Refuse),
		uint64(j.via)<<32 + uint64(j.route.Ring), j.prefer, j.epoch.Term, j.epoch.Number, uint64(j.length), uint64(j.deadline), uint64(j.until),
	}
	words = append(words, j.tried[:min(int(j.attempts), 4)]...)
	words = append(words, HashString(r.placements[j.account].name))
	if j.kind == inQueue {
		words = append(words, HashString(r.placements[j.queue].name))
	}
	return fold(5, append(words, uint64(j.ticket)<<32+uint64(j.priority)<<24+uint64(j.attempts)<<16+uint64(j.method)<<8+uint64(j.kind)*4+one[j.failed]*2+one[j.retrying])...)
}
