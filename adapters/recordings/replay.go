package recordings

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"

	"lockstep/core"
	"lockstep/traces"
)

// Verdict is what a replay of recordings found. Each Damage names its file.
type Verdict struct {
	traces.Report
	Files int      // replayed, the one with the divergence included
	At    *Segment // of the divergence, nil without one
}

// partSize is how many bytes of blocks one core replays at a time: enough that
// opening them is nothing beside it, little enough that all cores are busy to the end.
var partSize int64 = 4 << 20 // changed by tests only

// Verify replays recordings one after the other, each on so many cores, 0 for
// all there are. Blocks replay from their snapshots in parts, and where parts
// meet the state reached is held to the one that follows. So the verdict is that
// of a replay from beginning to end, which stops at the first divergence. The
// error is one of the file system; what is wrong in files is in the verdict.
func Verify(all []*Recording, jobs int) (Verdict, error) {
	if jobs <= 0 {
		jobs = runtime.GOMAXPROCS(0)
	}
	var v Verdict
	for _, r := range all {
		for _, f := range r.Faults {
			v.Damage = append(v.Damage, f)
		}
	}
	for _, r := range all {
		if err := v.replay(r, jobs); err != nil || v.Divergence != nil {
			return v, err
		}
	}
	return v, nil
}

// replay adds the verdict on one recording.
func (v *Verdict) replay(r *Recording, jobs int) error {
	whole := traces.NewVerifier(traces.Options{})
	w := newReplaying(r.Segments, jobs)
	defer w.halt()
	var segment, gone *Segment // gone was deleted since Open
	damage := 0
	for p := range w.order {
		if p.segment != segment {
			segment = p.segment
			r.tell("replaying", v.Files, len(r.Segments))
			v.Files++
		}
		if err := w.join(whole, p); errors.Is(err, errGone) {
			if gone != segment {
				v.Damage, gone = append(v.Damage, err), segment
			}
			continue
		} else if err != nil {
			return err
		}
		report := whole.Report()
		for ; damage < len(report.Damage); damage++ {
			report.Damage[damage] = Fault{segment.Path, report.Damage[damage]}
		}
		if report.Divergence != nil {
			v.At = segment
			break
		}
	}
	r.tell("", len(r.Segments), len(r.Segments))
	report := whole.Report()
	v.Report.Add(&report)
	return nil
}

func (r *Recording) tell(what string, done, of int) {
	if r.Progress != nil {
		r.Progress(what, done, of)
	}
}

// stretch is neighbouring blocks of a segment, from nil for its beginning to nil for its end.
type stretch struct {
	segment  *Segment
	from, to *Block

	done     chan struct{}
	verifier *traces.Verifier
	err      error
}

// replaying is a replay in parts by several goroutines.
type replaying struct {
	order   chan *stretch // as they come in the recording
	work    chan *stretch
	stop    chan struct{}
	workers sync.WaitGroup
	several atomic.Bool // what is known of it, see traces.NewPart
	configs configCache
}

func newReplaying(segments []*Segment, jobs int) *replaying {
	w := &replaying{order: make(chan *stretch, 2*jobs), work: make(chan *stretch), stop: make(chan struct{})}
	w.workers.Add(jobs + 1)
	go w.divide(segments)
	for range jobs {
		go w.replay()
	}
	return w
}

// halt ends all goroutines.
func (w *replaying) halt() {
	close(w.stop)
	w.workers.Wait()
}

// divide hands out stretches in order.
func (w *replaying) divide(segments []*Segment) {
	defer w.workers.Done()
	defer close(w.order)
	defer close(w.work)
	for _, s := range segments {
		for _, p := range s.stretches() {
			select {
			case w.order <- p:
			case <-w.stop:
				return
			}
			select {
			case w.work <- p:
			case <-w.stop:
				return
			}
		}
	}
}

// stretches divides a segment.
func (s *Segment) stretches() (all []*stretch) {
	begin := func(from *Block) {
		if n := len(all); n > 0 {
			all[n-1].to = from
		}
		all = append(all, &stretch{segment: s, from: from, done: make(chan struct{})})
	}
	begin(nil)
	if s.Form == traces.NDJSON {
		return all
	}
	l, err := s.places()
	if err != nil {
		all[0].err = err
		return all
	}
	at := int64(0)
	for i := range l.blocks {
		if b := &l.blocks[i]; i > 0 && b.Offset-at >= partSize {
			begin(b)
			at = b.Offset
		}
	}
	return all
}

func (w *replaying) replay() {
	defer w.workers.Done()
	for p := range w.work {
		if p.err == nil {
			p.verifier = traces.NewPart(traces.Options{}, w.several.Load())
			p.err = w.run(p.verifier, p)
		}
		close(p.done)
		select {
		case <-w.stop:
			return
		default:
		}
	}
}

// run replays a stretch.
func (w *replaying) run(v *traces.Verifier, p *stretch) error {
	configs := map[uint64]*core.Config{}
	rd, file, err := p.segment.open(p.from, p.to, configs, &w.configs)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := v.Run(rd); err != nil {
		return Fault{p.segment.Path, err}
	}
	return nil
}

// join adds what a stretch's replay found, and replays it again where that
// depends on what came before.
func (w *replaying) join(whole *traces.Verifier, p *stretch) error {
	<-p.done
	if p.err != nil {
		return p.err
	}
	if !whole.Append(p.verifier) {
		if err := w.run(whole, p); err != nil {
			return err
		}
	}
	p.verifier = nil
	w.several.Store(whole.Several())
	return nil
}
