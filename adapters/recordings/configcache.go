package recordings

import (
	"sync"

	"lockstep/core"
)

// cachedConfigs bounds a configCache. A push that changes nothing in between
// leaves few in force at a time, and each can have a million keys.
const cachedConfigs = 16

// configCache saves compiling again what every segment repeats. It goes by the
// checksum and the length of a configuration's frame, not by what that claims.
type configCache struct {
	mu    sync.Mutex
	known map[configFrame]*core.Config
	order []configFrame // oldest first
}

// configFrame tells frames apart.
type configFrame struct {
	digest uint64
	size   int64
	crc    uint32
}

func (c *configCache) get(f configFrame) *core.Config {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known[f]
}

func (c *configCache) put(f configFrame, config *core.Config) {
	if c == nil || config == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known[f] != nil {
		return
	}
	if c.known == nil {
		c.known = map[configFrame]*core.Config{}
	}
	if len(c.order) >= cachedConfigs {
		delete(c.known, c.order[0])
		c.order = c.order[1:]
	}
	c.known[f] = config
	c.order = append(c.order, f)
}
