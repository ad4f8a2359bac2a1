package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"lockstep/sim/fuzz"
)

// corpusFile is the file that keeps the cases of one search, and where it ended.
type corpusFile struct {
	path  string
	saved time.Time

	first, next uint64
	cases       []fuzz.Recipe
	corpusResult
}

// corpusResult is what a search tells of its corpus.
type corpusResult struct {
	File     string   `json:"file"`
	Cases    int      `json:"cases"`    // kept by now
	Replayed int      `json:"replayed"` // of those that were kept before, how many were tried again
	Resumed  uint64   `json:"resumed_at,omitempty"`
	Next     uint64   `json:"next"`               // seed at which --resume goes on
	Problems []string `json:"problems,omitempty"` // what could not be used, and why
}

// openCorpus reads what DIR keeps for a target. The name of the file tells
// configurations and versions apart that make other cases of equal seeds.
func openCorpus(dir, config string, t *fuzz.Target) (*corpusFile, error) {
	id, err := t.Identity()
	if err != nil {
		return nil, err
	}
	name := strings.TrimSuffix(filepath.Base(config), filepath.Ext(config))
	c := &corpusFile{path: filepath.Join(dir, fmt.Sprintf("%s-%016x.corpus", name, id))}
	c.File = c.path
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("keeping the corpus: %w", err)
	}
	text, err := os.ReadFile(c.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		others, _ := filepath.Glob(filepath.Join(dir, name+"-*.corpus")) // a name that is no pattern has no others
		for _, other := range others {
			c.Problems = append(c.Problems, other+" is of another configuration or version: not used; delete it if the change is for good")
		}
		return c, nil
	case err != nil:
		return nil, fmt.Errorf("reading the corpus: %w", err)
	}
	c.parse(string(text))
	return c, nil
}

// parse reads the lines of the file. What it cannot read it notes and leaves out.
func (c *corpusFile) parse(text string) {
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if _, err := fmt.Sscanf(line, "seeds %d to %d", &c.first, &c.next); err == nil {
			continue
		}
		r, err := fuzz.ParseRecipe(line)
		if err != nil {
			c.Problems = append(c.Problems, fmt.Sprintf("%s:%d: %v; left out", c.path, i+1, err))
			continue
		}
		c.cases = append(c.cases, r)
	}
	if c.next > 0 {
		c.next++
	}
	c.Cases, c.Next = len(c.cases), c.next
}

// replay tries the cases of the corpus again, so that the search knows what
// they reach, and begins where it is to begin. It takes nothing from the time of
// the search: a corpus that grows would leave none.
func (s *search) replay() {
	c := s.corpus
	if c == nil {
		return
	}
	if s.flags.resume && c.next > 0 {
		s.plan, c.Resumed = fuzz.NewSearch(c.first), c.next
	}
	began := time.Now()
	s.replaying = true
	outcomes := s.try(c.cases)
	s.replaying = false
	s.deadline = s.deadline.Add(time.Since(began))
	for i := range outcomes {
		s.plan.Keep(c.cases[i], outcomes[i].States)
	}
	c.Replayed = len(outcomes)
	s.plan.Resume(c.Resumed)
}

// saveEvery is how much of a search a power cut may cost.
const saveEvery = 10 * time.Second

// save writes the corpus if it is time to, or the last time.
func (s *search) save(last bool) {
	c := s.corpus
	if c == nil || !last && time.Since(c.saved) < saveEvery {
		return
	}
	c.saved = time.Now()
	c.Cases, c.Next = len(s.plan.Corpus()), s.plan.Next()
	if c.Replayed < len(c.cases) {
		return // broken off before the search began: what is kept stays as it is
	}
	if err := os.WriteFile(c.path+".new", []byte(corpusText(s.plan)), 0o644); err != nil {
		s.err = fmt.Errorf("keeping the corpus: %w", err)
		return
	}
	if err := os.Rename(c.path+".new", c.path); err != nil {
		s.err = fmt.Errorf("keeping the corpus: %w", err)
	}
}

// corpusText is a corpus as it is kept.
func corpusText(plan *fuzz.Search) string {
	var b strings.Builder
	b.WriteString("# Cases that reached something new, one a line. Try one again: lockstep fuzz CONFIG --seed CASE\n")
	if plan.Next() > plan.First() {
		fmt.Fprintf(&b, "seeds %d to %d\n", plan.First(), plan.Next()-1)
	}
	for _, r := range plan.Corpus() {
		b.WriteString(r.String() + "\n")
	}
	return b.String()
}

// printCorpus says what is kept of the search.
func (r *fuzzResult) printCorpus(w io.Writer) {
	c := r.Corpus
	if c == nil {
		return
	}
	for _, p := range c.Problems {
		fmt.Fprintf(w, "Corpus     %s\n", p)
	}
	if c.Next == 0 {
		return // no search began
	}
	resumed := ""
	if c.Resumed > 0 {
		resumed = fmt.Sprintf(", went on at seed %d", c.Resumed)
	}
	fmt.Fprintf(w, "Corpus     %s: %d cases, %d of them tried again%s; --resume goes on at seed %d\n", c.File, c.Cases, c.Replayed, resumed, c.Next)
}
