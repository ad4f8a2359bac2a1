package upstream

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"lockstep/adapters/settings"
	"lockstep/core"
)

// Check asks an endpoint how it is, as its placement's health settings say:
// over a connection of its own each time, so that it also tests whether one can
// be made, with the same TLS, protocol and PROXY header as requests. nil means
// healthy; the end of ctx is an answer that did not come in time. Connections
// of checks come on top of max_open.
func (s *Set) Check(ctx context.Context, id Identity, c *core.Config, placement int) error {
	p, err := s.passing(id, c, placement)
	if err != nil {
		return err
	}
	health := settings.Health{}
	if p.settings.Health != nil {
		health = *p.settings.Health
	}
	switch health.Kind {
	case "tcp":
		w, err := p.openWire(ctx, &Call{})
		if err != nil {
			return err
		}
		return w.Close()
	case "tls":
		return p.checkTLS(ctx)
	case "grpc":
		return p.checkGRPC(ctx, health.Service)
	}
	return p.checkHTTP(ctx, c.Placement(placement).Health.Path, health.Status)
}

// passing returns the endpoint's pool, or one that the set does not keep: a
// check may be the last that is heard of an endpoint.
func (s *Set) passing(id Identity, c *core.Config, placement int) (*Pool, error) {
	times, edge := c.Timeouts(placement), c.PlacementEdge(placement)
	s.mu.RLock()
	p := s.of[id]
	s.mu.RUnlock()
	if p != nil && p.fits(times, edge) {
		return p, nil
	}
	return s.pool(id, times, edge)
}

func (p *Pool) checkTLS(ctx context.Context) error {
	if !p.secure {
		return errors.New("a check by TLS of an endpoint without TLS")
	}
	w, stream, err := p.open1(ctx, &Call{})
	if err != nil {
		return err
	}
	p.conn(w, stream, "").goodbye()
	return nil
}

// checkHTTP sends GET and looks at the status. Redirects are not followed: one
// is not a healthy answer unless it is said to be.
func (p *Pool) checkHTTP(ctx context.Context, path string, healthy []settings.Status) error {
	r, err := p.checkRequest(http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	res, done, err := p.ask(ctx, r, p.h2 != nil)
	if err != nil {
		return err
	}
	defer done()
	if len(healthy) == 0 {
		healthy = []settings.Status{{From: 200, To: 299}}
	}
	for _, s := range healthy {
		if s.From <= res.StatusCode && res.StatusCode <= s.To {
			return nil
		}
	}
	return errors.New("it answers " + res.Status)
}

func (p *Pool) checkRequest(method, path string, body []byte) (*http.Request, error) {
	u, err := url.Parse(strings.TrimSuffix(p.id.URL, "/") + path)
	if err != nil {
		return nil, err
	}
	r := &http.Request{Method: method, URL: u, Header: http.Header{"User-Agent": {"lockstep-health"}}}
	if body != nil {
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	return r, nil
}

// ask sends one request on a connection of its own, which done closes.
func (p *Pool) ask(ctx context.Context, r *http.Request, h2 bool) (res *http.Response, done func(), err error) {
	call := &Call{Context: ctx}
	stop := context.AfterFunc(ctx, call.Cancel)
	if h2 {
		res, end, err := p.ask2(ctx, call, r)
		switch {
		case err == nil:
			return res, func() { stop(); end() }, nil
		case !errors.Is(err, errSpeaksHTTP1):
			stop()
			return nil, nil, err
		}
	}
	p.mu.Lock()
	p.open++ // its place is given back with the connection
	p.mu.Unlock()
	c, err := p.fresh(ctx, call)
	if err != nil {
		stop()
		return nil, nil, err
	}
	c.life = 1 // it never goes back
	res, fault := c.roundTrip(call, r, false)
	if fault != nil {
		stop()
		return nil, nil, fault
	}
	return res, func() { stop(); res.Body.Close() }, nil
}

// ask2 is ask over HTTP/2.
func (p *Pool) ask2(ctx context.Context, call *Call, r *http.Request) (*http.Response, func(), error) {
	h := newH2Pool(p)
	c, err := h.connect(ctx)
	if err != nil {
		return nil, nil, err
	}
	out := r.WithContext(ctx)
	out.Host = p.authority
	res, err := c.cc.RoundTrip(out)
	if err != nil {
		c.cc.Close()
		return nil, nil, h.failure(call, err, false)
	}
	return res, func() { res.Body.Close(); c.cc.Close() }, nil
}

// checkGRPC asks grpc.health.v1.Health/Check over HTTP/2, in plain where the
// URL is http. The two messages have one field each, so they are framed here
// (grpc/doc/PROTOCOL-HTTP2.md, health.proto) and need no library.
func (p *Pool) checkGRPC(ctx context.Context, service string) error {
	var message []byte
	if service != "" {
		message = append(message, 1<<3|2) // field 1, a string
		message = binary.AppendUvarint(message, uint64(len(service)))
		message = append(message, service...)
	}
	frame := append([]byte{0}, binary.BigEndian.AppendUint32(nil, uint32(len(message)))...)
	r, err := p.checkRequest(http.MethodPost, "/grpc.health.v1.Health/Check", append(frame, message...))
	if err != nil {
		return err
	}
	r.Header["Content-Type"] = []string{"application/grpc"}
	r.Header["Te"] = []string{"trailers"}
	res, done, err := p.ask(ctx, r, true)
	if err != nil {
		return err
	}
	defer done()
	if res.StatusCode != http.StatusOK {
		return errors.New("it answers " + res.Status)
	}
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<10))
	if err != nil {
		return err
	}
	code := cmp.Or(res.Trailer.Get("Grpc-Status"), res.Header.Get("Grpc-Status"))
	if code != "0" {
		return fmt.Errorf("it answers with gRPC status %q %s", code, cmp.Or(res.Trailer.Get("Grpc-Message"), res.Header.Get("Grpc-Message")))
	}
	return serving(answer)
}

// serving reads a HealthCheckResponse: field 1, a varint, 1 means SERVING.
func serving(frame []byte) error {
	if len(frame) < 5 || frame[0] != 0 || int(binary.BigEndian.Uint32(frame[1:5])) != len(frame)-5 {
		return errors.New("its answer is no gRPC message")
	}
	status := uint64(0)
	if message := frame[5:]; len(message) > 0 {
		n := 0
		if status, n = binary.Uvarint(message[1:]); message[0] != 1<<3 || n <= 0 {
			return errors.New("its answer is no HealthCheckResponse")
		}
	}
	if status != 1 {
		return errors.New("it says that it is not serving: status " + strconv.FormatUint(status, 10))
	}
	return nil
}
