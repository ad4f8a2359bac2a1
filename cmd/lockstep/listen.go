package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"time"
)

// listenOn opens a port; an error says which, and what to do.
func listenOn(what, address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s cannot listen on %s: the port is taken by another program; end that one, or choose another port", what, address)
	case err != nil:
		return nil, fmt.Errorf("%s cannot listen on %s: %w", what, address, err)
	}
	return l, nil
}

func closeAll(open []net.Listener) {
	for _, l := range open {
		l.Close()
	}
}

// addressOfPort makes an address of a port alone, as PORT has it.
func addressOfPort(port string) string {
	if port == "" || strings.Contains(port, ":") {
		return port
	}
	return ":" + port
}

// server is an HTTP server that can be ended with patience.
type server struct {
	http   http.Server
	active sync.WaitGroup // handlers at work: Shutdown forgets those that were upgraded
}

// newServer returns a server for h. Bodies have no time limit here: what
// limits them is the handler's business.
func newServer(h http.Handler, errs io.Writer) *server {
	s := new(server)
	s.http = http.Server{
		ReadHeaderTimeout: 15 * time.Second,
		IdleTimeout:       60 * time.Second,
		ErrorLog:          slog.NewLogLogger(slog.NewTextHandler(errs, nil), slog.LevelWarn),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.active.Add(1)
			defer s.active.Done()
			h.ServeHTTP(w, r)
		}),
	}
	return s
}

// serve answers on l until the server is ended.
func (s *server) serve(l net.Listener) error {
	if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// run answers on l until ctx ends; requests then under way get that much time.
func (s *server) run(ctx context.Context, l net.Listener, patience time.Duration) error {
	failed := make(chan error, 1)
	go func() { failed <- s.serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s.end(ctx)
	return nil
}

// end stops accepting, waits for requests under way until ctx ends, and then
// closes what is left. whole is true if nothing was.
func (s *server) end(ctx context.Context) (whole bool) {
	defer s.http.Close()
	if s.http.Shutdown(ctx) != nil {
		return false
	}
	upgraded := make(chan struct{})
	go func() { s.active.Wait(); close(upgraded) }()
	select {
	case <-upgraded:
		return true
	case <-ctx.Done():
		return false
	}
}
