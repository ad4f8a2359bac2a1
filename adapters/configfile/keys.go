package configfile

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"lockstep/core"
)

// keyPlace is where a key stands, kept small: there may be a million.
type keyPlace struct {
	source uint16
	width  uint16
	region uint16 // index of keyList.regions; 0: none
	line   int32
	col    int32
}

// keyList collects keys from every file with their places, in parallel.
type keyList struct {
	name    string // of the table; "" for keys
	at      place  // where it begins; nowhere for keys
	specs   []core.KeySpec
	places  []keyPlace
	sources []*source
	regions []string // the first is none
}

// region returns the number of a name that stands in a CSV.
func (k *keyList) region(name string) (uint16, bool) {
	if len(k.regions) == 0 {
		k.regions = []string{""}
	}
	i := slices.Index(k.regions, name)
	if i < 0 && len(k.regions) <= maxRegions {
		i = len(k.regions)
		k.regions = append(k.regions, name)
	}
	return uint16(max(i, 0)), i >= 0
}

// maxRegions bounds the different regions of a list of tenants, which is searched for each.
const maxRegions = 1000

// source returns the number of src.
func (k *keyList) source(src *source) uint16 {
	i := slices.Index(k.sources, src)
	if i < 0 {
		i = len(k.sources)
		k.sources = append(k.sources, src)
	}
	return uint16(i)
}

func (k *keyList) add(key, placement string, at keyPlace) {
	k.specs = append(k.specs, core.KeySpec{Key: key, Placement: placement})
	k.places = append(k.places, at)
}

func (k *keyList) place(i int) place {
	p := k.places[i]
	return place{k.sources[p.source], p.line, p.col, int32(p.width)}
}

// settle sorts the keys and reports those defined twice; of those the last one stays.
func (k *keyList) settle(d *decoder) {
	byKey := func(a, b core.KeySpec) int { return cmp.Compare(a.Key, b.Key) }
	if !slices.IsSortedFunc(k.specs, byKey) {
		k.sort()
	}
	n := 0
	for i := range k.specs {
		if i > 0 && k.specs[i].Key == k.specs[n-1].Key {
			d.twice(k.specs[i].Key, k.place(n-1), k.place(i))
			n--
		}
		k.specs[n], k.places[n] = k.specs[i], k.places[i]
		n++
	}
	k.specs, k.places = k.specs[:n], k.places[:n]
}

func (k *keyList) sort() {
	order := make([]int32, len(k.specs))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(k.specs[a].Key, k.specs[b].Key) })
	specs, places := make([]core.KeySpec, len(order)), make([]keyPlace, len(order))
	for to, from := range order {
		specs[to], places[to] = k.specs[from], k.places[from]
	}
	k.specs, k.places = specs, places
}

// inlineKeys reads a map from key to placement, or to the parts of a split.
func (l *loader) inlineKeys(n *node, list *keyList) {
	if n == nil || n.kind == null && l.lenient || !l.want(n, mapping) {
		return
	}
	for _, e := range n.entries {
		home := e.value.text
		switch {
		case e.value.kind == mapping && !l.lenient:
			home = l.inlineSplit(e.value)
		case e.value.kind != scalar || l.lenient && !e.value.quoted:
			l.fail(e.value.at, "the placement of a key must be a name", "write key: placement, or key: {placement: 95%, other: 5%}")
			continue
		}
		if e.key == "" {
			l.fail(e.at, "a key is empty", "an empty key can never match: remove it")
			continue
		}
		source := list.source(e.at.source)
		list.add(e.key, home, keyPlace{source, uint16(min(e.at.width, 200)), 0, e.at.line, e.at.col})
	}
}

// tenants reads keys from CSV: a header, then one line a key in ascending
// order. Quotes are not read, so a key has neither comma nor line end: what
// stands in the line is the key. Key and placement share the file's memory. A
// placement with a space is a split: cell-07 95% cell-12 5%.
func (l *loader) tenants(src *source, list *keyList) {
	header, rest, _ := strings.Cut(strings.TrimPrefix(src.text, "\ufeff"), "\n") // spreadsheets write a byte order mark
	header = strings.TrimSuffix(header, "\r")
	if header != "key,placement" && header != "key,placement,region" {
		place{src, 1, 1, int32(len(header))}.report(l, "this is not the header of a list of tenants", "begin the file with: key,placement or key,placement,region")
		return
	}
	commas := strings.Count(header, ",")
	number, last, lastLine, sorted := list.source(src), "", int32(0), true
	list.specs = slices.Grow(list.specs, strings.Count(rest, "\n")+1)
	list.places = slices.Grow(list.places, strings.Count(rest, "\n")+1)
	for line := int32(2); rest != "" && len(l.problems) < maxProblems; line++ {
		var row string
		row, rest, _ = strings.Cut(rest, "\n")
		row = strings.TrimSuffix(row, "\r")
		key, tail, _ := strings.Cut(row, ",")
		placement, name, _ := strings.Cut(tail, ",")
		region, fits := list.region(name)
		at := place{src, line, 1, int32(len(row))}
		switch {
		case strings.Count(row, ",") != commas:
			at.report(l, "this line has "+count(strings.Count(row, ",")+1, "field")+", the header "+strconv.Itoa(commas+1), "write "+header)
		case strings.IndexByte(row, '"') >= 0:
			at.report(l, "there is a quote in this line", "write keys and placements bare: quotes are not read")
		case key == "" || placement == "":
			at.report(l, "the key or the placement is empty", "write both, or remove the line")
		case !fits:
			at.report(l, "there are more than "+strconv.Itoa(maxRegions)+" regions", "write the name of a region in the third column")
		case key == last:
			l.twice(key, place{src, lastLine, 1, int32(len(key))}, at)
		case key < last:
			if sorted { // the first is enough to know
				at.report(l, strconv.Quote(key)+" comes after "+strconv.Quote(last), "sort the lines by key, byte by byte: LC_ALL=C sort")
			}
			sorted = false
		default:
			if strings.IndexByte(placement, ' ') >= 0 {
				l.writtenSplit(placement, place{src, line, int32(len(key)) + 2, int32(len(placement))})
			}
			list.add(key, placement, keyPlace{number, uint16(min(len(key), 200)), region, line, 1})
			last, lastLine = key, line
		}
	}
}

func (p place) report(l *loader, what, hint string) { l.fail(p, what, hint) }
