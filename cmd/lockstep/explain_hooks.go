package main

import (
	"fmt"
	"strings"

	"lockstep/adapters/configfile"
	"lockstep/adapters/routing"
	"lockstep/core"
	"lockstep/traces/explain"
)

// explainHooks know of a configuration what only adapters do.
type explainHooks struct {
	file     *configfile.File // in which places are looked up, nil for none
	compiled *core.Config     // what it says
}

// newExplainHooks reads the file in which places are looked up; "" for none.
func newExplainHooks(path string) (h explainHooks, err error) {
	if path == "" {
		return h, nil
	}
	if h.file, err = configfile.Load(path); err != nil {
		return h, err
	}
	h.compiled, err = h.file.Compile()
	return h, err
}

func (h *explainHooks) hooks() explain.Hooks {
	return explain.Hooks{Source: keySource, Sources: keySources, Place: h.place, Setting: h.setting}
}

// place is where the key stands in the file that was given.
func (h *explainHooks) place(c *core.Config, ev *core.Event, key string, route core.Route) string {
	switch {
	case h.file == nil:
		return ""
	case h.compiled.Digest() != c.Digest():
		return fmt.Sprintf("   (%s is another configuration, version %q)", h.file.Path, h.compiled.Version())
	}
	path := h.file.KeyPath(int(ev.Via), key)
	if route.Reason == core.ReasonDefault {
		path = routePath(int(ev.Via), "unknown_key.to")
	}
	at, _ := h.file.Where(path)
	return "   " + at.String()
}

// keySource says where a key came from and by which route, where the
// configuration finds keys in its own way.
func keySource(c *core.Config, ev *core.Event) string {
	s, err := routing.Settings(c)
	if err != nil || s == nil || int(ev.Via) >= len(s.Routes) {
		if ev.Via > 0 {
			return fmt.Sprintf(", route %d,", ev.Via)
		}
		return ""
	}
	r := &s.Routes[ev.Via]
	if int(ev.Source) >= len(r.Sources) {
		return fmt.Sprintf(", route %s,", r.Name)
	}
	return fmt.Sprintf(", from %s, route %s,", r.Sources[ev.Source].String(), r.Name)
}

// keySources lists where a route looks for the key.
func keySources(c *core.Config, ev *core.Event) string {
	s, err := routing.Settings(c)
	if err != nil || s == nil || int(ev.Via) >= len(s.Routes) {
		return ""
	}
	var names []string
	for i := range s.Routes[ev.Via].Sources {
		names = append(names, s.Routes[ev.Via].Sources[i].String())
	}
	return strings.Join(names, ", then ")
}

// setting is where a setting of a placement is written, "" for a default or another file.
func (h *explainHooks) setting(c *core.Config, placement, path string) string {
	if h.file == nil || h.compiled.Digest() != c.Digest() {
		return ""
	}
	at, ok := h.file.Where("placements." + placement + "." + path)
	if !ok {
		return "the default"
	}
	return at.String()
}
