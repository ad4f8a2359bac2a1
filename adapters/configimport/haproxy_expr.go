package configimport

import (
	"strconv"
	"strings"
)

// hapFetch is a sample expression: req.hdr(X-Key),lower,map(tenants.map).
type hapFetch struct {
	name string
	args []string
	conv []hapFetch // converters: name and arguments
	text string
}

// hapExpr reads an expression; ok is false for what is none.
func hapExpr(text string) (f hapFetch, ok bool) {
	depth, start := 0, 0
	var parts []string
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth == 0 {
				parts = append(parts, text[start:i])
				start = i + 1
			}
		}
	}
	if depth != 0 || text == "" {
		return f, false
	}
	for i, p := range append(parts, text[start:]) {
		one, fine := hapOneCall(p)
		if !fine {
			return f, false
		}
		if i == 0 {
			f = one
		} else {
			f.conv = append(f.conv, one)
		}
	}
	f.text = text
	return f, true
}

func hapOneCall(text string) (f hapFetch, ok bool) {
	name, rest, has := strings.Cut(strings.TrimSpace(text), "(")
	f.name = name
	if name == "" {
		return f, false
	}
	if has {
		inner, closed := strings.CutSuffix(rest, ")")
		if !closed {
			return f, false
		}
		for _, a := range strings.Split(inner, ",") {
			f.args = append(f.args, strings.Trim(strings.TrimSpace(a), `"'`))
		}
	}
	return f, true
}

func (f *hapFetch) arg(i int) string {
	if i < len(f.args) {
		return f.args[i]
	}
	return ""
}

// isHost reports whether the fetch is the host of the request.
func (f *hapFetch) isHost() bool {
	switch f.name {
	case "hdr", "req.hdr", "req.fhdr", "hdr_val":
		return strings.EqualFold(f.arg(0), "host") && f.name != "hdr_val"
	}
	return false
}

// harmless takes off converters that change nothing in how we compare: lower
// case and the port of a host. lowered says that one was lower or upper.
func (f *hapFetch) harmless() (rest []hapFetch, lowered bool) {
	for i, c := range f.conv {
		switch {
		case c.name == "lower":
			lowered = true
		case c.name == "host_only" || c.name == "field" && f.isHost() && c.arg(0) == "1" && c.arg(1) == ":":
		case c.name == "url_dec" && f.name == "path":
		default:
			return f.conv[i:], lowered
		}
	}
	return nil, lowered
}

// sourceOf returns the key source that reads what f reads, "" when there is none.
func sourceOf(f hapFetch) key {
	conv, _ := f.harmless()
	if len(conv) == 1 && (conv[0].name == "field" || conv[0].name == "word") {
		return partOf(&f, &conv[0])
	}
	if len(conv) > 0 || f.arg(0) == "" {
		return ""
	}
	switch f.name {
	case "hdr", "req.hdr", "req.fhdr":
		if f.isHost() {
			return ""
		}
		return keyAt("header", f.arg(0))
	case "url_param", "urlp", "req.url_param":
		return keyAt("query", f.arg(0))
	case "cook", "req.cook", "cookie":
		return keyAt("cookie", f.arg(0))
	}
	return ""
}

// partOf is the source of one label of the host, or one segment of the path.
func partOf(f, c *hapFetch) key {
	n, err := strconv.Atoi(c.arg(0))
	if err != nil || n < 1 || n > 1000 {
		return ""
	}
	switch {
	case f.isHost() && c.arg(1) == ".":
		return key("{host_label: " + strconv.Itoa(n) + "}")
	case f.name == "path" && c.arg(1) == "/":
		if c.name == "field" {
			n-- // the field before the first slash is empty
		}
		if n > 0 {
			return key("{path_segment: " + strconv.Itoa(n) + "}")
		}
	}
	return ""
}
