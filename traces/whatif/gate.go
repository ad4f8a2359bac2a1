package whatif

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Gate is limits that a what-if is held to.
//
//	gate   = limit { "," limit }
//	limit  = figure "<=" [ "+" | "-" ] number [ "%" ]
//	figure = "refusals" | "failovers" | "errors" | "retries" | "opened"
//	       | "changed" | "statuses" | "modelled" | "unknown"
//
// With a sign the limit is on the growth against the recording, without one on
// the figure under the new configuration. With % figures are shares of the
// requests that came, else counts. "changed" and those after it compare both
// sides themselves and take no sign.
type Gate struct {
	Limits []Limit
	// Unknown is the share of requests, in parts per million, up to which there is
	// a verdict; 200,000 unless a limit on "unknown" says otherwise.
	Unknown uint64
}

// Limit is one limit of a Gate.
type Limit struct {
	Text   string // as written
	figure string
	growth bool
	share  bool
	most   int64 // a count, or parts per million
}

// GateLine is what became of one limit.
type GateLine struct {
	Limit string `json:"limit"`
	Value string `json:"value"`
	Held  bool   `json:"held"`
}

// GateVerdict is what became of a gate.
type GateVerdict struct {
	// Judged is false when too much is unknown: then nothing is held and nothing broken.
	Judged  bool       `json:"judged"`
	Passed  bool       `json:"passed"`
	Unknown uint64     `json:"unknown_ppm"` // share of requests
	Most    uint64     `json:"unknown_limit_ppm"`
	Lines   []GateLine `json:"limits"`
}

var (
	twoSided = []string{"refusals", "failovers", "errors", "retries", "opened"}
	figures  = append(slices.Clone(twoSided), "changed", "statuses", "modelled", "unknown")
)

const (
	million     = 1_000_000
	mostUnknown = 200_000
)

// ParseGate reads a gate. The error says which limit is wrong, and how to write it.
func ParseGate(text string) (*Gate, error) {
	g := &Gate{Unknown: mostUnknown}
	for part := range strings.SplitSeq(text, ",") {
		l, err := parseLimit(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		if l.figure != "unknown" {
			g.Limits = append(g.Limits, l)
			continue
		}
		if !l.share {
			return nil, fmt.Errorf("gate %q: write it as a share of the requests, such as unknown<=20%%", l.Text)
		}
		g.Unknown = uint64(l.most)
	}
	return g, nil
}

func parseLimit(text string) (Limit, error) {
	figure, value, ok := strings.Cut(text, "<=")
	l := Limit{Text: text, figure: strings.TrimSpace(figure)}
	if !ok {
		return l, fmt.Errorf("gate %q: write a limit as FIGURE<=VALUE, such as refusals<=+0.1%% or changed<=5%%", text)
	}
	if !slices.Contains(figures, l.figure) {
		return l, fmt.Errorf("gate %q: there is no figure %q; use one of %s", text, l.figure, strings.Join(figures, ", "))
	}
	value = strings.TrimSpace(value)
	negative := strings.HasPrefix(value, "-")
	if l.growth = negative || strings.HasPrefix(value, "+"); l.growth {
		value = value[1:]
		if !slices.Contains(twoSided, l.figure) {
			return l, fmt.Errorf("gate %q: %s compares both sides itself; write it without a sign", text, l.figure)
		}
	}
	value, l.share = strings.CutSuffix(value, "%")
	most, ok := scaled(value, l.share)
	if !ok {
		return l, fmt.Errorf("gate %q: %q is no number; write 5, 5%% or +0.1%%, with at most 4 digits after the point", text, value)
	}
	if l.most = most; negative {
		l.most = -most
	}
	return l, nil
}

// scaled reads a count or, of a share in per cent, parts per million.
func scaled(s string, share bool) (int64, bool) {
	whole, fraction, point := strings.Cut(s, ".")
	if point && (!share || fraction == "" || len(fraction) > 4) {
		return 0, false
	}
	n, err := strconv.ParseUint(whole+fraction, 10, 40)
	if err != nil || strings.ContainsAny(whole, "+-") || whole == "" {
		return 0, false
	}
	if share {
		for range 4 - len(fraction) {
			n *= 10
		}
	}
	return int64(n), true
}

// value returns a figure before and after.
func (r *Result) value(figure string) (before, after uint64) {
	switch figure {
	case "refusals":
		return r.Before.Refused, r.After.Refused
	case "failovers":
		return r.Before.Failovers, r.After.Failovers
	case "errors":
		return r.Before.Errors, r.After.Errors
	case "retries":
		return r.Before.Retries, r.After.Retries
	case "opened":
		return r.Before.Opened, r.After.Opened
	case "changed":
		return 0, r.Moved
	case "statuses":
		return 0, r.Statuses
	case "modelled":
		return 0, r.Worst.Modelled
	}
	return 0, r.Worst.Unknown
}

// Judge holds a result to the gate.
func (g *Gate) Judge(r *Result) GateVerdict {
	requests := max(1, r.Before.Requests)
	v := GateVerdict{Unknown: ppm(r.Worst.Unknown, max(1, r.Worst.Total())), Most: g.Unknown, Passed: true}
	if v.Judged = v.Unknown <= g.Unknown && r.Worst.Total() > 0; !v.Judged {
		v.Passed = false
		return v
	}
	for i := range g.Limits {
		l := &g.Limits[i]
		before, after := r.value(l.figure)
		n := int64(after)
		if l.growth {
			n -= int64(before)
		}
		line := GateLine{Limit: l.Text, Value: strconv.FormatInt(n, 10)}
		if l.share {
			shown := n * million / int64(requests)
			line.Value = percent(shown)
			line.Held = n*million <= l.most*int64(requests) // in counts, so that nothing is rounded
		} else {
			line.Held = n <= l.most
		}
		if l.growth && n >= 0 {
			line.Value = "+" + line.Value
		}
		v.Passed = v.Passed && line.Held
		v.Lines = append(v.Lines, line)
	}
	return v
}

func ppm(n, of uint64) uint64 {
	return n * million / of
}

// percent prints parts per million as per cent.
func percent(ppm int64) string {
	sign := ""
	if ppm < 0 {
		sign, ppm = "-", -ppm
	}
	return fmt.Sprintf("%s%d.%02d %%", sign, ppm/10_000, ppm%10_000/100)
}
