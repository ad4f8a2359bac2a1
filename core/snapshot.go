package core

import (
	"encoding/binary"
	"errors"
	"slices"
)

// A snapshot is the state as a canonical list of unsigned varints and strings,
// so that any suffix of a recording replays (SPEC, "Snapshot"). Restoring one
// gives a router with the same digest, numbers, handles and deadlines. Counters
// are left out. The configuration is named by its digest, not contained.

const snapshotVersion = 1

// Snapshot appends the state to dst.
func (r *Router) Snapshot(dst []byte) []byte {
	w := writer{dst}
	w.uint(snapshotVersion)
	w.uint(r.seed)
	w.uint(bit(r.draining))
	w.time(r.now)
	w.uint(r.epoch.Term)
	w.uint(r.epoch.Number)
	w.uint(bit(r.config != nil))
	if r.config != nil {
		w.uint(r.config.digest)
	}
	w.uint(uint64(r.serial))
	w.uint(uint64(r.abortFrom))
	w.time(r.timers.get(timerDrain, 0))
	w.uint(uint64(len(r.placements)))
	for i := range r.placements {
		w.placement(&r.placements[i])
	}
	w.uint(uint64(len(r.endpoints)))
	for i := range r.endpoints {
		w.endpoint(&r.endpoints[i], &r.timers, int32(i))
	}
	w.uint(uint64(r.InFlight()))
	for n, ok := r.slots.next(0); ok; n, ok = r.slots.next(n + 1) {
		if s := r.slots.at(n); s.state != slotWaiting {
			w.slot(n, s)
		}
	}
	w.sections(r)
	return w.b
}

// sections writes what is not at rest of what later versions added, in order of tag.
func (w *writer) sections(r *Router) {
	w.journeys(r)
	w.budgets(r)
	w.extras(r)
	w.room(r)
	w.tenants(r)
}

// writer appends snapshot fields.
type writer struct{ b []byte }

func (w *writer) uint(v uint64)   { w.b = binary.AppendUvarint(w.b, v) }
func (w *writer) int(v int64)     { w.b = binary.AppendVarint(w.b, v) }
func (w *writer) time(t Time)     { w.uint(uint64(t)) }
func (w *writer) string(s string) { w.uint(uint64(len(s))); w.b = append(w.b, s...) }

// placement writes one number; a free one is a single 0.
func (w *writer) placement(p *placement) {
	w.uint(bit(p.id != 0))
	if p.id == 0 {
		return
	}
	w.string(p.name)
	w.uint(uint64(p.inFlight))
	w.uint(uint64(p.guests))
}

func (w *writer) endpoint(e *endpoint, t *timers, n int32) {
	w.uint(bit(e.id != 0))
	if e.id == 0 {
		return
	}
	w.string(e.url)
	w.string(e.name)
	w.uint(uint64(e.placement))
	w.uint(bit(e.config >= 0))
	w.uint(uint64(e.inFlight))
	w.int(e.rotation)
	w.uint(bit(e.health.unhealthy))
	w.uint(uint64(e.health.streak))
	w.uint(uint64(e.health.token))
	w.time(t.get(timerHealth, n))
	w.time(t.get(timerHealthGuard, n))
	b := &e.breaker
	w.uint(uint64(b.state))
	w.uint(uint64(b.gen))
	w.uint(uint64(b.failures))
	w.uint(uint64(b.successes))
	w.uint(uint64(b.reopened))
	w.time(b.until)
	w.uint(uint64(b.probes))
	for i := range b.probes {
		w.time(b.guards[i].at)
		w.uint(uint64(b.guards[i].slot))
	}
}

func (w *writer) slot(n uint32, s *slot) {
	w.uint(uint64(n))
	w.uint(s.request)
	w.uint(uint64(s.gen))
	w.uint(uint64(s.generation))
	w.uint(uint64(s.endpoint))
	w.uint(bit(s.guest) | bit(s.probe)<<1 | bit(s.replied)<<2)
}

// SnapshotConfig returns the digest of the configuration that a snapshot
// names, 0 when it names none. The seed is the one it was made under.
func SnapshotConfig(snapshot []byte) (digest, seed uint64, err error) {
	rd := reader{b: snapshot}
	digest, seed = rd.head(New(Options{}))
	return digest, seed, rd.err
}

// Restore returns a router in the state that Snapshot wrote. c is the
// configuration that the snapshot names, nil when it names none. Any input is
// safe; one that Snapshot did not write gives an error.
func Restore(snapshot []byte, c *Config, strict bool) (*Router, error) {
	r := New(Options{Strict: strict})
	rd := reader{b: snapshot}
	digest, _ := rd.head(r)
	switch {
	case rd.err != nil:
		return nil, rd.err
	case digest == 0 && c != nil, digest != 0 && (c == nil || c.digest != digest):
		return nil, errors.New("restoring a snapshot: it was made under another configuration")
	}
	r.config = c
	r.Reserve(c, 0)
	rd.body(r)
	if rd.err == nil && len(rd.b) > 0 {
		rd.fail("bytes are left over")
	}
	if rd.err == nil {
		rd.check(r)
	}
	return r, rd.err
}

// reader consumes snapshot fields; after the first error every read gives 0.
type reader struct {
	b   []byte
	err error
}

func (rd *reader) fail(what string) {
	if rd.err == nil {
		rd.err = errors.New("restoring a snapshot: " + what)
	}
	rd.b = nil
}

// uint reads a value of at most limit.
func (rd *reader) uint(limit uint64) uint64 {
	v, n := binary.Uvarint(rd.b)
	if n <= 0 || v > limit {
		rd.fail("a field is cut off or out of range")
		return 0
	}
	rd.b = rd.b[n:]
	return v
}

func (rd *reader) int() int64 {
	v, n := binary.Varint(rd.b)
	if n <= 0 {
		rd.fail("a field is cut off")
		return 0
	}
	rd.b = rd.b[n:]
	return v
}

func (rd *reader) bool() bool { return rd.uint(1) == 1 }
func (rd *reader) time() Time { return Time(rd.uint(uint64(Never))) }

func (rd *reader) string() string {
	n := rd.uint(uint64(len(rd.b)))
	if uint64(len(rd.b)) < n {
		rd.fail("a string is cut off")
		return ""
	}
	s := string(rd.b[:n])
	rd.b = rd.b[n:]
	return s
}

const (
	max8  = 1<<8 - 1
	max24 = 1<<24 - 1
	max31 = 1<<31 - 1
	max32 = 1<<32 - 1
	max64 = 1<<64 - 1
)

// head reads what comes before the entities and returns the configuration's digest.
func (rd *reader) head(r *Router) (digest, seed uint64) {
	if rd.uint(max64) != snapshotVersion {
		rd.fail("its version is not " + string(rune('0'+snapshotVersion)))
	}
	r.seed = rd.uint(max64)
	r.draining = rd.bool()
	r.now = Time(rd.uint(uint64(latest)))
	r.epoch = Epoch{rd.uint(max64), rd.uint(max64)}
	if rd.bool() {
		if digest = rd.uint(max64); digest == 0 {
			rd.fail("it names configuration 0")
		}
	}
	r.serial = uint32(rd.uint(max32))
	r.abortFrom = uint32(rd.uint(MaxInFlight))
	r.timers.set(timerDrain, 0, rd.time())
	return digest, r.seed
}

func (rd *reader) body(r *Router) {
	// Every entity takes at least a byte, which bounds both counts by the input.
	for range rd.uint(uint64(len(rd.b))) {
		r.placements = append(r.placements, rd.placement(r.config))
	}
	count := rd.uint(min(uint64(len(rd.b)), max24))
	if r.config == nil && len(r.placements)+int(count) > 0 {
		rd.fail("it has placements or endpoints, and no configuration")
		return
	}
	r.timers.reserve(int(count))
	for n := range int32(count) {
		e := rd.endpoint(r, n)
		r.endpoints = append(r.endpoints, e)
	}
	if r.config != nil {
		r.useExtras(r.config)
	}
	r.touchedPlacements.reserve(len(r.placements))
	r.touchedEndpoints.reserve(len(r.endpoints))
	rd.number(r)
	live := rd.uint(MaxInFlight)
	for range live {
		rd.slot(r)
	}
	rd.sections(r)
	for n := range r.placements {
		r.touchPlacement(int32(n))
	}
	for n := range r.endpoints {
		r.touchEndpoint(int32(n))
	}
}

// sections reads the optional sections, each at most once and in order of tag.
func (rd *reader) sections(r *Router) {
	if rd.err == nil && r.config != nil {
		r.retable()
		r.timers.reserve(len(r.placements))
		r.readapt(r.now, nil)
	}
	for last := uint64(0); rd.err == nil && len(rd.b) > 0; {
		tag := rd.uint(max64)
		if tag <= last {
			rd.fail("its sections are out of order")
			return
		}
		last = tag
		switch entity(tag) {
		case entityJourney:
			rd.journeys(r)
		case entityBudget:
			rd.budgets(r)
		case entityExtra:
			rd.extras(r)
		case entityRoom:
			rd.room(r)
		case entityTenant:
			rd.tenants(r)
		default:
			rd.fail("it has a section that this version does not know")
		}
	}
}

func (rd *reader) placement(c *Config) placement {
	if !rd.bool() {
		return placement{config: -1}
	}
	p := placement{name: rd.string(), config: -1, inFlight: int32(rd.uint(max31)), guests: int32(rd.uint(max31))}
	p.id = HashString(p.name)
	if c != nil {
		if i, ok := searchPlacements(c.placements, p.name); ok {
			p.config = i
		}
	}
	return p
}

func (rd *reader) endpoint(r *Router, n int32) endpoint {
	if !rd.bool() {
		return endpoint{config: -1}
	}
	e := endpoint{url: rd.string(), name: rd.string(), placement: int32(rd.uint(max31)), config: -1}
	if int(e.placement) >= len(r.placements) || r.placements[e.placement].id == 0 {
		rd.fail("an endpoint belongs to no placement")
		return endpoint{config: -1}
	}
	e.id = identity(r.placements[e.placement].name, e.url)
	current := rd.bool()
	if current {
		rd.inConfig(r, &e)
	}
	e.inFlight = int32(rd.uint(max31))
	e.rotation = rd.int()
	e.health = health{unhealthy: rd.bool(), streak: uint32(rd.uint(max32)), token: uint32(rd.uint(max32))}
	for _, k := range [...]timerKind{timerHealth, timerHealthGuard} {
		if at := rd.time(); current {
			r.timers.set(k, n, at)
		} else if at != Never {
			rd.fail("a retiring endpoint is probed")
		}
	}
	rd.breaker(&e.breaker)
	r.timers.set(timerBreakerGuard, n, e.breaker.firstGuard())
	rd.reachable(r, &e, n)
	return e
}

// reachable refuses what no Step makes of an endpoint, and later ones rely on.
func (rd *reader) reachable(r *Router, e *endpoint, n int32) {
	switch {
	case e.config < 0 && e.health.token != 0:
		rd.fail("a retiring endpoint is probed")
	case e.config < 0 && e.breaker.probes > 0:
		rd.fail("a retiring endpoint has a half-open probe out")
	case e.config < 0 && e.inFlight == 0:
		rd.fail("a retiring endpoint holds nothing")
	case e.config >= 0 && r.healthSpec(e).Off && (e.health != (health{}) || r.timers.get(timerHealth, n) != Never || r.timers.get(timerHealthGuard, n) != Never):
		rd.fail("an endpoint whose health is off is probed")
	}
}

// inConfig finds e in the configuration.
func (rd *reader) inConfig(r *Router, e *endpoint) {
	if p := r.placements[e.placement].config; p >= 0 {
		for i := r.config.placements[p].first; i < r.config.placements[p].end; i++ {
			if c := &r.config.endpoints[i]; c.id == e.id {
				e.config, e.weight, e.limit = i, c.weight, c.limit
				return
			}
		}
	}
	rd.fail("an endpoint is not in the configuration")
}

func (rd *reader) breaker(b *breaker) {
	b.state = Circuit(rd.uint(uint64(HalfOpen)))
	b.gen = uint32(rd.uint(max32))
	b.failures = uint32(rd.uint(max32))
	b.successes = uint32(rd.uint(max32))
	b.reopened = uint32(rd.uint(maxReopened))
	b.until = rd.time()
	b.probes = uint8(rd.uint(MaxProbes))
	for i := range b.probes {
		b.guards[i] = guard{rd.time(), uint32(rd.uint(MaxInFlight))}
	}
	if b.state == CircuitNone || b.probes > 0 && b.state != HalfOpen {
		rd.fail("a breaker's state is impossible")
	}
}

// number rebuilds the map from indexes of the configuration to numbers.
func (rd *reader) number(r *Router) {
	if r.config == nil || rd.err != nil {
		return
	}
	r.numbers.placement = unnumbered(r.numbers.placement, len(r.config.placements))
	r.numbers.endpoint = unnumbered(r.numbers.endpoint, len(r.config.endpoints))
	found := 0
	for n := range r.placements {
		if i := r.placements[n].config; i >= 0 && r.numbers.placement[i] < 0 {
			r.numbers.placement[i] = int32(n)
			found++
		}
	}
	for n := range r.endpoints {
		if i := r.endpoints[n].config; i >= 0 && r.numbers.endpoint[i] < 0 {
			r.numbers.endpoint[i] = int32(n)
			found++
		}
	}
	if found != len(r.config.placements)+len(r.config.endpoints) {
		rd.fail("it does not cover its configuration")
	}
}

func unnumbered(s []int32, n int) []int32 {
	s = s[:0]
	for range n {
		s = append(s, -1)
	}
	return s
}

func (rd *reader) slot(r *Router) {
	n := uint32(rd.uint(MaxInFlight - 1))
	s := slot{request: rd.uint(max64), gen: uint32(rd.uint(max32)), generation: uint32(rd.uint(max32)), endpoint: int32(rd.uint(max31))}
	flags := rd.uint(7)
	s.guest, s.probe, s.replied = flags&1 != 0, flags&2 != 0, flags&4 != 0
	if rd.err != nil {
		return
	}
	if int(s.endpoint) >= len(r.endpoints) || r.endpoints[s.endpoint].id == 0 || s.gen == 0 {
		rd.fail("an attempt belongs to no endpoint")
		return
	}
	for int(n>>chunkBits) >= len(r.slots.chunks) {
		r.slots.grow()
	}
	if r.slots.at(n).gen != 0 {
		rd.fail("two attempts hold one slot")
		return
	}
	*r.slots.at(n) = s
	r.slots.mark(n)
	r.remix(r.slots.at(n))
}

// check holds together what was read one by one.
func (rd *reader) check(r *Router) {
	rd.counts(r)
	if r.timers.next() < r.now {
		rd.fail("a deadline has passed")
	}
	if twins(r.placements, func(p *placement) uint64 { return p.id }) {
		rd.fail("two placements have one name")
	}
	if twins(r.endpoints, func(e *endpoint) uint64 { return e.id }) {
		rd.fail("two endpoints have one identity")
	}
}

// twins reports whether two of a list have one id; 0 is none.
func twins[T any](list []T, id func(*T) uint64) bool {
	ids := make([]uint64, 0, len(list))
	for i := range list {
		if v := id(&list[i]); v != 0 {
			ids = append(ids, v)
		}
	}
	slices.Sort(ids)
	return len(slices.Compact(ids)) < len(ids)
}

// counts compares those of endpoints and placements with the attempts.
func (rd *reader) counts(r *Router) {
	perEndpoint := make([]int32, len(r.endpoints))
	perPlacement := make([]int32, len(r.placements))
	guests := make([]int32, len(r.placements))
	for n, ok := r.slots.next(0); ok; n, ok = r.slots.next(n + 1) {
		s := r.slots.at(n)
		if s.state == slotWaiting {
			continue
		}
		home := r.endpoints[s.endpoint].placement
		perEndpoint[s.endpoint]++
		perPlacement[home]++
		guests[home] += int32(bit(s.guest))
	}
	for n := range r.endpoints {
		if r.endpoints[n].inFlight != perEndpoint[n] {
			rd.fail("an endpoint's count is not that of its attempts")
		}
	}
	for n := range r.placements {
		if r.placements[n].inFlight != perPlacement[n] || r.placements[n].guests != guests[n] {
			rd.fail("a placement's count is not that of its attempts")
		}
	}
}
