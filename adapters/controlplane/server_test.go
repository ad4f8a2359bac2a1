package controlplane

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"lockstep/core"
)

// form2 has what the old form cannot say.
const form2 = `{"version":"s1","routingTable":{"visa":"visa"},"placements":{` +
	`"visa":{"url":"http://127.0.0.1:9001","fallback":"tier1","circuit_breaker":{"failure_threshold":9,"timeout":"7s"},"concurrency_limit":33},` +
	`"tier1":{"url":"http://127.0.0.1:9002"}},"defaultPlacement":"tier1"}`

func serving(t *testing.T, n *network, o ServerOptions) *Server {
	t.Helper()
	o.Log = discard
	s := NewServer(o)
	down := n.serve(s)
	t.Cleanup(func() { s.Close(); down() })
	return s
}

func publish(t *testing.T, s *Server, text string) {
	t.Helper()
	if _, changed, err := s.Publish("test.json", []byte(text)); err != nil || !changed {
		t.Fatalf("publish: changed %v, %v", changed, err)
	}
}

// baselineRouter dials as a router that knows nothing of ours.
func baselineRouter(t *testing.T, n *network, token string) (*websocket.Conn, *http.Response, error) {
	t.Helper()
	h := http.Header{}
	if token != "" {
		h.Set("Authorization", "Bearer "+token)
	}
	conn, response, err := websocket.Dial(t.Context(), "ws://"+address+"/connect", &websocket.DialOptions{HTTPClient: n.client(), HTTPHeader: h})
	if err == nil {
		t.Cleanup(func() { _ = conn.CloseNow() })
	}
	return conn, response, err
}

func read(t *testing.T, conn *websocket.Conn) string {
	t.Helper()
	_, text, err := conn.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func say(t *testing.T, conn *websocket.Conn, text string) {
	t.Helper()
	if err := conn.Write(t.Context(), websocket.MessageText, []byte(text)); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
}

func TestABaselineRouterIsSentTheWholeConfigurationOnConnectAndOnChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n network
		s := serving(t, &n, ServerOptions{})
		publish(t, s, form1("v1"))
		conn, _, err := baselineRouter(t, &n, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, version := range []string{"v1", "v2"} {
			if version == "v2" {
				publish(t, s, form1("v2"))
			}
			want := `{"type":"config_snapshot","version":"` + version + `","routingTable":{"acme":"tier1","visa":"visa"},` +
				`"cellEndpoints":{"tier1":"http://127.0.0.1:9002","visa":"http://127.0.0.1:9001"},"defaultPlacement":"tier1"}`
			if got := read(t, conn); got != want {
				t.Errorf("sent %s\nwant %s", got, want)
			}
		}
		say(t, conn, `{"type":"ack","version":""}`) // as the baseline does (flaw 6)
		say(t, conn, `{"type":"nack","version":"v2","error":"no"}`)
		say(t, conn, `{"type":"hello"}`)
		say(t, conn, `not JSON`)
		got := s.Routers()
		if len(got) != 1 || got[0].Sent != "v2" || got[0].Nacked != "v2" || got[0].Error != "no" || got[0].Answers != 2 {
			t.Errorf("routers: %+v", got)
		}
	})
}

func TestTheNewFormReachesABaselineRouterAsTheOldFormAndOursInFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n network
		s := serving(t, &n, ServerOptions{})
		publish(t, s, form2)
		conn, _, err := baselineRouter(t, &n, "")
		if err != nil {
			t.Fatal(err)
		}
		var old struct {
			Version, DefaultPlacement string
			RoutingTable              map[string]string
			CellEndpoints             map[string]string
		}
		if err := json.Unmarshal([]byte(read(t, conn)), &old); err != nil {
			t.Fatal(err)
		}
		wantEndpoints := map[string]string{"visa": "http://127.0.0.1:9001", "tier1": "http://127.0.0.1:9002"}
		if d := cmp.Diff(wantEndpoints, old.CellEndpoints); d != "" || old.Version != "s1" || old.DefaultPlacement != "tier1" {
			t.Errorf("%+v %s", old, d)
		}

		d := router(t, &n, nil)
		synctest.Wait()
		c, _ := d.Config()
		if c == nil || c.Digest() != mustCompile(t, form2).Digest() {
			t.Fatalf("in force: %q, not what the file says", inForce(d))
		}
		i, _ := c.FindPlacement("visa")
		if p := c.Placement(i); p.Breaker.Failures != 9 || p.Breaker.Open != 7*core.Second || p.Limit.InFlight != 33 || len(p.Candidates) != 2 {
			t.Errorf("settings were lost on the way: %+v", p)
		}
		synctest.Wait()
		if got := s.Routers(); len(got) != 2 || got[1].Acked != "s1" {
			t.Errorf("routers: %+v", got)
		}
	})
}

func TestTenThousandKeysGetThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n network
		s := serving(t, &n, ServerOptions{})
		var keys strings.Builder
		for i := range 10_000 {
			fmt.Fprintf(&keys, `"tenant-%05d":"visa",`, i)
		}
		publish(t, s, strings.Replace(form2, `"routingTable":{`, `"routingTable":{`+keys.String(), 1))
		d := router(t, &n, nil)
		synctest.Wait()
		if c, _ := d.Config(); c == nil || c.Keys() != 10_001 {
			t.Errorf("in force: %q", inForce(d))
		}
	})
}

func TestAnInvalidFileIsNotPublished(t *testing.T) {
	s := NewServer(ServerOptions{Log: discard})
	publish(t, s, form1("v1"))
	for _, text := range []string{"", "{}", strings.Replace(form1("v2"), "http://127.0.0.1:9001", "nowhere", 1)} {
		if _, _, err := s.Publish("bad.json", []byte(text)); err == nil || !strings.Contains(err.Error(), "bad.json") {
			t.Errorf("%q: error %v", text, err)
		}
	}
	if _, changed, err := s.Publish("test.json", []byte(form1("v1"))); changed || err != nil {
		t.Errorf("what is published already: changed %v, %v", changed, err)
	}
}

func TestARouterThatDoesNotReadDelaysNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n network
		s := serving(t, &n, ServerOptions{})
		if _, _, err := baselineRouter(t, &n, ""); err != nil {
			t.Fatal(err)
		}
		publish(t, s, form1("v1"))
		publish(t, s, form1("v2"))
		d := router(t, &n, nil)
		synctest.Wait()
		if inForce(d) != "v2" {
			t.Errorf("in force: %q", inForce(d))
		}
		time.Sleep(writeTimeout + pingEvery + pongTimeout) // virtual
		synctest.Wait()
		if got := s.Routers(); len(got) != 1 {
			t.Errorf("the one that does not read is still there: %+v", got)
		}
	})
}

func TestAVanishedRouterIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n network
		s := serving(t, &n, ServerOptions{})
		publish(t, s, form1("v1"))
		conn, _, err := baselineRouter(t, &n, "")
		if err != nil {
			t.Fatal(err)
		}
		read(t, conn)                                     // and then never again
		time.Sleep(pingEvery + pongTimeout + time.Second) // virtual
		synctest.Wait()
		if got := s.Routers(); len(got) != 0 {
			t.Errorf("routers: %+v", got)
		}
	})
}

func TestAnOversizedAnswerEndsTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n network
		s := serving(t, &n, ServerOptions{})
		conn, _, err := baselineRouter(t, &n, "")
		if err != nil {
			t.Fatal(err)
		}
		go func() { _, _, _ = conn.Read(context.Background()) }()
		_ = conn.Write(t.Context(), websocket.MessageText, make([]byte, 33<<10))
		synctest.Wait()
		if got := s.Routers(); len(got) != 0 {
			t.Errorf("routers: %+v", got)
		}
	})
}

func TestOnlyTheTokenOpensTheDoor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n network
		s := serving(t, &n, ServerOptions{Token: "right"})
		publish(t, s, form1("v1"))
		for _, token := range []string{"", "wrong", "righ", "rightt"} {
			if _, response, err := baselineRouter(t, &n, token); err == nil || response.StatusCode != http.StatusUnauthorized {
				t.Errorf("token %q: %v", token, err)
			}
		}
		if conn, _, err := baselineRouter(t, &n, "right"); err != nil || !strings.Contains(read(t, conn), "v1") {
			t.Errorf("the right token: %v", err)
		}
		d := router(t, &n, func(o *Options) { o.Token = "right" })
		synctest.Wait()
		if inForce(d) != "v1" {
			t.Errorf("in force: %q", inForce(d))
		}
		for path, want := range map[string]int{"/health": 200, "/routers": 401, "/connect": 401} {
			response, err := n.client().Get("http://" + address + path)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if response.StatusCode != want {
				t.Errorf("%s without a token: %d, want %d", path, response.StatusCode, want)
			}
		}
	})
}
