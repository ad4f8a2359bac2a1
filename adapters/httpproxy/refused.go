package httpproxy

import (
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"lockstep/adapters/driver"
	"lockstep/adapters/http1"
	"lockstep/core"
	"lockstep/traces"
)

// Refused takes up a request that the server refused before it was one (package
// http1 calls it): it becomes a decision of the router, which is recorded, and a
// line of the access log with its reason. The answer gets the id of both.
func (h *Handler) Refused(f *http1.Refusal) {
	if f.RoutedBody {
		return // the exchange that reads the body tells of it
	}
	bits := [2]uint64{rand.Uint64(), rand.Uint64()}
	f.RequestID = traces.FormatRequestID(bits)
	path, _, _ := strings.Cut(f.Target, "?")
	line := logLine{
		begun: f.Begun, id: f.RequestID, way: new(way), status: f.Reason.Status(), class: f.Reason.Class(), refused: f.Reason.String(),
		request: &http.Request{Method: f.Method, URL: &url.URL{Path: path}, Host: f.Host, RemoteAddr: f.RemoteAddr},
	}
	line.seen = h.trip.sight(line.request, f.RequestID, f.Begun)
	if line.class == core.ClientGone {
		line.status = statusClientGone // nobody is left to be answered, so there is nothing to decide
	}
	line.adm.Target = &driver.Target{}
	if line.class.ByEdge() {
		line.adm = h.trip.router.Arrive(driver.Arrival{ID: bits, Method: methodClass(f.Method), Length: -1, Refuse: line.class})
	}
	now := time.Now()
	line.seen.ended(&line.adm, line.status, line.class, now)
	h.log.write(&line, now)
}
