package httpproxy

import (
	"math/rand/v2"
	"net/http"

	"lockstep/traces"
)

// requestID is an id as text, for headers and logs, and as the recording keeps
// it, and who looks on.
type requestID struct {
	text string
	bits [2]uint64
	way  *way   // how the request is routed
	seen *sight // nil when nobody observes the request
}

// identify returns the id that a request came with, or makes one: unlikely to
// repeat, though not hard to guess.
func (t *RoundTripper) identify(r *http.Request) requestID {
	w := &way{router: t.routing, sticky: &t.sticky, request: r}
	if given := r.Header[headerRequestID]; len(given) > 0 && given[0] != "" && t.routing.TrustedID(r) {
		hi, lo := traces.ParseRequestID(given[0])
		w.id = [2]uint64{hi, lo}
		return requestID{text: given[0], bits: w.id, way: w}
	}
	bits := [2]uint64{rand.Uint64(), rand.Uint64()}
	w.id = bits
	return requestID{text: traces.FormatRequestID(bits), bits: bits, way: w}
}
