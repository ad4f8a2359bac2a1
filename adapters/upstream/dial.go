package upstream

import (
	"context"
	"crypto/tls"
	"net"
)

// open1 opens a connection that is to speak HTTP/1.1.
func (p *Pool) open1(ctx context.Context, call *Call) (*wire, net.Conn, error) {
	w, err := p.openWire(ctx, call)
	if err != nil || !p.secure {
		return w, w, err
	}
	t, err := p.handshake(ctx, w, "http/1.1")
	if err != nil {
		return nil, nil, err
	}
	return w, t, nil
}

// openWire opens the socket and says on it who the client is, if the endpoint
// is to be told.
func (p *Pool) openWire(ctx context.Context, call *Call) (*wire, error) {
	c, err := p.set.dial(ctx, "tcp", p.addr)
	if err != nil {
		return nil, dialError(p.addr, err)
	}
	w := &wire{Conn: c}
	if p.settings.ProxyProtocol != "" {
		if err := announceClient(ctx, w, p.settings.ProxyProtocol, call); err != nil {
			w.Close()
			return nil, &Error{Class: connectClass(err), Detail: "sending the PROXY header to " + p.addr, Err: err}
		}
	}
	return w, nil
}

// handshake makes TLS of a socket and closes it where it cannot. protocols are
// offered by ALPN, the best first.
func (p *Pool) handshake(ctx context.Context, w *wire, protocols ...string) (*tls.Conn, error) {
	config, err := p.tls.config(protocols)
	if err != nil {
		w.Close()
		return nil, &Error{Class: classOfFiles, Detail: "TLS settings of " + p.id.Placement, Err: err}
	}
	t := tls.Client(w, config)
	if err := t.HandshakeContext(ctx); err != nil {
		w.Close()
		return nil, handshakeError(p.addr, err)
	}
	return t, nil
}
