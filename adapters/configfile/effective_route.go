package configfile

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	edgeset "lockstep/adapters/settings"
	"lockstep/core"
)

// EffectiveRoute lists what the route of that name takes, where its key is and
// which table it asks, with the place of each. ok is false when there is none: a
// configuration that does only what the baseline does has no named route.
func (f *File) EffectiveRoute(c *core.Config, name string) (out []Value, ok bool) {
	w, err := edgeset.ReadWhole(c.Edge())
	if err != nil || w.Routing == nil {
		return nil, false
	}
	i := slices.IndexFunc(w.Routing.Routes, func(r edgeset.Route) bool { return r.Name == name })
	if i < 0 {
		return nil, false
	}
	s, r := &w.Routing.Routes[i], c.RouteInfo(i)
	at := "routes[" + strconv.Itoa(i) + "]."
	add := func(path, value, written string) {
		v := Value{Path: path, Value: value}
		if from, ok := f.Where(written); ok {
			v.From = from
		}
		out = append(out, v)
	}
	list := func(names []string) string { return cmp.Or(strings.Join(names, ", "), "any") }
	add("match.host", list(s.Hosts), at+"match.host")
	add("match.path", list(s.Paths), at+"match.path")
	add("match.listen", list(s.Listeners), at+"match.listen")
	for k := range s.Sources {
		path := "key[" + strconv.Itoa(k) + "]"
		add(path, sourceText(&s.Sources[k]), at+path)
	}
	certificate := "optional"
	if s.ClientCert {
		certificate = "required"
	}
	add("client_cert", certificate, at+"client_cert")
	by := "request id"
	if s.SplitBy != nil {
		by = s.SplitBy.String()
	}
	add("split_by", by, at+"split_by")
	add("table", cmp.Or(c.TableName(r.Table), theKeys), at+"table")
	if r.Unknown >= 0 {
		add("unknown_key.to", c.Placement(r.Unknown).Name, at+"unknown_key.to")
	} else {
		add("unknown_key.reject", strconv.Itoa(int(r.Status)), at+"unknown_key.reject")
	}
	add("routing.no_route.reject", strconv.Itoa(int(c.NoRouteStatus())), "routing.no_route.reject")
	add("routing.key_max", sizeText(int64(cmp.Or(w.Routing.KeyMax, edgeset.DefaultKeyMax))), "routing.key_max")
	id := "any"
	if w.Routing.TrustedID {
		id = "trusted"
	}
	add("routing.request_id", id, "routing.request_id")
	return out, true
}

// sourceText writes a source with the settings that go with it.
func sourceText(s *edgeset.Source) string {
	text := s.String()
	if s.First {
		text += ", many first"
	}
	if t := s.JWT; t != nil {
		text += ", jwks " + t.JWKS + ", leeway " + t.Leeway.String()
		for _, p := range [...][2]string{{", issuer ", t.Issuer}, {", audience ", t.Audience}, {", token in header ", t.Header}, {", token in cookie ", t.Cookie}} {
			if p[1] != "" {
				text += p[0] + p[1]
			}
		}
		if t.Next {
			text += ", invalid next"
		}
	}
	return text
}
