package main

import (
	"fmt"
	"strings"
	"time"

	"lockstep/adapters/recordings"
)

// parseWhen reads a time as people give it, in ns as Recording.Wall: RFC 3339; a
// time of day, of the last day of a recording that ends at end; or a length of
// time before the end (-10m). Of a simulated recording it is a length of time since the start.
func parseWhen(text string, origin, end int64) (int64, error) {
	return parseNear(text, origin, end, time.Minute)
}

// parseUntil reads the end of a window as parseWhen reads a time, but a time of day up to
// twelve hours after the end is that of the last day: who asks for --to 02:20 of a recording
// that ends at 02:17 wants it to its end, not to 02:20 of the day before.
func parseUntil(text string, origin, end int64) (int64, error) {
	return parseNear(text, origin, end, 12*time.Hour)
}

// parseNear is parseWhen; a time of day more than slack after the end is that of the day before.
func parseNear(text string, origin, end int64, slack time.Duration) (int64, error) {
	if origin == 0 {
		d, err := time.ParseDuration(strings.TrimPrefix(text, "+"))
		switch {
		case err != nil:
			return 0, fmt.Errorf("%q is no time of a simulated recording; write 3.2s since its start, or -10s before its end", text)
		case d < 0:
			return end + int64(d), nil
		}
		return int64(d), nil
	}
	if strings.HasPrefix(text, "-") {
		d, err := time.ParseDuration(text)
		if err != nil {
			return 0, fmt.Errorf("%q is no length of time before the end, such as -10m", text)
		}
		return end + int64(d), nil
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t.UnixNano(), nil
	}
	for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UnixNano(), nil
		}
	}
	for _, layout := range []string{"15:04:05", "15:04"} {
		t, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		last := time.Unix(0, end).UTC()
		at := last.Truncate(24 * time.Hour).Add(t.Sub(t.Truncate(24 * time.Hour)))
		if at.After(last.Add(slack)) { // 23:59 of a recording that ends at 00:10
			at = at.Add(-24 * time.Hour)
		}
		return at.UnixNano(), nil
	}
	return 0, fmt.Errorf("%q is no time in UTC; write 2026-11-19T14:07:31Z, 14:07, 14:07:31.5, or -10m before the end of the recording", text)
}

// endOf is the wall time of the last block of a recording, to which times are relative.
func endOf(r *recordings.Recording) (int64, error) {
	last := r.Segments[len(r.Segments)-1]
	hits, err := r.Find(recordings.Query{From: max(last.From, 1), Newest: true, Limit: 1})
	if err != nil || len(hits) == 0 {
		return last.From, err
	}
	return r.Wall(int64(hits[len(hits)-1].Time)), nil
}
