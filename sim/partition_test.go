package sim

import (
	"testing"

	"lockstep/core"
)

// cutOff is plain with placement a cut off one way or both from 5 s to 9 s.
func cutOff(kind FaultKind, share uint32) Plan {
	p := plain()
	p.Length = 14 * core.Second
	p.Faults = []Fault{{Kind: kind, Placement: "a", At: 5 * sec, Until: 9 * sec, Share: share}}
	return p
}

func TestOneWayIsEnoughToLoseADial(t *testing.T) {
	for _, kind := range []FaultKind{PartitionOut, PartitionBack} {
		p := cutOff(kind, 250_000)
		p.Clients[0].Rate = 1000
		r := mustRun(t, p)
		got := during(&r, 0, 5*sec, 7*sec) // later ones outlast the partition
		dials, pooled := got.ByClass[core.ConnectTimeout], got.ByClass[core.ResponseTimeout]
		if dials+pooled != got.Arrivals || dials < got.Arrivals*70/100 || dials > got.Arrivals*80/100 {
			t.Errorf("%s: of %d attempts, three quarters of which must dial, %d ended as connect_timeout and %d as response_timeout", kind, got.Arrivals, dials, pooled)
		}
	}
}

func TestWhatIsUnderWayComesBackUnlessThatWayIsCut(t *testing.T) {
	for _, c := range []struct {
		kind          FaultKind
		service, body core.Duration
		workers       int
		class         core.Class
	}{
		{PartitionOut, core.Second, 0, 0, core.ClassNone},
		{PartitionOut, core.Second, 0, 1000, core.ClassNone},
		{PartitionOut, 20 * core.Millisecond, core.Second, 0, core.ClassNone},
		{PartitionBack, core.Second, 0, 0, core.ResponseTimeout},
		{PartitionBack, core.Second, 0, 1000, core.ResponseTimeout},
		{PartitionBack, 20 * core.Millisecond, core.Second, 0, core.BodyTimeout},
		{Partition, core.Second, 0, 0, core.ResponseTimeout},
		{Partition, 20 * core.Millisecond, core.Second, 0, core.BodyTimeout},
	} {
		p := cutOff(c.kind, 0)
		p.Backend = Backend{Workers: c.workers, Service: Service{Typical: c.service}, Body: c.body}
		r := mustRun(t, p)
		got := during(&r, 0, 4*sec, 5*sec)
		ended := got.OK
		if c.class != core.ClassNone {
			ended = got.ByClass[c.class]
		}
		if got.Arrivals == 0 || ended < got.Arrivals*9/10 {
			t.Errorf("%s, %d workers, body of %d ms: of %d requests under way %d ended as %s: %v", c.kind, c.workers, c.body/core.Millisecond, got.Arrivals, ended, c.class, got.ByClass)
		}
	}
}

func TestAServerWorksOnWhatReachesItThoughItsAnswersAreLost(t *testing.T) {
	for _, c := range []struct {
		kind FaultKind
		from core.Duration // the fastest answer right after the partition
		to   core.Duration
	}{{PartitionOut, 0, 600}, {PartitionBack, 1500, 3000}} {
		p := cutOff(c.kind, 0)
		p.Spec.Placements[0].Timeouts.ResponseHeader = 5 * core.Second
		// One worker of two requests a second; three a second reach it or do not.
		p.Clients = []Client{{Name: "all", Rate: 3, Keys: []string{"a"}, From: 5 * sec, Until: 10 * sec}}
		p.Backend = Backend{Workers: 1, Service: Service{Typical: 500 * core.Millisecond}}
		r := mustRun(t, p)
		got := during(&r, 0, 9*sec, 10*sec)
		if fastest := got.Latency.Quantile(1) / core.Millisecond; got.OK == 0 || fastest < c.from || fastest > c.to {
			t.Errorf("%s: the fastest of %d answers right after it took %d ms, want %d to %d", c.kind, got.OK, fastest, c.from, c.to)
		}
	}
}
