package accesslog

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// Problem is a line that could not be read.
type Problem struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Text string `json:"text"` // its beginning
	Why  string `json:"why"`  // what was expected
}

// keptProblems is how many malformed lines are shown.
const keptProblems = 5

// Stats is what became of the lines of a log.
type Stats struct {
	Lines     int `json:"lines"`
	Requests  int `json:"requests"`
	Other     int `json:"of_no_request"` // they belong to the log, but are of no request
	Blank     int `json:"blank"`
	Malformed int `json:"malformed"`
	// Problems are the first malformed lines.
	Problems []Problem `json:"problems,omitempty"`
}

// Input is a log to be read: files in any order, each in one format. Files that
// gzip packed are unpacked; Stdin is the standard input.
type Input struct {
	Files   []string
	Format  Format
	Options FormatOptions
	Stdin   io.Reader
}

// batch is entries on their way from the parser.
type batch struct {
	entries []*Entry
	err     error
}

const batchSize = 256

// reader reads and parses in a goroutine of its own, ahead of who asks.
type reader struct {
	in      Input
	sources []source
	batches chan batch
	free    chan []*Entry
	quit    chan struct{}
	now     batch
	at      int
	// stats may be read after next has returned an error.
	stats Stats
	first []string // lines, to guess from
	end   int64    // of the latest request so far
}

func newReader(in Input) (*reader, error) {
	p, err := newParser(in.Format, in.Options)
	if err != nil {
		return nil, err
	}
	r := &reader{in: in, batches: make(chan batch, 8), free: make(chan []*Entry, 64), quit: make(chan struct{})}
	if r.sources, err = inOrder(in.Files, in.Format, in.Options); err != nil {
		return nil, err
	}
	go r.run(p)
	return r, nil
}

// next returns the next entry, in the order of the lines; io.EOF at the end.
func (r *reader) next() (*Entry, error) {
	for r.at == len(r.now.entries) {
		if r.now.err != nil {
			return nil, r.now.err
		}
		r.now, r.at = <-r.batches, 0
	}
	r.at++
	return r.now.entries[r.at-1], nil
}

// recycle gives back entries that nobody needs any more.
func (r *reader) recycle(all []*Entry) {
	select {
	case r.free <- all:
	default:
	}
}

// close ends the goroutine early; it is harmless after the end.
func (r *reader) close() { close(r.quit) }

func (r *reader) send(b batch) bool {
	select {
	case r.batches <- b:
		return true
	case <-r.quit:
		return false
	}
}

func (r *reader) run(p *parser) {
	var out []*Entry
	var pool []*Entry
	err := error(nil)
	for i := 0; i < len(r.sources) && err == nil; i++ {
		err = r.file(i, p, func() *Entry {
			if len(out) == batchSize {
				if !r.send(batch{entries: out}) {
					return nil
				}
				out = make([]*Entry, 0, batchSize)
			}
			if len(pool) == 0 {
				pool = r.more()
			}
			e := pool[len(pool)-1]
			pool = pool[:len(pool)-1]
			return e
		}, func(e *Entry, ok bool) {
			if ok {
				out = append(out, e)
			} else {
				pool = append(pool, e)
			}
		})
	}
	if err == nil {
		if err = r.judge(); err == nil {
			err = io.EOF
		}
	}
	r.send(batch{entries: out, err: err})
}

// more returns entries that were used before, or new ones.
func (r *reader) more() []*Entry {
	select {
	case all := <-r.free:
		return all
	default:
	}
	slab := make([]Entry, batchSize)
	all := make([]*Entry, batchSize)
	for i := range slab {
		all[i] = &slab[i]
	}
	return all
}

// errQuit ends the reading when nobody wants more.
var errQuit = errors.New("nobody reads on")

// file reads one file; get gives an entry to fill in, put takes it, or takes it
// back if the line gave none.
func (r *reader) file(i int, p *parser, get func() *Entry, put func(e *Entry, ok bool)) (err error) {
	name := r.sources[i].name
	in, err := openLines(name, r.in.Stdin)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	for n := 1; ; n++ {
		b, err := in.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: after line %d: %w", name, n-1, err)
		}
		r.stats.Lines++
		if len(b) == 0 {
			r.stats.Blank++
			continue
		}
		line := string(b)
		e := get()
		if e == nil {
			return errQuit
		}
		fault := p.parse(line, e)
		if in.long {
			fault = fmt.Errorf("it is longer than %d bytes", maxLine)
		}
		notice := errors.Is(fault, errOther) && e.Server != "" && r.end > 0
		if notice {
			e.Arrival = r.end // such a line may have no time; it stands where it was written
		}
		put(e, fault == nil || notice)
		if fault != nil {
			r.fault(name, n, line, fault)
		} else {
			e.File, e.Line = i, n
			r.end = max(r.end, e.Arrival+max(0, e.Took))
			r.stats.Requests++
		}
		if err := r.watch(line); err != nil {
			return err
		}
	}
}

// fault counts a line that gave no entry.
func (r *reader) fault(name string, n int, line string, why error) {
	if errors.Is(why, errOther) {
		r.stats.Other++
		return
	}
	r.stats.Malformed++
	if len(r.stats.Problems) < keptProblems {
		const most = 120
		text := line
		if len(text) > most {
			text = text[:most] + "..."
		}
		r.stats.Problems = append(r.stats.Problems, Problem{name, n, strings.ToValidUTF8(text, "?"), strings.ToValidUTF8(why.Error(), "?")})
	}
}

// judgedEarly is after how many lines a wrong format is noticed.
const judgedEarly = 2000

// watch keeps the first lines, and notices a wrong format early.
func (r *reader) watch(line string) error {
	if len(r.first) < sampled {
		r.first = append(r.first, line)
	}
	if r.stats.Lines == judgedEarly {
		return r.judge()
	}
	return nil
}

// WrongFormatError says that most lines are not of the format that was named.
type WrongFormatError struct {
	Format Format
	Likely Format // "" where no format fits
	Stats  Stats
}

// Error says what is likely.
func (w *WrongFormatError) Error() string {
	s := fmt.Sprintf("%d of %d lines are not %s", w.Stats.Malformed, w.Stats.Lines, w.Format)
	if len(w.Stats.Problems) > 0 {
		p := w.Stats.Problems[0]
		s += fmt.Sprintf("\n  %s:%d: %s\n  %s", p.File, p.Line, p.Why, p.Text)
	}
	if w.Likely != "" && w.Likely != w.Format {
		return s + fmt.Sprintf("\n  the format is probably %s (%s)", w.Likely, w.Likely.About())
	}
	return s + "\n  if nginx or Envoy writes a format of your own, give it with --log-format"
}

// judge fails where more lines are malformed than not.
func (r *reader) judge() error {
	if 2*r.stats.Malformed <= r.stats.Lines-r.stats.Blank-r.stats.Other {
		return nil
	}
	likely, _, _ := Guess(r.first, r.in.Options)
	return &WrongFormatError{r.in.Format, likely, r.stats}
}
