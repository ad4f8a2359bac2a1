package httpproxy_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"lockstep/core"
)

// A request of the property test: what its client sends and when it leaves,
// and what the upstream does with it.
type encounter struct {
	request string
	pieces  int           // in which the client sends it
	pause   time.Duration // between two pieces
	leave   time.Duration // when the client goes away
	answer  string
	cuts    int           // pieces of the answer
	wait    time.Duration // before each piece of it
	hold    bool          // the upstream keeps the connection open afterwards
	reads   bool          // the client takes the answer
}

func drawEncounter(t *rapid.T) encounter {
	key := rapid.SampledFrom([]string{"visa", "acme", "nobody", ""}).Draw(t, "key")
	head := "\r\nHost: h\r\nX-Routing-Key: " + key + "\r\n"
	wait := rapid.SampledFrom([]time.Duration{0, time.Millisecond, 500 * time.Millisecond, 2 * time.Second, 15 * time.Second, 100 * time.Second})
	e := encounter{
		request: rapid.SampledFrom([]string{
			"GET / HTTP/1.1" + head + "\r\n",
			"HEAD / HTTP/1.1" + head + "\r\n",
			"GET / HTTP/1.1" + head + "Connection: Upgrade\r\nUpgrade: chat\r\n\r\nhello",
			"POST / HTTP/1.1" + head + "Content-Length: 8\r\n\r\n12345678",
			"POST / HTTP/1.1" + head + "Transfer-Encoding: chunked\r\n\r\n4\r\n1234\r\n4\r\n5678\r\n0\r\n\r\n",
			"POST / HTTP/1.1" + head + "Transfer-Encoding: chunked\r\n\r\nc8\r\n" + strings.Repeat("x", 200) + "\r\n0\r\n\r\n",
			"POST / HTTP/1.1" + head + "Transfer-Encoding: chunked\r\n\r\nnot a chunk\r\n",
			"POST / HTTP/1.1" + head + "Expect: 100-continue\r\nContent-Length: 8\r\n\r\n12345678",
		}).Draw(t, "request"),
		pieces: rapid.IntRange(1, 4).Draw(t, "pieces"),
		pause:  wait.Draw(t, "pause"),
		leave:  rapid.SampledFrom([]time.Duration{time.Millisecond, time.Second, 40 * time.Second, time.Hour}).Draw(t, "leave"),
		answer: rapid.SampledFrom([]string{
			"", "HTTP/1.1 200 OK\r\n", "garbage\r\n\r\n",
			"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nanswer",
			"HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\nanswer",
			"HTTP/1.1 204 No Content\r\n\r\n",
			"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n",
			"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
			"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\nhello",
			"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("y", 100000),
		}).Draw(t, "answer"),
		cuts:  rapid.IntRange(1, 3).Draw(t, "cuts"),
		wait:  wait.Draw(t, "wait"),
		hold:  rapid.Bool().Draw(t, "hold"),
		reads: rapid.Bool().Draw(t, "reads"),
	}
	// net/http writes its 100 Continue under a lock, which synctest cannot see
	// through when the client takes nothing at all.
	e.reads = e.reads || strings.Contains(e.request, "Expect")
	return e
}

func TestEveryForwardHasOneFinishWhateverBothSidesDo(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		plan := rapid.SliceOfN(rapid.Custom(drawEncounter), 1, 3).Draw(rt, "plan")
		drain := rapid.SampledFrom([]time.Duration{0, 3 * time.Second, 50 * time.Second}).Draw(rt, "drain")
		var fault string
		synctest.Test(t, func(t *testing.T) { fault = playEncounters(t, plan, drain) })
		if fault != "" {
			rt.Fatal(fault)
		}
	})
}

// playEncounters runs all encounters side by side, a drain at its time unless
// that is 0, and says what is wrong at the end.
func playEncounters(t *testing.T, plan []encounter, drain time.Duration) (fault string) {
	g := newRig(t, basic())
	var turn sync.Mutex
	next := 0
	answer := func(c net.Conn) {
		turn.Lock()
		e := plan[next%len(plan)]
		next++
		turn.Unlock()
		var in sync.WaitGroup
		in.Go(func() { io.Copy(io.Discard, c) })
		inPieces(c, e.answer, e.cuts, e.wait)
		if e.hold {
			in.Wait()
		}
	}
	for _, name := range []string{"visa:80", "tier1:80", "tier3:80"} {
		g.raw(name, answer)
	}
	for _, e := range plan {
		go e.play(g)
	}
	if drain > 0 {
		time.Sleep(drain)
		g.driver.Drain(g.driver.Now().Add(core.Second))
	}
	time.Sleep(2 * time.Hour)
	return g.settled()
}

func (e encounter) play(g *rig) {
	c, err := g.net.Dial(context.Background(), "tcp", "router:80")
	if err != nil {
		return
	}
	go inPieces(c, e.request, e.pieces, e.pause)
	if e.reads {
		go io.Copy(io.Discard, c)
	}
	time.Sleep(e.leave)
	c.Close()
}

func inPieces(c net.Conn, text string, n int, wait time.Duration) {
	for i := range n {
		time.Sleep(wait)
		if _, err := io.WriteString(c, text[len(text)*i/n:len(text)*(i+1)/n]); err != nil {
			return
		}
	}
}

// settled says what is wrong with the books when nothing is under way any more.
func (g *rig) settled() string {
	if n := inFlight(g); n != 0 {
		return fmt.Sprintf("%d requests in flight at the end", n)
	}
	g.spy.mu.Lock()
	defer g.spy.mu.Unlock()
	if len(g.spy.finishes) != g.spy.forwards || g.spy.late > 0 {
		return fmt.Sprintf("%d forwards, %d finished, %d replies came late", g.spy.forwards, len(g.spy.finishes), g.spy.late)
	}
	for h, n := range g.spy.finishes {
		if n != 1 || g.spy.replies[h] > 1 {
			return fmt.Sprintf("%v: %d times Finish, %d times Reply", h, n, g.spy.replies[h])
		}
	}
	return ""
}
