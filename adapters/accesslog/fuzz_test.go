package accesslog

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// soundLines are lines that their formats read, as seeds.
var soundLines = map[Format]string{
	Nginx:     `10.0.0.1 - - [26/Nov/2026:21:51:04 +0100] "GET /v1/a?x=1 HTTP/1.1" 200 612 "-" "curl/8"`,
	NginxJSON: `{"time":"1795730928.945","request_uri":"/a","http_x_tenant":"acme","status":"200","request_time":"0.002","upstream_addr":"10.0.0.7:80, 10.0.0.8:80","upstream_status":"502, 200"}`,
	HAProxy:   `10.0.1.2:33317 [26/Nov/2026:21:51:04.655] fe cell-b/b1 10/5/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {api|acme} "GET /index.html HTTP/1.1"`,
	Envoy:     `[2016-04-15T20:17:00.310Z] "POST /a HTTP/2" 204 - 154 0 226 100 "10.0.35.28" "x" "id" "host" "10.0.2.1:80"`,
	EnvoyJSON: `{"start_time":"2026-11-26T21:51:04.310Z","response_code":200,"response_flags":"UF","duration":7,"upstream_host":"10.0.2.1:80"}`,
	Caddy:     `{"ts":1795730928.5,"logger":"http.log.access","request":{"method":"GET","uri":"/a","headers":{"X-Tenant":["acme"]}},"duration":0.0015,"status":200}`,
	Own:       `{"timestamp":"2026-11-26T21:51:04Z","request_id":"r1","path":"/a","upstream_url":"http://10.0.2.1:80","status_code":200,"duration_ms":7.25,"retried":[{"upstream_url":"http://10.0.2.2:80","class":"connect_refused","duration_ms":1}]}`,
}

// consistent says what is wrong with an entry that a parser took for one.
func consistent(e *Entry) string {
	switch {
	case e.Arrival <= 0 || e.Arrival > 1<<62:
		return "arrival is out of range"
	case e.Took < unknown || e.Received < unknown || e.Sent < unknown:
		return "a number is below unknown"
	case e.Resolution < 1 || e.Resolution > second:
		return "the clock's step is out of range"
	case slices.ContainsFunc(e.Attempts, func(a Attempt) bool { return a.Took < unknown }):
		return "an attempt's duration is below unknown"
	}
	return ""
}

func FuzzParse(f *testing.F) {
	for format, line := range soundLines {
		f.Add(string(format), line)
	}
	parsers := map[Format]*parser{}
	for _, format := range Formats() {
		o := FormatOptions{}
		if format == HAProxy {
			o.Captures = []string{"Host", "X-Tenant"}
		}
		p, err := newParser(format, o)
		if err != nil {
			f.Fatal(err)
		}
		parsers[format] = p
	}
	f.Fuzz(func(t *testing.T, format, line string) {
		p := parsers[Format(format)]
		if p == nil {
			return
		}
		var e Entry
		if p.parse(line, &e) == nil {
			if fault := consistent(&e); fault != "" {
				t.Errorf("%s: %s: %+v", format, fault, e)
			}
		}
	})
}

func FuzzLogFormat(f *testing.F) {
	f.Add(nginxCombined, soundLines[Nginx])
	f.Add(envoyDefault, soundLines[Envoy])
	f.Add("$msec${status}", "1 200")
	f.Fuzz(func(_ *testing.T, format, line string) {
		for _, kind := range []Format{Nginx, Envoy} {
			if p, err := newParser(kind, FormatOptions{LogFormat: format}); err == nil {
				_ = p.parse(line, new(Entry)) // that it returns is what is tested
			}
		}
	})
}

// FuzzJSON: what encoding/json takes for an object is one
// here too, with the same strings.
func FuzzJSON(f *testing.F) {
	f.Add(`{"a":"b\u00e9\ud83d\ude00\n","c":[1,{"d":null}],"e":-1.5e3}`)
	f.Add(soundLines[Own])
	f.Fuzz(func(t *testing.T, text string) {
		var want map[string]any
		if json.Unmarshal([]byte(text), &want) != nil || want == nil || len(text) > 4096 || strings.Count(text, "{")+strings.Count(text, "[") > maxDepth {
			return
		}
		r := &jsonReader{s: text}
		got := map[string]string{}
		err := r.members(func(name string) error {
			r.space()
			if r.s[r.at] != '"' {
				delete(got, name)
				return r.skip(0)
			}
			v, err := r.text()
			got[name] = v
			return err
		})
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		for name, v := range want {
			s, ok := v.(string)
			if ok && got[name] != s && !strings.Contains(s+name, "\ufffd") { // what is not UTF-8 stays as it is
				t.Errorf("%q: %q is %q, want %q", text, name, got[name], s)
			}
		}
	})
}

func TestWhateverIsInALogIsCountedOnce(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		format := rapid.SampledFrom(Formats()).Draw(t, "format")
		var text strings.Builder
		n := rapid.IntRange(0, 40).Draw(t, "lines")
		sound := 0
		for range n {
			if rapid.Bool().Draw(t, "sound") {
				text.WriteString(soundLines[format])
				sound++
			} else {
				line := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "bytes")
				text.WriteString(strings.ReplaceAll(string(line), "\n", " "))
			}
			text.WriteByte('\n')
		}
		path := filepath.Join(dir, "log")
		if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := newReader(Input{Files: []string{path}, Format: format})
		if err != nil {
			t.Fatal(err)
		}
		defer r.close()
		entries := 0
		for err == nil {
			if _, err = r.next(); err == nil {
				entries++
			}
		}
		var wrong *WrongFormatError
		s := r.stats
		if errors.As(err, &wrong) {
			s = wrong.Stats
			if 2*s.Malformed <= s.Lines-s.Blank-s.Other {
				t.Fatalf("refused with %+v", s)
			}
		} else if !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		if s.Lines != n || s.Requests+s.Other+s.Blank+s.Malformed != n || s.Requests != entries || s.Requests < sound {
			t.Fatalf("%+v of %d lines, %d of them sound; %d entries", s, n, sound, entries)
		}
		if len(s.Problems) != min(s.Malformed, keptProblems) {
			t.Fatalf("%d problems shown of %d", len(s.Problems), s.Malformed)
		}
	})
}
