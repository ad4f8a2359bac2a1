package controlplane

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"sync"

	"github.com/coder/websocket"

	"lockstep/adapters/configfile"
)

// ServerOptions are what a Server is made with. The zero value is usable.
type ServerOptions struct {
	// Token that routers must present; "" lets everyone in.
	Token string
	// Log gets what happens; nil means slog.Default.
	Log *slog.Logger
}

// Server is the control plane's side of the protocol: an http.Handler with
//
//	/connect   routers, by WebSocket
//	/health    200 while it runs (BASELINE)
//	/routers   what each connected router said last, as JSON
type Server struct {
	http.Handler
	token string
	log   *slog.Logger
	ctx   context.Context // ends with Close
	stop  context.CancelFunc

	mu      sync.Mutex
	latest  published
	changed chan struct{} // closed and replaced at every change
	routers roster
}

// published is a configuration on its way to the routers.
type published struct {
	serial  uint64 // 1 for the first; 0 means that there is none
	version string
	message []byte
}

// NewServer returns a server that has nothing to send until Publish.
func NewServer(o ServerOptions) *Server {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	s := &Server{token: o.Token, log: o.Log, changed: make(chan struct{})}
	s.ctx, s.stop = context.WithCancel(context.Background())
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+connectPath, s.guarded(s.connect))
	mux.HandleFunc("GET /routers", s.guarded(s.list))
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, map[string]string{"status": "healthy"})
	})
	s.Handler = mux
	return s
}

// Publish validates the content of a configuration file, named in errors, and
// sends it to every router, connected now or later. After an error what was
// published before stays. changed is false for what is published already.
func (s *Server) Publish(name string, text []byte) (version string, changed bool, err error) {
	return s.PublishMarked(name, text, "")
}

// PublishMarked is Publish where the operator has marked a version deliberate:
// if it is this one, routers take it whatever their push guards say (R13).
func (s *Server) PublishMarked(name string, text []byte, deliberate string) (version string, changed bool, err error) {
	f, err := configfile.Parse(name, text)
	if err != nil {
		return "", false, err
	}
	c, err := f.Compile()
	if err != nil {
		return "", false, err
	}
	message, err := encodeSnapshot(f, c, text, deliberate == c.Version())
	if err == nil && len(message) > maxSnapshot {
		err = fmt.Errorf("the configuration takes %d bytes as a message, more than the %d that routers accept", len(message), maxSnapshot)
	}
	if err != nil {
		return "", false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if bytes.Equal(message, s.latest.message) {
		return c.Version(), false, nil
	}
	s.latest = published{s.latest.serial + 1, c.Version(), message}
	close(s.changed)
	s.changed = make(chan struct{})
	return c.Version(), true, nil
}

// Close says goodbye to every router. They keep what they have.
func (s *Server) Close() { s.stop() }

// Routers returns what each connected router said last, in the order they came.
func (s *Server) Routers() []RouterState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.routers.states()
}

func (s *Server) guarded(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !authorized(r, s.token) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "the bearer token is missing or wrong", http.StatusUnauthorized)
			return
		}
		h(w, r)
	}
}

func (s *Server) list(w http.ResponseWriter, _ *http.Request) { writeJSON(w, s.Routers()) }

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the client has gone, then
}

func (s *Server) connect(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // Accept has answered
	}
	defer conn.CloseNow() //nolint:errcheck // send has closed it in good order, or it is broken
	// The library's bound of 32 KiB on what is read is right for answers.
	// Not a child of s.ctx: a cancelled read cuts the connection without a goodbye.
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()

	s.mu.Lock()
	router := s.routers.join(r.RemoteAddr)
	s.mu.Unlock()
	log := s.log.With("router", r.RemoteAddr)
	log.Info("router connected")
	go keepAlive(ctx, conn)
	go func() {
		defer cancel()
		s.listen(ctx, conn, router, log)
	}()
	err = s.send(ctx, conn, router)
	s.mu.Lock()
	s.routers.leave(router)
	s.mu.Unlock()
	if err != nil {
		log.Warn("router lost", "error", err)
		return
	}
	log.Info("router gone")
}

// send writes the latest configuration, and again whenever there is a later
// one, until the router goes or the server stops. What a slow router has missed
// it is not sent: a snapshot is whole.
func (s *Server) send(ctx context.Context, conn *websocket.Conn, router *RouterState) error {
	for sent := uint64(0); ; {
		s.mu.Lock()
		latest, changed := s.latest, s.changed
		if latest.serial != sent {
			router.Sent = latest.version
		}
		s.mu.Unlock()
		if latest.serial != sent {
			if err := write(ctx, conn, latest.message); err != nil {
				return err
			}
			sent = latest.serial
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.ctx.Done():
			return conn.Close(websocket.StatusGoingAway, "the control plane is stopping")
		case <-changed:
		}
	}
}

// listen reads what the router answers until it goes away.
func (s *Server) listen(ctx context.Context, conn *websocket.Conn, router *RouterState, log *slog.Logger) {
	for {
		_, message, err := conn.Read(ctx)
		if err != nil {
			return
		}
		var a answer
		if err := json.Unmarshal(message, &a); err != nil {
			log.Warn("ignored a message from a router", "error", err)
			continue
		}
		s.mu.Lock()
		known := router.hear(a)
		s.mu.Unlock()
		switch {
		case !known:
			log.Warn("ignored a message from a router", "type", a.Type)
		case a.Type == typeAck:
			log.Info("router acked", "version", a.Version)
		default:
			log.Error("router refused", "version", a.Version, "error", a.Error)
		}
	}
}
