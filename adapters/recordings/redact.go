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

	"lockstep/adapters/pseudonym"
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
	Names *pseudonym.Names
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
	w := &redacting{Redaction: d, twin: pseudonym.Twin{Names: d.Names, Anew: d.Anew}}
	d.Names.Keep = 1 << 20 // to count them
	for _, s := range r.Segments {
		if err := w.segment(s, filepath.Join(dir, filepath.Base(s.Path))); err != nil {
			return w.done, Fault{s.Path, err}
		}
		w.done.Files++
	}
	w.done.Keys = d.Names.Known()
	return w.done, nil
}

// redacting is a recording being redacted.
type redacting struct {
	*Redaction
	done Redacted
	twin pseudonym.Twin

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
	if slices.Contains(h.Flags, w.Names.Flag()) {
		return errors.New("its keys are hashed under this secret already: a pseudonym would get a pseudonym; name another key file, or leave it as it is")
	}
	h.Flags = append(slices.Clone(h.Flags), FlagRedacted, w.Names.Flag())
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
			if !traces.Damaged(err) {
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
				w.enc.Mark(w.twin.Router().Digest())
			}
		}
		if err != nil {
			return err
		}
	}
}

// config returns the redacted form of a configuration.
func (w *redacting) config(c *core.Config) (*core.Config, error) {
	out, err := w.twin.Config(c)
	return out, explained(err)
}

// explained says what to do about keys that are hashed.
func explained(err error) error {
	if _, hashing := errors.AsType[*pseudonym.HashingError](err); hashing {
		return fmt.Errorf("%w; decide anew with --anew, which marks the files, or leave these keys as they are", err)
	}
	return err
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
	if !w.twin.Joins(b) {
		if err := w.restart(rd, b); err != nil || w.twin.Router() == nil {
			return err
		}
	}
	w.twin.Follow(b)
	w.pending = append(w.pending[:0], w.twin.Router().Config())
	w.enc = traces.NewEncoder()
	w.enc.Begin(nil, w.twin.Router(), b.Step)
	return nil
}

// restart goes on from a block's snapshot.
func (w *redacting) restart(rd *traces.Reader, b *traces.BlockHead) error {
	digest, _, err := core.SnapshotConfig(b.Snapshot)
	if err != nil {
		w.damaged(err)
		return nil
	}
	var c *core.Config
	if digest != 0 {
		if c = rd.Config(digest); c == nil {
			w.damaged(fmt.Errorf("block %d names configuration %016x, which is not in the file before it", b.Number, digest))
			return nil
		}
		if _, err := w.config(c); err != nil {
			return err
		}
	}
	_ = w.twin.Restart(b, c) // where it cannot, the block's steps are counted as left out
	return nil
}

func (w *redacting) fact(f *traces.Fact) error {
	if w.enc == nil || f.Step != w.twin.Next() {
		w.done.Skipped++
		return nil
	}
	s, err := w.twin.Step(f)
	if err != nil {
		if s.Other {
			return fmt.Errorf("%w: either it depends on the key's hash, then decide anew with --anew, or the recording does not replay, which lockstep replay shows", err)
		}
		return explained(err)
	}
	if s.Other {
		w.done.Other++
	}
	if s.Event.Config != nil {
		w.pending = append(w.pending, s.Event.Config)
	}
	w.enc.Append(w.twin.Router().Now(), &s.Event, s.Request, s.Decisions)
	w.done.Facts++
	return nil
}
