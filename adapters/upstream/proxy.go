package upstream

import (
	"context"
	"net"
	"time"

	"github.com/pires/go-proxyproto"

	"lockstep/core"
)

// peerOf is the client that a connection would belong to, "" if it belongs to
// all: the PROXY header is said once, at its beginning, for the address and
// port that it names.
func (p *Pool) peerOf(call *Call) string {
	if p.settings.ProxyProtocol == "" || call.Client == nil {
		return ""
	}
	return call.Client.String()
}

// announceClient writes the PROXY header. A request of the router's own, such
// as a health check, is LOCAL (v2) or UNKNOWN (v1).
func announceClient(ctx context.Context, c net.Conn, version string, call *Call) error {
	h := &proxyproto.Header{Version: 1, Command: proxyproto.LOCAL, TransportProtocol: proxyproto.UNSPEC}
	if version == "v2" {
		h.Version = 2
	}
	if call.Client != nil && call.Local != nil {
		h = proxyproto.HeaderProxyFromAddrs(h.Version, call.Client, call.Local)
	}
	if h.Version == 1 && h.TransportProtocol == proxyproto.UNSPEC {
		h.Command = proxyproto.PROXY // v1 has no LOCAL, only UNKNOWN
	}
	if at, ok := ctx.Deadline(); ok {
		_ = c.SetWriteDeadline(at)
		defer func() { _ = c.SetWriteDeadline(time.Time{}) }()
	}
	_, err := h.WriteTo(c)
	return err
}

func connectClass(err error) core.Class {
	if timedOut(err) {
		return core.ConnectTimeout
	}
	return core.ResetBeforeResponse
}
