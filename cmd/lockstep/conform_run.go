package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"lockstep/sim/conform"
	"lockstep/traces"
)

// conformance is one run of the command.
type conformance struct {
	flags    conformFlags
	args     []string // of the shim
	progress *progress
	began    time.Time
	greeting greeting

	seed atomic.Uint64 // the next
	made atomic.Uint64 // events of the questions made so far
	stop atomic.Bool   // no further question is to be made

	lock    sync.Mutex // guards what follows
	tallied conformTally
	found   []conformFound
	err     error // this program's own fault
}

// conformTally is what has been answered.
type conformTally struct {
	Questions uint64 `json:"questions"`
	Events    uint64 `json:"events"`  // decided by both
	Refused   uint64 `json:"refused"` // questions that both refuse
	Vectors   int    `json:"vectors"`
}

// conformFound is a question on which the two differ, or the shim failed.
type conformFound struct {
	asked
	difference *conform.Difference
	failure    *shimError
}

// asked is one question and where it comes from.
type asked struct {
	conform.Question
	seed   uint64 // 0: it was not generated
	vector bool
}

func (c *conformance) run() (*conformResult, error) {
	first, err := startShim(c.args)
	if err != nil {
		return nil, err
	}
	c.greeting = first.greeting
	defer c.progress.clear()
	c.seed.Store(c.flags.seed)
	switch {
	case len(c.flags.only) > 0:
		err = c.listed(first, c.named)
	case c.flags.seeded:
		err = c.generated(first, 1)
	default:
		err = c.listed(first, c.vectors)
		if err == nil && len(c.found) == 0 && (c.flags.events > 0 || c.flags.timed) {
			if first, err = startShim(c.args); err != nil {
				return nil, err
			}
			err = c.generated(first, c.flags.jobs)
		}
	}
	if err = errors.Join(err, c.err); err != nil {
		return nil, err
	}
	r := &conformResult{Shim: c.greeting, Findings: []conformFinding{}, Interrupted: closed(c.flags.interrupt)}
	for i, f := range c.first() {
		finding, err := c.keep(&f, i)
		if err != nil {
			return nil, err
		}
		r.Findings = append(r.Findings, finding)
	}
	return r, nil
}

// first returns what is to be told: every vector, of the generated questions that of the lowest seed.
func (c *conformance) first() []conformFound {
	slices.SortStableFunc(c.found, func(a, b conformFound) int { return int(min(a.seed, 1<<62)) - int(min(b.seed, 1<<62)) })
	if len(c.found) > 0 && c.found[0].seed > 0 {
		return c.found[:1]
	}
	// A vector is asked in two forms; what differs in both is told once.
	return slices.CompactFunc(c.found, func(a, b conformFound) bool {
		return a.Name == b.Name && a.difference != nil && b.difference != nil && a.difference.Kind == b.difference.Kind
	})
}

// listed asks a list of questions.
func (c *conformance) listed(s *shim, list func() ([]asked, error)) error {
	all, err := list()
	if err != nil {
		return errors.Join(err, s.stop())
	}
	i := 0
	return c.converse(s, func() (asked, bool) {
		i++
		if i > len(all) || closed(c.flags.interrupt) {
			return asked{}, false
		}
		return all[i-1], true
	})
}

// vectors lists the conformance vectors, in each form that the shim reads.
func (c *conformance) vectors() (all []asked, err error) {
	from := traces.Vectors()
	if c.flags.vectors != "" {
		from = os.DirFS(c.flags.vectors)
	}
	err = fs.WalkDir(from, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".ndjson" && filepath.Ext(path) != ".lst" {
			return err
		}
		b, err := fs.ReadFile(from, path)
		if err != nil {
			return err
		}
		all, err = c.inForms(all, strings.TrimSuffix(path, filepath.Ext(path)), b)
		return err
	})
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("--vectors: there is no *.ndjson or *.lst in %s", c.flags.vectors)
	}
	return all, err
}

// named lists the traces that --only names.
func (c *conformance) named() (all []asked, err error) {
	for _, path := range c.flags.only {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("--only: %w", err)
		}
		if all, err = c.inForms(all, path, b); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// inForms adds the question that has a trace as its answer, in each form.
func (c *conformance) inForms(all []asked, name string, trace []byte) ([]asked, error) {
	q, err := conform.Ask(name, trace)
	if err != nil {
		return nil, err
	}
	text := len(q.Inputs) > 0 && q.Inputs[0] == '{'
	if c.greeting.speaks("binary") && !text {
		all = append(all, asked{Question: q, vector: true})
	}
	if c.greeting.speaks("ndjson") && (text || q.Answer != nil) {
		if err := q.Print(); err != nil {
			return nil, err
		}
		all = append(all, asked{Question: q, vector: true})
	}
	return all, nil
}

// generated asks questions that seeds name, of several shims at once.
func (c *conformance) generated(first *shim, jobs int) error {
	errs := make([]error, jobs)
	var wait sync.WaitGroup
	deadline := c.began.Add(c.flags.length)
	for i := range jobs {
		wait.Go(func() {
			s := first
			if i > 0 {
				if s, errs[i] = startShim(c.args); errs[i] != nil {
					c.stop.Store(true)
					return
				}
			}
			g := conform.Generator{NDJSON: s.speaks("ndjson"), Binary: s.speaks("binary")}
			errs[i] = c.converse(s, func() (asked, bool) { return c.next(&g, deadline) })
		})
	}
	wait.Wait()
	return errors.Join(errs...)
}

// next makes the next generated question, if there is to be one.
func (c *conformance) next(g *conform.Generator, deadline time.Time) (asked, bool) {
	switch {
	case c.stop.Load(), closed(c.flags.interrupt):
		return asked{}, false
	case c.flags.timed && !time.Now().Before(deadline):
		return asked{}, false
	case !c.flags.timed && !c.flags.seeded && c.made.Load() >= c.flags.events:
		return asked{}, false
	}
	if c.flags.seeded {
		c.stop.Store(true)
	}
	seed := c.seed.Add(1) - 1
	q, err := g.Make(seed)
	if err != nil {
		c.fail(err)
		return asked{}, false
	}
	c.made.Add(uint64(q.Events))
	return asked{Question: q, seed: seed}, true
}

// fail ends the run with a fault of this program.
func (c *conformance) fail(err error) {
	c.stop.Store(true)
	c.lock.Lock()
	defer c.lock.Unlock()
	c.err = errors.Join(c.err, err)
}

// ahead is how many questions may be made, and how many sent, before they are answered.
const ahead = 3

// converse asks a shim one question after the other until there is none left, or
// the shim fails, and stops it. Making, sending and reading go on at once, so that
// both sides always have something to do.
func (c *conformance) converse(s *shim, next func() (asked, bool)) error {
	made, sent, done := make(chan asked, ahead), make(chan asked, ahead), make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		defer close(made)
		for {
			q, ok := next()
			if !ok {
				return
			}
			select {
			case made <- q:
			case <-done:
				return
			}
		}
	})
	wait.Go(func() {
		defer close(sent)
		for q := range made {
			select {
			case sent <- q:
			case <-done:
				return
			}
			if s.send(q.Inputs) != nil {
				return // whoever waits for the answer learns why
			}
		}
	})
	failed := c.listen(s, sent)
	close(done)
	wait.Wait()
	if failed {
		return nil // it is among what was found
	}
	if err := s.stop(); err != nil {
		return err
	}
	return nil
}

// listen judges the answers to what was sent.
func (c *conformance) listen(s *shim, sent <-chan asked) (failed bool) {
	for q := range sent {
		refused, answer, err := s.receive(c.flags.timeout)
		if failure, ok := errors.AsType[*shimError](err); ok {
			c.note(conformFound{asked: q, failure: failure})
			return true
		}
		d := conform.Judge(&q.Question, refused, answer)
		if d == nil && q.Bugs > 0 {
			d = &conform.Difference{Kind: "bug", Go: []string{fmt.Sprintf("its own core noted %d broken invariants", q.Bugs)}, Shim: []string{"the same"}}
		}
		if d != nil {
			c.note(conformFound{asked: q, difference: d})
			continue
		}
		c.count(&q)
	}
	return false
}

func (c *conformance) note(f conformFound) {
	c.stop.Store(true)
	c.lock.Lock()
	defer c.lock.Unlock()
	c.found = append(c.found, f)
}

func (c *conformance) count(q *asked) {
	c.lock.Lock()
	defer c.lock.Unlock()
	t := &c.tallied
	t.Questions++
	t.Events += uint64(q.Events)
	if q.Answer == nil {
		t.Refused++
	}
	if q.vector {
		t.Vectors++
	}
	took := max(time.Since(c.began).Seconds(), 1e-3)
	c.progress.line("%d questions, %s events (%s/s), %d refused by both, seed %d", t.Questions, short(t.Events), short(uint64(float64(t.Events)/took)), t.Refused, c.seed.Load())
}
