package routing

import (
	"net/http"
	"testing"

	"lockstep/adapters/settings"
	"lockstep/core"
)

func TestATrustedPeerSaysHowCriticalARequestIsAndNobodyElse(t *testing.T) {
	own := &settings.Priority{Header: "X-Priority", Default: 3}
	rfc := &settings.Priority{Header: "Priority", Default: 3}
	trusted := Peer{Judged: true, Trusted: true}
	for _, c := range []struct {
		setting *settings.Priority
		peer    Peer
		said    []string
		want    uint8
	}{
		{nil, trusted, []string{"7"}, 0},
		{own, trusted, []string{"0"}, 0},
		{own, trusted, []string{" 7 "}, 7},
		{own, trusted, []string{"8"}, 3},
		{own, trusted, []string{"-1"}, 3},
		{own, trusted, []string{"high"}, 3},
		{own, trusted, []string{""}, 3},
		{own, trusted, []string{"0", "7"}, 3},
		{own, trusted, nil, 3},
		{own, Peer{Judged: true}, []string{"0"}, 3},
		{own, Peer{Trusted: true}, []string{"0"}, 3},
		{own, Peer{}, []string{"0"}, 3},
		{rfc, trusted, []string{"u=1"}, 1},
		{rfc, trusted, []string{"u=5, i"}, 5},
		{rfc, trusted, []string{"i, u=0;x=1"}, 0},
		{rfc, trusted, []string{"u=1, u=6"}, 6},
		{rfc, trusted, []string{"i"}, 3},
		{rfc, trusted, []string{"u=9"}, 3},
		{rfc, trusted, []string{"5"}, 3},
		{rfc, Peer{}, []string{"u=0"}, 3},
	} {
		h := http.Header{}
		if c.said != nil {
			h[headerOf(c.setting)] = c.said
		}
		if got := priorityOf(c.setting, h, &c.peer); got != c.want {
			t.Errorf("%+v from %+v says %q: priority %d, want %d", c.setting, c.peer, c.said, got, c.want)
		}
	}
}

func headerOf(s *settings.Priority) string {
	if s == nil {
		return "X-Priority"
	}
	return s.Header
}

func TestAConfigurationWithoutRoutesMayStillSayWhereThePriorityIs(t *testing.T) {
	c, err := core.Compile(core.Spec{
		Version: "1", Edge: settings.Whole{Priority: &settings.Priority{Header: "X-Priority", Default: 2}}.Text(),
		Placements: []core.PlacementSpec{{Name: "a", Endpoints: []core.EndpointSpec{{URL: "http://a"}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := New(Options{Peer: func(*http.Request) Peer { return Peer{Judged: true, Trusted: true} }})
	defer r.Close()
	var f Found
	req := &http.Request{Header: http.Header{"X-Priority": {"1"}, HeaderKey: {"acme"}}}
	if r.Find(c, req, &f); f.Priority != 1 || f.Key != "acme" || !f.Plain() {
		t.Errorf("found %+v", f)
	}
	req.Header = http.Header{}
	if r.Find(c, req, &f); f.Priority != 2 {
		t.Errorf("found %+v", f)
	}
}
