package accesslog

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"lockstep/adapters/configfile"
	"lockstep/adapters/routing"
	"lockstep/core"
)

// resolver finds route and key of logged requests, by the code that serves.
type resolver struct {
	router   *routing.Router
	config   *core.Config
	keys     *core.Config // has the sources of --key as its one route; nil for none
	keyFinds *routing.Router
	names    map[string]uint16 // of routes
	request  http.Request
	values   []string // room for the headers
	peer     routing.Peer
}

// found is what a request is asked with.
type found struct {
	key      string
	via      uint16
	source   uint8
	refuse   core.Class
	split    uint64
	priority uint8
}

// newResolver reads the key sources, each as one item of key in the native form:
// "header: X-Tenant", "path_segment: 1".
func newResolver(c *core.Config, sources []string, listener string) (*resolver, error) {
	r := &resolver{config: c, names: map[string]uint16{}, peer: routing.Peer{Listener: listener}}
	r.request = http.Request{Header: http.Header{}, URL: &url.URL{}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	if err := routing.Check(c); err != nil {
		return nil, fmt.Errorf("the routes of the configuration: %w", err)
	}
	s, err := routing.Settings(c)
	if err != nil {
		return nil, err
	}
	if s != nil {
		for i := range s.Routes {
			r.names[s.Routes[i].Name] = uint16(i)
		}
	}
	if len(sources) > 0 {
		if r.keys, err = keyConfig(sources); err != nil {
			return nil, err
		}
	}
	options := routing.Options{Peer: func(*http.Request) routing.Peer { return r.peer }}
	r.router, r.keyFinds = routing.New(options), routing.New(options)
	return r, nil
}

// keyConfig is a configuration whose one route has these key sources, so that
// they mean what they mean in any other.
func keyConfig(sources []string) (*core.Config, error) {
	var list strings.Builder
	for _, s := range sources {
		if !strings.Contains(s, ":") {
			name, value, _ := strings.Cut(s, " ")
			s = name + ": " + strings.TrimSpace(value)
		}
		list.WriteString("{" + strings.Trim(s, "{} ") + "}, ")
	}
	text := "lockstep: 1\nplacements: {x: {endpoints: {x: {url: \"http://x:1\"}}}}\nroutes: [{name: key, key: [" + list.String() + "], unknown_key: {to: x}}]\n"
	f, err := configfile.Parse("key", []byte(text))
	if err == nil {
		var c *core.Config
		if c, err = f.Compile(); err == nil {
			return c, nil
		}
	}
	return nil, fmt.Errorf("the key source is not understood: write it as in key of a route, such as \"header: X-Tenant\", \"path_segment: 1\", \"query: tenant\", \"cookie: tenant\", \"host_label: 1\"\n%w", err)
}

func (r *resolver) close() {
	r.router.Close()
	r.keyFinds.Close()
}

// find says how the router would look at a logged request.
func (r *resolver) find(e *Entry) (out found) {
	r.fill(e)
	var f routing.Found
	r.router.Find(r.config, &r.request, &f)
	out = found{f.Key, f.Via, f.Source, f.Refuse, f.Split, f.Priority}
	if f.Refuse == core.Unauthorized {
		out.refuse = core.ClassNone // no log shows a certificate or a token
	}
	if via, ok := r.names[e.Route]; ok && e.Route != "" {
		out.via, out.refuse = via, core.ClassNone
	}
	key := e.Key
	if key == "" && r.keys != nil {
		r.keyFinds.Find(r.keys, &r.request, &f)
		key = f.Key
	}
	if key != "" {
		out.key = key
		if out.refuse != core.NoRoute {
			out.refuse = core.ClassNone
		}
	}
	return out
}

// fill makes a request of an entry. It is used again for the next one.
func (r *resolver) fill(e *Entry) {
	q := &r.request
	clear(q.Header)
	r.values = r.values[:0]
	for i := range e.Headers {
		h := &e.Headers[i]
		if before := q.Header[h.Name]; before != nil {
			q.Header[h.Name] = append(before[:len(before):len(before)], h.Value)
			continue
		}
		r.values = append(r.values, h.Value)
		n := len(r.values)
		q.Header[h.Name] = r.values[n-1 : n : n]
	}
	q.Method, q.Host, q.RequestURI = e.Method, e.Host, e.URI
	q.URL.Path, q.URL.RawQuery, _ = strings.Cut(e.URI, "?")
}

// methodOf is the class of a method.
func methodOf(m string) core.Method {
	switch m {
	case "GET", "HEAD", "OPTIONS", "TRACE":
		return core.MethodSafe
	case "PUT", "DELETE":
		return core.MethodIdempotent
	}
	return core.MethodOther
}
