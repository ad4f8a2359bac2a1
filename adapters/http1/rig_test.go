package http1_test

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/adapters/http1"
	"lockstep/adapters/memnet"
)

// rig is a server on a network in memory, to be used inside a synctest bubble.
type rig struct {
	t       *testing.T
	net     memnet.Network
	server  *http1.Server
	mu      sync.Mutex
	refused []http1.Refusal
}

func newRig(t *testing.T, o http1.Options, h http.HandlerFunc) *rig {
	g := &rig{t: t}
	o.Log = slog.New(slog.DiscardHandler)
	o.Refused = func(f *http1.Refusal) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.refused = append(g.refused, *f)
		f.RequestID = "refusal-1"
	}
	g.server = http1.New(h, o)
	go g.server.Serve(g.net.Listen("s:80"))
	t.Cleanup(func() { g.server.Close() })
	return g
}

// dial opens a connection; what is written to it in text form has CRLF for LF.
func (g *rig) dial() *client {
	g.t.Helper()
	c, err := g.net.Dial(context.Background(), "tcp", "s:80")
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { c.Close() })
	return &client{t: g.t, Conn: c, in: bufio.NewReader(c)}
}

type client struct {
	net.Conn
	t  *testing.T
	in *bufio.Reader
}

// say sends text with CRLF for LF, in the background: the network has no buffers.
func (c *client) say(text string) { go io.WriteString(c, strings.ReplaceAll(text, "\n", "\r\n")) }

// answer reads one answer to a request of that method.
func (c *client) answer(method string) (*http.Response, string) {
	c.t.Helper()
	res, err := http.ReadResponse(c.in, &http.Request{Method: method})
	if err != nil {
		c.t.Fatalf("no answer: %v", err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatalf("answer %s: its body: %v", res.Status, err)
	}
	return res, string(body)
}

// rest is everything until the server closes.
func (c *client) rest() string {
	all, _ := io.ReadAll(c.in)
	return string(all)
}

// talk sends text on a connection of its own and returns all that comes back.
func (g *rig) talk(text string) string {
	g.t.Helper()
	c := g.dial()
	c.say(text)
	return c.rest()
}

// reasons lists the reasons that the hook was told.
func (g *rig) reasons() (all []string) {
	synctest.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, f := range g.refused {
		all = append(all, f.Reason.String())
	}
	return all
}

// echo answers with the request's line and body.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	io.WriteString(w, r.Method+" "+r.RequestURI+" "+string(body))
}

const second = time.Second
