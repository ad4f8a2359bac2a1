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
	if l.InFlight == 0 && (l.TenantShare != 0 || l.Priorities[0] != 0) {
		c.fail(path, "has shares and no in_flight", "say in_flight: shares are of it")
	}
	return l
}
