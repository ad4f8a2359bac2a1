package configfile

import (
	"cmp"
	"fmt"
	"net/url"
	"reflect"
	"strconv"

	"lockstep/core"
)

// native gives the native form its meaning.
func (l *loader) native(root *node) {
	root = l.includes(root)
	l.allDuplicates(root)
	in := decodeAs[nativeFile](&l.decoder, root)
	if v := root.value("lockstep"); v.kind == scalar && in.Lockstep != 1 {
		l.fail(v.at, strconv.Quote(v.text)+" is not a schema version that this program knows", "write lockstep: 1")
	}
	f := l.file
	f.Spec.Version = in.Version
	f.Facts = lowerFacts(in.Facts)
	f.Listen = l.listeners(root.value("listen"), in.Listen)
	f.ControlPlane = l.controlPlane(root.value("control_plane"), &in.ControlPlane)
	f.Spec.Guards = lowerGuards(in.ControlPlane.RefusePushOver)
	f.Recording = Recording{in.Recording.Dir, in.Recording.Keep.value, int64(in.Recording.MaxSize.value), in.Recording.KeyHash.File}
	if n := root.value("recording").get("key_hash"); n != nil && n.value != nil && n.value.kind != null && f.Recording.KeyFile == "" {
		l.fail(n.at, "key_hash names no file with a secret", "write key_hash: {file: F}, with F made by head -c 32 /dev/urandom | base64")
	}
	if n := root.value("recording").value("max_size"); f.Recording.MaxSize > 0 && f.Recording.MaxSize < LeastRecording {
		l.fail(n.at, n.text+" is too little for a recording", "write 8MiB or more, or none")
	}
	f.Observe = l.observe(root, &in)
	placements := l.placements(root, in.Placements)
	l.peak(root, in.Facts)
	l.allKeys(in)
	l.routes(in, root)
	l.must(root.value("must"), in.Must)
	// Keys are found through the key list: their nodes would cost more than the keys.
	f.root = merged(root.without("placements", "keys", "tables"), placements)
	l.priority(in.Priority, root.value("priority"))
	l.cycles()
}

// allDuplicates looks for keys defined twice before any merge can hide them.
func (l *loader) allDuplicates(n *node) {
	l.duplicates(n)
	for _, e := range n.entries {
		switch {
		case e.key == "tables":
			l.duplicates(e.value) // their keys are looked at when they are sorted
		case e.value.kind == mapping && e.key != "keys":
			l.allDuplicates(e.value)
		}
	}
	for _, item := range n.items {
		l.allDuplicates(item)
	}
}

func decodeAs[T any](d *decoder, n *node) T {
	var v T
	d.decode(n, reflect.ValueOf(&v).Elem())
	return v
}

func lowerFacts(in nativeFacts) Facts {
	f := Facts{Routers: in.Routers}
	for name, load := range in.Peak {
		if f.Peak == nil {
			f.Peak = map[string]PeakLoad{}
		}
		f.Peak[name] = PeakLoad{int64(load.Requests), load.Latency}
	}
	return f
}

// peak checks that each stated load is whole and belongs to a placement.
func (l *loader) peak(root *node, in nativeFacts) {
	table := root.value("facts").value("peak")
	if table == nil {
		return
	}
	for _, e := range table.entries {
		load := in.Peak[e.key]
		if e.value.kind == mapping && (load.Requests == 0 || load.Latency == 0) {
			l.fail(e.at, "the load of "+strconv.Quote(e.key)+" needs both requests and latency", "write {requests: 600/s, latency: 50ms}")
		}
		if root.value("placements").get(e.key) == nil {
			l.fail(e.at, "there is no placement named "+strconv.Quote(e.key), "name one that is under placements")
		}
	}
}

// placements lowers every placement after merging defaults < profile <
// placement, and returns the merged map for Where.
func (l *loader) placements(root, table *node) *node {
	out := &node{at: root.at, kind: mapping}
	top := &node{at: root.at, kind: mapping, entries: []entry{{"placements", root.at, out}}}
	if table == nil || !l.want(table, mapping) {
		return top
	}
	top.entries[0].at, out.at = root.get("placements").at, table.at
	l.duplicates(table)
	defaults, profiles := root.value("defaults"), root.value("profiles")
	for _, e := range table.entries {
		n := e.value
		if n.kind == mapping {
			n = overlay(overlay(defaults, l.profile(profiles, n)), n)
		}
		l.file.Spec.Placements = append(l.file.Spec.Placements, l.placement(e.key, n))
		out.entries = append(out.entries, entry{e.key, e.at, n})
	}
	return top
}

// profile returns the settings of the profile that n names, nil for none.
func (l *loader) profile(profiles, n *node) *node {
	name := n.value("profile")
	if name == nil || name.kind != scalar || name.isWord("none") {
		return nil
	}
	if p := profiles.value(name.text); p != nil {
		return p
	}
	var names []string
	if profiles != nil {
		for _, e := range profiles.entries {
			names = append(names, e.key)
		}
	}
	hint := "define it under profiles"
	if best := core.Nearest(name.text, names); best != "" {
		hint = "did you mean " + strconv.Quote(best) + "?"
	}
	l.fail(name.at, "there is no profile named "+strconv.Quote(name.text), hint)
	return nil
}

func (l *loader) placement(name string, n *node) core.PlacementSpec {
	in := decodeAs[placement](&l.decoder, n)
	if at := n.value("limit"); in.Settings.Limit.value.Adaptive.set && lowerLimit(in.Settings.Limit.value).Adaptive.Max == 0 {
		l.fail(at.get("adaptive").at, "an adaptive limit needs max, or in_flight beside it", "write adaptive: {min: 10, max: 800}")
	}
	if at := n.value("limit"); len(in.Settings.Limit.value.Priorities.value) > core.MaxPriorities {
		l.fail(at.get("priorities").at, "there are more shares than priorities", "give at most "+strconv.Itoa(core.MaxPriorities)+", the most critical first")
	}
	l.label(name, in.Labels)
	s := &in.Settings
	endpoints, found := l.discovered(name, in.Endpoints)
	if !found {
		endpoints = l.endpoints(in.Endpoints)
	}
	out := core.PlacementSpec{
		Name: name, Endpoints: endpoints, Edge: l.edgeText(name, n, s, endpoints),
		Fallback: s.Fallback.value, BodyMax: int64(s.BodyMax.value),
		Breaker: lowerBreaker(s.Breaker), Health: lowerHealth(s.Health), Limit: lowerLimit(s.Limit.value),
		Timeouts: core.TimeoutSpec(s.Timeouts), Retries: lowerRetries(s.Retries), Panic: uint32(s.Panic),
		Bound: uint32(s.Bound), Decay: s.Decay, SlowStart: s.SlowStart.value,
		Sticky: core.StickySpec{Cookie: s.Sticky.value.Cookie, TTL: s.Sticky.value.TTL}, Shards: s.Shards.value,
	}
	if s.Sticky.set && s.Sticky.value.Cookie == "" {
		l.fail(n.get("sticky").at, "sticky names no cookie", "write sticky: {cookie: name, ttl: 1h}")
	}
	switch s.Kind {
	case "dedicated":
		out.Kind = core.ReasonDedicated
	case "tier":
		out.Kind = core.ReasonTier
	}
	for p := core.RoundRobin; p <= core.EWMA; p++ {
		if s.Select == p.String() {
			out.Select = p
		}
	}
	for m := core.PanicAll; m <= core.PanicFailOver; m++ {
		if s.PanicDo == m.String() {
			out.PanicDo = m
		}
	}
	if s.LastResort == "refuse" {
		out.LastResort = core.RefuseLastResort
	}
	return out
}

func lowerBreaker(m maybe[breaker]) core.BreakerSpec {
	b := m.value
	failures := b.ConsecutiveFailures.value
	if b.ConsecutiveFailures.none {
		failures = core.NeverConsecutive
	}
	return core.BreakerSpec{
		Off: m.none, Failures: failures, Open: b.Open, Growth: uint32(b.Grow), OpenMax: b.OpenMax,
		Jitter: millionthsOf(b.Jitter), Probes: b.HalfOpenProbes, Successes: b.HalfOpenSuccesses,
		MaxOpenPercent: uint32(b.MaxOpen), FailureRatio: millionthsOf(b.FailureRatio.value), SlowRatio: millionthsOf(b.SlowRatio.value),
		Window: b.Window, MinRequests: b.MinRequests, SlowCall: b.SlowCall, Preset: b.Preset,
	}
}

// millionthsOf keeps a share above 100 % above it, for core to refuse.
func millionthsOf(p percent) uint32 { return uint32(min(p, 1000)) * 10_000 }

func lowerHealth(m maybe[health]) core.HealthSpec {
	h := m.value
	return core.HealthSpec{
		Off: m.none, Path: h.Get, Every: h.Every, Timeout: h.Timeout, Fall: h.Fall, Rise: h.Rise,
		StartUnhealthy: h.Start == "unhealthy",
	}
}

func lowerLimit(in limit) core.LimitSpec {
	out := core.LimitSpec{InFlight: in.InFlight.value, Guests: in.Guests.value, TenantShare: uint32(in.TenantShare.value)}
	in.WhenFull.lower(&out)
	if a := in.Adaptive.value; in.Adaptive.set {
		out.Adaptive = core.AdaptiveSpec{
			Min: a.Min, Max: cmp.Or(a.Max, in.InFlight.value), Start: a.Start, Window: a.Window,
			Tolerance: uint32(a.Tolerance / 10_000), Remeasure: a.Remeasure,
		}
	}
	for i, share := range in.Priorities.value {
		if i < len(out.Priorities) {
			out.Priorities[i] = uint8(min(share, 255))
		}
	}
	if in.Guests.set && in.Guests.value == 0 {
		out.Guests = -1 // here 0 means none at all; in core 0 is no cap
	}
	return out
}

// checkURL reports what keeps text from being an upstream's address; n is its
// node, nil when it is missing, and at then says where it should be.
func (d *decoder) checkURL(text string, n *node, at place) {
	if n == nil {
		d.fail(at, "this endpoint has no url", `write {url: "http://host:port"}`)
		return
	}
	if n.kind != scalar {
		return // reported already
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		d.fail(n.at, fmt.Sprintf("%q is not a URL: %v", text, err.(*url.Error).Err), "write it as http://host:port or https://host:port")
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		d.fail(n.at, strconv.Quote(text)+" is not an absolute http or https URL", "write it as http://host:port or https://host:port")
	}
}
