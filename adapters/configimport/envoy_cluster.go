package configimport

import (
	"cmp"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// evEnd is one endpoint of a cluster.
type evEnd struct {
	node     *evNode
	name     string
	address  string
	host     string
	weight   int // 1 unless said
	locality int // weight of its locality, 1 unless said
	place    *evNode
}

// cluster reads a cluster's endpoints, so that routes know which clusters there are.
func (e *envoy) cluster(c *evNode) {
	name := c.str("name")
	t := c.str("type")
	switch {
	case name == "" || len(name) > 190 || strings.Trim(name, "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~") != "":
		c.refuse("its name cannot be the name of a placement", "")
		return
	case e.clusters[name] != nil:
		c.refuse("a cluster of this name is defined already", "")
		return
	case t == "EDS" || t == "ORIGINAL_DST":
		c.refuse("endpoints of the type "+t+" are not in the file", "list them, or find them by DNS: endpoints: {dns: ..}")
		return
	case c.get("cluster_type") != nil:
		c.refuse("this type of cluster has no counterpart", "")
		return
	}
	k := &evCluster{node: c, name: name}
	if len(e.ends(k)) == 0 {
		c.not("it has no endpoint that is translated, so it becomes no placement", "")
		return
	}
	e.clusters[name] = k
	e.order = append(e.order, k)
}

// ends lists the endpoints of a cluster by priority.
func (e *envoy) ends(k *evCluster) map[int][]evEnd {
	if k.ends != nil {
		return k.ends
	}
	k.ends = map[int][]evEnd{}
	seen := map[string]bool{}
	k.node.str("load_assignment", "cluster_name")
	for _, group := range k.node.list("load_assignment", "endpoints") {
		priority, _ := group.get("priority").number(127)
		weight, ok := group.get("load_balancing_weight").number(1 << 30)
		if !ok || weight == 0 {
			weight = 1
		}
		if l := group.get("locality"); l != nil {
			l.known("region", "zone", "sub_zone")
			l.differs("a router has no zone; where an endpoint is, is for people (labels)", "")
		}
		for _, lb := range group.list("lb_endpoints") {
			end := evEnd{node: lb, weight: 1, locality: weight, place: group}
			if w, ok := lb.get("load_balancing_weight").number(1 << 30); ok && w > 0 {
				end.weight = w
			}
			if !end.read(lb) {
				continue
			}
			if seen[end.address] {
				lb.not("the cluster has an endpoint with this address already", "")
				continue
			}
			seen[end.address] = true
			end.name = "e" + strconv.Itoa(len(seen))
			k.ends[priority] = append(k.ends[priority], end)
		}
	}
	return k.ends
}

// read reads the address of an endpoint.
func (d *evEnd) read(lb *evNode) bool {
	a := lb.get("endpoint", "address", "socket_address")
	if a == nil {
		lb.refuse("it has no socket_address", "")
		return false
	}
	if s := lb.get("health_status"); s != nil && s.text != "HEALTHY" && s.text != "UNKNOWN" {
		lb.refuse("it is "+s.text+", so it is left out", "add the endpoint when it is to serve")
		return false
	}
	host, port, ok := socketAddress(a)
	if !ok || host == "" {
		return false
	}
	if h := lb.get("endpoint", "health_check_config"); h != nil {
		h.refuse("checks go to the address that requests go to", "")
	}
	if h := lb.get("endpoint", "hostname"); h != nil {
		h.not("an endpoint has no name beside its address", "upstream.host, for all of a placement")
	}
	d.host, d.address = host, net.JoinHostPort(host, port)
	return true
}

// writeCluster makes a placement of each priority of a cluster.
func (e *envoy) writeCluster(k *evCluster) {
	ends := e.ends(k)
	priorities := make([]int, 0, len(ends))
	for p := range ends {
		priorities = append(priorities, p)
	}
	slices.Sort(priorities)
	var names []string
	for i, p := range priorities {
		name := k.name
		if i > 0 {
			name += "-p" + strconv.Itoa(p)
		}
		names = append(names, name)
		if i > 7 {
			for _, d := range ends[p] {
				d.node.refuse("a placement has at most 7 others to fall back to", "")
			}
			continue
		}
		e.fillCluster(k, name, ends[p])
		if i > 0 {
			ends[p][0].place.differs("a request goes to "+name+" when no endpoint before is usable for it; Envoy moves a share of the load as soon as 72 of 100 are not", "say limit.guests, if it is not for "+k.name+" alone")
		}
	}
	if len(names) > 1 {
		p := e.plan.placement(k.name)
		var list []string
		for _, n := range names[1:min(len(names), 8)] {
			list = append(list, quoted(n))
		}
		p.tree.set("fallback", "["+strings.Join(list, ", ")+"]", k.node.get("load_assignment").from())
	}
}

func (e *envoy) fillCluster(k *evCluster, name string, ends []evEnd) {
	c := k.node
	p := &placement{name: name, from: c.from(), hash: k.hash}
	e.plan.placements = append(e.plan.placements, p)
	t := &p.tree
	secure := c.get("transport_socket") != nil && e.upstreamTLS(c.get("transport_socket"), t)
	e.writeEnds(k, t, ends, secure)
	e.writePolicy(k, p)
	writeEnvoyTimeouts(k, t)
	writeChecks(c, t)
	e.writeOutlier(c, t)
	e.writeThresholds(k, t)
	writeEnvoyRetries(k, t)
	e.writeProtocol(c, t, secure)
	e.writeCommon(c, t)
}

// writeEnds writes endpoints: one name of a STRICT_DNS cluster as a name for DNS, all else as they are.
func (e *envoy) writeEnds(k *evCluster, t *tree, ends []evEnd, secure bool) {
	scheme := "http"
	if secure {
		scheme = "https"
	}
	isName := net.ParseIP(ends[0].host) == nil
	kind := k.node.get("type")
	if kind.textOr("") == "STRICT_DNS" && len(ends) == 1 && isName {
		t.set("endpoints", "{dns: "+quoted(ends[0].address)+", scheme: "+scheme+"}", ends[0].node.from())
		return
	}
	if kind.textOr("") == "STRICT_DNS" && isName {
		kind.differs("each name is one endpoint, and a connection goes to one of its addresses", "a placement for each name finds all of them: endpoints: {dns: ..}")
	}
	weights := e.weights(k, ends)
	out := &tree{}
	for i, d := range ends {
		v := "{url: " + quoted(scheme+"://"+d.address)
		if weights != nil {
			v += ", weight: " + strconv.Itoa(weights[i]) + "%"
		}
		out.setWhole(d.name, v+"}", d.node.from())
	}
	t.set("endpoints", out)
}

// weights are those of endpoints; nil when all are alike.
func (e *envoy) weights(k *evCluster, ends []evEnd) (out []int) {
	byPlace := map[*evNode]int{}
	for _, d := range ends {
		byPlace[d.place] += d.weight
	}
	local := k.node.get("common_lb_config", "locality_weighted_lb_config") != nil
	exact := make([]float64, len(ends))
	for i, d := range ends {
		exact[i] = float64(d.weight)
		if local {
			exact[i] *= float64(d.locality) / float64(byPlace[d.place])
		}
	}
	least, most := slices.Min(exact), slices.Max(exact)
	if least == most {
		return nil
	}
	scale := 1.0
	if most > 10_000 || local {
		scale = 10_000 / most
	}
	for i, w := range exact {
		out = append(out, max(1, int(w*scale+0.5)))
		if local {
			ends[i].place.differs("the weight of a locality is divided between its endpoints; when some are down, the rest of their locality does not take all of its share", "")
		}
	}
	return out
}

func (e *envoy) writePolicy(k *evCluster, p *placement) {
	n, t := k.node.get("lb_policy"), &p.tree
	from := n.from()
	if n == nil {
		from = "Envoy's default"
	}
	switch policy := n.textOr("ROUND_ROBIN"); policy {
	case "ROUND_ROBIN":
		t.set("select", "round_robin", from)
	case "LEAST_REQUEST":
		t.set("select", "least_request", from)
		if c := k.node.get("least_request_lb_config", "choice_count"); c != nil && c.text != "2" {
			c.differs("always two draws", "")
		}
	case "RANDOM":
		t.set("select", "round_robin", from)
		n.differs("endpoints take turns", "")
	case "RING_HASH", "MAGLEV":
		if k.hash == "" {
			t.set("select", "round_robin", from)
			n.differs("no route says what to hash (hash_policy), so endpoints take turns", "")
			break
		}
		t.set("select", map[string]string{"RING_HASH": "ketama", "MAGLEV": "maglev"}[policy], from, k.hashAt.from())
		n.differs("which endpoint a key gets is computed otherwise, so every key is placed anew once; without "+string(k.hash)+" the first label of the host is hashed, where Envoy draws", "warm caches before you switch")
	default:
		t.set("select", "round_robin", from)
		n.not("the policy "+policy+" is not known here: round_robin is written", "")
	}
	for _, config := range []string{"round_robin_lb_config", "least_request_lb_config"} {
		w := k.node.get(config, "slow_start_config", "slow_start_window")
		if d, ok := w.length(); ok {
			t.set("slow_start", lengthOfTime(d), w.from())
		}
	}
	bound := k.node.get("common_lb_config", "consistent_hashing_lb_config", "hash_balance_factor")
	if b, ok := bound.number(1000); ok && b > 100 && slices.Contains([]string{"ketama", "maglev"}, valueOf(t, "select")) {
		t.set("bound", strconv.Itoa(b)+"%", bound.from())
	} else if ok {
		bound.differs("it does nothing here: a bound is above 100 %, under a policy that hashes", "")
	}
}

func writeEnvoyTimeouts(k *evCluster, t *tree) {
	if n := k.node.get("connect_timeout"); n != nil {
		if d, ok := n.length(); ok {
			t.set("timeouts/connect", lengthOfTime(d), n.from())
		}
	} else {
		t.set("timeouts/connect", "5s", "Envoy's default")
	}
	if len(k.timeout) == 0 {
		return
	}
	whole := func(w evWish) time.Duration { // 0 is none
		if w.d == 0 || w.d > 24*time.Hour {
			return 24 * time.Hour
		}
		return max(w.d, time.Millisecond)
	}
	wish := slices.MaxFunc(k.timeout, func(a, b evWish) int { return cmp.Compare(whole(a), whole(b)) })
	from := "Envoy's default"
	if wish.node != nil {
		from = wish.node.from()
	}
	t.set("timeouts/response_header", lengthOfTime(whole(wish)), from)
	t.set("timeouts/request", lengthOfTime(whole(wish)), from)
	for _, w := range k.timeout {
		switch {
		case w.node == nil:
		case whole(w) != whole(wish):
			w.node.differs("a timeout is of a placement, and other routes to "+k.name+" wait longer: "+lengthOfTime(whole(wish)), "make a placement of its own for this route")
		case w.d == 0:
			w.node.differs("24h is the longest here", "")
		default:
			w.node.differs("it bounds all attempts until the answer begins; its body may take longer (timeouts.body_idle)", "")
		}
	}
}

// writeChecks writes the first health check.
func writeChecks(c *evNode, t *tree) {
	checks := c.list("health_checks")
	if len(checks) == 0 {
		t.set("health", "none", "it has no health_checks")
		return
	}
	for _, other := range checks[1:] {
		other.refuse("a placement has one check: the first", "")
	}
	h := checks[0]
	h.differs("endpoints are taken as healthy until checks say otherwise, and rise counts for their first time too", "start: unhealthy, if nothing may go to them before")
	switch {
	case h.get("http_health_check") != nil:
		writeHTTPCheck(h.get("http_health_check"), t)
	case h.get("grpc_health_check") != nil:
		g := h.get("grpc_health_check")
		t.set("health/grpc", quoted(g.str("service_name")), g.from())
	case h.get("tcp_health_check") != nil:
		n := h.get("tcp_health_check")
		for _, what := range []string{"send", "receive"} {
			if s := n.get(what); s != nil {
				s.refuse("a check over TCP sends nothing: it asks only for a connection", "")
			}
		}
		t.set("health/tcp", "true", n.from())
	default:
		h.not("this way to check has no counterpart", "")
		t.set("health", "none", h.from())
		return
	}
	length := func(path, field, otherwise string) {
		n := h.get(field)
		if d, ok := n.length(); ok {
			t.set(path, lengthOfTime(d), n.from())
		} else {
			t.set(path, otherwise, "Lockstep's default")
		}
	}
	length("health/every", "interval", "10s")
	length("health/timeout", "timeout", "2s")
	for path, field := range map[string]string{"health/fall": "unhealthy_threshold", "health/rise": "healthy_threshold"} {
		if n, ok := h.get(field).number(1 << 20); ok && n > 0 {
			t.set(path, strconv.Itoa(n), h.get(field).from())
		}
	}
	t.child("health").order("get", "grpc", "tcp", "status", "every", "timeout", "fall", "rise")
	h.get("no_traffic_interval").differs("checks have one interval", "")
	h.get("reuse_connection")
}

func writeHTTPCheck(n *evNode, t *tree) {
	path := n.get("path")
	text := path.textOr("/")
	if !strings.HasPrefix(text, "/") {
		path.differs("it does not begin with /: / is asked", "")
		text = "/"
	}
	t.set("health/get", quoted(text), path.from())
	if host := n.get("host"); host != nil {
		host.not("Host of a check is that of requests", "write upstream.host")
	}
	if m := n.get("method"); m != nil && m.text != "GET" {
		m.differs("checks are a GET", "")
	}
	n.get("codec_client_type").differs("checks speak what requests speak", "")
	ranges := n.list("expected_statuses")
	if len(ranges) == 0 {
		t.set("health/status", "[200]", "Envoy's default")
		return
	}
	var out []string
	for _, r := range ranges {
		from, ok1 := r.get("start").number(599)
		to, ok2 := r.get("end").number(600)
		if !ok1 || !ok2 || from < 100 || to <= from {
			r.refuse("this is no range of statuses", "")
			continue
		}
		text := strconv.Itoa(from)
		if to-1 > from {
			text += ".." + strconv.Itoa(to-1)
		}
		out = append(out, text)
	}
	if len(out) > 0 {
		t.set("health/status", "["+strings.Join(out, ", ")+"]", ranges[0].from())
	}
}

// writeOutlier writes outlier_detection as a breaker.
func (e *envoy) writeOutlier(c *evNode, t *tree) {
	o := c.get("outlier_detection")
	if o == nil {
		t.set("breaker", "none", "it has no outlier_detection")
		return
	}
	o.differs("see the preset envoy in core/SPEC.md, R6: open times double, and one request tests an endpoint before all may come", "")
	t.set("breaker/preset", "envoy", o.from())
	count := func(path, field string, most int, unit string) {
		if n, ok := o.get(field).number(most); ok && n > 0 {
			t.set(path, strconv.Itoa(n)+unit, o.get(field).from())
		}
	}
	count("breaker/consecutive_failures", "consecutive_5xx", 1<<20, "")
	if o.get("consecutive_5xx") == nil {
		count("breaker/consecutive_failures", "consecutive_gateway_failure", 1<<20, "")
	} else if g := o.get("consecutive_gateway_failure"); g != nil {
		g.not("failures of all kinds are one count", "")
	}
	count("breaker/max_open", "max_ejection_percent", 100, "%")
	count("breaker/failure_ratio", "failure_percentage_threshold", 100, "%")
	count("breaker/min_requests", "failure_percentage_request_volume", 1<<20, "")
	if o.get("failure_percentage_threshold") == nil && t.child("breaker").get("min_requests") != nil {
		t.child("breaker").remove("min_requests")
	}
	open, ok := o.get("base_ejection_time").length()
	if ok {
		t.set("breaker/open", lengthOfTime(open), o.get("base_ejection_time").from())
	} else {
		open = 30 * time.Second
	}
	longestOpen, ok := o.get("max_ejection_time").length()
	from := o.get("max_ejection_time").from()
	if !ok {
		longestOpen, from = 300*time.Second, "Envoy's default"
	}
	t.set("breaker/open_max", lengthOfTime(max(longestOpen, open)), from)
	o.get("interval").differs("there is no interval: failures count when they happen", "")
	for _, name := range []string{"split_external_local_origin_errors", "consecutive_local_origin_failure", "enforcing_consecutive_5xx", "enforcing_consecutive_gateway_failure"} {
		if n := o.get(name); n != nil {
			switch {
			case strings.HasPrefix(name, "enforcing_") && n.text == "100", n.text == "false":
			case name == "enforcing_consecutive_5xx" && n.text == "0":
				t.set("breaker/consecutive_failures", "none", n.from())
			default:
				n.not("failures of all kinds are one count, and always open the breaker", "")
			}
		}
	}
	if failuresOff(t.child("breaker")) {
		t.set("breaker", "none", o.from())
		o.not("nothing ejects by what is read here", "")
	}
}

// failuresOff reports whether nothing would open a breaker.
func failuresOff(b *tree) bool {
	return valueOf(b, "consecutive_failures") == "none" && b.get("failure_ratio") == nil
}

// writeThresholds writes circuit_breakers: limits of the whole cluster.
func (e *envoy) writeThresholds(k *evCluster, t *tree) {
	var th *evNode
	for _, n := range k.node.list("circuit_breakers", "thresholds") {
		if n.get("priority").textOr("DEFAULT") != "DEFAULT" || th != nil {
			n.refuse("one set of limits holds for all requests; limit.priorities sheds by priority", "")
			continue
		}
		th = n
	}
	inFlight, from := 1024, "Envoy's default"
	requests := th.get("max_requests")
	if n, ok := requests.number(1 << 20); ok && n > 0 {
		inFlight, from = n, requests.from()
	}
	t.set("limit/in_flight", strconv.Itoa(inFlight), from)
	pending := th.get("max_pending_requests")
	if n, ok := pending.number(hapQueue); ok && n > 0 {
		wait := 15 * time.Second
		if d := valueOf(t.child("timeouts"), "request"); d != "" {
			if parsed, err := time.ParseDuration(d); err == nil {
				wait = min(parsed, time.Hour)
			}
		}
		t.set("limit/when_full", "{queue: "+strconv.Itoa(n)+", wait: "+lengthOfTime(wait)+"}", pending.from())
		pending.differs("requests wait here when max_requests are in flight; in Envoy when no connection is free, and beyond max_requests they are refused", "remove when_full to refuse them")
	} else {
		t.set("limit/when_full", "reject")
	}
	connections := th.get("max_connections")
	if n, ok := connections.number(65535); ok && n > 0 {
		t.set("upstream/pool/max_open", strconv.Itoa(n), connections.from())
		connections.differs("connections are counted for each endpoint, not for all together", "divide by the number of endpoints")
	}
	k.budget = th
}

// writeCommon writes panic.
func (e *envoy) writeCommon(c *evNode, t *tree) {
	n := c.get("common_lb_config", "healthy_panic_threshold", "value")
	share, from := 50, "Envoy's default"
	if v, ok := n.number(100); ok {
		share, from = v, n.from()
	} else if n != nil {
		if f, err := strconv.ParseFloat(n.text, 64); err == nil && f > 0 && f < 100 {
			n.notes = nil
			n.differs("panic is in whole percents", "")
			share, from = max(1, int(f+0.5)), n.from()
		}
	}
	h := t.get("health")
	if _, checked := h.value.(*tree); !checked || share == 0 {
		if n != nil && share != 0 {
			n.differs("it does nothing without health checks: an open breaker stays open in panic", "")
		}
		return
	}
	t.set("panic_percent", strconv.Itoa(share)+"%", from)
}
