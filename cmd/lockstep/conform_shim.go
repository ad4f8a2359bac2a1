package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"lockstep/traces"
)

// The shim's side of traces/CONFORM.md.

const (
	shimProtocol  = 1
	maxGreeting   = 4096
	maxShimAnswer = 256 << 20
	startTimeout  = 10 * time.Second
)

// greeting is the first line that a shim says.
type greeting struct {
	Shim  int             `json:"shim"`
	Spec  json.RawMessage `json:"spec"`
	Name  string          `json:"name"`
	Forms []string        `json:"forms"`
}

func (g *greeting) speaks(form string) bool { return slices.Contains(g.Forms, form) }

// check refuses a shim of another protocol, or of other rules.
func (g *greeting) check() error {
	spec := strings.Trim(string(g.Spec), `"`)
	switch {
	case g.Shim == 0:
		return errors.New("its first line is no greeting of a shim: {\"shim\":1,\"spec\":1,\"name\":...,\"forms\":[...]}")
	case g.Shim != shimProtocol:
		return fmt.Errorf("it speaks version %d of the shim protocol, this program version %d", g.Shim, shimProtocol)
	case spec != traces.SpecVersion:
		return fmt.Errorf("it decides by version %s of the rules, this program by %s", spec, traces.SpecVersion)
	case !g.speaks("binary") && !g.speaks("ndjson"):
		return fmt.Errorf("it reads none of the forms binary and ndjson, but %q", g.Forms)
	}
	return nil
}

// shim is a process that answers questions.
type shim struct {
	greeting
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    io.Closer
	to     *bufio.Writer
	from   *bufio.Reader
	said   lastWords
	answer []byte
	late   atomic.Bool // it was killed because an answer did not come
	end    sync.Once
	ended  error
}

// startShim starts a shim and reads its greeting.
func startShim(args []string) (*shim, error) {
	s := &shim{cmd: exec.Command(args[0], args[1:]...)}
	s.cmd.Stderr, s.cmd.WaitDelay = &s.said, time.Second // a child of a shell may outlive it
	in, err := s.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("starting the shim: %w", err)
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("starting the shim: %w", err)
	}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the shim: %w", err)
	}
	s.in, s.out, s.to, s.from = in, out, bufio.NewWriterSize(in, 1<<16), bufio.NewReaderSize(out, 1<<16)
	watch := time.AfterFunc(startTimeout, s.kill)
	err = s.greet()
	if !watch.Stop() {
		err = fmt.Errorf("it said nothing for %s", startTimeout)
	}
	if err != nil {
		s.kill()
		_ = s.wait() // the error at hand says more
		return nil, fmt.Errorf("greeting the shim %s: %w%s", args[0], err, s.said.text())
	}
	return s, nil
}

func (s *shim) greet() error {
	line, err := s.from.ReadSlice('\n')
	switch {
	case len(line) > maxGreeting, errors.Is(err, bufio.ErrBufferFull):
		return fmt.Errorf("its first line is longer than %d bytes", maxGreeting)
	case errors.Is(err, io.EOF):
		return fmt.Errorf("it ended after %q, before its first line did", line)
	case err != nil:
		return err
	}
	if err := json.Unmarshal(line, &s.greeting); err != nil {
		return fmt.Errorf("its first line %q is not JSON: %w", line, err)
	}
	return s.check()
}

// kill ends the process, however it is, and whoever writes to it.
func (s *shim) kill() {
	_ = s.cmd.Process.Kill() // it may have ended by itself
	s.in.Close()
	s.out.Close()
}

func (s *shim) wait() error {
	s.end.Do(func() { s.ended = s.cmd.Wait() })
	return s.ended
}

// send writes one question. It may block until the shim reads.
func (s *shim) send(question []byte) error {
	var head [4]byte
	binary.LittleEndian.PutUint32(head[:], uint32(len(question)))
	if _, err := s.to.Write(head[:]); err != nil {
		return err
	}
	if _, err := s.to.Write(question); err != nil {
		return err
	}
	return s.to.Flush()
}

// receive reads one answer, which is valid until the next call. The error says
// how the shim failed.
func (s *shim) receive(timeout time.Duration) (refused bool, answer []byte, err error) {
	watch := time.AfterFunc(timeout, func() {
		s.late.Store(true)
		s.kill()
	})
	refused, err = s.read()
	if watch.Stop() && err == nil {
		return refused, s.answer, nil
	}
	return false, nil, s.failure(err, timeout)
}

func (s *shim) read() (refused bool, err error) {
	var head [5]byte
	if _, err := io.ReadFull(s.from, head[:]); err != nil {
		return false, err
	}
	n := binary.LittleEndian.Uint32(head[1:])
	switch {
	case head[0] > 1:
		return false, &garbage{fmt.Sprintf("its answer is of kind %d: there are 0 and 1", head[0])}
	case n > maxShimAnswer:
		return false, &garbage{fmt.Sprintf("it announces an answer of %d bytes: %d are the most", n, maxShimAnswer)}
	}
	// As bytes come: a false length asks for no memory.
	s.answer = s.answer[:0]
	for left := int(n); left > 0; {
		chunk := min(left, 1<<20)
		at := len(s.answer)
		s.answer = slices.Grow(s.answer, chunk)[:at+chunk]
		if _, err := io.ReadFull(s.from, s.answer[at:]); err != nil {
			return false, err
		}
		left -= chunk
	}
	return head[0] == 1, nil
}

// garbage is what no shim may say.
type garbage struct{ what string }

func (g *garbage) Error() string { return g.what }

// failure says in words why there is no answer, and ends the process.
func (s *shim) failure(err error, timeout time.Duration) error {
	s.kill()
	ended := s.wait()
	var what string
	wrong, isGarbage := errors.AsType[*garbage](err)
	switch {
	case s.late.Load():
		what = fmt.Sprintf("gave no answer within %s", timeout)
	case isGarbage:
		what = "answered garbage: " + wrong.what
	case ended == nil:
		what = "ended with questions unanswered"
	default:
		what = fmt.Sprintf("died with questions unanswered (%v)", ended)
	}
	return &shimError{what: what + s.said.text(), late: s.late.Load()}
}

// shimError is a shim that does not keep to the protocol.
type shimError struct {
	what string
	late bool
}

func (e *shimError) Error() string { return "the shim " + e.what }

// stop ends a shim in good order: its input ends, and so should it.
func (s *shim) stop() error {
	s.in.Close()
	watch := time.AfterFunc(startTimeout, s.kill)
	// What it says after the last answer is no answer.
	rest, _ := io.Copy(io.Discard, io.LimitReader(s.from, maxGreeting))
	if rest > 0 {
		s.kill()
	}
	err := s.wait()
	switch {
	case rest > 0:
		return &shimError{what: "says more than it was asked"}
	case !watch.Stop():
		return &shimError{what: fmt.Sprintf("goes on for %s after its input ended", startTimeout)}
	case err != nil:
		return &shimError{what: fmt.Sprintf("does not end with status 0 when its input ends (%v)%s", err, s.said.text())}
	}
	return nil
}

// lastWords keeps the end of what a process says on its standard error.
type lastWords struct {
	lock sync.Mutex
	b    []byte
}

const mostWords = 2000

func (l *lastWords) Write(p []byte) (int, error) {
	l.lock.Lock()
	defer l.lock.Unlock()
	l.b = append(l.b, p...)
	if n := len(l.b); n > mostWords {
		l.b = slices.Delete(l.b, 0, n-mostWords)
	}
	return len(p), nil
}

// text is what was said, to be put after a sentence.
func (l *lastWords) text() string {
	l.lock.Lock()
	defer l.lock.Unlock()
	if len(l.b) == 0 {
		return ""
	}
	return "; it says:\n  " + strings.ReplaceAll(strings.TrimSpace(string(l.b)), "\n", "\n  ")
}
