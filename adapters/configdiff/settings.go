package configdiff

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"lockstep/adapters/configfile"
	"lockstep/adapters/routing"
	edgeset "lockstep/adapters/settings"
	"lockstep/core"
)

// settings compares what is neither a placement nor a route.
func (x *comparison) settings(r *Report) {
	section := func(name string, old, now []configfile.Value) {
		if d := differences(old, now); len(d) > 0 {
			r.Settings = append(r.Settings, Section{name, d})
		}
	}
	section("routing", wholeRouting(x.old), wholeRouting(x.new))
	for _, name := range listeners(x.old, x.new) {
		old, _ := x.old.File.EffectiveListener(name)
		now, _ := x.new.File.EffectiveListener(name)
		section("listen."+name, old, now)
	}
	section("control_plane", x.old.File.EffectiveControlPlane(), x.new.File.EffectiveControlPlane())
	section("watching", watching(x.old), watching(x.new))
	section("facts", facts(x.old), facts(x.new))
}

func listeners(sides ...Side) []string {
	names := map[string]bool{}
	for _, s := range sides {
		for i := range s.File.Listen {
			names[s.File.Listen[i].Name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// values collects settings with the places that they come from.
type values struct {
	side Side
	list []configfile.Value
}

// add notes a value that is written at a path, as Where takes it.
func (v *values) add(path, value string) {
	out := configfile.Value{Path: path, Value: value}
	if at, ok := v.side.File.Where(path); ok {
		out.From = at
	}
	v.list = append(v.list, out)
}

// wholeRouting is what all routes have in common, and how critical requests are.
func wholeRouting(s Side) []configfile.Value {
	v := values{side: s}
	v.add("routing.no_route.reject", strconv.Itoa(int(s.Config.NoRouteStatus())))
	// The text was written by configfile, and routesOf has read it.
	whole, _ := edgeset.ReadWhole(s.Config.Edge())
	most, id := "none", "any"
	if whole.Routing != nil {
		most = strconv.Itoa(cmp.Or(whole.Routing.KeyMax, edgeset.DefaultKeyMax)) + "B"
		if whole.Routing.TrustedID {
			id = "trusted"
		}
	}
	v.add("routing.key_max", most)
	v.add("routing.request_id", id)
	if p := whole.Priority; p != nil {
		v.add("priority.header", p.Header)
		v.add("priority.default", strconv.Itoa(int(p.Default)))
	} else {
		v.add("priority", "none")
	}
	return v.list
}

// watching is how a router is watched, and what it records.
func watching(s Side) []configfile.Value {
	v, o := values{side: s}, &s.File.Observe
	v.add("admin.address", cmp.Or(o.Admin.Address, "none"))
	if l := &o.AccessLog; l.Off {
		v.add("access_log", "none")
	} else {
		v.add("access_log.fields", map[bool]string{true: "all", false: "baseline"}[l.Detail])
		v.add("access_log.sample", sampled(l.Sampled, l.Sample, "100%"))
		v.add("access_log.always", fmt.Sprintf("errors %t, failovers %t, retries %t, slow %s", l.Errors, l.Failovers, l.Retries, orNone(l.Slow)))
	}
	v.add("metrics.exemplars", strconv.FormatBool(o.Metrics.Exemplars))
	v.add("tracing.otlp", cmp.Or(o.Tracing.OTLP, "none"))
	v.add("tracing.sample", sampled(o.Tracing.Sampled, o.Tracing.Sample, "default"))
	v.add("recording.dir", cmp.Or(s.File.Recording.Dir, "none"))
	return v.list
}

func sampled(set bool, share uint32, otherwise string) string {
	if set {
		return core.Percent(share)
	}
	return otherwise
}

func orNone(d time.Duration) string {
	if d == 0 {
		return "none"
	}
	return d.String()
}

// facts is what the operator states; it decides nothing.
func facts(s Side) []configfile.Value {
	v, f := values{side: s}, &s.File.Facts
	routers := "not stated"
	if f.Routers.Min > 0 {
		routers = strconv.Itoa(f.Routers.Min)
		if f.Routers.Max != f.Routers.Min {
			routers += ".." + strconv.Itoa(f.Routers.Max)
		}
	}
	v.add("facts.routers", routers)
	for _, name := range slices.Sorted(maps.Keys(f.Peak)) {
		l := f.Peak[name]
		v.add("facts.peak."+name, fmt.Sprintf("%d/s, %s", l.PerSecond, time.Duration(l.Latency)))
	}
	return v.list
}

// effect says how far the change reaches. That nothing decides otherwise is not
// taken from what the report found: a digest of everything that decides says it.
func (x *comparison) effect(r *Report) Effect {
	if x.old.Config.Digest() == x.new.Config.Digest() {
		return EffectNone
	}
	if slices.ContainsFunc(r.Tables, func(k KeyChanges) bool { return k.Added+k.Removed+k.Rerouted > 0 }) || len(r.Routes) > 0 ||
		slices.ContainsFunc(r.Settings, func(s Section) bool { return s.Name == "routing" }) {
		return EffectRoutes
	}
	if x.deciding(x.old) == x.deciding(x.new) && x.sameRouting() {
		return EffectNoDecision
	}
	return EffectSettings
}

// deciding is the digest of what decides: all of a Spec but its label, names of
// endpoints, text for the edge, push guards and keys, which are compared one by one.
func (x *comparison) deciding(s Side) uint64 {
	spec := s.File.Spec
	spec.Version, spec.Edge, spec.Guards, spec.Keys = "deciding", "", core.GuardSpec{}, nil
	spec.Placements = slices.Clone(spec.Placements)
	for i := range spec.Placements {
		p := &spec.Placements[i]
		p.Edge, p.Endpoints = "", slices.Clone(p.Endpoints)
		for k := range p.Endpoints {
			p.Endpoints[k].Name = ""
		}
	}
	spec.Tables = slices.Clone(spec.Tables)
	for i := range spec.Tables {
		spec.Tables[i].Keys = nil
	}
	c, err := core.Compile(spec)
	if err != nil {
		return s.Config.Digest() // differs from the other side's
	}
	return c.Digest()
}

func (x *comparison) sameRouting() bool {
	a, errA := routing.Settings(x.old.Config)
	b, errB := routing.Settings(x.new.Config)
	return errA == nil && errB == nil && edgeset.Whole{Routing: a}.Text() == edgeset.Whole{Routing: b}.Text()
}
