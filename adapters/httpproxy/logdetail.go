package httpproxy

import (
	"crypto/tls"
	"encoding/hex"
	"net/http"
	"strconv"
	"time"

	"lockstep/core"
)

// LogOptions say which requests an access log has a line for, and what is in
// it. The zero value is the baseline's log.
type LogOptions struct {
	// Detail adds the fields that the baseline does not have.
	Detail bool
	// Thin keeps only Keep of a million requests; false keeps all. Which ones is
	// a hash of the request id, so that every router that sees a request keeps it
	// or does not.
	Thin bool
	Keep uint32
	// Always names requests that are kept whatever Keep says.
	Always LogAlways
}

// LogAlways says which requests sampling never leaves out.
type LogAlways struct {
	Errors    bool          // refused, failed or answered with 500 or more
	Failovers bool          // not served by the first candidate
	Retries   bool          // an attempt failed and a retry was granted
	Slow      time.Duration // took longer; 0 for none
}

const million = 1_000_000

// detailed reports whether lines need what only an observation knows.
func (l *AccessLog) detailed() bool {
	return l != nil && (l.o.Detail || l.o.Thin && l.o.Always.Retries)
}

// wants reports whether a request gets a line.
func (o *LogOptions) wants(line *logLine, now time.Time) bool {
	return !o.Thin || o.Always.wants(line, now) || core.RequestHash(line.bits[0], line.bits[1])%million < uint64(o.Keep)
}

func (a *LogAlways) wants(line *logLine, now time.Time) bool {
	return a.Errors && (line.class != core.ClassNone || line.status >= http.StatusInternalServerError) ||
		a.Retries && line.seen != nil && len(line.seen.Failed) > 0 ||
		a.Failovers && line.adm.Failover != core.FailoverNone ||
		a.Slow > 0 && now.Sub(line.begun) > a.Slow
}

// detail appends the fields that the baseline does not have.
func (line *logLine) detail(b []byte, o *LogOptions) []byte {
	s, r := line.seen, line.request
	if s == nil {
		return b
	}
	b = field(b, "class", className(s.Class))
	if r.Proto != "" {
		b = field(b, "protocol", r.Proto)
	}
	if circuit := line.adm.Circuit.String(); circuit != "" {
		b = field(b, "circuit_state", circuit)
	}
	if s.Route != "" {
		b = field(b, "route", s.Route)
	}
	if s.KeySource != "" {
		b = field(b, "key_source", s.KeySource)
	}
	b = number(b, "attempts", int64(s.Attempts))
	b = number(b, "bytes_received", s.Received())
	b = number(b, "bytes_sent", s.Sent())
	if s.Attempts > 0 {
		b = millis(b, "upstream_ms", s.Upstream)
	}
	if s.Queued > 0 {
		b = millis(b, "queued_ms", s.Queued)
	}
	if s.BackOff > 0 {
		b = millis(b, "backoff_ms", s.BackOff)
	}
	b = appendFailed(b, s.Failed)
	b = number(b, "epoch", int64(line.adm.InForce.Number))
	b = number(b, "step", int64(line.adm.Step))
	if s.TraceID != [16]byte{} {
		b = append(b, `,"trace_id":"`...)
		b = append(hex.AppendEncode(b, s.TraceID[:]), '"')
	}
	if r.TLS != nil {
		b = field(b, "tls_version", tls.VersionName(r.TLS.Version))
	}
	if o.Thin {
		b = append(b, `,"sample":`...)
		b = strconv.AppendFloat(b, float64(o.Keep)/million, 'f', -1, 64)
	}
	return b
}

// appendFailed lists the attempts that a retry followed; core bounds how many.
func appendFailed(b []byte, all []Failed) []byte {
	if len(all) == 0 {
		return b
	}
	b = append(b, `,"retried":[`...)
	for i, f := range all {
		if i > 0 {
			b = append(b, ',')
		}
		at := len(b)
		b = field(b, "upstream_url", f.URL)
		b[at] = '{' // in place of its comma
		b = field(b, "class", className(f.Class))
		if f.Status > 0 {
			b = number(b, "status_code", int64(f.Status))
		}
		b = append(millis(b, "duration_ms", f.Took), '}')
	}
	return append(b, ']')
}

// className is a class's label, "ok" for none.
func className(c core.Class) string {
	if c == core.ClassNone {
		return "ok"
	}
	return c.String()
}

func number(b []byte, name string, n int64) []byte {
	b = append(b, `,"`...)
	b = append(b, name...)
	b = append(b, `":`...)
	return strconv.AppendInt(b, n, 10)
}

func millis(b []byte, name string, d time.Duration) []byte {
	b = append(b, `,"`...)
	b = append(b, name...)
	b = append(b, `":`...)
	return strconv.AppendFloat(b, float64(d.Microseconds())/1000, 'f', -1, 64)
}
