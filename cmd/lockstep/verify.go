package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"lockstep/adapters/configfile"
	"lockstep/core"
	"lockstep/traces"
	"lockstep/traces/promise"
)

type verifyFlags struct {
	config  string
	keyFile string
	jobs    int // without promises
	json    bool
}

func newVerifyCommand() *cobra.Command {
	var flags verifyFlags
	cmd := &cobra.Command{
		Use:   "verify TRACE... [-c CONFIG]",
		Short: "Check recordings, and hold them to what a configuration promises",
		Long: `Check recordings: every checksum, that no step is missing between two files, and
every decision, which is recomputed. A TRACE is a file in either form, or a folder of
segments. What is damaged or missing is said, and the rest is checked.

With -c the promises of must are held against what was recorded. The promises, the
labels of placements and the regions of keys are those of CONFIG; limits and candidates
are those of the configurations in the recording. Each recording is judged alone, and
so is each router of a simulated run. A promise holds, is broken, or is not judged
because what it is about did not happen.

Exit 0: all replays identically, no step is missing but those that the recorder itself
says it lost, and no promise is broken. Exit 1: otherwise.`,
		Example: `  lockstep verify /var/lib/lockstep/rec
  lockstep verify /var/lib/lockstep/rec -c router.yaml
  lockstep verify -c router.yaml --json r1.lst r2.lst`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkJobs(flags.jobs); err != nil {
				return err
			}
			if flags.config == "" {
				if flags.keyFile != "" {
					return errors.New("--key-file is for the keys of a configuration: name it with -c, or leave it out")
				}
				return runCheckRecordings(cmd.OutOrStdout(), cmd.ErrOrStderr(), args, flags)
			}
			return runVerify(cmd.OutOrStdout(), cmd.ErrOrStderr(), args, flags)
		},
	}
	cmd.Flags().StringVarP(&flags.config, "config", "c", "", "configuration with the promises (must)")
	cmd.Flags().StringVar(&flags.keyFile, "key-file", "", keyFileHelp)
	cmd.Flags().IntVar(&flags.jobs, "jobs", 0, "cores to replay on, without -c; 0 means all")
	cmd.Flags().BoolVar(&flags.json, "json", false, "print JSON")
	return cmd
}

// verifier holds recordings to the promises of one configuration.
type verifier struct {
	world      promise.World
	files      *traces.Verifier
	recordings []*recording
	now        *recording // being read
}

// recording is all segments of one router's life.
type recording struct {
	header   traces.Header
	judge    *promise.Judge
	watch    *promise.Watch // nil before the first step
	requests uint64
	first    core.Time
	last     core.Time
	judged   []stretch // of steps that were judged, in order
	late     uint64    // steps that came when later ones had been judged
	begins   []beginning
	configs  []*core.Config // in force at some time, in order
}

// stretch is steps without a gap, both ends included.
type stretch struct{ first, last uint64 }

// beginning is the first step that was seen in a file.
type beginning struct {
	file string
	step uint64
}

// runCheckRecordings checks recordings without promises.
func runCheckRecordings(w, stderr io.Writer, args []string, flags verifyFlags) error {
	result, err := replayAll(stderr, args, flags.jobs)
	if err != nil {
		return err
	}
	whole := result.Report.OK() && len(result.Chain.Holes) == 0
	if flags.json {
		out := result.json()
		out.OK = whole
		err = writeJSON(w, out)
	} else {
		result.print(w)
	}
	if err == nil && !whole {
		return errFailed
	}
	return err
}

func runVerify(w, stderr io.Writer, args []string, flags verifyFlags) error {
	all, done, err := openRecordings(args, stderr)
	if err != nil {
		return err
	}
	defer done()
	var files []string
	for _, r := range all {
		for _, s := range r.Segments {
			files = append(files, s.Path)
		}
	}
	f, c, err := loadPromises(flags.config)
	if err != nil {
		return err
	}
	names, err := keyNames(flags.keyFile, all, regionsPromised(f, flags.config))
	if err != nil {
		return err
	}
	v := &verifier{world: worldUnder(f, names)}
	var itself []string // promises that the configuration breaks, whatever was recorded
	for _, b := range f.Breaches(c) {
		if !slices.Contains(itself, b.Promise) {
			itself = append(itself, b.Promise)
		}
	}
	if names != nil {
		if c, err = names.Config(c); err != nil {
			return err
		}
	}
	v.files = traces.NewVerifier(traces.Options{After: v.after})
	result := verifyResult{Config: flags.config, Itself: itself, config: c, replay: replayResult{Files: len(files)}}
	for _, r := range all {
		for _, f := range r.Faults {
			result.replay.Damage = append(result.replay.Damage, f.Error())
		}
	}
	if result.replay.Chain, err = chainOf(all); err != nil {
		return err
	}
	for _, path := range files {
		damage := len(v.files.Report().Damage)
		h, err := replayFile(v.files, path, func(h traces.Header) { v.begin(path, h) })
		if err != nil {
			return err
		}
		r := v.files.Report()
		for _, d := range r.Damage[damage:] {
			result.replay.Damage = append(result.replay.Damage, path+": "+d.Error())
		}
		if r.Divergence != nil {
			result.replay.File, result.replay.Time = path, wallTime(h, int64(r.Divergence.Time))
			break
		}
	}
	result.replay.Report = v.files.Report()
	result.folders = slices.DeleteFunc(slices.Clone(args), func(a string) bool { return v.within(a) != 1 })
	for _, r := range v.recordings {
		result.judge(r)
	}
	if flags.json {
		err = writeJSON(w, result.json())
	} else {
		result.print(w)
	}
	if err == nil && !result.passed() {
		return errFailed
	}
	return err
}

// loadPromises reads the configuration that promises.
func loadPromises(path string) (*configfile.File, *core.Config, error) {
	f, err := loadTarget(path)
	if err != nil {
		return nil, nil, err
	}
	if len(f.Must) == 0 {
		return nil, nil, fmt.Errorf("%s promises nothing: write must, or use lockstep replay", path)
	}
	c, err := f.Compile()
	return f, c, err
}

// begin goes on with the recording that a file belongs to. A simulated one is
// whole in its file, and those of all routers of a run have the same header.
func (v *verifier) begin(path string, h traces.Header) {
	i := slices.IndexFunc(v.recordings, func(r *recording) bool {
		return h.Origin != 0 && r.header.Name == h.Name && r.header.Seed == h.Seed && r.header.Origin == h.Origin
	})
	if i < 0 {
		i = len(v.recordings)
		v.recordings = append(v.recordings, &recording{header: h, judge: promise.NewJudge(v.world)})
	}
	v.now = v.recordings[i]
	v.now.begins = append(v.now.begins, beginning{file: path})
}

// after sees one step of a recording. Dumps may repeat what was read before.
func (v *verifier) after(f *traces.Fact, r *core.Router, decided []core.Decision) {
	n := v.now
	if !n.follows(f.Step) {
		return
	}
	if b := &n.begins[len(n.begins)-1]; b.step == 0 {
		b.step = f.Step
	}
	if n.watch == nil {
		n.watch, n.first = n.judge.Watch(1, r), f.Time
	}
	n.last = f.Time
	if f.Event.Kind == core.Arrive {
		n.requests++
	}
	if c := r.Config(); c != nil && !slices.ContainsFunc(n.configs, func(o *core.Config) bool { return o.Digest() == c.Digest() }) {
		n.configs = append(n.configs, c) // each file brings its own copy
	}
	n.watch.See(r, f.Step, f.Time, &f.Event, &f.Request, decided)
}

// follows takes a step for judged if it comes after all that were.
func (r *recording) follows(step uint64) bool {
	at := len(r.judged) - 1
	switch {
	case at < 0 || step > r.judged[at].last+1:
		r.judged = append(r.judged, stretch{step, step})
	case step == r.judged[at].last+1:
		r.judged[at].last = step
	default:
		if !slices.ContainsFunc(r.judged, func(s stretch) bool { return s.first <= step && step <= s.last }) {
			r.late++
		}
		return false
	}
	return true
}

// within counts the recordings that have a file in a folder. Steps are numbered
// anew in each.
func (v *verifier) within(folder string) (n int) {
	for _, r := range v.recordings {
		if slices.ContainsFunc(r.begins, func(b beginning) bool { return filepath.Dir(b.file) == filepath.Clean(folder) }) {
			n++
		}
	}
	return n
}

// source is what to name to explain a step: one of the folders, or else the file.
func (r *recording) source(step uint64, folders []string) string {
	file := ""
	for _, b := range r.begins {
		if b.step > 0 && b.step <= step {
			file = b.file
		}
	}
	for _, a := range folders {
		if filepath.Dir(file) == filepath.Clean(a) {
			return a
		}
	}
	return file
}
