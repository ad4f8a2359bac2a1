package core

import (
	"cmp"
	"slices"
	"strconv"
)

// Routes, key tables and splits (R1). Route 0 looks keys up in table 0, which
// is Spec.Keys, unless Spec.Table names another, and sends unknown keys to
// Spec.Default; a Spec may add more of each. Which request takes which route is the edge's to say: an Arrive names it.

// Limits of the routes of a Spec.
const (
	MaxRoutes = 1024  // route 0 included
	MaxTables = 1024  // table 0 included
	MaxSplits = 65536 // different ones
)

// million is the whole of a share.
const million = 1_000_000

// TableSpec is one more key table.
type TableSpec struct {
	Name string // 1 to 200 characters from ! to ~, each once
	Keys []KeySpec
}

// RouteSpec is one more route, numbered by its place after route 0.
type RouteSpec struct {
	Table         string // name of a table; "" means Spec.Keys
	Default       string // placement that takes unknown keys; "" refuses them
	UnknownStatus uint16 // status of that refusal, 400..599; 0 means 421
}

// SplitSpec divides the requests of a key between placements, so that a tenant
// can move step by step. Keys name it in place of a placement. The order of
// parts carries no meaning.
type SplitSpec struct {
	Name  string // not that of a placement
	Parts []PartSpec
}

// PartSpec is the share of one placement.
type PartSpec struct {
	Placement string
	Share     uint32 // parts per million; those of a split are 1,000,000 in all; 0 is a placement that gets none yet
}

// routeConfig is one route, compiled.
type routeConfig struct {
	table    int32
	fallback int32 // placement of unknown keys, -1 to refuse them
	status   uint16
}

// part is one part of a split: it takes the draws from the one before up to end.
type part struct {
	placement int32
	end       uint32 // running sum of shares
}

// Match is MatchVia for route 0 and a request without a hash: where no key is
// split, and there are no other routes, it is the whole map.
func (c *Config) Match(key string) (route Route, ok bool) { return c.MatchVia(0, key, 0) }

// MatchVia is the pure map from a key, the route by which it came and the
// split hash (Event.SplitHash) to its home placement. An empty key is refused;
// an unknown key goes where the route says (R1). A route that the
// configuration does not have gives a Route that the router refuses as
// internal. ok is false exactly when the request will be refused.
func (c *Config) MatchVia(via uint16, key string, split uint64) (route Route, ok bool) {
	if key == "" {
		return Route{Placement: -1, Refuse: NoKey}, false
	}
	hashes := Hashes{Key: HashString(key)}
	if c.crc != nil {
		hashes.Ring = c.crc32(key)
	}
	if int(via) >= len(c.routes) {
		return Route{Hashes: hashes, Placement: -1}, false
	}
	r := &c.routes[via]
	if p, found := c.tables[r.table].find(key, hashes.Key); found {
		if p < 0 {
			p = c.splits[^p].draw(hashes.Key, split)
		}
		return Route{Hashes: hashes, Placement: p, Reason: c.placements[p].kind}, true
	}
	if r.fallback < 0 {
		return Route{Hashes: hashes, Placement: -1, Refuse: UnknownKey}, false
	}
	return Route{Hashes: hashes, Placement: r.fallback, Reason: ReasonDefault}, true
}

// split is the parts of one split, in ascending order of placement.
type split []part

// draw returns the placement whose part the request falls into. There is no
// seed, so all routers of a fleet agree; the key's hash is folded in, so that a
// user who is early in one tenant's migration is not early in every one.
func (s split) draw(key, request uint64) int32 {
	u := uint32(below(draw(0, request, key, purposeSplit), million))
	for i := range s {
		if u < s[i].end {
			return s[i].placement
		}
	}
	return s[len(s)-1].placement
}

// SplitHash returns what decides which part of a split an Arrive falls into:
// Split where the edge gave one, else the request's own hash.
func (ev *Event) SplitHash() uint64 {
	if ev.Split != 0 {
		return ev.Split
	}
	return ev.Request
}

// Routes returns the number of routes, at least 1.
func (c *Config) Routes() int { return len(c.routes) }

// RouteInfo is one compiled route.
type RouteInfo struct {
	Table    int    // of Config.TableName
	Unknown  int    // index of the placement that takes unknown keys, -1 when they are refused
	Status   uint16 // of that refusal
	Multiple bool   // the configuration has more than one route
}

// RouteInfo returns route i.
func (c *Config) RouteInfo(i int) RouteInfo {
	r := &c.routes[i]
	return RouteInfo{Table: int(r.table), Unknown: int(r.fallback), Status: r.status, Multiple: len(c.routes) > 1}
}

// NoRouteStatus returns the status of a request that no route takes.
func (c *Config) NoRouteStatus() uint16 { return c.noRouteStatus }

// Tables returns the number of key tables, at least 1.
func (c *Config) Tables() int { return len(c.tables) }

// TableName returns the name of table i, "" for table 0.
func (c *Config) TableName(i int) string { return c.tables[i].name }

// TableKeys returns the number of keys in table i.
func (c *Config) TableKeys(i int) int { return len(c.tables[i].keys) }

// TableKey returns the i-th key of a table in ascending order and its home: the
// index of a placement, or below 0 the split ^home.
func (c *Config) TableKey(table, i int) (key string, home int) {
	t := &c.tables[table]
	return t.keys[i], int(t.placements[i])
}

// TableHome returns the home of a key in a table, as TableKey does.
func (c *Config) TableHome(table int, key string) (home int, ok bool) {
	p, ok := c.tables[table].find(key, HashString(key))
	return int(p), ok
}

// Splits returns the number of different splits.
func (c *Config) Splits() int { return len(c.splits) }

// Part is one part of a compiled split.
type Part struct {
	Placement int
	Share     uint32 // parts per million
}

// Split returns the parts of split i in ascending order of placement.
func (c *Config) Split(i int) []Part {
	parts, before := make([]Part, len(c.splits[i])), uint32(0)
	for k, p := range c.splits[i] {
		parts[k] = Part{int(p.placement), p.end - before}
		before = p.end
	}
	return parts
}

// HomeName returns the name of a home that Key or TableKey gave: that of the
// placement, or the text of the split, "cell-07 95% cell-12 5%".
func (c *Config) HomeName(home int) string {
	if home >= 0 {
		return c.placements[home].name
	}
	text := ""
	for i, p := range c.Split(^home) {
		if i > 0 {
			text += " "
		}
		text += c.placements[p.Placement].name + " " + Percent(p.Share)
	}
	return text
}

// Percent writes a share in parts per million as percents, without loss: 0.25%.
func Percent(share uint32) string {
	text := strconv.Itoa(int(share / 10_000))
	if rest := share % 10_000; rest > 0 {
		digits := strconv.Itoa(int(10_000 + rest))[1:]
		for digits[len(digits)-1] == '0' {
			digits = digits[:len(digits)-1]
		}
		text += "." + digits
	}
	return text + "%"
}

// compileSplits validates the splits, puts equal ones together and sorts them,
// so that neither their names nor their order change the configuration. It
// returns which of them each name stands for.
func (c *compiler) compileSplits() map[string]int32 {
	if len(c.spec.Splits) == 0 {
		return nil
	}
	named := make([]split, len(c.spec.Splits))
	for i := range c.spec.Splits {
		s := &c.spec.Splits[i]
		path := "splits." + s.Name
		if _, taken := searchPlacements(c.config.placements, s.Name); taken || s.Name == "" {
			c.fail(path, "has no name, or that of a placement", "give it a name of its own")
		}
		named[i] = c.split(s, path)
	}
	all := slices.Clone(named)
	order := func(a, b split) int {
		return slices.CompareFunc(a, b, func(p, q part) int {
			return cmp.Or(cmp.Compare(p.placement, q.placement), cmp.Compare(p.end, q.end))
		})
	}
	slices.SortFunc(all, order)
	all = slices.CompactFunc(all, func(a, b split) bool { return order(a, b) == 0 })
	if len(all) > MaxSplits {
		c.fail("splits", "there are "+strconv.Itoa(len(all))+" different ones", "use at most "+strconv.Itoa(MaxSplits))
	}
	c.config.splits = all
	numbers := make(map[string]int32, len(named))
	for i := range named {
		name := c.spec.Splits[i].Name
		if _, twice := numbers[name]; twice {
			c.fail("splits."+name, "is defined twice", "keep one of the two")
		}
		at, _ := slices.BinarySearchFunc(all, named[i], order)
		numbers[name] = int32(at)
	}
	return numbers
}

func (c *compiler) split(s *SplitSpec, path string) split {
	var out split
	sum := uint64(0)
	for _, p := range s.Parts {
		at, ok := searchPlacements(c.config.placements, p.Placement)
		switch {
		case !ok:
			c.fail(path+"."+p.Placement, c.unknown(p.Placement), c.suggest(p.Placement))
		case slices.ContainsFunc(out, func(q part) bool { return q.placement == at }):
			c.fail(path+"."+p.Placement, "is there twice", "give it the sum of both shares")
		}
		sum += uint64(p.Share)
		out = append(out, part{at, p.Share})
	}
	if n := len(s.Parts); n == 0 || n > MaxCandidates {
		c.fail(path, "there are "+strconv.Itoa(n)+" parts", "give 1 to "+strconv.Itoa(MaxCandidates))
	} else if sum != million {
		c.fail(path, "the shares are "+Percent(uint32(min(sum, 4_000_000_000)))+" in all", "make them 100% in all")
	}
	slices.SortFunc(out, func(p, q part) int { return cmp.Compare(p.placement, q.placement) })
	for i := 1; i < len(out); i++ {
		out[i].end += out[i-1].end
	}
	return out
}

// routing compiles tables, splits and routes.
func (c *compiler) routing() {
	splits := c.compileSplits()
	c.config.tables = append(c.config.tables, c.table("", "keys", c.spec.Keys, splits))
	if n := len(c.spec.Tables) + 1; n > MaxTables {
		c.fail("tables", "there are "+strconv.Itoa(n), "use at most "+strconv.Itoa(MaxTables))
		return
	}
	order := slices.Clone(c.spec.Tables)
	slices.SortStableFunc(order, func(a, b TableSpec) int { return cmp.Compare(a.Name, b.Name) })
	for i := range order {
		path := "tables." + order[i].Name
		if !validName(order[i].Name) {
			c.fail(path, "the name is empty, too long or not printable ASCII", "use 1 to 200 characters from ! to ~")
		}
		if i > 0 && order[i].Name == order[i-1].Name {
			c.fail(path, "is defined twice", "keep one of the two")
		}
		c.config.tables = append(c.config.tables, c.table(order[i].Name, path, order[i].Keys, splits))
	}
	if n := len(c.spec.Routes) + 1; n > MaxRoutes {
		c.fail("routes", "there are "+strconv.Itoa(n), "use at most "+strconv.Itoa(MaxRoutes))
		return
	}
	c.route(&RouteSpec{c.spec.Table, c.spec.Default, c.spec.UnknownStatus}, "")
	for i := range c.spec.Routes {
		c.route(&c.spec.Routes[i], "routes["+strconv.Itoa(i+1)+"].")
	}
	orDefault(&c.config.noRouteStatus, NoRoute.Row().Status)
	if s := c.config.noRouteStatus; s < 400 || s > 599 {
		c.fail("no_route.reject", strconv.Itoa(int(s))+" is not an error status", "use 400 to 599")
	}
}

// route compiles one route; path is empty for route 0, whose settings stand at the top.
func (c *compiler) route(r *RouteSpec, path string) {
	out := routeConfig{fallback: -1, status: r.UnknownStatus}
	orDefault(&out.status, UnknownKey.Row().Status)
	if out.status < 400 || out.status > 599 {
		c.fail(path+"unknown_key.reject", strconv.Itoa(int(out.status))+" is not an error status", "use 400 to 599")
	}
	at := slices.IndexFunc(c.config.tables, func(t keyTable) bool { return t.name == r.Table })
	if at < 0 {
		c.fail(path+"table", "there is no table named "+strconv.Quote(r.Table), "define it under tables, or leave it out for keys")
	}
	out.table = int32(max(at, 0))
	if r.Default != "" {
		p, ok := searchPlacements(c.config.placements, r.Default)
		if !ok {
			where := path + "unknown_key.to"
			if path == "" {
				where = "default"
			}
			c.fail(where, c.unknown(r.Default), c.suggest(r.Default))
		}
		out.fallback = p
	}
	c.config.routes = append(c.config.routes, out)
}

func (c *compiler) table(name, path string, keys []KeySpec, splits map[string]int32) keyTable {
	sorted := sortKeys(keys)
	names := make([]string, 0, len(sorted))
	homes := make([]int32, 0, len(sorted))
	for i, k := range sorted {
		home, ok := searchPlacements(c.config.placements, k.Placement)
		if !ok && splits != nil {
			if s, isSplit := splits[k.Placement]; isSplit {
				home, ok = ^s, true
			}
		}
		switch {
		case k.Key == "":
			c.fail(path, "a key is empty", "an empty key can never match: remove it")
		case i > 0 && k.Key == sorted[i-1].Key:
			c.fail(path+"."+k.Key, "is defined twice", "keep one of the two")
		case !ok:
			c.fail(path+"."+k.Key, c.unknown(k.Placement), c.suggest(k.Placement))
		}
		names = append(names, k.Key)
		homes = append(homes, home)
	}
	if len(c.errs) > 0 {
		return keyTable{name: name}
	}
	t := newKeyTable(names, homes)
	t.name = name
	return t
}

// Tags of what routes add to the digest of a Config, see tagEdge.
const (
	tagSplits  uint64 = 40 + iota
	tagTables         // those after table 0
	tagRoutes         // those after route 0
	tagNoRoute        // another status than the default
	tagTable          // of route 0, another than table 0
)

// routing folds what goes beyond one table, one route and whole placements.
func (f *fold) routing(c *Config) {
	if len(c.splits) > 0 {
		f.word(tagSplits)
		f.word(uint64(len(c.splits)))
		for _, s := range c.splits {
			f.word(uint64(len(s)))
			for _, p := range s {
				f.word(uint64(p.placement)<<32 | uint64(p.end))
			}
		}
	}
	if len(c.tables) > 1 {
		f.word(tagTables)
		for i := range c.tables[1:] {
			t := &c.tables[1+i]
			f.string(t.name)
			f.word(uint64(len(t.keys)))
			f.keys(t)
		}
	}
	if c.routes[0].table > 0 {
		f.word(tagTable)
		f.word(uint64(c.routes[0].table))
	}
	if len(c.routes) > 1 {
		f.word(tagRoutes)
		for _, r := range c.routes[1:] {
			f.word(uint64(r.table)<<32 | uint64(uint32(r.fallback)))
			f.word(uint64(r.status))
		}
	}
	if c.noRouteStatus != NoRoute.Row().Status {
		f.word(tagNoRoute)
		f.word(uint64(c.noRouteStatus))
	}
}

func (f *fold) keys(t *keyTable) {
	for i, k := range t.keys {
		f.string(k)
		f.word(uint64(t.placements[i]))
	}
}
