package main

import (
	"fmt"
	"io"
	"time"

	"lockstep/adapters/recordings"
	"lockstep/traces/say"
)

// openRecordings opens what the arguments name, and shows on a terminal what
// takes long. done clears that.
func openRecordings(args []string, stderr io.Writer) (all []*recordings.Recording, done func(), err error) {
	all, err = recordings.Open(args)
	tellHashed(stderr, all)
	p := newProgress(stderr)
	for _, r := range all {
		r.Progress = func(what string, done, of int) {
			if what != "" {
				p.line("%s: %d of %d files", what, done, of)
			}
		}
	}
	return all, p.clear, err
}

// chained is how the segments of recordings follow each other, for people.
type chained struct {
	Holes   []holeJSON   `json:"holes,omitempty"`
	Repeats []repeatJSON `json:"repeats,omitempty"`
	Notes   []string     `json:"notes,omitempty"`
}

// holeJSON is steps that no file has.
type holeJSON struct {
	After  string `json:"after"`
	Before string `json:"before"`
	First  uint64 `json:"first_step"`
	Last   uint64 `json:"last_step"`
	From   string `json:"from"`
	To     string `json:"to"`
	Files  string `json:"files,omitempty"` // that are not there
}

func holeOf(r *recordings.Recording, h *recordings.Hole) holeJSON {
	return holeJSON{h.After.Path, h.Before.Path, h.First, h.Last, instant(r, h.From), instant(r, h.To), h.Files}
}

func (h *holeJSON) text() string {
	text := fmt.Sprintf("steps %s to %s (%s), %s to %s, between %s and %s", say.Count(h.First), say.Count(h.Last),
		say.Plural(int(h.Last-h.First+1), "step"), h.From, h.To, h.After, h.Before)
	if h.Files != "" {
		text += "; not there: " + h.Files
	}
	return text
}

// repeatJSON is a file that repeats what another has.
type repeatJSON struct {
	File  string `json:"file"`
	Of    string `json:"of"`
	First uint64 `json:"first_step"`
	Last  uint64 `json:"last_step"`
}

// chainOf looks how the segments of the recordings follow each other.
func chainOf(all []*recordings.Recording) (out chained, err error) {
	for _, r := range all {
		c, err := r.Chain()
		if err != nil {
			return out, err
		}
		for _, h := range c.Holes {
			out.Holes = append(out.Holes, holeOf(r, &h))
		}
		for _, p := range c.Repeats {
			out.Repeats = append(out.Repeats, repeatJSON{p.Segment.Path, p.Of.Path, p.First, p.Last})
		}
		if c.Begins > 1 {
			out.Notes = append(out.Notes, fmt.Sprintf("%s begins at step %s: what came before is not here", r.Name(), say.Count(c.Begins)))
		}
	}
	if len(all) > 1 {
		names := recordingNames(all)
		for i, r := range all {
			out.Notes = append(out.Notes, fmt.Sprintf("%s is a recording of its own: %s from %s", names[i], say.Plural(len(r.Segments), "file"), r.Segments[0].Path))
		}
	}
	return out, nil
}

// instant prints a wall time of a recording, or the time since its start when it is simulated.
func instant(r *recordings.Recording, wall int64) string {
	if text := wallTime(r.Header, wall-r.Header.Origin); text != "" {
		return text
	}
	return time.Duration(wall).String()
}

func (c *chained) print(w io.Writer) {
	for _, n := range c.Notes {
		fmt.Fprintf(w, "note       %s\n", n)
	}
	for _, p := range c.Repeats {
		fmt.Fprintf(w, "note       %s repeats steps %s to %s, which %s has\n", p.File, say.Count(p.First), say.Count(p.Last), p.Of)
	}
	for i := range c.Holes {
		fmt.Fprintf(w, "missing    %s\n", c.Holes[i].text())
	}
}
