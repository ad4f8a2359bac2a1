package upstream_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"lockstep/adapters/memnet"
	"lockstep/adapters/settings"
	"lockstep/adapters/upstream"
	"lockstep/core"
)

// secureServer is an HTTP server over TLS that offers these protocols by ALPN.
func secureServer(t testing.TB, a *authority, h http.Handler, offers ...string) *httptest.Server {
	s := httptest.NewUnstartedServer(h)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{a.pair("e.test")}, NextProtos: offers}
	s.EnableHTTP2 = len(offers) > 0 && offers[0] == "h2"
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// tellsProtocol answers with the protocol of the request and its connection.
func tellsProtocol(conns *sync.Map) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		conns.Store(r.RemoteAddr, true)
		fmt.Fprint(w, r.Proto)
	}
}

func size(m *sync.Map) (n int) {
	m.Range(func(any, any) bool { n++; return true })
	return n
}

func TestTheProtocolIsWhatThePlacementSays(t *testing.T) {
	a := newAuthority(t)
	ca := file(t, t.TempDir(), "ca.pem", a.pem)
	trust := &settings.TLS{CA: ca}
	rows := []struct {
		name   string
		u      settings.Upstream
		secure bool
		offers []string
		want   string // protocol, or class and detail
	}{
		{"http1 over TLS to a server of both", settings.Upstream{TLS: trust}, true, []string{"h2", "http/1.1"}, "HTTP/1.1"},
		{"h2", settings.Upstream{TLS: trust, Protocol: settings.H2TLS}, true, []string{"h2", "http/1.1"}, "HTTP/2.0"},
		{"h2 that is not offered", settings.Upstream{TLS: trust, Protocol: settings.H2TLS}, true, []string{"http/1.1"}, "tls"},
		{"auto to a server of both", settings.Upstream{TLS: trust, Protocol: settings.Auto}, true, []string{"h2", "http/1.1"}, "HTTP/2.0"},
		{"auto to a server of HTTP/1.1", settings.Upstream{TLS: trust, Protocol: settings.Auto}, true, []string{"http/1.1"}, "HTTP/1.1"},
		{"auto in plain", settings.Upstream{Protocol: settings.Auto}, false, nil, "HTTP/1.1"},
		{"h2c", settings.Upstream{Protocol: settings.H2C}, false, nil, "HTTP/2.0"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			var conns sync.Map
			var s *httptest.Server
			if row.secure {
				s = secureServer(t, a, tellsProtocol(&conns), row.offers...)
			} else {
				s = httptest.NewUnstartedServer(tellsProtocol(&conns))
				s.Config.Protocols = new(http.Protocols)
				s.Config.Protocols.SetHTTP1(true)
				s.Config.Protocols.SetUnencryptedHTTP2(true)
				s.Start()
				t.Cleanup(s.Close)
			}
			c := newClient(t, upstream.Options{}, s.URL, row.u)
			for range 3 {
				_, got, err := c.get("")
				if err != nil {
					got = failure(t, err).Class.String()
				}
				if got != row.want {
					t.Fatalf("%q, want %q (%v)", got, row.want, err)
				}
			}
			if n := size(&conns); row.want != "tls" && n != 1 {
				t.Errorf("%d connections for 3 requests", n)
			}
			c.set.CloseIdle()
		})
	}
}

// framed is an HTTP/2 server of frames: f gets each request's stream.
func framed(t *testing.T, f func(fr *http2.Framer, stream uint32, n int)) func(net.Conn) {
	return func(c net.Conn) {
		in := bufio.NewReader(c) // takes all that comes: on a pipe a writer waits for its reader
		if _, err := io.ReadFull(in, make([]byte, len(http2.ClientPreface))); err != nil {
			return
		}
		fr := http2.NewFramer(c, in)
		fr.WriteSettings()
		n := 0
		for {
			frame, err := fr.ReadFrame()
			if err != nil {
				return
			}
			switch frame := frame.(type) {
			case *http2.SettingsFrame:
				if !frame.IsAck() {
					fr.WriteSettingsAck()
				}
			case *http2.PingFrame:
				if !frame.IsAck() {
					fr.WritePing(true, frame.Data)
				}
			case *http2.HeadersFrame:
				n++
				f(fr, frame.StreamID, n)
			}
		}
	}
}

// status answers a stream.
func status(fr *http2.Framer, stream uint32, code string, end bool, more ...string) {
	var b strings.Builder
	h := hpack.NewEncoder(&b)
	h.WriteField(hpack.HeaderField{Name: ":status", Value: code})
	for i := 0; i < len(more); i += 2 {
		h.WriteField(hpack.HeaderField{Name: more[i], Value: more[i+1]})
	}
	fr.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: []byte(b.String()), EndHeaders: true, EndStream: end})
}

func TestHTTP2FailuresHaveTheirClasses(t *testing.T) {
	rows := []struct {
		name  string
		f     func(fr *http2.Framer, stream uint32, n int)
		class core.Class
		sent  bool
	}{
		{"REFUSED_STREAM", func(fr *http2.Framer, s uint32, _ int) { fr.WriteRSTStream(s, http2.ErrCodeRefusedStream) }, core.ResetBeforeResponse, false},
		{"CANCEL", func(fr *http2.Framer, s uint32, _ int) { fr.WriteRSTStream(s, http2.ErrCodeCancel) }, core.ResetBeforeResponse, true},
		{"INTERNAL_ERROR", func(fr *http2.Framer, s uint32, _ int) { fr.WriteRSTStream(s, http2.ErrCodeInternal) }, core.ResetBeforeResponse, true},
		{"GOAWAY before it", func(fr *http2.Framer, s uint32, n int) {
			if n == 1 {
				status(fr, s, "200", true)
				return
			}
			fr.WriteGoAway(1, http2.ErrCodeNo, nil)
		}, core.ResetBeforeResponse, false},
		{"GOAWAY with an error before the first", func(fr *http2.Framer, s uint32, _ int) {
			fr.WriteGoAway(0, http2.ErrCodeEnhanceYourCalm, nil)
		}, core.ResetBeforeResponse, false},
		{"GOAWAY after it, then the end", func(fr *http2.Framer, s uint32, _ int) {
			fr.WriteGoAway(s, http2.ErrCodeNo, nil)
			fr.WriteRawFrame(http2.FrameType(0), 0, 0, nil) // a DATA frame of no stream ends the connection
		}, core.BadResponse, true},
		{"a header that is none", func(fr *http2.Framer, s uint32, _ int) { status(fr, s, "200", true, "BAD", "x") }, core.BadResponse, true},
		{"no status", func(fr *http2.Framer, s uint32, _ int) { status(fr, s, "", true) }, core.BadResponse, true},
		{"too large a header", func(fr *http2.Framer, s uint32, _ int) { status(fr, s, "200", true, "a", strings.Repeat("x", 15<<10)) }, core.BadResponse, true},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			// Over sockets: on a pipe two that write at once wait for each other.
			c := newClient(t, upstream.Options{}, "http://"+server(t, framed(t, row.f)), settings.Upstream{Protocol: settings.H2C, HeaderMax: 10 << 10})
			if strings.HasPrefix(row.name, "GOAWAY before") {
				if _, _, err := c.get(""); err != nil {
					t.Fatal(err)
				}
			}
			call := c.call()
			r, _ := http.NewRequest("GET", c.url, nil)
			_, _, err := c.send(call, r)
			call.Cancel()
			if e := failure(t, err); e.Class != row.class || e.Sent != row.sent || call.Sent() != row.sent {
				t.Errorf("%s, sent %v; want %s, sent %v", e, e.Sent, row.class, row.sent)
			}
		})
	}
}

func TestASilentHTTP2ConnectionIsFoundByItsPing(t *testing.T) {
	silent := func(c net.Conn) { // it takes everything and says nothing after its settings
		io.ReadFull(c, make([]byte, len(http2.ClientPreface)))
		fr := http2.NewFramer(c, c)
		go fr.WriteSettings()
		io.Copy(io.Discard, c)
	}
	u := settings.Upstream{Protocol: settings.H2C, H2: settings.H2{PingAfter: 4 * time.Second, PingTimeout: 2 * time.Second}}
	inMemory(t, silent, u, func(t *testing.T, c *client) {
		begin := time.Now()
		_, _, err := c.get("")
		if e := failure(t, err); e.Class != core.ResetBeforeResponse || !e.Sent || time.Since(begin) != 6*time.Second {
			t.Errorf("%v after %v", e, time.Since(begin))
		}
	})
}

func TestHTTP2StreamsBeyondTheLimitGetAConnectionOfTheirOwnOrWait(t *testing.T) {
	rows := []struct {
		name    string
		u       settings.Upstream
		conns   int32
		took    time.Duration
		refused int32
	}{
		{"no limit", settings.Upstream{}, 1, 1100 * time.Millisecond, 0},
		{"two streams", settings.Upstream{H2: settings.H2{Streams: 2}}, 3, 1100 * time.Millisecond, 0},
		{"two streams on at most two connections", settings.Upstream{H2: settings.H2{Streams: 2}, MaxOpen: 2}, 2, 2200 * time.Millisecond, 0},
		{"two streams on one connection", settings.Upstream{H2: settings.H2{Streams: 1}, MaxOpen: 1}, 1, 5500 * time.Millisecond, 1},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var network memnet.Network
				var conns, refused atomic.Int32
				slow := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { time.Sleep(1100 * time.Millisecond) })}
				slow.Protocols = new(http.Protocols)
				slow.Protocols.SetUnencryptedHTTP2(true)
				slow.ConnState = func(_ net.Conn, s http.ConnState) {
					if s == http.StateNew {
						conns.Add(1)
					}
				}
				go slow.Serve(network.Listen("e:80"))
				defer slow.Close()
				row.u.Protocol = settings.H2C
				c := newClient(t, upstream.Options{Dial: network.Dial}, "http://e:80", row.u)
				begin := time.Now()
				var all sync.WaitGroup
				for range 6 {
					all.Go(func() {
						call := c.call()
						defer call.Cancel()
						r, _ := http.NewRequest("GET", c.url, nil)
						if _, _, err := c.send(call, r); err != nil {
							if e := failure(t, err); e.Class != core.QueueTimeout || !strings.HasPrefix(e.Detail, "pool_full") {
								t.Error(e)
							}
							refused.Add(1)
						}
					})
				}
				all.Wait()
				if conns.Load() != row.conns || time.Since(begin) != row.took || refused.Load() != row.refused {
					t.Errorf("%d connections, %v, %d refused", conns.Load(), time.Since(begin), refused.Load())
				}
				c.set.CloseIdle()
				synctest.Wait()
				if s := c.pool().Stats(); s.Open != 0 {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

func TestTrailersAndTEPassOverHTTP2(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/grpc")
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s", r.Header.Get("Te"), body, r.Trailer.Get("A"))
		w.Header().Set(http.TrailerPrefix+"Grpc-Status", "7")
	}))
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	defer s.Close()
	c := newClient(t, upstream.Options{}, s.URL, settings.Upstream{Protocol: settings.H2C})
	r, _ := http.NewRequest("POST", c.url, io.NopCloser(strings.NewReader("body")))
	r.Header.Set("Te", "trailers")
	r.Trailer = http.Header{"A": {"b"}}
	call := c.call()
	defer call.Cancel()
	res, err := c.pool().RoundTrip(call, r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	if string(body) != "trailers body b" || res.Trailer.Get("Grpc-Status") != "7" {
		t.Errorf("%q, trailers %v", body, res.Trailer)
	}
}

func TestAnUploadOverHTTP2IsLetGoWhenItsStreamEnds(t *testing.T) {
	refuse := func(fr *http2.Framer, s uint32, _ int) { fr.WriteRSTStream(s, http2.ErrCodeRefusedStream) }
	c := newClient(t, upstream.Options{}, "http://"+server(t, framed(t, refuse)), settings.Upstream{Protocol: settings.H2C})
	body, feed := io.Pipe()
	w := &watcher{onInterrupt: func() { body.CloseWithError(io.ErrClosedPipe) }}
	r, _ := http.NewRequest("POST", c.url, body)
	call := c.call()
	call.Watcher = w
	_, _, err := c.send(call, r)
	if e := failure(t, err); e.Class != core.ResetBeforeResponse || e.Sent {
		t.Errorf("%v", e)
	}
	if _, err := feed.Write([]byte("x")); err == nil {
		t.Error("the body is still read")
	}
}
