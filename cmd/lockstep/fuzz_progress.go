package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// progress is one line that is written over, on a terminal only. It has no colour.
type progress struct {
	w     io.Writer // nil when it is not a terminal
	now   func() time.Time
	width func() int // of the terminal, 0 when it is not known
	last  time.Time
}

func newProgress(w io.Writer) *progress {
	p := &progress{now: time.Now}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.w = w
		p.width = func() int {
			width, _, _ := term.GetSize(int(f.Fd())) // 0 with an error
			return width
		}
	}
	return p
}

// line writes over the progress line, at most twice a second. A line that is
// too long for the terminal is cut: wrapped, it could not be written over.
func (p *progress) line(format string, args ...any) {
	if p.w == nil {
		return
	}
	now := p.now()
	if now.Sub(p.last) < time.Second/2 {
		return
	}
	p.last = now
	text := fmt.Sprintf(format, args...)
	if width := p.width(); width > 0 && len(text) >= width {
		text = text[:width-1]
	}
	fmt.Fprint(p.w, "\r\x1b[K"+text)
}

// show writes the state of a search, whose lock is held.
func (p *progress) show(s *search) {
	if p.w == nil {
		return
	}
	now := p.now()
	took := max(now.Sub(s.began).Seconds(), 1e-3)
	left := fmt.Sprintf("%.0f s left", max(s.deadline.Sub(now).Seconds(), 0))
	if s.flags.counted {
		left = fmt.Sprintf("%d seeds left", s.left(s.live.seeds))
	}
	reached, missing := len(s.live.coverage.Reached()), len(s.live.coverage.Missing())
	p.line("%d seeds (%.0f/s), %s events (%s/s), %d states, %d of %d situations, %d found, %s",
		s.live.seeds, float64(s.live.seeds)/took, short(s.live.events), short(uint64(float64(s.live.events)/took)),
		s.plan.States(), reached, reached+missing, len(s.found), left)
}

func (p *progress) clear() {
	if p.w != nil {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
