package parity

import (
	"fmt"
	"net/http"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
)

// answer is a whole expected answer. Nothing may come that is not said here,
// but the Date of now.
type answer struct {
	status int
	// X-Routed-To, X-Route-Reason, X-Circuit-State and X-Failover-Reason; "" for no such header.
	to, why, circuit, failover string
	id                         string // X-Request-Id; "" for one that the router made, "-" for none
	with                       string // all other headers, one a line, in any order
	body                       string
	informed                   string // informational answers before it
	trailers                   string
	chunked                    bool   // Transfer-Encoding: chunked
	cut                        bool   // the body breaks off
	closed                     bool   // the connection ends in good order
	none                       bool   // no answer at all: the connection ends
	proto                      string // "" for HTTP/1.1
	date                       string // "" for now, "-" for none
}

// text is the answer in the form of reply.text.
func (a answer) text() string {
	if a.none {
		return "no answer\n"
	}
	lines := nonEmpty(a.with)
	add := func(name, value string) {
		if value != "" && value != "-" {
			lines = append(lines, name+": "+value)
		}
	}
	add("X-Routed-To", a.to)
	add("X-Route-Reason", a.why)
	add("X-Circuit-State", a.circuit)
	add("X-Failover-Reason", a.failover)
	add("X-Request-Id", or(a.id, "<id>"))
	add("Date", or(a.date, "<now>"))
	if a.chunked {
		add("Transfer-Encoding", "chunked")
	}
	sort.Stable(byName(lines))
	out := ""
	if a.informed != "" {
		out = a.informed + "\n"
	}
	out += fmt.Sprintf("%s %d\n%s\n%s\n", or(a.proto, "HTTP/1.1"), a.status, joined(lines), strings.TrimSuffix(a.body, "\n"))
	if a.trailers != "" {
		out += "[trailers]\n" + a.trailers + "\n"
	}
	if a.cut {
		out += "[cut]\n"
	}
	if a.closed {
		out += "[closed]\n"
	}
	return out
}

// ok is the answer of an origin's plain script.
func ok(to, why, circuit string) answer {
	return answer{status: 200, to: to, why: why, circuit: circuit, with: "Content-Length: 2\nContent-Type: text/plain", body: "ok"}
}

// refused is an answer of the router's own: its class (R16) and a sentence.
func refused(status int, text string) answer {
	return answer{status: status, body: text, with: ownHeaders(text)}
}

func ownHeaders(text string) string {
	return "Content-Length: " + strconv.Itoa(len(text)+1) + "\nContent-Type: text/plain; charset=utf-8\nX-Content-Type-Options: nosniff"
}

// byName sorts header lines as headerText does: by name, values in their order.
type byName []string

func (b byName) Len() int           { return len(b) }
func (b byName) Swap(i, j int)      { b[i], b[j] = b[j], b[i] }
func (b byName) Less(i, j int) bool { return nameOf(b[i]) < nameOf(b[j]) }

func nameOf(line string) string {
	name, _, _ := strings.Cut(line, ":")
	return name
}

func joined(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}

func nonEmpty(text string) (lines []string) {
	for l := range strings.SplitSeq(text, "\n") {
		if l != "" {
			lines = append(lines, l)
		}
	}
	return lines
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

var (
	dateLine = regexp.MustCompile(`(?m)^Date: (.*)$`)
	idLine   = regexp.MustCompile(`(?m)^(X-Request-Id: )[0-9a-f]{32}$`)
)

// alike makes equal what may differ between two runs, and nothing else: dates
// of now, ports, request ids that the router made.
type alike struct {
	names []string // pairs: address, name
	given []string // request ids that the case sent
}

func (a *alike) text(s string) string {
	s = dateLine.ReplaceAllStringFunc(s, func(line string) string {
		at, err := http.ParseTime(strings.TrimPrefix(line, "Date: "))
		if err != nil || time.Since(at).Abs() > time.Minute {
			return line
		}
		return "Date: <now>"
	})
	s = idLine.ReplaceAllStringFunc(s, func(line string) string {
		for _, g := range a.given {
			if strings.HasSuffix(line, g) {
				return line
			}
		}
		return "X-Request-Id: <id>"
	})
	return strings.NewReplacer(a.names...).Replace(s)
}

// differences shows where two canonical texts differ, line by line; "" if nowhere.
func differences(want, got string) string {
	return cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n"))
}
