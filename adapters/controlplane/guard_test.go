package controlplane

import (
	"strings"
	"testing"
	"testing/synctest"
)

// guardedForm routes both keys to p, under guards.
const guardedForm = `{"lockstep":1,"version":"v1","control_plane":{"refuse_push_over":{}},"keys":{"acme":"p","visa":"p"},"placements":{` +
	`"p":{"endpoints":{"a":{"url":"http://127.0.0.1:9001"}}},"q":{"endpoints":{"a":{"url":"http://127.0.0.1:9002"}}}}}`

func TestAGuardedPushIsRefusedInWordsAndTakenOnceItIsMarked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n network
		s := serving(t, &n, ServerOptions{})
		publish(t, s, guardedForm)
		var seen story
		d := routerSeenBy(t, &n, &seen, nil)
		synctest.Wait()
		absurd := strings.NewReplacer("v1", "v2", `"acme":"p"`, `"acme":"q"`).Replace(guardedForm)
		publish(t, s, absurd)
		synctest.Wait()
		got := s.Routers()[0]
		if inForce(d) != "v1" || got.Nacked != "v2" || !strings.HasPrefix(got.Error, "keys_rerouted: 50% of the keys would be served elsewhere, more than control_plane.refuse_push_over") {
			t.Errorf("in force %q, router %+v", inForce(d), got)
		}
		for _, marked := range []string{"v1", "v2"} { // the mark of another version is none
			if _, changed, err := s.PublishMarked("test.json", []byte(absurd), marked); err != nil || changed != (marked == "v2") {
				t.Errorf("marked %s: changed %v, %v", marked, changed, err)
			}
			synctest.Wait()
			if inForce(d) != marked {
				t.Errorf("marked %s: in force %q", marked, inForce(d))
			}
		}
		if got := s.Routers()[0]; got.Acked != "v2" || got.Nacked != "" {
			t.Errorf("router %+v", got)
		}
		want := "control up=true\nadopt from control_plane: ack none\nadopt from control_plane: nack keys_rerouted\nadopt from control_plane: ack none"
		if lines := strings.Join(seen.lines, "\n"); lines != want {
			t.Errorf("recorded\n%s", lines)
		}
	})
}

func TestABaselineControlPlaneMayMarkAPushToo(t *testing.T) {
	p, err := decodePush([]byte(strings.Replace(oldPush("v2"), "{", `{"deliberate":true,`, 1)))
	if err != nil || !p.deliberate || strings.Contains(string(p.body), "deliberate") {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := compile("push", p.body); err != nil {
		t.Error(err)
	}
}
