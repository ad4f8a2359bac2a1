package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"lockstep/adapters/recordings"
	"lockstep/core"
	"lockstep/sim/fuzz"
	htmlpage "lockstep/traces/report"
	"lockstep/traces/say"
)

// reportTraces is the folder that the traces for a report are written to: the
// one that --traces names or one that is removed in the end.
func (f *simFlags) reportTraces() (dir string, done func() error, err error) {
	if f.traces != "" {
		return f.traces, func() error { return nil }, nil
	}
	if dir, err = os.MkdirTemp("", "lockstep-report-"); err != nil {
		return "", nil, fmt.Errorf("making room for the traces of the report: %w", err)
	}
	return dir, func() error { return os.RemoveAll(dir) }, nil
}

// writeReport draws the traces of a run that lie in dir as one HTML page.
func (f *simFlags) writeReport(s *scenarioRun, r *simResult, dir string) error {
	all, err := recordings.Open([]string{dir})
	if err != nil {
		return fmt.Errorf("drawing the report: %w", err)
	}
	o := htmlpage.Options{Title: s.file.Name, Notes: r.notes(), Faults: faultsOf(s)}
	named := f.traces
	if named == "" {
		named = "traces"
		o.Notes = append(o.Notes, htmlpage.Note{Text: fmt.Sprintf("The commands on this page read traces that are written, the same to the byte, by: lockstep sim %s --traces traces%s", s.path, f.seedText())})
	}
	names := recordingNames(all)
	page, result, err := drawRecordings(all, o, func(i int) (string, []string) {
		var files []string
		for _, path := range pathsOf(all[i]) {
			files = append(files, filepath.Join(named, filepath.Base(path)))
		}
		return names[i], files
	}, newProgress(f.progress))
	if err != nil {
		return err
	}
	if _, err := writePage(nil, f.report, page); err != nil {
		return err
	}
	if !result.OK {
		return fmt.Errorf("%s: the traces of this run do not replay: %w", f.report, errors.New(result.Problems[0]))
	}
	return nil
}

func (f *simFlags) seedText() string {
	if f.seed == nil {
		return ""
	}
	return fmt.Sprintf(" --seed %d", *f.seed)
}

// notes are the verdict, for the top of the page.
func (r *simResult) notes() (notes []htmlpage.Note) {
	failed := 0
	for _, c := range r.Checks {
		if !c.OK {
			failed++
			notes = append(notes, htmlpage.Note{Kind: htmlpage.Bad, Text: fmt.Sprintf("Not as expected: %s %s is %s, wanted %s", c.Expectation, c.Figure, c.Got, c.Wanted)})
		}
	}
	if failed == 0 {
		notes = append(notes, htmlpage.Note{Kind: htmlpage.Good, Text: fmt.Sprintf("As expected: all %s hold.", say.Plural(len(r.Checks), "check"))})
	}
	return notes
}

// faultsOf are the faults, bursts and holds of the scenario's plan.
func faultsOf(s *scenarioRun) (out []htmlpage.Fault) {
	for i := range s.plan.Faults {
		f := &s.plan.Faults[i]
		out = append(out, htmlpage.Fault{From: f.At, To: s.plan.FaultEnd(i), Text: fuzz.FaultText(f)})
	}
	for _, b := range s.plan.Bursts {
		out = append(out, htmlpage.Fault{From: b.At, To: b.At.Add(b.Over), Text: fmt.Sprintf("burst of %s from %s", say.Plural(b.Requests, "request"), b.Client)})
	}
	for i := range s.plan.Clients {
		if h := &s.plan.Clients[i].Hold; h.For > 0 {
			out = append(out, htmlpage.Fault{From: h.At, To: h.At.Add(core.Duration(h.For)), Text: s.plan.Clients[i].Name + " is held"})
		}
	}
	return out
}
