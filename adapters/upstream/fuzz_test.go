package upstream_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"lockstep/adapters/settings"
	"lockstep/adapters/upstream"
	"lockstep/core"
)

// canned is a connection that takes everything and says what it was given.
type canned struct{ io.Reader }

func (canned) Write(p []byte) (int, error)      { return len(p), nil }
func (canned) Close() error                     { return nil }
func (canned) LocalAddr() net.Addr              { return nil }
func (canned) RemoteAddr() net.Addr             { return nil }
func (canned) SetDeadline(time.Time) error      { return nil }
func (canned) SetReadDeadline(time.Time) error  { return nil }
func (canned) SetWriteDeadline(time.Time) error { return nil }

// byStd reads a response as net/http does, informational ones passed over.
func byStd(text string) (*http.Response, string, error) {
	in := bufio.NewReader(strings.NewReader(text))
	for {
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			return nil, "", err
		}
		if res.StatusCode >= 200 {
			body, err := io.ReadAll(res.Body)
			return res, string(body), err
		}
	}
}

// What passes here means the same to net/http: no response is taken for two, or
// for another. What is refused here may pass there.
func FuzzWhatPassesMeansTheSameToNetHTTP(f *testing.F) {
	for _, seed := range []string{
		ok, "HTTP/1.1 200\r\n\r\nuntil the end", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx",
		"HTTP/1.1 103 E\r\nLink: x\r\n\r\n" + ok, "HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n",
		"HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\nTrailer: A\r\n\r\n", "HTTP/1.1 304 No\r\nETag: \"x\"\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: A\r\n\r\n1;a=b\r\no\r\n01;c\r\nk\r\n0\r\nA: b\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.1 200 OK\r\nA:\t b \r\na: c\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\nA: b\n\n", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	config := configOf(f, "http://e:80", settings.Upstream{}, core.TimeoutSpec{})
	f.Fuzz(func(t *testing.T, data []byte) {
		c := &client{t: t, config: config, url: "http://e:80", set: upstream.New(upstream.Options{
			Dial: func(context.Context, string, string) (net.Conn, error) { return canned{bytes.NewReader(data)}, nil },
		})}
		defer c.set.CloseIdle()
		r, _ := http.NewRequest("GET", c.url, nil)
		res, err := c.pool().RoundTrip(c.call(), r)
		if err != nil {
			return
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			return
		}
		std, text, err := byStd(string(data))
		if err != nil {
			t.Fatalf("%q passes here, net/http says %v", data, err)
		}
		if std.StatusCode != res.StatusCode || text != string(body) {
			t.Fatalf("%q is %d %q here, %d %q to net/http", data, res.StatusCode, body, std.StatusCode, text)
		}
		if res.StatusCode == http.StatusNoContent {
			std.Header.Del("Content-Length") // which means nothing there
		}
		if res.Body == http.NoBody {
			std.Trailer = nil // net/http announces trailers of a body that cannot come
		}
		std.Header.Del("Trailer") // neither passes it on
		res.Header.Del("Trailer")
		if !maps.EqualFunc(std.Header, res.Header, slices.Equal) || !maps.EqualFunc(std.Trailer, res.Trailer, slices.Equal) {
			t.Fatalf("%q has %v %v here, %v %v to net/http", data, res.Header, res.Trailer, std.Header, std.Trailer)
		}
	})
}
