package recordings

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"lockstep/core"
	"lockstep/traces"
)

// Flags in the header of a redacted file.
const (
	FlagRedacted = "redacted"
	FlagAnew     = "decided-anew" // not what was decided, but what would have been under the redacted keys
)

// Redaction says how recordings are redacted.
type Redaction struct {
	Names *Pseudonyms
	// Anew permits decisions that come out otherwise because they hash the key.
	// The files then say so in their flags.
	Anew bool
}

// Redacted is what was done.
type Redacted struct {
	Files   int
	Facts   uint64
	Keys    int    // that were given a pseudonym
	Other   uint64 // steps that were decided otherwise, with Anew
	Skipped uint64 // steps at the beginning from which no redacted run can start
	Damage  []error
}

// Redact writes the recording into dir, one file for each of its segments, with
// pseudonyms for keys and without what is for the edge alone. Every step is
// decided again under the redacted configurations and held to what was
// recorded, so what is written replays, and tells the same. The error says what
// stands in the way; then dir may hold files that are not to be used.
func (d *Redaction) Redact(r *Recording, dir string) (Redacted, error) {
	w := &redacting{Redaction: d, configs: map[uint64]*core.Config{}}
	for _, s := range r.Segments {
		if err := w.segment(s, filepath.Join(dir, filepath.Base(s.Path))); err != nil {
			return w.done, Fault{s.Path, err}
		}
		w.done.Files++
	}
	w.done.Keys = len(d.Names.known)
	return w.done, nil
}

// redacting is a recording being redacted.
type redacting struct {
	*Redaction
	done    Redacted
	configs map[uint64]*core.Config // redacted, by the digest of the original
	router  *core.Router            // under those; nil where none can go on
	next    uint64                  // step
	out     []core.Decision

	w       *bufio.Writer
	written map[uint64]bool // configurations in the file
	enc     *traces.Encoder // nil outside a block
	pending []*core.Config  // that the block's adopts bring
	path    string          // of the original
}

func (w *redacting) segment(s *Segment, path string) (err error) {
	rd, in, err := OpenTrace(s.Path)
	if err != nil {
		return err
	}
	defer in.Close()
	w.path = s.Path
	path = strings.TrimSuffix(path, ".ndjson")
	if filepath.Ext(path) != ".lst" {
		path += ".lst"
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	w.w, w.written, w.enc = bufio.NewWriterSize(f, 1<<20), map[uint64]bool{}, nil
	h := rd.Header()
	h.Config, h.Why = 0, ""
	h.Flags = append(slices.Clone(h.Flags), FlagRedacted)
	if w.Anew {
		h.Flags = append(h.Flags, FlagAnew)
	}
	w.write(traces.AppendFile(nil, h))
	err = w.items(rd)
	w.flush()
	return errors.Join(err, w.w.Flush(), f.Close())
}

func (w *redacting) damaged(err error) {
	w.done.Damage = append(w.done.Damage, Fault{w.path, err})
}

// write keeps its error for Flush.
func (w *redacting) write(b []byte) { _, _ = w.w.Write(b) }

func (w *redacting) items(rd *traces.Reader) error {
	for {
		it, err := rd.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			if _, damaged := errors.AsType[*traces.DamageError](err); !damaged {
				return err
			}
			w.damaged(err)
			continue
		}
		switch it.Kind {
		case traces.ItemConfig:
			_, err = w.config(it.Config)
		case traces.ItemGap:
			w.flush()
			w.write(traces.AppendGap(nil, *it.Gap))
		case traces.ItemBlock:
			err = w.block(rd, it.Block)
		case traces.ItemFact:
			err = w.fact(it.Fact)
		case traces.ItemMark:
			if w.enc != nil {
				w.enc.Mark(w.router.Digest())
			}
		}
		if err != nil {
			return err
		}
	}
}

// config returns the redacted form of a configuration.
func (w *redacting) config(c *core.Config) (*core.Config, error) {
	if known := w.configs[c.Digest()]; known != nil {
		return known, nil
	}
	if by := hashing(c); len(by) > 0 && !w.Anew {
		return nil, fmt.Errorf("configuration %q chooses by a hash of the key (%s): under another key it would choose otherwise; decide anew with --anew, which marks the files, or leave these keys as they are",
			c.Version(), strings.Join(by, ", "))
	}
	out, err := w.Names.config(c)
	if err == nil {
		w.configs[c.Digest()] = out
	}
	return out, err
}

// hashing names what in a configuration decides by a hash of the key.
func hashing(c *core.Config) (by []string) {
	for i := range c.Placements() {
		switch p := c.Placement(i); {
		case p.Select.Hashing():
			by = append(by, fmt.Sprintf("placement %s by %s", p.Name, p.Select))
		case p.Shards > 0:
			by = append(by, fmt.Sprintf("placement %s by shards", p.Name))
		}
	}
	for i := range c.Splits() {
		by = append(by, "split "+c.HomeName(^i))
	}
	return by
}

// flush ends the block and writes it, after the configurations that it needs.
func (w *redacting) flush() {
	if w.enc == nil {
		return
	}
	for _, c := range w.pending {
		if c != nil && !w.written[c.Digest()] {
			w.written[c.Digest()] = true
			w.write(traces.AppendConfig(nil, c))
		}
	}
	w.write(w.enc.End().Seal())
	w.enc = nil
}

func (w *redacting) block(rd *traces.Reader, b *traces.BlockHead) error {
	w.flush()
	if w.router == nil || !b.Joins(w.next) {
		if err := w.restart(rd, b); err != nil || w.router == nil {
			return err
		}
	}
	w.next = b.Step
	w.pending = append(w.pending[:0], w.router.Config())
	w.enc = traces.NewEncoder()
	w.enc.Begin(nil, w.router, b.Step)
	return nil
}

// restart goes on from a block's snapshot, which names keys by their hashes alone.
func (w *redacting) restart(rd *traces.Reader, b *traces.BlockHead) error {
	w.router = nil
	digest, _, err := core.SnapshotConfig(b.Snapshot)
	if err != nil {
		w.damaged(err)
		return nil
	}
	var c, own *core.Config
	if digest != 0 {
		if c = rd.Config(digest); c == nil {
			w.damaged(fmt.Errorf("block %d names configuration %016x, which is not in the file before it", b.Number, digest))
			return nil
		}
		if own, err = w.config(c); err != nil {
			return err
		}
	}
	snapshot, ok := resnap(b.Snapshot, c, own, w.Names)
	if ok {
		if w.router, err = core.Restore(snapshot, own, false); err == nil {
			return nil
		}
	}
	w.router = nil // some of its requests in flight are known by the hash of a key alone
	return nil
}

func (w *redacting) fact(f *traces.Fact) error {
	if w.enc == nil || f.Step != w.next {
		w.done.Skipped++
		return nil
	}
	ev, req := f.Event, f.Request
	switch ev.Kind {
	case core.Arrive:
		req.Key = w.Names.Of(req.Key)
		ev.Route = traces.RouteOf(w.router.Config(), req.Key, &ev)
	case core.Adopt:
		if ev.Config != nil {
			c, err := w.config(ev.Config)
			if err != nil {
				return err
			}
			ev.Config = c
			w.pending = append(w.pending, c)
		}
	}
	w.out = w.router.Step(f.Time, &ev, w.out[:0])
	if !slices.Equal(w.out, f.Decisions) {
		w.done.Other++
		if !w.Anew {
			return fmt.Errorf("step %d is decided otherwise under redacted keys: either it depends on the key's hash, then decide anew with --anew, or the recording does not replay, which lockstep replay shows", f.Step)
		}
	}
	if ev.Kind == core.Arrive {
		w.enc.Append(w.router.Now(), &ev, &req, w.out)
	} else {
		w.enc.Append(w.router.Now(), &ev, nil, w.out)
	}
	w.next++
	w.done.Facts++
	return nil
}
