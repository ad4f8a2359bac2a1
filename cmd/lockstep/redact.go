package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"lockstep/adapters/pseudonym"
	"lockstep/adapters/recordings"
	"lockstep/traces/say"
)

type redactFlags struct {
	out, secret, find string
	anew, json        bool
}

func newRedactCommand() *cobra.Command {
	var flags redactFlags
	cmd := &cobra.Command{
		Use:   "redact TRACE... -o DIR --key-file SECRET",
		Short: "Take routing keys out of recordings before they leave the house",
		Long: `Write recordings anew with pseudonyms for routing keys, in requests and in the
configurations in them, and without what is for the edge alone (listeners, paths of
certificates, issuers, hosts). A pseudonym is 24 hex digits (96 bits) of HMAC-SHA256
under SECRET: a file of at least 16 bytes that stays in the house. The same secret
gives the same pseudonyms, so files redacted apart can be read together.

Every step is decided again and held to what was recorded. So what is written replays,
and tells the same. Where a configuration hashes the key (rendezvous, ketama, maglev,
shards, splits) another key is decided otherwise: that is refused, or with --anew
written as it is decided anew, and the files' header says so.

What stays: request ids, names of placements, endpoints and their URLs, times, sizes,
the name of the configuration file.

Exit 0: written. Exit 1: written, but for damaged parts. Exit 2: not to be used.`,
		Example: `  head -c 32 /dev/urandom | base64 > secret
  lockstep redact /var/lib/lockstep/rec -o redacted --key-file secret
  lockstep redact --find visa --key-file secret`,
		RunE: func(cmd *cobra.Command, args []string) error {
			names, err := pseudonym.Read(flags.secret, pseudonym.ShortestFile)
			switch {
			case err != nil:
				return err
			case flags.find != "" && len(args) > 0:
				return errors.New("--find gives one key's pseudonym and reads no recording: leave one of both away")
			case flags.find != "":
				fmt.Fprintln(cmd.OutOrStdout(), names.Of(flags.find))
				return nil
			case len(args) == 0 || flags.out == "":
				return errors.New("name recordings, and where to write: lockstep redact TRACE... -o DIR --key-file SECRET")
			}
			return runRedact(cmd.OutOrStdout(), cmd.ErrOrStderr(), args, names, flags)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&flags.out, "output", "o", "", "folder to write to, which must be empty or not there")
	f.StringVar(&flags.secret, "key-file", "", "file with the secret of the pseudonyms")
	f.StringVar(&flags.find, "find", "", "print this key's pseudonym")
	f.BoolVar(&flags.anew, "anew", false, "where a key is hashed, decide anew instead of refusing")
	f.BoolVar(&flags.json, "json", false, "print JSON")
	_ = cmd.MarkFlagRequired("key-file")
	return cmd
}

// redactResult is what was written.
type redactResult struct {
	OK      bool     `json:"ok"`
	Files   int      `json:"files"`
	Events  uint64   `json:"events"`
	Keys    int      `json:"keys"`
	Other   uint64   `json:"decided_otherwise,omitempty"`
	Skipped uint64   `json:"events_left_out,omitempty"`
	Damage  []string `json:"damage,omitempty"`
	Folders []string `json:"folders"`
}

func runRedact(w, stderr io.Writer, args []string, names *pseudonym.Names, flags redactFlags) error {
	all, done, err := openRecordings(args, stderr)
	if err != nil {
		return err
	}
	defer done()
	if err := emptyFolder(flags.out); err != nil {
		return err
	}
	out := redactResult{OK: true}
	for i, r := range all {
		dir := flags.out
		if len(all) > 1 { // files of several routers can have one name
			dir = filepath.Join(flags.out, fmt.Sprintf("%02d-%s", i+1, filepath.Base(r.Name())))
		}
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		one, err := (&recordings.Redaction{Names: names, Anew: flags.anew}).Redact(r, dir)
		if err != nil {
			return fmt.Errorf("%w; what is in %s is not to be used", err, flags.out)
		}
		out.add(r, &one, dir)
	}
	if flags.json {
		err = writeJSON(w, out)
	} else {
		out.print(w)
	}
	if err == nil && !out.OK {
		return errFailed
	}
	return err
}

// emptyFolder refuses a folder that holds something: originals and redacted files must not mix.
func emptyFolder(path string) error {
	entries, err := os.ReadDir(path)
	if err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is not empty: name another folder", path)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func (o *redactResult) add(r *recordings.Recording, one *recordings.Redacted, dir string) {
	o.Files += one.Files
	o.Events += one.Facts
	o.Keys = one.Keys // of all so far
	o.Other += one.Other
	o.Skipped += one.Skipped
	o.Folders = append(o.Folders, dir)
	for _, f := range r.Faults {
		o.Damage = append(o.Damage, f.Error())
	}
	for _, d := range one.Damage {
		o.Damage = append(o.Damage, d.Error())
	}
	o.OK = o.OK && len(o.Damage) == 0 && o.Skipped == 0
}

func (o *redactResult) print(w io.Writer) {
	for _, d := range o.Damage {
		fmt.Fprintf(w, "damage     %s; left out\n", d)
	}
	if o.Skipped > 0 {
		fmt.Fprintf(w, "left out   %s events: no redacted run can begin where they stand\n", say.Count(o.Skipped))
	}
	if o.Other > 0 {
		fmt.Fprintf(w, "note       %s events are decided otherwise than they were; the files are marked %s\n", say.Count(o.Other), recordings.FlagAnew)
	}
	fmt.Fprintf(w, "%s events in %s redacted, %s got pseudonyms\n", say.Count(o.Events), say.Plural(o.Files, "file"), say.Plural(o.Keys, "key"))
	for _, f := range o.Folders {
		fmt.Fprintf(w, "wrote      %s\n", f)
	}
}
