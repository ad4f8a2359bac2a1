package controlplane

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"time"

	"lockstep/adapters/lkg"
	"lockstep/core"
)

// The soak of what is in force (R13): the store counts runs that begin with a
// copy; here is when one has soaked, and what is done about one that was deadly.

// soak watches the copy in force until it has soaked.
type soak struct {
	after time.Duration // 0: nothing is counted

	mu    sync.Mutex
	body  []byte // in force, nil for none
	timer *time.Timer
}

// errCondemned refuses a push that routers died with.
var errCondemned = fmt.Errorf("condemned: %d runs in a row died with this configuration within its soak; push another one, or mark this version deliberate to try it again", lkg.MaxDeaths)

// begin prepares a push for being put in force; the fault is for the recording.
func (c *Client) begin(p *push) (core.Fault, error) {
	if c.store == nil {
		return core.FaultNone, nil
	}
	if c.soak.after > 0 && p.deliberate {
		if err := c.store.Forgive(p.body); err != nil {
			return core.FaultNotPersisted, fmt.Errorf("not_persisted: %w", err)
		}
	}
	if c.soak.after > 0 && c.store.Condemned(p.body) {
		return core.FaultInvalid, errCondemned
	}
	err := c.store.Prepare(p.body)
	if err == nil && c.soak.after > 0 {
		err = c.store.Begin(p.body)
	}
	if err != nil {
		return core.FaultNotPersisted, fmt.Errorf("not_persisted: %w", err)
	}
	return core.FaultNone, nil
}

// abandon takes back begin: the router refused the push.
func (c *Client) abandon(p *push) {
	if c.store != nil && c.soak.after > 0 {
		if err := c.store.Abandon(p.body); err != nil {
			c.log.Warn("a refused configuration stays counted", "error", err)
		}
	}
}

// soaking starts the soak of a copy that is in force from now on. That of the
// one before ends: what happens now is not its fault.
func (c *Client) soaking(body []byte) {
	s := &c.soak
	if c.store == nil || s.after == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.body != nil && bytes.Equal(s.body, body) {
		return
	}
	c.endSoak()
	s.body = body
	s.timer = time.AfterFunc(s.after, func() { c.soaked(body) })
}

func (c *Client) soaked(body []byte) {
	s := &c.soak
	s.mu.Lock()
	defer s.mu.Unlock()
	if !bytes.Equal(s.body, body) {
		return
	}
	if err := c.store.Soaked(body); err != nil {
		c.log.Error("the configuration has soaked and cannot be kept; it is tried again", "error", err)
		s.timer = time.AfterFunc(s.after, func() { c.soaked(body) })
		return
	}
	c.log.Info("the configuration has soaked; a router that cannot live with a later one comes back to it", "after", s.after)
}

// endSoak is called with the lock.
func (c *Client) endSoak() {
	s := &c.soak
	if s.body == nil {
		return
	}
	s.timer.Stop()
	if err := c.store.Leave(s.body); err != nil {
		c.log.Warn("the run stays counted as one that died", "error", err)
	}
	s.body = nil
}

// leave ends the soak in good order.
func (c *Client) leave() {
	c.soak.mu.Lock()
	defer c.soak.mu.Unlock()
	c.endSoak()
}

// Boot puts in force what the router starts with, as the function does; but a
// copy with which lkg.MaxDeaths runs died within its soak gives way to the one
// before that has soaked, or without one to the bootstrap configuration. A router
// that goes on with a predecessor's configuration is not counted.
func (c *Client) Boot(bootstrap *core.Config) *core.Config {
	if inForce, _ := c.driver.Config(); c.store == nil || c.soak.after == 0 || inForce != nil {
		return Boot(c.driver, c.store, bootstrap, c.log)
	}
	choice, err := c.store.Start()
	var config *core.Config
	if err == nil {
		config, err = compile("last-known-good copy", choice.Body)
	}
	switch {
	case errors.Is(err, lkg.ErrEmpty):
	case err != nil:
		c.log.Warn("the last-known-good copy cannot be used; starting with the bootstrap file", "error", err)
	case choice.Damaged != nil:
		c.log.Error("the newest copy cannot be used; starting with the one before, which has soaked", "version", config.Version(), "error", choice.Damaged)
	case choice.Soaked:
		c.log.Error("runs died with the newest copy within its soak; starting with the one before, which has soaked", "version", config.Version(), "deaths", choice.Deaths)
	case choice.Deaths >= lkg.MaxDeaths && bootstrap != nil:
		c.log.Error("runs died with the newest copy within its soak, and none has soaked; starting with the bootstrap file", "version", config.Version(), "deaths", choice.Deaths)
		config = nil
	}
	if config == nil {
		if bootstrap != nil {
			c.driver.Adopt(bootstrap, core.Epoch{}, core.OriginBootstrap, core.FaultNone)
		}
		return bootstrap
	}
	if err := c.store.Begin(choice.Body); err != nil {
		c.log.Warn("the run is not counted", "error", err)
	}
	c.driver.Adopt(config, core.Epoch{}, core.OriginDisk, core.FaultNone)
	c.soaking(choice.Body)
	return config
}
