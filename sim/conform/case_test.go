package conform

import (
	"bytes"
	"strings"
	"testing"

	"lockstep/core"
	"lockstep/traces"
)

func reader(t *testing.T, b []byte) *traces.Reader {
	t.Helper()
	rd, err := traces.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return rd
}

// TestACaseSaysWhatItsTraceSays: what names events instead of numbers, and nothing
// is left out, has the same decisions.
func TestACaseSaysWhatItsTraceSays(t *testing.T) {
	g := Generator{Binary: true}
	for seed := range uint64(30) {
		q, ok := g.Whole(seed)
		if !ok || q.Events > 5000 {
			continue
		}
		c, err := ReadCase(q.Answer, 0)
		if err != nil {
			t.Fatal(err)
		}
		again, err := c.Ask()
		if err != nil {
			t.Fatal(err)
		}
		if c.Steps() != q.Events {
			continue // a router went over to its successor: what was before has no part in it
		}
		if d, steps, err := traces.Compare(reader(t, q.Answer), reader(t, again.Answer)); err != nil || d != nil || steps == 0 {
			t.Errorf("%s: %v after %d steps\n%v", q.Name, err, steps, d)
		}
	}
}

func TestWhatFollowsStillMeansTheSameWhenSomethingBeforeIsGone(t *testing.T) {
	c := &Case{Header: traces.Header{Seed: 3}, first: 1}
	config, err := core.Compile(core.Spec{Version: "v", Keys: []core.KeySpec{{Key: "a", Placement: "p"}}, Placements: []core.PlacementSpec{
		{Name: "p", Endpoints: []core.EndpointSpec{{URL: "http://1"}}, Health: core.HealthSpec{Off: true}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	arrive := func(id int) input {
		in := input{id: id, at: core.Time(id), ev: core.Event{Kind: core.Arrive}, current: true}
		in.req.Key, in.req.ID = "a", [2]uint64{0, uint64(id)}
		return in
	}
	c.inputs = []input{
		{id: 1, ev: core.Event{Kind: core.Adopt, Config: config}},
		arrive(2), arrive(3),
		{id: 4, at: 4, of: 3, ev: core.Event{Kind: core.Finish, Status: 200}},
	}
	for _, without := range []int{0, 1} { // nothing, the first request
		q, err := c.Ask()
		if err != nil {
			t.Fatal(err)
		}
		text, err := printed(q.Answer)
		if err != nil || strings.Contains(string(text), "ignored") || strings.Count(string(text), `"event":"finish"`) != 1 {
			t.Errorf("without %d: the finish ends nothing: %v\n%s", without, err, text)
		}
		c.inputs = append(c.inputs[:1:1], c.inputs[2:]...)
	}
}

func TestShrinkingEndsWithWhatIsNeeded(t *testing.T) {
	g := Generator{Binary: true}
	var q Question
	for seed := uint64(1); ; seed++ {
		var ok bool
		if q, ok = g.Whole(seed); ok && q.Events < 3000 && strings.Contains(answerText(t, q), `"decision":"opened"`) {
			break
		}
	}
	c, err := ReadCase(q.Answer, 0)
	if err != nil {
		t.Fatal(err)
	}
	opens := func(c *Case) bool {
		q, err := c.Ask()
		return err == nil && strings.Contains(answerText(t, q), `"decision":"opened"`)
	}
	small := Shrink(c, opens, func() bool { return true })
	if !opens(small) || small.Steps() > 12 {
		t.Errorf("%d of %d events are left", small.Steps(), c.Steps())
	}
	if spent := Shrink(c, opens, func() bool { return false }); spent.Steps() != c.Steps() {
		t.Error("it goes on although time is over")
	}
}

func answerText(t *testing.T, q Question) string {
	t.Helper()
	text, err := printed(q.Answer)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestAConfigurationIsMadeAsSmallAsWhatIsWrongWithIt(t *testing.T) {
	spec, _ := (&specs{dice: throw(5, 1)}).valid()
	spec.Placements[0].Breaker.Jitter = 2_000_000
	small := ShrinkText(traces.EncodeSpec(&spec), func(text []byte) bool {
		_, err := compiled(text)
		return err != nil && strings.Contains(err.Error(), "jitter")
	}, func() bool { return true })
	if len(small) > 200 || !strings.Contains(string(small), `"jitter":2000000`) {
		t.Errorf("%s", small)
	}
}

func TestADifferenceIsNamedByWhatDiffers(t *testing.T) {
	g := Generator{Binary: true}
	q := g.stream(2)
	for _, c := range []struct {
		kind   string
		tamper Tamper
	}{
		{DiffDecisions, Tamper{Step: func(_ *core.Router, _ *core.Event, out []core.Decision) []core.Decision {
			return append(out, core.Decision{Kind: core.NoteControl, Rule: 13})
		}}},
		{DiffDecisions, Tamper{Step: func(_ *core.Router, _ *core.Event, _ []core.Decision) []core.Decision { return nil }}},
		{DiffDigest, Tamper{Digest: func(_ *core.Router, digest uint64) uint64 { return digest + 1 }}},
		{DiffSnapshot, Tamper{Snapshot: func(r *core.Router) { r.Step(r.Now(), &core.Event{Kind: core.Drain, Deadline: core.Never}, nil) }}},
	} {
		answer, err := Complete(q.Inputs, c.tamper)
		if err != nil {
			t.Fatal(err)
		}
		if d := Judge(&q, false, answer); d == nil || d.Kind != c.kind || d.Step == 0 || d.Event == "" {
			t.Errorf("%s is said to be %v", c.kind, d)
		}
	}
	for kind, answer := range map[string][]byte{
		DiffUnreadable: []byte("LSTRACE"),
		DiffRefused:    nil,
	} {
		if d := Judge(&q, kind == DiffRefused, answer); d == nil || d.Kind != kind {
			t.Errorf("%s is said to be %v", kind, d)
		}
	}
	if d := Judge(&Question{Inputs: []byte("LSTRACE?")}, false, nil); d == nil || d.Kind != DiffAccepted {
		t.Errorf("accepted is said to be %v", d)
	}
	if d := Judge(&q, false, q.Answer); d != nil {
		t.Errorf("equal is said to be %v", d)
	}
}

// TestConfigurationsAreMergedWhileTheyAreCounted: one that stands for two is fewer to go through.
func TestConfigurationsAreMergedWhileTheyAreCounted(t *testing.T) {
	c := &Case{Header: traces.Header{Seed: 3}, first: 1}
	for i := range 6 {
		s := specs{dice: throw(uint64(i), 1)}
		_, config := s.valid()
		c.inputs = append(c.inputs, input{id: i + 1, at: core.Time(i), ev: core.Event{Kind: core.Adopt, Config: config}})
	}
	small := Shrink(c, func(c *Case) bool { return c.Steps() == 6 }, func() bool { return true })
	if n := len(small.configs()); n != 1 {
		t.Errorf("%d configurations are left", n)
	}
}
