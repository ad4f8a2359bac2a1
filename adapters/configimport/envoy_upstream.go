package configimport

import (
	"slices"
	"strconv"
	"strings"
)

// upstreamTLS writes upstream.tls, and the PROXY header where that is wrapped
// around it. It reports whether endpoints are spoken to over TLS.
func (e *envoy) upstreamTLS(s *evNode, t *tree) (secure bool) {
	s.str("name")
	c := s.get("typed_config")
	switch c.kind() {
	case "UpstreamProxyProtocolTransport":
		version := "v1"
		if c.str("config", "version") == "V2" {
			version = "v2"
		}
		t.set("upstream/proxy_protocol", version, s.from())
		if inner := c.get("transport_socket"); inner != nil {
			return e.upstreamTLS(inner, t)
		}
		return false
	case "RawBuffer":
		return false
	case "UpstreamTlsContext":
	default:
		s.refuse("this transport socket has no counterpart: endpoints are spoken to without TLS", "")
		return false
	}
	common := c.get("common_tls_context")
	for _, p := range common.list("alpn_protocols") {
		p.differs("what is offered follows from upstream.protocol", "")
	}
	validation := common.get("validation_context")
	ca := validation.get("trusted_ca", "filename")
	sni := c.get("sni")
	switch {
	case ca == nil && common.get("validation_context", "trusted_ca") != nil:
		common.get("validation_context", "trusted_ca").refuse("authorities are a file", "write them into one: upstream.tls.ca")
	case ca == nil && validation.get("system_root_certs") == nil:
		t.set("upstream/tls/insecure", "true", s.from())
		s.differs("any certificate will do, as before: it has no validation_context with trusted_ca", "give the endpoints certificates, and write ca")
	case ca != nil:
		t.set("upstream/tls/ca", quoted(ca.text), ca.from())
	}
	if t.child("upstream").child("tls").get("insecure") == nil {
		if sni != nil && sni.text != "" {
			t.set("upstream/tls/server_name", quoted(sni.text), sni.from())
		}
		s.differs("the name in the certificate is checked too: server_name, or the host of the URL", "")
		for _, name := range []string{"match_typed_subject_alt_names", "match_subject_alt_names"} {
			if m := validation.get(name); m != nil {
				for _, one := range m.items {
					one.ask()
					one.known("san_type", "matcher/exact", "exact")
				}
				m.differs("the certificate must have the name that is asked for (server_name); no list of others", "")
			}
		}
	} else if sni != nil {
		sni.not("no name is asked for where any certificate will do", "")
	}
	upstreamIdentity(common, t)
	if len(t.child("upstream").child("tls").entries) == 0 {
		t.child("upstream").remove("tls")
		if len(t.child("upstream").entries) == 0 {
			t.remove("upstream")
		}
	}
	return true
}

// upstreamIdentity writes the router's own certificate and the least version.
func upstreamIdentity(common *evNode, t *tree) {
	certs := common.list("tls_certificates")
	for i, cert := range certs {
		chain, private := cert.str("certificate_chain", "filename"), cert.str("private_key", "filename")
		if i > 0 || chain == "" || private == "" {
			cert.refuse("the router's certificate is one, in files", "")
			continue
		}
		t.set("upstream/tls/cert", quoted(chain), cert.from())
		t.set("upstream/tls/key", "{file: "+quoted(private)+"}", cert.from())
	}
	if v := common.get("tls_params", "tls_minimum_protocol_version"); v != nil {
		switch v.text {
		case "TLSv1_3":
			t.set("upstream/tls/min", `"1.3"`, v.from())
		case "TLSv1_2", "TLS_AUTO":
		default:
			v.differs("TLS is 1.2 or newer", "")
		}
	}
}

// writeProtocol writes what endpoints speak.
func (e *envoy) writeProtocol(c *evNode, t *tree, secure bool) {
	h2, from := c.get("http2_protocol_options"), c.get("http2_protocol_options")
	auto := false
	if ext := c.get("typed_extension_protocol_options"); ext != nil {
		for _, o := range ext.entries {
			o.ask()
			if o.kind() != "HttpProtocolOptions" {
				o.refuse("these options have no counterpart", "")
				continue
			}
			e.commonProtocol(o.get("common_http_protocol_options"), t)
			if n := o.get("explicit_http_config", "http2_protocol_options"); n != nil {
				h2, from = n, n
			}
			o.known("explicit_http_config/http_protocol_options")
			if n := o.get("auto_config"); n != nil {
				auto, from = true, n
				h2 = n.get("http2_protocol_options")
				n.known("http_protocol_options")
			}
			if n := o.get("use_downstream_protocol_config"); n != nil {
				n.refuse("endpoints are spoken to in one protocol, whatever the client speaks: HTTP/1.1", "upstream.protocol: auto, h2 or h2c")
			}
			if n := o.get("explicit_http_config", "http3_protocol_options"); n != nil {
				n.refuse("there is no HTTP/3", "")
			}
		}
	}
	e.commonProtocol(c.get("common_http_protocol_options"), t)
	protocol := ""
	switch {
	case auto && secure:
		protocol = "auto"
	case h2 != nil && secure:
		protocol = "h2"
	case h2 != nil:
		protocol = "h2c"
	}
	if protocol == "" {
		return
	}
	if p := t.get("upstream"); p != nil && t.child("upstream").get("proxy_protocol") != nil {
		from.not("the PROXY header is written once for a connection, and over HTTP/2 clients share one: HTTP/1.1 is spoken", "")
		return
	}
	t.set("upstream/protocol", protocol, from.from())
	if n, ok := h2.get("max_concurrent_streams").number(65535); ok && n > 0 {
		t.set("upstream/h2/streams", strconv.Itoa(n), h2.get("max_concurrent_streams").from())
	}
	for path, field := range map[string]string{"upstream/h2/ping_after": "interval", "upstream/h2/ping_timeout": "timeout"} {
		if d, ok := h2.get("connection_keepalive", field).length(); ok {
			t.set(path, lengthOfTime(d), h2.get("connection_keepalive", field).from())
		}
	}
	if t.child("upstream").get("h2") != nil {
		t.child("upstream").child("h2").order("streams", "ping_after", "ping_timeout")
	}
}

func (e *envoy) commonProtocol(n *evNode, t *tree) {
	idle := n.get("idle_timeout")
	if d, ok := idle.length(); ok {
		t.set("timeouts/upstream_idle", lengthOfTime(d), idle.from())
	}
	if d, ok := n.get("max_connection_duration").length(); ok {
		t.set("upstream/pool/max_lifetime", lengthOfTime(d), n.get("max_connection_duration").from())
	}
	if v, ok := n.get("max_requests_per_connection").number(1 << 30); ok && v > 0 {
		t.set("upstream/pool/max_requests", strconv.Itoa(v), n.get("max_requests_per_connection").from())
	}
}

// evRetryOn are the ways to fail by Envoy's names.
var evRetryOn = map[string][]string{
	"5xx": {"5xx", "connect", "reset"}, "gateway-error": {"gateway"}, "connect-failure": {"connect"}, "reset": {"reset"}, "reset-before-request": {"reset"},
	"refused-stream": {"reset"}, "http3-post-connect-failure": {},
}

// writeEnvoyRetries writes the retry policy that routes to a cluster share.
func writeEnvoyRetries(k *evCluster, t *tree) {
	var policy *evNode
	without := false
	k.budget.get("max_retries")
	k.budget.known("retry_budget/budget_percent/value", "retry_budget/min_retry_concurrency")
	for _, r := range k.retries {
		switch {
		case r == nil:
			without = true
		case policy == nil:
			policy = r
		case policy != r:
			r.refuse("retries are of a placement: those of another route to "+k.name+" count ("+policy.from()+")", "make a placement of its own for this route")
		}
	}
	if policy == nil {
		t.set("retries", "none", "no route says retry_policy")
		return
	}
	if without {
		policy.differs("it holds for all routes to "+k.name+", those without it too", "")
	}
	on := policy.get("retry_on")
	var ways []string
	for _, w := range strings.Split(on.textOr(""), ",") {
		w = strings.TrimSpace(w)
		known, ok := evRetryOn[w]
		if !ok && w != "" {
			on.not("a request is not tried again on "+w, "")
		}
		ways = append(ways, known...)
	}
	var order []string
	for _, w := range []string{"connect", "reset", "timeout", "bad_response", "gateway", "5xx"} {
		if slices.Contains(ways, w) {
			order = append(order, w)
		}
	}
	max, ok := policy.get("num_retries").number(4)
	if !ok {
		max = 1
	}
	if len(order) == 0 || max == 0 {
		t.set("retries", "none", policy.from())
		return
	}
	on.differs("an attempt goes to an endpoint that was not tried yet, if there is one", "")
	t.set("retries/max", strconv.Itoa(max), orFrom(policy.get("num_retries"), "Envoy's default"))
	t.set("retries/on", "["+strings.Join(order, ", ")+"]", on.from())
	t.set("retries/methods", "any", "as Envoy does")
	base := policy.get("retry_back_off", "base_interval")
	shortest, ok := base.length()
	if ok {
		t.set("retries/backoff/base", lengthOfTime(shortest), base.from())
	}
	if d, ok2 := policy.get("retry_back_off", "max_interval").length(); ok2 && (!ok || d >= shortest) {
		t.set("retries/backoff/max", lengthOfTime(d), policy.get("retry_back_off", "max_interval").from())
	}
	for _, p := range policy.list("retry_host_predicate") {
		p.known("name", "typed_config/@type")
	}
	policy.get("host_selection_retry_max_attempts")
	if n := policy.get("per_try_timeout"); n != nil {
		if d, ok := n.length(); ok {
			t.set("timeouts/response_header", lengthOfTime(d), n.from())
			n.differs("it bounds the wait for the header of an answer, and is the same without a retry", "")
		}
	}
	writeEnvoyBudget(k, t)
}

func orFrom(n *evNode, otherwise string) string {
	if n == nil {
		return otherwise
	}
	return n.from()
}

// writeEnvoyBudget writes how many retries there may be at once.
func writeEnvoyBudget(k *evCluster, t *tree) {
	if b := k.budget.get("retry_budget"); b != nil {
		percent := b.get("budget_percent", "value")
		share, ok := percent.number(400)
		if !ok || share == 0 {
			share = 20
		}
		floor, ok := b.get("min_retry_concurrency").number(1000)
		if !ok || floor == 0 {
			floor = 3
		}
		t.set("retries/budget", "{percent: "+strconv.Itoa(share)+"%, floor: "+strconv.Itoa(floor)+"}", b.from())
		return
	}
	n := k.budget.get("max_retries")
	floor, ok := n.number(1000)
	if !ok {
		floor = 3
	}
	if floor == 0 {
		t.set("retries", "none", n.from())
		return
	}
	t.set("retries/budget", "{percent: 1%, floor: "+strconv.Itoa(floor)+"}", orFrom(n, "Envoy's default"))
	n.differs("one retry more for each 100 requests in flight: a budget here is a share and a floor", "")
}
