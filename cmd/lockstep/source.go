package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"time"

	"lockstep/adapters/configfile"
	"lockstep/adapters/controlplane"
	"lockstep/adapters/filewatch"
	"lockstep/adapters/lkg"
	"lockstep/core"
)

// controlOptions say which control plane a router listens to.
type controlOptions struct {
	url       string // "" for none
	state     string // folder of the last-known-good copy; "" keeps none
	tokenFile string
	insecure  bool
	bootstrap string        // file for an empty disk; "" means the one given with -c
	soak      time.Duration // of what is pushed; 0 counts nothing
}

// loadConfig reads and compiles a configuration; warnings go to the log.
func loadConfig(path string, log *slog.Logger) (*configfile.File, *core.Config, error) {
	file, err := configfile.Load(path)
	if err != nil {
		return nil, nil, err
	}
	config, err := file.Compile()
	if err != nil {
		return nil, nil, err
	}
	for _, w := range file.Warnings {
		log.Warn("configuration: "+w.What, "at", w.Position.String(), "hint", w.Hint)
	}
	return file, config, nil
}

// followFile puts a file's configuration in force and every later content of it
// that is valid; an invalid one is reported, and the old one stays (R13).
func (r *router) followFile(ctx context.Context, file *configfile.File, config *core.Config) (wait func()) {
	if _, err := r.found.use(file); err != nil {
		r.driver.Adopt(config, core.Epoch{}, core.OriginFile, core.FaultNone)
		r.o.log.Error("the endpoints found by DNS are refused", "error", err)
	}
	return background(ctx, func(ctx context.Context) {
		err := filewatch.Run(ctx, filewatch.Options{Patterns: file.Watch, Changed: func() []string {
			return r.reload(file.Path)
		}})
		if err != nil && !errors.Is(err, context.Canceled) {
			r.o.log.Error("the configuration file is not watched any more", "error", err)
		}
	})
}

func (r *router) reload(path string) (watch []string) {
	file, _, err := loadConfig(path, r.o.log)
	if err != nil {
		r.driver.Adopt(nil, core.Epoch{}, core.OriginFile, core.FaultInvalid)
		r.o.log.Error("the changed configuration is refused, the old one stays in force\n" + err.Error())
		return nil
	}
	switch d, err := r.found.use(file); {
	case err != nil:
		r.o.log.Error("the changed configuration is refused, the old one stays in force", "error", err)
	case d.Kind != core.Ack:
		r.o.log.Error("the changed configuration is refused, the old one stays in force", "cause", d.Cause)
	}
	if !reflect.DeepEqual(file.Listen, r.listen) {
		r.o.log.Warn("listen has changed; that takes effect at the next start")
	}
	return file.Watch
}

// followControl puts in force what the disk or the bootstrap file has, and then
// whatever the control plane pushes. config may be nil.
func (r *router) followControl(ctx context.Context, o controlOptions, config *core.Config) (wait func(), err error) {
	options := controlplane.Options{URL: o.url, Insecure: o.insecure, Seed: uint64(time.Now().UnixNano()), Log: r.o.log, Soak: o.soak}
	if o.state != "" {
		if options.Store, err = lkg.Open(o.state); err != nil {
			return nil, fmt.Errorf("opening the folder of the last-known-good copy: %w", err)
		}
	}
	if o.tokenFile != "" {
		if options.Token, err = controlplane.ReadToken(o.tokenFile); err != nil {
			return nil, err
		}
	}
	client, err := controlplane.NewClient(r.driver, options)
	if err != nil {
		return nil, err
	}
	r.control = true
	if o.bootstrap != "" {
		if _, config, err = loadConfig(o.bootstrap, r.o.log); err != nil {
			return nil, fmt.Errorf("the bootstrap file: %w", err)
		}
	}
	if inForce, _ := r.driver.Config(); inForce != nil {
		config = nil // a predecessor's, which is newer than the bootstrap file
	}
	r.bootstrap.Store(client.Boot(config))
	return background(ctx, client.Run), nil
}
