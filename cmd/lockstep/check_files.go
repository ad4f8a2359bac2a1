package main

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"lockstep/adapters/configfile"
	"lockstep/adapters/edge"
	"lockstep/adapters/routing"
	"lockstep/adapters/settings"
	up "lockstep/adapters/upstream"
	"lockstep/core"
)

// beside collects what a configuration needs beside itself. What is there and
// cannot be used is a fault; what is not there is a warning, since the router
// may be on another machine.
type beside struct {
	file             *configfile.File
	faults, warnings configfile.Problems
	told             []string // each place and fault once: defaults serve many placements
}

// filesAndPorts looks at the files that a configuration names, and at what its listeners need.
func filesAndPorts(f *configfile.File, c *core.Config) (faults, warnings configfile.Problems) {
	b := &beside{file: f}
	for _, l := range f.Listen {
		for _, err := range edge.CheckFiles(l) {
			b.tell("listen."+l.Name+".tls", err, "the router does not start without it")
		}
		if configfile.SamePort(l.Address, f.Observe.Admin.Address) {
			b.faults = append(b.faults, f.At("admin.address", fmt.Sprintf("admin has the address of listener %q", l.Name), "give one of the two another port"))
		}
	}
	b.routes(c)
	for i := range c.Placements() {
		info := c.Placement(i)
		p, err := settings.ReadPlacement(c.PlacementEdge(i))
		if err != nil || p.Upstream == nil {
			continue
		}
		if err := up.CheckFiles(p.Upstream); err != nil {
			b.tell("placements."+info.Name+".upstream.tls", err, "until it is there, requests to its endpoints end as internal (500)")
		}
	}
	return b.faults, b.warnings
}

// tell books what is wrong with a file.
func (b *beside) tell(path string, err error, without string) {
	missing := errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)
	what, hint := "this cannot be used: "+err.Error(), "mend the file: a router reads it as check does"
	if missing {
		what = "this cannot be read here: " + err.Error()
		hint = "files are found from the folder that the router is started in; " + without
	}
	p := b.file.At(path, what, hint)
	if id := p.Position.String() + what; !slices.Contains(b.told, id) {
		b.told = append(b.told, id)
		if missing {
			b.warnings = append(b.warnings, p)
		} else {
			b.faults = append(b.faults, p)
		}
	}
}

// routes looks at what key sources need.
func (b *beside) routes(c *core.Config) {
	s, err := routing.Settings(c)
	if err != nil || s == nil {
		return
	}
	asks := slices.ContainsFunc(b.file.Listen, func(l configfile.Listener) bool { return l.TLS != nil && l.TLS.ClientCA != "" })
	for i := range s.Routes {
		for k := range s.Routes[i].Sources {
			src := &s.Routes[i].Sources[k]
			path := fmt.Sprintf("routes[%d].key[%d]", i, k)
			if src.JWT != nil {
				if err := routing.CheckKeys(src.JWT.JWKS); err != nil {
					b.tell(path+".jwks.file", err, "until it is there, no token holds")
				}
			}
			if src.SAN != nil && !asks {
				b.warnings = append(b.warnings, b.file.At(path+".client_cert_san", "no listener asks for client certificates, so this source never has a key",
					"write client_ca in the tls of a listener"))
			}
		}
	}
}
