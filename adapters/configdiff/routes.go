package configdiff

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"lockstep/adapters/configfile"
	"lockstep/adapters/routing"
	"lockstep/core"
)

// RouteChange is what differs of one route: what it takes, where the key is,
// which table it asks, and where unknown keys go.
type RouteChange struct {
	Name     string    `json:"name"` // "" for the one route of a configuration without routes of its own
	What     string    `json:"what"` // Added, Removed or Changed
	Settings []Setting `json:"settings,omitempty"`
	// OldUnknown and NewUnknown say what becomes of unknown keys, where that differs:
	// the candidates, or the status of the refusal.
	OldUnknown string               `json:"old_unknown_key,omitempty"`
	NewUnknown string               `json:"new_unknown_key,omitempty"`
	UnknownAt  *configfile.Position `json:"unknown_key_at,omitempty"` // in the new side, where it is written
	Keys       *KeyChanges          `json:"keys,omitempty"`           // where it asks a table of another name
	// Order is set where routes that both sides have stand in another order: the first
	// that takes a request counts.
	OldPlace int  `json:"old_place,omitempty"` // from 1
	NewPlace int  `json:"new_place,omitempty"`
	Order    bool `json:"order,omitempty"`
}

// route is one route of one side.
type route struct {
	name   string
	values []configfile.Value
	info   core.RouteInfo
	via    int
}

// routesOf lists the routes of a side. A configuration that does what the
// baseline does has one, without a name.
func routesOf(s Side) ([]route, error) {
	settings, err := routing.Settings(s.Config)
	if err != nil {
		return nil, fmt.Errorf("reading the routes of %s: %w", s.Name, err)
	}
	out := make([]route, s.Config.Routes())
	for i := range out {
		out[i] = route{info: s.Config.RouteInfo(i), via: i}
		if settings != nil && i < len(settings.Routes) {
			out[i].name = settings.Routes[i].Name
			out[i].values, _ = s.File.EffectiveRoute(s.Config, out[i].name)
			out[i].values = slices.DeleteFunc(out[i].values, func(v configfile.Value) bool { return strings.HasPrefix(v.Path, "routing.") })
			continue
		}
		out[i].values = plainRoute(s, i)
	}
	return out, nil
}

// plainRoute is what the one route does where the file writes none.
func plainRoute(s Side, i int) []configfile.Value {
	r := s.Config.RouteInfo(i)
	values := []configfile.Value{
		{Path: "match.host", Value: "any"},
		{Path: "match.path", Value: "any"},
		{Path: "match.listen", Value: "any"},
		{Path: "key[0]", Value: "header " + routing.HeaderKey},
		{Path: "client_cert", Value: "optional"},
		{Path: "split_by", Value: "request id"},
		{Path: "table", Value: cmp.Or(s.Config.TableName(r.Table), "keys")},
	}
	v := configfile.Value{Path: "unknown_key.reject", Value: strconv.Itoa(int(r.Status))}
	if r.Unknown >= 0 {
		v = configfile.Value{Path: "unknown_key.to", Value: s.Config.Placement(r.Unknown).Name}
	}
	if at, ok := s.File.Where(configfile.RoutePath(i, v.Path)); ok {
		v.From = at
	}
	return append(values, v)
}

// unknownText says what becomes of a key that the table of a route does not have.
func unknownText(c *core.Config, r *core.RouteInfo) string {
	if r.Unknown < 0 {
		return fmt.Sprintf("refused with %d", r.Status)
	}
	return strings.Join(chain(c, r.Unknown), " → ")
}

// routes compares them by name; where each side has one only, those two.
func (x *comparison) routes(r *Report) {
	a, b := x.oldRoutes, x.newRoutes
	partner := func(list []route, name string) int {
		if len(a) == 1 && len(b) == 1 {
			return 0
		}
		return slices.IndexFunc(list, func(o route) bool { return o.name == name })
	}
	for i := range a {
		if partner(b, a[i].name) < 0 {
			r.Routes = append(r.Routes, RouteChange{Name: a[i].name, What: Removed, OldPlace: i + 1, OldUnknown: unknownText(x.old.Config, &a[i].info)})
		}
	}
	last := -1
	for i := range b {
		k := partner(a, b[i].name)
		if k < 0 {
			r.Routes = append(r.Routes, RouteChange{Name: b[i].name, What: Added, NewPlace: i + 1, NewUnknown: unknownText(x.new.Config, &b[i].info)})
			continue
		}
		if c := x.route(&a[k], &b[i], k < last); c != nil {
			c.OldPlace, c.NewPlace = k+1, i+1
			r.Routes = append(r.Routes, *c)
		}
		last = max(last, k)
	}
}

// route compares a route of both sides, nil for the same.
func (x *comparison) route(a, b *route, order bool) *RouteChange {
	c := &RouteChange{Name: b.name, What: Changed, Settings: differences(a.values, b.values), Order: order}
	if old, now := unknownText(x.old.Config, &a.info), unknownText(x.new.Config, &b.info); old != now {
		c.OldUnknown, c.NewUnknown = old, now
		for _, v := range b.values {
			if strings.HasPrefix(v.Path, "unknown_key.") {
				c.UnknownAt = place(v.From)
			}
		}
	}
	if old, now := x.old.Config.TableName(a.info.Table), x.new.Config.TableName(b.info.Table); old != now {
		k := x.keys(a.info.Table, b.info.Table, false)
		k.Table, k.Route = cmp.Or(old, "keys")+" → "+cmp.Or(now, "keys"), cmp.Or(b.name, "the one route")
		c.Keys = &k
	}
	if len(c.Settings) == 0 && c.OldUnknown == c.NewUnknown && !c.Order {
		return nil
	}
	return c
}

// askedBy names the routes of a side that ask a table.
func askedBy(c *core.Config, routes []route, table string) (out []*route) {
	for i := range routes {
		if cmp.Or(c.TableName(routes[i].info.Table), "keys") == table {
			out = append(out, &routes[i])
		}
	}
	return out
}
