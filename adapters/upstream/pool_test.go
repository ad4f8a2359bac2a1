package upstream_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/adapters/memnet"
	"lockstep/adapters/settings"
	"lockstep/adapters/upstream"
	"lockstep/core"
)

// counted counts the connections that f is run on.
func counted(n *atomic.Int32, f func(net.Conn)) func(net.Conn) {
	return func(c net.Conn) {
		n.Add(1)
		f(c)
	}
}

func TestADeadIdleConnectionIsNoticedBeforeItIsUsed(t *testing.T) {
	var conns, requests atomic.Int32
	closed := make(chan struct{}, 8)
	address := server(t, counted(&conns, func(c net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			requests.Add(1)
			io.WriteString(c, ok)
		}
		c.Close() // without a word, after every answer
		closed <- struct{}{}
	}))
	c := newClient(t, upstream.Options{}, "http://"+address, settings.Upstream{})
	for i := range int32(5) {
		if status, _, err := c.get("body"); status != 200 || err != nil {
			t.Fatalf("request %d: %d %v", i, status, err)
		}
		<-closed // on the loopback the FIN is there when close returns
		if conns.Load() != i+1 || requests.Load() != i+1 {
			t.Fatalf("%d connections, %d requests after %d", conns.Load(), requests.Load(), i+1)
		}
	}
}

func TestBytesThatNobodyAskedForEndAConnection(t *testing.T) {
	var conns atomic.Int32
	said := make(chan struct{}, 8)
	address := server(t, counted(&conns, func(c net.Conn) {
		in := bufio.NewReader(c)
		for {
			if _, err := http.ReadRequest(in); err != nil {
				return
			}
			io.WriteString(c, ok)
			time.Sleep(5 * time.Millisecond) // after the answer has been read
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
			said <- struct{}{}
		}
	}))
	c := newClient(t, upstream.Options{}, "http://"+address, settings.Upstream{})
	for range 3 {
		if _, body, err := c.get(""); body != "ok" || err != nil {
			t.Fatalf("%q %v", body, err)
		}
		<-said
	}
	if conns.Load() != 3 {
		t.Errorf("%d connections for 3 requests", conns.Load())
	}
}

// dying answers the first request of each connection and closes it at the second.
func dying(requests *atomic.Int32) func(net.Conn) {
	return func(c net.Conn) {
		in := bufio.NewReader(c)
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		io.Copy(io.Discard, r.Body)
		requests.Add(1)
		io.WriteString(c, ok)
		if _, err := http.ReadRequest(in); err == nil {
			requests.Add(1)
		}
	}
}

func TestARequestOnAKeptConnectionThatDiesIsNotSentAgainAndTheCallerIsTold(t *testing.T) {
	for _, body := range []string{"", "body"} {
		var requests atomic.Int32
		inMemory(t, dying(&requests), settings.Upstream{}, func(t *testing.T, c *client) {
			if _, _, err := c.get(body); err != nil {
				t.Fatal(err)
			}
			_, _, err := c.get(body)
			e := failure(t, err)
			if e.Class != core.ResetBeforeResponse || !e.Sent || !e.Reused || requests.Load() != 2 {
				t.Errorf("%+v, %d requests came", e, requests.Load())
			}
		})
	}
}

func TestAWriteThatTookNothingIsTriedOnAnotherConnection(t *testing.T) {
	// A pipe whose other end is closed takes no byte, and cannot be looked into.
	var requests atomic.Int32
	once := func(c net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReaderSize(c, 16)); err == nil {
			requests.Add(1)
			io.WriteString(c, ok)
		}
	}
	inMemory(t, once, settings.Upstream{}, func(t *testing.T, c *client) {
		for range 3 {
			if _, body, err := c.get(""); body != "ok" || err != nil {
				t.Fatalf("%q %v", body, err)
			}
			synctest.Wait()
		}
		if requests.Load() != 3 {
			t.Errorf("%d requests came", requests.Load())
		}
	})
}

func TestAFreshConnectionThatTakesNothingSaysThatNothingWasSent(t *testing.T) {
	inMemory(t, func(net.Conn) {}, settings.Upstream{}, func(t *testing.T, c *client) {
		call := c.call()
		r, _ := http.NewRequest("GET", c.url, nil)
		_, _, err := c.send(call, r)
		if e := failure(t, err); e.Class != core.ResetBeforeResponse || e.Sent || call.Sent() {
			t.Errorf("%+v, sent %v", e, call.Sent())
		}
	})
}

func TestAFullPoolMakesOthersWaitAndThenSaysSo(t *testing.T) {
	var conns atomic.Int32
	slow := counted(&conns, func(c net.Conn) {
		in := bufio.NewReader(c)
		for {
			if _, err := http.ReadRequest(in); err != nil {
				return
			}
			time.Sleep(3 * time.Second)
			io.WriteString(c, ok)
		}
	})
	inMemory(t, slow, settings.Upstream{MaxOpen: 1}, func(t *testing.T, c *client) {
		begin := time.Now()
		var all sync.WaitGroup
		var mu sync.Mutex
		got := map[string]time.Duration{}
		for range 3 {
			all.Go(func() {
				_, body, err := c.get("")
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					e := failure(t, err)
					body = e.Class.String() + " " + strings.Fields(e.Detail)[0]
					if e.Sent {
						t.Error("it says that it was sent")
					}
				}
				got[body] = max(got[body], time.Since(begin))
			})
		}
		all.Wait()
		if got["ok"] != 6*time.Second || got["queue_timeout pool_full:"] != 5*time.Second || conns.Load() != 1 {
			t.Errorf("%v over %d connections", got, conns.Load())
		}
		if s := c.pool().Stats(); s.Open != 1 || s.Idle != 1 || s.Waiting != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestAFailedDialLetsTheNextOneTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var network memnet.Network
		l := network.Listen("e:80")
		accept(t, l, answering(ok))
		l.Refuse(true)
		c := newClient(t, upstream.Options{Dial: network.Dial}, "http://e:80", settings.Upstream{MaxOpen: 1})
		for range 3 {
			_, _, err := c.get("")
			if e := failure(t, err); e.Class != core.ConnectRefused {
				t.Fatal(e)
			}
		}
		l.Refuse(false)
		if _, body, err := c.get(""); body != "ok" {
			t.Error(err)
		}
	})
}

func TestAConnectionEndsByItsNumberOfRequestsItsAgeAndIdleness(t *testing.T) {
	rows := []struct {
		name  string
		u     settings.Upstream
		pause time.Duration
		conns int32 // for 6 requests
	}{
		{"kept", settings.Upstream{}, time.Minute, 1},
		{"idle for too long", settings.Upstream{}, 90 * time.Second, 6},
		{"two requests each", settings.Upstream{MaxRequests: 2}, 0, 3},
		{"three minutes each", settings.Upstream{MaxLifetime: 3 * time.Minute}, time.Minute, 2},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			var conns atomic.Int32
			inMemory(t, counted(&conns, answering(ok)), row.u, func(t *testing.T, c *client) {
				for range 6 {
					if _, _, err := c.get(""); err != nil {
						t.Fatal(err)
					}
					time.Sleep(row.pause)
				}
				if conns.Load() != row.conns {
					t.Errorf("%d connections, want %d", conns.Load(), row.conns)
				}
			})
		})
	}
}

func TestIdleConnectionsAreClosedWithoutAnotherRequest(t *testing.T) {
	inMemory(t, answering(ok), settings.Upstream{}, func(t *testing.T, c *client) {
		c.get("")
		time.Sleep(92 * time.Second)
		if s := c.pool().Stats(); s.Open != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestWarmConnectionsAreThereBeforeTheFirstRequestAndStay(t *testing.T) {
	inMemory(t, answering(ok), settings.Upstream{Warm: 3}, func(t *testing.T, c *client) {
		c.set.Adopted(c.config)
		synctest.Wait()
		for _, after := range []time.Duration{0, time.Second, 5 * time.Minute} {
			time.Sleep(after)
			synctest.Wait()
			if s := c.pool().Stats(); s.Open != 3 || s.Idle != 3 {
				t.Errorf("after %v: %+v", after, s)
			}
		}
		c.set.CloseIdle()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if s := c.pool().Stats(); s.Idle != 3 {
			t.Errorf("lost ones are not replaced: %+v", s)
		}
		c.set.Drop(upstream.Identity{Placement: "p", URL: c.url})
		time.Sleep(time.Minute)
	})
}

func TestAPoolThatIsDroppedFinishesWhatItCarries(t *testing.T) {
	inMemory(t, func(c net.Conn) {
		http.ReadRequest(bufio.NewReader(c))
		time.Sleep(time.Second)
		io.WriteString(c, ok)
		io.Copy(io.Discard, c)
	}, settings.Upstream{MaxOpen: 1}, func(t *testing.T, c *client) {
		old := c.pool()
		var both sync.WaitGroup
		for range 2 { // the second waits for the first's connection
			both.Go(func() {
				if _, body, err := c.get(""); body != "ok" {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		c.set.Drop(upstream.Identity{Placement: "p", URL: c.url})
		both.Wait()
		synctest.Wait()
		if s := old.Stats(); s != (upstream.Stats{}) {
			t.Errorf("%+v", s)
		}
	})
}

func TestChangedSettingsMakeANewPool(t *testing.T) {
	var conns atomic.Int32
	inMemory(t, counted(&conns, answering(ok)), settings.Upstream{}, func(t *testing.T, c *client) {
		c.get("")
		first := c.pool()
		c.config = configOf(t, c.url, settings.Upstream{MaxOpen: 7}, core.TimeoutSpec{})
		c.get("")
		synctest.Wait()
		if s := first.Stats(); c.pool() == first || s.Open != 0 || conns.Load() != 2 {
			t.Errorf("old %+v, %d connections", s, conns.Load())
		}
		second := c.pool()
		c.set.Adopted(configOf(t, c.url, settings.Upstream{MaxOpen: 8}, core.TimeoutSpec{}))
		synctest.Wait()
		if s := second.Stats(); s.Open != 0 {
			t.Errorf("an adoption left the old connections: %+v", s)
		}
		c.get("")
		c.config = configOf(t, c.url, settings.Upstream{MaxOpen: 7}, core.TimeoutSpec{Connect: core.Second})
		if same := c.pool(); same.Stats().Open != 1 {
			t.Error("another connect timeout made another pool")
		}
	})
}

func TestACallWhoseContextHasEndedDoesNotDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var network memnet.Network
		network.Listen("e:80") // nobody accepts
		c := newClient(t, upstream.Options{Dial: network.Dial}, "http://e:80", settings.Upstream{})
		begin := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		r, _ := http.NewRequest("GET", c.url, nil)
		_, _, err := c.send(&upstream.Call{Context: ctx}, r)
		if err == nil || time.Since(begin) != time.Second {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
	})
}
