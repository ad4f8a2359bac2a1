package main

import (
	"errors"
	"fmt"
	"io"

	"lockstep/adapters/recordings"
	"lockstep/core"
	"lockstep/traces/whatif"
)

// whatIfFlags are the flags of "lockstep replay" that ask what would have been.
type whatIfFlags struct {
	config  string
	keyFile string
	gate    string
	retries bool
	seed    uint64
}

// check refuses flags that do not go together.
func (f *whatIfFlags) check(against string, rules bool) error {
	switch {
	case f.config == "" && f.gate != "":
		return errors.New("--gate judges a what-if: name the configuration to try with --config")
	case f.config == "" && f.keyFile != "":
		return errors.New("--key-file is for the keys of a configuration: name it with --config")
	case f.config == "" && f.retries:
		return errors.New("--retries belongs to a what-if: name the configuration to try with --config")
	case f.config != "" && (against != "" || rules), against != "" && rules:
		return errors.New("--config, --against and --rules ask different questions: give one of them")
	}
	return nil
}

// checkGate refuses a gate that was given and is empty, as by an unset variable of a CI job:
// it would hold nothing.
func (f *whatIfFlags) checkGate(given bool) error {
	if given && f.gate == "" {
		return errors.New("--gate is empty, and would hold nothing: write limits, such as 'refusals<=+0.1%,changed<=5%', or leave it out")
	}
	return nil
}

// whatIf is a what-if over recordings, and what became of it.
type whatIf struct {
	config  string
	version string
	retries bool
	routers int
	width   core.Duration
	result  *whatif.Result
	gate    *whatif.GateVerdict
	damage  []string
}

func runWhatIf(w, stderr io.Writer, args []string, flags whatIfFlags, asJSON bool) error {
	out := whatIf{config: flags.config, retries: flags.retries}
	var gate *whatif.Gate
	if flags.gate != "" {
		var err error
		if gate, err = whatif.ParseGate(flags.gate); err != nil {
			return err
		}
	}
	f, err := loadTarget(flags.config)
	if err != nil {
		return err
	}
	c, err := f.Compile()
	if err != nil {
		return err
	}
	all, done, err := openRecordings(args, stderr)
	if err != nil {
		return err
	}
	what := ""
	if withKeys(c) {
		what = flags.config
	}
	names, err := keyNames(flags.keyFile, all, what)
	if err != nil {
		return err
	}
	if names != nil {
		if c, err = names.Config(c); err != nil {
			return err
		}
	}
	out.version = c.Version()
	p := newProgress(stderr)
	out.result, err = out.run(all, c, flags, p)
	p.clear()
	done()
	if err != nil {
		return err
	}
	if gate != nil {
		v := gate.Judge(out.result)
		out.gate = &v
	}
	if asJSON {
		err = writeJSON(w, out.json())
	} else {
		out.print(w)
	}
	if err == nil && (out.broken() || out.gate != nil && !out.gate.Passed) {
		return errFailed
	}
	return err
}

// run reads the recordings: once for what endpoints did, once for what would
// have been decided and, of several routers, once more with what each changed for the others.
func (o *whatIf) run(all []*recordings.Recording, c *core.Config, flags whatIfFlags, p *progress) (*whatif.Result, error) {
	samples := whatif.NewSamples()
	names := recordingNames(all)
	o.routers = len(all)
	for i, r := range all {
		for _, fault := range r.Faults {
			o.damage = append(o.damage, fault.Error())
		}
		p.line("what endpoints did: %d of %d routers", i, len(all))
		if err := feed(r, names[i], samples.Learn); err != nil {
			return nil, err
		}
	}
	w, err := whatif.New(whatif.Options{Config: c, Samples: samples, Retries: flags.retries, Seed: flags.seed})
	if err != nil {
		return nil, err
	}
	rounds := 1
	if len(all) > 1 {
		rounds = 2
	}
	for round := range rounds {
		if round > 0 {
			w.Again()
		}
		for i, r := range all {
			p.line("what would have been: %d of %d routers, round %d of %d", i, len(all), round+1, rounds)
			if err := feed(r, names[i], w.Replay); err != nil {
				return nil, err
			}
		}
	}
	o.width = samples.Width()
	res := w.Result()
	for i := range res.Routers {
		rep := &res.Routers[i].Report
		for _, d := range rep.Damage {
			o.damage = append(o.damage, res.Routers[i].Name+": "+d.Error())
		}
		if d := rep.Divergence; d != nil {
			o.damage = append(o.damage, fmt.Sprintf("%s: step %d is not decided here as it was recorded (%s differs); what follows it is left out: try lockstep replay --rules",
				res.Routers[i].Name, d.Step, d.Field))
		}
	}
	if res.Facts == 0 && len(o.damage) == 0 {
		return nil, errors.New("the recordings hold no step")
	}
	return res, nil
}

// broken reports that a part of the recordings was not judged.
func (o *whatIf) broken() bool { return len(o.damage) > 0 }
