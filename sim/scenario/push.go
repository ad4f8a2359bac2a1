package scenario

import (
	"fmt"
	"strings"

	"lockstep/core"
	"lockstep/sim"
)

// ConfigError is a configuration that a push makes and that Host.Load refused.
type ConfigError struct {
	Path string // in the scenario, such as pushes[0].change
	What string
	Err  error
}

// Error returns the place and what is wrong there.
func (e *ConfigError) Error() string { return e.Path + ": " + e.What + ": " + e.Err.Error() }

// Unwrap returns the error of Host.Load.
func (e *ConfigError) Unwrap() error { return e.Err }

// pushes fills in what the control plane sends.
func (b *builder) pushes() error {
	for i := range b.file.Pushes {
		w, path := &b.file.Pushes[i], fmt.Sprintf("pushes[%d]", i)
		if b2i(w.Garbage)+b2i(w.Config != nil)+b2i(w.Change != nil) > 1 {
			b.fail(path, "says twice what it sends", "use one of garbage, config and change")
		}
		if w.Garbage && w.Refused != "" {
			b.fail(path+".refused", "is said of garbage, which is always refused", "remove it, or send a config or a change")
		}
		if w.Garbage && w.Drop != (Drop{}) {
			b.fail(path+".drop", "drops a part of garbage", "leave out garbage: what is left must decode")
		}
		spec, err := b.content(w, path)
		if err != nil {
			return err
		}
		b.flap(w, path, sim.Push{
			At: w.At.time(), Spec: spec, Epoch: core.Epoch(w.Epoch), Router: w.Router,
			Spread: w.Spread.length(), Copies: w.Copies, NoDisk: w.NoDisk, Deliberate: w.Deliberate,
		})
	}
	return nil
}

// content is what a push carries, nil for garbage. A configuration that must be
// refused has to be refused for the reason stated, so that a slip of the pen
// does not pass for it; one that has no meaning at all is as good as garbage.
func (b *builder) content(w *Push, path string) (*core.Spec, error) {
	config, from := w.Config, path+".config"
	switch {
	case w.Garbage:
		return nil, nil
	case w.Change != nil:
		own, err := b.Tree(b.file.Config)
		if err != nil {
			return nil, err
		}
		config, from = Merge(own, w.Change), path+".change"
		for _, p := range Idle(own, w.Change) {
			b.fail(from, "removes "+p+", which the configuration does not have", "name what it has")
		}
	case config == nil:
		config = b.file.Config
	}
	spec, err := b.Load(config)
	switch {
	case w.Refused == "" && err == nil:
		return w.Drop.of(&spec), nil
	case w.Refused == "":
		return nil, &ConfigError{from, "is a configuration that is not valid", err}
	case err == nil:
		b.fail(path+".refused", "is said of a configuration that is valid", "remove it, or make the configuration invalid")
		return nil, nil
	case !strings.Contains(err.Error(), w.Refused):
		return nil, &ConfigError{from, fmt.Sprintf("is refused as it must be, but not with the words %q", w.Refused), err}
	case len(spec.Placements) == 0:
		return nil, nil
	}
	return &spec, nil
}
