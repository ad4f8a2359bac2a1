package main

import (
	"testing"
	"time"
)

func TestAWindowMayEndAfterTheRecording(t *testing.T) {
	end := time.Date(2026, 11, 27, 2, 17, 0, 0, time.UTC).UnixNano()
	for text, want := range map[string]time.Time{
		"02:20":    time.Date(2026, 11, 27, 2, 20, 0, 0, time.UTC), // of the last day, though it was not reached
		"02:20:30": time.Date(2026, 11, 27, 2, 20, 30, 0, time.UTC),
		"02:10":    time.Date(2026, 11, 27, 2, 10, 0, 0, time.UTC),
		"00:05":    time.Date(2026, 11, 27, 0, 5, 0, 0, time.UTC),
		"23:50":    time.Date(2026, 11, 26, 23, 50, 0, 0, time.UTC),
	} {
		if got, err := parseUntil(text, 1, end); err != nil || got != want.UnixNano() {
			t.Errorf("%s: %v %v, wanted %v", text, time.Unix(0, got).UTC(), err, want)
		}
	}
}

func TestExplainRefusesAWindowThatEndsBeforeItBegins(t *testing.T) {
	code, _, stderr := lockstep("explain", fullVector, "--failed", "--from", "2s", "--to", "1s")
	if want := "lockstep: --from 2s is not before --to 1s\n"; code != exitUsage || stderr != want {
		t.Errorf("exit %d: %s", code, stderr)
	}
}
