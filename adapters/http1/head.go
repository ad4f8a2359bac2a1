package http1

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
)

// field is one header line, as offsets into the head.
type field struct {
	name, nameEnd, value, valueEnd int32
}

// head is what the server must know of a request's head, as offsets into it.
type head struct {
	methodEnd, targetEnd int // the target begins one after methodEnd
	fieldsAt             int // where the first header line begins
	minor                int // of the version: 0 or 1

	host    []byte // value of Host, or the authority of the target without one
	name    string // the same, when the header has been made
	hosts   int
	lengths int
	length  int64 // of the body; -1 for chunked
	te      bool
	teFault Reason
	codings int  // chunked, so far
	expect  bool // 100-continue
	closes  bool // Connection: close
	keeps   bool // Connection: keep-alive
	trailer bool // a Trailer header
}

func (h *head) method(b []byte) []byte { return b[:h.methodEnd] }
func (h *head) target(b []byte) []byte { return b[h.methodEnd+1 : h.targetEnd] }

// parseLine reads the request line, which b holds without its CRLF.
func (h *head) parseLine(b []byte, maxTarget int) Reason {
	for _, c := range b {
		if c == 0 {
			return NUL
		}
		if c == '\r' {
			return BareCR
		}
	}
	h.methodEnd = bytes.IndexByte(b, ' ')
	if h.methodEnd <= 0 {
		return BadRequestLine
	}
	if h.methodEnd > 32 || !all(b[:h.methodEnd], inMethod) {
		return BadMethod
	}
	n := bytes.IndexByte(b[h.methodEnd+1:], ' ')
	if n <= 0 {
		return BadRequestLine
	}
	h.targetEnd = h.methodEnd + 1 + n
	switch version := b[h.targetEnd+1:]; {
	case string(version) == "HTTP/1.1":
		h.minor = 1
	case string(version) == "HTTP/1.0":
		h.minor = 0
	case len(version) == 8 && string(version[:5]) == "HTTP/" && version[6] == '.' && isDigit(version[5]) && isDigit(version[7]):
		return BadVersion
	default:
		return BadRequestLine
	}
	if n > maxTarget {
		return URITooLong
	}
	if string(b[:h.methodEnd]) == http.MethodConnect {
		authority := h.target(b)
		if port := bytes.LastIndexByte(authority, ':'); !validHost(authority) || port < bytes.IndexByte(authority, ']') || port < 0 || port == len(authority)-1 {
			return BadTarget // that is no CONNECT
		}
		return Connect
	}
	h.fieldsAt = len(b) + 2
	return targetFault(b[:h.methodEnd], h.target(b))
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// targetFault judges the form of a target; that of an absolute one is judged
// further when the Host is known.
func targetFault(method, target []byte) Reason {
	switch {
	case !all(target, inTarget):
		return BadTarget
	case target[0] == '/', absolute(target) > 0:
		return ReasonNone
	case len(target) == 1 && target[0] == '*' && string(method) == http.MethodOptions:
		return ReasonNone
	}
	return BadTarget
}

// absolute returns where the authority of an absolute target begins, 0 if it is none.
func absolute(target []byte) int {
	for _, scheme := range [...]string{"http://", "https://"} {
		if len(target) > len(scheme) && same(target[:len(scheme)], scheme) {
			return len(scheme)
		}
	}
	return 0
}

// parseFields reads the header lines of b from at on, up to the empty line that
// ends it, and puts names into canonical form where they stand.
func (h *head) parseFields(b []byte, at, limit int, out []field) ([]field, Reason) {
	for {
		n := bytes.IndexByte(b[at:], '\n') // there is one: the caller has found the empty line
		line := b[at : at+n-1]
		if len(line) == 0 {
			return out, ReasonNone
		}
		if len(out) == limit {
			return out, TooManyHeaders
		}
		f, fault := parseField(line)
		if fault != ReasonNone {
			return out, fault
		}
		name, value := line[f.name:f.nameEnd], line[f.value:f.valueEnd]
		if fault := h.note(name, value); fault != ReasonNone {
			return out, fault
		}
		f.name, f.nameEnd = f.name+int32(at), f.nameEnd+int32(at)
		f.value, f.valueEnd = f.value+int32(at), f.valueEnd+int32(at)
		out = append(out, f)
		at += n + 1
	}
}

// parseField reads one header line, given without its CRLF.
func parseField(line []byte) (f field, fault Reason) {
	if line[0] == ' ' || line[0] == '\t' {
		return f, ObsFold
	}
	i, upper := 0, true
	for ; i < len(line) && charClass[line[i]]&inName != 0; i++ {
		c := line[i]
		switch {
		case upper && c >= 'a' && c <= 'z':
			line[i] = c - 'a' + 'A'
		case !upper && c >= 'A' && c <= 'Z':
			line[i] = c + 'a' - 'A'
		}
		upper = c == '-'
	}
	switch {
	case i < len(line) && line[i] == ':' && i > 0:
	case bytes.IndexByte(line, 0) >= 0:
		return f, NUL
	case i > 0 && i < len(line) && (line[i] == ' ' || line[i] == '\t') && spaceThenColon(line[i:]):
		return f, SpaceBeforeColon
	case bytes.IndexByte(line, '\r') >= 0:
		return f, BareCR
	default:
		return f, BadHeaderName
	}
	value := line[i+1:]
	if !all(value, inValue) {
		return f, valueFault(value)
	}
	value = trim(value)
	f.nameEnd = int32(i)
	if len(value) > 0 {
		f.value = int32(cap(line) - cap(value))
	}
	f.valueEnd = f.value + int32(len(value))
	return f, ReasonNone
}

func spaceThenColon(b []byte) bool {
	b = trim(b)
	return len(b) > 0 && b[0] == ':'
}

func valueFault(value []byte) Reason {
	for _, c := range value {
		switch c {
		case 0:
			return NUL
		case '\r':
			return BareCR
		}
	}
	return BadHeaderValue
}

// note takes up a header that says how the request is framed or kept.
func (h *head) note(name, value []byte) Reason {
	switch string(name) {
	case "Host":
		h.host = value
		if h.hosts++; h.hosts > 1 {
			return RepeatedHost
		}
	case "Content-Length":
		if h.lengths++; h.lengths > 1 {
			return RepeatedLength
		}
		var ok bool
		if h.length, ok = parseLength(value); !ok {
			return BadLength
		}
	case "Transfer-Encoding":
		h.te = true
		h.noteCodings(value)
	case "Expect":
		if h.minor == 1 {
			if !same(value, "100-continue") {
				return BadExpect
			}
			h.expect = true
		}
	case "Connection":
		h.closes = h.closes || hasToken(value, "close")
		h.keeps = h.keeps || hasToken(value, "keep-alive")
	case "Trailer":
		h.trailer = true
	}
	return ReasonNone
}

// noteCodings takes up one Transfer-Encoding header. A fault counts later: that
// there is a length too is worse.
func (h *head) noteCodings(value []byte) {
	for more := true; more; {
		var coding []byte
		coding, value, more = cutComma(value)
		switch {
		case same(coding, "chunked"):
			h.codings++
		case len(coding) == 0 || h.codings > 0:
			h.teFault = TENotLast
		case h.teFault == ReasonNone:
			h.teFault = TEUnknown
		}
	}
	if h.codings > 1 {
		h.teFault = TENotLast
	}
}

// parseLength reads a Content-Length: digits only, below 2^59.
func parseLength(b []byte) (n int64, ok bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	for _, c := range b {
		if !isDigit(c) {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// judge says what is wrong with the head as a whole.
func (h *head) judge(b []byte) Reason {
	if h.te {
		switch {
		case h.minor == 0:
			return TEOnHTTP10
		case h.lengths > 0:
			return BothLengths
		case h.teFault != ReasonNone:
			return h.teFault
		case h.codings == 0:
			return TENotLast
		}
		h.length = -1
	}
	if h.hosts == 0 && h.minor == 1 {
		return MissingHost
	}
	if h.hosts > 0 && !validHost(h.host) {
		return BadHost
	}
	target := h.target(b)
	if at := absolute(target); at > 0 {
		authority := target[at:]
		if end := bytes.IndexAny(authority, "/?"); end >= 0 {
			authority = authority[:end]
		}
		if !validHost(authority) {
			return BadTarget
		}
		if h.hosts == 0 {
			h.host = authority
		}
		if !same(authority, h.host) {
			return BadHost
		}
	}
	return ReasonNone
}

// validHost reports whether b is a name, an IPv4 address or an IPv6 address in
// brackets, with a port or without.
func validHost(b []byte) bool {
	rest := b
	if len(b) > 0 && b[0] == '[' {
		end := bytes.IndexByte(b, ']')
		if end < 3 {
			return false
		}
		for _, c := range b[1:end] {
			if charClass[c]&isHex == 0 && c != ':' && c != '.' {
				return false
			}
		}
		rest = b[end+1:]
	} else {
		n := 0
		for n < len(b) && charClass[b[n]]&inHost != 0 {
			n++
		}
		if n == 0 {
			return false
		}
		rest = b[n:]
	}
	if len(rest) == 0 {
		return true
	}
	if rest[0] != ':' || len(rest) > 6 {
		return false
	}
	port := 0
	for _, c := range rest[1:] {
		if !isDigit(c) {
			return false
		}
		port = port*10 + int(c-'0')
	}
	return port < 1<<16
}

// keepAlive reports whether the client would send another request.
func (h *head) keepAlive() bool {
	return !h.closes && (h.minor == 1 || h.keeps)
}

// header makes the header of text, which is the head as a string.
func (h *head) header(text string, fields []field) http.Header {
	out := make(http.Header, len(fields))
	h.name = ""
	values := make([]string, 0, len(fields))
	for _, f := range fields {
		name, value := text[f.name:f.nameEnd], text[f.value:f.valueEnd]
		switch name {
		case "Host":
			h.name = value
			continue
		case "Transfer-Encoding", "Trailer", "Http2-Settings":
			continue
		case "Upgrade":
			if value = withoutH2C(value); value == "" {
				continue
			}
		}
		if before, ok := out[name]; ok {
			out[name] = append(before, value)
			continue
		}
		n := len(values)
		values = append(values, value)
		out[name] = values[n : n+1 : n+1]
	}
	if h.hosts == 0 {
		h.name = string(h.host)
	}
	return out
}

// withoutH2C removes h2c from a list of protocols: over such a connection
// requests would pass that nobody has routed.
func withoutH2C(list string) string {
	if !strings.Contains(strings.ToLower(list), "h2c") {
		return list
	}
	var kept []string
	for one := range strings.SplitSeq(list, ",") {
		if one = trim(one); !same(one, "h2c") && one != "" {
			kept = append(kept, one)
		}
	}
	return strings.Join(kept, ", ")
}

// trailers returns the announced trailers, as net/http has them: names without values.
func (h *head) trailers(text string, fields []field) (http.Header, Reason) {
	var out http.Header
	for _, f := range fields {
		if text[f.name:f.nameEnd] != "Trailer" {
			continue
		}
		for name := range strings.SplitSeq(text[f.value:f.valueEnd], ",") {
			if name = http.CanonicalHeaderKey(trim(name)); name == "" {
				continue
			}
			if !all(name, inName) || !mayTrail(name) {
				return nil, BadTrailer
			}
			if out == nil {
				out = http.Header{}
			}
			out[name] = nil
		}
	}
	return out, ReasonNone
}

// mayTrail reports whether a field may come after the body: not one that
// frames, routes or authorises the request (RFC 9110, 6.5.1).
func mayTrail(name string) bool {
	switch name {
	case "Content-Length", "Transfer-Encoding", "Trailer", "Host", "Connection", "Keep-Alive", "Te", "Upgrade",
		"Expect", "Max-Forwards", "Range", "Authorization", "Proxy-Authorization", "Proxy-Connection", "Cookie",
		"Content-Encoding", "Content-Type", "Content-Range", "X-Routing-Key", "X-Request-Id":
		return false
	}
	return !strings.HasPrefix(name, "X-Forwarded-")
}

// fillURL puts the target into u, as net/http would parse it.
func fillURL(u *url.URL, target string) bool {
	if target[0] == '/' {
		path, query, asked := strings.Cut(target, "?")
		if all(path, inPath) {
			u.Path, u.RawQuery, u.ForceQuery = path, query, asked && query == ""
			return true
		}
	}
	parsed, err := url.ParseRequestURI(target)
	if err != nil {
		return false
	}
	*u = *parsed
	return true
}
