package configdiff

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"

	_ "embed" // for the schema

	"lockstep/adapters/configfile"
	"lockstep/core"
)

// ExpectFile is a file of golden requests: each says how a request, or a key of
// a route, must be decided, offline and with nothing in flight.
type ExpectFile struct {
	Path     string
	Requests []Expectation
	at       func(path, what, hint string) *configfile.Problem
}

// writtenExpect is the file as it is written.
type writtenExpect struct {
	Expect   int           `yaml:"expect"`
	Requests []Expectation `yaml:"requests"`
}

// Expectation is one golden request. Either Key says which key is looked up in
// the table of Route, or the rest is a request that finds both for itself.
type Expectation struct {
	Name  string `yaml:"name"`  // "" means what it asks
	Key   string `yaml:"key"`   // the routing key, as if Route had found it
	Route string `yaml:"route"` // name of the route that Key came by; "" where there is one only

	Host       string            `yaml:"host"`
	Path       string            `yaml:"path"`     // with its query; "" means /
	Method     string            `yaml:"method"`   // "" means GET
	Listener   string            `yaml:"listener"` // name of the listener; "" means one without a name
	Headers    map[string]string `yaml:"headers"`
	Claims     map[string]string `yaml:"claims"`      // of a token that holds
	ClientCert []string          `yaml:"client_cert"` // names in a client certificate that was verified: URI, DNS or e-mail

	Down []string `yaml:"down"` // placements of which every endpoint has failed, until breakers and health know
	Want Want     `yaml:"want"`
}

// Want is what must be decided. What is left out may be anything.
type Want struct {
	Route      string            `yaml:"route" json:"route,omitempty"`
	Key        string            `yaml:"key" json:"key,omitempty"`
	Placement  string            `yaml:"placement" json:"placement,omitempty"` // that serves
	Candidates []string          `yaml:"candidates" json:"candidates,omitempty"`
	Split      map[string]string `yaml:"split" json:"split,omitempty"`       // placement to share, of a key that is split
	Reason     string            `yaml:"reason" json:"reason,omitempty"`     // X-Route-Reason
	Failover   string            `yaml:"failover" json:"failover,omitempty"` // X-Failover-Reason; none: the home serves
	Refused    int               `yaml:"refused" json:"refused,omitempty"`   // status of a refusal
}

func (w *Want) empty() bool {
	return w.Route+w.Key+w.Placement+w.Reason+w.Failover == "" && len(w.Candidates)+len(w.Split)+w.Refused == 0
}

//go:embed expect.schema.json
var expectSchema string

// ExpectSchema returns the JSON Schema of an expect file, for editors. The
// reader does not run it: its own errors know places.
func ExpectSchema() string { return expectSchema }

// LoadExpect reads a file of golden requests. An error that concerns the content
// is a configfile.Problems.
func LoadExpect(path string) (*ExpectFile, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the golden requests: %w", err)
	}
	return ParseExpect(path, data)
}

// ParseExpect is LoadExpect from memory; name stands for the file in errors.
func ParseExpect(name string, data []byte) (*ExpectFile, error) {
	var in writtenExpect
	at, err := configfile.DecodeYAMLPlaces(name, data, &in)
	if err != nil {
		return nil, err
	}
	f := &ExpectFile{Path: name, Requests: in.Requests, at: at}
	var faults configfile.Problems
	fail := func(path, what, hint string) { faults = append(faults, at(path, what, hint)) }
	if in.Expect != 1 {
		fail("expect", fmt.Sprintf("this is not a file of golden requests of version 1: expect is %d", in.Expect), "begin the file with: expect: 1")
	}
	if len(in.Requests) == 0 {
		fail("requests", "there are no golden requests", "write requests: [{key: visa, want: {placement: cell-07}}], or have a first file written: lockstep check CONFIG --write-expect FILE")
	}
	for i := range f.Requests {
		f.Requests[i].validate(requestPath(i), fail)
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return f, nil
}

func requestPath(i int) string { return "requests[" + strconv.Itoa(i) + "]" }

// isRequest reports whether e is a request that finds its route and key itself.
func (e *Expectation) isRequest() bool {
	return e.Host+e.Path+e.Method+e.Listener != "" || len(e.Headers)+len(e.Claims)+len(e.ClientCert) > 0
}

func (e *Expectation) validate(path string, fail func(path, what, hint string)) {
	w := &e.Want
	switch {
	case e.Key != "" && e.isRequest():
		fail(path+".key", "this has a key and is a request as well", "write the key alone, with route if there are several; or the request, and the key under want")
	case e.Key == "" && e.Route != "":
		fail(path+".route", "this says by which route a key came, and there is no key", "write key, or put the route under want")
	case e.Key == "" && !e.isRequest():
		fail(path, "this is neither a key nor a request", "write key: visa, or host, path, method, listener, headers, claims, client_cert")
	}
	same := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(e.Headers)) {
		canonical := http.CanonicalHeaderKey(name)
		if first, twice := same[canonical]; twice {
			fail(path+".headers."+name, fmt.Sprintf("this is the same header as %s: their case does not count", first), "keep one of the two")
		}
		same[canonical] = name
	}
	if e.Path != "" && e.Path[0] != '/' {
		fail(path+".path", strconv.Quote(e.Path)+" is not a path", "begin it with /")
	}
	if w.empty() {
		fail(path+".want", "this expects nothing", "write want: {placement: cell-07}; or route, key, candidates, split, reason, failover, refused")
	}
	if w.Refused != 0 && (w.Refused < 400 || w.Refused > 599) {
		fail(path+".want.refused", fmt.Sprintf("%d is not the status of a refusal", w.Refused), "write 400 to 599")
	}
	if w.Refused != 0 && w.Placement+w.Failover != "" {
		fail(path+".want.refused", "a request that is refused has no placement that serves it", "keep one of the two")
	}
	if known := []string{"dedicated", "tier", "default"}; w.Reason != "" && !slices.Contains(known, w.Reason) {
		fail(path+".want.reason", strconv.Quote(w.Reason)+" is not a reason", "write one of: "+strings.Join(known, ", "))
	}
	known := []string{"none"}
	for _, f := range []core.Failover{core.FailoverCircuitOpen, core.FailoverUnhealthy, core.FailoverLimit} {
		known = append(known, f.String())
	}
	if w.Failover != "" && !slices.Contains(known, w.Failover) {
		fail(path+".want.failover", strconv.Quote(w.Failover)+" is not a reason of a failover", "write one of: "+strings.Join(known, ", "))
	}
	for name, text := range w.Split {
		if _, err := ParseShare(text); err != nil {
			fail(path+".want.split."+name, err.Error(), "")
		}
	}
}

// title is what an expectation is called.
func (e *Expectation) title() string {
	if e.Name != "" {
		return e.Name
	}
	var parts []string
	add := func(name, value string) {
		if value != "" {
			parts = append(parts, name+" "+value)
		}
	}
	add("key", e.Key)
	add("by route", e.Route)
	if e.isRequest() {
		method := e.Method
		if method == "" {
			method = "GET"
		}
		parts = append(parts, method+" "+e.Host+e.path())
		add("by listener", e.Listener)
		for _, name := range slices.Sorted(maps.Keys(e.Headers)) {
			add("with", name+": "+e.Headers[name])
		}
	}
	add("with", strings.Join(e.Down, ", "))
	if len(e.Down) > 0 {
		parts = append(parts, "down")
	}
	return strings.Join(parts, " ")
}

func (e *Expectation) path() string {
	if e.Path == "" {
		return "/"
	}
	return e.Path
}
