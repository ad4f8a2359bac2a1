package http1_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/adapters/http1"
)

// A phase of a request that its client draws out.
type slowness struct {
	name    string
	send    func(c *client) // what the client does
	after   time.Duration   // when the server ends it
	reason  string          // that the hook hears; "" for none
	counted http1.Reason
	status  string // that the client gets; "" for nothing
}

func slownesses() []slowness {
	const head = "POST / HTTP/1.1\nHost: h\nContent-Length: 100000\n\n"
	drip := func(every time.Duration, text string) func(c *client) {
		return func(c *client) {
			for i := range len(text) {
				if _, err := c.Write([]byte{text[i]}); err != nil {
					return
				}
				time.Sleep(every)
			}
		}
	}
	return []slowness{
		{"nothing at all", func(c *client) {}, 10 * second, "", http1.Idle, ""},
		{"silence after a request", func(c *client) {
			c.say("GET / HTTP/1.1\nHost: h\n\n")
			c.answer("GET")
		}, 60 * second, "", http1.Idle, ""},
		{"half a head", func(c *client) { c.say("GET / HTTP/1.1\nHo") }, 10 * second, "header_timeout", http1.HeaderTimeout, "408"},
		{"a head that drips", drip(second, "GET / HTTP/1.1\r\n"+strings.Repeat("A: b\r\n", 10)), 10 * second, "header_timeout", http1.HeaderTimeout, "408"},
		{"an empty line and then half a head", func(c *client) { c.say("\nGET") }, 10 * second, "header_timeout", http1.HeaderTimeout, "408"},
		{"half a body", func(c *client) { c.say(head + strings.Repeat("x", 30000)) }, 30 * second, "body_timeout", http1.BodyTimeout, "408"},
		{"no body", func(c *client) { c.say(head) }, 5 * second, "body_too_slow", http1.BodyTooSlow, "408"},
		{"a body that drips", func(c *client) {
			io.WriteString(c, strings.ReplaceAll(head, "\n", "\r\n"))
			drip(second/100, strings.Repeat("x", 10000))(c)
		}, 5 * second, "body_too_slow", http1.BodyTooSlow, "408"}, // 100 B/s: no whole second's worth of 240 B/s is in before the grace ends
		{"a chunk that drips", func(c *client) {
			io.WriteString(c, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
			drip(second, strings.Repeat("0", 100))(c)
		}, 5 * second, "body_too_slow", http1.BodyTooSlow, "408"},
	}
}

func TestEveryPhaseHasItsTimeoutAndItsReason(t *testing.T) {
	for _, s := range slownesses() {
		t.Run(s.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, http1.Options{}, func(w http.ResponseWriter, r *http.Request) {
					if _, err := io.Copy(io.Discard, r.Body); err != nil {
						http.Error(w, err.Error(), http.StatusRequestTimeout)
					}
				})
				c := g.dial()
				begin := time.Now()
				var sending sync.WaitGroup
				if s.name == "silence after a request" {
					s.send(c)
				} else {
					sending.Go(func() { s.send(c) })
				}
				answer := c.rest()
				took := time.Since(begin)
				c.Close()
				sending.Wait()
				if took < s.after || took > s.after+3*second {
					t.Errorf("ended after %v, want %v", took, s.after)
				}
				if got := strings.Join(g.reasons(), " "); got != s.reason || g.server.Refused(s.counted) != 1 {
					t.Errorf("reason %q, want %q; counted %d", got, s.reason, g.server.Refused(s.counted))
				}
				if s.status == "" && answer != "" || !strings.Contains(answer, s.status) || !strings.Contains(answer, s.reason) {
					t.Errorf("answer %q", answer)
				}
				if s.status != "" && !strings.Contains(answer, "\r\nConnection: close\r\n") {
					t.Errorf("the client is not told that the connection ends: %q", answer)
				}
			})
		})
	}
}

func TestASlowReaderIsCut(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"of one large body": func(w http.ResponseWriter, r *http.Request) { w.Write(bytes.Repeat([]byte("x"), 1<<20)) },
		"of a stream": func(w http.ResponseWriter, r *http.Request) {
			for http.NewResponseController(w).Flush() == nil {
				io.WriteString(w, "x")
			}
		},
		"of an early hint": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(103) },
		"of 100 Continue":  echo,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, http1.Options{BodyGrace: time.Hour, BodyIdle: time.Hour}, h)
				c := g.dial()
				begin := time.Now()
				if name == "of 100 Continue" {
					c.say("POST / HTTP/1.1\nHost: h\nExpect: 100-continue\nContent-Length: 1\n\nx")
				} else {
					c.say("GET / HTTP/1.1\nHost: h\n\n")
				}
				for g.server.Refused(http1.WriteTimeout) == 0 {
					time.Sleep(second)
				}
				if took := time.Since(begin); took < 30*second || took > 31*second {
					t.Errorf("cut after %v", took)
				}
				synctest.Wait()
				if n := g.server.Counts(); n.Open() != 0 {
					t.Errorf("still there: %+v", n)
				}
			})
		})
	}
}

func TestASlowReaderThatReadsIsServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := strings.Repeat("x", 1<<20)
		c := newRig(t, http1.Options{}, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, body) }).dial()
		c.say("GET / HTTP/1.1\nHost: h\nConnection: close\n\n")
		res, err := http.ReadResponse(c.in, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		for p := make([]byte, 16<<10); ; time.Sleep(4 * second) { // 4 KiB/s
			n, err := res.Body.Read(p)
			if got += n; err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("after %d bytes: %v", got, err)
			}
		}
		if got != len(body) {
			t.Errorf("%d bytes", got)
		}
	})
}

func TestABodyMayBeSlowOnceItsAnswerHasBegunOrAtTheRateAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, http1.Options{}, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/early" {
				http.NewResponseController(w).Flush()
			}
			n, err := io.Copy(io.Discard, r.Body)
			if n != 10000 || err != nil {
				t.Errorf("%s: %d bytes, %v", r.URL.Path, n, err)
			}
		})
		for path, wait := range map[string]time.Duration{"/early": 20 * second, "/steady": 4 * second} {
			c := g.dial()
			go io.Copy(io.Discard, c)
			io.WriteString(c, "POST "+path+" HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 10000\r\n\r\n")
			for range 10 {
				time.Sleep(wait)
				if _, err := c.Write(make([]byte, 1000)); err != nil {
					t.Fatalf("%s: %v", path, err)
				}
			}
			synctest.Wait()
		}
	})
}

func TestTimeTheHandlerTakesIsNotTheClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newRig(t, http1.Options{}, func(w http.ResponseWriter, r *http.Request) {
			for p := make([]byte, 100); ; time.Sleep(10 * time.Minute) {
				if _, err := r.Body.Read(p); err != nil {
					return
				}
			}
		}).dial()
		c.say("POST / HTTP/1.1\nHost: h\nContent-Length: 1000\n\n" + strings.Repeat("x", 1000))
		if res, _ := c.answer("POST"); res.StatusCode != 200 {
			t.Error(res.Status)
		}
	})
}

func TestAHandlersOwnDeadlinesEndWithItsRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newRig(t, http1.Options{}, func(w http.ResponseWriter, r *http.Request) {
			control := http.NewResponseController(w)
			if err := control.SetReadDeadline(time.Now().Add(second)); err != nil {
				t.Error(err)
			}
			if err := control.SetWriteDeadline(time.Now().Add(second)); err != nil {
				t.Error(err)
			}
			time.AfterFunc(2*second, func() { // as a timer that was not stopped in time
				if control.SetReadDeadline(time.Unix(1, 0)) == nil {
					t.Error("a deadline can be set when the request is over")
				}
			})
		}).dial()
		for range 3 {
			c.say("GET / HTTP/1.1\nHost: h\n\n")
			c.answer("GET")
			time.Sleep(5 * second)
		}
	})
}

func TestAClientThatPipelinesLetsOthersHaveTheirTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newRig(t, http1.Options{}, func(w http.ResponseWriter, r *http.Request) {}).dial()
		begin := time.Now()
		c.say(strings.Repeat("GET / HTTP/1.1\nHost: h\n\n", 64))
		for range 64 {
			c.answer("GET")
		}
		if took := time.Since(begin); took != 4*20*time.Microsecond && took != 3*20*time.Microsecond {
			t.Errorf("64 requests in a row waited %v in all, want 20 us after each 16", took)
		}
	})
}

func TestAConnectionIsAsGoodAsNewAfterASlowRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newRig(t, http1.Options{}, func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			time.Sleep(5 * second)
		}).dial()
		for _, text := range []string{"GET / HTTP/1.1\nHost: h\n\n", "POST / HTTP/1.1\nHost: h\nContent-Length: 5\n\nhello", "GET / HTTP/1.1\nHost: h\n\n"} {
			c.say(text)
			c.answer("GET")
			time.Sleep(5 * second)
		}
		begin := time.Now()
		if c.rest(); time.Since(begin) != 55*second {
			t.Errorf("closed %v after the last request, want 60 s", time.Since(begin)+5*second)
		}
	})
}
