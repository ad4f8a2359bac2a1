package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"lockstep/adapters/recordings"
	"lockstep/traces"
	"lockstep/traces/say"
)

func newReplayCommand() *cobra.Command {
	var asJSON, rules bool
	var against string
	var jobs int
	var what whatIfFlags
	cmd := &cobra.Command{
		Use:   "replay TRACE...",
		Short: "Recompute every decision of a recording and compare",
		Long: `Recompute every decision of a recording and stop at the first that differs.
A TRACE is a file in either form, or a folder of segments (*.lst), read in order
of step; dumps (dump-*.lst) only if there is nothing else. Segments of several routers
are told apart. Exit 0: all that was read is identical. Exit 1: a divergence, or damage.

With --against nothing is recomputed: two recordings of what should be one run,
such as those of "lockstep sim --traces" by two builds, are compared, and the
first step that differs is shown.

With --rules the replay is an upgrade check: yesterday's recording under today's
program. It says which rules (R numbers of core/SPEC.md) decided how often and, where
this program decides otherwise, which rule decided before and which does now; it goes on
after a difference, from the next block's state. Exit 1: something is decided otherwise.

With --config the replay asks what would have been decided under another configuration,
of one router or of several at once. Every request's decision and outcome is labelled:
  recorded  follows from what was recorded
  modelled  depends on outcomes drawn from what that endpoint did near that time
  unknown   depends on what no recording shows, such as an endpoint never used, or more
            load than it was seen to bear; something is assumed, and said
The new configuration is in force all along; pushes in the recording are left out. Clients'
retries come as they were recorded, unless --retries simulates them again.

--gate holds the result to limits, separated by commas: FIGURE<=VALUE. Figures: refusals,
failovers, errors, retries, opened; and changed (requests that somebody else answers),
statuses (that are told another status), modelled, unknown. With a sign the limit is on the
growth (refusals<=+0.1%), without one on the figure itself; with % it is a share of the
requests, else a count. Exit 1: a limit is broken, a part of the recordings could not be
judged, or more requests are unknown than unknown<= allows (20% if not given): then
it says NOT JUDGED, which is no pass.`,
		Example: `  lockstep replay /var/lib/lockstep/rec
  lockstep replay --rules /var/lib/lockstep/rec
  lockstep replay r1/rec r2/rec --config new.yaml
  lockstep replay rec --config new.yaml --gate 'refusals<=+0.1%,failovers<=+1%,changed<=5%,unknown<=20%'
  lockstep replay traces/breaker/*.ndjson
  lockstep replay amd64 --against s390x`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := cmp.Or(what.check(against, rules), what.checkGate(cmd.Flags().Changed("gate")), checkJobs(jobs)); err != nil {
				return err
			}
			if what.config != "" {
				return runWhatIf(cmd.OutOrStdout(), cmd.ErrOrStderr(), args, what, asJSON)
			}
			if rules {
				return runRules(cmd.OutOrStdout(), cmd.ErrOrStderr(), args, asJSON)
			}
			if against != "" {
				return runAgainst(cmd.OutOrStdout(), args, against, asJSON)
			}
			return runReplay(cmd.OutOrStdout(), cmd.ErrOrStderr(), args, jobs, asJSON)
		},
	}
	cmd.Flags().StringVar(&against, "against", "", "compare with this file, or with the files of the same names in this folder")
	cmd.Flags().IntVar(&jobs, "jobs", 0, "cores to replay on; 0 means all")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&rules, "rules", false, "say which rules decided how often, and which decide otherwise in this program")
	cmd.Flags().StringVarP(&what.config, "config", "c", "", "what would have been decided under this configuration")
	cmd.Flags().StringVar(&what.keyFile, "key-file", "", "with --config: "+keyFileHelp)
	cmd.Flags().StringVar(&what.gate, "gate", "", "with --config: limits that the result must hold, such as 'refusals<=+0.1%,changed<=5%'")
	cmd.Flags().BoolVar(&what.retries, "retries", false, "with --config: simulate the clients' retries again")
	cmd.Flags().Uint64Var(&what.seed, "seed", 0, "with --config: of what is drawn")
	return cmd
}

// checkJobs refuses a number of cores below 0, which means all.
func checkJobs(jobs int) error {
	if jobs < 0 {
		return fmt.Errorf("--jobs is %d: write how many cores to use, 0 for all", jobs)
	}
	return nil
}

func runReplay(w, stderr io.Writer, args []string, jobs int, asJSON bool) error {
	result, err := replayAll(stderr, args, jobs)
	if err != nil {
		return err
	}
	if asJSON {
		err = json.NewEncoder(w).Encode(result.json())
	} else {
		result.print(w)
	}
	if err == nil && !result.Report.OK() {
		return errFailed
	}
	return err
}

// replayAll recomputes recordings on so many cores, 0 for all, and says how their files follow each other.
func replayAll(stderr io.Writer, args []string, jobs int) (*replayResult, error) {
	collectRarely()
	all, done, err := openRecordings(args, stderr)
	if err != nil {
		return nil, err
	}
	v, err := recordings.Verify(all, jobs)
	done()
	if err != nil {
		return nil, err
	}
	r := &replayResult{}
	r.take(&v)
	r.Chain, err = chainOf(all)
	return r, err
}

// take takes over a verdict.
func (r *replayResult) take(v *recordings.Verdict) {
	r.Report, r.Files = v.Report, v.Files
	for _, d := range v.Damage {
		r.Damage = append(r.Damage, d.Error())
	}
	if v.At != nil {
		r.File, r.Time = v.At.Path, wallTime(v.At.Header, int64(v.Divergence.Time))
	}
}

// replayFile replays one file; begin is told of its header first, if it is not nil.
func replayFile(v *traces.Verifier, path string, begin func(traces.Header)) (traces.Header, error) {
	r, f, err := recordings.OpenTrace(path)
	if err != nil {
		return traces.Header{}, err
	}
	defer f.Close()
	if begin != nil {
		begin(r.Header())
	}
	if err := v.Run(r); err != nil {
		return r.Header(), fmt.Errorf("%s: %w", path, err)
	}
	return r.Header(), nil
}

// traceFiles lists the files that the arguments mean, those of a recording in
// order of step, each recording's after the other.
func traceFiles(args []string) ([]string, error) {
	_, files, err := openWhole(args)
	return files, err
}

// openWhole opens recordings of which every file must be one, and lists their files.
func openWhole(args []string) (all []*recordings.Recording, files []string, err error) {
	all, err = recordings.Open(args)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range all {
		for _, f := range r.Faults {
			return nil, nil, f
		}
		for _, s := range r.Segments {
			files = append(files, s.Path)
		}
	}
	return all, files, nil
}

// wallTime prints a time of a recording in UTC, "" when its origin is not known.
func wallTime(h traces.Header, t int64) string {
	if h.Origin == 0 {
		return ""
	}
	return time.Unix(0, h.Origin+t).UTC().Format("2006-01-02 15:04:05.000000 UTC")
}

// replayResult is the verdict on all files together.
type replayResult struct {
	Report     traces.Report
	Files      int
	File, Time string   // of the divergence
	Damage     []string // with the file's name
	Chain      chained
}

func (r *replayResult) print(w io.Writer) {
	for _, d := range r.Damage {
		fmt.Fprintf(w, "damage     %s\n", d)
	}
	if d := r.Report.Divergence; d != nil {
		fmt.Fprintf(w, "%s: %s", r.File, d)
		if r.Time != "" {
			fmt.Fprintf(w, "  time       %s\n", r.Time)
		}
	}
	for _, s := range r.Report.Specs {
		fmt.Fprintf(w, "note       recorded under spec %s, replayed under %s\n", s, traces.SpecVersion)
	}
	r.Chain.print(w)
	for _, g := range r.Report.Gaps {
		fmt.Fprintf(w, "gap        %s steps from step %s on (%d blocks): %s\n", say.Count(g.Steps), say.Count(g.Step), g.Blocks, g.Why)
	}
	fmt.Fprintf(w, "%s decisions over %s events identical, %s, %s",
		say.Count(r.Report.Decisions), say.Count(r.Report.Facts), say.Plural(int(r.Report.Blocks), "block"), r.gaps())
	switch {
	case r.Report.Divergence != nil:
		fmt.Fprint(w, "; stopped at the divergence")
	case len(r.Damage) > 0:
		fmt.Fprintf(w, "; %s", say.Plural(len(r.Damage), "damaged part"))
	}
	fmt.Fprintln(w)
}

func (r *replayResult) gaps() string {
	s := "no gap"
	if n := len(r.Report.Gaps); n > 0 {
		s = say.Plural(n, "gap")
	}
	if lost := say.Count(r.Report.Lost) + " events missing"; r.Report.Lost > 0 && len(r.Report.Gaps) == 0 {
		s = lost // in what is damaged
	} else if r.Report.Lost > 0 {
		s += ", " + lost
	}
	return s
}

// replayJSON is the verdict for machines.
type replayJSON struct {
	OK         bool               `json:"ok"`
	Files      int                `json:"files"`
	Events     uint64             `json:"events"`
	Requests   uint64             `json:"requests"`
	Decisions  uint64             `json:"decisions"`
	Blocks     uint64             `json:"blocks"`
	Digests    uint64             `json:"digests"`
	First      uint64             `json:"first_step"`
	Last       uint64             `json:"last_step"`
	Missing    uint64             `json:"events_missing"`
	Gaps       []gapJSON          `json:"gaps,omitempty"`
	Damage     []string           `json:"damage,omitempty"`
	Specs      []string           `json:"other_specs,omitempty"`
	Chain      *chained           `json:"chain,omitempty"`
	Divergence *replayDivergeJSON `json:"divergence,omitempty"`
}

type gapJSON struct {
	Step   uint64 `json:"step"`
	Steps  uint64 `json:"steps"`
	Blocks uint64 `json:"blocks"`
	Why    string `json:"why"`
}

type replayDivergeJSON struct {
	File       string          `json:"file"`
	Step       uint64          `json:"step"`
	T          int64           `json:"t"`
	Time       string          `json:"time,omitempty"`
	Block      int             `json:"block"`
	Field      string          `json:"field"`
	Event      json.RawMessage `json:"event,omitempty"`
	Recorded   json.RawMessage `json:"recorded,omitempty"`
	Recomputed json.RawMessage `json:"recomputed,omitempty"`
}

func (r *replayResult) json() replayJSON {
	p := &r.Report
	out := replayJSON{
		OK: p.OK(), Files: r.Files, Events: p.Facts, Requests: p.Requests, Decisions: p.Decisions, Blocks: p.Blocks,
		Digests: p.Digests, First: p.First, Last: p.Last, Missing: p.Lost, Damage: r.Damage, Specs: p.Specs,
	}
	for _, g := range p.Gaps {
		out.Gaps = append(out.Gaps, gapJSON(g))
	}
	if c := &r.Chain; len(c.Holes)+len(c.Repeats)+len(c.Notes) > 0 {
		out.Chain = c
	}
	if d := p.Divergence; d != nil {
		out.Divergence = &replayDivergeJSON{
			File: r.File, Step: d.Step, T: int64(d.Time), Time: r.Time, Block: d.Block, Field: d.Field,
			Event: json.RawMessage(d.Line), Recorded: json.RawMessage(d.Recorded), Recomputed: json.RawMessage(d.Replayed),
		}
	}
	return out
}
