package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"lockstep/adapters/recordings"
	"lockstep/core"
	"lockstep/sim/calibrate"
	"lockstep/sim/scenario"
	"lockstep/traces"
	"lockstep/traces/say"
)

// fromFlags are those of sim --from.
type fromFlags struct {
	on     bool
	out    string // where the model goes as a scenario; "" for nowhere
	within int64  // of the gate, in parts per million; 0 for none
	text   string // of the gate as written
}

func (f *fromFlags) define(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.on, "from", false, "the arguments are recordings: make a model of what they saw, run it, and say how far it is from them")
	cmd.Flags().StringVarP(&f.out, "out", "o", "", "with --from: write the model here, as a scenario to change and run")
	cmd.Flags().StringVar(&f.text, "within", "", "with --from: exit 1 if goodput, p50, p99 or failovers is off by more than this, such as 5%")
}

func (f *fromFlags) check() (err error) {
	if !f.on {
		if f.out+f.text != "" {
			return errors.New("--out and --within are of --from: lockstep sim --from TRACE")
		}
		return nil
	}
	if f.text != "" {
		var share scenario.Share
		if err := share.UnmarshalText([]byte(f.text)); err != nil || share == 0 {
			return fmt.Errorf("--within %q: write a share, such as --within 5%%", f.text)
		}
		f.within = int64(share)
	}
	return nil
}

// fromResult is a model beside the recordings that it was made from.
type fromResult struct {
	Recordings int                  `json:"recordings"`
	Files      int                  `json:"files"`
	Length     int64                `json:"length_ns"`
	Seeds      []uint64             `json:"seeds"`
	Distances  []calibrate.Distance `json:"distances"`
	Astray     int64                `json:"goodput_astray_ppm"`
	Windows    int                  `json:"windows"`
	Placements []fromPlacement      `json:"placements"`
	Faults     []string             `json:"faults,omitempty"`
	Assumed    []string             `json:"assumed"`
	Left       []string             `json:"left_out,omitempty"`
	Gaps       uint64               `json:"steps_missing,omitempty"`
	Damage     []string             `json:"damage,omitempty"`
	Off        []string             `json:"off,omitempty"` // figures beyond --within
	Scenario   string               `json:"scenario,omitempty"`
	within     string
}

// fromPlacement compares what became of one placement's own requests.
type fromPlacement struct {
	Name     string         `json:"name"`
	Recorded calibrate.Home `json:"recorded"`
	Model    calibrate.Home `json:"model"` // of the first seed
}

// source is the recordings of one or several routers, learnt from.
type modelSource struct {
	learner *calibrate.Learner
	verify  *traces.Verifier
	routers int
	start   *core.Config
	epoch   core.Epoch
	origin  int64     // wall time of the plan's time 0; of simulated traces since their start
	last    core.Time // of the plan
	damage  []string
	told    int // of the verifier's damage
}

// stepRange is the steps of a recording that one file holds.
type stepRange struct {
	path        string
	first, last uint64
}

// repeats refuses a file that repeats steps which another one holds, as a dump
// does: its requests would count twice.
func (one *stepRange) repeats(held []stepRange) error {
	for _, o := range held {
		if one.first <= o.last && o.first <= one.last {
			return fmt.Errorf("%s holds steps %d to %d of the same recording, which %s holds as well: give each step once, or its requests count twice",
				one.path, max(one.first, o.first), min(one.last, o.last), o.path)
		}
	}
	return nil
}

func runFrom(w io.Writer, args []string, flags simFlags) error {
	all, files, err := openWhole(args)
	if err != nil {
		return err
	}
	src, err := learnFrom(all)
	if err != nil {
		return err
	}
	length := core.Duration(src.last) + core.Millisecond
	model := src.learner.Model("model", src.start, src.epoch, src.routers, length)
	if src.learner.Seen.Requests == 0 {
		return fmt.Errorf("no request of these recordings ended: there is nothing to make a model of")
	}
	if len(model.Plan.Spec.Placements) == 0 {
		return fmt.Errorf("no configuration was in force in these recordings: there is nothing to make a model of")
	}
	r := &fromResult{
		Recordings: src.routers, Files: len(files), Length: int64(model.Plan.Length), Assumed: model.Assumed, Left: model.Left,
		Gaps: src.verify.Report().Lost, Damage: src.damage, Scenario: flags.from.out, within: flags.from.text,
	}
	for i := range model.Plan.Faults {
		r.Faults = append(r.Faults, faultText(&model.Plan.Faults[i]))
	}
	first := uint64(1)
	if flags.seed != nil {
		first = *flags.seed
	}
	if err := r.run(src, &model, first); err != nil {
		return err
	}
	if flags.from.out != "" {
		if err := r.write(&model, flags.from.out, first); err != nil {
			return err
		}
	}
	r.judge(flags.from.within)
	if flags.json {
		err = writeJSON(w, r)
	} else {
		r.print(w)
	}
	if err == nil && len(r.Off) > 0 {
		return errFailed
	}
	return err
}

// learnFrom reads the recordings, replaying them on the way.
func learnFrom(all []*recordings.Recording) (*modelSource, error) {
	s := &modelSource{learner: calibrate.NewLearner()}
	if err := s.begins(all); err != nil {
		return nil, err
	}
	var watch *calibrate.Watch
	var shift core.Duration
	var now stepRange
	s.verify = traces.NewVerifier(traces.Options{
		Before: func(_ *traces.Fact, r *core.Router) {
			if watch != nil {
				return
			}
			s.routers++
			watch = calibrate.NewWatch(s.learner, s.routers, r, shift)
			if s.routers == 1 {
				s.start, s.epoch = r.Config(), r.Epoch()
			}
		},
		After: func(f *traces.Fact, r *core.Router, decided []core.Decision) {
			now.first, now.last = min(now.first, f.Step), max(now.last, f.Step)
			watch.See(r, f.Time, &f.Event, &f.Request, decided)
			s.last = max(s.last, f.Time.Add(shift))
		},
	})
	for _, r := range all {
		watch, shift = nil, core.Duration(r.Wall(0)-s.origin)
		var held []stepRange
		for _, segment := range r.Segments {
			now = stepRange{path: segment.Path, first: math.MaxUint64}
			if err := s.learn(segment.Path); err != nil {
				return nil, err
			}
			if err := now.repeats(held); err != nil {
				return nil, err
			}
			held = append(held, now)
		}
	}
	return s, nil
}

// learn replays one file.
func (s *modelSource) learn(path string) error {
	if _, err := replayFile(s.verify, path, nil); err != nil {
		return err
	}
	report := s.verify.Report()
	for _, d := range report.Damage[s.told:] {
		s.damage = append(s.damage, path+": "+d.Error())
	}
	s.told = len(report.Damage)
	if d := report.Divergence; d != nil {
		return fmt.Errorf("%s: does not replay, so nothing is learnt from it: %s", path, d)
	}
	return nil
}

// begins finds when the earliest recording begins: that is the plan's time 0.
func (s *modelSource) begins(all []*recordings.Recording) error {
	s.origin = math.MaxInt64
	for i, r := range all {
		if (r.Header.Origin == 0) != (all[0].Header.Origin == 0) && i > 0 {
			return fmt.Errorf("%s: simulated and recorded traces have no clock in common: make a model of one kind", r.Segments[0].Path)
		}
		for _, segment := range r.Segments {
			if segment.First > 0 {
				s.origin = min(s.origin, segment.From)
			}
		}
	}
	if s.origin == math.MaxInt64 {
		s.origin = 0
	}
	return nil
}

// mostSimulated bounds how many requests the runs of one comparison have together.
const mostSimulated = 20_000_000

// run runs the model from several seeds, so that its own spread is known.
func (r *fromResult) run(src *modelSource, model *calibrate.Model, first uint64) error {
	seen := &src.learner.Seen
	n := int(max(2, min(5, mostSimulated/max(1, seen.Requests))))
	runs, errs := make([]*calibrate.Measures, n), make([]error, n)
	inParallel(n, runtime.GOMAXPROCS(0), func(i int) { runs[i], errs[i] = calibrate.Run(&model.Plan, first+uint64(i)) })
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("running the model: %w", err)
	}
	for i := range n {
		r.Seeds = append(r.Seeds, first+uint64(i))
		r.Windows = int(max(1, min(60, model.Plan.Length/core.Second)))
		r.Astray += calibrate.Astray(seen, runs[i], model.Plan.Length, r.Windows) / int64(n)
	}
	r.Distances = calibrate.Compare(seen, runs, model.Plan.Length)
	for _, name := range sortedNames(seen.Homes) {
		p := fromPlacement{Name: name, Recorded: *seen.Homes[name]}
		if h := runs[0].Homes[name]; h != nil {
			p.Model = *h
		}
		r.Placements = append(r.Placements, p)
	}
	return nil
}

// judge lists the figures that are off by more than the gate allows.
func (r *fromResult) judge(within int64) {
	if within == 0 {
		return
	}
	for _, d := range r.Distances {
		switch d.Figure {
		case "goodput", "p50", "p99", "failovers":
			if max(d.Off, -d.Off) > within {
				r.Off = append(r.Off, fmt.Sprintf("%s is off by %s, more than %s", d.Figure, offText(&d), r.within))
			}
		}
	}
}

// write keeps the model as a scenario.
func (r *fromResult) write(model *calibrate.Model, path string, seed uint64) error {
	plan := model.Plan
	plan.Seed = seed
	f := scenario.FromPlan(&plan)
	f.Name = "model"
	f.ModelledOn = "a recording, by lockstep sim --from"
	f.Why = fmt.Sprintf("%s of %s: %d clients, %d faults", time.Duration(r.Length).Round(time.Millisecond), say.Plural(r.Recordings, "router"), len(plan.Clients), len(plan.Faults))
	f.Property = "the model does what was recorded; change it and see what becomes of that"
	f.Expect = []scenario.Expectation{{Name: "as recorded", Goodput: scenario.AtLeast(r.Distances[1].Recorded / 1000 * 95 / 100)}}
	if err := os.WriteFile(path, []byte(scenario.Text(f)), 0o600); err != nil { // it holds routing keys
		return fmt.Errorf("writing the model: %w", err)
	}
	return nil
}
