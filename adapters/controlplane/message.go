package controlplane

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"lockstep/adapters/configfile"
	"lockstep/core"
)

// Types of messages.
const (
	typeSnapshot = "config_snapshot"
	typeAck      = "ack"
	typeNack     = "nack"
)

// Bounds on what one message may hold, so that a peer cannot exhaust memory.
const (
	maxSnapshot = 256 << 20 // a million long keys fit
	maxError    = 4 << 10
)

// snapshot is what a control plane sends.
type snapshot struct {
	Type             string            `json:"type"`
	Version          string            `json:"version"`
	RoutingTable     map[string]string `json:"routingTable"`
	CellEndpoints    map[string]string `json:"cellEndpoints"`
	DefaultPlacement string            `json:"defaultPlacement"`
	// Config is the text of a configuration file; it wins over the three fields above.
	Config string `json:"config,omitempty"`
	// Deliberate says that the operator means it, whatever push guards say (R13).
	Deliberate bool `json:"deliberate,omitempty"`
}

// answer is what a router sends back.
type answer struct {
	Type    string `json:"type"`
	Version string `json:"version"`
	Error   string `json:"error,omitempty"`
}

func ack(version string) answer { return answer{Type: typeAck, Version: version} }

func nack(version string, err error) answer {
	text := err.Error()
	if len(text) > maxError {
		text = text[:maxError] + " …"
	}
	return answer{Type: typeNack, Version: version, Error: text}
}

// encodeSnapshot returns the message for a configuration file's content. What
// the old fields cannot say is left out of them: of a placement's endpoints the
// first counts, of a split key the largest part, of several routes the first;
// and an unknown key that is refused has no default placement.
func encodeSnapshot(f *configfile.File, c *core.Config, text []byte, deliberate bool) ([]byte, error) {
	s := snapshot{
		Deliberate: deliberate,
		Type:       typeSnapshot, Version: c.Version(), DefaultPlacement: f.Spec.Default,
		RoutingTable:  make(map[string]string, c.Keys()),
		CellEndpoints: make(map[string]string, c.Placements()),
	}
	table := c.RouteInfo(0).Table
	for i := range c.TableKeys(table) {
		key, home := c.TableKey(table, i)
		s.RoutingTable[key] = c.Placement(largest(c, home)).Name
	}
	for i := range c.Placements() {
		p := c.Placement(i)
		s.CellEndpoints[p.Name] = c.Endpoint(p.FirstEP).URL
	}
	if f.Form != configfile.Baseline1 {
		s.Config = string(text)
	}
	return json.Marshal(s)
}

// largest returns the placement of a home that gets most of its requests.
func largest(c *core.Config, home int) int {
	if home >= 0 {
		return home
	}
	return slices.MaxFunc(c.Split(^home), func(a, b core.Part) int { return cmp.Compare(a.Share, b.Share) }).Placement
}

// push is a snapshot as a router takes it.
type push struct {
	version    string
	body       []byte // a configuration file's content
	deliberate bool
}

// errNotSnapshot marks a message of another type; a later protocol may have some.
var errNotSnapshot = errors.New("not a " + typeSnapshot)

// decodePush reads a control plane's message. The version is returned with an
// error too, if it could be read, for the nack.
func decodePush(message []byte) (push, error) {
	var head struct {
		Type    string  `json:"type"`
		Version string  `json:"version"`
		Config  *string `json:"config"`

		Deliberate bool `json:"deliberate"`
	}
	if err := json.Unmarshal(message, &head); err != nil {
		return push{}, fmt.Errorf("reading the message: %w", err)
	}
	p := push{version: head.Version, deliberate: head.Deliberate}
	if head.Type != typeSnapshot {
		return p, fmt.Errorf("a message of type %q is %w", head.Type, errNotSnapshot)
	}
	if head.Config != nil {
		p.body = []byte(*head.Config)
		return p, nil
	}
	// The old form is the first baseline form of a file with a type beside it.
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(message, &fields); err != nil {
		return p, fmt.Errorf("reading the message: %w", err)
	}
	delete(fields, "type")
	delete(fields, "deliberate")
	body, err := json.Marshal(fields)
	p.body = body
	return p, err
}

// compile turns a configuration file's content into what core adopts.
func compile(name string, body []byte) (*core.Config, error) {
	f, err := configfile.Parse(name, body)
	if err != nil {
		return nil, err
	}
	return f.Compile()
}
