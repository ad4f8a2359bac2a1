package configfile

import (
	"cmp"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	edgeset "lockstep/adapters/settings"
)

// EffectiveListener lists every setting of the listener with that name, with
// the place that it comes from; ok is false when there is none. Paths begin
// below the listener.
func (f *File) EffectiveListener(name string) (values []Value, ok bool) {
	for i := range f.Listen {
		if f.Listen[i].Name == name {
			return f.effectiveListener(f.Listen[i].WithDefaults()), true
		}
	}
	return nil, false
}

func (f *File) effectiveListener(l Listener) []Value {
	var out []Value
	add := func(path, value string) {
		v := Value{Path: path, Value: value}
		if at, ok := f.Where("listen." + l.Name + "." + path); ok {
			v.From = at
		}
		out = append(out, v)
	}
	add("address", l.Address)
	add("http_engine", l.Engine)
	if l.TLS == nil {
		add("tls", "none")
	} else {
		effectiveListenerTLS(l.TLS, add)
	}
	add("trust_headers_from", prefixesText(l.TrustHeadersFrom))
	if l.Proxy == nil {
		add("proxy_protocol", "none")
	} else {
		add("proxy_protocol.from", prefixesText(l.Proxy.From))
		add("proxy_protocol.required", strconv.FormatBool(l.Proxy.Required))
	}
	add("max_connections", countOrNone(int32(l.MaxConnections)))
	add("max_connections_per_client", countOrNone(int32(l.MaxPerClient)))
	add("header_max", sizeText(l.HeaderMax))
	add("timeouts.handshake", l.Timeouts.Handshake.String())
	add("timeouts.header", l.Timeouts.Header.String())
	add("timeouts.idle", l.Timeouts.Idle.String())
	add("timeouts.body", durationOrNone(l.Timeouts.Body))
	if l.Engine == edgeset.EngineHTTP1 {
		add("http1.target_max", sizeText(l.HTTP1.TargetMax))
		add("http1.headers_max", strconv.Itoa(l.HTTP1.HeadersMax))
		add("http1.requests_max", countOrNone(int32(l.HTTP1.RequestsMax)))
		add("http1.body_idle", l.HTTP1.BodyIdle.String())
		rate := "none"
		if l.HTTP1.BodyRateMin > 0 {
			rate = sizeText(l.HTTP1.BodyRateMin)
		}
		add("http1.body_rate_min", rate)
		add("http1.write", l.HTTP1.Write.String())
	}
	if l.HTTP2.Off {
		add("http2", "none")
		return out
	}
	add("http2.max_streams", strconv.Itoa(l.HTTP2.MaxStreams))
	add("http2.ping_every", l.HTTP2.PingEvery.String())
	add("http2.ping_timeout", l.HTTP2.PingTimeout.String())
	return out
}

func effectiveListenerTLS(t *edgeset.ListenerTLS, add func(path, value string)) {
	if t.Folder != "" {
		add("tls.certs", t.Folder)
	}
	for i, p := range t.Pairs {
		add(fmt.Sprintf("tls.certs[%d].cert", i), p.Cert)
		add(fmt.Sprintf("tls.certs[%d].key", i), p.Key)
	}
	add("tls.default", cmp.Or(t.Default, "the first"))
	add("tls.min", t.Min)
	add("tls.client_ca", cmp.Or(t.ClientCA, "none"))
	add("tls.client_cert", t.ClientCert)
	switch {
	case t.NoTickets:
		add("tls.session_tickets", "none")
	case t.TicketKeys != "":
		add("tls.session_tickets.keys", t.TicketKeys)
	default:
		add("tls.session_tickets.keys", "own")
	}
}

func prefixesText(all []netip.Prefix) string {
	if len(all) == 0 {
		return "none"
	}
	var out []string
	for _, p := range all {
		out = append(out, p.String())
	}
	return "[" + strings.Join(out, ", ") + "]"
}

func durationOrNone(d time.Duration) string {
	if d == 0 {
		return "none"
	}
	return d.String()
}
