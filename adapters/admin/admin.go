package admin

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/pprof"
)

// Options are what the pages show. Each may be nil: its path is then 404.
type Options struct {
	// Metrics answers /metrics.
	Metrics http.Handler
	// Ready says whether the router should get requests, and why not. It must not
	// depend on the control plane (R13).
	Ready func() (ready bool, why string)
	// Config answers /debug/config.
	Config http.Handler
	// Recording answers /debug/recording with what the flight recorder's memory
	// holds, as a trace: routing keys and request ids of everybody. It is served to
	// this machine only, and to one at a time.
	Recording func(w io.Writer) error
	// Profiles serves /debug/pprof/.
	Profiles bool
	// AnyHost answers to every Host: for a listener that other machines reach by
	// name. Without it only an address or localhost will do, which keeps a web page
	// that a person on this machine visits from reading the pages.
	AnyHost bool
}

// page is a path and what it is for.
type page struct{ path, what string }

// New returns the pages.
func New(o Options) http.Handler {
	mux := http.NewServeMux()
	var pages []page
	add := func(path, what string, h http.Handler) {
		mux.Handle("GET "+path, h)
		pages = append(pages, page{path, what})
	}
	add("/healthz", "200 while the process answers", http.HandlerFunc(healthy))
	if o.Ready != nil {
		add("/readyz", "200 when the router takes requests, else 503 and the reason", ready(o.Ready))
	}
	if o.Metrics != nil {
		add("/metrics", "for Prometheus", o.Metrics)
	}
	if o.Config != nil {
		add("/debug/config", "the configuration in force", o.Config)
	}
	if o.Recording != nil {
		add("/debug/recording", "what the flight recorder holds in memory, a trace; to this machine only", recording(o.Recording))
	}
	if o.Profiles {
		add("/debug/pprof/", "profiles, for go tool pprof", http.HandlerFunc(pprof.Index))
		mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("POST /debug/pprof/symbol", pprof.Symbol) // go tool pprof posts addresses
	}
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		for _, p := range pages {
			fmt.Fprintf(w, "%-16s %s\n", p.path, p.what)
		}
	})
	return own(mux, o.AnyHost)
}

// own refuses requests that name another host, as those of a page of another
// site do whose name suddenly means this machine.
func own(next http.Handler, anyHost bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := hostOf(r.Host)
		if !anyHost && host != "" && host != "localhost" && net.ParseIP(host) == nil {
			http.Error(w, "this listener answers to an address or localhost only", http.StatusMisdirectedRequest)
			return
		}
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func healthy(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") }

func ready(is func() (bool, string)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		yes, why := is()
		if !yes {
			http.Error(w, "not ready: "+why, http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
}

// Address completes the address of an admin listener: without a host it is
// loopback. public reports whether other machines can reach it.
func Address(given string) (address string, public bool, err error) {
	host, port, err := net.SplitHostPort(given)
	if err != nil {
		return "", false, fmt.Errorf("the admin address %q is not host:port: %w; write 127.0.0.1:9901, or :9901 for the same", given, err)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	ip := net.ParseIP(host)
	public = host != "localhost" && (ip == nil || !ip.IsLoopback())
	return net.JoinHostPort(host, port), public, nil
}
