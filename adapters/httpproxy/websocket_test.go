package httpproxy_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"lockstep/core"
)

// wsRig is a router with a WebSocket server as the endpoint of visa.
type wsRig struct {
	*rig
	ctx      context.Context
	upstream chan *websocket.Conn // accepted there
	accept   websocket.AcceptOptions
	hold     chan struct{} // the upstream's handlers return when it is closed
}

func newWSRig(t *testing.T) *wsRig {
	w := &wsRig{rig: newRig(t, basic()), ctx: t.Context(), upstream: make(chan *websocket.Conn, 10), hold: make(chan struct{})}
	w.serve("visa:80", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(rw, r, &w.accept)
		if err != nil {
			t.Errorf("upstream: %v", err)
			return
		}
		c.SetReadLimit(-1)
		w.upstream <- c
		<-w.hold
	}))
	t.Cleanup(func() { close(w.hold) })
	return w
}

// open connects a client through the router; both ends are returned.
func (w *wsRig) open(o *websocket.DialOptions) (client, upstream *websocket.Conn) {
	w.t.Helper()
	if o == nil {
		o = &websocket.DialOptions{}
	}
	o.HTTPClient, o.HTTPHeader = w.client, http.Header{"X-Routing-Key": {"visa"}}
	client, res, err := websocket.Dial(w.ctx, "ws://router/ws", o)
	if err != nil {
		w.t.Fatalf("%v, %v", err, res)
	}
	if res.Header.Get("X-Routed-To") != "visa" {
		w.t.Errorf("the answer's header is %v", res.Header)
	}
	client.SetReadLimit(-1)
	w.t.Cleanup(func() { client.CloseNow() })
	upstream = <-w.upstream
	w.t.Cleanup(func() { upstream.CloseNow() })
	return client, upstream
}

// echoes sends back every message on c.
func (w *wsRig) echoes(c *websocket.Conn) {
	for {
		kind, data, err := c.Read(w.ctx)
		if err != nil || c.Write(w.ctx, kind, data) != nil {
			return
		}
	}
}

// reading reads messages until the end and returns it.
func (w *wsRig) reading(c *websocket.Conn) <-chan error {
	end := make(chan error, 1)
	go func() {
		for {
			if _, _, err := c.Read(w.ctx); err != nil {
				end <- err
				return
			}
		}
	}()
	return end
}

// rawClient opens a WebSocket without a library: what is written are frames.
func (w *wsRig) rawClient() (net.Conn, *bufio.Reader) {
	w.t.Helper()
	c, err := w.net.Dial(context.Background(), "tcp", "router:80")
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	io.WriteString(c, "GET /ws HTTP/1.1\r\nHost: h\r\nX-Routing-Key: visa\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	in := bufio.NewReader(c)
	res, err := http.ReadResponse(in, nil)
	if err != nil || res.StatusCode != 101 {
		w.t.Fatalf("%v %v", res, err)
	}
	return c, in
}

// rawUpstream makes the endpoint one that agrees to every WebSocket and then does f.
func (w *wsRig) rawUpstream(f func(net.Conn)) {
	w.raw("visa:80", func(c net.Conn) {
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
		f(c)
	})
}

// wsFrame is one frame; masked as a client's must be.
func wsFrame(first byte, payload string, masked bool) []byte {
	out := []byte{first}
	bit := byte(0)
	if masked {
		bit = 0x80
	}
	switch n := len(payload); {
	case n < 126:
		out = append(out, bit|byte(n))
	case n < 1<<16:
		out = binary.BigEndian.AppendUint16(append(out, bit|126), uint16(n))
	default:
		out = binary.BigEndian.AppendUint64(append(out, bit|127), uint64(n))
	}
	if !masked {
		return append(out, payload...)
	}
	mask := [4]byte{1, 2, 3, 4}
	out = append(out, mask[:]...)
	for i := range len(payload) {
		out = append(out, payload[i]^mask[i%4])
	}
	return out
}

// readFrame reads one short frame and takes off its mask.
func readFrame(r io.Reader) (first byte, payload string, err error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, "", err
	}
	var mask [4]byte
	if head[1]&0x80 != 0 {
		if _, err := io.ReadFull(r, mask[:]); err != nil {
			return 0, "", err
		}
	}
	data := make([]byte, head[1]&0x7f)
	if _, err := io.ReadFull(r, data); err != nil {
		return 0, "", err
	}
	for i := range data {
		data[i] ^= mask[i%4]
	}
	return head[0], string(data), nil
}

// going reports whether err is a close frame with 1001.
func going(err error) bool { return websocket.CloseStatus(err) == websocket.StatusGoingAway }

// drain begins a drain whose deadline is in a second, and waits past it.
func (w *wsRig) drain() {
	w.driver.Drain(w.driver.Now().Add(core.Second))
	time.Sleep(time.Second)
	synctest.Wait()
}

// webSocketCases are the rows of the table in README.md.
var webSocketCases = []struct {
	section, name string
	run           func(*testing.T, *wsRig)
}{
	{"1.9", "a subprotocol that the upstream chooses reaches the client", func(t *testing.T, w *wsRig) {
		w.accept.Subprotocols = []string{"v2", "v1"}
		client, upstream := w.open(&websocket.DialOptions{Subprotocols: []string{"v1", "v0"}})
		if client.Subprotocol() != "v1" || upstream.Subprotocol() != "v1" {
			t.Errorf("client %q, upstream %q", client.Subprotocol(), upstream.Subprotocol())
		}
	}},
	{"1.9", "without a common subprotocol there is none", func(t *testing.T, w *wsRig) {
		w.accept.Subprotocols = []string{"v2"}
		client, _ := w.open(&websocket.DialOptions{Subprotocols: []string{"v0"}})
		if client.Subprotocol() != "" {
			t.Errorf("client %q", client.Subprotocol())
		}
	}},
	{"4.1", "an upstream that refuses the upgrade answers with its own status and body", func(t *testing.T, w *wsRig) {
		w.serve("visa:80", http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { http.Error(rw, "not you", http.StatusForbidden) }))
		_, res, err := websocket.Dial(w.ctx, "ws://router/", &websocket.DialOptions{HTTPClient: w.client, HTTPHeader: http.Header{"X-Routing-Key": {"visa"}}})
		if err == nil || res.StatusCode != 403 {
			t.Fatalf("%v %v", res, err)
		}
		if text, _ := io.ReadAll(res.Body); string(text) != "not you\n" {
			t.Errorf("the body is %q", text)
		}
	}},
	{"4.1", "an upstream that changes to another protocol than asked is a bad response", func(t *testing.T, w *wsRig) {
		w.raw("visa:80", func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n")
		})
		answer := w.talk("GET / HTTP/1.1\nHost: h\nX-Routing-Key: visa\nConnection: Upgrade, close\nUpgrade: websocket\n\n")
		if !strings.HasPrefix(answer, "HTTP/1.1 502 ") {
			t.Errorf("the answer is %q", answer)
		}
	}},
	{"4.1", "a client that the router refuses gets the refusal, not an upgrade", func(t *testing.T, w *wsRig) {
		_, res, err := websocket.Dial(w.ctx, "ws://router/", &websocket.DialOptions{HTTPClient: w.client})
		if err == nil || res.StatusCode != 400 {
			t.Errorf("%v %v", res, err)
		}
	}},
	{"5.4", "a message in fragments arrives whole, with a ping between them", func(t *testing.T, w *wsRig) {
		client, upstream := w.open(nil)
		go w.echoes(upstream)
		end := make(chan []byte, 1)
		go func() { _, data, _ := client.Read(w.ctx); end <- data }()
		out, err := client.Writer(w.ctx, websocket.MessageText)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{"one ", "two ", "th\xc3", "\xbcree"} { // a rune in two frames
			if _, err := io.WriteString(out, part); err != nil {
				t.Fatal(err)
			}
			if err := client.Ping(w.ctx); err != nil {
				t.Fatal(err)
			}
		}
		if err := out.Close(); err != nil {
			t.Fatal(err)
		}
		if got := <-end; string(got) != "one two thüree" {
			t.Errorf("the message is %q", got)
		}
	}},
	{"5.4", "frames keep their bounds, however the bytes are cut", func(t *testing.T, w *wsRig) {
		w.rawUpstream(func(c net.Conn) { io.Copy(c, c) })
		c, in := w.rawClient()
		var all []byte
		for _, f := range [][]byte{
			wsFrame(0x01, "a", true), wsFrame(0x00, "", true), wsFrame(0x89, "ping", true), wsFrame(0x80, strings.Repeat("b", 300), true),
			wsFrame(0x82, strings.Repeat("c", 70000), true), wsFrame(0xc1, "rsv1", true),
		} {
			all = append(all, f...)
		}
		go func() {
			for i := 0; i < len(all); {
				n := min(1+i%7, len(all)-i)
				c.Write(all[i : i+n])
				i += n
			}
		}()
		got := make([]byte, len(all))
		if _, err := io.ReadFull(in, got); err != nil || !bytes.Equal(got, all) {
			t.Errorf("%d bytes came back changed: %v", len(got), err)
		}
	}},
	{"5.5.2", "pings and pongs pass with their payload, both ways", func(t *testing.T, w *wsRig) {
		var pinged atomic.Int64
		count := func(context.Context, []byte) bool { pinged.Add(1); return true }
		w.accept.OnPingReceived = count
		client, upstream := w.open(&websocket.DialOptions{OnPingReceived: count})
		w.reading(client)
		w.reading(upstream)
		for _, c := range []*websocket.Conn{client, upstream} {
			if err := c.Ping(w.ctx); err != nil { // it waits for the pong with its own payload
				t.Error(err)
			}
		}
		if pinged.Load() != 2 {
			t.Errorf("%d pings arrived", pinged.Load())
		}
	}},
	{"5.5.2", "a silent connection stays open for a day", func(t *testing.T, w *wsRig) {
		client, upstream := w.open(nil)
		go w.echoes(upstream)
		time.Sleep(24 * time.Hour)
		if err := client.Write(w.ctx, websocket.MessageText, []byte("still here")); err != nil {
			t.Fatal(err)
		}
		if _, data, err := client.Read(w.ctx); string(data) != "still here" || err != nil {
			t.Errorf("%q %v", data, err)
		}
	}},
	{"5.6", "empty messages, text and binary", func(t *testing.T, w *wsRig) {
		client, upstream := w.open(nil)
		go w.echoes(upstream)
		for _, kind := range []websocket.MessageType{websocket.MessageText, websocket.MessageBinary} {
			if err := client.Write(w.ctx, kind, nil); err != nil {
				t.Fatal(err)
			}
			if got, data, err := client.Read(w.ctx); got != kind || len(data) != 0 || err != nil {
				t.Errorf("%v: %v %q %v", kind, got, data, err)
			}
		}
	}},
	{"5.6", "a message of 16 MiB", func(t *testing.T, w *wsRig) {
		client, upstream := w.open(nil)
		go w.echoes(upstream)
		big := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
		if err := client.Write(w.ctx, websocket.MessageBinary, big); err != nil {
			t.Fatal(err)
		}
		if _, data, err := client.Read(w.ctx); !bytes.Equal(data, big) || err != nil {
			t.Errorf("%d bytes, %v", len(data), err)
		}
	}},
	{"5.6", "both directions at once, 500 messages each", func(t *testing.T, w *wsRig) {
		client, upstream := w.open(nil)
		var all sync.WaitGroup
		for _, c := range []*websocket.Conn{client, upstream} {
			all.Go(func() {
				for i := range 500 {
					if err := c.Write(w.ctx, websocket.MessageText, []byte(fmt.Sprint(i))); err != nil {
						t.Error(err)
						return
					}
				}
			})
			all.Go(func() {
				for i := range 500 {
					if _, data, err := c.Read(w.ctx); string(data) != fmt.Sprint(i) {
						t.Errorf("message %d is %q: %v", i, data, err)
						return
					}
				}
			})
		}
		all.Wait()
	}},
	{"7.4", "every close code and its reason, from the client", func(t *testing.T, w *wsRig) { closeCodes(t, w, true) }},
	{"7.4", "every close code and its reason, from the upstream", func(t *testing.T, w *wsRig) { closeCodes(t, w, false) }},
	{"7.1.5", "an upstream that dies within a frame ends the client's connection without a close frame", func(t *testing.T, w *wsRig) {
		w.rawUpstream(func(c net.Conn) { c.Write(wsFrame(0x82, "half of it", false)[:6]) })
		_, in := w.rawClient()
		rest, err := io.ReadAll(in)
		if string(rest) != "\x82\x0ahalf" || err != nil {
			t.Errorf("%q %v", rest, err)
		}
		if got := w.spy.ended(); got.class != core.ClassNone || got.status != 101 {
			t.Errorf("finished as %+v", got)
		}
	}},
	{"7.1.5", "a client that dies within a frame ends the upstream's connection", func(t *testing.T, w *wsRig) {
		client, upstream := w.open(nil)
		end := w.reading(upstream)
		client.CloseNow()
		if err := <-end; websocket.CloseStatus(err) != -1 || !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("the upstream saw %v", err)
		}
		if got := w.spy.ended(); got.class != core.ClassNone {
			t.Errorf("finished as %+v", got)
		}
	}},
	{"9", "permessage-deflate is negotiated end to end", func(t *testing.T, w *wsRig) {
		w.accept.CompressionMode = websocket.CompressionContextTakeover
		client, upstream := w.open(&websocket.DialOptions{CompressionMode: websocket.CompressionContextTakeover})
		go w.echoes(upstream)
		text := strings.Repeat("the same again ", 1000)
		for range 3 {
			if err := client.Write(w.ctx, websocket.MessageText, []byte(text)); err != nil {
				t.Fatal(err)
			}
			if _, data, err := client.Read(w.ctx); string(data) != text || err != nil {
				t.Errorf("%d bytes, %v", len(data), err)
			}
		}
	}},
	{"7.4.1", "at the end of a drain both sides get 1001 at once", func(t *testing.T, w *wsRig) {
		client, upstream := w.open(nil)
		go w.echoes(upstream)
		if err := client.Write(w.ctx, websocket.MessageText, []byte("before")); err != nil {
			t.Fatal(err)
		}
		if _, _, err := client.Read(w.ctx); err != nil {
			t.Fatal(err)
		}
		w.driver.Drain(w.driver.Now().Add(60 * core.Second))
		if err := client.Write(w.ctx, websocket.MessageText, []byte("during")); err != nil {
			t.Fatal(err)
		}
		if _, data, err := client.Read(w.ctx); string(data) != "during" || err != nil {
			t.Errorf("in the drain: %q %v", data, err)
		}
		begun := time.Now()
		_, _, err := client.Read(w.ctx)
		if took := time.Since(begun); !going(err) || took != time.Minute {
			t.Errorf("the client saw %v after %v", err, took)
		}
		if got := w.spy.ended(); got.class != core.Draining || got.status != 101 {
			t.Errorf("finished as %+v", got)
		}
	}},
	{"7.4.1", "the upstream gets 1001 too, masked as a client's", func(t *testing.T, w *wsRig) {
		client, upstream := w.open(nil)
		ends := []<-chan error{w.reading(client), w.reading(upstream)} // an unmasked frame would be a protocol error
		w.drain()
		for _, end := range ends {
			if err := <-end; !going(err) {
				t.Errorf("it saw %v", err)
			}
		}
	}},
	{"5.4", "a drain between two fragments puts the close frame there", func(t *testing.T, w *wsRig) {
		w.rawUpstream(func(c net.Conn) {
			c.Write(wsFrame(0x01, "first", false))
			io.Copy(io.Discard, c)
		})
		_, in := w.rawClient()
		if first, text, err := readFrame(in); first != 0x01 || text != "first" {
			t.Fatalf("%x %q %v", first, text, err)
		}
		w.drain()
		if first, text, err := readFrame(in); first != 0x88 || !strings.HasPrefix(text, "\x03\xe9") {
			t.Errorf("%x %q %v", first, text, err)
		}
	}},
	{"5.4", "a drain within a frame waits for its end, and passes nothing after it", func(t *testing.T, w *wsRig) {
		rest := make(chan struct{})
		w.rawUpstream(func(c net.Conn) {
			whole := wsFrame(0x81, "whole", false)
			c.Write(whole[:4])
			<-rest
			c.Write(append(whole[4:], wsFrame(0x81, "next", false)...))
			time.Sleep(50 * time.Millisecond)
			c.Write(wsFrame(0x81, "late", false))
			io.Copy(io.Discard, c)
		})
		_, in := w.rawClient()
		in.Peek(4)
		w.drain()
		time.Sleep(100 * time.Millisecond)
		close(rest)
		if first, text, err := readFrame(in); first != 0x81 || text != "whole" {
			t.Errorf("%x %q %v", first, text, err)
		}
		if first, text, err := readFrame(in); first != 0x88 || !strings.HasPrefix(text, "\x03\xe9") {
			t.Errorf("%x %q %v", first, text, err)
		}
		if rest, err := io.ReadAll(in); len(rest) > 0 || err != nil {
			t.Errorf("after the close frame came %q %v", rest, err)
		}
	}},
	{"5.4", "a drain within a frame that does not end is cut after half a second, without a close frame", func(t *testing.T, w *wsRig) {
		w.rawUpstream(func(c net.Conn) {
			c.Write(wsFrame(0x81, "whole", false)[:4])
			io.Copy(io.Discard, c)
		})
		_, in := w.rawClient()
		in.Peek(4)
		w.drain()
		begun := time.Now()
		rest, err := io.ReadAll(in)
		if string(rest) != "\x81\x05wh" || err != nil || time.Since(begun) != 500*time.Millisecond {
			t.Errorf("%q %v after %v", rest, err, time.Since(begun))
		}
	}},
	{"7.4.1", "a client that reads nothing does not hold up the end of a drain", func(t *testing.T, w *wsRig) {
		_, upstream := w.open(nil)
		end := w.reading(upstream)
		stuck := make(chan struct{})
		go func() {
			defer close(stuck)
			for upstream.Write(w.ctx, websocket.MessageBinary, make([]byte, 1<<20)) == nil {
			}
		}()
		synctest.Wait()
		w.drain()
		begun := time.Now()
		<-stuck
		<-end
		if took := time.Since(begun); took > 600*time.Millisecond {
			t.Errorf("it took %v", took)
		}
		if inFlight(w.rig) != 0 {
			t.Error("the request has not ended")
		}
	}},
	{"5.5.1", "a side that has sent its close frame gets no second one after it", func(t *testing.T, w *wsRig) {
		w.rawUpstream(func(c net.Conn) {
			c.Write(wsFrame(0x88, "\x03\xe8", false))
			io.Copy(io.Discard, c)
		})
		_, in := w.rawClient()
		in.Peek(4)
		w.drain()
		if rest, err := io.ReadAll(in); string(rest) != "\x88\x02\x03\xe8" || err != nil {
			t.Errorf("%q %v", rest, err)
		}
	}},
}

// closeCodes closes from one side with every code that may stand in a frame.
func closeCodes(t *testing.T, w *wsRig, fromClient bool) {
	for _, code := range []websocket.StatusCode{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4000, 4999} {
		from, to := w.open(nil)
		if !fromClient {
			from, to = to, from
		}
		end := w.reading(to)
		if err := from.Close(code, "because"); err != nil {
			t.Errorf("%d: %v", code, err)
		}
		var got websocket.CloseError
		if err := <-end; !errors.As(err, &got) || got.Code != code || got.Reason != "because" {
			t.Errorf("%d: the other side saw %v", code, err)
		}
	}
}

func TestAWebSocketPassesAsRFC6455Says(t *testing.T) {
	for _, c := range webSocketCases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { c.run(t, newWSRig(t)) })
		})
	}
}

func TestTheTableOfWebSocketCasesIsTheOneThatRuns(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "| RFC 6455 | case |\n|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	var want []string
	for _, c := range webSocketCases {
		want = append(want, "| "+c.section+" | "+c.name+" |")
	}
	if strings.TrimSpace(table) != strings.Join(want, "\n") {
		t.Errorf("the table in README.md should read\n%s", strings.Join(want, "\n"))
	}
}
