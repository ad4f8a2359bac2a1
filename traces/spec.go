package traces

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"lockstep/core"
)

// The JSON of a configuration: lower_snake names, zero values left out,
// durations in ns, shares as core has them. The structs repeat core's so that
// core needs no tags; where Go can convert one to the other a field added in
// core stops the build here until it is added too.

type specJSON struct {
	Version        string          `json:"version"`
	Keys           keysJSON        `json:"keys,omitempty"`
	Default        string          `json:"default,omitempty"`
	UnknownStatus  uint16          `json:"unknown_status,omitempty"`
	ChainFallbacks bool            `json:"chain_fallbacks,omitempty"`
	Placements     []placementJSON `json:"placements"`
	Edge           string          `json:"edge,omitempty"`
	Tables         []tableJSON     `json:"tables,omitempty"`
	Table          string          `json:"table,omitempty"`
	Routes         []routeJSON     `json:"routes,omitempty"`
	Splits         []splitJSON     `json:"splits,omitempty"`
	NoRouteStatus  uint16          `json:"no_route_status,omitempty"`
	Guards         guardsJSON      `json:"guards,omitzero"`
}

type guardsJSON struct {
	KeysRerouted     uint32 `json:"keys_rerouted,omitempty"` // percent, as all four
	KeysRemoved      uint32 `json:"keys_removed,omitempty"`
	EndpointsRemoved uint32 `json:"endpoints_removed,omitempty"`
	LimitLowered     uint32 `json:"limit_lowered,omitempty"`
}

type tableJSON struct {
	Name string   `json:"name"`
	Keys keysJSON `json:"keys"`
}

type routeJSON struct {
	Table         string `json:"table,omitempty"`
	Default       string `json:"default,omitempty"`
	UnknownStatus uint16 `json:"unknown_status,omitempty"`
}

type splitJSON struct {
	Name  string     `json:"name"`
	Parts []partJSON `json:"parts"`
}

type partJSON struct {
	Placement string `json:"placement"`
	Share     uint32 `json:"share,omitempty"`
}

type placementJSON struct {
	Name       string         `json:"name"`
	Kind       string         `json:"kind,omitempty"`
	Endpoints  []endpointJSON `json:"endpoints"`
	Fallback   []string       `json:"fallback,omitempty"`
	LastResort string         `json:"last_resort,omitempty"`
	Select     string         `json:"select,omitempty"`
	Bound      uint32         `json:"bound,omitempty"`
	Decay      core.Duration  `json:"decay,omitempty"`
	SlowStart  core.Duration  `json:"slow_start,omitempty"`
	Sticky     stickyJSON     `json:"sticky,omitzero"`
	Shards     uint32         `json:"shards,omitempty"`
	Limit      limitJSON      `json:"limit,omitzero"`
	BodyMax    int64          `json:"body_max,omitempty"`
	Breaker    breakerJSON    `json:"breaker,omitzero"`
	Health     healthJSON     `json:"health,omitzero"`
	Timeouts   timeoutJSON    `json:"timeouts,omitzero"`
	Retries    retriesJSON    `json:"retries,omitzero"`
	Panic      uint32         `json:"panic_percent,omitempty"`
	PanicDo    string         `json:"panic,omitempty"`
	Edge       string         `json:"edge,omitempty"`
}

type stickyJSON struct {
	Cookie string        `json:"cookie,omitempty"`
	TTL    core.Duration `json:"ttl,omitempty"`
}

type endpointJSON struct {
	Name   string `json:"name,omitempty"`
	URL    string `json:"url"`
	Weight uint32 `json:"weight,omitempty"`
	Limit  uint32 `json:"limit,omitempty"`
}

type limitJSON struct {
	InFlight int32         `json:"in_flight,omitempty"`
	Guests   int32         `json:"guests,omitempty"`
	WhenFull string        `json:"when_full,omitempty"`
	Queue    int32         `json:"queue,omitempty"`
	Wait     core.Duration `json:"wait,omitempty"`
	Order    string        `json:"order,omitempty"`

	TenantShare uint32 `json:"tenant_share,omitempty"`
	Priorities  []int  `json:"priorities,omitempty"` // percent; the last holds for all that follow

	Adaptive adaptiveJSON `json:"adaptive,omitzero"`
}

type adaptiveJSON struct {
	Min       int32         `json:"min,omitempty"`
	Max       int32         `json:"max,omitempty"`
	Start     int32         `json:"start,omitempty"`
	Window    core.Duration `json:"window,omitempty"`
	Tolerance uint32        `json:"tolerance,omitempty"` // percent
	Remeasure uint32        `json:"remeasure,omitempty"` // windows
}

type breakerJSON struct {
	Off            bool          `json:"off,omitempty"`
	Failures       uint32        `json:"failures,omitempty"`
	Open           core.Duration `json:"open,omitempty"`
	Growth         uint32        `json:"growth,omitempty"`
	OpenMax        core.Duration `json:"open_max,omitempty"`
	Jitter         uint32        `json:"jitter,omitempty"`
	Probes         uint32        `json:"probes,omitempty"`
	Successes      uint32        `json:"successes,omitempty"`
	MaxOpenPercent uint32        `json:"max_open_percent,omitempty"`
	FailureRatio   uint32        `json:"failure_ratio,omitempty"`
	SlowRatio      uint32        `json:"slow_ratio,omitempty"`
	Window         core.Duration `json:"window,omitempty"`
	MinRequests    uint32        `json:"min_requests,omitempty"`
	SlowCall       core.Duration `json:"slow_call,omitempty"`
	Preset         string        `json:"preset,omitempty"`
}

type healthJSON struct {
	Off            bool          `json:"off,omitempty"`
	Path           string        `json:"path,omitempty"`
	Every          core.Duration `json:"every,omitempty"`
	Timeout        core.Duration `json:"timeout,omitempty"`
	Fall           uint32        `json:"fall,omitempty"`
	Rise           uint32        `json:"rise,omitempty"`
	StartUnhealthy bool          `json:"start_unhealthy,omitempty"`
}

type timeoutJSON struct {
	Connect        core.Duration `json:"connect,omitempty"`
	ResponseHeader core.Duration `json:"response_header,omitempty"`
	Request        core.Duration `json:"request,omitempty"`
	BodyIdle       core.Duration `json:"body_idle,omitempty"`
	UpstreamIdle   core.Duration `json:"upstream_idle,omitempty"`
	Settle         core.Duration `json:"settle,omitempty"`
}

// keysJSON is an object from key to placement, in the order given. It is
// written by hand because keys may be any bytes, and there may be a million.
type keysJSON []core.KeySpec

// MarshalJSON implements json.Marshaler.
func (ks keysJSON) MarshalJSON() ([]byte, error) {
	dst := []byte{'{'}
	for i, k := range ks {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, k.Key)
		dst = append(dst, ':')
		dst = appendString(dst, k.Placement)
	}
	return append(dst, '}'), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (ks *keysJSON) UnmarshalJSON(b []byte) error {
	s := scanner{b: b}
	s.expect('{')
	for name, ok := s.key(true); ok; name, ok = s.key(false) {
		key := string(name)
		*ks = append(*ks, core.KeySpec{Key: key, Placement: string(s.string())})
	}
	s.end()
	return s.err
}

// EncodeSpec returns the canonical JSON of s. Strings other than keys must be UTF-8.
func EncodeSpec(s *core.Spec) []byte {
	out := specJSON{
		Version: s.Version, Keys: s.Keys, Default: s.Default, UnknownStatus: s.UnknownStatus,
		ChainFallbacks: s.ChainFallbacks, Placements: make([]placementJSON, len(s.Placements)), Edge: s.Edge,
		NoRouteStatus: s.NoRouteStatus, Table: s.Table, Guards: guardsJSON(s.Guards),
	}
	for _, t := range s.Tables {
		out.Tables = append(out.Tables, tableJSON{t.Name, t.Keys})
	}
	for _, r := range s.Routes {
		out.Routes = append(out.Routes, routeJSON(r))
	}
	for _, p := range s.Splits {
		out.Splits = append(out.Splits, splitJSON{p.Name, convert(p.Parts, func(q core.PartSpec) partJSON { return partJSON(q) })})
	}
	for i := range s.Placements {
		p := &s.Placements[i]
		q := placementJSON{
			Name: p.Name, Kind: p.Kind.String(), Fallback: p.Fallback, BodyMax: p.BodyMax,
			LastResort: enumLastResort.print(uint64(p.LastResort)), Select: enumPolicy.print(uint64(p.Select)),
			Limit:   encodeLimit(&p.Limit),
			Breaker: breakerJSON(p.Breaker), Health: healthJSON(p.Health), Timeouts: timeoutJSON(p.Timeouts),
			Retries: retriesOf(&p.Retries), Panic: p.Panic, PanicDo: enumPanic.print(uint64(p.PanicDo)), Edge: p.Edge,
			Bound: p.Bound, Decay: p.Decay, SlowStart: p.SlowStart, Sticky: stickyJSON(p.Sticky), Shards: p.Shards,
		}
		for _, e := range p.Endpoints {
			q.Endpoints = append(q.Endpoints, endpointJSON(e))
		}
		out.Placements[i] = q
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(out) // these types cannot fail
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// DecodeSpec reads what EncodeSpec wrote. A field that is not known is an error.
func DecodeSpec(b []byte) (core.Spec, error) {
	var in specJSON
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&in); err != nil {
		return core.Spec{}, fmt.Errorf("reading a configuration: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return core.Spec{}, errors.New("reading a configuration: there is more after its end")
	}
	s := core.Spec{
		Version: in.Version, Keys: in.Keys, Default: in.Default, UnknownStatus: in.UnknownStatus,
		ChainFallbacks: in.ChainFallbacks, Edge: in.Edge, NoRouteStatus: in.NoRouteStatus, Table: in.Table, Guards: core.GuardSpec(in.Guards),
	}
	for _, t := range in.Tables {
		s.Tables = append(s.Tables, core.TableSpec{Name: t.Name, Keys: t.Keys})
	}
	for _, r := range in.Routes {
		s.Routes = append(s.Routes, core.RouteSpec(r))
	}
	for _, p := range in.Splits {
		s.Splits = append(s.Splits, core.SplitSpec{Name: p.Name, Parts: convert(p.Parts, func(q partJSON) core.PartSpec { return core.PartSpec(q) })})
	}
	for i := range in.Placements {
		p, err := in.Placements[i].spec()
		if err != nil {
			return core.Spec{}, fmt.Errorf("reading placement %q of a configuration: %w", in.Placements[i].Name, err)
		}
		s.Placements = append(s.Placements, p)
	}
	return s, nil
}

func convert[A, B any](list []A, f func(A) B) []B {
	var out []B
	for _, v := range list {
		out = append(out, f(v))
	}
	return out
}

func (q *placementJSON) spec() (core.PlacementSpec, error) {
	p := core.PlacementSpec{
		Name: q.Name, Fallback: q.Fallback, BodyMax: q.BodyMax,
		Limit:   decodeLimit(&q.Limit),
		Breaker: core.BreakerSpec(q.Breaker), Health: core.HealthSpec(q.Health), Timeouts: core.TimeoutSpec(q.Timeouts),
		Retries: q.Retries.spec(), Panic: q.Panic, Edge: q.Edge,
		Bound: q.Bound, Decay: q.Decay, SlowStart: q.SlowStart, Sticky: core.StickySpec(q.Sticky), Shards: q.Shards,
	}
	for _, e := range q.Endpoints {
		p.Endpoints = append(p.Endpoints, core.EndpointSpec(e))
	}
	for _, f := range [...]struct {
		name string
		enum enum
		text string
		set  func(uint64)
	}{
		{"kind", enumReason, q.Kind, func(v uint64) { p.Kind = core.Reason(v) }},
		{"last_resort", enumLastResort, q.LastResort, func(v uint64) { p.LastResort = core.LastResort(v) }},
		{"select", enumPolicy, q.Select, func(v uint64) { p.Select = core.Policy(v) }},
		{"panic", enumPanic, q.PanicDo, func(v uint64) { p.PanicDo = core.PanicMode(v) }},
		{"when_full", enumWhenFull, q.Limit.WhenFull, func(v uint64) { p.Limit.WhenFull = core.WhenFull(v) }},
		{"order", enumQueueOrder, q.Limit.Order, func(v uint64) { p.Limit.Order = core.QueueOrder(v) }},
		{"methods", enumRetryMethods, q.Retries.Methods, func(v uint64) { p.Retries.Methods = core.RetryMethods(v) }},
	} {
		if f.text == "" {
			continue
		}
		v, ok := f.enum.value(f.text)
		if !ok {
			return p, fmt.Errorf("%s: %q is not a value of it", f.name, f.text)
		}
		f.set(v)
	}
	return p, nil
}
