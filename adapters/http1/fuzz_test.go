package http1_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"lockstep/adapters/http1"
)

// oneShot is a connection whose client has sent everything and reads nothing.
type oneShot struct {
	in     *bytes.Reader
	pieces int // bytes a read, at most
	out    bytes.Buffer
}

func (c *oneShot) Read(p []byte) (int, error) {
	if len(p) > c.pieces {
		p = p[:c.pieces]
	}
	return c.in.Read(p)
}
func (c *oneShot) Write(p []byte) (int, error)      { return c.out.Write(p) }
func (*oneShot) Close() error                       { return nil }
func (*oneShot) LocalAddr() net.Addr                { return &net.TCPAddr{} }
func (*oneShot) RemoteAddr() net.Addr               { return &net.TCPAddr{} }
func (*oneShot) SetDeadline(time.Time) error        { return nil }
func (*oneShot) SetReadDeadline(time.Time) error    { return nil }
func (*oneShot) SetWriteDeadline(t time.Time) error { return nil }

// framed is what matters of a request: where it ends, and to whom it says what.
type framed struct {
	method, target, host, header, body, trailer string
	length                                      int64
	chunked                                     bool
}

func frameOf(r *http.Request) (f framed, whole bool) {
	body, err := io.ReadAll(r.Body)
	f = framed{
		method: r.Method, target: r.RequestURI, host: r.Host, body: string(body), length: r.ContentLength,
		chunked: slices.Equal(r.TransferEncoding, []string{"chunked"}), header: fieldsOf(r.Header), trailer: fieldsOf(r.Trailer),
	}
	return f, err == nil
}

func fieldsOf(h http.Header) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(h)) {
		if len(h[name]) > 0 && name != "Http2-Settings" && name != "Upgrade" && name != "Trailer" { // which we take away, net/http not always
			fmt.Fprintf(&b, "%s: %q\n", name, h[name])
		}
	}
	return b.String()
}

// play serves everything that is sent on one connection, and returns the
// requests that a handler saw whole.
func play(sent []byte, pieces int) (seen []framed, answer string) {
	s := http1.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f, whole := frameOf(r); whole {
			seen = append(seen, f)
		}
	}), http1.Options{Log: slog.New(slog.DiscardHandler)})
	c := &oneShot{in: bytes.NewReader(sent), pieces: pieces}
	s.ServeConn(c)
	return seen, c.out.String()
}

// FuzzRequests holds that whatever comes in, nothing panics; that the pieces in
// which it comes change nothing; and that every request which a handler sees is
// one that net/http's parser reads from the same bytes with the same end, header
// and body, and so would any origin behind the router.
func FuzzRequests(f *testing.F) {
	for _, c := range hygieneCases() {
		if len(c.raw) < 4096 {
			f.Add([]byte(c.raw))
		}
	}
	f.Add([]byte("GET http://a.example/x HTTP/1.1\r\nHost: a.exampLe\r\nX-Routing-Key: k\r\n\r\n"))
	f.Fuzz(func(t *testing.T, sent []byte) {
		if len(sent) > 16<<10 {
			t.Skip("longer than any that is worth the time")
		}
		seen, answer := play(sent, len(sent)+1)
		again, answerAgain := play(sent, 1)
		if !slices.Equal(seen, again) || len(statusesOf(answer)) != len(statusesOf(answerAgain)) {
			t.Fatalf("at once: %+v %q\nbyte by byte: %+v %q", seen, answer, again, answerAgain)
		}
		in := bufio.NewReader(bytes.NewReader(sent))
		for i, got := range seen {
			if b, _ := in.Peek(2); string(b) == "\r\n" {
				in.Discard(2) // the empty line that may come before a request; net/http takes none
			}
			r, err := http.ReadRequest(in)
			if err != nil {
				t.Fatalf("request %d, which we serve, net/http does not read: %v\n%+v", i, err, got)
			}
			want, whole := frameOf(r)
			if strings.EqualFold(got.host, want.host) { // of a whole URL net/http takes its host, we the header that says the same in other letters
				want.host = got.host
			}
			if !whole || got != want {
				t.Fatalf("request %d:\nours     %+v\nnet/http %+v (whole %v)", i, got, want, whole)
			}
			reframe(t, got)
		}
	})
}

// reframe writes a request as an upstream connection would, and has net/http
// read it: nothing may be left over, and nothing may have moved.
func reframe(t *testing.T, f framed) {
	r := &http.Request{Method: f.method, Host: f.host, Header: http.Header{}, ContentLength: f.length, Body: io.NopCloser(strings.NewReader(f.body))}
	var err error
	if r.URL, err = url.Parse("http://origin"); err != nil {
		t.Fatal(err)
	}
	r.URL.Opaque = f.target
	if !strings.HasPrefix(f.target, "/") || strings.HasPrefix(f.target, "//") {
		r.URL.Opaque = "/"
	}
	var wire bytes.Buffer
	if err := r.Write(&wire); err != nil {
		t.Fatalf("net/http would not send it: %v\n%+v", err, f)
	}
	in := bufio.NewReader(&wire)
	back, err := http.ReadRequest(in)
	if err != nil {
		t.Fatalf("sent on, it is not read: %v\n%+v", err, f)
	}
	body, err := io.ReadAll(back.Body)
	if err != nil || string(body) != f.body || back.Method != f.method || f.host != "" && back.Host != f.host || in.Buffered() > 0 {
		t.Fatalf("sent on, it is another: %v %s %s %q, %d bytes left over\n%+v", err, back.Method, back.Host, body, in.Buffered(), f)
	}
}
