package upstream

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"lockstep/adapters/settings"
	"lockstep/core"
)

// classOfFiles is what a request gets whose TLS files cannot be read: they are
// ours, and say nothing about the endpoint.
const classOfFiles = core.Internal

// tlsLook is how often the files of TLS settings are looked at, at most.
const tlsLook = time.Second

// sessions is how many TLS sessions are kept for resumption, per endpoint.
const sessions = 64

// tlsSource makes the tls.Config of an endpoint's connections and renews it
// when its files change. It remembers the files by time and size, and looks
// when a connection is opened: what is not used needs no renewal.
type tlsSource struct {
	settings settings.TLS
	base     *tls.Config // nil for none
	host     string
	now      func() time.Time

	mu     sync.Mutex
	looked time.Time
	seen   [3]stamp
	made   map[string]*tls.Config // by the first protocol offered
}

// stamp tells one state of a file from another.
type stamp struct {
	time time.Time
	size int64
}

func newTLSSource(base *tls.Config, u *settings.Upstream, host string, now func() time.Time) *tlsSource {
	s := &tlsSource{base: base, host: host, now: now}
	if u.TLS != nil {
		s.settings = *u.TLS
	}
	return s
}

// config returns the configuration for a handshake now. Where the files have
// become unreadable the last good one goes on.
func (s *tlsSource) config(protocols []string) (*tls.Config, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	made := s.made[protocols[0]]
	now := s.now()
	if made != nil && now.Sub(s.looked) < tlsLook {
		return made, nil
	}
	s.looked = now
	seen := s.stamps()
	if made != nil && seen == s.seen {
		return made, nil
	}
	fresh, err := s.build()
	if err != nil {
		if made != nil {
			return made, nil
		}
		return nil, err
	}
	if seen != s.seen || s.made == nil {
		s.seen, s.made = seen, map[string]*tls.Config{}
	}
	fresh.NextProtos = protocols
	s.made[protocols[0]] = fresh
	return fresh, nil
}

// stamps looks at the files; one that is missing has the zero stamp.
func (s *tlsSource) stamps() (all [3]stamp) {
	for i, name := range [...]string{s.settings.CA, s.settings.Cert, s.settings.Key} {
		if name == "" {
			continue
		}
		if info, err := os.Stat(name); err == nil {
			all[i] = stamp{info.ModTime(), info.Size()}
		}
	}
	return all
}

func (s *tlsSource) build() (*tls.Config, error) {
	c := &tls.Config{}
	if s.base != nil {
		c = s.base.Clone()
	}
	t := &s.settings
	c.ServerName = cmp.Or(t.Name, c.ServerName, s.host)
	c.ClientSessionCache = tls.NewLRUClientSessionCache(sessions)
	c.MinVersion = max(c.MinVersion, tls.VersionTLS12)
	if t.Min == "1.3" {
		c.MinVersion = tls.VersionTLS13
	}
	if t.Insecure {
		c.InsecureSkipVerify = true // written out in the configuration
	}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, fmt.Errorf("reading the CA: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, errors.New("the CA file " + t.CA + " holds no certificate in PEM")
		}
	}
	if t.Cert != "" {
		own, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, fmt.Errorf("reading the client certificate: %w", err)
		}
		c.Certificates = []tls.Certificate{own}
	}
	return c, nil
}
