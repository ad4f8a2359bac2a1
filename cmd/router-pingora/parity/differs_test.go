package parity

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// difference is an answer that one program may give in place of the one wanted.
type difference struct {
	name, what string // the case, and the part of it
	side       string // who answers differently
	because    string // a reason that lies in the program's transport, not in its decisions
	got        string // the canonical text; of theStart, what it must say
}

// theStart is the part of a case that a router does not come through which
// refuses the configuration: it must say so.
const theStart = "the start"

// refusedStart is the difference by which a program refuses a case's
// configuration, nil where it does not.
func refusedStart(name, side string) *difference {
	for i := range differs {
		if d := &differs[i]; d.name == name && d.side == side && d.what == theStart {
			return d
		}
	}
	return nil
}

// differs are the answers in which the two programs may differ, each with the
// reason and the other answer in full.
var differs = []difference{
	{
		"TLS: min 1.3 refuses 1.2", theStart, rustSide, "Pingora's rustls listener takes TLS 1.2 and 1.3 and has no setting for it",
		"router-pingora does not support listen.edge.tls.min: Pingora's listeners take TLS 1.2 and 1.3",
	},
	{
		"an answer's own Date, Server and Via pass", "the answer to GET /x HTTP/1.1", rustSide, "Pingora's HTTP/1 server puts its own Date into every answer, and has no setting for it",
		answer{
			status: 200, to: "visa", why: "dedicated", circuit: "closed", body: "ok",
			with: "Connection: keep-alive\nContent-Length: 2\nServer: theirs\nVia: 1.0 x",
		}.text(),
	},
	{
		"trailers that are announced come down", "the answer to GET /x HTTP/1.1", rustSide, noTrailers,
		answer{status: 200, to: "visa", why: "dedicated", circuit: "closed", chunked: true, with: "Connection: keep-alive", body: "hello world!"}.text(),
	},
	{
		"trailers go up", "what the upstream saw of POST /x HTTP/1.1", rustSide, noTrailers,
		arrived{at: "visa", line: "POST /x HTTP/1.1", key: "visa", with: "Transfer-Encoding: chunked", body: "hello world!"}.text(),
	},
	{
		"HTTP/2: trailers come down", "the answer over HTTP/2 to GET /x", rustSide, noTrailers,
		answer{status: 200, to: "visa", why: "dedicated", circuit: "closed", proto: "HTTP/2.0", body: "hello"}.text(),
	},
	{
		"request_timeout: a header that does not end", "the log line of GET / HTTP/1.1", rustSide, "Pingora hands over nothing of a request whose head is not whole",
		sorted(row{status: 408, class: "request_timeout", early: true, more: "refused=header_timeout client=*"}.text()),
	},
}

const noTrailers = "Pingora's HTTP/1 reads trailers and drops them, to a client and from an upstream (h1 trailer is not supported yet)"

// habit is a difference in every answer of one program.
type habit struct {
	side, because string
	// turns makes the answer wanted from this program of the one wanted.
	turns func(string) string
}

// habits are few: each is something that a client must be able to bear.
var habits = []habit{
	{rustSide, "Pingora's HTTP/1 server writes Connection: keep-alive on every answer that keeps its connection, and has no setting for it; RFC 9112, 9.3 makes it mean nothing in HTTP/1.1", keepAlive},
}

// keepAlive adds the header that Pingora adds to a final answer in HTTP/1.1.
func keepAlive(text string) string {
	at := strings.LastIndex(text, "HTTP/1.1 ")
	if at < 0 || strings.Contains(text[at:], "\nConnection: ") || strings.HasSuffix(text, "[closed]\n") {
		return text
	}
	head, rest, whole := strings.Cut(text[at:], "\n\n")
	if !whole {
		return text
	}
	lines := append(strings.Split(head, "\n"), "Connection: keep-alive")
	slices.SortStableFunc(lines[1:], func(a, b string) int { return strings.Compare(nameOf(a), nameOf(b)) })
	return text[:at] + strings.Join(lines, "\n") + "\n\n" + rest
}

// met counts the answers in which a habit was met.
var met struct {
	sync.Mutex
	n int
}

// habitual reports whether got is want after the program's habits.
func (r *run) habitual(got, want string) bool {
	turned := want
	for _, h := range habits {
		if h.side == r.program.name {
			turned = h.turns(turned)
		}
	}
	if turned == want || got != turned {
		return false
	}
	met.Lock()
	defer met.Unlock()
	met.n++
	return true
}

// said tells of the habits that were met, "" if none was.
func said() string {
	met.Lock()
	defer met.Unlock()
	if met.n == 0 {
		return ""
	}
	return fmt.Sprintf("; %d answers differ by a habit: %s", met.n, habits[0].because)
}
