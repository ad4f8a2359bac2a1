//go:build linux

package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
)

// report is a whole run.
type report struct {
	Machine  string
	Method   string
	Versions map[string]string
	Samples  []sample
	Idle     map[string]float64 // KiB a connection
}

// print writes one table a load, medians over the rounds with the lowest and highest behind.
func (r *report) print(w io.Writer) {
	fmt.Fprintf(w, "%s\n\n%s\n", r.Machine, r.Method)
	for _, group := range r.groups() {
		load := fmt.Sprintf("%d requests/s, open loop", group.Rate)
		if group.Rate == 0 {
			load = "saturation, closed loop"
		}
		fmt.Fprintf(w, "\n**%s, %s**\n\n", plural(group.Cores, "core"), load)
		fmt.Fprintln(w, "| proxy | answers/s | p50 us | p99 us | p99.9 us | CPU us/request | peak RSS MiB | failed |\n|---|---|---|---|---|---|---|---|")
		for _, p := range peers {
			if rounds := r.of(cell{p.name, group.Cores, group.Rate}); len(rounds) > 0 {
				fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s | %s | %d |\n", p.name,
					spread(rounds, func(s sample) float64 { return s.PerSecond }, 0), spread(rounds, func(s sample) float64 { return s.P50 }, 0),
					spread(rounds, func(s sample) float64 { return s.P99 }, 0), spread(rounds, func(s sample) float64 { return s.P999 }, 0),
					spread(rounds, func(s sample) float64 { return s.CPU }, 1), spread(rounds, func(s sample) float64 { return s.PeakRSS }, 0), failed(rounds))
			}
		}
		fmt.Fprintf(w, "\nThe generator's own delay, p99 over all rounds: at most %.0f us.\n", r.late(group))
	}
	if len(r.Idle) > 0 {
		fmt.Fprint(w, "\n**Memory of an idle connection**\n\n| proxy | KiB |\n|---|---|\n")
	}
	for _, p := range peers {
		if v, ok := r.Idle[p.name]; ok {
			fmt.Fprintf(w, "| %s | %.1f |\n", p.name, v)
		}
	}
	fmt.Fprint(w, "\n")
	for _, p := range peers {
		fmt.Fprintf(w, "- %s: %s. %s\n", p.name, p.why, r.Versions[p.name])
	}
}

// groups are the loads of the run, each once, in the order in which they came.
func (r *report) groups() (groups []cell) {
	for _, s := range r.Samples {
		g := cell{Cores: s.Cores, Rate: s.Rate}
		if !slices.Contains(groups, g) {
			groups = append(groups, g)
		}
	}
	return groups
}

func (r *report) of(c cell) (rounds []sample) {
	for _, s := range r.Samples {
		if s.cell == c {
			rounds = append(rounds, s)
		}
	}
	return rounds
}

func (r *report) late(group cell) (worst float64) {
	for _, s := range r.Samples {
		if s.Cores == group.Cores && s.Rate == group.Rate {
			worst = max(worst, s.Late)
		}
	}
	return worst
}

func failed(rounds []sample) (n int) {
	for _, s := range rounds {
		n += s.Failed
	}
	return n
}

// spread is the median and, of several rounds, the lowest and highest.
func spread(rounds []sample, of func(sample) float64, digits int) string {
	values := make([]float64, 0, len(rounds))
	for _, s := range rounds {
		values = append(values, of(s))
	}
	slices.SortFunc(values, cmp.Compare)
	median := fmt.Sprintf("%.*f", digits, values[len(values)/2])
	if len(values) == 1 {
		return median
	}
	return fmt.Sprintf("%s (%.*f-%.*f)", median, digits, values[0], digits, values[len(values)-1])
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
