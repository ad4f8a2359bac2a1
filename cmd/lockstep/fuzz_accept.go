package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"lockstep/adapters/configfile"
	"lockstep/sim"
	"lockstep/sim/fuzz"
)

// acceptance is one finding that an owner lives with until a day: one entry of
// the list that --accept-file names.
type acceptance struct {
	Name    string `yaml:"name" json:"name"`
	Owner   string `yaml:"owner" json:"owner"`
	Until   day    `yaml:"until" json:"until"` // that day included, in UTC
	Expired bool   `yaml:"-" json:"expired"`
}

// day is a date as it is written: 2026-12-31.
type day struct{ time.Time }

// UnmarshalText reads a date.
func (d *day) UnmarshalText(text []byte) (err error) {
	if d.Time, err = time.Parse(time.DateOnly, string(text)); err != nil {
		return fmt.Errorf("%q is not a date: write it as 2026-12-31", text)
	}
	return nil
}

// MarshalJSON writes a date as it is read, in place of the instant that Time writes.
func (d day) MarshalJSON() ([]byte, error) { return []byte(d.Format(`"` + time.DateOnly + `"`)), nil }

// readAccepted reads a list of accepted findings and marks those expired by now.
func readAccepted(path string, now time.Time) (list []acceptance, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the accepted findings: %w", err)
	}
	if err := configfile.DecodeYAML(path, data, &list); err != nil {
		return nil, err
	}
	for i := range list {
		a := &list[i]
		if a.Name == "" || a.Owner == "" || a.Until.IsZero() {
			return nil, fmt.Errorf("%s: entry %d lacks a name, an owner or a date; write {name: N-1, owner: maria, until: 2026-12-31}", path, i+1)
		}
		a.Expired = !now.Before(a.Until.AddDate(0, 0, 1))
	}
	return list, nil
}

// acceptFromFile adds the findings accepted in the file, if one is given, to those of --accept.
func (f *fuzzFlags) acceptFromFile() (err error) {
	if f.acceptFile == "" {
		return nil
	}
	if f.accepted, err = readAccepted(f.acceptFile, f.now); err != nil {
		return err
	}
	for _, a := range f.accepted {
		if !a.Expired {
			f.accept = append(f.accept, a.Name)
		}
	}
	return nil
}

// acceptable lists the names that can be left out of a search of these files, those of
// properties that none of them has a what-if run for included.
func acceptable(paths []string) (names []string, err error) {
	names = append(names, fuzz.NMinusOne, fuzz.SingleProbe, fuzz.StatedPeak, fuzz.LeavesFailing, fuzz.ReturnsMended, fuzz.ProbesAlone, fuzz.UnknownApart,
		fuzz.Invariant, "liveness")
	for _, path := range paths {
		f, err := loadTarget(path)
		if err != nil {
			return nil, err
		}
		names = append(names, fuzz.Properties(targetOf(f, nil), false)...)
		for _, p := range f.Must {
			names = append(names, p.Name)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	for r := sim.NoRelation + 1; int(r) < sim.Relations; r++ {
		names = append(names, r.String())
	}
	for rule := range 16 {
		if name := fmt.Sprint("R", rule+1); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, nil
}

// printAccepted says what is left out, what counts again, and what is not among
// the known names: a list may be of other configurations too.
func printAccepted(w io.Writer, list []acceptance, known []string) {
	for _, a := range list {
		if !slices.Contains(known, a.Name) {
			fmt.Fprintf(w, "note       %s, accepted by %s, is no property here\n", a.Name, a.Owner)
			continue
		}
		if a.Expired {
			fmt.Fprintf(w, "EXPIRED    %s, accepted by %s until %s: it counts again\n", a.Name, a.Owner, a.Until.Format(time.DateOnly))
			continue
		}
		fmt.Fprintf(w, "Accepted   %s, by %s until %s: not tried\n", a.Name, a.Owner, a.Until.Format(time.DateOnly))
	}
}
