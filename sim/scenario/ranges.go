package scenario

import (
	"fmt"
	"slices"
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
	if f.Routers < 0 || f.fleet() > maxRouters {
		b.fail("routers", fmt.Sprintf("there are %d, %d in all", f.Routers, f.fleet()), fmt.Sprintf("use 1 to %d", maxRouters))
	}
	for i := range f.Joins {
		if f.Joins[i].Routers < 1 {
			b.fail(fmt.Sprintf("joins[%d].routers", i), "is "+strconv.Itoa(f.Joins[i].Routers), "say how many join")
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
			b.fail(path+".ramp", "is of a rate, and users have none", "leave out one of the two")
		}
		b.router(path, c.Router)
	}
	for i := range f.Faults {
		x, path := &f.Faults[i], fmt.Sprintf("faults[%d]", i)
		if x.Status != 0 && (x.Status < 100 || x.Status > 599) {
			b.fail(path+".status", strconv.Itoa(int(x.Status))+" is not a status", "use 100 to 599")
		}
		if x.Do == sim.Upgrade.String() && x.For == 0 {
			b.fail(path, "has no end", "say under for how long each router may drain")
		}
		b.router(path, x.Router)
		b.read(x, path)
	}
	for i := range f.Pushes {
		b.router(fmt.Sprintf("pushes[%d]", i), f.Pushes[i].Router)
	}
	for i := range f.Expect {
		b.router(fmt.Sprintf("expect[%d]", i), f.Expect[i].Router)
	}
}

// read checks that a fault's kind reads what is said of it.
func (b *builder) read(x *Fault, path string) {
	servers := "refuse hang slow flaky broken_body slow_body stuck_body reset_new health_down health_up"
	links := "delayed lossy partition partition_out partition_back reset_all"
	for _, field := range [...]struct {
		name, kinds string
		said        bool
	}{
		{"for", servers + " delayed lossy partition partition_out partition_back crash drain upgrade clock_ahead clock_behind silence", x.For != 0},
		{"placement", servers + " " + links, x.Placement != ""},
		{"router", links + " crash drain upgrade clock_ahead clock_behind silence", x.Router != 0},
		{"share", "flaky broken_body stuck_body lossy partition_out partition_back", x.Share != 0},
		{"status", "flaky", x.Status != 0},
		{"factor", "slow", x.Factor != 0},
		{"delay", "slow_body delayed upgrade clock_ahead clock_behind", x.Delay != 0},
		{"pause", "upgrade", x.Pause != 0},
		{"spread", "silence", x.Spread != 0},
	} {
		if kinds := strings.Fields(field.kinds); field.said && !slices.Contains(kinds, x.Do) && slices.Contains(faultNames(), x.Do) {
			b.fail(path+"."+field.name, "means nothing to "+x.Do, "remove it: it is of "+strings.Join(kinds, ", "))
		}
	}
}

func (b *builder) router(path string, n int) {
	if most := b.file.fleet(); n < 0 || n > most {
		b.fail(path+".router", fmt.Sprintf("there is no router %d", n), fmt.Sprintf("leave it out for all, or raise routers; with joins there are %d", most))
	}
}

// fleet is how many routers there are in all.
func (f *File) fleet() int {
	n := max(f.Routers, 1)
	for i := range f.Joins {
		n += f.Joins[i].Routers
	}
	return n
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
