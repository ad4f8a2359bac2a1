package configdiff

import (
	"lockstep/adapters/configfile"
	"lockstep/core"
)

// Side is one of the two configurations.
type Side struct {
	Name   string // as the operator named the file
	File   *configfile.File
	Config *core.Config // of File.Compile
}

// Report is everything that differs between an old and a new configuration.
type Report struct {
	Old SideInfo `json:"old"`
	New SideInfo `json:"new"`
	// Effect is the whole in one word: see the Effect constants.
	Effect     Effect            `json:"effect"`
	Findings   []Finding         `json:"findings"` // by severity, the worst first
	Tables     []KeyChanges      `json:"tables,omitempty"`
	Routes     []RouteChange     `json:"routes,omitempty"`
	Placements []PlacementChange `json:"placements,omitempty"`
	Capacity   Capacity          `json:"capacity"`
	Settings   []Section         `json:"settings,omitempty"` // of all that is not a placement or a route
	Guards     Guards            `json:"push_guards"`
	Must       []PromiseChange   `json:"must,omitempty"`
	Expect     *Expectations     `json:"expect,omitempty"` // golden requests, where some were given
	Gates      []GateResult      `json:"gates,omitempty"`
}

// SideInfo names one side.
type SideInfo struct {
	File       string `json:"file"`
	Form       string `json:"form"`
	Version    string `json:"version"`
	Digest     string `json:"digest"`
	Routes     int    `json:"routes"`
	Tables     int    `json:"tables"`
	Keys       int    `json:"keys"` // in all tables
	Placements int    `json:"placements"`
	Endpoints  int    `json:"endpoints"`
}

// Effect says how far a change reaches.
type Effect string

// Effects, from none at all.
const (
	// EffectNone: the digests are equal; a router treats both as one configuration.
	EffectNone Effect = "none"
	// EffectNoDecision: what decides is equal, which is proved by a digest of it;
	// labels, names of endpoints, upstream connections, promises or facts differ.
	EffectNoDecision Effect = "no_decision"
	// EffectSettings: every key has the candidates that it had; settings differ that
	// decide when a candidate is left, or which endpoint serves.
	EffectSettings Effect = "settings"
	// EffectRoutes: the candidates of some key, known or unknown, or how requests
	// find their route and key, differ.
	EffectRoutes Effect = "routes"
)

// Severity orders findings.
type Severity string

// Severities, the worst first. Broken fails the command.
const (
	Broken  Severity = "broken"
	Warning Severity = "warning"
	Note    Severity = "note"
)

// Finding is one sentence that a reviewer should read.
type Finding struct {
	Severity Severity             `json:"severity"`
	About    string               `json:"about"` // must, expect, gate, keys, routes, capacity, push_guards, placements, endpoints, settings
	Text     string               `json:"text"`
	Hint     string               `json:"hint,omitempty"`
	At       *configfile.Position `json:"at,omitempty"`
}

// Setting is one value that differs, with the place of both. A nil place means
// that the value is a default, or that there is none on that side.
type Setting struct {
	Path  string               `json:"path"`
	Old   string               `json:"old"` // "" where that side has no such setting
	New   string               `json:"new"`
	OldAt *configfile.Position `json:"old_at,omitempty"`
	NewAt *configfile.Position `json:"new_at,omitempty"`
}

// Section is the settings of one thing that differ: listener edge, control_plane.
type Section struct {
	Name     string    `json:"name"`
	Settings []Setting `json:"settings"`
}

// Passed reports whether nothing is broken.
func (r *Report) Passed() bool {
	for i := range r.Findings {
		if r.Findings[i].Severity == Broken {
			return false
		}
	}
	return true
}

// find notes a finding.
func (r *Report) find(s Severity, about, text, hint string, at *configfile.Position) {
	r.Findings = append(r.Findings, Finding{s, about, text, hint, at})
}

// place is at as the report has it: nil for nowhere.
func place(at configfile.Position) *configfile.Position {
	if at.Line == 0 {
		return nil
	}
	return &at
}
