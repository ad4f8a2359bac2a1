package accesslog

import (
	"fmt"
	"strings"

	"lockstep/core"
)

// envoyDefault is the format string that Envoy documents as its default.
const envoyDefault = `[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% ` +
	`%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" ` +
	`"%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"`

var envoyOperators = map[string]field{
	"START_TIME": {means: timeStart}, "REQ(:METHOD)": {means: method}, "REQ(:PATH)": {means: uri},
	"REQ(X-ENVOY-ORIGINAL-PATH)": {means: uri}, "REQ(:AUTHORITY)": {means: host}, "REQ(HOST)": {means: host}, "REQ(X-REQUEST-ID)": {means: id},
	"RESPONSE_CODE": {means: code}, "RESPONSE_FLAGS": {means: flags}, "BYTES_RECEIVED": {means: received}, "BYTES_SENT": {means: sent},
	"DURATION": {means: tookMillis}, "UPSTREAM_HOST": {means: upstream}, "UPSTREAM_CLUSTER": {means: group}, "UPSTREAM_CLUSTER_RAW": {means: group},
}

// envoyField says what a command operator means, without its percent signs.
func envoyField(name string) field {
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, ')') {
		name = name[:i] // :LENGTH
	}
	upper := strings.ToUpper(name)
	if first, _, ok := strings.Cut(upper, "?"); ok && strings.HasPrefix(upper, "REQ(") {
		upper = first + ")"
	}
	if f, ok := envoyOperators[upper]; ok {
		return f
	}
	if strings.HasPrefix(upper, "START_TIME(") {
		return field{means: timeStart}
	}
	if inner, ok := strings.CutPrefix(upper, "REQ("); ok && !strings.HasPrefix(inner, ":") {
		return headerField(strings.TrimSuffix(inner, ")"))
	}
	return field{}
}

// nextEnvoy finds the next %OPERATOR% of a format string.
func nextEnvoy(format string) (before, name, rest string, err error) {
	at := strings.IndexByte(format, '%')
	if at < 0 {
		return strings.TrimSuffix(strings.TrimSuffix(format, "\n"), `\n`), "", "", nil
	}
	before, rest = format[:at], format[at+1:]
	if after, ok := strings.CutPrefix(rest, "%"); ok {
		return before + "%", "", after, nil
	}
	end := 0
	if open := strings.IndexAny(rest, "(%"); open >= 0 && rest[open] == '(' {
		end = max(0, strings.IndexByte(rest, ')')) // a format of time has percent signs of its own
	}
	close := strings.IndexByte(rest[end:], '%')
	if close < 0 {
		return "", "", "", fmt.Errorf("%q has no second %%", short(format[at:]))
	}
	return before, rest[:end+close], rest[end+close+1:], nil
}

// envoyClass is what response flags say, the first that says something.
func envoyClass(all string, code uint16) core.Class {
	for f := range strings.SplitSeq(all, ",") {
		switch f {
		case "UH", "NC", "NFCF":
			return core.NoEndpoint
		case "UF":
			return core.ConnectRefused
		case "UO", "RL":
			return core.LimitReached
		case "OM":
			return core.Shed
		case "NR":
			return core.NoRoute
		case "UT":
			return core.ResponseTimeout
		case "SI":
			return core.BodyTimeout
		case "DC", "DR":
			return core.ClientGone
		case "UC", "UR", "LR":
			if code != 0 && code < 500 {
				return core.BrokenBody
			}
			return core.ResetBeforeResponse
		case "UPE":
			return core.BadResponse
		case "UAEX":
			return core.Unauthorized
		case "DPE", "IH":
			return core.BadRequest
		case "DT":
			return core.RequestTimeout
		case "DF":
			return core.DNS
		}
	}
	return core.ClassNone
}
