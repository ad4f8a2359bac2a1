package upstream

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"

	"lockstep/core"
)

// framing is how a request's body is written.
type framing struct {
	body    bool  // there is one
	chunked bool  // its length is not known
	length  int64 // else
	expect  bool  // the endpoint is asked before the body is sent
}

func framingOf(r *http.Request) framing {
	if r.Body == nil || r.Body == http.NoBody {
		return framing{}
	}
	f := framing{body: true, length: r.ContentLength, chunked: r.ContentLength < 0}
	for _, v := range r.Header["Expect"] {
		f.expect = f.expect || strings.EqualFold(v, "100-continue")
	}
	if r.ContentLength == 0 {
		f.chunked = true // as net/http has it: unknown
	}
	return f
}

// appendHead appends the request's line and header. An error means a request
// that must not be written: what it holds would not be read back as it is.
func appendHead(b []byte, r *http.Request, host string, f framing) ([]byte, *Error) {
	method := cmp.Or(r.Method, http.MethodGet)
	if !token(method) {
		return b, badRequest("the method is not a token")
	}
	b = append(b, method...)
	b = append(b, ' ')
	begin := len(b)
	b = appendTarget(b, r)
	for _, c := range b[begin:] {
		if c <= ' ' || c == 0x7f {
			return b, badRequest("the path holds a space or a control character")
		}
	}
	b = append(b, " HTTP/1.1\r\nHost: "...)
	host = cmp.Or(r.Host, host)
	if !fieldValue(host) {
		return b, badRequest("the host holds a control character")
	}
	b = append(b, host...)
	b = append(b, "\r\n"...)
	b, bad := appendFields(b, r.Header)
	if bad != nil {
		return b, bad
	}
	switch {
	case f.chunked:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
		if b, bad = appendTrailerNames(b, r.Trailer); bad != nil {
			return b, bad
		}
	case f.body, method == http.MethodPost, method == http.MethodPut, method == http.MethodPatch:
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, f.length, 10)
		b = append(b, "\r\n"...)
	}
	return append(b, "\r\n"...), nil
}

// appendTarget appends the path and query, byte for byte where the URL is opaque.
func appendTarget(b []byte, r *http.Request) []byte {
	u := r.URL
	switch {
	case u.Opaque != "":
		b = append(b, u.Opaque...)
	default:
		path := u.EscapedPath()
		if path == "" {
			path = "/"
		}
		b = append(b, path...)
	}
	if u.ForceQuery || u.RawQuery != "" {
		b = append(b, '?')
		b = append(b, u.RawQuery...)
	}
	return b
}

// appendFields appends a header, without what the framing says itself.
func appendFields(b []byte, h http.Header) ([]byte, *Error) {
	for name, values := range h {
		switch name {
		case "Host", "Content-Length", "Transfer-Encoding", "Trailer":
			continue
		case "User-Agent":
			if len(values) > 0 && values[0] == "" {
				continue // net/http's way to say none
			}
		}
		if !token(name) {
			return b, badRequest("the name of a header field is not a token")
		}
		for _, v := range values {
			if !fieldValue(v) {
				return b, badRequest("header field " + name + " holds a control character")
			}
			b = append(b, name...)
			b = append(b, ": "...)
			b = append(b, v...)
			b = append(b, "\r\n"...)
		}
	}
	return b, nil
}

func appendTrailerNames(b []byte, trailer http.Header) ([]byte, *Error) {
	if len(trailer) == 0 {
		return b, nil
	}
	b = append(b, "Trailer: "...)
	first := true
	for name := range trailer {
		if !token(name) {
			return b, badRequest("the name of a trailer field is not a token")
		}
		if !first {
			b = append(b, ", "...)
		}
		first = false
		b = append(b, name...)
	}
	return append(b, "\r\n"...), nil
}

func badRequest(detail string) *Error { return &Error{Class: core.BadRequest, Detail: detail} }

// token reports whether s is a token of RFC 9110, 5.6.2.
func token(s string) bool {
	for i := range len(s) {
		if !tokenByte(s[i]) {
			return false
		}
	}
	return s != ""
}

func tokenByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// fieldValue reports whether s can stand in a header as it is: no control
// character but the tab.
func fieldValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
