package httpproxy_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"lockstep/adapters/driver"
	"lockstep/adapters/httpproxy"
	"lockstep/adapters/memnet"
	"lockstep/core"
)

// rig is a router over a network in memory: the router listens at "router:80",
// placement P has its one endpoint at "P:80".
type rig struct {
	t      *testing.T
	net    memnet.Network
	driver *driver.Driver
	spy    *spy
	log    bytes.Buffer
	access *httpproxy.AccessLog
	proxy  *httpproxy.Handler
	client *http.Client

	dialError error // what dialling an upstream fails with, nil for the network's own
}

// finish is one call of Finish as the spy saw it.
type finish struct {
	class  core.Class
	status uint16
	sent   bool
}

// spy counts what the proxy reports.
type spy struct {
	*driver.Driver
	mu       sync.Mutex
	forwards int
	replies  map[core.Handle]int
	finishes map[core.Handle]int
	late     int // Reply after Finish
	last     finish
}

func (s *spy) Arrive(a driver.Arrival) driver.Admission {
	adm := s.Driver.Arrive(a)
	s.mu.Lock()
	defer s.mu.Unlock()
	if adm.Kind == core.Forward {
		s.forwards++
	}
	return adm
}

func (s *spy) Reply(h core.Handle, status uint16) {
	s.mu.Lock()
	s.replies[h]++
	if s.finishes[h] > 0 {
		s.late++
	}
	s.mu.Unlock()
	s.Driver.Reply(h, status)
}

func (s *spy) Finish(h core.Handle, class core.Class, status uint16, sent bool) {
	s.mu.Lock()
	s.finishes[h]++
	s.last = finish{class, status, sent}
	s.mu.Unlock()
	s.Driver.Finish(h, class, status, sent)
}

// ended returns the last Finish, after everything has come to rest.
func (s *spy) ended() finish {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// basic is placement visa and, behind it, tier3.
func basic() core.Spec {
	quiet := core.HealthSpec{Off: true}
	return core.Spec{
		Version: "1", Default: "tier3",
		Keys: []core.KeySpec{{Key: "visa", Placement: "visa"}, {Key: "acme", Placement: "tier1"}},
		Placements: []core.PlacementSpec{
			{Name: "visa", Health: quiet, BodyMax: 100, Fallback: []string{"tier3"}, Endpoints: []core.EndpointSpec{{URL: "http://visa:80"}}},
			{Name: "tier1", Health: quiet, Limit: core.LimitSpec{InFlight: 1}, Endpoints: []core.EndpointSpec{{URL: "http://tier1:80"}}},
			{Name: "tier3", Health: quiet, Endpoints: []core.EndpointSpec{{URL: "http://tier3:80"}}},
		},
	}
}

// newRig starts a router; call it inside a synctest bubble.
func newRig(t *testing.T, spec core.Spec, log ...httpproxy.LogOptions) *rig {
	config, err := core.Compile(spec)
	if err != nil {
		t.Fatal(err)
	}
	g := &rig{t: t, driver: driver.New(driver.Options{})}
	g.spy = &spy{Driver: g.driver, replies: map[core.Handle]int{}, finishes: map[core.Handle]int{}}
	g.access = httpproxy.NewAccessLog(&g.log)
	for _, o := range log {
		g.access = httpproxy.NewAccessLogWith(&g.log, o)
	}
	g.proxy = httpproxy.NewHandler(g.spy, httpproxy.Options{Dial: g.dial, Log: g.access})
	g.driver.Handle(g.proxy.Deliver)
	if d := g.driver.Adopt(config, core.Epoch{}, core.OriginFile, core.FaultNone); d.Kind != core.Ack {
		t.Fatalf("adopt: %v", d)
	}
	g.driver.Run(context.Background())
	g.client = &http.Client{
		Transport:     &http.Transport{DialContext: g.net.Dial, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	stop := under.serve(g.net.Listen("router:80"), g.proxy)
	t.Cleanup(func() {
		g.client.CloseIdleConnections()
		stop()
		g.proxy.CloseIdleConnections()
		g.driver.Close()
		g.access.Close()
	})
	return g
}

func (g *rig) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if g.dialError != nil {
		return nil, g.dialError
	}
	return g.net.Dial(ctx, network, address)
}

// serve runs an HTTP server.
func (g *rig) serve(address string, h http.Handler) {
	s := &http.Server{Handler: h, ErrorLog: nil}
	go s.Serve(g.net.Listen(address))
	g.t.Cleanup(func() { s.Close() })
}

// raw runs a server that reads one request's header on each connection, and then does f.
func (g *rig) raw(address string, f func(net.Conn)) {
	l := g.net.Listen(address)
	g.t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if readHead(c) == nil {
					f(c)
				}
			}()
		}
	}()
}

func readHead(c net.Conn) error {
	r := bufio.NewReaderSize(oneByOne{c}, 16)
	for {
		line, err := r.ReadString('\n')
		if err != nil || line == "\r\n" {
			return err
		}
	}
}

// oneByOne keeps a buffered reader from taking more than it needs.
type oneByOne struct{ io.Reader }

func (o oneByOne) Read(p []byte) (int, error) { return o.Reader.Read(p[:1]) }

// get sends a request with that routing key, "" for none.
func (g *rig) get(key string) (*http.Response, string) {
	g.t.Helper()
	r, _ := http.NewRequest("GET", "http://router/", nil)
	return g.do(key, r)
}

func (g *rig) do(key string, r *http.Request) (*http.Response, string) {
	g.t.Helper()
	if key != "" {
		r.Header.Set("X-Routing-Key", key)
	}
	res, err := g.client.Do(r)
	if err != nil {
		g.t.Fatalf("%s: %v", r.URL, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		g.t.Fatalf("%s: reading the body: %v", r.URL, err)
	}
	return res, string(body)
}

// talk sends raw bytes to the router and returns all that comes back.
func (g *rig) talk(text string) string {
	g.t.Helper()
	c, err := g.net.Dial(context.Background(), "tcp", "router:80")
	if err != nil {
		g.t.Error(err)
		return ""
	}
	defer c.Close()
	go io.WriteString(c, strings.ReplaceAll(text, "\n", "\r\n"))
	all, _ := io.ReadAll(c)
	return string(all)
}

// echo is an upstream that says its name and repeats the request.
func echo(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %s", name, r.Method, r.RequestURI, body)
	})
}
