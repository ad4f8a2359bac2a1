package configfile

import (
	"cmp"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"lockstep/core"
)

// Key tables beside keys, and keys that are divided between placements.

// includeItem is a file or pattern, or CSVs that belong to a table.
type includeItem struct {
	Table string `yaml:"table"`
	CSV   string `yaml:"csv"`
}

// tableOf is includeItem as it is written in full.
type tableOf includeItem

func (i *includeItem) decodeNode(d *decoder, n *node) {
	if n.kind == scalar {
		i.CSV = n.text
		return
	}
	v := decodeAs[tableOf](d, n)
	*i = includeItem(v)
	if n.kind == mapping && (v.Table == "" || v.CSV == "") {
		d.fail(n.at, "this needs both table and csv", "write {table: tenants, csv: tenants/*.csv}, or a file or pattern alone")
	}
}

// tenantList is one CSV and the table that it belongs to, "" for keys.
type tenantList struct {
	src   *source
	table string
	at    place // where the include is written
}

// theKeys is how a route may name the table at the top.
const theKeys = "keys"

// table returns the list of a table, a new one the first time.
func (l *loader) table(name string, at place) *keyList {
	if name == "" {
		return &l.keys
	}
	if name == theKeys {
		l.fail(at, strconv.Quote(name)+" is the name of the table at the top", "give this one another name")
	}
	for _, t := range l.tables {
		if t.name == name {
			return t
		}
	}
	t := &keyList{name: name, at: at}
	l.tables = append(l.tables, t)
	return t
}

// allKeys reads every table, what is written in YAML first.
func (l *loader) allKeys(in nativeFile) {
	l.inlineKeys(in.Keys, &l.keys)
	if in.Tables != nil && l.want(in.Tables, mapping) {
		for _, e := range in.Tables.entries {
			l.inlineKeys(e.value, l.table(e.key, e.at))
		}
	}
	for _, list := range l.lists {
		if folder := filepath.Base(filepath.Dir(list.src.name)); list.table == "" && l.asked(folder, in.Routes) {
			list.table = folder
		}
		l.tenants(list.src, l.table(list.table, list.at))
	}
	l.keys.settle(&l.decoder)
	for _, t := range l.tables {
		t.settle(&l.decoder)
	}
	slices.SortFunc(l.tables, func(a, b *keyList) int { return cmp.Compare(a.name, b.name) })
}

// asked reports whether a route asks a table of that name, other than keys.
func (l *loader) asked(table string, routes []route) bool {
	return table != theKeys && slices.ContainsFunc(routes, func(r route) bool { return r.Table == table })
}

// inlineSplit reads {cell-07: 95%, cell-12: 5%} and returns the split's name.
func (l *loader) inlineSplit(n *node) string {
	var parts []core.PartSpec
	l.duplicates(n)
	for _, e := range n.entries {
		p := core.PartSpec{Placement: e.key}
		if l.want(e.value, scalar) {
			l.part(&p, e.value.text, e.value.at)
		}
		parts = append(parts, p)
	}
	return l.addSplit(parts, n.at)
}

// writtenSplit reads cell-07 95% cell-12 5%, the form of a CSV, which is also
// the split's name.
func (l *loader) writtenSplit(text string, at place) {
	if _, known := l.splits[text]; known {
		return
	}
	words := strings.Fields(text)
	if len(words)%2 != 0 {
		l.fail(at, "this is not a placement, nor placements with their shares", "write cell-07, or cell-07 95% cell-12 5%")
		return
	}
	var parts []core.PartSpec
	for i := 0; i < len(words); i += 2 {
		p := core.PartSpec{Placement: words[i]}
		l.part(&p, words[i+1], at)
		parts = append(parts, p)
	}
	l.nameSplit(text, parts, at)
}

func (l *loader) part(p *core.PartSpec, text string, at place) {
	var s share
	l.text(&node{at: at}, func() error { return s.UnmarshalText([]byte(text)) })
	p.Share = uint32(s)
}

func (l *loader) addSplit(parts []core.PartSpec, at place) string {
	var words []string
	for _, p := range parts {
		words = append(words, p.Placement, core.Percent(p.Share))
	}
	name := strings.Join(words, " ")
	if _, known := l.splits[name]; !known {
		l.nameSplit(name, parts, at)
	}
	return name
}

func (l *loader) nameSplit(name string, parts []core.PartSpec, at place) {
	if l.splits == nil {
		l.splits = map[string]place{}
	}
	l.splits[name] = at
	l.file.Spec.Splits = append(l.file.Spec.Splits, core.SplitSpec{Name: name, Parts: parts})
}

// homesIn lists the placements that a key's home stands for: itself, or the
// parts of a split that get something.
func (f *File) homesIn(home string) []string {
	if strings.IndexByte(home, ' ') < 0 {
		return []string{home}
	}
	i := slices.IndexFunc(f.Spec.Splits, func(s core.SplitSpec) bool { return s.Name == home })
	if i < 0 {
		return nil
	}
	var out []string
	for _, p := range f.Spec.Splits[i].Parts {
		if p.Share > 0 {
			out = append(out, p.Placement)
		}
	}
	return out
}

// everyTable calls visit for keys and for each table, with the path of its keys.
func (f *File) everyTable(visit func(t *keyList, path string)) {
	visit(&f.keys, "keys.")
	for _, t := range f.tables {
		visit(t, "tables."+t.name+".")
	}
}

// tableOfRoute returns the keys of a route, nil where the file has no such route.
func (f *File) tableOfRoute(via int) *keyList {
	name := f.Spec.Table
	if via > 0 {
		if via > len(f.Spec.Routes) {
			return nil
		}
		name = f.Spec.Routes[via-1].Table
	}
	for _, t := range f.tables {
		if t.name == name {
			return t
		}
	}
	return &f.keys
}

// KeyPath is the path of a key in the table of a route, for Where.
func (f *File) KeyPath(via int, key string) string {
	if t := f.tableOfRoute(via); t != nil && t.name != "" {
		return "tables." + t.name + "." + key
	}
	return "keys." + key
}
