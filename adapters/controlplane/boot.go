package controlplane

import (
	"errors"
	"log/slog"

	"lockstep/adapters/driver"
	"lockstep/adapters/lkg"
	"lockstep/core"
)

// Boot puts in force what a router under a control plane starts with (R13):
// the copy on disk, or, when there is none or it cannot be used, the bootstrap
// configuration. store and bootstrap may be nil; without either the router
// refuses requests as not_ready until the first push. It returns the
// configuration in force, nil for none.
func Boot(d *driver.Driver, store *lkg.Store, bootstrap *core.Config, log *slog.Logger) *core.Config {
	if c := fromDisk(store, log); c != nil {
		d.Adopt(c, core.Epoch{}, core.OriginDisk, core.FaultNone)
		return c
	}
	if bootstrap != nil {
		d.Adopt(bootstrap, core.Epoch{}, core.OriginBootstrap, core.FaultNone)
	}
	return bootstrap
}

// fromDisk returns the copy on disk, nil if there is none that can be used.
func fromDisk(store *lkg.Store, log *slog.Logger) *core.Config {
	if store == nil {
		return nil
	}
	body, err := store.Current()
	if errors.Is(err, lkg.ErrEmpty) {
		return nil
	}
	if err == nil {
		var c *core.Config
		if c, err = compile("last-known-good copy", body); err == nil {
			return c
		}
	}
	log.Warn("the last-known-good copy cannot be used; starting with the bootstrap file", "error", err)
	return nil
}
