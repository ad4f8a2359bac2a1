package edge_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/adapters/edge"
	"lockstep/adapters/settings"
)

// poll is longer than the time between two looks at the files.
const poll = 6 * time.Second

func TestTheCertificateIsTheOneForTheNameThatTheClientAsksFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca, dir := newAuthority(t, "ca"), t.TempDir()
		for file, names := range map[string][]string{
			"a-api":      {"api.example.com", "API2.example.com"},
			"b-wildcard": {"*.example.com", "example.com"},
			"c-deep":     {"*.eu.example.com"},
		} {
			save(t, filepath.Join(dir, file), ca.leaf(t, ecKey(t), names...))
		}
		one := ca.leaf(t, ecKey(t), "one.example.org")
		write(t, filepath.Join(dir, "d-one.pem"), append(pemOf("CERTIFICATE", one.Certificate[0]), keyPEM(t, one)...))
		write(t, filepath.Join(dir, "notes.txt"), []byte("not a certificate"))
		for _, standard := range []string{"", "one.example.org"} {
			g := newRig(t, settings.Listener{TLS: &settings.ListenerTLS{Folder: dir, Default: standard}}, tell)
			first := "api.example.com"
			if standard != "" {
				first = standard
			}
			for _, c := range []struct{ asked, got string }{
				{"api.example.com", "api.example.com"},
				{"API.EXAMPLE.COM", "api.example.com"},
				{"api2.example.com", "api.example.com"},
				{"www.example.com", "*.example.com"},
				{"example.com", "*.example.com"},
				{"www.eu.example.com", "*.eu.example.com"},
				{"one.example.org", "one.example.org"},
				{"a.b.example.com", first}, // a wildcard is one label
				{"unknown.example.org", first},
				{"", first},
			} {
				state, err := g.handshake(&tls.Config{ServerName: c.asked, InsecureSkipVerify: true})
				if err != nil {
					t.Errorf("%q: %v", c.asked, err)
				} else if got := state.PeerCertificates[0].Subject.CommonName; got != c.got {
					t.Errorf("%q got the certificate of %s, want %s", c.asked, got, c.got)
				}
			}
		}
	})
}

func TestOfTwoCertificatesForOneNameAnOldClientGetsTheOneItCanUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca, dir := newAuthority(t, "ca"), t.TempDir()
		save(t, filepath.Join(dir, "a"), ca.leaf(t, ecKey(t), "api"))
		save(t, filepath.Join(dir, "b"), ca.leaf(t, rsaKey(t), "api"))
		g := newRig(t, settings.Listener{TLS: &settings.ListenerTLS{Folder: dir}}, tell)
		rsaOnly := &tls.Config{ServerName: "api", RootCAs: ca.pool(), MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}}
		for _, c := range []struct {
			config *tls.Config
			want   x509.PublicKeyAlgorithm
		}{{&tls.Config{ServerName: "api", RootCAs: ca.pool()}, x509.ECDSA}, {rsaOnly, x509.RSA}} {
			state, err := g.handshake(c.config)
			if err != nil {
				t.Fatal(err)
			}
			if got := state.PeerCertificates[0].PublicKeyAlgorithm; got != c.want {
				t.Errorf("the key is %v, want %v", got, c.want)
			}
		}
	})
}

func TestCertificatesAreReadAgainAndABrokenPairKeepsTheOldOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca, dir := newAuthority(t, "ca"), t.TempDir()
		a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
		first := ca.leaf(t, ecKey(t), "a.test")
		save(t, a, first)
		save(t, b, ca.leaf(t, ecKey(t), "b.test"))
		g := newRig(t, settings.Listener{TLS: &settings.ListenerTLS{Folder: dir}}, tell)
		serial := func(name string) string {
			t.Helper()
			state, err := g.handshake(&tls.Config{ServerName: name, InsecureSkipVerify: true})
			if err != nil {
				t.Fatal(err)
			}
			return state.PeerCertificates[0].SerialNumber.String()
		}
		if serial("a.test") != first.Leaf.SerialNumber.String() {
			t.Error("the first certificate is not served")
		}

		second := ca.leaf(t, ecKey(t), "a.test")
		save(t, a, second)
		time.Sleep(poll)
		if serial("a.test") != second.Leaf.SerialNumber.String() {
			t.Error("a changed certificate is not served")
		}

		// A key that is another's, and beside it a good change: only the bad pair stays old.
		other, third := ca.leaf(t, ecKey(t), "a.test"), ca.leaf(t, ecKey(t), "b.test")
		write(t, a+".key", keyPEM(t, other))
		save(t, b, third)
		time.Sleep(poll)
		if serial("a.test") != second.Leaf.SerialNumber.String() {
			t.Error("a broken pair has replaced the good one")
		}
		if serial("b.test") != third.Leaf.SerialNumber.String() {
			t.Error("a broken pair keeps a good one from being read")
		}
		if !strings.Contains(g.log.String(), "a.crt and") {
			t.Errorf("the broken pair is not reported:\n%s", g.log.String())
		}

		// A pair that is gone is served no more, unless it is the last.
		save(t, a, ca.leaf(t, ecKey(t), "c.test"))
		for _, f := range []string{b + ".crt", b + ".key"} {
			if err := os.Remove(f); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(poll)
		names := []string{}
		for _, c := range g.edge.Certificates() {
			names = append(names, c.Names...)
		}
		if !slices.Equal(names, []string{"c.test"}) {
			t.Errorf("names served: %v", names)
		}
		for _, f := range []string{a + ".crt", a + ".key"} {
			if err := os.Remove(f); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(poll)
		serial("c.test")
	})
}

func TestABrokenCertificateAtTheStartIsAnErrorThatSaysWhatToDo(t *testing.T) {
	ca, dir := newAuthority(t, "ca"), t.TempDir()
	save(t, filepath.Join(dir, "good", "a"), ca.leaf(t, ecKey(t), "a.test"))
	save(t, filepath.Join(dir, "nokey", "a"), ca.leaf(t, ecKey(t), "a.test"))
	os.Remove(filepath.Join(dir, "nokey", "a.key"))
	write(t, filepath.Join(dir, "pem", "a.pem"), pemOf("CERTIFICATE", ca.cert.Raw))
	write(t, filepath.Join(dir, "onlykey", "a.key"), []byte("x"))
	write(t, filepath.Join(dir, "empty", "readme"), nil)
	write(t, filepath.Join(dir, "short"), []byte("c2hvcnQ=\n"))
	write(t, filepath.Join(dir, "none"), []byte("# nothing\n"))
	good := filepath.Join(dir, "good")
	for _, c := range []struct {
		tls  settings.ListenerTLS
		want string
	}{
		{settings.ListenerTLS{Folder: filepath.Join(dir, "nokey")}, "reading the key of"},
		{settings.ListenerTLS{Folder: filepath.Join(dir, "pem")}, "put it into the same file, or beside it as a.key"},
		{settings.ListenerTLS{Folder: filepath.Join(dir, "onlykey")}, "reading a certificate"},
		{settings.ListenerTLS{Folder: filepath.Join(dir, "empty")}, "put NAME.crt and NAME.key there"},
		{settings.ListenerTLS{Folder: filepath.Join(dir, "nowhere")}, "reading the folder of certificates"},
		{settings.ListenerTLS{Folder: good, Default: "b.test"}, "no certificate has that name"},
		{settings.ListenerTLS{Folder: good, ClientCA: filepath.Join(dir, "short")}, "holds no certificate"},
		{settings.ListenerTLS{Folder: good, ClientCA: filepath.Join(dir, "nowhere")}, "reading client_ca"},
		{settings.ListenerTLS{Folder: good, TicketKeys: filepath.Join(dir, "short")}, "line 1 of the session ticket keys"},
		{settings.ListenerTLS{Folder: good, TicketKeys: filepath.Join(dir, "none")}, "holds no session ticket key"},
		{settings.ListenerTLS{Folder: good, TicketKeys: filepath.Join(dir, "nowhere")}, "reading the session ticket keys"},
	} {
		_, err := edge.Listen(edge.Options{Listeners: []settings.Listener{{Name: "edge", Address: "127.0.0.1:0", TLS: &c.tls}}})
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), `listener "edge"`) {
			t.Errorf("the error is %v, want %q in it", err, c.want)
		}
	}
}

func TestAClientOlderThanMinIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca, dir := newAuthority(t, "ca"), t.TempDir()
		save(t, filepath.Join(dir, "a"), ca.leaf(t, ecKey(t), "a.test"))
		for _, c := range []struct {
			min     string
			offered uint16
			ok      bool
		}{
			{"1.2", tls.VersionTLS11, false},
			{"1.2", tls.VersionTLS12, true},
			{"1.2", tls.VersionTLS13, true},
			{"1.3", tls.VersionTLS12, false},
			{"1.3", tls.VersionTLS13, true},
		} {
			g := newRig(t, settings.Listener{TLS: &settings.ListenerTLS{Folder: dir, Min: c.min}}, tell)
			_, err := g.handshake(&tls.Config{ServerName: "a.test", RootCAs: ca.pool(), MinVersion: tls.VersionTLS10, MaxVersion: c.offered})
			if (err == nil) != c.ok {
				t.Errorf("min %s, the client has %s: %v", c.min, tls.VersionName(c.offered), err)
			}
			synctest.Wait()
			if failed := g.edge.Stats()[0].TLSFailed; (failed == 0) != c.ok {
				t.Errorf("min %s, the client has %s: %d handshakes failed", c.min, tls.VersionName(c.offered), failed)
			}
		}
	})
}

func TestClientCertificatesAreAskedForAsTheListenerSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca, partners, strangers, dir := newAuthority(t, "ca"), newAuthority(t, "partners"), newAuthority(t, "strangers"), t.TempDir()
		save(t, filepath.Join(dir, "a"), ca.leaf(t, ecKey(t), "a.test"))
		authorities := partners.save(t, filepath.Join(dir, "partners.ca"))
		known, unknown := partners.leaf(t, ecKey(t), "bank"), strangers.leaf(t, ecKey(t), "bank")
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			for _, c := range []struct {
				setting, sends string
				ok             bool
				chains         string
			}{
				{"required", "", false, ""},
				{"required", "known", true, "bank<partners"},
				{"required", "unknown", false, ""},
				{"optional", "", true, ""},
				{"optional", "known", true, "bank<partners"},
				{"optional", "unknown", false, ""},
				{"none", "", true, ""},
				{"none", "known", true, ""},
			} {
				s := &settings.ListenerTLS{Folder: dir, ClientCert: c.setting, ClientCA: authorities}
				if c.setting == "none" {
					s.ClientCA = ""
				}
				g := newRig(t, settings.Listener{TLS: s}, tell)
				config := &tls.Config{ServerName: "a.test", RootCAs: ca.pool(), MaxVersion: version}
				// GetClientCertificate sends even what the server's list does not name.
				config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
					switch c.sends {
					case "known":
						return &known, nil
					case "unknown":
						return &unknown, nil
					}
					return &tls.Certificate{}, nil
				}
				res, err := g.client(config, func(p *http.Protocols) { p.SetHTTP1(true) }).Get("https://a.test/")
				if (err == nil) != c.ok {
					t.Errorf("%s, the client sends %q, %s: %v", c.setting, c.sends, tls.VersionName(version), err)
				}
				if err != nil {
					continue
				}
				if text := body(t, res); !strings.HasSuffix(text, "chains="+c.chains) {
					t.Errorf("%s, the client sends %q: %s", c.setting, c.sends, text)
				}
			}
		}
	})
}

func TestTheAuthoritiesOfClientsAreReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca, before, after, dir := newAuthority(t, "ca"), newAuthority(t, "before"), newAuthority(t, "after"), t.TempDir()
		save(t, filepath.Join(dir, "a"), ca.leaf(t, ecKey(t), "a.test"))
		file := before.save(t, filepath.Join(dir, "clients.ca"))
		keys := filepath.Join(dir, "tickets.keys")
		write(t, keys, []byte(ticketKey(1)))
		g := newRig(t, settings.Listener{TLS: &settings.ListenerTLS{Folder: dir, ClientCA: file, TicketKeys: keys}}, tell)
		old := &tls.Config{
			ServerName: "a.test", RootCAs: ca.pool(), ClientSessionCache: tls.NewLRUClientSessionCache(1),
			Certificates: []tls.Certificate{before.leaf(t, ecKey(t), "bank")},
		}
		for i, resumed := range []bool{false, true} {
			if state, err := g.handshake(old); err != nil || state.DidResume != resumed {
				t.Fatalf("handshake %d: %v %v\n%s", i, state, err, g.log.String())
			}
		}

		write(t, file, []byte("broken"))
		time.Sleep(poll)
		if _, err := g.handshake(old); err != nil {
			t.Errorf("broken authorities have replaced the good ones: %v", err)
		}

		after.save(t, file)
		time.Sleep(poll)
		if _, err := g.handshake(old); err == nil {
			t.Error("a session made under authorities that are trusted no more goes on")
		}
		good := &tls.Config{ServerName: "a.test", RootCAs: ca.pool(), Certificates: []tls.Certificate{after.leaf(t, ecKey(t), "bank")}}
		if _, err := g.handshake(good); err != nil {
			t.Errorf("the new authorities: %v", err)
		}
	})
}

func TestRoutersThatShareTicketKeysResumeEachOthersSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca, dir := newAuthority(t, "ca"), t.TempDir()
		save(t, filepath.Join(dir, "certs", "a"), ca.leaf(t, ecKey(t), "a.test"))
		server := func(name, keys string) (*rig, string) {
			file := ""
			if keys != "" {
				file = filepath.Join(dir, name)
				write(t, file, []byte(keys))
			}
			return newRig(t, settings.Listener{TLS: &settings.ListenerTLS{Folder: filepath.Join(dir, "certs"), TicketKeys: file}}, tell), file
		}
		one, file := server("one", ticketKey(1))
		two, _ := server("two", "# rotated\n"+ticketKey(2)+ticketKey(1))
		stranger, _ := server("stranger", ticketKey(3))
		own, _ := server("", "")
		off := newRig(t, settings.Listener{TLS: &settings.ListenerTLS{Folder: filepath.Join(dir, "certs"), NoTickets: true}}, tell)
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			check := func(what string, first, second *rig, want bool) {
				t.Helper()
				config := &tls.Config{ServerName: "a.test", RootCAs: ca.pool(), MaxVersion: version, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
				if _, err := first.handshake(config); err != nil {
					t.Fatal(err)
				}
				state, err := second.handshake(config)
				if err != nil {
					t.Fatal(err)
				}
				if state.DidResume != want {
					t.Errorf("%s, %s: resumed is %t, want %t", what, tls.VersionName(version), state.DidResume, want)
				}
			}
			check("the same router", one, one, true)
			check("one whose second key is the first's", one, two, true)
			check("the other way round, with a key that it lacks", two, one, false)
			check("other keys", one, stranger, false)
			check("Go's own keys", own, own, true)
			check("Go's own keys elsewhere", own, one, false)
			check("no tickets", off, off, false)
		}

		// Rotated: the new key first, the old one still good; then the old one goes.
		config := &tls.Config{ServerName: "a.test", RootCAs: ca.pool(), ClientSessionCache: tls.NewLRUClientSessionCache(1)}
		resumed := func() bool {
			state, err := one.handshake(config)
			if err != nil {
				t.Fatal(err)
			}
			return state.DidResume
		}
		resumed()
		write(t, file, []byte(ticketKey(2)+ticketKey(1)))
		time.Sleep(poll)
		if !resumed() {
			t.Error("after a rotation the old key decrypts no more")
		}
		write(t, file, []byte(ticketKey(4)))
		time.Sleep(poll)
		if resumed() {
			t.Error("a key that was taken away still decrypts")
		}
		write(t, file, []byte("broken"))
		time.Sleep(poll)
		if !resumed() {
			t.Error("a broken file of keys has replaced the good one")
		}
		if strings.Contains(one.log.String(), strings.TrimSpace(ticketKey(4))) {
			t.Error("a key is in the log")
		}
	})
}

func TestInAFolderOfTicketKeysTheNewestNameEncrypts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca, dir := newAuthority(t, "ca"), t.TempDir()
		save(t, filepath.Join(dir, "certs", "a"), ca.leaf(t, ecKey(t), "a.test"))
		folder, single := filepath.Join(dir, "keys"), filepath.Join(dir, "single")
		write(t, filepath.Join(folder, "2026-11-01"), []byte(ticketKey(1)))
		write(t, filepath.Join(folder, "2026-11-02"), []byte(ticketKey(2)))
		write(t, single, []byte(ticketKey(2)))
		fleet := newRig(t, settings.Listener{TLS: &settings.ListenerTLS{Folder: filepath.Join(dir, "certs"), TicketKeys: folder}}, tell)
		other := newRig(t, settings.Listener{TLS: &settings.ListenerTLS{Folder: filepath.Join(dir, "certs"), TicketKeys: single}}, tell)
		config := &tls.Config{ServerName: "a.test", RootCAs: ca.pool(), ClientSessionCache: tls.NewLRUClientSessionCache(1)}
		for _, g := range []*rig{fleet, other} {
			state, err := g.handshake(config)
			if err != nil {
				t.Fatal(err)
			}
			if state.DidResume != (g == other) {
				t.Errorf("resumed is %t", state.DidResume)
			}
		}
	})
}

func TestACertificateThatEndsSoonIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca, dir := newAuthority(t, "ca"), t.TempDir()
		key := ecKey(t)
		cert, _ := sign(t, ca, key, &x509.Certificate{DNSNames: []string{"a.test"}, NotBefore: time.Now(), NotAfter: time.Now().Add(24 * time.Hour)})
		save(t, filepath.Join(dir, "a"), tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key})
		g := newRig(t, settings.Listener{TLS: &settings.ListenerTLS{Folder: dir}}, tell)
		synctest.Wait()
		if !strings.Contains(g.log.String(), "expires soon") {
			t.Errorf("nothing was said:\n%s", g.log.String())
		}
	})
}

func TestAPlainClientOfATLSListenerIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca, dir := newAuthority(t, "ca"), t.TempDir()
		save(t, filepath.Join(dir, "a"), ca.leaf(t, ecKey(t), "a.test"))
		g := newRig(t, settings.Listener{TLS: &settings.ListenerTLS{Folder: dir}}, tell)
		for says, want := range map[string]string{
			"GET / HTTP/1.1\r\nHost: a\r\n\r\n": "HTTP/1.0 400 Bad Request",
			"SSH-2.0-OpenSSH_9.2\r\n":           "",
		} {
			if answer := g.talk(says); !strings.HasPrefix(answer, want) || want == "" && answer != "" {
				t.Errorf("%q: the answer is %q", says, answer)
			}
		}
	})
}
