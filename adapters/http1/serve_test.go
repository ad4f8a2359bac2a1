package http1_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/adapters/http1"
)

func TestAConnectionCarriesManyRequestsOneAfterTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newRig(t, http1.Options{}, echo).dial()
		for i := range 5 {
			c.say(fmt.Sprintf("POST /%d HTTP/1.1\nHost: h\nContent-Length: 3\n\nabc", i))
			res, body := c.answer("POST")
			if want := fmt.Sprintf("POST /%d abc", i); body != want || res.Close || res.ContentLength != int64(len(want)) {
				t.Errorf("answer %+v %q, want %q", res, body, want)
			}
			time.Sleep(50 * second)
		}
	})
}

func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, http1.Options{}, func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(second) // long enough for the watch over the client
			echo(w, r)
		})
		c := g.dial()
		c.say("GET /1 HTTP/1.1\nHost: h\n\nPOST /2 HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n3\nabc\n0\n\nGET /3 HTTP/1.1\nHost: h\nConnection: close\n\n")
		for _, want := range []string{"GET /1 ", "POST /2 abc", "GET /3 "} {
			if res, body := c.answer("GET"); body != want || res.Close != (want == "GET /3 ") {
				t.Errorf("%q, close %v, want %q", body, res.Close, want)
			}
		}
		if rest := c.rest(); rest != "" {
			t.Errorf("then %q", rest)
		}
	})
}

func TestTheNextRequestMayComeWhileTheHandlerWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, http1.Options{}, func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(3 * second)
			if r.Context().Err() != nil {
				t.Error("the context ended although the client is there")
			}
			echo(w, r)
		})
		c := g.dial()
		c.say("GET /1 HTTP/1.1\nHost: h\n\n")
		time.Sleep(second)
		c.say("GET /2 HTTP/1.1\nHost: h\n\n")
		for _, want := range []string{"GET /1 ", "GET /2 "} {
			if _, body := c.answer("GET"); body != want {
				t.Errorf("%q, want %q", body, want)
			}
		}
	})
}

func TestAnswersAreFramedAsTheRequestAndTheHandlerAllow(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	rows := []struct {
		name, request string
		handler       http.HandlerFunc
		want, body    string // want is in the head
		closed        bool   // the connection, behind it
	}{
		{"a short body has a length", "GET / HTTP/1.1", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hi") }, "Content-Length: 2\r\n", "hi", false},
		{"no body is a length of 0", "GET / HTTP/1.1", func(w http.ResponseWriter, r *http.Request) {}, "Content-Length: 0\r\n", "", false},
		{"a long body comes in chunks", "GET / HTTP/1.1", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, long) }, "Transfer-Encoding: chunked\r\n", long, false},
		{"an announced length is kept", "GET / HTTP/1.1", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100000")
			io.WriteString(w, long)
		}, "Content-Length: 100000\r\n", long, false},
		{"what is flushed comes in chunks", "GET / HTTP/1.1", func(w http.ResponseWriter, r *http.Request) {
			for range 3 {
				io.WriteString(w, "ab")
				http.NewResponseController(w).Flush()
			}
		}, "Transfer-Encoding: chunked\r\n", "ababab", false},
		{"HTTP/1.0 is closed", "GET / HTTP/1.0", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hi") }, "Connection: close\r\n", "hi", true},
		{"HTTP/1.0 may keep the connection", "GET / HTTP/1.0\nConnection: keep-alive", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hi") }, "Connection: keep-alive\r\n", "hi", false},
		{"HTTP/1.0 knows no chunks", "GET / HTTP/1.0\nConnection: keep-alive", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, long) }, "Connection: close\r\n", long, true},
		{"the handler may close", "GET / HTTP/1.1", func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Connection", "close") }, "Connection: close\r\n", "", true},
		{"the client may close", "GET / HTTP/1.1\nConnection: x, close", func(w http.ResponseWriter, r *http.Request) {}, "Connection: close\r\n", "", true},
		{"204 has neither", "GET / HTTP/1.1", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) }, "HTTP/1.1 204 No Content\r\nDate", "", false},
		{"304 may tell a length", "GET / HTTP/1.1", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "5")
			w.WriteHeader(304)
		}, "Content-Length: 5\r\n", "", false},
		{"a type is guessed", "GET / HTTP/1.1", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "<html>") }, "Content-Type: text/html; charset=utf-8\r\n", "<html>", false},
		{"a line break in a header is a space", "GET / HTTP/1.1", func(w http.ResponseWriter, r *http.Request) { w.Header().Set("A", "b\r\nC: d") }, "A: b  C: d\r\n", "", false},
		{"framing of the handler's own is not sent", "GET / HTTP/1.1", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Transfer-Encoding", "gzip")
			io.WriteString(w, "hi")
		}, "Content-Length: 2\r\n", "hi", false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newRig(t, http1.Options{}, row.handler).dial()
				c.say(row.request + "\nHost: h\n\n")
				if !row.closed {
					defer func() {
						c.say("GET /2 HTTP/1.1\nHost: h\nConnection: close\n\n")
						if c.rest() == "" {
							t.Error("the connection was not kept")
						}
					}()
				}
				var head strings.Builder
				res, err := http.ReadResponse(bufio.NewReaderSize(io.TeeReader(oneByOne{c.in}, &head), 16), &http.Request{Method: "GET"})
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(res.Body)
				if err != nil || string(body) != row.body || !strings.Contains(head.String(), row.want) || row.closed != res.Close {
					t.Errorf("body of %d bytes, %v; head %.300q", len(body), err, head.String())
				}
				if strings.Contains(head.String(), "Content-Length") && strings.Contains(head.String(), "Transfer-Encoding") {
					t.Errorf("both lengths: %.300q", head.String())
				}
			})
		})
	}
}

type oneByOne struct{ io.Reader }

func (o oneByOne) Read(p []byte) (int, error) { return o.Reader.Read(p[:1]) }

func TestAnAnswerToHEADHasTheHeadOfOneToGETAndNoBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newRig(t, http1.Options{}, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") }).dial()
		for range 2 {
			c.say("HEAD / HTTP/1.1\nHost: h\n\n")
			if res, body := c.answer("HEAD"); res.ContentLength != 5 || body != "" {
				t.Errorf("length %d, body %q", res.ContentLength, body)
			}
		}
	})
}

func TestTrailersPassBothWaysThroughTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newRig(t, http1.Options{}, func(w http.ResponseWriter, r *http.Request) {
			if _, announced := r.Trailer["X-Sum"]; !announced {
				t.Errorf("announced trailers: %v", r.Trailer)
			}
			w.Header().Set("Trailer", "X-Back")
			io.Copy(w, r.Body)
			w.Header().Set("X-Back", r.Trailer.Get("X-Sum")+r.Trailer.Get("X-Other"))
			w.Header().Set(http.TrailerPrefix+"X-Late", "late")
		}).dial()
		c.say("POST / HTTP/1.1\nHost: h\nTrailer: x-sum\nTransfer-Encoding: chunked\n\n4;a=b\nbody\n0\nX-Sum: 4\nX-Other: 2\n\n")
		res, body := c.answer("POST")
		if body != "body" || res.Trailer.Get("X-Back") != "42" || res.Trailer.Get("X-Late") != "late" {
			t.Errorf("body %q, trailers %v", body, res.Trailer)
		}
	})
}

func TestContinueIsSentWhenTheBodyIsAskedForAndOnlyThen(t *testing.T) {
	const request = "POST / HTTP/1.1\nHost: h\nExpect: 100-continue\nContent-Length: 4\n\n"
	synctest.Test(t, func(t *testing.T) {
		c := newRig(t, http1.Options{}, echo).dial()
		for range 2 {
			c.say(request)
			line, _ := c.in.ReadString('\n')
			c.in.ReadString('\n')
			if line != "HTTP/1.1 100 Continue\r\n" {
				t.Fatalf("got %q", line)
			}
			c.say("body")
			if _, body := c.answer("POST"); body != "POST / body" {
				t.Errorf("body %q", body)
			}
		}
		refuses := newRig(t, http1.Options{}, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(401) }).dial()
		refuses.say(request)
		if res, _ := refuses.answer("POST"); res.StatusCode != 401 || !res.Close {
			t.Errorf("%d, close %v: the body may come or not, so the connection cannot be kept", res.StatusCode, res.Close)
		}
	})
}

func TestInformationalResponsesComeBeforeTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, http1.Options{}, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", "</a.css>")
			w.WriteHeader(103)
			w.Header().Del("Link")
			w.WriteHeader(204)
		})
		answer := g.talk("GET / HTTP/1.1\nHost: h\nConnection: close\n\n")
		if !strings.HasPrefix(answer, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 204 No Content\r\n") || strings.Count(answer, "Link") != 1 {
			t.Errorf("answer %q", answer)
		}
		if old := g.talk("GET / HTTP/1.0\n\n"); !strings.HasPrefix(old, "HTTP/1.0 204 ") {
			t.Errorf("HTTP/1.0 got %q", old)
		}
	})
}

func TestAHijackedConnectionIsTheHandlersWithWhatCameEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, http1.Options{IdleTimeout: second, WriteTimeout: second}, func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(second)
			conn, b, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := w.Write([]byte("x")); !errors.Is(err, http.ErrHijacked) {
				t.Errorf("a write after Hijack: %v", err)
			}
			b.WriteString("HTTP/1.1 101 Switching Protocols\r\n\r\n")
			b.Flush()
			go func() { // the connection outlives the handler
				defer conn.Close()
				for in := bufio.NewScanner(b); in.Scan(); {
					fmt.Fprintf(conn, "%s?\n", in.Text())
				}
			}()
		})
		for _, early := range []bool{false, true} {
			c := g.dial()
			text := "GET / HTTP/1.1\nHost: h\nConnection: Upgrade\nUpgrade: chat\n\n"
			if early {
				text += "early\n"
			}
			c.say(text)
			c.in.ReadString('\n')
			c.in.ReadString('\n')
			if !early {
				time.Sleep(time.Hour)
				c.say("early\n")
			}
			if line, err := c.in.ReadString('\n'); strings.TrimSpace(line) != "early?" && strings.TrimSpace(line) != "early\r?" {
				t.Errorf("heard %q, %v", line, err)
			}
			if n := g.server.Counts(); n.Hijacked != 1 || n.Open() != 1 {
				t.Errorf("counts %+v", n)
			}
			c.Close()
			synctest.Wait()
			if n := g.server.Counts(); n.Open() != 0 {
				t.Errorf("after the end: %+v", n)
			}
		}
	})
}

func TestAnAbortedAnswerDoesNotLookWhole(t *testing.T) {
	for name, p := range map[string]any{"ErrAbortHandler": http.ErrAbortHandler, "a bug": "boom"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, http1.Options{}, func(w http.ResponseWriter, r *http.Request) {
					io.WriteString(w, "half")
					http.NewResponseController(w).Flush()
					panic(p)
				})
				answer := g.talk("GET / HTTP/1.1\nHost: h\n\n")
				if !strings.HasSuffix(answer, "\r\n\r\n4\r\nhalf\r\n") {
					t.Errorf("answer %q", answer)
				}
			})
		})
	}
}

func TestAnAnswerShorterThanAnnouncedEndsTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, http1.Options{}, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "10")
			io.WriteString(w, "half")
			if _, err := io.WriteString(w, "much more"); !errors.Is(err, http.ErrContentLength) {
				t.Errorf("a write beyond the length: %v", err)
			}
		})
		if answer := g.talk("GET / HTTP/1.1\nHost: h\n\n"); !strings.HasSuffix(answer, "half") {
			t.Errorf("answer %q", answer)
		}
	})
}

func TestTheContextEndsWhenTheClientGoesAway(t *testing.T) {
	requests := map[string]string{
		"after a request":     "GET / HTTP/1.1\nHost: h\n\n",
		"after an upload":     "POST / HTTP/1.1\nHost: h\nContent-Length: 3\n\nabc",
		"after chunks":        "POST / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n3\nabc\n0\n\n",
		"inside an upload":    "POST / HTTP/1.1\nHost: h\nContent-Length: 30\n\nabc",
		"inside a chunk":      "POST / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n9\nabc",
		"before the next one": "POST / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n3\nabc\n",
	}
	for name, text := range requests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ended := make(chan time.Time, 1)
				g := newRig(t, http1.Options{}, func(w http.ResponseWriter, r *http.Request) {
					io.Copy(io.Discard, r.Body)
					<-r.Context().Done()
					ended <- time.Now()
				})
				c := g.dial()
				c.say(text)
				time.Sleep(2 * second)
				left := time.Now()
				c.Close()
				if took := (<-ended).Sub(left); took != 0 {
					t.Errorf("noticed after %v", took)
				}
			})
		})
	}
}

func TestABodyThatNobodyReadDoesNotSpoilTheNextRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newRig(t, http1.Options{}, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.RequestURI) }).dial()
		for _, text := range []string{
			"POST /1 HTTP/1.1\nHost: h\nContent-Length: 5\n\n12345",
			"POST /2 HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n5\n12345\n0\n\n",
			"POST /3 HTTP/1.1\nHost: h\nContent-Length: 50000\n\n" + strings.Repeat("x", 50000),
			"GET /4 HTTP/1.1\nHost: h\n\n",
		} {
			c.say(text)
			if _, body := c.answer("GET"); body != text[strings.Index(text, "/"):strings.Index(text, " HTTP")] {
				t.Errorf("%.20q answered %q", text, body)
			}
		}
		c.say("POST /5 HTTP/1.1\nHost: h\nContent-Length: 5000000\n\n")
		if res, _ := c.answer("GET"); !res.Close {
			t.Error("a body too large to be thrown away keeps the connection")
		}
	})
}

func TestReadsAndWritesMayCross(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newRig(t, http1.Options{BodyIdle: time.Hour}, func(w http.ResponseWriter, r *http.Request) {
			control := http.NewResponseController(w)
			control.EnableFullDuplex()
			control.Flush()
			for in := bufio.NewScanner(r.Body); in.Scan(); control.Flush() {
				fmt.Fprintf(w, "%s back\n", in.Text())
			}
		}).dial()
		c.say("POST / HTTP/1.1\nHost: h\nContent-Length: 8\n\n")
		res, err := http.ReadResponse(c.in, nil)
		if err != nil {
			t.Fatal(err)
		}
		answers := bufio.NewScanner(res.Body)
		for _, word := range []string{"one", "two"} {
			go io.WriteString(c, word+"\n")
			if !answers.Scan() || answers.Text() != word+" back" {
				t.Fatalf("said %q, heard %q", word, answers.Text())
			}
			time.Sleep(20 * second)
		}
	})
}

func TestShutdownEndsIdleConnectionsNowAndBusyOnesAfterTheirAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, http1.Options{}, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/slow" {
				time.Sleep(5 * second)
			}
		})
		idle, fresh, late, busy := g.dial(), g.dial(), g.dial(), g.dial()
		idle.say("GET / HTTP/1.1\nHost: h\n\n")
		idle.answer("GET")
		busy.say("GET /slow HTTP/1.1\nHost: h\n\n")
		synctest.Wait()
		if n := g.server.Counts(); n.Idle != 3 || n.Active != 1 || n.Served != 2 {
			t.Errorf("counts %+v", n)
		}
		begin := time.Now()
		done := make(chan error)
		go func() { done <- g.server.Shutdown(context.Background()) }()
		if idle.rest(); time.Since(begin) != 0 {
			t.Errorf("an idle connection was closed after %v", time.Since(begin))
		}
		late.say("GET /late HTTP/1.1\nHost: h\n\n")
		if res, _ := late.answer("GET"); !res.Close {
			t.Error("a first request under Shutdown is not answered with close")
		}
		if fresh.rest(); time.Since(begin) != second {
			t.Errorf("a new connection was closed after %v", time.Since(begin))
		}
		if res, _ := busy.answer("GET"); !res.Close {
			t.Error("the answer under Shutdown lacks Connection: close")
		}
		busy.rest()
		if err := <-done; err != nil || time.Since(begin) != 5*second {
			t.Errorf("Shutdown: %v after %v", err, time.Since(begin))
		}
	})
}

func TestShutdownGivesUpWithItsContextAndCloseCutsTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, http1.Options{}, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		c := g.dial()
		c.say("GET / HTTP/1.1\nHost: h\n\n")
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), second)
		defer cancel()
		if err := g.server.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown: %v", err)
		}
		g.server.Close()
		c.rest()
		synctest.Wait()
		if n := g.server.Counts(); n.Open() != 0 {
			t.Errorf("after Close: %+v", n)
		}
	})
}

func TestAConnectionEndsAfterMaxRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newRig(t, http1.Options{MaxRequests: 3}, echo).dial()
		for i := range 3 {
			c.say("GET / HTTP/1.1\nHost: h\n\n")
			if res, _ := c.answer("GET"); res.Close != (i == 2) {
				t.Errorf("request %d: close %v", i, res.Close)
			}
		}
	})
}

func TestTheRequestIsWhatNetHTTPWouldMakeOfIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		g := newRig(t, http1.Options{BaseContext: context.WithValue(context.Background(), key{}, "base")}, func(w http.ResponseWriter, r *http.Request) {
			if r.Method != "PUT" || r.RequestURI != "/a%2Fb?c=d" || r.URL.Path != "/a/b" || r.URL.RawPath != "/a%2Fb" || r.URL.RawQuery != "c=d" ||
				r.Proto != "HTTP/1.1" || r.Host != "example.com:80" || r.RemoteAddr != "192.0.2.1:4000" || r.ContentLength != 2 || r.TLS != nil {
				t.Errorf("request %+v", r)
			}
			if got := fmt.Sprint(r.Header); got != "map[Connection:[close] Content-Length:[2] X-Many:[1 2] X-Odd-Case:[v  v]]" {
				t.Errorf("header %s", got)
			}
			if r.Context().Value(key{}) != "base" || r.Context().Value(http.LocalAddrContextKey) == nil || r.Context().Value(http.ServerContextKey) == nil {
				t.Error("the context lacks what handlers look for")
			}
		})
		g.talk("PUT /a%2Fb?c=d HTTP/1.1\nhOST: example.com:80\nx-ODD-case: \t v  v \t\nX-Many: 1\nx-many:2\nHTTP2-Settings: AAA\nUpgrade: h2c\nContent-Length: 2\nConnection: close\n\nhi")
	})
}

// TestABodyReadBesideTheHandlerTakesNothingOfTheNextRequest has the body read
// by a goroutine that the handler does not wait for, as http.Transport may.
func TestABodyReadBesideTheHandlerTakesNothingOfTheNextRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, http1.Options{}, func(w http.ResponseWriter, r *http.Request) {
			go io.Copy(io.Discard, r.Body)
			for range len(r.RequestURI) * 50 % 300 { // to meet it at every point of its way
				runtime.Gosched()
			}
			io.WriteString(w, r.RequestURI)
		})
		c := g.dial()
		for i := range 2000 {
			target := "/" + strings.Repeat("x", i%40)
			c.say("POST " + target + " HTTP/1.1\nHost: h\nContent-Length: 5\n\nhello")
			res, body := c.answer("POST")
			if res.StatusCode != 200 || body != target {
				t.Fatalf("request %d, %s, was answered %s %q", i, target, res.Status, body)
			}
			time.Sleep(time.Second) // a watch that was left behind would read now
			if synctest.Wait(); g.server.Counts().Open() == 0 {
				c = g.dial()
			}
		}
	})
}
