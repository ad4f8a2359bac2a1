package configfile

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"lockstep/core"
	"lockstep/traces"
)

// loader turns one file, and what it includes, into a File.
type loader struct {
	decoder
	file   *File
	from   string // the file beside which includes are looked for; "" when they may not be read
	keys   keyList
	tables []*keyList       // those of tables, and of CSVs that name one
	splits map[string]place // where each split is first written
	lists  []tenantList     // tenants as CSV, read after the keys in YAML
}

func load(path, from string, data []byte) (*File, error) {
	src := &source{path, strings.TrimPrefix(string(data), "\ufeff")}
	l := &loader{from: from, file: &File{Path: path, Sources: []string{path}, Watch: []string{path}}}
	form, root, fault := sniff(src)
	if fault != nil {
		return nil, Problems{fault}
	}
	l.file.Form = form
	if form == Native {
		l.native(root)
	} else {
		l.lenient = true
		l.baseline(root)
	}
	if err := l.err(); err != nil {
		return nil, err
	}
	l.finish()
	return l.file, nil
}

// sniff tells the form by content and parses it.
func sniff(src *source) (Form, *node, *Problem) {
	var root *node
	var fault *Problem
	isJSON := json.Valid([]byte(src.text))
	likeBaseline := strings.HasPrefix(strings.TrimSpace(src.text), "{") &&
		(strings.Contains(src.text, `"routingTable"`) || strings.Contains(src.text, `"cellEndpoints"`))
	if isJSON || likeBaseline {
		root, fault = readJSON(src)
	} else {
		root, fault = readYAML(src)
	}
	switch {
	case fault != nil:
		return 0, nil, fault
	case root.kind != mapping:
		return 0, nil, root.at.problem("the file holds "+root.kind.String()+", not a map of settings", "begin it with: lockstep: 1")
	case root.get("lockstep") != nil:
		return Native, root, nil
	case !isJSON && root.get("routingTable") != nil:
		return 0, nil, root.get("routingTable").at.problem("the baseline's forms are JSON, and this is not", "write it as JSON, or in the native form with lockstep: 1")
	case root.get("cellEndpoints") != nil && root.get("placements") == nil:
		return Baseline1, root, nil
	case isJSON && (root.get("placements") != nil || root.get("routingTable") != nil || root.get("defaultPlacement") != nil):
		return Baseline2, root, nil
	}
	return 0, nil, root.at.problem("this is none of the three forms of a configuration",
		"begin a native file with lockstep: 1; a baseline file has routingTable and cellEndpoints or placements")
}

// finish puts the Spec in its canonical order and labels it.
func (l *loader) finish() {
	f := l.file
	slices.SortFunc(f.Spec.Placements, func(a, b core.PlacementSpec) int { return cmp.Compare(a.Name, b.Name) })
	f.Spec.Keys, f.keys = l.keys.specs, l.keys
	f.tables, f.splits = l.tables, l.splits
	for _, t := range f.tables {
		f.Spec.Tables = append(f.Spec.Tables, core.TableSpec{Name: t.name, Keys: t.specs})
	}
	f.Warnings = l.warnings
	if f.Form == Native && f.Spec.Version == "" {
		f.labelled = true
		f.Spec.Version = label(&f.Spec)
	}
}

func writeKeys(w *bufio.Writer, keys []core.KeySpec) {
	for _, k := range keys {
		_, _ = w.WriteString(k.Key)
		_ = w.WriteByte(0)
		_, _ = w.WriteString(k.Placement)
		_ = w.WriteByte(0)
	}
}

// label is a short hash of what a Spec means: comments, order and facts do not
// change it, so saving a file unchanged in meaning is not a new configuration, and
// neither is loading it with a program that knows more settings.
func label(s *core.Spec) string {
	h := sha256.New()
	rest := *s
	rest.Keys, rest.Tables = nil, nil
	_, _ = h.Write(traces.EncodeSpec(&rest)) // what is not set is left out
	// A million keys as JSON would cost more than parsing them.
	w := bufio.NewWriterSize(h, 1<<16)
	writeKeys(w, s.Keys)
	for _, t := range s.Tables {
		_, _ = w.WriteString(t.Name)
		_ = w.WriteByte(1)
		writeKeys(w, t.Keys)
	}
	_ = w.Flush()
	return hex.EncodeToString(h.Sum(nil)[:6])
}
