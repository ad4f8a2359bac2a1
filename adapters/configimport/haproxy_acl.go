package configimport

import (
	"slices"
	"strconv"
	"strings"
)

// hapAtom is one alternative of an ACL: requests of a region, those with one of
// some keys, those that have a key at all, or all while a backend has no server up.
type hapAtom struct {
	in    region
	key   key
	keys  []string
	found bool
	down  string
	never bool
}

// hapACL is what an ACL asks for.
type hapACL struct {
	any     []hapAtom
	fault   string // why it, or an alternative of it, is not translated
	lines   []*hapLine
	differs []string
}

// readACL reads what follows the name of an ACL, or stands in braces.
func (h *hap) readACL(words []string, vars map[string]hapVar) (a hapACL) {
	if len(words) == 0 {
		a.fault = "there is nothing in it"
		return a
	}
	switch words[0] {
	case "always_true", "http", "req.proto_http", "req_proto_http":
		a.any = []hapAtom{{}}
		return a
	case "always_false":
		a.any = []hapAtom{{never: true}}
		return a
	}
	f, method, fault := hapCriterion(words[0], vars)
	if fault != "" {
		a.fault = fault
		return a
	}
	flags, values, fault := h.hapPatterns(words[1:])
	if fault != "" {
		a.fault = fault
		return a
	}
	if flags.method != "" {
		method = flags.method
	}
	conv, lowered := f.harmless()
	switch {
	case f.isHost() && len(conv) == 0 && method != "found":
		a.hosts(method, values)
	case f.name == "path" && len(conv) == 0:
		if flags.fold || lowered {
			a.differs = append(a.differs, "paths are compared with their case")
		}
		a.paths(method, values)
	case f.name == "nbsrv" && len(conv) == 0:
		a.downs(f.arg(0), values)
	default:
		a.keyed(f, method, values, flags.fold || lowered)
	}
	return a
}

// hapCriterion reads path_beg, hdr(host), req.hdr(x),lower: what is looked at and how.
func hapCriterion(text string, vars map[string]hapVar) (f hapFetch, method, fault string) {
	f, ok := hapExpr(text)
	if !ok {
		return f, "", strconv.Quote(text) + " is no expression"
	}
	f = withVariable(f, vars)
	method = "str"
	for _, m := range []string{"beg", "end", "dir", "dom", "len", "reg", "sub", "str"} {
		base, is := strings.CutSuffix(f.name, "_"+m)
		if is && slices.Contains([]string{"path", "hdr", "req.hdr", "cook", "urlp", "url_param", "hdr_dom", "url", "base"}, base) {
			f.name, method = base, m
			break
		}
	}
	return f, method, ""
}

type hapFlags struct {
	fold   bool
	method string
}

// hapPatterns reads flags and patterns, those of files too.
func (h *hap) hapPatterns(words []string) (flags hapFlags, values []string, fault string) {
	for i := 0; i < len(words); i++ {
		switch w := words[i]; {
		case w == "-i":
			flags.fold = true
		case w == "-n" || w == "-u":
			i += map[string]int{"-n": 0, "-u": 1}[w]
		case (w == "-m" || w == "-f" || w == "-M") && i+1 >= len(words):
			return flags, nil, w + " has no value"
		case w == "-m":
			i++
			flags.method = words[i]
		case w == "-f":
			i++
			lines, why := h.listFile(words[i])
			if why != "" {
				return flags, nil, why
			}
			values = append(values, lines...)
		case w == "--":
			return flags, append(values, words[i+1:]...), ""
		default:
			return flags, append(values, words[i:]...), ""
		}
	}
	return flags, values, ""
}

// listFile reads a file of patterns, one a line.
func (h *hap) listFile(path string) (lines []string, fault string) {
	data, err := h.opts.read(path)
	if err != nil {
		return nil, "the file " + path + " cannot be read here"
	}
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			lines = append(lines, line)
		}
	}
	return lines, ""
}

// hosts adds what a host is compared with.
func (a *hapACL) hosts(method string, values []string) {
	var out []string
	for _, v := range values {
		v = strings.ToLower(v)
		if name, port, ok := strings.Cut(v, ":"); ok && strings.Trim(port, "0123456789") == "" {
			a.differs = append(a.differs, "the port of "+v+" is not looked at")
			v = name
		}
		bare := strings.TrimPrefix(v, ".")
		switch {
		case !isHostName(bare):
			a.fault = strconv.Quote(v) + " is no host name"
		case method == "str":
			out = append(out, v)
		case method == "end" && bare != v:
			out = append(out, "*."+bare)
		case method == "end":
			a.differs = append(a.differs, "hosts that end in "+v+" without a dot before it are not meant here")
			out = append(out, v, "*."+v)
		case method == "dom":
			a.differs = append(a.differs, "hosts that have "+v+" elsewhere than at their end are not meant here")
			out = append(out, bare, "*."+bare)
		default:
			a.fault = "hosts are whole names, or all below a name (*.example.com), not matched by " + method
		}
	}
	if len(out) > 0 {
		a.any = append(a.any, hapAtom{in: region{hosts: out}})
	}
}

// isHostName reports whether the native form takes h as the name of a host.
func isHostName(h string) bool {
	return h != "" && len(h) < 250 && !strings.HasSuffix(h, ".") && strings.Trim(h, "abcdefghijklmnopqrstuvwxyz0123456789-._") == ""
}

// paths adds what a path is compared with.
func (a *hapACL) paths(method string, values []string) {
	var out []string
	if method != "beg" && method != "str" {
		a.fault = "paths are whole segments from the beginning, not matched by " + method
		return
	}
	for _, v := range values {
		if fault := pathFault(v); fault != "" {
			a.fault = strconv.Quote(v) + " " + fault
			continue
		}
		whole := strings.TrimSuffix(v, "/")
		switch {
		case method == "beg" && v == "/":
			a.any = append(a.any, hapAtom{})
			continue
		case method == "beg" && whole != v:
			a.differs = append(a.differs, whole+" without the slash is meant too")
		case method == "beg":
			a.differs = append(a.differs, "whole segments are compared: "+v+" and "+v+"/x, not "+v+"x")
		case method == "str" && v != "/":
			a.differs = append(a.differs, "what lies below "+v+" is meant too")
		default:
			a.fault = "the path / alone is not told from all others"
			continue
		}
		out = append(out, whole)
	}
	if len(out) > 0 {
		a.any = append(a.any, hapAtom{in: region{paths: out}})
	}
}

// pathFault says why p is no prefix of the native form.
func pathFault(p string) string {
	switch {
	case !strings.HasPrefix(p, "/"):
		return "does not begin with /"
	case strings.ContainsAny(p, "%?#*\\ ") || strings.Contains(p+"/", "/./") || strings.Contains(p+"/", "/../") || strings.Contains(p, "//"):
		return "is no plain path"
	}
	for _, c := range p {
		if c < ' ' || c == 0x7f {
			return "is no plain path"
		}
	}
	return ""
}

// downs adds: while the backend has no server up.
func (a *hapACL) downs(backend string, values []string) {
	text := strings.Join(values, " ")
	if backend != "" && slices.Contains([]string{"0", "eq 0", "lt 1", "le 0"}, text) {
		a.any = append(a.any, hapAtom{down: backend})
		return
	}
	a.fault = "how many servers are up decides nothing here, but that none is: fallback"
}

// keyed adds: with one of these keys.
func (a *hapACL) keyed(f hapFetch, method string, values []string, fold bool) {
	if n := len(f.conv); method == "found" && n > 0 && strings.HasPrefix(f.conv[n-1].name, "map") {
		look := f.conv[n-1]
		f.conv = slices.Clone(f.conv[:n-1])
		a.any = append(a.any, hapAtom{key: key("? " + lookup(&f, &look)), found: true})
		return
	}
	k := sourceOf(f)
	switch {
	case k == "":
		a.fault = hapUnread(f)
	case method == "found":
		a.any = append(a.any, hapAtom{key: k, found: true})
	case method != "str":
		a.fault = "keys are compared as a whole, not by " + method
	default:
		if fold {
			a.differs = append(a.differs, "keys are compared with their case")
		}
		for _, v := range values {
			if !isKey(v) {
				a.fault = strconv.Quote(v) + " is no routing key"
				return
			}
		}
		a.any = append(a.any, hapAtom{key: k, keys: values})
	}
}

// isKey reports whether s can be a routing key.
func isKey(s string) bool {
	if s == "" || len(s) > 256 || strings.TrimSpace(s) != s {
		return false
	}
	for _, c := range s {
		if c < ' ' || c == 0x7f || c == '\ufffd' {
			return false
		}
	}
	return true
}

// hapUnread says why a route cannot ask for what f reads.
func hapUnread(f hapFetch) string {
	switch f.name {
	case "src", "src_port", "dst", "dst_port":
		return "routes do not ask for addresses (" + f.text + ")"
	case "ssl_fc", "ssl_c_used", "ssl_fc_sni", "req.ssl_sni", "req_ssl_sni":
		return "routes do not ask for TLS (" + f.text + "); a listener can be named: match: {listen: NAME}"
	case "method":
		return "routes do not ask for the method"
	}
	return "routes ask for host, path and listener, and tables for a key: not for " + f.text
}

// predefined returns an ACL that HAProxy has by itself.
func predefined(name string) (a hapACL, ok bool) {
	switch name {
	case "TRUE", "HTTP":
		return hapACL{any: []hapAtom{{}}}, true
	case "FALSE":
		return hapACL{any: []hapAtom{{never: true}}}, true
	case "HTTP_1.0", "HTTP_1.1", "HTTP_2.0", "HTTP_CONTENT", "HTTP_URL_ABS", "HTTP_URL_SLASH", "HTTP_URL_STAR", "LOCALHOST", "METH_CONNECT", "METH_DELETE", "METH_GET",
		"METH_HEAD", "METH_OPTIONS", "METH_POST", "METH_PUT", "METH_TRACE", "REQ_CONTENT", "WAIT_END", "RDP_COOKIE":
		return hapACL{fault: "routes do not ask for " + name}, true
	}
	return a, false
}
