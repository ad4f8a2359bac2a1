package upstream_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/adapters/memnet"
	"lockstep/adapters/settings"
	"lockstep/adapters/upstream"
	"lockstep/core"
)

// inMemory runs an endpoint and a client in a synctest bubble.
func inMemory(t *testing.T, f func(net.Conn), u settings.Upstream, test func(t *testing.T, c *client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var network memnet.Network
		accept(t, network.Listen("e:80"), f)
		test(t, newClient(t, upstream.Options{Dial: network.Dial}, "http://e:80", u))
	})
}

func TestWhatIsNotHTTPIsABadResponseThatSaysWhy(t *testing.T) {
	big := "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("x", 70<<10) + "\r\n\r\n"
	rows := []struct{ name, answer, detail string }{
		{"another protocol, cut short", "SSH-2.0-x\r\n", "does not begin like HTTP/1"},
		{"another protocol, few bytes", "SSH", "does not begin like HTTP/1"},
		{"an old HTTP", "HTTP/0.9 200 OK\r\n\r\n", "status line"},
		{"HTTP/2 in plain", "HTTP/2 200\r\n\r\n", "status line"},
		{"an empty line first", "\r\nHTTP/1.1 200 OK\r\n\r\n", "status line"},
		{"two digits", "HTTP/1.1 20 OK\r\n\r\n", "status line"},
		{"four digits", "HTTP/1.1 2000 OK\r\n\r\n", "status line"},
		{"a status below 100", "HTTP/1.1 099 Low\r\n\r\n", "status line"},
		{"a tab before the status", "HTTP/1.1\t200 OK\r\n\r\n", "status line"},
		{"a bare LF", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", "CR LF"},
		{"a bare LF inside a value", "HTTP/1.1 200 OK\r\nA: b\nC: d\r\n\r\n", "control character"},
		{"a bare CR inside a value", "HTTP/1.1 200 OK\r\nA: b\rC: d\r\n\r\n", "control character"},
		{"a zero byte", "HTTP/1.1 200 OK\r\nA: \x00\r\n\r\n", "control character"},
		{"obs-fold", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "obs-fold"},
		{"a space before the colon", "HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n", "header line"},
		{"no colon", "HTTP/1.1 200 OK\r\nContent-Length\r\n\r\n", "header line"},
		{"no name", "HTTP/1.1 200 OK\r\n: x\r\n\r\n", "header line"},
		{"both lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", "both"},
		{"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n", "two Content-Lengths"},
		{"a list of lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\n", "Content-Length is"},
		{"a signed length", "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n", "Content-Length is"},
		{"a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n", "Content-Length is"},
		{"a length too large", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", "Content-Length is"},
		{"an empty length", "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n", "Content-Length is"},
		{"another coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "Transfer-Encoding is"},
		{"chunked twice", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", "Transfer-Encoding is"},
		{"a coding in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.0"},
		{"a forbidden trailer", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Content-Length\r\n\r\n", "not permitted"},
		{"a 103 with a body", "HTTP/1.1 103 Early Hints\r\nContent-Length: 2\r\n\r\nok" + ok, "informational"},
		{"a 101 unasked", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "unasked"},
		{"a large header", big, "larger than"},
		{"hints without end", strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: "+strings.Repeat("x", 2000)+"\r\n\r\n", 40), "larger than"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			held := func(c net.Conn) { // it stays open: what is wrong must be seen without its end
				go io.Copy(io.Discard, c)
				io.WriteString(c, row.answer)
				time.Sleep(time.Hour)
			}
			inMemory(t, held, settings.Upstream{}, func(t *testing.T, c *client) {
				status, _, err := c.get("")
				if err == nil {
					t.Fatalf("it passed as %d", status)
				}
				e := failure(t, err)
				if e.Class != core.BadResponse || !strings.Contains(e.Detail, row.detail) || !e.Sent {
					t.Errorf("%+v, want bad_response with %q", e, row.detail)
				}
			})
		})
	}
}

func TestWhatIsUnusualButHTTPPasses(t *testing.T) {
	rows := []struct {
		name, answer string
		status       int
		body         string
	}{
		{"no reason", "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", 200, "ok"},
		{"the same length twice", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", 200, "ok"},
		{"chunks with extensions", "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n1;a=b\r\no\r\n01;c\r\nk\r\n0\r\n\r\n", 200, "ok"},
		{"trailers", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nA: b\r\n\r\n", 200, "ok"},
		{"a 204 with a length", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", 204, ""},
		{"a 304 with a length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304, ""},
		{"hints before", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok, 200, "ok"},
		{"bytes above ASCII", "HTTP/1.1 200 \xc3\x96K\r\nA: \xff\r\nContent-Length: 2\r\n\r\nok", 200, "ok"},
		{"a long header", "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("x", 60<<10) + "\r\nContent-Length: 2\r\n\r\nok", 200, "ok"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			inMemory(t, answering(row.answer), settings.Upstream{}, func(t *testing.T, c *client) {
				for range 2 { // the second on the kept connection: nothing of the first is left in it
					if status, body, err := c.get(""); status != row.status || body != row.body || err != nil {
						t.Fatalf("%d %q %v", status, body, err)
					}
				}
				if s := c.pool().Stats(); s.Open != 1 || s.Idle != 1 {
					t.Errorf("the connection was not kept: %+v", s)
				}
			})
		})
	}
}

func TestABadChunkBreaksTheBody(t *testing.T) {
	for name, rest := range map[string]string{
		"no number":          "xyz\r\n",
		"no size":            "\r\n",
		"a space":            "2 ;a\r\nok\r\n0\r\n\r\n",
		"a sign":             "+2\r\nok\r\n0\r\n\r\n",
		"a 0x":               "0x2\r\nok\r\n0\r\n\r\n",
		"too large":          "ffffffffffffffffff\r\n",
		"longer than said":   "2\r\nokay\r\n0\r\n\r\n",
		"a bare LF":          "2\nok\r\n0\r\n\r\n",
		"an endless line":    "2;" + strings.Repeat("x", 5000),
		"a bad trailer":      "2\r\nok\r\n0\r\nno colon\r\n\r\n",
		"an endless trailer": "2\r\nok\r\n0\r\nA: " + strings.Repeat("x", 70<<10),
	} {
		t.Run(name, func(t *testing.T) {
			held := func(c net.Conn) {
				go io.Copy(io.Discard, c)
				io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"+rest)
				time.Sleep(time.Hour)
			}
			inMemory(t, held, settings.Upstream{}, func(t *testing.T, c *client) {
				_, body, err := c.get("")
				if err == nil || failure(t, err).Class != core.BadResponse {
					t.Errorf("%q, %v", body, err)
				}
				if s := c.pool().Stats(); s.Open != 0 {
					t.Errorf("the connection was kept: %+v", s)
				}
			})
		})
	}
}

func TestARequestThatWouldBeReadDifferentlyIsNotSent(t *testing.T) {
	inMemory(t, answering(ok), settings.Upstream{}, func(t *testing.T, c *client) {
		for name, change := range map[string]func(*http.Request){
			"a method with a space":   func(r *http.Request) { r.Method = "GET /x" },
			"a path with a space":     func(r *http.Request) { r.URL.Opaque = "/a b" },
			"a query with a line":     func(r *http.Request) { r.URL.RawQuery = "a\r\nb" },
			"a name with a colon":     func(r *http.Request) { r.Header["A:"] = []string{"b"} },
			"a value with a line":     func(r *http.Request) { r.Header["A"] = []string{"b\r\nC: d"} },
			"a host with a line":      func(r *http.Request) { r.Host = "h\r\nA: b" },
			"a value with a zero":     func(r *http.Request) { r.Header["A"] = []string{"\x00"} },
			"an empty name":           func(r *http.Request) { r.Header[""] = []string{"b"} },
			"a value with a bare LF":  func(r *http.Request) { r.Header["A"] = []string{"b\nc"} },
			"a method with a newline": func(r *http.Request) { r.Method = "GET\n" },
		} {
			r, _ := http.NewRequest("GET", c.url+"/", nil)
			change(r)
			call := c.call()
			_, _, err := c.send(call, r)
			if err == nil || failure(t, err).Class != core.BadRequest || call.Sent() {
				t.Errorf("%s: %v, sent %v", name, err, call.Sent())
			}
		}
		if s := c.pool().Stats(); s.Open != 1 || s.Idle != 1 {
			t.Errorf("a request that was not sent used up its connection: %+v", s)
		}
	})
}

func TestFramingHeadersOfTheCallerAreNeverWritten(t *testing.T) {
	seen := make(chan string, 1)
	record := func(c net.Conn) {
		var head strings.Builder
		for in := bufio.NewScanner(c); in.Scan() && in.Text() != ""; {
			head.WriteString(in.Text() + "\n")
		}
		seen <- head.String()
		io.WriteString(c, ok)
	}
	inMemory(t, record, settings.Upstream{}, func(t *testing.T, c *client) {
		r, _ := http.NewRequest("GET", c.url+"/a", nil)
		r.Header = http.Header{"Content-Length": {"9"}, "Transfer-Encoding": {"chunked"}, "Host": {"x"}, "Trailer": {"y"}, "User-Agent": {""}, "A": {"b"}}
		if _, _, err := c.send(c.call(), r); err != nil {
			t.Fatal(err)
		}
		if got := <-seen; got != "GET /a HTTP/1.1\nHost: e:80\nA: b\n" {
			t.Errorf("%q", got)
		}
	})
}

func TestAnAnswerBeforeTheEndOfTheUploadIsReadAndTheUploadEnds(t *testing.T) {
	early := func(c net.Conn) {
		http.ReadRequest(bufio.NewReaderSize(c, 16))
		io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
		io.Copy(io.Discard, c)
	}
	inMemory(t, early, settings.Upstream{}, func(t *testing.T, c *client) {
		body, feed := io.Pipe()
		go io.WriteString(feed, "half")
		r, _ := http.NewRequest("POST", c.url, body)
		status, text, err := c.send(c.call(), r)
		if status != 413 || text != "big" || err != nil {
			t.Errorf("%d %q %v", status, text, err)
		}
		synctest.Wait()
		if _, err := feed.Write([]byte("more")); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("the body is still wanted: %v", err)
		}
		if s := c.pool().Stats(); s.Open != 0 {
			t.Errorf("a connection with half a request was kept: %+v", s)
		}
	})
}

func TestABodyIsHeldBackUntilTheEndpointWantsIt(t *testing.T) {
	for name, row := range map[string]struct {
		says  string
		after time.Duration
		sent  bool
	}{
		"100":     {"HTTP/1.1 100 Continue\r\n\r\n", 0, true},
		"nothing": {"", time.Second, true},
		"417":     {"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n", 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			var got []byte
			var after time.Duration
			endpoint := func(c net.Conn) {
				in := bufio.NewReaderSize(c, 16)
				for line := "x"; line != "\r\n"; {
					line, _ = in.ReadString('\n')
				}
				begin := time.Now()
				io.WriteString(c, row.says)
				got = make([]byte, 4)
				n, _ := io.ReadFull(in, got)
				got, after = got[:n], time.Since(begin)
				if row.sent {
					io.WriteString(c, ok)
				}
			}
			inMemory(t, endpoint, settings.Upstream{}, func(t *testing.T, c *client) {
				r, _ := http.NewRequest("POST", c.url, strings.NewReader("body"))
				r.Header.Set("Expect", "100-continue")
				if _, _, err := c.send(c.call(), r); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if (string(got) == "body") != row.sent || row.sent && after != row.after {
					t.Errorf("got %q after %v", got, after)
				}
			})
		})
	}
}

func TestABodyOfAnotherLengthThanAnnouncedIsItsCallersFault(t *testing.T) {
	for name, body := range map[string]string{"shorter": "abc", "longer": "abcdefg"} {
		t.Run(name, func(t *testing.T) {
			inMemory(t, answering(ok), settings.Upstream{}, func(t *testing.T, c *client) {
				r, _ := http.NewRequest("POST", c.url, io.NopCloser(strings.NewReader(body)))
				r.ContentLength = 5
				_, _, err := c.send(c.call(), r)
				if err == nil || failure(t, err).Class != core.ClientGone {
					t.Errorf("%v", err)
				}
			})
		})
	}
}

func TestCancelEndsACallWhereverItIs(t *testing.T) {
	rows := map[string]func(net.Conn){
		"waiting for the response": func(c net.Conn) { io.Copy(io.Discard, c) },
		"writing the request":      func(net.Conn) { time.Sleep(time.Hour) },
		"reading the body": func(c net.Conn) {
			go io.Copy(io.Discard, c)
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
			time.Sleep(time.Hour)
		},
	}
	for name, f := range rows {
		t.Run(name, func(t *testing.T) {
			inMemory(t, f, settings.Upstream{}, func(t *testing.T, c *client) {
				call := c.call()
				time.AfterFunc(time.Second, call.Cancel)
				begin := time.Now()
				r, _ := http.NewRequest("GET", c.url, nil)
				if _, _, err := c.send(call, r); err == nil || time.Since(begin) != time.Second {
					t.Errorf("%v after %v", err, time.Since(begin))
				}
				if s := c.pool().Stats(); s.Open != 0 {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

func TestCancelAfterTheEndHarmsNobody(t *testing.T) {
	inMemory(t, answering(ok), settings.Upstream{}, func(t *testing.T, c *client) {
		call := c.call()
		r, _ := http.NewRequest("GET", c.url, nil)
		if _, _, err := c.send(call, r); err != nil {
			t.Fatal(err)
		}
		call.Cancel()
		if _, _, err := c.get(""); err != nil {
			t.Error(err)
		}
		if s := c.pool().Stats(); s.Open != 1 {
			t.Errorf("%+v", s)
		}
	})
}
