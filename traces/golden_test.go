package traces_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lockstep/core"
	"lockstep/traces"
)

// golden is a small trace, printed: the contract of the printed view.
const golden = `{"lockstep":1,"spec":"1","name":"golden","seed":1,"config":"3428c8713aec8af2","flags":["test"],"why":"R6: one failure opens"}
{"config":"3428c8713aec8af2","spec":{"version":"v1","keys":{"visa":"visa"},"placements":[{"name":"visa","endpoints":[{"url":"http://a:1"}],"breaker":{"failures":1},"health":{"off":true}}]}}
{"block":1,"step":1,"t":0,"digest":"c5f4289336ab2808","snapshot":"AQEAAAAAAAAA//////////9/AAAA"}
{"step":1,"t":0,"event":"adopt","config":"3428c8713aec8af2","origin":"control_plane"}
{"decision":"adopted","rule":12,"epoch":1}
{"decision":"ack","rule":12,"epoch":1}
{"step":2,"t":1000000000,"event":"arrive","key":"visa","id":"9e3779b97f4a7c15fffffffffffffffe","epoch":1,"method":"idempotent","length":-1,"priority":1}
{"decision":"forward","rule":3,"placement":0,"endpoint":0,"gen":1,"reason":"dedicated","circuit":"closed"}
{"step":3,"t":1000000000,"event":"arrive","key":"\"no\udcffbody\"","id":"3c6ef372fe94f82afffffffffffffffd","epoch":1,"method":"other","refuse":"unknown_key"}
{"decision":"reject","rule":1,"class":"unknown_key","status":421}
{"step":4,"t":1000000001,"event":"finish","gen":1,"class":"connect_timeout"}
{"decision":"opened","rule":6,"placement":0,"endpoint":0,"until":31000000001}
{"step":5,"t":1000000001,"event":"drain","deadline":1000000008}
{"decision":"draining","rule":14,"until":1000000008}
{"step":6,"t":1000000010,"event":"tick"}
{"decision":"drained","rule":14,"at":1000000008}
{"digest":"cbe6c3584f72fc9d"}
`

func TestThePrintedViewIsStable(t *testing.T) {
	c, err := core.Compile(core.Spec{Version: "v1", Keys: []core.KeySpec{{Key: "visa", Placement: "visa"}}, Placements: []core.PlacementSpec{
		{Name: "visa", Endpoints: []core.EndpointSpec{{URL: "http://a:1"}}, Breaker: core.BreakerSpec{Failures: 1}, Health: core.HealthSpec{Off: true}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := &world{router: core.New(core.Options{Seed: 1})}
	tw := traces.NewWriter(&b, traces.NDJSON, traces.Header{Name: "golden", Seed: 1, Flags: []string{"test"}, Why: "R6: one failure opens", Config: c.Digest()}, w.router)
	w.observe = tw.Observe
	w.step(core.Event{Kind: core.Adopt, Config: c, Origin: core.OriginControl}, nil)
	w.now = core.Time(core.Second)
	w.arrive("visa", -1)
	w.arrive("\"no\xffbody\"", 0)
	w.now++
	w.finish(0, core.ConnectTimeout, 0)
	w.step(core.Event{Kind: core.Drain, Deadline: w.now + 7}, nil)
	w.now += 9
	w.step(core.Event{Kind: core.Tick}, nil)
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(golden, b.String()); d != "" {
		t.Errorf("the printed view has changed; that breaks every reader (-want +got):\n%s\n%s", d, b.String())
	}
}
