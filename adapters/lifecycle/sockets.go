package lifecycle

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Environment of a process that gets open sockets.
const (
	envUpgrade = "LOCKSTEP_UPGRADE" // names of the sockets from descriptor 4 on, escaped, joined by commas; 3 is the talk
	firstFD    = 3                  // as systemd counts
)

// Origins of inherited sockets.
const (
	FromSystemd     = "systemd"
	FromPredecessor = "predecessor"
)

// Sockets are the listening sockets of a process, by the names of its listeners.
type Sockets struct {
	From        string       // FromSystemd, FromPredecessor or "" when none were inherited
	Predecessor *Predecessor // nil unless this process is a successor

	inherited map[string]net.Listener // not yet taken
	open      []*Gate
}

// Inherit takes what was opened for this process before it started: the sockets
// of systemd's socket activation (LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES) or
// those of a predecessor. It removes both from the environment, so that no
// child takes them for its own.
func Inherit() (*Sockets, error) {
	s := &Sockets{inherited: map[string]net.Listener{}}
	names, successor := os.LookupEnv(envUpgrade)
	pid, fds, fdNames := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS"), os.Getenv("LISTEN_FDNAMES")
	for _, name := range []string{envUpgrade, "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		os.Unsetenv(name)
	}
	switch {
	case successor:
		s.From = FromPredecessor
		return s, s.fromPredecessor(names)
	case fds != "" && pid == strconv.Itoa(os.Getpid()):
		s.From = FromSystemd
		return s, s.fromSystemd(fds, fdNames)
	}
	return s, nil
}

func (s *Sockets) fromPredecessor(names string) error {
	p, err := newPredecessor(firstFD)
	if err != nil {
		return err
	}
	s.Predecessor = p
	if names == "" {
		return nil
	}
	for i, escaped := range strings.Split(names, ",") {
		name, err := url.QueryUnescape(escaped)
		if err != nil {
			return fmt.Errorf("%s is damaged: %w", envUpgrade, err)
		}
		if err := s.inherit(firstFD+1+i, name); err != nil {
			return err
		}
	}
	return nil
}

func (s *Sockets) fromSystemd(fds, fdNames string) error {
	n, err := strconv.Atoi(fds)
	if err != nil || n < 0 {
		return fmt.Errorf("LISTEN_FDS is %q, not a number of sockets", fds)
	}
	names := strings.Split(fdNames, ":")
	for i := range n {
		name := ""
		if i < len(names) {
			name = names[i]
		}
		if s.inherited[name] != nil {
			return fmt.Errorf("systemd handed over two sockets named %q; give each a FileDescriptorName= of its own", name)
		}
		if err := s.inherit(firstFD+i, name); err != nil {
			return err
		}
	}
	return nil
}

// inherit makes a listener of an open descriptor.
func (s *Sockets) inherit(fd int, name string) error {
	syscall.CloseOnExec(fd)
	f := os.NewFile(uintptr(fd), name)
	if f == nil {
		return fmt.Errorf("inherited socket %q: descriptor %d is not open", name, fd)
	}
	defer f.Close() // FileListener has a copy
	l, err := net.FileListener(f)
	if err != nil {
		return fmt.Errorf("inherited socket %q: descriptor %d is not a listening stream socket: %w", name, fd, err)
	}
	s.inherited[name] = l
	return nil
}

// Match checks the inherited sockets against the names of the listeners that
// the process is about to open. systemd's must all have one; a single one
// without a name of its own goes to the single listener. Those of a predecessor
// that nobody wants any more are closed and returned.
func (s *Sockets) Match(listeners []string) (dropped []string, err error) {
	var strange, free []string
	for name := range s.inherited {
		if !slices.Contains(listeners, name) {
			strange = append(strange, name)
		}
	}
	for _, name := range listeners {
		if s.inherited[name] == nil {
			free = append(free, name)
		}
	}
	slices.Sort(strange)
	switch {
	case len(strange) == 0:
		return nil, nil
	case s.From == FromPredecessor:
		for _, name := range strange {
			s.inherited[name].Close()
			delete(s.inherited, name)
		}
		return strange, nil
	case len(s.inherited) == 1 && len(listeners) > 0 && slices.Contains(free, listeners[0]):
		s.inherited[listeners[0]] = s.inherited[strange[0]]
		delete(s.inherited, strange[0])
		return nil, nil
	}
	return nil, fmt.Errorf("systemd handed over a socket named %q, and no listener has that name; set FileDescriptorName= in its .socket unit to one of: %s",
		strange[0], strings.Join(listeners, ", "))
}

// Listen returns the listener of that name: the inherited one, else a new one
// on address. what says in an error who wants it.
func (s *Sockets) Listen(what, name, address string) (*Gate, error) {
	l := s.inherited[name]
	delete(s.inherited, name)
	if l == nil {
		var err error
		if l, err = listen(what, address); err != nil {
			return nil, err
		}
	}
	g := &Gate{Listener: l, name: name, closed: make(chan struct{})}
	s.open = append(s.open, g)
	return g, nil
}

func listen(what, address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	what += " cannot listen on " + address + ": "
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, errors.New(what + "the port is taken by another program; end that one, or choose another port")
	case errors.Is(err, syscall.EACCES):
		return nil, errors.New(what + "this user may not open the port; choose one above 1023, use a .socket unit, or give the program CAP_NET_BIND_SERVICE")
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, errors.New(what + "this machine does not have that address; write one that it has, or the port alone for all")
	case err != nil:
		return nil, fmt.Errorf("%s%w", what, err)
	}
	return l, nil
}

// Stop ends accepting on every listener; connections, and those that still
// call Accept, are left alone.
func (s *Sockets) Stop() {
	for _, g := range s.open {
		g.Stop()
	}
}

// Close closes everything, inherited sockets that nobody took included.
func (s *Sockets) Close() {
	for _, l := range s.inherited {
		l.Close()
	}
	for _, g := range s.open {
		g.Close()
	}
}

// files returns a copy of each open socket, for a child.
func (s *Sockets) files() (names []string, files []*os.File, err error) {
	for _, g := range s.open {
		f, err := duplicate(g.Listener, g.name)
		if err != nil {
			return nil, files, fmt.Errorf("handing over listener %q: %w", g.name, err)
		}
		names, files = append(names, url.QueryEscape(g.name)), append(files, f)
	}
	return names, files, nil
}

// duplicate returns a copy of a listener's descriptor. Not by File: os/exec would
// make what that returns blocking, and the mode belongs to the socket, which
// this process goes on accepting from.
func duplicate(l net.Listener, name string) (*os.File, error) {
	source, ok := l.(syscall.Conn)
	if !ok {
		return nil, fmt.Errorf("%T has no descriptor", l)
	}
	raw, err := source.SyscallConn()
	if err != nil {
		return nil, err
	}
	var copied int
	var failed error
	if err := raw.Control(func(fd uintptr) { copied, failed = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) }); err != nil {
		return nil, err
	}
	if failed != nil {
		return nil, os.NewSyscallError("fcntl", failed)
	}
	return os.NewFile(uintptr(copied), name), nil
}

// Gate is a listener that can stop accepting before it is closed: a server
// that finds its listener closed would end, and with it its connections.
type Gate struct {
	net.Listener
	name   string
	mu     sync.Mutex
	shut   bool
	closed chan struct{}
	once   sync.Once
}

// Accept implements net.Listener.
func (g *Gate) Accept() (net.Conn, error) {
	c, err := g.Listener.Accept()
	if err == nil {
		return c, nil
	}
	g.mu.Lock()
	shut := g.shut
	g.mu.Unlock()
	if shut {
		<-g.closed
		return nil, net.ErrClosed
	}
	return nil, err
}

// Stop closes the socket here; whoever else has it open goes on accepting from
// its queue. Accept then waits for Close.
func (g *Gate) Stop() {
	g.mu.Lock()
	g.shut = true
	g.mu.Unlock()
	g.Listener.Close()
}

// Close implements net.Listener.
func (g *Gate) Close() error {
	g.once.Do(func() { close(g.closed) })
	g.mu.Lock()
	shut := g.shut
	g.mu.Unlock()
	if shut {
		return nil // it has been closed
	}
	return g.Listener.Close()
}
