package configfile

import (
	"strconv"

	"lockstep/core"
)

// The native form as it is written. lower.go gives it its meaning. A field with
// a later tag is named by the rules and refused until it does something.

type nativeFile struct {
	Lockstep     int                 `yaml:"lockstep"`
	Version      string              `yaml:"version"`
	Include      []includeItem       `yaml:"include"`
	Facts        nativeFacts         `yaml:"facts"`
	Listen       map[string]listener `yaml:"listen"`
	ControlPlane controlPlane        `yaml:"control_plane"`
	Recording    recording           `yaml:"recording"`
	Routing      routing             `yaml:"routing"`
	Admin        admin               `yaml:"admin"`
	AccessLog    maybe[accessLog]    `yaml:"access_log"`
	Metrics      metricsSettings     `yaml:"metrics"`
	Tracing      tracing             `yaml:"tracing"`
	Routes       []route             `yaml:"routes"`
	Priority     priority            `yaml:"priority"`
	Defaults     settings            `yaml:"defaults"`
	Profiles     map[string]settings `yaml:"profiles"`
	Placements   *node               `yaml:"placements"` // decoded one by one, after the merge
	Keys         *node               `yaml:"keys"`       // key: placement; may be many
	Tables       *node               `yaml:"tables"`     // name: {key: placement}
	Must         map[string]pledge   `yaml:"must"`
}

type nativeFacts struct {
	Routers Range                 `yaml:"routers"`
	Peak    map[string]nativeLoad `yaml:"peak"`
}

type nativeLoad struct {
	Requests rate          `yaml:"requests" check:"positive"`
	Latency  core.Duration `yaml:"latency" check:"positive"`
}

type controlPlane struct {
	URL            string            `yaml:"url"`
	LastKnownGood  lastKnownGood     `yaml:"last_known_good"`
	Identity       *node             `yaml:"identity" later:"mTLS"`
	RefusePushOver maybe[pushGuards] `yaml:"refuse_push_over"`
}

type lastKnownGood struct {
	Dir       string               `yaml:"dir"`
	Bootstrap string               `yaml:"bootstrap"`
	Soak      maybe[core.Duration] `yaml:"soak" check:"positive"`
}

type recording struct {
	Dir     string               `yaml:"dir"`
	Keep    maybe[core.Duration] `yaml:"keep" check:"positive"`
	MaxSize maybe[size]          `yaml:"max_size" check:"positive"`
	KeyHash keyFile              `yaml:"key_hash"`
}

type unknownKey struct {
	To     string `yaml:"to"`
	Reject uint16 `yaml:"reject" check:"positive"`
}

// settings is what defaults, a profile and a placement have in common.
type settings struct {
	Kind       string               `yaml:"kind" oneof:"dedicated tier"`
	Fallback   maybe[[]string]      `yaml:"fallback"`
	LastResort string               `yaml:"last_resort" oneof:"use refuse"`
	Select     string               `yaml:"select" oneof:"round_robin least_request rendezvous first ketama maglev ewma"`
	Bound      percent              `yaml:"bound" check:"positive"`
	Decay      core.Duration        `yaml:"decay" check:"positive"`
	SlowStart  maybe[core.Duration] `yaml:"slow_start" check:"positive"`
	Sticky     maybe[sticky]        `yaml:"sticky"`
	Shards     maybe[uint32]        `yaml:"shards" check:"positive"`
	Timeouts   timeouts             `yaml:"timeouts"`
	Health     maybe[health]        `yaml:"health"`
	Breaker    maybe[breaker]       `yaml:"breaker"`
	Limit      maybe[limit]         `yaml:"limit"`
	BodyMax    maybe[size]          `yaml:"body_max" check:"positive"`
	Retries    maybe[retries]       `yaml:"retries"`
	Upstream   upstreamForm         `yaml:"upstream"`
	Panic      percent              `yaml:"panic_percent" check:"positive"`
	PanicDo    string               `yaml:"panic" oneof:"all fail fail_over"`
}

type placement struct {
	Profile   string            `yaml:"profile"`
	Labels    map[string]string `yaml:"labels"` // nothing decides by them; promises name them
	Endpoints *node             `yaml:"endpoints"`
	Settings  settings          `yaml:",inline"`
}

type endpoint struct {
	URL    string  `yaml:"url"`
	Weight percent `yaml:"weight" check:"positive"`
	Limit  uint32  `yaml:"limit" check:"positive"`
}

type timeouts struct {
	Connect        core.Duration `yaml:"connect" check:"positive"`
	ResponseHeader core.Duration `yaml:"response_header" check:"positive"`
	Request        core.Duration `yaml:"request" check:"positive"`
	BodyIdle       core.Duration `yaml:"body_idle" check:"positive"`
	UpstreamIdle   core.Duration `yaml:"upstream_idle" check:"positive"`
	Settle         core.Duration `yaml:"settle" check:"positive"`
}

type health struct {
	Get     string        `yaml:"get"`
	TCP     bool          `yaml:"tcp"`
	TLS     bool          `yaml:"tls"`
	GRPC    *string       `yaml:"grpc"`   // the service; "" means the whole server
	Status  []statusRange `yaml:"status"` // of get: which are healthy
	Every   core.Duration `yaml:"every" check:"positive"`
	Timeout core.Duration `yaml:"timeout" check:"positive"`
	Fall    uint32        `yaml:"fall" check:"positive"`
	Rise    uint32        `yaml:"rise" check:"positive"`
	Start   string        `yaml:"start" oneof:"healthy unhealthy"`
}

type breaker struct {
	ConsecutiveFailures maybe[uint32]  `yaml:"consecutive_failures" check:"positive"`
	Open                core.Duration  `yaml:"open" check:"positive"`
	Grow                factor         `yaml:"grow" check:"positive"`
	OpenMax             core.Duration  `yaml:"open_max" check:"positive"`
	Jitter              percent        `yaml:"jitter"`
	HalfOpenProbes      uint32         `yaml:"half_open_probes" check:"positive"`
	HalfOpenSuccesses   uint32         `yaml:"half_open_successes" check:"positive"`
	MaxOpen             percent        `yaml:"max_open" check:"positive"`
	FailureRatio        maybe[percent] `yaml:"failure_ratio" check:"positive"`
	SlowRatio           maybe[percent] `yaml:"slow_ratio" check:"positive"`
	SlowCall            core.Duration  `yaml:"slow_call" check:"positive"`
	Window              core.Duration  `yaml:"window" check:"positive"`
	MinRequests         uint32         `yaml:"min_requests" check:"positive"`
	Preset              string         `yaml:"preset" oneof:"baseline gobreaker envoy haproxy"`
}

type sticky struct {
	Cookie string        `yaml:"cookie" check:"positive"`
	TTL    core.Duration `yaml:"ttl" check:"positive"`
}

type limit struct {
	InFlight maybe[int32] `yaml:"in_flight" check:"positive"`
	Guests   maybe[int32] `yaml:"guests"`
	WhenFull whenFull     `yaml:"when_full"`

	TenantShare maybe[percent]   `yaml:"tenant_share" check:"positive"`
	Priorities  maybe[[]percent] `yaml:"priorities"`
	Adaptive    maybe[adaptive]  `yaml:"adaptive"`
}

// adaptive is a limit that follows latency.
type adaptive struct {
	Min       int32         `yaml:"min" check:"positive"`
	Max       int32         `yaml:"max" check:"positive"`
	Start     int32         `yaml:"start" check:"positive"`
	Window    core.Duration `yaml:"window" check:"positive"`
	Tolerance factor        `yaml:"tolerance" check:"positive"`
	Remeasure uint32        `yaml:"remeasure" check:"positive"`
}

// endpoints lists a placement's endpoints in the order written: for select: first it is the meaning.
func (d *decoder) endpoints(n *node) []core.EndpointSpec {
	if n == nil || !d.want(n, mapping) {
		return nil
	}
	d.duplicates(n)
	var out []core.EndpointSpec
	for _, e := range n.entries {
		v := decodeAs[endpoint](d, e.value)
		d.checkURL(v.URL, e.value.value("url"), e.at)
		out = append(out, core.EndpointSpec{Name: e.key, URL: v.URL, Weight: uint32(v.Weight), Limit: v.Limit})
	}
	return out
}

// count is n for a person: 1 placement, 2 placements.
func count(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return strconv.Itoa(n) + " " + thing
}
