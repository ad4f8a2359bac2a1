package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// poller is one epoll set with one timer. Go's own timers sleep whole milliseconds when nothing else runs, which is
// ten requests at 10,000 a second; a timerfd is exact to some 50 us.
type poller struct {
	epoll, timer int
	events       [256]unix.EpollEvent
}

func newPoller() (*poller, error) {
	e, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("making an epoll set: %w", err)
	}
	t, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("making a timer: %w", err), unix.Close(e))
	}
	p := &poller{epoll: e, timer: t}
	return p, p.watch(t)
}

// watch wakes the poller whenever fd can be read.
func (p *poller) watch(fd int) error {
	return unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
}

// wakeIn arms the timer; what is not positive is now.
func (p *poller) wakeIn(d time.Duration) error {
	t := unix.NsecToTimespec(int64(max(d, 1)))
	return unix.TimerfdSettime(p.timer, 0, &unix.ItimerSpec{Value: t}, nil)
}

// wait returns what can be read. The timer is among it, by its own descriptor.
func (p *poller) wait() ([]unix.EpollEvent, error) {
	for {
		n, err := unix.EpollWait(p.epoll, p.events[:], -1)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("waiting for sockets: %w", err)
		}
		return p.events[:n], nil
	}
}

// rang takes the timer's ring, so that it does not wake again.
func (p *poller) rang() {
	var count [8]byte
	_, _ = unix.Read(p.timer, count[:])
}

func (p *poller) close() { _, _ = unix.Close(p.timer), unix.Close(p.epoll) }

// sockaddr parses host:port with a numeric IPv4 host: a benchmark resolves no names.
func sockaddr(addr string) (*unix.SockaddrInet4, error) {
	a, err := netip.ParseAddrPort(addr)
	if err != nil || !a.Addr().Is4() {
		return nil, fmt.Errorf("address %q: want an IPv4 address and a port, such as 127.0.0.1:8080", addr)
	}
	return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}, nil
}

// connect opens a connection and makes it non-blocking.
func connect(addr string) (int, error) {
	to, err := sockaddr(addr)
	if err != nil {
		return 0, err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("making a socket: %w", err)
	}
	err = unix.Connect(fd, to)
	if err == nil {
		err = errors.Join(unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1), unix.SetNonblock(fd, true))
	}
	if err != nil {
		return 0, errors.Join(fmt.Errorf("connecting to %s: %w", addr, err), unix.Close(fd))
	}
	return fd, nil
}

// listen opens a non-blocking listener and returns it with the address that it got.
func listen(addr string) (int, string, error) {
	at, err := sockaddr(addr)
	if err != nil {
		return 0, "", err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return 0, "", fmt.Errorf("making a socket: %w", err)
	}
	err = errors.Join(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1), unix.Bind(fd, at), unix.Listen(fd, 4096))
	if err != nil {
		return 0, "", errors.Join(fmt.Errorf("listening on %s: %w", addr, err), unix.Close(fd))
	}
	got, err := unix.Getsockname(fd)
	if err != nil {
		return 0, "", errors.Join(err, unix.Close(fd))
	}
	in4 := got.(*unix.SockaddrInet4)
	return fd, (&net.TCPAddr{IP: in4.Addr[:], Port: in4.Port}).String(), nil
}
