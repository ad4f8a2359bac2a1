package lifecycle

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// The talk between the two: the successor says one word a line, the predecessor
// answers wordState with a length (8 bytes, big endian) and that many bytes.
const (
	wordState  = "state"
	wordReady  = "ready"
	wordFailed = "failed " // and why
)

// maxState bounds what a successor reads: a million keys take about 50 MB.
const maxState = 1 << 30

// Upgrader replaces this process by a new one.
type Upgrader struct {
	Path string   // program to start
	Args []string // without the program's name
	// Sockets are handed over, all that are open.
	Sockets *Sockets
	// State is what the successor is told when it asks; nil: nothing.
	State func() []byte
	// Patience is how long the successor may take to say that it serves; 0 means 30 s.
	Patience time.Duration
	// Stdout and Stderr of the successor; nil means this process's.
	Stdout, Stderr *os.File

	mu   sync.Mutex
	busy bool
}

// ErrBusy says that an upgrade is under way.
var ErrBusy = errors.New("an upgrade is under way already")

// Upgrade starts the successor and returns its process id once it serves. After
// an error no successor runs, and nothing has changed.
func (u *Upgrader) Upgrade(ctx context.Context) (pid int, err error) {
	u.mu.Lock()
	busy := u.busy
	u.busy = true
	u.mu.Unlock()
	if busy {
		return 0, ErrBusy
	}
	defer func() {
		u.mu.Lock()
		u.busy = false
		u.mu.Unlock()
	}()
	patience := u.Patience
	if patience == 0 {
		patience = 30 * time.Second
	}
	cmd, talk, err := u.start()
	if err != nil {
		return 0, err
	}
	defer talk.Close()
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }() // it is reaped whenever it ends
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = talk.SetDeadline(time.Unix(1, 0)) })() // its error: the talk is over
	if err = u.converse(talk); err == nil {
		return cmd.Process.Pid, nil
	}
	switch {
	case context.Cause(ctx) == context.DeadlineExceeded:
		err = fmt.Errorf("it did not serve within %v", patience)
	case ctx.Err() != nil:
		err = errors.New("this process is ending")
	}
	select {
	case end := <-exited:
		return 0, fmt.Errorf("the successor ended: %w", errors.Join(err, end))
	case <-time.After(100 * time.Millisecond): // an end that was the cause shows by then
	}
	_ = cmd.Process.Kill() // its error: it has just ended
	end := <-exited
	return 0, fmt.Errorf("the successor (process %d) was killed (%v): %w", cmd.Process.Pid, end, err)
}

// start runs the program with every socket and one end of the talk.
func (u *Upgrader) start() (*exec.Cmd, net.Conn, error) {
	names, files, err := u.Sockets.files()
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	if err != nil {
		return nil, nil, err
	}
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, nil, err
	}
	defer theirs.Close()
	cmd := exec.Command(u.Path, u.Args...)
	cmd.Env = append(childEnv(os.Environ()), envUpgrade+"="+strings.Join(names, ","))
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if u.Stdout != nil {
		cmd.Stdout = u.Stdout
	}
	if u.Stderr != nil {
		cmd.Stderr = u.Stderr
	}
	cmd.ExtraFiles = append([]*os.File{theirs}, files...)
	if err := cmd.Start(); err != nil {
		ours.Close()
		return nil, nil, fmt.Errorf("starting the successor: %w", err)
	}
	return cmd, ours, nil
}

// childEnv is this process's environment without what names this process.
func childEnv(env []string) (out []string) {
	for _, e := range env {
		name, _, _ := strings.Cut(e, "=")
		switch name {
		case envUpgrade, "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "WATCHDOG_PID":
		default:
			out = append(out, e)
		}
	}
	return out
}

func socketPair() (net.Conn, *os.File, error) {
	syscall.ForkLock.RLock()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fds[0])
		syscall.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, fmt.Errorf("making the connection to a successor: %w", err)
	}
	mine := os.NewFile(uintptr(fds[0]), "successor")
	defer mine.Close()
	theirs := os.NewFile(uintptr(fds[1]), "predecessor")
	c, err := net.FileConn(mine)
	if err != nil {
		theirs.Close()
		return nil, nil, fmt.Errorf("making the connection to a successor: %w", err)
	}
	return c, theirs, nil
}

// converse answers the successor until it says that it serves.
func (u *Upgrader) converse(talk net.Conn) error {
	in := bufio.NewReader(talk)
	for {
		line, err := in.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return errors.New("it hung up before it served")
		}
		if err != nil {
			return err
		}
		line = strings.TrimSuffix(line, "\n")
		why, failed := strings.CutPrefix(line, wordFailed)
		switch {
		case line == wordReady:
			return nil
		case failed:
			return errors.New(why)
		case line == wordState:
			var state []byte
			if u.State != nil {
				state = u.State()
			}
			if _, err := talk.Write(append(binary.BigEndian.AppendUint64(nil, uint64(len(state))), state...)); err != nil {
				return err
			}
		default:
			return fmt.Errorf("it said %q, which is no word of an upgrade; is it this program?", line)
		}
	}
}

// Predecessor is the process that this one replaces.
type Predecessor struct {
	talk net.Conn
}

func newPredecessor(fd int) (*Predecessor, error) {
	syscall.CloseOnExec(fd)
	f := os.NewFile(uintptr(fd), "predecessor")
	if f == nil {
		return nil, fmt.Errorf("%s is set, and descriptor %d is not open; it is for upgrades only", envUpgrade, fd)
	}
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("%s is set, and descriptor %d is not a predecessor: %w", envUpgrade, fd, err)
	}
	return &Predecessor{c}, nil
}

// State asks for what the predecessor has learnt, for ReadState. Ask late: what
// it learns afterwards is lost to this process.
func (p *Predecessor) State() ([]byte, error) {
	if err := p.talk.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return nil, err
	}
	if _, err := io.WriteString(p.talk, wordState+"\n"); err != nil {
		return nil, fmt.Errorf("asking the predecessor for its state: %w", err)
	}
	var head [8]byte
	if _, err := io.ReadFull(p.talk, head[:]); err != nil {
		return nil, fmt.Errorf("asking the predecessor for its state: %w", err)
	}
	n := binary.BigEndian.Uint64(head[:])
	if n > maxState {
		return nil, fmt.Errorf("the predecessor's state has %d bytes, more than %d", n, maxState)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(p.talk, b); err != nil {
		return nil, fmt.Errorf("asking the predecessor for its state: %w", err)
	}
	return b, nil
}

// Ready tells the predecessor that this process serves: it begins to go.
func (p *Predecessor) Ready() error { return p.say(wordReady) }

// Failed tells the predecessor why this process will not serve.
func (p *Predecessor) Failed(why error) error {
	return p.say(wordFailed + strings.ReplaceAll(why.Error(), "\n", " "))
}

func (p *Predecessor) say(word string) error {
	defer p.talk.Close()
	if _, err := io.WriteString(p.talk, word+"\n"); err != nil {
		return fmt.Errorf("telling the predecessor: %w", err)
	}
	return nil
}
