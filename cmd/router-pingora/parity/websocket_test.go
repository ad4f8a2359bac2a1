package parity

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/coder/websocket"
)

// echoes is an origin that takes WebSockets and sends back what it gets. A
// text "close 3001 why" makes it close so, "die" makes it end without a word.
func echoes(w http.ResponseWriter, q *http.Request) {
	if q.URL.Path == "/refused" {
		http.Error(w, "no", http.StatusForbidden)
		return
	}
	if q.URL.Path == "/status/500" {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	conn, err := websocket.Accept(w, q, &websocket.AcceptOptions{Subprotocols: []string{"two"}})
	if err != nil {
		return
	}
	defer conn.CloseNow()
	conn.SetReadLimit(1 << 20)
	for {
		kind, text, err := conn.Read(q.Context())
		if err != nil {
			return
		}
		switch words := strings.SplitN(string(text), " ", 3); {
		case words[0] == "close" && len(words) == 3:
			var code int
			if _, err := fmt.Sscan(words[1], &code); err == nil {
				_ = conn.Close(websocket.StatusCode(code), words[2])
			}
			return
		case words[0] == "die":
			return
		}
		if conn.Write(q.Context(), kind, text) != nil {
			return
		}
	}
}

// tunnelled is a configuration whose only placement takes WebSockets.
const tunnelled = `lockstep: 1
version: v1
access_log: {fields: baseline}
routes: [{unknown_key: {to: visa}}]
defaults: {health: none, fallback: none}
placements: {visa: {endpoints: {a: {url: "http://<ws>"}}, breaker: {consecutive_failures: 2, open: 1h}, timeouts: {settle: 50ms}}}
keys: {visa: visa}
`

// socket opens a WebSocket through the router.
func (r *run) socket() (*websocket.Conn, *http.Response) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	r.t.Cleanup(cancel)
	conn, res, err := websocket.Dial(ctx, "ws://"+r.router.addr()+"/chat", &websocket.DialOptions{
		HTTPHeader: http.Header{"X-Routing-Key": {"visa"}}, Subprotocols: []string{"one", "two"},
	})
	if err != nil {
		r.t.Fatalf("opening a WebSocket: %v", err)
	}
	r.dialled = append(r.dialled, now{conn})
	r.t.Cleanup(func() { _ = conn.CloseNow() })
	conn.SetReadLimit(1 << 20)
	return conn, res
}

// now closes a WebSocket without waiting for the other side.
type now struct{ conn *websocket.Conn }

func (n now) Close() error { return n.conn.CloseNow() }

// says sends a text and reads one.
func says(r *run, conn *websocket.Conn, text string) (string, error) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := conn.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
		r.t.Fatal(err)
	}
	_, got, err := conn.Read(ctx)
	return string(got), err
}

// ending is how a WebSocket ended: its close code and reason.
func ending(err error) string {
	var e websocket.CloseError
	if errors.As(err, &e) {
		return fmt.Sprintf("closed with %d %q", e.Code, e.Reason)
	}
	if errors.Is(err, io.EOF) || err != nil {
		return "ended without a word"
	}
	return "open"
}

// webSocketCases are upgrades: their bytes, their end, and what they mean to a breaker.
func webSocketCases() []*testCase {
	ws := func(name string, steps ...step) *testCase {
		return &testCase{name: "WebSocket: " + name, config: tunnelled, yaml: true, steps: steps}
	}
	return []*testCase{
		ws("messages pass both ways, a large one too, and the answer says who serves", does(func(r *run) {
			conn, res := r.socket()
			h := res.Header.Clone()
			h.Del("Sec-Websocket-Accept") // of the client's random key; the library has checked it
			want := answer{status: 101, to: "visa", why: "dedicated", circuit: "closed", with: "Connection: Upgrade\nSec-Websocket-Protocol: two\nUpgrade: websocket"}
			r.same("the answer to the upgrade", fmt.Sprintf("HTTP/1.1 %d\n%s\n\n", res.StatusCode, headerText(h)), want.text())
			for _, text := range []string{"hello", "", strings.Repeat("x", 300_000)} {
				if got, err := says(r, conn, text); err != nil || got != text {
					r.t.Errorf("the echo of %s is %s: %v", short(text), short(got), err)
				}
			}
		})),
		ws("the upstream's close code reaches the client", does(func(r *run) {
			conn, _ := r.socket()
			_, err := says(r, conn, "close 3001 because")
			r.same("the end", ending(err), `closed with 3001 "because"`)
		})),
		ws("the client's close code is answered, and the log has one line", does(func(r *run) {
			conn, res := r.socket()
			r.same("the end", fmt.Sprint(conn.Close(4000, "bye")), "<nil>")
			x := &exchange{what: "a WebSocket", a: ask{send: "GET /chat HTTP/1.1\n", log: base("GET", "/chat", "visa", "visa", "dedicated", "http://<ws>", 101)}, got: &reply{header: res.Header}}
			r.logged(x)
			r.counts("a WebSocket", request("visa", "ok", "1xx", "dedicated", "")+attempt("visa", "<ws>", "ok"))
		})),
		ws("an upstream that dies ends the client's connection without a close frame", does(func(r *run) {
			conn, _ := r.socket()
			_, err := says(r, conn, "die")
			r.same("the end", ending(err), "ended without a word")
		})),
		ws("an open one has counted as a success after settle", each{"visa", "/status/500", "500 closed visa"}, does(func(r *run) {
			conn, _ := r.socket()
			until(r.t, "a reply to be booked", func() bool {
				_, page := fetch("http://" + r.router.admin() + "/metrics")
				return strings.Contains(page, "lockstep_events_total{event=\"reply\"} 1\n")
			})
			each{"visa", "/status/500 /status/500 /status/500", "500 closed visa, 500 closed visa, 503 open"}.play(r)
			if got, err := says(r, conn, "still here"); err != nil || got != "still here" {
				r.t.Errorf("an open breaker has cut what was there: %q %v", got, err)
			}
		})),
		ws("one that is refused is an answer like any other", does(func(r *run) {
			l := r.dial(nil)
			got := l.receive("GET")
			if _, err := l.conn.Write([]byte(crlf(get("visa", "/refused", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")))); err != nil {
				r.t.Fatal(err)
			}
			got.wait(r.t)
			want := answer{status: 403, to: "visa", why: "dedicated", circuit: "closed", body: "no", with: "Content-Length: 3\nContent-Type: text/plain; charset=utf-8\nX-Content-Type-Options: nosniff"}
			r.same("the answer", got.text(), want.text())
		})),
		{name: "WebSocket: at a drain's deadline the client hears 1001", config: tunnelled, yaml: true, args: []string{"--drain", "300ms"}, steps: []step{does(func(r *run) {
			conn, _ := r.socket()
			if _, err := says(r, conn, "hello"); err != nil {
				r.t.Fatal(err)
			}
			r.router.signal(term)
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			_, _, err := conn.Read(ctx)
			r.same("the end", ending(err), `closed with 1001 "the router is shutting down"`)
			conn.CloseNow()
			r.router.wait()
		})}},
		basic("an upgrade to another protocol passes its bytes", does(func(r *run) {
			r.origin("visa").script("/up", "HTTP/1.1 101 Switching Protocols\nConnection: Upgrade\nUpgrade: shout\n\nwelcome{close}")
			l := r.dial(nil)
			got := l.receive("GET")
			if _, err := l.conn.Write([]byte(crlf(get("visa", "/up", "Connection: Upgrade", "Upgrade: shout")))); err != nil {
				r.t.Fatal(err)
			}
			got.wait(r.t)
			r.same("the answer", got.text(), answer{status: 101, to: "visa", why: "dedicated", circuit: "closed", date: "-", with: "Connection: Upgrade\nUpgrade: shout"}.text())
			rest, err := io.ReadAll(l.in)
			r.same("the bytes", fmt.Sprintf("%q %v", rest, err), `"welcome" <nil>`)
		})),
	}
}
