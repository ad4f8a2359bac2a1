package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"lockstep/adapters/configfile"
	"lockstep/adapters/edge"
	"lockstep/core"
)

// serveOptions are the flags of serve.
type serveOptions struct {
	config, listen, record, dumps string
	control                       controlOptions
	drain                         time.Duration
	noLog                         bool
}

func newServeCommand() *cobra.Command {
	var o serveOptions
	c := &cobra.Command{
		Use:   "serve",
		Short: "Runs the router",
		Long: `Runs the router. Without a control plane the configuration file is watched: a
valid change takes effect at once, an invalid one is reported and the old one
stays. With --control the file is only what a router with an empty disk starts
with, and serving never depends on the control plane.

One JSON line a request goes to standard output, everything else to standard
error. The newest decisions are always kept in memory: SIGUSR1, or a breaker
that opens, dumps them to a file; with --record all of them are written.
SIGTERM or SIGINT drains: requests under way get --drain.

CONFIG_PATH, PORT and CONTROL_PLANE_URL in the environment stand for -c,
--listen and --control.`,
		Example: `  lockstep serve -c routing.json
  lockstep serve -c routing.yaml --listen :8080 --record /var/lib/lockstep/rec
  lockstep serve -c baked.yaml --control ws://127.0.0.1:8081/connect --state /var/lib/lockstep`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(c.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			return runServe(ctx, o, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	f := c.Flags()
	f.StringVarP(&o.config, "config", "c", os.Getenv("CONFIG_PATH"), "configuration file")
	f.StringVar(&o.listen, "listen", addressOfPort(os.Getenv("PORT")), "address to listen on (default the file's, else :8080)")
	f.StringVar(&o.record, "record", "", "folder to write the whole recording to")
	f.StringVar(&o.dumps, "dumps", filepath.Join(os.TempDir(), "lockstep-dumps"), "folder for dumps")
	f.StringVar(&o.control.url, "control", os.Getenv("CONTROL_PLANE_URL"), "URL of the control plane")
	f.StringVar(&o.control.state, "state", "", "folder of the last-known-good copy of what the control plane pushed")
	f.StringVar(&o.control.tokenFile, "control-token", "", "file with the token for the control plane")
	f.BoolVar(&o.control.insecure, "insecure", false, "permit a control plane on another machine without a token")
	f.DurationVar(&o.drain, "drain", 10*time.Second, "how long requests under way get after SIGTERM")
	f.BoolVar(&o.noLog, "no-log", false, "write no line per request")
	return c
}

func runServe(ctx context.Context, o serveOptions, stdout, stderr io.Writer) error {
	log := slog.New(slog.NewTextHandler(stderr, nil))
	if o.config == "" && o.control.url == "" {
		return errors.New("no configuration: name a file with -c (or CONFIG_PATH), or a control plane with --control")
	}
	file, config := new(configfile.File), (*core.Config)(nil)
	if o.config != "" {
		var err error
		if file, config, err = loadConfig(o.config, log); err != nil {
			return err
		}
	}
	o.control.url = cmp.Or(o.control.url, file.ControlPlane.URL)
	o.control.state = cmp.Or(o.control.state, file.ControlPlane.Dir)
	listen, err := listenersOf(o.listen, file.Listen)
	if err != nil {
		return err
	}
	open, err := edge.Listen(edge.Options{Listeners: listen, Log: log})
	if err != nil {
		return err
	}
	defer open.Close()
	options := routerOptions{
		name: filepath.Base(o.config), record: cmp.Or(o.record, file.Recording.Dir), dumps: o.dumps, log: log, errs: stderr,
	}
	if !o.noLog {
		options.access = stdout
	}
	r, err := newRouter(options)
	if err != nil {
		return err
	}
	defer r.close()
	r.listen = file.Listen
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	wait, err := r.follow(ctx, o.control, file, config)
	if err != nil {
		return err
	}
	defer wait()
	defer cancel()
	defer r.dumpOnSignal(ctx)()
	for name, address := range open.Addrs() {
		log.Info("serving", "listener", name, "address", address.String())
	}
	return r.serve(ctx, open, o.drain)
}

// follow starts to follow the control plane if there is one, else the file.
func (r *router) follow(ctx context.Context, control controlOptions, file *configfile.File, config *core.Config) (wait func(), err error) {
	if control.url != "" {
		return r.followControl(ctx, control, config)
	}
	return r.followFile(ctx, file, config), nil
}

// dumpOnSignal dumps the recording at every SIGUSR1 until ctx ends.
func (r *router) dumpOnSignal(ctx context.Context) (wait func()) {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	return background(ctx, func(ctx context.Context) {
		defer signal.Stop(asked)
		for {
			select {
			case <-asked:
				r.dump("SIGUSR1")
			case <-ctx.Done():
				return
			}
		}
	})
}

// listenersOf returns the listeners of the file, or one with the address given,
// else with :8080. An address that is given moves the file's only listener; of
// several it could mean any, and a plain one in their place would drop their TLS.
func listenersOf(given string, written []configfile.Listener) ([]configfile.Listener, error) {
	switch {
	case len(written) > 1 && given != "":
		return nil, fmt.Errorf("--listen (or PORT) is %s, and the file has %d listeners under listen; leave one of the two away", given, len(written))
	case len(written) == 0:
		return []configfile.Listener{{Name: "default", Address: cmp.Or(given, ":8080")}}, nil
	case given != "":
		moved := written[0]
		moved.Address = given
		return []configfile.Listener{moved}, nil
	}
	return written, nil
}
