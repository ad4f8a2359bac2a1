package parity

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// origin is an upstream that does what a script says, byte for byte. Scripts
// are literal answers with these words in braces, in which LF stands for CR LF:
//
//	{early}      at the begin: the body of the request is not read first
//	{hold}       waits until the case releases it
//	{hang}       says nothing more until the router closes the connection
//	{close}      closes the connection
//	{reset}      closes it so that the peer sees a reset
//	{megabytes}  8 MiB of body
type origin struct {
	t    testing.TB
	name string
	tls  *tls.Config // nil: plain

	mu      sync.Mutex
	l       net.Listener
	address string
	ended   chan struct{} // closed when nobody accepts any more
	conns   map[net.Conn]bool
	scripts map[string]string // by path
	seen    []*received
	sick    bool          // /health answers 503
	gate    chan struct{} // closed by release
	held    int           // scripts that have come to a {hold}
	asked   int           // health checks so far
}

// received is a request as it came.
type received struct {
	head string // request line and header, canonical
	mu   sync.Mutex
	body bytes.Buffer
	tail string // trailers
	over bool   // all of it is here, or it broke
	err  error
}

func (r *received) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.body.Write(p)
}

func (r *received) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.body.String()
}

const plain = "HTTP/1.1 200 OK\nContent-Length: 2\nContent-Type: text/plain\n\nok"

func newOrigin(t testing.TB, name string, config *tls.Config) *origin {
	t.Helper()
	o := &origin{t: t, name: name, tls: config, conns: map[net.Conn]bool{}, scripts: map[string]string{}, gate: make(chan struct{}), address: reserve(t)}
	o.up()
	t.Cleanup(func() { o.release(); o.down() })
	return o
}

// up listens, after down at the same address.
func (o *origin) up() {
	o.mu.Lock()
	defer o.mu.Unlock()
	l := listenAt(o.t, o.address)
	o.l, o.ended = l, make(chan struct{})
	go o.accept(l, o.ended)
}

// down closes the listener and every connection: whoever dials is refused.
func (o *origin) down() {
	o.l.Close()
	<-o.ended // till then the port is not free
	o.mu.Lock()
	defer o.mu.Unlock()
	for c := range o.conns {
		c.Close()
	}
	clear(o.conns)
}

func (o *origin) script(path, text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.scripts[path] = text
}

// release lets scripts go on that {hold}, those that come later too.
func (o *origin) release() {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case <-o.gate:
	default:
		close(o.gate)
	}
}

func (o *origin) accept(l net.Listener, ended chan struct{}) {
	defer close(ended)
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		if o.tls != nil {
			c = tls.Server(c, o.tls)
		}
		o.mu.Lock()
		o.conns[c] = true
		o.mu.Unlock()
		go func() {
			o.serve(c)
			c.Close()
			o.mu.Lock()
			delete(o.conns, c)
			o.mu.Unlock()
		}()
	}
}

// errOver ends a connection.
var errOver = errors.New("the connection is over")

func (o *origin) serve(c net.Conn) {
	in := bufio.NewReader(c)
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		if err := o.answer(c, r); err != nil {
			return
		}
		if r.Close {
			return
		}
	}
}

func (o *origin) answer(c net.Conn, r *http.Request) error {
	path := r.URL.Path
	o.mu.Lock()
	text, scripted := o.scripts[path]
	sick := o.sick
	if path == "/health" && !scripted {
		o.asked++
	}
	o.mu.Unlock()
	switch {
	case scripted:
	case path == "/health" && sick:
		text = "HTTP/1.1 503 Service Unavailable\nContent-Length: 0\n\n"
	case strings.HasPrefix(path, "/status/"):
		text = "HTTP/1.1 " + strings.TrimPrefix(path, "/status/") + " Told\nContent-Length: 0\n\n"
	default:
		text = plain
	}
	early := strings.HasPrefix(text, "{early}")
	if path == "/health" {
		_, _ = io.Copy(io.Discard, r.Body)
		return o.play(c, text)
	}
	whole := o.record(r)
	if !early {
		<-whole
	}
	if err := o.play(c, strings.TrimPrefix(text, "{early}")); err != nil {
		return err
	}
	<-whole
	return nil
}

// record notes a request; the channel closes when its body is here.
func (o *origin) record(r *http.Request) <-chan struct{} {
	got := &received{head: requestText(r)}
	o.mu.Lock()
	o.seen = append(o.seen, got)
	o.mu.Unlock()
	whole := make(chan struct{})
	go func() {
		defer close(whole)
		_, err := io.Copy(got, r.Body)
		got.mu.Lock()
		defer got.mu.Unlock()
		got.over, got.err, got.tail = true, err, headerText(r.Trailer)
	}()
	return whole
}

// play says a script.
func (o *origin) play(c net.Conn, text string) error {
	for text != "" {
		literal, rest, found := strings.Cut(text, "{")
		if literal != "" {
			if _, err := io.WriteString(c, crlf(literal)); err != nil {
				return err
			}
		}
		if !found {
			return nil
		}
		word, after, _ := strings.Cut(rest, "}")
		if err := o.word(c, word); err != nil {
			return err
		}
		text = after
	}
	return nil
}

func (o *origin) word(c net.Conn, word string) error {
	switch word {
	case "hold":
		o.mu.Lock()
		gate := o.gate
		o.held++
		o.mu.Unlock()
		<-gate
	case "hang":
		_, _ = io.Copy(io.Discard, c) // ends when the router has had enough
		return errOver
	case "close":
		return errOver
	case "reset":
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // without it the peer sees an orderly end
		}
		return errOver
	case "megabytes":
		_, err := io.Copy(c, io.LimitReader(letters{}, large))
		return err
	default:
		return fmt.Errorf("no script has a word {%s}", word)
	}
	return nil
}

// large is the size of a large body.
const large = 8 << 20

// letters is a body without end.
type letters struct{}

func (letters) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// last is the newest request that was seen, nil for none.
func (o *origin) last() *received {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.seen) == 0 {
		return nil
	}
	return o.seen[len(o.seen)-1]
}

func (o *origin) count() (requests, holding, checks int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.seen), o.held, o.asked
}

func (o *origin) health(sick bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sick = sick
}

// crlf makes lines of the wire of lines of Go.
func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

// requestText is a request's head in canonical form.
func requestText(r *http.Request) string {
	h := r.Header.Clone()
	h.Set("Host", r.Host)
	if len(r.TransferEncoding) > 0 {
		h.Set("Transfer-Encoding", strings.Join(r.TransferEncoding, ", "))
	}
	if len(r.Trailer) > 0 {
		h.Set("Trailer", strings.Join(sortedKeys(r.Trailer), ", "))
	}
	return r.Method + " " + r.RequestURI + " " + r.Proto + "\n" + headerText(h)
}

// headerText is a header in canonical form: sorted by name, values as they came.
func headerText(h http.Header) string {
	var b strings.Builder
	for _, name := range sortedKeys(h) {
		for _, v := range h[name] {
			b.WriteString(name + ": " + v + "\n")
		}
	}
	return b.String()
}

func sortedKeys[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// listenAt listens at an address of reserve. A process that another test starts
// at this moment has, until it is another program, a copy of a listener that was closed.
func listenAt(t testing.TB, address string) (l net.Listener) {
	t.Helper()
	until(t, "a port to be free again: "+address, func() bool {
		var err error
		l, err = net.Listen("tcp", address)
		return err == nil
	})
	return l
}

// reserve returns an address of loopback that nobody else gets while the test
// runs: a socket is bound to it and does not listen, so whoever dials is refused,
// and whoever listens there with SO_REUSEADDR may.
func reserve(t testing.TB) string {
	t.Helper()
	_, address := bound(t)
	return address
}

func bound(t testing.TB) (fd int, address string) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	err = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	if err = errors.Join(err, syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})); err != nil {
		t.Fatal(err)
	}
	at, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return fd, fmt.Sprintf("127.0.0.1:%d", at.(*syscall.SockaddrInet4).Port)
}

// blackHole is an address where a connection is neither taken nor refused: its
// listener's queue is full.
func blackHole(t testing.TB) string {
	t.Helper()
	fd, address := bound(t)
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	for range 16 {
		c, err := net.DialTimeout("tcp", address, 100*time.Millisecond)
		if err != nil {
			return address
		}
		t.Cleanup(func() { c.Close() })
	}
	t.Fatal("the queue of a listener does not fill")
	return ""
}

// is reports whether this is a request that begins so.
func (r *received) is(line string) bool { return r != nil && strings.HasPrefix(r.head, line) }
