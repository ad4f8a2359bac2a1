package configfile

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"lockstep/core"
	"lockstep/traces/promise"
)

// pledge is a promise as it is written.
type pledge struct {
	Lose            string            `yaml:"lose"`
	Availability    share             `yaml:"availability" check:"positive"`
	P99             core.Duration     `yaml:"p99" check:"positive"`
	Within          core.Duration     `yaml:"within" check:"positive"`
	HomeRefused     share             `yaml:"home_refused_because_of_guests"`
	Keys            keysOf            `yaml:"keys"`
	ServedBy        map[string]string `yaml:"served_by"`
	HalfOpenProbes  uint32            `yaml:"half_open_probes" check:"positive"`
	RecoversWithin  core.Duration     `yaml:"recovers_within" check:"positive"`
	FailsOverWithin core.Duration     `yaml:"fails_over_within" check:"positive"`
	InFlight        inFlightOf        `yaml:"in_flight"`
	HealthProbes    uint32            `yaml:"health_probes_per_second" check:"positive"`
	Placements      map[string]string `yaml:"placements"`
	Guests          string            `yaml:"guests"`
}

// keysOf says which keys a promise is about.
type keysOf struct {
	Region string `yaml:"region"`
}

// inFlightOf bounds what one placement holds.
type inFlightOf struct {
	Placement string `yaml:"placement"`
	AtMost    uint32 `yaml:"at_most" check:"positive"`
}

// share is a part of a whole in parts per million: 99.9%.
type share uint32

func (s *share) UnmarshalText(text []byte) error {
	digits, ok := strings.CutSuffix(string(text), "%")
	whole, fraction, point := strings.Cut(digits, ".")
	if whole == "" || len(whole) > 3 || len(fraction) > 4 || point != (fraction != "") {
		ok = false
	}
	n, err := strconv.ParseUint(whole+(fraction + "0000")[:4], 10, 32)
	if !ok || err != nil || n > 1_000_000 {
		return &mistake{strconv.Quote(string(text)) + " is not a share", "write percents with their sign, such as 99.9%"}
	}
	*s = share(n)
	return nil
}

// form is one way to write a promise: with all of its words, and any of those
// that may narrow it.
type form struct {
	kind    promise.Kind
	words   string
	also    string
	example string
}

// forms is the vocabulary.
func forms() []form {
	return []form{
		{promise.SurviveLoss, "lose availability within", "keys", "{lose: any 1 placement, availability: 99.9%, within: 30s}"},
		{promise.Latency, "lose p99 within", "keys", "{lose: any 1 placement, p99: 500ms, within: 30s}"},
		{promise.Available, "availability", "keys", "{availability: 99.9%}"},
		{promise.Latency, "p99", "keys", "{p99: 300ms}"},
		{promise.HomeFirst, "home_refused_because_of_guests", "", "{home_refused_because_of_guests: 0.1%}"},
		{promise.ServedBy, "keys served_by", "", "{keys: {region: eu}, served_by: {region: eu}}"},
		{promise.NoGuests, "placements guests", "", "{placements: {kind: dedicated}, guests: none}"},
		{promise.TestRequests, "half_open_probes", "", "{half_open_probes: 1}"},
		{promise.FailOver, "fails_over_within", "", "{fails_over_within: 15s}"},
		{promise.Recover, "recovers_within", "", "{recovers_within: 60s}"},
		{promise.InFlight, "in_flight", "", "{in_flight: {placement: cell-07, at_most: 400}}"},
		{promise.HealthProbes, "health_probes_per_second", "", "{health_probes_per_second: 5}"},
	}
}

// closest returns the form that shares most words with those written, and of
// those the one that lacks fewest; what it lacks, and what is written beside it.
func closest(written []string) (best form, lacks, beside []string) {
	most := -1
	for _, f := range forms() {
		words, also := strings.Fields(f.words), strings.Fields(f.also)
		missing := slices.DeleteFunc(slices.Clone(words), func(w string) bool { return slices.Contains(written, w) })
		extra := slices.DeleteFunc(slices.Clone(written), func(w string) bool { return slices.Contains(words, w) || slices.Contains(also, w) })
		if score := 100*(len(written)-len(extra)) + 10*(len(words)-len(missing)) - len(missing); score > most {
			best, lacks, beside, most = f, missing, extra, score
		}
	}
	return best, lacks, beside
}

// must reads the promises, by name.
func (l *loader) must(table *node, in map[string]pledge) {
	var known []string
	for _, f := range l.fieldsOf(reflect.TypeFor[pledge]()) {
		known = append(known, f.name)
	}
	for n, name := range slices.Sorted(maps.Keys(in)) {
		e := table.get(name)
		if e.value.kind != mapping {
			continue // reported already
		}
		if n == promise.MaxPromises {
			l.fail(e.at, fmt.Sprintf("there are more than %d promises", promise.MaxPromises), "remove some")
			return
		}
		var written []string
		for _, w := range e.value.entries {
			if slices.Contains(known, w.key) {
				written = append(written, w.key)
			}
		}
		f, lacks, beside := closest(written)
		switch {
		case len(e.value.entries) > len(written): // reported already
		case len(written) == 0:
			l.fail(e.at, strconv.Quote(name)+" promises nothing", "write one of: "+vocabulary())
		case len(lacks) > 0:
			l.fail(e.at, fmt.Sprintf("%q lacks %s", name, strings.Join(lacks, " and ")), "write "+f.example)
		case len(beside) > 0:
			l.fail(e.value.get(beside[0]).at, fmt.Sprintf("%s does not belong to a promise of %s", beside[0], strings.Join(strings.Fields(f.words), ", ")),
				"give it a name and a line of its own, or write "+f.example)
		default:
			p := in[name]
			l.pledged(&p, f, e.value)
			l.file.Must = append(l.file.Must, p.lower(name, f.kind))
		}
	}
}

// vocabulary shows every promise once.
func vocabulary() string {
	var list []string
	for _, f := range forms() {
		list = append(list, f.example)
	}
	return strings.Join(list, ", ")
}

// losses shows every loss once.
func losses() string {
	var list []string
	for _, l := range promise.Losses() {
		list = append(list, l.String())
	}
	return strings.Join(list, ", ")
}

// pledged checks what the words of one promise say.
func (l *loader) pledged(p *pledge, f form, at *node) {
	_, loss := promise.ParseLoss(p.Lose)
	empty := func(word string, is bool) {
		if e := at.get(word); is && e != nil && e.value.kind == mapping {
			l.fail(e.at, word+" says nothing", "write "+f.example)
		}
	}
	empty("keys", p.Keys.Region == "")
	empty("served_by", unlabelled(p.ServedBy))
	empty("placements", unlabelled(p.Placements))
	switch {
	case f.kind == promise.InFlight && (p.InFlight.Placement == "" || p.InFlight.AtMost == 0):
		l.fail(at.get("in_flight").at, "in_flight needs both placement and at_most", "write "+f.example)
	case at.get("lose") != nil && !loss:
		l.fail(at.value("lose").at, strconv.Quote(p.Lose)+" is not a loss that can be promised", "write one of: "+losses())
	case at.get("guests") != nil && p.Guests != "none":
		l.fail(at.value("guests").at, strconv.Quote(p.Guests)+" cannot be promised", "write guests: none; a number of guests is a limit of the placement")
	case p.InFlight.Placement != "" && l.placementNamed(p.InFlight.Placement) < 0:
		l.fail(at.value("in_flight").value("placement").at, "there is no placement named "+strconv.Quote(p.InFlight.Placement), "name one that is under placements")
	}
}

// unlabelled reports whether labels name nothing: what lacks a label would have it
// where its value is "".
func unlabelled(labels map[string]string) bool {
	return len(labels) == 0 || slices.Contains(slices.Collect(maps.Values(labels)), "")
}

func (l *loader) placementNamed(name string) int {
	return slices.IndexFunc(l.file.Spec.Placements, func(p core.PlacementSpec) bool { return p.Name == name })
}

func (p *pledge) lower(name string, kind promise.Kind) promise.Promise {
	out := promise.Promise{Name: name, Kind: kind, Within: p.Within, Latency: p.P99, Region: p.Keys.Region}
	out.Lose, _ = promise.ParseLoss(p.Lose)
	switch kind {
	case promise.SurviveLoss, promise.Available:
		out.Share = uint32(p.Availability)
	case promise.HomeFirst:
		out.Share = uint32(p.HomeRefused)
	case promise.ServedBy:
		out.Labels = p.ServedBy
	case promise.NoGuests:
		out.Labels = p.Placements
	case promise.TestRequests:
		out.Most = p.HalfOpenProbes
	case promise.HealthProbes:
		out.Most = p.HealthProbes
	case promise.Recover:
		out.Within = p.RecoversWithin
	case promise.FailOver:
		out.Within = p.FailsOverWithin
	case promise.InFlight:
		out.Placement, out.Most = p.InFlight.Placement, p.InFlight.AtMost
	}
	return out
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

// World is what a judge of the promises must know of f.
func (f *File) World() promise.World {
	return promise.World{Must: f.Must, Region: f.Region, Labels: f.Labels}
}

func (f *File) hasRegion(region string) (has bool) {
	f.everyTable(func(t *keyList, _ string) {
		has = has || slices.Contains(t.regions[min(1, len(t.regions)):], region)
	})
	return has
}

// Idle warns of promises that nothing is among. A typing error would otherwise
// hold for ever.
func (f *File) Idle() (out Problems) {
	for i := range f.Must {
		p := &f.Must[i]
		at, _ := f.place("must." + p.Name)
		switch {
		case p.Region != "" && !f.hasRegion(p.Region):
			out = append(out, at.problem("no key has the region "+strconv.Quote(p.Region), "write regions in the third column of a CSV: key,placement,region"))
		case p.Kind == promise.NoGuests && !slices.ContainsFunc(f.Spec.Placements, func(s core.PlacementSpec) bool { return p.Labelled(f.Labels[s.Name]) }):
			out = append(out, at.problem("no placement has these labels", "write labels: {name: value} in the placements that are meant"))
		case (p.Kind == promise.InFlight || p.Kind == promise.HealthProbes) && f.Facts.Routers.Max == 0:
			out = append(out, at.problem("facts.routers is not stated: one router is taken to be all", "write facts: {routers: 8..16}"))
		case (p.Lose.Count > 0 || p.Kind == promise.HomeFirst || p.Kind == promise.Available || p.Kind == promise.Latency) && len(f.Facts.Peak) == 0:
			out = append(out, at.problem("facts.peak is not stated: fuzz does not try this", "write facts: {peak: {cell-07: {requests: 600/s, latency: 50ms}}}"))
		}
	}
	return out
}
