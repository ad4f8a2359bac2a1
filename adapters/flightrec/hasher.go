package flightrec

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"lockstep/adapters/pseudonym"
	"lockstep/core"
	"lockstep/traces"
)

// hasher gives every block hashed keys before anything leaves memory. A twin of
// the router takes each step again under the hashed configuration, so that the
// block replays. Where it cannot, the block is left out: plain keys are never
// written instead. It belongs to the recorder's goroutine.
type hasher struct {
	twin pseudonym.Twin
	ring *ring
	log  *slog.Logger
	next uint64 // number of the next entry
	left string // why the last block was left out; "" if it was not

	plain   bytes.Buffer
	reader  *traces.Reader
	configs map[uint64]*core.Config // that the block names, plain
	enc     *traces.Encoder
	spare   []byte
}

// newHasher returns nil for no names.
func newHasher(names *pseudonym.Names, g *ring, log *slog.Logger) *hasher {
	if names == nil {
		return nil
	}
	g.gated = true
	h := &hasher{twin: pseudonym.Twin{Names: names}, ring: g, log: log, configs: map[uint64]*core.Config{}, enc: traces.NewEncoder()}
	h.reader = traces.NewReaderAt(&h.plain, traces.Header{}, h.configs, 0, 0)
	return h
}

// one hashes the next block, and reports whether there was one.
func (h *hasher) one() bool {
	e := h.ring.holdPlain(h.next)
	if e == nil {
		return false
	}
	out := entry{}
	err := h.hash(e, &out)
	if err != nil {
		out = entry{left: err.Error()}
	}
	h.say(e, out.left)
	h.next = e.number + 1
	h.spare = h.ring.hashed(e, &out)
	return true
}

// say logs the first block that is left out for a reason, and the end of that.
func (h *hasher) say(e *entry, left string) {
	switch {
	case left == h.left:
	case left != "":
		h.log.Error("blocks are left out of the recording: their keys cannot be hashed and decide the same; serving is not affected",
			"why", left, "first_step", e.step, "mend", "change the configuration, or start without key_hash")
	default:
		h.log.Info("the recording goes on, with hashed keys", "first_step", e.step)
	}
	h.left = left
}

// hash writes the entry's block anew into out. The error says why it must be left out.
func (h *hasher) hash(e *entry, out *entry) error {
	clear(h.configs)
	for _, c := range append([]*core.Config{e.config}, e.offered...) {
		if c != nil {
			h.configs[c.Digest()] = c
		}
	}
	h.plain.Reset()
	h.plain.Write(e.block.Seal())
	for {
		it, err := h.reader.Next()
		switch {
		case errors.Is(err, io.EOF):
			out.block = h.enc.End()
			out.block.Seal()
			return nil
		case err != nil: // the encoder and the reader disagree
			h.reader = traces.NewReaderAt(&h.plain, traces.Header{}, h.configs, 0, 0)
			return fmt.Errorf("the block cannot be read: %w", err)
		}
		switch it.Kind {
		case traces.ItemBlock:
			err = h.begin(e, it.Block, out)
		case traces.ItemFact:
			err = h.fact(it.Fact, out)
		case traces.ItemMark:
			h.enc.Mark(h.twin.Router().Digest())
		case traces.ItemConfig, traces.ItemGap: // not in a block
		}
		if err != nil {
			h.reader = traces.NewReaderAt(&h.plain, traces.Header{}, h.configs, 0, 0) // it stands within the block
			return err
		}
	}
}

func (h *hasher) begin(e *entry, b *traces.BlockHead, out *entry) error {
	if !h.twin.Joins(b) {
		if err := h.twin.Restart(b, e.config); err != nil {
			return err
		}
	}
	h.enc.Begin(h.spare, h.twin.Router(), b.Step)
	h.spare = nil
	out.config = h.twin.Router().Config()
	return nil
}

func (h *hasher) fact(f *traces.Fact, out *entry) error {
	s, err := h.twin.Step(f)
	if err != nil {
		if s.Other {
			err = fmt.Errorf("%w: a fault of Lockstep; please report it", err)
		}
		return err
	}
	if s.Event.Config != nil {
		out.offered = append(out.offered, s.Event.Config)
	}
	h.enc.Append(h.twin.Router().Now(), &s.Event, s.Request, s.Decisions)
	return nil
}

// patience is how long a stream waits for the recorder's goroutine to hash what memory holds.
const patience = 10 * time.Second

// wait waits until all entries before that number can leave memory.
func (rec *Recorder) wait(until uint64) error {
	if rec.hash == nil {
		return nil
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		ready, changed := rec.ring.hashedUpTo()
		if ready >= until {
			return nil
		}
		select {
		case <-changed:
		case <-rec.done:
			return nil // all is hashed by then
		case <-late.C:
			return fmt.Errorf("keys are being hashed: %d blocks wait after %s; is the disk slow?", until-ready, patience)
		}
	}
}
