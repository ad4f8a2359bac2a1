package httpproxy_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/adapters/driver"
	"lockstep/adapters/httpproxy"
	"lockstep/core"
)

// h2c makes the router's client speak HTTP/2 to it, and the router take it.
func (g *rig) h2c() {
	s := &http.Server{Handler: g.proxy, Protocols: new(http.Protocols)}
	s.Protocols.SetHTTP1(true)
	s.Protocols.SetUnencryptedHTTP2(true)
	go s.Serve(g.net.Listen("router:80"))
	t := &http.Transport{DialContext: g.net.Dial, DisableCompression: true, Protocols: new(http.Protocols)}
	t.Protocols.SetUnencryptedHTTP2(true)
	g.client = &http.Client{Transport: t}
	g.t.Cleanup(func() { t.CloseIdleConnections(); s.Close() })
}

// each runs f with a client of each protocol.
func each(t *testing.T, f func(t *testing.T, g *rig)) {
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2"} {
		t.Run(protocol, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, basic())
				if protocol == "HTTP/2" {
					g.h2c()
				}
				f(t, g)
			})
		})
	}
}

func TestTrailersPassBothWaysInBothProtocols(t *testing.T) {
	each(t, func(t *testing.T, g *rig) {
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

func TestARequestWithoutABodyHasNoneUpstreamInBothProtocols(t *testing.T) {
	each(t, func(t *testing.T, g *rig) {
		got := make(chan string, 1)
		g.serve("visa:80", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			got <- fmt.Sprint(r.ContentLength, r.TransferEncoding)
		}))
		for _, method := range []string{"GET", "HEAD", "DELETE"} {
			r, _ := http.NewRequest(method, "http://router/", nil)
			g.do("visa", r)
			if framing := <-got; framing != "0 []" {
				t.Errorf("%s came with length and codings %s", method, framing)
			}
		}
	})
}

func TestEarlyHintsPassInBothProtocols(t *testing.T) {
	each(t, func(t *testing.T, g *rig) {
		g.serve("visa:80", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for i := range 2 {
				w.Header().Set("Link", fmt.Sprintf("</%d.css>", i))
				w.WriteHeader(http.StatusEarlyHints)
			}
			w.Header().Del("Link")
		}))
		var hints []string
		trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			hints = append(hints, fmt.Sprint(code, h["Link"]))
			return nil
		}}
		r, _ := http.NewRequestWithContext(httptrace.WithClientTrace(context.Background(), trace), "GET", "http://router/", nil)
		res, _ := g.do("visa", r)
		if got := strings.Join(hints, " "); got != "103 [</0.css>] 103 [</1.css>]" || res.Header.Get("Link") != "" {
			t.Errorf("hints %s, then %v", got, res.Header)
		}
	})
}

func TestABodyThatWaitsForContinueIsAskedFor(t *testing.T) {
	each(t, func(t *testing.T, g *rig) {
		g.serve("tier1:80", echo("tier1"))
		begun := time.Now()
		r, _ := http.NewRequest("POST", "http://router/", strings.NewReader("body"))
		r.Header.Set("Expect", "100-continue")
		g.client.Transport.(*http.Transport).ExpectContinueTimeout = time.Hour
		res, body := g.do("acme", r)
		if res.StatusCode != 200 || body != "tier1 POST / body" {
			t.Errorf("%d %q after %v", res.StatusCode, body, time.Since(begun))
		}
		if took := time.Since(begun); took >= time.Hour {
			t.Errorf("nobody asked for the body in %v", took)
		}
	})
}

func TestARefusedBodyThatWaitsIsNeverAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, basic())
		answer := g.talk("POST / HTTP/1.1\nHost: h\nContent-Length: 4\nExpect: 100-continue\nConnection: close\n\n")
		if !strings.HasPrefix(answer, "HTTP/1.1 400 ") {
			t.Errorf("the answer is %q", answer)
		}
	})
}

func TestCONNECTIsRefusedByReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, basic())
		for _, c := range []struct {
			target string
			status int
		}{
			{"visa:443", 405},
			{"[2001:db8::1]:443", 405},
			{"visa", 400},
			{":443", 400},
			{"/path", 400},
			{"visa:443/path", 400},
		} {
			answer := g.talk("CONNECT " + c.target + " HTTP/1.1\nHost: h\nX-Routing-Key: visa\nConnection: close\n\n")
			if !strings.HasPrefix(answer, "HTTP/1.1 "+strconv.Itoa(c.status)+" ") {
				t.Errorf("CONNECT %s: %q, want %d", c.target, answer, c.status)
			}
			if strings.Contains(answer, "\r\nAllow: GET, ") != (c.status == 405) {
				t.Errorf("CONNECT %s: %q", c.target, answer)
			}
		}
		g.h2c()
		body, _ := io.Pipe()
		r, _ := http.NewRequest("CONNECT", "http://visa:443", body)
		r.URL.Host, r.Host = "router:80", "visa:443"
		res, err := g.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if res.StatusCode != 405 || res.Header.Get("Allow") == "" {
			t.Errorf("HTTP/2: %d %v", res.StatusCode, res.Header)
		}
	})
}

// dials counts the connections that the client opens.
func (g *rig) dials() *int {
	n, dial := new(int), g.client.Transport.(*http.Transport).DialContext
	g.client.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		*n++
		return dial(ctx, network, address)
	}
	return n
}

func TestAnAnswerBeforeTheEndOfItsRequestLeavesTheHTTP2ConnectionOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, basic())
		g.h2c()
		g.serve("tier1:80", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(w).EnableFullDuplex()
			io.WriteString(w, "early")
		}))
		n := g.dials()
		for range 3 {
			body, end := io.Pipe()
			r, _ := http.NewRequest("POST", "http://router/", body)
			r.Header.Set("X-Routing-Key", "acme")
			res, err := g.client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(res.Body)
			res.Body.Close()
			end.Close()
			if string(text) != "early" || err != nil {
				t.Errorf("%q %v", text, err)
			}
			synctest.Wait()
		}
		if *n != 1 {
			t.Errorf("three requests took %d connections", *n)
		}
	})
}

func TestARefusalInADrainTellsTheHTTP2ClientToGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, basic())
		g.h2c()
		g.serve("visa:80", echo("visa"))
		n := g.dials()
		g.get("visa")
		synctest.Wait() // until the client has its connection back
		g.driver.Drain(g.driver.Now().Add(60 * core.Second))
		for range 2 {
			if res, _ := g.get("visa"); res.StatusCode != 503 {
				t.Errorf("status %d", res.StatusCode)
			}
			synctest.Wait()
		}
		if *n != 2 {
			t.Errorf("the requests before, in and after the refusal took %d connections, want a new one after the first refusal", *n)
		}
	})
}

// asGRPC sends a call over HTTP/2.
func (g *rig) asGRPC(key, contentType string) (*http.Response, string) {
	g.t.Helper()
	r, _ := http.NewRequest("POST", "http://router/service/Method", strings.NewReader("\x00\x00\x00\x00\x00"))
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Te", "trailers")
	return g.do(key, r)
}

func TestARefusedGRPCCallIsAnsweredAsGRPC(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, basic())
		g.h2c()
		for _, kind := range []string{"application/grpc", "application/grpc+proto", "application/grpc;charset=utf-8"} {
			res, body := g.asGRPC("", kind)
			if res.StatusCode != 200 || body != "" || res.Header.Get("Grpc-Status") != "3" || res.Header.Get("Content-Type") != "application/grpc" ||
				res.Header.Get("Grpc-Message") != "no_key: the request has no X-Routing-Key header" || res.Header.Get("X-Request-Id") == "" {
				t.Errorf("%s: %d %v %q", kind, res.StatusCode, res.Header, body)
			}
		}
		for _, kind := range []string{"application/grpc-web", "application/json", "application/grpcish"} {
			if res, _ := g.asGRPC("", kind); res.StatusCode != 400 || res.Header.Get("Grpc-Status") != "" {
				t.Errorf("%s: %d %v", kind, res.StatusCode, res.Header)
			}
		}
		// Nobody listens on visa and on its fallback.
		res, _ := g.asGRPC("visa", "application/grpc")
		if res.StatusCode != 200 || res.Header.Get("Grpc-Status") != "14" || res.Header.Get("X-Routed-To") != "visa" {
			t.Errorf("%d %v", res.StatusCode, res.Header)
		}
		// What an upstream says passes as it is.
		g.serve("tier1:80", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/grpc")
			w.Header().Set("Trailer", "Grpc-Status")
			w.Write([]byte("\x00\x00\x00\x00\x00"))
			w.Header().Set("Grpc-Status", "0")
		}))
		res, body := g.asGRPC("acme", "application/grpc")
		if body != "\x00\x00\x00\x00\x00" || res.Trailer.Get("Grpc-Status") != "0" {
			t.Errorf("%v %q %v", res.Header, body, res.Trailer)
		}
	})
}

// refusing refuses every request with one class.
type refusing struct {
	*driver.Driver
	class core.Class
}

func (r refusing) Arrive(driver.Arrival) driver.Admission {
	var a driver.Admission
	a.Target = &driver.Target{PlacementName: "straße 100%"}
	a.Kind, a.Class = core.Reject, r.class
	return a
}

// TestTheTableOfGRPCCodesIsTheOneThatIsUsed asks for every class of R16 and
// compares with the table in README.md.
func TestTheTableOfGRPCCodesIsTheOneThatIsUsed(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "| class (R16) | HTTP | gRPC |")
	table, _, _ = strings.Cut(table, "\n\n")
	names := map[string]string{"1": "CANCELLED", "2": "UNKNOWN", "3": "INVALID_ARGUMENT", "4": "DEADLINE_EXCEEDED", "5": "NOT_FOUND", "8": "RESOURCE_EXHAUSTED", "12": "UNIMPLEMENTED", "13": "INTERNAL", "14": "UNAVAILABLE", "16": "UNAUTHENTICATED"}
	for class := core.NoKey; int(class) < core.Classes; class++ {
		row := class.Row()
		if row.Status == 0 && class != core.ClientGone {
			continue // it is the upstream's own answer, or the answer has begun
		}
		r, _ := http.NewRequest("POST", "http://router/", http.NoBody)
		r.Header.Set("Content-Type", "application/grpc")
		res, err := httpproxy.NewRoundTripper(refusing{class: class}, httpproxy.Options{}).RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		code := res.Header.Get("Grpc-Status")
		status := strconv.Itoa(int(row.Status))
		if class == core.ClientGone {
			status = "408"
		}
		if want := fmt.Sprintf("| %s | %s | %s %s |", class, status, code, names[code]); !strings.Contains(table, want) {
			t.Errorf("README.md lacks the row %s", want)
		}
		if message := res.Header.Get("Grpc-Message"); strings.ContainsAny(message, "ß\n") || strings.Contains(message, "100% ") {
			t.Errorf("%s: the message is not encoded: %q", class, message)
		}
	}
}

// socketRig is a router over loopback: a connection in memory has no half close.
func socketRig(t *testing.T, upstream func(net.Conn)) (client *net.TCPConn) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	done.Go(func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		if readHead(c) == nil {
			upstream(c)
		}
	})
	spec := basic()
	spec.Placements[0].Endpoints[0].URL = "http://" + l.Addr().String()
	config, err := core.Compile(spec)
	if err != nil {
		t.Fatal(err)
	}
	d := driver.New(driver.Options{})
	proxy := httpproxy.NewHandler(d, httpproxy.Options{})
	d.Handle(proxy.Deliver)
	d.Adopt(config, core.Epoch{}, core.OriginFile, core.FaultNone)
	d.Run(context.Background())
	front, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: proxy}
	go s.Serve(front)
	c, err := net.Dial("tcp", front.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		l.Close()
		done.Wait()
		s.Close()
		proxy.CloseIdleConnections()
		d.Close()
	})
	return c.(*net.TCPConn)
}

func TestAHalfClosedWebSocketStillHearsTheOtherSide(t *testing.T) {
	for _, first := range []string{"client", "upstream"} {
		t.Run(first, func(t *testing.T) {
			answer := make(chan string, 1)
			c := socketRig(t, func(c net.Conn) {
				io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
				if first == "upstream" {
					c.Write(wsFrame(0x88, "\x03\xe8", false))
					c.(*net.TCPConn).CloseWrite()
				}
				rest, _ := io.ReadAll(c)
				answer <- string(rest)
				if first == "client" {
					c.Write(wsFrame(0x81, "after", false))
				}
			})
			io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\nX-Routing-Key: visa\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
			in := bufio.NewReader(c)
			res, err := http.ReadResponse(in, nil)
			if err != nil || res.StatusCode != 101 {
				t.Fatalf("%v %v", res, err)
			}
			goodbye := string(wsFrame(0x88, "\x03\xe8", true))
			want := string(wsFrame(0x81, "after", false))
			if first == "client" {
				io.WriteString(c, goodbye)
				c.CloseWrite()
			} else {
				want = string(wsFrame(0x88, "\x03\xe8", false))
			}
			heard, err := io.ReadAll(in)
			if string(heard) != want || err != nil {
				t.Errorf("the client heard %q %v", heard, err)
			}
			if first == "upstream" {
				io.WriteString(c, goodbye)
				c.CloseWrite()
			}
			if got := <-answer; got != goodbye {
				t.Errorf("the upstream heard %q", got)
			}
		})
	}
}

func TestAWebSocketOverHTTP2IsNotImplemented(t *testing.T) {
	// net/http passes it on only when the process was started with GODEBUG=http2xconnect=1.
	r := httptest.NewRequest("CONNECT", "https://visa/chat", http.NoBody)
	r.Header.Set(":protocol", "websocket")
	w := httptest.NewRecorder()
	httpproxy.NewHandler(nil, httpproxy.Options{}).ServeHTTP(w, r)
	if w.Code != 501 || !strings.Contains(w.Body.String(), "over HTTP/1.1") {
		t.Errorf("%d %q", w.Code, w.Body)
	}
}
