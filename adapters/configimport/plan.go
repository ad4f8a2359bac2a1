package configimport

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"lockstep/core"
)

// plan is the native form in the making, whatever it is made from.
type plan struct {
	listeners  tree
	routes     []*tree
	placements []*placement
	tables     tree
	noRoute    string // the status of requests that no route takes; "": the default
	byContent  map[string]string
	csvOver    int    // Options.CSVOver
	csvPrefix  string // Options.CSVPrefix
	csv        map[string][]byte
	admin      string // where operators look; "": nowhere
	adminFrom  string
}

// placement is one placement in the making.
type placement struct {
	name string
	from string
	tree tree
	hash key // what its selection hashes, where that is a routing key; else ""
}

func (p *plan) placement(name string) *placement {
	for _, have := range p.placements {
		if have.name == name {
			return have
		}
	}
	return nil
}

// listens reports whether a listener has that address already.
func (p *plan) listens(address string) bool {
	return slices.ContainsFunc(p.listeners.entries, func(e *leaf) bool { return valueOf(e.value.(*tree), "address") == quoted(address) })
}

// anyHost and anyLabel are keys that every request for a name has.
const (
	anyHost  = "{host_label: 1}"
	anyLabel = "{host_label: -1}"
)

// room is how many routes may still be made.
func (p *plan) room() int { return most - len(p.routes) }

const tooManyRoutes = "with those before it, it makes more than 999 routes: the last ones are missing"

// addRoutes writes routes, in order, for requests by these listeners (nil: by any).
func (p *plan) addRoutes(routes []built, listeners []string, tableName string) {
	for _, b := range routes {
		b.divide()
		t := &tree{}
		var match []string
		if b.in.hosts != nil {
			match = append(match, "host: "+flowList(b.in.hosts))
		}
		if b.in.paths != nil {
			match = append(match, "path: "+flowList(b.in.paths))
		}
		if listeners != nil {
			match = append(match, "listen: "+flowList(listeners))
		}
		if match != nil {
			t.set("match", "{"+strings.Join(match, ", ")+"}")
		}
		t.set("key", "["+strings.Join(p.sources(&b), ", ")+"]")
		if len(b.keys) > 0 {
			t.set("table", quoted(p.table(tableName, b.keys)))
		}
		if b.to.reject != 0 {
			t.set("unknown_key", "{reject: "+strconv.Itoa(b.to.reject)+"}")
		} else {
			t.set("unknown_key", "{to: "+quoted(b.to.placement)+"}")
		}
		t.entries[0].from = joined(slices.Compact(slices.Clone(b.from)))
		p.routes = append(p.routes, t)
	}
}

// divide finds a key that every request of a route has, where they are split
// between placements without one: only keys are split.
func (b *built) divide() {
	if len(b.to.parts) == 0 {
		return
	}
	add := func(k key, words []string) {
		b.key = k
		seen := map[string]bool{}
		for _, w := range words {
			if !seen[w] {
				seen[w] = true
				b.keys = append(b.keys, keyTo{w, b.to, joined(slices.Clone(b.from))})
			}
		}
	}
	switch {
	case b.key != "":
	case b.in.hosts != nil && !slices.ContainsFunc(b.in.hosts, func(h string) bool { return strings.HasPrefix(h, "*") || strings.Trim(h, "0123456789.") == "" }):
		add(anyHost, parted(b.in.hosts, "."))
		return
	case b.in.paths != nil:
		add("{path_segment: 1}", parted(b.in.paths, "/"))
		return
	}
	if b.line != nil {
		b.line.not("requests without a known key cannot be split between placements, and nothing that they all have can be a key: all go to "+b.to.placement, "give them a key, or name their hosts")
	}
}

// parted returns the first part of each word.
func parted(words []string, by string) (out []string) {
	for _, w := range words {
		first, _, _ := strings.Cut(strings.TrimPrefix(w, "/"), by)
		out = append(out, first)
	}
	return out
}

// sources lists where a route reads its key. A request that has none of them is
// refused with 400, so the last is one that nearly all have.
func (p *plan) sources(b *built) []string {
	if b.key == "" {
		if to := p.placement(b.to.placement); to != nil && to.hash != "" {
			return []string{string(to.hash), anyHost}
		}
		return []string{anyHost}
	}
	if b.to.reject != 0 || strings.HasPrefix(string(b.key), "{host_label") || strings.HasPrefix(string(b.key), "{path_segment") || mayBeTop(b.keys) {
		return []string{string(b.key)}
	}
	return []string{string(b.key), anyLabel}
}

// mayBeTop reports whether a key could be the last label of a host name, so that
// reading it there would give a request without a key to somebody.
func mayBeTop(keys []keyTo) bool {
	return slices.ContainsFunc(keys, func(k keyTo) bool {
		word := strings.ToLower(k.key)
		if slices.Contains([]string{"com", "net", "org", "info", "dev", "app", "cloud", "internal", "local", "lan", "localhost", "test", "example"}, word) {
			return true
		}
		return len(word) == 2 && strings.Trim(word, "abcdefghijklmnopqrstuvwxyz") == ""
	})
}

// table returns the name of a table with these keys, a new one for new content.
func (p *plan) table(name string, keys []keyTo) string {
	t := &tree{}
	for _, k := range slices.SortedStableFunc(slices.Values(keys), func(a, b keyTo) int { return cmp.Compare(a.key, b.key) }) {
		if len(keys) > manyKeys {
			k.from = ""
		}
		t.setWhole(k.key, k.to.text(), k.from)
	}
	content := (&leaf{key: "t", value: t}).plain()
	if have := p.byContent[content]; have != "" {
		return have
	}
	if name == "" || name == "keys" {
		name = "tenants"
	}
	free := name
	for i := 2; p.tables.get(free) != nil || p.csv[free+".csv"] != nil; i++ {
		free = name + "-" + strconv.Itoa(i)
	}
	if p.byContent == nil {
		p.byContent = map[string]string{}
	}
	p.byContent[content] = free
	if !p.asCSV(free, keys) {
		p.tables.setWhole(free, t)
	}
	return free
}

// files are the CSVs by the names that are included.
func (p *plan) files() map[string][]byte {
	out := map[string][]byte{}
	for name, data := range p.csv {
		out[p.csvPrefix+name] = data
	}
	return out
}

// manyKeys is how many keys of a table have their origin beside them.
const manyKeys = 5000

// asCSV makes a file of a table that is too large to be read in YAML, if a CSV can have its keys.
func (p *plan) asCSV(name string, keys []keyTo) bool {
	odd := func(k keyTo) bool {
		return len(k.to.parts) > 0 || strings.ContainsAny(k.key+k.to.placement, ",\"\r\n ") || strings.HasPrefix(k.key, "#")
	}
	if p.csvOver == 0 || len(keys) <= p.csvOver || slices.ContainsFunc(keys, odd) {
		return false
	}
	lines := make([]string, 0, len(keys))
	for _, k := range keys {
		lines = append(lines, k.key+","+k.to.placement+"\n")
	}
	slices.SortFunc(lines, func(a, b string) int {
		keyA, _, _ := strings.Cut(a, ",")
		keyB, _, _ := strings.Cut(b, ",")
		return strings.Compare(keyA, keyB)
	})
	if p.csv == nil {
		p.csv = map[string][]byte{}
	}
	p.csv[name+".csv"] = []byte("key,placement\n" + strings.Join(lines, ""))
	return true
}

// text writes a target as the value of a key.
func (t target) text() string {
	if len(t.parts) == 0 {
		return quoted(t.placement)
	}
	var words []string
	for _, p := range t.parts {
		words = append(words, quoted(p.placement)+": "+core.Percent(p.millionth))
	}
	return "{" + strings.Join(words, ", ") + "}"
}

// hoist moves settings that all placements share to the defaults.
func (p *plan) hoist() *tree {
	out := &tree{}
	if len(p.placements) < 2 {
		return out
	}
	var trees []*tree
	for _, q := range p.placements {
		trees = append(trees, &q.tree)
	}
	share(trees, out, "endpoints", "fallback")
	for _, name := range []string{"timeouts", "retries"} { // what a map shares in part
		var parts []*tree
		for _, t := range trees {
			if e := t.get(name); e != nil {
				if part, ok := e.value.(*tree); ok {
					parts = append(parts, part)
				}
			}
		}
		if len(parts) != len(trees) {
			continue
		}
		common := &tree{}
		share(parts, common)
		if len(common.entries) > 0 {
			out.set(name, common)
		}
		for _, t := range trees {
			if len(t.child(name).entries) == 0 {
				t.remove(name)
			}
		}
	}
	out.order(settingsOrder...)
	return out
}

// share moves the entries that all trees have alike to out.
func share(trees []*tree, out *tree, except ...string) {
	for _, e := range slices.Clone(trees[0].entries) {
		plain := e.plain()
		same := func(t *tree) bool { have := t.get(e.key); return have != nil && have.plain() == plain }
		if slices.Contains(except, e.key) || slices.ContainsFunc(trees, func(t *tree) bool { return !same(t) }) {
			continue
		}
		out.entries = append(out.entries, e)
		for _, t := range trees {
			t.remove(e.key)
		}
	}
}

// settingsOrder is how the settings of a placement are written.
var settingsOrder = []string{
	"endpoints", "fallback", "select", "bound", "sticky", "slow_start", "timeouts", "health", "breaker", "panic_percent", "limit", "retries", "upstream",
}

// yaml writes the whole.
func (p *plan) yaml(head string) []byte {
	doc := &tree{}
	doc.set("lockstep", "1")
	if len(p.csv) > 0 {
		var items []string
		for _, name := range slices.Sorted(maps.Keys(p.csv)) {
			items = append(items, "{table: "+quoted(strings.TrimSuffix(name, ".csv"))+", csv: "+quoted(p.csvPrefix+name)+"}")
		}
		doc.set("include", "["+strings.Join(items, ", ")+"]")
	}
	if len(p.listeners.entries) > 0 {
		doc.set("listen", &p.listeners)
	}
	if p.admin != "" {
		doc.set("admin/address", quoted(p.admin), p.adminFrom)
	}
	if p.noRoute != "" {
		doc.set("routing", "{no_route: {reject: "+p.noRoute+"}}")
	}
	if len(p.routes) > 0 {
		doc.set("routes", p.routes)
	}
	if d := p.hoist(); len(d.entries) > 0 {
		doc.set("defaults", d)
	}
	places := &tree{}
	for _, q := range p.placements {
		q.tree.order(settingsOrder...)
	}
	for _, q := range p.placements {
		places.setWhole(q.name, &q.tree, q.from)
	}
	doc.set("placements", places)
	if len(p.tables.entries) > 0 {
		doc.set("tables", &p.tables)
	}
	var b strings.Builder
	for line := range strings.Lines(head) {
		b.WriteString(strings.TrimRight("# "+line, " \n") + "\n")
	}
	for i, e := range doc.entries {
		if i > 0 {
			b.WriteByte('\n')
		}
		(&tree{[]*leaf{e}}).write(&b, "", false)
	}
	return []byte(b.String())
}

// Annotated returns the YAML with the report on top, as comments.
func (r *Result) Annotated() []byte {
	var b strings.Builder
	for line := range strings.Lines(r.Report.Text(false)) {
		b.WriteString(strings.TrimRight("# "+line, " \n") + "\n")
	}
	return append([]byte(b.String()+"#\n"), r.YAML...)
}

// at is a place in a comment of the result: short, since the report has whole paths.
func at(file string, line int) string { return fmt.Sprintf("%s:%d", path.Base(file), line) }
