package routing

import (
	"crypto/x509"
	"net/http"
	"strings"

	"lockstep/adapters/settings"
)

// namesOf returns the names of one kind in a certificate.
func namesOf(c *x509.Certificate, kind string) (names []string) {
	switch kind {
	case settings.SANURI:
		for _, u := range c.URIs {
			names = append(names, u.String())
		}
	case settings.SANDNS:
		for _, n := range c.DNSNames {
			names = append(names, strings.ToLower(n))
		}
	case settings.SANEmail:
		names = c.EmailAddresses
	}
	return names
}

// Strict reports whether a client's word on itself is not to be passed on: the
// configuration has routes of its own, or its listener a list of trusted peers,
// and this peer is not on it.
func (f *Found) Strict() bool { return !f.peer.Trusted && (f.table != nil || f.peer.Judged) }

// Clean removes from a header that goes upstream what only we or a trusted edge
// may say: who the client is, how it came, where it was routed. It takes away
// look-alikes too, with _ for -, which some upstreams cannot tell apart. Then it
// sets the routing key. It must come before the router's own headers are set.
func (f *Found) Clean(out http.Header) {
	strict := f.Strict()
	if strict || f.table != nil {
		for name := range out {
			if plain := dashed(name); strict && reserved(plain) || plain == HeaderKey && plain != name {
				delete(out, name)
			}
		}
	}
	if f.table == nil {
		return // the key stays as it came
	}
	delete(out, HeaderKey)
	if f.Key != "" {
		out[HeaderKey] = []string{f.Key}
	}
}

// dashed is a header's name as those read it who cannot tell _ from -.
func dashed(name string) string {
	if strings.IndexByte(name, '_') < 0 {
		return name
	}
	return http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-"))
}

// reserved reports whether a header is one that we or trusted edges set.
func reserved(name string) bool {
	switch name {
	case "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Server",
		"X-Forwarded-Ssl", "X-Forwarded-Scheme", "X-Forwarded-Prefix", "X-Forwarded-Client-Cert",
		"Forwarded", "X-Real-Ip", "True-Client-Ip",
		"X-Routed-To", "X-Route-Reason", "X-Failover-Reason", "X-Circuit-State":
		return true
	}
	return false
}

// Believed reports whether the peer's word on the client counts: it is on a list
// of trusted peers.
func (f *Found) Believed() bool { return f.peer.Judged && f.peer.Trusted }

// Secure reports whether the request came over TLS.
func (f *Found) Secure() bool { return f.peer.TLS != nil }

// Plain reports whether the key is found as the baseline does.
func (f *Found) Plain() bool { return f.table == nil }
