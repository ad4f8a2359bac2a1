package routing

import (
	"net/http"
	"net/netip"
	"strings"
)

// The parts of a request as they are compared: the host in lower case without
// port, the path as it was sent, segment by segment.

// query is one request while it is looked at.
type query struct {
	*http.Request
	peer *Peer
	host string
	path string // as sent, without the query
}

// hostOf is the name in a Host header: in lower case, without port, without the
// dot at the end, an IPv6 address without brackets.
func hostOf(host string) string {
	if strings.HasPrefix(host, "[") {
		address, _, _ := strings.Cut(host[1:], "]")
		return strings.ToLower(address)
	}
	if i := strings.LastIndexByte(host, ':'); i >= 0 {
		host = host[:i]
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// labels splits a host name; an address has no labels.
func labels(host string) []string {
	if host == "" {
		return nil
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return nil
	}
	return strings.Split(host, ".")
}

// pathOf is the path of a request as it was sent: not cleaned, not decoded.
func pathOf(r *http.Request) string {
	path, _, _ := strings.Cut(r.RequestURI, "?")
	if strings.HasPrefix(path, "/") {
		return path
	}
	return r.URL.EscapedPath() // absolute form, or a request made by a program
}

// unclear reports whether a path has a segment . or .., plain or encoded, or a
// slash, backslash or NUL in disguise: two readers would take it for two paths.
func unclear(path string) bool {
	if strings.IndexByte(path, '\\') >= 0 {
		return true
	}
	if strings.IndexByte(path, '%') < 0 {
		return strings.Contains(path, "/./") || strings.Contains(path, "/../") || strings.HasSuffix(path, "/.") || strings.HasSuffix(path, "/..")
	}
	for rest := path; rest != ""; {
		var raw string
		raw, rest = cutSegment(rest)
		s, ok := unescape(raw, false)
		if !ok || s == "." || s == ".." || strings.ContainsAny(s, "/\\\x00") {
			return true
		}
	}
	return false
}

// cutSegment splits /a/b into a and /b.
func cutSegment(path string) (segment, rest string) {
	path = strings.TrimPrefix(path, "/")
	if i := strings.IndexByte(path, '/'); i >= 0 {
		return path[:i], path[i:]
	}
	return path, ""
}

// below returns what follows a prefix of whole segments, "" or with its slash.
// Each segment is compared decoded.
func below(path, prefix string) (rest string, ok bool) {
	if !strings.HasPrefix(path, "/") {
		return "", false // OPTIONS *
	}
	if strings.IndexByte(path, '%') < 0 {
		rest, ok = strings.CutPrefix(path, prefix)
		return rest, ok && (rest == "" || rest[0] == '/')
	}
	for prefix != "" {
		var want, raw string
		want, prefix = cutSegment(prefix)
		if path == "" {
			return "", false
		}
		raw, path = cutSegment(path)
		if s, ok := unescape(raw, false); !ok || s != want {
			return "", false
		}
	}
	return path, true
}

// unescape decodes percent-encoding once; plus says that + is a space.
func unescape(s string, plus bool) (string, bool) {
	if strings.IndexByte(s, '%') < 0 && (!plus || strings.IndexByte(s, '+') < 0) {
		return s, true
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '%':
			if i+2 >= len(s) || unhex(s[i+1]) > 15 || unhex(s[i+2]) > 15 {
				return "", false
			}
			b = append(b, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
		case c == '+' && plus:
			b = append(b, ' ')
		default:
			b = append(b, c)
		}
	}
	return string(b), true
}

func unhex(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}
