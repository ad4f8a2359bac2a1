package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"lockstep/adapters/recordings"
	"lockstep/core"
	"lockstep/traces"
	"lockstep/traces/explain"
	"lockstep/traces/say"
)

// explained is what explain looks into.
type explained struct {
	flags *explainFlags
	hooks explain.Hooks
	args  []string
	all   []*recordings.Recording
	log   io.Writer

	searched traces.Report // of all that was replayed
	unread   bool          // a file that was named, or is in a folder that was
}

func openExplained(args []string, log io.Writer, flags *explainFlags, known *explainHooks) (*explained, error) {
	all, err := recordings.Open(args)
	if err != nil {
		return nil, err
	}
	unread := false
	for _, r := range all {
		for _, fault := range r.Faults {
			fmt.Fprintln(log, "not read: "+fault.Error())
			unread = true
		}
	}
	tellHashed(log, all)
	what := ""
	if flags.hasKey && flags.key != "" && !isPseudonym(flags.key) {
		what = "--key " + flags.key
	}
	names, err := keyNames(flags.keyFile, all, what)
	if err != nil {
		return nil, err
	}
	if names != nil {
		flags.key = names.Of(flags.key)
	}
	return &explained{flags: flags, hooks: known.hooks(), args: args, all: all, log: log, unread: unread}, nil
}

// run answers. What is found where a file was not read may be less than there is.
func (x *explained) run(w io.Writer) error {
	err := x.answer(w)
	if err == nil && x.unread {
		return errFailed
	}
	return err
}

func (x *explained) answer(w io.Writer) error {
	if x.flags.step != 0 {
		return x.tell(w, func(*recordings.Recording) (explain.Query, error) {
			return explain.Query{Steps: []uint64{x.flags.step}}, nil
		})
	}
	if x.flags.request != "" && x.flags.plain() {
		return x.tell(w, func(*recordings.Recording) (explain.Query, error) { return explain.Query{ID: x.flags.id()}, nil })
	}
	return x.list(w)
}

// plain reports whether nothing but an id or a step narrows what is asked for.
func (f *explainFlags) plain() bool {
	return f.from == "" && f.to == "" && f.status == 0 && f.class == "" && !f.failed && !f.guests
}

// tell prints the stories of what query names in each recording.
func (x *explained) tell(w io.Writer, query func(*recordings.Recording) (explain.Query, error)) error {
	var stories []*explain.Story
	over, ok := 0, true
	for _, r := range x.all {
		q, err := query(r)
		if err != nil {
			return err
		}
		found, more, report, err := x.stories(r, q)
		if err != nil {
			return err
		}
		x.searched.Requests += report.Requests
		x.searched.Lost += report.Lost
		x.searched.Damage = append(x.searched.Damage, report.Damage...)
		x.searched.First = cmp.Or(x.searched.First, report.First)
		x.searched.Last = max(x.searched.Last, report.Last)
		x.searched.Divergence = cmp.Or(x.searched.Divergence, report.Divergence)
		ok = ok && report.OK()
		stories, over = append(stories, found...), over+more
	}
	stories = once(stories)
	if len(stories) == 0 {
		return x.notFound()
	}
	slices.SortStableFunc(stories, func(a, b *explain.Story) int { return cmp.Compare(a.Wall(), b.Wall()) })
	var err error
	switch x.flags.format {
	case "json":
		err = encode(w, stories)
	case "markdown":
		explain.Markdown(w, stories)
	default:
		explain.Print(w, stories)
	}
	if over > 0 {
		fmt.Fprintf(x.log, "%d more requests carried this id and are not told; narrow them with --from and --to\n", over)
	}
	if err == nil && !ok {
		return errFailed
	}
	return err
}

func encode(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// once drops what two files tell alike, as a dump and the segment beside it do.
func once(stories []*explain.Story) (out []*explain.Story) {
	for _, s := range stories {
		if !slices.ContainsFunc(out, func(o *explain.Story) bool {
			return o.Step == s.Step && o.Wall() == s.Wall() && o.Router == s.Router && o.ID == s.ID && o.Origin() == s.Origin() && s.Origin() != 0
		}) {
			out = append(out, s)
		}
	}
	return out
}

func (x *explained) notFound() error {
	what := fmt.Sprintf("step %d", x.flags.step)
	if x.flags.request != "" {
		what = fmt.Sprintf("a request with id %q", x.flags.request)
	}
	r := &x.searched
	err := fmt.Errorf("%s is not in %s", what, x.holdings())
	if r.Requests > 0 {
		err = fmt.Errorf("%s is not among the %s requests, steps %d to %d, that replayed", what, say.Count(r.Requests), r.First, r.Last)
	}
	if len(r.Damage) > 0 {
		err = fmt.Errorf("%w; %s of what was read is damaged: %w", err, say.Plural(len(r.Damage), "part"), r.Damage[0])
	}
	if r.Lost > 0 {
		err = fmt.Errorf("%w; %s steps are missing, and it may be one of them", err, say.Count(r.Lost))
	}
	if r.Requests == 0 {
		err = x.lackingToo(err)
	}
	if r.Divergence != nil {
		err = fmt.Errorf("%w; replay stopped at a %s", err, r.Divergence)
	}
	return err
}

// holdings says what the recordings hold.
func (x *explained) holdings() string {
	if len(x.all) > 3 {
		files := 0
		for _, r := range x.all {
			files += len(r.Segments)
		}
		return fmt.Sprintf("%s of %s", say.Plural(len(x.all), "recording"), say.Plural(files, "file"))
	}
	var parts []string
	for _, r := range x.all {
		parts = append(parts, fmt.Sprintf("%s (%s from step %s on)", r.Name(), say.Plural(len(r.Segments), "file"), say.Count(r.Segments[0].First)))
	}
	return strings.Join(parts, ", ")
}

// stories tells what q names in one recording, by replaying all of it or the
// parts that matter.
func (x *explained) stories(r *recordings.Recording, q explain.Query) (found []*explain.Story, over int, report traces.Report, err error) {
	if !x.flags.whole && indexed(r) {
		b := &byIndex{r: r, hooks: x.hooks, lead: leadBlocks, near: nearSteps}
		found, over, err = b.stories(q)
		return found, over, b.report, err
	}
	t := explain.New(q, x.hooks)
	t.Begin(r.Header)
	report, err = r.Replay(recordings.Block{}, traces.Options{Before: t.Before, After: t.After, Stop: t.Done})
	if err != nil {
		return nil, 0, report, err
	}
	found = t.Stories()
	for _, s := range found {
		s.Proof = explain.ProofText(&report)
	}
	return found, t.Over(), report, nil
}

// list prints the requests that the flags name, or the story of the only one.
func (x *explained) list(w io.Writer) error {
	var list []*explain.Entry
	owners := map[*explain.Entry]*recordings.Recording{}
	more, ok := 0, true
	for _, r := range x.all {
		filter, err := x.filter(r)
		if err != nil {
			return err
		}
		found, over, report, err := x.entries(r, filter)
		if err != nil {
			return err
		}
		for _, e := range found {
			owners[e] = r
		}
		sound, err := x.unsearched(r, &filter, &report)
		if err != nil {
			return err
		}
		if list, ok = append(list, found...), ok && sound; over < 0 || more < 0 {
			more = -1
		} else {
			more += over
		}
	}
	list = distinct(list, owners)
	slices.SortStableFunc(list, func(a, b *explain.Entry) int { return cmp.Compare(a.Wall, b.Wall) })
	if n := x.flags.limit; n > 0 && len(list) > n {
		if more >= 0 {
			more += len(list) - n
		}
		list = list[:n]
	}
	if len(list) == 0 {
		return errors.New("no request is as asked for; " + x.holdings() + " was searched")
	}
	if len(list) == 1 && more == 0 {
		return x.tell(w, func(r *recordings.Recording) (q explain.Query, err error) {
			if r == owners[list[0]] {
				q.Steps = []uint64{list[0].Step}
			}
			return q, nil
		})
	}
	var err error
	switch command := x.flags.command(x.args); x.flags.format {
	case "json":
		err = encode(w, struct {
			Requests []*explain.Entry `json:"requests"`
			More     int              `json:"more"`
		}{list, more})
	case "markdown":
		explain.MarkdownList(w, list, more, command)
	default:
		explain.PrintList(w, list, more, command)
	}
	if err == nil && !ok {
		return errFailed
	}
	return err
}

// distinct drops what two files list alike, as once does with stories.
func distinct(list []*explain.Entry, owners map[*explain.Entry]*recordings.Recording) (out []*explain.Entry) {
	type same struct {
		step         uint64
		wall, origin int64
		id, router   string
	}
	seen := map[same]bool{}
	for _, e := range list {
		h := &owners[e].Header
		k := same{e.Step, e.Wall, h.Origin, e.ID, h.Name}
		if h.Origin == 0 || !seen[k] {
			out = append(out, e)
		}
		seen[k] = true
	}
	return out
}

// filter is what the flags ask of a recording, in its own times.
func (x *explained) filter(r *recordings.Recording) (explain.Filter, error) {
	f := x.flags
	filter := explain.Filter{ID: f.id(), Status: f.status, Class: f.class, Failed: f.failed, Guests: f.guests, Limit: f.limit}
	if f.hasKey {
		filter.Key = &f.key
	}
	if f.from == "" && f.to == "" {
		return filter, nil
	}
	end, err := endOf(r)
	if err != nil {
		return filter, err
	}
	for _, b := range []struct {
		name, text string
		parse      func(text string, origin, end int64) (int64, error)
		at         *core.Time
	}{{"--from", f.from, parseWhen, &filter.From}, {"--to", f.to, parseUntil, &filter.To}} {
		if b.text == "" {
			continue
		}
		wall, err := b.parse(b.text, r.Header.Origin, end)
		if err != nil {
			return filter, fmt.Errorf("%s: %w", b.name, err)
		}
		*b.at = core.Time(max(wall-r.Header.Origin, 1))
	}
	if f.from != "" && f.to != "" && filter.From > filter.To {
		return filter, fmt.Errorf("--from %s is not before --to %s", f.from, f.to)
	}
	return filter, nil
}

// entries lists the requests of one recording.
func (x *explained) entries(r *recordings.Recording, filter explain.Filter) (found []*explain.Entry, over int, report traces.Report, err error) {
	if !x.flags.whole && indexed(r) {
		b := &byIndex{r: r, hooks: x.hooks, lead: leadBlocks, near: nearSteps}
		found, over, err = b.entries(filter)
		if b.left > 0 {
			fmt.Fprintf(x.log, "%s had not ended when reading went on to the next, and how they ended is not known; --whole waits for each\n", say.Plural(b.left, "request"))
		}
		return found, over, b.report, err
	}
	l := explain.NewList(filter)
	l.Begin(r.Header)
	report, err = r.Replay(recordings.Block{}, traces.Options{After: l.After})
	if err != nil {
		return nil, 0, report, err
	}
	found, over = l.Entries()
	return found, over, report, nil
}
