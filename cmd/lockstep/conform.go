package main

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/spf13/cobra"
)

type conformFlags struct {
	vectors string   // folder; "" means those built in
	only    []string // traces to ask, and nothing else
	seed    uint64
	seeded  bool   // --seed without a budget: that question alone
	events  uint64 // generated, about; 0: vectors alone
	length  time.Duration
	timed   bool // --for was given, so time ends the run
	jobs    int
	out     string
	timeout time.Duration // of one answer
	json    bool

	interrupt <-chan struct{} // closed when the run is to end; nil: never
}

// defaultEvents is a few seconds' worth on two cores.
const defaultEvents = 2_000_000

func newConformCommand() *cobra.Command {
	var flags conformFlags
	cmd := &cobra.Command{
		Use:   "conform [flags] -- SHIM [ARG...]",
		Short: "Hold another implementation of the rules to this one, byte for byte",
		Long: `Run the conformance vectors, and then generated traces, against a program that
speaks the shim protocol (traces/CONFORM.md): it gets inputs without decisions, and
its decisions, digests and snapshots must be those of this program's core.

Generated questions are named by their seeds: raw streams of events that keep every
rule busy, some of which no edge would send; simulations; configurations, of which
some must be refused; damaged traces, which must be refused too. At the first
difference the run ends, and the case is reduced: events are dropped and
configurations made smaller, until the smallest trace is left that still shows it.
It is written to --out, as this program decides it.

Exit code 0: no difference; 1: a difference; 2: the shim died, hung or spoke
something else, or the usage is wrong. What was asked last is kept then, too.`,
		Example: `  lockstep conform -- ./shim
  lockstep conform --events 100000000 --jobs 2 -- ./shim
  lockstep conform --for 10m --seed 1000000 --out found -- ./shim --quiet
  lockstep conform --seed 8841 -- ./shim
  lockstep conform --only found/stream-8841.ndjson -- ./shim`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			collectRarely()
			set := cmd.Flags().Changed
			flags.timed = set("for")
			flags.seeded = set("seed") && !set("for") && !set("events")
			if err := flags.check(args); err != nil {
				return err
			}
			interrupt, stop := firstSignal(cmd.Context())
			defer stop()
			flags.interrupt = interrupt
			return runConform(cmd.OutOrStdout(), cmd.ErrOrStderr(), args, flags)
		},
	}
	f := cmd.Flags()
	f.StringVar(&flags.vectors, "vectors", "", "folder of vectors (*.ndjson, *.lst) in place of those built in")
	f.StringSliceVar(&flags.only, "only", nil, "ask these traces alone")
	f.Uint64Var(&flags.seed, "seed", 1, "the first seed; with neither --events nor --for that question alone")
	f.Uint64Var(&flags.events, "events", defaultEvents, "generate about so many events; 0 runs the vectors alone")
	f.DurationVar(&flags.length, "for", 0, "generate for this long, in place of --events")
	f.IntVar(&flags.jobs, "jobs", runtime.GOMAXPROCS(0), "start so many shims")
	f.StringVar(&flags.out, "out", "conform-found", "keep what differs in this folder, made when it is needed")
	f.DurationVar(&flags.timeout, "timeout", time.Minute, "longest wait for one answer")
	f.BoolVar(&flags.json, "json", false, "print JSON")
	return cmd
}

func (f *conformFlags) check(args []string) error {
	switch {
	case len(args) == 0:
		return errors.New("name the shim: lockstep conform -- SHIM [ARG...]")
	case f.jobs < 1:
		return fmt.Errorf("--jobs is %d: use at least 1", f.jobs)
	case f.timeout <= 0:
		return fmt.Errorf("--timeout is %s: use a time above 0", f.timeout)
	case f.timed && f.length <= 0:
		return fmt.Errorf("--for is %s: use a time above 0; --events 0 runs the vectors alone", f.length)
	case len(f.only) > 0 && (f.seeded || f.vectors != ""):
		return errors.New("--only asks the traces that it names: leave out --seed and --vectors")
	}
	return nil
}

func runConform(w, progress io.Writer, args []string, flags conformFlags) error {
	c := &conformance{flags: flags, args: args, progress: newProgress(progress), began: time.Now()}
	r, err := c.run()
	if err != nil {
		return err
	}
	r.count(c)
	if flags.json {
		err = writeJSON(w, r)
	} else {
		r.print(w)
	}
	if err != nil {
		return err
	}
	return r.verdict()
}
