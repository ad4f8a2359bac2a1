//go:build linux

package main

import (
	"net"
	"strings"
	"testing"
	"time"
)

// originForTest runs an origin in this process. It ends with the test binary: nothing of it outlives a request.
func originForTest(t *testing.T, size int) string {
	t.Helper()
	o, addr, err := newOrigin("127.0.0.1:0", size)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = o.serve() }()
	return addr
}

func TestEveryRequestOfAnOpenLoopIsSentAndAnswered(t *testing.T) {
	for _, conns := range []int{1, 7} {
		r, err := runLoad(plan{addr: originForTest(t, 300_000/conns), path: "/", key: "k", conns: conns, rate: 200, warm: 100 * time.Millisecond, last: 300 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		if r.answered != 60 || r.failed != 0 || len(r.latencies) != 60 {
			t.Errorf("%d connections: %d answered, %d failed, %d latencies; 200 a second for 300 ms are 60", conns, r.answered, r.failed, len(r.latencies))
		}
	}
}

// A closed loop would send one request into the pause and count one slow answer. The open loop counts what each request
// that was due in the pause had to wait.
func TestAPauseOfTheServerIsChargedToEveryRequestThatWasDueInIt(t *testing.T) {
	const pause = 200 * time.Millisecond
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		b := make([]byte, 4096)
		for i := 0; ; i++ {
			if _, err := c.Read(b); err != nil {
				return
			}
			if i == 10 {
				<-time.After(pause)
			}
			if _, err := c.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")); err != nil {
				return
			}
		}
	}()
	r, err := runLoad(plan{addr: l.Addr().String(), path: "/", key: "k", conns: 1, rate: 500, last: 500 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	waited := 0
	for _, d := range r.latencies {
		if d > pause/2 {
			waited++
		}
	}
	if r.answered != 250 || waited < 40 {
		t.Errorf("%d answered, %d of them after more than %v; 250 were due, 50 of them in the first half of the pause", r.answered, waited, pause/2)
	}
}

func TestWhatIsNotAn200OrNeverComesIsAFailure(t *testing.T) {
	for name, answer := range map[string]string{
		"another status":          "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
		"no length":               "HTTP/1.1 200 OK\r\n\r\n",
		"more than it said":       "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nok",
		"the connection closed":   "",
		"a cut head, then closed": "HTTP/1.1 200 OK\r\nContent-Le",
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp4", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = l.Close() })
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					_, _ = c.Read(make([]byte, 4096))
					_, _ = c.Write([]byte(answer))
					if !strings.HasPrefix(answer, "HTTP/1.1 502") {
						_ = c.Close()
						continue
					}
					go func() {
						b := make([]byte, 4096)
						for n, err := c.Read(b); n > 0 && err == nil; n, err = c.Read(b) {
							_, _ = c.Write([]byte(answer))
						}
					}()
				}
			}()
			r, err := runLoad(plan{addr: l.Addr().String(), path: "/", key: "k", conns: 2, rate: 50, last: 200 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			if r.answered != 0 || r.failed != 10 {
				t.Errorf("%d answered, %d failed; want all 10 failed", r.answered, r.failed)
			}
		})
	}
}

func TestAnAnswerIsWholeHoweverItIsCut(t *testing.T) {
	const answer = "HTTP/1.1 200 OK\r\nServer: x\r\ncontent-LENGTH:  5\r\n\r\nhello"
	for cut := 1; cut < len(answer); cut++ {
		c := client{busy: true, left: -1}
		whole, err := c.take([]byte(answer[:cut]))
		if err != nil || whole {
			t.Fatalf("cut at %d: whole %v, error %v before the rest came", cut, whole, err)
		}
		if whole, err = c.take([]byte(answer[cut:])); err != nil || !whole || c.bad {
			t.Fatalf("cut at %d: whole %v, bad %v, error %v", cut, whole, c.bad, err)
		}
	}
}

func TestQuantilesAreExact(t *testing.T) {
	d := make([]time.Duration, 1000)
	for i := range d {
		d[i] = time.Duration(i)
	}
	for q, want := range map[float64]time.Duration{0: 0, 0.5: 500, 0.99: 990, 0.999: 999, 1: 999} {
		if got := quantile(d, q); got != want {
			t.Errorf("quantile %v of 0 to 999 is %d, want %d", q, got, want)
		}
	}
	if quantile(nil, 0.5) != 0 {
		t.Error("of nothing the quantile is 0")
	}
}
