package admin_test

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"lockstep/adapters/admin"
)

func get(h http.Handler, url string) (int, string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", url, nil))
	return w.Code, w.Body.String()
}

func TestReadinessIsWhatTheOwnerSaysAndHealthIsNot(t *testing.T) {
	ready, why := false, "there is no configuration yet"
	h := admin.New(admin.Options{Ready: func() (bool, string) { return ready, why }})
	if code, body := get(h, "http://127.0.0.1/readyz"); code != 503 || !strings.Contains(body, why) {
		t.Errorf("readyz: %d %q, want 503 with the reason", code, body)
	}
	if code, _ := get(h, "http://127.0.0.1/healthz"); code != 200 {
		t.Errorf("healthz: %d, want 200 from a process that is not ready", code)
	}
	ready = true
	if code, _ := get(h, "http://127.0.0.1/readyz"); code != 200 {
		t.Errorf("readyz: %d, want 200", code)
	}
}

func TestPagesThatNobodyProvidesAreNotFound(t *testing.T) {
	h := admin.New(admin.Options{})
	for _, path := range []string{"/readyz", "/metrics", "/debug/config", "/debug/pprof/"} {
		if code, _ := get(h, "http://127.0.0.1"+path); code != 404 {
			t.Errorf("%s: %d, want 404", path, code)
		}
	}
}

func TestTheIndexListsThePages(t *testing.T) {
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "page") })
	h := admin.New(admin.Options{Metrics: page, Config: page, Profiles: true, Ready: func() (bool, string) { return true, "" }})
	_, index := get(h, "http://127.0.0.1/")
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/debug/config", "/debug/pprof/"} {
		if !strings.Contains(index, path) {
			t.Errorf("the index lacks %s:\n%s", path, index)
		}
		if code, _ := get(h, "http://127.0.0.1"+path); code != 200 {
			t.Errorf("%s: %d", path, code)
		}
	}
}

func TestARequestForAnotherHostIsRefused(t *testing.T) {
	h := admin.New(admin.Options{})
	for host, want := range map[string]int{
		"localhost:9901": 200, "127.0.0.1": 200, "[::1]:9901": 200, "10.1.2.3:9901": 200,
		"evil.example": 421, "evil.example:9901": 421,
	} {
		if code, _ := get(h, "http://"+host+"/healthz"); code != want {
			t.Errorf("Host %s: %d, want %d", host, code, want)
		}
	}
	if code, _ := get(admin.New(admin.Options{AnyHost: true}), "http://router-1:9901/healthz"); code != 200 {
		t.Errorf("%d where every host is welcome", code)
	}
}

func TestAnAddressWithoutHostIsLoopback(t *testing.T) {
	for _, c := range []struct {
		given, want string
		public, bad bool
	}{
		{":9901", "127.0.0.1:9901", false, false},
		{"127.0.0.1:9901", "127.0.0.1:9901", false, false},
		{"localhost:1", "localhost:1", false, false},
		{"[::1]:1", "[::1]:1", false, false},
		{"0.0.0.0:9901", "0.0.0.0:9901", true, false},
		{"10.0.0.1:1", "10.0.0.1:1", true, false},
		{"9901", "", false, true},
	} {
		got, public, err := admin.Address(c.given)
		if got != c.want || public != c.public || (err != nil) != c.bad {
			t.Errorf("Address(%q) = %q, %v, %v; want %q, %v", c.given, got, public, err, c.want, c.public)
		}
	}
}

func TestTheRecordingIsForThisMachineOnly(t *testing.T) {
	h := admin.New(admin.Options{AnyHost: true, Recording: func(w io.Writer) error {
		_, err := io.WriteString(w, "trace")
		return err
	}})
	for _, c := range []struct {
		from, host, header, value string
		want                      int
	}{
		{from: "127.0.0.1:4000", want: 200},
		{from: "127.9.9.9:4000", want: 200},
		{from: "[::1]:4000", want: 200},
		{from: "[::ffff:127.0.0.1]:4000", want: 200},
		{from: "127.0.0.1:4000", host: "localhost:9901", want: 200},
		{from: "127.0.0.1:4000", host: "[::1]:9901", want: 200},
		{from: "127.0.0.1:4000", header: "Sec-Fetch-Site", value: "none", want: 200},
		{from: "10.1.2.3:4000", want: 403},
		{from: "[::ffff:10.1.2.3]:4000", want: 403},
		{from: "@", want: 403},
		// A page of another site whose name suddenly means this machine.
		{from: "127.0.0.1:4000", host: "evil.example:9901", want: 403},
		{from: "127.0.0.1:4000", host: "localhost.evil.example", want: 403},
		{from: "127.0.0.1:4000", header: "Origin", value: "http://evil.example", want: 403},
		{from: "127.0.0.1:4000", header: "Sec-Fetch-Site", value: "cross-site", want: 403},
		// Proxies.
		{from: "127.0.0.1:4000", host: "10.1.2.3:9901", want: 403},
		{from: "127.0.0.1:4000", host: "router-1:9901", want: 403},
		{from: "127.0.0.1:4000", header: "X-Forwarded-For", value: "10.1.2.3", want: 403},
		{from: "127.0.0.1:4000", header: "X-Forwarded-Proto", value: "https", want: 403},
		{from: "127.0.0.1:4000", header: "X-Real-Ip", value: "10.1.2.3", want: 403},
		{from: "127.0.0.1:4000", header: "Forwarded", value: "for=10.1.2.3", want: 403},
		{from: "127.0.0.1:4000", header: "Via", value: "1.1 p", want: 403},
		{from: "127.0.0.1:4000", header: "HTTP/1.0", want: 403},
	} {
		r := httptest.NewRequest("GET", "http://"+cmp.Or(c.host, "127.0.0.1")+"/debug/recording", nil)
		r.RemoteAddr = c.from
		if c.header == "HTTP/1.0" {
			r.ProtoMajor, r.ProtoMinor = 1, 0
		} else if c.header != "" {
			r.Header.Set(c.header, c.value)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.want || w.Code == 200 && w.Body.String() != "trace" || w.Code != 200 && strings.Contains(w.Body.String(), "trace") {
			t.Errorf("%+v: %d %q", c, w.Code, w.Body)
		}
	}
}

func TestTheRecordingIsGivenToOneAtATime(t *testing.T) {
	began, end := make(chan struct{}), make(chan struct{})
	h := admin.New(admin.Options{Recording: func(w io.Writer) error {
		began <- struct{}{}
		<-end
		return nil
	}})
	ask := func() *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", "http://127.0.0.1/debug/recording", nil)
		r.RemoteAddr = "127.0.0.1:1"
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	done := make(chan struct{})
	go func() { ask(); close(done) }()
	<-began
	if w := ask(); w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("a second one: %d", w.Code)
	}
	close(end)
	<-done
}

func TestARecordingThatCannotBeGivenIsAnError(t *testing.T) {
	h := admin.New(admin.Options{Recording: func(io.Writer) error { return errors.New("nothing is recorded yet") }})
	r := httptest.NewRequest("GET", "http://127.0.0.1/debug/recording", nil)
	r.RemoteAddr = "127.0.0.1:1"
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != 503 || !strings.Contains(w.Body.String(), "nothing is recorded yet") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
