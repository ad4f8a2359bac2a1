package httpproxy

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"lockstep/adapters/driver"
	"lockstep/adapters/upstream"
	"lockstep/core"
)

// Handler is the router as an http.Handler. It must see requests as they came:
// http.ServeMux, for one, redirects paths that it can clean.
type Handler struct {
	trip    *RoundTripper
	log     *AccessLog
	config  func() ConfigInfo
	buffers sync.Pool // of *[]byte
}

// NewHandler returns a Handler over a driver. Its Deliver must be registered
// with Driver.Handle, or drains and removed endpoints leave connections open.
func NewHandler(r Router, o Options) *Handler {
	return &Handler{
		trip: NewRoundTripper(r, o), log: o.Log, config: o.Config,
		buffers: sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }},
	}
}

// Deliver carries out the decisions that concern connections; it is a sink of
// the driver and ignores all others.
func (h *Handler) Deliver(d driver.Delivery) { h.trip.Deliver(d) }

// CloseIdleConnections closes connections to upstreams that carry no request.
func (h *Handler) CloseIdleConnections() { h.trip.CloseIdleConnections() }

// Upstream returns the connections to endpoints, for health checks and figures.
func (h *Handler) Upstream() *upstream.Set { return h.trip.pools }

// ServeHTTP implements http.Handler. It panics with http.ErrAbortHandler when
// an answer breaks half-way, which is how net/http is told to cut the
// connection so that the client does not take half for the whole.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.config != nil && r.URL.Path == "/debug/config" {
		serveConfig(w, h.config())
		return
	}
	if r.Method == http.MethodConnect {
		refuseConnect(w, r)
		return
	}
	id := h.trip.identify(r)
	line := logLine{begun: time.Now(), request: r, id: id.text, bits: id.bits, way: id.way}
	id.seen = h.trip.sight(r, id.text, line.begun)
	a := arrival(r, id)
	line.adm, line.seen = h.trip.arrive(a, id), id.seen
	res, x := h.trip.answer(r, w, id, &line.adm, &a, line.begun)
	early := x != nil && x.upload.unfinished()
	if early {
		answerEarly(w, r, res)
	}
	whole := h.pass(w, res)
	if early {
		x.upload.interrupt()
	}
	line.status, line.class = res.StatusCode, x.endedAs(&line.adm)
	if x != nil {
		line.why = x.why
	}
	if line.class == core.ClientGone && r.Context().Err() != nil {
		line.status = statusClientGone
	}
	now := time.Now()
	id.seen.ended(&line.adm, line.status, line.class, now)
	h.log.write(&line, now)
	if !whole {
		panic(http.ErrAbortHandler)
	}
}

// answerEarly prepares an answer that comes before the end of the request.
// net/http would first take in the rest of it; and since the rest must never be
// taken for another request, the connection ends with the answer. In HTTP/2 the
// stream ends alone: there "close" would mean GOAWAY, and every bidirectional
// call is answered before its end.
func answerEarly(w http.ResponseWriter, r *http.Request, res *http.Response) {
	if r.ProtoMajor > 1 {
		return
	}
	if res.StatusCode != http.StatusSwitchingProtocols {
		res.Header["Connection"] = []string{"close"}
	}
	// An error means a wrapper that cannot.
	_ = http.NewResponseController(w).EnableFullDuplex()
}

// pass writes an answer to the client; it reports whether all of it went out.
func (h *Handler) pass(w http.ResponseWriter, res *http.Response) (whole bool) {
	defer res.Body.Close()
	if t, ok := res.Body.(*tunnel); ok {
		return join(w, res, t)
	}
	header := answerHeader(w, res.Header)
	for k := range res.Trailer {
		header["Trailer"] = append(header["Trailer"], k)
	}
	if _, typed := header["Content-Type"]; !typed {
		header["Content-Type"] = nil // or net/http would guess one that the upstream did not send
	}
	announced := len(res.Trailer)
	w.WriteHeader(res.StatusCode)
	stream := res.ContentLength < 0 || strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream")
	if !h.copy(w, res.Body, res.ContentLength, stream) {
		return false
	}
	passTrailers(w, res, announced)
	return true
}

// answerHeader makes h the header of the answer and returns it.
func answerHeader(w http.ResponseWriter, h http.Header) http.Header {
	if t, ok := w.(interface{ TakeHeader(http.Header) bool }); ok && t.TakeHeader(h) {
		return h
	}
	header := w.Header()
	for k, v := range h {
		header[k] = v
	}
	return header
}

// copy moves a body to the client, each piece at once while more is to come:
// nobody knows how soon it does. left is its length, -1 for unknown. Of a stream
// the header does not wait for the first piece.
func (h *Handler) copy(w http.ResponseWriter, body io.Reader, left int64, stream bool) (whole bool) {
	if body == http.NoBody {
		return true
	}
	flush := func() { _ = http.NewResponseController(w).Flush() } // its error comes back from the next Write
	if stream {
		flush()
	}
	buffer := h.buffers.Get().(*[]byte)
	defer h.buffers.Put(buffer)
	for {
		n, err := body.Read(*buffer)
		if n > 0 {
			if _, werr := w.Write((*buffer)[:n]); werr != nil {
				return false
			}
			if left -= int64(n); err == nil && left != 0 {
				flush()
			}
		}
		if err == io.EOF {
			return true
		}
		if err != nil {
			// The client gets what came, with its headers, and then a cut connection.
			_ = http.NewResponseController(w).Flush()
			return false
		}
	}
}

// passTrailers sends the trailers: those that were announced under their names,
// others with the prefix by which net/http knows them.
func passTrailers(w http.ResponseWriter, res *http.Response, announced int) {
	prefix := ""
	if len(res.Trailer) != announced {
		prefix = http.TrailerPrefix
	}
	for k, v := range res.Trailer {
		w.Header()[prefix+k] = v
	}
}
