package lifecycle_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lockstep/adapters/driver"
	"lockstep/adapters/lifecycle"
	"lockstep/core"
)

// TestMain makes the test binary a successor, or a service of systemd's, when a
// test starts it as one.
func TestMain(m *testing.M) {
	if role := os.Getenv("LIFECYCLE_ROLE"); role != "" {
		os.Exit(play(role))
	}
	os.Exit(m.Run())
}

// play is the life of a child in one role.
func play(role string) int {
	if role == "babble" {
		os.NewFile(3, "").WriteString("hello\n")
		time.Sleep(time.Hour)
	}
	s, err := lifecycle.Inherit()
	if err != nil {
		fmt.Println("inherit:", err)
		return 4
	}
	switch role {
	case "crash":
		return 3
	case "silent":
		time.Sleep(time.Hour) // until it is killed
	case "fail":
		s.Predecessor.Failed(errors.New("the configuration is bad\nvery bad"))
		return 1
	case "systemd":
		return service(s)
	}
	state, err := s.Predecessor.State()
	if err != nil {
		return 4
	}
	l, err := s.Listen("the child", "edge", "127.0.0.1:0")
	if err != nil {
		return 4
	}
	s.Predecessor.Ready()
	c, err := l.Accept() // serves one connection
	if err != nil {
		return 4
	}
	fmt.Fprintf(c, "successor, told %q, LISTEN_FDS=%q\n", state, os.Getenv("LISTEN_FDS"))
	c.Close()
	return 0
}

// service prints what systemd gave it, serves one connection, and ends.
func service(s *lifecycle.Sockets) int {
	if _, err := s.Match(strings.Fields(os.Getenv("LISTENERS"))); err != nil {
		fmt.Println("match:", err)
		return 1
	}
	l, err := s.Listen("the service", "edge", "127.0.0.1:1")
	if err != nil {
		fmt.Println("listen:", err)
		return 1
	}
	fmt.Println("from", s.From, os.Getenv("LISTEN_FDS"))
	c, err := l.Accept()
	if err != nil {
		return 1
	}
	fmt.Fprintln(c, "service")
	c.Close()
	return 0
}

// parent is a process with one open socket.
func parent(t *testing.T, role string) (*lifecycle.Upgrader, *lifecycle.Gate) {
	t.Helper()
	s, err := lifecycle.Inherit()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	g, err := s.Listen("the parent", "edge", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("LIFECYCLE_ROLE", role)
	t.Setenv("LISTEN_FDS", "7") // of somebody else; no child must see it
	return &lifecycle.Upgrader{
		Path: os.Args[0], Sockets: s, Patience: 20 * time.Second, State: func() []byte { return []byte("what we know") },
	}, g
}

// ask connects and reads a line.
func ask(t *testing.T, address string) string {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	line, _ := bufio.NewReader(c).ReadString('\n')
	return line
}

// serves checks that the parent still accepts, and that its Accept can be ended.
func serves(t *testing.T, g *lifecycle.Gate) {
	t.Helper()
	ended := make(chan error, 1)
	go func() {
		c, err := g.Accept()
		if err == nil {
			io.WriteString(c, "parent\n")
			c.Close()
			_, err = g.Accept() // waits
		}
		ended <- err
	}()
	if line := ask(t, g.Addr().String()); line != "parent\n" {
		t.Errorf("the parent's socket answers %q", line)
	}
	g.Close()
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("accept ended with %v, want that it is closed", err)
	}
}

func TestASuccessorServesOnTheSocketAndKnowsWhatItsPredecessorKnew(t *testing.T) {
	u, g := parent(t, "serve")
	pid, err := u.Upgrade(t.Context())
	if err != nil || pid == 0 || pid == os.Getpid() {
		t.Fatalf("process %d, %v", pid, err)
	}
	g.Stop()
	if want, line := "successor, told \"what we know\", LISTEN_FDS=\"\"\n", ask(t, g.Addr().String()); line != want {
		t.Errorf("got %q, want %q", line, want)
	}
}

func TestASuccessorThatDoesNotServeChangesNothing(t *testing.T) {
	for role, want := range map[string]string{
		"crash":  "exit status 3",
		"fail":   "the configuration is bad very bad",
		"silent": "did not serve within",
		"babble": `it said "hello"`,
	} {
		t.Run(role, func(t *testing.T) {
			u, g := parent(t, role)
			if role == "silent" {
				u.Patience = 300 * time.Millisecond
			}
			if _, err := u.Upgrade(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("upgrade: %v, want %q", err, want)
			}
			serves(t, g)
		})
	}
}

func TestAProgramThatCannotBeStartedChangesNothing(t *testing.T) {
	u, g := parent(t, "serve")
	u.Path = filepath.Join(t.TempDir(), "missing")
	if _, err := u.Upgrade(t.Context()); err == nil || !strings.Contains(err.Error(), "starting the successor") {
		t.Errorf("upgrade: %v", err)
	}
	serves(t, g)
}

func TestAnUpgradeEndsWithTheProcessThatWantedIt(t *testing.T) {
	u, g := parent(t, "silent")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := u.Upgrade(ctx); err == nil || !strings.Contains(err.Error(), "this process is ending") {
		t.Errorf("upgrade: %v", err)
	}
	serves(t, g)
}

func TestOneUpgradeAtATime(t *testing.T) {
	u, g := parent(t, "serve")
	var second error
	u.State = func() []byte { // the first is under way
		_, second = u.Upgrade(t.Context())
		return nil
	}
	if _, err := u.Upgrade(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(second, lifecycle.ErrBusy) {
		t.Errorf("the second upgrade: %v, want that it is refused", second)
	}
	ask(t, g.Addr().String()) // the successor ends with its one connection
}

func TestAfterStopTheQueueBelongsToWhoeverElseHasTheSocket(t *testing.T) {
	_, g := parent(t, "none")
	other, err := g.Listener.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	g.Stop()
	accepted := make(chan error, 1)
	go func() {
		_, err := g.Accept()
		accepted <- err
	}()
	c, err := net.Dial("tcp", g.Addr().String())
	if err != nil {
		t.Fatalf("a connection was refused although the socket is open elsewhere: %v", err)
	}
	c.Close()
	if len(accepted) > 0 {
		t.Fatal("accept ended at stop: its server would end too")
	}
	g.Close()
	if err := <-accepted; !errors.Is(err, net.ErrClosed) {
		t.Errorf("accept: %v", err)
	}
}

// activate starts the service as systemd would: with sockets, and LISTEN_PID its own.
func activate(t *testing.T, fdNames, listeners string, sockets ...string) (*exec.Cmd, *bufio.Reader, []string) {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-c", `LISTEN_PID=$$ exec "$0"`, os.Args[0])
	cmd.Env = append(os.Environ(), "LIFECYCLE_ROLE=systemd", fmt.Sprint("LISTEN_FDS=", len(sockets)), "LISTENERS="+listeners)
	if fdNames != "-" {
		cmd.Env = append(cmd.Env, "LISTEN_FDNAMES="+fdNames)
	}
	var addresses []string
	for range sockets {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		f, _ := l.(*net.TCPListener).File()
		addresses = append(addresses, l.Addr().String())
		cmd.ExtraFiles = append(cmd.ExtraFiles, f)
		l.Close()
		t.Cleanup(func() { f.Close() })
	}
	out, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return cmd, bufio.NewReader(out), addresses
}

func TestSocketsOfSystemdAreTakenByTheirNames(t *testing.T) {
	for _, c := range []struct {
		name, fdNames, listeners string
		sockets, serves          int
	}{
		{"by name", "mesh:edge", "edge mesh", 2, 1},
		{"one without a name", "-", "edge", 1, 0},
		{"one named after its unit", "lockstep.socket", "edge admin", 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, out, addresses := activate(t, c.fdNames, c.listeners, make([]string, c.sockets)...)
			if line, _ := out.ReadString('\n'); line != "from systemd \n" {
				t.Fatalf("the service says %q", line)
			}
			if line := ask(t, addresses[c.serves]); line != "service\n" {
				t.Errorf("the socket answers %q", line)
			}
		})
	}
}

func TestASocketThatNoListenerWantsIsAnErrorThatSaysWhatToName(t *testing.T) {
	_, out, _ := activate(t, "mesh:web", "edge mesh", "", "")
	if line, _ := out.ReadString('\n'); !strings.Contains(line, `a socket named "web"`) || !strings.Contains(line, "edge, mesh") {
		t.Errorf("the service says %q", line)
	}
	_, out, _ = activate(t, "a:a", "a", "", "")
	if line, _ := out.ReadString('\n'); !strings.Contains(line, "two sockets named") {
		t.Errorf("the service says %q", line)
	}
}

func TestATakenPortIsAnErrorThatSaysSo(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s, _ := lifecycle.Inherit()
	_, err = s.Listen(`listener "edge"`, "edge", l.Addr().String())
	if err == nil || !strings.Contains(err.Error(), `listener "edge" cannot listen on `+l.Addr().String()+": the port is taken") {
		t.Errorf("%v", err)
	}
}

// manager is a service manager that listens to notifications.
func manager(t *testing.T, name string) func() string {
	t.Helper()
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	t.Setenv("NOTIFY_SOCKET", name)
	return func() string {
		b := make([]byte, 1024)
		n, err := c.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
}

func TestTheServiceManagerIsToldInItsWords(t *testing.T) {
	for _, name := range []string{filepath.Join(t.TempDir(), "notify"), fmt.Sprintf("@lockstep-test-%d", os.Getpid())} {
		heard := manager(t, name)
		n := lifecycle.NewNotifier()
		for _, c := range []struct {
			err  error
			want string
		}{
			{n.Ready(), "READY=1"},
			{n.Stopping(), "STOPPING=1"},
			{n.MainPID(42), "MAINPID=42"},
			{n.Alive(), "WATCHDOG=1"},
			{n.Status("two\nlines"), "STATUS=two lines"},
		} {
			if got := heard(); c.err != nil || got != c.want {
				t.Errorf("%s: heard %q, want %q (%v)", name, got, c.want, c.err)
			}
		}
		if err := n.Reloading(); err != nil {
			t.Fatal(err)
		}
		var usec int64
		if _, err := fmt.Sscanf(heard(), "RELOADING=1\nMONOTONIC_USEC=%d", &usec); err != nil || usec <= 0 {
			t.Errorf("reloading at %d: %v", usec, err)
		}
	}
}

func TestWithoutAServiceManagerNobodyIsTold(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	if n := lifecycle.NewNotifier(); n != nil || n.Ready() != nil {
		t.Error("somebody was told")
	}
	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "gone"))
	if lifecycle.NewNotifier().Ready() == nil {
		t.Error("no error although nobody listens")
	}
}

func TestTheWatchdogIsForThisProcessAlone(t *testing.T) {
	for _, c := range []struct {
		usec, pid string
		want      time.Duration
	}{
		{"", "", 0},
		{"2000000", "", time.Second},
		{"2000000", fmt.Sprint(os.Getpid()), time.Second},
		{"2000000", "1", 0},
		{"soon", "", 0},
		{"-5", "", 0},
	} {
		t.Setenv("WATCHDOG_USEC", c.usec)
		t.Setenv("WATCHDOG_PID", c.pid)
		if got := lifecycle.WatchdogInterval(); got != c.want {
			t.Errorf("%q for process %q: every %v, want %v", c.usec, c.pid, got, c.want)
		}
	}
}

func config(t *testing.T) *core.Config {
	c, err := core.Compile(core.Spec{
		Version: "1", Default: "visa",
		Placements: []core.PlacementSpec{{Name: "visa", Health: core.HealthSpec{Off: true}, Endpoints: []core.EndpointSpec{{URL: "http://visa:80"}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestWhatARouterHasLearntSurvivesTheHandOver(t *testing.T) {
	d := driver.New(driver.Options{Seed: 3})
	if s, err := lifecycle.ReadState(lifecycle.TakeState(d)); s != nil || err != nil {
		t.Errorf("before the first configuration: %v, %v", s, err)
	}
	d.Adopt(config(t), core.Epoch{Term: 2, Number: 9}, core.OriginControl, core.FaultNone)
	for range 5 {
		d.Finish(d.Arrive(driver.Arrival{Key: "x"}).Handle, core.ConnectRefused, 0, false)
	}
	b := lifecycle.TakeState(d)
	s, err := lifecycle.ReadState(b)
	if err != nil {
		t.Fatal(err)
	}
	if e := s.Router.Endpoint(0); e.Breaker != core.Open || s.Router.Epoch() != (core.Epoch{Term: 2, Number: 9}) {
		t.Errorf("breaker %v, epoch %v", e.Breaker, s.Router.Epoch())
	}
	next := driver.New(driver.Options{Router: s.Router, Origin: s.Origin})
	if a := next.Arrive(driver.Arrival{Key: "x"}); a.Kind != core.Reject || a.Class != core.CircuitOpen || a.PlacementName != "visa" {
		t.Errorf("the successor decided %+v, want the open breaker", a.Decision)
	}
	if diff := next.Now().Sub(d.Now()); diff > core.Second || diff < -core.Second {
		t.Errorf("the clocks differ by %d ns", diff)
	}
	for n := range b {
		if s, err := lifecycle.ReadState(b[:n]); err == nil && s != nil {
			t.Fatalf("a state that is cut at %d of %d was taken", n, len(b))
		}
	}
	for i := range b {
		bad := append([]byte(nil), b...)
		bad[i] ^= 0x55
		_, _ = lifecycle.ReadState(bad) // any answer but a panic
	}
}
