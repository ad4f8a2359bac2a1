package parity

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// link is a client's connection, in raw bytes.
type link struct {
	t    testing.TB
	conn net.Conn
	in   *bufio.Reader
}

// dial connects to the router; config is nil for plain TCP.
func (r *run) dial(config *tls.Config) *link {
	r.t.Helper()
	c, err := net.DialTimeout("tcp", r.router.addr(), patience)
	if err != nil {
		r.t.Fatalf("connecting to the router: %v", err)
	}
	if config != nil {
		c = tls.Client(c, config)
	}
	l := &link{t: r.t, conn: c, in: bufio.NewReaderSize(c, 1<<20)}
	l.extend()
	r.dialled = append(r.dialled, c)
	r.t.Cleanup(func() { c.Close() })
	return l
}

// extend gives the connection time until patience is over.
func (l *link) extend() { _ = l.conn.SetDeadline(time.Now().Add(patience)) } // it fails on a closed one only

// reply is an answer as it arrives; the body can be watched while it comes.
type reply struct {
	informed []string // informational responses, canonical
	status   int
	proto    string
	header   http.Header
	failed   error // no answer came
	closes   bool  // the connection ends with it, and it did

	mu   sync.Mutex
	body bytes.Buffer
	cut  bool
	tail http.Header
	head chan struct{} // closed when the header is here
	done chan struct{} // closed when all is here
}

// Write adds to the body.
func (r *reply) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.body.Write(p)
}

// soFar is the part of the body that has come.
func (r *reply) soFar() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.body.String()
}

// informedSoFar are the informational responses that have come.
func (r *reply) informedSoFar() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.informed
}

// receive reads the answer to one request in the background.
func (l *link) receive(method string) *reply {
	r := &reply{head: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(r.done)
		res := l.headers(method, r)
		close(r.head)
		if res == nil {
			return
		}
		_, err := io.Copy(r, res.Body)
		r.mu.Lock()
		r.cut, r.tail = err != nil, res.Trailer
		r.mu.Unlock()
		if res.Close && err == nil {
			_, end := l.in.ReadByte()
			r.closes = end == io.EOF
		}
	}()
	return r
}

// headers reads informational responses and then the header of the answer.
func (l *link) headers(method string, r *reply) *http.Response {
	for {
		header, err := l.peekHeader()
		if err != nil {
			r.failed = err
			return nil
		}
		res, err := http.ReadResponse(l.in, &http.Request{Method: method})
		if err != nil {
			r.failed = err
			return nil
		}
		if res.StatusCode < 200 && res.StatusCode != http.StatusSwitchingProtocols {
			r.mu.Lock()
			r.informed = append(r.informed, fmt.Sprintf("%s %d\n%s", res.Proto, res.StatusCode, headerText(res.Header)))
			r.mu.Unlock()
			continue
		}
		r.status, r.proto, r.header = res.StatusCode, res.Proto, header
		if r.status == http.StatusSwitchingProtocols {
			res.Body = http.NoBody // what follows is not HTTP
		}
		return res
	}
}

// peekHeader returns the header that comes next as it was sent, and takes
// nothing: ReadResponse keeps some fields to itself.
func (l *link) peekHeader() (http.Header, error) {
	for n := 1; ; n = l.in.Buffered() + 1 {
		if _, err := l.in.Peek(n); err != nil {
			return nil, err
		}
		b, _ := l.in.Peek(l.in.Buffered()) // what is there can be had
		if end := bytes.Index(b, []byte("\r\n\r\n")); end >= 0 {
			_, fields, _ := bytes.Cut(b[:end+4], []byte("\r\n"))
			h, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(fields))).ReadMIMEHeader()
			return http.Header(h), err
		}
	}
}

// wait returns when all of the answer is here.
func (r *reply) wait(t testing.TB) {
	t.Helper()
	select {
	case <-r.done:
	case <-time.After(patience):
		t.Fatalf("no whole answer after %v; so far %q", patience, r.soFar())
	}
}

// text is the answer in canonical form, before anything is made alike.
func (r *reply) text() string {
	if r.failed != nil {
		return "no answer\n"
	}
	var b strings.Builder
	for _, i := range r.informed {
		b.WriteString(i + "\n")
	}
	fmt.Fprintf(&b, "%s %d\n%s\n", r.proto, r.status, headerText(r.header))
	b.WriteString(short(r.soFar()))
	b.WriteString("\n")
	if len(r.tail) > 0 {
		b.WriteString("[trailers]\n" + headerText(r.tail))
	}
	if r.cut {
		b.WriteString("[cut]\n")
	}
	if r.closes {
		b.WriteString("[closed]\n")
	}
	return b.String()
}

// short is a body as texts show it: a long one by its length.
func short(body string) string {
	if len(body) > 1000 {
		return fmt.Sprintf("[%d bytes]", len(body))
	}
	return strings.TrimSuffix(body, "\n")
}

// taken waits until the router has read all that was sent: the kernel holds
// nothing back for its socket, which it has accepted.
func (l *link) taken(t testing.TB) {
	t.Helper()
	ours, theirs := l.conn.LocalAddr().(*net.TCPAddr).Port, l.conn.RemoteAddr().(*net.TCPAddr).Port
	until(t, "the router to read", func() bool {
		b, err := os.ReadFile("/proc/net/tcp")
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			f := strings.Fields(line) // sl, local, remote, state, tx:rx, timers, retransmissions, uid, timeout, inode
			if len(f) > 9 && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", theirs)) && strings.HasSuffix(f[2], fmt.Sprintf(":%04X", ours)) {
				return strings.HasSuffix(f[4], ":00000000") && f[9] != "0"
			}
		}
		return false
	})
}
