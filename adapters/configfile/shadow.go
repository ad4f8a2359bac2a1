package configfile

import (
	"slices"
	"strconv"
	"strings"

	edgeset "lockstep/adapters/settings"
)

// Shadowed warns of routes that no request can reach, and of hosts, paths and
// listeners of a route that an earlier one takes. It judges by what is written:
// several earlier routes that only together take everything are not found.
func (f *File) Shadowed() (out Problems) {
	w, err := edgeset.ReadWhole(f.Spec.Edge)
	if err != nil || w.Routing == nil {
		return nil
	}
	routes := w.Routing.Routes
	for i := range routes {
		if r := &routes[i]; r.ClientCert && !f.asksForCertificates(r.Listeners) {
			at, _ := f.place("routes[" + strconv.Itoa(i) + "].client_cert")
			out = append(out, at.problem("no listener of this route asks for client certificates: every request of it is refused",
				"give the listener tls.client_ca with client_cert: optional"))
		}
		cs := cases(&routes[i])
		var taken []string
		for _, c := range cs {
			for k := range i {
				if takesCase(&routes[k], c) {
					taken = append(taken, c.String()+" by "+routes[k].Name)
					break
				}
			}
		}
		if len(taken) == 0 {
			continue
		}
		at, _ := f.place("routes[" + strconv.Itoa(i) + "]")
		what := "route " + strconv.Quote(routes[i].Name) + " is never reached: "
		hint := "move it before those, or remove it: the first that takes a request counts"
		if len(taken) < len(cs) {
			what = "a part of route " + strconv.Quote(routes[i].Name) + " is never reached: "
			hint = "move the route before those, or remove that part: the first that takes a request counts"
		}
		out = append(out, at.problem(what+strings.Join(taken, ", "), hint))
	}
	return out
}

// asksForCertificates reports whether a request may come by one of these
// listeners, or any where none is named, with a client certificate. A file
// without listeners does not say.
func (f *File) asksForCertificates(listeners []string) bool {
	return len(f.Listen) == 0 || slices.ContainsFunc(f.Listen, func(l Listener) bool {
		return (len(listeners) == 0 || slices.Contains(listeners, l.Name)) && l.TLS != nil && l.TLS.ClientCA != ""
	})
}

// Unused warns of key tables that no route names.
func (f *File) Unused() (out Problems) {
	used := map[string]bool{f.Spec.Table: true}
	for _, r := range f.Spec.Routes {
		used[r.Table] = true
	}
	for _, t := range f.tables {
		if !used[t.name] {
			out = append(out, t.at.problem("no route uses the table "+strconv.Quote(t.name), "name it in a route: table: "+t.name))
		}
	}
	if !used[""] && len(f.keys.specs) > 0 {
		out = append(out, f.keys.place(0).problem("no route uses keys: each names another table", "move these keys to a table, or name it in a route: table: "+theKeys))
	}
	return out
}

// routeCase is one host, path and listener of a route; "" is any.
type routeCase struct{ host, path, listener string }

func (c routeCase) String() string {
	s := c.host + c.path
	if s == "" {
		s = "everything"
	}
	if c.listener != "" {
		s += " on " + c.listener
	}
	return s
}

func orAny(list []string) []string {
	if len(list) == 0 {
		return []string{""}
	}
	return list
}

func cases(r *edgeset.Route) (out []routeCase) {
	for _, h := range orAny(r.Hosts) {
		for _, p := range orAny(r.Paths) {
			for _, l := range orAny(r.Listeners) {
				out = append(out, routeCase{h, p, l})
			}
		}
	}
	return out
}

// takesCase reports whether one host, path and listener of r cover all of c.
func takesCase(r *edgeset.Route, c routeCase) bool {
	some := func(list []string, covers func(string) bool) bool {
		for _, v := range orAny(list) {
			if v == "" || covers(v) {
				return true
			}
		}
		return false
	}
	return some(r.Hosts, func(h string) bool { return hostCovers(h, c.host) }) &&
		some(r.Paths, func(p string) bool { return pathCovers(p, c.path) }) &&
		some(r.Listeners, func(l string) bool { return l == c.listener })
}

// hostCovers reports whether pattern takes whatever other takes: *.a.b takes
// x.a.b, and all of *.x.a.b and of *.a.b.
func hostCovers(pattern, other string) bool {
	suffix, wild := strings.CutPrefix(pattern, "*")
	return pattern == other || wild && strings.HasSuffix(strings.TrimPrefix(other, "*"), suffix) && len(other) > len(suffix)
}

func pathCovers(prefix, other string) bool {
	prefix = strings.TrimSuffix(prefix, "/")
	rest, ok := strings.CutPrefix(other, prefix)
	return ok && (rest == "" || rest[0] == '/')
}
