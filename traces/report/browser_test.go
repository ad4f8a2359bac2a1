package report

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lockstep/core"
	"lockstep/traces"
	"lockstep/traces/say"
)

// TestThePageInABrowser opens pages in one headless Chromium and uses them as a
// person does.
func TestThePageInABrowser(t *testing.T) {
	b := newBrowser(t, 1280, 900)
	recording := recorded(t, 8_000)
	p, r := page(t, recording, Options{})
	step := r.Noteworthy(1)[0]
	r.Tell(Story{Step: step, Why: "Told by the machine."})
	path := saved(t, p)
	for _, c := range []struct {
		name string
		test func(*testing.T, *browser)
	}{
		{"it opens and loads nothing", opensAndLoadsNothing},
		{"a click on a failure opens its story", clickOpensStory},
		{"the keyboard does it all", keyboard},
		{"a filter changes list, marks and rates", filters},
		{"an id finds its request", findsByID},
		{"it follows the theme and can be switched", themes},
		{"it fits a width of 375", narrow},
	} {
		t.Run(c.name, func(t *testing.T) {
			b.t = t
			b.size(1280, 900)
			b.open(path)
			c.test(t, b)
			quiet(t, b)
		})
	}
	t.Run("what the machine said of a request is in its story", func(t *testing.T) {
		b.t = t
		b.open(path)
		var text string
		b.eval(`state.list = 'all', openStory([...state.r.rows.step].indexOf(`+itoa(step)+`)), document.querySelector('#story .why').textContent`, &text)
		if text != "Told by the machine." {
			t.Errorf("it says %q", text)
		}
	})
	t.Run("a breaker that is found open was not seen to open", func(t *testing.T) {
		b.t = t
		b.open(path)
		var text string
		b.eval(`endpointLane({lines: {'e0.total': [1]}}, {n: 0, name: 'a', states: [[0, 2], [1, 1], [2, 2], [3, 0], [4, 2], [5, 3], [6, 2]]}).summary()`, &text)
		if !strings.Contains(text, "opened twice") { // at 2 and at 6; not at 0, where it begins, nor at 4, after a gap
			t.Errorf("it says %q", text)
		}
	})
	t.Run("of many placements those in trouble are shown first, the quiet ones on demand", func(t *testing.T) {
		b.t = t
		manyPlacements(t, b)
		quiet(t, b)
	})
	t.Run("a part in which nothing is says so", func(t *testing.T) {
		b.t = t
		p, _ := page(t, recording, Options{From: 1})
		empty, _ := page(t, recording, Options{To: 1})
		b.open(saved(t, p))
		b.open(saved(t, empty))
		var text string
		b.eval(`document.getElementById('summary').textContent + document.getElementById('rowset').textContent`, &text)
		if !strings.Contains(text, "No request came in this time.") || !strings.Contains(text, "No request here.") {
			t.Errorf("it says %q", text)
		}
		quiet(t, b)
	})
	t.Run("hostile text is only text", func(t *testing.T) {
		b.t = t
		hostilePage(t, b)
		quiet(t, b)
	})
	t.Run("every request of every golden vector has a story", func(t *testing.T) {
		b.t = t
		everyGolden(t, b)
		quiet(t, b)
	})
}

// itoa writes a number as scripts read it.
func itoa(n uint64) string { return strings.ReplaceAll(say.Count(n), ",", "") }

// quiet fails if the page complained.
func quiet(t *testing.T, b *browser) {
	t.Helper()
	for _, text := range b.complaints() {
		t.Errorf("the page complained: %.400s", text)
	}
}

func opensAndLoadsNothing(t *testing.T, b *browser) {
	var got struct {
		Rows, Lanes, Painted int
		Title, First         string
	}
	b.eval(`({
		rows: document.querySelectorAll('#rowset .row').length, lanes: document.querySelectorAll('.lane').length,
		painted: [...document.querySelectorAll('.lane canvas')].filter((c) => c.width && new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer).some((v) => v)).length,
		title: document.querySelector('h1').textContent, first: document.querySelector('#summary li').textContent })`, &got)
	if got.Rows < 5 || got.Lanes < 12 || got.Painted < 6 || got.Title != "edge-1" || !strings.Contains(got.First, "got no good answer") {
		t.Errorf("it shows %+v", got)
	}
	b.lock.Lock()
	defer b.lock.Unlock()
	for _, load := range b.loads {
		if !strings.Contains(load, `"url":"file://`) && !strings.Contains(load, `"url":"data:,`) && !strings.Contains(load, `"url":"about:`) {
			t.Errorf("it loads %.300s", load)
		}
	}
	var blocked bool
	b.lock.Unlock()
	b.eval(`fetch('data:text/plain,x').then(() => false, () => true)`, &blocked)
	b.settle()
	b.lock.Lock()
	if !blocked {
		t.Error("its policy lets it fetch")
	}
	b.errors = nil // the refused fetch is among them
}

// storyText is the open story, "" for none.
func storyText(b *browser) (text string) {
	b.eval(`document.getElementById('story').hidden ? '' : document.getElementById('story').innerText`, &text)
	return text
}

func clickOpensStory(t *testing.T, b *browser) {
	var at [2]float64
	b.eval(`(() => {
		const lane = state.lanes.find((l) => l.kind === 'class'), box = lane.canvas.getBoundingClientRect();
		return [box.left + shared.s.x(state.r.rows.time[lane.rows[0]]), box.top + box.height / 2];
	})()`, &at)
	b.click(at[0], at[1])
	text := storyText(b)
	for _, want := range []string{"tenant-", "lockstep explain rec/one.lst --step ", "arrived", "Request id"} {
		if !strings.Contains(text, want) {
			t.Errorf("the story lacks %q:\n%s", want, text)
		}
	}
	var id string
	b.eval(`document.querySelector('#story dd code').textContent`, &id)
	if len(id) != 32 {
		t.Errorf("its id is %q", id)
	}
}

func keyboard(t *testing.T, b *browser) {
	active := func() (id string) { b.eval(`document.activeElement.id`, &id); return id }
	b.press("/")
	if got := active(); got != "fkey" {
		t.Errorf("/ leads to %q", got)
	}
	b.eval(`document.getElementById('table').focus()`, nil)
	b.press("ArrowDown")
	b.press("ArrowDown")
	b.press("Enter")
	first := storyText(b)
	if !strings.Contains(first, "arrived") {
		t.Fatalf("Enter opened %q", first)
	}
	b.press("n")
	if next := storyText(b); next == first || next == "" {
		t.Error("n did not lead to another story")
	}
	b.press("Escape")
	if storyText(b) != "" || active() != "table" {
		t.Errorf("Escape left the story, or the focus at %q", active())
	}
	var view [4]float64
	b.eval(`document.getElementById('overview').focus()`, nil)
	b.press("+")
	b.press("ArrowRight")
	b.eval(`[state.view.from, state.view.to, state.r.meta.length, document.querySelectorAll('#rowset .row').length]`, &view)
	if wide := view[1] - view[0]; wide > view[2]*0.51 || view[0] <= view[2]*0.26 {
		t.Errorf("after + and → it shows %v to %v of %v", view[0], view[1], view[2])
	}
	b.press("0")
	b.press("?")
	var open bool
	b.eval(`document.getElementById('help').open`, &open)
	if !open {
		t.Error("? opens no help")
	}
	b.press("Escape")
	b.eval(`document.getElementById('help').close()`, nil)
	var lost []string
	b.eval(`[...document.querySelectorAll('button, select, input, [tabindex="0"]')].filter((e) => e.checkVisibility() && !e.getAttribute('aria-label') && !e.textContent.trim() && !e.labels?.length).map((e) => e.outerHTML)`, &lost)
	if len(lost) > 0 {
		t.Errorf("without a name: %q", lost)
	}
}

func filters(t *testing.T, b *browser) {
	type seen struct {
		Matches string
		Rows    []string
		Sum     float64
		Ink     int
	}
	look := func() (s seen) {
		b.settle()
		b.eval(`({ matches: document.getElementById('matches').textContent, rows: [...document.querySelectorAll('#rowset .c-key')].map((e) => e.textContent),
			sum: state.lanes[0].bars.counts.reduce((n, k) => n + k.reduce((a, v) => a + v, 0), 0),
			ink: state.lanes.filter((l) => l.kind === 'class').reduce((n, l) => n + new Uint32Array(l.canvas.getContext('2d').getImageData(0, 0, l.canvas.width, l.canvas.height - 1).data.buffer).filter((v) => v).length, 0) })`, &s)
		return s
	}
	before := look()
	b.eval(`document.getElementById('fkey').value = 'TENANT-00', document.getElementById('filter').dispatchEvent(new Event('input'))`, nil)
	after := look()
	if after.Sum >= before.Sum || after.Sum == 0 || after.Ink >= before.Ink || !strings.Contains(after.Matches, "of 8,000 requests match") {
		t.Errorf("before %v and %v of ink, after %v and %v; %q", before.Sum, before.Ink, after.Sum, after.Ink, after.Matches)
	}
	for _, key := range after.Rows {
		if !strings.HasPrefix(key, "tenant-00") {
			t.Errorf("the list shows %q", key)
		}
	}
	b.eval(`document.querySelector('#filter button[type=reset]').click()`, nil)
	if got := look(); got.Sum != before.Sum || got.Matches != "" {
		t.Errorf("cleared, it shows %v of %v; %q", got.Sum, before.Sum, got.Matches)
	}
}

func findsByID(t *testing.T, b *browser) {
	var id string
	b.eval(`loadIDs(state.r).then(() => idOf(state.r, 4321))`, &id)
	b.eval(`state.list = 'all', document.getElementById('fid').value = '`+id[:12]+`', document.getElementById('filter').dispatchEvent(new Event('input'))`, nil)
	b.settle()
	var got []float64
	b.eval(`[...table.rows]`, &got)
	if len(got) != 1 || got[0] != 4321 {
		t.Errorf("the id %s finds rows %v", id, got)
	}
}

func themes(t *testing.T, b *browser) {
	background := func() (s string) {
		b.settle()
		b.eval(`getComputedStyle(document.documentElement).backgroundColor`, &s)
		return s
	}
	light := background()
	b.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": "dark"}}}, nil)
	dark := background()
	b.eval(`document.getElementById('theme').click()`, nil)
	switched := background()
	b.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{}}, nil)
	if light != "rgb(255, 255, 255)" || dark == light || switched != light {
		t.Errorf("light %s, dark %s, switched %s", light, dark, switched)
	}
}

func narrow(t *testing.T, b *browser) {
	b.size(375, 800)
	b.settle()
	overflow := func() (got []string) {
		b.eval(`document.documentElement.scrollWidth > 375 || scrollX > 0 ? [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > 376 && e.checkVisibility()).map((e) => e.tagName + '.' + e.className) : []`, &got)
		return got
	}
	if got := overflow(); len(got) > 0 {
		t.Errorf("wider than the window: %v", got)
	}
	b.eval(`stepFailure(1)`, nil)
	b.settle()
	if got := overflow(); len(got) > 0 {
		t.Errorf("with a story, wider than the window: %v", got)
	}
	var width float64
	b.eval(`document.getElementById('story').getBoundingClientRect().width`, &width)
	if width > 375 {
		t.Errorf("the story is %v wide", width)
	}
}

func hostilePage(t *testing.T, b *browser) {
	p, _ := page(t, hostile(t), Options{})
	b.open(saved(t, p))
	var got struct {
		Keys   []string
		Images int
		Title  string
	}
	b.eval(`({ keys: [...document.querySelectorAll('#rowset .c-key')].map((e) => e.textContent), images: document.images.length, title: document.title })`, &got)
	var want []string
	for _, k := range hostileKeys() {
		want = append(want, printable(k))
	}
	if strings.Join(got.Keys, "|") != strings.Join(want, "|") || got.Images != 0 || !strings.HasPrefix(got.Title, "</title><script>alert(2)") {
		t.Errorf("it shows %q, title %q, %d images; want %q", got.Keys, got.Title, got.Images, want)
	}
}

// everyGolden opens all golden vectors as one page and every story in it.
func everyGolden(t *testing.T, b *browser) {
	p := New(Options{})
	requests := 0
	for _, path := range goldens(t) {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		rd, err := traces.NewReader(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		r := p.Router(filepath.Base(path), []string{path})
		r.Begin(rd.Header())
		v := traces.NewVerifier(r.Hooks())
		if err := v.Run(rd); err != nil {
			t.Fatal(err)
		}
		r.Close(v.Report())
		requests += len(r.rows.list)
	}
	b.open(saved(t, p))
	var told []string
	b.eval(`(async () => {
		const out = [];
		for (let i = 0; i < state.meta.routers.length; i++) {
			const r = await routerOf(i);
			for (let k = 0; k < r.n; k++) {
				if (k === 0) storyShow(r, k, {});
				out.push(whyOf(r, k), ...legsOf(r, k).map((l) => l.text));
			}
		}
		return out;
	})()`, &told)
	if len(told) < requests || requests < 300 {
		t.Errorf("%d sentences of %d requests", len(told), requests)
	}
	for _, text := range told {
		if len(text) < 6 || strings.Contains(text, "undefined") || strings.Contains(text, "NaN") || strings.Contains(text, "  ") {
			t.Errorf("a story says %q", text)
		}
	}
}

// manyPlacements opens a page of twelve placements, of which one refuses connections.
func manyPlacements(t *testing.T, b *browser) {
	s := core.Spec{Version: "v2"}
	for i := range 12 {
		name := "cell-" + string(rune('a'+i))
		s.Placements = append(s.Placements, core.PlacementSpec{
			Name: name, Health: core.HealthSpec{Off: true}, Breaker: core.BreakerSpec{Failures: 1},
			Endpoints: []core.EndpointSpec{{Name: "x", URL: "http://" + name}},
		})
		s.Keys = append(s.Keys, core.KeySpec{Key: name, Placement: name})
	}
	c, err := core.Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	var recording bytes.Buffer
	o := newWorld(t, &recording, traces.Binary, traces.Header{Name: "many"})
	o.config = c
	o.feed(&core.Event{Kind: core.Adopt, Config: c}, nil)
	for i := range 240 {
		o.run(o.now.Add(10 * core.Millisecond))
		class := core.ClassNone
		if i%12 == 7 {
			class = core.ConnectRefused
		}
		o.arrive(s.Keys[i%12].Key, core.Millisecond, class, 200, false)
	}
	o.run(o.now.Add(core.Second))
	if err := o.writer.Close(); err != nil {
		t.Fatal(err)
	}
	p, _ := page(t, recording.Bytes(), Options{})
	b.open(saved(t, p))
	var few, all []string
	b.eval(`[...document.querySelectorAll('.lane.place .name')].map((e) => e.textContent)`, &few)
	b.eval(`document.getElementById('quiet').click(), [...document.querySelectorAll('.lane.place .name')].map((e) => e.textContent)`, &all)
	if len(few) == 0 || few[0] != "cell-h" || len(few) >= len(all) || len(all) != 15 {
		t.Errorf("first %q, then %d", few, len(all))
	}
}
