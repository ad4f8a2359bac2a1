package core_test

import (
	"testing"

	"lockstep/core"
)

func TestSnapshotConfigNamesTheConfigurationAndTheSeed(t *testing.T) {
	r := core.New(core.Options{Seed: 5})
	if digest, seed, err := core.SnapshotConfig(r.Snapshot(nil)); digest != 0 || seed != 5 || err != nil {
		t.Errorf("before the first configuration: %x, %d, %v", digest, seed, err)
	}
	c, err := core.Compile(core.Spec{Version: "1", Placements: []core.PlacementSpec{
		{Name: "a", Endpoints: []core.EndpointSpec{{URL: "http://a:1"}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	r.Step(0, &core.Event{Kind: core.Adopt, Config: c}, nil)
	if digest, seed, err := core.SnapshotConfig(r.Snapshot(nil)); digest != c.Digest() || seed != 5 || err != nil {
		t.Errorf("under a configuration: %x, %d, %v", digest, seed, err)
	}
}
