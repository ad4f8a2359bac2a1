package accesslog

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"lockstep/core"
)

// haproxyForm is what a line of httplog and httpslog looks like, for messages.
const haproxyForm = `client [accept date] frontend backend/server TR/Tw/Tc/Tr/Ta status bytes - - flags 1/1/0/0/0 0/0 {captured} "GET /x HTTP/1.1"`

// errOther marks a line that belongs to the log but is of no request.
var errOther = errors.New("it is of no request")

const haproxyDate = len("[26/Nov/2026:21:51:04.633] ")

// parseHAProxy reads httplog and httpslog, raw or behind what syslog puts before.
func parseHAProxy(p *parser, line string, e *Entry) error {
	at := haproxyDateAt(line)
	if at < 0 && haproxyNotice(line, e) {
		return errOther
	}
	if at < 0 {
		return fmt.Errorf("no date such as [26/Nov/2026:21:51:04.633] is in it, expected %s", haproxyForm)
	}
	var ok bool
	if e.Arrival, e.Resolution, ok = p.stamps.read(line[at+1 : at+haproxyDate-2]); !ok {
		return fmt.Errorf("the date is %q, expected such as [26/Nov/2026:21:51:04.633]", line[at:at+haproxyDate-1])
	}
	frontend, rest := word(line[at+haproxyDate:])
	server, rest := word(rest)
	if strings.HasSuffix(frontend, ":") || strings.HasSuffix(server, ":") {
		return errOther // frontend/1: SSL handshake failure
	}
	times, rest := word(rest)
	code, rest := word(rest)
	bytes, rest := word(rest)
	_, rest = word(rest) // captured cookies
	_, rest = word(rest)
	flags, rest := word(rest)
	_, rest = word(rest) // connections
	_, rest = word(rest) // queues
	if e.Status, ok = status(code); !ok && code != "-1" {
		return fmt.Errorf("the status is %q, expected %s", short(code), haproxyForm)
	}
	if len(flags) != 4 && len(flags) != 2 {
		return fmt.Errorf("the termination flags are %q, expected four letters as in %s", short(flags), haproxyForm)
	}
	setBytes(e, sent, bytes)
	p.coded, e.Told = true, true
	var timers [5]int64
	if timers, ok = haproxyTimers(times); !ok {
		return fmt.Errorf("the timers are %q, expected five numbers TR/Tw/Tc/Tr/Ta", short(times))
	}
	rest = p.captures(e, rest)
	if request := quoted(rest); request != "" {
		if err := setRequest(e, unhash(request)); err != nil {
			return err
		}
	}
	haproxyOutcome(e, server, flags, &timers)
	return nil
}

// haproxyDateAt finds the date: a bracket in syslog's own text is not one.
func haproxyDateAt(line string) int {
	for from := 0; ; {
		at := strings.IndexByte(line[from:], '[')
		if at < 0 {
			return -1
		}
		at += from
		if d := cut(line, at, haproxyDate); d != "" && d[3] == '/' && d[7] == '/' && d[12] == ':' && d[21] == '.' && d[25] == ']' && d[26] == ' ' {
			return at
		}
		from = at + 1
	}
}

// haproxyNotice reports whether a line is of HAProxy itself. One that says that a
// server went down or came up is kept: no request tells that as well.
func haproxyNotice(line string, e *Entry) bool {
	if _, after, ok := strings.Cut(line, "]: "); ok {
		line = after
	}
	first, rest := word(line)
	if first == "Backup" {
		first, rest = word(rest)
	}
	switch first {
	case "Server":
		server, state := word(rest)
		e.Up = strings.HasPrefix(state, "is UP")
		if strings.Contains(server, "/") && (e.Up || strings.HasPrefix(state, "is DOWN")) {
			e.Server = server
		}
		return true
	case "backend", "Proxy", "Stopping", "Pausing", "Health", "Loading", "Connect":
		return true
	}
	return false
}

// haproxyTimers reads TR/Tw/Tc/Tr/Ta, each in ms or -1 where it did not come to
// that; a line that was written early has a + before the last.
func haproxyTimers(s string) (t [5]int64, ok bool) {
	for i := range t {
		var one string
		one, s, _ = strings.Cut(s, "/")
		if one == "-1" {
			t[i] = unknown
			continue
		}
		if t[i], ok = digits(strings.TrimPrefix(one, "+")); !ok {
			return t, false
		}
		t[i] = min(t[i], longest/milli) * milli
	}
	return t, s == ""
}

// captures takes {...} blocks off the front: the first is of the request's
// headers, in the order in which they are captured.
func (p *parser) captures(e *Entry, s string) (rest string) {
	for first := true; strings.HasPrefix(s, "{"); first = false {
		block, after, ok := strings.Cut(s[1:], "}")
		if !ok {
			return s
		}
		s = strings.TrimPrefix(after, " ")
		if !first {
			continue
		}
		for i := 0; i < len(p.captured); i++ {
			var v string
			v, block, ok = strings.Cut(block, "|")
			if !blank(v) {
				_ = p.captured[i].set(p, e, unhash(v)) // text of any kind is right
			}
			if !ok {
				break
			}
		}
	}
	return s
}

// quoted returns what stands in quotes at the start of s.
func quoted(s string) string {
	s, ok := strings.CutPrefix(s, `"`)
	if !ok {
		return ""
	}
	if end := strings.IndexByte(s, '"'); end >= 0 {
		return s[:end]
	}
	return s // cut short at the longest line that HAProxy writes
}

// haproxyOutcome fills in arrival, attempt and class. The date is when the first
// byte came; a decision falls TR later, when the head was whole, and what the
// client waited for a queue (Tw) is part of the time taken.
func haproxyOutcome(e *Entry, server, flags string, timers *[5]int64) {
	head, total := max(0, timers[0]), timers[4]
	e.Arrival += head
	if total >= 0 {
		e.Took = max(0, total-head)
	}
	backend, name, _ := strings.Cut(server, "/")
	e.Class = haproxyClass(flags, e.Status)
	if name == "<NOSRV>" && e.Class == core.ConnectRefused {
		e.Class = core.NoEndpoint
	}
	if name == "" || name[0] == '<' {
		return
	}
	a := Attempt{Upstream: server, Group: backend, Took: unknown, Class: e.Class}
	if total >= 0 {
		a.Took = max(0, total-head-max(0, timers[1]))
	}
	if e.Class == core.ClassNone || e.Class == core.Upstream5xx || e.Class == core.BrokenBody || e.Class == core.BodyTimeout {
		a.Status = e.Status
	}
	e.Attempts = append(e.Attempts, a)
}

// haproxyClass is what the termination flags say: who ended it, and in which phase.
func haproxyClass(flags string, code uint16) core.Class {
	switch flags[:2] {
	case "SC", "DC":
		return core.ConnectRefused
	case "sC":
		return core.ConnectTimeout
	case "SH", "DH":
		return core.ResetBeforeResponse
	case "sH":
		return core.ResponseTimeout
	case "SD", "DD", "SL":
		return core.BrokenBody
	case "sD", "sL":
		return core.BodyTimeout
	case "sQ", "SQ":
		return core.QueueTimeout
	case "PH", "PD":
		return core.BadResponse
	case "PC", "RC", "RQ", "RH", "PQ":
		return core.LimitReached
	case "cR":
		return core.RequestTimeout
	case "CR":
		if code == http.StatusBadRequest {
			return core.BadRequest
		}
		return core.ClientGone
	case "PR", "PT":
		return refusedAs(code)
	}
	switch {
	case flags[0] == 'C' || flags[0] == 'c':
		return core.ClientGone
	case flags[0] == 'I' || flags[0] == 'R':
		return core.Internal
	case code >= http.StatusInternalServerError && flags[0] == '-':
		return core.Upstream5xx
	}
	return core.ClassNone
}
