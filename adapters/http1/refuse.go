package http1

import (
	"net/http"
	"strconv"
	"time"
)

// refuse answers a request that no handler sees; the connection ends with it.
// b is what of its head can be relied on.
func (c *conn) refuse(why Reason, h *head, b []byte, begun time.Time) {
	c.server.refused[why].Add(1)
	f := Refusal{Reason: why, RemoteAddr: c.remote, Begun: begun}
	if h.targetEnd > 0 && h.targetEnd <= len(b) {
		target := h.target(b)
		f.Method, f.Target = string(h.method(b)), string(target[:min(len(target), 2048)])
	}
	if h.hosts == 1 && validHost(h.host) {
		f.Host = string(h.host)
	}
	if c.server.o.Refused != nil {
		c.server.o.Refused(&f)
	}
	if why.Status() == 0 {
		return
	}
	c.out.hold(&c.server.pool)
	c.out.b = appendRefusal(c.out.b, &f, c.server.dateHeader())
	if c.flush() == nil {
		c.linger()
	}
}

func appendRefusal(b []byte, f *Refusal, date string) []byte {
	row := f.Reason.row()
	text := row.code + ": " + row.text + "\n"
	if class := row.class.String(); class != row.code {
		text = class + ": " + text
	}
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(row.status), 10)
	b = append(b, ' ')
	b = append(b, http.StatusText(row.status)...)
	b = append(b, "\r\nConnection: close\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(len(text)), 10)
	b = append(b, "\r\nContent-Type: text/plain; charset=utf-8\r\n"...)
	b = append(b, date...)
	b = append(b, "X-Content-Type-Options: nosniff\r\n"...)
	if f.Reason == Connect {
		b = append(b, "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE\r\n"...)
	}
	if f.RequestID != "" {
		b = appendField(b, "X-Request-Id", f.RequestID)
	}
	b = append(b, "\r\n"...)
	if f.Method == http.MethodHead {
		return b
	}
	return append(b, text...)
}
