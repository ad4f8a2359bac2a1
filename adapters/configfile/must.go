package configfile

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"lockstep/core"
)

// Promise is one line of must: what the operator wants to be true of this
// configuration. It is never served from. Kind says which fields count.
type Promise struct {
	Name     string
	Kind     PromiseKind
	Share    uint32            // in parts per million: SurviveLoss, the least that is answered; HomeFirst, the most that is refused
	Within   core.Duration     // SurviveLoss: how long after the loss
	Probes   uint32            // TestRequests: the most at once to one endpoint
	Region   string            // ServedBy: keys of this region
	ServedBy map[string]string // ServedBy: labels of the placements that may serve them
}

// PromiseKind is a word of the closed vocabulary of must.
type PromiseKind uint8

// The promises.
const (
	SurviveLoss  PromiseKind = iota + 1 // lose: any 1 placement
	HomeFirst                           // home_refused_because_of_guests
	ServedBy                            // keys, served_by
	TestRequests                        // half_open_probes
)

// anyOne is the only loss that can be promised.
const anyOne = "any 1 placement"

// promise is a Promise as it is written.
type promise struct {
	Lose           string            `yaml:"lose"`
	Availability   maybe[share]      `yaml:"availability" check:"positive"`
	Within         core.Duration     `yaml:"within" check:"positive"`
	HomeRefused    maybe[share]      `yaml:"home_refused_because_of_guests"`
	Keys           keysOf            `yaml:"keys"`
	ServedBy       map[string]string `yaml:"served_by"`
	HalfOpenProbes uint32            `yaml:"half_open_probes" check:"positive"`
}

// keysOf says which keys a promise is about.
type keysOf struct {
	Region string `yaml:"region"`
}

// share is a part of a whole in parts per million: 99.9%.
type share uint32

func (s *share) UnmarshalText(text []byte) error {
	digits, ok := strings.CutSuffix(string(text), "%")
	whole, fraction, _ := strings.Cut(digits, ".")
	if len(whole) > 3 || len(fraction) > 4 {
		ok = false
	}
	n, err := strconv.ParseUint(whole+(fraction + "0000")[:4], 10, 32)
	if !ok || err != nil || n > 1_000_000 {
		return &mistake{strconv.Quote(string(text)) + " is not a share", "write percents with their sign, such as 99.9%"}
	}
	*s = share(n)
	return nil
}

// vocabulary shows every promise once.
const vocabulary = "write one of: {lose: any 1 placement, availability: 99.9%, within: 30s}, {home_refused_because_of_guests: 0.1%}, " +
	"{keys: {region: eu}, served_by: {region: eu}}, {half_open_probes: 1}"

// must reads the promises, by name.
func (l *loader) must(table *node, in map[string]promise) {
	for _, name := range slices.Sorted(maps.Keys(in)) {
		e := table.get(name)
		if e.value.kind != mapping {
			continue // reported already
		}
		p := in[name]
		out, kinds := p.lower(name), 0
		for _, word := range []string{"lose", "home_refused_because_of_guests", "keys", "half_open_probes"} {
			if e.value.get(word) != nil {
				kinds++
			}
		}
		has := func(word string) bool { return e.value.get(word) != nil }
		switch {
		case kinds != 1:
			l.fail(e.at, fmt.Sprintf("%q holds %d promises", name, kinds), vocabulary)
		case has("lose") && p.Lose != anyOne:
			l.fail(e.value.value("lose").at, strconv.Quote(p.Lose)+" is not a loss that can be promised", "write lose: "+anyOne)
		case has("lose") != has("availability") || has("lose") != has("within"):
			l.fail(e.at, "lose, availability and within belong together", "write {lose: any 1 placement, availability: 99.9%, within: 30s}")
		case has("keys") != has("served_by") || has("keys") && (p.Keys.Region == "" || len(p.ServedBy) == 0):
			l.fail(e.at, "keys and served_by belong together, and neither is empty", "write {keys: {region: eu}, served_by: {region: eu}}")
		}
		l.file.Must = append(l.file.Must, out)
	}
}

func (p *promise) lower(name string) Promise {
	switch {
	case p.Lose != "":
		return Promise{Name: name, Kind: SurviveLoss, Share: uint32(p.Availability.value), Within: p.Within}
	case p.HomeRefused.set:
		return Promise{Name: name, Kind: HomeFirst, Share: uint32(p.HomeRefused.value)}
	case p.HalfOpenProbes > 0:
		return Promise{Name: name, Kind: TestRequests, Probes: p.HalfOpenProbes}
	}
	return Promise{Name: name, Kind: ServedBy, Region: p.Keys.Region, ServedBy: p.ServedBy}
}

// label keeps the labels of a placement.
func (l *loader) label(placement string, labels map[string]string) {
	if len(labels) == 0 {
		return
	}
	if l.file.Labels == nil {
		l.file.Labels = map[string]map[string]string{}
	}
	l.file.Labels[placement] = labels
}

// Breach is a placement that may serve keys against a promise.
type Breach struct {
	Promise string
	Key     string // the first key concerned, in ascending order
	Keys    int    // how many are
	Home    string
	By      string // the placement that may serve them
	Path    string // the setting that lets it, for Where
}

// String says what is wrong, in one sentence.
func (b *Breach) String() string {
	keys := b.Key
	if b.Keys > 1 {
		keys += " and " + strconv.Itoa(b.Keys-1) + " more"
	}
	if b.By == b.Home {
		return fmt.Sprintf("%s of %s may not be served by their own home", keys, b.Home)
	}
	return fmt.Sprintf("%s of %s may be served by %s, which lacks the labels", keys, b.Home, b.By)
}

// Residency proves the promises on who serves which keys from the candidate
// lists alone, whatever fails. c must come from f.Compile. Unknown keys have no
// region, and no promise. The result is ordered by promise, home and candidate.
func (f *File) Residency(c *core.Config) (out []Breach) {
	for i := range f.Must {
		p := &f.Must[i]
		if p.Kind != ServedBy {
			continue
		}
		first, n := f.homesOf(p.Region)
		for _, home := range slices.Sorted(maps.Keys(first)) {
			h, _ := c.FindPlacement(home)
			for at, by := range c.Placement(h).Candidates {
				name := c.Placement(int(by)).Name
				if f.labelled(name, p.ServedBy) {
					continue
				}
				b := Breach{Promise: p.Name, Key: first[home], Keys: n[home], Home: home, By: name, Path: "keys." + first[home]}
				if at > 0 {
					b.Path = fmt.Sprintf("placements.%s.fallback[%d]", home, at-1)
				}
				out = append(out, b)
			}
		}
	}
	return out
}

// homesOf returns, for each home of keys of a region, the first of them and how many there are.
func (f *File) homesOf(region string) (first map[string]string, n map[string]int) {
	first, n = map[string]string{}, map[string]int{}
	at := slices.Index(f.keys.regions, region)
	for i := range f.keys.specs {
		if k := &f.keys.specs[i]; at > 0 && int(f.keys.places[i].region) == at {
			first[k.Placement] = cmp.Or(first[k.Placement], k.Key)
			n[k.Placement]++
		}
	}
	return first, n
}

// MayServe says whether every promise lets placement by serve the keys of home.
func (f *File) MayServe(home, by string) bool {
	for i := range f.Must {
		p := &f.Must[i]
		if p.Kind != ServedBy || f.labelled(by, p.ServedBy) {
			continue
		}
		if first, _ := f.homesOf(p.Region); first[home] != "" {
			return false
		}
	}
	return true
}

func (f *File) labelled(placement string, want map[string]string) bool {
	for name, value := range want {
		if f.Labels[placement][name] != value {
			return false
		}
	}
	return true
}

// Broken shows the promises that f breaks whatever happens, where they are
// broken. c must come from f.Compile.
func (f *File) Broken(c *core.Config) (out Problems) {
	for _, b := range f.Residency(c) {
		at, _ := f.place(b.Path)
		out = append(out, at.problem("must "+b.Promise+": "+b.String(), "remove it from the fallback, or give it the labels if they are true"))
	}
	slices.SortStableFunc(out, byPlace)
	return out
}

// Idle warns of promises about keys that no key is among. A typing error would
// otherwise hold for ever.
func (f *File) Idle() (out Problems) {
	for i := range f.Must {
		p := &f.Must[i]
		if p.Kind == ServedBy && !slices.Contains(f.keys.regions[min(1, len(f.keys.regions)):], p.Region) {
			at, _ := f.place("must." + p.Name)
			out = append(out, at.problem("no key has the region "+strconv.Quote(p.Region), "write regions in the third column of a CSV: key,placement,region"))
		}
	}
	return out
}
