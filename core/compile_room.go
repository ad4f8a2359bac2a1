package core

import "strconv"

// ration checks how a placement divides its room, and fills in the shares of priorities.
func (c *compiler) ration(l LimitSpec, path string) LimitSpec {
	if l.TenantShare > 99 {
		c.fail(path+".tenant_share", "is above 99 %", "use 1 % to 99 %, or leave it out so that tenants are not told apart")
	}
	last := uint8(0)
	for i := range l.Priorities {
		share := &l.Priorities[i]
		at := path + ".priorities[" + strconv.Itoa(i) + "]"
		switch {
		case *share == 0 && i == 0 && l.Priorities != [MaxPriorities]uint8{}:
			c.fail(at, "is 0 %", "use 1 % to 100 %: 100 % for the most critical")
		case *share == 0:
			*share = last
		case *share > 100:
			c.fail(at, "is above 100 %", "use 1 % to 100 %")
		case i > 0 && *share > last:
			c.fail(at, "is above the share of a more critical priority", "write the shares from the most critical down: 100%, 90%, 75%")
		}
		last = *share
	}
	if l.InFlight == 0 && !l.Adaptive.On() && (l.TenantShare != 0 || l.Priorities[0] != 0) {
		c.fail(path, "has shares and no in_flight", "say in_flight: shares are of it")
	}
	l.Adaptive = c.adaptive(l.Adaptive, path+".adaptive")
	return l
}

// adaptive checks an adaptive limit and fills in its defaults.
func (c *compiler) adaptive(a AdaptiveSpec, path string) AdaptiveSpec {
	if !a.On() {
		if a != (AdaptiveSpec{}) {
			c.fail(path+".max", "is missing", "say how far the limit may rise")
		}
		return a
	}
	orDefault(&a.Min, min(10, a.Max))
	orDefault(&a.Start, a.Min)
	orDefault(&a.Window, Second)
	orDefault(&a.Tolerance, 150)
	orDefault(&a.Remeasure, 30)
	if a.Min < 1 || a.Max > MaxInFlight || a.Min > a.Max {
		c.fail(path, "min and max do not span a range", "use 1 or more for min, and at least that for max, up to "+strconv.Itoa(MaxInFlight))
	}
	if a.Start < a.Min || a.Start > a.Max {
		c.fail(path+".start", "is not between min and max", "use a limit between the two, or leave it out for min")
	}
	if a.Window < 10*Millisecond || a.Window > 60*Second {
		c.fail(path+".window", "is outside 10ms to 1m", "use several times the latency of the placement, such as 1s")
	}
	if a.Tolerance < 110 || a.Tolerance > 190 {
		c.fail(path+".tolerance", "is outside 1.1 to 1.9", "use a factor below 2: a limit halved to measure must be one that is calm")
	}
	if a.Remeasure < 4 || a.Remeasure > 10_000 {
		c.fail(path+".remeasure", "is outside 4 to 10000 windows", "use about 30")
	}
	return a
}
