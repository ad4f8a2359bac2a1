package httpproxy

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"lockstep/adapters/driver"
	"lockstep/core"
)

const (
	logFlushAfter = 200 * time.Millisecond // a line waits no longer than this
	logFlushSize  = 32 << 10
)

// statusClientGone is logged for a client that left before there was an
// answer. It is nginx's number; nothing is sent.
const statusClientGone = 499

// AccessLog writes one JSON object a line for each request, with the fields of
// BASELINE and, if asked, those of LogOptions.Detail. Lines are gathered and written together, at the latest 200 ms
// later; Close writes what is left. A write that fails loses its lines.
type AccessLog struct {
	mu    sync.Mutex
	out   io.Writer
	lines []byte
	o     LogOptions
	timer *time.Timer
	armed bool
	lost  uint64
}

// NewAccessLog returns a log that writes a line with BASELINE's fields for
// every request to out.
func NewAccessLog(out io.Writer) *AccessLog { return NewAccessLogWith(out, LogOptions{}) }

// NewAccessLogWith returns a log that writes to out what o wants.
func NewAccessLogWith(out io.Writer, o LogOptions) *AccessLog {
	l := &AccessLog{out: out, o: o, lines: make([]byte, 0, 2*logFlushSize)}
	l.timer = time.AfterFunc(time.Hour, l.flush)
	l.timer.Stop()
	return l
}

// Close writes what has been gathered.
func (l *AccessLog) Close() error {
	l.timer.Stop()
	l.flush()
	return nil
}

// Lost returns how many writes failed.
func (l *AccessLog) Lost() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost
}

func (l *AccessLog) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flushLocked()
}

func (l *AccessLog) flushLocked() {
	l.armed = false
	if len(l.lines) == 0 {
		return
	}
	if _, err := l.out.Write(l.lines); err != nil {
		l.lost++
	}
	l.lines = l.lines[:0]
}

// logLine is what one line is made of.
type logLine struct {
	begun   time.Time
	request *http.Request
	id      string
	bits    [2]uint64
	way     *way
	adm     driver.Admission
	status  int
	class   core.Class
	why     error  // what the upstream did wrong; nil for nothing
	refused string // reason of a request that was none; "" for others
	seen    *sight // nil without LogOptions.Detail and observers
}

// write appends a line; a nil log has none.
func (l *AccessLog) write(line *logLine, now time.Time) {
	if l == nil || !l.o.wants(line, now) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = line.append(l.lines, now, l.o.Detail)
	if l.o.Detail {
		l.lines = line.detail(l.lines, &l.o)
	}
	l.lines = append(l.lines, '}', '\n')
	switch {
	case len(l.lines) >= logFlushSize:
		l.flushLocked()
	case !l.armed:
		l.armed = true
		l.timer.Reset(logFlushAfter)
	}
}

func (line *logLine) append(b []byte, now time.Time, detail bool) []byte {
	r := line.request
	b = append(b, `{"timestamp":"`...)
	b = now.UTC().AppendFormat(b, time.RFC3339)
	b = append(b, '"')
	b = field(b, "request_id", line.id)
	b = field(b, "method", r.Method)
	b = field(b, "path", r.URL.Path)
	if key := line.way.Key; key != "" {
		b = field(b, "routing_key", key)
	}
	b = field(b, "placement_key", line.adm.PlacementName)
	b = field(b, "route_reason", line.adm.Reason.String())
	b = field(b, "upstream_url", line.adm.URL)
	if line.why != nil && detail {
		b = field(b, "upstream_error", line.why.Error())
	}
	b = append(b, `,"status_code":`...)
	b = strconv.AppendInt(b, int64(line.status), 10)
	b = append(b, `,"duration_ms":`...)
	b = strconv.AppendFloat(b, float64(now.Sub(line.begun).Microseconds())/1000, 'f', -1, 64)
	if why := line.failoverReason(); why != "" {
		b = field(b, "failover_reason", why)
	}
	if line.refused != "" {
		b = field(b, "refused", line.refused)
		b = field(b, "client", r.RemoteAddr)
	}
	return b
}

// failoverReason says why the key's own placement did not serve: it was left,
// or it refused.
func (line *logLine) failoverReason() string {
	switch line.class {
	case core.LimitReached:
		return "concurrency_limit"
	case core.BodyTooLarge:
		return "body_size_limit"
	case core.CircuitOpen:
		return "circuit_open"
	}
	return line.adm.Failover.String()
}

// field appends a member with a string value.
func field(b []byte, name, value string) []byte {
	b = append(b, `,"`...)
	b = append(b, name...)
	b = append(b, `":`...)
	if plain(value) {
		b = append(b, '"')
		b = append(b, value...)
		return append(b, '"')
	}
	quoted, _ := json.Marshal(value) // a string cannot fail
	return append(b, quoted...)
}

// plain reports whether a JSON string may hold value as it is.
func plain(value string) bool {
	for i := range len(value) {
		if c := value[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
