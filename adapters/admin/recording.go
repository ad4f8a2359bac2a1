package admin

import (
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// recording streams a trace to a client on this machine, whatever the address
// that the listener has; a second one at the same time is told to come again.
func recording(write func(io.Writer) error) http.Handler {
	busy := make(chan struct{}, 1)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !local(r) {
			http.Error(w, "the recording holds the keys of every tenant: it is given to this machine only, and to no proxy or web page on it; ask http://127.0.0.1 from here, or take the recording from its folder", http.StatusForbidden)
			return
		}
		select {
		case busy <- struct{}{}:
			defer func() { <-busy }()
		default:
			w.Header().Set("Retry-After", "5")
			http.Error(w, "somebody else is reading the recording; come again in a few seconds", http.StatusServiceUnavailable)
			return
		}
		// Who reads too slowly keeps others from it no longer than this.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Minute))
		out := &started{ResponseWriter: w}
		w.Header().Set("Content-Type", "application/octet-stream")
		if err := write(out); err != nil {
			if !out.any {
				http.Error(w, err.Error(), http.StatusServiceUnavailable)
				return
			}
			panic(http.ErrAbortHandler) // a trace that is cut short must not look whole
		}
	})
}

// local reports whether a request is of this machine: it comes from loopback, to
// loopback, and neither a proxy on this machine has passed it on, nor a web
// page asks that somebody on it looks at.
func local(r *http.Request) bool {
	if !r.ProtoAtLeast(1, 1) { // as proxies speak that add no header
		return false
	}
	for name := range r.Header {
		switch name {
		case "Forwarded", "Via", "X-Real-Ip", "Origin":
			return false
		case "Sec-Fetch-Site":
			if r.Header.Get(name) != "none" { // somebody who typed the address
				return false
			}
		}
		if strings.HasPrefix(name, "X-Forwarded") {
			return false
		}
	}
	return loopback(r.RemoteAddr) && (hostOf(r.Host) == "localhost" || loopback(r.Host))
}

// loopback reports whether an address, with a port or without, is one of this machine alone.
func loopback(address string) bool {
	ip := net.ParseIP(hostOf(address))
	return ip != nil && ip.IsLoopback()
}

// hostOf takes the port from an address, and the brackets.
func hostOf(address string) string {
	if h, _, err := net.SplitHostPort(address); err == nil {
		return h
	}
	return strings.Trim(address, "[]")
}

// started knows whether anything was written.
type started struct {
	http.ResponseWriter
	any bool
}

func (s *started) Write(b []byte) (int, error) {
	s.any = true
	return s.ResponseWriter.Write(b)
}
