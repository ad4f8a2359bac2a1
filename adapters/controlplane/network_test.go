package controlplane

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"lockstep/adapters/driver"
	"lockstep/adapters/memnet"
	"lockstep/core"
	"lockstep/core/loop"
)

const address = "localhost:8081"

// network has one address, and counts who dials it.
type network struct {
	memory memnet.Network
	dials  atomic.Int32
}

// serve puts a handler at the address until the returned function takes it away
// and cuts every connection.
func (n *network) serve(h http.Handler) (down func()) {
	l := n.memory.Listen(address)
	s := &http.Server{Handler: h}
	go func() { _ = s.Serve(l) }()
	return func() {
		l.Refuse(true)
		_ = s.Close()
	}
}

func (n *network) client() *http.Client {
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		n.dials.Add(1)
		return n.memory.Dial(ctx, network, address)
	}
	return &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
}

// router is a real driver with a Client that runs until the test ends.
func router(t *testing.T, n *network, change func(*Options)) *driver.Driver {
	t.Helper()
	return routerSeenBy(t, n, nil, change)
}

// routerSeenBy is router with an observer of its steps.
func routerSeenBy(t *testing.T, n *network, seen loop.Observer, change func(*Options)) *driver.Driver {
	t.Helper()
	d := driver.New(driver.Options{Observer: seen})
	o := Options{URL: "ws://" + address, HTTP: n.client(), Log: discard}
	if change != nil {
		change(&o)
	}
	c, err := NewClient(d, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { c.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
		d.Close()
	})
	return d
}

// form1 is a configuration file in the baseline's first form.
func form1(version string) string {
	return `{"version":"` + version + `","routingTable":{"visa":"visa","acme":"tier1"},` +
		`"cellEndpoints":{"visa":"http://127.0.0.1:9001","tier1":"http://127.0.0.1:9002"},"defaultPlacement":"tier1"}`
}

// inForce returns the version in force, "" for none.
func inForce(d *driver.Driver) string {
	c, _ := d.Config()
	if c == nil {
		return ""
	}
	return c.Version()
}

func mustCompile(t *testing.T, text string) *core.Config {
	t.Helper()
	c, err := compile("test", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}
