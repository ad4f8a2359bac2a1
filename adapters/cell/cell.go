package cell

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"time"
)

// Cell is one demo upstream, an http.Handler.
type Cell struct {
	name  string
	knobs knobs
}

// New returns a sound cell of that name.
func New(name string) *Cell { return &Cell{name: name, knobs: newKnobs()} }

// answer is what a cell says of a request.
type answer struct {
	Cell         string `json:"cell"`
	Method       string `json:"method"`
	Path         string `json:"path"`
	Query        string `json:"query,omitempty"`
	RoutingKey   string `json:"routing_key,omitempty"`
	RequestID    string `json:"request_id,omitempty"`
	ForwardedFor string `json:"forwarded_for,omitempty"`
	BodyBytes    int64  `json:"body_bytes"`
}

// ServeHTTP implements http.Handler.
func (c *Cell) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Cell-Name", c.name)
	switch r.URL.Path {
	case "/fault":
		c.fault(w, r)
	case "/health":
		c.health(w)
	default:
		c.traffic(w, r)
	}
}

func (c *Cell) health(w http.ResponseWriter) {
	status, word := http.StatusOK, "healthy"
	if c.knobs.get().Health == healthFail {
		status, word = http.StatusServiceUnavailable, "unhealthy"
	}
	writeJSON(w, status, map[string]string{"status": word, "cell": c.name})
}

func (c *Cell) traffic(w http.ResponseWriter, r *http.Request) {
	n, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		return // the caller broke off
	}
	fails, changed := c.knobs.next()
	k := c.knobs.get()
	if !wait(r, time.Duration(k.Latency), nil) {
		return
	}
	if k.Hang && !wait(r, -1, changed) {
		return
	}
	if k.Refuse {
		reset(w)
		return
	}
	if fails {
		writeJSON(w, http.StatusInternalServerError, map[string]string{"cell": c.name, "error": "told to fail, see /fault"})
		return
	}
	writeJSON(w, http.StatusOK, answer{
		Cell: c.name, Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, BodyBytes: n,
		RoutingKey: r.Header.Get("X-Routing-Key"), RequestID: r.Header.Get("X-Request-Id"),
		ForwardedFor: r.Header.Get("X-Forwarded-For"),
	})
}

// wait passes that much time, or for a negative one waits until changed is
// closed; it reports false when the caller left first.
func wait(r *http.Request, d time.Duration, changed <-chan struct{}) bool {
	var due <-chan time.Time
	if d == 0 {
		return true
	}
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-due:
	case <-changed:
	case <-r.Context().Done():
		return false
	}
	return true
}

// reset closes the connection so that the peer sees a reset, not an end.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2: resets the stream
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // without it the peer sees an orderly end, still no answer
	}
	conn.Close()
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // its error is the caller's leaving
}
