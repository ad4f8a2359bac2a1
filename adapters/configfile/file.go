// Package configfile reads configuration files: both JSON forms of the baseline
// and the native YAML form. It turns them into a core.Spec and the settings that
// the edge needs, and it knows for every value the file, line and column that it
// came from, so that each fault is shown where it can be mended. README.md tells
// the forms and the merge rules. Deciding what a valid Spec means is core's work,
// not this package's.
package configfile

import (
	"errors"
	"fmt"
	"os"

	edgeset "lockstep/adapters/settings"
	"lockstep/core"
	"lockstep/traces/promise"
)

// Form says which of the three forms a file is written in.
type Form uint8

// The forms.
const (
	Baseline1 Form = iota + 1 // JSON with cellEndpoints
	Baseline2                 // JSON with placements
	Native                    // YAML, or JSON as its subset, with lockstep: 1
)

// String returns the form's name.
func (f Form) String() string {
	switch f {
	case Baseline1:
		return "baseline1"
	case Baseline2:
		return "baseline2"
	case Native:
		return "native"
	}
	return "unknown"
}

// File is one loaded configuration with everything that it includes. It does
// not change after Load; any number of readers may share it.
type File struct {
	Path string // as given to Load or Parse
	Form Form
	// Spec is what core.Compile takes. Placements and keys are sorted by name.
	Spec core.Spec
	// Facts, Listen, ControlPlane, Recording and Observe are never part of Spec: changing
	// them changes no decision. The baseline forms leave them empty.
	Facts        Facts
	Listen       []Listener // by name; empty: the command's default address
	ControlPlane ControlPlane
	Recording    Recording
	Observe      edgeset.Observe // how the router is watched
	// Must is what the operator promises, by name; Labels are those of placements.
	// Neither is part of Spec.
	Must   []promise.Promise
	Labels map[string]map[string]string
	// Discover lists the placements whose endpoints are found by DNS. Spec has
	// their Unresolved endpoint; CompileWith takes those that were found.
	Discover []Discovery
	// Warnings is what the baseline accepts and the native form refuses.
	Warnings Problems
	// Sources lists every file read, Path first.
	Sources []string
	// Watch lists Path and the include patterns, relative to the working
	// directory as Path is: whatever can change this configuration matches one.
	Watch []string

	labelled bool // Spec.Version is a label made here

	root   *node            // for Where; placements are merged with their defaults and profile
	keys   keyList          // the places of Spec.Keys
	tables []*keyList       // those of Spec.Tables, by name
	splits map[string]place // where each of Spec.Splits is first written
}

// Facts is what the operator knows about the fleet. Decisions never read it;
// check, sim and fuzz do.
type Facts struct {
	Routers Range               // routers that share the load; zero: not stated
	Peak    map[string]PeakLoad // by home placement, over the whole fleet; nil: not stated
}

// Range is an inclusive range of counts. A single number is a range of one.
type Range struct{ Min, Max int }

// PeakLoad is the highest load that a placement's own keys bring.
type PeakLoad struct {
	PerSecond int64         // requests a second, all routers together
	Latency   core.Duration // how long one request takes: PerSecond x Latency are in flight
}

// ControlPlane says where configurations are pushed from. Empty: from nowhere.
type ControlPlane struct {
	URL string // ws, wss, http or https
	Dir string // folder of the last-known-good copies; "": none are kept
	// Bootstrap is the file that an empty disk starts with, relative to the working
	// directory; "" means this one.
	Bootstrap string
	// Soak is how long a router must live with a configuration before it is the one
	// to come back to; 0 means that none is.
	Soak core.Duration
}

// LeastRecording is the smallest bound, in bytes, that recordings can be kept
// within: less would be a few blocks.
const LeastRecording = 8 << 20

// Recording is the flight recorder's setting.
type Recording struct {
	Dir     string        // folder of the segments; "": the ring in memory only
	Keep    core.Duration // how long segments and dumps stay; 0 means for ever
	MaxSize int64         // bytes that the segments take at most, with their indexes, at least LeastRecording; 0 means no bound
	KeyFile string        // with the secret under which keys are hashed; "": they are recorded as they are
}

// Load reads the configuration at path, with what it includes. An error that
// concerns the content is a Problems.
func Load(path string) (*File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	return load(path, path, data)
}

// Parse reads a configuration from memory; name stands for the file in
// errors. It may not include others: pushed bytes never name local files. An
// error is a Problems.
func Parse(name string, data []byte) (*File, error) { return load(name, "", data) }

// ParseBeside is Parse for a configuration that was made from the file at path:
// what it includes is looked for beside that file.
func ParseBeside(path, name string, data []byte) (*File, error) { return load(name, path, data) }

// Compile validates f.Spec. An error is a Problems: what core refuses, shown
// where the refused value was written.
func (f *File) Compile() (*core.Config, error) {
	c, err := core.Compile(f.Spec)
	var faults core.SpecErrors
	if errors.As(err, &faults) {
		return nil, f.problems(faults)
	}
	return c, err
}
