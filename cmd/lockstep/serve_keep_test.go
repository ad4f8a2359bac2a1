package main

import (
	"strings"
	"testing"

	"lockstep/adapters/configfile"
)

func TestServeSaysTheSmallestBoundOfARecording(t *testing.T) {
	for text, want := range map[string]string{
		"4MiB": "--record-max-size 4MiB: too little for a recording: the smallest is 8MiB",
		"0B":   "the smallest is 8MiB",
		"8MiB": "",
	} {
		keep, err := keepOf(serveOptions{recordMax: text}, configfile.Recording{})
		switch {
		case want == "" && (err != nil || keep.Size != 8<<20):
			t.Errorf("%s: %d, %v", text, keep.Size, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v does not say %q", text, err, want)
		}
	}
}
