package parity

import (
	"fmt"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// logged looks at the line of the access log that has the answer's request id.
func (r *run) logged(x *exchange) {
	r.t.Helper()
	_, path := requestLine(x.a.send)
	id := ""
	if x.got.header != nil { // else no answer came
		id = x.got.header.Get("X-Request-Id")
	}
	var line map[string]any
	find := func() bool {
		for _, l := range r.router.logs()[x.n:] {
			if l["request_id"] == id || id == "" && l["path"] == path {
				line = l
				return true
			}
		}
		return false
	}
	until(r.t, "a line of the access log for "+x.what, find)
	r.same("the log line of "+x.what, r.lineText(line), sorted(x.a.log))
}

// lineText is a line of the access log in canonical form: its fields sorted, one
// a line, a * for what differs between runs by nature. The form of those is checked.
func (r *run) lineText(line map[string]any) string {
	r.t.Helper()
	var out []string
	for name, v := range line {
		text := fmt.Sprint(v)
		switch name {
		case "timestamp":
			at, err := time.Parse(time.RFC3339, text)
			if err != nil || time.Since(at).Abs() > time.Minute {
				r.t.Errorf("the log's timestamp is %q", text)
			}
			continue
		case "duration_ms":
			if n, ok := v.(float64); !ok || n < 0 || n > 60_000 {
				r.t.Errorf("the log's duration_ms is %v", v)
			}
			continue
		case "request_id":
			if text == "" {
				r.t.Error("the log's request_id is empty")
			}
			continue
		case "upstream_ms", "queued_ms", "backoff_ms", "step", "client", "upstream_error":
			text = "*"
		case "upstream_url":
			text = strings.TrimSuffix(text, "/")
		}
		if n, ok := v.(float64); ok && text != "*" {
			text = strconv.FormatFloat(n, 'f', -1, 64)
		}
		out = append(out, name+"="+strings.ReplaceAll(text, " ", "_"))
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

// base is a log line with the baseline's fields; "" stands for none.
func base(method, path, key, placement, reason, url string, status int, more ...string) string {
	out := fmt.Sprintf("method=%s path=%s placement_key=%s route_reason=%s upstream_url=%s status_code=%d ", method, path, placement, reason, url, status)
	if key != "" {
		out += "routing_key=" + key + " "
	}
	return out + strings.Join(more, " ")
}

var sample = regexp.MustCompile(`(?m)^(lockstep_(?:requests|attempts|decisions|retries)_total)\{(.*)\} (\S+)$`)

// metrics are the counters that cases look at.
func (r *run) metrics() map[string]float64 {
	r.t.Helper()
	code, page := fetch("http://" + r.router.admin() + "/metrics")
	if code != http.StatusOK {
		r.t.Fatalf("/metrics: %d %s", code, page)
	}
	out := map[string]float64{}
	for _, m := range sample.FindAllStringSubmatch(page, -1) {
		labels := strings.Split(m[2], ",")
		slices.Sort(labels)
		v, err := strconv.ParseFloat(m[3], 64)
		if err != nil {
			r.t.Fatalf("/metrics: %v", err)
		}
		out[r.alike.text(m[1]+"{"+strings.ReplaceAll(strings.Join(labels, " "), `"`, "")+"}")] = v
	}
	return out
}

// counts waits until the metrics have changed as wanted since they were last
// looked at: requests and attempts in full, decisions only where they refuse.
func (r *run) counts(what, want string) {
	r.t.Helper()
	wanted := strings.Join(slices.Sorted(slices.Values(nonEmpty(want))), "\n")
	var got string
	var now map[string]float64
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(pause) {
		now = r.metrics()
		if got = change(r.counted, now); got == wanted || time.Now().After(end) {
			break
		}
	}
	r.counted = now
	r.same("the metrics after "+what, got, wanted)
}

// change lists the counters that grew.
func change(before, now map[string]float64) string {
	var out []string
	for name, v := range now {
		if strings.HasPrefix(name, "lockstep_decisions_total") && !strings.Contains(name, "kind=reject") {
			continue
		}
		if d := v - before[name]; math.Abs(d) > 0 {
			out = append(out, name+" "+strconv.FormatFloat(d, 'f', -1, 64))
		}
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

// request, attempt and reject are counters in the form of change.
func request(placement, class, code, reason, failover string) string {
	return fmt.Sprintf("lockstep_requests_total{class=%s code=%s failover=%s placement=%s reason=%s} 1\n", class, code, failover, placement, reason)
}

func attempt(placement, endpoint, class string) string {
	return fmt.Sprintf("lockstep_attempts_total{class=%s endpoint=http://%s placement=%s} 1\n", class, endpoint, placement)
}

func reject(class string) string {
	return fmt.Sprintf("lockstep_decisions_total{cause= class=%s kind=reject} 1\n", class)
}

// row is a log line with all fields; the zero value of one that may be left out
// leaves it out.
type row struct {
	method, path, key, placement, reason, url string
	status                                    int
	class, circuit, failover                  string
	attempts, in, out                         int
	more                                      string
	route                                     string // "-" for none, else it is the route named all
	early                                     bool   // refused before it was a request: no key, no route, no protocol
}

func (l row) text() string {
	out := base(l.method, l.path, l.key, l.placement, l.reason, l.url, l.status)
	out += fmt.Sprintf("class=%s attempts=%d bytes_received=%d bytes_sent=%d epoch=1 step=* ", l.class, l.attempts, l.in, l.out)
	if !l.early {
		out += "protocol=HTTP/1.1 "
		if l.route != "-" {
			out += "route=all "
		}
	}
	if l.circuit != "" {
		out += "circuit_state=" + l.circuit + " "
	}
	if l.failover != "" {
		out += "failover_reason=" + l.failover + " "
	}
	if l.attempts > 0 {
		out += "upstream_ms=* "
	}
	if l.key != "" {
		out += "key_source=header_X-Routing-Key "
	}
	return out + l.more
}

// sorted is a wanted log line in the form of lineText.
func sorted(line string) string {
	return strings.Join(slices.Sorted(slices.Values(strings.Fields(line))), "\n")
}
