package http1_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/adapters/driver"
	"lockstep/adapters/http1"
	"lockstep/adapters/httpproxy"
	"lockstep/adapters/memnet"
	"lockstep/adapters/upstream"
	"lockstep/core"
)

// origin is the server behind a proxy: it counts the requests that reach it whole.
type origin struct {
	mu   sync.Mutex
	seen []string
}

// ServeHTTP implements http.Handler.
func (o *origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return
	}
	o.mu.Lock()
	o.seen = append(o.seen, r.Method+" "+r.RequestURI)
	o.mu.Unlock()
	io.WriteString(w, "origin")
}

// take returns what was seen since the last call.
func (o *origin) take() (seen []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	seen, o.seen = o.seen, nil
	return seen
}

// router is the whole way of a request: this server, the router, an upstream
// connection. dial opens those, address is the origin's.
func router(t testing.TB, address string, dial upstream.DialFunc, refused func(*http1.Refusal)) *http1.Server {
	config, err := core.Compile(core.Spec{Version: "1", Default: "p", Placements: []core.PlacementSpec{{
		Name: "p", Health: core.HealthSpec{Off: true}, Breaker: core.BreakerSpec{Off: true}, Endpoints: []core.EndpointSpec{{URL: "http://" + address}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	d := driver.New(driver.Options{})
	h := httpproxy.NewHandler(d, httpproxy.Options{Dial: dial})
	d.Handle(h.Deliver)
	d.Adopt(config, core.Epoch{}, core.OriginFile, core.FaultNone)
	d.Run(context.Background())
	s := http1.New(h, http1.Options{Refused: refused, Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(func() {
		s.Close()
		h.CloseIdleConnections()
		d.Close()
	})
	return s
}

// statusesOf lists the statuses in what a server sent.
func statusesOf(answer string) (all []string) {
	for line := range strings.SplitSeq(answer, "HTTP/1.") {
		if len(line) > 5 && (line[0] == '0' || line[0] == '1') && line[1] == ' ' && line[2] >= '1' && line[2] <= '5' {
			all = append(all, line[2:5])
		}
	}
	return all
}

func TestTheHygieneSuiteIsJudgedAsWritten(t *testing.T) {
	cases := hygieneCases()
	names := map[string]bool{}
	for _, c := range cases {
		if names[c.name] {
			t.Errorf("two cases are called %q", c.name)
		}
		names[c.name] = true
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { playHygiene(t, c) })
		})
	}
	if len(cases) < 150 {
		t.Errorf("%d cases", len(cases))
	}
}

func playHygiene(t *testing.T, c hygieneCase) {
	var network memnet.Network
	o := new(origin)
	behind := &http.Server{Handler: o, DisableGeneralOptionsHandler: true}
	go behind.Serve(network.Listen("origin:80"))
	defer behind.Close()
	var mu sync.Mutex
	var reasons []string
	s := router(t, "origin:80", network.Dial, func(f *http1.Refusal) {
		mu.Lock()
		defer mu.Unlock()
		reasons = append(reasons, f.Reason.String())
	})
	go s.Serve(network.Listen("s:80"))
	client, err := network.Dial(t.Context(), "tcp", "s:80")
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	go io.WriteString(client, c.raw)
	defer time.AfterFunc(second, func() { client.Close() }).Stop() // for those that are kept
	answer, _ := io.ReadAll(client)
	took := time.Since(begin)
	synctest.Wait()

	statuses := strings.Join(statusesOf(string(answer)), " ")
	want := strings.TrimSpace(strings.Repeat("200 ", c.seen))
	if c.want != "ok" {
		if took == second {
			t.Error("the connection was not closed")
		}
		if !strings.Contains(string(answer), "\r\nConnection: close\r\n") {
			t.Errorf("the client is not told that the connection ends: %.400q", answer)
		}
		row := reasonOf(c.want)
		want = strings.TrimSpace(want + " " + fmt.Sprint(row.Status()))
		said := c.want + ": "
		if class := row.Class().String(); class != c.want {
			said = class + ": " + said
		}
		if !strings.Contains(string(answer), "\r\n\r\n"+said) {
			t.Errorf("the answer does not name its reason: %.400q", answer)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if got := strings.Join(reasons, " "); got != strings.TrimPrefix(c.want, "ok") {
		t.Errorf("refused for %q, want %q", got, c.want)
	}
	if seen := o.take(); len(seen) != c.seen {
		t.Errorf("the origin saw %q, want %d", seen, c.seen)
	}
	if statuses != want {
		t.Errorf("answered %s, want %s: %.300q", statuses, want, answer)
	}
}

func reasonOf(code string) http1.Reason {
	for r := range http1.Reasons {
		if http1.Reason(r).String() == code {
			return http1.Reason(r)
		}
	}
	panic("no reason is called " + code)
}

func TestEveryReasonHasACodeOfItsOwnAndASentence(t *testing.T) {
	codes := map[string]bool{}
	for i := range http1.Reasons {
		r := http1.Reason(i)
		if codes[r.String()] || i > 0 && (r.String() == "none" || r.Sentence() == "") {
			t.Errorf("reason %d is called %q: %q", i, r, r.Sentence())
		}
		codes[r.String()] = true
		if s := r.Status(); s != 0 && r.Class() != core.BadRequest && int(r.Class().Row().Status) != s {
			t.Errorf("%v: status %d, its class %v has %d", r, s, r.Class(), r.Class().Row().Status)
		}
	}
	if http1.Reason(200).String() != "none" {
		t.Error("a number outside the list has a name")
	}
}
