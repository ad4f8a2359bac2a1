package main

import (
	"cmp"
	"fmt"
	"time"

	"lockstep/adapters/configfile"
	"lockstep/adapters/recordings"
)

// maxDumps is what dumps may take where old recordings are deleted at all.
const maxDumps = 2 << 30

// keepOf says what is kept of the recording: what flags say goes before the file.
func keepOf(o serveOptions, file configfile.Recording) (recordings.Keep, error) {
	keep := recordings.Keep{Age: cmp.Or(o.keep.Age, time.Duration(file.Keep)), Size: file.MaxSize}
	if keep.Age < 0 {
		return keep, fmt.Errorf("--record-keep %s: write a duration, such as 48h", o.keep.Age)
	}
	if o.recordMax == "" {
		return keep, nil
	}
	size, err := configfile.ParseSize(o.recordMax)
	if err != nil {
		return keep, fmt.Errorf("--record-max-size: %w", err)
	}
	keep.Size = size
	return keep, nil
}

// keepDumps is the same for dumps, which have a bound of their own: they are few, and an incident's.
func keepDumps(k recordings.Keep) recordings.Keep {
	if k == (recordings.Keep{}) {
		return k
	}
	return recordings.Keep{Age: k.Age, Size: maxDumps}
}
