//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// plan is one load: GET requests with a routing key over kept connections.
type plan struct {
	addr  string
	path  string
	key   string        // value of the routing header
	conns int           // kept connections
	rate  int           // requests a second, evenly spaced; 0: closed loop, each connection asks again at once
	warm  time.Duration // at the start, not counted
	last  time.Duration // counted
}

// result is what a load saw. A request counts when it was meant to leave after the warm-up.
type result struct {
	answered  int             // with 200
	failed    int             // with another status, on a connection that broke, not answered within drainFor, or due and never sent
	elapsed   time.Duration   // from the end of the warm-up to the last answer that counts
	latencies []time.Duration // ascending; from the time at which a request was to leave, not from when it left
	late      time.Duration   // the 99th percentile of how long a request that had a free connection left after its time
}

// drainFor is how long a load waits for answers after the last request.
const drainFor = 2 * time.Second

// client is one kept connection.
type client struct {
	fd   int
	busy bool
	due  time.Duration // when the request in flight was to leave
	head []byte        // of the answer, until it is whole
	left int           // bytes of body to come, -1 while the head is not whole
	bad  bool          // the answer is not 200
}

// load is one running plan. It is one thread and one epoll set: a goroutine a connection costs the machine under test
// more than the answers do.
type load struct {
	plan
	poll    *poller
	start   time.Time
	request []byte
	buffer  []byte
	clients map[int32]*client // by descriptor
	free    []*client         // first come, first used: all connections stay warm
	sent    int               // requests that left, or that failed to
	flying  int
	result
	lateness []time.Duration
}

// runLoad runs p. It fails when it cannot connect; what goes wrong later is counted.
func runLoad(p plan) (result, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	poll, err := newPoller()
	if err != nil {
		return result{}, err
	}
	l := &load{
		plan: p, poll: poll, buffer: make([]byte, 256<<10), clients: map[int32]*client{},
		request: fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: bench\r\nX-Routing-Key: %s\r\n\r\n", p.path, p.key),
	}
	defer l.closeAll()
	for range p.conns {
		if err := l.open(); err != nil {
			return result{}, err
		}
	}
	expected := int(float64(max(p.rate, 20_000)) * (p.warm + p.last).Seconds())
	l.latencies, l.lateness = make([]time.Duration, 0, expected), make([]time.Duration, 0, expected)
	runtime.GC()
	l.start = time.Now()
	if err := l.run(); err != nil {
		return result{}, err
	}
	slices.Sort(l.latencies)
	slices.Sort(l.lateness)
	l.late = quantile(l.lateness, 0.99)
	return l.result, nil
}

func (l *load) open() error {
	fd, err := connect(l.addr)
	if err != nil {
		return err
	}
	if err := l.poll.watch(fd); err != nil {
		return errors.Join(err, unix.Close(fd))
	}
	c := &client{fd: fd}
	l.clients[int32(fd)] = c
	l.free = append(l.free, c)
	return nil
}

func (l *load) closeAll() {
	for _, c := range l.clients {
		_ = unix.Close(c.fd)
	}
	l.poll.close()
}

// ask sends one request on c and waits for its answer.
func ask(c *client, request, buffer []byte) error {
	c.busy, c.left = true, -1
	if _, err := unix.Write(c.fd, request); err != nil {
		return fmt.Errorf("sending a request: %w", err)
	}
	for {
		if _, err := unix.Poll([]unix.PollFd{{Fd: int32(c.fd), Events: unix.POLLIN}}, 10_000); err != nil {
			return fmt.Errorf("waiting for an answer: %w", err)
		}
		n, err := unix.Read(c.fd, buffer)
		if err != nil || n == 0 {
			return fmt.Errorf("reading an answer: %w", errors.Join(err, io.ErrUnexpectedEOF))
		}
		if whole, err := c.take(buffer[:n]); err != nil || whole {
			c.busy, c.head = false, nil
			return err
		}
	}
}

// run sends what is due and reads what came until the plan is over.
func (l *load) run() error {
	over := l.warm + l.last
	for {
		now := time.Since(l.start)
		wake := l.sendDue(now)
		if now >= over+drainFor || now >= over && l.flying == 0 && l.unsent() == 0 {
			l.failed += l.flying + l.unsent()
			return nil
		}
		if now < over {
			wake = min(over, wake)
		}
		if err := l.poll.wakeIn(wake - time.Since(l.start)); err != nil {
			return fmt.Errorf("setting the timer: %w", err)
		}
		ready, err := l.poll.wait()
		if err != nil {
			return err
		}
		for _, e := range ready {
			if e.Fd == int32(l.poll.timer) {
				l.poll.rang()
				continue
			}
			if c := l.clients[e.Fd]; c != nil {
				if err := l.read(c); err != nil {
					return err
				}
			}
		}
	}
}

// unsent counts the requests that were due before the end and found no connection, or no time, to leave on.
func (l *load) unsent() int {
	due := int((l.warm + l.last) * time.Duration(l.rate) / time.Second)
	return max(0, due-max(l.sent, int(l.warm*time.Duration(l.rate)/time.Second)))
}

// sendDue sends what is due now as far as connections are free, and returns when the next is due. What was due before
// the end is sent after it too: that it is late is for the latencies to say.
func (l *load) sendDue(now time.Duration) time.Duration {
	for len(l.free) > 0 {
		due := now
		if l.rate > 0 {
			due = time.Duration(l.sent) * time.Second / time.Duration(l.rate)
		}
		if due >= l.warm+l.last {
			break
		}
		if due > now {
			return due
		}
		c := l.free[0]
		l.free = l.free[1:]
		l.sent++
		l.flying++
		c.busy, c.due, c.left, c.bad, c.head = true, due, -1, false, c.head[:0]
		if l.rate > 0 && due >= l.warm && len(l.free) > 0 {
			l.lateness = append(l.lateness, now-due)
		}
		if n, err := unix.Write(c.fd, l.request); err != nil || n != len(l.request) {
			c.bad = true // the read that follows finds the connection broken
			_ = unix.Shutdown(c.fd, unix.SHUT_RDWR)
		}
	}
	return l.warm + l.last + drainFor // an answer comes first, or the end
}

// read takes what came on c. An answer that is whole frees it; a connection that broke is opened anew.
func (l *load) read(c *client) error {
	n, err := unix.Read(c.fd, l.buffer)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
		return nil
	}
	if err != nil || n == 0 {
		return l.reopen(c)
	}
	whole, err := c.take(l.buffer[:n])
	if err != nil {
		return l.reopen(c)
	}
	if whole {
		l.book(c)
		l.free = append(l.free, c)
	}
	return nil
}

// book counts the answer on c.
func (l *load) book(c *client) {
	now := time.Since(l.start)
	l.flying--
	c.busy = false
	switch {
	case c.due < l.warm:
	case c.bad:
		l.failed++
	default:
		l.answered++
		l.latencies = append(l.latencies, now-c.due)
		l.elapsed = now - l.warm
	}
}

func (l *load) reopen(c *client) error {
	if c.busy {
		c.bad = true
		l.book(c)
	} else {
		l.free = slices.DeleteFunc(l.free, func(f *client) bool { return f == c })
	}
	delete(l.clients, int32(c.fd))
	if err := unix.Close(c.fd); err != nil {
		return err
	}
	return l.open()
}

var (
	headEnd       = []byte("\r\n\r\n")
	contentLength = []byte("\r\ncontent-length:")
)

// take reads b, which belongs to the answer under way, and says whether it is whole. It knows what the peers send
// here: HTTP/1.1 with a Content-Length.
func (c *client) take(b []byte) (whole bool, err error) {
	if !c.busy {
		return false, errors.New("bytes without a request")
	}
	if c.left < 0 {
		before := len(c.head)
		c.head = append(c.head, b...)
		end := bytes.Index(c.head, headEnd)
		if end < 0 {
			return false, nil
		}
		length, err := lengthOf(c.head[:end+2])
		if err != nil {
			return false, err
		}
		c.bad = c.bad || !bytes.HasPrefix(c.head, []byte("HTTP/1.1 200"))
		c.left = length
		b = b[end+len(headEnd)-before:]
	}
	if c.left -= len(b); c.left < 0 {
		return false, errors.New("more bytes than Content-Length says")
	}
	return c.left == 0, nil
}

// lengthOf returns the Content-Length of a head.
func lengthOf(head []byte) (int, error) {
	lower := bytes.ToLower(head)
	_, after, ok := bytes.Cut(lower, contentLength)
	if !ok {
		return 0, errors.New("an answer without Content-Length")
	}
	value, _, _ := bytes.Cut(after, []byte("\r\n"))
	return strconv.Atoi(string(bytes.TrimSpace(value)))
}

// quantile returns the q-quantile of ascending values, exact, 0 of none.
func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// print writes a result for a person.
func (r *result) print(w io.Writer) {
	us := func(q float64) float64 { return float64(quantile(r.latencies, q)) / 1e3 }
	fmt.Fprintf(w, "%d answered, %d failed, %.0f a second; p50 %.0f us, p99 %.0f us, p99.9 %.0f us; requests left at most %.0f us late (p99)\n",
		r.answered, r.failed, r.perSecond(), us(0.5), us(0.99), us(0.999), float64(r.late)/1e3)
}

// perSecond is the rate of answers.
func (r *result) perSecond() float64 {
	if r.elapsed == 0 {
		return 0
	}
	return float64(r.answered) / r.elapsed.Seconds()
}
