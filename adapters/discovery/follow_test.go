package discovery_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/adapters/discovery"
	"lockstep/core"
)

// world is a name service whose answers change with the virtual time.
type world struct {
	begin time.Time
	asked map[string][]time.Duration
	told  []string // what was handed over, and when
	at    []time.Duration
}

// follow runs the follower for a while over answers(host, time).
func follow(t *testing.T, names map[string]discovery.Name, known map[string][]core.EndpointSpec, d time.Duration, answers func(host string, at time.Duration) (string, time.Duration, error)) *world {
	w := &world{asked: map[string][]time.Duration{}}
	synctest.Test(t, func(t *testing.T) {
		w.begin = time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), d)
		defer cancel()
		requests := make(chan string, 1) // a lock that synctest sees
		requests <- ""
		discovery.Run(ctx, discovery.Options{
			Names: names, Known: known,
			Lookup: func(_ context.Context, n discovery.Name) (a discovery.Answer, err error) {
				<-requests
				defer func() { requests <- "" }()
				at := time.Since(w.begin)
				w.asked[n.Host] = append(w.asked[n.Host], at)
				list, ttl, err := answers(n.Host, at)
				for _, e := range strings.Fields(list) {
					a.Endpoints = append(a.Endpoints, core.EndpointSpec{URL: e})
				}
				a.TTL = ttl
				return a, err
			},
			Found: func(found map[string][]core.EndpointSpec) {
				text := ""
				for _, p := range []string{"p", "q"} {
					if len(found[p]) > 0 {
						text += fmt.Sprint(p, "=", strings.Join(plain(found[p]), ","), " ")
					}
				}
				w.told, w.at = append(w.told, strings.TrimSpace(text)), append(w.at, time.Since(w.begin))
			},
		})
	})
	return w
}

func one() map[string]discovery.Name { return map[string]discovery.Name{"p": {Host: "p"}} }

func TestANameIsAskedForAgainWhenItsAnswerEnds(t *testing.T) {
	for ttl, want := range map[time.Duration]int{0: 60, time.Second: 60, 10 * time.Second: 6, 20 * time.Second: 3, time.Hour: 1} {
		w := follow(t, one(), nil, 59*time.Second, func(string, time.Duration) (string, time.Duration, error) { return "a", ttl, nil })
		if len(w.asked["p"]) != want || len(w.told) != 1 {
			t.Errorf("ttl %v: asked %d times, told %v", ttl, len(w.asked["p"]), w.told)
		}
	}
	w := follow(t, one(), nil, 59*time.Minute, func(string, time.Duration) (string, time.Duration, error) { return "a", 24 * time.Hour, nil })
	if len(w.asked["p"]) != 12 {
		t.Errorf("a day's answer is asked for %d times in an hour, want every 5 minutes", len(w.asked["p"]))
	}
}

func TestTheLastGoodAnswerIsKeptForEver(t *testing.T) {
	w := follow(t, one(), nil, 24*time.Hour, func(_ string, at time.Duration) (string, time.Duration, error) {
		switch {
		case at < time.Minute:
			return "a b", 10 * time.Second, nil
		case at < 2*time.Hour:
			return "", time.Second, errors.New("no answer")
		case at < 4*time.Hour:
			return "", time.Second, nil
		case at < 6*time.Hour:
			return "a b", 10 * time.Second, nil // as before: no change
		}
		return "b", 5 * time.Minute, nil
	})
	if len(w.told) != 2 || w.told[0] != "p=a,b" || w.told[1] != "p=b" || w.at[1] > 6*time.Hour+10*time.Second {
		t.Errorf("told %v at %v", w.told, w.at)
	}
	// 1, 2, 4, 8, 16 s, then every 30 s.
	if n := len(w.asked["p"]); n > 24*60*60/30+100 {
		t.Errorf("asked %d times", n)
	}
}

func TestFlappingAnswersAreHandedOverAtMostOnceASecond(t *testing.T) {
	names := map[string]discovery.Name{"p": {Host: "p"}, "q": {Host: "q"}}
	w := follow(t, names, nil, 30*time.Second, func(host string, at time.Duration) (string, time.Duration, error) {
		if host == "q" && at == 0 {
			time.Sleep(300 * time.Millisecond) // q changes between the changes of p
		}
		return fmt.Sprint(host, at/time.Second%2), 0, nil
	})
	if len(w.told) < 20 {
		t.Errorf("only %d changes were handed over: %v", len(w.told), w.told)
	}
	for i := 1; i < len(w.at); i++ {
		if gap := w.at[i] - w.at[i-1]; gap < time.Second {
			t.Errorf("%v between %q and %q", gap, w.told[i-1], w.told[i])
		}
	}
}

func TestWhatIsKnownAlreadyIsNotTold(t *testing.T) {
	known := map[string][]core.EndpointSpec{"p": {{URL: "a"}}}
	w := follow(t, one(), known, time.Minute, func(string, time.Duration) (string, time.Duration, error) { return "a", time.Second, nil })
	if len(w.told) != 0 {
		t.Errorf("told %v", w.told)
	}
}

func TestAllSaysWhatWasFoundAndWhatWasNot(t *testing.T) {
	found, failed := discovery.All(t.Context(), map[string]discovery.Name{"a": {Host: "a"}, "b": {Host: "b"}, "c": {Host: "c"}},
		func(_ context.Context, n discovery.Name) (a discovery.Answer, err error) {
			switch n.Host {
			case "a":
				a.Endpoints = []core.EndpointSpec{{URL: "x"}}
			case "b":
				err = errors.New("broken")
			}
			return a, err
		})
	if len(found) != 1 || len(found["a"]) != 1 || len(failed) != 2 || failed["b"].Error() != "broken" || failed["c"] == nil {
		t.Errorf("%v %v", found, failed)
	}
}
