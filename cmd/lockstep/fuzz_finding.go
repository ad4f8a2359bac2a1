package main

import (
	"fmt"
	"strings"

	"lockstep/adapters/configfile"
	"lockstep/sim/fuzz"
)

// fuzzFinding is one broken property, with the place of the key responsible.
type fuzzFinding struct {
	Property string              `json:"property"`
	Sentence string              `json:"sentence"`
	Key      string              `json:"key"`
	Value    string              `json:"value,omitempty"`
	At       configfile.Position `json:"at"`
	Written  bool                `json:"written"` // the key is in the file; if not, At is the nearest thing around it
	Assumed  string              `json:"assumed"`
	Origin   string              `json:"origin"` // what the times of the story count from
	Story    []fuzz.Line         `json:"story"`
	Changes  []fuzzChange        `json:"changes,omitempty"`
	Extremes []string            `json:"extremes,omitempty"` // settings without which it is not found; they are not the file's
	Again    string              `json:"again"`
	Keep     []string            `json:"keep,omitempty"`
}

// show locates a finding in the file, and keeps it if asked.
func (s *search) show(f *configfile.File, path string, x *fuzz.Finding) (fuzzFinding, error) {
	out := fuzzFinding{
		Property: x.Property, Sentence: x.Sentence, Key: x.Key, Value: x.Value,
		Assumed: x.Assumed, Story: x.Story, Changes: s.changes(x), Extremes: x.Case.Extremes, Again: s.again(path, "--seed "+x.Case.Recipe.String()),
	}
	out.Origin = fmt.Sprintf("seed %s; t = 0 is the first fault, push or burst", x.Case.Recipe)
	if x.WhatIf != "" {
		out.Origin = "t = 0 is the only fault"
		if len(s.target.Facts.Peak) > 0 && (x.Drill == nil || !x.Drill.Light()) {
			out.Origin = "your numbers; " + out.Origin
		}
		out.Again = s.again(path, "--seeds 0")
	}
	if x.Key != "" {
		out.At, out.Written = f.Where(x.Key)
	}
	if s.flags.out == "" {
		return out, nil
	}
	var err error
	out.Keep, err = keep(s.flags.out, x)
	return out, err
}

// again is the command that finds the same again: a property that was left out
// could be broken first.
func (s *search) again(path, cases string) string {
	command := fmt.Sprintf("lockstep fuzz %s %s", path, cases)
	for _, name := range s.flags.accept {
		if strings.ContainsAny(name, " '\"$") {
			name = "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
		}
		command += " --accept " + name
	}
	return command
}
