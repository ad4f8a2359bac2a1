package httpproxy_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/core"
)

func TestAnEventStreamPassesEventByEventAndOutlivesEveryTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, basic())
		g.serve("visa:80", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			for i := range 5 {
				fmt.Fprintf(w, "data: %d\n", i)
				http.NewResponseController(w).Flush()
				time.Sleep(40 * time.Second)
			}
		}))
		r, _ := http.NewRequest("GET", "http://router/", nil)
		r.Header.Set("X-Routing-Key", "visa")
		begin := time.Now()
		res, err := g.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		lines := bufio.NewScanner(res.Body)
		for i := range 5 {
			if !lines.Scan() || lines.Text() != fmt.Sprintf("data: %d", i) || time.Since(begin) != time.Duration(i)*40*time.Second {
				t.Fatalf("event %d is %q after %v", i, lines.Text(), time.Since(begin))
			}
		}
		if lines.Scan() {
			t.Errorf("more than was sent: %q", lines.Text())
		}
		if got := g.spy.ended(); got.class != core.ClassNone || len(g.spy.replies) != 1 {
			t.Errorf("finished as %+v after %d replies", got, len(g.spy.replies))
		}
	})
}

func TestHeadersOfAStreamComeBeforeItsFirstByte(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, basic())
		g.raw("visa:80", func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
			time.Sleep(20 * time.Second)
			io.WriteString(c, "1\r\nx\r\n0\r\n\r\n")
		})
		r, _ := http.NewRequest("GET", "http://router/", nil)
		r.Header.Set("X-Routing-Key", "visa")
		begin := time.Now()
		res, err := g.client.Do(r)
		if err != nil || time.Since(begin) != 0 {
			t.Fatalf("headers after %v: %v", time.Since(begin), err)
		}
		if body, err := io.ReadAll(res.Body); string(body) != "x" || err != nil {
			t.Errorf("body %q: %v", body, err)
		}
		res.Body.Close()
	})
}

func TestABodyWithALengthReachesTheClientBeforeItIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, basic())
		g.raw("visa:80", func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na")
			time.Sleep(20 * time.Second)
			io.WriteString(c, "b")
		})
		r, _ := http.NewRequest("GET", "http://router/", nil)
		r.Header.Set("X-Routing-Key", "visa")
		begin := time.Now()
		res, err := g.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		first := make([]byte, 1)
		if _, err := io.ReadFull(res.Body, first); err != nil || first[0] != 'a' || time.Since(begin) != 0 {
			t.Errorf("the first byte is %q after %v: %v", first, time.Since(begin), err)
		}
		if rest, err := io.ReadAll(res.Body); string(rest) != "b" || err != nil {
			t.Errorf("the rest is %q: %v", rest, err)
		}
	})
}

func TestBothDirectionsStreamAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, basic())
		g.serve("tier1:80", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			control := http.NewResponseController(w)
			control.EnableFullDuplex()
			control.Flush()
			for in := bufio.NewScanner(r.Body); in.Scan(); control.Flush() {
				fmt.Fprintf(w, "%s back\n", in.Text())
			}
		}))
		body, feed := io.Pipe()
		r, _ := http.NewRequest("POST", "http://router/", body)
		r.Header.Set("X-Routing-Key", "acme")
		res, err := g.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		answers := bufio.NewScanner(res.Body)
		for _, word := range []string{"one", "two", "three"} {
			io.WriteString(feed, word+"\n")
			if !answers.Scan() || answers.Text() != word+" back" {
				t.Fatalf("said %q, heard %q", word, answers.Text())
			}
			time.Sleep(20 * time.Second) // past the 30 s of a request in all
		}
		feed.Close()
		if answers.Scan() {
			t.Errorf("heard %q after the end", answers.Text())
		}
		if got := g.spy.ended(); got.class != core.ClassNone {
			t.Errorf("finished as %+v", got)
		}
	})
}

func TestTrailersPassBothWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, basic())
		g.serve("tier1:80", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Trailer", "X-Announced")
			io.Copy(w, r.Body)
			w.Header().Set("X-Announced", r.Trailer.Get("X-Sum"))
			w.Header().Set(http.TrailerPrefix+"X-Late", "b")
		}))
		r, _ := http.NewRequest("POST", "http://router/", io.NopCloser(strings.NewReader("body")))
		r.Trailer = http.Header{"X-Sum": {"42"}}
		res, body := g.do("acme", r)
		if body != "body" || res.Trailer.Get("X-Announced") != "42" || res.Trailer.Get("X-Late") != "b" {
			t.Errorf("body %q, trailers %v", body, res.Trailer)
		}
	})
}

func TestEarlyHintsReachTheClientBeforeTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, basic())
		g.serve("visa:80", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", "</a.css>")
			w.WriteHeader(http.StatusEarlyHints)
			w.Header().Del("Link")
		}))
		answer := g.talk("GET / HTTP/1.1\nHost: h\nConnection: close\nX-Routing-Key: visa\n\n")
		if !strings.HasPrefix(answer, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\n") || strings.Count(answer, "Link") != 1 {
			t.Errorf("answer %q", answer)
		}
	})
}

// upgraded opens a connection through the router that has changed to "chat".
func (g *rig) upgraded() (net.Conn, *bufio.Reader) {
	c, err := g.net.Dial(context.Background(), "tcp", "router:80")
	if err != nil {
		g.t.Fatal(err)
	}
	go io.WriteString(c, "GET /chat HTTP/1.1\r\nHost: h\r\nX-Routing-Key: visa\r\nConnection: keep-alive, Upgrade\r\nUpgrade: chat\r\n\r\nearly\n")
	in := bufio.NewReader(c)
	line, err := in.ReadString('\n')
	head, _ := textproto.NewReader(in).ReadMIMEHeader()
	if line != "HTTP/1.1 101 Switching Protocols\r\n" || head.Get("Upgrade") != "chat" || head.Get("Connection") != "Upgrade" || head.Get("X-Routed-To") != "visa" {
		g.t.Fatalf("upgrade answered %q %v: %v", line, head, err)
	}
	return c, in
}

// chat answers every line of an upgraded connection.
func chat(c net.Conn) {
	io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n")
	for in := bufio.NewScanner(c); in.Scan(); {
		if in.Text() == "bye" {
			return
		}
		fmt.Fprintf(c, "%s?\n", in.Text())
	}
}

func TestAnUpgradedConnectionCarriesBothWaysAndMayBeSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, basic())
		g.raw("visa:80", chat)
		c, in := g.upgraded()
		defer c.Close()
		for _, word := range []string{"early", "one", "two"} {
			if word != "early" { // which came with the request
				io.WriteString(c, word+"\n")
			}
			if line, err := in.ReadString('\n'); line != word+"?\n" {
				t.Fatalf("said %q, heard %q: %v", word, line, err)
			}
			time.Sleep(time.Hour)
		}
		io.WriteString(c, "bye\n")
		if rest, err := io.ReadAll(in); len(rest) > 0 || err != nil {
			t.Errorf("after the upstream's end: %q, %v", rest, err)
		}
		if got := g.spy.ended(); got.class != core.ClassNone || got.status != 101 || len(g.spy.replies) != 1 {
			t.Errorf("finished as %+v after %d replies", got, len(g.spy.replies))
		}
	})
}

func TestADrainCutsWhatIsLeftAtItsDeadline(t *testing.T) {
	upstreams := map[string]func(net.Conn){
		"an upgraded connection": chat,
		"a body": func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
			io.Copy(io.Discard, c)
		},
		"an unanswered request": func(c net.Conn) { io.Copy(io.Discard, c) },
	}
	for name, f := range upstreams {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, basic())
				g.raw("visa:80", f)
				if name == "an upgraded connection" {
					c, _ := g.upgraded()
					defer c.Close()
				} else {
					go g.talk("GET / HTTP/1.1\nHost: h\nConnection: close\nX-Routing-Key: visa\n\n")
				}
				time.Sleep(time.Second)
				g.driver.Drain(g.driver.Now().Add(3 * core.Second))
				res, body := g.get("visa")
				if res.StatusCode != 503 || !res.Close || !strings.HasPrefix(body, "drain: ") {
					t.Errorf("a request in a drain: %d, close %v, %q", res.StatusCode, res.Close, body)
				}
				time.Sleep(2999 * time.Millisecond)
				if n := inFlight(g); n != 1 {
					t.Errorf("%d in flight before the deadline", n)
				}
				time.Sleep(time.Millisecond)
				if got := g.spy.ended(); got.class != core.Draining || inFlight(g) != 0 {
					t.Errorf("finished as %+v, %d in flight", got, inFlight(g))
				}
			})
		})
	}
}

func inFlight(g *rig) (n int) {
	synctest.Wait()
	g.driver.View(func(r *core.Router) { n = r.InFlight() })
	return n
}

func TestARemovedEndpointKeepsNoConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, basic())
		open := make(chan bool, 1)
		g.raw("visa:80", func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			open <- true
			io.Copy(io.Discard, c)
			open <- false
		})
		g.get("visa")
		<-open
		synctest.Wait()
		if len(open) > 0 {
			t.Fatal("the connection was not kept")
		}
		spec := basic()
		spec.Version = "2"
		spec.Placements[0].Endpoints[0].URL = "http://elsewhere:80"
		config, err := core.Compile(spec)
		if err != nil {
			t.Fatal(err)
		}
		g.driver.Adopt(config, core.Epoch{}, core.OriginFile, core.FaultNone)
		synctest.Wait()
		if len(open) == 0 {
			t.Error("the connection to the removed endpoint is still open")
		}
	})
}
