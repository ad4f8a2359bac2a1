package report

import (
	"bufio"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"strings"
	"time"

	"lockstep/core"
	"lockstep/traces"
	"lockstep/traces/say"
)

//go:embed page
var files embed.FS

// scripts of the page, in the order in which they run.
func scripts() []string {
	return []string{"data.js", "draw.js", "lanes.js", "table.js", "story.js", "main.js"}
}

// Write writes the page. The recordings must have been closed.
func (p *Page) Write(w io.Writer) error {
	var script strings.Builder
	script.WriteString("'use strict';\n")
	for _, name := range scripts() {
		text, err := files.ReadFile("page/" + name)
		if err != nil {
			return fmt.Errorf("the page's own script: %w", err)
		}
		script.Write(text)
	}
	style, err := files.ReadFile("page/report.css")
	if err != nil {
		return fmt.Errorf("the page's own style: %w", err)
	}
	frame, err := files.ReadFile("page/report.html")
	if err != nil {
		return fmt.Errorf("the page's own frame: %w", err)
	}
	out := bufio.NewWriterSize(w, 1<<16)
	policy := fmt.Sprintf("default-src 'none'; script-src '%s'; style-src '%s'; img-src data:; base-uri 'none'; form-action 'none'", sourceHash(script.String()), sourceHash(string(style)))
	before, after, _ := strings.Cut(string(frame), "<!--data-->")
	head := strings.NewReplacer("{{policy}}", policy, "{{title}}", html.EscapeString(p.title()), "{{style}}", string(style))
	if _, err := head.WriteString(out, before); err != nil {
		return err
	}
	blocks := &packer{out: out}
	if err := p.writeData(blocks); err != nil {
		return err
	}
	after, end, _ := strings.Cut(after, "<!--ids-->")
	if _, err := io.WriteString(out, strings.Replace(after, "{{script}}", script.String(), 1)); err != nil {
		return err
	}
	for i, r := range p.routers {
		if err := blocks.block(fmt.Sprintf("ids%d", i), r.packIDs()); err != nil {
			return err
		}
	}
	if _, err := io.WriteString(out, end); err != nil {
		return err
	}
	return out.Flush()
}

// sourceHash is what a content security policy calls a script or style.
func sourceHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

func (p *Page) title() string {
	if p.options.Title != "" {
		return p.options.Title
	}
	name := ""
	for i, r := range p.routers {
		if i > 0 && r.header.Name != name {
			return say.Plural(uint64(len(p.routers)), "recording")
		}
		name = r.header.Name
	}
	if name == "" {
		return "Recording"
	}
	return printable(name)
}

func (p *Page) writeData(w *packer) error {
	meta := pageJSON{Title: p.title(), Notes: p.options.Notes}
	for i, r := range p.routers {
		rows := r.packRows()
		if err := w.block(fmt.Sprintf("rows%d", i), rows.raw); err != nil {
			return err
		}
		lines, width, bins := r.packLines()
		if err := w.block(fmt.Sprintf("lines%d", i), lines.raw); err != nil {
			return err
		}
		if err := w.block(fmt.Sprintf("keys%d", i), r.packKeys()); err != nil {
			return err
		}
		m := r.meta(width, bins)
		m.Rows, m.Lines = rows.Layout, lines.Layout
		m.Faults = p.faults(r)
		meta.Routers = append(meta.Routers, m)
	}
	meta.Classes = classNames()
	raw, err := json.Marshal(meta)
	if err != nil {
		return fmt.Errorf("the page's data: %w", err)
	}
	return w.block("meta", raw)
}

// pageJSON is all that the script reads but columns. Times are in microseconds
// since the router's start.
type pageJSON struct {
	Title   string       `json:"title"`
	Notes   []Note       `json:"notes"`
	Classes []classJSON  `json:"classes"`
	Routers []routerJSON `json:"routers"`
}

type classJSON struct {
	Number int    `json:"number"`
	Name   string `json:"name"`
}

type routerJSON struct {
	Name      string         `json:"name"`
	Recording string         `json:"recording"` // name in its header
	Why       string         `json:"why"`
	Origin    string         `json:"origin"` // of the time line's start, RFC 3339, "" if not known
	Offset    float64        `json:"offset"` // of the start, since the origin
	Length    float64        `json:"length"`
	Bin       float64        `json:"bin"`
	Bins      int            `json:"bins"`
	Files     []string       `json:"files"`
	Requests  uint64         `json:"requests"`
	Kinds     [kinds]uint64  `json:"kinds"`
	Kept      int            `json:"kept"`
	Sample    uint64         `json:"sample"`       // one in so many of the served is kept
	SampleBad uint64         `json:"sample_bad"`   // the same of failures
	Counts    map[int]uint64 `json:"class_counts"` // by class, whether or not they are kept
	Summary   []string       `json:"summary"`
	Proof     string         `json:"proof"`
	OK        bool           `json:"ok"`
	Warnings  []string       `json:"warnings"`
	Gaps      [][2]float64   `json:"gaps"`
	Faults    []faultJSON    `json:"faults"`
	Places    []placeJSON    `json:"places"`
	Endpoints []endpointJSON `json:"endpoints"`
	Events    []eventJSON    `json:"events"`
	Stories   []Story        `json:"stories"`
	Rows      []column       `json:"rows"`
	Lines     []column       `json:"lines"`
}

type faultJSON struct {
	From float64 `json:"from"`
	To   float64 `json:"to"`
	Text string  `json:"text"`
}

type placeJSON struct {
	Name   string       `json:"name"`
	Panics [][2]float64 `json:"panics"`
}

type endpointJSON struct {
	Name   string       `json:"name"`
	URL    string       `json:"url"`
	Place  int32        `json:"place"`
	States [][2]float64 `json:"states"`
}

type eventJSON struct {
	At       float64 `json:"at"`
	Step     uint64  `json:"step"`
	Kind     string  `json:"kind"`
	Text     string  `json:"text"`
	Place    int32   `json:"place"`
	Endpoint int32   `json:"endpoint"`
}

func classNames() (list []classJSON) {
	for c := range core.Classes {
		list = append(list, classJSON{c, className(core.Class(c))})
	}
	return append(list, classJSON{int(classFlying), className(classFlying)}, classJSON{int(classLost), className(classLost)})
}

// since is a time in microseconds since the start of what is shown.
func (r *Router) since(t core.Time) float64 { return float64(t.Sub(r.start)) / 1000 }

func (r *Router) meta(width core.Duration, bins int) routerJSON {
	m := routerJSON{
		Name: r.name, Recording: r.header.Name, Why: r.header.Why, Offset: float64(r.start) / 1000, Length: max(r.since(r.end), 1),
		Bin: float64(width) / 1000, Bins: bins, Files: r.files, Requests: r.totals.requests, Kinds: r.totals.kinds,
		Kept: len(r.rows.list), Sample: 1 << min(r.rows.halved, 62), SampleBad: 1 << min(r.rows.failedHalved, 62),
		Counts: map[int]uint64{}, Summary: r.summary(), Warnings: r.warnings(), Stories: r.stories,
	}
	if r.header.Origin != 0 {
		m.Origin = time.Unix(0, r.header.Origin+int64(r.start)).UTC().Format(time.RFC3339Nano)
	}
	m.Proof, m.OK = r.proof()
	for c, n := range r.totals.classes {
		m.Counts[int(c)] = n
	}
	for _, g := range r.gaps {
		m.Gaps = append(m.Gaps, [2]float64{r.since(g.From), r.since(g.To)})
	}
	for i := range r.places {
		p := &r.places[i]
		m.Places = append(m.Places, placeJSON{printable(p.name), r.changes(p.panics)})
	}
	for i := range r.endpoints {
		e := &r.endpoints[i]
		m.Endpoints = append(m.Endpoints, endpointJSON{printable(e.called()), printable(e.url), e.place, r.changes(e.changes)})
	}
	for i := range r.events {
		e := &r.events[i]
		m.Events = append(m.Events, eventJSON{r.since(e.at), e.step, e.kind, e.text, e.place, e.endpoint})
	}
	return m
}

func (r *Router) changes(list []change) (out [][2]float64) {
	for _, c := range list {
		out = append(out, [2]float64{max(r.since(c.at), 0), float64(c.state)})
	}
	return out
}

// faults are the page's, where the recording has no wall time of its own.
func (p *Page) faults(r *Router) (out []faultJSON) {
	for _, f := range p.options.Faults {
		if f.To >= r.start && f.From <= r.end {
			out = append(out, faultJSON{max(r.since(f.From), 0), min(r.since(f.To), r.since(r.end)), f.Text})
		}
	}
	return out
}

// proof says how far the recording could be checked.
func (r *Router) proof() (text string, ok bool) {
	f := &r.replay
	if d := f.Divergence; d != nil {
		return fmt.Sprintf("DIVERGENCE at step %s, %s: %s differs. What follows that step is not shown.", say.Count(d.Step), r.clock(d.Time), d.Field), false
	}
	text = fmt.Sprintf("replayed: %s decisions over %s events recomputed, all identical", say.Count(f.Decisions), say.Count(f.Facts))
	for _, s := range f.Specs {
		text += ", recorded under spec " + s
	}
	return text + "; spec " + traces.SpecVersion, f.OK()
}

// warnings are what the reader must know before trusting the page.
func (r *Router) warnings() (out []string) {
	f := &r.replay
	if f.Lost > 0 {
		out = append(out, fmt.Sprintf("%s EVENTS ARE MISSING: the recording has gaps. Time lines are hatched there, and what was in flight has no end.", say.Count(f.Lost)))
	} else if n := len(f.Gaps); n > 0 {
		out = append(out, say.Plural(uint64(n), "gap")+" in the recording: "+f.Gaps[0].Why)
	}
	for i, d := range f.Damage {
		if i == 5 {
			out = append(out, fmt.Sprintf("%d damaged parts more", len(f.Damage)-i))
			break
		}
		out = append(out, "DAMAGED: "+printable(d.Error()))
	}
	w := &r.rows
	if w.halved > 0 {
		what := "All failures"
		if w.failedHalved > 0 {
			what = fmt.Sprintf("Of the failures one in %s", say.Count(1<<w.failedHalved))
		}
		out = append(out, fmt.Sprintf("%s requests are more than a page holds one by one. %s and one in %s of the others are listed and marked; counts, rates and time lines are of all of them. --from and --to show a part in full.",
			say.Count(r.totals.requests), what, say.Count(1<<w.halved)))
	}
	if r.states > maxStates {
		out = append(out, fmt.Sprintf("Breakers and health changed %s times; only the first %s changes are drawn.", say.Count(uint64(r.states)), say.Count(maxStates)))
	}
	if r.dropped > 0 {
		out = append(out, fmt.Sprintf("%s events more than the list holds are left out of it.", say.Count(uint64(r.dropped))))
	}
	return append(out, r.notes...)
}
