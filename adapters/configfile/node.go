package configfile

// kind is the shape of a node.
type kind uint8

const (
	null kind = iota
	scalar
	mapping
	sequence
)

func (k kind) String() string {
	return [...]string{"nothing", "a single value", "a map", "a list"}[k]
}

// node is one value of a file with its place. YAML and JSON both become
// nodes; a scalar keeps its text as written, so that no 007 or no is lost to a
// guess at its type. Nodes are shared between placements after a merge and are
// never changed once read.
type node struct {
	at      place
	kind    kind
	quoted  bool   // scalar: in quotes or a block, so never a number, true or none
	text    string // scalar: the value, escapes undone
	entries []entry
	items   []*node
}

// entry is one key and value of a mapping, in the order of the file.
type entry struct {
	key   string
	at    place // of the key
	value *node
}

// get returns the last entry with that key, nil when there is none.
func (n *node) get(key string) *entry {
	if n == nil {
		return nil
	}
	for i := len(n.entries) - 1; i >= 0; i-- {
		if n.entries[i].key == key {
			return &n.entries[i]
		}
	}
	return nil
}

// value returns the value of get, nil when there is none.
func (n *node) value(key string) *node {
	if e := n.get(key); e != nil {
		return e.value
	}
	return nil
}

// isWord reports whether n is that bare word, such as none.
func (n *node) isWord(word string) bool {
	return n != nil && n.kind == scalar && !n.quoted && n.text == word
}

// merged lays over on top of under: maps merge key by key, anything else is
// replaced whole, a list too. Either may be nil.
func merged(under, over *node) *node {
	switch {
	case over == nil:
		return under
	case under == nil || under.kind != mapping || over.kind != mapping:
		return over
	}
	out := &node{at: over.at, kind: mapping}
	for _, e := range under.entries {
		if o := over.get(e.key); o != nil {
			e = entry{e.key, o.at, merged(e.value, o.value)}
		}
		out.entries = append(out.entries, e)
	}
	for _, e := range over.entries {
		if under.get(e.key) == nil {
			out.entries = append(out.entries, e)
		}
	}
	return out
}

// without returns a copy of the mapping n that lacks those keys.
func (n *node) without(keys ...string) *node {
	out := &node{at: n.at, kind: n.kind}
next:
	for _, e := range n.entries {
		for _, k := range keys {
			if e.key == k {
				continue next
			}
		}
		out.entries = append(out.entries, e)
	}
	return out
}

// plain returns n as the usual Go values: maps, slices and text as written.
func plain(n *node) any {
	switch n.kind {
	case mapping:
		m := make(map[string]any, len(n.entries))
		for _, e := range n.entries {
			m[e.key] = plain(e.value)
		}
		return m
	case sequence:
		s := make([]any, len(n.items))
		for i := range n.items {
			s[i] = plain(n.items[i])
		}
		return s
	case scalar:
		return n.text
	}
	return nil
}
