package main

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"lockstep/sim"
	"lockstep/sim/scenario"
)

type simFlags struct {
	seed    *uint64 // nil: each file's own
	trace   string
	traces  string // folder for the traces of all routers
	report  string // HTML page to write, "" for none
	json    bool
	verbose bool
	watch   bool
	schema  bool
	grid    mapFlags
	lose    string // "each-placement", "" for no
	from    fromFlags
	// progress is where a terminal shows how far it is; nil shows nothing.
	progress io.Writer
}

func newSimCommand() *cobra.Command {
	var flags simFlags
	var seed uint64
	cmd := &cobra.Command{
		Use:   "sim SCENARIO...",
		Short: "Run failure scenarios and judge what they expect",
		Long: `Run scenarios: files, directories, or dir/... for all below it. Each is run with
every safety check on and judged by its expectations and by what its configuration
promises (must). Its twin, the same world with the protection switched off, is run
too and must fail where the file says. Two runs with equal seeds have equal digests.
A scenario holds its configuration or names a file: copy one, name your own under
config, and run it.

With --from the arguments are recordings of one or several routers. A model is made
of what they saw: arrivals by key, how long each endpoint took, how it failed, what
was pushed. It is run from five seeds, or as many as 20 million requests allow, and
how far it is from the recording is printed, so that you know how much to believe.
-o keeps it as a scenario: add a fault or double a rate, and run that.`,
		Example: `  lockstep sim scenarios/...
  lockstep sim scenarios/breaker/half-open-herd.yaml --trace herd.ndjson
  lockstep sim scenarios/fleet/half-open-herd-50.yaml --traces fifty
  lockstep sim scenarios/breaker/half-open-herd.yaml --report herd.html
  lockstep sim scenarios/... --seed 7 --json
  lockstep sim --schema > scenario.schema.json
  lockstep sim scenarios/load/retry-budget.yaml --map load=50..99%,dip=0..5s --map-svg map.svg
  lockstep sim --lose each-placement config.yaml
  lockstep sim --from /var/lib/lockstep/rec -o model.yaml`,
		Args: func(cmd *cobra.Command, args []string) error { return schemaOrFiles(cmd, args, flags.schema) },
		RunE: func(cmd *cobra.Command, args []string) error {
			collectRarely()
			if flags.schema {
				fmt.Fprint(cmd.OutOrStdout(), scenario.Schema())
				return nil
			}
			if set := cmd.Flags().Changed; flags.grid.axes == "" && (set("map-svg") || set("map-cells")) {
				return errors.New("--map-svg and --map-cells are of --map: name the loads and dips, such as --map load=50..99%,dip=0..5s")
			}
			if err := flags.from.check(); err != nil {
				return err
			}
			if cmd.Flags().Changed("seed") {
				flags.seed = &seed
			}
			flags.progress = cmd.ErrOrStderr()
			rerun := func() error { return flags.run(cmd.OutOrStdout(), args) }
			if flags.watch {
				return watchSim(cmd.Context(), cmd.OutOrStdout(), args, rerun)
			}
			return rerun()
		},
	}
	cmd.Flags().Uint64Var(&seed, "seed", 0, "seed in place of each file's own")
	cmd.Flags().StringVar(&flags.trace, "trace", "", "write the trace of router 1 here (one scenario only): .ndjson is text, else binary")
	cmd.Flags().StringVar(&flags.traces, "traces", "", "write the trace of every router, one file for each of its lives, into this folder (one scenario only)")
	cmd.Flags().StringVar(&flags.report, "report", "", "draw the run as one HTML page that needs no network, into this file (one scenario only)")
	cmd.Flags().BoolVar(&flags.json, "json", false, "print JSON")
	cmd.Flags().BoolVarP(&flags.verbose, "verbose", "v", false, "show every figure, not only the failed ones")
	cmd.Flags().StringVar(&flags.lose, "lose", "", "each-placement: take down each placement of a configuration or scenario in turn, and say which loss it survives")
	cmd.Flags().BoolVar(&flags.watch, "watch", false, "run again whenever a scenario or a configuration that it names changes")
	cmd.Flags().BoolVar(&flags.schema, "schema", false, "print the JSON Schema of a scenario file, for editors")
	flags.grid.define(cmd)
	flags.from.define(cmd)
	excludeFlags(cmd)
	return cmd
}

// excludeFlags says which flags make no sense together.
func excludeFlags(cmd *cobra.Command) {
	for flag, others := range map[string][]string{
		"from":   {"lose", "map", "watch", "trace", "traces", "verbose", "report"},
		"lose":   {"map", "watch", "trace", "traces", "report"},
		"map":    {"trace", "traces", "report"},
		"watch":  {"trace", "traces", "report"},
		"report": {"trace"},
	} {
		for _, other := range others {
			cmd.MarkFlagsMutuallyExclusive(flag, other)
		}
	}
}

// run does what the flags ask for.
func (f simFlags) run(w io.Writer, args []string) error {
	switch {
	case f.from.on:
		return runFrom(w, args, f)
	case f.lose != "":
		return runLose(w, args, f)
	case f.grid.axes != "":
		return runMap(w, args, f)
	}
	return runSim(w, args, f)
}

// simResult is the verdict on one scenario and its twin.
type simResult struct {
	Path     string `json:"path"`
	Property string `json:"property"`
	OK       bool   `json:"ok"`
	*scenario.Verdict
	NotJudged []unjudged  `json:"promises_not_judged,omitempty"` // of the configuration's must
	Twin      *twinResult `json:"twin,omitempty"`
}

// twinResult says whether the unprotected twin fails as it must.
type twinResult struct {
	Off      string          `json:"off"`
	MustFail string          `json:"must_fail"`
	Fails    bool            `json:"fails"`
	Because  *scenario.Check `json:"because,omitempty"`
	Digest   string          `json:"digest"`
}

func runSim(w io.Writer, args []string, flags simFlags) error {
	paths, err := scenarioPaths(args)
	if err != nil {
		return err
	}
	if flags.trace+flags.traces+flags.report != "" && len(paths) != 1 {
		return fmt.Errorf("a trace or report is written of one scenario, not of %d", len(paths))
	}
	began := time.Now()
	results := make([]*simResult, len(paths))
	errs := make([]error, len(paths))
	done, lock, progress := 0, sync.Mutex{}, newProgress(flags.progress)
	inParallel(len(paths), runtime.GOMAXPROCS(0), func(i int) {
		results[i], errs[i] = simOne(paths[i], flags)
		lock.Lock()
		defer lock.Unlock()
		done++
		progress.line("%d of %d scenarios", done, len(paths))
	})
	progress.clear()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	failed := 0
	for _, r := range results {
		if !r.OK {
			failed++
		}
	}
	if flags.json {
		if err := writeJSON(w, map[string]any{"scenarios": results, "failed": failed}); err != nil {
			return err
		}
	} else {
		simTable{w, widthOf(w), flags.verbose}.print(results, time.Since(began))
	}
	if failed > 0 {
		return errFailed
	}
	return nil
}

// inParallel calls do for 0..n-1 from so many workers.
func inParallel(n, workers int, do func(i int)) {
	var wait sync.WaitGroup
	work := make(chan int)
	for range min(n, workers) {
		wait.Go(func() {
			for i := range work {
				do(i)
			}
		})
	}
	for i := range n {
		work <- i
	}
	close(work)
	wait.Wait()
}

// simOne runs one scenario and its twin.
func simOne(path string, flags simFlags) (result *simResult, failed error) {
	s, err := loadScenario(path, flags.seed)
	if err != nil {
		return nil, err
	}
	options, finish := sim.Options{}, func() error { return nil }
	folder := flags.traces
	if flags.report != "" {
		var done func() error
		if folder, done, err = flags.reportTraces(); err != nil {
			return nil, err
		}
		defer func() { failed = errors.Join(failed, done()) }()
	}
	switch {
	case flags.trace != "":
		options.Observe, finish, err = traceTo(flags.trace, s.file)
	case folder != "":
		options.Observe, finish, err = tracesTo(folder, s.file)
	}
	if err != nil {
		return nil, err
	}
	must, err := holdMust(s, &options)
	if err != nil {
		return nil, errors.Join(err, finish())
	}
	v, err := scenario.Judge(s.file, s.plan, "", options)
	if err := errors.Join(err, finish()); err != nil {
		return nil, err
	}
	r := &simResult{Path: path, Property: s.file.Property, Verdict: v, OK: v.OK}
	must(r)
	if flags.report != "" {
		if err := flags.writeReport(s, r, folder); err != nil {
			return nil, err
		}
	}
	if s.twin == nil {
		return r, nil
	}
	twin, err := scenario.Judge(s.twin, s.twinPlan, s.file.Twin.MustFail, sim.Options{})
	if err != nil {
		return nil, err
	}
	r.Twin = &twinResult{Off: s.file.Twin.Off, MustFail: s.file.Twin.MustFail, Digest: twin.Digest}
	if c, ok := twin.Failed(s.file.Twin.MustFail); ok {
		r.Twin.Fails, r.Twin.Because = true, &c
	}
	r.OK = r.OK && r.Twin.Fails
	return r, nil
}
