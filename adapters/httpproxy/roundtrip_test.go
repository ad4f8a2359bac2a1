package httpproxy_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/adapters/httpproxy"
	"lockstep/core"
)

// tripper is a client whose transport is the router itself.
func (g *rig) tripper() (*http.Client, *httpproxy.RoundTripper) {
	trip := httpproxy.NewRoundTripper(g.spy, httpproxy.Options{Dial: g.dial})
	g.t.Cleanup(trip.CloseIdleConnections)
	return &http.Client{Transport: trip}, trip
}

func keyed(method, key string, body io.Reader) *http.Request {
	r, _ := http.NewRequest(method, "http://anywhere/path?q=1", body)
	r.Header.Set("X-Routing-Key", key)
	return r
}

func TestARoundTripperAnswersAsTheRouterWould(t *testing.T) {
	rows := []struct {
		name, key, body string
		status          int
		to, want        string
	}{
		{"served", "visa", "", 200, "visa", "visa GET /path?q=1 "},
		{"with a body", "visa", "hello", 200, "visa", "visa POST /path?q=1 hello"},
		{"refused", "", "", 400, "", "no_key: the request has no X-Routing-Key header\n"},
		{"failed", "acme", "", 502, "tier1", "connect_refused: the upstream of tier1 refuses connections\n"},
		{"too large", "visa", strings.Repeat("x", 101), 413, "", "body_too_large: the request body is larger than its placement accepts\n"},
	}
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, basic())
		g.serve("visa:80", echo("visa"))
		client, _ := g.tripper()
		for _, row := range rows {
			r := keyed("GET", row.key, nil)
			if row.body != "" {
				r = keyed("POST", row.key, strings.NewReader(row.body))
			}
			res, err := client.Do(r)
			if err != nil {
				t.Fatalf("%s: %v", row.name, err)
			}
			body, _ := io.ReadAll(res.Body)
			res.Body.Close()
			if res.StatusCode != row.status || res.Header.Get("X-Routed-To") != row.to || string(body) != row.want {
				t.Errorf("%s: %d %v %q", row.name, res.StatusCode, res.Header, body)
			}
		}
		if n := inFlight(g); n != 0 {
			t.Errorf("%d in flight", n)
		}
	})
}

func TestARoundTripperWhoseCallerGivesUpReturnsTheContextsError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, basic())
		g.raw("visa:80", func(c net.Conn) { io.Copy(io.Discard, c) })
		_, trip := g.tripper()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		res, err := trip.RoundTrip(keyed("GET", "visa", nil).WithContext(ctx))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, %v", res, err)
		}
		if got := g.spy.ended(); got.class != core.ClientGone {
			t.Errorf("finished as %+v", got)
		}
	})
}

func TestABodyThatIsClosedUnreadFreesItsSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, basic())
		g.raw("visa:80", func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
			io.Copy(io.Discard, c)
		})
		client, _ := g.tripper()
		res, err := client.Do(keyed("GET", "visa", nil))
		if err != nil || inFlight(g) != 1 {
			t.Fatalf("%d in flight, %v", inFlight(g), err)
		}
		res.Body.Close()
		if got := g.spy.ended(); got.class != core.ClientGone || inFlight(g) != 0 {
			t.Errorf("finished as %+v", got)
		}
	})
}

func TestARequestThatIsNotIdempotentIsNeverSentTwice(t *testing.T) {
	for _, key := range []string{"Idempotency-Key", "X-Idempotency-Key"} {
		synctest.Test(t, func(t *testing.T) {
			g := newRig(t, basic())
			heads := 0
			l := g.net.Listen("visa:80")
			t.Cleanup(func() { l.Close() })
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					for readHead(c) == nil { // it answers the first request of a connection only
						if heads++; heads > 1 {
							break
						}
						io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
					}
					c.Close()
				}
			}()
			client, _ := g.tripper()
			for _, want := range []int{200, 502} { // the second on the kept connection, which dies
				r := keyed("POST", "visa", nil)
				r.Header.Set(key, "1")
				res, err := client.Do(r)
				if err != nil || res.StatusCode != want {
					t.Fatalf("%v %v, want %d", res, err, want)
				}
				res.Body.Close()
			}
			synctest.Wait()
			if heads != 2 {
				t.Errorf("two requests with %s reached the upstream as %d", key, heads)
			}
		})
	}
}
