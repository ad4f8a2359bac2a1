package traces

import "lockstep/core"

// The JSON of what a placement's limit says.

func encodeLimit(l *core.LimitSpec) limitJSON {
	out := limitJSON{
		InFlight: l.InFlight, Guests: l.Guests, WhenFull: enumWhenFull.print(uint64(l.WhenFull)),
		TenantShare: l.TenantShare, Adaptive: adaptiveJSON(l.Adaptive),
		Queue: l.Queue, Wait: l.Wait, Order: enumQueueOrder.print(uint64(l.Order)),
	}
	last := len(l.Priorities)
	for last > 0 && (l.Priorities[last-1] == 0 || last > 1 && l.Priorities[last-1] == l.Priorities[last-2]) {
		last-- // the one before it says the same
	}
	for _, share := range l.Priorities[:last] {
		out.Priorities = append(out.Priorities, int(share))
	}
	return out
}

// decodeLimit leaves when_full and order to the table of names. A share out of range
// becomes one that Compile refuses.
func decodeLimit(in *limitJSON) core.LimitSpec {
	out := core.LimitSpec{InFlight: in.InFlight, Guests: in.Guests, TenantShare: in.TenantShare, Adaptive: core.AdaptiveSpec(in.Adaptive), Queue: in.Queue, Wait: in.Wait}
	for i, share := range in.Priorities {
		if i >= len(out.Priorities) || share < 0 || share > 100 {
			out.Priorities[0] = 255
			break
		}
		out.Priorities[i] = uint8(share)
	}
	return out
}
