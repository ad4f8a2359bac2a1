package main

import (
	"cmp"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"

	"lockstep/adapters/configfile"
	"lockstep/adapters/pseudonym"
	"lockstep/adapters/recordings"
	"lockstep/core"
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
	if size < configfile.LeastRecording {
		return keep, fmt.Errorf("--record-max-size %s: too little for a recording: the smallest is %dMiB", o.recordMax, configfile.LeastRecording>>20)
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

// keyHashOf reads the secret that keys are hashed under, nil without one. What
// the router starts with must not choose by a hash of the key; a push that does
// is taken, and its blocks are left out of the recording.
func keyHashOf(path string, c *core.Config, log *slog.Logger) (*pseudonym.Names, error) {
	if path == "" {
		return nil, nil
	}
	names, err := pseudonym.Read(path, pseudonym.ShortestLive)
	if err != nil {
		return nil, fmt.Errorf("the secret of hashed keys (recording.key_hash): %w", err)
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
		log.Warn("others can read the secret of hashed keys: who has it can find out whose requests are recorded", "file", path, "mend", "chmod 600 "+path)
	}
	if c == nil {
		return names, nil
	}
	if err := pseudonym.Refuse(c); err != nil {
		return nil, fmt.Errorf("recording.key_hash cannot be used: %w, so what is recorded would not replay; give these another select, or record without key_hash into a folder that few can read and use lockstep redact --anew", err)
	}
	if by := sharing(c); len(by) > 0 {
		log.Warn("with hashed keys a recording that lost blocks goes on only once no attempt is in flight, where tenant_share is set", "placements", by)
	}
	return names, nil
}

// sharing names the placements that tell tenants apart.
func sharing(c *core.Config) (names []string) {
	for i := range c.Placements() {
		if p := c.Placement(i); p.Limit.TenantShare > 0 {
			names = append(names, p.Name)
		}
	}
	slices.Sort(names)
	return names
}
