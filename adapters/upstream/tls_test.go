package upstream_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lockstep/adapters/settings"
	"lockstep/adapters/upstream"
	"lockstep/core"
)

// secure runs a TLS endpoint that tells the name asked for, the client's
// certificate and whether the session was resumed.
func secure(t testing.TB, config *tls.Config) (address string) {
	return server(t, func(c net.Conn) {
		s := tls.Server(c, config)
		defer s.Close()
		r, err := http.ReadRequest(bufio.NewReader(s))
		if err != nil {
			return
		}
		state := s.ConnectionState()
		who := "nobody"
		if len(state.PeerCertificates) > 0 {
			who = state.PeerCertificates[0].Subject.CommonName
		}
		text := fmt.Sprintf("%s %s resumed=%v %s", state.ServerName, who, state.DidResume, r.URL.Path)
		fmt.Fprintf(s, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(text), text)
	})
}

func TestTLSIsAsThePlacementSays(t *testing.T) {
	a, other := newAuthority(t), newAuthority(t)
	dir := t.TempDir()
	cert, key := a.issue("router-7")
	ca, otherCA := file(t, dir, "ca.pem", a.pem), file(t, dir, "other.pem", other.pem)
	certFile, keyFile := file(t, dir, "r.crt", cert), file(t, dir, "r.key", key)
	plain := &tls.Config{Certificates: []tls.Certificate{a.pair("e.test")}}
	old := plain.Clone()
	old.MaxVersion = tls.VersionTLS12
	older := plain.Clone()
	older.MinVersion, older.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	mutual := plain.Clone()
	mutual.ClientAuth, mutual.ClientCAs = tls.RequireAndVerifyClientCert, a.pool()
	mutual12 := mutual.Clone()
	mutual12.MaxVersion = tls.VersionTLS12
	rows := []struct {
		name   string
		server *tls.Config
		client *settings.TLS
		want   string // answer, or class and part of the cause
	}{
		{"the system does not know the CA", plain, nil, "tls: certificate"},
		{"its CA", plain, &settings.TLS{CA: ca}, " nobody"},
		{"another CA", plain, &settings.TLS{CA: otherCA}, "tls: certificate"},
		{"a name", plain, &settings.TLS{CA: ca, Name: "e.test"}, "e.test nobody"},
		{"another name", plain, &settings.TLS{CA: ca, Name: "f.test"}, "tls: certificate is valid for e.test, not f.test"},
		{"insecure", plain, &settings.TLS{Insecure: true}, " nobody"},
		{"TLS 1.2 by default", old, &settings.TLS{CA: ca}, " nobody"},
		{"never below", older, &settings.TLS{CA: ca}, "tls: protocol version"},
		{"1.3 at least", old, &settings.TLS{CA: ca, Min: "1.3"}, "tls: protocol version"},
		{"a client certificate", mutual, &settings.TLS{CA: ca, Cert: certFile, Key: keyFile}, " router-7"},
		{"none where one is wanted", mutual, &settings.TLS{CA: ca}, "tls: certificate required"},
		{"none where one is wanted, TLS 1.2", mutual12, &settings.TLS{CA: ca}, "tls: "},
		{"a CA file that is not there", plain, &settings.TLS{CA: filepath.Join(dir, "no.pem")}, "internal: no such file"},
		{"a CA file without certificate", plain, &settings.TLS{CA: keyFile}, "internal: no certificate"},
		{"a key of another certificate", plain, &settings.TLS{CA: ca, Cert: ca, Key: keyFile}, "internal: private key"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			c := newClient(t, upstream.Options{}, "https://"+secure(t, row.server), settings.Upstream{TLS: row.client})
			_, got, err := c.get("")
			if err != nil {
				e := failure(t, err)
				got = e.Class.String() + ": " + e.Detail + ": " + e.Err.Error()
				if class, part, ok := strings.Cut(row.want, ": "); ok && strings.HasPrefix(got, class+": ") && strings.Contains(got, part) {
					return
				}
			}
			if !strings.HasPrefix(got, row.want) {
				t.Errorf("%q, want %q", got, row.want)
			}
		})
	}
}

func TestAPlainServerIsATLSFailure(t *testing.T) {
	address := server(t, func(c net.Conn) {
		io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
		io.Copy(io.Discard, c)
	})
	c := newClient(t, upstream.Options{}, "https://"+address, settings.Upstream{})
	_, _, err := c.get("")
	if e := failure(t, err); e.Class != core.TLS || e.Sent || !strings.Contains(e.Error(), address) {
		t.Errorf("%v", e)
	}
}

func TestATLSSessionIsResumed(t *testing.T) {
	a := newAuthority(t)
	ca := file(t, t.TempDir(), "ca.pem", a.pem)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		config := &tls.Config{Certificates: []tls.Certificate{a.pair("e.test")}, MaxVersion: version}
		c := newClient(t, upstream.Options{}, "https://"+secure(t, config), settings.Upstream{TLS: &settings.TLS{CA: ca}})
		for i, want := range []string{"resumed=false", "resumed=true", "resumed=true"} {
			if _, got, err := c.get(""); !strings.Contains(got, want) {
				t.Errorf("%s, connection %d: %q %v", tls.VersionName(version), i, got, err)
			}
		}
	}
}

func TestChangedTLSFilesTakeEffectAndBrokenOnesDoNot(t *testing.T) {
	first, second := newAuthority(t), newAuthority(t)
	dir := t.TempDir()
	ca := file(t, dir, "ca.pem", first.pem)
	cert, key := first.issue("one")
	certFile, keyFile := file(t, dir, "r.crt", cert), file(t, dir, "r.key", key)
	var current *tls.Config
	both := x509.NewCertPool()
	both.AddCert(first.cert)
	both.AddCert(second.cert)
	serve := &tls.Config{SessionTicketsDisabled: true, GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return current, nil }}
	use := func(a *authority) {
		current = &tls.Config{SessionTicketsDisabled: true, Certificates: []tls.Certificate{a.pair("e.test")}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: both}
	}
	use(first)
	now := time.Now()
	c := newClient(t, upstream.Options{Now: func() time.Time { return now }}, "https://"+secure(t, serve),
		settings.Upstream{TLS: &settings.TLS{CA: ca, Cert: certFile, Key: keyFile}})
	get := func(want string) {
		t.Helper()
		now = now.Add(2 * time.Second)
		if _, got, err := c.get(""); !strings.Contains(got+fmt.Sprint(err), want) {
			t.Errorf("%q %v, want %q", got, err, want)
		}
	}
	get(" one ")
	later := func(name string, content []byte) {
		file(t, dir, filepath.Base(name), content)
		os.Chtimes(name, now.Add(time.Hour), now.Add(time.Hour)) // never by the clock's grain alone
	}
	cert, key = first.issue("two")
	later(certFile, cert) // the key is still the old one: both files change, one after the other
	get(" one ")
	later(keyFile, key)
	get(" two ")
	later(ca, []byte("broken"))
	get(" two ")
	use(second)
	get("tls: ")
	later(ca, append(first.pem, second.pem...))
	get(" two ")
}

func TestFreshTLSConnectionsWithTicketsWaitingAreUsable(t *testing.T) {
	a := newAuthority(t)
	ca := file(t, t.TempDir(), "ca.pem", a.pem)
	s := secureServer(t, a, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.RemoteAddr) }))
	c := newClient(t, upstream.Options{}, s.URL, settings.Upstream{Warm: 1, TLS: &settings.TLS{CA: ca}})
	c.set.Adopted(c.config)
	for c.pool().Stats().Idle == 0 {
		time.Sleep(time.Millisecond)
	}
	_, first, err := c.get("")
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, got, err := c.get("body"); got != first {
			t.Fatalf("another connection, %v", err)
		}
	}
}
