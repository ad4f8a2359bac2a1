package accesslog

import (
	"fmt"
	"net/http"
	"strings"

	"lockstep/core"
)

// nginxCombined is nginx's own format, the one it uses when none is named.
const nginxCombined = `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"`

// nginxVariables are those that say something here. Others are read over.
var nginxVariables = map[string]field{
	"time_local": {means: timeEnd}, "time_iso8601": {means: timeEnd}, "msec": {means: timeEnd},
	"request": {means: request}, "request_method": {means: method}, "request_uri": {means: uri},
	"uri": {means: path}, "document_uri": {means: path}, "args": {means: query}, "query_string": {means: query},
	"host": {means: host}, "http_host": {means: host}, "status": {means: code},
	"body_bytes_sent": {means: sent}, "bytes_sent": {means: sent}, "request_length": {means: received},
	"request_time": {means: tookSeconds}, "request_id": {means: id}, "http_x_request_id": {means: id},
	"upstream_addr": {means: upstreams}, "upstream_status": {means: upstreamStatuses},
	"upstream_response_time": {means: upstreamTimes}, "upstream_header_time": {means: upstreamHeaderTimes},
	"upstream_connect_time": {means: upstreamConnectTimes}, "proxy_host": {means: group},
	"routing_key": {means: key},
}

// nginxField says what a variable means, by its name without $.
func nginxField(name string) field {
	if f, ok := nginxVariables[name]; ok {
		return f
	}
	for prefix, m := range map[string]meaning{"http_": header, "cookie_": cookieOf, "arg_": parameter} {
		if rest, ok := strings.CutPrefix(name, prefix); ok && rest != "" {
			if m == header {
				return headerField(strings.ReplaceAll(rest, "_", "-"))
			}
			return field{m, rest}
		}
	}
	return field{}
}

// nextNginx finds the next $variable or ${variable} of a log_format.
func nextNginx(format string) (before, name, rest string, err error) {
	at := strings.IndexByte(format, '$')
	if at < 0 {
		return format, "", "", nil
	}
	before, rest = format[:at], format[at+1:]
	if inner, ok := strings.CutPrefix(rest, "{"); ok {
		name, rest, ok = strings.Cut(inner, "}")
		if !ok || name == "" {
			return "", "", "", fmt.Errorf("%q has no }", short(format[at:]))
		}
		return before, name, rest, nil
	}
	n := 0
	for n < len(rest) && isWordByte(rest[n]) {
		n++
	}
	if n == 0 {
		return "", "", "", fmt.Errorf("%q names no variable after $", short(format[at:]))
	}
	return before, rest[:n], rest[n:], nil
}

func isWordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func (l *lists) set(e *Entry, m meaning, v string) {
	switch m {
	case upstreams:
		l.addr, e.Told = v, true
	case upstreamStatuses:
		l.status = v
	case upstreamTimes:
		l.response = v
	case upstreamHeaderTimes:
		l.header = v
	case upstreamConnectTimes:
		l.connect = v
	}
}

// item takes the next value of a list: a, b : c, where the colon stands between
// the groups of an internal redirect.
func item(list string) (first, rest string) {
	comma, colon := strings.Index(list, ", "), strings.Index(list, " : ")
	switch {
	case comma >= 0 && (colon < 0 || comma < colon):
		return list[:comma], list[comma+2:]
	case colon >= 0:
		return list[:colon], list[colon+3:]
	}
	return list, ""
}

// join makes attempts of the lists, which have their values in the same order.
func (l *lists) join(e *Entry) {
	if blank(l.addr) {
		return
	}
	rest := *l
	for rest.addr != "" {
		var a Attempt
		var code, took, header, connect string
		a.Upstream, rest.addr = item(rest.addr)
		code, rest.status = item(rest.status)
		took, rest.response = item(rest.response)
		header, rest.header = item(rest.header)
		connect, rest.connect = item(rest.connect)
		a.Status, _ = status(code)
		var ok bool
		if a.Took, ok = duration(tookSeconds, took); !ok {
			a.Took = unknown
		}
		a.Class = nginxClass(a.Upstream, code, header, connect)
		if a.Class != core.Upstream5xx && a.Class != core.ClassNone {
			a.Status = 0 // nginx's own, not the upstream's
		}
		e.Attempts = append(e.Attempts, a)
	}
}

// nginxClass is how an attempt ended. nginx writes 502 and 504 of its own for
// an upstream that did not answer; only the times of the phases tell that from an
// upstream's own 502. Where they are not logged it is taken for nginx's, which is
// by far the more frequent.
func nginxClass(addr, code, header, connect string) core.Class {
	switch n, _ := status(code); {
	case n == http.StatusBadGateway && !strings.ContainsAny(addr, ":/"):
		return core.NoEndpoint // the name of an upstream{} with nobody live
	case n == http.StatusBadGateway && connect == "-":
		return core.ConnectRefused
	case n == http.StatusGatewayTimeout && connect == "-":
		return core.ConnectTimeout
	case n == http.StatusBadGateway && blank(header):
		return core.ResetBeforeResponse
	case n == http.StatusGatewayTimeout && blank(header):
		return core.ResponseTimeout
	case n == statusClientGone || n == 0 && blank(code):
		return core.ClientGone
	case n >= http.StatusInternalServerError:
		return core.Upstream5xx
	}
	return core.ClassNone
}

// statusClientGone is what nginx logs for a client that left, and what ours does.
const statusClientGone = 499
