package report

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"lockstep/core"
	"lockstep/traces"
)

// hostileKeys are keys that a page must show and must not obey.
func hostileKeys() []string {
	return []string{"</script><img src=x onerror=alert(1)>", "\xff\xfe\x00", "<!--", "a\nb", `back\slash`, "ключ", "\u2028"}
}

// hostile is a recording of requests with such keys, in which some fail.
func hostile(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	o := newWorld(t, &b, traces.NDJSON, traces.Header{Name: "</title><script>alert(2)</script>", Seed: 1, Why: "</script><b>why</b>"})
	spec := core.Spec{Version: "v2", Default: "cell-07", Placements: []core.PlacementSpec{{
		Name: "cell-07", Health: core.HealthSpec{Off: true},
		Endpoints: []core.EndpointSpec{{Name: "<i>a</i>", URL: "http://a"}},
	}}}
	c, err := core.Compile(spec)
	if err != nil {
		t.Fatal(err)
	}
	o.config = c
	o.now = o.now.Add(core.Second)
	o.feed(&core.Event{Kind: core.Adopt, Config: c, Origin: core.OriginFile}, nil)
	for _, key := range hostileKeys() {
		o.now = o.now.Add(10 * core.Millisecond)
		o.arrive(key, 5*core.Millisecond, core.ResponseTimeout, 0, false)
		o.run(o.now.Add(6 * core.Millisecond))
	}
	o.run(o.now.Add(core.Second))
	if err := o.writer.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func written(t testing.TB, p *Page) string {
	t.Helper()
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// saved writes a page to a file.
func saved(t testing.TB, p *Page) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(path, []byte(written(t, p)), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestThePageLoadsNothingAndForbidsIt(t *testing.T) {
	p, _ := page(t, recorded(t, 2_000), Options{})
	text := written(t, p)
	for _, m := range regexp.MustCompile(`(?i)\b(src|href|action|srcset|data|poster)\s*=\s*"([^"]*)"`).FindAllStringSubmatch(text, -1) {
		if m[2] != "data:," && !strings.HasPrefix(m[2], "#") {
			t.Errorf("it names %q", m[0])
		}
	}
	for _, bad := range []string{"http://", "https://", "url(", "@import", "eval(", "innerHTML", "fetch(", "XMLHttpRequest", "WebSocket"} {
		if strings.Contains(text, bad) {
			t.Errorf("it holds %q", bad)
		}
	}
	policy := regexp.MustCompile(`http-equiv="Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(text)
	if policy == nil || !strings.HasPrefix(policy[1], "default-src 'none'; script-src 'sha256-") || strings.Contains(policy[1], "unsafe") {
		t.Errorf("its policy is %q", policy)
	}
}

func TestTagsOfThePageAreBalanced(t *testing.T) {
	p, _ := page(t, hostile(t), Options{})
	text := regexp.MustCompile(`(?s)<(script|style)[^>]*>.*?</(script|style)>`).ReplaceAllString(written(t, p), "")
	empty := map[string]bool{"meta": true, "link": true, "input": true}
	var open []string
	for _, m := range regexp.MustCompile(`<(/?)([a-z][a-z0-9]*)\b[^>]*>`).FindAllStringSubmatch(text, -1) {
		switch name := m[2]; {
		case empty[name]:
		case m[1] == "":
			open = append(open, name)
		case len(open) == 0 || open[len(open)-1] != name:
			t.Fatalf("</%s> closes what is not open: %v", name, open)
		default:
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		t.Errorf("left open: %v", open)
	}
}

func TestNothingFromARecordingIsMarkup(t *testing.T) {
	p, r := page(t, hostile(t), Options{})
	text := written(t, p)
	if strings.Contains(text, "<script>alert") || strings.Contains(text, "<img") || strings.Contains(text, "<b>why") || strings.Contains(text, "<i>a") {
		t.Error("text from the recording stands in the page as it is")
	}
	if want := len(hostileKeys()); len(r.rows.keys) != want {
		t.Errorf("%d keys, want %d: %q", len(r.rows.keys), want, r.rows.keys)
	}
	if lines := strings.Split(string(r.packKeys()), "\n"); len(lines) != len(r.rows.keys) {
		t.Errorf("%d lines for %d keys", len(lines), len(r.rows.keys))
	}
}

func TestPrintableKeysStayApart(t *testing.T) {
	for key, want := range map[string]string{
		"nordbank": "nordbank", "ключ": "ключ", `say "hi"`: `say "hi"`, "\xff": `\xff`, `\xff`: `\\xff`, "a\nb": `a\nb`, "\u2028": `\u2028`,
	} {
		if got := printable(key); got != want {
			t.Errorf("%q is shown as %s, want %s", key, got, want)
		}
	}
}

// color parses a colour of the style sheet.
func color(t *testing.T, s string) (rgb [3]float64) {
	t.Helper()
	v, err := strconv.ParseUint(strings.TrimPrefix(s, "#"), 16, 32)
	if err != nil || len(s) != 7 {
		t.Fatalf("%q is no colour", s)
	}
	for i := range rgb {
		c := float64(v>>(16-8*i)&255) / 255
		if c <= 0.04045 {
			rgb[i] = c / 12.92
		} else {
			rgb[i] = math.Pow((c+0.055)/1.055, 2.4)
		}
	}
	return rgb
}

// contrast is that of WCAG 2.
func contrast(t *testing.T, a, b string) float64 {
	lum := func(s string) float64 { c := color(t, s); return 0.2126*c[0] + 0.7152*c[1] + 0.0722*c[2] }
	hi, lo := lum(a), lum(b)
	if hi < lo {
		hi, lo = lo, hi
	}
	return (hi + 0.05) / (lo + 0.05)
}

func TestTextHasContrastAndChartsAreSeenInBothThemes(t *testing.T) {
	style, err := files.ReadFile("page/report.css")
	if err != nil {
		t.Fatal(err)
	}
	themes := regexp.MustCompile(`(?s)color-scheme: (light|dark);(.*?)\}`).FindAllStringSubmatch(string(style), -1)
	if len(themes) != 3 {
		t.Fatalf("%d themes", len(themes))
	}
	for _, theme := range themes {
		colors := map[string]string{}
		for _, m := range regexp.MustCompile(`--(\w+): (#[0-9a-f]{6});`).FindAllStringSubmatch(theme[2], -1) {
			colors[m[1]] = m[2]
		}
		for _, pair := range []struct {
			text, on string
			least    float64
		}{
			{"text", "bg", 4.5},
			{"text", "panel", 4.5},
			{"soft", "bg", 4.5},
			{"soft", "panel", 4.5},
			{"badtext", "badbg", 4.5},
			{"oktext", "okbg", 4.5},
			{"accent", "bg", 4.5},
			{"elsewhere", "bg", 4.5},
			{"failed", "bg", 4.5},
			{"refused", "bg", 4.5},
			{"limit", "bg", 4.5},
			{"mark", "bg", 4.5},
			{"home", "bg", 3},
			{"other", "bg", 3},
			{"ok", "bg", 3},
			{"open", "bg", 3},
			{"half", "bg", 2.7},
			{"sick", "bg", 3},
			{"fault", "bg", 3},
		} {
			if got := contrast(t, colors[pair.text], colors[pair.on]); got < pair.least {
				t.Errorf("%s: %s on %s is %.2f, want %.1f", theme[1], pair.text, pair.on, got, pair.least)
			}
		}
	}
	if themes[1][2] != strings.ReplaceAll(themes[2][2], "\n  ", "\n    ") && strings.Join(strings.Fields(themes[1][2]), " ") != strings.Join(strings.Fields(themes[2][2]), " ") {
		t.Error("the two ways to the dark theme differ")
	}
}
