package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"lockstep/adapters/configfile"
	"lockstep/adapters/discovery"
	"lockstep/core"
)

// firstAnswers is how long a router waits for DNS before it serves with what it has.
const firstAnswers = 5 * time.Second

// dnsNames is what a configuration's endpoints are found by, by placement.
func dnsNames(f *configfile.File) map[string]discovery.Name {
	names := make(map[string]discovery.Name, len(f.Discover))
	for _, d := range f.Discover {
		names[d.Placement] = discovery.Name{Service: d.Service, Host: d.Host, Port: d.Port, Scheme: d.Scheme, Server: d.Server}
	}
	return names
}

// found keeps together what a router's configuration is made of: its file, and
// the endpoints that DNS knows for it.
type found struct {
	router *router
	ctx    context.Context // ends with the router
	end    context.CancelFunc

	mu        sync.Mutex
	file      *configfile.File
	names     map[string]discovery.Name
	endpoints map[string][]core.EndpointSpec // by placement
	cancel    func()                         // of whoever follows the names
	following sync.WaitGroup
}

func newFound(r *router) *found {
	f := &found{router: r}
	f.ctx, f.end = context.WithCancel(context.Background())
	return f
}

// close returns when nobody follows any names more.
func (f *found) close() {
	f.end()
	f.following.Wait()
}

// use puts a file in force, with the endpoints that are known for its names. Those of
// new names are waited for a moment, so that a router does not begin with none.
func (f *found) use(file *configfile.File) (core.Decision, error) {
	names := dnsNames(file)
	fresh := map[string]discovery.Name{}
	f.mu.Lock()
	for placement, n := range names {
		if f.names[placement] != n || len(f.endpoints[placement]) == 0 {
			fresh[placement] = n
		}
	}
	f.mu.Unlock()
	first, cancel := context.WithTimeout(f.ctx, firstAnswers)
	answers, failed := discovery.All(first, fresh, nil)
	cancel()
	for placement, err := range failed {
		f.router.o.log.Warn("endpoints are not found by DNS yet", "placement", placement, "error", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for placement, n := range names {
		switch {
		case len(answers[placement]) > 0:
		case f.names[placement] == n && len(f.endpoints[placement]) > 0:
			answers[placement] = f.endpoints[placement]
		}
	}
	for i := range file.Discover {
		if d := &file.Discover[i]; f.file == nil && len(answers[d.Placement]) == 0 {
			answers[d.Placement] = f.inherited(d)
		}
	}
	config, err := file.CompileWith(answers)
	if err != nil {
		return core.Decision{}, err
	}
	d := f.router.driver.Adopt(config, core.Epoch{}, core.OriginFile, core.FaultNone)
	if d.Kind != core.Ack {
		return d, nil
	}
	f.file, f.names, f.endpoints = file, names, answers
	f.follow()
	return d, nil
}

// inherited is what a predecessor's configuration has for a placement: its last
// good answer is kept through an upgrade, as it is through a failure of DNS.
func (f *found) inherited(d *configfile.Discovery) (endpoints []core.EndpointSpec) {
	c, _ := f.router.driver.Config()
	if c == nil {
		return nil
	}
	i, ok := c.FindPlacement(d.Placement)
	if !ok {
		return nil
	}
	p := c.Placement(i)
	for n := p.FirstEP; n < p.EndEP; n++ {
		e := c.Endpoint(n)
		if d.Unresolved().URL == e.URL {
			return nil // the predecessor had no answer either
		}
		if e.Weight == 100 {
			e.Weight = 0 // as it is written: the version's label is made of that
		}
		endpoints = append(endpoints, core.EndpointSpec{Name: e.Name, URL: e.URL, Weight: e.Weight})
	}
	return endpoints
}

// follow asks for the names of the file in force from now on.
func (f *found) follow() {
	if f.cancel != nil {
		f.cancel()
		f.cancel = nil
	}
	if len(f.names) == 0 {
		return
	}
	ctx, cancel := context.WithCancel(f.ctx)
	f.cancel = cancel
	file := f.file
	options := discovery.Options{
		Names: f.names, Known: f.endpoints, Log: f.router.o.log,
		Found: func(all map[string][]core.EndpointSpec) { f.changed(file, all) },
	}
	f.following.Go(func() { discovery.Run(ctx, options) })
}

// changed adopts other endpoints for the same file.
func (f *found) changed(file *configfile.File, all map[string][]core.EndpointSpec) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file != file {
		return // a new file is in force, and its names are asked for anew
	}
	config, err := file.CompileWith(all)
	if err != nil {
		f.router.o.log.Error("the endpoints found by DNS are refused, the old ones stay in force", "error", err)
		return
	}
	if d := f.router.driver.Adopt(config, core.Epoch{}, core.OriginFile, core.FaultNone); d.Kind != core.Ack {
		f.router.o.log.Error("the endpoints found by DNS are refused, the old ones stay in force", "cause", d.Cause)
		return
	}
	f.endpoints = all
}

// unresolved warns of names that DNS does not know now.
func unresolved(f *configfile.File) (warnings configfile.Problems) {
	ctx, cancel := context.WithTimeout(context.Background(), firstAnswers)
	defer cancel()
	_, failed := discovery.All(ctx, dnsNames(f), nil)
	for i := range f.Discover {
		d := &f.Discover[i]
		if err := failed[d.Placement]; err != nil {
			warnings = append(warnings, d.Warning(
				fmt.Sprintf("the endpoints of %q are not found now: %v", d.Placement, err),
				"a router keeps the last answer it had; until the first, requests fail as dns"))
		}
	}
	return warnings
}
