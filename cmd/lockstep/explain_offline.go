package main

import (
	"cmp"
	"fmt"
	"io"

	"lockstep/adapters/routing"
	"lockstep/traces/explain"
)

// explainConfig tells what would happen to a key under a configuration, by each
// route that may take it.
func explainConfig(w io.Writer, known *explainHooks, flags *explainFlags) error {
	c := known.compiled
	routes := make([]int, c.Routes())
	for i := range routes {
		routes[i] = i
	}
	if flags.host+flags.path+flags.listener != "" {
		via, ok := routing.Route(c, flags.host, cmp.Or(flags.path, "/"), flags.listener)
		if !ok {
			return fmt.Errorf("no route takes a request for host %q, path %q, listener %q: it is refused with %d", flags.host, cmp.Or(flags.path, "/"), flags.listener, c.NoRouteStatus())
		}
		routes = []int{via}
	}
	var stories []*explain.Story
	for _, via := range routes {
		s, err := explain.Assume(c, explain.Assumption{Key: flags.key, Via: via, Down: flags.down, Full: flags.full}, known.hooks())
		if err != nil {
			return err
		}
		stories = append(stories, s)
	}
	switch flags.format {
	case "json":
		return encode(w, stories)
	case "markdown":
		explain.Markdown(w, stories)
	default:
		explain.Print(w, stories)
	}
	return nil
}
