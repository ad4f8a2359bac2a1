package metrics

import (
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	"lockstep/adapters/edge"
	"lockstep/adapters/http1"
)

// Connections counts the connections of clients by state. Its Note is for
// edge.Options.ConnState or http.Server.ConnState. The zero value is ready.
type Connections struct {
	states sync.Map // net.Conn to http.ConnState
	counts [http.StateIdle + 1]atomic.Int64
}

// Note takes down a connection's new state.
func (c *Connections) Note(conn net.Conn, state http.ConnState) {
	if c == nil {
		return
	}
	var old any
	var known bool
	if state > http.StateIdle { // hijacked or closed: net/http tells no more of it
		old, known = c.states.LoadAndDelete(conn)
	} else {
		old, known = c.states.Swap(conn, state)
		c.counts[state].Add(1)
	}
	if known {
		c.counts[old.(http.ConnState)].Add(-1)
	}
}

// Count returns how many connections are new, active or idle.
func (c *Connections) Count(state http.ConnState) int64 {
	if c == nil || state > http.StateIdle {
		return 0
	}
	return c.counts[state].Load()
}

// connections sends what is known of clients' connections. The upgraded ones
// are those that are open and that nobody else counts.
func (g *gauges) connections(s sender) {
	var listeners []edge.Stats
	if g.o.Listeners != nil {
		listeners = g.o.Listeners()
	}
	own := map[http.ConnState]int64{} // of package http1, which net/http does not know
	for _, l := range listeners {
		own[http.StateIdle] += int64(l.HTTP1.Idle)
		own[http.StateActive] += int64(l.HTTP1.Active)
	}
	var open, known int64
	if g.o.Connections != nil {
		for state := http.StateNew; state <= http.StateIdle; state++ {
			n := g.o.Connections.Count(state) + own[state]
			known += n
			s.gauge(mConnections, float64(n), state.String())
		}
	}
	if listeners == nil {
		return
	}
	for _, l := range listeners {
		open += int64(l.Open)
		s.gauge(mListenerOpen, float64(l.Open), l.Listener)
		s <- count(mAccepted, l.Accepted, l.Listener)
		for _, r := range refusals(l) {
			s <- count(mConnRefused, r.n, l.Listener, r.why)
		}
		for why, n := range l.Refused {
			if n > 0 {
				s <- count(mHTTP1Refused, n, l.Listener, http1.Reason(why).String())
			}
		}
	}
	if g.o.Connections != nil {
		s.gauge(mConnections, float64(max(0, open-known)), http.StateHijacked.String())
	}
}

type refusal struct {
	why string
	n   uint64
}

func refusals(l edge.Stats) []refusal {
	return []refusal{
		{"max_connections", l.Full},
		{"max_connections_per_client", l.ClientFull},
		{"proxy_header", l.ProxyRefused},
		{"tls_handshake", l.TLSFailed},
	}
}
