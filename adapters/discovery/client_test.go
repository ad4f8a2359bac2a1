package discovery_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/dns/dnsmessage"

	"lockstep/adapters/discovery"
	"lockstep/adapters/discovery/dnstest"
	"lockstep/core"
)

// plain is endpoints as text: URL and weight.
func plain(all []core.EndpointSpec) (out []string) {
	for _, e := range all {
		text := e.URL
		if e.Weight != 0 {
			text += " " + string(rune('0'+e.Weight/100)) + string(rune('0'+e.Weight/10%10)) + string(rune('0'+e.Weight%10))
		}
		out = append(out, text)
	}
	return out
}

func TestEndpointsAreFoundByAddressAndService(t *testing.T) {
	s := dnstest.New(t)
	s.A("two.test.", 30, "192.0.2.2", "192.0.2.1", "192.0.2.2", "2001:db8::1")
	s.Records["A alias.test."] = []dnsmessage.Resource{
		{Header: dnstest.Header("alias.test.", 7), Body: &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName("real.test.")}},
		{Header: dnstest.Header("real.test.", 60), Body: &dnsmessage.AResource{A: [4]byte{192, 0, 2, 9}}},
	}
	s.SRV("_http._tcp.s.test.", 20, 1, 10, 8080, "b.test.")
	s.SRV("_http._tcp.s.test.", 10, 1, 30, 8081, "a.test.")
	s.SRV("_http._tcp.s.test.", 20, 1, 0, 8082, "c.test.")
	s.SRV("_http._tcp.s.test.", 20, 2, 99, 8083, "spare.test.")
	s.SRV("_http._tcp.even.test.", 20, 0, 0, 80, "a.test.")
	s.SRV("_http._tcp.even.test.", 20, 0, 0, 81, "a.test.")
	s.SRV("_http._tcp.gone.test.", 20, 0, 0, 80, ".")
	rows := []struct {
		name discovery.Name
		want []string
		ttl  time.Duration
	}{
		{discovery.Name{Host: "two.test", Port: 80, Scheme: "http"}, []string{"http://192.0.2.1:80", "http://192.0.2.2:80", "http://[2001:db8::1]:80"}, 30 * time.Second},
		{discovery.Name{Host: "TWO.test.", Port: 8443, Scheme: "https"}, []string{"https://192.0.2.1:8443", "https://192.0.2.2:8443", "https://[2001:db8::1]:8443"}, 30 * time.Second},
		{discovery.Name{Host: "alias.test", Port: 80, Scheme: "http"}, []string{"http://192.0.2.9:80"}, 7 * time.Second},
		{discovery.Name{Service: "_http._tcp.s.test", Scheme: "http"}, []string{"http://a.test:8081 100", "http://b.test:8080 033", "http://c.test:8082 001"}, 10 * time.Second},
		{discovery.Name{Service: "_http._tcp.even.test", Scheme: "http"}, []string{"http://a.test:80 100", "http://a.test:81 100"}, 20 * time.Second},
		{discovery.Name{Service: "_http._tcp.gone.test", Scheme: "http"}, nil, 20 * time.Second},
	}
	for _, truncate := range []bool{false, true} {
		s.Change(func() { s.Truncate = truncate })
		for _, row := range rows {
			row.name.Server = s.Address
			got, err := new(discovery.Client).Lookup(context.Background(), row.name)
			if d := cmp.Diff(row.want, plain(got.Endpoints)); d != "" || err != nil || got.TTL != row.ttl {
				t.Errorf("%+v: %v, for %v: %s", row.name, err, got.TTL, d)
			}
		}
	}
	var last string
	s.Change(func() { last = s.Asked[len(s.Asked)-1] })
	if !strings.HasPrefix(last, "tcp ") {
		t.Errorf("a truncated answer was not asked for by TCP: %s", last)
	}
}

func TestANameThatDoesNotExistIsAnEmptyAnswerAndAFailureIsNone(t *testing.T) {
	s := dnstest.New(t)
	quick := &discovery.Client{Timeout: 50 * time.Millisecond}
	n := discovery.Name{Host: "no.test", Port: 80, Scheme: "http", Server: s.Address}
	s.Change(func() { s.Code = dnsmessage.RCodeNameError })
	if got, err := quick.Lookup(context.Background(), n); err != nil || len(got.Endpoints) != 0 {
		t.Errorf("%v %v", got, err)
	}
	for what, change := range map[string]func(){
		"SERVFAIL":           func() { s.Code = dnsmessage.RCodeServerFailure },
		"REFUSED":            func() { s.Code = dnsmessage.RCodeRefused },
		"silence":            func() { s.Silent = true },
		"another id":         func() { s.Mangle = func(m *dnsmessage.Message) { m.ID++ } },
		"another question":   func() { s.Mangle = func(m *dnsmessage.Message) { m.Questions[0].Type = dnsmessage.TypeMX } },
		"no answer at all":   func() { s.Mangle = func(m *dnsmessage.Message) { m.Response = false } },
		"only half heard of": func() { s.Mangle = func(m *dnsmessage.Message) { halfDeaf(m) } },
	} {
		s.Change(func() {
			s.Code, s.Silent, s.Mangle = dnsmessage.RCodeSuccess, false, nil
			s.Records = map[string][]dnsmessage.Resource{}
			s.A("no.test.", 5, "192.0.2.1")
			change()
		})
		if got, err := quick.Lookup(context.Background(), n); err == nil || !strings.Contains(err.Error(), "no.test") {
			t.Errorf("%s: %v %v", what, got, err)
		}
	}
}

// halfDeaf fails for AAAA only: what A says must not stand alone then.
func halfDeaf(m *dnsmessage.Message) {
	if m.Questions[0].Type == dnsmessage.TypeAAAA {
		m.RCode = dnsmessage.RCodeServerFailure
	}
}

func TestServersOfResolvConfAreAskedInTurn(t *testing.T) {
	conf := filepath.Join(t.TempDir(), "resolv.conf")
	os.WriteFile(conf, []byte("# none\nnameserver 127.0.0.254\nnameserver 127.0.0.253\noptions x\n"), 0o600)
	c := &discovery.Client{ResolvConf: conf, Timeout: 50 * time.Millisecond}
	_, err := c.Lookup(context.Background(), discovery.Name{Host: "a.test", Port: 1, Scheme: "http"})
	if err == nil || !strings.Contains(err.Error(), "127.0.0.25") {
		t.Errorf("%v", err)
	}
}

func TestALookupEndsWithItsContext(t *testing.T) {
	s := dnstest.New(t)
	s.Change(func() { s.Silent = true })
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	begin := time.Now()
	if _, err := new(discovery.Client).Lookup(ctx, discovery.Name{Host: "a.test", Port: 1, Server: s.Address}); err == nil || time.Since(begin) > time.Second {
		t.Errorf("%v after %v", err, time.Since(begin))
	}
}
