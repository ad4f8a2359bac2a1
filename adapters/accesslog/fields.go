package accesslog

import (
	"fmt"
	"net/http"
	"strings"
)

// meaning is what a variable of a log format says of a request.
type meaning uint8

const (
	ignored   meaning = iota
	timeEnd           // when the request ended, or its line was written
	timeStart         // when it came
	request           // GET /x HTTP/1.1
	method
	uri
	path // without the query, where uri is not logged
	query
	host
	code
	received
	sent
	tookSeconds
	tookMillis
	tookAny // "12.5ms", or a number of seconds
	id
	key
	header    // by its name
	cookieOf  // by its name
	parameter // by its name
	upstreams // nginx: addresses of all attempts
	upstreamStatuses
	upstreamTimes
	upstreamHeaderTimes
	upstreamConnectTimes
	upstream // one address
	group    // what the set of servers is called
	flags    // termination flags of Envoy
	reason   // ours: why the first candidate did not serve
	class    // ours: how it ended
	route    // ours: the name of the route
	logger   // Caddy: which of its logs a line is of
)

// field is one variable: what it means, of which name.
type field struct {
	means meaning
	name  string // of a header in canonical form, of a cookie, of a parameter
}

// headerField is a request header that was logged by itself. Those that nearly
// every log has and no route reads are left out.
func headerField(name string) field {
	switch name = http.CanonicalHeaderKey(name); name {
	case "User-Agent", "Referer", "X-Forwarded-For":
		return field{}
	}
	return field{header, name}
}

// set puts a value into an entry. Values are unescaped. The error says what was expected.
func (f field) set(p *parser, e *Entry, v string) error {
	var ok bool
	switch f.means {
	case ignored:
	case timeEnd, timeStart:
		return setTime(p, e, f.means, v)
	case request:
		return setRequest(e, v)
	case code:
		p.coded = true
		if e.Status, ok = status(v); !ok {
			return fmt.Errorf("the status is %q, expected three digits", short(v))
		}
	case tookSeconds, tookMillis, tookAny:
		if e.Took, ok = duration(f.means, v); !ok {
			return fmt.Errorf("the duration is %q, expected a number", short(v))
		}
	case received, sent:
		setBytes(e, f.means, v)
	case upstreams, upstreamStatuses, upstreamTimes, upstreamHeaderTimes, upstreamConnectTimes:
		e.lists.set(e, f.means, v)
	default:
		if !blank(v) || f.means == upstream {
			f.text(p, e, v)
		}
	}
	return nil
}

// text sets what may be any text.
func (f field) text(p *parser, e *Entry, v string) {
	switch f.means {
	case method:
		e.Method = v
	case uri:
		e.URI = v
	case path:
		if e.URI == "" {
			e.URI = v
		}
	case query:
		p.query = strings.TrimPrefix(v, "?")
	case host:
		e.Host = v
	case id:
		e.ID = v
	case key:
		e.Key = v
	case header:
		e.Headers = append(e.Headers, Field{f.name, v})
	case cookieOf:
		e.Headers = append(e.Headers, Field{"Cookie", f.name + "=" + v})
	case parameter:
		p.query = appendParameter(p.query, f.name, v)
	case upstream:
		e.Told = true
		if !blank(v) {
			e.attempt().Upstream = v
		}
	case group:
		p.group = v
	case route:
		e.Route = v
	case flags, reason:
		if e.flags == "" {
			e.flags = v
		}
	case class:
		e.flags = v
	case logger:
		p.logger = v
	}
}

// attempt returns the one attempt of formats that log no more.
func (e *Entry) attempt() *Attempt {
	if len(e.Attempts) == 0 {
		e.Attempts = append(e.Attempts, Attempt{Took: unknown})
	}
	return &e.Attempts[0]
}

func setTime(p *parser, e *Entry, m meaning, v string) error {
	ns, resolution, ok := p.stamps.read(v)
	switch {
	case !ok:
		return fmt.Errorf("the time is %q, expected such as 2026-11-26T21:51:04Z, 26/Nov/2026:21:51:04 +0000 or seconds since 1970", short(v))
	case m == timeStart:
		e.Arrival, e.Resolution, e.end = ns, resolution, 0
	case e.Arrival != 0 || e.end != 0 && resolution >= e.Resolution:
		// The start is known, or the end more closely.
	default:
		e.end, e.Resolution = ns, resolution
	}
	return nil
}

// setRequest splits a request line. One that could not be read is no fault of the log.
func setRequest(e *Entry, v string) error {
	first, rest := word(v)
	if i := strings.LastIndexByte(rest, ' '); i >= 0 && strings.HasPrefix(rest[i+1:], "HTTP/") {
		rest = rest[:i]
	}
	if blank(v) || rest == "" || strings.HasPrefix(v, "<BADREQ>") {
		return nil
	}
	e.Method, e.URI = first, rest
	if first == http.MethodConnect {
		return nil
	}
	if scheme := strings.Index(rest, "://"); scheme > 0 && rest[0] != '/' {
		authority := rest[scheme+3:]
		at := strings.IndexAny(authority, "/?")
		if at < 0 {
			at = len(authority)
		}
		e.URI = authority[at:]
		if e.Host == "" {
			e.Host = authority[:at]
		}
	}
	return nil
}

// longest is the longest duration that is believed, a week: a wrong one must not
// let a router run for years.
const longest = 7 * 24 * 3600 * second

func duration(m meaning, v string) (ns int64, ok bool) {
	unit := second
	switch {
	case blank(v):
		return unknown, true
	case m == tookMillis:
		unit = milli
	case m == tookAny && strings.HasSuffix(v, "ms"):
		unit, v = milli, v[:len(v)-2]
	case m == tookAny && strings.HasSuffix(v, "µs"):
		unit, v = 1000, v[:len(v)-len("µs")]
	case m == tookAny && strings.HasSuffix(v, "s"):
		v = v[:len(v)-1]
	}
	ns, ok = decimal(strings.TrimPrefix(v, "+"), unit)
	return min(ns, longest), ok
}

func setBytes(e *Entry, m meaning, v string) {
	n, ok := digits(strings.TrimPrefix(v, "+"))
	switch {
	case !ok:
	case m == received:
		e.Received = n
	default:
		e.Sent = n
	}
}

func appendParameter(query, name, value string) string {
	if query != "" {
		query += "&"
	}
	return query + name + "=" + value
}

// short cuts a value for a message.
func short(s string) string {
	const most = 40
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}
