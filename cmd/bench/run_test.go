//go:build linux

package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"
)

// TestMain lets the test binary stand in for the program: a run starts itself as origin and as peer.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "origin" || os.Args[1] == "reverse-proxy") {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestARunMeasuresEveryPeerUnderEveryLoadAndTheTableHasThem(t *testing.T) {
	o := options{
		method: method{conns: 4, size: 100, warm: 50 * time.Millisecond, last: 300 * time.Millisecond, idle: 10},
		peers:  []string{"none", "reverseproxy"}, rates: []int{500, 0}, cores: []int{2}, rounds: 2,
	}
	var progress, table bytes.Buffer
	r, err := o.run(&progress)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Samples) != 8 {
		t.Fatalf("%d samples; two peers, two loads and two rounds are 8", len(r.Samples))
	}
	for _, s := range r.Samples {
		if s.Failed != 0 || s.PerSecond < 100 || s.P50 <= 0 || s.P50 > s.P99 || s.P99 > s.P999 {
			t.Errorf("%+v", s)
		}
		if (s.Peer == "none") != (s.CPU == 0 && s.PeakRSS == 0) {
			t.Errorf("%s: CPU %v us, memory %v MiB", s.Peer, s.CPU, s.PeakRSS)
		}
		if s.Rate == 500 && (s.PerSecond < 400 || s.PerSecond > 600) {
			t.Errorf("%s: %v answers a second of 500 asked", s.Peer, s.PerSecond)
		}
	}
	r.print(&table)
	for _, want := range []string{"**2 cores, 500 requests/s, open loop**", "**2 cores, saturation, closed loop**", "| none | ", "| reverseproxy | ", "- reverseproxy: ", "KiB"} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("the table has no %q:\n%s", want, &table)
		}
	}
}

func TestAPeerThatIsNotThereSaysHowToHaveIt(t *testing.T) {
	for _, c := range []struct{ peer, want string }{
		{"lockstep", "make build"}, {"router-pingora", "make build-pingora"}, {"squid", "no such peer"},
	} {
		o := options{peers: []string{c.peer}, router: "no/such", pingora: "no/such"}
		if _, err := o.run(&bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want an error with %q", c.peer, err, c.want)
		}
	}
}

func TestAServerThatEndsAtOnceIsShownWithItsOwnWords(t *testing.T) {
	_, err := start(t.TempDir(), "liar", "", "127.0.0.1:1", []string{"sh", "-c", "echo no such option; exit 3"})
	if err == nil || !strings.Contains(err.Error(), "no such option") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("%v", err)
	}
}
