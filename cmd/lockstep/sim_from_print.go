package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"lockstep/core"
	"lockstep/sim"
	"lockstep/sim/calibrate"
	"lockstep/traces/say"
)

func (r *fromResult) print(w io.Writer) {
	for _, d := range r.Damage {
		fmt.Fprintf(w, "damage     %s\n", d)
	}
	if r.Gaps > 0 {
		fmt.Fprintf(w, "GAP        %s steps are missing: what happened in them is not in the model\n", say.Count(r.Gaps))
	}
	fmt.Fprintf(w, "Model      of %s in %s, %s, seeds %d to %d\n\n", say.Plural(r.Recordings, "recording"), say.Plural(r.Files, "file"),
		time.Duration(r.Length).Round(time.Millisecond), r.Seeds[0], r.Seeds[len(r.Seeds)-1])
	fmt.Fprintf(w, "           %-14s %12s %12s   %-9s  %s\n", "", "recorded", "model", "off", "from seed to seed")
	for i := range r.Distances {
		d := &r.Distances[i]
		fmt.Fprintf(w, "           %-14s %12s %12s   %-9s  %s to %s\n", d.Figure, figureText(d.Kind, d.Recorded), figureText(d.Kind, d.Model), offText(d),
			figureText(d.Kind, d.Low), figureText(d.Kind, d.High))
	}
	fmt.Fprintf(w, "           good answers in another one of %d windows, or none: %s\n\n", r.Windows, percentText(r.Astray))
	fmt.Fprintf(w, "By home    %-20s %21s %21s %21s\n", "", "requests", "good", "failovers")
	for _, p := range r.Placements {
		name := p.Name
		if name == "" {
			name = "(none)"
		}
		fmt.Fprintf(w, "           %-20s %10s %10s %10s %10s %10s %10s\n", name, say.Count(p.Recorded.Requests), say.Count(p.Model.Requests),
			say.Count(p.Recorded.OK), say.Count(p.Model.OK), say.Count(p.Recorded.Failovers), say.Count(p.Model.Failovers))
	}
	r.printLists(w)
}

func (r *fromResult) printLists(w io.Writer) {
	list := func(label string, items []string, most int) {
		for i, s := range items {
			if i == most {
				fmt.Fprintf(w, "           and %d more; --json or --out lists them\n", len(items)-most)
				break
			}
			fmt.Fprintf(w, "%-10s %s\n", label, s)
			label = ""
		}
	}
	fmt.Fprintln(w)
	list("Faults", r.Faults, 12)
	list("Assumed", r.Assumed, len(r.Assumed))
	list("Left out", r.Left, len(r.Left))
	if r.Scenario != "" {
		fmt.Fprintf(w, "Kept       %s   change it, then: lockstep sim %s\n", r.Scenario, r.Scenario)
	}
	list("FAIL", r.Off, len(r.Off))
}

func figureText(k calibrate.Kind, v int64) string {
	switch k {
	case calibrate.Rate:
		return fmt.Sprintf("%.1f/s", float64(v)/1000)
	case calibrate.Time:
		return say.Span(core.Duration(v))
	case calibrate.Share:
		return percentText(v)
	}
	return say.Count(uint64(v))
}

// percentText prints parts per million as per cent.
func percentText(ppm int64) string { return fmt.Sprintf("%.2f %%", float64(ppm)/10_000) }

func offText(d *calibrate.Distance) string {
	unit := " %"
	if d.Kind == calibrate.Share {
		unit = " points"
	}
	return fmt.Sprintf("%+.1f%s", float64(d.Off)/10_000, unit)
}

func faultText(f *sim.Fault) string {
	s := fmt.Sprintf("+%s  %s %s/%s", say.Span(core.Duration(f.At)), f.Kind, f.Placement, f.Endpoint)
	switch {
	case f.Kind == sim.Slow:
		s += fmt.Sprintf(", %.1f times as long", float64(f.Factor)/1e6)
	case f.Kind == sim.Flaky, f.Kind == sim.Lossy, f.Kind == sim.BrokenBody, f.Kind == sim.StuckBody:
		s += ", " + percentText(int64(f.Share))
		if f.Kind == sim.Flaky {
			s += fmt.Sprintf(" answer %d", f.Status)
		}
	}
	if f.Until == 0 {
		return s + ", to the end"
	}
	return s + ", for " + say.Span(f.Until.Sub(f.At))
}

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
