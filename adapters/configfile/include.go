package configfile

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// maxIncludes bounds the files that one configuration may consist of.
const maxIncludes = 10_000

// includes reads what root includes and returns root with it laid in. Tables of
// names (placements, profiles, keys) grow together; anything else may be
// written in one file only.
func (l *loader) includes(root *node) *node {
	list := root.value("include")
	if list == nil || list.kind != sequence {
		return root
	}
	for _, item := range list.items {
		table := ""
		if item.kind == mapping {
			v := decodeAs[includeItem](&decoder{}, item) // its faults are reported later
			if item = item.value("csv"); v.Table == "" || item == nil {
				continue
			}
			table = v.Table
		}
		if item.kind != scalar {
			continue // the decoder reports it
		}
		if l.from == "" {
			l.fail(item.at, "a configuration that is not a file on disk cannot include others", "push one whole configuration")
			continue
		}
		root = l.include(root, item, table)
	}
	return root
}

func (l *loader) include(root, item *node, table string) *node {
	pattern := item.text
	if !filepath.IsAbs(pattern) {
		pattern = filepath.Join(filepath.Dir(l.from), pattern)
	}
	l.file.Watch = append(l.file.Watch, pattern)
	paths, err := filepath.Glob(pattern)
	switch {
	case err != nil:
		l.fail(item.at, strconv.Quote(item.text)+" is not a pattern", "use * for any part of a name and close every [")
	case len(paths) == 0:
		l.fail(item.at, strconv.Quote(item.text)+" matches no file", "it is looked for beside "+l.from)
	}
	for _, path := range paths {
		if slices.Contains(l.file.Sources, path) {
			continue // matched by two patterns, read once
		}
		if len(l.file.Sources) >= maxIncludes {
			l.fail(item.at, "more than "+strconv.Itoa(maxIncludes)+" files are included", "join some of them")
			return root
		}
		root = l.includeFile(root, item, path, table)
	}
	return root
}

func (l *loader) includeFile(root, item *node, path, table string) *node {
	data, err := os.ReadFile(path)
	if err != nil {
		l.fail(item.at, "an included file cannot be read: "+err.Error(), "mend its permissions, or include another")
		return root
	}
	src := &source{path, string(data)}
	l.file.Sources = append(l.file.Sources, path)
	if filepath.Ext(path) == ".csv" {
		l.lists = append(l.lists, tenantList{src, table, item.at})
		return root
	}
	if table != "" {
		l.fail(item.at, path+" is not a CSV", "name only files that end in .csv for a table")
		return root
	}
	n, fault := readYAML(src)
	if fault != nil {
		l.report(&l.problems, fault)
		return root
	}
	if !l.want(n, mapping) {
		return root
	}
	return l.join(root, n)
}

// join lays the top level of an included file beside that of the main one.
func (l *loader) join(root, n *node) *node {
	out := &node{at: root.at, kind: mapping, entries: slices.Clone(root.entries)}
	for _, e := range n.entries {
		first := out.get(e.key)
		switch {
		case e.key == "include":
			l.fail(e.at, "an included file cannot include others", "list every file in "+l.file.Path)
		case e.key == "lockstep" && e.value.isWord("1"):
		case first == nil:
			out.entries = append(out.entries, e)
		case isTable(e.key) && first.value.kind == mapping && e.value.kind == mapping:
			first.value = &node{at: first.value.at, kind: mapping, entries: slices.Concat(first.value.entries, e.value.entries)}
		default:
			l.twice(e.key, first.at, e.at)
		}
	}
	return out
}

// isTable says which parts of a configuration are made of named things.
func isTable(key string) bool {
	return key == "placements" || key == "profiles" || key == "keys" || key == "tables"
}
