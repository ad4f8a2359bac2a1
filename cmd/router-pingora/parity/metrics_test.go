package parity

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// metricsApart are the metrics that only one program shows, each with the reason.
var metricsApart = []struct{ side, name, because string }{
	{goSide, "lockstep_client_connections", "Pingora does not tell which connections are idle"},
	{goSide, "process_max_fds", "a limit of the machine, which node exporters show"},
	{goSide, "process_virtual_memory_max_bytes", "a limit of the machine, which node exporters show"},
	{goSide, "process_network_receive_bytes_total", "of the machine's network namespace, not of the process"},
	{goSide, "process_network_transmit_bytes_total", "of the machine's network namespace, not of the process"},
	{goSide, "lockstep_recorder_deleted_files_total", "it deletes no recordings"},
	{goSide, "lockstep_recorder_deleted_bytes_total", "it deletes no recordings"},
	{goSide, "go_*", "of Go's runtime"},
}

var (
	typeLine     = regexp.MustCompile(`(?m)^# TYPE (\S+) (\S+)$`)
	metricSample = regexp.MustCompile(`(?m)^([a-zA-Z_:][a-zA-Z0-9_:]*)\{([^}]*)\}`)
	labelOf      = regexp.MustCompile(`([a-z_]+)="`)
)

// metricsCase does something of every kind that has a metric of its own.
func metricsCase() *testCase {
	bad := refused(400, "bad_request: missing_host: the request has no Host header")
	bad.closed, bad.with = true, "Connection: close\n"+bad.with
	return &testCase{name: "the metrics of both programs", config: native, yaml: true, steps: []step{
		ask{send: get("visa", "/x"), want: ok("visa", "dedicated", "closed")},
		ask{send: "GET / HTTP/1.1\nX-Routing-Key: visa\n\n", want: bad},
	}}
}

// metricsOf lists a router's metrics with kind and labels.
func metricsOf(t *testing.T, p *program) map[string]string {
	t.Helper()
	var page string
	c := metricsCase()
	c.steps = append(c.steps, does(func(r *run) { _, page = fetch("http://" + r.router.admin() + "/metrics") }))
	play(t, c, p)
	out := map[string]string{}
	kinds := map[string]string{}
	for _, m := range typeLine.FindAllStringSubmatch(page, -1) {
		kinds[m[1]], out[m[1]] = m[2], m[2]
	}
	for _, m := range metricSample.FindAllStringSubmatch(page, -1) {
		name := m[1]
		for _, end := range []string{"_bucket", "_sum", "_count"} {
			if cut, is := strings.CutSuffix(name, end); is && kinds[cut] == "histogram" {
				name = cut
			}
		}
		var labels []string
		for _, l := range labelOf.FindAllStringSubmatch(m[2], -1) {
			if l[1] != "le" {
				labels = append(labels, l[1])
			}
		}
		slices.Sort(labels)
		out[name] = strings.TrimSpace(kinds[name] + " " + strings.Join(labels, " "))
	}
	return out
}

func TestBothProgramsShowTheSameMetricsWithTheSameLabels(t *testing.T) {
	if len(programs) < 2 {
		t.Skip("router-pingora NOT TRIED: " + missing)
	}
	ours, theirs := metricsOf(t, programs[0]), metricsOf(t, programs[1])
	for _, a := range metricsApart {
		prefix, many := strings.CutSuffix(a.name, "*")
		found := false
		for name := range ours {
			if name == a.name || many && strings.HasPrefix(name, prefix) {
				if theirs[name] != "" {
					t.Errorf("both show %s: delete it from the metrics apart", name)
				}
				delete(ours, name)
				found = true
			}
		}
		if !found {
			t.Errorf("%s does not show %s: delete it from the metrics apart", a.side, a.name)
		}
	}
	if d := differences(metricLines(ours), metricLines(theirs)); d != "" {
		t.Errorf("-%s +%s\n%s", programs[0].name, programs[1].name, d)
	}
}

func metricLines(m map[string]string) string {
	var b strings.Builder
	for _, name := range sortedKeys(m) {
		b.WriteString(name + " " + m[name] + "\n")
	}
	return b.String()
}
