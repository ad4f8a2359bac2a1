package conform

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// Kinds of difference.
const (
	DiffDecisions  = "decisions"     // of a step
	DiffEvent      = "event"         // the shim changed an input
	DiffDigest     = "digest"        // of the state after a step
	DiffSnapshot   = "snapshot"      // of the state after a step
	DiffConfig     = "configuration" // its canonical form or its digest
	DiffRefused    = "refused"       // the shim refuses what Go answers
	DiffAccepted   = "accepted"      // the shim answers what Go refuses
	DiffUnreadable = "unreadable"    // what the shim wrote is no trace
	DiffForm       = "form"          // it is one, of the same content, in other bytes
)

// Difference is where an answer first parts from Go's.
type Difference struct {
	Kind  string   `json:"kind"`
	Step  uint64   `json:"step,omitempty"`  // 0 when it is about no step
	Event string   `json:"event,omitempty"` // of the step, as NDJSON
	Go    []string `json:"go"`              // what each side says there, as NDJSON or in words
	Shim  []string `json:"shim"`
}

// String tells a person.
func (d *Difference) String() string {
	var b strings.Builder
	if d.Step > 0 {
		fmt.Fprintf(&b, "%s differ%s at step %d\n", d.Kind, map[bool]string{false: "s"}[d.Kind == DiffDecisions], d.Step)
	} else {
		fmt.Fprintf(&b, "%s\n", d.Kind)
	}
	side := func(who string, lines []string) {
		if len(lines) == 0 {
			lines = []string{"nothing"}
		}
		for _, line := range lines {
			fmt.Fprintf(&b, "  %-6s %s\n", who, line)
			who = ""
		}
	}
	if d.Event != "" {
		side("event", []string{d.Event})
	}
	side("Go", d.Go)
	side("shim", d.Shim)
	return b.String()
}

// Judge compares the answer to q with Go's, nil for none. A refused answer is the
// text of its reason.
func Judge(q *Question, refused bool, answer []byte) *Difference {
	switch {
	case refused && q.Answer == nil, !refused && q.Answer != nil && bytes.Equal(answer, q.Answer):
		return nil
	case refused:
		return &Difference{Kind: DiffRefused, Go: []string{"answers"}, Shim: []string{string(answer)}}
	case q.Answer == nil:
		_, err := Complete(q.Inputs, Tamper{})
		return &Difference{Kind: DiffAccepted, Go: []string{fmt.Sprint(err)}, Shim: []string{"answers"}}
	}
	return part(q.Answer, answer)
}

// part finds where two answers part.
func part(whole, answer []byte) *Difference {
	ours, err := printed(whole)
	if err != nil {
		return &Difference{Kind: DiffUnreadable, Go: []string{err.Error()}}
	}
	if (whole[0] == '{') != (len(answer) > 0 && answer[0] == '{') {
		return &Difference{Kind: DiffUnreadable, Shim: []string{fmt.Sprintf("it begins with %.20q: another form than the question's", answer)}}
	}
	theirs, err := printed(answer)
	if err != nil && whole[0] == '{' {
		theirs, err = answer, nil // as it is: the first line that differs says most
	}
	if err != nil {
		return &Difference{Kind: DiffUnreadable, Shim: []string{err.Error()}}
	}
	a, b := bytes.Split(ours, []byte("\n")), bytes.Split(theirs, []byte("\n"))
	at := 0
	for at < len(a) && at < len(b) && bytes.Equal(a[at], b[at]) {
		at++
	}
	if at >= len(a) && at >= len(b) {
		n := 0
		for n < len(whole) && n < len(answer) && whole[n] == answer[n] {
			n++
		}
		return &Difference{Kind: DiffForm, Shim: []string{fmt.Sprintf("from byte %d of %d on it is written otherwise than the canonical form", n, len(whole))}}
	}
	return partAt(a, b, at)
}

// partAt tells of two printed answers that part at a line.
func partAt(a, b [][]byte, at int) *Difference {
	d := &Difference{Kind: kindOf(line(a, at)), Go: []string{shorten(line(a, at))}, Shim: []string{shorten(line(b, at))}}
	if other := kindOf(line(b, at)); d.Kind == "" || other == DiffDecisions && d.Kind != DiffConfig {
		d.Kind = other
	}
	from := at
	if d.Kind == DiffDecisions {
		from-- // the line itself may be the next step
	}
	for from >= 0 && !strings.HasPrefix(line(a, from), `{"step":`) {
		from--
	}
	if from < 0 {
		return d
	}
	var step struct {
		Step uint64 `json:"step"`
	}
	_ = json.Unmarshal([]byte(line(a, from)), &step) // 0 when it is not readable
	d.Step, d.Event = step.Step, line(a, from)
	if d.Kind == DiffDecisions {
		d.Go, d.Shim = under(a, from), under(b, from)
	}
	return d
}

func line(lines [][]byte, at int) string {
	if at < len(lines) {
		return string(lines[at])
	}
	return ""
}

// under lists the decisions of the step at a line.
func under(lines [][]byte, at int) (out []string) {
	for at++; strings.HasPrefix(line(lines, at), `{"decision":`); at++ {
		out = append(out, line(lines, at))
	}
	return out
}

func kindOf(line string) string {
	for _, k := range [...]struct{ begin, kind string }{
		{`{"decision":`, DiffDecisions},
		{`{"step":`, DiffEvent},
		{`{"digest":`, DiffDigest},
		{`{"block":`, DiffSnapshot},
		{`{"config":`, DiffConfig},
		{`{"`, DiffForm},
	} {
		if strings.HasPrefix(line, k.begin) {
			return k.kind
		}
	}
	return ""
}

// shorten cuts what nobody reads: a configuration of a thousand keys.
func shorten(line string) string {
	const most = 4000
	if len(line) <= most {
		return line
	}
	return fmt.Sprintf("%s... and %d bytes more", line[:most], len(line)-most)
}
