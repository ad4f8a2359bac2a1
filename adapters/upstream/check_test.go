package upstream_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"lockstep/adapters/settings"
	"lockstep/adapters/upstream"
)

func (c *client) check() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	return c.set.Check(ctx, upstream.Identity{Placement: "p", URL: c.url}, c.config, 0)
}

func TestACheckByHTTPLooksAtTheStatus(t *testing.T) {
	var code int
	var asked string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.Method + " " + r.RequestURI + " " + r.UserAgent()
		if code >= 300 && code < 400 {
			w.Header().Set("Location", "/elsewhere")
		}
		w.WriteHeader(code)
		if code != 204 && code != 304 {
			io.WriteString(w, "a body")
		}
	}))
	defer s.Close()
	some := &settings.Health{Status: []settings.Status{{From: 204, To: 204}, {From: 300, To: 399}}}
	for _, row := range []struct {
		code   int
		health *settings.Health
		well   bool
	}{
		{200, nil, true},
		{299, nil, true},
		{302, nil, false},
		{404, nil, false},
		{500, nil, false},
		{204, some, true},
		{302, some, true},
		{304, some, true},
		{200, some, false},
		{400, some, false},
	} {
		c := newClient(t, upstream.Options{}, s.URL+"/base/", settings.Upstream{Health: row.health})
		code = row.code
		if err := c.check(); (err == nil) != row.well {
			t.Errorf("%d with %+v: %v", row.code, row.health, err)
		}
		if asked != "GET /base/health lockstep-health" {
			t.Errorf("asked %s", asked)
		}
		if st := c.pool().Stats(); st.Open != 0 {
			t.Errorf("a check left a connection: %+v", st)
		}
	}
}

func TestAChecksConnectionIsItsOwn(t *testing.T) {
	inMemory(t, answering(ok), settings.Upstream{MaxOpen: 1}, func(t *testing.T, c *client) {
		c.get("")
		for range 3 {
			if err := c.check(); err != nil {
				t.Error(err)
			}
		}
		if s := c.pool().Stats(); s.Open != 1 || s.Idle != 1 {
			t.Errorf("%+v", s)
		}
	})
}

func TestEveryKindOfCheckTellsWellFromUnwell(t *testing.T) {
	a := newAuthority(t)
	trust := &settings.TLS{CA: file(t, t.TempDir(), "ca.pem", a.pem)}
	silent := server(t, func(c net.Conn) { io.Copy(io.Discard, c) })
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	tlsWeb := secureServer(t, a, http.NotFoundHandler(), "http/1.1")
	h2 := secureServer(t, a, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) }), "h2")
	rows := []struct {
		name, url string
		u         settings.Upstream
		want      string // part of the error; "" for well
	}{
		{"tcp", "http://" + silent, settings.Upstream{Health: &settings.Health{Kind: "tcp"}}, ""},
		{"tcp where nobody listens", "http://127.0.0.1:9", settings.Upstream{Health: &settings.Health{Kind: "tcp"}}, "refused"},
		{"tls", tlsWeb.URL, settings.Upstream{TLS: trust, Health: &settings.Health{Kind: "tls"}}, ""},
		{"tls of an unknown CA", tlsWeb.URL, settings.Upstream{Health: &settings.Health{Kind: "tls"}}, "certificate"},
		{"tls of a plain server", "https://" + web.Listener.Addr().String(), settings.Upstream{TLS: trust, Health: &settings.Health{Kind: "tls"}}, "TLS"},
		{"http over h2", h2.URL, settings.Upstream{TLS: trust, Protocol: settings.H2TLS}, ""},
		{"http over auto to HTTP/1.1", tlsWeb.URL, settings.Upstream{TLS: trust, Protocol: settings.Auto}, "404"},
		{"http of a silent server", "http://" + silent, settings.Upstream{}, "reset_before_response"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			c := newClient(t, upstream.Options{}, row.url, row.u)
			err := c.check()
			if (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
				t.Errorf("%v, want %q", err, row.want)
			}
			c.set.CloseIdle()
		})
	}
}

func TestAGRPCServiceIsAskedForItsHealth(t *testing.T) {
	var got string
	serve := func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = fmt.Sprintf("%s %s %s %q", r.Method, r.URL.Path, r.Header.Get("Content-Type"), body)
		status := map[string]byte{"well": 1, "unknown": 0, "unwell": 2}
		w.Header().Set("Content-Type", "application/grpc")
		name := ""
		if len(body) > 7 {
			name = string(body[7:])
		}
		code, known := status[name]
		switch {
		case name == "broken":
			w.Write([]byte{9, 9})
			w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
			return
		case name == "":
			code, known = 1, true
		}
		if !known {
			w.Header().Set("Grpc-Status", "5") // trailers only
			w.Header().Set("Grpc-Message", "unknown service")
			return
		}
		message := []byte{8, code}
		if code == 0 {
			message = nil // proto3 leaves it out
		}
		w.Write(append(append([]byte{0}, binary.BigEndian.AppendUint32(nil, uint32(len(message)))...), message...))
		w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(serve))
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	defer s.Close()
	a := newAuthority(t)
	trust := &settings.TLS{CA: file(t, t.TempDir(), "ca.pem", a.pem)}
	for _, url := range []string{s.URL, secureServer(t, a, http.HandlerFunc(serve), "h2").URL} {
		for service, want := range map[string]string{
			"": "", "well": "", "unwell": "status 2", "unknown": "status 0", "nobody": "unknown service", "broken": "no gRPC message",
		} {
			c := newClient(t, upstream.Options{}, url, settings.Upstream{TLS: trust, Health: &settings.Health{Kind: "grpc", Service: service}})
			err := c.check()
			if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s %q: %v, want %q", url, service, err, want)
			}
		}
		c := newClient(t, upstream.Options{}, url, settings.Upstream{TLS: trust, Health: &settings.Health{Kind: "grpc", Service: "well"}})
		if err := c.check(); err != nil || got != `POST /grpc.health.v1.Health/Check application/grpc "\x00\x00\x00\x00\x06\n\x04well"` {
			t.Errorf("%v: %s", err, got)
		}
	}
}
