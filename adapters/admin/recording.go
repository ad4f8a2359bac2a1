package admin

import (
	"io"
	"net"
	"net/http"
	"time"
)

// recording streams a trace to a client on this machine, whatever the address
// that the listener has; a second one at the same time is told to come again.
func recording(write func(io.Writer) error) http.Handler {
	busy := make(chan struct{}, 1)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !local(r) {
			http.Error(w, "the recording holds the keys of every tenant: it is given to this machine only; ask from here, or take the recording from its folder", http.StatusForbidden)
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

// local reports whether a request is of this machine, and not one that a proxy
// on it has passed on.
func local(r *http.Request) bool {
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "Via"} {
		if r.Header.Get(name) != "" {
			return false
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
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
