package routing

import (
	"fmt"
	"net/http"
	"strings"

	"lockstep/adapters/settings"
	"lockstep/core"
)

// source is one compiled key source. read returns the value, "" for none, and
// the class as which the request is refused if the value may not be used.
type source struct {
	name string
	read func(q *query) (value string, refuse core.Class)
}

func newSource(s *settings.Source, files *keyFiles) (source, error) {
	out := source{name: s.String()}
	first := s.First
	switch {
	case s.Header != "":
		name := http.CanonicalHeaderKey(s.Header)
		out.read = func(q *query) (string, core.Class) { return one(q.Header[name], first) }
	case s.Label != 0:
		at := s.Label
		out.read = func(q *query) (string, core.Class) { return label(q.host, at), core.ClassNone }
	case s.Host != "":
		before, after, _ := strings.Cut(s.Host, "*")
		out.read = func(q *query) (string, core.Class) { return capture(q.host, before, after, "."), core.ClassNone }
	case s.Segment != 0:
		at, prefix := s.Segment, strings.TrimSuffix(s.After, "/")
		out.read = func(q *query) (string, core.Class) { return segment(q.path, prefix, at) }
	case s.Query != "":
		name := s.Query
		out.read = func(q *query) (string, core.Class) { return parameter(q.URL.RawQuery, name, first) }
	case s.Cookie != "":
		name := s.Cookie
		out.read = func(q *query) (string, core.Class) { return cookie(q.Header["Cookie"], name, first) }
	case s.SAN != nil:
		return out, out.san(s.SAN, first)
	case s.JWT != nil:
		t := newTokens(s.JWT, files)
		out.read = t.read
	default:
		return out, fmt.Errorf("a key source names no place")
	}
	return out, nil
}

// one returns the value of a header; several are refused or the first counts.
func one(values []string, first bool) (string, core.Class) {
	switch {
	case len(values) == 0:
		return "", core.ClassNone
	case len(values) > 1 && !first:
		return "", core.BadRequest
	}
	return values[0], core.ClassNone
}

// label returns a label of a host name, counted from 1 or from the end.
func label(host string, at int) string {
	ls := labels(host)
	if at < 0 {
		at += len(ls) + 1
	}
	if at < 1 || at > len(ls) {
		return ""
	}
	return ls[at-1]
}

// capture returns what stands between before and after, if that has none of the separators.
func capture(s, before, after, separators string) string {
	if len(s) <= len(before)+len(after) || !strings.HasPrefix(s, before) || !strings.HasSuffix(s, after) {
		return ""
	}
	v := s[len(before) : len(s)-len(after)]
	if strings.ContainsAny(v, separators) {
		return ""
	}
	return v
}

// segment returns a segment of the path, decoded once, counted from 1 after a prefix.
func segment(path, prefix string, at int) (string, core.Class) {
	rest, ok := below(path, prefix)
	if !ok {
		return "", core.ClassNone
	}
	var raw string
	for range at {
		if rest == "" {
			return "", core.ClassNone
		}
		raw, rest = cutSegment(rest)
	}
	v, ok := unescape(raw, false)
	if !ok {
		return "", core.BadRequest
	}
	return v, core.ClassNone
}

// parameter returns the value of a query parameter, decoded as a form is: once, + is a space.
func parameter(raw, name string, first bool) (string, core.Class) {
	found, value := false, ""
	for pair := range strings.SplitSeq(raw, "&") {
		k, v, _ := strings.Cut(pair, "=")
		k, ok := unescape(k, true)
		if !ok || k != name {
			continue
		}
		if found {
			return "", core.BadRequest
		}
		if value, ok = unescape(v, true); !ok {
			return "", core.BadRequest
		}
		if first {
			return value, core.ClassNone
		}
		found = true
	}
	return value, core.ClassNone
}

// cookie returns the value of a cookie as it was sent, without quotes around it.
func cookie(lines []string, name string, first bool) (string, core.Class) {
	found, value := false, ""
	for _, line := range lines {
		for pair := range strings.SplitSeq(line, ";") {
			k, v, ok := strings.Cut(strings.TrimLeft(pair, " \t"), "=")
			if !ok || k != name {
				continue
			}
			if found {
				return "", core.BadRequest
			}
			value = strings.TrimRight(v, " \t")
			if len(value) > 1 && value[0] == '"' && value[len(value)-1] == '"' {
				value = value[1 : len(value)-1]
			}
			if first {
				return value, core.ClassNone
			}
			found = true
		}
	}
	return value, core.ClassNone
}

// san makes a source of the names in a client certificate. Only a certificate
// that was verified counts: anybody can write one of his own.
func (out *source) san(s *settings.SAN, first bool) error {
	before, after, ok := strings.Cut(s.Pattern, "*")
	if !ok || strings.Contains(after, "*") {
		return fmt.Errorf("%q needs one *, which stands for the key", s.Pattern)
	}
	kind := s.Kind
	separators := map[string]string{settings.SANURI: "/?#@:", settings.SANDNS: ".", settings.SANEmail: "@"}[kind]
	if separators == "" {
		return fmt.Errorf("%q is no kind of name in a certificate", kind)
	}
	out.read = func(q *query) (string, core.Class) {
		t := q.peer.TLS
		if t == nil || len(t.VerifiedChains) == 0 || len(t.PeerCertificates) == 0 {
			return "", core.ClassNone
		}
		value := ""
		take := func(name string) core.Class {
			v := capture(name, before, after, separators)
			switch {
			case v == "" || value == v:
			case value == "":
				value = v
			case !first:
				return core.BadRequest
			}
			return core.ClassNone
		}
		for _, name := range namesOf(t.PeerCertificates[0], kind) {
			if c := take(name); c != core.ClassNone {
				return "", c
			}
		}
		return value, core.ClassNone
	}
	return nil
}
