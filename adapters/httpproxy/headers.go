package httpproxy

import (
	"net"
	"net/http"
	"net/textproto"
	"strings"

	"lockstep/adapters/driver"
	"lockstep/core"
)

// Names of headers, in canonical form, as BASELINE has them.
const (
	headerKey       = "X-Routing-Key"
	headerRequestID = "X-Request-Id"
	headerForFor    = "X-Forwarded-For"
	headerForProto  = "X-Forwarded-Proto"
	headerRoutedTo  = "X-Routed-To"
	headerReason    = "X-Route-Reason"
	headerFailover  = "X-Failover-Reason"
	headerCircuit   = "X-Circuit-State"
	headerAttempts  = "X-Lockstep-Attempts" // only where retries are on
)

// hopByHop reports whether a header concerns one connection only (RFC 9110,
// 7.6.1, and the two that older software sends).
func hopByHop(name string) bool {
	switch name {
	case "Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization",
		"Te", "Trailer", "Transfer-Encoding", "Upgrade", "Http2-Settings":
		return true
	}
	return false
}

// connectionTokens returns what the Connection header names, in canonical form.
func connectionTokens(h http.Header) (names []string) {
	for _, v := range h["Connection"] {
		for name := range strings.SplitSeq(v, ",") {
			if name = textproto.TrimString(name); name != "" {
				names = append(names, http.CanonicalHeaderKey(name))
			}
		}
	}
	return names
}

// upgradeOf returns the protocol that a message asks or agrees to change to,
// "" for none. h2c counts as none: over such a connection requests would pass
// without being routed.
func upgradeOf(h http.Header, tokens []string) string {
	up := h["Upgrade"]
	if len(up) == 0 {
		return ""
	}
	for _, t := range tokens {
		if t == "Upgrade" {
			if strings.Contains(strings.ToLower(up[0]), "h2c") {
				return ""
			}
			return up[0]
		}
	}
	return ""
}

// requestHeader returns the header that goes upstream and the upgrade it asks
// for. Values are shared with the request, which is not changed.
func requestHeader(r *http.Request, id string, way *way) (http.Header, string) {
	tokens := connectionTokens(r.Header)
	out := make(http.Header, len(r.Header)+5)
	for k, v := range r.Header {
		if !hopByHop(k) {
			out[k] = v
		}
	}
	for _, name := range tokens {
		delete(out, name)
	}
	upgrade := upgradeOf(r.Header, tokens)
	if upgrade != "" {
		out["Connection"] = []string{"Upgrade"}
		out["Upgrade"] = []string{upgrade}
	}
	for _, te := range r.Header["Te"] {
		if strings.Contains(strings.ToLower(te), "trailers") {
			out["Te"] = []string{"trailers"}
		}
	}
	if _, ok := out["User-Agent"]; !ok {
		out["User-Agent"] = []string{""} // else net/http would send its own
	}
	way.Clean(out)
	made := []string{id, forwardedFor(r, way), way.proto()}
	// Last, so that a Connection header cannot name them away.
	out[headerRequestID] = made[0:1:1]
	if made[1] != "" {
		out[headerForFor] = made[1:2:2]
	}
	out[headerForProto] = made[2:3:3]
	way.setKey(out)
	return out, upgrade
}

// forwardedFor is the client's address appended to what earlier proxies said,
// as far as they are believed.
func forwardedFor(r *http.Request, way *way) string {
	client, _, err := net.SplitHostPort(r.RemoteAddr)
	prior := r.Header[headerForFor]
	if way.Strict() {
		prior = nil
	}
	switch {
	case err != nil && len(prior) == 0:
		return ""
	case err != nil:
		return strings.Join(prior, ", ")
	case len(prior) == 0:
		return client
	}
	return strings.Join(prior, ", ") + ", " + client
}

// cleanResponse removes from an upstream's header what concerns its connection
// or claims to be ours. It returns the upgrade that a 101 agrees to.
func cleanResponse(res *http.Response) (upgrade string) {
	h := res.Header
	tokens := connectionTokens(h)
	if res.StatusCode == http.StatusSwitchingProtocols {
		upgrade = upgradeOf(h, tokens)
	}
	for _, name := range tokens {
		delete(h, name)
	}
	for _, name := range [...]string{
		"Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization",
		"Te", "Trailer", "Transfer-Encoding", "Upgrade",
		headerRoutedTo, headerReason, headerFailover, headerCircuit,
	} {
		delete(h, name)
	}
	if upgrade != "" {
		h["Connection"] = []string{"Upgrade"}
		h["Upgrade"] = []string{upgrade}
	}
	return upgrade
}

// announce puts the router's own headers on an answer (R4). A refusal has been
// nowhere, so it has no X-Routed-To; it may have a circuit state.
func announce(h http.Header, a *driver.Admission, id string) {
	made := []string{id, a.PlacementName, a.Reason.String(), a.Circuit.String(), a.Failover.String()}
	h[headerRequestID] = made[0:1:1]
	if a.Kind == core.Forward {
		h[headerRoutedTo] = made[1:2:2]
	}
	if a.Reason != core.ReasonNone {
		h[headerReason] = made[2:3:3]
	}
	if a.Circuit != core.CircuitNone && a.Class != core.LimitReached {
		h[headerCircuit] = made[3:4:4]
	}
	if a.Failover != core.FailoverNone && a.Kind == core.Forward {
		h[headerFailover] = made[4:5:5]
	}
}

func methodClass(method string) core.Method {
	switch method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return core.MethodSafe
	case http.MethodPut, http.MethodDelete:
		return core.MethodIdempotent
	}
	return core.MethodOther
}
