package edge_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/adapters/http1"
	"lockstep/adapters/settings"
)

func TestTheLimitsOfHTTP1AreThoseOfTheListener(t *testing.T) {
	limits := settings.HTTP1Limits{TargetMax: 20, HeadersMax: 3, RequestsMax: 2, BodyIdle: 2 * time.Second, BodyRateMin: -1, Write: 3 * time.Second}
	rows := []struct {
		name, raw, want string
		after           time.Duration
	}{
		{"target_max", "GET /" + strings.Repeat("x", 20) + " HTTP/1.1\r\nHost: a\r\n\r\n", "\r\n\r\nuri_too_long: the", 0},
		{"headers_max", "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\nC: d\r\nE: f\r\n\r\n", "too_many_headers", 0},
		{"requests_max", strings.Repeat("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 3), "Connection: close", 0},
		{"body_idle", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx", "body_timeout", 2 * time.Second},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, settings.Listener{Engine: settings.EngineHTTP1, HTTP1: limits}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if _, err := io.Copy(io.Discard, r.Body); err != nil {
						http.Error(w, err.Error(), http.StatusRequestTimeout)
					}
				}))
				c := g.dial()
				defer c.Close()
				begin := time.Now()
				io.WriteString(c, row.raw)
				answer, _ := io.ReadAll(c)
				if s := g.edge.Stats()[0]; row.name == "body_idle" && s.Refused[http1.BodyTimeout] != 1 || s.HTTP1.Served == 0 && row.after > 0 {
					t.Errorf("counted %+v", s)
				}
				if took := time.Since(begin); took != row.after || strings.Count(string(answer), row.want) != 1 {
					t.Errorf("after %v: %q", took, answer)
				}
			})
		})
	}
}
