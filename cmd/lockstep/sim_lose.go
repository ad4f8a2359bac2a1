package main

import (
	"cmp"
	"fmt"
	"io"
	"runtime"
	"strings"

	"lockstep/core"
	"lockstep/sim"
	"lockstep/sim/fuzz"
)

// loseResult is what the loss of each placement did to one file.
type loseResult struct {
	File    string    `json:"file"`
	OK      bool      `json:"ok"`
	Assumed string    `json:"assumed"`
	Rows    []loseRow `json:"placements"`
}

// loseRow is the loss of one placement.
type loseRow struct {
	Lost    string `json:"lost"`
	Verdict string `json:"verdict"` // holds, breaks or skipped
	Why     string `json:"why,omitempty"`
	Key     string `json:"key,omitempty"` // of the configuration: what to look at first
}

// runLose takes down each placement of each file in turn: N-1, as fuzz judges it.
func runLose(w io.Writer, paths []string, flags simFlags) error {
	if flags.lose != "each-placement" {
		return fmt.Errorf("--lose %q: write --lose each-placement", flags.lose)
	}
	return judgeFiles(w, paths, flags.json, nil, func(path string) (*loseResult, error) { return loseEach(path, flags.seed) })
}

func (r *loseResult) passed() bool { return r.OK }

func loseEach(path string, seed *uint64) (*loseResult, error) {
	target, from, err := loseTarget(path, seed)
	if err != nil {
		return nil, err
	}
	tried := fuzz.Losses(target)
	inParallel(len(tried), runtime.GOMAXPROCS(0), func(i int) { tried[i].Try(target) })
	if len(tried) == 0 {
		return nil, fmt.Errorf("%s states no load to judge by: add facts.peak to a configuration, or an open-loop client with known keys to a scenario", path)
	}
	r := &loseResult{File: path, OK: true, Assumed: from}
	for _, n := range tried {
		row := loseRow{Lost: n.Down, Verdict: "holds", Why: n.Skipped}
		switch {
		case n.Err != nil:
			return nil, fmt.Errorf("taking down %s in %s: %w", n.Down, path, n.Err)
		case n.Skipped != "":
			row.Verdict = "skipped"
		case n.Finding != nil:
			row.Verdict, row.Why, row.Key = "breaks", n.Finding.Sentence, n.Finding.Key
			r.OK = false
		}
		r.Rows = append(r.Rows, row)
	}
	return r, nil
}

// loseTarget reads a configuration with its facts, or a scenario with its clients.
func loseTarget(path string, seed *uint64) (t *fuzz.Target, assumed string, err error) {
	is, err := isScenario(path)
	if err != nil {
		return nil, "", fmt.Errorf("reading %s: %w", path, err)
	}
	if !is {
		f, err := loadTarget(path)
		if err != nil {
			return nil, "", err
		}
		return targetOf(f, nil), "the load of facts.peak", nil
	}
	s, err := loadScenario(path, seed)
	if err != nil {
		return nil, "", err
	}
	return targetOfPlan(s.plan), "the load of the scenario's open-loop clients, its faults, queues and retries left out", nil
}

// targetOfPlan states a scenario's load as facts: each open-loop client's rate,
// evenly over its keys (as if without zipf, unknown and no_key), and the typical
// service time of each placement.
func targetOfPlan(p *sim.Plan) *fuzz.Target {
	t := &fuzz.Target{Name: p.Name, Spec: fuzz.Reduce(p.Spec)}
	t.Facts.Routers, t.Facts.Peak = p.Routers, map[string]fuzz.Load{}
	homes := map[string]string{}
	var all []string
	for _, k := range p.Spec.Keys {
		homes[k.Key] = k.Placement
		all = append(all, k.Key)
	}
	for i := range p.Clients {
		c := &p.Clients[i]
		keys := c.Keys
		if len(keys) == 0 {
			keys = all
		}
		if c.Users > 0 || len(keys) == 0 {
			continue
		}
		count := map[string]int64{}
		for _, k := range keys {
			count[cmp.Or(homes[k], p.Spec.Default)]++
		}
		for home, n := range count {
			if home == "" {
				continue // refused wherever it goes
			}
			l := t.Facts.Peak[home]
			l.PerSecond += (c.PerSecond()*n + int64(len(keys)) - 1) / int64(len(keys))
			l.Latency = typicalAt(p, home)
			t.Facts.Peak[home] = l
		}
	}
	return t
}

// typicalAt is the typical service time that the plan gives a placement.
func typicalAt(p *sim.Plan, placement string) core.Duration {
	d := p.Backend.Service.Typical
	for i := range p.Backends {
		if o := &p.Backends[i]; o.Placement == "" || o.Placement == placement {
			d = o.Backend.Service.Typical
		}
	}
	return cmp.Or(d, 10*core.Millisecond)
}

func (r *loseResult) print(w io.Writer) {
	fmt.Fprintf(w, "%s   assumed: %s\n", r.File, r.Assumed)
	widest := 0
	for _, row := range r.Rows {
		widest = max(widest, len(row.Lost))
	}
	for _, row := range r.Rows {
		line := fmt.Sprintf("  without %-*s  %-7s  %s", widest, row.Lost, row.Verdict, row.Why)
		if row.Key != "" {
			line += "   see " + row.Key
		}
		fmt.Fprintln(w, strings.TrimRight(line, " "))
	}
}
