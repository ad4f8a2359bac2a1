package lifecycle

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Notifier tells systemd (or whoever listens on NOTIFY_SOCKET) what the process
// does, by the protocol of sd_notify(3). A nil Notifier tells nobody.
type Notifier struct {
	address *net.UnixAddr
}

// NewNotifier returns a notifier for the socket that NOTIFY_SOCKET names, nil if
// it names none.
func NewNotifier() *Notifier {
	name := os.Getenv("NOTIFY_SOCKET")
	if name == "" {
		return nil
	}
	return &Notifier{&net.UnixAddr{Name: name, Net: "unixgram"}} // net knows @ as the abstract namespace
}

// Ready says that the service has started, or has reloaded.
func (n *Notifier) Ready() error { return n.send("READY=1") }

// Reloading says that a reload has begun; Ready ends it.
func (n *Notifier) Reloading() error {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return fmt.Errorf("reading the monotonic clock: %w", err)
	}
	return n.send("RELOADING=1", "MONOTONIC_USEC="+strconv.FormatInt(now.Nano()/1000, 10))
}

// Stopping says that the service ends.
func (n *Notifier) Stopping() error { return n.send("STOPPING=1") }

// MainPID says which process is the service from now on.
func (n *Notifier) MainPID(pid int) error { return n.send("MAINPID=" + strconv.Itoa(pid)) }

// Alive resets the watchdog.
func (n *Notifier) Alive() error { return n.send("WATCHDOG=1") }

// Status is a line for a person.
func (n *Notifier) Status(text string) error {
	return n.send("STATUS=" + strings.ReplaceAll(text, "\n", " "))
}

func (n *Notifier) send(lines ...string) error {
	if n == nil {
		return nil
	}
	c, err := net.DialUnix("unixgram", nil, n.address)
	if err != nil {
		return fmt.Errorf("telling the service manager: %w", err)
	}
	defer c.Close()
	if _, err := c.Write([]byte(strings.Join(lines, "\n"))); err != nil {
		return fmt.Errorf("telling the service manager: %w", err)
	}
	return nil
}

// WatchdogInterval returns how often the service manager wants to hear Alive,
// half of the time that it waits; 0 means never.
func WatchdogInterval() time.Duration {
	usec, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64)
	if err != nil || usec <= 0 {
		return 0
	}
	if pid := os.Getenv("WATCHDOG_PID"); pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return 0
	}
	return time.Duration(usec) * time.Microsecond / 2
}
