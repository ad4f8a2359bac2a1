package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"lockstep/adapters/controlplane"
)

// incidentPlan is when what happens in the incident of `lockstep demo --incident`.
type incidentPlan struct {
	breaks, pushes, mends, ends time.Duration // since the load began
	latency                     time.Duration // of every cell
	open                        time.Duration // of the breakers
}

func defaultIncident() incidentPlan {
	return incidentPlan{
		breaks: 5 * time.Second, pushes: 15 * time.Second, mends: 25 * time.Second, ends: 35 * time.Second,
		latency: 100 * time.Millisecond, open: 5 * time.Second,
	}
}

// incidentConfig is a configuration of the incident, in the native form: tier3
// has room for its own tenants and not for those of visa as well.
func (p demoPlan) incidentConfig(version string, open time.Duration, tier3 string) string {
	var s strings.Builder
	fmt.Fprintf(&s, `lockstep: 1
version: %s
routes:
  - key: [{header: X-Routing-Key}]
    unknown_key: {to: tier3}
defaults:
  fallback: [tier3]
  breaker: {consecutive_failures: 5, open: %s}
placements:
`, version, open)
	for _, c := range p.cells {
		more := ""
		if c.name == "tier3" {
			more = ", fallback: none, limit: " + tier3
		}
		fmt.Fprintf(&s, "  %s: {endpoints: {a: {url: \"http://%s\"}}%s}\n", c.name, local(c.port), more)
	}
	s.WriteString("keys: {visa: visa, acme: tier1, globex: tier2}\n")
	return s.String()
}

// The files that the incident leaves beside its recording.
const (
	firstConfig  = "incident-1.yaml" // what it begins with
	pushedConfig = "incident-2.yaml" // what is pushed while it lasts
	largerConfig = "larger-limit.yaml"
)

// incidentConfigs are their contents: the second keeps room at tier3 for its
// own tenants, the third, which nobody pushes, has room for all.
func (p demoPlan) incidentConfigs(open time.Duration) map[string]string {
	return map[string]string{
		firstConfig:  p.incidentConfig("incident-1", open, "{in_flight: 8}"),
		pushedConfig: p.incidentConfig("incident-2", open, "{in_flight: 8, guests: 4}"),
		largerConfig: p.incidentConfig("larger-limit", open, "{in_flight: 40}"),
	}
}

// runDemoIncident runs the demo under the incident's configuration, plays it,
// and says how to look at what was recorded.
func runDemoIncident(ctx context.Context, p demoPlan, o routerOptions, i incidentPlan, rate int, out io.Writer) error {
	p.settle = func(p *demoPlan) { p.text = p.incidentConfigs(i.open)[firstConfig] }
	p.play = func(ctx context.Context, p demoPlan, control *controlplane.Server) error {
		return i.play(ctx, p, control, newLoad(p.router, rate), out, o.record)
	}
	if err := runDemo(ctx, p, o, func(demoPlan) {}); err != nil || ctx.Err() != nil {
		return err
	}
	printIncidentCommands(out, o.record)
	return nil
}

// play makes the incident: load, a cell that breaks, a push, and the mending.
func (i incidentPlan) play(ctx context.Context, p demoPlan, control *controlplane.Server, l *load, out io.Writer, record string) error {
	configs := p.incidentConfigs(i.open)
	if err := os.MkdirAll(record, 0o700); err != nil {
		return fmt.Errorf("writing the configurations: %w", err)
	}
	for name, text := range configs {
		if err := os.WriteFile(filepath.Join(record, name), []byte(text), 0o600); err != nil {
			return fmt.Errorf("writing the configurations: %w", err)
		}
	}
	visa := p.cells[0].port
	for _, c := range p.cells {
		if err := turnKnob(ctx, c.port, "latency="+i.latency.String()); err != nil {
			return err
		}
	}
	begin := time.Now()
	loading, stop := context.WithCancel(ctx)
	defer stop()
	wait := background(loading, l.run)
	say := func(at time.Duration, format string, args ...any) {
		fmt.Fprintf(out, "%s  +%-5s %s\n", time.Now().UTC().Format("15:04:05.000"), at, fmt.Sprintf(format, args...))
	}
	say(0, "%d requests a second of %d tenants, under incident-1: every cell takes %s, tier3 has room for 8", l.rate, 6, i.latency)
	steps := []struct {
		at time.Duration
		do func() error
	}{
		{i.breaks, func() error {
			say(i.breaks, "visa breaks: curl -X POST 'localhost:%d/fault?fail=100'", visa)
			return turnKnob(ctx, visa, "fail=100")
		}},
		{i.pushes, func() error {
			say(i.pushes, "push of incident-2: at most 4 guests in tier3, so that its own tenants are served")
			_, _, err := control.Publish(pushedConfig, []byte(configs[pushedConfig]))
			return err
		}},
		{i.mends, func() error {
			say(i.mends, "visa is mended: curl -X POST 'localhost:%d/fault?fail=0'", visa)
			return turnKnob(ctx, visa, "fail=0")
		}},
		{i.ends, func() error { say(i.ends, "the end"); return nil }},
	}
	for _, s := range steps {
		if err := sleepUntil(ctx, begin.Add(s.at)); err != nil {
			stop()
			wait()
			return err
		}
		if err := s.do(); err != nil {
			stop()
			wait()
			return err
		}
	}
	stop()
	wait()
	fmt.Fprintf(out, "\n%s\n", l)
	return nil
}

func sleepUntil(ctx context.Context, t time.Time) error {
	timer := time.NewTimer(time.Until(t))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// turnKnob tells a cell to break, or to mend, as a person would with curl.
func turnKnob(ctx context.Context, port int, knob string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+local(port)+"/fault?"+knob, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("turning the knob %s of a cell: %w", knob, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("turning the knob %s of a cell: it answers %s", knob, res.Status)
	}
	return nil
}

// printIncidentCommands says how to look at what was recorded.
func printIncidentCommands(out io.Writer, record string) {
	whatIf := fmt.Sprintf("replay %s --config %s", record, filepath.Join(record, largerConfig))
	fmt.Fprint(out, "\nLook at it (INCIDENT.md in cmd/lockstep reads it with you):\n")
	for _, c := range [][2]string{
		{"incident " + record, "draft of a post-mortem; it names the steps to explain"},
		{"explain " + record + " --step N", "one decision, and why"},
		{"replay " + record, "every decision again: identical"},
		{whatIf, "what a larger limit would have done"},
		{"report " + record + " -o incident.html", "all of it as a page"},
	} {
		fmt.Fprintf(out, "  bin/lockstep %-*s  %s\n", len(whatIf), c[0], c[1])
	}
}
