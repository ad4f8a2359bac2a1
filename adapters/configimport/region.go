package configimport

import "strings"

// region is a set of requests by host and path, as a route of the native form
// takes them: any of the hosts and any of the paths. Nil is any.
type region struct {
	hosts []string // exact, or *.example.com for all below it
	paths []string // prefixes of whole segments; "/" is written as nil
}

// intersect returns what is in both; ok is false when nothing is.
func (r region) intersect(o region) (out region, ok bool) {
	hosts, ok1 := both(r.hosts, o.hosts, hostWithin)
	paths, ok2 := both(r.paths, o.paths, pathWithin)
	return region{hosts, paths}, ok1 && ok2
}

// within reports whether all of r is in o.
func (r region) within(o region) bool {
	return allWithin(r.hosts, o.hosts, hostWithin) && allWithin(r.paths, o.paths, pathWithin)
}

// both pairs the words of two lists. Of any two patterns, one is within the
// other or they have nothing in common.
func both(a, b []string, within func(x, y string) bool) (out []string, ok bool) {
	switch {
	case a == nil:
		return b, true
	case b == nil:
		return a, true
	}
	seen := map[string]bool{}
	add := func(s string) {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	for _, x := range a {
		for _, y := range b {
			switch {
			case within(x, y):
				add(x)
			case within(y, x):
				add(y)
			}
		}
	}
	return out, len(out) > 0
}

func allWithin(a, b []string, within func(x, y string) bool) bool {
	if b == nil {
		return true
	}
	if a == nil {
		return false
	}
	for _, x := range a {
		found := false
		for _, y := range b {
			found = found || within(x, y)
		}
		if !found {
			return false
		}
	}
	return true
}

// hostWithin reports whether the hosts of pattern x are all in y.
func hostWithin(x, y string) bool {
	suffix, wild := strings.CutPrefix(y, "*")
	return x == y || wild && strings.HasSuffix(strings.TrimPrefix(x, "*"), suffix) && len(x) > len(suffix)
}

// pathWithin reports whether the paths below prefix x are all below y.
func pathWithin(x, y string) bool {
	rest, ok := strings.CutPrefix(x, strings.TrimSuffix(y, "/"))
	return ok && (rest == "" || rest[0] == '/')
}
