package configimport

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// evDefaultTimeout is a route's timeout where it says none.
const evDefaultTimeout = 15 * time.Second

// evHosts are the domains of a virtual host that are equally exact.
type evHosts struct {
	region region
	rank   int // the less, the sooner
	rules  []rule
	from   *evNode
}

// routes reads the routes of a listener as rules: virtual hosts as Envoy chooses them, by the most exact domain.
func (e *envoy) routes(f *evFront) {
	var all []evHosts
	f.config.str("name")
	f.config.get("validate_clusters")
	for _, v := range f.config.list("virtual_hosts") {
		v.str("name")
		domains := e.domains(v)
		var rules []rule
		for _, r := range v.list("routes") {
			rules = append(rules, e.route(r, v.get("retry_policy"))...)
		}
		for _, d := range domains {
			d.rules, d.from = rules, v
			all = append(all, d)
		}
	}
	slices.SortStableFunc(all, func(a, b evHosts) int { return cmp.Compare(a.rank, b.rank) })
	for _, h := range all {
		for _, r := range h.rules {
			r.in.hosts = h.region.hosts
			f.rules = append(f.rules, r)
		}
		f.rules = append(f.rules, rule{in: h.region, to: target{reject: 404}, from: []string{h.from.from()}})
	}
	f.rules = append(f.rules, rule{to: target{reject: 404}, from: []string{f.config.from()}})
}

// domains reads the domains of a virtual host.
func (e *envoy) domains(v *evNode) (out []evHosts) {
	var exact []string
	for _, d := range v.list("domains") {
		name := strings.ToLower(d.text)
		if host, port, ok := strings.Cut(name, ":"); ok && strings.Trim(port, "0123456789") == "" {
			d.differs("the port is not looked at", "")
			name = host
		}
		suffix, wild := strings.CutPrefix(name, "*.")
		switch {
		case d.text == "*":
			out = append(out, evHosts{rank: 1 << 20})
		case wild && isHostName(suffix):
			out = append(out, evHosts{region: region{hosts: []string{name}}, rank: 1<<10 - len(name)})
		case isHostName(name):
			exact = append(exact, name)
		default:
			d.not("hosts are whole names, or all below a name (*.example.com)", "list the names")
		}
	}
	if len(exact) > 0 {
		out = append(out, evHosts{region: region{hosts: exact}, rank: 0})
	}
	return out
}

// goesOn is what becomes of requests of a route that is not translated.
const goesOn = "; requests that it takes go by the routes after it"

// route reads one route; none when it is not translated.
func (e *envoy) route(r, retry *evNode) []rule {
	r.str("name")
	base := rule{from: []string{r.from()}, line: r}
	ok := e.match(r.get("match"), &base)
	switch {
	case r.get("route") != nil:
		return e.action(r, r.get("route"), retry, base, ok)
	case r.get("direct_response") != nil && ok:
		d := r.get("direct_response")
		status, _ := d.get("status").number(599)
		if status < 400 {
			d.refuse("the router answers by itself only to refuse: 400 to 599"+goesOn, "answer in a service")
			return nil
		}
		if d.get("body") != nil {
			d.known("body/inline_string", "body/filename")
			d.differs("it has no body of its own", "")
		}
		if base.key != "" {
			d.not("a key cannot be refused by itself"+goesOn, "")
			return nil
		}
		base.to = target{reject: status}
		return []rule{base}
	}
	for _, name := range []string{"redirect", "filter_action", "non_forwarding_action", "direct_response"} {
		if a := r.get(name); a != nil {
			about := evAbsences[name]
			if about.why == "" {
				about.why = name + " has no counterpart"
			}
			a.refuse(about.why+goesOn, about.do)
		}
	}
	return nil
}

// match reads what a route takes; ok is false when it cannot be said.
func (e *envoy) match(m *evNode, r *rule) (ok bool) {
	if m == nil {
		return false
	}
	ok = true
	path := func(n *evNode, differs string) {
		p := n.text
		if p == "/" || p == "" {
			return
		}
		if fault := pathFault(p); fault != "" {
			n.not(strconv.Quote(p)+" "+fault+goesOn, "")
			ok = false
			return
		}
		if differs != "" {
			n.differs(differs, "")
		}
		r.in.paths = []string{strings.TrimSuffix(p, "/")}
	}
	for _, f := range m.entries {
		switch f.key {
		case "prefix":
			f.ask()
			differs := "whole segments are compared: " + f.text + " and " + f.text + "/x, not " + f.text + "x"
			if strings.HasSuffix(f.text, "/") {
				differs = strings.TrimSuffix(f.text, "/") + " without the slash is meant too"
			}
			path(f, differs)
		case "path_separated_prefix":
			f.ask()
			path(f, "")
		case "path":
			f.ask()
			if f.text == "/" {
				f.not("the path / alone is not told from all others"+goesOn, "")
				ok = false
				continue
			}
			path(f, "what lies below is meant too")
		case "case_sensitive":
			f.ask()
			if f.text == "false" {
				f.differs("paths are compared with their case", "")
			}
		case "headers":
			f.ask()
			for _, h := range f.items {
				ok = e.matchHeader(h, r) && ok
			}
		default:
			f.refuse("routes ask for host, path and listener, and tables for a key: not for "+f.key+goesOn, "")
			ok = false
		}
	}
	return ok
}

// matchHeader reads a condition on a header: equal to a value, or one of some.
func (e *envoy) matchHeader(h *evNode, r *rule) bool {
	h.ask()
	name := h.str("name")
	values := evValues(h)
	k, _ := headerKey(name)
	switch {
	case h.isTrue("invert_match") || len(values) == 0 || strings.HasPrefix(name, ":") && name != ":authority":
		h.refuse("a route asks for a key that is one of some values: not for this"+goesOn, "")
		return false
	case name == ":authority" || strings.EqualFold(name, "host"):
		h.refuse("write hosts as domains of a virtual host"+goesOn, "")
		return false
	case r.key != "":
		h.refuse("it asks for two headers"+goesOn, "")
		return false
	case slices.ContainsFunc(values, func(v string) bool { return !isKey(v) }):
		h.refuse("this is no routing key"+goesOn, "")
		return false
	}
	r.key = k
	for _, v := range values {
		r.keys = append(r.keys, keyTo{v, target{}, h.from()})
	}
	return true
}

// evValues are the values that a header matcher takes, nil when they cannot be listed.
func evValues(h *evNode) []string {
	for _, path := range [][]string{{"string_match", "exact"}, {"exact_match"}} {
		if v := h.get(path...); v != nil && h.get("string_match", "ignore_case").textOr("false") == "false" {
			return []string{v.text}
		}
	}
	for _, path := range [][]string{{"string_match", "safe_regex", "regex"}, {"safe_regex_match", "regex"}} {
		v := h.get(path...)
		if v == nil {
			continue
		}
		h.get(path[:len(path)-1]...).known("google_re2")
		text := strings.TrimSuffix(strings.TrimPrefix(v.text, "^"), "$")
		if inner, ok := strings.CutPrefix(text, "("); ok && strings.HasSuffix(inner, ")") {
			text = strings.TrimPrefix(strings.TrimSuffix(inner, ")"), "?:")
		}
		if text == "" || strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_|") != "" {
			return nil
		}
		return strings.Split(text, "|")
	}
	return nil
}

func (n *evNode) textOr(otherwise string) string {
	if n == nil {
		return otherwise
	}
	return n.text
}

// action reads where a route sends requests to, and what it wants of clusters.
func (e *envoy) action(r, a, retry *evNode, base rule, ok bool) []rule {
	if own := a.get("retry_policy"); own != nil {
		retry = own
	}
	wish := evWish{evDefaultTimeout, nil}
	if t := a.get("timeout"); t != nil {
		if d, fine := t.seconds(); fine {
			wish = evWish{d, t}
		}
	}
	if t := a.get("idle_timeout"); t != nil {
		t.not("a route has no idle timeout of its own", "timeouts.body_idle of the placement")
	}
	if c := a.get("cluster_not_found_response_code"); c != nil && c.text != "SERVICE_UNAVAILABLE" {
		c.differs("an unknown cluster is 503", "")
	}
	for _, u := range a.list("upgrade_configs") {
		if kind := u.str("upgrade_type"); !strings.EqualFold(kind, "websocket") {
			u.not("connections are upgraded to WebSocket alone, not to "+kind, "")
		}
	}
	hash, hashAt := e.hashPolicy(a)
	to, keys, last, fine := e.destination(a)
	if !ok || !fine {
		return nil
	}
	for _, c := range e.clustersOf(to, keys) {
		c.timeout = append(c.timeout, wish)
		c.retries = append(c.retries, retry)
		if hash == "" {
			continue
		}
		if c.hash != "" && c.hash != hash {
			hashAt.not("another route hashes another value for the cluster "+c.name+": that one counts", "")
			continue
		}
		c.hash, c.hashAt = hash, hashAt
	}
	if len(keys) > 0 { // cluster_header
		if base.key != "" {
			a.not("it asks for one header and reads another"+goesOn, "")
			return nil
		}
		base.key, base.keys, base.last, base.to = keys[0].source, nil, last, to
		for _, k := range keys {
			base.keys = append(base.keys, k.keyTo)
		}
		return []rule{base}
	}
	if base.key != "" {
		for i := range base.keys {
			base.keys[i].to = to
		}
		return []rule{base}
	}
	base.to = to
	return []rule{base}
}

// clustersOf lists the clusters that a target may be.
func (e *envoy) clustersOf(to target, keys []evKey) (out []*evCluster) {
	add := func(name string) {
		if c := e.clusters[name]; c != nil {
			out = append(out, c)
		}
	}
	add(to.placement)
	for _, p := range to.parts {
		if p.placement != to.placement {
			add(p.placement)
		}
	}
	for _, k := range keys {
		add(k.to.placement)
	}
	return out
}

// evKey is a key of cluster_header and where it is read.
type evKey struct {
	keyTo
	source key
}

// destination reads cluster, weighted_clusters or cluster_header.
func (e *envoy) destination(a *evNode) (to target, keys []evKey, last, ok bool) {
	if c := a.get("cluster"); c != nil {
		if e.clusters[c.text] == nil {
			c.not("the cluster "+c.text+" became no placement"+goesOn, "")
			return to, nil, false, false
		}
		return target{placement: c.text}, nil, false, true
	}
	if c := a.get("cluster_header"); c != nil {
		k, _ := headerKey(c.text)
		if c.text == "" || strings.HasPrefix(c.text, ":") || strings.EqualFold(c.text, "host") {
			c.not("this header is no routing key"+goesOn, "")
			return to, nil, false, false
		}
		for _, cl := range e.order {
			keys = append(keys, evKey{keyTo{cl.name, target{placement: cl.name}, cl.node.from()}, k})
		}
		c.differs("the clusters of this file are the keys; a request without the header is refused with 400", "")
		return target{reject: 503}, keys, true, len(keys) > 0
	}
	w := a.get("weighted_clusters")
	if w == nil {
		a.not("it names no cluster that is read here"+goesOn, "")
		return to, nil, false, false
	}
	return e.weighted(w)
}

func (e *envoy) weighted(w *evNode) (to target, keys []evKey, last, ok bool) {
	type share struct {
		name   string
		weight int
	}
	var shares []share
	total := 0
	for _, c := range w.list("clusters") {
		name := c.str("name")
		n, fine := c.get("weight").number(1 << 20)
		switch {
		case !fine || n == 0:
		case e.clusters[name] == nil:
			c.not("the cluster "+name+" became no placement: its share goes to the others", "")
		default:
			if i := slices.IndexFunc(shares, func(s share) bool { return s.name == name }); i >= 0 {
				shares[i].weight += n
			} else {
				shares = append(shares, share{name, n})
			}
			total += n
		}
	}
	w.get("total_weight")
	if len(shares) == 0 {
		w.not("none of its clusters became a placement"+goesOn, "")
		return to, nil, false, false
	}
	heavy := slices.MaxFunc(shares, func(a, b share) int { return cmp.Compare(a.weight, b.weight) })
	to.placement = heavy.name
	if len(shares) > 8 {
		w.not("a key is split between at most 8 placements: all go to "+heavy.name, "")
		return to, nil, false, true
	}
	if len(shares) == 1 {
		return to, nil, false, true
	}
	rest, most := uint32(1_000_000), 0
	for i, s := range shares {
		m := uint32(int64(s.weight) * 1_000_000 / int64(total))
		to.parts = append(to.parts, part{s.name, m})
		rest -= m
		if s.weight > shares[most].weight {
			most = i
		}
	}
	to.parts[most].millionth += rest
	return to, nil, false, true
}

// hashPolicy reads what a route hashes.
func (e *envoy) hashPolicy(a *evNode) (k key, from *evNode) {
	for _, h := range a.list("hash_policy") {
		h.get("terminal")
		var found key
		if name := h.str("header", "header_name"); name != "" && !strings.HasPrefix(name, ":") {
			found, _ = headerKey(name)
		} else if name := h.str("query_parameter", "name"); name != "" {
			found = keyAt("query", name)
		} else if name := h.str("cookie", "name"); name != "" {
			found = keyAt("cookie", name)
			if h.get("cookie", "ttl") != nil {
				h.get("cookie").differs("the router makes no cookie to hash", "write sticky: {cookie: NAME, ttl: ..}")
			}
		}
		switch {
		case found == "":
			h.refuse("this is no routing key", "")
		case k != "":
			h.refuse("one value is hashed: the first", "")
		default:
			k, from = found, h
		}
	}
	return k, from
}

// writeRoutes writes the routes of a listener.
func (e *envoy) writeRoutes(f *evFront) {
	routes, complete := expand(f.rules, e.plan.room())
	if !complete {
		f.config.not(tooManyRoutes, "")
	}
	var listeners []string
	if e.several {
		listeners = []string{f.name}
	}
	e.plan.addRoutes(routes, listeners, "tenants")
}
