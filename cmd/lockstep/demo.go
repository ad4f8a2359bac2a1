package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"lockstep/adapters/cell"
	"lockstep/adapters/configfile"
	"lockstep/adapters/controlplane"
	"lockstep/adapters/edge"
)

func newDemoCommand() *cobra.Command {
	var base, rate int
	var record string
	var quiet, incident bool
	c := &cobra.Command{
		Use:   "demo",
		Short: "Runs a control plane, a router and four cells to break",
		Long: `Runs everything in one process, on this machine only: the control plane, the
router and four cells with failure knobs, on the baseline's ports (router 8080,
control plane 8081, cells 9001 to 9004). With --port-base N the router is on N,
the control plane on N+1 and the cells on N+2 to N+5.

With --load it also sends requests of several tenants itself. With --incident it
plays one in 35 seconds and ends: under load, with limits, a cell breaks, a
configuration is pushed, the cell is mended; then it prints how to look at it.`,
		Example: `  lockstep demo
  lockstep demo --port-base 18080 --record rec
  lockstep demo --load 200
  lockstep demo --incident --record rec`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(c.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			plan, err := demoPlanFrom(base)
			if err != nil {
				return err
			}
			if record == "" {
				if record, err = os.MkdirTemp("", "lockstep-demo-"); err != nil {
					return fmt.Errorf("making a folder for the recording: %w", err)
				}
			}
			o := routerOptions{name: "demo", record: record, dumps: record, errs: c.ErrOrStderr(), access: c.OutOrStdout()}
			o.log = slog.New(slog.NewTextHandler(o.errs, nil))
			if quiet || rate > 0 || incident {
				o.access = nil
			}
			if rate < 0 || rate > 20_000 {
				return fmt.Errorf("--load %d: say how many requests a second, up to 20000", rate)
			}
			if incident {
				return runDemoIncident(ctx, plan, o, defaultIncident(), cmp.Or(rate, 200), c.OutOrStdout())
			}
			if rate > 0 {
				plan.play = func(ctx context.Context, p demoPlan, _ *controlplane.Server) error {
					l := newLoad(p.router, rate)
					l.run(ctx)
					fmt.Fprintf(c.OutOrStdout(), "\n%s\n", l)
					return nil
				}
			}
			return runDemo(ctx, plan, o, func(p demoPlan) { p.print(c.OutOrStdout(), record) })
		},
	}
	c.Flags().IntVar(&base, "port-base", 0, "first of six ports to use instead of the baseline's")
	c.Flags().StringVar(&record, "record", "", "folder of the recording (default a new one in the temporary folder)")
	c.Flags().BoolVar(&quiet, "no-log", false, "write no line per request; so it is with --load and --incident")
	c.Flags().IntVar(&rate, "load", 0, "requests a second to send, of several tenants; with --incident 200 unless told otherwise")
	c.Flags().BoolVar(&incident, "incident", false, "play an incident under load, print how to look at it, and end")
	return c
}

// demoPlan says what runs on which port of this machine.
type demoPlan struct {
	router, control int
	cells           []demoCell
	text            string // configuration, "" for the plain one
	// settle completes the plan once its ports are known; nil: there is nothing to complete.
	settle func(p *demoPlan)
	// play acts on the demo while it runs; when it returns the demo ends. nil: nobody does.
	play func(ctx context.Context, p demoPlan, control *controlplane.Server) error
}

type demoCell struct {
	name string
	port int
}

// demoPlanFrom spreads six ports from base, or takes the baseline's for 0.
func demoPlanFrom(base int) (p demoPlan, err error) {
	const most = 65535 - 5
	if base < 0 || base > most {
		return p, fmt.Errorf("--port-base %d: say a port from 1 to %d", base, most)
	}
	first := 9001
	p.router, p.control = 8080, 8081
	if base > 0 {
		p.router, p.control, first = base, base+1, base+2
	}
	for i, name := range []string{"visa", "tier1", "tier2", "tier3"} {
		p.cells = append(p.cells, demoCell{name, first + i})
	}
	return p, nil
}

// local is an address that only this machine reaches.
func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// config is the demo's configuration, in the baseline's second form.
func (p demoPlan) config() string {
	if p.text != "" {
		return p.text
	}
	var placements []string
	for _, c := range p.cells {
		placements = append(placements, fmt.Sprintf(
			`    %q: {"url": "http://%s", "circuit_breaker": {"failure_threshold": 5, "timeout": "5s"}}`, c.name, local(c.port)))
	}
	return fmt.Sprintf(`{
  "version": "demo-1",
  "routingTable": {"visa": "visa", "acme": "tier1", "globex": "tier2"},
  "placements": {
%s
  },
  "defaultPlacement": "tier3"
}
`, strings.Join(placements, ",\n"))
}

// demo is a running demo.
type demo struct {
	plan    demoPlan
	log     *slog.Logger
	errs    io.Writer
	running sync.WaitGroup
}

// runDemo runs until ctx ends. ready is told which ports are in use once all
// of them answer; a port 0 in the plan means any.
func runDemo(ctx context.Context, p demoPlan, o routerOptions, ready func(demoPlan)) error {
	open, err := p.listen()
	defer closeAll(open)
	if err != nil {
		return err
	}
	if p.settle != nil {
		p.settle(&p)
	}
	d := &demo{plan: p, log: o.log, errs: o.errs}
	r, err := newRouter(o)
	if err != nil {
		return err
	}
	defer r.close()
	ctx, cancel := context.WithCancel(ctx)
	defer d.running.Wait()
	defer cancel()

	for i, c := range p.cells {
		d.run(ctx, cell.New(c.name), open[2+i])
	}
	control := controlplane.NewServer(controlplane.ServerOptions{Log: o.log})
	if _, _, err := control.Publish("the demo's configuration", []byte(p.config())); err != nil {
		return err
	}
	d.run(ctx, control, open[1])
	defer control.Close()

	wait, err := d.follow(ctx, r)
	if err != nil {
		return err
	}
	defer wait()
	defer cancel()
	defer r.dumpOnSignal(ctx)()
	ready(p)
	played := make(chan error, 1)
	if p.play == nil {
		played <- nil
	} else {
		d.running.Go(func() {
			played <- p.play(ctx, p, control)
			cancel()
		})
	}
	edges, err := edge.Listen(edge.Options{
		Listeners: []configfile.Listener{{Name: "demo", Address: local(p.router)}},
		Open:      map[string]net.Listener{"demo": open[0]}, Log: o.log,
	})
	if err != nil {
		return err
	}
	err = r.serve(ctx, edges, &life{drain: time.Second})
	if failed := <-played; failed != nil && !errors.Is(failed, context.Canceled) {
		err = errors.Join(err, failed)
	}
	return err
}

// listen opens the ports of the router, the control plane and the cells, in
// this order, before anything runs: a taken port stops the demo at once. Ports
// of 0 become those that were given.
func (p *demoPlan) listen() (open []net.Listener, err error) {
	ports := []*int{&p.router, &p.control}
	for i := range p.cells {
		ports = append(ports, &p.cells[i].port)
	}
	for _, port := range ports {
		l, err := listenOn("the demo", local(*port))
		if err != nil {
			return open, fmt.Errorf("%w with --port-base", err)
		}
		open = append(open, l)
		*port = l.Addr().(*net.TCPAddr).Port
	}
	return open, nil
}

// run serves h until ctx ends.
func (d *demo) run(ctx context.Context, h http.Handler, l net.Listener) {
	s := newServer(h, d.errs)
	d.running.Go(func() {
		if err := s.run(ctx, l, time.Second); err != nil {
			d.log.Error("a part of the demo has stopped", "address", l.Addr().String(), "error", err)
		}
	})
}

// follow starts the router with the same configuration as a bootstrap, so that
// it serves at once, and connects it to the control plane.
func (d *demo) follow(ctx context.Context, r *router) (wait func(), err error) {
	file, err := configfile.Parse("the demo's configuration", []byte(d.plan.config()))
	if err != nil {
		return nil, err
	}
	config, err := file.Compile()
	if err != nil {
		return nil, err
	}
	return r.followControl(ctx, controlOptions{url: "ws://" + local(d.plan.control) + "/connect"}, config)
}

// print says what runs and what to try.
func (p demoPlan) print(out io.Writer, record string) {
	visa := p.cells[0].port
	fmt.Fprintf(out, `router         http://localhost:%[1]d      GET /debug/config
control plane  http://localhost:%[2]d      GET /routers
`, p.router, p.control)
	for _, c := range p.cells {
		fmt.Fprintf(out, "cell %-9s http://localhost:%d      GET, POST, DELETE /fault\n", c.name, c.port)
	}
	fmt.Fprintf(out, `recording      %[3]s

Try, in another terminal:
  curl -si -H 'X-Routing-Key: visa' localhost:%[1]d/            served by visa; acme goes to tier1, others to tier3
  curl -X POST 'localhost:%[2]d/fault?fail=100'                 break visa: after five failures tier3 takes over
  for i in 1 2 3 4 5 6; do curl -si -H 'X-Routing-Key: visa' localhost:%[1]d/ | grep -i '^x-\|^HTTP'; done
  curl -X DELETE localhost:%[2]d/fault                          mend it: after 5 s one request is the probe
  bin/lockstep explain %[3]s --request ID      why: with an answer's X-Request-Id, a second later
  bin/lockstep replay %[3]s                    every decision again: identical

`, p.router, visa, record)
}
