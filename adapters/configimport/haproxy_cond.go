package configimport

import (
	"slices"
	"strings"
)

// hapTerm is a conjunction: what must hold, and what must not.
type hapTerm struct {
	yes []hapACL
	no  []hapACL
}

// hapCondition takes what follows if or unless apart into alternatives.
func (h *hap) hapCondition(words []string, acls map[string]*hapACL, vars map[string]hapVar) (terms []hapTerm, fault string) {
	var t hapTerm
	size, negate := 0, false
	for i := 0; i < len(words); i++ {
		w := words[i]
		if (w == "or" || w == "||") && !negate {
			if size == 0 {
				return nil, "its condition has nothing before or"
			}
			terms, t, size = append(terms, t), hapTerm{}, 0
			continue
		}
		for strings.HasPrefix(w, "!") {
			negate = !negate
			w = w[1:]
		}
		var a hapACL
		switch {
		case w == "":
			continue
		case w == "{":
			end := slices.Index(words[i:], "}")
			if end < 0 {
				return nil, "a brace in its condition has no end"
			}
			a = h.readACL(words[i+1:i+end], vars)
			i += end
		default:
			var ok bool
			if a, ok = named(w, acls); !ok {
				return nil, "there is no ACL named " + w
			}
		}
		if negate {
			t.no = append(t.no, a)
		} else {
			t.yes = append(t.yes, a)
		}
		size, negate = size+1, false
	}
	if size == 0 || negate {
		return nil, "its condition has no end"
	}
	return append(terms, t), ""
}

func named(name string, acls map[string]*hapACL) (hapACL, bool) {
	if a := acls[name]; a != nil {
		return *a, true
	}
	return predefined(name)
}

// conjunction is a term with one alternative of each of its ACLs.
type conjunction struct {
	in    region
	key   key
	keys  []string
	found bool
	down  string
}

// conjunctions multiplies the alternatives out. A fault of an alternative is in faults.
func conjunctions(acls []hapACL) (out []conjunction, faults []string) {
	out = []conjunction{{}}
	for _, a := range acls {
		if a.fault != "" {
			faults = append(faults, a.fault)
		}
		var next []conjunction
		for _, c := range out {
			for _, atom := range a.any {
				if n, ok, fault := c.and(atom); fault != "" {
					faults = append(faults, fault)
				} else if ok && len(next) < most {
					next = append(next, n)
				}
			}
		}
		out = next
	}
	return out, faults
}

// and adds an atom; ok is false when nothing is left.
func (c conjunction) and(a hapAtom) (out conjunction, ok bool, fault string) {
	if a.never {
		return c, false, ""
	}
	in, ok := c.in.intersect(a.in)
	if !ok {
		return c, false, ""
	}
	c.in = in
	if a.down != "" {
		if c.down != "" {
			return c, false, "a condition asks for two backends that are down"
		}
		c.down = a.down
	}
	if a.key == "" {
		return c, true, ""
	}
	if c.key != "" && (c.key != a.key || c.keys != nil && a.keys != nil) {
		return c, false, "a condition asks for two keys at once"
	}
	c.key = a.key
	if a.keys != nil {
		c.keys, c.found = a.keys, false
	} else if c.keys == nil {
		c.found = true
	}
	return c, true, ""
}

// regionsOf returns the requests that ACLs hold for, where host and path alone say so.
func regionsOf(acls []hapACL) (out []region, faults []string) {
	cs, faults := conjunctions(acls)
	for _, c := range cs {
		if c.key != "" || c.down != "" {
			faults = append(faults, "that a key is not there, or a backend not down, cannot be asked for")
			continue
		}
		out = append(out, c.in)
	}
	return out, faults
}
