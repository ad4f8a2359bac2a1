package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"lockstep/adapters/configfile"
	"lockstep/adapters/recordings"
	"lockstep/core"
	"lockstep/traces"
	postmortem "lockstep/traces/incident"
)

// incidentFlags are the flags of `lockstep incident`.
type incidentFlags struct {
	from, to string
	config   string
	keyFile  string
	out      string
	top      int
	json     bool
}

func newIncidentCommand() *cobra.Command {
	var flags incidentFlags
	cmd := &cobra.Command{
		Use:   "incident TRACE...",
		Short: "Draft a post-mortem from recordings",
		Long: `Draft a post-mortem, in Markdown, from what routers recorded: what happened, to
whom and for how long, what came first, a time line over all routers with what is
known of their clocks, who was hit, the decisions that mattered, whether the
configurations in force did, what the obvious mitigations would have done, and
what the recordings do not tell. People add the rest.

A TRACE is a file, or a folder of recordings; name several for several routers.
Without --from and --to the draft finds the worst time itself and says so. Times
are UTC: 2026-11-19T14:07:31Z, 14:07 or 14:07:31.5 of the last day recorded, or
-10m before its end; of a simulated recording, 3.2s since its start.

Exit 0: drafted. Exit 1: drafted, but a part could not be read or does not replay; the
draft says which.`,
		Example: `  lockstep incident /var/lib/lockstep/rec
  lockstep incident r1/ r2/ r3/ --from 14:00 --to 14:30 -c router.yaml -o incident.md
  lockstep incident traces/limit/*.ndjson --json`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if flags.out == "" {
				return runIncident(cmd.OutOrStdout(), cmd.ErrOrStderr(), args, flags)
			}
			return incidentToFile(cmd.ErrOrStderr(), args, flags)
		},
	}
	cmd.Flags().StringVar(&flags.from, "from", "", "begin of the window")
	cmd.Flags().StringVar(&flags.to, "to", "", "end of the window, itself not included")
	cmd.Flags().StringVarP(&flags.config, "config", "c", "", "configuration file: show each tenant's region")
	cmd.Flags().StringVar(&flags.keyFile, "key-file", "", "with -c: "+keyFileHelp)
	cmd.Flags().StringVarP(&flags.out, "out", "o", "", "write to this file, readable by its owner only")
	cmd.Flags().IntVar(&flags.top, "top", 10, "tenants told one by one")
	cmd.Flags().BoolVar(&flags.json, "json", false, "print JSON")
	return cmd
}

// whenAmong reads a time of several recordings with parse, 0 for "".
func whenAmong(text string, found []*recordings.Recording, parse func(text string, origin, end int64) (int64, error)) (int64, error) {
	if text == "" {
		return 0, nil
	}
	end := int64(0)
	for _, r := range found {
		t, err := endOf(r)
		if err != nil {
			return 0, err
		}
		end = max(end, t)
	}
	return parse(text, found[0].Header.Origin, end)
}

// incidentToFile writes beside the file and renames, so that a draft is whole or not there.
func incidentToFile(stderr io.Writer, args []string, flags incidentFlags) error {
	if info, err := os.Stat(flags.out); err == nil && info.IsDir() {
		return fmt.Errorf("%s is a folder: name the file to write, such as %s", flags.out, filepath.Join(flags.out, "incident.md"))
	}
	f, err := os.CreateTemp(filepath.Dir(flags.out), ".incident-*") // mode 0600: it names tenants
	if err != nil {
		return fmt.Errorf("writing the draft: %w", err)
	}
	defer os.Remove(f.Name()) // gone already once it is renamed
	verdict := runIncident(f, stderr, args, flags)
	if err := f.Close(); err != nil {
		return fmt.Errorf("writing the draft: %w", err)
	}
	if verdict != nil && !errors.Is(verdict, errFailed) {
		return verdict
	}
	if err := os.Rename(f.Name(), flags.out); err != nil {
		return fmt.Errorf("writing the draft: %w", err)
	}
	return verdict
}

func runIncident(w, stderr io.Writer, args []string, flags incidentFlags) error {
	if flags.top < 1 {
		return fmt.Errorf("--top is %d: write how many tenants to tell one by one, 1 or more", flags.top)
	}
	found, err := recordings.Open(args)
	if err != nil {
		return err
	}
	tellHashed(stderr, found)
	o := postmortem.Options{Top: flags.top, Version: version, Parallel: func(n int, do func(i int)) { inParallel(n, runtime.GOMAXPROCS(0), do) }}
	if o.From, err = whenAmong(flags.from, found, parseWhen); err != nil {
		return fmt.Errorf("--from: %w", err)
	}
	if o.To, err = whenAmong(flags.to, found, parseUntil); err != nil {
		return fmt.Errorf("--to: %w", err)
	}
	if o.From != 0 && o.To != 0 && o.From >= o.To {
		return fmt.Errorf("--from %s is not before --to %s", flags.from, flags.to)
	}
	if flags.config != "" {
		if err := labelsFrom(flags, found, &o); err != nil {
			return err
		}
	} else if flags.keyFile != "" {
		return errors.New("--key-file is for the keys of a configuration: name it with -c, or leave it out")
	}
	d, err := postmortem.New(incidentSources(found), o)
	if err != nil {
		return err
	}
	for _, r := range found {
		for _, f := range r.Faults {
			d.Unknown = append(d.Unknown, "This file could not be read: "+f.Error())
			d.Unreadable = true
		}
	}
	if flags.json {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		err = enc.Encode(d)
	} else {
		err = d.Markdown(w)
	}
	if err == nil && d.Unreadable {
		return errFailed
	}
	return err
}

// incidentSources are the recordings as the draft reads them.
func incidentSources(found []*recordings.Recording) (out []postmortem.Source) {
	names, folders := recordingNames(found), map[string]int{}
	for _, r := range found {
		folders[filepath.Dir(r.Segments[0].Path)]++
	}
	for i, r := range found {
		s := postmortem.Source{Name: names[i], Path: filepath.Dir(r.Segments[0].Path), Origin: r.Header.Origin}
		if len(r.Segments) == 1 && (s.Origin == 0 || folders[s.Path] > 1) {
			s.Path = r.Segments[0].Path // the folder would name others too
		}
		s.Run = func(o traces.Options, from int64) (traces.Report, error) {
			block, err := blockBefore(r, from)
			if err != nil {
				return traces.Report{}, err
			}
			return r.Replay(block, o)
		}
		s.LastAdopt = func(before int64) (int64, error) { return lastAdopt(r, before) }
		s.Read = func(from, until int64, do func(*traces.Reader) error) error { return readWindow(r, from, until, do) }
		out = append(out, s)
	}
	return out
}

// lookBack is how long before a window a push is looked for.
const lookBack = time.Hour

// lastAdopt finds in a recording's notes when a configuration last came into force.
func lastAdopt(r *recordings.Recording, before int64) (at int64, err error) {
	notes, err := r.Notes(max(before-int64(lookBack), 1), before)
	for i := range notes.Notes {
		if n := &notes.Notes[i]; n.Decision.Kind == core.NoteAdopted {
			at = n.Wall
		}
	}
	return at, err
}

// readWindow gives readers of the segments that may hold something of a window.
func readWindow(r *recordings.Recording, from, until int64, do func(*traces.Reader) error) error {
	block, err := blockBefore(r, from)
	if err != nil {
		return err
	}
	s := r.From(block)
	defer s.Close()
	for {
		rd, err := s.Next()
		if rd == nil || err != nil {
			return err
		}
		if s.Segment().From > until {
			return nil
		}
		if err := do(rd); err != nil {
			return fmt.Errorf("%s: %w", s.Segment().Path, err)
		}
	}
}

// blockBefore is where to begin to read what happened from a time on.
func blockBefore(r *recordings.Recording, from int64) (b recordings.Block, err error) {
	if from == 0 || len(r.Segments) == 0 || r.Segments[0].From >= from {
		return b, nil
	}
	hits, err := r.Find(recordings.Query{From: from, Limit: 1})
	if err != nil || len(hits) == 0 {
		return b, err
	}
	return hits[0].Block, nil
}

// labelsFrom shows what a configuration file knows of tenants.
func labelsFrom(flags incidentFlags, found []*recordings.Recording, o *postmortem.Options) error {
	file, err := configfile.Load(flags.config)
	if err != nil {
		return err
	}
	if _, err := file.Compile(); err != nil {
		return err
	}
	what := ""
	if file.RegionsOf("") != nil {
		what = flags.config + ", which has regions of keys,"
	}
	names, err := keyNames(flags.keyFile, found, what)
	if err != nil {
		return err
	}
	world := worldUnder(file, names)
	o.Labels = []string{"region"}
	o.LabelsOf = func(key string) []string { return []string{world.Region(0, key)} }
	return nil
}
