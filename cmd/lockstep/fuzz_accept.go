package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"lockstep/adapters/configfile"
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

// printAccepted says what is left out, and what counts again.
func printAccepted(w io.Writer, list []acceptance) {
	for _, a := range list {
		if a.Expired {
			fmt.Fprintf(w, "EXPIRED    %s, accepted by %s until %s: it counts again\n", a.Name, a.Owner, a.Until.Format(time.DateOnly))
			continue
		}
		fmt.Fprintf(w, "Accepted   %s, by %s until %s: not tried\n", a.Name, a.Owner, a.Until.Format(time.DateOnly))
	}
}
