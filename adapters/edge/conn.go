package edge

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
)

// Conn says how a connection came in. It does not change; every request on the
// connection shares it.
type Conn struct {
	Listener string         // the listener's name
	Peer     netip.AddrPort // who connected: a balancer, where one sends the PROXY header
	Client   netip.AddrPort // who speaks HTTP to us: what the PROXY header says, else Peer
	Trusted  bool           // Client is in the listener's trust_headers_from
	// TLS is the state after the handshake, nil on a plain connection.
	// VerifiedChains is empty for a client without a certificate. It is what to
	// ask, not Request.TLS of a server that Edge does not run: net/http leaves
	// that nil for an HTTP/2 request which calls its own scheme http.
	TLS *tls.ConnectionState
}

// key finds a Conn in a context.
type key struct{}

// Of returns how the request with this context came in, nil for one that came
// by no listener of this package.
func Of(ctx context.Context) *Conn {
	c, _ := ctx.Value(key{}).(*Conn)
	return c
}

// With returns a context that Of finds c in; for tests, and for servers that
// are not engines.
func With(ctx context.Context, c *Conn) context.Context { return context.WithValue(ctx, key{}, c) }

// ConnContext adds to ctx what Of returns. It has the form of
// http.Server.ConnContext and is for engines: c is what the engine accepted.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	if own, ok := c.(*conn); ok && own.info != nil {
		return With(ctx, own.info)
	}
	return ctx
}

// conn is a connection that counts against the limits until it is closed.
type conn struct {
	net.Conn
	info  *Conn // nil until it is ready
	once  sync.Once
	close func() // gives its places back
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.once.Do(c.close) // first: a client that sees its end finds the place free
	return c.Conn.Close()
}

// CloseWrite ends our direction, so that an upgraded connection can be half closed.
func (c *conn) CloseWrite() error {
	if half, ok := c.raw().(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// SyscallConn implements syscall.Conn for engines that read and write by
// themselves. It is refused where bytes may wait in a buffer of ours.
func (c *conn) SyscallConn() (syscall.RawConn, error) {
	if s, ok := c.Conn.(syscall.Conn); ok {
		return s.SyscallConn()
	}
	return nil, errors.ErrUnsupported
}

// Socket returns the socket for engines that write several slices at once: what
// is written there goes no other way than through Write.
func (c *conn) Socket() net.Conn { return c.raw() }

// raw is the connection below the PROXY header.
func (c *conn) raw() net.Conn {
	if p, ok := c.Conn.(interface{ Raw() net.Conn }); ok {
		return p.Raw()
	}
	return c.Conn
}

// addrPort is a in its plain form: IPv4 as IPv4, without zone. It is invalid
// for what is not an address and port.
func addrPort(a net.Addr) netip.AddrPort {
	t, ok := a.(*net.TCPAddr)
	if !ok {
		ap, err := netip.ParseAddrPort(a.String())
		if err != nil {
			return netip.AddrPort{}
		}
		return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
	}
	ap := t.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
}

func within(a netip.Addr, ranges []netip.Prefix) bool {
	for _, p := range ranges {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
