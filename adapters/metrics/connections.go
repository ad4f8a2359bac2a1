package metrics

import (
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

// Connections counts the connections of clients by state. Its Note is for
// http.Server.ConnState. The zero value is ready.
type Connections struct {
	states sync.Map // net.Conn to http.ConnState
	counts [http.StateClosed + 1]atomic.Int64
}

// Note takes down a connection's new state. A hijacked connection stays counted
// until Released.
func (c *Connections) Note(conn net.Conn, state http.ConnState) {
	if c == nil {
		return
	}
	var old any
	var known bool
	if state == http.StateClosed || state == http.StateHijacked {
		old, known = c.states.LoadAndDelete(conn) // net/http tells no more of it
	} else {
		old, known = c.states.Swap(conn, state)
	}
	if known {
		c.counts[old.(http.ConnState)].Add(-1)
	}
	if state != http.StateClosed {
		c.counts[state].Add(1)
	}
}

// Released takes down that a hijacked connection has ended.
func (c *Connections) Released() {
	if c != nil {
		c.counts[http.StateHijacked].Add(-1)
	}
}

// Count returns how many connections are in a state.
func (c *Connections) Count(state http.ConnState) int64 {
	if c == nil {
		return 0
	}
	return c.counts[state].Load()
}

func (c *Connections) collect(s sender) {
	if c == nil {
		return
	}
	for _, state := range []http.ConnState{http.StateNew, http.StateActive, http.StateIdle, http.StateHijacked} {
		s.gauge(mConnections, float64(c.Count(state)), state.String())
	}
}
