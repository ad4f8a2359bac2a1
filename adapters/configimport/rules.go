package configimport

import (
	"slices"
	"strings"
)

// A proxy decides by a list of rules, each with a condition; the first that
// holds counts. The native form has routes by host and path, and within a route
// a table of keys. expand turns the first into the second without changing
// what is decided: a rule that concerns a part of the requests makes a route of
// its own for that part, with whatever else concerns it.

// key is where a routing key is read, as a key source is written: {header: X-Tenant}.
type key string

// keyAt is the key source of that name in a place such as header, "" for a name
// that nothing has there: those of headers and cookies are tokens (RFC 9110, 5.6.2).
func keyAt(place, name string) key {
	odd := func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r) }
	if name == "" || place != "query" && strings.ContainsFunc(name, odd) {
		return ""
	}
	return key("{" + place + ": " + quoted(name) + "}")
}

// target is where requests go: a placement, a status that refuses them, or
// parts of several placements.
type target struct {
	placement string
	reject    int
	parts     []part
}

type part struct {
	placement string
	millionth uint32 // share, of 1,000,000
}

// rule is one rule. With a key it decides the requests with one of its keys, and
// those with another if it is last.
type rule struct {
	in   region
	not  []region
	key  key
	keys []keyTo
	last bool // with a key: requests with an unknown key go to to, no further rule counts
	to   target
	// elsewhere: to is wherever requests go that no rule takes, and is filled in when that is known.
	elsewhere bool
	// ends: it is the end of a map, for what the map lacks. lookup is what the map is asked.
	ends   bool
	lookup string
	from   []string
	line   marker // where faults are noted; may be nil
}

// marker is what a fault of a rule is noted on.
type marker interface {
	not(why, do string)
	differs(why, do string)
}

type keyTo struct {
	key  string
	to   target
	from string
}

// built is one route.
type built struct {
	in   region
	key  key // "": the route reads no table
	keys []keyTo
	to   target // of the requests without a known key
	from []string
	line marker          // of the rule that decides; may be nil
	seen map[string]bool // the keys so far
}

// most is how many routes are made in all. The native form has 1024, and reads a
// list of at most 4,000 keys, of which a route has four.
const most = 999

type expansion struct {
	rules []rule
	most  int // routes
	out   []built
	full  bool
}

// expand returns the routes that decide as rules do, so many at most. The last
// rule must take everything.
func expand(rules []rule, most int) (out []built, complete bool) {
	e := &expansion{rules: rules, most: most}
	e.build(region{}, nil, 0)
	return e.out, !e.full
}

// build adds the routes for the requests in r. Those in taken have routes already.
func (e *expansion) build(r region, taken []region, depth int) {
	taken = slices.Clone(taken)
	route := built{in: r}
	for i := range e.rules {
		if len(e.out) >= e.most || depth > 64 {
			e.full = true
			return
		}
		rule := &e.rules[i]
		in, ok := r.intersect(rule.in)
		if !ok || covered(in, taken) {
			continue
		}
		if !r.within(rule.in) { // it concerns a part
			e.build(in, taken, depth+1)
			taken = append(taken, in)
			continue
		}
		without, split := e.except(rule, r, &taken, depth)
		if split && covered(r, taken) {
			return
		}
		if without {
			continue
		}
		if done := e.take(rule, &route); done {
			if trim(&route.in, taken) {
				e.out = append(e.out, route)
			}
			return
		}
	}
}

// except looks at what a rule leaves out. without says that it leaves out all of r.
func (e *expansion) except(rule *rule, r region, taken *[]region, depth int) (without, split bool) {
	for _, not := range rule.not {
		in, ok := r.intersect(not)
		switch {
		case !ok || covered(in, *taken):
		case r.within(not):
			return true, split
		default:
			e.build(in, *taken, depth+1)
			*taken = append(*taken, in)
			split = true
		}
	}
	return false, split
}

// trim takes off hosts and paths that earlier routes take; false when nothing is left.
func trim(r *region, taken []region) bool {
	if r.hosts != nil {
		r.hosts = slices.DeleteFunc(slices.Clone(r.hosts), func(h string) bool { return covered(region{[]string{h}, r.paths}, taken) })
	}
	if r.paths != nil {
		r.paths = slices.DeleteFunc(slices.Clone(r.paths), func(p string) bool { return covered(region{r.hosts, []string{p}}, taken) })
	}
	return (r.hosts == nil || len(r.hosts) > 0) && (r.paths == nil || len(r.paths) > 0)
}

func covered(in region, taken []region) bool {
	return slices.ContainsFunc(taken, func(t region) bool { return in.within(t) })
}

// take lets a rule that concerns all of a route decide; done says that nothing is left.
func (e *expansion) take(r *rule, route *built) (done bool) {
	route.from = append(route.from, r.from...)
	route.line = r.line
	if r.key == "" {
		route.to = r.to
		return true
	}
	if route.key != "" && route.key != r.key {
		if r.line != nil {
			r.line.not("an earlier rule for the same requests reads another key ("+string(route.key)+"): a route here has one table, read by one key", "put all keys into one header, or tell the requests apart by host or path")
		}
		return false
	}
	route.key = r.key
	if route.seen == nil {
		route.seen = map[string]bool{}
	}
	for _, k := range r.keys {
		if !route.seen[k.key] { // the first counts
			route.seen[k.key] = true
			route.keys = append(route.keys, k)
		}
	}
	route.to = r.to
	return r.last
}
