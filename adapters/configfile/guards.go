package configfile

import (
	"cmp"
	"fmt"
	"path/filepath"

	"lockstep/core"
)

// pushGuards is control_plane.refuse_push_over as it is written. The section
// switches the guards on: what it leaves out has the value of defaultGuards.
type pushGuards struct {
	KeysRerouted     maybe[percent] `yaml:"keys_rerouted" check:"positive"`
	KeysRemoved      maybe[percent] `yaml:"keys_removed" check:"positive"`
	EndpointsRemoved maybe[percent] `yaml:"endpoints_removed" check:"positive"`
	LimitLowered     maybe[percent] `yaml:"limit_lowered" check:"positive"`
}

// defaultGuards are those of R13.
var defaultGuards = core.GuardSpec{KeysRerouted: 5, KeysRemoved: 1, EndpointsRemoved: 10, LimitLowered: 20}

// DefaultSoak is how long a configuration soaks where the file does not say.
const DefaultSoak = 600 * core.Second

// controlPlane gives the section its meaning, but for the guards.
func (l *loader) controlPlane(n *node, in *controlPlane) ControlPlane {
	kept := &in.LastKnownGood
	out := ControlPlane{URL: in.URL, Dir: kept.Dir, Soak: cmp.Or(kept.Soak.value, DefaultSoak)}
	if kept.Soak.none {
		out.Soak = 0
	}
	if kept.Soak.set && kept.Dir == "" {
		l.fail(n.value("last_known_good").get("soak").at, "soak is said of copies that are not kept", "say where: last_known_good: {dir: /var/lib/lockstep, soak: 10m}")
	}
	if out.Bootstrap = kept.Bootstrap; out.Bootstrap != "" && !filepath.IsAbs(out.Bootstrap) {
		out.Bootstrap = filepath.Join(filepath.Dir(l.from), out.Bootstrap) // beside this file, as what it includes
	}
	return out
}

func lowerGuards(m maybe[pushGuards]) core.GuardSpec {
	if !m.set {
		return core.GuardSpec{}
	}
	or := func(written maybe[percent], otherwise uint32) uint32 {
		if written.none {
			return 0
		}
		return cmp.Or(uint32(written.value), otherwise)
	}
	in, d := &m.value, defaultGuards
	return core.GuardSpec{
		KeysRerouted: or(in.KeysRerouted, d.KeysRerouted), KeysRemoved: or(in.KeysRemoved, d.KeysRemoved),
		EndpointsRemoved: or(in.EndpointsRemoved, d.EndpointsRemoved), LimitLowered: or(in.LimitLowered, d.LimitLowered),
	}
}

// EffectiveRecording lists every setting of recording, with the place that it
// comes from. Paths begin below recording.
func (f *File) EffectiveRecording() []Value {
	or := func(set bool, text string) string {
		if set {
			return text
		}
		return "none"
	}
	r := &f.Recording
	out := []Value{
		{Path: "dir", Value: cmp.Or(r.Dir, "none")},
		{Path: "keep", Value: or(r.Keep > 0, duration(r.Keep))},
		{Path: "max_size", Value: or(r.MaxSize > 0, sizeText(r.MaxSize))},
		{Path: "key_hash", Value: cmp.Or(r.KeyFile, "none")},
	}
	for i := range out {
		if at, ok := f.Where("recording." + out[i].Path); ok {
			out[i].From = at
		}
	}
	return out
}

// EffectiveControlPlane lists every setting of control_plane, with the place
// that it comes from. Paths begin below control_plane.
func (f *File) EffectiveControlPlane() []Value {
	var out []Value
	add := func(path, value string) {
		v := Value{Path: path, Value: value}
		if at, ok := f.Where("control_plane." + path); ok {
			v.From = at
		}
		out = append(out, v)
	}
	add("url", cmp.Or(f.ControlPlane.URL, "none"))
	add("last_known_good.dir", cmp.Or(f.ControlPlane.Dir, "none"))
	add("last_known_good.bootstrap", cmp.Or(f.ControlPlane.Bootstrap, "this file"))
	if soak := f.ControlPlane.Soak; soak > 0 {
		add("last_known_good.soak", duration(soak))
	} else {
		add("last_known_good.soak", "none")
	}
	g := f.Spec.Guards
	if !g.On() {
		add("refuse_push_over", "none")
		return out
	}
	for _, x := range []struct {
		name    string
		percent uint32
	}{
		{"keys_rerouted", g.KeysRerouted},
		{"keys_removed", g.KeysRemoved},
		{"endpoints_removed", g.EndpointsRemoved},
		{"limit_lowered", g.LimitLowered},
	} {
		value := "none"
		if x.percent > 0 {
			value = fmt.Sprintf("%d%%", x.percent)
		}
		add("refuse_push_over."+x.name, value)
	}
	return out
}
