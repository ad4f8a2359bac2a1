package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"lockstep/adapters/controlplane"
	"lockstep/adapters/filewatch"
)

// controlFlags are the flags of `lockstep control`.
type controlFlags struct {
	config, listen, tokenFile string
	deliberate                string // version that is deliberate
	insecure, json            bool
}

func newControlCommand() *cobra.Command {
	var flags controlFlags
	cmd := &cobra.Command{
		Use:   "control -c FILE",
		Short: "Run the control plane: send a configuration file to routers, and again whenever it changes",
		Long: `Serve a configuration file to routers over the baseline's WebSocket protocol on
/connect: all of it when a router connects and whenever the file changes. A file
that is not valid is never sent; what was sent before stays. Routers answer
with ack or nack, which is logged; /routers lists what each said last, /health
answers 200.

A router refuses a push that changes more than the configuration in force lets
(control_plane.refuse_push_over). If it is meant, name its version with
--deliberate, or in a file FILE.deliberate beside FILE, which may come later: the
version is then sent again, marked. Either counts for that version only.

Baseline routers get the routes; ours get every setting. Off loopback routers
must present the token in --token-file.`,
		Example: `  lockstep control -c config.json
  lockstep control -c payments.yaml --listen :8081 --token-file /run/secrets/control
  echo v42 > payments.yaml.deliberate`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return runControl(ctx, flags, cmd.ErrOrStderr(), func(string) {})
		},
	}
	cmd.Flags().StringVarP(&flags.config, "config", "c", os.Getenv("CONFIG_PATH"), "configuration file, any form; default $CONFIG_PATH")
	cmd.Flags().StringVar(&flags.listen, "listen", "127.0.0.1:8081", "address for routers")
	cmd.Flags().StringVar(&flags.tokenFile, "token-file", "", "file with the token that routers must present")
	cmd.Flags().StringVar(&flags.deliberate, "deliberate", "", "version that routers take whatever their push guards say")
	cmd.Flags().BoolVar(&flags.insecure, "insecure", false, "let other machines connect without a token")
	cmd.Flags().BoolVar(&flags.json, "json", false, "log as JSON")
	return cmd
}

// goodbyeTime is how long connections get to end in good order.
const goodbyeTime = 2 * time.Second

// runControl serves until ctx ends. ready is told the address once it listens.
func runControl(ctx context.Context, flags controlFlags, logs io.Writer, ready func(address string)) error {
	if flags.config == "" {
		return errors.New("there is no configuration to serve; name it with -c FILE")
	}
	var handler slog.Handler = slog.NewTextHandler(logs, nil)
	if flags.json {
		handler = slog.NewJSONHandler(logs, nil)
	}
	log := slog.New(handler)
	var token string
	if flags.tokenFile != "" {
		var err error
		if token, err = controlplane.ReadToken(flags.tokenFile); err != nil {
			return err
		}
	}
	if err := controlplane.CheckListen(flags.listen, token, flags.insecure); err != nil {
		return err
	}
	plane := controlplane.NewServer(controlplane.ServerOptions{Token: token, Log: log})
	defer plane.Close()
	publish := func() (version string, changed bool, err error) {
		return publishFile(plane, flags.config, flags.deliberate)
	}
	version, _, err := publish()
	if err != nil {
		return err
	}
	l, err := listenOn("the control plane", flags.listen)
	if err != nil {
		return err
	}
	log.Info("control plane listens", "url", "ws://"+l.Addr().String()+"/connect", "file", flags.config, "version", version)
	ready(l.Addr().String())
	go func() { _ = filewatch.Run(ctx, watchOf(plane, flags.config, publish, log)) }()
	context.AfterFunc(ctx, plane.Close) // tells the routers, whose connections would last for ever
	return newServer(plane, logs).run(ctx, l, goodbyeTime)
}

// publishFile sends the file to the routers, marked if its version is the
// deliberate one: the version given, or that in the file beside it.
func publishFile(plane *controlplane.Server, path, deliberate string) (version string, changed bool, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", false, fmt.Errorf("reading the configuration: %w", err)
	}
	marked, err := os.ReadFile(path + marker)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", false, fmt.Errorf("reading which version is deliberate: %w", err)
	}
	return plane.PublishMarked(path, text, cmp.Or(strings.TrimSpace(string(marked)), deliberate))
}

// marker ends the name of the file that names the deliberate version.
const marker = ".deliberate"

// watchOf publishes the file whenever its content changes, or what is deliberate.
func watchOf(plane *controlplane.Server, path string, publish func() (string, bool, error), log *slog.Logger) filewatch.Options {
	return filewatch.Options{Patterns: []string{path, path + marker}, Changed: func() []string {
		version, changed, err := publish()
		switch {
		case err != nil:
			log.Error("the changed file is not sent; what was sent before stays", "error", err)
		case changed:
			log.Info("the file changed; sent to the routers", "version", version, "routers", len(plane.Routers()))
		}
		return nil
	}}
}
