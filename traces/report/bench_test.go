package report

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

const million = 1_000_000

// BenchmarkPageOfAMillion replays a million requests into a page and writes it.
func BenchmarkPageOfAMillion(b *testing.B) {
	recording := recorded(b, million)
	b.ResetTimer()
	for b.Loop() {
		p, _ := page(b, recording, Options{})
		var out bytes.Buffer
		if err := p.Write(&out); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(out.Len())/1e6, "MB")
	}
}

// BenchmarkOpenAMillion opens that page in headless Chromium: from navigation to
// the end of the first complete drawing.
func BenchmarkOpenAMillion(b *testing.B) {
	p, _ := page(b, recorded(b, million), Options{})
	path := filepath.Join(b.TempDir(), "page.html")
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	if err := p.Write(f); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	c := newBrowser(b, 1440, 900)
	b.ResetTimer()
	sum, n := 0.0, 0
	for b.Loop() {
		sum += c.open(path)
		n++
	}
	b.ReportMetric(sum/float64(n), "ms/ready")
}
