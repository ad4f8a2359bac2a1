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
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"lockstep/adapters/admin"
	"lockstep/adapters/configfile"
	"lockstep/adapters/edge"
	"lockstep/adapters/lifecycle"
	"lockstep/adapters/metrics"
	"lockstep/adapters/recordings"
	"lockstep/adapters/settings"
	"lockstep/core"
)

// serveOptions are the flags of serve.
type serveOptions struct {
	config, listen, record, dumps string
	recordMax                     string          // size of the recording, as written
	keep                          recordings.Keep // what is kept of it
	keyHash                       string          // file with the secret of hashed keys
	control                       controlOptions
	drain, lameDuck, upgradeWait  time.Duration
	upgradeTo                     string
	noLog                         bool
	stickyKey                     string
	observe                       observeOptions
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
SIGTERM or SIGINT drains: requests under way get --drain; a second one ends at
once. SIGHUP reads the file again. SIGUSR2 upgrades: the program is started anew,
gets every listening socket and what the router has learnt, and when it serves
this process ends as its connections do; if it does not, this one goes on.

Sockets that systemd opens (socket activation) are taken by name: FileDescriptorName
is the listener's name in the file, "admin", or "default" without a section listen.

CONFIG_PATH, PORT and CONTROL_PLANE_URL in the environment stand for -c,
--listen and --control.`,
		Example: `  lockstep serve -c routing.json
  lockstep serve -c routing.yaml --listen :8080 --record /var/lib/lockstep/rec
  lockstep serve -c baked.yaml --control ws://127.0.0.1:8081/connect --state /var/lib/lockstep`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			defer collectInBulk()()
			ctx, stop := signal.NotifyContext(c.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			context.AfterFunc(ctx, stop) // the second signal ends the process
			return runServe(ctx, o, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	f := c.Flags()
	f.StringVarP(&o.config, "config", "c", os.Getenv("CONFIG_PATH"), "configuration file")
	f.StringVar(&o.listen, "listen", addressOfPort(os.Getenv("PORT")), "address to listen on (default the file's, else :8080)")
	f.StringVar(&o.record, "record", "", "folder to write the whole recording to")
	f.DurationVar(&o.keep.Age, "record-keep", 0, "delete segments and dumps that are older (default the file's, else never)")
	f.StringVar(&o.recordMax, "record-max-size", "", "delete the oldest segments when they take more, such as 40GiB, at least 8MiB (default the file's, else never)")
	f.StringVar(&o.keyHash, "record-key-hash", "", "file with a secret: hash the routing keys in all that is recorded (default the file's, else keys are recorded as they are)")
	f.StringVar(&o.dumps, "dumps", filepath.Join(os.TempDir(), "lockstep-dumps"), "folder for dumps")
	f.StringVar(&o.control.url, "control", os.Getenv("CONTROL_PLANE_URL"), "URL of the control plane")
	f.StringVar(&o.control.state, "state", "", "folder of the last-known-good copy of what the control plane pushed")
	f.StringVar(&o.control.tokenFile, "control-token", "", "file with the token for the control plane")
	f.BoolVar(&o.control.insecure, "insecure", false, "permit a control plane on another machine without a token")
	f.DurationVar(&o.drain, "drain", 10*time.Second, "how long requests under way get after SIGTERM, or after an upgrade")
	f.StringVar(&o.stickyKey, "sticky-key", "", "file with the key of sticky cookies, the same for all routers behind one balancer")
	f.DurationVar(&o.lameDuck, "lame-duck", 0, "after SIGTERM, how long to serve on while /readyz already says no")
	f.StringVar(&o.upgradeTo, "upgrade-to", "", "program that SIGUSR2 starts (default this one's path)")
	f.DurationVar(&o.upgradeWait, "upgrade-wait", 30*time.Second, "how long a successor may take until it serves")
	f.StringVar(&o.observe.admin, "admin", "", "address of metrics, health, readiness and profiles, not for clients (host:port; :PORT means loopback)")
	f.BoolVar(&o.observe.exemplars, "metrics-exemplars", false, "attach trace ids of sampled requests to metrics")
	f.StringVar(&o.observe.otlp, "otlp", "", "URL of the OpenTelemetry collector (default $OTEL_EXPORTER_OTLP_ENDPOINT, else no tracing)")
	f.BoolVar(&o.noLog, "no-log", false, "write no line per request")
	return c
}

func runServe(ctx context.Context, o serveOptions, stdout, stderr io.Writer) (err error) {
	if o.drain < 0 || o.lameDuck < 0 || o.upgradeWait < 0 {
		return errors.New("--drain, --lame-duck and --upgrade-wait are lengths of time: write 0s or more")
	}
	asked, ignore := listenToSignals()
	defer ignore()
	sockets, err := lifecycle.Inherit()
	if err != nil {
		return err
	}
	defer sockets.Close()
	if p := sockets.Predecessor; p != nil {
		defer func() {
			if err != nil {
				_ = p.Failed(err) // it sees the process end in any case
			}
		}()
	}
	l := &life{lameDuck: o.lameDuck, drain: o.drain, sockets: sockets, notify: lifecycle.NewNotifier(), asked: asked}
	return serveOn(ctx, o, l, stdout, stderr)
}

// serveOn is runServe with the sockets that were open before the process began.
func serveOn(ctx context.Context, o serveOptions, l *life, stdout, stderr io.Writer) (err error) {
	log, sockets := slog.New(slog.NewTextHandler(stderr, nil)), l.sockets
	if o.config == "" && o.control.url == "" {
		return errors.New("no configuration: name a file with -c (or CONFIG_PATH), or a control plane with --control")
	}
	file, config := new(configfile.File), (*core.Config)(nil)
	if o.config != "" {
		if file, config, err = loadConfig(o.config, log); err != nil {
			return err
		}
	}
	o.control.url = cmp.Or(o.control.url, file.ControlPlane.URL)
	o.control.state = cmp.Or(o.control.state, file.ControlPlane.Dir)
	o.control.bootstrap, o.control.soak = file.ControlPlane.Bootstrap, time.Duration(file.ControlPlane.Soak)
	if file.Form != configfile.Native {
		o.control.soak = time.Duration(configfile.DefaultSoak)
	}
	if o.keep, err = keepOf(o, file.Recording); err != nil {
		return err
	}
	keys, err := keyHashOf(cmp.Or(o.keyHash, file.Recording.KeyFile), config, log)
	if err != nil {
		return err
	}
	options := routerOptions{
		keys: keys,
		keep: o.keep,
		name: filepath.Base(o.config), record: cmp.Or(o.record, file.Recording.Dir), dumps: o.dumps, log: log, errs: stderr,
		observe: o.observe.over(file.Observe), connections: new(metrics.Connections), stickyKey: o.stickyKey,
	}
	if !o.noLog && !file.Observe.AccessLog.Off {
		options.access = stdout
	}
	open, operators, err := openAll(o, file.Listen, sockets, &options)
	if err != nil {
		return err
	}
	defer open.Close()
	options.stickyKey = o.stickyKey
	options.listeners = open.Stats
	options.state = predecessorState(sockets, &options)
	r, err := newRouter(options)
	if err != nil {
		return err
	}
	defer r.close()
	r.listen = file.Listen
	if operators != nil {
		defer r.serveAdmin(operators)()
	}
	following, unfollow := context.WithCancel(ctx)
	defer unfollow()
	wait, err := r.follow(following, o.control, file, config)
	if err != nil {
		return err
	}
	defer wait()
	defer unfollow()
	defer r.dumpOnSignal(following)()
	for name, address := range open.Addrs() {
		log.Info("serving", "listener", name, "address", address.String())
	}
	l.unfollow = unfollow
	if o.control.url == "" {
		l.reload = func() { r.reload(file.Path) }
	}
	l.upgrader, err = upgraderOf(o.upgradeTo, sockets, o.upgradeWait, func() []byte { return lifecycle.TakeState(r.driver) })
	if err != nil {
		return err
	}
	return r.serve(ctx, open, l)
}

// adminName is the socket of the admin listener among the inherited ones.
const adminName = "admin"

// openAll opens every listener, or takes the socket that was open already.
func openAll(o serveOptions, written []configfile.Listener, sockets *lifecycle.Sockets, r *routerOptions) (*edge.Edge, net.Listener, error) {
	listen, err := listenersOf(o.listen, written)
	if err != nil {
		return nil, nil, err
	}
	var names []string
	for _, l := range listen {
		names = append(names, l.Name)
	}
	if r.observe.Admin.Address != "" {
		names = append(names, adminName)
	}
	dropped, err := sockets.Match(names)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range dropped {
		r.log.Info("the predecessor's listener is not configured any more", "listener", name)
	}
	open := map[string]net.Listener{}
	for _, l := range listen {
		if l.Name == adminName && r.observe.Admin.Address != "" {
			return nil, nil, errors.New(`a listener of clients cannot be named "admin" beside an admin address; give it another name`)
		}
		if open[l.Name], err = sockets.Listen(fmt.Sprintf("listener %q", l.Name), l.Name, l.Address); err != nil {
			return nil, nil, err
		}
	}
	var operators net.Listener
	if given := r.observe.Admin.Address; given != "" {
		address, _, err := admin.Address(given)
		if err != nil {
			return nil, nil, err
		}
		if operators, err = sockets.Listen("the admin listener", adminName, address); err != nil {
			return nil, nil, err
		}
	}
	e, err := edge.Listen(edge.Options{Listeners: listen, Open: open, Log: r.log, ConnState: r.connections.Note})
	return e, operators, err
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
		// No setting reaches this one, and a baseline's clients may send what net/http takes.
		return []configfile.Listener{{
			Name: "default", Address: cmp.Or(given, ":8080"),
			HeaderMax: http.DefaultMaxHeaderBytes, HTTP1: settings.HTTP1Limits{TargetMax: http.DefaultMaxHeaderBytes, HeadersMax: 10_000},
		}}, nil
	case given != "":
		moved := written[0]
		moved.Address = given
		return []configfile.Listener{moved}, nil
	}
	return written, nil
}
