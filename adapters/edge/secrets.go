package edge

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"lockstep/adapters/filewatch"
	"lockstep/adapters/settings"
)

// secrets are the certificates, client authorities and ticket keys of one
// listener, as its files last had them.
type secrets struct {
	s       settings.Listener
	log     *slog.Logger
	base    *tls.Config // holds the ticket keys; asks for current at every handshake
	current atomic.Pointer[tls.Config]
	store   atomic.Pointer[store]
	pool    *x509.CertPool // of the client authorities; nil without
	tickets []byte         // the ticket keys in use, to see whether they changed; nil: Go's own
	now     func() time.Time
}

// newSecrets reads every file. Unlike a reload it accepts nothing that is broken.
func newSecrets(s settings.Listener, log *slog.Logger) (*secrets, error) {
	t := &secrets{s: s, log: log, now: time.Now}
	t.base = &tls.Config{
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return t.current.Load(), nil },
		MinVersion:         tls.VersionTLS12, // what counts is that of current
	}
	if problems := t.read(); len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return t, nil
}

// config is what a handshake begins with.
func (t *secrets) config() *tls.Config { return t.base }

// read puts in force what can be read. What cannot be leaves the old in force
// and is returned. It is never called twice at once.
func (t *secrets) read() (problems []error) {
	store, problems := loadStore(t.s.TLS, t.store.Load())
	if t.s.TLS.ClientCA != "" {
		pool, err := readPool(t.s.TLS.ClientCA)
		if err != nil {
			problems = append(problems, err)
		} else {
			t.pool = pool
		}
	}
	if t.s.TLS.TicketKeys != "" {
		if err := t.readTickets(); err != nil {
			problems = append(problems, err)
		}
	}
	if store == nil || t.s.TLS.ClientCA != "" && t.pool == nil {
		return problems
	}
	t.store.Store(store)
	t.current.Store(t.build(store))
	return problems
}

// build makes the configuration of new handshakes.
func (t *secrets) build(s *store) *tls.Config {
	c := &tls.Config{
		GetCertificate:         s.choose,
		MinVersion:             tls.VersionTLS12,
		NextProtos:             []string{"h2", "http/1.1", "http/1.0"},
		ClientCAs:              t.pool,
		SessionTicketsDisabled: t.s.TLS.NoTickets,
	}
	if t.s.TLS.Min == "1.3" {
		c.MinVersion = tls.VersionTLS13
	}
	if t.s.HTTP2.Off {
		c.NextProtos = []string{"http/1.1", "http/1.0"}
	}
	switch t.s.TLS.ClientCert {
	case "required":
		c.ClientAuth = tls.RequireAndVerifyClientCert
	case "optional":
		c.ClientAuth = tls.VerifyClientCertIfGiven
	}
	return c
}

// readPool reads the authorities of client certificates.
func readPool(path string) (*x509.CertPool, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading client_ca: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("client_ca %s holds no certificate; it must be PEM, -----BEGIN CERTIFICATE-----", path)
	}
	return pool, nil
}

// watch reads the files again whenever they change, until ctx ends.
func (t *secrets) watch(ctx context.Context, o Options) {
	first := true
	err := filewatch.Run(ctx, filewatch.Options{
		Patterns: t.patterns(), Clock: o.Clock, PollOnly: o.PollOnly,
		Changed: func() []string {
			problems := t.read()
			for _, p := range problems {
				t.log.Error("a changed file of TLS is refused, what was in force stays", "error", p)
			}
			if len(problems) == 0 && !first {
				t.log.Info("the files of TLS were read again", "certificates", len(t.store.Load().all))
			}
			first = false
			t.warnOfExpiry()
			return nil
		},
	})
	if err != nil && !errors.Is(err, context.Canceled) {
		t.log.Error("the files of TLS are not watched any more", "error", err)
	}
}

// patterns lists what to watch.
func (t *secrets) patterns() (out []string) {
	s := t.s.TLS
	if s.Folder != "" {
		out = append(out, filepath.Join(s.Folder, "*"))
	}
	for _, p := range s.Pairs {
		out = append(out, p.Cert, p.Key)
	}
	if s.ClientCA != "" {
		out = append(out, s.ClientCA)
	}
	if s.TicketKeys != "" {
		out = append(out, s.TicketKeys)
		if i, err := os.Stat(s.TicketKeys); err == nil && i.IsDir() {
			out = append(out, filepath.Join(s.TicketKeys, "*"))
		}
	}
	return out
}

// soon is how long before its end a certificate is complained about.
const soon = 14 * 24 * time.Hour

func (t *secrets) warnOfExpiry() {
	for _, p := range t.store.Load().all {
		switch left := p.cert.Leaf.NotAfter.Sub(t.now()); {
		case left <= 0:
			t.log.Error("a certificate has expired", "file", p.file, "at", p.cert.Leaf.NotAfter)
		case left < soon:
			t.log.Warn("a certificate expires soon", "file", p.file, "at", p.cert.Leaf.NotAfter)
		}
	}
}

// Certificate is one certificate that a listener serves.
type Certificate struct {
	Listener, File string
	Names          []string // that it is served for
	NotAfter       time.Time
}

// Certificates lists what the listeners serve now, for metrics and admin pages.
func (e *Edge) Certificates() []Certificate {
	var out []Certificate
	for _, l := range e.listeners {
		if l.tls == nil {
			continue
		}
		for _, p := range l.tls.store.Load().all {
			out = append(out, Certificate{l.s.Name, p.file, p.names(), p.cert.Leaf.NotAfter})
		}
	}
	return out
}
