package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"lockstep/sim/conform"
)

// conformFinding is what is told of one question.
type conformFinding struct {
	Name       string              `json:"name"`
	Seed       uint64              `json:"seed,omitempty"`
	Difference *conform.Difference `json:"difference,omitempty"`
	Failure    string              `json:"failure,omitempty"` // of the shim
	Steps      int                 `json:"steps,omitempty"`   // of what is kept
	From       int                 `json:"from,omitempty"`    // of the question as it was asked
	Vector     string              `json:"vector,omitempty"`  // the file that shows it
	Again      string              `json:"again"`             // the command that runs just it again
}

// maxKept is how many vectors are kept; there may be hundreds that differ.
const maxKept = 20

// shrinkTime bounds what is spent on making one case smaller.
const shrinkTime = 2 * time.Minute

// keep reduces what was found, and writes it down.
func (c *conformance) keep(f *conformFound, i int) (conformFinding, error) {
	out := conformFinding{Name: f.Name, Seed: f.seed, Difference: f.difference, From: f.Events, Steps: f.Events}
	if f.failure != nil {
		out.Failure = f.failure.Error()
	}
	switch {
	case len(c.flags.only) > 0:
		out.Vector = f.Name
	case f.vector && c.flags.vectors != "":
		out.Vector = filepath.Join(c.flags.vectors, f.Name+".ndjson")
		if _, err := os.Stat(out.Vector); err != nil {
			out.Vector = strings.TrimSuffix(out.Vector, ".ndjson") + ".lst"
		}
	case i < maxKept:
		small := f.Question
		if !f.vector {
			small = c.smallest(f, &out)
		}
		var err error
		if out.Vector, err = c.write(&small); err != nil {
			return out, err
		}
		out.Steps = small.Events
	}
	if out.Vector != "" {
		out.Again = "lockstep conform --only " + shellWord(out.Vector) + " --"
		for _, arg := range c.args {
			out.Again += " " + shellWord(arg)
		}
	}
	return out, nil
}

// shellWord is a word as a shell takes it.
func shellWord(word string) string {
	if strings.ContainsAny(word, " \t\n'\"\\$`;&|<>(){}*?!#~") {
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	return word
}

// smallest reduces a generated question for as long as the shim differs, or dies.
func (c *conformance) smallest(f *conformFound, out *conformFinding) conform.Question {
	a := &asker{c: c, text: f.Inputs[0] == '{', deadline: time.Now().Add(shrinkTime)}
	defer a.close()
	if f.failure != nil && f.failure.late {
		return f.Question // each try would take as long
	}
	best, from := f.Question, *out
	failing := func(q conform.Question) bool {
		d, failure, err := a.ask(&q)
		if err != nil || (failure != nil) != (from.Failure != "") || failure == nil && !alike(d, from.Difference) {
			return false
		}
		best, out.Difference = q, d
		if failure != nil {
			out.Failure = failure.Error()
		}
		return true
	}
	refuses := f.difference != nil && f.difference.Kind == conform.DiffRefused
	if texts := f.Texts(); texts != nil || refuses {
		if texts == nil {
			texts = conform.ConfigsOf(f.Answer)
		}
		one := func(text []byte) bool { return failing(conform.AskConfigs(f.Name, text)) }
		if c.shrinkTexts(a, texts, one) {
			return best
		}
	}
	again := func(story *conform.Case) bool {
		q, err := story.Ask()
		return err == nil && failing(q)
	}
	for _, story := range c.stories(f) {
		story.Header.Why = c.greeting.Name + " decides it otherwise, or not at all"
		if again(story) {
			conform.Shrink(story, again, a.more)
			break
		}
	}
	return best
}

// shrinkTexts makes the first configuration that fails smaller, as text if it fails so too.
func (c *conformance) shrinkTexts(a *asker, texts [][]byte, fails func([]byte) bool) bool {
	asked := a.text
	for _, a.text = range []bool{c.greeting.speaks("ndjson"), asked} {
		for _, text := range texts {
			if fails(text) {
				conform.ShrinkText(text, fails, a.more)
				return true
			}
		}
	}
	return false
}

// alike reports whether a difference may stand for another: a smaller one may show in what is decided.
func alike(d, of *conform.Difference) bool {
	return d != nil && (d.Kind == of.Kind || d.Kind == conform.DiffDecisions)
}

// stories lists what may show the difference in single events: first with what the
// recording leaves out.
func (c *conformance) stories(f *conformFound) (all []*conform.Case) {
	if f.Answer == nil || f.Texts() != nil {
		return nil // it is damaged, or has no events
	}
	step := uint64(0)
	if f.difference != nil {
		step = f.difference.Step
	}
	answers := [][]byte{f.Answer}
	if whole, ok := new(conform.Generator).Whole(f.seed); ok {
		answers = [][]byte{whole.Answer, f.Answer}
	}
	for _, answer := range answers {
		if story, err := conform.ReadCase(answer, step); err == nil {
			all = append(all, story)
		}
	}
	return all
}

// asker asks single questions, of a new shim whenever one has failed.
type asker struct {
	c        *conformance
	shim     *shim
	text     bool // in the printed view
	deadline time.Time
}

func (a *asker) more() bool {
	a.c.progress.line("making it smaller, %.0f s left", time.Until(a.deadline).Seconds())
	return time.Now().Before(a.deadline) && !closed(a.c.flags.interrupt)
}

func (a *asker) ask(q *conform.Question) (d *conform.Difference, failure *shimError, err error) {
	if a.text {
		if err := q.Print(); err != nil {
			return nil, nil, err
		}
	}
	if a.shim == nil {
		if a.shim, err = startShim(a.c.args); err != nil {
			return nil, nil, err
		}
	}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		_ = a.shim.send(q.Inputs) // the answer that does not come says why
	}()
	refused, answer, err := a.shim.receive(a.c.flags.timeout)
	<-sent
	if failure, ok := errors.AsType[*shimError](err); ok {
		a.shim = nil
		return nil, failure, nil
	}
	return conform.Judge(q, refused, answer), nil, nil
}

func (a *asker) close() {
	if a.shim != nil {
		_ = a.shim.stop() // it has been judged
	}
}

// write keeps a question: the whole trace that Go makes of it, or, where it must be
// refused, the question itself.
func (c *conformance) write(q *conform.Question) (string, error) {
	b, ext := q.Answer, ".ndjson"
	switch {
	case b == nil || q.Texts() != nil:
		if b = q.Inputs; b[0] != '{' {
			ext = ".lst"
		}
	default:
		if err := q.Print(); err != nil {
			return "", err
		}
		b = q.Answer
	}
	if err := os.MkdirAll(c.flags.out, 0o755); err != nil {
		return "", fmt.Errorf("--out: %w", err)
	}
	name := strings.NewReplacer(" ", "-", "/", "-").Replace(q.Name)
	path := filepath.Join(c.flags.out, name+ext)
	if err := os.WriteFile(path, b, 0o644); err != nil {
		return "", fmt.Errorf("--out: %w", err)
	}
	return path, nil
}
