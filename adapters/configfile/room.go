package configfile

import (
	"fmt"

	"lockstep/core"
)

// odd warns of settings about room that are valid and cannot do what they say.
func (f *File) odd(c *core.Config) (out Problems) {
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
		held, _ := caps(c, p)
		if held > 0 && p.Limit.InFlight > 0 && int64(p.Limit.Guests) >= held {
			add("limit", fmt.Sprintf("guests may take all of %s: its endpoints hold %d in flight by their own limits, guests is %d", p.Name, held, p.Limit.Guests), "lower limit.guests, or raise the limits of its endpoints")
		}
	}
	return out
}
