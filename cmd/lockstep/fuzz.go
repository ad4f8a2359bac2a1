package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lockstep/adapters/configfile"
	"lockstep/sim/fuzz"
)

type fuzzFlags struct {
	length  time.Duration
	seeds   uint64
	counted bool // seeds were given, so the clock does not end the search
	seed    uint64
	only    fuzz.Recipe // try this one case alone
	jobs    int
	out     string
	corpus  string
	resume  bool
	accept  []string
	// scenarios are files and folders; those about the file at hand judge its changes.
	scenarios []string

	interrupt <-chan struct{} // closed when the search is to end; nil: never

	acceptFile string
	accepted   []acceptance // what stands in it
	now        time.Time    // decides what has expired
	json       bool
}

func newFuzzCommand() *cobra.Command {
	var flags fuzzFlags
	var seed string
	cmd := &cobra.Command{
		Use:   "fuzz CONFIG...",
		Short: "Search for the smallest failure story that breaks a property of a configuration",
		Long: `Search configurations for a counterexample. The promises of must are held, by
name; without them, the default properties. First come what-if runs of one thing
each: the peak load that the configuration states (facts.peak), the loss of each
placement under it (N-1), endpoints that hang, refuse or answer 500, endpoints that
are mended, health probes that fail alone, unknown keys. Without a stated peak a
load is assumed, and N-1 is not judged. Then seeds draw cases: faults, pushes,
bursts and the clients' behaviour. Every safety property is checked after every
step, and recovery in a healthy remainder. What fails is reduced to a story, with
the configuration key responsible. Changes that could mend it are tried against the
same case, the what-if runs, random seeds and --scenarios, and shown with what each
costs.

The search ends after --for, or after --seeds, whichever is given; a machine that
must give the same answer twice counts seeds. --seed with neither tries that one case,
without the what-if runs.
Ctrl-C ends it early with the verdict so far, and exit code 0 if nothing was found;
a second Ctrl-C ends it at once.

Cases that reach something new are changed a little and tried again. --corpus
keeps them in a folder and tries them first the next time, beside the time or the
seeds that are given; with --resume the search then goes on after the last seed. One case in eight pushes some settings
to extremes: what only shows there is a fault of the router and said apart.`,
		Example: `  lockstep fuzz config.yaml
  lockstep fuzz config.yaml --seeds 10000 --out findings
  lockstep fuzz config.yaml --seed 8841
  lockstep fuzz config.yaml --for 10m --corpus corpus --resume
  lockstep fuzz config.yaml --accept half-open-single-probe
  lockstep fuzz config.yaml --accept-file accepted.yaml --seeds 2000 --json`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			collectRarely()
			if err := flags.first(cmd.Flags().Changed, seed); err != nil {
				return err
			}
			flags.now = time.Now()
			interrupt, stop := firstSignal(cmd.Context())
			defer stop()
			flags.interrupt = interrupt
			return runFuzz(cmd.OutOrStdout(), cmd.ErrOrStderr(), args, flags)
		},
	}
	f := cmd.Flags()
	f.DurationVar(&flags.length, "for", time.Minute, "search this long, over all files together")
	f.Uint64Var(&flags.seeds, "seeds", 0, "try so many seeds of each file, in place of --for; 0 tries the what-if runs alone")
	f.StringVar(&seed, "seed", "1", "the first seed; or one case, as a verdict or a corpus names it")
	f.IntVar(&flags.jobs, "jobs", runtime.GOMAXPROCS(0), "search so many seeds at once")
	f.StringVar(&flags.out, "out", "", "keep what was found here: a scenario and its trace")
	f.StringVar(&flags.corpus, "corpus", "", "keep the cases that reached something new in this folder, and try those in it first")
	f.BoolVar(&flags.resume, "resume", false, "go on after the last seed of --corpus")
	f.StringSliceVar(&flags.accept, "accept", nil, "leave out these properties")
	f.StringSliceVar(&flags.scenarios, "scenarios", nil, "run changes in these scenarios too, if their config is the file at hand: files, folders, dir/...")
	f.StringVar(&flags.acceptFile, "accept-file", "", "leave out the findings accepted in this file: a list of {name, owner, until: 2026-12-31}; expired ones count")
	f.BoolVar(&flags.json, "json", false, "print JSON")
	addExhaustive(cmd, &flags)
	return cmd
}

// first reads --seed and what it means beside the other flags.
func (f *fuzzFlags) first(set func(string) bool, seed string) error {
	r, err := fuzz.ParseRecipe(seed)
	if err != nil {
		return fmt.Errorf("--seed: %w", err)
	}
	f.seed, f.counted = r[0], set("seeds")
	bounded := set("seeds") || set("for")
	switch {
	case f.length <= 0:
		return fmt.Errorf("--for is %s: use a time above 0; --seeds 0 tries the what-if runs alone", f.length)
	case f.resume && f.corpus == "":
		return errors.New("--resume goes on after the last seed of a corpus: name its folder with --corpus")
	case f.resume && set("seed"):
		return errors.New("--resume goes on after the last seed of --corpus: leave out --seed")
	case len(r) > 1 && bounded:
		return fmt.Errorf("--seed %s is one case: leave out --seeds and --for, or begin at one seed", r)
	case set("seed") && !bounded:
		f.only, f.seeds, f.counted = r, 1, true
	}
	return nil
}

// fuzzResult is what the search of one file showed.
type fuzzResult struct {
	File     string        `json:"file"`
	OK       bool          `json:"ok"`
	Findings []fuzzFinding `json:"findings,omitempty"`
	NMinus   []nMinusLine  `json:"n_minus_1"`
	Assumed  string        `json:"assumed"` // the load of the what-if runs
	Drills   int           `json:"drills"`  // what-if runs that were tried, N-1 among them
	Judged   []string      `json:"judged"`  // properties, by name
	Broken   []string      `json:"broken"`
	Untried  []string      `json:"untried,omitempty"` // properties of which a what-if run was left out when the search ended
	Seeds    uint64        `json:"seeds"`
	Requests uint64        `json:"requests"`
	Events   uint64        `json:"events"`
	States   int           `json:"states"` // and transitions that the seeds reached
	Seconds  float64       `json:"seconds"`
	Reached  []string      `json:"reached"` // situations
	Never    []string      `json:"never_reached"`

	Interrupted bool          `json:"interrupted"` // before the time or the seeds were over
	Corpus      *corpusResult `json:"corpus,omitempty"`

	drillsLeft int // what-if runs that were left out

	scenarios string // in words: how many changes were run in; "" when none were given
}

// nMinusLine is the loss of one placement: held, failed or skipped, and why.
type nMinusLine struct {
	Down    string `json:"down"`
	Verdict string `json:"verdict"` // holds, fails or skipped
	Why     string `json:"why,omitempty"`
}

func runFuzz(w, progress io.Writer, paths []string, flags fuzzFlags) error {
	if flags.jobs < 1 {
		return fmt.Errorf("--jobs is %d: use at least 1", flags.jobs)
	}
	if err := ready(paths, flags.out); err != nil {
		return err
	}
	known, err := acceptable(paths)
	if err != nil {
		return err
	}
	for _, name := range flags.accept {
		if !slices.Contains(known, name) {
			return fmt.Errorf("--accept %s leaves nothing out: the properties of %s are %s", name, strings.Join(paths, " and "), strings.Join(known, ", "))
		}
	}
	if err := flags.acceptFromFile(); err != nil {
		return err
	}
	if !flags.json {
		printAccepted(w, flags.accepted, known)
	}
	share := flags.length / time.Duration(len(paths))
	more := map[string]any{"accepted": append([]acceptance{}, flags.accepted...)}
	return judgeFiles(w, paths, flags.json, more, func(path string) (*fuzzResult, error) {
		return fuzzFile(path, flags, share, newProgress(progress))
	})
}

// ready finds before any search what would stop one later: a file that is not
// valid, a folder that cannot be written to.
func ready(paths []string, out string) error {
	for _, path := range paths {
		if _, err := loadTarget(path); err != nil {
			return err
		}
	}
	if out == "" {
		return nil
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	probe, err := os.CreateTemp(out, ".writable-*")
	if err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

func (r *fuzzResult) passed() bool { return r.OK }

// fuzzFile searches one configuration.
func fuzzFile(path string, flags fuzzFlags, length time.Duration, p *progress) (*fuzzResult, error) {
	f, err := loadTarget(path)
	if err != nil {
		return nil, err
	}
	s := &search{target: targetOf(f, flags.accept), flags: flags, progress: p, began: time.Now(), length: length}
	s.deadline, s.plan = s.began.Add(length), fuzz.NewSearch(flags.seed)
	if flags.corpus != "" {
		if s.corpus, err = openCorpus(flags.corpus, path, s.target); err != nil {
			return nil, err
		}
	}
	r := &fuzzResult{File: path, Assumed: s.target.Traffic(), NMinus: []nMinusLine{}, Findings: static(f, path, flags.accept)}
	if err := s.about(path, r); err != nil {
		return nil, err
	}
	if flags.only == nil {
		if err := s.drill(f, r); err != nil {
			return nil, err
		}
	}
	if len(s.found)+len(r.Findings) == 0 {
		// What is found without a search is mended first: a search would find it again and again.
		s.run()
	}
	if s.err != nil {
		return nil, fmt.Errorf("searching %s: %w", path, s.err)
	}
	r.Findings = without(r.Findings, s.found)
	r.OK = len(s.found)+len(r.Findings) == 0
	r.Seeds, r.Requests, r.Events = s.seeds, s.requests, s.events
	r.Seconds, r.States = time.Since(s.began).Seconds(), s.plan.States()
	r.Reached, r.Never, r.Interrupted = s.coverage.Reached(), s.coverage.Missing(), s.interrupted()
	if s.corpus != nil {
		r.Corpus = &s.corpus.corpusResult
	}
	r.judged(f, s)
	for _, x := range s.found {
		shown, err := s.show(f, path, x)
		if err != nil {
			return nil, err
		}
		r.Findings = append(r.Findings, shown)
	}
	return r, nil
}

// loadTarget reads a configuration and refuses one that is not valid.
func loadTarget(path string) (*configfile.File, error) {
	f, err := configfile.Load(path)
	if err != nil {
		return nil, err
	}
	_, err = f.Compile()
	return f, err
}

// targetOf turns a loaded configuration into what a search attacks.
func targetOf(f *configfile.File, accept []string) *fuzz.Target {
	t := &fuzz.Target{Name: f.Path, Spec: fuzz.Reduce(f.Spec), Accept: accept}
	t.Facts.Routers = f.Facts.Routers.Min // the fewest carry the most each
	for name, l := range f.Facts.Peak {
		if t.Facts.Peak == nil {
			t.Facts.Peak = map[string]fuzz.Load{}
		}
		t.Facts.Peak[name] = fuzz.Load{PerSecond: l.PerSecond, Latency: l.Latency}
	}
	t.Must, t.MayServe = f.Must, f.MayServe
	t.Region, t.Labels = f.Region, f.Labels
	return t
}
