package configimport

import (
	"cmp"
	"slices"
	"strings"
)

// mapEntry is one line of a map file.
type mapEntry struct {
	*Line
	key, value string
}

// readMap reads a map file; its lines become lines of the report.
func (h *hap) readMap(path string) (entries []mapEntry, fault string) {
	data, err := h.opts.read(path)
	if err != nil {
		return nil, "the map " + path + " cannot be read here: give this command its folder, or put it beside the configuration"
	}
	raw, _, list := linesOf(Input{path, data})
	if have := h.linesOfMap(path); have != nil { // read by an earlier rule
		list = have
	} else {
		h.report.Lines = append(h.report.Lines, list...)
	}
	for _, l := range list {
		text := strings.TrimSpace(raw[l.Number-1])
		k, v := text, ""
		if i := strings.IndexAny(text, " \t"); i >= 0 {
			k, v = text[:i], strings.TrimSpace(text[i:])
		}
		entries = append(entries, mapEntry{l, k, v})
	}
	return entries, ""
}

func (h *hap) linesOfMap(path string) (out []*Line) {
	for _, l := range h.report.Lines {
		if l.File == path {
			out = append(out, l)
		}
	}
	return out
}

// dynamic makes the rules of use_backend before%[EXPRESSION]after.
func (h *hap) dynamic(f *hapFront, e hapFetch, before, after string, r rule, l *hapLine) ([]rule, string) {
	if n := len(e.conv); n > 0 && strings.HasPrefix(e.conv[n-1].name, "map") {
		look := e.conv[n-1]
		e.conv = slices.Clone(e.conv[:n-1])
		return h.byMap(f, e, look, before, after, r, l)
	}
	k := sourceOf(e)
	if k == "" {
		return nil, "its backend is named by " + e.text + ", which is no routing key"
	}
	if _, lowered := e.harmless(); lowered {
		l.differs("keys are compared with their case: clients must write them in lower case", "")
	}
	r.key, r.last, r.elsewhere = k, true, true
	for _, p := range h.plan.placements {
		key, ok := strings.CutPrefix(p.name, before)
		if key, ok2 := strings.CutSuffix(key, after); ok && ok2 && isKey(key) && h.backends[p.name] != nil {
			r.keys = append(r.keys, keyTo{key, target{placement: p.name}, p.from})
		}
	}
	if len(r.keys) == 0 {
		return nil, "no backend has a name that it could make"
	}
	return []rule{r}, ""
}

// lookup names what a map is asked, to know the same question again.
func lookup(e, look *hapFetch) string {
	source := string(sourceOf(*e))
	if source == "" {
		source = e.name + "(" + strings.ToLower(strings.Join(e.args, ",")) + ")"
	}
	return source + " " + look.arg(0)
}

// byMap makes the rules of a backend that a map names.
func (h *hap) byMap(f *hapFront, e, look hapFetch, before, after string, r rule, l *hapLine) ([]rule, string) {
	entries, fault := h.readMap(look.arg(0))
	if fault != "" {
		return nil, fault
	}
	conv, lowered := e.harmless()
	method := strings.TrimPrefix(strings.TrimPrefix(look.name, "map"), "_")
	if method == "" {
		method = "str"
	}
	r.lookup = lookup(&e, &look)
	end := r
	end.ends, end.elsewhere = true, true
	if name := look.arg(1); name != "" {
		if h.plan.placement(before+name+after) == nil {
			l.not("the backend "+before+name+after+", which keys that the map lacks go to, became no placement", "")
		} else {
			end.to, end.elsewhere, end.ends = target{placement: before + name + after}, false, false
		}
	}
	switch k := sourceOf(e); {
	case k != "" && method == "str":
		if lowered {
			l.differs("keys are compared with their case: clients must write them in lower case", "")
		}
		return []rule{h.keysOfMap(k, entries, before, after, r, end)}, ""
	case e.isHost() && len(conv) == 0:
		return append(h.hostsOfMap(method, entries, before, after, r), end), ""
	case e.name == "path" && len(conv) == 0:
		return append(h.pathsOfMap(method, entries, before, after, r), end), ""
	case k != "":
		return nil, "keys are compared as a whole, not by " + look.name
	}
	return nil, hapUnread(e)
}

// placementOf returns the placement that a map's value names.
func (h *hap) placementOf(m mapEntry, before, after string) (target, bool) {
	name := before + m.value + after
	if h.plan.placement(name) == nil {
		m.not("the backend "+name+" became no placement: this goes where unknown ones go", "")
		return target{}, false
	}
	return target{placement: name}, true
}

func (h *hap) keysOfMap(k key, entries []mapEntry, before, after string, r, end rule) rule {
	r.key, r.last, r.to, r.elsewhere = k, true, end.to, end.elsewhere
	seen := map[string]bool{}
	for _, m := range entries {
		switch to, ok := h.placementOf(m, before, after); {
		case !ok:
		case !isKey(m.key):
			m.not("this is no routing key", "")
		case seen[m.key]:
			m.not("the key is in the map already: the first counts", "")
		default:
			seen[m.key] = true
			m.ok()
			r.keys = append(r.keys, keyTo{m.key, to, m.from()})
		}
	}
	return r
}

// means notes what the entry's condition says of itself, and reports whether it has a meaning.
func (m *mapEntry) means(a *hapACL) bool {
	if a.fault != "" {
		m.not(a.fault, "")
		return false
	}
	m.ok()
	for _, d := range a.differs {
		m.differs(d, "")
	}
	return true
}

// hostsOfMap makes a rule for each host, and one for hosts that differ in their first label.
func (h *hap) hostsOfMap(method string, entries []mapEntry, before, after string, r rule) (out []rule) {
	families := map[string]int{}
	if method == "str" {
		for _, m := range entries {
			_, suffix, _ := strings.Cut(strings.ToLower(m.key), ".")
			families[suffix]++
		}
	}
	family := map[string]int{} // suffix: its rule in out
	for _, m := range entries {
		to, ok := h.placementOf(m, before, after)
		if !ok {
			continue
		}
		var a hapACL
		a.hosts(method, []string{m.key})
		if !m.means(&a) {
			continue
		}
		one := r
		one.from = append(slices.Clone(r.from), m.from())
		label, suffix, _ := strings.Cut(a.any[0].in.hosts[0], ".")
		if families[suffix] > 2 && strings.Contains(suffix, ".") && isKey(label) {
			i, have := family[suffix]
			if !have {
				i = len(out)
				family[suffix] = i
				one.from, one.in.hosts, one.key = r.from, []string{"*." + suffix}, key("{host: "+quoted("*."+suffix)+"}")
				out = append(out, one)
			}
			out[i].keys = append(out[i].keys, keyTo{label, to, m.from()})
			continue
		}
		one.in, one.to = a.any[0].in, to
		out = append(out, one)
	}
	return out
}

// pathsOfMap makes a rule for each path, the longest first.
func (h *hap) pathsOfMap(method string, entries []mapEntry, before, after string, r rule) (out []rule) {
	entries = slices.SortedStableFunc(slices.Values(entries), func(a, b mapEntry) int { return cmp.Compare(len(b.key), len(a.key)) })
	for _, m := range entries {
		to, ok := h.placementOf(m, before, after)
		if !ok {
			continue
		}
		var a hapACL
		a.paths(method, []string{m.key})
		if !m.means(&a) {
			continue
		}
		one := r
		one.in, one.to = a.any[0].in, to
		one.from = append(slices.Clone(r.from), m.from())
		out = append(out, one)
	}
	return out
}
