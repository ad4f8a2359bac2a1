package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lockstep/sim/explore"
)

// mostRequests is where fuzz --exhaustive stops making the world larger.
const mostRequests = 6

type exploreFlags struct {
	length time.Duration
	depth  int
	json   bool

	interrupt <-chan struct{} // closed when the exploration is to end; nil: never
}

// addExhaustive gives fuzz its second mode.
func addExhaustive(cmd *cobra.Command, fuzz *fuzzFlags) {
	var exhaustive bool
	var flags exploreFlags
	cmd.Flags().BoolVar(&exhaustive, "exhaustive", false, "try every interleaving of a small world: the built-in one, or a reduction of CONFIG")
	cmd.Flags().IntVar(&flags.depth, "depth", 0, "with --exhaustive: the longest interleaving; 0 for no bound")
	cmd.Long += `

With --exhaustive every interleaving of a small world is tried: two placements,
three endpoints, one push, one crash, and 3 requests, then one more each time
until --for is over. What is printed then holds for every state within the bound.`
	cmd.Example += "\n  lockstep fuzz --exhaustive\n  lockstep fuzz --exhaustive config.yaml --depth 12 --for 10s"
	args, run := cmd.Args, cmd.RunE
	cmd.Args = func(cmd *cobra.Command, names []string) error {
		if exhaustive {
			return nil
		}
		return args(cmd, names)
	}
	cmd.RunE = func(cmd *cobra.Command, names []string) error {
		if !exhaustive {
			if cmd.Flags().Changed("depth") {
				return errors.New("--depth needs --exhaustive")
			}
			return run(cmd, names)
		}
		for _, name := range []string{"seeds", "seed", "jobs", "out", "accept", "corpus", "resume"} {
			if cmd.Flags().Changed(name) {
				return fmt.Errorf("--exhaustive has no use for --%s: it takes --depth, --for and --json", name)
			}
		}
		flags.length, flags.json = fuzz.length, fuzz.json
		interrupt, stop := firstSignal(cmd.Context())
		defer stop()
		flags.interrupt = interrupt
		return runExhaustive(cmd.OutOrStdout(), cmd.ErrOrStderr(), names, flags)
	}
}

// exploreResult is what the exhaustive mode showed of one world.
type exploreResult struct {
	World string       `json:"world"`
	File  string       `json:"file,omitempty"`
	Bound string       `json:"bound"`          // what was explored, in words
	Cuts  []string     `json:"cuts,omitempty"` // what was scaled down
	OK    bool         `json:"ok"`
	Runs  []exploreRun `json:"runs"`
}

// exploreRun is the exploration of the world with so many requests.
type exploreRun struct {
	Requests    int                `json:"requests"`
	Depth       int                `json:"depth"`
	Complete    bool               `json:"complete"`
	Raw         int                `json:"raw_states"`
	Reduced     int                `json:"reduced_states"`
	Transitions int                `json:"transitions"`
	Seconds     float64            `json:"seconds"`
	Violation   *explore.Violation `json:"violation,omitempty"`
	Story       []string           `json:"story,omitempty"`
}

// runExhaustive explores the built-in world, or a reduction of each
// configuration, with one request more each time until the time is up.
func runExhaustive(w, progress io.Writer, paths []string, flags exploreFlags) error {
	if flags.depth < 0 {
		return fmt.Errorf("--depth is %d: use 0 for no bound, or more", flags.depth)
	}
	if len(paths) == 0 {
		paths = []string{""}
	}
	var results []*exploreResult
	for _, path := range paths {
		r, err := exploreFile(path, flags, flags.length/time.Duration(len(paths)), newProgress(progress))
		if err != nil {
			return err
		}
		results = append(results, r)
	}
	return report(w, results, flags.json)
}

// report prints every result; one that is not OK makes the command fail.
func report(w io.Writer, results []*exploreResult, asJSON bool) error {
	var failed error
	for _, r := range results {
		if !r.OK {
			failed = errFailed
		}
		if !asJSON {
			r.print(w)
		}
	}
	if asJSON {
		if err := writeJSON(w, results); err != nil {
			return err
		}
	}
	return failed
}

// smallWorld is the world of one file, or the built-in one.
func smallWorld(path string) (*explore.World, []string, error) {
	if path == "" {
		return explore.BuiltIn(), nil, nil
	}
	f, err := loadTarget(path)
	if err != nil {
		return nil, nil, err
	}
	world, cuts, err := explore.Reduce(&f.Spec, "")
	if err != nil {
		return nil, nil, fmt.Errorf("exploring %s: %w", path, err)
	}
	return world, cuts, nil
}

func exploreFile(path string, flags exploreFlags, length time.Duration, p *progress) (*exploreResult, error) {
	world, cuts, err := smallWorld(path)
	if err != nil {
		return nil, err
	}
	out := &exploreResult{World: world.Name, File: path, Bound: world.Bound(), Cuts: cuts, OK: true}
	began := time.Now()
	over := func() bool { return time.Since(began) > length || closed(flags.interrupt) }
	stop := func(depth, reduced int) bool {
		p.line("%d requests, depth %d, %s states", world.Requests, depth, short(uint64(reduced)))
		return over()
	}
	defer p.clear()
	for ; world.Requests <= mostRequests; world.Requests++ {
		from := time.Now()
		r, err := explore.Explore(world, explore.Options{Depth: flags.depth, Stop: stop})
		if err != nil {
			return nil, err
		}
		out.Runs = append(out.Runs, exploreRun{
			Requests: world.Requests, Depth: r.Depth, Complete: r.Complete, Raw: r.Raw, Reduced: r.Reduced,
			Transitions: r.Transitions, Seconds: time.Since(from).Seconds(), Violation: r.Violation, Story: r.Story,
		})
		if out.OK = r.Violation == nil; !out.OK || over() {
			break
		}
	}
	return out, nil
}

func (r *exploreResult) print(w io.Writer) {
	last := r.Runs[len(r.Runs)-1]
	if !r.OK {
		fmt.Fprintf(w, "FAIL  %s   %s   %s\n\nStory      the shortest there is\n", last.Violation.Property, r.World, last.Violation.Detail)
		for _, line := range last.Story {
			fmt.Fprintf(w, "   %s\n", line)
		}
		return
	}
	fmt.Fprintf(w, "ok    %s   no reachable state within this bound breaks %s\n", r.World, explore.Judged)
	for _, run := range r.Runs {
		depth := fmt.Sprintf("to depth %d", run.Depth)
		if run.Complete {
			depth = fmt.Sprintf("complete at depth %d", run.Depth)
		}
		fmt.Fprintf(w, "           %d requests, %s: %d raw states met, %d reduced, %d transitions, %.1f s\n",
			run.Requests, depth, run.Raw, run.Reduced, run.Transitions, run.Seconds)
	}
	fmt.Fprintf(w, "Bound      %s\n", r.Bound)
	if len(r.Cuts) > 0 {
		fmt.Fprintf(w, "Reduced    %s\n", strings.Join(r.Cuts, "; "))
	}
}
