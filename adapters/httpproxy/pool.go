package httpproxy

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"lockstep/core"
)

// DialFunc opens a connection to an upstream; network is "tcp".
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// identity is what makes an endpoint the same endpoint across configurations (R12).
type identity struct{ placement, url string }

// pool holds the connections to one endpoint.
type pool struct {
	transport *http.Transport
	scheme    string
	host      string
	idle      core.Duration // for which the transport was made
	connect   atomic.Int64  // ns, of the latest attempt: a dial belongs to whoever needs it
}

// pools holds the pool of every endpoint in use, made at first use.
type pools struct {
	dial DialFunc
	tls  *tls.Config

	mu sync.RWMutex
	of map[identity]*pool
}

func newPools(dial DialFunc, t *tls.Config) *pools {
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	return &pools{dial: dial, tls: t, of: map[identity]*pool{}}
}

// get returns the endpoint's pool. A pool whose idle time has changed is
// replaced; requests on the old one end there.
func (p *pools) get(id identity, t *core.TimeoutSpec) (*pool, error) {
	p.mu.RLock()
	one := p.of[id]
	p.mu.RUnlock()
	if one == nil || one.idle != t.UpstreamIdle {
		var err error
		if one, err = p.make(id, t.UpstreamIdle); err != nil {
			return nil, err
		}
	}
	if one.connect.Load() != int64(t.Connect) {
		one.connect.Store(int64(t.Connect))
	}
	return one, nil
}

func (p *pools) make(id identity, idle core.Duration) (*pool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	old := p.of[id]
	if old != nil && old.idle == idle {
		return old, nil // somebody else made it meanwhile
	}
	u, err := url.Parse(id.url)
	if err != nil {
		return nil, err
	}
	one := &pool{scheme: u.Scheme, host: u.Host, idle: idle}
	one.transport = p.transport(one)
	p.of[id] = one
	if old != nil {
		old.transport.CloseIdleConnections()
	}
	return one, nil
}

func (p *pools) transport(one *pool) *http.Transport {
	var http1 http.Protocols
	http1.SetHTTP1(true)
	return &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, time.Duration(one.connect.Load()))
			defer cancel()
			return watched(p.dialTCP(ctx, network, address))
		},
		DialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, time.Duration(one.connect.Load()))
			defer cancel()
			return watched(p.dialTLS(ctx, network, address))
		},
		Protocols:             &http1,
		DisableCompression:    true,
		MaxIdleConnsPerHost:   4096,
		IdleConnTimeout:       time.Duration(one.idle),
		ExpectContinueTimeout: time.Second,
	}
}

// upstreamConn is a connection that tells the exchange on it of its end.
type upstreamConn struct {
	net.Conn
	user atomic.Pointer[exchange] // nil for one that does not care
}

func watched(c net.Conn, err error) (net.Conn, error) {
	if err != nil {
		return nil, err
	}
	return &upstreamConn{Conn: c}, nil
}

// Close implements net.Conn.
func (c *upstreamConn) Close() error {
	err := c.Conn.Close()
	if x := c.user.Load(); x != nil {
		x.disconnected()
	}
	return err
}

// CloseWrite ends one direction of an upgraded connection.
func (c *upstreamConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

func (p *pools) dialTCP(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := p.dial(ctx, network, address)
	if err != nil {
		return nil, dialError(err)
	}
	return conn, nil
}

func (p *pools) dialTLS(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := p.dialTCP(ctx, network, address)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{}
	if p.tls != nil {
		config = p.tls.Clone()
	}
	if config.ServerName == "" {
		config.ServerName, _, _ = net.SplitHostPort(address)
	}
	config.NextProtos = []string{"http/1.1"}
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, handshakeError(err)
	}
	return secure, nil
}

// drop forgets an endpoint and closes its idle connections.
func (p *pools) drop(id identity) {
	p.mu.Lock()
	one := p.of[id]
	delete(p.of, id)
	p.mu.Unlock()
	if one != nil {
		one.transport.CloseIdleConnections()
	}
}

// close closes every idle connection.
func (p *pools) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, one := range p.of {
		one.transport.CloseIdleConnections()
	}
}
