package main

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"time"

	"lockstep/adapters/recordings"
	"lockstep/core"
	"lockstep/traces"
	"lockstep/traces/explain"
)

// How explain keeps within a second or two in a recording of days: it replays
// the blocks that hold the request and what led to it; the rest it knows by notes.
const (
	smallRecording = 16 << 20 // bytes below which all is replayed
	notesBefore    = time.Hour
	notesAfter     = 10 * time.Minute
	nearSteps      = 1 << 14
	leadBlocks     = 8    // replayed before the request, and before what led to it
	mostBlocks     = 1500 // replayed for one story
	mostHits       = 50   // stories by index
)

// byIndex tells stories of one recording from the parts that matter.
type byIndex struct {
	r      *recordings.Recording
	hooks  explain.Hooks
	report traces.Report // of all that was replayed
	blocks []recordings.Block
	notes  recordings.Notes
	end    core.Time // how far the notes reach
	lead   int       // blocks replayed before what matters, at first
	near   uint64    // steps that are replayed rather than skipped between two requests of a list
	idle   int       // facts replayed only to see how requests of a list end
	left   int       // requests of a list whose end was not waited for
}

// indexed reports whether the recording is worth reading by its index.
func indexed(r *recordings.Recording) bool {
	size := int64(0)
	for _, s := range r.Segments {
		if s.Form == traces.NDJSON {
			return false
		}
		size += s.Size
	}
	return size > smallRecording
}

// stories tells what q names.
func (b *byIndex) stories(q explain.Query) (found []*explain.Story, over int, err error) {
	var hits []recordings.Hit
	if q.ID != nil {
		hits, err = b.r.Find(recordings.Query{ID: q.ID})
	}
	for _, step := range q.Steps {
		one, err := b.r.Find(recordings.Query{Step: step, Limit: 1})
		if err != nil {
			return nil, 0, err
		}
		hits = append(hits, one...)
	}
	if err != nil {
		return nil, 0, err
	}
	if len(hits) > mostHits {
		hits, over = hits[:mostHits], len(hits)-mostHits
	}
	for _, h := range hits {
		s, err := b.story(h)
		if err != nil {
			return nil, 0, err
		}
		if s != nil {
			found = append(found, s)
		}
	}
	return found, over, nil
}

// story tells of one step: first what it is about, then with what led to that.
func (b *byIndex) story(h recordings.Hit) (*explain.Story, error) {
	b.report = traces.Report{}
	if err := b.look(h); err != nil {
		return nil, err
	}
	first, err := b.tell(h, nil, 0)
	if err != nil || first == nil {
		return first, err
	}
	needs, err := b.needs(h, first)
	if err != nil {
		return nil, err
	}
	var s *explain.Story
	for lead := b.lead; ; lead *= 8 {
		b.report = traces.Report{}
		if s, err = b.tell(h, needs, lead); err != nil || !s.Short() || lead*(len(needs)+1) >= mostBlocks {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	s.Proof = explain.ProofText(&b.report) + "; " + b.unread(h)
	return s, nil
}

// look reads what the index knows of the time around a hit.
func (b *byIndex) look(h recordings.Hit) (err error) {
	at := b.r.Wall(int64(h.Time))
	from, to := max(at-int64(notesBefore), 1), at+int64(notesAfter)
	if b.notes, err = b.r.Notes(from, to); err != nil {
		return err
	}
	hits, err := b.r.Find(recordings.Query{From: from, To: to})
	if err != nil {
		return err
	}
	b.blocks = b.blocks[:0]
	for _, h := range hits {
		b.blocks = append(b.blocks, h.Block)
	}
	if n := len(b.blocks); n > 0 {
		b.end = b.blocks[n-1].Time
	}
	return nil
}

// block is the place of the block that holds a step, -1 for none.
func (b *byIndex) block(step uint64) int {
	return sort.Search(len(b.blocks), func(i int) bool { return b.blocks[i].Step > step }) - 1
}

// lastStep is the step before the next block.
func (b *byIndex) lastStep(i int) uint64 {
	if i+1 < len(b.blocks) {
		return b.blocks[i+1].Step - 1
	}
	return noEnd
}

// noEnd is the last step of a block after which none is known.
const noEnd uint64 = 1<<64 - 1

// needs lists the blocks of what led to the decision, and of its episode's ends.
func (b *byIndex) needs(h recordings.Hit, s *explain.Story) (places []int, err error) {
	t := explain.New(explain.Query{}, b.hooks)
	t.Begin(b.r.Header)
	b.between(t, 0, h.Step+1)
	steps := t.Needs(s.Interest(), h.Step, s.T)
	steps = append(steps, b.episodeEnd(h, s)...)
	for _, step := range steps {
		if i := b.block(step); i >= 0 {
			places = append(places, i)
		}
	}
	slices.Sort(places)
	return slices.Compact(places), nil
}

// episodeEnd is a step in the last block of the episodes that are under way.
func (b *byIndex) episodeEnd(h recordings.Hit, s *explain.Story) (steps []uint64) {
	of := s.Interest()
	last := map[string]core.Time{}
	end := map[string]uint64{}
	for i := range b.notes.Counts {
		c := &b.notes.Counts[i]
		if c.Step <= h.Step || !slices.Contains(of, c.Placement) {
			continue
		}
		key := fmt.Sprint(c.Kind, c.Class, c.Failover, c.Placement)
		before := cmp.Or(last[key], h.Time)
		if c.Time.Sub(before) > explain.Quiet {
			continue
		}
		last[key], end[key] = b.countedUntil(c.Step), c.Step
	}
	for _, step := range end {
		steps = append(steps, step)
	}
	return steps
}

// countedUntil is when the block of a step ends.
func (b *byIndex) countedUntil(step uint64) core.Time {
	if i := b.block(step); i >= 0 && i+1 < len(b.blocks) {
		return b.blocks[i+1].Time
	}
	return b.end
}

// between tells t what the notes know of the steps from..to-1.
func (b *byIndex) between(t *explain.Teller, from, to uint64) {
	for i := range b.notes.Notes {
		if n := &b.notes.Notes[i]; n.Step >= from && n.Step < to {
			t.Note(&n.Note)
		}
	}
	for i := range b.notes.Gaps {
		if g := &b.notes.Gaps[i]; g.Step >= from && g.Step < to {
			t.Gap(g.Gap, b.countedUntil(g.Step))
		}
	}
	for i := range b.notes.Counts {
		if c := &b.notes.Counts[i]; c.Step >= from && c.Step < to {
			t.Count(&c.Count, b.countedUntil(c.Step))
		}
	}
}

// tell replays the blocks that are needed, with lead before each, and the
// request's with all until it ends, and tells the notes of what lies between.
func (b *byIndex) tell(h recordings.Hit, needs []int, lead int) (*explain.Story, error) {
	t := explain.New(explain.Query{Steps: []uint64{h.Step}}, b.hooks)
	t.Begin(b.r.Header)
	t.Until(b.end)
	at := b.block(h.Step)
	if at < 0 {
		return nil, fmt.Errorf("the index of %s does not know the block of step %d; remove it (*.idx), it is made again", b.r.Name(), h.Step)
	}
	known := uint64(0) // steps told, by facts or notes
	if err := b.adoption(t, h); err != nil {
		return nil, err
	}
	for _, p := range parts(append(slices.Clone(needs), at), lead) {
		first := b.blocks[p.first].Step
		b.between(t, known, first)
		t.Skip()
		end, budget := b.lastStep(p.last), mostBlocks
		last, err := b.replay(t, b.blocks[p.first], func(last uint64) bool {
			if end == noEnd { // the last block that is known
				budget -= int(last & 1)
				return last >= max(h.Step, b.blocks[p.last].Step) && (!t.Pending() || budget < -1<<20)
			}
			if last < end {
				return false
			}
			if !t.Pending() || budget <= 0 || p.last >= len(b.blocks)-1 {
				return true
			}
			budget-- // the request has not ended: another block
			p.last++
			end = b.lastStep(p.last)
			return false
		})
		if err != nil {
			return nil, err
		}
		known = last + 1
	}
	b.between(t, known, noEnd)
	found := t.Stories()
	if len(found) == 0 {
		return nil, nil
	}
	return found[0], nil
}

// adoption replays the adoption of the configuration in force where it lies
// before the notes' hour, so that what it replaced is known.
func (b *byIndex) adoption(t *explain.Teller, h recordings.Hit) error {
	for i := range b.notes.Notes {
		if n := &b.notes.Notes[i]; n.Decision.Kind == core.NoteAdopted && n.Step <= h.Step {
			return nil // it is among the needs
		}
	}
	all, err := b.r.Notes(0, b.r.Wall(int64(h.Time)))
	if err != nil {
		return err
	}
	step := uint64(0)
	for i := range all.Notes {
		if n := &all.Notes[i]; n.Decision.Kind == core.NoteAdopted && n.Step <= h.Step {
			step = n.Step
		}
	}
	if step == 0 {
		return nil
	}
	hits, err := b.r.Find(recordings.Query{Step: step, Limit: 1})
	if err != nil || len(hits) == 0 {
		return err
	}
	t.Skip()
	_, err = b.replay(t, hits[0].Block, func(last uint64) bool { return last >= step })
	return err
}

// part is blocks that are replayed together.
type part struct{ first, last int }

// parts joins blocks, each with lead blocks before it, where they touch.
func parts(places []int, lead int) (out []part) {
	slices.Sort(places)
	for _, p := range places {
		q := part{max(p-lead, 0), p}
		if n := len(out); n > 0 && q.first <= out[n-1].last+1 {
			out[n-1].last = max(out[n-1].last, q.last)
			continue
		}
		out = append(out, q)
	}
	return out
}

// replay replays from a block until stop, which is told of the last step.
func (b *byIndex) replay(t *explain.Teller, from recordings.Block, stop func(last uint64) bool) (last uint64, err error) {
	report, err := b.r.Replay(from, traces.Options{
		Before: t.Before,
		After: func(f *traces.Fact, r *core.Router, decided []core.Decision) {
			last = f.Step
			t.After(f, r, decided)
		},
		Stop: func() bool { return last > 0 && stop(last) },
	})
	b.add(&report)
	return last, err
}

// add books what a part of the recording showed.
func (b *byIndex) add(report *traces.Report) {
	b.report.Decisions += report.Decisions
	b.report.Blocks += report.Blocks
	b.report.Facts += report.Facts
	b.report.Requests += report.Requests
	b.report.First = cmp.Or(b.report.First, report.First)
	b.report.Last = max(b.report.Last, report.Last)
	b.report.Lost += report.Lost
	b.report.Gaps = append(b.report.Gaps, report.Gaps...)
	b.report.Damage = append(b.report.Damage, report.Damage...)
	b.report.Specs = append(b.report.Specs, report.Specs...)
	b.report.Divergence = cmp.Or(b.report.Divergence, report.Divergence)
}

// unread says what of the recording is known by notes alone.
func (b *byIndex) unread(h recordings.Hit) string {
	before := time.Duration(b.r.Wall(int64(h.Time)) - b.r.Segments[0].From)
	return fmt.Sprintf("the rest of the %s before it is known by the notes of its index alone (--whole replays all of it)", before.Round(time.Second))
}
