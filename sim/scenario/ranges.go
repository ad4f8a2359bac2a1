package scenario

import (
	"fmt"
	"strconv"
	"strings"

	"lockstep/core"
	"lockstep/sim"
)

// What package sim refuses is found here too, where it can be shown at its line.

// maxRouters is what a run has at most.
const maxRouters = 1000

// ranges checks numbers and names that decoding alone cannot.
func (b *builder) ranges() {
	f := b.file
	if f.Routers < 0 || f.Routers > maxRouters {
		b.fail("routers", fmt.Sprintf("there are %d", f.Routers), fmt.Sprintf("use 1 to %d", maxRouters))
	}
	for i, j := range f.Joins {
		if j.Routers < 1 || j.Routers > maxRouters {
			b.fail(fmt.Sprintf("joins[%d].routers", i), fmt.Sprintf("there are %d", j.Routers), fmt.Sprintf("use 1 to %d", maxRouters))
		}
	}
	names := map[string]bool{}
	for i := range f.Clients {
		c, path := &f.Clients[i], fmt.Sprintf("clients[%d]", i)
		if names[c.Name] {
			b.fail(path+".name", "is used twice", "give each client a name of its own: their requests get their ids from it")
		}
		names[c.Name] = true
		if c.Retries > 100 {
			b.fail(path+".retries", "is above 100", "use less")
		}
		if c.Ramp.Period > 0 && c.Users > 0 {
			b.fail(path+".ramp", "is of users", "give the client a rate in their place")
		}
		b.router(path, c.Router)
	}
	for i := range f.Faults {
		x, path := &f.Faults[i], fmt.Sprintf("faults[%d]", i)
		if x.Status != 0 && (x.Status < 100 || x.Status > 599) {
			b.fail(path+".status", strconv.Itoa(int(x.Status))+" is not a status", "use 100 to 599")
		}
		if x.Do == sim.Upgrade.String() && x.For == 0 {
			b.fail(path+".for", "is missing", "say how long each router may drain")
		}
		b.router(path, x.Router)
	}
	for i := range f.Pushes {
		b.router(fmt.Sprintf("pushes[%d]", i), f.Pushes[i].Router)
	}
	for i := range f.Expect {
		b.router(fmt.Sprintf("expect[%d]", i), f.Expect[i].Router)
	}
}

func (b *builder) router(path string, n int) {
	most := max(b.file.Routers, 1)
	for _, j := range b.file.Joins {
		most += j.Routers
	}
	if n < 0 || n > most {
		b.fail(path+".router", fmt.Sprintf("there is no router %d", n), fmt.Sprintf("leave it out for all, or raise routers, which is %d", most))
	}
}

// servable checks what a server's model needs.
func (b *builder) servable(w *Backend, path string) {
	if w.Knee > 0 && w.Workers == 0 {
		b.fail(path+".knee", "needs workers", "say how many requests are served at once")
	}
	s := &w.Service
	switch s.Shape {
	case shapes()[sim.LogNormal]:
		if typical := max(s.Typical, Span(10*core.Millisecond)); s.Typical > 0 && s.P99 <= s.Typical || s.P99 <= 0 {
			b.fail(path+".service", "has no p99 above its median of "+Time.format(int64(typical)), "say p99, such as "+Time.format(10*int64(typical)))
		}
	case shapes()[sim.Empirical]:
		last, total := Span(0), uint64(0)
		for _, x := range s.Histogram {
			if x.UpTo <= last {
				b.fail(path+".service.histogram", "has a bucket that does not end after the one before it", "list the shortest first")
			}
			last, total = x.UpTo, total+uint64(x.Count)
		}
		if total == 0 {
			b.fail(path+".service", "has no histogram with counts", "list buckets, such as {up_to: 10ms, count: 900}")
		}
	}
}

// sendable checks that the keys that clients name are keys of some
// configuration of the file, unless unknown keys go somewhere too.
func (b *builder) sendable() {
	known, names := map[string]bool{}, []string(nil)
	specs := []*core.Spec{&b.plan.Spec}
	for i := range b.plan.Pushes {
		if s := b.plan.Pushes[i].Spec; s != nil {
			specs = append(specs, s)
		}
	}
	for _, s := range specs {
		if s.Default != "" {
			return
		}
		for _, k := range s.Keys {
			if !known[k.Key] {
				known[k.Key] = true
				names = append(names, k.Key)
			}
		}
	}
	for i := range b.file.Clients {
		for k, key := range b.file.Clients[i].Keys {
			if !known[key] {
				b.fail(fmt.Sprintf("clients[%d].keys[%d]", i, k), strconv.Quote(key)+" is no key of the configuration, which refuses unknown keys",
					oneOf(key, names)+" (unknown: 100% sends keys that no table has)")
			}
		}
	}
}

// maxNamed bounds what a hint lists.
const maxNamed = 20

// oneOf is the hint for a word that is none of names.
func oneOf(word string, names []string) string {
	if best := core.Nearest(word, names); best != "" {
		return "did you mean " + strconv.Quote(best) + "?"
	}
	if len(names) > maxNamed {
		return fmt.Sprintf("use one of: %s, or one of %d more", strings.Join(names[:maxNamed], ", "), len(names)-maxNamed)
	}
	return "use one of: " + strings.Join(names, ", ")
}
