package whatif

import (
	"encoding/json"

	"lockstep/core"
	"lockstep/traces"
)

// Upgrade replays recordings under this program, counts which rules decided how
// often and, where this program decides otherwise, which rules' decisions changed.
// Unlike a replay it goes on after a difference, from the next block's state.
type Upgrade struct {
	Facts, Decisions uint64
	Used             [256]uint64         // decisions recomputed, by rule
	Changed          map[Changed]uint64  // differences, by what decided before and now
	First            []traces.Divergence // the first few
	Specs            []string            // versions of the rules it was recorded under, when not this program's
	Blocks, Skipped  uint64              // blocks replayed, and those of which a part was not, after a difference
	Damage           []error
}

// Changed is a decision that this program makes otherwise. A rule of 0: no such
// decision, or it is the state that differs.
type Changed struct {
	Before, Now     uint8 // rules
	BeforeKind, Why string
}

// Replay replays one segment of a recording. Segments come in order.
func (u *Upgrade) Replay(rd *traces.Reader) error {
	if u.Changed == nil {
		u.Changed = map[Changed]uint64{}
	}
	for {
		v := traces.NewVerifier(traces.Options{After: func(_ *traces.Fact, _ *core.Router, decided []core.Decision) {
			for i := range decided {
				u.Used[decided[i].Rule]++
			}
		}})
		err := v.Run(rd)
		r := v.Report()
		u.Facts += r.Facts
		u.Decisions += r.Decisions
		u.Blocks += r.Blocks
		u.Damage = append(u.Damage, r.Damage...)
		for _, s := range r.Specs {
			if len(u.Specs) == 0 || u.Specs[len(u.Specs)-1] != s {
				u.Specs = append(u.Specs, s)
			}
		}
		if err != nil || r.Divergence == nil {
			return err
		}
		u.Skipped++
		u.differs(r.Divergence)
	}
}

func (u *Upgrade) differs(d *traces.Divergence) {
	type line struct {
		Decision string `json:"decision"`
		Rule     uint8  `json:"rule"`
	}
	var was, is line
	_ = json.Unmarshal([]byte(d.Recorded), &was) // "" where there is none: rule 0
	_ = json.Unmarshal([]byte(d.Replayed), &is)
	u.Changed[Changed{was.Rule, is.Rule, was.Decision, d.Field}]++
	if len(u.First) < 3 {
		u.First = append(u.First, *d)
	}
}

// OK reports that this program decides everything as it was recorded.
func (u *Upgrade) OK() bool { return len(u.Changed) == 0 && len(u.Damage) == 0 }
