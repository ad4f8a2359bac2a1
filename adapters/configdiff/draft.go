package configdiff

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"

	"lockstep/adapters/routing"
	"lockstep/adapters/settings"
)

// Draft writes a first file of golden requests for a configuration: by each
// route one key of every class and one unknown key, and every fallback with what
// comes before it down. What it expects is what is decided today: a person has to
// read it before it is a promise.
func Draft(w io.Writer, s Side) error {
	d, err := newDecider(s)
	if err != nil {
		return err
	}
	whole, err := routing.Settings(s.Config)
	if err != nil {
		return err
	}
	a := &drafter{d: d, whole: whole}
	fmt.Fprintf(&a.b, "# Golden requests of %s, as it decides today (version %s).\n", clean(s.Name), clean(s.Config.Version()))
	a.b.WriteString("# Read them before you rely on them, and remove what may change.\nexpect: 1\nrequests:\n")
	linked := map[int]bool{} // homes whose fallbacks are written
	for via := range d.routes {
		a.route(via, linked)
	}
	_, err = io.WriteString(w, a.b.String())
	return err
}

type drafter struct {
	d     *decider
	whole *settings.Routing
	b     strings.Builder
}

// route writes what one route is asked.
func (a *drafter) route(via int, linked map[int]bool) {
	c := a.d.side.Config
	info := c.RouteInfo(via)
	classes := map[int]string{} // the first key of each
	for i := range c.TableKeys(info.Table) {
		if key, home := c.TableKey(info.Table, i); classes[home] == "" {
			classes[home] = key
		}
	}
	for _, home := range slices.Sorted(maps.Keys(classes)) {
		a.home(via, classes[home], home, linked)
	}
	unknown := "no-such-key"
	for {
		if _, known := c.TableHome(info.Table, unknown); !known {
			break
		}
		unknown += "-"
	}
	a.home(via, unknown, info.Unknown, linked)
}

// home writes one key, and each of its fallbacks the first time. A home below 0
// is a split, or nothing for an unknown key that is refused.
func (a *drafter) home(via int, key string, home int, linked map[int]bool) {
	a.add(via, key, nil)
	if home < 0 || linked[home] {
		return
	}
	linked[home] = true
	list := chain(a.d.side.Config, home)
	for i := 1; i <= len(list); i++ {
		a.add(via, key, list[:i])
	}
}

// add writes one golden request and what is decided for it today.
func (a *drafter) add(via int, key string, down []string) {
	e := a.request(via, key)
	e.Down = down
	got, _, err := a.d.decide(&e)
	if err != nil || got.Fails {
		return // its own names are there; and what fails is not expected of anybody
	}
	// One line each, in braces: the reader bounds how many keys a list may have outside of them.
	var parts []string
	for _, f := range []struct {
		name  string
		value any
		there bool
	}{
		{"key", e.Key, e.Key != ""},
		{"route", e.Route, e.Route != ""},
		{"host", e.Host, e.Host != ""},
		{"path", e.Path, e.Path != ""},
		{"listener", e.Listener, e.Listener != ""},
		{"headers", e.Headers, len(e.Headers) > 0},
		{"claims", e.Claims, len(e.Claims) > 0},
		{"client_cert", e.ClientCert, len(e.ClientCert) > 0},
		{"down", down, len(down) > 0},
		{"want", got.want(&e), true},
	} {
		if f.there {
			parts = append(parts, f.name+": "+flow(f.value))
		}
	}
	fmt.Fprintf(&a.b, "  - {%s}\n", strings.Join(parts, ", "))
}

// want is what must be so that an outcome counts as the same.
func (o *Outcome) want(e *Expectation) map[string]any {
	w := map[string]any{}
	if e.isRequest() {
		w["route"], w["key"] = o.Route, o.Key
		if o.Route == "" {
			delete(w, "route")
		}
	}
	if o.Split != "" {
		parts, words := map[string]string{}, strings.Fields(o.Split)
		for i := 0; i+1 < len(words); i += 2 {
			parts[words[i]] = words[i+1]
		}
		w["split"] = parts
	}
	if o.Refused > 0 {
		w["refused"] = o.Refused
		return w
	}
	for name, value := range map[string]string{"placement": o.Placement, "reason": o.Reason, "failover": o.Failover} {
		if value != "" {
			w[name] = value
		}
	}
	if len(o.Candidates) > 0 && len(e.Down) == 0 {
		w["candidates"] = o.Candidates
	}
	return w
}

// flow writes a value as JSON in one line, which YAML reads.
func flow(v any) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // texts, lists and maps of them
	return strings.TrimSuffix(b.String(), "\n")
}

// request is one that takes a route and has a key, or the key alone where no
// source of the route can be filled in.
func (a *drafter) request(via int, key string) Expectation {
	bare := Expectation{Key: key}
	if a.whole == nil {
		return bare
	}
	s := &a.whole.Routes[via]
	if len(a.d.routes) > 1 {
		bare.Route = s.Name
	}
	for i := range s.Sources {
		e := Expectation{Host: "example.com", Path: "/"}
		if len(s.Hosts) > 0 {
			e.Host = strings.Replace(s.Hosts[0], "*", "any", 1)
		}
		if len(s.Paths) > 0 {
			e.Path = s.Paths[0]
		}
		if len(s.Listeners) > 0 {
			e.Listener = s.Listeners[0]
		}
		e.fill(&s.Sources[i], key)
		if got, _, err := a.d.decide(&e); err == nil && got.via == via && got.Key == key {
			return e
		}
	}
	return bare
}

// fill puts a key where a source looks for it.
func (e *Expectation) fill(s *settings.Source, key string) {
	e.Headers, e.Claims = map[string]string{}, map[string]string{}
	switch {
	case s.Header != "":
		e.Headers[s.Header] = key
	case s.Query != "":
		e.Path += "?" + url.Values{s.Query: {key}}.Encode()
	case s.Cookie != "":
		e.Headers["Cookie"] = s.Cookie + "=" + key
	case s.Host != "":
		e.Host = strings.Replace(s.Host, "*", key, 1)
	case s.Segment > 0:
		e.Path = strings.TrimSuffix(cmp.Or(s.After, ""), "/") + strings.Repeat("/x", s.Segment-1) + "/" + url.PathEscape(key)
	case s.SAN != nil:
		e.ClientCert = []string{strings.Replace(s.SAN.Pattern, "*", key, 1)}
	case s.JWT != nil:
		e.Claims[s.JWT.Claim] = key
	}
}
