package configfile

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const benchKeys = 1_000_000

// BenchmarkLoadMillionTenants reads a million keys from CSV; Compile is timed in core.
func BenchmarkLoadMillionTenants(b *testing.B) {
	var text strings.Builder
	text.WriteString("key,placement\n")
	for i := range benchKeys {
		fmt.Fprintf(&text, "tenant-%08d,cell-%d\n", i, i%2)
	}
	benchLoad(b, map[string]string{
		"main":   "lockstep: 1\ninclude: [eu.csv]\nplacements: {cell-0: {endpoints: {a: {url: \"http://a:1\"}}}, cell-1: {endpoints: {a: {url: \"http://b:1\"}}}}\n",
		"eu.csv": text.String(),
	})
}

// BenchmarkLoadMillionBaseline reads a million keys from the baseline's JSON.
func BenchmarkLoadMillionBaseline(b *testing.B) {
	var text strings.Builder
	text.WriteString(`{"version":"v","defaultPlacement":"a","cellEndpoints":{"a":"http://a:1"},"routingTable":{`)
	for i := range benchKeys {
		if i > 0 {
			text.WriteByte(',')
		}
		fmt.Fprintf(&text, `"tenant-%08d":"a"`, i)
	}
	text.WriteString("}}")
	benchLoad(b, map[string]string{"main": text.String()})
}

func benchLoad(b *testing.B, files map[string]string) {
	dir, size := b.TempDir(), 0
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
		size += len(text)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		f, err := Load(filepath.Join(dir, "main"))
		if err != nil || len(f.Spec.Keys) != benchKeys {
			b.Fatal(err)
		}
	}
}
