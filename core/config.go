package core

// Config is a compiled configuration: validated, sorted, immutable, and safe
// for any number of readers. Placements are sorted by name; the endpoints of a
// placement by URL, except under First, where the written order is the meaning.
type Config struct {
	version       string
	digest        uint64
	tables        []keyTable    // 0: Spec.Keys; the others in order of name
	routes        []routeConfig // 0: the one that every Spec has
	splits        []split       // each different one once, in ascending order
	noRouteStatus uint16
	placements    []placementConfig
	endpoints     []endpointConfig
	guards        GuardSpec    // R13
	edge          string       // carried for the edge, never read here
	extras        bool         // some placement needs more state of its endpoints: extra.go
	crc           *[256]uint32 // of ketama, nil when no placement uses it
}

// placementConfig is one placement with every default filled in. What every
// request reads comes first.
type placementConfig struct {
	first, end int32   // its endpoints are endpoints[first:end]
	candidates []int32 // R1: itself, then its fallbacks
	kind       Reason
	lastResort LastResort
	selection  Policy
	weighted   bool // weights differ
	plain      bool // its sound endpoints are its admissible ones: neither capped nor narrowed
	capped     bool // some endpoint has a cap
	shares     bool // the limit moves or is shared out: adaptive, tenants, priorities (R5)
	sharded    bool // choice.shards is set
	narrows    bool // choice narrows what is admissible: sticky, slow start, bound
	timed      bool // attempts are timed: slow calls, ewma
	bodyMax    int64
	retries    RetrySpec // zero for none
	limit      LimitSpec
	breaker    BreakerSpec

	name         string
	id           uint64 // hash of the name
	health       HealthSpec
	timeouts     TimeoutSpec
	edge         string // carried for the edge, never read here
	panicPercent uint32 // R9, 0 for none
	panicDo      PanicMode
	choice       choice
}

type endpointConfig struct {
	name, url string
	id        uint64 // hash of placement and URL (R12)
	placement int32
	weight    uint32 // percent
	limit     int32  // cap on its requests in flight, noCap for none (R2)
}

// noCap is the cap of an endpoint that has none: nothing in flight reaches it.
const noCap int32 = 1<<31 - 1

// Route is what Match says of a key under one Config.
//
// It has four fields, two of them in Hashes: the compiler keeps a struct of more
// in memory, and Match then costs a sixth more.
type Route struct {
	Hashes
	Placement int32 // index in that Config, -1 for none
	Reason    Reason
	// Refuse is NoKey or UnknownKey when there is nowhere to go, or what the edge
	// itself found wrong with the request (Class.ByEdge).
	Refuse Class
}

// Hashes are what selection asks of a routing key (R10).
type Hashes struct {
	Key  uint64 // hash of the routing key
	Ring uint32 // CRC-32 of the routing key, where the Config has a ketama ring; else 0
}

// Version returns the operator's label.
func (c *Config) Version() string { return c.version }

// Digest returns a hash of the whole content, the version label included.
// Two configurations with equal digests are treated as the same (R12).
func (c *Config) Digest() uint64 { return c.digest }

// Placements returns the number of placements; they are numbered from 0 in order of name.
func (c *Config) Placements() int { return len(c.placements) }

// Keys returns the number of routing keys in table 0.
func (c *Config) Keys() int { return c.TableKeys(0) }

// Key returns the i-th key of table 0, as TableKey does.
func (c *Config) Key(i int) (key string, home int) { return c.TableKey(0, i) }

// PlacementInfo is one compiled placement, for those who act on decisions or explain them.
type PlacementInfo struct {
	Name       string
	Kind       Reason
	Candidates []int32 // indexes of placements, itself first (R1); read only
	FirstEP    int     // its endpoints are numbers FirstEP..EndEP-1 of Config.Endpoint
	EndEP      int
	Select     Policy
	Bound      uint32   // percent, 0 for none
	Decay      Duration // under EWMA, else 0
	SlowStart  Duration // 0 for none
	Sticky     StickySpec
	Shards     uint32 // 0 for all
	LastResort LastResort
	Limit      LimitSpec
	BodyMax    int64 // 0 for none
	Breaker    BreakerSpec
	Health     HealthSpec
	Timeouts   TimeoutSpec
	Retries    RetrySpec // Max 0 for none
	Panic      uint32    // percent, 0 for none (R9)
	PanicDo    PanicMode
}

// Placement returns the i-th placement, every default filled in.
func (c *Config) Placement(i int) PlacementInfo {
	p := &c.placements[i]
	return PlacementInfo{
		Name: p.name, Kind: p.kind, Candidates: p.candidates,
		FirstEP: int(p.first), EndEP: int(p.end),
		Select: p.selection, LastResort: p.lastResort, Limit: p.limit, BodyMax: p.bodyMax,
		Breaker: p.breaker, Health: p.health, Timeouts: p.timeouts, Retries: p.retries,
		Panic: p.panicPercent, PanicDo: p.panicDo,
		Bound: p.choice.bound, Decay: p.choice.decay, SlowStart: p.choice.slowStart,
		Sticky: p.choice.sticky, Shards: p.choice.shards,
	}
}

// Timeouts returns the timeouts of the i-th placement: what the edge needs of each request.
func (c *Config) Timeouts(i int) *TimeoutSpec { return &c.placements[i].timeouts }

// BodyMax returns the body limit in bytes of the i-th placement, 0 for none.
func (c *Config) BodyMax(i int) int64 { return c.placements[i].bodyMax }

// Retries returns the retries of the i-th placement, every default filled in; Max 0 for none.
func (c *Config) Retries(i int) *RetrySpec { return &c.placements[i].retries }

// Edge returns the text that the Spec carries for the edge, "" for none.
func (c *Config) Edge() string { return c.edge }

// PlacementEdge returns the same of the i-th placement.
func (c *Config) PlacementEdge(i int) string { return c.placements[i].edge }

// Endpoints returns the number of endpoints over all placements.
func (c *Config) Endpoints() int { return len(c.endpoints) }

// EndpointInfo is one compiled endpoint.
type EndpointInfo struct {
	Name, URL string
	Placement int
	Weight    uint32 // percent
	Limit     uint32 // cap on its requests in flight, 0 for none (R2)
}

// Endpoint returns the i-th endpoint: sorted by placement, then by URL or, under First, as written.
func (c *Config) Endpoint(i int) EndpointInfo {
	e := &c.endpoints[i]
	info := EndpointInfo{Name: e.name, URL: e.url, Placement: int(e.placement), Weight: e.weight}
	if e.limit != noCap {
		info.Limit = uint32(e.limit)
	}
	return info
}

// FindPlacement returns the index of the placement with that name.
func (c *Config) FindPlacement(name string) (int, bool) {
	i, ok := searchPlacements(c.placements, name)
	return int(i), ok
}

func searchPlacements(ps []placementConfig, name string) (int32, bool) {
	lo, hi := int32(0), int32(len(ps))
	for lo < hi {
		mid := lo + (hi-lo)/2
		if ps[mid].name < name {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo, lo < int32(len(ps)) && ps[lo].name == name
}

// hash folds the whole content into one word.
func (c *Config) hash() uint64 {
	f := fold(0)
	f.string(c.version)
	f.word(uint64(int64(c.routes[0].fallback)))
	f.word(uint64(c.routes[0].status))
	f.keys(&c.tables[0])
	for i := range c.placements {
		c.placements[i].hash(&f)
	}
	for i := range c.endpoints {
		e := &c.endpoints[i]
		f.string(e.name)
		f.word(e.id)
		f.word(uint64(e.weight))
		if e.limit != noCap {
			f.word(tagCap)
			f.word(uint64(e.limit))
		}
	}
	f.edge(c.edge)
	f.routing(c)
	f.guards(c.guards)
	return uint64(f)
}

// Tags of settings that later versions added. One at its default folds
// nothing, so that configurations without it keep their digest.
const (
	tagEdge    uint64 = 1  // text for the edge
	tagQueue   uint64 = 5  // R5's queue
	tagRetries uint64 = 6  // R11
	tagCap     uint64 = 20 // cap of an endpoint
	tagPanic   uint64 = 21 // panic of a placement
	tagShare   uint64 = 22 // share of a tenant
	tagShed    uint64 = 23 // shares of priorities
	tagAdapt   uint64 = 24 // adaptive limit
)

func (f *fold) edge(s string) {
	if s != "" {
		f.word(tagEdge)
		f.string(s)
	}
}

func (p *placementConfig) hash(f *fold) {
	f.string(p.name)
	f.word(uint64(p.kind))
	f.word(uint64(p.end - p.first))
	for _, c := range p.candidates {
		f.word(uint64(c))
	}
	f.word(uint64(p.lastResort)<<8 | uint64(p.selection))
	f.word(uint64(int64(p.limit.InFlight)))
	f.word(uint64(int64(p.limit.Guests)))
	f.word(uint64(p.limit.WhenFull))
	f.word(uint64(p.bodyMax))
	b := &p.breaker
	f.word(bit(b.Off))
	f.word(uint64(b.Failures)<<32 | uint64(b.Growth))
	f.word(uint64(b.Open))
	f.word(uint64(b.OpenMax))
	f.word(uint64(b.Jitter)<<32 | uint64(b.Probes))
	f.word(uint64(b.Successes)<<32 | uint64(b.MaxOpenPercent))
	h := &p.health
	f.word(bit(h.Off)<<1 | bit(h.StartUnhealthy))
	f.string(h.Path)
	f.word(uint64(h.Every))
	f.word(uint64(h.Timeout))
	f.word(uint64(h.Fall)<<32 | uint64(h.Rise))
	t := &p.timeouts
	for _, d := range [...]Duration{t.Connect, t.ResponseHeader, t.Request, t.BodyIdle, t.UpstreamIdle, t.Settle} {
		f.word(uint64(d))
	}
	p.hashWaits(f)
	f.edge(p.edge)
	if p.panicPercent != 0 {
		f.word(tagPanic)
		f.word(uint64(p.panicPercent)<<8 | uint64(p.panicDo))
	}
	p.hashShares(f)
	p.hashChoice(f)
}

// fold is a running hash of words in order.
type fold uint64

func (f *fold) word(w uint64)   { *f = fold(finalise(uint64(*f) + w + golden)) }
func (f *fold) string(s string) { f.word(HashString(s)); f.word(uint64(len(s))) }

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// hashShares folds how the room is shared out, where it is.
func (p *placementConfig) hashShares(f *fold) {
	if p.limit.TenantShare != 0 {
		f.word(tagShare)
		f.word(uint64(p.limit.TenantShare))
	}
	if p.limit.Priorities[0] != 0 {
		f.word(tagShed)
		for _, share := range p.limit.Priorities {
			f.word(uint64(share))
		}
	}
	if a := &p.limit.Adaptive; a.On() {
		f.word(tagAdapt)
		f.word(uint64(a.Min)<<32 | uint64(a.Max))
		f.word(uint64(a.Start)<<32 | uint64(a.Tolerance))
		f.word(uint64(a.Window))
		f.word(uint64(a.Remeasure))
	}
}
