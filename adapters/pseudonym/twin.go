package pseudonym

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"lockstep/core"
	"lockstep/core/loop"
	"lockstep/traces"
)

// Twin is a router under hashed keys that takes every step that another took
// under plain ones.
type Twin struct {
	Names *Names
	// Anew permits configurations that hash the key, and decisions that come out otherwise for it.
	Anew bool

	configs map[uint64]*core.Config // hashed, by the digest of the plain one
	router  *core.Router            // nil where none can go on
	next    uint64                  // step
	out     []core.Decision
}

// Retold is a step as the twin took it, valid until the next.
type Retold struct {
	Event     core.Event
	Request   *loop.Request // Arrive only
	Decisions []core.Decision
	Other     bool // they are not those that were recorded
}

// mostConfigs bounds how many are kept for when they come back.
const mostConfigs = 16

// Router returns the twin's router, nil when it cannot go on.
func (t *Twin) Router() *core.Router { return t.router }

// Joins reports whether the twin can go on with a block.
func (t *Twin) Joins(b *traces.BlockHead) bool { return t.router != nil && b.Joins(t.next) }

// Next returns the step that the twin takes next.
func (t *Twin) Next() uint64 { return t.next }

// Config returns the hashed form of a configuration. The error says why there
// is none that decides the same.
func (t *Twin) Config(c *core.Config) (*core.Config, error) {
	if known := t.configs[c.Digest()]; known != nil {
		return known, nil
	}
	if err := Refuse(c); err != nil && !t.Anew {
		return nil, err
	}
	out, err := t.Names.Config(c)
	if err != nil {
		return nil, err
	}
	if len(t.configs) >= mostConfigs || t.configs == nil {
		t.configs = map[uint64]*core.Config{}
	}
	t.configs[c.Digest()] = out
	return out, nil
}

// HashingError says that a configuration chooses by a hash of the key.
type HashingError struct {
	Version string
	By      []string // what does, such as "placement a by rendezvous"
}

// Error says which configuration and what in it.
func (e *HashingError) Error() string {
	by := e.By
	if more := len(by) - 5; more > 0 {
		by = append(by[:5:5], fmt.Sprintf("and %d more", more))
	}
	return fmt.Sprintf("configuration %q chooses by a hash of the key (%s): under another key it would choose otherwise", e.Version, strings.Join(by, ", "))
}

// Refuse returns a *HashingError for a configuration that chooses by a hash of the key, nil for any other.
func Refuse(c *core.Config) error {
	if by := hashing(c); len(by) > 0 {
		return &HashingError{c.Version(), by}
	}
	return nil
}

// hashing names what in a configuration decides by a hash of the key.
func hashing(c *core.Config) (by []string) {
	for i := range c.Placements() {
		switch p := c.Placement(i); {
		case p.Select.Hashing():
			by = append(by, fmt.Sprintf("placement %s by %s", p.Name, p.Select))
		case p.Shards > 0:
			by = append(by, fmt.Sprintf("placement %s by shards", p.Name))
		}
	}
	for i := range c.Splits() {
		by = append(by, "split "+c.HomeName(^i))
	}
	return by
}

// ErrInFlight says that a twin cannot begin at a block.
var ErrInFlight = errors.New("attempts in flight are counted by a hash of their key (tenant_share), which cannot be led to the key")

// Restart begins anew at a block, whose snapshot names keys by their hashes
// alone. plain is the configuration that it was taken under, nil for none.
func (t *Twin) Restart(b *traces.BlockHead, plain *core.Config) error {
	t.router = nil
	var own *core.Config
	var err error
	if plain != nil {
		if own, err = t.Config(plain); err != nil {
			return err
		}
	}
	snapshot, ok := resnap(b.Snapshot, plain, own, t.Names)
	if !ok {
		return ErrInFlight
	}
	if t.router, err = core.Restore(snapshot, own, false); err != nil {
		t.router = nil
		return err
	}
	t.next = b.Step
	return nil
}

// Follow makes the block's first step the next: what Joins allows may repeat a number.
func (t *Twin) Follow(b *traces.BlockHead) { t.next = b.Step }

// Step takes a step. After an error the twin goes on at a block, by Restart.
func (t *Twin) Step(f *traces.Fact) (Retold, error) {
	s := Retold{Event: f.Event}
	switch {
	case s.Event.Kind == core.Arrive:
		req := f.Request
		req.Key = t.Names.Of(req.Key)
		s.Request = &req
		s.Event.Route = traces.RouteOf(t.router.Config(), req.Key, &s.Event)
	case s.Event.Kind == core.Adopt && s.Event.Config != nil:
		c, err := t.Config(s.Event.Config)
		if err != nil {
			t.router = nil
			return s, err
		}
		s.Event.Config = c
	}
	t.out = t.router.Step(f.Time, &s.Event, t.out[:0])
	t.next++
	s.Decisions, s.Other = t.out, !slices.Equal(t.out, f.Decisions)
	if s.Other && !t.Anew {
		t.router = nil
		return s, fmt.Errorf("step %d is decided otherwise under other keys", f.Step)
	}
	return s, nil
}
