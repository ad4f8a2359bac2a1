package edge_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/adapters/edge"
	"lockstep/adapters/settings"
)

func body(t *testing.T, res *http.Response) string {
	t.Helper()
	defer res.Body.Close()
	all, err := io.ReadAll(res.Body)
	if err != nil {
		t.Error(err)
	}
	return string(all)
}

func TestEveryProtocolIsSpokenWhereItIsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca, dir := newAuthority(t, "ca"), t.TempDir()
		save(t, filepath.Join(dir, "a"), ca.leaf(t, ecKey(t), "a.test"))
		http1 := func(p *http.Protocols) { p.SetHTTP1(true) }
		http2 := func(p *http.Protocols) { p.SetHTTP2(true) }
		both := func(p *http.Protocols) { p.SetHTTP1(true); p.SetHTTP2(true) }
		h2c := func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) }
		for _, c := range []struct {
			tls, off  bool
			name      string
			protocols func(*http.Protocols)
			want      string // "" for a refusal
		}{
			{true, false, "http/1.1", http1, "HTTP/1.1"},
			{true, false, "h2", http2, "HTTP/2.0"},
			{true, false, "both", both, "HTTP/2.0"},
			{true, true, "both", both, "HTTP/1.1"},
			{true, true, "h2", http2, ""},
			{false, false, "http/1.1", http1, "HTTP/1.1"},
			{false, false, "h2c", h2c, "HTTP/2.0"},
			{false, true, "http/1.1", http1, "HTTP/1.1"},
			{false, true, "h2c", h2c, ""},
		} {
			s, url := settings.Listener{HTTP2: settings.HTTP2{Off: c.off}}, "http://a.test/"
			if c.tls {
				s.TLS, url = &settings.ListenerTLS{Folder: dir}, "https://a.test/"
			}
			g := newRig(t, s, tell)
			res, err := g.client(&tls.Config{RootCAs: ca.pool()}, c.protocols).Get(url)
			if (err == nil) != (c.want != "") {
				t.Errorf("tls %t, off %t, %s: %v", c.tls, c.off, c.name, err)
			}
			if err == nil {
				if text := body(t, res); !strings.HasPrefix(text, c.want+" edge ") || !strings.Contains(text, fmt.Sprintf("tls=%t", c.tls)) {
					t.Errorf("tls %t, off %t, %s: %s", c.tls, c.off, c.name, text)
				}
			}
		}
	})
}

func TestUpgradeToH2CIsNeverDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, settings.Listener{}, tell)
		answer := g.talk("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n")
		if !strings.HasPrefix(answer, "HTTP/1.1 200 ") || !strings.Contains(answer, "HTTP/1.1 edge") {
			t.Errorf("the answer is %q", answer)
		}
	})
}

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// frame is one HTTP/2 frame.
func frame(kind, flags byte, stream uint32, payload []byte) []byte {
	n := len(payload)
	out := []byte{byte(n >> 16), byte(n >> 8), byte(n), kind, flags}
	return append(binary.BigEndian.AppendUint32(out, stream), payload...)
}

// Numbers of HTTP/2.
const (
	frameHeaders, frameReset, frameSettings, frameGoAway = 1, 3, 4, 7
	endStreamAndHeaders                                  = 5
	enhanceYourCalm                                      = 11
)

// getHeaders asks for / of the host a with that scheme: 0x86 is http, 0x87 https.
func getHeaders(scheme byte) []byte { return []byte{0x82, scheme, 0x84, 0x41, 1, 'a'} }

// readFrames calls visit for each frame until it says stop or the connection ends.
func readFrames(c io.Reader, visit func(kind byte, stream uint32, payload []byte) (stop bool)) error {
	for {
		var head [9]byte
		if _, err := io.ReadFull(c, head[:]); err != nil {
			return err
		}
		payload := make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
		if _, err := io.ReadFull(c, payload); err != nil {
			return err
		}
		if visit(head[3], binary.BigEndian.Uint32(head[5:]), payload) {
			return nil
		}
	}
}

func TestARequestOverTLSIsOneWhateverSchemeItClaims(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca, dir := newAuthority(t, "ca"), t.TempDir()
		save(t, filepath.Join(dir, "a"), ca.leaf(t, ecKey(t), "a"))
		seen := make(chan bool, 1)
		g := newRig(t, settings.Listener{TLS: &settings.ListenerTLS{Folder: dir}}, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			seen <- r.TLS != nil && r.TLS.ServerName == "a"
		}))
		c := tls.Client(g.dial(), &tls.Config{ServerName: "a", RootCAs: ca.pool(), NextProtos: []string{"h2"}})
		defer c.Close()
		c.Write(bytes.Join([][]byte{[]byte(preface), frame(frameSettings, 0, 0, nil), frame(frameHeaders, endStreamAndHeaders, 1, getHeaders(0x86))}, nil))
		go io.Copy(io.Discard, c)
		if !<-seen {
			t.Error("a client over TLS that writes :scheme http is taken for a plain one")
		}
	})
}

func TestAClientThatOpensAndResetsStreamsIsHeldToTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 10
		var atOnce, most, all atomic.Int64
		g := newRig(t, settings.Listener{HTTP2: settings.HTTP2{MaxStreams: limit}}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			all.Add(1)
			most.Store(max(most.Load(), atOnce.Add(1)))
			time.Sleep(time.Second) // a handler that takes a while to notice
			atOnce.Add(-1)
		}))
		c := g.dial()
		defer c.Close()
		go func() {
			c.Write(append([]byte(preface), frame(frameSettings, 0, 0, nil)...))
			for i := range uint32(400) {
				id := 2*i + 1
				if _, err := c.Write(append(frame(frameHeaders, endStreamAndHeaders, id, getHeaders(0x86)), frame(frameReset, 0, id, []byte{0, 0, 0, 8})...)); err != nil {
					return
				}
			}
		}()
		code := -1
		err := readFrames(c, func(kind byte, _ uint32, payload []byte) bool {
			if kind == frameGoAway {
				code = int(binary.BigEndian.Uint32(payload[4:]))
			}
			return false
		})
		if code != enhanceYourCalm {
			t.Errorf("the connection ended with code %d (%v), want ENHANCE_YOUR_CALM", code, err)
		}
		time.Sleep(10 * time.Second)
		if most.Load() > limit || all.Load() > 5*limit {
			t.Errorf("%d handlers at once and %d in all, limit %d", most.Load(), all.Load(), limit)
		}
	})
}

func TestAHeaderOverTheLimitIsRefusedInBothProtocols(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, settings.Listener{HeaderMax: 8 << 10}, tell)
		answer := g.talk("GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 20<<10) + "\r\n\r\n")
		if !strings.HasPrefix(answer, "HTTP/1.1 431 ") {
			t.Errorf("HTTP/1.1: %.60q", answer)
		}
		r, _ := http.NewRequest("GET", "http://a/", nil)
		r.Header.Set("X", strings.Repeat("x", 20<<10))
		res, err := g.client(nil, func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) }).Do(r)
		if err == nil {
			defer res.Body.Close()
		}
		if err == nil && res.StatusCode != 431 {
			t.Errorf("HTTP/2: %s", res.Status)
		}
	})
}

func TestASilentHTTP2ClientIsAskedAndThenLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, settings.Listener{HTTP2: settings.HTTP2{PingEvery: 5 * time.Second, PingTimeout: 2 * time.Second}, Timeouts: settings.ListenerTimeouts{Idle: time.Hour}},
			http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
		c := g.dial()
		defer c.Close()
		begun := time.Now()
		c.Write(bytes.Join([][]byte{[]byte(preface), frame(frameSettings, 0, 0, nil), frame(frameHeaders, endStreamAndHeaders, 1, getHeaders(0x86))}, nil))
		io.Copy(io.Discard, c)
		if took := time.Since(begun); took < 7*time.Second || took > 10*time.Second {
			t.Errorf("it was left after %v, want 7 s", took)
		}
	})
}

func TestAnHTTP2HeaderThatComesInDripsIsLeftWithThePing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, settings.Listener{}, tell)
		c := g.dial()
		defer c.Close()
		go func() {
			whole := append(append([]byte(preface), frame(frameSettings, 0, 0, nil)...), frame(frameHeaders, 0, 1, make([]byte, 1000))...)
			start := len(preface) + 9 + 9
			c.Write(whole[:start])
			for _, b := range whole[start:] {
				time.Sleep(time.Second)
				if _, err := c.Write([]byte{b}); err != nil {
					return
				}
			}
		}()
		begun := time.Now()
		io.Copy(io.Discard, c)
		if took := time.Since(begun); took > 50*time.Second {
			t.Errorf("it was left after %v, want 30 s and 15 s", took)
		}
		c.Close()
		time.Sleep(2 * time.Second)
	})
}

func TestTimeoutsEndConnectionsThatDoNotSpeak(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca, dir := newAuthority(t, "ca"), t.TempDir()
		save(t, filepath.Join(dir, "a"), ca.leaf(t, ecKey(t), "a.test"))
		times := settings.ListenerTimeouts{Handshake: 3 * time.Second, Header: 5 * time.Second, Idle: 7 * time.Second, Body: 20 * time.Second}
		reads := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) })
		from := settings.ProxyProtocol{From: prefixes("192.0.2.0/24"), Required: true}
		for _, c := range []struct {
			what string
			s    settings.Listener
			says string
			want time.Duration
		}{
			{"a TLS handshake", settings.Listener{TLS: &settings.ListenerTLS{Folder: dir}}, "", times.Handshake},
			{"half a TLS handshake", settings.Listener{TLS: &settings.ListenerTLS{Folder: dir}}, "\x16\x03\x01", times.Handshake},
			{"a PROXY header", settings.Listener{Proxy: &from}, v2(1, 0x11, "")[:14], times.Handshake},
			{"a header", settings.Listener{}, "GET / HTTP/1.1\r\n", times.Header},
			{"the next request", settings.Listener{}, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", times.Idle},
			{"a body", settings.Listener{}, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab", times.Body},
		} {
			c.s.Timeouts = times
			g := newRig(t, c.s, reads)
			begun := time.Now()
			g.talk(c.says)
			if took := time.Since(begun); took < c.want || took > c.want+time.Second {
				t.Errorf("%s: the connection ended after %v, want %v", c.what, took, c.want)
			}
			synctest.Wait()
			if open := g.edge.Stats()[0].Open; open != 0 {
				t.Errorf("%s: %d connections still count as open", c.what, open)
			}
		}
	})
}

func TestConnectionsBeyondTheLimitsAreClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, settings.Listener{MaxConnections: 4, MaxPerClient: 2}, tell)
		ask := func(ip string) (net.Conn, bool) {
			t.Helper()
			g.setFrom(ip)
			c := g.dial()
			io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			var b [12]byte
			_, err := io.ReadFull(c, b[:])
			return c, err == nil
		}
		var open []net.Conn
		for _, c := range []struct {
			ip string
			ok bool
		}{
			{"2001:db8:1:2::1", true},
			{"2001:db8:1:2:ffff::2", true},
			{"2001:db8:1:2::3", false}, // the third of one /64
			{"2001:db8:1:3::1", true},
			{"::ffff:192.0.2.9", true},
			{"192.0.2.10", false}, // the fifth of all
		} {
			conn, ok := ask(c.ip)
			if ok != c.ok {
				t.Errorf("%s: served is %t, want %t", c.ip, ok, c.ok)
			}
			if ok {
				open = append(open, conn)
			}
		}
		if s := g.edge.Stats()[0]; s.Full != 1 || s.ClientFull != 1 || s.Open != 4 || s.Accepted != 6 {
			t.Errorf("%+v", s)
		}
		open[0].Close()
		synctest.Wait()
		if c, ok := ask("2001:db8:1:2::3"); !ok {
			t.Error("the place of a closed connection is not free")
		} else {
			c.Close()
		}
		for _, c := range open {
			c.Close()
		}
		synctest.Wait()
		if s := g.edge.Stats()[0]; s.Open != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// flaky fails a few times before it accepts.
type flaky struct {
	net.Listener
	left atomic.Int64
}

func (f *flaky) Accept() (net.Conn, error) {
	if f.left.Add(-1) >= 0 {
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return f.Listener.Accept()
}

func TestAFailedAcceptIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g rig
		g.t = t
		g.setFrom("192.0.2.1")
		f := &flaky{Listener: addressed{g.net.Listen("edge:443"), &g}}
		f.left.Store(20)
		e, err := edge.Listen(edge.Options{Listeners: []settings.Listener{{Name: "x"}}, Open: map[string]net.Listener{"x": f}})
		if err != nil {
			t.Fatal(err)
		}
		go e.Serve(tell)
		defer e.Close()
		begun := time.Now()
		if answer := g.talk("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); !strings.HasPrefix(answer, "HTTP/1.1 200 ") {
			t.Errorf("the answer is %q", answer)
		}
		if took := time.Since(begun); took < 10*time.Second || took > 20*time.Second {
			t.Errorf("20 failures were waited out in %v", took)
		}
	})
}

func TestATakenPortIsNamedWithWhatToDo(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	address := taken.Addr().String()
	first, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, err = edge.Listen(edge.Options{
		Listeners: []settings.Listener{{Name: "a"}, {Name: "b", Address: address}},
		Open:      map[string]net.Listener{"a": first},
	})
	if err == nil || !strings.Contains(err.Error(), `listener "b" cannot listen on `+address+": the port is taken") || !strings.Contains(err.Error(), "choose another") {
		t.Errorf("the error is %v", err)
	}
	if _, err := first.Accept(); err == nil {
		t.Error("the other listener stays open")
	}
	if _, err = edge.Listen(edge.Options{Listeners: []settings.Listener{{Name: "b", Address: "192.0.2.1:0"}}}); err == nil || !strings.Contains(err.Error(), "does not have that address") {
		t.Errorf("the error is %v", err)
	}
	if _, err = edge.Listen(edge.Options{Listeners: []settings.Listener{{Name: "b", Address: "127.0.0.1:0", Engine: "fast"}}}); err == nil || !strings.Contains(err.Error(), `no http_engine named "fast"`) {
		t.Errorf("the error is %v", err)
	}
}

func TestAnOpenSocketIsTakenByItsNameAndAStrangeNameIsRefused(t *testing.T) {
	for _, name := range []string{"a", "b"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		e, err := edge.Listen(edge.Options{Listeners: []settings.Listener{{Name: "a", Address: "127.0.0.1:0"}}, Open: map[string]net.Listener{name: l}})
		if (err == nil) != (name == "a") {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil {
			continue
		}
		if got := e.Addrs()["a"]; got.String() != l.Addr().String() {
			t.Errorf("it listens on %s, want the socket that was given, %s", got, l.Addr())
		}
		e.Close()
	}
}

func TestShutdownLetsRequestsEndAndTellsClientsToGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		let := make(chan struct{})
		g := newRig(t, settings.Listener{}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			<-let
			io.WriteString(w, "whole")
		}))
		c := g.dial()
		defer c.Close()
		c.Write(bytes.Join([][]byte{[]byte(preface), frame(frameSettings, 0, 0, nil), frame(frameHeaders, endStreamAndHeaders, 1, getHeaders(0x86))}, nil))
		var kinds []byte
		read := make(chan error, 1)
		go func() {
			read <- readFrames(c, func(kind byte, stream uint32, payload []byte) bool {
				if kind == frameGoAway || stream == 1 {
					kinds = append(kinds, kind)
				}
				if kind == frameSettings && len(payload) > 0 {
					go c.Write(frame(frameSettings, 1, 0, nil))
				}
				return false
			})
		}()
		idle := g.dial()
		defer idle.Close()
		synctest.Wait()
		whole := make(chan bool, 1)
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			whole <- g.edge.Shutdown(ctx)
		}()
		synctest.Wait()
		if _, err := g.net.Dial(context.Background(), "tcp", "edge:443"); err == nil {
			t.Error("it accepts although it drains")
		}
		if !bytes.Contains(kinds, []byte{frameGoAway}) {
			t.Errorf("no GOAWAY before the request has ended: frames %v", kinds)
		}
		close(let)
		if !<-whole {
			t.Error("something was cut")
		}
		<-read
		if !bytes.Contains(kinds, []byte{frameHeaders, 0}) {
			t.Errorf("the answer did not come whole: frames %v", kinds)
		}
	})
}

func TestShutdownCutsWhatDoesNotEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, settings.Listener{}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			time.Sleep(time.Hour)
		}))
		go g.talk("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		begun := time.Now()
		if g.edge.Shutdown(ctx) || time.Since(begun) != time.Minute {
			t.Errorf("a connection that was taken over is not waited for, or not cut after %v", time.Since(begun))
		}
		time.Sleep(2 * time.Hour)
	})
}
