package httpproxy_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/core"
)

// upstreamFault is a way for an upstream to fail, and what must come of it.
type upstreamFault struct {
	name   string
	setup  func(g *rig)
	class  core.Class
	status int           // that the client gets
	sent   bool          // that Finish tells
	after  time.Duration // when the client is answered
}

func upstreamFaults() []upstreamFault {
	reply := func(text string) func(net.Conn) { return func(c net.Conn) { io.WriteString(c, text) } }
	return []upstreamFault{
		{"refuses", func(g *rig) {}, core.ConnectRefused, 502, false, 0},
		{"does not accept", func(g *rig) { g.net.Listen("visa:80") }, core.ConnectTimeout, 502, false, 5 * time.Second},
		{"has no address", func(g *rig) { g.dialError = &net.DNSError{Err: "no such host", Name: "visa"} }, core.DNS, 502, false, 0},
		{"closes before an answer", func(g *rig) { g.raw("visa:80", func(net.Conn) {}) }, core.ResetBeforeResponse, 502, true, 0},
		{"closes inside the header", func(g *rig) { g.raw("visa:80", reply("HTTP/1.1 200 OK\r\nA: b")) }, core.ResetBeforeResponse, 502, true, 0},
		{"does not speak HTTP", func(g *rig) { g.raw("visa:80", reply("220 mail.example ESMTP\r\n\r\n")) }, core.BadResponse, 502, true, 0},
		{"sends a bad header", func(g *rig) { g.raw("visa:80", reply("HTTP/1.1 200 OK\r\n: x\r\n\r\n")) }, core.BadResponse, 502, true, 0},
		{"switches protocols unasked", func(g *rig) {
			g.raw("visa:80", reply("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"))
		}, core.BadResponse, 502, true, 0},
		{"never answers", func(g *rig) { g.raw("visa:80", func(c net.Conn) { io.Copy(io.Discard, c) }) }, core.ResponseTimeout, 504, true, 10 * time.Second},
		{"has its own 5xx", func(g *rig) { g.raw("visa:80", reply("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")) }, core.ClassNone, 503, true, 0},
	}
}

func TestEveryUpstreamFaultHasItsClassStatusAndHeaders(t *testing.T) {
	for _, f := range upstreamFaults() {
		t.Run(f.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, basic())
				f.setup(g)
				begin := time.Now()
				res, body := g.get("visa")
				if took := time.Since(begin); res.StatusCode != f.status || took != f.after {
					t.Errorf("%d after %v, want %d after %v", res.StatusCode, took, f.status, f.after)
				}
				if res.Header.Get("X-Routed-To") != "visa" || res.Header.Get("X-Circuit-State") != "closed" {
					t.Errorf("an answer after an attempt must say where it was (R4): %v", res.Header)
				}
				if f.class != core.ClassNone && !strings.HasPrefix(body, f.class.String()+": ") {
					t.Errorf("body %q does not name %s", body, f.class)
				}
				got := g.spy.ended()
				if got.class != f.class || got.sent != f.sent {
					t.Errorf("finished as %v sent %v, want %v sent %v", got.class, got.sent, f.class, f.sent)
				}
			})
		})
	}
}

func TestATLSHandshakeWithAPlainServerIsATLSFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := basic()
		spec.Placements[0].Endpoints[0].URL = "https://visa:443"
		g := newRig(t, spec)
		l := g.net.Listen("visa:443")
		go func() {
			c, _ := l.Accept()
			c.Read(make([]byte, 2000))
			io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
			c.Close()
		}()
		res, _ := g.get("visa")
		if got := g.spy.ended(); res.StatusCode != 502 || got.class != core.TLS || got.sent {
			t.Errorf("%d, finished as %+v", res.StatusCode, got)
		}
	})
}

func TestABodyBrokenByTheUpstreamDoesNotLookComplete(t *testing.T) {
	bodies := map[string]string{
		"with a length":             "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
		"in chunks":                 "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
		"in chunks, then not HTTP":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nxyz\r\n",
		"with a length, no content": "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
	}
	for name, text := range bodies {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, basic())
				g.raw("visa:80", func(c net.Conn) { io.WriteString(c, text) })
				answer := g.talk("GET / HTTP/1.1\nHost: h\nX-Routing-Key: visa\n\n")
				if strings.HasSuffix(answer, "\r\n0\r\n\r\n") || strings.Count(answer, "HTTP/1.1") > 1 {
					t.Errorf("the answer looks complete: %q", answer)
				}
				if !strings.HasPrefix(answer, "HTTP/1.1 200 OK\r\n") || !strings.Contains(answer, "X-Routed-To: visa\r\n") || strings.Contains(answer, "Content-Type") {
					t.Errorf("what came before the break is not passed on as it was: %q", answer)
				}
				if got := g.spy.ended(); got.class != core.BrokenBody || got.status != 200 {
					t.Errorf("finished as %+v", got)
				}
			})
		})
	}
}

func TestABodyThatStandsStillIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, basic())
		g.raw("visa:80", func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
			io.Copy(io.Discard, c)
		})
		begin := time.Now()
		g.talk("GET / HTTP/1.1\nHost: h\nX-Routing-Key: visa\n\n")
		if got := g.spy.ended(); got.class != core.BodyTimeout {
			t.Errorf("finished as %+v", got)
		}
		if took := time.Since(begin); took < time.Minute || took > 77*time.Second {
			t.Errorf("cut after %v, want BodyIdle (60 s) and at most a quarter and settle more", took)
		}
	})
}

func TestABodyThatMovesSlowlyIsNotCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, basic())
		g.serve("visa:80", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for range 20 {
				io.WriteString(w, "x")
				http.NewResponseController(w).Flush()
				time.Sleep(50 * time.Second)
			}
		}))
		if _, body := g.get("visa"); body != strings.Repeat("x", 20) {
			t.Errorf("a body of 20 x came as %q", body)
		}
		if got := g.spy.ended(); got.class != core.ClassNone || len(g.spy.replies) != 1 {
			t.Errorf("finished as %+v after %d replies", got, len(g.spy.replies))
		}
	})
}

func TestAClientThatDoesNotReadIsCutAndNotHeldAgainstTheUpstream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, basic())
		g.serve("visa:80", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(w, strings.NewReader(strings.Repeat("x", 1<<20)))
		}))
		c, _ := g.net.Dial(context.Background(), "tcp", "router:80")
		defer c.Close()
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\nX-Routing-Key: visa\r\n\r\n")
		time.Sleep(2 * time.Minute)
		if got := g.spy.ended(); got.class != core.ClientGone {
			t.Errorf("finished as %+v", got)
		}
	})
}

func TestAClientThatGoesAwayIsNotHeldAgainstTheUpstream(t *testing.T) {
	upstreams := map[string]func(net.Conn){
		"before the answer": func(c net.Conn) { io.Copy(io.Discard, c) },
		"inside the answer": func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
			io.Copy(io.Discard, c)
		},
	}
	requests := map[string]string{
		"a request":         "GET / HTTP/1.1\r\nHost: h\r\nX-Routing-Key: acme\r\n\r\n",
		"half an upload":    "POST / HTTP/1.1\r\nHost: h\r\nX-Routing-Key: acme\r\nContent-Length: 50\r\n\r\nhalf",
		"half a chunk":      "POST / HTTP/1.1\r\nHost: h\r\nX-Routing-Key: acme\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf",
		"more than is read": "POST / HTTP/1.1\r\nHost: h\r\nX-Routing-Key: acme\r\nContent-Length: 99999\r\n\r\n" + strings.Repeat("x", 40000),
	}
	for when, f := range upstreams {
		for what, text := range requests {
			t.Run(when+" to "+what, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					g := newRig(t, basic())
					g.raw("tier1:80", f)
					for range 6 {
						leaveAfter(g, text, 100*time.Millisecond)
						if got := g.spy.ended(); got.class != core.ClientGone || !got.sent {
							t.Fatalf("finished as %+v", got)
						}
					}
					if res, _ := g.get("nobody"); res.StatusCode != 502 { // tier3 has no upstream: the router lives
						t.Errorf("then %d", res.StatusCode)
					}
				})
			})
		}
	}
}

// leaveAfter sends text to the router and goes away after a while.
func leaveAfter(g *rig, text string, d time.Duration) {
	c, _ := g.net.Dial(context.Background(), "tcp", "router:80")
	go io.Copy(io.Discard, c)
	go io.WriteString(c, text)
	time.Sleep(d)
	c.Close()
}

func TestAnUploadThatNeverEndsIsItsClientsFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, basic())
		g.serve("visa:80", echo("visa"))
		answer := g.talk("POST / HTTP/1.1\nHost: h\nX-Routing-Key: visa\nContent-Length: 50\n\nhalf")
		if got := g.spy.ended(); !strings.HasPrefix(answer, "HTTP/1.1 408 ") || got.class != core.RequestTimeout {
			t.Errorf("finished as %+v, answer %q", got, answer)
		}
	})
}

func TestABodyOverTheLimitIs413WhetherAnnouncedOrNot(t *testing.T) {
	big := strings.Repeat("x", 101)
	requests := map[string]string{
		"announced": "POST / HTTP/1.1\nHost: h\nConnection: close\nX-Routing-Key: visa\nContent-Length: 101\n\n" + big,
		"chunked":   "POST / HTTP/1.1\nHost: h\nConnection: close\nX-Routing-Key: visa\nTransfer-Encoding: chunked\n\n65\n" + big + "\n0\n\n",
	}
	for name, text := range requests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, basic())
				g.serve("visa:80", echo("visa"))
				answer := g.talk(text)
				if !strings.HasPrefix(answer, "HTTP/1.1 413 ") || !strings.Contains(answer, "body_too_large: ") {
					t.Errorf("answer %q", answer)
				}
			})
		})
	}
}

func TestALimitReachedIs429WithoutCircuitState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, basic())
		release := make(chan struct{})
		g.serve("tier1:80", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-release }))
		var first sync.WaitGroup
		first.Go(func() { g.get("acme") })
		synctest.Wait()
		res, body := g.get("acme")
		close(release)
		first.Wait()
		if res.StatusCode != 429 || !strings.HasPrefix(body, "limit: ") {
			t.Errorf("%d %q", res.StatusCode, body)
		}
		for _, name := range []string{"X-Circuit-State", "X-Routed-To"} {
			if _, ok := res.Header[name]; ok {
				t.Errorf("a 429 has %s", name)
			}
		}
	})
}

func TestAnUpstreamThatBreaksOffDuringAnUploadIsNoticedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, basic())
		g.raw("visa:80", func(net.Conn) {})
		begin := time.Now()
		answer := g.talk("POST / HTTP/1.1\nHost: h\nX-Routing-Key: visa\nContent-Length: 50\n\nhalf")
		if got := g.spy.ended(); !strings.HasPrefix(answer, "HTTP/1.1 502 ") || got.class != core.ResetBeforeResponse {
			t.Errorf("finished as %+v, answer %q", got, answer)
		}
		if took := time.Since(begin); took > time.Second {
			t.Errorf("noticed after %v", took)
		}
	})
}
