package accesslog

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"lockstep/adapters/configfile"
	"lockstep/core"
)

// benchConfig has two cells and knows every tenant of benchLog.
func benchConfig(tb testing.TB) *core.Config {
	tb.Helper()
	var keys bytes.Buffer
	for i := range 50 {
		fmt.Fprintf(&keys, "t%02d: cell-%c, ", i, "ab"[i%2])
	}
	f, err := configfile.Parse("c.yaml", fmt.Appendf(nil, `lockstep: 1
placements:
  cell-a: {endpoints: {a1: {url: "http://10.0.0.1:80"}, a2: {url: "http://10.0.0.2:80"}}}
  cell-b: {endpoints: {b1: {url: "http://10.0.0.3:80"}, b2: {url: "http://10.0.0.4:80"}}}
keys: {%s}
`, &keys))
	if err != nil {
		tb.Fatal(err)
	}
	c, err := f.Compile()
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

const benchLines = 50_000

// benchLog is a log of 20,000 requests a second, made here.
func benchLog(format Format) []byte {
	var b bytes.Buffer
	begin := time.Date(2026, 11, 26, 21, 0, 0, 0, time.UTC)
	for i := range benchLines {
		end := begin.Add(time.Duration(i) * 50 * time.Microsecond)
		key, server := i*7919%50, i/50%2+i%2*2+1
		switch format {
		case NginxJSON:
			fmt.Fprintf(&b, `{"time":"%d.%03d","request_id":"%032x","http_x_routing_key":"t%02d","request_method":"GET","request_uri":"/v1/items?n=%d","host":"api.example.com","status":"200","body_bytes_sent":"3","request_time":"0.00%d","upstream_addr":"10.0.0.%d:80","upstream_status":"200","upstream_connect_time":"0.000","upstream_header_time":"0.001","upstream_response_time":"0.001"}`+"\n",
				end.Unix(), end.Nanosecond()/1e6, i, key, i, i%10, server)
		case HAProxy:
			fmt.Fprintf(&b, `127.0.0.1:50488 [%s] fe cell-%c/%c%d 0/0/0/%d/%d 200 122 - - ---- 16/16/2/0/0 0/0 {t%02d|%032x} "GET /v1/items?n=%d HTTP/1.1"`+"\n",
				end.Format("02/Jan/2006:15:04:05.000"), "ab"[i%2], "ab"[i%2], i/50%2+1, i%10, i%10, key, i, i)
		}
	}
	return b.Bytes()
}

// BenchmarkImport reads, orders, decides and writes; each op is 50,000 lines.
func BenchmarkImport(b *testing.B) {
	for _, format := range []Format{NginxJSON, HAProxy} {
		b.Run(string(format), func(b *testing.B) {
			text, path := benchLog(format), filepath.Join(b.TempDir(), "log")
			if err := os.WriteFile(path, text, 0o600); err != nil {
				b.Fatal(err)
			}
			f := Feed{Input: Input{Files: []string{path}, Format: format}, Config: benchConfig(b), Seed: 1}
			if format == HAProxy {
				f.Options.Captures = []string{"X-Routing-Key", "X-Request-Id"}
			}
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				r, err := Import(io.Discard, f, ImportOptions{})
				if err != nil || r.Forwarded != benchLines {
					b.Fatal(r, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchLines, "ns/line")
		})
	}
}
