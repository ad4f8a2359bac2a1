package parity

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// testCase is one story: a configuration, and what is done and must come of it.
// It has a router of its own under each program.
type testCase struct {
	name string
	// config is the file, "" for none. <name> in it is the address of an origin,
	// which is made because it is named; see run.place for names that mean more.
	config string
	yaml   bool // the native form; else JSON
	args   []string
	env    []string
	bare   bool // no --listen, -c, --record: the environment says it
	early  bool // ready is not waited for
	before func(*run)
	steps  []step
	// unrecorded says why there is nothing to replay, "" where there is.
	unrecorded string
}

// step is one thing that is done, or looked at.
type step interface{ play(*run) }

// does is a step in Go, for what no table says.
type does func(*run)

func (f does) play(r *run) { f(r) }

// run is a case under one program.
type run struct {
	t       *testing.T
	c       *testCase
	program *program
	router  *process
	origins map[string]*origin
	alike   alike
	links   map[string]*link
	open    map[string]*exchange // asks that go on in the background
	counted map[string]float64   // the metrics when they were last looked at
	story   story                // all that came back, made alike
	dir     string
	plane   *plane // nil for none
	dialled []io.Closer
	sent    int           // requests so far
	met     []*difference // differences that have shown
}

// play runs a case under one program and returns what came back.
func play(t *testing.T, c *testCase, p *program) story {
	r := &run{
		t: t, c: c, program: p, origins: map[string]*origin{},
		links: map[string]*link{}, open: map[string]*exchange{}, dir: t.TempDir(),
	}
	r.router = newRouter(t, p, r.dir)
	if c.before != nil {
		c.before(r)
	}
	o := starting{args: r.fillAll(c.args), env: r.fillAll(c.env), bare: c.bare, early: c.early}
	if c.config != "" {
		o.config = r.write(c.config)
	}
	if d := refusedStart(c.name, p.name); d != nil {
		r.refuses(o, d)
		return nil
	}
	r.router.start(o)
	if !c.bare {
		r.alike.names = append(r.alike.names, r.router.addr(), "<router>")
	}
	r.counted = r.metrics()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s said:\n%s", p.name, r.router.said())
		}
	})
	for _, s := range c.steps {
		s.play(r)
		if t.Failed() {
			return r.story
		}
	}
	r.outdated()
	for _, o := range r.origins {
		o.release()
	}
	for _, l := range r.dialled { // or the drain would wait for them
		l.Close()
	}
	segments := r.router.stop()
	switch {
	case c.unrecorded != "":
	case len(segments) == 0:
		t.Errorf("%s has recorded nothing", p.name)
	default:
		replayAll(t, p.name, segments)
	}
	return r.story
}

var placeName = regexp.MustCompile(`<[a-z][a-z0-9-]*>`)

// fill puts addresses in the place of names.
func (r *run) fill(text string) string {
	return placeName.ReplaceAllStringFunc(text, func(name string) string { return r.place(strings.Trim(name, "<>")) })
}

func (r *run) fillAll(texts []string) (out []string) {
	for _, s := range texts {
		out = append(out, r.fill(s))
	}
	return out
}

// place is the address that a name stands for: <refused> is a closed port,
// <blackhole> takes no connection and refuses none, <dir> is the folder of the case,
// <ws> takes WebSockets, <h2c> speaks HTTP/2 alone, <tls-...> are origins with that certificate (certs_test.go), others plain origins.
func (r *run) place(name string) string {
	if name == "dir" {
		return r.dir
	}
	for i := 0; i < len(r.alike.names); i += 2 {
		if r.alike.names[i+1] == "<"+name+">" {
			return r.alike.names[i]
		}
	}
	var address string
	switch {
	case name == "refused":
		address = reserve(r.t)
	case name == "blackhole":
		address = blackHole(r.t)
	case name == "ws":
		s := httptest.NewServer(http.HandlerFunc(echoes))
		r.t.Cleanup(s.Close)
		address = s.Listener.Addr().String()
	case name == "h2c":
		address = newH2C(r.t)
	default:
		o := newOrigin(r.t, name, originTLS(name))
		r.origins[name], address = o, o.address
	}
	r.alike.names = append(r.alike.names, address, "<"+name+">")
	return address
}

// write puts a configuration where the router reads it, as a deploy tool would:
// written aside and renamed.
func (r *run) write(config string) (path string) {
	r.t.Helper()
	path = r.router.file("c.json")
	if r.c.yaml {
		path = r.router.file("c.yaml")
	}
	if err := os.WriteFile(path+".new", []byte(r.fill(config)), 0o600); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		r.t.Fatal(err)
	}
	return path
}

// file puts a file in the folder of the case.
func (r *run) file(name string, content []byte) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), content, 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// origin returns a named origin.
func (r *run) origin(name string) *origin {
	r.t.Helper()
	o := r.origins[name]
	if o == nil {
		r.t.Fatalf("the case has no origin %q", name)
	}
	return o
}

// part is one thing that came back.
type part struct{ what, text string }

// story is what came back of a case, in order.
type story []part

// text is a story without the parts in which the programs may differ.
func (s story) text(name string) string {
	var b strings.Builder
	for _, p := range s {
		if slices.ContainsFunc(differs, func(d difference) bool { return d.name == name && d.what == p.what }) {
			continue
		}
		fmt.Fprintf(&b, "== %s\n%s\n", p.what, p.text)
	}
	return b.String()
}

// tell adds to the story.
func (r *run) tell(what, text string) { r.story = append(r.story, part{what, text}) }

// same holds a text that came against the one wanted.
func (r *run) same(what, got, want string) {
	r.t.Helper()
	got = r.alike.text(got)
	if r.habitual(got, want) {
		got = want
	}
	r.tell(what, got)
	if d := differences(want, got); d != "" && !r.differs(what, got) {
		r.t.Errorf("%s, %s (-want +got):\n%s", r.program.name, what, d)
	}
}

// differs reports whether got is what the table of differences says that this
// program may answer here.
func (r *run) differs(what, got string) bool {
	for i := range differs {
		if d := &differs[i]; d.name == r.c.name && d.what == what && d.side == r.program.name && d.got == got {
			r.met = append(r.met, d)
			return true
		}
	}
	return false
}

// outdated fails for a difference that is none any more: its line must go.
func (r *run) outdated() {
	r.t.Helper()
	for i := range differs {
		if d := &differs[i]; d.name == r.c.name && d.side == r.program.name && !slices.Contains(r.met, d) {
			r.t.Errorf("%s answers as wanted in %q: delete its line of the table of differences", d.side, d.what)
		}
	}
}
