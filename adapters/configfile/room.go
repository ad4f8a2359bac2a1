package configfile

import (
	"fmt"

	edgeset "lockstep/adapters/settings"
	"lockstep/core"
)

// odd warns of settings about room that are valid and cannot do what they say.
func (f *File) odd(c *core.Config) (out Problems) {
	homes := make([]int, c.Placements())
	for t := range c.Tables() {
		for i := range c.TableKeys(t) {
			if _, home := c.TableKey(t, i); home >= 0 { // a split key has several
				homes[home]++
			}
		}
	}
	if to, _ := c.Unknown(); to >= 0 {
		homes[to]++
	}
	for i := range c.Placements() {
		p := c.Placement(i)
		add := func(path, what, hint string) {
			at, ok := f.place("placements." + p.Name + "." + path)
			if !ok {
				at, _ = f.place("placements." + p.Name)
			}
			out = append(out, at.problem(what, hint))
		}
		if p.Panic > 0 && p.PanicDo == core.PanicFailOver && len(p.Candidates) == 1 {
			add("panic", p.Name+" has no fallback to go to in panic: what is left of it serves after all, or nobody", "give it a fallback, or use panic: all or fail")
		}
		if p.Panic > 0 && p.PanicDo == core.PanicAll && p.Health.Off {
			add("panic_percent", p.Name+" has no health that panic could ignore", "switch health on, use panic: fail or fail_over, or remove panic_percent")
		}
		if a := &p.Limit.Adaptive; a.On() && p.Limit.InFlight > 0 && a.Min >= p.Limit.InFlight {
			add("limit", fmt.Sprintf("the adaptive limit of %s cannot move: its min is %d, in_flight %d", p.Name, a.Min, p.Limit.InFlight), "lower limit.adaptive.min, or raise in_flight")
		} else if a.On() && p.Limit.InFlight > 0 && a.Max > p.Limit.InFlight {
			add("limit", fmt.Sprintf("the adaptive limit of %s never rises to its max of %d: in_flight is %d", p.Name, a.Max, p.Limit.InFlight), "lower limit.adaptive.max, or raise in_flight")
		}
		if load, ok := f.Facts.Peak[p.Name]; ok && p.Limit.Adaptive.On() && p.Limit.Adaptive.Window < 4*load.Latency {
			add("limit", fmt.Sprintf("the window of the adaptive limit of %s is shorter than four answers: facts.peak says %s", p.Name, duration(load.Latency)), "use a longer limit.adaptive.window")
		}
		if share := p.Limit.TenantShare; share > 0 && homes[i] == 1 && p.Limit.Guests < 0 {
			add("limit", fmt.Sprintf("only one key has its home in %s, and guests may not come: it can never hold more than %d %% of the room", p.Name, share), "remove limit.tenant_share")
		}
		if p.Limit.Priorities[0] > 0 && !f.prioritised() {
			add("limit", fmt.Sprintf("%s sheds by priority, and every request has the priority 0", p.Name), "say where the priority is: priority: {header: X-Priority, default: 3}")
		}
		held, _ := caps(c, p)
		if held > 0 && p.Limit.InFlight > 0 && int64(p.Limit.Guests) >= held {
			add("limit", fmt.Sprintf("guests may take all of %s: its endpoints hold %d in flight by their own limits, guests is %d", p.Name, held, p.Limit.Guests), "lower limit.guests, or raise the limits of its endpoints")
		}
	}
	return out
}

// prioritised reports whether requests can have other priorities than 0.
func (f *File) prioritised() bool {
	whole, err := edgeset.ReadWhole(f.Spec.Edge)
	return err != nil || whole.Priority != nil
}
