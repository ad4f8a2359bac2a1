package flightrec

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"lockstep/core"
	"lockstep/traces"
)

// dumpRequest asks the recorder's goroutine for a dump.
type dumpRequest struct {
	why   string
	at    core.Time
	until uint64 // number of the first entry that is too new
	reply chan dumpResult
}

type dumpResult struct {
	path string
	err  error
}

// opened asks for a dump because a breaker opened, within the limits.
func (rec *Recorder) opened(now core.Time, d *core.Decision) {
	name := rec.router.Placement(d.Placement).Name
	if rec.o.DumpDir == "" {
		return
	}
	if !rec.limiter.Allow(name, now) {
		rec.ring.count(func(s *Stats) { s.DumpsSkipped++ })
		return
	}
	rec.cut()
	why := "a breaker of " + name + " opened: " + rec.router.Endpoint(d.Endpoint).URL
	select {
	case rec.dumps <- rec.request(why, now):
	default: // one is waiting already and will hold this block too
	}
}

func (rec *Recorder) request(why string, now core.Time) dumpRequest {
	return dumpRequest{why: why, at: now, until: rec.ring.end(), reply: make(chan dumpResult, 1)}
}

// Dump writes what memory holds, up to this moment, to a compressed file in
// DumpDir and returns its path. It takes the driver's lock for a moment and
// then waits for the disk.
func (rec *Recorder) Dump(why string) (path string, err error) {
	if rec.o.DumpDir == "" {
		return "", errors.New("dumping the recording: no folder for dumps is set")
	}
	rec.lock.Lock()
	rec.cut()
	q := rec.request(why, rec.router.Now())
	rec.lock.Unlock()
	select {
	case rec.dumps <- q:
	case <-rec.done:
		return "", errors.New("dumping the recording: it is closed")
	}
	select {
	case r := <-q.reply:
		return r.path, r.err
	case <-rec.done:
		return "", errors.New("dumping the recording: it was closed meanwhile")
	}
}

// dump writes the blocks that memory holds. It runs in the recorder's goroutine.
func (rec *Recorder) dump(q dumpRequest) dumpResult {
	at := stamp(rec.header.Origin + int64(q.at))
	path := filepath.Join(rec.o.DumpDir, fmt.Sprintf("dump-%s-%d.lst", at, q.until))
	err := rec.writeDump(path, q)
	if err != nil {
		err = fmt.Errorf("dumping the recording: %w", err)
		rec.ring.count(func(s *Stats) { s.DiskErrors++; s.LastError = err.Error() })
		rec.log.Error("the recording was not dumped", "why", q.why, "error", err)
		return dumpResult{path, err}
	}
	rec.ring.count(func(s *Stats) { s.Dumps++ })
	rec.log.Info("the recording was dumped", "file", path, "why", q.why)
	return dumpResult{path, nil}
}

func (rec *Recorder) writeDump(path string, q dumpRequest) error {
	if rec.ring.end() == 0 {
		return errNothing
	}
	f, err := rec.disk.create(path)
	if err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil // nothing has happened since the dump of that name
		}
		return err
	}
	defer f.Close() // harmless after the Close below
	if err := rec.writeMemory(f, q.why, q.until); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return f.Close()
}

var errNothing = errors.New("nothing is recorded yet")

// writeMemory writes the blocks that memory holds before number until as a trace.
// It holds one at a time; what the ring drops meanwhile is a gap.
func (rec *Recorder) writeMemory(w io.Writer, why string, until uint64) error {
	e := rec.ring.hold(0)
	if e == nil {
		return errNothing
	}
	h := rec.header
	h.Why = why
	if e.config != nil {
		h.Config = e.config.Digest()
	}
	buf := traces.AppendFile(nil, h)
	names := map[uint64]bool{}
	number, step := e.number, e.step
	var gap traces.Gap
	for ; e != nil; e = rec.ring.hold(number) {
		if e.number > number { // the ring moved on while this was written
			miss(&gap, step, e.step-step, e.number-number, "it left the memory before it was dumped")
		}
		if e.left != "" {
			miss(&gap, e.step, e.steps, 1, e.left)
		} else {
			buf = appendGap(buf, &gap)
			buf = appendConfigs(buf, e, names)
			buf = traces.Compress(buf, e.block.Seal())
		}
		number, step = e.number+1, e.step+e.steps
		rec.ring.release(e)
		if _, err := w.Write(buf); err != nil {
			return err
		}
		if buf = buf[:0]; number >= until {
			break
		}
	}
	if buf = appendGap(buf, &gap); len(buf) > 0 {
		_, err := w.Write(buf)
		return err
	}
	return nil
}

// miss adds steps to a gap.
func miss(g *traces.Gap, step, steps, blocks uint64, why string) {
	if g.Steps == 0 {
		g.Step = step
	}
	g.Steps += steps
	g.Blocks += blocks
	g.Why = why
}

// appendGap appends a gap if there is one, which ends it.
func appendGap(dst []byte, g *traces.Gap) []byte {
	if g.Steps > 0 {
		dst = traces.AppendGap(dst, *g)
		*g = traces.Gap{}
	}
	return dst
}
