package configimport

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// backupSuffix names the placement of a backend's backup servers.
const backupSuffix = "-backup"

// hapQueue is how many may wait at most, and wholeRequest how long a request may
// take in all where HAProxy does not say.
const (
	hapQueue     = 1024
	wholeRequest = "24h"
)

// writeBackend makes a placement of a backend, and one of its backup servers.
func (h *hap) writeBackend(b *hapBackend) {
	s := b.section
	var first, backups []*hapServer
	for _, v := range b.servers {
		if v.backup {
			backups = append(backups, v)
		} else {
			first = append(first, v)
		}
	}
	if b.template != nil {
		if len(b.servers) > 0 {
			for _, v := range first {
				v.not("its placement is found by DNS, so it has no endpoints beside those", "make a placement of its own of it")
			}
			first = nil
		}
	} else if len(first) == 0 {
		first, backups = backups, nil // all are backups: the first serves
		for _, v := range first {
			v.differs("all servers of "+s.name+" are backups, so they are ordinary endpoints here", "")
		}
	}
	p := &placement{name: s.name, from: s.head.from()}
	h.plan.placements = append(h.plan.placements, p)
	h.fill(b, p, first)
	if len(backups) == 0 {
		return
	}
	q := &placement{name: s.name + backupSuffix, from: backups[0].from()}
	h.plan.placements = append(h.plan.placements, q)
	h.fill(b, q, backups)
	if !b.allBackups && len(backups) > 1 {
		q.tree.set("select", "first", backups[0].from())
	}
	p.tree.set("fallback", "["+quoted(q.name)+"]", backups[0].from())
	for _, v := range backups {
		v.differs("it is in the placement "+q.name+", which takes a request when no endpoint of "+p.name+" is usable for it: unhealthy, or its breaker open", "say limit.guests there, if it is not for "+p.name+" alone")
	}
}

// fill writes the settings and endpoints of one placement.
func (h *hap) fill(b *hapBackend, p *placement, servers []*hapServer) {
	t := &p.tree
	if b.template != nil && len(servers) == 0 {
		h.writeDNS(b, t)
		servers = []*hapServer{b.template}
	} else {
		writeEndpoints(t, servers)
	}
	b.writeSelect(p, servers)
	b.writeTimeouts(t)
	b.writeHealth(t, servers)
	b.writeBreaker(t, servers)
	b.writeLimit(t, servers)
	b.writeRetries(t)
	writeUpstream(t, servers)
}

func writeEndpoints(t *tree, servers []*hapServer) {
	ends := &tree{}
	weighted := slices.ContainsFunc(servers, func(s *hapServer) bool { return s.weight != servers[0].weight })
	for _, s := range servers {
		scheme := "http"
		if s.ssl {
			scheme = "https"
		}
		v := "{url: " + quoted(scheme+"://"+s.address)
		if weighted {
			v += ", weight: " + strconv.Itoa(s.weight) + "%"
		}
		if s.maxconn > 0 {
			v += ", limit: " + strconv.Itoa(s.maxconn)
		}
		ends.setWhole(s.name, v+"}", s.from())
	}
	t.set("endpoints", ends)
}

func (h *hap) writeDNS(b *hapBackend, t *tree) {
	v, s := "{dns: "+quoted(b.dns), b.template
	if s.ssl {
		v += ", scheme: https"
	} else {
		v += ", scheme: http"
	}
	if server := h.nameServer(s); server != "" {
		v += ", server: " + quoted(server)
	}
	t.set("endpoints", v+"}", s.from())
	if s.maxconn > 0 {
		s.not("endpoints that DNS finds have no limit of their own", "write limit: {in_flight: ..} for the placement")
	}
}

// nameServer returns the first name server of the resolvers that a server names.
func (h *hap) nameServer(s *hapServer) string {
	for _, r := range h.sections {
		if r.kind != "resolvers" || r.name != s.resolvers || r.name == "" {
			continue
		}
		for _, l := range r.lines {
			if l.words[0] != "nameserver" {
				continue
			}
			if host, port, fault := hapAddress(l.word(2)); fault == "" && host != "" {
				l.ok()
				r.head.ok()
				return hostPort(host, port)
			}
		}
	}
	return ""
}

func hostPort(host, port string) string {
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return host + ":" + port
}

// readResolvers says what becomes of resolvers, once their users are known.
func (h *hap) readResolvers() {
	for _, s := range h.sections {
		if s.kind != "resolvers" || s.unread != "" {
			continue
		}
		used := s.head.Class != 0
		if !used {
			s.head.differs("no server-template that is translated uses these resolvers: names of endpoints are looked up through the system's", "")
		}
		for _, l := range s.lines {
			switch {
			case l.Class != 0:
			case l.words[0] == "parse-resolv-conf":
				l.ok()
			case l.words[0] == "nameserver" && used:
				l.not("one name server is asked for endpoints, the first", "")
			case l.words[0] == "nameserver":
				l.not("names of endpoints are looked up through the system's name server", "write endpoints: {dns: \"name:port\", server: \"host:port\"}")
			case l.words[0] == "hold" || l.words[0] == "timeout" || l.words[0] == "resolve_retries" || l.words[0] == "accepted_payload_size":
				l.not("how long a name holds is what its time to live says", "")
			default:
				l.not("there is no such setting of name servers", "")
			}
		}
	}
}

// hapHashes are the ways to balance by a hash of what may be a routing key here.
func hashKey(balance []string) (k key, fault string) {
	w := func(i int) string {
		if i < len(balance) {
			return balance[i]
		}
		return ""
	}
	expression := ""
	switch name, arg, _ := strings.Cut(w(0), "("); {
	case name == "hdr" && strings.HasSuffix(arg, ")"):
		return headerKey(strings.TrimSuffix(arg, ")"))
	case w(0) == "url_param" && w(1) != "":
		return keyAt("query", w(1)), ""
	case w(0) == "hash":
		expression = w(1)
	case w(0) == "source":
		return "", "the client's address is no routing key"
	case w(0) == "uri":
		return "", "the URI is no routing key"
	default:
		return "", w(0) + " is no routing key"
	}
	f, ok := hapExpr(expression)
	if k := sourceOf(f); ok && k != "" {
		return k, ""
	}
	return "", expression + " is no routing key"
}

func headerKey(name string) (key, string) {
	if strings.EqualFold(name, "host") {
		return anyHost, ""
	}
	if k := keyAt("header", name); k != "" {
		return k, ""
	}
	return "", strconv.Quote(name) + " is no name of a header"
}

func (b *hapBackend) writeSelect(p *placement, servers []*hapServer) {
	t, l := &p.tree, b.balanceAt
	if b.factor > 0 {
		defer func() {
			switch {
			case b.factor <= 100:
				b.factorAt.not("a bound of 100 % or less leaves no room to differ", "")
			case slices.Contains([]string{"ketama", "rendezvous"}, valueOf(t, "select")):
				t.set("bound", strconv.Itoa(b.factor)+"%", b.factorAt.from())
			}
		}()
	}
	defer b.writeMore(t, servers)
	if len(b.balance) == 0 {
		t.set("select", "round_robin")
		return
	}
	policy, _, _ := strings.Cut(b.balance[0], "(")
	l.ok()
	switch policy {
	case "roundrobin", "static-rr":
		t.set("select", "round_robin", l.from())
	case "leastconn":
		t.set("select", "least_request", l.from())
		l.differs("of two endpoints drawn by chance the one with fewer requests in flight is taken, not the least of all", "")
	case "random":
		t.set("select", "least_request", l.from())
		l.differs("always two draws, whatever number is said here", "")
	case "first":
		t.set("select", "first", l.from())
		l.differs("the order is that of the lines, not of ids; the next is used when the first is at its limit or not usable", "")
	case "source", "uri", "hdr", "url_param", "hash", "rdp-cookie":
		b.writeHash(p, l)
	default:
		t.set("select", "round_robin", l.from())
		l.not("the algorithm "+policy+" is not known here: round_robin is written", "")
	}
}

func (b *hapBackend) writeHash(p *placement, l *hapLine) {
	k, fault := hashKey(b.balance)
	if fault != "" {
		p.tree.set("select", "round_robin", l.from())
		l.not(fault+", and only by one do endpoints stay the same: round_robin is written", "give the clients a header or cookie and write select: ketama with a route that reads it, or use sticky")
		return
	}
	how, from := "rendezvous", []string{l.from()}
	if b.consist {
		how = "ketama"
		from = append(from, b.hashAt.from())
	}
	p.tree.set("select", how, from...)
	p.hash = k
	l.differs("which endpoint a key gets is computed otherwise ("+how+"), so every key is placed anew once; routes that read a table hash the key of the table; without "+string(k)+" the first label of the host is hashed, where HAProxy takes turns", "warm caches before you switch")
}

func valueOf(t *tree, key string) string {
	if e := t.get(key); e != nil {
		if s, ok := e.value.(string); ok {
			return s
		}
	}
	return ""
}

// writeMore writes sticky and slow start.
func (b *hapBackend) writeMore(t *tree, servers []*hapServer) {
	if b.cookie != "" {
		v := "{cookie: " + quoted(b.cookie)
		if b.ttl > 0 {
			v += ", ttl: " + lengthOfTime(b.ttl)
		}
		t.set("sticky", v+"}", b.cookieAt.from())
	}
	ramp := servers[0].slowstart
	if ramp > 0 && valueOf(t, "select") != "first" {
		t.set("slow_start", lengthOfTime(ramp), servers[0].from())
	}
	for _, s := range servers {
		if s.slowstart != ramp {
			s.differs("slowstart is one for all endpoints of a placement: "+lengthOfTime(max(ramp, 0))+", of "+servers[0].At(), "")
		}
	}
}

func (b *hapBackend) writeTimeouts(t *tree) {
	if b.connect.at != nil {
		t.set("timeouts/connect", lengthOfTime(b.connect.d), b.connect.from()...)
	}
	if b.server.at != nil {
		t.set("timeouts/response_header", lengthOfTime(b.server.d), b.server.from()...)
		t.set("timeouts/body_idle", lengthOfTime(b.server.d), b.server.from()...)
	}
	t.set("timeouts/request", wholeRequest, "HAProxy has no such timeout")
}

func (b *hapBackend) writeHealth(t *tree, servers []*hapServer) {
	i := slices.IndexFunc(servers, func(s *hapServer) bool { return s.check })
	if i < 0 {
		t.set("health", "none", "no server has check")
		for _, l := range []*hapLine{b.httpchk, b.expectAt} {
			if l != nil && l.Class == Translated {
				l.ok()
			}
		}
		return
	}
	s := servers[i]
	from := []string{s.from()}
	switch {
	case b.httpchk != nil:
		if b.method != "GET" {
			b.httpchk.differs("checks are a GET here, not "+b.method, "")
		}
		path := b.path
		if !strings.HasPrefix(path, "/") {
			b.httpchk.differs("the path "+strconv.Quote(path)+" does not begin with /: / is asked", "")
			path = "/"
		}
		t.set("health/get", quoted(path), b.httpchk.from())
		status, at := "[200..399]", "what HAProxy takes as healthy"
		if b.expectAt != nil {
			status, at = b.expect, b.expectAt.from()
		}
		t.set("health/status", status, at)
	case allTLS(servers):
		t.set("health/tls", "true", from...)
	default:
		t.set("health/tcp", "true", from...)
		if b.sslHello || s.checkSSL {
			s.differs("endpoints without TLS are checked by a connection alone", "")
		}
	}
	every := max(s.inter, 0)
	if every == 0 {
		every = 2 * time.Second
	}
	timeout, at := every, from
	if b.check.at != nil {
		timeout, at = b.check.d, b.check.from()
	}
	t.set("health/every", lengthOfTime(every), from...)
	t.set("health/timeout", lengthOfTime(timeout), at...)
	t.set("health/fall", strconv.Itoa(orCount(s.fall, 3)), from...)
	t.set("health/rise", strconv.Itoa(orCount(s.rise, 2)), from...)
	for _, o := range servers {
		switch {
		case !o.check:
			o.differs("it is checked here as the others of its placement are", "")
		case o.inter != s.inter || o.rise != s.rise || o.fall != s.fall:
			o.differs("inter, rise and fall are those of all endpoints of a placement, from "+s.At(), "")
		}
		if o.checkSSL && !o.ssl && b.httpchk != nil {
			o.differs("it is checked as it is used: without TLS", "")
		}
	}
}

func allTLS(servers []*hapServer) bool {
	return !slices.ContainsFunc(servers, func(s *hapServer) bool { return !s.ssl })
}

func orCount(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}

func (b *hapBackend) writeBreaker(t *tree, servers []*hapServer) {
	i := slices.IndexFunc(servers, func(s *hapServer) bool { return s.observe != "" && s.observe != "none" })
	if i < 0 {
		t.set("breaker", "none", "no server has observe")
		return
	}
	s := servers[i]
	failures := orCount(s.errorLimit, 10)
	t.set("breaker", "{preset: haproxy, consecutive_failures: "+strconv.Itoa(failures)+"}", s.from())
	for _, o := range servers {
		switch {
		case o.observe != s.observe || o.errorLimit != s.errorLimit:
			o.differs("one breaker's settings hold for all endpoints of a placement, from "+s.At(), "")
		case o.observe == "layer4":
			o.differs("the breaker counts bad answers as well as failed connections", "")
		}
		if o.onError != "mark-down" {
			o.differs("the breaker opens at the limit; on-error "+o.onErrorText()+" would only add to failed checks", "")
		} else {
			o.differs("the breaker lets one request try the endpoint again, after 4 s and longer each time; HAProxy waits for its checks", "")
		}
	}
}

func (s *hapServer) onErrorText() string {
	if s.onError == "" {
		return "fail-check"
	}
	return s.onError
}

// writeLimit writes a queue where every endpoint has a limit, which is where HAProxy queues.
func (b *hapBackend) writeLimit(t *tree, servers []*hapServer) {
	sum, queue := 0, 0
	var from []string
	for _, s := range servers {
		if s.maxconn == 0 || b.template != nil {
			return
		}
		sum += s.maxconn
		if s.maxqueue > 0 {
			queue += s.maxqueue
		} else {
			queue = -1 << 20
		}
		from = append(from, s.from())
	}
	wait := b.queue
	if wait.at == nil {
		wait = b.connect
	}
	t.set("limit/in_flight", strconv.Itoa(min(sum, 1<<20)), from...)
	if wait.at == nil {
		t.set("limit/when_full", "reject")
		for _, s := range servers {
			s.differs("without timeout queue and timeout connect nobody waits for room: what is more is refused", "")
		}
		return
	}
	places := queue
	if queue <= 0 || queue > hapQueue {
		places = hapQueue
	}
	t.set("limit/when_full", "{queue: "+strconv.Itoa(places)+", wait: "+lengthOfTime(min(wait.d, 24*time.Hour))+"}", wait.from()...)
	for _, s := range servers {
		s.differs("who finds all endpoints at their limit waits at the placement, in one queue of "+strconv.Itoa(places)+"; HAProxy has one for each server and one for the backend, without end unless maxqueue is said", "")
	}
}

// hapRetryWays are the ways to fail by HAProxy's names.
var hapRetryWays = map[string]string{
	"conn-failure": "connect", "empty-response": "reset", "response-timeout": "timeout", "junk-response": "bad_response",
}

func (b *hapBackend) writeRetries(t *tree) {
	if b.retries == 0 || slices.Equal(b.retryOn, []string{"none"}) {
		t.set("retries", "none", b.retryFrom()...)
		return
	}
	ways := []string{"connect"}
	if l := b.retryOnAt; l != nil {
		ways = nil
		statuses := map[string]bool{}
		for _, w := range b.retryOn {
			switch {
			case hapRetryWays[w] != "":
				ways = append(ways, hapRetryWays[w])
			case w == "500" || w == "502" || w == "503" || w == "504" || w == "501":
				statuses[w] = true
			case w == "all-retryable-errors":
				ways = append(ways, "connect", "reset", "timeout", "bad_response")
				statuses["500"], statuses["502"], statuses["503"], statuses["504"] = true, true, true, true
			case w == "0rtt-rejected":
			default:
				l.not("a request is not tried again on "+w, "")
			}
		}
		ways = append(ways, retryStatuses(statuses, l)...)
		l.differs("only GET, HEAD, OPTIONS and TRACE are sent again once a part may have been processed; HAProxy sends any method again", "write methods: idempotent or any, where that is meant")
	}
	if len(ways) == 0 {
		t.set("retries", "none", b.retryFrom()...)
		return
	}
	var order []string
	for _, w := range []string{"connect", "reset", "timeout", "bad_response", "gateway", "5xx"} {
		if slices.Contains(ways, w) {
			order = append(order, w)
		}
	}
	t.set("retries/max", strconv.Itoa(b.retries), b.retryFrom()...)
	t.set("retries/on", "["+strings.Join(order, ", ")+"]", b.retryOnFrom()...)
}

func retryStatuses(statuses map[string]bool, l *hapLine) []string {
	gateway := statuses["502"] || statuses["503"] || statuses["504"]
	switch {
	case statuses["500"] || statuses["501"]:
		l.differs("every status from 500 on is tried again", "")
		return []string{"5xx"}
	case gateway:
		if !statuses["502"] || !statuses["503"] || !statuses["504"] {
			l.differs("502, 503 and 504 are tried again, all three", "")
		}
		return []string{"gateway"}
	}
	return nil
}

func (b *hapBackend) retryFrom() []string {
	if b.retriesAt == nil {
		return []string{"HAProxy's default"}
	}
	return []string{b.retriesAt.from()}
}

func (b *hapBackend) retryOnFrom() []string {
	if b.retryOnAt == nil {
		return []string{"HAProxy's default"}
	}
	return []string{b.retryOnAt.from()}
}

// writeUpstream writes how endpoints are spoken to: as the first says.
func writeUpstream(t *tree, servers []*hapServer) {
	s := servers[0]
	if i := slices.IndexFunc(servers, func(o *hapServer) bool { return o.ssl }); i >= 0 {
		s = servers[i]
	}
	from := s.from()
	if s.isHTTP2() {
		protocol := "h2c"
		if s.ssl {
			protocol = "h2"
		}
		switch {
		case s.ssl && strings.Contains(s.alpn, "http/1.1"):
			protocol = "auto"
		case !allTLS(servers) && s.ssl:
			protocol = ""
			s.not("endpoints with and without TLS cannot have one protocol: HTTP/1.1 is spoken", "make two placements of them")
		}
		if protocol != "" {
			t.set("upstream/protocol", protocol, from)
		}
	}
	if s.sendProxy != "" {
		if t.get("upstream") != nil && t.child("upstream").get("protocol") != nil {
			s.not("the PROXY header is written once for a connection, and over HTTP/2 clients share one: it is not written", "write protocol: http1 with proxy_protocol")
		} else {
			t.set("upstream/proxy_protocol", s.sendProxy, from)
		}
	}
	if s.ssl {
		writeEndTLS(t, s)
	}
	for _, o := range servers {
		if o.sendProxy != s.sendProxy || o.isHTTP2() != s.isHTTP2() || o.ssl && s.ssl && o.tlsText() != s.tlsText() {
			o.differs("protocol, PROXY header and TLS are those of all endpoints of a placement, from "+s.At(), "")
		}
	}
}

func (s *hapServer) tlsText() string {
	return strings.Join([]string{s.verify, s.caFile, s.crt, s.sni, s.verhost, s.sslMin}, "\n")
}

func writeEndTLS(t *tree, s *hapServer) {
	from := s.from()
	name := s.verhost
	if lit, ok := strings.CutPrefix(s.sni, "str("); ok {
		name = strings.Trim(strings.TrimSuffix(lit, ")"), `"'`)
	} else if s.sni != "" {
		s.not("sni "+s.sni+": the name that is asked for is one for all requests", "write upstream.tls.server_name, or leave the host of the URL")
	}
	switch {
	case s.verify == "none":
		t.set("upstream/tls/insecure", "true", from)
		s.differs("any certificate will do, as before", "give the endpoints certificates, and write ca")
	default:
		if s.caFile != "" && s.caFile != "@system-ca" {
			t.set("upstream/tls/ca", quoted(s.caFile), from)
		}
		if name != "" {
			t.set("upstream/tls/server_name", quoted(name), from)
		}
		if s.verhost == "" {
			s.differs("the name in the certificate is checked too: server_name, or the host of the URL", "")
		}
	}
	if s.crt != "" {
		t.set("upstream/tls/cert", quoted(s.crt), from)
		t.set("upstream/tls/key", "{file: "+quoted(s.crt)+"}", from)
	}
	switch s.sslMin {
	case "TLSv1.3":
		t.set("upstream/tls/min", `"1.3"`, from)
	case "", "TLSv1.2":
	default:
		s.differs("TLS is 1.2 or newer", "")
	}
}
