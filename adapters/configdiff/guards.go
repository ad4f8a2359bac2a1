package configdiff

import (
	"lockstep/adapters/configfile"
	"lockstep/core"
)

// Guards says whether routers that have the old configuration in force would
// refuse a push of the new one (R13). Core measures, as the routers do.
type Guards struct {
	On bool `json:"on"` // the old configuration has guards: they count, not the new one's
	// Refused: a push of the new configuration is refused unless it is marked deliberate.
	Refused bool          `json:"refused"`
	Guards  []GuardChange `json:"guards,omitempty"`
	Mark    string        `json:"mark,omitempty"` // what marks it deliberate, where it is refused
}

// GuardChange is one guard and what the push does to it.
type GuardChange struct {
	Name    string               `json:"name"`
	Percent uint32               `json:"refuse_over_percent"`
	At      *configfile.Position `json:"at,omitempty"`
	// Beyond: the push goes beyond it; Change is then how far, in parts per million
	// of what is in force.
	Beyond bool   `json:"beyond"`
	Change uint32 `json:"change_ppm,omitempty"`
	Text   string `json:"text,omitempty"` // 12.5% of the keys would be gone
}

func (x *comparison) guards(r *Report) {
	g := x.old.Config.Guards()
	if r.Guards.On = g.On(); !g.On() {
		return
	}
	change := core.Compare(x.old.Config, x.new.Config)
	for _, one := range []struct {
		cause   core.Cause
		percent uint32
		alone   core.GuardSpec
	}{
		{core.CauseKeysRerouted, g.KeysRerouted, core.GuardSpec{KeysRerouted: g.KeysRerouted}},
		{core.CauseKeysRemoved, g.KeysRemoved, core.GuardSpec{KeysRemoved: g.KeysRemoved}},
		{core.CauseEndpointsRemoved, g.EndpointsRemoved, core.GuardSpec{EndpointsRemoved: g.EndpointsRemoved}},
		{core.CauseLimitLowered, g.LimitLowered, core.GuardSpec{LimitLowered: g.LimitLowered}},
	} {
		if one.percent == 0 {
			continue
		}
		c := GuardChange{Name: one.cause.String(), Percent: one.percent}
		if at, ok := x.old.File.Where("control_plane.refuse_push_over." + c.Name); ok {
			c.At = place(at)
		} else if at, ok := x.old.File.Where("control_plane.refuse_push_over"); ok {
			c.At = place(at)
		}
		if cause, ppm := change.Beyond(one.alone); cause != core.CauseNone {
			c.Beyond, c.Change = true, ppm
			c.Text = (&core.Decision{Cause: cause, Count: ppm}).GuardText()
			r.Guards.Refused = true
		}
		r.Guards.Guards = append(r.Guards.Guards, c)
	}
	if r.Guards.Refused {
		r.Guards.Mark = "lockstep control --deliberate " + quoteWord(x.new.Config.Version()) + ", or that version in a file beside the configuration: FILE.deliberate"
	}
}
