//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// options are the flags of a run.
type options struct {
	method
	peers   []string
	rates   []int
	cores   []int
	rounds  int
	router  string
	pingora string
	json    bool
}

func runCommand() *cobra.Command {
	o := options{}
	c := &cobra.Command{
		Use:   "run",
		Short: "Measures every peer under every load, interleaved, and prints the tables",
		Long: `Starts the origin and then, round by round, every peer under every load: rounds are
interleaved, so that what the machine does meanwhile meets all peers alike. Each
peer writes a line of log a request to a file, and keeps connections to the origin;
ours also record every decision. CPU is user and system time from /proc.

With one core the proxy has core 0, generator and origin core 1. With two all
share both: that says what the machine holds, not what a proxy costs.`,
		Example: "  bench run\n  bench run --peers nginx,lockstep --rates 10000 --cores 1 --rounds 5",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			r, err := o.run(c.ErrOrStderr())
			if err != nil {
				return err
			}
			if o.json {
				e := json.NewEncoder(c.OutOrStdout())
				e.SetIndent("", " ")
				return e.Encode(r)
			}
			r.print(c.OutOrStdout())
			return nil
		},
	}
	names := make([]string, 0, len(peers))
	for _, p := range peers {
		names = append(names, p.name)
	}
	f := c.Flags()
	f.StringSliceVar(&o.peers, "peers", names, "which peers")
	f.IntSliceVar(&o.rates, "rates", []int{10_000, 0}, "requests a second; 0: saturation")
	f.IntSliceVar(&o.cores, "cores", []int{1, 2}, "cores of the proxy")
	f.IntVar(&o.rounds, "rounds", 3, "rounds")
	f.IntVar(&o.conns, "conns", 64, "kept connections")
	f.IntVar(&o.size, "size", 1024, "bytes of the origin's body")
	f.IntVar(&o.idle, "idle", 4000, "idle connections, for the memory of one; 0: not measured")
	f.DurationVar(&o.warm, "warm", 2*time.Second, "load before each measurement")
	f.DurationVar(&o.last, "for", 8*time.Second, "length of each measurement")
	f.StringVar(&o.router, "lockstep", "bin/lockstep", "the Go router (make build)")
	f.StringVar(&o.pingora, "router-pingora", "cmd/router-pingora/target/release/router-pingora", "the Rust router (make build-pingora)")
	f.BoolVar(&o.json, "json", false, "print every sample as JSON")
	return c
}

// chosen are the peers that the flags name; all of them must be there.
func (o *options) chosen() ([]peer, error) {
	var list []peer
	for _, name := range o.peers {
		i := slices.IndexFunc(peers, func(p peer) bool { return p.name == name })
		if i < 0 {
			return nil, fmt.Errorf("--peers %s: no such peer", name)
		}
		list = append(list, peers[i])
	}
	return list, nil
}

// run measures; progress goes to w.
func (o *options) run(w io.Writer) (*report, error) {
	list, err := o.chosen()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "lockstep-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	b, err := o.place(dir)
	if err != nil {
		return nil, err
	}
	r := &report{Machine: machine(), Method: o.describe(), Versions: map[string]string{}, Idle: map[string]float64{}}
	for i := range list {
		r.Versions[list[i].name] = list[i].versionOf(&b)
	}
	for _, cores := range o.cores {
		if err := o.rounds1(w, b, list, cores, r); err != nil {
			return nil, err
		}
	}
	return r, o.measureIdle(w, b, list, r)
}

// rounds1 runs all rounds with that many cores.
func (o *options) rounds1(w io.Writer, b bench, list []peer, cores int, r *report) error {
	_, load := (&cell{Cores: cores}).cores()
	if err := pinSelf(load); err != nil {
		return err
	}
	up, err := start(b.dir, "origin", load, b.origin, []string{b.self, "origin", "--listen", b.origin, "--size", fmt.Sprint(o.size)})
	if err != nil {
		return err
	}
	defer up.stop()
	for round := range o.rounds {
		for _, rate := range o.rates {
			for i := range list {
				c := cell{list[i].name, cores, rate}
				s, err := o.measure(b, &list[i], c, b.origin)
				if err != nil {
					return err
				}
				s.Round = round
				r.Samples = append(r.Samples, s)
				fmt.Fprintf(w, "round %d of %d, %s, rate %d, %s: %.0f/s, p99 %.0f us, CPU %.1f us\n", round+1, o.rounds, plural(cores, "core"), rate, c.Peer, s.PerSecond, s.P99, s.CPU)
				if err := removeOld(b.dir); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (o *options) measureIdle(w io.Writer, b bench, list []peer, r *report) error {
	if o.idle == 0 {
		return nil
	}
	if err := pinSelf("1"); err != nil {
		return err
	}
	up, err := start(b.dir, "origin", "1", b.origin, []string{b.self, "origin", "--listen", b.origin, "--size", fmt.Sprint(o.size)})
	if err != nil {
		return err
	}
	defer up.stop()
	for i := range list {
		if list[i].argv == nil {
			continue
		}
		v, err := o.idleMemory(b, &list[i])
		if err != nil {
			return fmt.Errorf("idle connections of %s: %w", list[i].name, err)
		}
		r.Idle[list[i].name] = v
		fmt.Fprintf(w, "%s: %.1f KiB an idle connection\n", list[i].name, v)
		if err := removeOld(b.dir); err != nil {
			return err
		}
	}
	return nil
}

// place finds the programs and free ports.
func (o *options) place(dir string) (bench, error) {
	b := bench{dir: dir}
	var errs [7]error
	b.self, errs[0] = os.Executable()
	b.router, errs[1] = filepath.Abs(o.router)
	b.pingora, errs[2] = filepath.Abs(o.pingora)
	b.listen, errs[3] = freePort()
	b.origin, errs[4] = freePort()
	for i, p := range []struct{ name, file, make string }{{"lockstep", b.router, "make build"}, {"router-pingora", b.pingora, "make build-pingora"}} {
		if _, err := os.Stat(p.file); err != nil && slices.Contains(o.peers, p.name) {
			errs[5+i] = fmt.Errorf("%w: run `%s`, or leave %s out of --peers", err, p.make, p.name)
		}
	}
	return b, errors.Join(errs[:]...)
}

func freePort() (string, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// pinSelf moves the generator, all threads of it, to the cores; "" for all.
func pinSelf(cores string) error {
	if cores == "" {
		cores = fmt.Sprintf("0-%d", runtime.NumCPU()-1)
	}
	out, err := exec.Command("taskset", "-a", "-p", "-c", cores, fmt.Sprint(os.Getpid())).CombinedOutput()
	if err != nil {
		return fmt.Errorf("pinning the generator: %w: %s", err, out)
	}
	return nil
}

func (o *options) describe() string {
	return fmt.Sprintf("%d kept connections, GET, body of %d bytes; %d rounds of %v after %v of load, interleaved; median (lowest-highest). "+
		"Latency from the time at which a request was to leave.", o.conns, o.size, o.rounds, o.last, o.warm)
}

// machine names the processor, its cores and the kernel.
func machine() string {
	model := "processor unknown"
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, after, ok := strings.Cut(string(b), "model name\t: "); ok {
			model, _, _ = strings.Cut(after, "\n")
		}
	}
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	load, _ := os.ReadFile("/proc/loadavg")
	return fmt.Sprintf("%s, %s, Linux %s; load average at the start %s", model, plural(runtime.NumCPU(), "core"), strings.TrimSpace(string(kernel)), strings.Join(strings.Fields(string(load))[:1], ""))
}
