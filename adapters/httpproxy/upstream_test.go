package httpproxy_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/adapters/driver"
	"lockstep/adapters/httpproxy"
	"lockstep/adapters/settings"
	"lockstep/core"
)

func TestTheLogSaysInWordsWhatTheUpstreamDidWrong(t *testing.T) {
	for answer, want := range map[string]string{
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n": `"upstream_error":"bad_response: there are both Content-Length and Transfer-Encoding"`,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n":                `"upstream_error":"bad_response: a chunk's size is not a number"`,
		"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf":                           `"upstream_error":"unexpected EOF"`,
		"": `"upstream_error":"reset_before_response: waiting for the response: EOF"`,
	} {
		synctest.Test(t, func(t *testing.T) {
			g := newRig(t, basic(), httpproxy.LogOptions{Detail: true})
			g.raw("visa:80", func(c net.Conn) { io.WriteString(c, answer) })
			g.talk("GET / HTTP/1.1\nHost: h\nConnection: close\nX-Routing-Key: visa\n\n")
			g.spy.ended()
			g.access.Close()
			if !strings.Contains(g.log.String(), want) {
				t.Errorf("%q is not in %s", want, g.log.String())
			}
		})
	}
}

// A field more is a difference to whoever reads the baseline's log strictly.
func TestTheBaselinesLogHasTheBaselinesFieldsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, basic())
		g.raw("visa:80", func(c net.Conn) { io.WriteString(c, "garbage\r\n\r\n") })
		g.get("visa")
		g.access.Close()
		var line map[string]any
		if err := json.Unmarshal(g.log.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		contract := "timestamp request_id method path routing_key placement_key route_reason upstream_url status_code duration_ms failover_reason"
		for name := range line {
			if !slices.Contains(strings.Fields(contract), name) {
				t.Errorf("%s is no field of the baseline: %s", name, g.log.String())
			}
		}
	})
}

func TestASafeRequestIsNotSentTwiceEither(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, basic())
		requests := 0
		g.raw("visa:80", func(c net.Conn) { // it answers the first request of a connection and ends at the second
			requests++
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			if readHead(c) == nil {
				requests++
			}
		})
		g.get("visa")
		res, body := g.get("visa")
		got := g.spy.ended()
		if res.StatusCode != 502 || !strings.HasPrefix(body, "reset_before_response: ") || got.class != core.ResetBeforeResponse || !got.sent || requests != 2 {
			t.Errorf("%d %q %+v, %d requests came", res.StatusCode, body, got, requests)
		}
	})
}

// A call of gRPC in both directions at once, over HTTP/2 without TLS on both
// sides: messages, TE, trailers, and trailers alone.
func TestGRPCPassesOverHTTP2FromEndToEnd(t *testing.T) {
	var h2 http.Protocols
	h2.SetUnencryptedHTTP2(true)
	upstream := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/grpc")
		if r.URL.Path == "/empty" { // a length of 0, and the end of the stream only after that
			w.Header().Set("Content-Length", "0")
			http.NewResponseController(w).Flush()
			<-time.After(50 * time.Millisecond) // the router has the header by then, or this proves nothing
			w.Header().Set(http.TrailerPrefix+"Grpc-Status", "12")
			return
		}
		if r.URL.Path == "/none" {
			w.Header().Set("Grpc-Status", "12")
			return
		}
		control := http.NewResponseController(w)
		control.Flush()
		for in := bufio.NewScanner(r.Body); in.Scan(); control.Flush() {
			fmt.Fprintf(w, "%s %s %s\n", in.Text(), r.Proto, r.Header.Get("Te"))
		}
		w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
	}))
	upstream.Config.Protocols = &h2
	upstream.Start()
	defer upstream.Close()
	config, err := core.Compile(core.Spec{Version: "1", Default: "p", Placements: []core.PlacementSpec{{
		Name: "p", Health: core.HealthSpec{Off: true}, Endpoints: []core.EndpointSpec{{URL: upstream.URL}},
		Edge: settings.Placement{Upstream: &settings.Upstream{Protocol: settings.H2C}}.Text(),
	}}})
	if err != nil {
		t.Fatal(err)
	}
	d := driver.New(driver.Options{})
	defer d.Close()
	h := httpproxy.NewHandler(d, httpproxy.Options{})
	defer h.CloseIdleConnections()
	d.Handle(h.Deliver)
	d.Adopt(config, core.Epoch{}, core.OriginFile, core.FaultNone)
	d.Run(context.Background())
	router := httptest.NewUnstartedServer(h)
	router.Config.Protocols = &h2
	router.Start()
	defer router.Close()
	client := &http.Transport{Protocols: &h2}
	defer client.CloseIdleConnections()

	body, feed := io.Pipe()
	r, _ := http.NewRequest("POST", router.URL+"/all", body)
	r.Header = http.Header{"X-Routing-Key": {"k"}, "Te": {"trailers"}, "Content-Type": {"application/grpc"}}
	res, err := client.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewScanner(res.Body)
	for _, word := range []string{"one", "two"} {
		io.WriteString(feed, word+"\n")
		if !answers.Scan() || answers.Text() != word+" HTTP/2.0 trailers" {
			t.Fatalf("said %q, heard %q", word, answers.Text())
		}
	}
	feed.Close()
	if answers.Scan() || res.Trailer.Get("Grpc-Status") != "0" || res.Header.Get("X-Routed-To") != "p" {
		t.Errorf("%q, %v, trailers %v", answers.Text(), res.Header, res.Trailer)
	}
	res.Body.Close()

	for _, path := range []string{"/none", "/empty"} {
		r, _ = http.NewRequest("POST", router.URL+path, strings.NewReader("x"))
		r.Header = http.Header{"X-Routing-Key": {"k"}, "Te": {"trailers"}, "Content-Type": {"application/grpc"}}
		res, err = client.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_, err := io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if code := res.Header.Get("Grpc-Status") + res.Trailer.Get("Grpc-Status"); code != "12" || err != nil {
			t.Errorf("%s: a status without a message came as %q: %v %v %v", path, code, err, res.Header, res.Trailer)
		}
	}
}
